/*
 * retract.c - retracted messages become tombstones (XEP-0424 section 5.2).
 *
 * A retraction names its message by the id that the author gave it, by which archives have no
 * order: it is looked for among the last messages with that contact. One of an account at a time,
 * and so many for all: what is beyond keeps its words, and the retraction is there anyway.
 */
#include "mam.h"

#define PAGE 50
#define PAGES_MOST 20
#define WAITING_MOST 64 /* of an account */

struct retraction {
	struct retraction *next;
	struct mam *mam;
	char *user, *with;             /* whose archive, and with whom: bare */
	char *author;                  /* bare */
	char *target, *id;             /* of the retracted message, of the retraction */
	char before[PC_ENTRY_ID_SIZE]; /* the page that is looked at ends there; "": the last page
	                                */
	int64_t when;
	int pages;
	bool running;
};

static void look(struct retraction *r);

static struct retraction *of_user(struct mam *mam, const char *user, size_t *n_r)
{
	struct retraction *first = NULL;

	*n_r = 0;
	for (struct retraction *r = mam->retractions; r; r = r->next) {
		if (strcmp(r->user, user) != 0)
			continue;
		if (first == NULL)
			first = r;
		++*n_r;
	}
	return first;
}

static void retraction_free(struct retraction *r)
{
	free(r->user);
	free(r->with);
	free(r->author);
	free(r->target);
	free(r->id);
	free(r);
}

static void end(struct retraction *r)
{
	struct retraction **at = &r->mam->retractions, *next;
	size_t n;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	next = of_user(r->mam, r->user, &n);
	retraction_free(r);
	if (next)
		look(next);
}

/* ------------------------------------------------------------ the message itself */

static bool is_of(const char *jid, const char *bare)
{
	size_t len = strlen(bare);

	return jid && strncmp(jid, bare, len) == 0 && (jid[len] == '\0' || jid[len] == '/');
}

/* Retractions themselves stay, or nobody would learn of them. */
static bool is_target(const struct retraction *r, const pc_stanza *st)
{
	const char *id = pc_stanza_get(st, "id");

	return id && strcmp(id, r->target) == 0 && is_of(pc_stanza_get(st, "from"), r->author) &&
	       !pc_stanza_child(st, "retracted", NS_RETRACT) &&
	       !pc_stanza_child(st, "retract", NS_RETRACT);
}

static void bury(struct retraction *r, const char *entry, const pc_stanza *st)
{
	pc_stanza *stone = pc_stanza_message(pc_stanza_get(st, "type"), pc_stanza_get(st, "to"),
	                                     pc_stanza_get(st, "from"));
	pc_stanza *retracted = pc_stanza_open(stone, "retracted", NS_RETRACT);
	char stamp[PC_DATETIME_SIZE], *text;
	size_t len;

	pc_stanza_set(stone, "id", r->target);
	pc_datetime_write(r->when, stamp);
	pc_stanza_set(retracted, "stamp", stamp);
	pc_stanza_set(retracted, "id", r->id);
	text = pc_stanza_write(stone, &len);
	pc_archive_replace(r->mam->archive, r->user, entry, text, len, NULL, NULL);
	pc_metric_add(r->mam->tombstones, 1);
	free(text);
	pc_stanza_free(&stone);
}

static bool bury_if(struct retraction *r, const pc_entry *e)
{
	pc_stanza *st = pc_stanza_parse(e->value, e->len);
	bool found = st && is_target(r, st);

	if (found)
		bury(r, e->id, st);
	pc_stanza_free(&st);
	return found;
}

/* ------------------------------------------------------------ looking for it */

static void on_page(int err, const pc_found *found, void *data)
{
	struct retraction *r = data;

	for (size_t i = 0; i < found->n && !err; i++) {
		if (bury_if(r, &found->entries[i])) {
			end(r);
			return;
		}
	}
	if (err || !found->more || found->n == 0 || ++r->pages == PAGES_MOST) {
		end(r);
		return;
	}
	memcpy(r->before, found->entries[found->n - 1].id,
	       strlen(found->entries[found->n - 1].id) + 1);
	look(r);
}

static void look(struct retraction *r)
{
	r->running = true;
	pc_archive_search(r->mam->archive, r->user,
	                  &(pc_search){ .size = sizeof(pc_search),
	                                .query = { .with = r->with,
	                                           .before = r->before[0] ? r->before : NULL,
	                                           .limit = PAGE,
	                                           .reverse = true } },
	                  on_page, r);
}

static char *bare_of(const pc_jid *jid)
{
	char bare[PC_JID_MAX + 1];

	pc_jid_write_bare(jid, bare);
	return mam_copy(bare);
}

void retract(struct mam *mam, const char *user, const pc_stanza *st, const pc_jid *author,
             const pc_jid *with)
{
	const char *target = pc_stanza_get(pc_stanza_child(st, "retract", NS_RETRACT), "id");
	struct retraction *r, **at = &mam->retractions;
	size_t n;
	bool first = of_user(mam, user, &n) == NULL;

	if (target == NULL || pc_stanza_get(st, "id") == NULL || n >= WAITING_MOST ||
	    pc_stanza_type(st) == PC_TYPE_ERROR)
		return;
	r = mam_alloc(sizeof(*r));
	*r = (struct retraction){ .mam = mam,
		                  .user = mam_copy(user),
		                  .with = bare_of(with),
		                  .author = bare_of(author),
		                  .target = mam_copy(target),
		                  .id = mam_copy(pc_stanza_get(st, "id")),
		                  .when = pc_time_ms() };
	while (*at)
		at = &(*at)->next;
	*at = r;
	if (first)
		look(r);
}

/* Of a module that is replaced they are carried out in its old code. */
void retract_unload(struct mam *mam)
{
	while (mam->retractions && !mam->replaced) {
		struct retraction *r = mam->retractions;

		mam->retractions = r->next;
		retraction_free(r);
	}
}

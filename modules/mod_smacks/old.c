/*
 * old.c - how far sessions had come that are no more (XEP-0198 section 5: <failed/> may have an h).
 *
 * Kept for each account under the digests of tokens, so that what is stored resumes nothing:
 * "H TIME". The oldest go when there are more than smacks_max_old_sessions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smacks.h"

#define KEY (2 * SM_DIGEST + 1)

/* ------------------------------------------------------------ keeping */

struct keeping {
	struct smacks *x;
	uint32_t h;
	char key[KEY];
	char user[];
};

static int64_t time_of(const pc_item *item)
{
	const char *space = strchr(item->value, ' ');

	return space ? strtoll(space + 1, NULL, 10) : 0;
}

/* Of the n, the one that is to go, or NULL. */
static const pc_item *oldest(const pc_item *items, size_t n, int64_t most)
{
	const pc_item *first = NULL;

	for (size_t i = 0; (int64_t)n >= most && i < n; i++)
		if (first == NULL || time_of(&items[i]) < time_of(first))
			first = &items[i];
	return first;
}

static void on_items(int err, const pc_item *items, size_t n, void *data)
{
	struct keeping *k = data;
	int64_t most = pc_opt_int(k->x->m, "smacks_max_old_sessions");
	const pc_item *gone = oldest(items, n, most);
	char text[48];
	pc_item changes[2] = { { k->key, text, 0 }, { gone ? gone->key : NULL, NULL, 0 } };

	changes[0].len =
	        (size_t)snprintf(text, sizeof(text), "%u %lld", k->h, (long long)pc_time_ms());
	if (err == PC_OK)
		pc_store_set_keys(k->x->old, k->user, changes, gone ? 2 : 1, NULL, NULL);
	pc_module_free(k->x->m, k);
}

void old_keep(struct smacks *x, const pc_session *s, const struct sm *sm)
{
	size_t size = strlen(s->username) + 1;
	struct keeping *k;

	if (pc_opt_int(x->m, "smacks_max_old_sessions") == 0)
		return;
	k = pc_module_alloc(x->m, sizeof(*k) + size);
	k->x = x;
	k->h = pc_session_safe(s);
	pc_hex_encode(sm->digest, SM_DIGEST, k->key);
	memcpy(k->user, s->username, size);
	pc_store_get(x->old, k->user, on_items, k);
}

/* ------------------------------------------------------------ telling */

struct telling {
	struct smacks *x;
	pc_token event;
	char key[KEY];
};

static void tell(struct telling *t, pc_event *ev, const pc_session *s, const pc_item *item)
{
	char h[16];

	if (item == NULL) {
		resume_refuse(t->x, ev, s, "item-not-found", NULL);
		return;
	}
	snprintf(h, sizeof(h), "%.*s", (int)strcspn(item->value, " "), item->value);
	resume_refuse(t->x, ev, s, "item-not-found", h);
	pc_store_set_keys(t->x->old, s->username, &(pc_item){ .key = t->key }, 1, NULL, NULL);
}

static void on_item(int err, const pc_item *items, size_t n, void *data)
{
	struct telling *t = data;
	pc_event *ev = pc_token_event(t->event);
	const pc_session *s = ev ? pc_event_origin(ev) : NULL;

	if (s && pc_session_stream(s))
		tell(t, ev, s, err == PC_OK && n > 0 ? &items[0] : NULL);
	resume_settle(t->x, t->event);
	pc_module_free(t->x->m, t);
}

void old_answer(struct smacks *x, const pc_session *s, const char *token, pc_token event)
{
	struct telling *t = pc_module_alloc(x->m, sizeof(*t));
	uint8_t digest[SM_DIGEST];

	t->x = x;
	t->event = event;
	smacks_digest(token, digest);
	pc_hex_encode(digest, SM_DIGEST, t->key);
	pc_store_get_key(x->old, s->username, t->key, on_item, t);
}

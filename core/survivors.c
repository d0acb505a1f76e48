#include "survivors.h"

#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "log.h"
#include "metrics.h"
#include "modules.h"
#include "turns.h"
#include "util/mem.h"

static struct pc__survivor *changed, **changed_end = &changed;
static size_t n_kept;

/* ------------------------------------------------------------ what changed */

static void list(struct pc__survivor *v)
{
	if (v->listed)
		return;
	v->listed = true;
	v->next_changed = NULL;
	*changed_end = v;
	changed_end = &v->next_changed;
}

static bool is_recorded(const struct pc__session *s)
{
	return s->survivor && !s->survivor->lost;
}

/* A session without a full JID is nobody's yet: what changes then is written when it has one. */
static void note(struct pc__survivor *v, unsigned what)
{
	v->changed |= (uint8_t)what;
	if (v->s && v->s->user)
		list(v);
}

/* The one that there is, or a new one; NULL: it is not recorded. */
static struct pc__survivor *survivor_of(struct pc__session *s)
{
	if (pc__turns_journal() == NULL || s->pub.type > PC_C2S)
		return NULL;
	if (s->survivor)
		return s->survivor->lost ? NULL : s->survivor;
	return pc__survivor_new(s);
}

void pc__survivor_presence(struct pc__session *s)
{
	struct pc__survivor *v;

	if (s->survivor == NULL && s->pub.presence == NULL)
		return;
	v = survivor_of(s);
	if (v)
		note(v, PC__CHANGED_PRESENCE);
}

void pc__survivor_facts(struct pc__session *s)
{
	if (is_recorded(s) && pc__turns_journal())
		note(s->survivor, PC__CHANGED_FACTS);
}

static void no_longer_kept(struct pc__survivor *v)
{
	if (v->keeper == NULL)
		return;
	v->keeper = NULL;
	n_kept--;
}

/* Nothing of it counts any more; that this is so has still to be written. */
static void end(struct pc__survivor *v)
{
	no_longer_kept(v);
	pc__survivor_release(v);
	v->lost = true;
	list(v);
}

static void lose(struct pc__survivor *v)
{
	static bool said;

	pc__bound_reached(PC__BOUND_JOURNAL);
	if (!said)
		pc__log("survivors", PC_WARN,
		        "the journal is full (journal_max_size): %s and maybe others will end "
		        "with the process",
		        v->s->pub.full_jid);
	said = true;
	end(v);
}

void pc__survivor_gone(struct pc__session *s)
{
	struct pc__survivor *v = s->survivor;

	if (v == NULL)
		return;
	s->survivor = NULL;
	v->s = NULL;
	if (pc__turns_journal() && (v->facts.place || v->listed)) {
		end(v);
		return;
	}
	pc__survivor_release(v);
	if (!v->listed)
		pc__survivor_free(v);
}

/* False: it stays in the list, for later. */
static bool write_one(struct pc__survivor *v)
{
	if (!v->lost && v->s && !pc__survivor_write(v))
		lose(v);
	if (v->lost && !pc__survivor_write_gone(v))
		return false;
	return true;
}

void pc__survivors_write(void)
{
	struct pc__survivor *v = changed;

	changed = NULL;
	changed_end = &changed;
	for (struct pc__survivor *next; v; v = next) {
		next = v->next_changed;
		v->listed = true; /* what is lost meanwhile is written here */
		if (!write_one(v)) {
			v->listed = false;
			list(v);
			continue;
		}
		v->listed = false;
		if (v->s == NULL)
			pc__survivor_free(v);
	}
}

size_t pc__survivors_kept(void)
{
	return n_kept;
}

bool pc__survivor_is_kept(const struct pc__session *s)
{
	return is_recorded(s) && s->survivor->keeper && pc__turns_journal();
}

/* ------------------------------------------------------------ places */

static bool is_at(const struct pc__placed *at, uint64_t place)
{
	return at->place == place;
}

static uint64_t *place_of_blob(struct pc__survivor *v, uint64_t place)
{
	for (struct pc__survivor_blob *b = v->blobs; b; b = b->next)
		if (is_at(&b->at, place))
			return &b->at.place;
	return NULL;
}

/* Of this series, and not acknowledged. */
static bool is_unacked(const struct pc__survivor *v, const struct pc__record *r)
{
	struct pc__rec_out head;

	memcpy(&head, r->bytes, sizeof(head));
	return v->keeper && r->series == v->series && head.n - v->acked - 1 < v->out - v->acked;
}

uint64_t *pc__survivor_place(const struct pc__record *r, uint64_t place, uint64_t *frame)
{
	struct pc__survivor *v = pc__survivor_find(r->number);

	if (v == NULL || v->lost)
		return NULL;
	switch (r->type) {
	case PC__REC_FACTS:
		return is_at(&v->facts, place) ? &v->facts.place : NULL;
	case PC__REC_PRESENCE:
		return is_at(&v->presence, place) ? &v->presence.place : NULL;
	case PC__REC_COUNTS:
		return is_at(&v->counts, place) ? &v->counts.place : NULL;
	case PC__REC_BLOB:
		return place_of_blob(v, place);
	default:
		return is_unacked(v, r) ? frame : NULL;
	}
}

/* ------------------------------------------------------------ modules' data */

static struct pc__survivor_blob *find_blob(struct pc__survivor *v, const char *module)
{
	struct pc__survivor_blob *b = v->blobs;

	while (b && strcmp(b->module, module) != 0)
		b = b->next;
	return b;
}

static struct pc__survivor_blob *blob_of(struct pc__survivor *v, const char *module)
{
	struct pc__survivor_blob *b = find_blob(v, module);
	size_t size = strlen(module) + 1;

	if (b)
		return b;
	b = pc__alloc(sizeof(*b) + size);
	memcpy(b->module, module, size);
	b->next = v->blobs;
	v->blobs = b;
	return b;
}

void pc_session_changed(const pc_session *session, pc_module *m)
{
	struct pc__survivor *v = survivor_of(pc__session_of(session));

	if (v == NULL)
		return;
	blob_of(v, m->def->name)->changed = true;
	note(v, 0);
}

/* What stands in the log of it is ended by an empty one. */
static void drop_blob(struct pc__survivor *v, struct pc__survivor_blob *b)
{
	struct pc__survivor_blob **at = &v->blobs;

	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	if (b->at.place)
		pc__survivor_write_removed(v, b);
	pc__placed_release(&b->at);
	free(b);
}

static bool drop_one(const pc_session *session, void *data)
{
	struct pc__session *s = pc__session_of(session);
	struct pc__survivor *v = s->survivor;
	const pc_module *m = data;
	struct pc__survivor_blob *b;

	if (!is_recorded(s))
		return true;
	b = find_blob(v, m->def->name);
	if (b)
		drop_blob(v, b);
	if (v->keeper && strcmp(v->keeper, m->def->name) == 0)
		pc_journal_forget(session);
	return true;
}

void pc__survivors_drop(const pc_module *m)
{
	if (pc__turns_journal())
		pc_each_session(m->host, drop_one, (void *)(uintptr_t)m);
}

/* ------------------------------------------------------------ the keeper */

static struct pc__survivor *kept(const pc_session *session)
{
	struct pc__session *s = pc__session_of(session);

	return pc__survivor_is_kept(s) ? s->survivor : NULL;
}

/* Frames of before count no more: they belong to another series. */
int pc_journal_keep(pc_module *m, const pc_session *s)
{
	struct pc__survivor *v = survivor_of(pc__session_of(s));

	if (v == NULL)
		return PC_ENOTSUP;
	if (v->keeper == NULL)
		n_kept++;
	pc__survivor_release_frames(v, v->out);
	v->keeper = m->def->name;
	v->series++;
	v->in = v->acked = v->out = 0;
	note(v, PC__CHANGED_FACTS | PC__CHANGED_COUNTS);
	pc_session_data(s, m);
	pc_session_changed(s, m);
	return PC_OK;
}

void pc_journal_forget(const pc_session *s)
{
	struct pc__survivor *v = kept(s);

	if (v == NULL)
		return;
	no_longer_kept(v);
	pc__survivor_release_frames(v, v->out);
	note(v, PC__CHANGED_FACTS | PC__CHANGED_COUNTS);
}

void pc_journal_out(const pc_session *s, pc_frame *frame, int64_t when_ms)
{
	struct pc__survivor *v = kept(s);

	if (v == NULL)
		return;
	if (!pc__survivor_write_frame(v, v->out + 1, frame, when_ms)) {
		lose(v);
		return;
	}
	v->out++;
	note(v, PC__CHANGED_COUNTS);
}

void pc_journal_acked(const pc_session *s, uint32_t h)
{
	struct pc__survivor *v = kept(s);

	if (v == NULL || h - v->acked > v->out - v->acked)
		return;
	pc__survivor_release_frames(v, h);
	note(v, PC__CHANGED_COUNTS);
}

void pc_journal_in(const pc_session *s, uint32_t h)
{
	struct pc__survivor *v = kept(s);

	if (v == NULL)
		return;
	v->in = h;
	note(v, PC__CHANGED_COUNTS);
}

void pc_journal_state_of(const pc_session *session, pc_journal_state *state_r)
{
	const struct pc__survivor *v = pc__session_of(session)->survivor;

	*state_r = (pc_journal_state){ .died_ms = pc__survivors_died_ms() };
	if (v == NULL)
		return;
	state_r->in = v->in;
	state_r->acked = v->acked;
	state_r->out = v->out;
	state_r->kept = v->keeper != NULL;
}

/* ------------------------------------------------------------ from the process before */

static struct pc__placed placed(const struct pc__past_record *at)
{
	return (struct pc__placed){ at->r ? at->place : 0, at->r ? at->r->len : 0 };
}

static void adopt_blobs(struct pc__survivor *v, const struct pc__past_session *past)
{
	for (size_t i = 0; i < past->n_blobs; i++) {
		const char *bytes, *name;
		uint32_t version;
		size_t len;

		name = pc__past_blob(&past->blobs[i], &version, &bytes, &len);
		blob_of(v, name)->at = placed(&past->blobs[i]);
	}
}

void pc__survivor_adopt(struct pc__session *s, struct pc__past_session *past)
{
	struct pc__survivor *v;

	v = pc__survivor_enter(s, past->number);
	v->past = past;
	v->facts = placed(&past->facts_at);
	v->presence = placed(&past->presence_at);
	v->counts = placed(&past->counts_at);
	v->series = past->series;
	v->in = past->counts.in;
	v->acked = v->out = past->counts.acked;
	if (past->kept) {
		v->keeper = past->facts[PC__FACT_KEEPER];
		n_kept++;
	}
	for (size_t i = 0; i < past->n_outs; i++)
		pc__survivor_adopt_frame(v, past->outs[i].record.r->len);
	adopt_blobs(v, past);
}

void pc__survivor_unchanged(struct pc__session *s)
{
	s->survivor->changed = 0;
}

void pc__survivor_set_keeper(struct pc__session *s, const pc_module *m)
{
	s->survivor->keeper = m->def->name;
}

const struct pc__past_session *pc__survivor_past(const struct pc__session *s)
{
	return s->survivor ? s->survivor->past : NULL;
}

/* Its records were counted when they were read. */
void pc__survivor_refuse(const struct pc__past_session *past)
{
	struct pc__session nobody = { 0 };

	pc__survivor_adopt(&nobody, (struct pc__past_session *)(uintptr_t)past);
	pc__survivor_gone(&nobody);
}

/*
 * survivor_records.c - the records of a session (store/past.h says what they hold).
 */
#include <stdlib.h>
#include <string.h>

#include "modules.h"
#include "survivors.h"
#include "turns.h"
#include "util/mem.h"
#include "xml/frame.h"

/* What a record is put together in, and what modules save. */
static struct pc__buf scratch;

struct pc_blob {
	struct pc__buf *out;
};

void pc_blob_put(pc_blob *blob, const void *bytes, size_t len)
{
	pc__buf_add(blob->out, bytes, len);
}

/* ------------------------------------------------------------ writing */

/* At the end of the server the journal is closed, and stays as it is. */
static void count_out(size_t len)
{
	if (pc__turns_journal())
		pc__journal_dead(pc__turns_journal(), len);
}

void pc__placed_release(struct pc__placed *at)
{
	if (at->place)
		count_out(at->len);
	*at = (struct pc__placed){ 0 };
}

/* Instead of the one that was in force. */
static bool replace(struct pc__placed *at, enum pc__record_type type, uint64_t number,
                    uint8_t flags, uint16_t series)
{
	uint64_t place;
	struct pc__record *r =
	        pc__journal_add(pc__turns_journal(), type, number, scratch.len, &place);

	if (r == NULL)
		return false;
	r->flags = flags;
	r->series = series;
	memcpy(r->bytes, scratch.p, scratch.len);
	pc__placed_release(at);
	*at = (struct pc__placed){ place, scratch.len };
	return true;
}

static void put_fact(const char *text)
{
	pc__buf_add(&scratch, text ? text : "", text ? strlen(text) + 1 : 1);
}

static bool write_facts(struct pc__survivor *v)
{
	const pc_session *s = &v->s->pub;
	unsigned flags =
	        (s->interested ? PC__FACT_INTERESTED : 0) | (s->secure ? PC__FACT_SECURE : 0);

	scratch.len = 0;
	put_fact(s->username);
	put_fact(s->host);
	put_fact(s->resource);
	put_fact(s->role);
	put_fact(s->client_id);
	put_fact(s->lang);
	put_fact(s->ip);
	put_fact(v->keeper);
	return replace(&v->facts, PC__REC_FACTS, v->number, (uint8_t)flags, 0);
}

static bool write_presence(struct pc__survivor *v)
{
	const pc_session *s = &v->s->pub;
	struct pc__rec_presence head = { .when_ms = s->presence_time };

	scratch.len = 0;
	pc__buf_add(&scratch, &head, sizeof(head));
	if (s->presence)
		pc__stanza_write(s->presence, NULL, &scratch);
	return replace(&v->presence, PC__REC_PRESENCE, v->number, 0, 0);
}

static bool write_counts(struct pc__survivor *v)
{
	struct pc__rec_counts head = { .in = v->in, .acked = v->acked, .out = v->out };

	scratch.len = 0;
	pc__buf_add(&scratch, &head, sizeof(head));
	return replace(&v->counts, PC__REC_COUNTS, v->number, v->keeper ? PC__COUNTS_KEPT : 0,
	               v->series);
}

static pc_module *find_module(const struct pc__session *s, const char *name)
{
	pc_module *m = pc__module_find(s->host, name);

	return m ? m : pc__module_find(NULL, name);
}

static void save(pc_module *m, const pc_session *s, const void *block)
{
	pc_blob blob = { &scratch };

	if (m->def->session_save)
		m->def->session_save(m, s, block, &blob);
	else if (m->def->session_plain)
		pc_blob_put(&blob, block, m->def->session_size);
}

static bool write_blob(struct pc__survivor *v, struct pc__survivor_blob *b)
{
	pc_module *m = find_module(v->s, b->module);
	const void *block = m ? pc_session_data_if(&v->s->pub, m) : NULL;
	struct pc__rec_blob head = { .version = m ? m->def->state_version : 0 };

	if (block == NULL)
		return true;
	scratch.len = 0;
	pc__buf_add(&scratch, &head, sizeof(head));
	pc__buf_add(&scratch, b->module, strlen(b->module) + 1);
	save(m, &v->s->pub, block);
	b->changed = !replace(&b->at, PC__REC_BLOB, v->number, 0, 0);
	return !b->changed;
}

/* Facts come first, and are there with whatever there is. */
bool pc__survivor_write(struct pc__survivor *v)
{
	uint8_t changed = v->changed;

	v->changed = 0;
	if (((changed & PC__CHANGED_FACTS) || v->facts.place == 0) && !write_facts(v))
		return false;
	if ((changed & PC__CHANGED_PRESENCE) && !write_presence(v))
		return false;
	if ((changed & PC__CHANGED_COUNTS) && !write_counts(v))
		return false;
	for (struct pc__survivor_blob *b = v->blobs; b; b = b->next)
		if (b->changed && !write_blob(v, b))
			return false;
	return true;
}

bool pc__survivor_write_gone(const struct pc__survivor *v)
{
	return pc__journal_add_end(pc__turns_journal(), PC__REC_GONE, v->number, 0) != NULL;
}

/* Where there is no room for that, the module finds data of before: better than to end the session.
 */
void pc__survivor_write_removed(const struct pc__survivor *v, const struct pc__survivor_blob *b)
{
	struct pc__rec_blob head = { 0 };
	size_t size = strlen(b->module) + 1;
	struct pc__record *r = pc__journal_add_end(pc__turns_journal(), PC__REC_BLOB, v->number,
	                                           sizeof(head) + size);

	if (r == NULL)
		return;
	r->flags = PC__BLOB_REMOVED;
	memcpy(r->bytes, &head, sizeof(head));
	memcpy(r->bytes + sizeof(head), b->module, size);
}

/* ------------------------------------------------------------ frames */

static uint32_t *size_of(const struct pc__survivor *v, uint32_t n)
{
	return &v->sizes[n & (v->n_sizes - 1)];
}

static void make_room(struct pc__survivor *v)
{
	struct pc__survivor old = *v;

	if (v->out - v->acked < v->n_sizes)
		return;
	v->n_sizes = old.n_sizes ? old.n_sizes * 2 : 4;
	v->sizes = pc__malloc(v->n_sizes * sizeof(*v->sizes));
	for (uint32_t n = v->acked; n != v->out; n++)
		*size_of(v, n + 1) = *size_of(&old, n + 1);
	free(old.sizes);
}

bool pc__survivor_write_frame(struct pc__survivor *v, uint32_t n, const pc_frame *frame,
                              int64_t when_ms)
{
	struct pc__rec_out head = { .when_ms = when_ms, .n = n };
	size_t len = sizeof(head) + pc__frame_saved_size(frame);
	uint64_t place;
	struct pc__record *r =
	        pc__journal_add(pc__turns_journal(), PC__REC_OUT, v->number, len, &place);

	if (r == NULL)
		return false;
	r->series = v->series;
	memcpy(r->bytes, &head, sizeof(head));
	pc__frame_save(frame, r->bytes + sizeof(head));
	make_room(v);
	*size_of(v, n) = (uint32_t)len;
	return true;
}

void pc__survivor_adopt_frame(struct pc__survivor *v, size_t len)
{
	make_room(v);
	*size_of(v, ++v->out) = (uint32_t)len;
}

/* An empty queue keeps its room for the next frames, unless that was large. */
void pc__survivor_release_frames(struct pc__survivor *v, uint32_t acked)
{
	for (; v->acked != acked; v->acked++)
		count_out(*size_of(v, v->acked + 1));
	if (v->acked == v->out && v->n_sizes > 64) {
		pc__free(&v->sizes);
		v->n_sizes = 0;
	}
}

/* ------------------------------------------------------------ the end */

static void blobs_free(struct pc__survivor *v)
{
	while (v->blobs) {
		struct pc__survivor_blob *b = v->blobs;

		v->blobs = b->next;
		pc__placed_release(&b->at);
		free(b);
	}
}

void pc__survivor_release(struct pc__survivor *v)
{
	pc__survivor_release_frames(v, v->out);
	pc__placed_release(&v->facts);
	pc__placed_release(&v->presence);
	pc__placed_release(&v->counts);
	blobs_free(v);
	pc__free(&v->sizes);
	v->n_sizes = 0;
}

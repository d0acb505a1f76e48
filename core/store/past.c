#include "store/past.h"

#include <stdlib.h>
#include <string.h>

#include <prosody-c/jid.h>

#include "util/mem.h"

#define DATABASES 256 /* what a record's flags can name */

/* While the log is read. */
struct reading {
	pc__journal *j;
	pc__past *past;
	uint64_t done[DATABASES];
};

/* ------------------------------------------------------------ parts of records */

/* The fixed part; false: it is not all there. */
static bool fixed(const struct pc__record *r, void *to, size_t size)
{
	if (r->len < size)
		return false;
	memcpy(to, r->bytes, size);
	return true;
}

/* The text at `at`, and where it ends; NULL: it does not. */
static const char *text_at(const struct pc__record *r, size_t *at)
{
	const char *text = r->bytes + *at, *end;

	if (*at >= r->len)
		return NULL;
	end = memchr(text, '\0', r->len - *at);
	if (end == NULL)
		return NULL;
	*at += (size_t)(end - text) + 1;
	return text;
}

const char *pc__past_blob(const struct pc__past_record *blob, uint32_t *version_r,
                          const char **bytes_r, size_t *len_r)
{
	struct pc__rec_blob head;
	size_t at = sizeof(head);
	const char *name;

	if (!fixed(blob->r, &head, sizeof(head)))
		return NULL;
	name = text_at(blob->r, &at);
	*version_r = head.version;
	*bytes_r = blob->r->bytes + at;
	*len_r = blob->r->len - at;
	return name;
}

const char *pc__past_frame(const struct pc__past_out *out, int64_t *when_ms_r, size_t *len_r)
{
	struct pc__rec_out head;

	if (!fixed(out->record.r, &head, sizeof(head)))
		return NULL;
	*when_ms_r = head.when_ms;
	*len_r = out->record.r->len - sizeof(head);
	return out->record.r->bytes + sizeof(head);
}

/* ------------------------------------------------------------ sessions */

static struct pc__past_session *find(pc__past *past, uint64_t number)
{
	struct pc__past_session *s;

	HASH_FIND(hh, past->sessions, &number, sizeof(number), s);
	return s;
}

static struct pc__past_session *find_or_make(pc__past *past, uint64_t number)
{
	struct pc__past_session *s = find(past, number);

	if (s)
		return s;
	s = pc__alloc(sizeof(*s));
	s->number = number;
	HASH_ADD(hh, past->sessions, number, sizeof(s->number), s);
	return s;
}

static void session_free(pc__past *past, struct pc__past_session *s)
{
	HASH_DEL(past->sessions, s);
	free(s->outs);
	free(s->blobs);
	free(s);
}

static bool is_part(const char *text)
{
	return *text && strlen(text) <= PC_JID_PART_MAX;
}

static bool read_facts(struct pc__past_session *s, const struct pc__past_record *at)
{
	size_t pos = 0;

	for (int i = 0; i < PC__FACTS; i++) {
		s->facts[i] = text_at(at->r, &pos);
		if (s->facts[i] == NULL)
			return false;
	}
	s->flags = at->r->flags;
	s->facts_at = *at;
	return is_part(s->facts[PC__FACT_USERNAME]) && is_part(s->facts[PC__FACT_HOST]) &&
	       is_part(s->facts[PC__FACT_RESOURCE]);
}

static bool read_presence(struct pc__past_session *s, const struct pc__past_record *at)
{
	struct pc__rec_presence head;

	if (!fixed(at->r, &head, sizeof(head)))
		return false;
	s->presence_at = *at;
	s->presence_ms = head.when_ms;
	s->presence_len = at->r->len - sizeof(head);
	s->presence = s->presence_len ? at->r->bytes + sizeof(head) : NULL;
	return true;
}

static bool read_counts(struct pc__past_session *s, const struct pc__past_record *at)
{
	if (!fixed(at->r, &s->counts, sizeof(s->counts)))
		return false;
	s->counts_at = *at;
	s->kept = at->r->flags & PC__COUNTS_KEPT;
	s->series = at->r->series;
	return true;
}

static bool read_blob(struct pc__past_session *s, const struct pc__past_record *at)
{
	uint32_t version;
	const char *bytes, *name = pc__past_blob(at, &version, &bytes, &(size_t){ 0 });
	size_t i = 0;

	if (name == NULL)
		return false;
	while (i < s->n_blobs &&
	       strcmp(pc__past_blob(&s->blobs[i], &version, &bytes, &(size_t){ 0 }), name) != 0)
		i++;
	if (i == s->n_blobs) {
		s->blobs = pc__realloc(s->blobs, (i + 1) * sizeof(*s->blobs));
		s->n_blobs++;
	}
	s->blobs[i] = *at;
	return true;
}

/* Frames of an earlier series, or acknowledged, are sorted out at the end. */
static bool read_out(struct pc__past_session *s, const struct pc__past_record *at)
{
	struct pc__rec_out head;

	if (!fixed(at->r, &head, sizeof(head)))
		return false;
	if (s->n_outs == s->size_outs) {
		s->size_outs = s->size_outs ? s->size_outs * 2 : 8;
		s->outs = pc__realloc(s->outs, s->size_outs * sizeof(*s->outs));
	}
	s->outs[s->n_outs++] = (struct pc__past_out){ .record = *at, .n = head.n };
	return true;
}

/* Behind its end nothing of a session comes any more. */
static bool read_session(struct reading *in, const struct pc__past_record *at)
{
	struct pc__past_session *s;

	if (at->r->number > in->past->most_number)
		in->past->most_number = at->r->number;
	if (at->r->type == PC__REC_GONE) {
		s = find(in->past, at->r->number);
		if (s)
			session_free(in->past, s);
		return true;
	}
	s = find_or_make(in->past, at->r->number);
	switch (at->r->type) {
	case PC__REC_FACTS:
		return read_facts(s, at);
	case PC__REC_PRESENCE:
		return read_presence(s, at);
	case PC__REC_COUNTS:
		return read_counts(s, at);
	case PC__REC_BLOB:
		return read_blob(s, at);
	default:
		return read_out(s, at);
	}
}

/* ------------------------------------------------------------ jobs */

static bool read_job(struct reading *in, const struct pc__past_record *at)
{
	pc__past *past = in->past;
	struct pc__rec_job head;
	size_t pos = sizeof(head);
	const char *driver;

	if (!fixed(at->r, &head, sizeof(head)))
		return false;
	driver = text_at(at->r, &pos);
	if (driver == NULL || head.epoch != past->epoch)
		return driver != NULL;
	if (past->n_jobs == past->size_jobs) {
		past->size_jobs = past->size_jobs ? past->size_jobs * 2 : 8;
		past->jobs = pc__realloc(past->jobs, past->size_jobs * sizeof(*past->jobs));
	}
	past->jobs[past->n_jobs++] = (struct pc__past_job){ .database = at->r->flags,
		                                            .ticket = at->r->number,
		                                            .driver = driver,
		                                            .note = at->r->bytes + pos,
		                                            .note_len = at->r->len - pos,
		                                            .len = at->r->len };
	return true;
}

static bool read_done(struct reading *in, const struct pc__past_record *at)
{
	struct pc__rec_job head;

	if (!fixed(at->r, &head, sizeof(head)))
		return false;
	if (head.epoch == in->past->epoch && at->r->number > in->done[at->r->flags])
		in->done[at->r->flags] = at->r->number;
	return true;
}

static bool read_record(struct reading *in, const struct pc__past_record *at)
{
	switch (at->r->type) {
	case PC__REC_JOB:
		return read_job(in, at);
	case PC__REC_DONE:
		return read_done(in, at);
	default:
		return read_session(in, at);
	}
}

/* ------------------------------------------------------------ sorting out */

static int by_rank(const void *a, const void *b)
{
	const struct pc__past_out *x = a, *y = b;

	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static int by_ticket(const void *a, const void *b)
{
	const struct pc__past_job *x = a, *y = b;

	if (x->database != y->database)
		return x->database < y->database ? -1 : 1;
	return x->ticket < y->ticket ? -1 : x->ticket > y->ticket;
}

/* Those that are not acknowledged, each once (one may have been copied). Where one is missing, the
 * stream cannot go on. */
static void sort_outs(struct pc__past_session *s)
{
	uint32_t unacked = s->counts.out - s->counts.acked;
	size_t n = 0;

	for (size_t i = 0; i < s->n_outs; i++) {
		struct pc__past_out *o = &s->outs[i];

		o->rank = o->n - s->counts.acked - 1;
		if (s->kept && o->record.r->series == s->series && o->rank < unacked)
			s->outs[n++] = *o;
	}
	if (n > 0)
		qsort(s->outs, n, sizeof(*s->outs), by_rank);
	s->n_outs = 0;
	for (size_t i = 0; i < n; i++)
		if (s->n_outs == 0 || s->outs[s->n_outs - 1].rank != s->outs[i].rank)
			s->outs[s->n_outs++] = s->outs[i];
	if (s->n_outs != unacked) {
		s->kept = false;
		s->n_outs = 0;
	}
}

static void sort_jobs(struct reading *in)
{
	pc__past *past = in->past;
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < past->n_jobs; i++)
		if (past->jobs[i].ticket > in->done[past->jobs[i].database])
			past->jobs[n++] = past->jobs[i];
	if (n > 0)
		qsort(past->jobs, n, sizeof(*past->jobs), by_ticket);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || by_ticket(&past->jobs[kept - 1], &past->jobs[i]) != 0)
			past->jobs[kept++] = past->jobs[i];
	past->n_jobs = kept;
}

/* What was removed tells no more. */
static void sort_blobs(struct pc__past_session *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_blobs; i++)
		if (!(s->blobs[i].r->flags & PC__BLOB_REMOVED))
			s->blobs[n++] = s->blobs[i];
	s->n_blobs = n;
}

static void count(pc__journal *j, const struct pc__past_record *at)
{
	if (at->r)
		pc__journal_alive(j, at->r->len);
}

static void count_session(pc__journal *j, const struct pc__past_session *s)
{
	count(j, &s->facts_at);
	count(j, &s->presence_at);
	count(j, &s->counts_at);
	for (size_t i = 0; i < s->n_blobs; i++)
		count(j, &s->blobs[i]);
	for (size_t i = 0; i < s->n_outs; i++)
		count(j, &s->outs[i].record);
}

static void sort_out(struct reading *in)
{
	struct pc__past_session *s, *next;

	HASH_ITER(hh, in->past->sessions, s, next)
	{
		if (s->facts_at.r == NULL) {
			session_free(in->past, s);
			continue;
		}
		sort_outs(s);
		sort_blobs(s);
		count_session(in->j, s);
	}
	sort_jobs(in);
	for (size_t i = 0; i < in->past->n_jobs; i++)
		pc__journal_alive(in->j, in->past->jobs[i].len);
}

/* ------------------------------------------------------------ all of it */

int pc__past_read(pc__journal *j, pc__past *past)
{
	struct reading *in = pc__alloc(sizeof(*in));
	struct pc__past_record at;
	uint64_t place = pc__journal_begin(j);
	bool whole = true;

	*past = (pc__past){ .epoch = atomic_load(&j->segments.page->epoch),
		            .died_ms = atomic_load(&j->segments.page->alive_ms) };
	in->j = j;
	in->past = past;
	while (whole && (at.r = pc__journal_next(j, &place))) {
		at.place = place - pc__record_size(at.r->len);
		whole = read_record(in, &at);
	}
	whole &= place == pc__journal_end(j);
	if (whole)
		sort_out(in);
	else
		pc__past_free(past);
	free(in);
	return whole ? PC_OK : PC_EINVAL;
}

void pc__past_free(pc__past *past)
{
	struct pc__past_session *s, *next;

	HASH_ITER(hh, past->sessions, s, next)
	session_free(past, s);
	free(past->jobs);
	*past = (pc__past){ 0 };
}

/* A journal whose records are anything: reading it harms nobody, and what it gives is whole. The
 * input is what lies in the log; its pages are looked at by tests/io/test_journal.c. */
#include <stdio.h>
#include <unistd.h>

#include "fuzz.h"
#include "store/note.h"
#include "store/past.h"
#include "xml/frame.h"

/* Once for all inputs: in memory where there is such a folder. */
static pc__journal *journal(void)
{
	static pc__journal j;
	static bool open;
	char path[64];
	pc__found found;

	if (open)
		return &j;
	snprintf(path, sizeof(path), "%s/pc-fuzz-journal-%d",
	         access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
	must(pc__journal_open(&j, path, "boot", (size_t)4 << 20, &found) == PC_OK);
	unlink(path);
	open = true;
	return &j;
}

static void fill(pc__journal *j, const uint8_t *data, size_t size)
{
	uint64_t begin = pc__journal_begin(j);
	size_t most = PC__SEGMENT_SIZE / 2;

	size = (size < most ? size : most) & ~(size_t)7;
	memcpy(pc__segments_at(&j->segments, 1) + PC__SEGMENT_HEAD, data, size);
	atomic_store(&j->segments.page->end, begin + size);
	j->head = begin + size;
	j->live = 0;
}

static void look_at_frames(const struct pc__past_session *s)
{
	must(s->n_outs == 0 || s->n_outs == s->counts.out - s->counts.acked);
	for (size_t i = 0; i < s->n_outs; i++) {
		struct pc__buf out = { 0 };
		int64_t when;
		size_t len;
		const char *bytes = pc__past_frame(&s->outs[i], &when, &len);
		pc_frame *frame = pc__frame_load(bytes, len);

		must(s->outs[i].n == s->counts.acked + 1 + i);
		if (frame)
			pc__frame_write(frame, PC_NS_CLIENT, when, "host", &out);
		pc_frame_unref(&frame);
		pc__buf_free(&out);
	}
}

static void look_at(const struct pc__past_session *s)
{
	for (int i = 0; i < PC__FACTS; i++)
		must(s->facts[i] != NULL);
	for (size_t i = 0; i < s->n_blobs; i++) {
		uint32_t version;
		const char *bytes;
		size_t len;

		must(pc__past_blob(&s->blobs[i], &version, &bytes, &len) != NULL);
		free(copy_exact(bytes, len));
	}
	if (s->presence) {
		pc_stanza *st = pc_stanza_parse(s->presence, s->presence_len);

		pc_stanza_free(&st);
	}
	look_at_frames(s);
}

static void look_at_job(const struct pc__past_job *past)
{
	pc__job *job = pc__note_read(past->note, past->note_len, NULL, NULL);
	struct pc__buf again = { 0 };

	if (job == NULL)
		return;
	must(job->n_ops > 0);
	for (const pc__op *op = job->ops; op; op = op->next)
		must(op->type <= PC__OP_LAST_WRITE && op->k.host && op->k.user && op->k.store);
	pc__note_write(job, &again);
	must(again.len <= past->note_len);
	pc__buf_free(&again);
	pc__job_free(&job);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pc__journal *j = journal();
	pc__past past;

	fill(j, data, size);
	if (pc__past_read(j, &past) != PC_OK)
		return 0;
	for (struct pc__past_session *s = past.sessions; s; s = s->hh.next)
		look_at(s);
	for (size_t i = 0; i < past.n_jobs; i++)
		look_at_job(&past.jobs[i]);
	must(j->live <= size);
	pc__past_free(&past);
	return 0;
}

/* What a journal says of the process before: sessions, their frames, writes under way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "store/note.h"
#include "store/past.h"
#include "util/mem.h"
#include "xml/frame.h"

#define MB ((size_t)1 << 20)

static char folder[] = "/tmp/pc-past-XXXXXX";
static char path[64];
static pc__journal j;
static pc__past past;

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/sessions.journal", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static int set_up(void **state)
{
	pc__found found;

	(void)state;
	return pc__journal_open(&j, path, "boot", 8 * MB, &found);
}

static int tear_down(void **state)
{
	(void)state;
	pc__past_free(&past);
	pc__journal_close(&j);
	return unlink(path);
}

/* ------------------------------------------------------------ writing one */

static struct pc__record *put(enum pc__record_type type, uint64_t number, const void *bytes,
                              size_t len)
{
	uint64_t place;
	struct pc__record *r = pc__journal_add(&j, type, number, len, &place);

	assert_non_null(r);
	if (len)
		memcpy(r->bytes, bytes, len);
	return r;
}

static const char romeo[] = "romeo\0example.com\0orchard\0prosody:registered\0\0en\0::1\0smacks";
static const char juliet[] = "juliet\0example.com\0balcony\0\0\0\0\0";

static void put_counts(uint64_t number, uint16_t series, uint32_t in, uint32_t acked, uint32_t out)
{
	struct pc__rec_counts head = { in, acked, out };
	struct pc__record *r = put(PC__REC_COUNTS, number, &head, sizeof(head));

	r->flags = PC__COUNTS_KEPT;
	r->series = series;
}

static void put_out(uint64_t number, uint16_t series, uint32_t n, const char *text)
{
	char bytes[200];
	struct pc__rec_out head = { .when_ms = 1000 + n, .n = n };

	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), text, strlen(text));
	put(PC__REC_OUT, number, bytes, sizeof(head) + strlen(text))->series = series;
}

static void put_blob(uint64_t number, const char *name, const char *text, unsigned flags)
{
	char bytes[200];
	struct pc__rec_blob head = { .version = 3 };
	size_t size = strlen(name) + 1, len = strlen(text);

	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), name, size);
	memcpy(bytes + sizeof(head) + size, text, len);
	put(PC__REC_BLOB, number, bytes, sizeof(head) + size + len)->flags = (uint8_t)flags;
}

static void put_presence(uint64_t number, const char *text)
{
	char bytes[200];
	struct pc__rec_presence head = { .when_ms = 5 };

	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), text, strlen(text));
	put(PC__REC_PRESENCE, number, bytes, sizeof(head) + strlen(text));
}

static void put_job(unsigned database, uint64_t ticket, uint64_t epoch, const char *note)
{
	char bytes[200];
	struct pc__rec_job head = { epoch };

	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), "sqlite", 7);
	memcpy(bytes + sizeof(head) + 7, note, strlen(note));
	put(PC__REC_JOB, ticket, bytes, sizeof(head) + 7 + strlen(note))->flags = (uint8_t)database;
}

static void put_done(unsigned database, uint64_t ticket, uint64_t epoch)
{
	struct pc__rec_job head = { epoch };

	put(PC__REC_DONE, ticket, &head, sizeof(head))->flags = (uint8_t)database;
}

static int read_it(void)
{
	pc__journal_publish(&j, 777);
	pc__past_free(&past);
	j.live = 0;
	return pc__past_read(&j, &past);
}

static struct pc__past_session *session(uint64_t number)
{
	struct pc__past_session *s;

	HASH_FIND(hh, past.sessions, &number, sizeof(number), s);
	return s;
}

/* ------------------------------------------------------------ sessions */

static void test_the_last_word_counts(void **state)
{
	struct pc__past_session *s;
	const char *bytes;
	uint32_t version;
	size_t len;

	(void)state;
	put(PC__REC_FACTS, 7, juliet, sizeof(juliet));
	put_presence(7, "<presence>1</presence>");
	put_blob(7, "carbons", "off", 0);
	put(PC__REC_FACTS, 7, romeo, sizeof(romeo))->flags = PC__FACT_SECURE;
	put_blob(7, "csi", "active", 0);
	put_blob(7, "carbons", "on", 0);
	put_presence(7, "<presence>2</presence>");
	put(PC__REC_FACTS, 9, juliet, sizeof(juliet));
	put_presence(9, "<presence/>");
	put_presence(9, "");
	put_blob(9, "csi", "active", 0);
	put_blob(9, "csi", "", PC__BLOB_REMOVED);
	assert_int_equal(read_it(), PC_OK);
	assert_int_equal(HASH_COUNT(past.sessions), 2);
	assert_int_equal(past.most_number, 9);
	assert_int_equal(past.died_ms, 777);
	s = session(7);
	assert_string_equal(s->facts[PC__FACT_USERNAME], "romeo");
	assert_string_equal(s->facts[PC__FACT_CLIENT_ID], "");
	assert_string_equal(s->facts[PC__FACT_KEEPER], "smacks");
	assert_int_equal(s->flags, PC__FACT_SECURE);
	assert_int_equal(s->presence_len, 22);
	assert_memory_equal(s->presence, "<presence>2", 11);
	assert_false(s->kept);
	assert_int_equal(s->n_blobs, 2);
	assert_string_equal(pc__past_blob(&s->blobs[0], &version, &bytes, &len), "carbons");
	assert_int_equal(version, 3);
	assert_int_equal(len, 2);
	assert_memory_equal(bytes, "on", 2);
	s = session(9);
	assert_null(s->presence);
	assert_int_equal(s->n_blobs, 0);
}

static void test_who_has_gone(void **state)
{
	(void)state;
	put(PC__REC_FACTS, 1, romeo, sizeof(romeo));
	put(PC__REC_FACTS, 2, juliet, sizeof(juliet));
	put(PC__REC_GONE, 1, NULL, 0);
	put(PC__REC_GONE, 50, NULL, 0);
	put_presence(3, "<presence/>"); /* without facts it is nobody */
	assert_int_equal(read_it(), PC_OK);
	assert_null(session(1));
	assert_non_null(session(2));
	assert_null(session(3));
	assert_int_equal(past.most_number, 50);
}

static void expect_frames(uint64_t number, const char *texts)
{
	const struct pc__past_session *s = session(number);
	char got[200] = "";

	assert_true(s->kept);
	for (size_t i = 0; i < s->n_outs; i++) {
		int64_t when;
		size_t len;
		const char *bytes = pc__past_frame(&s->outs[i], &when, &len);

		assert_int_equal(when, 1000 + s->outs[i].n);
		strncat(got, bytes, len);
	}
	assert_string_equal(got, texts);
}

static void test_frames(void **state)
{
	(void)state;
	put(PC__REC_FACTS, 1, romeo, sizeof(romeo));
	put_out(1, 1, 1, "of the series before ");
	put_out(1, 1, 2, "that too ");
	put_out(1, 2, 1, "acknowledged ");
	put_out(1, 2, 3, "three ");
	put_out(1, 2, 2, "two ");
	put_out(1, 2, 4, "four ");
	put_out(1, 2, 3, "three "); /* copied, as the log was emptied */
	put_counts(1, 2, 17, 1, 4);
	assert_int_equal(read_it(), PC_OK);
	expect_frames(1, "two three four ");
	assert_int_equal(session(1)->counts.in, 17);
	put_out(1, 2, 6, "six ");
	put_counts(1, 2, 18, 3, 6);
	assert_int_equal(read_it(), PC_OK);
	assert_false(session(1)->kept); /* five is missing */
	put_out(1, 2, 5, "five ");
	assert_int_equal(read_it(), PC_OK);
	expect_frames(1, "four five six ");
}

static void test_numbers_begin_again(void **state)
{
	(void)state;
	put(PC__REC_FACTS, 1, romeo, sizeof(romeo));
	put_out(1, 1, UINT32_MAX, "a ");
	put_out(1, 1, 0, "b ");
	put_out(1, 1, 1, "c ");
	put_counts(1, 1, 0, UINT32_MAX - 1, 1);
	assert_int_equal(read_it(), PC_OK);
	expect_frames(1, "a b c ");
}

/* What is in force counts when it has been read: no more and no less. */
static void test_what_counts(void **state)
{
	size_t live;

	(void)state;
	put(PC__REC_FACTS, 1, romeo, sizeof(romeo));
	put_presence(1, "<presence/>");
	put_out(1, 1, 1, "x");
	put_counts(1, 1, 0, 0, 1);
	put_job(1, 5, 0, "note");
	live = j.live;
	put_presence(1, "<presence/>");
	put_counts(1, 1, 0, 0, 1);
	put(PC__REC_FACTS, 2, juliet, sizeof(juliet));
	put(PC__REC_GONE, 2, NULL, 0);
	put_job(1, 4, 0, "note");
	put_done(1, 4, 0);
	assert_int_equal(read_it(), PC_OK);
	assert_int_equal(j.live, live);
}

static void refuse(enum pc__record_type type, const void *bytes, size_t len)
{
	put(type, 1, bytes, len);
	assert_int_equal(read_it(), PC_EINVAL);
	pc__journal_reset(&j);
}

static void test_damaged(void **state)
{
	static const char no_user[] = "\0example.com\0r\0\0\0\0\0";

	(void)state;
	refuse(PC__REC_FACTS, romeo, sizeof(romeo) - 1);
	refuse(PC__REC_FACTS, romeo, 5);
	refuse(PC__REC_FACTS, "", 0);
	refuse(PC__REC_FACTS, no_user, sizeof(no_user));
	refuse(PC__REC_PRESENCE, "1234567", 7);
	refuse(PC__REC_BLOB, "123", 3);
	refuse(PC__REC_BLOB, "1234name", 8);
	refuse(PC__REC_COUNTS, "12345678901", 11);
	refuse(PC__REC_OUT, "123456789012345", 15);
	refuse(PC__REC_JOB, "1234567", 7);
	refuse(PC__REC_JOB, "12345678sqlite", 14);
	refuse(PC__REC_DONE, "1234567", 7);
}

/* ------------------------------------------------------------ writes */

static void test_jobs(void **state)
{
	(void)state;
	atomic_store(&j.segments.page->epoch, 33);
	put_job(2, 11, 33, "second");
	put_job(1, 12, 33, "d");
	put_job(1, 10, 33, "b");
	put_job(1, 11, 33, "c");
	put_job(1, 9, 33, "a");
	put_job(1, 12, 33, "d"); /* copied */
	put_job(1, 13, 32, "of the process before that");
	put_done(1, 9, 33);
	put_done(1, 99, 32);
	assert_int_equal(read_it(), PC_OK);
	assert_int_equal(past.n_jobs, 4);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(past.jobs[i].ticket, 10 + i);
		assert_memory_equal(past.jobs[i].note, &"bcd"[i], 1);
	}
	assert_int_equal(past.jobs[3].database, 2);
	assert_string_equal(past.jobs[3].driver, "sqlite");
}

static pc__job *big_job(void)
{
	pc__job *job = pc__job_new(0, NULL, NULL);
	const char *ids[] = { "one", "two" };

	pc__op_items(pc__job_add(job, PC__OP_SET, "h", "u", "roster"),
	             (pc_item[]){ { "k", "a\0b", 3 }, { "gone", NULL, 0 } }, 2);
	pc__op_items(pc__job_add(job, PC__OP_SET_KEYS, "h", NULL, "s"), NULL, 0);
	pc__op_entry(pc__job_add(job, PC__OP_APPEND, "h", "u", "archive"),
	             &(pc_entry){ "id", -5, NULL, "<m/>", 4 });
	job->last->text = "words";
	pc__op_query(pc__job_add(job, PC__OP_REMOVE, "h", "u", "archive"),
	             &(pc_query){ .start = 1,
	                          .with = "x@y",
	                          .ids = ids,
	                          .n_ids = 2,
	                          .limit = 9,
	                          .reverse = true });
	pc__job_add(job, PC__OP_REMOVE, "h", "u", "archive");
	pc__job_add(job, PC__OP_EXPIRE, "h", "u", "archive")->before = 77;
	pc__job_add(job, PC__OP_PURGE, "h", "u", "");
	return job;
}

static void test_notes(void **state)
{
	struct pc__buf bytes = { 0 }, again = { 0 };
	pc__job *job = big_job(), *back;
	const pc__op *op;

	(void)state;
	pc__note_write(job, &bytes);
	back = pc__note_read(bytes.p, bytes.len, NULL, NULL);
	assert_non_null(back);
	assert_int_equal(back->n_ops, 7);
	assert_true(back->write);
	op = back->ops;
	assert_int_equal(op->items[0].len, 3);
	assert_memory_equal(op->items[0].value, "a\0b", 4);
	assert_null(op->items[1].value);
	op = op->next->next;
	assert_string_equal(op->text, "words");
	op = op->next;
	assert_string_equal(op->query->ids[1], "two");
	assert_null(op->next->query);
	assert_int_equal(op->next->next->before, 77);
	pc__note_write(back, &again);
	assert_int_equal(again.len, bytes.len);
	assert_memory_equal(again.p, bytes.p, bytes.len);
	for (size_t len = 0; len < bytes.len; len++)
		assert_null(pc__note_read(bytes.p, len, NULL, NULL));
	pc__job_free(&back);
	pc__job_free(&job);
	pc__buf_free(&bytes);
	pc__buf_free(&again);
}

static void test_frames_as_bytes(void **state)
{
	pc_stanza *st = pc_stanza_parse(
	        "<message to='a@b/c' xmlns='jabber:client'><body>x</body></message>", 66);
	pc__body *body = pc__body_of(st);
	pc_frame *frame = pc__frame_new(body, "a@b/c"), *back;
	size_t len = pc__frame_saved_size(frame);
	char *bytes = pc__malloc(len);
	struct pc__buf one = { 0 }, other = { 0 };

	(void)state;
	pc__frame_save(frame, bytes);
	back = pc__frame_load(bytes, len);
	assert_non_null(back);
	assert_int_equal(pc_frame_kind(back), PC_MESSAGE);
	assert_int_equal(pc_frame_size(back), pc_frame_size(frame));
	pc__frame_write(frame, PC_NS_CLIENT, 12345, "host", &one);
	pc__frame_write(back, PC_NS_CLIENT, 12345, "host", &other);
	assert_string_equal(pc__buf_str(&one), pc__buf_str(&other));
	for (size_t n = 0; n < len; n++)
		assert_null(pc__frame_load(bytes, n));
	pc__buf_free(&one);
	pc__buf_free(&other);
	free(bytes);
	pc_frame_unref(&back);
	pc_frame_unref(&frame);
	pc__body_unref(&body);
	pc_stanza_free(&st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_last_word_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_has_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_frames, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_numbers_begin_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_jobs, set_up, tear_down),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_frames_as_bytes),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* The journal as a file: what a process that died at any instant leaves, what is not ours, what is
 * damaged, what is full, and how the log is emptied while it runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/journal.h"
#include "util/mem.h"

#define BOOT "a-boot"
#define MB ((size_t)1 << 20)

static char folder[] = "/tmp/pc-journal-XXXXXX";
static char path[64], copied[64];

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/sessions.journal", folder);
	snprintf(copied, sizeof(copied), "%s/copied", folder);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	unlink(path);
	unlink(copied);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	unlink(copied);
	return rmdir(folder);
}

static pc__found open_it(pc__journal *j, const char *at, const char *boot, size_t most)
{
	pc__found found;

	assert_int_equal(pc__journal_open(j, at, boot, most, &found), PC_OK);
	return found;
}

static int refusal(const char *at)
{
	pc__journal j;
	pc__found found;
	int err = pc__journal_open(&j, at, BOOT, 4 * MB, &found);

	assert_int_not_equal(err, PC_OK);
	return err;
}

static void put(pc__journal *j, uint64_t number, const char *text)
{
	uint64_t place;
	struct pc__record *r = pc__journal_add(j, PC__REC_BLOB, number, strlen(text), &place);

	assert_non_null(r);
	memcpy(r->bytes, text, strlen(text));
}

/* How many records, each with the next number; -1: damaged. */
static int count(const pc__journal *j)
{
	uint64_t place = pc__journal_begin(j);
	const struct pc__record *r;
	int n = 0;

	while ((r = pc__journal_next(j, &place)))
		n++;
	return place == pc__journal_end(j) ? n : -1;
}

static void copy_file(const char *from, const char *to, size_t most)
{
	char command[256];

	snprintf(command, sizeof(command), "head -c %zu %s > %s; chmod 600 %s", most, from, to, to);
	assert_int_equal(system(command), 0);
}

/* ------------------------------------------------------------ dying */

/* As a process leaves it that dies here: no call of ours in between. */
static int found_by_the_next(void)
{
	pc__journal j;
	int n;

	copy_file(path, copied, 64 * MB);
	assert_int_equal(open_it(&j, copied, BOOT, 4 * MB), PC__FOUND_JOURNAL);
	n = count(&j);
	pc__journal_close(&j);
	return n;
}

static void test_death_at_any_instant(void **state)
{
	pc__journal j;
	int published = 0;

	(void)state;
	assert_int_equal(open_it(&j, path, BOOT, 8 * MB), PC__FOUND_NOTHING);
	assert_int_equal(found_by_the_next(), 0);
	for (int i = 1; i <= 24; i++) {
		char *text = pc__alloc((size_t)i * 6000 + 1);

		memset(text, 'x', (size_t)i * 6000);
		put(&j, (uint64_t)i, text);
		free(text);
		assert_int_equal(found_by_the_next(), published);
		if (i % 3 == 0) {
			pc__journal_publish(&j, i);
			published = i;
			assert_int_equal(found_by_the_next(), published);
		}
	}
	assert_true(j.segments.n_row > 1);
	pc__journal_close(&j);
}

/* Numbers of segments that were given and not published are given again. */
static void test_deaths_in_a_row(void **state)
{
	char text[1000];

	(void)state;
	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int life = 0; life < 6; life++) {
		pc__journal j;
		int before;

		assert_int_equal(open_it(&j, path, BOOT, 8 * MB),
		                 life ? PC__FOUND_JOURNAL : PC__FOUND_NOTHING);
		before = count(&j);
		assert_int_equal(before, life * 100);
		for (int i = 0; i < 100; i++)
			put(&j, 1, text);
		pc__journal_publish(&j, 0);
		for (int i = 0; i < 1500; i++) /* into the next segment, for nothing */
			put(&j, 2, text);
		pc__journal_close(&j);
	}
}

/* ------------------------------------------------------------ damage */

static void make_sample(void)
{
	pc__journal j;

	open_it(&j, path, BOOT, 4 * MB);
	for (uint64_t i = 1; i <= 20; i++)
		put(&j, i, "some bytes of a record, some more bytes of it");
	pc__journal_publish(&j, 0);
	pc__journal_close(&j);
}

/* Whatever is found, it is found without harm, and the journal serves afterwards. */
static pc__found try_damaged(void)
{
	pc__journal j;
	pc__found found = open_it(&j, copied, BOOT, 4 * MB);

	if (found == PC__FOUND_JOURNAL && count(&j) < 0)
		assert_int_equal(pc__journal_reset(&j), PC_OK);
	put(&j, 1, "again");
	pc__journal_publish(&j, 0);
	assert_true(count(&j) > 0);
	pc__journal_close(&j);
	return found;
}

static void test_truncated(void **state)
{
	(void)state;
	make_sample();
	for (size_t size = 0; size < 6000; size += size < 200 ? 1 : 97) {
		copy_file(path, copied, size);
		assert_int_not_equal(try_damaged(), PC__FOUND_JOURNAL);
	}
}

static void write_at(const char *file, off_t at, const void *bytes, size_t len)
{
	int fd = open(file, O_WRONLY);

	assert_int_equal(pwrite(fd, bytes, len, at), len);
	close(fd);
}

/* Each byte of what is valid, torn in several ways. */
static void test_every_byte(void **state)
{
	static const unsigned char values[] = { 0, 1, 0x7f, 0xff };

	(void)state;
	make_sample();
	copy_file(path, copied, 64 * MB);
	for (off_t at = 0; at < 4096 + 16 + 20 * 64; at++) {
		if (at == 160)
			at = 4096;
		for (size_t v = 0; v < sizeof(values); v++) {
			char head[6000];
			int fd = open(path, O_RDONLY);

			assert_int_equal(pread(fd, head, sizeof(head), 0), sizeof(head));
			close(fd);
			write_at(copied, 0, head, sizeof(head));
			write_at(copied, at, &values[v], 1);
			try_damaged();
		}
	}
}

static void test_another_boot(void **state)
{
	pc__journal j;

	(void)state;
	make_sample();
	assert_int_equal(open_it(&j, path, "another", 4 * MB), PC__FOUND_OTHER_BOOT);
	assert_int_equal(count(&j), 0);
	pc__journal_close(&j);
	assert_int_equal(open_it(&j, path, "another", 4 * MB), PC__FOUND_JOURNAL);
	pc__journal_close(&j);
	assert_int_equal(open_it(&j, path, "", 4 * MB),
	                 PC__FOUND_OTHER_BOOT); /* nothing proves it */
	pc__journal_close(&j);
}

static void test_another_version(void **state)
{
	pc__journal j;

	(void)state;
	make_sample();
	write_at(path, offsetof(struct pc__journal_page, version), &(uint32_t){ 77 }, 4);
	assert_int_equal(open_it(&j, path, BOOT, 4 * MB), PC__FOUND_OTHER_VERSION);
	assert_int_equal(count(&j), 0);
	pc__journal_close(&j);
}

/* ------------------------------------------------------------ whose it is */

static void test_it_is_ours_alone(void **state)
{
	struct stat st;

	(void)state;
	make_sample();
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	chmod(path, 0640);
	assert_int_equal(refusal(path), PC_EPERM);
	chmod(path, 0600);
	assert_int_equal(symlink(path, copied), 0);
	assert_int_equal(refusal(copied), PC_EPERM);
	unlink(copied);
	assert_int_equal(link(path, copied), 0);
	assert_int_equal(refusal(path), PC_EPERM);
	unlink(copied);
	assert_int_equal(mkfifo(copied, 0600), 0);
	assert_int_equal(refusal(copied), PC_EPERM);
	unlink(copied);
	assert_int_equal(refusal("/nowhere/at/all"), PC_EIO);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 1, 1), 0);
		assert_int_equal(refusal(path), PC_EPERM);
	}
}

/* One that lives has it; one that was killed has not. */
static void test_another_process(void **state)
{
	int ready[2];
	char c;
	pid_t child;
	pc__journal j;

	(void)state;
	make_sample();
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		pc__found found;

		pc__journal_open(&j, path, BOOT, 4 * MB, &found);
		put(&j, 21, "of the child");
		pc__journal_publish(&j, 0);
		put(&j, 22, "not published");
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(refusal(path), PC_EBUSY);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(open_it(&j, path, BOOT, 4 * MB), PC__FOUND_JOURNAL);
	assert_int_equal(count(&j), 21);
	pc__journal_close(&j);
	close(ready[0]);
	close(ready[1]);
}

/* ------------------------------------------------------------ room */

static void test_full(void **state)
{
	pc__journal j;
	uint64_t place;
	size_t n = 0;

	(void)state;
	open_it(&j, path, BOOT, 4 * MB);
	while (pc__journal_add(&j, PC__REC_OUT, 1, 1000, &place))
		n++;
	assert_in_range(n, 900, 1100); /* half of all but two segments */

	assert_non_null(pc__journal_add_end(&j, PC__REC_GONE, 1, 0));
	for (size_t i = 0; i < n; i++)
		pc__journal_dead(&j, 1000);
	assert_non_null(pc__journal_add(&j, PC__REC_OUT, 2, 1000, &place));
	assert_null(pc__journal_add(&j, PC__REC_OUT, 2, MB, &place));
	assert_null(pc__journal_add(&j, PC__REC_OUT, 2, SIZE_MAX, &place));
	pc__journal_publish(&j, 0);
	assert_int_equal(count(&j), n + 2);
	pc__journal_close(&j);
}

/* Log and model: sessions with a few records each, of which the last one counts. */
#define MODEL 200
struct model {
	uint64_t places[MODEL];
	unsigned values[MODEL];
	size_t lens[MODEL];
};

static bool set(pc__journal *j, struct model *m, unsigned i, unsigned value, size_t len)
{
	uint64_t place;
	struct pc__record *r = pc__journal_add(j, PC__REC_FACTS, i, len, &place);

	if (r == NULL)
		return false;
	memset(r->bytes, 0, len);
	memcpy(r->bytes, &value, sizeof(value));
	if (m->places[i])
		pc__journal_dead(j, m->lens[i]);
	m->places[i] = place;
	m->values[i] = value;
	m->lens[i] = len;
	return true;
}

static void empty_oldest(pc__journal *j, struct model *m)
{
	uint64_t at = pc__journal_begin(j);
	const struct pc__record *r;

	while (pc__journal_is_oldest(j, at) && (r = pc__journal_next(j, &at))) {
		unsigned value;

		if (!pc__journal_is_oldest(j, at - pc__record_size(r->len)) ||
		    m->places[r->number] != at - pc__record_size(r->len))
			continue;
		memcpy(&value, r->bytes, sizeof(value));
		assert_true(set(j, m, (unsigned)r->number, value, r->len));
	}
	pc__journal_publish(j, 0);
	pc__journal_drop(j);
}

static void check(pc__journal *j, const struct model *m)
{
	unsigned values[MODEL] = { 0 };
	uint64_t place = pc__journal_begin(j);
	const struct pc__record *r;

	while ((r = pc__journal_next(j, &place)))
		memcpy(&values[r->number], r->bytes, sizeof(unsigned));
	assert_true(place == pc__journal_end(j));
	assert_memory_equal(values, m->values, sizeof(values));
}

static void test_emptied_while_it_runs(void **state)
{
	static struct model m;
	pc__journal j;
	struct stat st;

	(void)state;
	srand(1);
	open_it(&j, path, BOOT, 16 * MB);
	for (unsigned turn = 0; turn < 3000; turn++) {
		for (int i = 0; i < 20; i++)
			assert_true(set(&j, &m, (unsigned)rand() % MODEL,
			                turn * 20 + (unsigned)i + 1, 4 + (size_t)rand() % 3000));
		pc__journal_publish(&j, turn);
		if (pc__journal_is_stretched(&j))
			empty_oldest(&j, &m);
		if (turn % 500 == 499) {
			size_t live = j.live;

			pc__journal_close(&j);
			assert_int_equal(open_it(&j, path, BOOT, 16 * MB), PC__FOUND_JOURNAL);
			check(&j, &m);
			j.live = live;
		}
	}
	assert_in_range(j.segments.n_row, 1, 6);
	assert_int_equal(stat(path, &st), 0);
	assert_in_range(st.st_blocks * 512, 0,
	                13 * MB); /* free slots have given their memory back */
	pc__journal_close(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_death_at_any_instant, set_up),
		cmocka_unit_test_setup(test_deaths_in_a_row, set_up),
		cmocka_unit_test_setup(test_truncated, set_up),
		cmocka_unit_test_setup(test_every_byte, set_up),
		cmocka_unit_test_setup(test_another_boot, set_up),
		cmocka_unit_test_setup(test_another_version, set_up),
		cmocka_unit_test_setup(test_it_is_ours_alone, set_up),
		cmocka_unit_test_setup(test_another_process, set_up),
		cmocka_unit_test_setup(test_full, set_up),
		cmocka_unit_test_setup(test_emptied_while_it_runs, set_up),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

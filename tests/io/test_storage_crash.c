/* What has been acknowledged survives the power cut and the killed process. */
#include "cut_vfs.h"
#include "storage_host.h"

#include <signal.h>
#include <sys/wait.h>

extern const pc_module_def pc_mod_storage_sqlite;

#define KEYS 20
#define CUTS 200
#define KILLS 20

/* What a writer knows: of each key the newest value that it wrote and that was acknowledged, and
 * the entries of the archive likewise. Two keys of a pair are always written together. */
struct book {
	int written[KEYS], acknowledged[KEYS];
	int entries_written, entries_acknowledged;
	int under_way;
	int told_fd; /* where acknowledgements go; -1: nowhere */
};

struct line {
	struct book *book;
	int key; /* -1: an entry */
	int value;
};

static void on_acknowledged(pc__job *job)
{
	struct line *line = job->data;
	struct book *b = line->book;

	b->under_way--;
	if (job->err == PC_OK) {
		int *known = line->key < 0 ? &b->entries_acknowledged : &b->acknowledged[line->key];

		if (*known < line->value)
			*known = line->value;
		if (b->told_fd >= 0 && write(b->told_fd, line, sizeof(*line)) < 0)
			_exit(1);
	}
	free(line);
}

static pc__job *line_job(struct book *b, int key, int value)
{
	struct line *line = pc__alloc(sizeof(*line));

	*line = (struct line){ b, key, value };
	b->under_way++;
	return pc__job_new(0, on_acknowledged, line);
}

static void add_value(pc__job *job, int key, const char *half, const char *value)
{
	char user[16];

	snprintf(user, sizeof(user), "user%d", key);
	pc__op_items(pc__job_add(job, PC__OP_SET_KEYS, "host", user, "store"),
	             &(pc_item){ half, value, strlen(value) }, 1);
}

static void write_pair(struct storage *s, struct book *b)
{
	int key = rand() % KEYS, value = ++b->written[key];
	pc__job *job = line_job(b, key, value);
	char text[6000];
	int len = snprintf(text, sizeof(text), "%d ", value);

	/* now and then a long one, so that the log fills and is copied back */
	if (rand() % 4 == 0) {
		memset(text + len, 'x', sizeof(text) - (size_t)len);
		text[sizeof(text) - 1] = '\0';
	}
	add_value(job, key, "left", text);
	add_value(job, key, "right", text);
	pc__worker_submit(s->w, job);
}

static void write_entry(struct storage *s, struct book *b)
{
	int value = ++b->entries_written;
	pc__job *job = line_job(b, -1, value);
	char id[16];

	snprintf(id, sizeof(id), "%d", value);
	pc__op_entry(pc__job_add(job, PC__OP_APPEND, "host", "romeo", "archive"),
	             &(pc_entry){ id, value, "juliet@h", id, strlen(id) });
	pc__worker_submit(s->w, job);
}

static void write_one(struct storage *s, struct book *b)
{
	if (rand() % 2)
		write_pair(s, b);
	else
		write_entry(s, b);
}

/* ---- afterwards */

static int value_of(struct storage *s, int key, const char *half)
{
	char user[16];

	snprintf(user, sizeof(user), "user%d", key);
	assert_int_equal(storage_get(s, user, half), PC_OK);
	return s->rows.n_items ? atoi(s->rows.items[0].value) : 0;
}

/* Entries are in their order, and none is missing before one that is there. */
static void verify_entries(struct storage *s, struct book *b)
{
	pc__op *op =
	        pc__job_add(pc__job_new(0, on_told, s), PC__OP_FIND, "host", "romeo", "archive");
	int n;

	assert_int_equal(storage_run(s, op), PC_OK);
	n = (int)s->rows.n_entries;
	assert_in_range(n, b->entries_acknowledged, b->entries_written);
	for (int i = 0; i < n; i++)
		assert_int_equal(atoi(s->rows.entries[i].id), i + 1);
	b->entries_written = b->entries_acknowledged = n;
}

static void verify(struct storage *s, struct book *b)
{
	assert_int_equal(storage_run(s, storage_op(s, PC__OP_CHECK, NULL)), PC_OK);
	for (int key = 0; key < KEYS; key++) {
		int left = value_of(s, key, "left");

		assert_in_range(left, b->acknowledged[key], b->written[key]);
		assert_int_equal(value_of(s, key, "right"), left);
		b->written[key] = b->acknowledged[key] = left;
	}
	verify_entries(s, b);
}

/* ---- power cuts */

static void write_until_dark(struct storage *s, struct book *b)
{
	int n = 20 + rand() % 300, window = 1 + rand() % 50;

	for (int i = 0; i < n && !cut_is_off(); i++) {
		write_one(s, b);
		while (b->under_way >= window)
			uv_run(&s->loop, UV_RUN_ONCE);
	}
	if (rand() % 2)
		cut_after(rand() % 3); /* in the last commits, or in the closing */
}

static void test_power_cut(void **state)
{
	char *folder = folder_new(), *path = in_folder(folder, "prosody.sqlite");
	struct book b = { .told_fd = -1 };
	int cuts = 0, acknowledged = 0;

	(void)state;
	srand(4711);
	cut_start();
	while (cuts < CUTS) {
		struct storage *s;
		int err;

		cut_after(rand() % (rand() % 8 ? 600 : 12)); /* sometimes while it opens */
		s = storage_new(&pc_mod_storage_sqlite, &err);
		if (err == PC_OK)
			write_until_dark(s, &b);
		else
			assert_true(cut_is_off());
		storage_free(&s);
		cuts += cut_restore(path);
		s = storage_open(&pc_mod_storage_sqlite);
		acknowledged += b.entries_acknowledged;
		verify(s, &b);
		storage_free(&s);
		cut_restore(path);
	}
	assert_true(acknowledged > 0 && b.entries_acknowledged > CUTS);
	cut_end();
	free(path);
	folder_free(&folder);
}

/* ---- the killed process */

static void child(int told_fd, const struct book *known, unsigned seed)
{
	struct book b = *known;
	struct storage *s = storage_open(&pc_mod_storage_sqlite);

	srand(seed);
	b.told_fd = told_fd;
	for (;;) {
		write_one(s, &b);
		while (b.under_way >= 20)
			uv_run(&s->loop, UV_RUN_ONCE);
	}
}

/* Reads acknowledgements until there are `n` of them, kills, and reads what was still in the pipe.
 */
static void listen_and_kill(pid_t pid, int fd, int n, struct book *b)
{
	struct line line;
	int status;

	while (read(fd, &line, sizeof(line)) == (ssize_t)sizeof(line)) {
		int *known = line.key < 0 ? &b->entries_acknowledged : &b->acknowledged[line.key];

		if (*known < line.value)
			*known = line.value;
		if (--n == 0)
			kill(pid, SIGKILL);
	}
	assert_true(n <= 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_kill(void **state)
{
	char *folder = folder_new();
	struct book b = { .told_fd = -1 };

	(void)state;
	srand(42);
	for (int round = 0; round < KILLS; round++) {
		struct storage *s;
		int fds[2];
		pid_t pid;

		assert_int_equal(pipe(fds), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			close(fds[0]);
			child(fds[1], &b, (unsigned)round);
		}
		close(fds[1]);
		listen_and_kill(pid, fds[0], 1 + rand() % 200, &b);
		close(fds[0]);
		/* nobody knows what was written last: anything from what was acknowledged on */
		for (int key = 0; key < KEYS; key++)
			b.written[key] = INT32_MAX;
		b.entries_written = INT32_MAX;
		s = storage_open(&pc_mod_storage_sqlite);
		verify(s, &b);
		storage_free(&s);
	}
	folder_free(&folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kill),
		cmocka_unit_test(test_power_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Backups, imports, exports. What is to be moved lies in a bundle (util/bundle.h) meanwhile: a file
 * in the data folder, for the server's user alone, which is gone when we end.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <prosody-c/jid.h>

#include "ctl/ctl.h"
#include "move/move.h"
#include "util/mem.h"

/* To be removed, whatever ends us: the bundle, and a file that is not whole yet. */
static char *bundle_path;
static const char *part_path;

/* As the server sees it, which is in another folder. */
static char *from_root(const char *path)
{
	char *here, *whole;

	if (*path == '/')
		return pc__strdup(path);
	here = getcwd(NULL, 0);
	if (here == NULL) {
		answer_error("%s", strerror(errno));
		return NULL;
	}
	whole = pc__printf("%s/%s", here, path);
	free(here);
	return whole;
}

static int copy(const struct ctl *ctl, const char *command, const char *file, bool force)
{
	char *path = from_root(file);
	const char *words[] = { command, path, "--force" };
	int status = path ? ctl_run(ctl, words, force ? 3 : 2) : CTL_FAILED;

	free(path);
	return status;
}

/* ------------------------------------------------------------ the bundle's file */

static void on_signal(int number)
{
	if (bundle_path)
		unlink(bundle_path);
	if (part_path)
		unlink(part_path);
	_exit(128 + number);
}

static void remove_files(void)
{
	if (bundle_path)
		unlink(bundle_path);
	if (part_path)
		unlink(part_path);
	part_path = NULL;
	pc__free(&bundle_path);
}

/* Private to whom the data folder belongs: root may ask a server that is not root. */
static FILE *make_bundle(const struct ctl *ctl)
{
	char *folder = ctl_option(ctl, "data_path");
	struct stat st;
	int fd;

	if (folder == NULL)
		return NULL;
	bundle_path = pc__printf("%s/moving-XXXXXX", folder);
	fd = mkostemp(bundle_path, O_CLOEXEC);
	if (fd < 0 || stat(folder, &st) != 0 ||
	    (geteuid() == 0 && fchown(fd, st.st_uid, st.st_gid) != 0)) {
		answer_error("%s: %s", folder, strerror(errno));
		free(folder);
		return NULL;
	}
	free(folder);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGHUP, on_signal);
	return fdopen(fd, "w+");
}

/* ------------------------------------------------------------ import */

/* A folder may have a database beside the files. */
static int read_prosody(struct move *m, const char *source)
{
	struct stat st;
	char *file;
	int err;

	if (stat(source, &st) != 0) {
		answer_error("%s: %s", source, strerror(errno));
		return PC_EIO;
	}
	if (!S_ISDIR(st.st_mode))
		return prosody_sql(m, source);
	err = prosody_files(m, source);
	file = pc__printf("%s/prosody.sqlite", source);
	if (err == PC_OK && access(file, F_OK) == 0)
		err = prosody_sql(m, file);
	free(file);
	return err;
}

static int load_bundle(const struct ctl *ctl, const struct move *m, bool dry_run)
{
	const char *words[] = { "store", "load", bundle_path, "--dry-run" };
	int status = ctl_run(ctl, words, dry_run ? 4 : 3);

	if (m->faults > 0)
		answer_error("%lu things were left out: they are named above", m->faults);
	if (status == CTL_OK && m->one_hash > 0)
		answer_text("%lu accounts have keys of one hash only: clients that choose another "
		            "one fail until they have logged in by PLAIN once. The option "
		            "password_hash offers that hash alone.",
		            m->one_hash);
	return status == CTL_OK && m->faults > 0 ? CTL_PARTIAL : status;
}

typedef int read_fn(struct move *m, const char *source);

static int import(const struct ctl *ctl, read_fn *read_source, const char *source, bool dry_run)
{
	FILE *file = make_bundle(ctl);
	struct move m = { .file = source };
	int err, written;

	if (file == NULL)
		return CTL_FAILED;
	m.out = pc__bundle_out_new(file);
	err = read_source(&m, source);
	written = pc__bundle_out_free(&m.out);
	if (fclose(file) != 0 || written != PC_OK) {
		answer_error("%s: it cannot be written", bundle_path);
		return CTL_FAILED;
	}
	return err == PC_OK ? load_bundle(ctl, &m, dry_run) : CTL_FAILED;
}

/* ------------------------------------------------------------ export */

/* A new file that only its owner may read; "-": where standard output was, for from now on what is
 * said goes to standard error. NULL: the message was printed. */
static FILE *open_output(const char *path)
{
	int fd;

	if (strcmp(path, "-") == 0) {
		fflush(stdout);
		fd = dup(STDOUT_FILENO);
		dup2(STDERR_FILENO, STDOUT_FILENO);
		return fdopen(fd, "w");
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		answer_error("%s: %s", path, strerror(errno));
		return NULL;
	}
	part_path = path;
	return fdopen(fd, "w");
}

static int close_output(FILE *out, int err)
{
	bool synced = fflush(out) == 0 && (fsync(fileno(out)) == 0 || errno != EIO);

	if (fclose(out) != 0 || !synced)
		err = PC_EIO;
	if (err == PC_OK)
		part_path = NULL;
	return err;
}

static int write_output(FILE *bundle, const char *path)
{
	struct move m = { .file = path };
	uint64_t users = 0;
	FILE *out = open_output(path);
	int err;

	if (out == NULL)
		return CTL_FAILED;
	rewind(bundle);
	err = close_output(out, xep227_write(&m, bundle, out, &users));
	if (err != PC_OK)
		answer_error("%s: it cannot be written", path);
	else
		answer_text("%" PRIu64 " accounts, with their passwords or keys: nobody else is to "
		            "see it",
		            users);
	if (err != PC_OK)
		return CTL_FAILED;
	return m.faults == 0 ? CTL_OK : CTL_PARTIAL;
}

/* The words behind `store save FILE`; how many, or -1. */
static int choose(const struct ctl_moving *how, char buf[static PC_JID_BUF], const char *words[2])
{
	pc_jid jid;

	if (how->user == NULL) {
		words[0] = how->host;
		return how->host ? 1 : 0;
	}
	if (pc_jid_parse(how->user, buf, &jid) != PC_OK || jid.local == NULL || jid.resource ||
	    (how->host && strcmp(how->host, jid.domain) != 0)) {
		answer_error("not the address of an account there: %s", how->user);
		return -1;
	}
	words[0] = jid.domain;
	words[1] = jid.local;
	return 2;
}

static int export(const struct ctl *ctl, const struct ctl_moving *how, const char *path)
{
	const char *words[5] = { "store", "save" };
	char buf[PC_JID_BUF];
	int n = choose(how, buf, &words[3]), status;
	FILE *bundle;

	if (n < 0)
		return CTL_USAGE;
	if (ctl->json && strcmp(path, "-") == 0) {
		answer_error("standard output is for the answer: name a file");
		return CTL_USAGE;
	}
	if (strcmp(path, "-") != 0 && access(path, F_OK) == 0) {
		answer_error("%s is there already: it is never overwritten", path);
		return CTL_REFUSED;
	}
	bundle = make_bundle(ctl);
	if (bundle == NULL)
		return CTL_FAILED;
	words[2] = bundle_path;
	status = ctl_run(ctl, words, 3 + (size_t)n);
	if (status == CTL_OK)
		status = write_output(bundle, path);
	fclose(bundle);
	return status;
}

/* ------------------------------------------------------------ the command line */

static const char *const commands[] = { "backup", "restore", "import", "export" };

bool ctl_moves(const char *command)
{
	for (size_t i = 0; i < PC__COUNT(commands); i++)
		if (strcmp(command, commands[i]) == 0)
			return true;
	return false;
}

static bool is(const char *const *words, size_t n, const char *command, const char *format)
{
	return n == 3 && strcmp(words[0], command) == 0 && strcmp(words[1], format) == 0;
}

static bool is_plain(const struct ctl_moving *how)
{
	return !how->force && !how->dry_run && !how->host && !how->user;
}

static int run(const struct ctl *ctl, const char *const *words, size_t n,
               const struct ctl_moving *how)
{
	bool chooses = how->host || how->user;

	if (n == 2 && is_plain(how) && strcmp(words[0], "backup") == 0)
		return copy(ctl, words[0], words[1], false);
	if (n == 2 && !how->dry_run && !chooses && strcmp(words[0], "restore") == 0)
		return copy(ctl, words[0], words[1], how->force);
	if (!how->force && !chooses && is(words, n, "import", "prosody"))
		return import(ctl, read_prosody, words[2], how->dry_run);
	if (!how->force && !chooses && is(words, n, "import", "xep227"))
		return import(ctl, xep227_read, words[2], how->dry_run);
	if (!how->force && !how->dry_run && is(words, n, "export", "xep227"))
		return export(ctl, how, words[2]);
	answer_error("usage: prosody-ctl backup FILE | restore FILE [--force] | import "
	             "prosody|xep227 FOLDER|FILE [--dry-run] | export xep227 [--host HOST] "
	             "[--user JID] FILE|-");
	return CTL_USAGE;
}

int ctl_move(const struct ctl *ctl, const char *const *words, size_t n,
             const struct ctl_moving *how)
{
	int status = run(ctl, words, n, how);

	remove_files();
	return status;
}

/*
 * Backups and imports. What is to be moved lies in a bundle (util/bundle.h) meanwhile: a file
 * in the data folder, for the server's user alone, which is gone when we end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "move/move.h"
#include "util/mem.h"

static char *bundle_path; /* to be removed, whatever ends us */

/* As the server sees it, which is in another folder. */
static char *from_root(const char *path)
{
	char *here, *whole;

	if (*path == '/')
		return pc__strdup(path);
	here = getcwd(NULL, 0);
	if (here == NULL) {
		fprintf(stderr, "prosody-ctl: %s\n", strerror(errno));
		return NULL;
	}
	whole = pc__printf("%s/%s", here, path);
	free(here);
	return whole;
}

static int copy(const char *command, const char *file, bool force)
{
	char *path = from_root(file);
	const char *words[] = { command, path, "--force" };
	int status = path ? ctl_run(words, force ? 3 : 2) : CTL_FAILED;

	free(path);
	return status;
}

/* ------------------------------------------------------------ the bundle's file */

static void on_signal(int number)
{
	if (bundle_path)
		unlink(bundle_path);
	_exit(128 + number);
}

static void remove_bundle(void)
{
	if (bundle_path)
		unlink(bundle_path);
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
		fprintf(stderr, "prosody-ctl: %s: %s\n", folder, strerror(errno));
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
		fprintf(stderr, "prosody-ctl: %s: %s\n", source, strerror(errno));
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

static int load_bundle(const struct move *m, bool dry_run)
{
	const char *words[] = { "store", "load", bundle_path, "--dry-run" };
	int status = ctl_run(words, dry_run ? 4 : 3);

	if (m->faults > 0)
		fprintf(stderr, "prosody-ctl: %lu things were left out: they are named above\n",
		        m->faults);
	if (status == CTL_OK && m->one_hash > 0)
		printf("%lu accounts have keys of one hash only: clients that choose another one "
		       "fail "
		       "until they have logged in by PLAIN once. The option password_hash offers "
		       "that "
		       "hash alone.\n",
		       m->one_hash);
	return status == CTL_OK && m->faults > 0 ? CTL_FAILED : status;
}

static int import(const struct ctl *ctl, const char *source, bool dry_run)
{
	FILE *file = make_bundle(ctl);
	struct move m = { .file = source };
	int err, written;

	if (file == NULL)
		return CTL_FAILED;
	m.out = pc__bundle_out_new(file);
	err = read_prosody(&m, source);
	written = pc__bundle_out_free(&m.out);
	if (fclose(file) != 0 || written != PC_OK) {
		fprintf(stderr, "prosody-ctl: %s: it cannot be written\n", bundle_path);
		return CTL_FAILED;
	}
	return err == PC_OK ? load_bundle(&m, dry_run) : CTL_FAILED;
}

/* ------------------------------------------------------------ the command line */

static const char *const commands[] = { "backup", "restore", "import" };

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

int ctl_move(const struct ctl *ctl, const char *const *words, size_t n, bool force, bool dry_run)
{
	int status = CTL_USAGE;

	if (n == 2 && !dry_run && strcmp(words[0], "backup") == 0 && !force)
		return copy(words[0], words[1], false);
	if (n == 2 && !dry_run && strcmp(words[0], "restore") == 0)
		return copy(words[0], words[1], force);
	if (!force && is(words, n, "import", "prosody"))
		status = import(ctl, words[2], dry_run);
	else
		fputs("usage: prosody-ctl backup FILE | restore FILE [--force] |\n"
		      "       import prosody FOLDER|FILE [--dry-run]\n",
		      stderr);
	remove_bundle();
	return status;
}

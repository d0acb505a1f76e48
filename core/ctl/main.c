/*
 * main.c - prosody-ctl's command line.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "util/mem.h"

#define WORDS_MOST 64

static struct ctl ctl;
static const char *csv;
static bool reference; /* of `about` */
static struct ctl_moving moving;

static void usage(FILE *to)
{
	fputs("usage: prosody-ctl [-c FILE] [-o KEY=VALUE]... [--socket PATH] COMMAND "
	      "[ARGUMENT...]\n"
	      "\n"
	      "  adduser JID             makes an account; the password is asked for\n"
	      "  adduser --csv FILE      makes accounts from lines user,domain,password\n"
	      "  passwd JID              sets a password\n"
	      "  deluser JID             removes an account with all that is kept of it\n"
	      "  register USER HOST PASSWORD, unregister USER HOST\n"
	      "  user disable JID        lets an account log in no more; user enable JID: again\n"
	      "  user list HOST\n"
	      "  backup FILE             copies all that is kept, while the server runs\n"
	      "  restore FILE [--force]  puts it back; the server is stopped\n"
	      "  import prosody FOLDER|FILE [--dry-run]\n"
	      "                          takes what Prosody has kept, in files or by SQLite\n"
	      "  import xep227 FOLDER|FILE [--dry-run]\n"
	      "                          takes accounts of any server, by XEP-0227\n"
	      "  export xep227 [--host HOST] [--user JID] FILE|-\n"
	      "                          writes accounts so, while the server runs\n"
	      "  start                   becomes the server, in the foreground\n"
	      "  status, stats, reload, stop\n"
	      "  module list [HOST], module info|load|unload|reload [HOST] NAME\n"
	      "  c2s list|count [HOST], c2s close JID [TEXT], host list\n"
	      "  check config|certs      what is wrong with them, without a server\n"
	      "  about [--reference [markdown|man|json|doap]]\n"
	      "                          the version; everything that can be set and called\n"
	      "  help                    everything that the server and its modules offer\n"
	      "\n"
	      "Where no server runs, accounts are changed in its store directly.\n"
	      "Exit status: 0 done, 1 failed, 2 wrong usage, 3 the server is not running.\n",
	      to);
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "option", required_argument, NULL, 'o' },
	{ "socket", required_argument, NULL, 's' },
	{ "csv", required_argument, NULL, 'C' },
	{ "force", no_argument, NULL, 'f' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "host", required_argument, NULL, 'H' },
	{ "user", required_argument, NULL, 'U' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "version", no_argument, NULL, 'V' },
	{ "reference", no_argument, NULL, 'R' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* What the program exits with; -1: go on. */
static int take_option(int c)
{
	switch (c) {
	case 'c':
		ctl.config = optarg;
		return -1;
	case 'o':
		if (ctl.n_options == PC__COUNT(ctl.options))
			return CTL_USAGE;
		ctl.options[ctl.n_options++] = optarg;
		return -1;
	case 's':
		ctl.socket = optarg;
		return -1;
	case 'C':
		csv = optarg;
		return -1;
	case 'R':
		reference = true;
		return -1;
	case 'q':
		ctl.quiet = true;
		return -1;
	case 'f':
		moving.force = true;
		return -1;
	case 'n':
		moving.dry_run = true;
		return -1;
	case 'H':
		moving.host = optarg;
		return -1;
	case 'U':
		moving.user = optarg;
		return -1;
	case 'V':
		puts("prosody-ctl " PC_VERSION);
		return CTL_OK;
	case 'h':
		usage(stdout);
		return CTL_OK;
	default:
		usage(stderr);
		return CTL_USAGE;
	}
}

/* These work on the store; the others ask a running server. */
static bool works_offline(const char *command)
{
	static const char *const names[] = { "adduser",    "passwd", "deluser", "register",
		                             "unregister", "user",   "help",    "backup",
		                             "restore",    "store" };

	for (size_t i = 0; i < PC__COUNT(names); i++)
		if (strcmp(names[i], command) == 0)
			return true;
	return false;
}

static bool wants_password(char **words, size_t n)
{
	if (n == 2)
		return strcmp(words[0], "adduser") == 0 || strcmp(words[0], "passwd") == 0;
	if (n != 3)
		return false;
	return strcmp(words[0], "register") == 0 ||
	       (strcmp(words[0], "user") == 0 &&
	        (strcmp(words[1], "create") == 0 || strcmp(words[1], "password") == 0));
}

static void on_ended(unsigned long tag, int code, const char *text, void *data)
{
	int *status = data;

	(void)tag;
	*status = code == PC_OK ? CTL_OK : code == PC_EINVAL ? CTL_USAGE : CTL_FAILED;
	if (code != PC_OK)
		fprintf(stderr, "prosody-ctl: %s\n", *text ? text : pc_strerror(code));
	else if (*text && !ctl.quiet)
		puts(text);
}

int ctl_run(const char *const *words, size_t n)
{
	int status = CTL_FAILED, err, fd;
	bool offline = works_offline(words[0]);
	struct talk *talk;
	pid_t child;

	fd = ctl_connect(&ctl, offline, &child);
	if (fd < 0)
		return offline ? CTL_FAILED : CTL_NOT_RUNNING;
	talk = talk_new(fd, on_ended, &status);
	err = talk_ask(talk, 1, words, n);
	if (err == PC_OK)
		err = talk_finish(talk);
	if (err != PC_OK)
		fprintf(stderr, "prosody-ctl: %s\n",
		        err == PC_EINVAL ? "a word has characters that cannot be sent"
		                         : "the server has gone");
	if (err == PC_OK && status == CTL_OK && strcmp(words[0], "stop") == 0) {
		talk_await_end(talk);
		ctl_await_lock(&ctl);
	}
	talk_free(&talk);
	ctl_disconnect(fd, child);
	return err == PC_OK ? status : CTL_FAILED;
}

static int run_with_password(char **words, size_t n)
{
	const char *all[WORDS_MOST + 1];
	char *password = ctl_password();
	int status;

	if (password == NULL)
		return CTL_FAILED;
	memcpy(all, words, n * sizeof(*words));
	all[n] = password;
	status = ctl_run(all, n + 1);
	explicit_bzero(password, strlen(password));
	free(password);
	return status;
}

/* What the server's program does by itself, in the place of this one. Returns only where it cannot.
 */
static int become(const char *option, const char *argument)
{
	ctl_exec(&ctl, option, argument);
	return CTL_FAILED;
}

static int about(char **words, size_t n)
{
	if (n > 2 || (n == 2 && !reference)) {
		usage(stderr);
		return CTL_USAGE;
	}
	if (reference)
		return become("--reference", n == 2 ? words[1] : "markdown");
	return become("--version", NULL);
}

static bool becomes_program(char **words, size_t n, int *status_r)
{
	if (strcmp(words[0], "start") == 0)
		*status_r = become(NULL, NULL);
	else if (strcmp(words[0], "about") == 0)
		*status_r = about(words, n);
	else if (strcmp(words[0], "check") == 0 && n == 2)
		*status_r = become("--check", words[1]);
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	int c, status = -1;
	size_t n;

	while (status < 0 && (c = getopt_long(argc, argv, "c:o:qh", long_options, NULL)) != -1)
		status = take_option(c);
	if (status >= 0)
		return status;
	n = (size_t)(argc - optind);
	if (n == 0 || n > WORDS_MOST) {
		usage(stderr);
		return CTL_USAGE;
	}
	if (becomes_program(argv + optind, n, &status))
		return status;
	if (csv)
		return ctl_csv(&ctl, csv);
	if (wants_password(argv + optind, n))
		return run_with_password(argv + optind, n);
	if (ctl_moves(argv[optind]))
		return ctl_move(&ctl, (const char *const *)argv + optind, n, &moving);
	return ctl_run((const char *const *)argv + optind, n);
}

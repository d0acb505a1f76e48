#include <getopt.h>
#include <string.h>

#include "ctl/ctl.h"
#include "util/mem.h"

void ctl_usage(FILE *to)
{
	fputs("usage: prosody-ctl [-c FILE] [-o KEY=VALUE]... [--socket PATH] [--json] COMMAND "
	      "[ARGUMENT...]\n"
	      "\n"
	      "  adduser JID             makes an account; the password is asked for\n"
	      "  adduser --csv FILE      makes accounts from lines user,domain,password\n"
	      "  passwd JID              sets a password\n"
	      "  deluser JID             removes an account with all that is kept of it\n"
	      "  register USER HOST PASSWORD, unregister USER HOST\n"
	      "  user disable JID        lets an account log in no more; user enable JID: again\n"
	      "  user list HOST\n"
	      "  user role JID [ROLE]    what it may do\n"
	      "  invite HOST             a link to register with; invite create-account,\n"
	      "                          create-contact, create-reset JID, list HOST\n"
	      "  announce HOST|all TEXT  tells everybody who is online; motd show|set|delete HOST\n"
	      "  backup FILE             copies all that is kept, while the server runs\n"
	      "  restore FILE [--force]  puts it back; the server is stopped\n"
	      "  import prosody FOLDER|FILE [--dry-run]\n"
	      "                          takes what Prosody has kept, in files or by SQLite\n"
	      "  import xep227 FOLDER|FILE [--dry-run]\n"
	      "                          takes accounts of any server, by XEP-0227\n"
	      "  export xep227 [--host HOST] [--user JID] FILE|-\n"
	      "                          writes accounts so, while the server runs\n"
	      "  cert generate HOST [--force], cert request HOST [--force]\n"
	      "                          makes a key and a certificate, or a signing request\n"
	      "  cert import FOLDER [HOST...] [--force]\n"
	      "                          copies what certbot and the like have brought\n"
	      "  start                   becomes the server, in the foreground\n"
	      "  status, stats, reload, stop\n"
	      "  log list, log level SINK|all LEVEL\n"
	      "                          where log lines go, and which, until the next reload\n"
	      "  watch JID|HOST|all, watch log [LEVEL]\n"
	      "                          shows what passes, until Ctrl-C\n"
	      "  module list [HOST], module info|load|unload|reload [HOST] NAME\n"
	      "  c2s list|count [HOST], c2s close JID [TEXT], host list\n"
	      "  check config|certs      what is wrong with them, without a server\n"
	      "  check dns [HOST]        do names lead to this machine and to its ports?\n"
	      "  check connectivity [HOST]\n"
	      "                          is it reached so, with a certificate that is trusted?\n"
	      "  about [--reference [markdown|man|json|doap]]\n"
	      "                          the version; everything that can be set and called\n"
	      "  shell                   many commands, one a line; without a command on a\n"
	      "                          terminal, too\n"
	      "  help                    everything that the server and its modules offer\n"
	      "\n"
	      "Where no server runs, accounts are changed in its store directly.\n"
	      "Exit status: 0 done, 1 failed, 2 wrong usage, 3 the server is not running,\n"
	      "4 refused, 5 done in part.\n",
	      to);
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' }, { "option", required_argument, NULL, 'o' },
	{ "socket", required_argument, NULL, 's' }, { "csv", required_argument, NULL, 'C' },
	{ "force", no_argument, NULL, 'f' },        { "dry-run", no_argument, NULL, 'n' },
	{ "host", required_argument, NULL, 'H' },   { "user", required_argument, NULL, 'U' },
	{ "json", no_argument, NULL, 'j' },         { "quiet", no_argument, NULL, 'q' },
	{ "version", no_argument, NULL, 'V' },      { "reference", no_argument, NULL, 'R' },
	{ "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
};

/* Where the server is. */
static int take_place(struct ctl *ctl, bool inner, int c)
{
	if (inner) {
		answer_error("the shell stays with the server that it has");
		return CTL_USAGE;
	}
	if (c == 'c')
		ctl->config = optarg;
	else if (c == 's')
		ctl->socket = optarg;
	else if (ctl->n_options < PC__COUNT(ctl->options))
		ctl->options[ctl->n_options++] = optarg;
	else
		return CTL_USAGE;
	return -1;
}

static int tell_version(void)
{
	if (answer_is_json())
		answer_row("{\"version\":\"" PC_VERSION "\"}");
	else
		puts("prosody-ctl " PC_VERSION);
	return CTL_OK;
}

static int refuse(const char *option)
{
	answer_error("no such option, or its argument is missing: %s", option);
	return CTL_USAGE;
}

/* What the program exits with; -1: go on. */
static int take_option(struct ctl *ctl, struct line *line, bool inner, int c)
{
	switch (c) {
	case 'c':
	case 'o':
	case 's':
		return take_place(ctl, inner, c);
	case 'C':
		line->csv = optarg;
		return -1;
	case 'R':
		line->reference = true;
		return -1;
	case 'q':
		ctl->quiet = true;
		answer_begin(ctl->json, true);
		return -1;
	case 'j': /* seen before */
		return -1;
	case 'f':
		line->moving.force = true;
		return -1;
	case 'n':
		line->moving.dry_run = true;
		return -1;
	case 'H':
		line->moving.host = optarg;
		return -1;
	case 'U':
		line->moving.user = optarg;
		return -1;
	case 'V':
		return tell_version();
	default:
		ctl_usage(stdout);
		return CTL_OK;
	}
}

/* Whatever is wrong with the others is said as JSON, too. */
static bool wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

int ctl_options(struct ctl *ctl, struct line *line, bool inner, int argc, char **argv)
{
	int c, status = -1;

	ctl->json = ctl->json || wants_json(argc, argv);
	answer_begin(ctl->json, ctl->quiet);
	opterr = 0;
	optind = 0; /* anew, for the lines of a shell */
	while (status < 0 && (c = getopt_long(argc, argv, "c:o:s:qh", long_options, NULL)) != -1)
		status = c == '?' ? refuse(argv[optind - 1]) : take_option(ctl, line, inner, c);
	line->n = (size_t)(argc - optind);
	line->words = (const char *const *)argv + optind;
	return status;
}

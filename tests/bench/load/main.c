/*
 * bench-load: puts one kind of load on an XMPP server. See tests/README.md, and --help.
 */
#include <string.h>
#include <sys/resource.h>

#include "wire.h"
#include "work.h"

static const struct {
	const char *name, *help;
	bool (*run)(const struct options *o);
} works[] = {
	{ "register", "--users make their accounts (XEP-0077)", work_register },
	{ "befriend", "a ring of --users, each subscribed both ways to --contacts", work_befriend },
	{ "fill", "--users put --contacts items each into their rosters", work_fill },
	{ "first", "one tries until it is logged in", work_first },
	{ "idle", "half of --users are there, the others log in, all stay without a word",
	  work_idle },
	{ "login", "--users log in and leave, --count times each", work_login },
	{ "message", "half of --users send --count each to the other half", work_message },
	{ "rate", "the same at --rate, for --seconds, whatever the server does", work_rate },
	{ "storm", "the same while --count others log in, each once", work_storm },
	{ "ping", "--users send --count pings each to the server", work_ping },
	{ "room", "--users in one room hear --count messages", work_room },
	{ "presence", "--users of a ring send --count presences to --contacts", work_presence },
};
#define WORKS (sizeof works / sizeof *works)

void work_list(FILE *out)
{
	for (unsigned i = 0; i < WORKS; i++)
		fprintf(out, "  %-10s %s\n", works[i].name, works[i].help);
}

static void allow_many_files(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	struct options o;

	options_read(&o, argc, argv);
	allow_many_files();
	wire_init(NULL, NULL);
	for (unsigned i = 0; i < WORKS; i++)
		if (strcmp(works[i].name, o.work) == 0)
			return works[i].run(&o) ? 0 : 1;
	fprintf(stderr, "bench-load: no such work: %s\n", o.work);
	return 2;
}

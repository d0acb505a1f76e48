#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "work.h"

static _Noreturn void usage(int status)
{
	FILE *out = status == 0 ? stdout : stderr;

	fputs("usage: bench-load [OPTION...] WORK\n"
	      "  --port N --domain NAME --password TEXT   where to, and as user0, user1, ...\n"
	      "  --tls         by STARTTLS; otherwise in clear\n"
	      "  --extended    with stream management (XEP-0198) and carbons (XEP-0280)\n"
	      "  --raw         no XMPP: for the floor\n"
	      "  --first N     the first account's number\n"
	      "  --users N     sessions\n"
	      "  --count N     units of each session or pair\n"
	      "  --window N    units under way of each\n"
	      "  --concurrency N   log-ins under way\n"
	      "  --contacts N  of each user\n"
	      "  --rate N --seconds T   open loops: units a second in all, and for how long\n"
	      "  --timeout T   when the work is given up\n\n",
	      out);
	work_list(out);
	fputs("\nIt prints a line of JSON when all is set, and one when the work is done. After "
	      "each\n"
	      "it waits for a line, or for the end of its standard input.\n",
	      out);
	exit(status);
}

static unsigned number(const char *text, unsigned long least, unsigned long most)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text == '\0' || *text == '-' || *end != '\0' || n < least || n > most) {
		fprintf(stderr, "bench-load: %s: a number from %lu to %lu is expected\n", text,
		        least, most);
		exit(2);
	}
	return (unsigned)n;
}

static void take(struct options *o, int c)
{
	switch (c) {
	case 'p':
		o->port = (uint16_t)number(optarg, 1, 65535);
		break;
	case 'd':
		o->domain = optarg;
		break;
	case 'w':
		o->password = optarg;
		break;
	case 't':
		o->tls = true;
		break;
	case 'x':
		o->extended = true;
		break;
	case 'r':
		o->raw = true;
		break;
	case 'f':
		o->first = number(optarg, 0, 1000000);
		break;
	case 'u':
		o->users = number(optarg, 1, 1000000);
		break;
	case 'n':
		o->count = number(optarg, 1, 100000000);
		break;
	case 'W':
		o->window = number(optarg, 1, 10000);
		break;
	case 'c':
		o->concurrency = number(optarg, 1, 10000);
		break;
	case 'k':
		o->contacts = number(optarg, 0, 10000);
		break;
	case 'R':
		o->rate = number(optarg, 1, 1000000);
		break;
	case 's':
		o->seconds = number(optarg, 1, 86400);
		break;
	case 'T':
		o->timeout = number(optarg, 1, 86400);
		break;
	case 'h':
		usage(0);
	default:
		usage(2);
	}
}

void options_read(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "port", 1, 0, 'p' },
		{ "domain", 1, 0, 'd' },
		{ "password", 1, 0, 'w' },
		{ "tls", 0, 0, 't' },
		{ "raw", 0, 0, 'r' },
		{ "extended", 0, 0, 'x' },
		{ "first", 1, 0, 'f' },
		{ "users", 1, 0, 'u' },
		{ "count", 1, 0, 'n' },
		{ "window", 1, 0, 'W' },
		{ "concurrency", 1, 0, 'c' },
		{ "contacts", 1, 0, 'k' },
		{ "rate", 1, 0, 'R' },
		{ "seconds", 1, 0, 's' },
		{ "timeout", 1, 0, 'T' },
		{ "help", 0, 0, 'h' },
		{ 0 },
	};

	*o = (struct options){ .domain = "localhost",
		               .password = "secret",
		               .port = 5222,
		               .users = 100,
		               .count = 100,
		               .window = 1,
		               .concurrency = 20,
		               .contacts = 10,
		               .rate = 1000,
		               .seconds = 5,
		               .timeout = 120 };
	for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;)
		take(o, c);
	if (optind != argc - 1)
		usage(2);
	o->work = argv[optind];
}

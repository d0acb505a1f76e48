/*
 * main.c - the daemon's command line.
 *
 *   prosody-c [-c FILE] [-o [HOST:]KEY=VALUE]...    serves, in the foreground
 *   prosody-c --shell ...                           serves commands on descriptor 0, opens no port
 *   prosody-c --print KEY                           prints an option of the configuration
 */
#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "log.h"
#include "server.h"
#include "start.h"
#include "util/mem.h"

#define OVERRIDES_MOST 64

enum { EXIT_USAGE = 2, EXIT_CONFIG = 78 };

static struct {
	const char *config;
	const char *overrides[OVERRIDES_MOST];
	size_t n_overrides;
	const char *print;
	bool shell;
} args;

static void usage(FILE *to)
{
	fputs("usage: prosody-c [-c FILE] [-o [HOST:]KEY=VALUE]... [--shell | --print KEY]\n"
	      "  -c, --config FILE   the configuration (prosody-c.conf)\n"
	      "  -o, --option K=V    sets an option, before what the file says\n"
	      "      --shell         serve commands on descriptor 0 and open no port\n"
	      "      --print KEY     print an option and end\n"
	      "  -F, --foreground    stay in the foreground (always so)\n"
	      "      --version, --help\n",
	      to);
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' }, { "option", required_argument, NULL, 'o' },
	{ "foreground", no_argument, NULL, 'F' },   { "shell", no_argument, NULL, 'S' },
	{ "print", required_argument, NULL, 'P' },  { "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
};

/* What the program exits with; -1: go on. */
static int take_option(int c)
{
	switch (c) {
	case 'c':
		args.config = optarg;
		return -1;
	case 'o':
		if (args.n_overrides == OVERRIDES_MOST)
			return EXIT_USAGE;
		args.overrides[args.n_overrides++] = optarg;
		return -1;
	case 'F':
		return -1;
	case 'S':
		args.shell = true;
		return -1;
	case 'P':
		args.print = optarg;
		return -1;
	case 'V':
		puts("prosody-c " PC_VERSION);
		return 0;
	case 'h':
		usage(stdout);
		return 0;
	default:
		usage(stderr);
		return EXIT_USAGE;
	}
}

static int parse_args(int argc, char **argv)
{
	int c, status = -1;

	while (status < 0 && (c = getopt_long(argc, argv, "c:o:FhV", long_options, NULL)) != -1)
		status = take_option(c);
	if (status < 0 && optind < argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	return status;
}

/* ------------------------------------------------------------ where things are */

static const char *dir_of(const char *path)
{
	char *copy = pc__strdup(path), *dir = pc__strdup(dirname(copy));

	free(copy);
	return dir;
}

static const char *program_dir(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		return ".";
	path[n] = '\0';
	return dir_of(path);
}

static bool find_config(void)
{
	char *real = realpath(args.config ? args.config : "prosody-c.conf", NULL);

	if (real == NULL) {
		fprintf(stderr, "prosody-c: %s: %s\n", args.config ? args.config : "prosody-c.conf",
		        strerror(errno));
		return false;
	}
	pc__server.config_file = real;
	pc__server.config_dir = dir_of(real);
	return true;
}

static const char *data_path(void)
{
	const char *option = pc__opt_str(NULL, "data_path");

	if (option == NULL)
		option = "data";
	return *option == '/' ? pc__strdup(option)
	                      : pc__printf("%s/%s", pc__server.config_dir, option);
}

static bool make_data_path(void)
{
	pc__server.data_path = data_path();
	if (mkdir(pc__server.data_path, 0750) == 0 || errno == EEXIST)
		return true;
	pc__log("server", PC_ERROR, "the data folder %s cannot be made: %s", pc__server.data_path,
	        strerror(errno));
	return false;
}

/* Every descriptor that we may have: each client is one. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static bool load_config(void)
{
	char *error = NULL;
	pc__config *config;

	pc__start_set(pc__server.config_file, args.overrides, args.n_overrides);
	config = pc__start_read_config(&error);
	if (config == NULL) {
		fprintf(stderr, "prosody-c: %s\n", error);
		free(error);
		return false;
	}
	pc__config_use(config);
	return true;
}

/* For prosody-ctl, which looks for the server there. */
static void print_socket(const char *option)
{
	if (*option == '/')
		puts(option);
	else
		printf("%s/%s\n", pc__server.data_path, option);
}

static int print_option(void)
{
	const pc__value *v = pc__config_get(NULL, args.print);

	pc__server.data_path = data_path();
	if (strcmp(args.print, "data_path") == 0)
		puts(pc__server.data_path);
	else if (strcmp(args.print, "admin_socket") == 0)
		print_socket(v && v->type == PC__STRING ? v->s : "prosody.sock");
	else if (v && v->type == PC__STRING)
		puts(v->s);
	else if (v && v->type == PC__NUMBER)
		printf("%g\n", v->n);
	else if (v && v->type == PC__BOOL)
		puts(v->b ? "true" : "false");
	else
		return EXIT_FAILURE;
	return EXIT_SUCCESS;
}

static int serve(void)
{
	int err;

	pc__log_setup();
	raise_limits();
	if (!make_data_path())
		return EXIT_FAILURE;
	pc__server.loop = uv_default_loop();
	pc__server.commands_only = args.shell;
	err = pc__server_start();
	if (err == PC_OK)
		uv_run(pc__server.loop, UV_RUN_DEFAULT);
	pc__server_end();
	uv_loop_close(pc__server.loop);
	return err == PC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	int status = parse_args(argc, argv);

	if (status >= 0)
		return status;
	pc__server.program_dir = program_dir();
	if (!find_config() || !load_config())
		return EXIT_CONFIG;
	status = args.print ? print_option() : serve();
	pc__log_free();
	return status;
}

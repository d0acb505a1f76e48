/*
 * main.c - the daemon's command line.
 *
 *   prosody-c [-D] [-c FILE] [-o [HOST:]KEY=VALUE]...   serves, in the foreground without -D
 *   prosody-c --shell ...                               serves commands on descriptor 0, opens no
 * port prosody-c --print KEY                               prints an option of the configuration
 */
#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "config.h"
#include "detach.h"
#include "handed.h"
#include "inspect.h"
#include "lock.h"
#include "log.h"
#include "make_cert.h"
#include "process.h"
#include "server.h"
#include "start.h"
#include "systemd.h"
#include "util/mem.h"

#define OVERRIDES_MOST 64

static struct {
	const char *config;
	const char *overrides[OVERRIDES_MOST];
	size_t n_overrides;
	const char *print;
	const char *check, *reference, *cert;
	const char *const *words; /* of --cert and --check; ends with NULL */
	bool shell, detach, json, force;
} args;

static void usage(FILE *to)
{
	fputs("usage: prosody-c [-D] [-c FILE] [-o [HOST:]KEY=VALUE]... [--shell | --print KEY]\n"
	      "  -c, --config FILE   the configuration (" PC_CONFIG_DIR "/prosody-c.conf; of a\n"
	      "                      program that is not installed, prosody-c.conf here)\n"
	      "  -o, --option K=V    sets an option, over what the file says\n"
	      "  -D, --daemonize     go into the background as soon as the server is ready\n"
	      "  -F, --foreground    stay in the foreground, as without -D\n"
	      "      --shell         serve commands on descriptor 0 and open no port\n"
	      "      --print KEY     print an option and end\n"
	      "      --check WHAT [HOST]\n"
	      "                      tell what is wrong with the \"config\", the \"certs\", the\n"
	      "                      \"dns\" of HOST, or its \"connectivity\"\n"
	      "      --json          with --check: an object of JSON for each finding\n"
	      "      --cert WHAT     \"generate\" or \"request\" HOST, \"import\" FOLDER "
	      "[HOST...]:\n"
	      "                      makes certificates, or copies them; --force overwrites\n"
	      "      --reference F   print everything that can be set and called: F is\n"
	      "                      \"markdown\", \"man\" or \"json\"\n"
	      "      --version, --help\n"
	      "\n"
	      "SIGHUP reloads the configuration and opens log files again; SIGTERM ends the "
	      "server.\n"
	      "\n"
	      "Exit status:\n"
	      "   0  ended as asked; with -D: the server is ready\n"
	      "   1  an option that --print was asked for is not set; --check found something\n"
	      "  64  the command line is wrong\n"
	      "  67  the user or group to run as does not exist\n"
	      "  68  --check: there is no such host\n"
	      "  69  a port cannot be bound\n"
	      "  70  with -D: the server broke down before it was ready\n"
	      "  71  the system refused a process, or descriptor 0 for --shell\n"
	      "  73  the data folder or the pid file cannot be made; --cert refused\n"
	      "  74  the database cannot be opened\n"
	      "  75  another server uses the data folder; --cert did a part\n"
	      "  77  the user to run as cannot be become\n"
	      "  78  the configuration is broken or cannot be read\n",
	      to);
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "option", required_argument, NULL, 'o' },
	{ "foreground", no_argument, NULL, 'F' },
	{ "daemonize", no_argument, NULL, 'D' },
	{ "shell", no_argument, NULL, 'S' },
	{ "print", required_argument, NULL, 'P' },
	{ "check", required_argument, NULL, 'K' },
	{ "cert", required_argument, NULL, 'E' },
	{ "force", no_argument, NULL, 'f' },
	{ "json", no_argument, NULL, 'J' },
	{ "reference", required_argument, NULL, 'R' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int add_override(const char *text)
{
	if (args.n_overrides == OVERRIDES_MOST) {
		fprintf(stderr, "prosody-c: more than %d options\n", OVERRIDES_MOST);
		return EX_USAGE;
	}
	args.overrides[args.n_overrides++] = text;
	return -1;
}

/* What the program exits with; -1: go on. */
static int take_option(int c)
{
	switch (c) {
	case 'c':
		args.config = optarg;
		return -1;
	case 'o':
		return add_override(optarg);
	case 'D':
	case 'F':
		args.detach = c == 'D';
		return -1;
	case 'S':
		args.shell = true;
		return -1;
	case 'P':
		args.print = optarg;
		return -1;
	case 'K':
		args.check = optarg;
		return -1;
	case 'E':
		args.cert = optarg;
		return -1;
	case 'f':
		args.force = true;
		return -1;
	case 'J':
		args.json = true;
		return -1;
	case 'R':
		args.reference = optarg;
		return -1;
	case 'V':
		puts("prosody-c " PC_VERSION);
		return 0;
	case 'h':
		usage(stdout);
		return 0;
	default:
		usage(stderr);
		return EX_USAGE;
	}
}

static int parse_args(int argc, char **argv)
{
	int c, status = -1;

	while (status < 0 && (c = getopt_long(argc, argv, "c:o:DFhV", long_options, NULL)) != -1)
		status = take_option(c);
	args.words = (const char *const *)argv + optind;
	if (status < 0 && argc - optind > (args.cert ? INT_MAX : args.check ? 1 : 0)) {
		usage(stderr);
		return EX_USAGE;
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

/* Of the installed program the system's; of one that was built somewhere, that of the folder that
 * one is in, so that nobody's file there is taken for the system's. */
static const char *usual_config(void)
{
	return strcmp(pc__server.program_dir, PC_PROGRAM_DIR) == 0 ? PC_CONFIG_DIR "/prosody-c.conf"
	                                                           : "prosody-c.conf";
}

static bool find_config(void)
{
	const char *file = args.config ? args.config : usual_config();
	char *real = realpath(file, NULL);

	if (real == NULL) {
		fprintf(stderr, "prosody-c: %s: %s\n", file, strerror(errno));
		return false;
	}
	pc__server.config_file = real;
	pc__server.config_dir = dir_of(real);
	return true;
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

	pc__server.data_path = pc__start_data_path();
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

/* What must be so before anything is opened. */
static int prepare(void)
{
	int status = pc__process_setup();

	pc__log_setup();
	pc__process_warn();
	pc__server.data_path = pc__start_data_path();
	if (status == 0)
		status = pc__start_make_data_path();
	if (status == 0)
		status = pc__lock_data();
	if (status == 0 && !args.shell)
		status = pc__lock_write_pid();
	return status;
}

static int run(void)
{
	int status;

	pc__server.loop = uv_default_loop();
	if (pc__server.loop == NULL)
		return EX_OSERR;
	pc__server.commands_only = args.shell;
	status = pc__server_start();
	if (status == 0)
		uv_run(pc__server.loop, UV_RUN_DEFAULT);
	pc__server_end();
	uv_loop_close(pc__server.loop);
	return status;
}

static int serve(void)
{
	int status = prepare();

	if (status == 0)
		status = run();
	pc__lock_release();
	return status;
}

/* The reference needs no configuration, but has the modules that it names where there is one. */
static int inspect(void)
{
	int status;

	pc__server.program_dir = program_dir();
	if (args.reference && args.config == NULL && access("prosody-c.conf", F_OK) != 0)
		pc__server.config_dir = ".";
	else if (!find_config() || (!args.check && !load_config()))
		return EX_CONFIG;
	pc__start_set(pc__server.config_file, args.overrides, args.n_overrides);
	if (args.cert)
		status = pc__make_cert(args.cert, args.words, args.force);
	else if (args.check)
		status = pc__inspect_check(args.check, args.words[0], args.json);
	else
		status = pc__inspect_reference(args.reference);
	pc__config_use(NULL);
	pc__log_free();
	return status;
}

int main(int argc, char **argv)
{
	int status = parse_args(argc, argv);

	if (status >= 0)
		return status;
	if (args.check || args.reference || args.cert)
		return inspect();
	pc__handed_setup();
	pc__systemd_setup();
	if (args.detach && (status = pc__detach_begin()) >= 0)
		return status;
	pc__server.program_dir = program_dir();
	if (!find_config() || !load_config())
		return EX_CONFIG;
	status = args.print ? print_option() : serve();
	pc__log_free();
	return status;
}

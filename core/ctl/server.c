#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "util/mem.h"

#define ARGS_MOST 160
#define STOP_SECONDS 60 /* for what is not written yet */

/* prosody-c lies beside prosody-ctl. */
static char *program(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		return pc__strdup("prosody-c");
	path[n] = '\0';
	return pc__printf("%s/prosody-c", dirname(path));
}

static size_t common_args(const struct ctl *ctl, const char **args, const char *name)
{
	size_t n = 0;

	args[n++] = name;
	if (ctl->config) {
		args[n++] = "-c";
		args[n++] = ctl->config;
	}
	for (size_t i = 0; i < ctl->n_options; i++) {
		args[n++] = "-o";
		args[n++] = ctl->options[i];
	}
	return n;
}

/* A child with these descriptors (-1: ours) as standard input, output, error. */
static pid_t start(const char **args, int input, int output, int error)
{
	pid_t child = fork();

	if (child != 0)
		return child;
	if (input >= 0)
		dup2(input, 0);
	if (output >= 0)
		dup2(output, 1);
	if (error >= 0)
		dup2(error, 2);
	execvp(args[0], (char *const *)(uintptr_t)args);
	fprintf(stderr, "prosody-ctl: %s: %s\n", args[0], strerror(errno));
	_exit(127);
}

/* Calls `line` for each line that comes from there. */
static void read_lines(int fd, void (*line)(const char *text, void *data), void *data)
{
	FILE *f = fdopen(fd, "r");
	char *text = NULL;
	size_t size = 0;

	while (f && getline(&text, &size, f) >= 0) {
		text[strcspn(text, "\n")] = '\0';
		line(text, data);
	}
	free(text);
	if (f)
		fclose(f);
}

int ctl_program(const struct ctl *ctl, const char *const *words,
                void (*line)(const char *text, void *data), void *data)
{
	const char *args[ARGS_MOST];
	char *name = program();
	size_t n = common_args(ctl, args, name);
	int pipe_fds[2], status = -1;
	pid_t child;

	for (; *words && n < ARGS_MOST - 1; words++)
		args[n++] = *words;
	args[n] = NULL;
	if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
		free(name);
		return -1;
	}
	child = start(args, -1, pipe_fds[1], ctl->json ? pipe_fds[1] : -1);
	close(pipe_fds[1]);
	read_lines(pipe_fds[0], line, data);
	if (child > 0)
		waitpid(child, &status, 0);
	free(name);
	return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void keep_first(const char *text, void *data)
{
	char **first = data;

	if (*first == NULL && *text)
		*first = pc__strdup(text);
}

/* The server's own program reads the configuration. */
char *ctl_option(const struct ctl *ctl, const char *option)
{
	const char *const words[] = { "--print", option, NULL };
	char *value = NULL;

	if (ctl_program(ctl, words, keep_first, &value) == 0)
		return value;
	if (value && ctl->json) /* standard error went the same way */
		answer_error("%s", value);
	free(value);
	return NULL;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		answer_error("the path of the socket is too long: %s", path);
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The store without a server: a prosody-c with no ports, which ends when we do. */
static int start_offline(const struct ctl *ctl, pid_t *child_r)
{
	const char *args[ARGS_MOST];
	char *name = program();
	size_t n = common_args(ctl, args, name);
	int pair[2];

	args[n++] = "-o";
	args[n++] = "log={ { levels = { min = \"error\" }, to = \"console\" } }";
	args[n++] = "--shell";
	args[n] = NULL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	*child_r = start(args, pair[1], -1, -1);
	close(pair[1]);
	free(name);
	return pair[0];
}

void ctl_exec(const struct ctl *ctl, const char *const *words)
{
	const char *args[ARGS_MOST];
	char *name = program();
	size_t n = common_args(ctl, args, name);

	for (; *words && n < ARGS_MOST - 1; words++)
		args[n++] = *words;
	args[n] = NULL;
	execvp(name, (char *const *)(uintptr_t)args);
	answer_error("%s: %s", name, strerror(errno));
	free(name);
}

int ctl_connect(const struct ctl *ctl, bool may_start, pid_t *child_r)
{
	char *path = ctl->socket ? pc__strdup(ctl->socket) : ctl_option(ctl, "admin_socket");
	int fd = path ? connect_to(path) : -1;

	*child_r = 0;
	if (path == NULL)
		answer_error("the configuration cannot be read");
	else if (fd < 0 && may_start)
		fd = start_offline(ctl, child_r);
	else if (fd < 0)
		answer_error("the server is not running");
	if (fd < 0)
		fd = path && !may_start ? -CTL_NOT_RUNNING : -CTL_FAILED;
	free(path);
	return fd;
}

void ctl_disconnect(int fd, pid_t child)
{
	int status;

	shutdown(fd, SHUT_WR);
	if (child > 0)
		waitpid(child, &status, 0);
	close(fd);
}

static void on_alarm(int number)
{
	(void)number;
}

/* It has closed its connections before it has closed its data. The lock on them is its last act. */
void ctl_await_lock(const struct ctl *ctl)
{
	struct sigaction interrupt = { .sa_handler = on_alarm };
	char *data = ctl_option(ctl, "data_path");
	char *path = data ? pc__printf("%s/prosody-c.lock", data) : NULL;
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	sigaction(SIGALRM, &interrupt, NULL);
	alarm(STOP_SECONDS);
	if (fd >= 0 && flock(fd, LOCK_SH) != 0)
		answer_error("the server takes its time to end");
	alarm(0);
	if (fd >= 0)
		close(fd);
	free(path);
	free(data);
}

#include "detach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

static bool detached;
static int parent_fd = -1;

/* A byte means ready; an end without one, that the child has ended or is about to. */
static int await(int fd, pid_t child)
{
	char byte;
	int status;
	ssize_t n;

	do {
		n = read(fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		return EX_OK;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return EX_OSERR;
	if (WIFEXITED(status))
		return WEXITSTATUS(status) ? WEXITSTATUS(status) : EX_SOFTWARE;
	fprintf(stderr, "prosody-c: killed by signal %d before it was ready\n", WTERMSIG(status));
	return EX_SOFTWARE;
}

int pc__detach_begin(void)
{
	int fds[2];
	pid_t child;

	if (pipe2(fds, O_CLOEXEC) != 0 || (child = fork()) < 0) {
		fprintf(stderr, "prosody-c: cannot detach: %s\n", strerror(errno));
		return EX_OSERR;
	}
	if (child > 0) {
		close(fds[1]);
		return await(fds[0], child);
	}
	close(fds[0]);
	parent_fd = fds[1];
	detached = true;
	return -1;
}

void pc__detach_ready(void)
{
	int null;

	if (parent_fd < 0)
		return;
	setsid();
	if (chdir("/") != 0) /* a file system that nobody can unmount is all that it costs */
		errno = 0;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	/* a parent that was killed meanwhile misses nothing */
	while (write(parent_fd, "", 1) < 0 && errno == EINTR)
		;
	close(parent_fd);
	parent_fd = -1;
}

bool pc__detached(void)
{
	return detached;
}

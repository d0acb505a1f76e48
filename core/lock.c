#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "config.h"
#include "log.h"
#include "process.h"
#include "server.h"
#include "util/mem.h"

#define NAME "prosody-c.lock"

static int lock_fd = -1, pid_fd = -1;
static char *pid_path;

static bool put_pid(int fd)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	return ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)len, 0) == len;
}

/* ------------------------------------------------------------ the lock */

static void tell_who(int fd)
{
	char pid[24] = "";

	if (pread(fd, pid, sizeof(pid) - 1, 0) < 0)
		pid[0] = '\0';
	pid[strspn(pid, "0123456789")] = '\0';
	pc__log("server", PC_ERROR, "the data folder %s is in use by another prosody-c, process %s",
	        pc__server.data_path, pid[0] ? pid : "unknown");
}

/* 0, or an exit status; said in the log. */
static int lock_and_sign(int fd, const char *path)
{
	bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;

	if (locked && put_pid(fd))
		return 0;
	if (fd >= 0 && !locked && errno == EWOULDBLOCK) {
		tell_who(fd);
		return EX_TEMPFAIL;
	}
	pc__log("server", PC_ERROR, "%s cannot be locked: %s", path, strerror(errno));
	return EX_CANTCREAT;
}

int pc__lock_data(void)
{
	char *path = pc__printf("%s/" NAME, pc__server.data_path);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int status = lock_and_sign(fd, path);

	if (status == 0)
		lock_fd = fd;
	else if (fd >= 0)
		close(fd);
	free(path);
	return status;
}

/* ------------------------------------------------------------ the pid file */

static char *configured_path(void)
{
	const char *option = pc__opt_str(NULL, "pidfile"), *unit = getenv("RUNTIME_DIRECTORY");

	if (option && *option)
		return pc__strdup(option);
	if (unit && *unit == '/')
		return pc__printf("%.*s/prosody-c.pid", (int)strcspn(unit, ":"), unit);
	return NULL;
}

static int open_pid(void)
{
	return open(pid_path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
}

/* /run is root's, and nobody's link is in the way there. */
static int open_pid_as_root(void)
{
	int fd, err;

	pc__process_raise();
	fd = open_pid();
	err = errno;
	pc__process_lower();
	errno = err;
	return fd;
}

int pc__lock_write_pid(void)
{
	pid_path = configured_path();
	if (pid_path == NULL)
		return 0;
	pid_fd = open_pid();
	if (pid_fd < 0 && errno == EACCES)
		pid_fd = open_pid_as_root();
	if (pid_fd >= 0 && put_pid(pid_fd))
		return 0;
	pc__log("server", PC_ERROR, "the pid file %s cannot be written: %s", pid_path,
	        strerror(errno));
	return EX_CANTCREAT;
}

static bool is_ours(void)
{
	struct stat ours, there;

	return fstat(pid_fd, &ours) == 0 && lstat(pid_path, &there) == 0 &&
	       ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/* Where the folder is not ours to change an empty file is left. */
static void remove_pid(void)
{
	if (is_ours() && unlink(pid_path) != 0 && ftruncate(pid_fd, 0) != 0)
		pc__log("server", PC_WARN, "the pid file %s stays: %s", pid_path, strerror(errno));
	close(pid_fd);
	pid_fd = -1;
}

void pc__lock_release(void)
{
	if (pid_fd >= 0)
		remove_pid();
	pc__free(&pid_path);
	if (lock_fd >= 0)
		close(lock_fd);
	lock_fd = -1;
}

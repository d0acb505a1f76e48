#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"
#include "process.h"
#include "server.h"
#include "util/mem.h"

static const char *config_file;
static const char *const *overrides;
static size_t n_overrides;

void pc__start_set(const char *file, const char *const *texts, size_t n)
{
	config_file = file;
	overrides = texts;
	n_overrides = n;
}

pc__config *pc__start_read_config(char **error_r)
{
	return pc__config_load(config_file, overrides, n_overrides, error_r);
}

/* ------------------------------------------------------------ the data folder */

char *pc__start_data_path(void)
{
	const char *option =
	        pc__config_get(NULL, "data_path") ? pc__opt_str(NULL, "data_path") : "";
	const char *unit = getenv("STATE_DIRECTORY"); /* several are separated by colons */

	if (*option == '\0' && unit && *unit == '/')
		return pc__strndup(unit, strcspn(unit, ":"));
	if (*option == '\0')
		option = "data";
	return *option == '/' ? pc__strdup(option)
	                      : pc__printf("%s/%s", pc__server.config_dir, option);
}

/* In a folder that is root's alone: only what we have made ourselves is given away. */
static int make_as_root(const char *path)
{
	int fd, err;

	pc__process_raise();
	err = mkdir(path, 0750) == 0 ? 0 : errno;
	fd = err ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0) {
		err = pc__process_give(fd) ? 0 : errno;
		close(fd);
	}
	pc__process_lower();
	return err;
}

int pc__start_make_data_path(void)
{
	const char *path = pc__server.data_path;
	int err = mkdir(path, 0750) == 0 ? 0 : errno;

	if (err == EACCES)
		err = make_as_root(path);
	if (err == 0 || err == EEXIST)
		return 0;
	pc__log("server", PC_ERROR, "the data folder %s cannot be made: %s", path, strerror(err));
	return EX_CANTCREAT;
}

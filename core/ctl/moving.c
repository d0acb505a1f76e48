#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "util/mem.h"

/* As the server sees it, which is in another folder. */
static char *from_root(const char *path)
{
	char *here, *whole;

	if (*path == '/')
		return pc__strdup(path);
	here = getcwd(NULL, 0);
	if (here == NULL) {
		fprintf(stderr, "prosody-ctl: %s\n", strerror(errno));
		return NULL;
	}
	whole = pc__printf("%s/%s", here, path);
	free(here);
	return whole;
}

static int copy(const char *command, const char *file, bool force)
{
	char *path = from_root(file);
	const char *words[] = { command, path, "--force" };
	int status = path ? ctl_run(words, force ? 3 : 2) : CTL_FAILED;

	free(path);
	return status;
}

bool ctl_moves(const char *command)
{
	return strcmp(command, "backup") == 0 || strcmp(command, "restore") == 0;
}

int ctl_move(const struct ctl *ctl, const char *const *words, size_t n, bool force, bool dry_run)
{
	(void)ctl;
	if (n != 2 || dry_run || (force && *words[0] == 'b')) {
		fprintf(stderr, "usage: prosody-ctl backup FILE | restore FILE [--force]\n");
		return CTL_USAGE;
	}
	return copy(words[0], words[1], force);
}

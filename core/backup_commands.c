/*
 * Commands: backup, restore.
 */
#include <string.h>

#include "commands.h"
#include "server.h"
#include "stores.h"

static bool is_path(pc_call *call)
{
	const char *path = pc_call_arg(call, 0);

	if (*path == '/')
		return true;
	pc_call_end(call, PC_EINVAL, "the file is to be named from the root: %s", path);
	return false;
}

/* ---- backup */

static void on_backup(int err, void *data)
{
	const char *path = pc_call_arg(data, 0), *driver;

	for (unsigned i = 0; err == PC_OK && (driver = pc__stores_left_out(i)); i++)
		pc_call_print(data, "not in it: what the storage driver %s keeps", driver);
	if (err == PC_OK)
		pc_call_end(data, err, "%s holds everything that was acknowledged before", path);
	else if (err == PC_EEXIST)
		pc_call_end(data, err, "%s is there already: backups are never overwritten", path);
	else if (err == PC_EPERM)
		pc_call_end(data, err, "the server's user may not write %s", path);
	else if (err == PC_ENOTSUP)
		pc_call_end(data, err, "no storage in use can be copied");
	else
		pc_call_end(data, err, "%s was not made: the log says why", path);
}

static void run_backup(pc_call *call, pc_module *m)
{
	(void)m;
	if (is_path(call))
		pc__stores_backup(pc_call_arg(call, 0), on_backup, call);
}

/* ---- restore */

static void on_restored(int err, void *data)
{
	const char *path = pc_call_arg(data, 0);

	if (err == PC_OK)
		pc_call_end(data, err, "everything is as it was when %s was made", path);
	else if (err == PC_EEXIST)
		pc_call_end(data, err, "there are data of users already: --force replaces them");
	else if (err == PC_EINVAL)
		pc_call_end(data, PC_EIO, "%s is no backup of this server, or damaged", path);
	else if (err == PC_ENOENT || err == PC_EPERM)
		pc_call_end(data, err, "%s cannot be read", path);
	else
		pc_call_end(data, err, "%s was not restored: nothing was changed", path);
}

static void run_restore(pc_call *call, pc_module *m)
{
	const char *force = pc_call_arg(call, 1);

	(void)m;
	if (!is_path(call))
		return;
	if (force && strcmp(force, "--force") != 0)
		pc_call_end(call, PC_EINVAL, "usage: restore FILE [--force]");
	else if (!pc__server.commands_only)
		pc_call_end(call, PC_ESTATE, "the server is running: stop it first");
	else
		pc__stores_restore(pc_call_arg(call, 0), force != NULL, on_restored, call);
}

const pc_command pc__backup_commands[] = {
	{ "backup", NULL, "FILE", "Copies all that is kept into a new file", run_backup },
	{ "restore", NULL, "FILE [FORCE]", "Puts back what a backup holds; the server is stopped",
	  run_restore },
	{ 0 },
};

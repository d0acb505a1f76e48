/*
 * The module admin_shell: the server's own commands.
 */
#include "commands.h"

static void add_all(pc_module *m, const pc_command *commands)
{
	for (; commands->section != NULL; commands++)
		pc_add_command(m, commands);
}

static void load(pc_module *m)
{
	add_all(m, pc__server_commands);
	add_all(m, pc__user_commands);
	add_all(m, pc__module_commands);
	add_all(m, pc__session_commands);
	add_all(m, pc__config_commands);
}

const pc_module_def pc_mod_admin_shell = {
	.abi_major = PC_ABI_MAJOR,
	.abi_minor = PC_ABI_MINOR,
	.size = sizeof(pc_module_def),
	.name = "admin_shell",
	.summary = "The commands of prosody-ctl",
	.scope = PC_GLOBAL,
	.no_reload = true,
	.load = load,
};

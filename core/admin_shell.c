/*
 * The module admin_shell: the server's own commands.
 */
#include "commands.h"

static void add_all(pc_module *m, const pc_command *commands)
{
	for (; commands->section != NULL; commands++)
		pc_add_command(m, commands);
}

const pc_command *const pc__core_commands[] = {
	pc__server_commands, pc__user_commands,
	pc__module_commands, pc__session_commands,
	pc__backup_commands, pc__load_commands,
	pc__save_commands,   pc__complete_commands,
	pc__log_commands,    NULL,
};

static void load(pc_module *m)
{
	for (size_t i = 0; pc__core_commands[i]; i++)
		add_all(m, pc__core_commands[i]);
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

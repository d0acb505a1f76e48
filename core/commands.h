/*
 * commands.h - finding and calling shell commands: command.h of the public headers.
 *
 * A command is an item of kind "shell-command" of some module. commands.c finds the one that is
 * meant and checks the number of its arguments; the life of a call is in calls.c; shell.c speaks
 * prosody-ctl's line protocol. The server's own commands are the built-in module admin_shell: a
 * file a section (server_commands.c, module_commands.c, session_commands.c, user_commands.c).
 */
#pragma once

#include <prosody-c/prosody-c.h>

/* What was found for some words. */
struct pc__command_match {
	const pc_command *command;
	pc_module *owner;
	size_t n_words; /* of the command's name: 1 or 2 */
};

/* PC_OK, or PC_E* with a text (malloc'ed) in *error_r. */
int pc__command_find(size_t n, const char *const *words, struct pc__command_match *match_r,
                     char **error_r);
/* How it is written: "user list HOST [PATTERN]", malloc'ed. */
char *pc__command_usage(const pc_command *command);
/* Least and most arguments of a description such as "HOST [PATTERN]"; "..." lifts the limit. */
void pc__command_arity(const char *args, size_t *least_r, size_t *most_r);

/* Serves prosody-ctl on descriptor 0 (a socket) and begins the server's end when the other side has
 * ended and every call has; for `commands_only`. */
int pc__shell_serve_stdin(void);

/* The server's own commands, by file; each list ends with {0}. */
extern const pc_command pc__server_commands[];
extern const pc_command pc__module_commands[];
extern const pc_command pc__session_commands[];
extern const pc_command pc__user_commands[];
extern const pc_command pc__backup_commands[];
extern const pc_command pc__load_commands[];
extern const pc_command pc__save_commands[];
extern const pc_command pc__complete_commands[];
extern const pc_command pc__log_commands[];
/* All of these; ends with NULL. */
extern const pc_command *const pc__core_commands[];
extern const pc_module_def pc_mod_admin_shell;

/* Each command once, also where several hosts offer it; stops when fn returns false. */
void pc__each_command(bool (*fn)(const pc_command *command, void *data), void *data);

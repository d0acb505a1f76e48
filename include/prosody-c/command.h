/*
 * command.h - what administrators can call: by prosody-ctl, and as ad-hoc commands.
 */
#pragma once

#include <prosody-c/base.h>

/* One call under way. It ends by pc_call_end(), at once or later; output before it, line by line. */
typedef struct pc_call pc_call;

/* An item of kind "shell-command". `prosody-ctl user list HOST` calls {"user", "list"}. */
typedef struct pc_command {
	const char *section;    /* "user" */
	const char *name;       /* "list"; NULL: the section alone is the command ("status") */
	const char *args;       /* "HOST [PATTERN]": upper case, optional ones in brackets, "..." */
	const char *help;       /* one line */
	void (*run)(pc_call *call, pc_module *m);
} pc_command;
PC_EXPORT void pc_add_command(pc_module *m, const pc_command *command);

PC_EXPORT size_t pc_call_argc(const pc_call *call);
PC_EXPORT const char *pc_call_arg(const pc_call *call, size_t i); /* NULL past the end */
PC_EXPORT void *pc_call_data(pc_call *call, size_t size);         /* zeroed, lives as the call */
/* A line of output for people. */
PC_EXPORT void pc_call_print(pc_call *call, const char *format, ...) PC_PRINTF(2, 3);
/* Ends the call: PC_OK, or PC_E* with a text of what went wrong (NULL: pc_strerror). */
PC_EXPORT void pc_call_end(pc_call *call, int err, const char *format, ...) PC_PRINTF(3, 4);

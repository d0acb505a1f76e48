/*
 * command.h - what administrators can call: by prosody-ctl, and as ad-hoc commands.
 *
 * A module offers commands by pc_add_command(); a way to call them (a socket, a chat) is a module,
 * too, and uses pc_run_command() or pc_shell_new().
 */
#pragma once

#include <prosody-c/base.h>

/* One call under way. It ends by pc_call_end(), at once or later; output before it, line by line.
 */
typedef struct pc_call pc_call;

/* An item of kind "shell-command". `prosody-ctl user list HOST` calls {"user", "list"}. */
typedef struct pc_command {
	const char *section; /* "user" */
	const char *name;    /* "list"; NULL: the section alone is the command ("status") */
	const char *args;    /* "HOST [PATTERN]": upper case, optional ones in brackets, "..." */
	const char *help;    /* one line */
	void (*run)(pc_call *call, pc_module *m);
} pc_command;
PC_EXPORT void pc_add_command(pc_module *m, const pc_command *command);

PC_EXPORT size_t pc_call_argc(const pc_call *call); /* what follows the command's own words */
PC_EXPORT const char *pc_call_arg(const pc_call *call, size_t i); /* NULL past the end */
/* Zeroed, lives as the call; the same block at every call of this function. */
PC_EXPORT void *pc_call_data(pc_call *call, size_t size);
/* The same as `command`'s of the item that is running. */
PC_EXPORT const pc_command *pc_call_command(const pc_call *call);
/* Output for people; a line feed in it starts a new line, one at the end is not needed. */
PC_EXPORT void pc_call_print(pc_call *call, const char *format, ...) PC_PRINTF(2, 3);
/* A row of a list: the cells are for programs, which get an object, the text is for people. */
typedef enum pc_cell_type { PC_CELL_TEXT, PC_CELL_NUMBER, PC_CELL_TRUTH } pc_cell_type;
typedef struct pc_cell {
	const char *key;
	pc_cell_type type;
	const char *text; /* NULL: there is none */
	double number;    /* also the truth: 0 or 1 */
} pc_cell;
#define PC_TEXT(key, value) ((pc_cell){ (key), PC_CELL_TEXT, (value), 0 })
#define PC_NUMBER(key, value) ((pc_cell){ (key), PC_CELL_NUMBER, NULL, (double)(value) })
#define PC_TRUTH(key, value) ((pc_cell){ (key), PC_CELL_TRUTH, NULL, (value) ? 1 : 0 })
PC_EXPORT void pc_call_row(pc_call *call, const pc_cell *cells, size_t n, const char *format, ...)
        PC_PRINTF(4, 5);
/* For a call that goes on until its caller has enough: `fn` is called when nobody hears it any
 * more, and is to end it. Not called for a call that has ended, nor when the command's module goes.
 */
PC_EXPORT void pc_call_on_unheard(pc_call *call, void (*fn)(pc_call *call));
/* The caller takes less than it is told: what is not worth waiting for had better be left out. */
PC_EXPORT bool pc_call_lags(const pc_call *call);
/* Ends the call: PC_OK, or PC_E* with a text of what went wrong (NULL: pc_strerror). The call is
 * not to be used afterwards. When the command's module is unloaded first, the call ends as
 * PC_ECANCELED by itself. */
PC_EXPORT void pc_call_end(pc_call *call, int err, const char *format, ...) PC_PRINTF(3, 4);

/* ---- calling. Words are the command's name and its arguments: {"user", "list", "example.org"}.
 * Every host's commands can be called; where several hosts offer the same one, the argument HOST,
 * or the domain of the argument JID or ROOM, picks. Who may call is the caller's business. */

typedef void pc_output_fn(const char *text, void *data);
/* `text` is what went wrong, or a summary; "" where there is none. */
typedef void pc_call_ended_fn(int err, const char *text, void *data);
/* `ended` is called exactly once, maybe before this returns, which is NULL then. When m is
 * unloaded, the call goes on unheard. */
PC_EXPORT pc_call *pc_run_command(pc_module *m, size_t n, const char *const *words,
                                  pc_output_fn *output, pc_call_ended_fn *ended, void *data);
/* The same for callers who want more of it. */
typedef struct pc_caller {
	size_t size;
	pc_output_fn *output;
	/* Gets each row as an object of JSON, in the place of its text. NULL: the text it is. */
	pc_output_fn *row;
	bool (*lags)(void *data); /* of pc_call_lags(); NULL: never */
	pc_call_ended_fn *ended;
	void *data;
} pc_caller;
PC_EXPORT pc_call *pc_run_command_for(pc_module *m, size_t n, const char *const *words,
                                      const pc_caller *caller);
/* The caller is no longer interested: nothing is called any more. Clears the pointer; NULL is fine.
 */
PC_EXPORT void pc_call_forget(pc_call **call);

/* ---- a conversation in prosody-ctl's line protocol, over whatever carries bytes. Several calls of
 * one conversation may be under way. */

typedef struct pc_shell pc_shell;
typedef void pc_shell_write_fn(const void *bytes, size_t len, void *data);
/* `write` must not call back. The shell belongs to its maker, who frees it in `.unload` at the
 * latest. */
PC_EXPORT pc_shell *pc_shell_new(pc_shell_write_fn *write, void *data);
/* How the shell learns that `write` is given more than the other side takes; without it, never. */
PC_EXPORT void pc_shell_set_lags(pc_shell *shell, bool (*lags)(void *data));
/* PC_EINVAL: this is not the protocol; PC_ELIMIT: too much is waiting. Close the connection then.
 */
PC_EXPORT int pc_shell_input(pc_shell *shell, const void *bytes, size_t len);
/* Calls that have not ended. */
PC_EXPORT size_t pc_shell_pending(const pc_shell *shell);
/* Calls under way go on unheard. */
PC_EXPORT void pc_shell_free(pc_shell **shell);

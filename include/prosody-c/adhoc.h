/*
 * adhoc.h - ad-hoc commands (XEP-0050): what people run from their clients, form by form.
 *
 * A module lists its commands in PC_MODULE (.adhoc), or adds them by pc_add_adhoc(). mod_adhoc
 * offers them to those who may call them, and speaks the protocol.
 *
 *   static void rename(pc_adhoc_call *call, pc_module *m)
 *   {
 *           const pc_values *answer;
 *
 *           if (pc_adhoc_stage(call) == 0) {
 *                   pc_adhoc_ask(call, &form, NULL, PC_ADHOC_COMPLETE);
 *           } else if ((answer = pc_adhoc_answer(call, 0, &form)) != NULL) {
 *                   ...pc_values_get(answer, "name")...
 *                   pc_adhoc_done(call, "It is called %s now", ...);
 *           }
 *   }
 *
 * A command runs in stages. Stage n is entered with the answers to the n forms that were asked
 * before, and ends by exactly one of pc_adhoc_ask(), _done(), _fail(), _refuse(): at once, or
 * later, while it waits for the store or the like (at most 30 seconds, as events do). Going back
 * (the action prev) and cancelling need no code: an earlier stage is entered again with fewer
 * answers. So a stage must not act before its last answer is there.
 */
#pragma once

#include <prosody-c/base.h>
#include <prosody-c/forms.h>

#define PC_NS_COMMANDS "http://jabber.org/protocol/commands"
#define PC_ADHOC_STAGES 16 /* at most */

/* One execution of a command, from its first stage to its last. */
typedef struct pc_adhoc_call pc_adhoc_call;

/* An item of kind "adhoc". */
typedef struct pc_adhoc {
	const char *node; /* unique on the host */
	const char *name; /* as people see it */
	/* Who may call it, by pc_may(): ":name" is prefixed by the module's name. NULL: everybody,
	 * strangers too. */
	const char *permission;
	const char *help; /* one line */
	void (*run)(pc_adhoc_call *call, pc_module *m);
} pc_adhoc;
PC_EXPORT void pc_add_adhoc(pc_module *m, const pc_adhoc *command);

/* Bits: what the caller may do next, or has done. Cancelling is always possible. */
enum {
	PC_ADHOC_PREV = 1,
	PC_ADHOC_NEXT = 2,
	PC_ADHOC_COMPLETE = 4,
	PC_ADHOC_CANCEL = 8,
	PC_ADHOC_EXECUTE = 16, /* whatever the stage's default is */
};

/* ---- in a stage */

PC_EXPORT unsigned pc_adhoc_stage(const pc_adhoc_call *call); /* 0 at first */
/* What led here: PC_ADHOC_NEXT, _COMPLETE or _PREV; PC_ADHOC_EXECUTE in the beginning. */
PC_EXPORT unsigned pc_adhoc_action(const pc_adhoc_call *call);
PC_EXPORT const char *pc_adhoc_from(const pc_adhoc_call *call); /* full address of the caller */
/* Zeroed, lives as the call; the same block each time. */
PC_EXPORT void *pc_adhoc_data(pc_adhoc_call *call, size_t size);
/* The answer to the form that stage `stage` asked (the last one: pc_adhoc_stage() - 1). NULL: it
 * does not fit the form; the caller has been told so (bad-payload) and may answer again, and the
 * handler just returns. Lives until the stage ends. */
PC_EXPORT const pc_values *pc_adhoc_answer(pc_adhoc_call *call, unsigned stage,
                                           const pc_form *form);
/* The same refusal for what only the handler can see in the answer. The stage has ended. */
PC_EXPORT void pc_adhoc_reject(pc_adhoc_call *call, const char *why);

/* Adds a note to what the stage tells: "info", "warn" or "error". */
PC_EXPORT void pc_adhoc_note(pc_adhoc_call *call, const char *type, const char *format, ...)
        PC_PRINTF(3, 4);
/* The <command/> of the answer, to put elements into: pc_form_tell(), pc_form_table(). */
PC_EXPORT pc_stanza *pc_adhoc_payload(pc_adhoc_call *call);

/* ---- the end of a stage */

/* Asks. `actions`: PC_ADHOC_NEXT where more questions follow, PC_ADHOC_COMPLETE where this may be
 * the last one (0 means that), or both. */
PC_EXPORT void pc_adhoc_ask(pc_adhoc_call *call, const pc_form *form, const pc_values *values,
                            unsigned actions);
/* The command has done what it was asked for; `format` (NULL: nothing) is a note about it. */
PC_EXPORT void pc_adhoc_done(pc_adhoc_call *call, const char *format, ...) PC_PRINTF(2, 3);
/* It ended, but could not do it: a note of type error says why. */
PC_EXPORT void pc_adhoc_fail(pc_adhoc_call *call, const char *format, ...) PC_PRINTF(2, 3);
/* It ended by a stanza error of that condition (RFC 6120 8.3.3); text may be NULL. */
PC_EXPORT void pc_adhoc_refuse(pc_adhoc_call *call, const char *condition, const char *text);

/* ---- calling, for who speaks the protocol */

typedef enum pc_adhoc_status {
	PC_ADHOC_EXECUTING, /* a form was asked: another pc_adhoc_run() follows */
	PC_ADHOC_COMPLETED,
	PC_ADHOC_REJECTED, /* the answer was: the stage is as before, and may be run again */
	PC_ADHOC_REFUSED,
} pc_adhoc_status;

typedef struct pc_adhoc_result {
	pc_adhoc_status status;
	unsigned actions;             /* that are offered; of EXECUTING */
	const char *condition, *text; /* of REJECTED and REFUSED */
	const pc_stanza *command;     /* what belongs into the answer's <command/>: its children */
} pc_adhoc_result;
/* The result and what it holds are borrowed. The call may be freed here. */
typedef void pc_adhoc_result_fn(pc_adhoc_call *call, const pc_adhoc_result *result, void *data);

/* `m` calls the command of `owner`, in the name of that full address. When m goes, the call goes
 * with it. */
PC_EXPORT pc_adhoc_call *pc_adhoc_new(pc_module *m, pc_module *owner, const pc_adhoc *command,
                                      const char *from);
/* Goes on by an action (for the first time: PC_ADHOC_EXECUTE). `command` holds what the caller
 * sent: a form, or nothing (may be NULL). `fn` is called once, maybe before this returns.
 * PC_EBUSY: the stage before has not ended yet; PC_EINVAL: the action is not among those that were
 * offered; PC_ESTATE: the module of the command has gone. `fn` is not called then. */
PC_EXPORT int pc_adhoc_run(pc_adhoc_call *call, unsigned action, const pc_stanza *command,
                           pc_adhoc_result_fn *fn, void *data);
/* Clears the pointer; NULL is fine. A stage that is under way goes on unheard. */
PC_EXPORT void pc_adhoc_free(pc_adhoc_call **call);

/*
 * adhoc.c - executions of ad-hoc commands (adhoc.h): stages, answers, how they end.
 *
 * The protocol is a module's. Two modules have to do with a call: the one that calls (when it goes,
 * the call goes, too; when it is replaced, it still hears of a stage that is under way) and the one
 * whose command it is (when it is unloaded, nobody is left to end a stage, so it ends here).
 */
#include <prosody-c/adhoc.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules.h"
#include "server.h"
#include "util/mem.h"

struct pc_adhoc_call {
	struct pc__owned by_caller, by_owner;
	pc_module *caller, *owner;
	const pc_adhoc *command;
	char *from;
	void *block;
	unsigned stage, action, offered;
	pc_stanza *answers[PC_ADHOC_STAGES]; /* what was sent, by stage */
	pc_values *values[PC_ADHOC_STAGES];  /* the same, read: until the stage ends */
	pc_stanza *payload;
	pc_adhoc_result_fn *fn;
	void *data;
	bool busy;      /* a stage is under way */
	bool inside;    /* in the handler, or in `fn` */
	bool last;      /* the caller was replaced: it hears the end of this stage, and no more */
	bool forgotten; /* nobody hears of it any more */
};

void pc_add_adhoc(pc_module *m, const pc_adhoc *command)
{
	pc_add_item(m, "adhoc", command);
}

/* ------------------------------------------------------------ the life of a call */

static void free_values(pc_adhoc_call *call)
{
	for (unsigned i = 0; i < PC_ADHOC_STAGES; i++)
		pc_values_free(&call->values[i]);
}

static void call_free(pc_adhoc_call *call)
{
	free_values(call);
	for (unsigned i = 0; i < PC_ADHOC_STAGES; i++)
		pc_stanza_free(&call->answers[i]);
	pc_stanza_free(&call->payload);
	pc__disown(&call->by_caller);
	pc__disown(&call->by_owner);
	pc__module_release(call->owner);
	pc__module_release(call->caller);
	free(call->block);
	free(call->from);
	free(call);
}

static void free_if_over(pc_adhoc_call *call)
{
	if (call->forgotten && !call->busy && !call->inside)
		call_free(call);
}

/* Tells the result, once. What is freed meanwhile goes when the outermost is left. */
static void finish(pc_adhoc_call *call, const pc_adhoc_result *result)
{
	bool inside = call->inside;

	if (pc__bug(!call->busy))
		return;
	call->busy = false;
	free_values(call);
	call->inside = true;
	if (!call->forgotten)
		call->fn(call, result, call->data);
	call->inside = inside;
	call->forgotten = call->forgotten || call->last;
	free_if_over(call);
}

static void drop_caller(struct pc__owned *o)
{
	pc_adhoc_call *call = PC__CONTAINER(o, pc_adhoc_call, by_caller);

	call->last = call->busy && pc__module_callable(call->caller);
	call->forgotten = !call->last;
	free_if_over(call);
}

/* A module that was replaced by a reload still ends its stages; one that was unloaded cannot. */
static void drop_owner(struct pc__owned *o)
{
	pc_adhoc_call *call = PC__CONTAINER(o, pc_adhoc_call, by_owner);

	if (call->busy && !pc__module_callable(call->owner))
		pc_adhoc_refuse(call, "item-not-found", "The command has gone");
}

pc_adhoc_call *pc_adhoc_new(pc_module *m, pc_module *owner, const pc_adhoc *command,
                            const char *from)
{
	pc_adhoc_call *call = pc__alloc(sizeof(*call));

	call->caller = m;
	call->owner = owner;
	call->command = command;
	call->from = pc__strdup(from);
	call->offered = PC_ADHOC_EXECUTE;
	pc__module_hold(owner);
	pc__module_hold(m);
	pc__own(owner, &call->by_owner, drop_owner);
	pc__own(m, &call->by_caller, drop_caller);
	return call;
}

void pc_adhoc_free(pc_adhoc_call **call)
{
	pc_adhoc_call *c = *call;

	*call = NULL;
	if (c == NULL)
		return;
	c->forgotten = true;
	free_if_over(c);
}

/* ------------------------------------------------------------ going on */

/* What execute means, or 0 where the action was not offered. */
static unsigned meant_action(const pc_adhoc_call *call, unsigned action)
{
	if (action != PC_ADHOC_EXECUTE)
		return action & call->offered;
	if (call->offered & PC_ADHOC_EXECUTE)
		return PC_ADHOC_EXECUTE;
	return call->offered & PC_ADHOC_NEXT ? PC_ADHOC_NEXT : PC_ADHOC_COMPLETE;
}

static void keep_answer(pc_adhoc_call *call, unsigned stage, const pc_stanza *command)
{
	pc_stanza *x = command ? pc_form_find(command, NULL) : NULL;

	pc_stanza_free(&call->answers[stage]);
	if (x == NULL)
		return;
	call->answers[stage] = pc_stanza_clone(x);
	/* A form that was cancelled is read as one that was filled in (XEP-0050 3.4.1). */
	pc_stanza_set(call->answers[stage], "type", "submit");
}

int pc_adhoc_run(pc_adhoc_call *call, unsigned action, const pc_stanza *command,
                 pc_adhoc_result_fn *fn, void *data)
{
	unsigned meant = meant_action(call, action);

	if (call->busy)
		return PC_EBUSY;
	if (!pc__module_callable(call->owner))
		return PC_ESTATE;
	if (meant == 0)
		return PC_EINVAL;
	if (meant == PC_ADHOC_PREV)
		call->stage--;
	else if (meant != PC_ADHOC_EXECUTE)
		keep_answer(call, call->stage++, command);
	call->action = meant;
	call->fn = fn;
	call->data = data;
	call->busy = call->inside = true;
	pc_stanza_free(&call->payload);
	call->command->run(call, call->owner);
	call->inside = false;
	free_if_over(call);
	return PC_OK;
}

/* ------------------------------------------------------------ in a stage */

unsigned pc_adhoc_stage(const pc_adhoc_call *call)
{
	return call->stage;
}

unsigned pc_adhoc_action(const pc_adhoc_call *call)
{
	return call->action;
}

const char *pc_adhoc_from(const pc_adhoc_call *call)
{
	return call->from;
}

void *pc_adhoc_data(pc_adhoc_call *call, size_t size)
{
	if (call->block == NULL)
		call->block = pc__alloc(size);
	return call->block;
}

const pc_values *pc_adhoc_answer(pc_adhoc_call *call, unsigned stage, const pc_form *form)
{
	static const char none[] = "<x xmlns='" PC_NS_FORMS "' type='submit'/>";
	char why[PC_FORM_WHY];
	pc_stanza *x;
	int err;

	if (pc__bug(stage >= call->stage) || call->values[stage])
		return call->values[stage % PC_ADHOC_STAGES];
	x = call->answers[stage] ? call->answers[stage] : pc_stanza_parse(none, sizeof(none) - 1);
	err = pc_form_read(x, form, &call->values[stage], why);
	if (x != call->answers[stage])
		pc_stanza_free(&x);
	if (err == PC_OK)
		return call->values[stage];
	pc_adhoc_reject(call, why);
	return NULL;
}

pc_stanza *pc_adhoc_payload(pc_adhoc_call *call)
{
	if (call->payload == NULL)
		call->payload = pc_stanza_new("command", PC_NS_COMMANDS);
	return call->payload;
}

static void add_note(pc_adhoc_call *call, const char *type, const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		abort();
	pc_stanza_set(pc_stanza_leaf(pc_adhoc_payload(call), "note", text), "type", type);
	free(text);
}

void pc_adhoc_note(pc_adhoc_call *call, const char *type, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_note(call, type, format, args);
	va_end(args);
}

/* ------------------------------------------------------------ the end of a stage */

void pc_adhoc_ask(pc_adhoc_call *call, const pc_form *form, const pc_values *values,
                  unsigned actions)
{
	if (pc__bug(call->stage + 1 >= PC_ADHOC_STAGES)) {
		pc_adhoc_refuse(call, "internal-server-error", NULL);
		return;
	}
	pc_form_ask(pc_adhoc_payload(call), form, values);
	call->offered = actions ? actions & (PC_ADHOC_NEXT | PC_ADHOC_COMPLETE) : PC_ADHOC_COMPLETE;
	if (call->stage > 0)
		call->offered |= PC_ADHOC_PREV;
	finish(call, &(pc_adhoc_result){ .status = PC_ADHOC_EXECUTING,
	                                 .actions = call->offered,
	                                 .command = call->payload });
}

static void complete(pc_adhoc_call *call)
{
	finish(call, &(pc_adhoc_result){ .status = PC_ADHOC_COMPLETED,
	                                 .command = pc_adhoc_payload(call) });
}

void pc_adhoc_done(pc_adhoc_call *call, const char *format, ...)
{
	va_list args;

	if (format) {
		va_start(args, format);
		add_note(call, "info", format, args);
		va_end(args);
	}
	complete(call);
}

void pc_adhoc_fail(pc_adhoc_call *call, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_note(call, "error", format, args);
	va_end(args);
	complete(call);
}

void pc_adhoc_refuse(pc_adhoc_call *call, const char *condition, const char *text)
{
	finish(call, &(pc_adhoc_result){
	                     .status = PC_ADHOC_REFUSED, .condition = condition, .text = text });
}

/* The stage that asked is entered again by the next answer. */
void pc_adhoc_reject(pc_adhoc_call *call, const char *why)
{
	if (call->stage > 0)
		call->stage--;
	finish(call, &(pc_adhoc_result){ .status = PC_ADHOC_REJECTED,
	                                 .condition = "bad-request",
	                                 .text = why });
}

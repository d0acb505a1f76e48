/*
 * calls.c - the life of one call of a command, from its words to its end.
 *
 * Two modules have to do with a call: the one that calls (it may go: the call is unheard then) and
 * the one whose command it is (when it is unloaded, nobody is left to end the call, so it ends
 * here).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "modules.h"
#include "util/json.h"
#include "util/mem.h"

struct pc_call {
	struct pc__owned by_caller, by_owner;
	pc_module *caller, *owner; /* caller: may be NULL */
	const pc_command *command;
	size_t argc;
	char **argv;
	void *block;
	pc_caller to; /* its functions are NULL when nobody hears the call any more */
	void (*unheard)(pc_call *call);
	bool running, ended;
};

static void call_free(pc_call *call)
{
	for (size_t i = 0; i < call->argc; i++) {
		explicit_bzero(call->argv[i], strlen(call->argv[i])); /* passwords */
		free(call->argv[i]);
	}
	pc__disown(&call->by_caller);
	pc__disown(&call->by_owner);
	pc__module_release(call->owner);
	if (call->caller)
		pc__module_release(call->caller);
	free(call->argv);
	free(call->block);
	free(call);
}

static void finish(pc_call *call, int err, const char *text)
{
	if (call->ended)
		return;
	call->ended = true;
	if (call->to.ended != NULL)
		call->to.ended(err, text, call->to.data);
	if (!call->running)
		call_free(call);
}

static void hear_no_more(pc_call *call)
{
	call->to = (pc_caller){ 0 };
	if (call->unheard != NULL && !call->ended)
		call->unheard(call);
}

/* A module that was replaced by a reload still hears of its calls, in its own code. */
static void drop_caller(struct pc__owned *o)
{
	pc_call *call = PC__CONTAINER(o, pc_call, by_caller);

	if (!pc__module_callable(call->caller))
		hear_no_more(call);
}

/* A module that was replaced by a reload still ends its calls; one that was unloaded cannot. */
static void drop_owner(struct pc__owned *o)
{
	pc_call *call = PC__CONTAINER(o, pc_call, by_owner);

	if (!pc__module_callable(call->owner))
		finish(call, PC_ECANCELED, "the module of this command was unloaded");
}

static pc_call *call_new(const struct pc__command_match *match, size_t n, const char *const *args)
{
	pc_call *call = pc__alloc(sizeof(*call));

	call->owner = match->owner;
	call->command = match->command;
	call->argc = n;
	call->argv = pc__alloc((n + 1) * sizeof(*call->argv));
	for (size_t i = 0; i < n; i++)
		call->argv[i] = pc__strdup(args[i]);
	pc__module_hold(call->owner);
	pc__own(call->owner, &call->by_owner, drop_owner);
	return call;
}

pc_call *pc_run_command_for(pc_module *m, size_t n, const char *const *words,
                            const pc_caller *caller)
{
	struct pc__command_match match;
	pc_call *call;
	char *error = NULL;
	int err = pc__command_find(n, words, &match, &error);

	if (err != PC_OK) {
		caller->ended(err, error, caller->data);
		free(error);
		return NULL;
	}
	call = call_new(&match, n - match.n_words, words + match.n_words);
	memcpy(&call->to, caller,
	       caller->size < sizeof(call->to) ? caller->size : sizeof(call->to));
	if (m != NULL) {
		call->caller = m;
		pc__module_hold(m);
		pc__own(m, &call->by_caller, drop_caller);
	}
	call->running = true;
	match.command->run(call, match.owner);
	call->running = false;
	if (!call->ended)
		return call;
	call_free(call);
	return NULL;
}

pc_call *pc_run_command(pc_module *m, size_t n, const char *const *words, pc_output_fn *output,
                        pc_call_ended_fn *ended, void *data)
{
	return pc_run_command_for(m, n, words,
	                          &(pc_caller){ .size = sizeof(pc_caller),
	                                        .output = output,
	                                        .ended = ended,
	                                        .data = data });
}

void pc_call_on_unheard(pc_call *call, void (*fn)(pc_call *call))
{
	call->unheard = fn;
}

bool pc_call_lags(const pc_call *call)
{
	return call->to.lags != NULL && call->to.lags(call->to.data);
}

void pc_call_forget(pc_call **call)
{
	if (*call != NULL)
		hear_no_more(*call);
	*call = NULL;
}

size_t pc_call_argc(const pc_call *call)
{
	return call->argc;
}

const char *pc_call_arg(const pc_call *call, size_t i)
{
	return i < call->argc ? call->argv[i] : NULL;
}

void *pc_call_data(pc_call *call, size_t size)
{
	if (call->block == NULL)
		call->block = pc__alloc(size);
	return call->block;
}

const pc_command *pc_call_command(const pc_call *call)
{
	return call->command;
}

static char *format_text(const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		abort();
	return text;
}

void pc_call_print(pc_call *call, const char *format, ...)
{
	va_list args;
	char *text;

	if (call->to.output == NULL || call->ended)
		return;
	va_start(args, format);
	text = format_text(format, args);
	va_end(args);
	call->to.output(text, call->to.data);
	free(text);
}

static void add_cell(struct pc__buf *b, const pc_cell *cell)
{
	pc__json_string(b, cell->key);
	pc__buf_addc(b, ':');
	if (cell->type == PC_CELL_TEXT)
		pc__json_string(b, cell->text);
	else if (cell->type == PC_CELL_NUMBER)
		pc__json_number(b, cell->number);
	else
		pc__buf_adds(b, cell->number != 0 ? "true" : "false");
}

static void tell_cells(const pc_call *call, const pc_cell *cells, size_t n)
{
	struct pc__buf b = { 0 };

	for (size_t i = 0; i < n; i++) {
		pc__buf_addc(&b, i > 0 ? ',' : '{');
		add_cell(&b, &cells[i]);
	}
	pc__buf_adds(&b, n > 0 ? "}" : "{}");
	call->to.row(pc__buf_str(&b), call->to.data);
	pc__buf_free(&b);
}

void pc_call_row(pc_call *call, const pc_cell *cells, size_t n, const char *format, ...)
{
	va_list args;
	char *text;

	if (call->ended)
		return;
	if (call->to.row != NULL) {
		tell_cells(call, cells, n);
		return;
	}
	if (call->to.output == NULL)
		return;
	va_start(args, format);
	text = format_text(format, args);
	va_end(args);
	call->to.output(text, call->to.data);
	free(text);
}

void pc_call_end(pc_call *call, int err, const char *format, ...)
{
	va_list args;
	char *text = NULL;

	if (format != NULL) {
		va_start(args, format);
		text = format_text(format, args);
		va_end(args);
	}
	finish(call, err, text ? text : err == PC_OK ? "" : pc_strerror(err));
	free(text);
}

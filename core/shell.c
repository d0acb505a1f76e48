#include <prosody-c/command.h>

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/words.h"

/* What may wait while PC__WORDS_UNDER_WAY calls are served. */
#define INPUT_MAX (256 * 1024)

struct conversation_call {
	struct conversation_call *next, **at;
	pc_shell *shell;
	pc_call *call; /* NULL while it is being begun */
	char tag[PC__WORDS_TAG_MAX + 1];
};

struct pc_shell {
	pc_shell_write_fn *write;
	bool (*lags)(void *data);
	void *data;
	struct pc__buf in;
	size_t searched; /* bytes of `in` that hold no line end */
	struct conversation_call *calls;
	size_t pending;
	unsigned busy; /* depth of its functions on the stack: freed when that is 0 */
	bool freed;
	int err;
};

static void send(pc_shell *shell, struct pc__buf *b)
{
	if (!shell->freed)
		shell->write(b->p, b->len, shell->data);
	pc__buf_free(b);
}

static void on_output(const char *text, void *data)
{
	struct conversation_call *c = data;
	struct pc__buf b = { 0 };

	pc__words_output(&b, c->tag, text);
	send(c->shell, &b);
}

static void on_row(const char *json, void *data)
{
	struct conversation_call *c = data;
	struct pc__buf b = { 0 };

	pc__words_row(&b, c->tag, json);
	send(c->shell, &b);
}

static bool asker_lags(void *data)
{
	const pc_shell *shell = ((struct conversation_call *)data)->shell;

	return !shell->freed && shell->lags != NULL && shell->lags(shell->data);
}

static void call_remove(struct conversation_call *c)
{
	*c->at = c->next;
	if (c->next != NULL)
		c->next->at = c->at;
	c->shell->pending--;
	free(c);
}

static void shell_free(pc_shell *shell)
{
	struct conversation_call *next;

	for (struct conversation_call *c = shell->calls; c != NULL; c = next) {
		next = c->next;
		pc_call_forget(&c->call);
		free(c);
	}
	if (shell->in.p != NULL)
		explicit_bzero(shell->in.p, shell->in.len);
	pc__buf_free(&shell->in);
	free(shell);
}

static void leave(pc_shell *shell)
{
	if (--shell->busy == 0 && shell->freed)
		shell_free(shell);
}

static void serve(pc_shell *shell);

static void on_ended(int err, const char *text, void *data)
{
	struct conversation_call *c = data;
	pc_shell *shell = c->shell;
	struct pc__buf b = { 0 };

	shell->busy++;
	pc__words_end(&b, c->tag, err, text);
	call_remove(c);
	send(shell, &b);
	serve(shell);
	leave(shell);
}

static void begin(pc_shell *shell, const struct pc__request *request)
{
	struct conversation_call *c = pc__alloc(sizeof(*c));
	bool json = strcmp(request->words[0], PC__WORDS_JSON) == 0;
	const pc_caller caller = { .size = sizeof(caller),
		                   .output = on_output,
		                   .row = json ? on_row : NULL,
		                   .lags = asker_lags,
		                   .ended = on_ended,
		                   .data = c };
	pc_call *call;

	c->shell = shell;
	memcpy(c->tag, request->tag, strlen(request->tag) + 1);
	c->next = shell->calls;
	c->at = &shell->calls;
	if (c->next != NULL)
		c->next->at = &c->next;
	shell->calls = c;
	shell->pending++;
	call = pc_run_command_for(NULL, request->n - json, request->words + json, &caller);
	if (call != NULL) /* else c is gone */
		c->call = call;
}

/* Takes one line off the input. False: there is none. */
static bool serve_line(pc_shell *shell)
{
	struct pc__request request;
	char *line = shell->in.p, *end;
	size_t len;

	if (shell->in.len == shell->searched)
		return false;
	end = memchr(line + shell->searched, '\n', shell->in.len - shell->searched);
	if (end == NULL) {
		shell->searched = shell->in.len;
		if (shell->in.len > PC__WORDS_LINE_MAX)
			shell->err = PC_EINVAL;
		return false;
	}
	len = (size_t)(end - line);
	if (pc__words_parse(line, len, &request) < 0)
		shell->err = PC_EINVAL;
	else
		begin(shell, &request);
	explicit_bzero(line, len); /* passwords */
	pc__buf_shift(&shell->in, len + 1);
	shell->searched = 0;
	return shell->err == PC_OK;
}

/* Calls may end at once and come back here: the outermost serves. */
static void serve(pc_shell *shell)
{
	if (shell->busy > 1)
		return;
	while (!shell->freed && shell->err == PC_OK && shell->pending < PC__WORDS_UNDER_WAY &&
	       serve_line(shell))
		;
}

pc_shell *pc_shell_new(pc_shell_write_fn *write, void *data)
{
	pc_shell *shell = pc__alloc(sizeof(*shell));

	shell->write = write;
	shell->data = data;
	return shell;
}

void pc_shell_set_lags(pc_shell *shell, bool (*lags)(void *data))
{
	shell->lags = lags;
}

int pc_shell_input(pc_shell *shell, const void *bytes, size_t len)
{
	int err;

	if (shell->err != PC_OK)
		return shell->err;
	if (len > INPUT_MAX - shell->in.len)
		return shell->err = PC_ELIMIT;
	shell->busy++;
	pc__buf_add(&shell->in, bytes, len);
	serve(shell);
	err = shell->err;
	leave(shell);
	return err;
}

size_t pc_shell_pending(const pc_shell *shell)
{
	return shell->pending;
}

void pc_shell_free(pc_shell **shell)
{
	pc_shell *s = *shell;

	*shell = NULL;
	if (s == NULL)
		return;
	s->freed = true;
	if (s->busy == 0)
		shell_free(s);
}

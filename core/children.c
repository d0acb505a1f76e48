#include "children.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "modules.h"
#include "server.h"
#include "timers.h"
#include "util/mem.h"

#define LINE_MAX_BYTES 512
#define READ_SIZE 16384
#define OUTPUT_PATIENCE 1.0 /* seconds for output after the end of the process */
#define KILL_PATIENCE 3.0   /* seconds between SIGTERM and SIGKILL */

enum pipe_nr { IN, OUT, ERR, N_PIPES };

struct pc_child {
	struct pc__owned own;
	bool owned;
	bool orphan; /* its module is gone: nobody is told any more */
	bool exited, output_ended, told, closing;
	int status;
	pc_module *m;
	const pc_child_fns *fns;
	void *data;
	uv_process_t process;
	uv_pipe_t pipes[N_PIPES];
	unsigned open; /* handles whose closing has not ended */
	size_t unsent;
	struct pc__timer patience;
	char line[LINE_MAX_BYTES];
	size_t line_len;
	pc_child *next, **at;
};

static pc_child *children;

/* One buffer serves all: what is read is handed on before the next read. */
static char read_buffer[READ_SIZE];

struct input {
	uv_write_t req;
	pc_child *child;
	size_t len;
	char bytes[];
};

static bool callable(const pc_child *c)
{
	return !c->orphan && (c->m == NULL || pc__module_callable(c->m));
}

static void on_handle_closed(uv_handle_t *handle)
{
	pc_child *c = handle->data;

	if (--c->open > 0 || !c->closing)
		return;
	*c->at = c->next;
	if (c->next != NULL)
		c->next->at = c->at;
	pc__timer_clear(&c->patience);
	if (c->m != NULL)
		pc__module_release(c->m);
	free(c);
}

static void close_pipe(pc_child *c, enum pipe_nr nr)
{
	uv_handle_t *handle = (uv_handle_t *)&c->pipes[nr];

	if (!uv_is_closing(handle))
		uv_close(handle, on_handle_closed);
}

static void close_all(pc_child *c)
{
	if (c->closing)
		return;
	c->closing = true;
	if (c->owned)
		pc__disown(&c->own);
	c->owned = false;
	pc__timer_clear(&c->patience);
	for (int i = 0; i < N_PIPES; i++)
		close_pipe(c, (enum pipe_nr)i);
	if (!uv_is_closing((uv_handle_t *)&c->process))
		uv_close((uv_handle_t *)&c->process, on_handle_closed);
}

/* ---- standard error: a line of the log for each of its lines */

static void log_line(pc_child *c)
{
	if (c->line_len > 0)
		pc_log(c->orphan ? NULL : c->m, PC_WARN, "child %d: %.*s", (int)c->process.pid,
		       (int)c->line_len, c->line);
	c->line_len = 0;
}

static void log_bytes(pc_child *c, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != '\n')
			c->line[c->line_len++] = bytes[i];
		if (bytes[i] == '\n' || c->line_len == sizeof(c->line))
			log_line(c);
	}
}

/* ---- the end */

static void finish(pc_child *c)
{
	if (c->told)
		return;
	c->told = true;
	log_line(c);
	if (callable(c) && c->fns->ended != NULL)
		c->fns->ended(c, c->status, c->data);
	close_all(c);
}

static void on_output_late(struct pc__timer *t)
{
	finish(PC__CONTAINER(t, pc_child, patience));
}

static void on_kill_late(struct pc__timer *t)
{
	pc_child_kill(PC__CONTAINER(t, pc_child, patience), SIGKILL);
}

/* As waitpid tells it. */
static int wait_status(int64_t code, int term_signal)
{
	return term_signal != 0 ? (term_signal & 0x7f) : (int)((code & 0xff) << 8);
}

static void on_exit_of(uv_process_t *process, int64_t code, int term_signal)
{
	pc_child *c = process->data;

	c->exited = true;
	c->status = wait_status(code, term_signal);
	close_pipe(c, IN);
	if (c->output_ended || c->orphan)
		finish(c);
	else
		pc__timer_set(&c->patience, OUTPUT_PATIENCE, on_output_late);
}

/* ---- reading */

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
	(void)handle;
	(void)wanted;
	*buf = uv_buf_init(read_buffer, sizeof(read_buffer));
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	pc_child *c = stream->data;

	if (n > 0 && callable(c) && c->fns->output != NULL)
		c->fns->output(c, buf->base, (size_t)n, c->data);
	if (n >= 0 || c->output_ended)
		return;
	c->output_ended = true;
	close_pipe(c, OUT);
	if (c->exited)
		finish(c);
}

static void on_error_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	pc_child *c = stream->data;

	if (n > 0)
		log_bytes(c, buf->base, (size_t)n);
	else if (n < 0)
		close_pipe(c, ERR);
}

/* ---- writing */

static void on_written(uv_write_t *req, int status)
{
	struct input *input = PC__CONTAINER(req, struct input, req);

	(void)status;
	input->child->unsent -= input->len;
	free(input);
}

int pc_child_write(pc_child *c, const void *bytes, size_t len)
{
	uv_stream_t *stream = (uv_stream_t *)&c->pipes[IN];
	struct input *input;
	uv_buf_t buf;

	if (c->closing || uv_is_closing((uv_handle_t *)stream) || !uv_is_writable(stream))
		return PC_ECANCELED;
	if (len > PC__CHILD_INPUT_MAX - c->unsent)
		return PC_ELIMIT;
	input = pc__malloc(sizeof(*input) + len);
	input->child = c;
	input->len = len;
	memcpy(input->bytes, bytes, len);
	buf = uv_buf_init(input->bytes, (unsigned)len);
	if (uv_write(&input->req, stream, &buf, 1, on_written) < 0) {
		free(input);
		return PC_ECANCELED;
	}
	c->unsent += len;
	return PC_OK;
}

struct shutdown_req {
	uv_shutdown_t req;
	pc_child *child;
};

static void on_shutdown(uv_shutdown_t *req, int status)
{
	struct shutdown_req *s = PC__CONTAINER(req, struct shutdown_req, req);

	if (status != UV_ECANCELED)
		close_pipe(s->child, IN);
	free(s);
}

/* What was written is sent first. */
void pc_child_close_input(pc_child *c)
{
	uv_stream_t *stream = (uv_stream_t *)&c->pipes[IN];
	struct shutdown_req *s;

	if (c->closing || uv_is_closing((uv_handle_t *)stream) || !uv_is_writable(stream))
		return;
	s = pc__alloc(sizeof(*s));
	s->child = c;
	if (uv_shutdown(&s->req, stream, on_shutdown) < 0) {
		free(s);
		close_pipe(c, IN);
	}
}

void pc_child_kill(pc_child *c, int signal)
{
	if (!c->exited && !c->closing && c->process.pid > 0)
		uv_kill(-c->process.pid, signal);
}

/* ---- the beginning */

/* The module goes: ask kindly, insist later, tell nobody. */
static void drop(struct pc__owned *o)
{
	pc_child *c = PC__CONTAINER(o, pc_child, own);

	c->owned = false;
	c->orphan = true;
	if (c->exited) {
		finish(c);
		return;
	}
	pc_child_kill(c, SIGTERM);
	pc__timer_set(&c->patience, KILL_PATIENCE, on_kill_late);
}

static int start_process(pc_child *c, const char *const *argv)
{
	uv_stdio_container_t io[N_PIPES];
	uv_process_options_t options = { .exit_cb = on_exit_of,
		                         .file = argv[0],
		                         .args = (char **)argv,
		                         .flags = UV_PROCESS_DETACHED,
		                         .stdio = io,
		                         .stdio_count = N_PIPES };

	for (int i = 0; i < N_PIPES; i++) {
		io[i].flags = UV_CREATE_PIPE | (i == IN ? UV_READABLE_PIPE : UV_WRITABLE_PIPE);
		io[i].data.stream = (uv_stream_t *)&c->pipes[i];
	}
	return uv_spawn(pc__server.loop, &c->process, &options);
}

static pc_child *child_new(pc_module *m, const pc_child_fns *fns, void *data)
{
	pc_child *c = pc__alloc(sizeof(*c));

	c->m = m;
	c->fns = fns;
	c->data = data;
	c->process.data = c;
	for (int i = 0; i < N_PIPES; i++) {
		uv_pipe_init(pc__server.loop, &c->pipes[i], 0);
		c->pipes[i].data = c;
	}
	c->open = N_PIPES + 1;
	c->next = children;
	c->at = &children;
	if (children != NULL)
		children->at = &c->next;
	children = c;
	if (m != NULL)
		pc__module_hold(m);
	return c;
}

pc_child *pc_spawn(pc_module *m, const char *const *argv, const pc_child_fns *fns, void *data)
{
	pc_child *c = child_new(m, fns, data);
	int err = start_process(c, argv);

	if (err < 0) {
		pc_log(m, PC_ERROR, "%s cannot be started: %s", argv[0], uv_strerror(err));
		close_all(c);
		return NULL;
	}
	if (m != NULL) {
		pc__own(m, &c->own, drop);
		c->owned = true;
	}
	uv_read_start((uv_stream_t *)&c->pipes[OUT], on_alloc, on_output);
	uv_read_start((uv_stream_t *)&c->pipes[ERR], on_alloc, on_error_output);
	return c;
}

void pc__children_stop(void)
{
	pc_child *next;

	for (pc_child *c = children; c != NULL; c = next) {
		next = c->next;
		c->orphan = true;
		pc_child_kill(c, SIGKILL);
		close_all(c);
	}
}

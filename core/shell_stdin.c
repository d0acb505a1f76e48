#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "log.h"
#include "server.h"
#include "util/mem.h"

static struct {
	uv_pipe_t pipe;
	pc_shell *shell;
	size_t unsent; /* writes under way */
	bool ended;    /* the other side has nothing more to ask */
	bool closed;
	char buffer[4096];
} conversation;

struct answer {
	uv_write_t req;
	char bytes[];
};

static void finish(void)
{
	if (conversation.closed)
		return;
	conversation.closed = true;
	pc_shell_free(&conversation.shell);
	uv_close((uv_handle_t *)&conversation.pipe, NULL);
	pc__server_stop("commands have been run");
}

static void finish_if_done(void)
{
	if (conversation.ended && conversation.unsent == 0 &&
	    (conversation.shell == NULL || pc_shell_pending(conversation.shell) == 0))
		finish();
}

static void on_written(uv_write_t *req, int status)
{
	free(PC__CONTAINER(req, struct answer, req));
	conversation.unsent--;
	if (status < 0)
		finish();
	else
		finish_if_done();
}

static void on_answer(const void *bytes, size_t len, void *data)
{
	struct answer *answer = pc__malloc(sizeof(*answer) + len);
	uv_buf_t buf = uv_buf_init(answer->bytes, (unsigned)len);

	(void)data;
	memcpy(answer->bytes, bytes, len);
	if (uv_write(&answer->req, (uv_stream_t *)&conversation.pipe, &buf, 1, on_written) < 0)
		free(answer);
	else
		conversation.unsent++;
}

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
	(void)handle;
	(void)wanted;
	*buf = uv_buf_init(conversation.buffer, sizeof(conversation.buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	if (n == 0 || conversation.closed)
		return;
	if (n < 0 || pc_shell_input(conversation.shell, buf->base, (size_t)n) < 0) {
		uv_read_stop(stream);
		conversation.ended = true;
		finish_if_done();
	}
}

int pc__shell_serve_stdin(void)
{
	if (uv_pipe_init(pc__server.loop, &conversation.pipe, 0) < 0)
		return PC_EIO;
	if (uv_pipe_open(&conversation.pipe, 0) < 0) {
		uv_close((uv_handle_t *)&conversation.pipe, NULL);
		pc__log("shell", PC_ERROR, "standard input is no socket");
		return PC_EINVAL;
	}
	conversation.shell = pc_shell_new(on_answer, NULL);
	uv_read_start((uv_stream_t *)&conversation.pipe, on_alloc, on_read);
	return PC_OK;
}

/*
 * mod_admin_socket.c - commands for prosody-ctl over a UNIX socket in the data folder.
 *
 * Whoever may write to the socket's file may do everything; its mode lets the server's own user
 * only.
 */
#include <prosody-c/prosody-c.h>

static const pc_option options[] = {
	{ .name = "admin_socket",
	  .type = PC_OPT_STRING,
	  .dflt = "prosody.sock",
	  .help = "The socket that prosody-ctl speaks to; relative to the data folder" },
	{ 0 },
};

struct conversation {
	pc_shell *shell;
};

struct admin_socket {
	pc_listener listener;
};

static void on_answer(const void *bytes, size_t len, void *stream)
{
	pc_stream_write(stream, bytes, len);
}

static void on_opened(pc_stream *s)
{
	struct conversation *c = pc_stream_data(s);

	c->shell = pc_shell_new(on_answer, s);
}

static void on_bytes(pc_stream *s, const void *bytes, size_t len)
{
	struct conversation *c = pc_stream_data(s);

	if (pc_shell_input(c->shell, bytes, len) != PC_OK)
		pc_stream_close(s);
}

static void on_closed(pc_stream *s, const char *reason)
{
	struct conversation *c = pc_stream_data(s);

	(void)reason;
	pc_shell_free(&c->shell);
}

static bool on_idle(pc_stream *s)
{
	(void)s;
	return true;
}

static const pc_stream_class class = {
	.size = sizeof(pc_stream_class),
	.name = "admin_socket",
	.framing = PC_FRAMING_RAW,
	.data_size = sizeof(struct conversation),
	.opened = on_opened,
	.bytes = on_bytes,
	.closed = on_closed,
	.idle = on_idle,
};

static void load(pc_module *m)
{
	struct admin_socket *a = pc_module_data(m);

	a->listener = (pc_listener){ .size = sizeof(pc_listener),
		                     .service = "admin_socket",
		                     .class = &class,
		                     .default_ports = "",
		                     .private_service = true,
		                     .unix_path = pc_opt_str(m, "admin_socket") };
	pc_listen(m, &a->listener);
}

PC_MODULE(admin_socket, .summary = "Commands over a UNIX socket", .scope = PC_GLOBAL,
          .data_size = sizeof(struct admin_socket), .options = options, .load = load);

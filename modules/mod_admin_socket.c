/*
 * mod_admin_socket.c - commands for prosody-ctl over a UNIX socket in the data folder.
 *
 * Whoever may write to the socket's file may do everything; its mode lets the server's own user
 * only.
 */
#include <string.h>

#include <prosody-c/prosody-c.h>

static const pc_option options[] = {
	{ .name = "admin_socket",
	  .type = PC_OPT_STRING,
	  .dflt = "prosody.sock",
	  .help = "The socket that prosody-ctl speaks to; relative to the data folder" },
	{ 0 },
};

/* The data of a stream. All are on a list: the streams of a module that is unloaded end unheard,
 * and commands under way must not answer into them. */
struct conversation {
	struct conversation *next, **at;
	pc_shell *shell;
};

struct admin_socket {
	pc_listener listener;
	struct conversation *conversations;
};

static void on_answer(const void *bytes, size_t len, void *stream)
{
	pc_stream_write(stream, bytes, len);
}

static bool reader_lags(void *stream)
{
	return pc_stream_lags(stream);
}

static void link_first(struct admin_socket *a, struct conversation *first)
{
	a->conversations = first;
	if (first)
		first->at = &a->conversations;
}

static void on_opened(pc_stream *s)
{
	struct admin_socket *a = pc_module_data(pc_stream_module(s));
	struct conversation *c = pc_stream_data(s);

	c->shell = pc_shell_new(on_answer, s);
	pc_shell_set_lags(c->shell, reader_lags);
	c->next = a->conversations;
	if (c->next)
		c->next->at = &c->next;
	link_first(a, c);
}

static void on_bytes(pc_stream *s, const void *bytes, size_t len)
{
	struct conversation *c = pc_stream_data(s);

	if (c->shell && pc_shell_input(c->shell, bytes, len) != PC_OK)
		pc_stream_close(s);
}

static void end(struct conversation *c)
{
	if (c->shell == NULL)
		return;
	pc_shell_free(&c->shell);
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
}

static void on_closed(pc_stream *s, const char *reason)
{
	(void)reason;
	end(pc_stream_data(s));
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
	const char *path = pc_opt_str(m, "admin_socket");
	size_t size = strlen(path) + 1;

	a->listener = (pc_listener){ .size = sizeof(pc_listener),
		                     .service = "admin_socket",
		                     .class = &class,
		                     .default_ports = "",
		                     .private_service = true,
		                     .unix_path = memcpy(pc_module_alloc(m, size), path, size) };
	pc_listen(m, &a->listener);
}

static void unload(pc_module *m)
{
	struct admin_socket *a = pc_module_data(m);

	while (a->conversations)
		end(a->conversations);
}

/* A reload keeps the connections: also the one that has asked for it. */
static void save(pc_module *m, pc_state *state)
{
	struct admin_socket *a = pc_module_data(m);

	pc_state_put(state, "conversations", &a->conversations, sizeof(a->conversations));
	a->conversations = NULL;
}

static void restore(pc_module *m, const pc_state *state)
{
	struct conversation *first;
	size_t len;
	const void *saved = pc_state_get(state, "conversations", &len);

	if (saved == NULL || len != sizeof(first))
		return;
	memcpy(&first, saved, sizeof(first));
	link_first(pc_module_data(m), first);
}

PC_MODULE(admin_socket, .summary = "Commands over a UNIX socket", .scope = PC_GLOBAL,
          .data_size = sizeof(struct admin_socket), .options = options, .load = load,
          .unload = unload, .save = save, .restore = restore);

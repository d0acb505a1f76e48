/*
 * mod_welcome.c - a message to whoever has made an account.
 */
#include <prosody-c/prosody-c.h>

#include <stdlib.h>

static pc_result on_registered(pc_event *ev, void *data)
{
	pc_module *m = pc_event_module(ev);
	const char *host = pc_module_host_name(m), *username = pc_event_str(ev, "username");
	const char *const values[] = { "host", host, "username", username, NULL };
	char *text = pc_text_fill(pc_opt_str(m, "welcome_message"), values);
	char to[PC_JID_MAX + 1];
	pc_stanza *message;

	(void)data;
	pc_jid_write_bare(&(pc_jid){ username, host, NULL }, to);
	message = pc_stanza_message(NULL, to, host);
	pc_stanza_leaf(message, "body", text);
	pc_send(m, message);
	free(text);
	return PC_PASS;
}

static void load(pc_module *m)
{
	pc_hook(m, "user-registered", on_registered, 0);
}

static const pc_option options[] = {
	{ .name = "welcome_message",
	  .type = PC_OPT_STRING,
	  .dflt = "Hello $username, welcome to the $host IM server!",
	  .live = true,
	  .help = "What new users are told; $username and $host stand for theirs" },
	{ 0 },
};

PC_MODULE(welcome, .summary = "A message to whoever has made an account", .options = options,
          .load = load);

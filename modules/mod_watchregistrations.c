/*
 * mod_watchregistrations.c - tells some people of each account that is made from a client.
 */
#include <prosody-c/prosody-c.h>

#include <stdlib.h>

static void tell(pc_module *m, const char *option, const char *text)
{
	const char *from = pc_opt_str(m, "registration_from");
	const char *type = pc_opt_str(m, "registration_notification_type");
	pc_stanza *message;

	for (size_t i = 0; i < pc_opt_count(m, option); i++) {
		message = pc_stanza_message(type, pc_opt_at(m, option, i),
		                            from ? from : pc_module_host_name(m));
		pc_stanza_leaf(message, "body", text);
		pc_send(m, message);
	}
}

static pc_result on_registered(pc_event *ev, void *data)
{
	pc_module *m = pc_event_module(ev);
	const char *ip = pc_event_str(ev, "ip"), *source = pc_event_str(ev, "source");
	const char *const values[] = { "username", pc_event_str(ev, "username"),
		                       "host",     pc_module_host_name(m),
		                       "ip",       ip ? ip : "an unknown address",
		                       "source",   source ? source : "",
		                       NULL };
	char *text = pc_text_fill(pc_opt_str(m, "registration_notification"), values);

	(void)data;
	tell(m, pc_opt_is_set(m, "registration_watchers") ? "registration_watchers" : "admins",
	     text);
	free(text);
	return PC_PASS;
}

static void load(pc_module *m)
{
	pc_hook(m, "user-registered", on_registered, 0);
}

static const char *const types[] = { "chat", "normal", "headline", NULL };

static const pc_option options[] = {
	{ .name = "registration_watchers",
	  .type = PC_OPT_SET,
	  .live = true,
	  .help = "Addresses that are told (default: admins)" },
	{ .name = "admins",
	  .type = PC_OPT_SET,
	  .live = true,
	  .inherited = true,
	  .help = "Accounts that may administer the server" },
	{ .name = "registration_from",
	  .type = PC_OPT_STRING,
	  .live = true,
	  .help = "The address that tells it, one of the host (default: the host)" },
	{ .name = "registration_notification",
	  .type = PC_OPT_STRING,
	  .dflt = "User $username just registered on $host from $ip",
	  .live = true,
	  .help = "What they are told; $username, $host, $ip and $source stand for those" },
	{ .name = "registration_notification_type",
	  .type = PC_OPT_ENUM,
	  .dflt = "chat",
	  .values = types,
	  .live = true,
	  .help = "The type of the message" },
	{ 0 },
};

PC_MODULE(watchregistrations, .summary = "Tells some people of each new account",
          .options = options, .load = load);

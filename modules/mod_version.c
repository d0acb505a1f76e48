/*
 * mod_version.c - Software Version (XEP-0092), for the server itself.
 */
#include <prosody-c/prosody-c.h>

#include <sys/utsname.h>

#define NS "jabber:iq:version"

static pc_result on_version(pc_event *ev, void *data)
{
	pc_module *m = pc_event_module(ev);
	pc_stanza *reply = pc_stanza_result(pc_event_stanza(ev));
	pc_stanza *query = pc_stanza_open(reply, "query", NS);
	struct utsname os;

	(void)data;
	pc_stanza_leaf(query, "name", "prosody-c");
	pc_stanza_leaf(query, "version", PC_VERSION);
	if (!pc_opt_bool(m, "hide_os_type") && uname(&os) == 0)
		pc_stanza_leaf(query, "os", os.sysname);
	return pc_reply(ev, reply);
}

static void load(pc_module *m)
{
	pc_add_feature(m, NS);
	pc_hook(m, "iq-get/host/" NS ":query", on_version, 0);
}

static const pc_option options[] = {
	{ .name = "hide_os_type",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .live = true,
	  .help = "Do not tell the name of the operating system" },
	{ 0 },
};

PC_MODULE(version, .summary = "Software Version", .xeps = "0092:1.1", .options = options,
          .load = load);

/*
 * mod_echo_bot.c - an example: a bot that says what it was told.
 *
 *   modules_enabled = { "echo_bot" }             on a VirtualHost: echo@HOST (option echo_bot_user)
 *   Component "echo.example.org" "echo_bot"      a domain of its own: every address of it answers
 *
 * Shown here: hooks on the recipient's side, options, an answer built from the stanza that came.
 */
#include <string.h>

#include <prosody-c/prosody-c.h>

static const pc_option options[] = {
	{ .name = "echo_bot_user",
	  .type = PC_OPT_STRING,
	  .dflt = "echo",
	  .live = true,
	  .help = "The local part of the bot's address; on a Component all addresses are its own" },
	{ 0 },
};

static bool is_mine(pc_event *ev)
{
	const pc_jid *to = pc_event_to(ev);
	const char *user = pc_opt_str(pc_event_module(ev), "echo_bot_user");
	char local[PC_JID_PART_MAX + 1];

	if (pc_host_kind(pc_event_host(ev)) == PC_COMPONENT_HOST)
		return true;
	return to->local && pc_jid_prep_local(user, local) == PC_OK &&
	       strcmp(to->local, local) == 0;
}

/* Only what a person says to it: answers to errors and headlines, or to another bot that answers
 * groups, would go round for ever. */
static bool is_talk(const pc_stanza *st)
{
	pc_type type = pc_stanza_type(st);

	return type == PC_TYPE_CHAT || type == PC_TYPE_NORMAL || type == PC_TYPE_NONE;
}

static pc_result on_message(pc_event *ev, void *data)
{
	const pc_stanza *st = pc_event_stanza(ev);
	const char *body = pc_stanza_child_text(st, "body", PC_NS_CLIENT);
	const char *from = pc_stanza_get(st, "from"), *to = pc_stanza_get(st, "to");
	const char *thread = pc_stanza_child_text(st, "thread", PC_NS_CLIENT);
	pc_stanza *reply;

	(void)data;
	if (!is_mine(ev))
		return PC_PASS;
	if (!is_talk(st) || body == NULL || from == NULL || to == NULL)
		return PC_HANDLED;
	reply = pc_stanza_message(pc_stanza_get(st, "type"), from, to);
	pc_stanza_leaf(reply, "body", body);
	if (thread)
		pc_stanza_leaf(reply, "thread", thread);
	return pc_reply(ev, reply);
}

static void load(pc_module *m)
{
	/* before mod_message, which would look for an account */
	pc_hook(m, "message/bare", on_message, 10);
	pc_hook(m, "message/full", on_message, 10);
	pc_hook(m, "message/host", on_message, 10);
}

PC_MODULE(echo_bot, .summary = "An example: a bot that says what it was told", .options = options,
          .load = load);

/*
 * mod_announce.c - messages to everybody who is online: by prosody-ctl, by an ad-hoc command
 * (XEP-0133 section 4.23), or written to HOST/announce/online.
 */
#include <stdlib.h>
#include <string.h>

#include <prosody-c/prosody-c.h>

#define NS_ADMIN "http://jabber.org/protocol/admin"

/* ------------------------------------------------------------ sending */

struct recipients {
	const char **at;
	size_t n, room;
};

static bool add(const pc_session *s, void *data)
{
	struct recipients *r = data;

	if (!pc_session_is_available(s))
		return true;
	if (r->n == r->room) {
		r->room = r->room ? r->room * 2 : 64;
		r->at = reallocarray(r->at, r->room, sizeof(*r->at));
		if (r->at == NULL)
			abort();
	}
	r->at[r->n++] = s->full_jid;
	return true;
}

/* A headline from the host to each session that is available; how many there are. `subject` may be
 * NULL. */
static size_t announce(pc_module *m, pc_host *host, const char *subject, const char *body)
{
	struct recipients to = { 0 };
	pc_stanza *message = pc_stanza_message("headline", NULL, pc_host_name(host));

	if (subject)
		pc_stanza_leaf(message, "subject", subject);
	pc_stanza_leaf(message, "body", body);
	pc_each_session(host, add, &to);
	pc_broadcast(m, message, to.at, to.n);
	free(to.at);
	return to.n;
}

/* ------------------------------------------------------------ prosody-ctl */

struct everywhere {
	pc_module *m;
	const char *text;
	size_t n;
};

static bool announce_there(pc_host *host, void *data)
{
	struct everywhere *e = data;

	if (pc_host_has_module(host, "announce"))
		e->n += announce(e->m, host, NULL, e->text);
	return true;
}

static void run_announce(pc_call *call, pc_module *m)
{
	struct everywhere e = { m, pc_call_arg(call, 1), 0 };

	if (e.text[strspn(e.text, " \t")] == '\0') {
		pc_call_end(call, PC_EINVAL, "there is nothing to be said");
		return;
	}
	if (strcmp(pc_call_arg(call, 0), "all") == 0)
		pc_each_host(announce_there, &e);
	else
		e.n = announce(m, pc_module_host(m), NULL, e.text);
	pc_call_end(call, PC_OK, "it was sent to %zu sessions", e.n);
}

static const pc_command commands[] = {
	{ "announce", NULL, "HOST|all TEXT", "Sends a message to everybody who is online",
	  run_announce },
	{ 0 },
};

/* ------------------------------------------------------------ the ad-hoc command */

static const pc_form announce_form = {
	.title = "Making an Announcement",
	.instructions = "Fill out this form to make an announcement to all online users.",
	.form_type = NS_ADMIN,
	.fields =
	        (const pc_field[]){
	                { .var = "subject", .label = "Subject" },
	                { .var = "announcement",
	                  .type = PC_FIELD_LINES,
	                  .label = "Announcement",
	                  .required = true },
	                { 0 },
	        },
};

static void run_form(pc_adhoc_call *call, pc_module *m)
{
	const pc_values *answer;
	char *body;

	if (pc_adhoc_stage(call) == 0) {
		pc_adhoc_ask(call, &announce_form, NULL, PC_ADHOC_COMPLETE);
		return;
	}
	answer = pc_adhoc_answer(call, 0, &announce_form);
	if (answer == NULL)
		return;
	body = pc_values_join(answer, "announcement");
	pc_log(m, PC_INFO, "%s announces something", pc_adhoc_from(call));
	pc_adhoc_done(call, "It was sent to %zu sessions",
	              announce(m, pc_module_host(m), pc_values_get(answer, "subject"), body));
	free(body);
}

static const pc_adhoc adhoc[] = {
	{ NS_ADMIN "#announce", "Send Announcement to Online Users", ":announce",
	  "Sends a message to everybody who is online", run_form },
	{ 0 },
};

/* ------------------------------------------------------------ a message to the host */

static pc_result on_message(pc_event *ev, void *data)
{
	pc_module *m = pc_event_module(ev);
	const pc_stanza *st = pc_event_stanza(ev);
	const char *resource = pc_event_to(ev)->resource;
	const char *body = pc_stanza_child_text(st, "body", PC_NS_CLIENT);

	(void)data;
	if (resource == NULL || strcmp(resource, "announce/online") != 0 ||
	    pc_stanza_type(st) == PC_TYPE_ERROR)
		return PC_PASS;
	if (!pc_may(ev, ":announce"))
		return pc_reply_error(ev, "auth", "forbidden", NULL);
	if (body == NULL || *body == '\0')
		return pc_reply_error(ev, "modify", "bad-request", "there is nothing to be said");
	announce(m, pc_module_host(m), pc_stanza_child_text(st, "subject", PC_NS_CLIENT), body);
	return PC_HANDLED;
}

static void load(pc_module *m)
{
	pc_hook(m, "message/host", on_message, 0);
}

static const pc_permission permissions[] = {
	{ ":announce", "prosody:admin", "Write to everybody who is online" },
	{ 0 },
};

PC_MODULE(announce, .summary = "Announcements by administrators", .xeps = "0133:1.3.1",
          .commands = commands, .adhoc = adhoc, .permissions = permissions, .load = load);

/*
 * adhoc.c - Ad-Hoc Commands (XEP-0050): the commands that modules offer (adhoc.h), as nodes of the
 * host.
 *
 * Language: answers are in English and say so. A command that itself asks for another language
 * gets bad-locale; the language of the stanza around it is only what its sender's texts are in.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sessions.h"

#define NS PC_NS_COMMANDS

/* ------------------------------------------------------------ which commands there are */

struct search {
	const char *node;
	const pc_adhoc *command;
	pc_module *owner;
};

static bool consider(const void *item, pc_module *owner, void *data)
{
	const pc_adhoc *command = item;
	struct search *search = data;

	if (strcmp(command->node, search->node) != 0)
		return true;
	search->command = command;
	search->owner = owner;
	return false;
}

static bool find_command(pc_module *m, const char *node, struct search *search)
{
	*search = (struct search){ .node = node };
	pc_each_item(pc_module_host(m), "adhoc", consider, search);
	return search->command != NULL;
}

typedef bool may_fn(pc_event *ev, const char *action);

/* The action's short form is meant with the name of the module that offers the command. */
static bool ask(may_fn *may, pc_event *ev, const pc_adhoc *command, const pc_module *owner)
{
	char action[256];

	if (command->permission == NULL)
		return true;
	snprintf(action, sizeof(action), "%s%s",
	         *command->permission == ':' ? pc_module_name(owner) : "", command->permission);
	return may(ev, action);
}

/* ------------------------------------------------------------ discovery (2) */

struct listing {
	pc_event *ev;
	pc_stanza *query;
	const char *host;
};

static bool list_command(const void *item, pc_module *owner, void *data)
{
	const pc_adhoc *command = item;
	struct listing *l = data;
	pc_stanza *el;

	if (!ask(pc_could, l->ev, command, owner))
		return true;
	el = pc_stanza_open(l->query, "item", NULL);
	pc_stanza_set(el, "jid", l->host);
	pc_stanza_set(el, "node", command->node);
	pc_stanza_set(el, "name", command->name);
	return true;
}

static pc_result on_items(pc_event *ev, void *data)
{
	pc_module *m = pc_event_module(ev);
	struct listing l = { ev, pc_event_ptr(ev, "query"), pc_module_host_name(m) };
	const char *node = pc_event_str(ev, "node");

	(void)data;
	if (node == NULL || strcmp(node, NS) != 0)
		return PC_PASS;
	pc_each_item(pc_module_host(m), "adhoc", list_command, &l);
	pc_event_set_int(ev, "exists", 1);
	return PC_HANDLED;
}

static void describe(pc_stanza *query, const char *type, const char *name)
{
	pc_stanza *identity = pc_stanza_open(query, "identity", NULL);

	pc_stanza_set(identity, "category", "automation");
	pc_stanza_set(identity, "type", type);
	pc_stanza_set(identity, "name", name);
	pc_stanza_set(pc_stanza_open(query, "feature", NULL), "var", NS);
}

static pc_result on_info(pc_event *ev, void *data)
{
	pc_stanza *query = pc_event_ptr(ev, "query");
	const char *node = pc_event_str(ev, "node");
	struct search found;

	(void)data;
	if (node && strcmp(node, NS) == 0) {
		describe(query, "command-list", "Commands");
	} else if (node && find_command(pc_event_module(ev), node, &found)) {
		if (!ask(pc_could, ev, found.command, found.owner))
			return pc_reply_error(ev, NULL, "forbidden", NULL);
		describe(query, "command-node", found.command->name);
		pc_stanza_set(pc_stanza_open(query, "feature", NULL), "var", PC_NS_FORMS);
	} else {
		return PC_PASS;
	}
	pc_event_set_int(ev, "exists", 1);
	return PC_HANDLED;
}

/* ------------------------------------------------------------ answers */

/* An error with the condition of this protocol beside that of the RFC (4.4); either of `detail`
 * and `text` may be NULL. */
static void answer_error(pc_event *ev, const char *condition, const char *detail, const char *text)
{
	const char *type =
	        strcmp(condition, "bad-request") == 0 ? "modify"
	        : strcmp(condition, "forbidden") == 0 || strcmp(condition, "not-allowed") == 0
	                ? "cancel"
	                : NULL;
	pc_stanza *reply = pc_stanza_error(pc_event_stanza(ev), type, condition, text);

	if (detail)
		pc_stanza_open(pc_stanza_child(reply, "error", NULL), detail, NS);
	pc_reply(ev, reply);
}

static void add_actions(pc_stanza *command, unsigned actions)
{
	pc_stanza *el = pc_stanza_open(command, "actions", NULL);

	pc_stanza_set(el, "execute", actions & PC_ADHOC_NEXT ? "next" : "complete");
	if (actions & PC_ADHOC_PREV)
		pc_stanza_open(el, "prev", NULL);
	if (actions & PC_ADHOC_NEXT)
		pc_stanza_open(el, "next", NULL);
	if (actions & PC_ADHOC_COMPLETE)
		pc_stanza_open(el, "complete", NULL);
}

static void answer(pc_event *ev, const struct session *s, const char *status,
                   const pc_adhoc_result *result)
{
	pc_stanza *reply = pc_stanza_result(pc_event_stanza(ev));
	pc_stanza *command = pc_stanza_open(reply, "command", NS);

	pc_stanza_set(command, "node", s->command->node);
	pc_stanza_set(command, "sessionid", s->id);
	pc_stanza_set(command, "status", status);
	pc_stanza_set(command, "xml:lang", "en");
	if (result && result->status == PC_ADHOC_EXECUTING)
		add_actions(command, result->actions);
	for (pc_stanza *c = result ? pc_stanza_first(result->command) : NULL; c;
	     c = pc_stanza_next(c))
		pc_stanza_append(command, c);
	pc_reply(ev, reply);
}

/* ------------------------------------------------------------ execution (3) */

static void tell_result(pc_event *ev, const struct session *s, const pc_adhoc_result *result)
{
	switch (result->status) {
	case PC_ADHOC_EXECUTING:
		answer(ev, s, "executing", result);
		break;
	case PC_ADHOC_COMPLETED:
		answer(ev, s, "completed", result);
		break;
	case PC_ADHOC_REJECTED:
		answer_error(ev, result->condition, "bad-payload", result->text);
		break;
	default:
		answer_error(ev, result->condition, NULL, result->text);
	}
}

static void on_result(pc_adhoc_call *call, const pc_adhoc_result *result, void *data)
{
	struct session *s = data;
	pc_token token = s->token;
	pc_event *ev = pc_token_event(token);

	(void)call;
	s->token = 0;
	if (ev)
		tell_result(ev, s, result);
	if (result->status == PC_ADHOC_COMPLETED || result->status == PC_ADHOC_REFUSED)
		session_end(s);
	pc_event_resume(token, PC_HANDLED);
}

/* 0: there is no such action. */
static unsigned action_of(const pc_stanza *command)
{
	static const struct {
		const char *name;
		unsigned action;
	} actions[] = { { "execute", PC_ADHOC_EXECUTE },
		        { "cancel", PC_ADHOC_CANCEL },
		        { "prev", PC_ADHOC_PREV },
		        { "next", PC_ADHOC_NEXT },
		        { "complete", PC_ADHOC_COMPLETE } };
	const char *name = pc_stanza_get(command, "action");

	if (name == NULL)
		return PC_ADHOC_EXECUTE;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(actions[i].name, name) == 0)
			return actions[i].action;
	return 0;
}

static pc_result refuse(pc_event *ev, const char *condition, const char *detail)
{
	answer_error(ev, condition, detail, NULL);
	return PC_HANDLED;
}

static pc_result go_on(pc_event *ev, struct session *s, unsigned action)
{
	pc_token token = pc_event_suspend(ev);
	int err;

	session_touch(s);
	s->token = token;
	err = pc_adhoc_run(s->call, action, pc_stanza_first(pc_event_stanza(ev)), on_result, s);
	if (err == PC_OK)
		return PC_SUSPENDED;
	s->token = 0;
	if (err == PC_EINVAL)
		refuse(ev, "bad-request", "bad-action");
	else if (err == PC_EBUSY)
		refuse(ev, "resource-constraint", NULL);
	else
		refuse(ev, "item-not-found", NULL);
	if (err == PC_ESTATE)
		session_end(s);
	pc_event_resume(token, PC_HANDLED);
	return PC_SUSPENDED;
}

static const char *from_of(const pc_event *ev, char out[static PC_JID_MAX + 1])
{
	if (pc_event_from(ev) == NULL)
		return NULL;
	pc_jid_write(pc_event_from(ev), out);
	return out;
}

static pc_result begin(pc_event *ev, const struct search *found, unsigned action)
{
	char from[PC_JID_MAX + 1];
	struct session *s;

	if (action != PC_ADHOC_EXECUTE)
		return refuse(ev, "bad-request", "bad-action");
	if (from_of(ev, from) == NULL)
		return refuse(ev, "forbidden", NULL);
	s = session_new(pc_event_module(ev), found->owner, found->command, from);
	if (s == NULL)
		return refuse(ev, "resource-constraint", NULL);
	return go_on(ev, s, action);
}

static pc_result go_on_with(pc_event *ev, const char *id, const char *node, unsigned action)
{
	pc_module *m = pc_event_module(ev);
	char from[PC_JID_MAX + 1];
	struct session *s = from_of(ev, from) ? session_find(m, id, node, from) : NULL;

	if (s == NULL && session_has_ended(m, id))
		return refuse(ev, "not-allowed", "session-expired");
	if (s == NULL)
		return refuse(ev, "bad-request", "bad-sessionid");
	if (pc_token_event(s->token))
		return refuse(ev, "resource-constraint", NULL); /* the one before is under way */
	if (action != PC_ADHOC_CANCEL)
		return go_on(ev, s, action);
	answer(ev, s, "canceled", NULL);
	session_end(s);
	return PC_HANDLED;
}

static bool is_english(const char *lang)
{
	return lang == NULL || *lang == '\0' ||
	       (strncasecmp(lang, "en", 2) == 0 && (lang[2] == '\0' || lang[2] == '-'));
}

/* Rights are asked for at each stage: they may have been withdrawn. */
static pc_result on_command(pc_event *ev, void *data)
{
	const pc_stanza *command = pc_stanza_first(pc_event_stanza(ev));
	const char *node = pc_stanza_get(command, "node");
	const char *id = pc_stanza_get(command, "sessionid");
	unsigned action = action_of(command);
	struct search found;

	(void)data;
	if (node == NULL)
		return refuse(ev, "bad-request", NULL);
	if (!find_command(pc_event_module(ev), node, &found))
		return refuse(ev, "item-not-found", NULL);
	if (!ask(pc_may, ev, found.command, found.owner))
		return refuse(ev, "forbidden", NULL);
	if (action == 0)
		return refuse(ev, "bad-request", "malformed-action");
	if (!is_english(pc_stanza_get(command, "xml:lang")))
		return refuse(ev, "bad-request", "bad-locale");
	return id ? go_on_with(ev, id, node, action) : begin(ev, &found, action);
}

/* ------------------------------------------------------------ the module */

static pc_result on_unbind(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	(void)data;
	if (s && s->full_jid)
		sessions_end_of(pc_event_module(ev), s->full_jid);
	return PC_PASS;
}

static void load(pc_module *m)
{
	pc_add_feature(m, NS);
	pc_hook(m, "host-disco-items-node", on_items, 0);
	pc_hook(m, "host-disco-info-node", on_info, 0);
	pc_hook(m, "resource-unbind", on_unbind, 0);
	pc_hook(m, "iq-set/host/" NS ":command", on_command, 0);
}

static const pc_option options[] = {
	{ .name = "adhoc_max_sessions",
	  .type = PC_OPT_INTEGER,
	  .dflt = "500",
	  .min = 1,
	  .max = 100000,
	  .live = true,
	  .help = "Commands that wait for an answer of their callers, all together" },
	{ .name = "adhoc_max_sessions_per_user",
	  .type = PC_OPT_INTEGER,
	  .dflt = "10",
	  .min = 1,
	  .max = 100000,
	  .live = true,
	  .help = "The same, of one account; when it begins more, its oldest one ends" },
	{ .name = "adhoc_session_timeout",
	  .type = PC_OPT_PERIOD,
	  .dflt = "10 minutes",
	  .min = 0.05,
	  .max = 86400,
	  .live = true,
	  .help = "Time after which a command that nobody goes on with has ended" },
	{ 0 },
};

PC_MODULE(adhoc, .summary = "Ad-Hoc Commands", .xeps = "0050:1.3.0",
          .data_size = sizeof(struct adhoc), .options = options, .load = load);

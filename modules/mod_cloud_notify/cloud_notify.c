/*
 * cloud_notify.c - the module: clients enable and disable, events become notifications.
 */
#include "cloud_notify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NODE_MOST 1023
#define OPTIONS_MOST 8192

static const pc_option options[] = {
	{ .name = "push_notification_with_body",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .live = true,
	  .help = "Notifications carry the text of the message, which the push service then "
	          "reads" },
	{ .name = "push_notification_with_sender",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .live = true,
	  .help = "Notifications carry the address of the sender" },
	{ .name = "push_notification_important_body",
	  .type = PC_OPT_STRING,
	  .dflt = "New Message!",
	  .live = true,
	  .help = "What stands for the text of the message; \"\": nothing" },
	{ .name = "push_max_errors",
	  .type = PC_OPT_INTEGER,
	  .dflt = "16",
	  .min = 1,
	  .max = 10000,
	  .live = true,
	  .help = "Errors in a row after which a push service is not told any more" },
	{ .name = "push_max_devices",
	  .type = PC_OPT_INTEGER,
	  .dflt = "5",
	  .min = 1,
	  .max = 1000,
	  .live = true,
	  .help = "Registrations of an account; the oldest gives way" },
	{ .name = "push_max_hibernation_timeout",
	  .type = PC_OPT_PERIOD,
	  .dflt = "72 hours",
	  .live = true,
	  .help = "How long a session waits for a client that can be told to come back" },
	{ .name = "push_cache_size",
	  .type = PC_OPT_INTEGER,
	  .dflt = "10000",
	  .min = 1,
	  .max = 10000000,
	  .live = true,
	  .help = "Accounts whose registrations are kept in memory" },
	{ 0 },
};

/* ------------------------------------------------------------ enable and disable (5, 6) */

static void note_key(const pc_session *s, pc_module *m, char *key)
{
	struct cloud_session *own = pc_session_data(s, m);

	free(own->key);
	own->key = key;
	own->told = false;
	pc_session_changed(s, m);
}

/* NULL: it is as it must be. */
static const char *fault_of(const pc_stanza *enable, pc_jid *jid_r, char buf[static PC_JID_BUF])
{
	const char *jid = pc_stanza_get(enable, "jid"), *node = pc_stanza_get(enable, "node");
	const pc_stanza *x = pc_stanza_child(enable, "x", PC_NS_FORMS);
	const char *type = x ? pc_form_type(x) : NULL;
	size_t len = 0;

	if (jid == NULL)
		return "the service is missing";
	if (pc_jid_parse(jid, buf, jid_r) != PC_OK)
		return "the service is no address";
	if (node && strlen(node) > NODE_MOST)
		return "the node is too long";
	if (x == NULL)
		return NULL;
	if (type == NULL || strcmp(type, "http://jabber.org/protocol/pubsub#publish-options") != 0)
		return "the form is not one of publish-options";
	free(pc_stanza_write(x, &len));
	return len > OPTIONS_MOST ? "the form is too long" : NULL;
}

static pc_stanza *stored_form(const pc_stanza *enable, const pc_jid *jid)
{
	pc_stanza *stored = pc_stanza_new("enable", NS_PUSH);
	const pc_stanza *x = pc_stanza_child(enable, "x", PC_NS_FORMS);
	char text[PC_JID_MAX + 1];

	pc_jid_write(jid, text);
	pc_stanza_set(stored, "jid", text);
	pc_stanza_set(stored, "node", pc_stanza_get(enable, "node"));
	if (x)
		pc_stanza_append(stored, x);
	return stored;
}

static pc_result on_enable(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	const pc_stanza *enable = pc_stanza_first(pc_event_stanza(ev));
	char buf[PC_JID_BUF], text[PC_JID_MAX + 1];
	const char *fault, *node = pc_stanza_get(enable, "node");
	pc_jid jid;

	if (s == NULL)
		return PC_PASS;
	fault = fault_of(enable, &jid, buf);
	if (fault)
		return pc_reply_error(ev, "modify", "bad-request", fault);
	pc_jid_write(&jid, text);
	note_key(s, pc_event_module(ev), registration_key(text, node ? node : ""));
	return pc_reply_after(ev, registration_put(data, s->username, stored_form(enable, &jid)),
	                      pc_stanza_result(pc_event_stanza(ev)));
}

static void forget_key(const struct cloud *c, const pc_session *s, const char *jid,
                       const char *node)
{
	struct cloud_session *own = pc_session_data_if(s, c->m);
	size_t len = strlen(jid);

	if (own && own->key && strncmp(own->key, jid, len) == 0 && own->key[len] == '<' &&
	    (node == NULL || strcmp(own->key + len + 1, node) == 0))
		note_key(s, c->m, NULL);
}

static void on_removed(struct cloud *c, pc_ticket ticket, pc_token token)
{
	pc_event *ev = pc_token_event(token);

	(void)c;
	if (ev)
		pc_reply_after(ev, ticket, pc_stanza_result(pc_event_stanza(ev)));
	pc_event_resume(token, PC_HANDLED);
}

static pc_result on_disable(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	const pc_stanza *disable = pc_stanza_first(pc_event_stanza(ev));
	char buf[PC_JID_BUF], text[PC_JID_MAX + 1];
	const char *jid = pc_stanza_get(disable, "jid"), *node = pc_stanza_get(disable, "node");
	pc_jid parsed;

	if (s == NULL)
		return PC_PASS;
	if (jid == NULL || pc_jid_parse(jid, buf, &parsed) != PC_OK)
		return pc_reply_error(ev, "modify", "bad-request", "the service is missing");
	pc_jid_write(&parsed, text);
	for (const pc_session *own = pc_session_first(pc_event_host(ev), s->username); own;
	     own = pc_session_next(own))
		forget_key(data, own, text, node);
	registration_remove(data, s->username, text, node, on_removed, pc_event_suspend(ev));
	return PC_SUSPENDED;
}

/* 8: the service takes our right to publish. */
static pc_result on_message(pc_event *ev, void *data)
{
	const pc_stanza *st = pc_event_stanza(ev);
	const pc_stanza *pubsub =
	        pc_stanza_child(st, "pubsub", "http://jabber.org/protocol/pubsub");
	const pc_stanza *affiliation = pubsub ? pc_stanza_child(pubsub, "affiliation", NULL) : NULL;
	const char *node = pubsub ? pc_stanza_get(pubsub, "node") : NULL, *value;
	char from[PC_JID_MAX + 1];

	if (affiliation == NULL || pc_event_from(ev) == NULL)
		return PC_PASS;
	value = pc_stanza_get(affiliation, "affiliation");
	if (node == NULL || value == NULL || strcmp(value, "none") != 0)
		return PC_PASS;
	pc_jid_write(pc_event_from(ev), from);
	registration_remove(data, pc_event_to(ev)->local, from, node, NULL, 0);
	return PC_PASS;
}

/* ------------------------------------------------------------ what becomes a notification */

static bool everybody(const struct cloud *c, const char *user, const struct registration *r)
{
	(void)c;
	(void)user;
	(void)r;
	return true;
}

/* Those whose client has no session: one that has gets the message itself, or is told when it has
 * lost its connection. */
static bool without_session(const struct cloud *c, const char *user, const struct registration *r)
{
	const pc_session *s = pc_session_first(pc_module_host(c->m), user);
	char *key = registration_key(r->jid, r->node);
	bool found = false;

	for (; s && !found; s = pc_session_next(s)) {
		const struct cloud_session *own = pc_session_data_if(s, c->m);

		found = own && own->key && strcmp(own->key, key) == 0;
	}
	free(key);
	return !found;
}

/* Nobody is there. */
static pc_result on_offline(pc_event *ev, void *data)
{
	struct summary summary;

	if (is_worth_waking(pc_event_stanza(ev), &summary))
		push_to(data, pc_event_str(ev, "username"), &summary, everybody, NULL);
	return PC_PASS;
}

/* Somebody is there, and the archive keeps it for the others. */
static pc_result on_archived(pc_event *ev, void *data)
{
	struct cloud *c = data;
	const char *user = pc_event_str(ev, "username");
	struct summary summary;

	if (pc_event_int(ev, "sent") || pc_session_first(pc_module_host(c->m), user) == NULL ||
	    !is_worth_waking(pc_event_stanza(ev), &summary))
		return PC_PASS;
	push_to(c, user, &summary, without_session, NULL);
	return PC_PASS;
}

static struct cloud_session *of_origin(pc_event *ev)
{
	const pc_session *s = pc_event_origin(ev);
	struct cloud_session *own = s ? pc_session_data_if(s, pc_event_module(ev)) : NULL;

	return own && own->key ? own : NULL;
}

/* A client that can be told to come back is waited for longer. */
static pc_result on_hibernated(pc_event *ev, void *data)
{
	double most =
	        fmin(pc_opt_seconds(pc_event_module(ev), "push_max_hibernation_timeout"), 1e9);
	struct cloud_session *own = of_origin(ev);

	(void)data;
	if (own && pc_event_int(ev, "seconds") < (int64_t)most)
		pc_event_set_int(ev, "seconds", (int64_t)most);
	return PC_PASS;
}

/* Once until it has come back. */
static void tell_session(struct cloud *c, pc_event *ev, const struct summary *summary)
{
	struct cloud_session *own = of_origin(ev);

	if (own == NULL || own->told)
		return;
	own->told = true;
	push_to(c, pc_event_origin(ev)->username, summary, NULL, own->key);
}

static pc_result on_queued(pc_event *ev, void *data)
{
	const struct cloud_session *own = of_origin(ev);
	const pc_frame *frame = pc_event_ptr(ev, "frame");
	struct summary summary;
	pc_stanza *st;

	if (own == NULL || own->told || frame == NULL || pc_frame_kind(frame) == PC_IQ)
		return PC_PASS;
	st = pc_frame_stanza(frame);
	if (st && is_worth_waking(st, &summary))
		tell_session(data, ev, &summary);
	pc_stanza_free(&st);
	return PC_PASS;
}

/* It does not answer: maybe it is asleep, and its connection gone. */
static pc_result on_delayed(pc_event *ev, void *data)
{
	tell_session(data, ev, &(struct summary){ NULL, NULL });
	return PC_PASS;
}

static pc_result on_back(pc_event *ev, void *data)
{
	struct cloud_session *own = of_origin(ev);

	(void)data;
	if (own)
		own->told = false;
	return PC_PASS;
}

/* Other modules' way to wake an account's clients. */
static pc_result on_ping(pc_event *ev, void *data)
{
	struct summary summary = { NULL, NULL };

	if (pc_event_stanza(ev))
		is_worth_waking(pc_event_stanza(ev), &summary);
	push_to(data, pc_event_str(ev, "username"), &summary, everybody, NULL);
	return PC_PASS;
}

/* ------------------------------------------------------------ the module */

static void load(pc_module *m)
{
	struct cloud *c = pc_module_data(m);

	c->m = m;
	c->store = pc_store_open(m, "cloud_notify", PC_STORE_MAP);
	c->sent = pc_counter(m, "sent", NULL);
	c->failed = pc_counter(m, "failed", NULL);
	c->dropped = pc_counter(m, "dropped", NULL);
	pc_add_item(m, "account-feature", NS_PUSH);
	pc_hook(m, "iq-set/self/" NS_PUSH ":enable", on_enable, 0);
	pc_hook(m, "iq-set/self/" NS_PUSH ":disable", on_disable, 0);
	pc_hook(m, "message/bare", on_message, 5);
	pc_hook(m, "message/offline/handle", on_offline, 1);
	pc_hook(m, "archive-message-added", on_archived, 0);
	pc_hook(m, "smacks-hibernation-start", on_hibernated, 0);
	pc_hook(m, "smacks-hibernation-stanza-queued", on_queued, 0);
	pc_hook(m, "smacks-hibernation-end", on_back, 0);
	pc_hook(m, "smacks-ack-delayed", on_delayed, 0);
	pc_hook(m, "cloud-notify-ping", on_ping, 0);
}

static void unload(pc_module *m)
{
	struct cloud *c = pc_module_data(m);

	c->unloaded = true;
	registrations_clear(c);
}

static void session_free(pc_module *m, void *session_data)
{
	struct cloud_session *own = session_data;

	(void)m;
	free(own->key);
	own->key = NULL;
}

static void session_save(pc_module *m, const pc_session *s, const void *session_data, pc_blob *blob)
{
	const struct cloud_session *own = session_data;

	(void)m;
	(void)s;
	if (own->key)
		pc_blob_put(blob, own->key, strlen(own->key));
}

static int session_restore(pc_module *m, const pc_session *s, void *session_data, const void *bytes,
                           size_t len)
{
	struct cloud_session *own = session_data;

	(void)m;
	(void)s;
	own->key = len ? strndup(bytes, len) : NULL;
	return PC_OK;
}

static const pc_store_decl stores[] = {
	{ "cloud_notify", PC_STORE_MAP, "Push services of an account's clients" },
	{ 0 },
};

static const pc_metric_decl metrics[] = {
	{ "sent", PC_COUNTER, "Notifications sent to push services" },
	{ "failed", PC_COUNTER, "Notifications that were answered with an error, or not" },
	{ "dropped", PC_COUNTER, "Notifications that were not sent: too many were on their way" },
	{ 0 },
};

PC_MODULE(cloud_notify, .summary = "Push notifications (XEP-0357)", .xeps = "0357:0.4.1",
          .data_size = sizeof(struct cloud), .session_size = sizeof(struct cloud_session),
          .options = options, .stores = stores, .metrics = metrics, .load = load, .unload = unload,
          .session_free = session_free, .session_save = session_save,
          .session_restore = session_restore);

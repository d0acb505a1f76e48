/*
 * mod_carbons.c - all clients of an account see its whole conversations (XEP-0280).
 *
 * A message is copied to those sessions of the account that have asked for it and do not get, or
 * have not sent, the message itself. A message to oneself comes to each session once: as it is, or
 * as a copy of what was sent.
 *
 * Copies go to sessions directly, never through the router. So one that comes through it was made
 * by a peer, and its wrapping is taken out.
 */
#include <string.h>

#include <prosody-c/prosody-c.h>

#define NS "urn:xmpp:carbons:2"
#define NS_FORWARD "urn:xmpp:forward:0"
#define NS_HINTS "urn:xmpp:hints"
#define NS_MUC_USER "http://jabber.org/protocol/muc#user"
/* Behind archives, which give a message its id, and before its delivery. */
#define PRIORITY (-0.5)
/* Messages of a session whose errors are recognised (6.1: errors in response to what was copied).
 */
#define SENT_MOST 16

static const pc_event_decl events[] = {
	{ "carbons-should-copy", PC_QUESTION,
	  "A message may be copied to other sessions: `account` (bare JID), `direction` (sent, "
	  "received), `copy` (1 or 0: what XEP-0280 says; may be set)" },
	{ 0 },
};

/* Of a session. */
struct carbons {
	uint32_t sent[SENT_MOST]; /* a ring of hashes of id and address */
	uint8_t next;
	bool wanted;
};

enum direction { SENT, RECEIVED };
static const char *const names[] = { "sent", "received" };

/* ------------------------------------------------------------ asking for copies */

static pc_result want(pc_event *ev, bool wanted)
{
	const pc_session *s = pc_event_origin(ev);
	struct carbons *c;

	if (s == NULL)
		return PC_PASS;
	c = wanted ? pc_session_data(s, pc_event_module(ev))
	           : pc_session_data_if(s, pc_event_module(ev));
	if (c && c->wanted != wanted) {
		c->wanted = wanted;
		pc_session_changed(s, pc_event_module(ev));
	}
	return pc_reply(ev, pc_stanza_result(pc_event_stanza(ev)));
}

static pc_result on_enable(pc_event *ev, void *data)
{
	(void)data;
	return want(ev, true);
}

static pc_result on_disable(pc_event *ev, void *data)
{
	(void)data;
	return want(ev, false);
}

/* Along with the log-in (XEP-0386). */
static pc_result on_bind_features(pc_event *ev, void *data)
{
	(void)data;
	pc_stanza_set(pc_stanza_open(pc_event_stanza(ev), "feature", NULL), "var", NS);
	return PC_PASS;
}

static pc_result on_bound(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	const pc_stanza *request = pc_event_ptr(ev, "request");

	(void)data;
	if (s && request && pc_stanza_child(request, "enable", NS)) {
		((struct carbons *)pc_session_data(s, pc_event_module(ev)))->wanted = true;
		pc_session_changed(s, pc_event_module(ev));
	}
	return PC_PASS;
}

/* ------------------------------------------------------------ errors of what was copied */

static uint64_t hash_text(const char *text)
{
	return text ? pc_hash(text, strlen(text)) : 0;
}

/* Two that are alike cost a needless copy of an error to the same account. */
static uint32_t hash_of(const char *id, const char *peer)
{
	uint32_t hash = (uint32_t)(hash_text(id) * 31 + hash_text(peer));

	return hash ? hash : 1;
}

static void remember(pc_module *m, const pc_session *s, const pc_stanza *st)
{
	struct carbons *c;

	if (pc_stanza_get(st, "id") == NULL)
		return;
	c = pc_session_data(s, m);
	c->sent[c->next] = hash_of(pc_stanza_get(st, "id"), pc_stanza_get(st, "to"));
	c->next = (uint8_t)((c->next + 1) % SENT_MOST);
}

static bool answers_a_copied_one(const pc_module *m, const pc_session *to, const pc_stanza *error)
{
	const struct carbons *c = to ? pc_session_data_if(to, m) : NULL;
	uint32_t hash = hash_of(pc_stanza_get(error, "id"), pc_stanza_get(error, "from"));

	for (size_t i = 0; c && pc_stanza_get(error, "id") && i < SENT_MOST; i++)
		if (c->sent[i] == hash)
			return true;
	return false;
}

/* ------------------------------------------------------------ which messages: 6.1 */

static bool is_chat(const pc_stanza *st)
{
	static const char *const payloads[] = {
		"urn:xmpp:receipts", "http://jabber.org/protocol/chatstates",
		"urn:xmpp:chat-markers:0", "urn:xmpp:jingle-message:0", "jabber:x:conference"
	};

	if (pc_stanza_type(st) == PC_TYPE_CHAT)
		return true;
	if (pc_stanza_type(st) != PC_TYPE_HEADLINE && pc_stanza_child(st, "body", PC_NS_CLIENT))
		return true;
	for (size_t i = 0; i < sizeof(payloads) / sizeof(*payloads); i++)
		if (pc_stanza_child(st, NULL, payloads[i]))
			return true;
	return false;
}

/* What the account's archive has kept says something. Nobody else can have put that id in. */
static bool is_archived(const pc_stanza *st, const char *account)
{
	const pc_stanza *id = pc_stanza_child(st, "stanza-id", "urn:xmpp:sid:0");

	for (; id; id = pc_stanza_next(id))
		if (pc_stanza_is(id, "stanza-id", "urn:xmpp:sid:0") && pc_stanza_get(id, "by") &&
		    strcmp(pc_stanza_get(id, "by"), account) == 0)
			return true;
	return false;
}

/* Private messages in rooms go to all clients that are in the room, by the room. */
static bool is_from_occupant(const pc_stanza *x, const pc_stanza *st)
{
	const char *from = pc_stanza_get(st, "from");

	return x && from && strchr(from, '/');
}

static bool is_eligible(pc_module *m, const pc_stanza *st, enum direction d, const char *account,
                        const pc_session *addressed)
{
	const pc_stanza *x = pc_stanza_child(st, "x", NS_MUC_USER);

	if (pc_stanza_child(st, "private", NS) || pc_stanza_child(st, "no-copy", NS_HINTS) ||
	    pc_stanza_type(st) == PC_TYPE_GROUPCHAT)
		return false;
	if (pc_stanza_type(st) == PC_TYPE_ERROR)
		return d == RECEIVED && answers_a_copied_one(m, addressed, st);
	if (x && pc_stanza_child(x, "invite", NULL))
		return true;
	if (d == RECEIVED && is_from_occupant(x, st))
		return false;
	return is_chat(st) || is_archived(st, account);
}

/* ------------------------------------------------------------ copying */

struct copying {
	pc_module *m;
	enum direction direction;
	char account[PC_JID_MAX + 1];
	const pc_session *first;     /* of the account */
	const pc_session *sender;    /* where it is the account's */
	const pc_session *addressed; /* that gets the message itself; else those of ... */
	int top;                     /* priority; -1: none */
};

static bool gets_copy(const struct copying *c, const pc_session *s)
{
	const struct carbons *wants = pc_session_data_if(s, c->m);

	return wants && wants->wanted && s != c->sender && s != c->addressed &&
	       (c->top < 0 || !pc_session_is_available(s) || s->priority != c->top);
}

static const pc_session *next_copied(const struct copying *c, const pc_session *s)
{
	while (s && !gets_copy(c, s))
		s = pc_session_next(s);
	return s;
}

/* The message itself goes to a session, or to those of the highest priority. */
static void who_gets_it(struct copying *c, const pc_jid *to, bool error)
{
	c->addressed = to->resource ? pc_session_of(to) : NULL;
	c->top = c->addressed || error ? -1 : pc_session_top_priority(c->first);
}

static void on_asked(pc_event *ev, pc_result result, void *data)
{
	(void)result;
	*(bool *)data = pc_event_int(ev, "copy") != 0;
}

static bool should_copy(const struct copying *c, pc_stanza *st)
{
	bool copy = is_eligible(c->m, st, c->direction, c->account, c->addressed);

	pc_fire(c->m, "carbons-should-copy",
	        &(pc_fire_args){ .stanza = st,
	                         .args = (pc_arg[]){ PC_STR("account", c->account),
	                                             PC_STR("direction", names[c->direction]),
	                                             PC_INT("copy", copy) },
	                         .n_args = 3 },
	        on_asked, &copy);
	return copy;
}

static void send_copies(const struct copying *c, const pc_stanza *st)
{
	pc_stanza *copy = pc_stanza_message(pc_stanza_get(st, "type"), NULL, c->account);
	pc_stanza *wrapped = pc_stanza_open(copy, names[c->direction], NS);

	pc_stanza_append(pc_stanza_open(wrapped, "forwarded", NS_FORWARD), st);
	for (const pc_session *s = c->first; (s = next_copied(c, s)); s = pc_session_next(s)) {
		pc_stanza_set(copy, "to", s->full_jid);
		pc_session_send(s, copy);
	}
	pc_stanza_free(&copy);
}

/* True: the message is one that is copied. Who has no session that wants it pays next to nothing.
 */
static bool copy(struct copying *c, const pc_jid *account, pc_stanza *st)
{
	if (next_copied(c, c->first) == NULL)
		return false;
	pc_jid_write_bare(account, c->account);
	if (!should_copy(c, st))
		return false;
	send_copies(c, st);
	return true;
}

/* From a client. */
static pc_result on_sent(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	struct copying c = { .m = pc_event_module(ev), .direction = SENT, .sender = s, .top = -1 };
	pc_stanza *st = pc_event_stanza(ev);

	(void)data;
	if (s == NULL || s->username == NULL)
		return PC_PASS;
	c.first = pc_session_first(pc_event_host(ev), s->username);
	if (pc_event_to(ev) && pc_jid_equal_bare(pc_event_to(ev), pc_event_from(ev)))
		who_gets_it(&c, pc_event_to(ev), false);
	if (copy(&c, pc_event_from(ev), st))
		remember(c.m, s, st);
	return PC_PASS;
}

/* To an account of this host. */
static pc_result on_received(pc_event *ev, void *data)
{
	const pc_jid *to = pc_event_to(ev), *from = pc_event_from(ev);
	struct copying c = { .m = pc_event_module(ev), .direction = RECEIVED };
	pc_stanza *st = pc_event_stanza(ev);

	(void)data;
	c.first = pc_session_first(pc_event_host(ev), to->local);
	if (c.first == NULL || (pc_event_origin(ev) && from && pc_jid_equal_bare(from, to)))
		return PC_PASS;
	who_gets_it(&c, to, pc_stanza_type(st) == PC_TYPE_ERROR);
	copy(&c, to, st);
	return PC_PASS;
}

/* The server itself has refused a message. */
static pc_result on_returned(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	struct copying c = {
		.m = pc_event_module(ev), .direction = RECEIVED, .addressed = s, .top = -1
	};
	pc_jid account = { .local = s->username, .domain = s->host };

	(void)data;
	c.first = s->username ? pc_session_first(pc_event_host(ev), s->username) : NULL;
	copy(&c, &account, pc_event_stanza(ev));
	return PC_PASS;
}

/* Another session of the account has ended without the message; this one has had a copy. */
static pc_result on_again(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_module *m = pc_event_module(ev);
	const struct carbons *c = pc_session_data_if(s, m);
	char account[PC_JID_MAX + 1];

	(void)data;
	if (c == NULL || !c->wanted || s->bound_time > pc_event_int(ev, "queued"))
		return PC_PASS;
	pc_jid_write_bare(&(pc_jid){ s->username, s->host, NULL }, account);
	return is_eligible(m, pc_event_stanza(ev), RECEIVED, account, NULL) ? PC_HANDLED : PC_PASS;
}

/* ------------------------------------------------------------ copies that a peer made up */

static bool is_copy(const pc_stanza *child, void *data)
{
	(void)data;
	return pc_stanza_is(child, "received", NS) || pc_stanza_is(child, "sent", NS);
}

static pc_result on_foreign(pc_event *ev, void *data)
{
	const pc_stanza *st = pc_event_stanza(ev);

	(void)data;
	if (pc_stanza_child(st, "received", NS) || pc_stanza_child(st, "sent", NS))
		pc_stanza_remove_if(pc_event_edit(ev), is_copy, NULL);
	return PC_PASS;
}

static void load(pc_module *m)
{
	static const char *const sent[] = { "pre-message/bare", "pre-message/full",
		                            "pre-message/host" };
	static const char *const received[] = { "message/bare", "message/full" };

	pc_add_feature(m, NS);
	pc_add_feature(m, "urn:xmpp:carbons:rules:0");
	pc_hook(m, "iq-set/self/" NS ":enable", on_enable, 0);
	pc_hook(m, "iq-set/self/" NS ":disable", on_disable, 0);
	pc_hook(m, "bind2-features", on_bind_features, 0);
	pc_hook(m, "bind2-bound", on_bound, 0);
	for (size_t i = 0; i < sizeof(sent) / sizeof(*sent); i++)
		pc_hook(m, sent[i], on_sent, PRIORITY);
	pc_hook(m, "message-returned", on_returned, 0);
	pc_hook(m, "delivery/again", on_again, 0);
	for (size_t i = 0; i < sizeof(received) / sizeof(*received); i++) {
		pc_hook(m, received[i], on_foreign, 1000);
		pc_hook(m, received[i], on_received, PRIORITY);
	}
}

PC_MODULE(carbons, .summary = "Message Carbons (XEP-0280)", .xeps = "0280:1.0.1 0334:1.0.0",
          .session_size = sizeof(struct carbons), .session_plain = true, .events = events,
          .load = load);

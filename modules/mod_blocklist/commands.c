/* Reading and changing one's list (XEP-0191 sections 3.3 to 3.6). */
#include <stdlib.h>
#include <string.h>

#include "blocklist.h"

/* ------------------------------------------------------------ get */

pc_result blocklist_get(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	struct list *list = s ? lists_find(data, s->username) : NULL;
	pc_stanza *reply, *element;
	bool *wants_pushes;

	if (list == NULL)
		return PC_PASS;
	wants_pushes = pc_session_data(s, pc_event_module(ev));
	*wants_pushes = true;
	reply = pc_stanza_result(pc_event_stanza(ev));
	element = pc_stanza_open(reply, "blocklist", NS_BLOCKING);
	for (size_t i = 0; i < list->n; i++)
		pc_stanza_set(pc_stanza_open(element, "item", NULL), "jid", list->jids[i]);
	return pc_reply(ev, reply);
}

/* ------------------------------------------------------------ what a command names */

struct change {
	const pc_session *s;
	struct list *list;
	bool block;
	struct list changed; /* what comes to the list, or goes from it */
};

static void name(struct change *c, const char *jid)
{
	if (list_has(c->list, jid) != c->block)
		list_add(&c->changed, jid);
}

static const char *take_item(struct change *c, const pc_stanza *item)
{
	const char *text = pc_stanza_get(item, "jid");
	char buf[PC_JID_BUF], jid[PC_JID_MAX + 1];
	pc_jid parsed, own = { c->s->username, c->s->host, NULL };

	if (text == NULL)
		return "bad-request";
	if (pc_jid_parse(text, buf, &parsed) != PC_OK)
		return "jid-malformed";
	if (c->block && pc_jid_equal_bare(&parsed, &own))
		return "not-allowed";
	pc_jid_write(&parsed, jid);
	name(c, jid);
	return NULL;
}

/* NULL, or the condition of the error. */
static const char *take_items(struct change *c, const pc_stanza *command, size_t most)
{
	const char *fault = NULL;
	size_t n = 0;

	for (const pc_stanza *item = pc_stanza_first(command); item && !fault;
	     item = pc_stanza_next(item)) {
		if (!pc_stanza_is(item, "item", NS_BLOCKING))
			continue;
		fault = take_item(c, item);
		if (!fault && c->block && c->list->n + c->changed.n > most)
			fault = "resource-constraint";
		n++;
	}
	if (n == 0 && c->block)
		return "bad-request";
	if (n == 0) /* 3.5: unblock all */
		for (size_t i = 0; i < c->list->n; i++)
			name(c, c->list->jids[i]);
	return fault;
}

/* ------------------------------------------------------------ what follows */

static bool concerns(const struct change *c, const char *contact)
{
	char buf[PC_JID_BUF];
	pc_jid jid;

	return pc_jid_parse(contact, buf, &jid) == PC_OK && list_blocks(&c->changed, &jid);
}

/* 3.3, 3.4: a contact that gets our presence sees us leave, and come back. */
static void show_presence(pc_module *m, const struct change *c, const pc_contact *contact)
{
	bool sees = contact->subscription == PC_SUB_FROM || contact->subscription == PC_SUB_BOTH;
	bool seen = contact->subscription == PC_SUB_TO || contact->subscription == PC_SUB_BOTH;
	const pc_session *s = pc_session_first(pc_module_host(m), c->s->username);

	for (; s; s = pc_session_next(s)) {
		if (!pc_session_is_available(s))
			continue;
		if (sees)
			pc_send(m, c->block ? pc_stanza_presence("unavailable", contact->jid,
			                                         s->full_jid)
			                    : pc_session_presence(s, contact->jid));
		if (seen && !c->block)
			pc_send(m, pc_stanza_presence("probe", contact->jid, s->full_jid));
	}
}

static void tell_contacts(pc_module *m, const struct change *c)
{
	pc_contact contact;
	size_t cursor = 0;

	while (c->s->roster && pc_roster_each(c->s->roster, &cursor, &contact))
		if (concerns(c, contact.jid))
			show_presence(m, c, &contact);
}

/* A request that waits for an answer would come again with each log-in. */
static void drop_requests(const struct change *c)
{
	pc_contact contact;
	pc_ticket ticket;

	for (size_t i = 0; i < c->changed.n; i++)
		if (c->s->roster && pc_roster_find(c->s->roster, c->changed.jids[i], &contact) &&
		    contact.pending_in)
			pc_roster_subscription(c->s->roster, c->changed.jids[i],
			                       PC_SUB_OUT_UNSUBSCRIBED, NULL, &ticket);
}

/* 3.6: to all sessions of the account that have asked for the list. */
static void push(pc_module *m, const struct change *c, const pc_stanza *command)
{
	char id[PC_ID_SIZE];
	pc_stanza *iq;
	const pc_session *s = pc_session_first(pc_module_host(m), c->s->username);

	pc_random_id(id);
	iq = pc_stanza_iq("set", id, NULL, NULL);
	pc_stanza_append(iq, command);
	for (; s; s = pc_session_next(s)) {
		const bool *wants_pushes = pc_session_data_if(s, m);

		if (wants_pushes == NULL || !*wants_pushes)
			continue;
		pc_stanza_set(iq, "to", s->full_jid);
		pc_session_send(s, iq);
	}
	pc_stanza_free(&iq);
}

static pc_ticket keep(struct lists *l, const struct change *c)
{
	pc_item *items = calloc(c->changed.n + 1, sizeof(*items));
	pc_ticket ticket;

	if (items == NULL)
		abort();
	for (size_t i = 0; i < c->changed.n; i++) {
		items[i] =
		        (pc_item){ c->changed.jids[i], c->block ? "true" : NULL, c->block ? 4 : 0 };
		if (c->block)
			list_add(c->list, c->changed.jids[i]);
		else
			list_remove(c->list, c->changed.jids[i]);
	}
	ticket = pc_store_set_keys(l->store, c->s->username, items, c->changed.n, NULL, NULL);
	free(items);
	return ticket;
}

static pc_result carry_out(pc_event *ev, struct lists *l, const struct change *c)
{
	pc_module *m = pc_event_module(ev);
	pc_stanza *iq = pc_event_stanza(ev);
	pc_ticket ticket;

	if (c->changed.n == 0)
		return pc_reply(ev, pc_stanza_result(iq));
	if (c->block)
		tell_contacts(m, c); /* while they may still hear it */
	ticket = keep(l, c);
	if (c->block)
		drop_requests(c);
	else
		tell_contacts(m, c);
	pc_reply_after(ev, ticket, pc_stanza_result(iq));
	push(m, c, pc_stanza_first(iq));
	return PC_HANDLED;
}

static pc_result command(pc_event *ev, struct lists *l, bool block)
{
	const pc_session *s = pc_event_origin(ev);
	struct change c = { .s = s, .block = block };
	size_t most = (size_t)pc_opt_int(pc_event_module(ev), "blocklist_max_items");
	const char *fault;
	pc_result result;

	c.list = s ? lists_find(l, s->username) : NULL;
	if (c.list == NULL)
		return PC_PASS;
	fault = take_items(&c, pc_stanza_first(pc_event_stanza(ev)), most);
	result = fault ? pc_reply_error(ev, NULL, fault, NULL) : carry_out(ev, l, &c);
	list_clear(&c.changed);
	return result;
}

pc_result blocklist_block(pc_event *ev, void *data)
{
	return command(ev, data, true);
}

pc_result blocklist_unblock(pc_event *ev, void *data)
{
	return command(ev, data, false);
}

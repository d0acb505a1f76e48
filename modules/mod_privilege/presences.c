#include <string.h>

#include "privilege.h"

/* ------------------------------------------------------------ accounts */

static void tell(const struct privilege *p, enum presence least, const char *from,
                 const pc_stanza *st)
{
	for (size_t i = 0; i < p->n; i++) {
		pc_stanza *copy;

		if (p->entities[i].presence < least)
			continue;
		copy = pc_stanza_clone(st);
		pc_stanza_set(copy, "from", from);
		pc_stanza_set(copy, "to", p->entities[i].jid);
		pc_send(p->m, copy);
	}
}

/* An account is a contact of others as well: what is kept is not told a second time for them. */
pc_result presences_initial(pc_event *ev, void *data)
{
	struct privilege *p = data;
	const pc_session *s = pc_event_origin(ev);

	if (s == NULL)
		return PC_PASS;
	if (entities_want_contacts(p))
		contacts_keep(p, s->full_jid, pc_event_stanza(ev));
	tell(p, PRESENCE_MANAGED, s->full_jid, pc_event_stanza(ev));
	return PC_PASS;
}

pc_result presences_gone(pc_event *ev, void *data)
{
	struct privilege *p = data;
	const pc_session *s = pc_event_origin(ev);

	if (s == NULL)
		return PC_PASS;
	contacts_keep(p, s->full_jid, pc_event_stanza(ev));
	tell(p, PRESENCE_MANAGED, s->full_jid, pc_event_stanza(ev));
	return PC_PASS;
}

/* ------------------------------------------------------------ their contacts */

/* Presence on its way to an account, while the roster is asked for. */
struct inbound {
	pc_module *m;
	pc_stanza *st; /* `from` is prepared */
	char bare[];
};

static void inbound_fini(void *data)
{
	pc_stanza_free(&((struct inbound *)data)->st);
}

static bool is_seen(const pc_roster *r, const char *bare)
{
	pc_contact c;

	return pc_roster_find(r, bare, &c) &&
	       (c.subscription == PC_SUB_TO || c.subscription == PC_SUB_BOTH);
}

static void on_roster(int err, pc_roster *roster, void *data)
{
	struct inbound *in = data;
	struct privilege *p = pc_module_data(in->m);
	const char *from = pc_stanza_get(in->st, "from");

	if (err == PC_OK && roster && entities_want_contacts(p) && is_seen(roster, in->bare) &&
	    contacts_news(p, from, in->st) && contacts_keep(p, from, in->st) == PC_OK)
		tell(p, PRESENCE_ROSTER, from, in->st);
	pc_module_free(in->m, in);
}

/* The roster's answer never comes at once, so what an address says stays in its order. */
static void take_up(pc_event *ev, const char *from)
{
	pc_module *m = pc_event_module(ev);
	char bare[PC_JID_MAX + 1];
	size_t len = pc_jid_write_bare(pc_event_from(ev), bare);
	struct inbound *in = pc_module_alloc_with(m, sizeof(*in) + len + 1, inbound_fini);

	in->m = m;
	in->st = pc_stanza_clone(pc_event_stanza(ev));
	pc_stanza_set(in->st, "from", from);
	memcpy(in->bare, bare, len + 1);
	pc_roster_load(m, pc_event_host(ev), pc_event_to(ev)->local, on_roster, in);
}

pc_result presences_inbound(pc_event *ev, void *data)
{
	struct privilege *p = data;
	const pc_stanza *st = pc_event_stanza(ev);
	pc_type type = pc_stanza_type(st);
	char from[PC_JID_MAX + 1];

	if (!entities_want_contacts(p) || pc_event_from(ev) == NULL ||
	    (type != PC_TYPE_NONE && type != PC_TYPE_UNAVAILABLE) ||
	    pc_jid_equal_bare(pc_event_from(ev), pc_event_to(ev)))
		return PC_PASS;
	pc_jid_write(pc_event_from(ev), from);
	if (type == PC_TYPE_UNAVAILABLE || contacts_news(p, from, st))
		take_up(ev, from);
	return PC_PASS;
}

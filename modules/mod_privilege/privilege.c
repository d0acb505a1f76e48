/*
 * mod_privilege - components that may do what accounts may (XEP-0356): their rosters, messages and
 * requests in their name, their presence.
 *
 * Who is privileged is told by the stream that it has proved itself on, and by the address that it
 * sends from; nobody becomes so by an address alone.
 */
#include "privilege.h"

#include <stdlib.h>
#include <string.h>

/* Behind the blocking of senders (100), before whoever answers. */
#define EARLY 20
/* Before anybody can hold a request up. */
#define FIRST 1000

pc_result refuse(pc_event *ev, const char *condition, const char *text)
{
	const struct privilege *p = pc_module_data(pc_event_module(ev));
	const pc_session *s = pc_event_origin(ev);

	pc_metric_add(p->refused, 1);
	/* Of a component it is a mistake in somebody's configuration. */
	pc_log(p->m, s && s->type == PC_COMPONENT ? PC_INFO : PC_DEBUG, "refused to %s: %s",
	       pc_stanza_get(pc_event_stanza(ev), "from"), text);
	return pc_reply_error(ev, NULL, condition, text);
}

/* ------------------------------------------------------------ what it may */

static pc_stanza *add_perm(pc_stanza *privilege, const char *access, const char *type)
{
	pc_stanza *perm = pc_stanza_open(privilege, "perm", NULL);

	pc_stanza_set(perm, "access", access);
	pc_stanza_set(perm, "type", type);
	return perm;
}

static void add_iqs(pc_stanza *privilege, const struct entity *e)
{
	pc_stanza *perm = add_perm(privilege, "iq", NULL);

	for (size_t i = 0; i < e->n_iqs; i++) {
		pc_stanza *el = pc_stanza_open(perm, "namespace", NULL);

		pc_stanza_set(el, "ns", e->iqs[i].ns);
		pc_stanza_set(el, "type", access_name(e->iqs[i].access));
	}
}

/* All kinds are named, so that one which was taken away is told so. */
static pc_stanza *advertisement(const struct privilege *p, const struct entity *e)
{
	static const char *const presences[] = { "none", "managed_entity", "roster" };
	pc_stanza *st = pc_stanza_message(NULL, e->jid, pc_module_host_name(p->m));
	pc_stanza *privilege = pc_stanza_open(st, "privilege", NS), *roster;
	char id[PC_ID_SIZE];

	pc_random_id(id);
	pc_stanza_set(st, "id", id);
	roster = add_perm(privilege, "roster", access_name(e->roster));
	if (e->roster != ACCESS_NONE)
		pc_stanza_set(roster, "push", e->push ? "true" : "false");
	add_perm(privilege, "message", e->message ? "outgoing" : "none");
	if (e->n_iqs > 0)
		add_iqs(privilege, e);
	add_perm(privilege, "presence", presences[e->presence]);
	return st;
}

static void advertise(const struct privilege *p, const struct entity *e, const pc_session *s)
{
	pc_stanza *st = advertisement(p, e);

	pc_session_send(s, st);
	pc_stanza_free(&st);
}

static void greet(struct privilege *p, const pc_session *s)
{
	const struct entity *e = s->host ? entity_find(p, s->host) : NULL;

	if (e == NULL)
		return;
	advertise(p, e, s);
	if (e->presence != PRESENCE_NONE)
		tour_start(p, e, s);
}

static pc_result on_connected(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	if (s)
		greet(data, s);
	return PC_PASS;
}

static bool greet_one(const pc_session *s, void *data)
{
	if (s->type == PC_COMPONENT)
		greet(data, s);
	return true;
}

/* Components that were there before the module. */
static void greet_all(void *data)
{
	struct privilege *p = data;

	if (!p->greeted)
		pc_each_unbound_session(greet_one, p);
	p->greeted = true;
}

/* ------------------------------------------------------------ another configuration */

struct change {
	struct privilege *p, *was;
};

static bool is_same_text(const pc_stanza *a, const pc_stanza *b)
{
	char *x = pc_stanza_write(pc_stanza_first(a), NULL);
	char *y = pc_stanza_write(pc_stanza_first(b), NULL);
	bool same = strcmp(x, y) == 0;

	free(x);
	free(y);
	return same;
}

/* What is new is told as if it had just connected; what was taken away, as no permission at all. */
static bool tell_change(const pc_session *s, void *data)
{
	const struct change *c = data;
	struct entity nothing = { .jid = (char *)(uintptr_t)s->host };
	const struct entity *was, *is;
	pc_stanza *old, *new;

	if (s->type != PC_COMPONENT || s->host == NULL)
		return true;
	was = entity_find(c->was, s->host);
	is = entity_find(c->p, s->host);
	old = advertisement(c->was, was ? was : &nothing);
	new = advertisement(c->p, is ? is : &nothing);
	if (!is_same_text(old, new)) {
		pc_session_send(s, new);
		if (is && is->presence > (was ? was->presence : PRESENCE_NONE))
			tour_start(c->p, is, s);
	}
	pc_stanza_free(&old);
	pc_stanza_free(&new);
	return true;
}

static void config_changed(pc_module *m)
{
	struct privilege *p = pc_module_data(m), was = *p;

	p->entities = entities_read(m, &p->n);
	if (!entities_want_contacts(p))
		contacts_clear(p);
	pc_each_unbound_session(tell_change, &(struct change){ p, &was });
	entities_free(was.entities, was.n);
}

/* ------------------------------------------------------------ rosters */

/* Asked by whoever keeps them. */
static pc_result on_roster_access(pc_event *ev, void *data)
{
	const pc_stanza *iq = pc_event_stanza(ev);
	const struct entity *e = entity_of(data, pc_event_origin(ev), iq);

	if (e)
		pc_event_set_int(ev, "access",
		                 access_allows(e->roster, pc_stanza_type(iq)) ? 1 : -1);
	return PC_PASS;
}

static pc_result on_roster_pushed(pc_event *ev, void *data)
{
	const struct privilege *p = data;
	char bare[PC_JID_MAX + 1];
	pc_jid account = { pc_event_str(ev, "username"), pc_module_host_name(p->m), NULL };

	pc_jid_write_bare(&account, bare);
	for (size_t i = 0; i < p->n; i++) {
		pc_stanza *copy;

		if (!p->entities[i].push)
			continue;
		copy = pc_stanza_clone(pc_event_stanza(ev));
		pc_stanza_set(copy, "from", bare);
		pc_stanza_set(copy, "to", p->entities[i].jid);
		pc_send(p->m, copy);
	}
	return PC_PASS;
}

/* ------------------------------------------------------------ the module */

static const pc_option options[] = {
	{ .name = "privileged_entities",
	  .type = PC_OPT_TABLE,
	  .live = true,
	  .help = "Components and what they may: { [\"DOMAIN\"] = { roster = \"both\", push = "
	          "true, "
	          "message = \"outgoing\", iq = { [\"NAMESPACE\"] = \"set\" }, presence = "
	          "\"roster\" }, "
	          "... }" },
	{ .name = "privilege_max_contacts",
	  .type = PC_OPT_INTEGER,
	  .dflt = "50000",
	  .min = 0,
	  .max = 10000000,
	  .live = true,
	  .help = "Contacts whose presence components are told, and that is remembered for them" },
	{ 0 },
};

static const pc_metric_decl metrics[] = {
	{ "refused", PC_COUNTER, "Stanzas of components that went beyond their permissions" },
	{ 0 },
};

static void save(pc_module *m, pc_state *state)
{
	contacts_save(pc_module_data(m), state);
}

static void restore(pc_module *m, const pc_state *state)
{
	struct privilege *p = pc_module_data(m);

	p->greeted = true;
	contacts_restore(p, state);
}

static void load(pc_module *m)
{
	struct privilege *p = pc_module_data(m);

	p->m = m;
	if (pc_host_kind(pc_module_host(m)) != PC_VIRTUAL_HOST)
		return; /* Prosody wants it there as well; all is done by the hosts with accounts */
	p->refused = pc_counter(m, "refused", NULL);
	p->entities = entities_read(m, &p->n);
	pc_hook_global(m, "component-authenticated", on_connected, 0);
	pc_hook(m, "roster-access", on_roster_access, 0);
	pc_hook(m, "roster-pushed", on_roster_pushed, 0);
	pc_hook(m, "message/host", messages_on_host, EARLY);
	pc_hook(m, "iq-get/bare/" NS ":privileged_iq", iqs_on_bare, EARLY);
	pc_hook(m, "iq-set/bare/" NS ":privileged_iq", iqs_on_bare, EARLY);
	pc_hook(m, "iq-get/host/" NS ":privileged_iq", iqs_elsewhere, EARLY);
	pc_hook(m, "iq-set/host/" NS ":privileged_iq", iqs_elsewhere, EARLY);
	pc_hook(m, "iq/full", iqs_elsewhere, EARLY);
	pc_hook(m, "iq/bare", iqs_sent, FIRST);
	pc_hook(m, "iq/host", iqs_sent, FIRST);
	pc_hook(m, "privileged-sender", iqs_sender, 0);
	pc_hook(m, "presence/initial", presences_initial, 0);
	pc_hook(m, "presence/gone", presences_gone, 0);
	pc_hook(m, "presence/bare", presences_inbound, EARLY);
	pc_hook(m, "presence/full", presences_inbound, EARLY);
	pc_after(m, 0, greet_all, p);
}

static void unload(pc_module *m)
{
	struct privilege *p = pc_module_data(m);

	contacts_clear(p);
	entities_free(p->entities, p->n);
	p->entities = NULL; /* rosters may still be on their way */
	p->n = 0;
}

PC_MODULE(privilege, .summary = "Components that act for accounts", .xeps = "0356:0.4.1",
          .data_size = sizeof(struct privilege), .state_version = 1, .options = options,
          .metrics = metrics, .load = load, .unload = unload, .save = save, .restore = restore,
          .config_changed = config_changed);

/*
 * online.c - who comes online gets the last items of what he wants to hear of (XEP-0163 section
 * 4.3.4), and who wants to hear of more later those of that (XEP-0060 section 12.2).
 *
 * It begins when it is known what the client of a session can do: its own account, and each account
 * here that lets it see its presence, is told by the event pep-greet on that account's host. Of
 * contacts elsewhere the presence itself comes here.
 */
#include "pep.h"

#include "lib_pubsub/mem.h"

#define NS_CAPS "http://jabber.org/protocol/caps"

pc_stanza *online_copy(const pc_stanza *presence)
{
	pc_stanza *copy = pc_stanza_presence(NULL, NULL, pc_stanza_get(presence, "from"));
	const pc_stanza *c = pc_stanza_child(presence, "c", NS_CAPS);

	if (c)
		pc_stanza_append(copy, c);
	return copy;
}

/* ------------------------------------------------------------ an account is told: pep-greet */

struct greet {
	struct pubsub *p;
	pc_token token;
	struct service *s;
};

/* What he has got already is not given again: `was` is the presence that it was given for. */
struct wish {
	const pc_stanza *presence;
	pc_stanza *was;
};

static struct wish wish_of(const pc_event *ev)
{
	const char *was = pc_event_str(ev, "was");
	struct wish w = { pc_event_stanza(ev), was ? pc_stanza_parse(was, strlen(was)) : NULL };

	return w;
}

static void greet_end(struct greet *g)
{
	struct pubsub *p = g->p;
	pc_token token = g->token;

	if (g->s && !p->unloaded)
		service_release(g->s);
	pc_module_free(p->m, g);
	pc_event_resume(token, PC_PASS);
}

static bool is_wanted(const struct pubsub *p, const struct node *n, const struct wish *w)
{
	return n->config.persist && n->config.send_last == LAST_ON_SUB_AND_PRESENCE &&
	       pep_wants(p->m, w->presence, n->name) == 1 &&
	       !(w->was && pep_wants(p->m, w->was, n->name) == 1);
}

static void send_all(const struct greet *g, const pc_event *ev, struct request *who)
{
	struct wish w = wish_of(ev);

	for (const struct node *n = g->s->nodes; n; n = n->hh.next) {
		struct standing standing;

		if (!is_wanted(g->p, n, &w))
			continue;
		standing = request_standing(who, n);
		if (access_check(&n->config, &standing, ACTION_READ) == REFUSE_NOT)
			notify_last(g->s, n, pc_stanza_get(w.presence, "from"), true);
	}
	pc_stanza_free(&w.was);
}

static void on_roster(int err, pc_roster *roster, void *data)
{
	struct greet *g = data;
	pc_event *ev = g->p->unloaded ? NULL : pc_token_event(g->token);
	const char *from = ev ? pc_stanza_get(pc_event_stanza(ev), "from") : NULL;
	struct request who = { .p = g->p, .s = g->s };
	pc_contact c;

	if (from)
		snprintf(who.bare, sizeof(who.bare), "%.*s", (int)strcspn(from, "/"), from);
	if (from && err == PC_OK && roster && pc_roster_find(roster, who.bare, &c) &&
	    (c.subscription == PC_SUB_FROM || c.subscription == PC_SUB_BOTH)) {
		who.contact = &c;
		who.sees_presence = true;
		send_all(g, ev, &who);
	}
	greet_end(g);
}

static bool wants_any(const struct service *s, const pc_event *ev)
{
	struct wish w = wish_of(ev);
	bool any = false;

	for (const struct node *n = s->nodes; n && !any; n = n->hh.next)
		any = is_wanted(s->p, n, &w);
	pc_stanza_free(&w.was);
	return any;
}

static void on_service(struct service *s, void *data)
{
	struct greet *g = data;
	pc_event *ev = s ? pc_token_event(g->token) : NULL;
	struct request who = { .p = g->p, .s = s, .affiliation = AFFILIATION_OWNER };
	const char *from;
	char own[PC_JID_MAX + 1];

	g->s = s;
	if (ev == NULL || !wants_any(s, ev)) {
		greet_end(g);
		return;
	}
	from = pc_stanza_get(pc_event_stanza(ev), "from");
	service_jid(s, own);
	snprintf(who.bare, sizeof(who.bare), "%.*s", (int)strcspn(from, "/"), from);
	if (strcmp(own, who.bare) == 0) {
		send_all(g, ev, &who);
		greet_end(g);
	} else {
		pc_roster_load(g->p->m, pc_module_host(g->p->m), s->user, on_roster, g);
	}
}

/* Before anybody reads anything for it: where it is in memory that he wants nothing of it. */
pc_result online_unwanted(pc_event *ev, void *data)
{
	struct pep *pep = data;
	const char *user = pc_event_str(ev, "username");
	struct service *s = NULL;

	if (user)
		HASH_FIND_STR(pep->pubsub.services, user, s);
	return s && s->loaded && !wants_any(s, ev) ? PC_HANDLED : PC_PASS;
}

pc_result online_greet(pc_event *ev, void *data)
{
	struct pep *pep = data;
	struct greet *g;

	if (pc_event_str(ev, "username") == NULL)
		return PC_PASS;
	g = pc_module_alloc(pep->pubsub.m, sizeof(*g));
	g->p = &pep->pubsub;
	g->token = pc_event_suspend(ev);
	service_get(&pep->pubsub, pc_event_str(ev, "username"), on_service, g);
	return PC_SUSPENDED;
}

static void greet(pc_module *m, pc_host *host, const char *user, const pc_stanza *presence,
                  const char *was)
{
	const pc_arg args[] = { PC_STR("username", user), PC_STR("was", was) };

	pc_fire_wait(m, "pep-greet",
	             &(pc_fire_args){ .stanza = (pc_stanza *)(uintptr_t)presence,
	                              .args = args,
	                              .n_args = 2,
	                              .host = host },
	             NULL, NULL);
}

/* ------------------------------------------------------------ sessions of this host */

static void greet_contacts(pc_module *m, const pc_session *s, const pc_stanza *presence,
                           const char *was)
{
	size_t cursor = 0;
	pc_contact c;

	while (s->roster && pc_roster_each(s->roster, &cursor, &c)) {
		char buf[PC_JID_BUF];
		pc_jid jid;
		pc_host *host;

		if ((c.subscription != PC_SUB_TO && c.subscription != PC_SUB_BOTH) ||
		    pc_jid_parse(c.jid, buf, &jid) != PC_OK || jid.local == NULL || jid.resource)
			continue;
		host = pc_host_find(jid.domain);
		if (host && pc_host_has_module(host, "pep") &&
		    !pep_is_blocked(m, s->username, c.jid))
			greet(m, host, jid.local, presence, was);
	}
}

static void go_online(pc_module *m, const pc_session *s)
{
	struct pep_session *own = pc_session_data(s, m);
	pc_stanza *presence;
	char *was = own->given;

	if (!pc_session_is_available(s))
		return;
	presence = online_copy(s->presence);
	own->given = pc_stanza_write(presence, NULL);
	if (was == NULL || strcmp(was, own->given) != 0) {
		greet(m, pc_module_host(m), s->username, presence, was);
		greet_contacts(m, s, presence, was);
	}
	pc_stanza_free(&presence);
	free(was);
}

/* PC_EBUSY: caps-known comes. */
static int ask(pc_module *m, const pc_stanza *presence, const char *as)
{
	pc_module *owner;
	const pc_caps *caps = pc_provider(pc_module_host(m), "caps", &owner);

	return caps ? caps->ask(owner, presence, as) : PC_ENOTSUP;
}

pc_result online_again(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	(void)data;
	if (s && s->username && s->presence && ask(pc_event_module(ev), s->presence, NULL) == PC_OK)
		go_online(pc_event_module(ev), s);
	return PC_PASS;
}

/* It was not available before: what it has got once comes again. */
pc_result online_initial(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	struct pep_session *own = s ? pc_session_data_if(s, pc_event_module(ev)) : NULL;

	if (own) {
		free(own->given);
		own->given = NULL;
	}
	return online_again(ev, data);
}

static bool resume_session(const pc_session *s, void *data)
{
	pc_module *m = data;

	if (pc_session_data_if(s, m) && pc_session_is_available(s) &&
	    ask(m, s->presence, NULL) == PC_OK)
		go_online(m, s);
	return true;
}

void online_resume(pc_module *m)
{
	pc_each_session(pc_module_host(m), resume_session, m);
}

/* ------------------------------------------------------------ contacts elsewhere */

static void peer_online(struct pep *pep, struct peer *peer)
{
	char *user = mem_checked(strndup(peer->key, (size_t)(peer->jid - peer->key - 1)));
	pc_stanza *presence = pc_stanza_clone(peer->presence);
	char *was = peer->given;

	peer->given = pc_stanza_write(presence, NULL);
	if (was == NULL || strcmp(was, peer->given) != 0)
		greet(pep->pubsub.m, pc_module_host(pep->pubsub.m), user, presence, was);
	pc_stanza_free(&presence);
	free(user);
	free(was);
}

pc_result online_known(pc_event *ev, void *data)
{
	struct pep *pep = data;
	const char *jid = pc_event_str(ev, "jid");
	char buf[PC_JID_BUF];
	pc_jid parsed;
	const pc_session *s;
	struct peer *peer, *next;

	if (jid == NULL || pc_jid_parse(jid, buf, &parsed) != PC_OK)
		return PC_PASS;
	s = pc_session_of(&parsed);
	if (s && pc_session_host(s) == pc_event_host(ev)) {
		go_online(pc_event_module(ev), s);
		return PC_PASS;
	}
	HASH_ITER(hh, pep->peers, peer, next)
	{
		if (strcmp(peer->jid, jid) == 0)
			peer_online(pep, peer);
	}
	return PC_PASS;
}

static bool is_here(const char *domain)
{
	const pc_host *host = pc_host_find(domain);

	return host && pc_host_kind(host) == PC_VIRTUAL_HOST;
}

/* He is remembered when he is a contact who sees the account's presence. */
static void take_presence(struct pep *pep, const char *user, const pc_stanza *presence,
                          const pc_roster *roster, const pc_jid *from)
{
	char bare[PC_JID_MAX + 1], own[PC_JID_MAX + 1];
	struct peer *peer;

	pc_jid_write_bare(from, bare);
	if (!pc_roster_is_subscriber(roster, bare))
		return;
	peer = peers_put(pep, user, presence);
	pc_jid_write(&(pc_jid){ user, pc_module_host_name(pep->pubsub.m), NULL }, own);
	if (peer && ask(pep->pubsub.m, peer->presence, own) == PC_OK)
		peer_online(pep, peer);
}

struct coming {
	struct pep *pep;
	pc_token token;
};

static void on_owner_roster(int err, pc_roster *roster, void *data)
{
	struct coming *c = data;
	struct pep *pep = c->pep;
	pc_token token = c->token;
	pc_event *ev = pep->pubsub.unloaded ? NULL : pc_token_event(token);

	if (ev && err == PC_OK && roster)
		take_presence(pep, pc_event_to(ev)->local, pc_event_stanza(ev), roster,
		              pc_event_from(ev));
	pc_module_free(pep->pubsub.m, c);
	pc_event_resume(token, PC_PASS);
}

static pc_result remote_presence(struct pep *pep, pc_event *ev)
{
	const char *user = pc_event_to(ev)->local;
	pc_roster *roster = pc_roster_of(pc_event_host(ev), user);
	struct coming *c;

	if (roster) {
		take_presence(pep, user, pc_event_stanza(ev), roster, pc_event_from(ev));
		return PC_PASS;
	}
	c = pc_module_alloc(pep->pubsub.m, sizeof(*c));
	*c = (struct coming){ pep, pc_event_suspend(ev) };
	pc_roster_load(pep->pubsub.m, pc_event_host(ev), user, on_owner_roster, c);
	return PC_SUSPENDED;
}

/* Who has been allowed to see somebody's presence gets his last items, too. */
static void approved(pc_event *ev)
{
	pc_host *host = pc_host_find(pc_event_from(ev)->domain);
	const pc_session *s = pc_session_first(pc_event_host(ev), pc_event_to(ev)->local);

	if (pc_event_from(ev)->local == NULL || !pc_host_has_module(host, "pep"))
		return;
	for (; s; s = pc_session_next(s))
		if (pc_session_is_available(s))
			greet(pc_event_module(ev), host, pc_event_from(ev)->local, s->presence,
			      NULL);
}

pc_result online_presence(pc_event *ev, void *data)
{
	struct pep *pep = data;
	const pc_jid *from = pc_event_from(ev), *to = pc_event_to(ev);
	pc_type type = pc_stanza_type(pc_event_stanza(ev));

	if (from == NULL || to->local == NULL)
		return PC_PASS;
	if (is_here(from->domain)) {
		if (type == PC_TYPE_SUBSCRIBED)
			approved(ev);
		return PC_PASS;
	}
	if (from->resource && type == PC_TYPE_NONE)
		return remote_presence(pep, ev);
	if (from->resource && type == PC_TYPE_UNAVAILABLE)
		peers_remove(pep, to->local, pc_stanza_get(pc_event_stanza(ev), "from"));
	return PC_PASS;
}

#include "pep.h"

#include "lib_pubsub/mem.h"

static bool sees_us(const pc_contact *c)
{
	return c->subscription == PC_SUB_FROM || c->subscription == PC_SUB_BOTH;
}

/* What those can do who are connected here is known on their own host. */
static pc_host *host_of(pc_module *m, const pc_stanza *presence)
{
	const char *from = pc_stanza_get(presence, "from");
	char buf[PC_JID_BUF];
	pc_jid jid;
	pc_host *host = NULL;

	if (from && pc_jid_parse(from, buf, &jid) == PC_OK)
		host = pc_host_find(jid.domain);
	return host && pc_host_kind(host) == PC_VIRTUAL_HOST ? host : pc_module_host(m);
}

int pep_wants(pc_module *m, const pc_stanza *presence, const char *node)
{
	pc_module *owner;
	const pc_caps *caps = presence ? pc_provider(host_of(m, presence), "caps", &owner) : NULL;
	char feature[NODE_NAME_MOST + sizeof("+notify")];

	if (caps == NULL)
		return 0;
	snprintf(feature, sizeof(feature), "%s+notify", node);
	return caps->has(owner, presence, feature);
}

bool pep_is_blocked(pc_module *m, const char *user, const char *jid)
{
	pc_module *owner;
	const pc_blocking *blocking = pc_provider(pc_module_host(m), "blocking", &owner);

	return blocking && blocking->blocks(owner, user, jid);
}

static bool is_in_group(const struct node *n, const pc_contact *c)
{
	for (size_t i = 0; i < c->n_groups; i++)
		for (size_t j = 0; j < n->config.n_groups; j++)
			if (strcmp(c->groups[i], n->config.groups[j]) == 0)
				return true;
	return false;
}

void pep_stand(const struct service *s, const struct node *n, const char *bare,
               struct standing *who)
{
	const pc_roster *roster = pc_roster_of(pc_module_host(s->p->m), s->user);
	char own[PC_JID_MAX + 1];
	pc_contact c;

	service_jid(s, own);
	if (strcmp(own, bare) == 0)
		who->affiliation = AFFILIATION_OWNER;
	if (roster == NULL || !pc_roster_find(roster, bare, &c))
		return;
	who->sees_presence = sees_us(&c);
	who->in_group = is_in_group(n, &c);
}

/* ------------------------------------------------------------ who wants to hear of it */

static void add_sessions(pc_module *m, pc_host *host, const char *user, const char *node,
                         struct audience *to)
{
	for (const pc_session *s = pc_session_first(host, user); s; s = pc_session_next(s))
		if (pc_session_is_available(s) && pep_wants(m, s->presence, node) == 1)
			audience_add(to, s->full_jid);
}

static void add_contact(const struct service *s, const struct node *n, const char *jid,
                        struct audience *to)
{
	char buf[PC_JID_BUF];
	pc_jid parsed;
	pc_host *host;

	if (pc_jid_parse(jid, buf, &parsed) != PC_OK || parsed.resource || parsed.local == NULL)
		return;
	host = pc_host_find(parsed.domain);
	if (host && pc_host_kind(host) == PC_VIRTUAL_HOST)
		add_sessions(s->p->m, host, parsed.local, n->name, to);
}

/* Contacts who see the account's presence are subscribed to all that they may read (XEP-0163
 * 4.1). */
static bool may_hear(const struct service *s, const struct node *n, const pc_contact *c)
{
	struct standing who = { .affiliation = node_affiliation(n, c->jid, AFFILIATION_NONE),
		                .sees_presence = true,
		                .in_group = is_in_group(n, c) };

	node_standing(n, c->jid, &who);
	return sees_us(c) && access_check(&n->config, &who, ACTION_READ) == REFUSE_NOT &&
	       !pep_is_blocked(s->p->m, s->user, c->jid);
}

/* Those elsewhere, by the presence that came from them. */
static void add_peers(const struct service *s, const struct node *n, const pc_roster *roster,
                      struct audience *to)
{
	size_t len = strlen(s->user);

	for (const struct peer *p = pep_of(s->p)->peers; p; p = p->hh.next) {
		char bare[PC_JID_MAX + 1];
		pc_contact c;

		if (strncmp(p->key, s->user, len) != 0 || p->key[len] != '\n' ||
		    pep_wants(s->p->m, p->presence, n->name) != 1)
			continue;
		snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(p->jid, "/"), p->jid);
		if (pc_roster_find(roster, bare, &c) && may_hear(s, n, &c))
			audience_add(to, p->jid);
	}
}

void pep_audience(struct service *s, const struct node *n, struct audience *to)
{
	pc_module *m = s->p->m;
	const pc_roster *roster = pc_roster_of(pc_module_host(m), s->user);
	size_t cursor = 0;
	pc_contact c;

	add_sessions(m, pc_module_host(m), s->user, n->name, to);
	while (roster && pc_roster_each(roster, &cursor, &c))
		if (may_hear(s, n, &c))
			add_contact(s, n, c.jid, to);
	if (roster)
		add_peers(s, n, roster, to);
}

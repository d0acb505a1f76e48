/*
 * removed.c - who had a subscription to an account that was removed, or the account to them, is
 * told that it has ended (XEP-0077 section 3.2).
 */
#include <stdlib.h>

#include "presence.h"

struct stanzas {
	pc_stanza **at;
	size_t n;
};

static void add(struct stanzas *list, const char *type, const char *to, const char *from)
{
	list->at[list->n++] = pc_stanza_presence(type, to, from);
}

static void end_subscriptions(struct stanzas *list, const pc_contact *c, const char *account)
{
	if (c->pending_out || c->subscription == PC_SUB_TO || c->subscription == PC_SUB_BOTH)
		add(list, "unsubscribe", c->jid, account);
	if (c->pending_in || c->subscription == PC_SUB_FROM || c->subscription == PC_SUB_BOTH)
		add(list, "unsubscribed", c->jid, account);
}

static size_t count(const pc_roster *roster)
{
	size_t cursor = 0, n = 0;
	pc_contact c;

	while (pc_roster_each(roster, &cursor, &c))
		n++;
	return n;
}

/* All are made before the first is sent, as sending may change the roster. */
void presence_account_removed(pc_module *m, const char *user)
{
	const pc_roster *roster = pc_roster_of(pc_module_host(m), user);
	char account[PC_JID_MAX + 1];
	struct stanzas list = { 0 };
	size_t cursor = 0, most = roster ? 2 * count(roster) : 0;
	pc_contact c;

	if (most == 0)
		return;
	list.at = calloc(most, sizeof(*list.at));
	if (list.at == NULL)
		abort(); /* out of memory ends the process */
	pc_jid_write_bare(&(pc_jid){ user, pc_module_host_name(m), NULL }, account);
	while (pc_roster_each(roster, &cursor, &c))
		end_subscriptions(&list, &c, account);
	for (size_t i = 0; i < list.n; i++)
		pc_send(m, list.at[i]);
	free(list.at);
}

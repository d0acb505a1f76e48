#include <stdlib.h>
#include <string.h>

#include "privilege.h"

/* What is sent before the network has to take it: all at once might be too much for a connection.
 */
#define PORTION 200

struct tour {
	struct privilege *p;
	pc_session_id to;
	char *jid; /* the entity's */
	pc_session_id *sessions;
	size_t n_sessions, at_session;
	char **contacts; /* their addresses; none for who is told of accounts alone */
	size_t n_contacts, at_contact;
};

static void *check(void *p)
{
	if (p == NULL)
		abort(); /* out of memory ends the process */
	return p;
}

static void tour_fini(void *data)
{
	struct tour *t = data;

	for (size_t i = 0; i < t->n_contacts; i++)
		free(t->contacts[i]);
	free(t->contacts);
	free(t->sessions);
	free(t->jid);
}

static bool add_session(const pc_session *s, void *data)
{
	struct tour *t = data;

	if (t->n_sessions % PORTION == 0)
		t->sessions = check(
		        reallocarray(t->sessions, t->n_sessions + PORTION, sizeof(*t->sessions)));
	t->sessions[t->n_sessions++] = s->id;
	return true;
}

/* Accounts of this host are told by their sessions. */
static bool is_elsewhere(const struct tour *t, const char *jid)
{
	char buf[PC_JID_BUF];
	pc_jid parsed;

	return pc_jid_parse(jid, buf, &parsed) == PC_OK &&
	       strcmp(parsed.domain, pc_module_host_name(t->p->m)) != 0;
}

/* The presence that comes next; NULL: there is none any more there. */
static pc_stanza *next(struct tour *t)
{
	const char *jid;
	pc_stanza *st;

	if (t->at_session < t->n_sessions) {
		const pc_session *s = pc_session_find(t->sessions[t->at_session++]);

		return s && pc_session_is_available(s) ? pc_session_presence(s, t->jid) : NULL;
	}
	jid = t->contacts[t->at_contact++];
	st = is_elsewhere(t, jid) ? contacts_get(t->p, jid) : NULL;
	if (st)
		pc_stanza_set(st, "to", t->jid);
	return st;
}

static bool is_over(const struct tour *t)
{
	return t->at_session == t->n_sessions && t->at_contact == t->n_contacts;
}

static void go_on(int err, void *data)
{
	struct tour *t = data;
	const pc_session *to = err == PC_OK ? pc_session_find(t->to) : NULL;

	for (size_t n = 0; to && n < PORTION && !is_over(t); n++) {
		pc_stanza *st = next(t);

		if (st)
			pc_session_send(to, st);
		pc_stanza_free(&st);
	}
	if (to && !is_over(t))
		pc_session_written(t->p->m, to, go_on, t);
	else
		pc_module_free(t->p->m, t);
}

void tour_start(struct privilege *p, const struct entity *e, const pc_session *s)
{
	struct tour *t = pc_module_alloc_with(p->m, sizeof(*t), tour_fini);

	t->p = p;
	t->to = s->id;
	t->jid = check(strdup(e->jid));
	pc_each_session(pc_module_host(p->m), add_session, t);
	if (e->presence == PRESENCE_ROSTER)
		t->contacts = contacts_list(p, &t->n_contacts);
	go_on(PC_OK, t);
}

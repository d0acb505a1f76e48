#include <stdlib.h>
#include <string.h>

#include "privilege.h"

#define OPTION "privileged_entities"

/* Out of memory ends the process, as everywhere. */
static void *check(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

/* ------------------------------------------------------------ words */

static const char *const access_names[] = { "none", "get", "set", "both", NULL };
static const char *const presence_names[] = { "none", "managed_entity", "roster", NULL };
static const char *const message_names[] = { "none", "outgoing", NULL };

const char *access_name(enum access access)
{
	return access_names[access];
}

bool access_allows(enum access access, pc_type type)
{
	return access == ACCESS_BOTH || (access == ACCESS_GET && type == PC_TYPE_GET) ||
	       (access == ACCESS_SET && type == PC_TYPE_SET);
}

/* ------------------------------------------------------------ reading */

struct reading {
	pc_module *m;
	struct entity *entities, *e;
	size_t n;
};

/* The word's place among the names; one that is not there allows nothing. */
static unsigned word(const struct reading *r, const char *what, const char *value,
                     const char *const *names)
{
	for (unsigned i = 0; value && names[i]; i++)
		if (strcmp(names[i], value) == 0)
			return i;
	pc_log(r->m, PC_WARN, OPTION ": %s: %s: \"%s\" is no permission: none is given", r->e->jid,
	       what, value ? value : "{ ... }");
	return 0;
}

static void add_iq(const char *ns, const char *value, void *data)
{
	struct reading *r = data;
	struct entity *e = r->e;

	if (strcmp(ns, NS) == 0) {
		pc_log(r->m, PC_WARN, OPTION ": %s: iq: %s is for the component itself: left out",
		       e->jid, ns);
		return;
	}
	e->iqs = check(reallocarray(e->iqs, e->n_iqs + 1, sizeof(*e->iqs)));
	e->iqs[e->n_iqs] = (struct namespace){ .ns = check(strdup(ns)),
		                               .access = word(r, ns, value, access_names) };
	e->n_iqs++;
}

static void add_field(const char *key, const char *value, void *data)
{
	struct reading *r = data;

	if (strcmp(key, "roster") == 0)
		r->e->roster = word(r, key, value, access_names);
	else if (strcmp(key, "presence") == 0)
		r->e->presence = word(r, key, value, presence_names);
	else if (strcmp(key, "message") == 0)
		r->e->message = word(r, key, value, message_names) == 1;
	else if (strcmp(key, "push") == 0)
		r->e->push = value && strcmp(value, "true") == 0;
	else if (strcmp(key, "iq") == 0)
		pc_opt_each(r->m, OPTION, (const char *const[]){ r->e->jid, key, NULL }, add_iq, r);
	else
		pc_log(r->m, PC_WARN, OPTION ": %s: there is no permission \"%s\"", r->e->jid, key);
}

/* "The server MUST reject the permission" (Roster Presence); pushes are of who may read. */
static void settle(const struct reading *r)
{
	bool reads = access_allows(r->e->roster, PC_TYPE_GET);

	r->e->push = r->e->push && reads;
	if (r->e->presence != PRESENCE_ROSTER || reads)
		return;
	pc_log(r->m, PC_WARN,
	       OPTION ": %s: presence of contacts is for who may get rosters: none is given",
	       r->e->jid);
	r->e->presence = PRESENCE_NONE;
}

static void add_entity(const char *key, const char *value, void *data)
{
	struct reading *r = data;
	char buf[PC_JID_BUF];
	pc_jid jid;

	if (value || pc_jid_parse(key, buf, &jid) != PC_OK || jid.local || jid.resource) {
		pc_log(r->m, PC_WARN,
		       OPTION ": \"%s\": a component's domain = { ... } is wanted: left out", key);
		return;
	}
	r->entities = check(reallocarray(r->entities, r->n + 1, sizeof(*r->entities)));
	r->e = &r->entities[r->n++];
	/* The fields lie below the name as it was written. */
	*r->e = (struct entity){ .jid = check(strdup(key)), .push = true };
	pc_opt_each(r->m, OPTION, (const char *const[]){ key, NULL }, add_field, r);
	free(r->e->jid);
	r->e->jid = check(strdup(jid.domain));
	settle(r);
}

struct entity *entities_read(pc_module *m, size_t *n_r)
{
	struct reading r = { .m = m };

	pc_opt_each(m, OPTION, NULL, add_entity, &r);
	*n_r = r.n;
	return r.entities;
}

void entities_free(struct entity *entities, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < entities[i].n_iqs; k++)
			free(entities[i].iqs[k].ns);
		free(entities[i].iqs);
		free(entities[i].jid);
	}
	free(entities);
}

/* ------------------------------------------------------------ finding */

const struct entity *entity_find(const struct privilege *p, const char *jid)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->entities[i].jid, jid) == 0)
			return &p->entities[i];
	return NULL;
}

const struct entity *entity_of(const struct privilege *p, const pc_session *origin,
                               const pc_stanza *st)
{
	const char *from = pc_stanza_get(st, "from");
	char buf[PC_JID_BUF];
	pc_jid jid;

	if (origin == NULL || origin->type != PC_COMPONENT || origin->host == NULL ||
	    from == NULL || pc_jid_parse(from, buf, &jid) != PC_OK || jid.local ||
	    strcmp(jid.domain, origin->host) != 0)
		return NULL;
	return entity_find(p, jid.domain);
}

bool entities_want_contacts(const struct privilege *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->entities[i].presence == PRESENCE_ROSTER)
			return true;
	return false;
}

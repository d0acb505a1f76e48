#include "roles.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "event_internal.h"
#include "hosts.h"
#include "log.h"
#include "modules.h"
#include "util/mem.h"

/* Each includes the ones before it. */
static const char *const ladder[] = { "prosody:guest", "prosody:registered", "prosody:member",
	                              "prosody:admin", "prosody:operator" };

struct pc__permission {
	struct pc__owned owned;
	struct pc__permission *next;
	pc_host *host;
	size_t step; /* of the ladder */
	char *action;
};

static size_t step_of(const char *role)
{
	for (size_t i = 0; role && i < PC__COUNT(ladder); i++)
		if (strcmp(ladder[i], role) == 0)
			return i;
	return 0;
}

const char *pc__role_name(const char *role)
{
	return ladder[step_of(role)];
}

/* ------------------------------------------------------------ who */

static bool is_listed(const char *host, const char *bare)
{
	char buf[PC_JID_BUF], text[PC_JID_MAX + 1];
	size_t n = pc__opt_count(host, "admins");
	pc_jid jid;

	for (size_t i = 0; i < n; i++) {
		if (pc_jid_parse(pc__opt_at(host, "admins", i), buf, &jid) != PC_OK)
			continue;
		pc_jid_write_bare(&jid, text);
		if (strcmp(text, bare) == 0)
			return true;
	}
	return false;
}

/* Global admins run the server; a host's own admins run that host. */
const char *pc_role_of(pc_host *host, const char *bare)
{
	const char *at = strchr(bare, '@');
	const char *dflt = pc__opt_str(host->name, "default_user_role");

	if (is_listed(NULL, bare))
		return ladder[4];
	if (is_listed(host->name, bare))
		return ladder[3];
	if (at && strcmp(at + 1, host->name) == 0)
		return pc__role_name(dflt ? dflt : ladder[1]);
	return ladder[0];
}

/* ------------------------------------------------------------ what */

static void drop_permission(struct pc__owned *o)
{
	struct pc__permission *p = PC__CONTAINER(o, struct pc__permission, owned);
	struct pc__permission **at = &p->host->permissions;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	free(p->action);
	free(p);
}

static char *full_action(const pc_module *m, const char *action)
{
	return *action == ':' ? pc__printf("%s%s", m->def->name, action) : pc__strdup(action);
}

void pc_default_permission(pc_module *m, const char *role, const char *action)
{
	struct pc__permission *p;

	if (m->host == NULL) {
		pc__module_error(m, PC_EINVAL, "permissions belong to a host");
		return;
	}
	p = pc__alloc(sizeof(*p));
	p->host = m->host;
	p->step = step_of(role);
	p->action = full_action(m, action);
	p->next = m->host->permissions;
	m->host->permissions = p;
	pc__own(m, &p->owned, drop_permission);
}

static bool role_may(const pc_host *host, const char *role, const pc_module *m, const char *action)
{
	char *full = full_action(m, action);
	size_t have = step_of(role);
	bool may = false;

	for (const struct pc__permission *p = host->permissions; p && !may; p = p->next)
		may = have >= p->step && strcmp(p->action, full) == 0;
	free(full);
	return may;
}

/* Who asks, and what is meant by it. */
struct asking {
	pc_module *m;
	const char *action;
	bool silent;
};

static bool decide(const struct asking *a, pc_host *host, const char *role, const char *who)
{
	if (host && role_may(host, role, a->m, a->action))
		return true;
	if (!a->silent)
		pc_log(a->m, PC_INFO, "%s (%s) may not %s", who ? who : "nobody", role, a->action);
	return false;
}

/* A session's role counts on its own host; elsewhere the address decides. */
static bool session_may(const struct asking *a, const pc_session *s)
{
	pc_host *host = a->m->host;
	char *bare;
	bool may;

	if (host == NULL || s->username == NULL)
		return false;
	if (pc_session_host(s) == host)
		return decide(a, host, s->role, s->full_jid);
	bare = pc__printf("%s@%s", s->username, s->host);
	may = decide(a, host, pc_role_of(host, bare), bare);
	free(bare);
	return may;
}

bool pc_session_may(const pc_session *s, pc_module *m, const char *action)
{
	return session_may(&(struct asking){ m, action, false }, s);
}

/* Events that modules fire have the stanza, but not its addresses as they were routed. */
static const char *sender_of(const pc_event *ev, char bare[static PC_JID_MAX + 1])
{
	const char *from = ev->stanza ? pc_stanza_get(ev->stanza, "from") : NULL;
	char buf[PC_JID_BUF];
	pc_jid jid;

	if (ev->from)
		pc_jid_write_bare(ev->from, bare);
	else if (from && pc_jid_parse(from, buf, &jid) == PC_OK)
		pc_jid_write_bare(&jid, bare);
	else
		return NULL;
	return bare;
}

static bool event_may(const struct asking *a, const pc_event *ev)
{
	const pc_session *s = pc_event_origin(ev);
	pc_host *host = a->m->host;
	char buf[PC_JID_MAX + 1];
	const char *bare;

	if (s && s->type == PC_C2S)
		return session_may(a, s);
	bare = sender_of(ev, buf);
	return host && bare && decide(a, host, pc_role_of(host, bare), bare);
}

bool pc_may(pc_event *ev, const char *action)
{
	return event_may(&(struct asking){ ev->running, action, false }, ev);
}

bool pc_could(pc_event *ev, const char *action)
{
	return event_may(&(struct asking){ ev->running, action, true }, ev);
}

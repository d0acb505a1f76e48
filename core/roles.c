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

#define DEEPEST 16 /* roles that inherit from roles: no circle is walked for ever */

struct pc__permission {
	struct pc__owned owned;
	struct pc__permission *next;
	pc_host *host;
	const char *role; /* static, as all names of roles here */
	bool denied;
	char *action;
};

/* A role of the configuration. */
struct pc__role {
	struct pc__owned owned;
	struct pc__role *next;
	pc_host *host;
	const char *name;
	size_t n;
	const char *inherits[];
};

/* ------------------------------------------------------------ names of roles
 * Sessions and modules keep them, so they stay; there are as many as configurations have named. */

struct name {
	struct name *next;
	char text[];
};
static struct name *names;

static const char *known_name(const char *role)
{
	for (size_t i = 0; i < PC__COUNT(ladder); i++)
		if (strcmp(ladder[i], role) == 0)
			return ladder[i];
	for (struct name *n = names; n; n = n->next)
		if (strcmp(n->text, role) == 0)
			return n->text;
	return NULL;
}

static const char *new_name(const char *role)
{
	const char *known = known_name(role);
	size_t size = strlen(role) + 1;
	struct name *n;

	if (known)
		return known;
	n = pc__alloc(sizeof(*n) + size);
	memcpy(n->text, role, size);
	n->next = names;
	names = n;
	return n->text;
}

const char *pc__role_name(const char *role)
{
	const char *known = role ? known_name(role) : NULL;

	return known ? known : ladder[0];
}

void pc__roles_free(void)
{
	while (names) {
		struct name *next = names->next;

		free(names);
		names = next;
	}
}

/* ------------------------------------------------------------ roles of the configuration */

static void drop_role(struct pc__owned *o)
{
	struct pc__role *r = PC__CONTAINER(o, struct pc__role, owned), **at = &r->host->roles;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	free(r);
}

void pc_add_role(pc_module *m, const char *name, const char *const *inherits)
{
	struct pc__role *r;
	size_t n = 0;

	if (m->host == NULL) {
		pc__module_error(m, PC_EINVAL, "roles belong to a host");
		return;
	}
	while (inherits && inherits[n])
		n++;
	r = pc__alloc(sizeof(*r) + n * sizeof(r->inherits[0]));
	r->host = m->host;
	r->name = new_name(name);
	r->n = n;
	for (size_t i = 0; i < n; i++)
		r->inherits[i] = new_name(inherits[i]);
	r->next = m->host->roles;
	m->host->roles = r;
	pc__own(m, &r->owned, drop_role);
}

static const struct pc__role *own_role(const pc_host *host, const char *role)
{
	for (const struct pc__role *r = host->roles; r; r = r->next)
		if (strcmp(r->name, role) == 0)
			return r;
	return NULL;
}

bool pc_role_exists(const pc_host *host, const char *role)
{
	for (size_t i = 0; i < PC__COUNT(ladder); i++)
		if (strcmp(ladder[i], role) == 0)
			return true;
	return own_role(host, role) != NULL;
}

static bool includes(const pc_host *host, const char *role, const char *other, unsigned depth)
{
	const struct pc__role *own = own_role(host, role);

	if (strcmp(role, other) == 0)
		return true;
	for (size_t i = 1; own == NULL && depth < DEEPEST && i < PC__COUNT(ladder); i++)
		if (strcmp(ladder[i], role) == 0)
			return includes(host, ladder[i - 1], other, depth + 1);
	for (size_t i = 0; own && depth < DEEPEST && i < own->n; i++)
		if (includes(host, own->inherits[i], other, depth + 1))
			return true;
	return false;
}

bool pc_role_includes(const pc_host *host, const char *role, const char *other)
{
	return includes(host, role, other, 0);
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

static const pc_authz_provider *provider(pc_host *host, pc_module **owner_r)
{
	char *name = pc__printf("authz-%s", pc__opt_str(host->name, "authorization"));
	const pc_authz_provider *p = pc_provider(host, name, owner_r);

	free(name);
	return p;
}

/* What the provider knows of an account, unless the role is none any more. */
static const char *kept_role(pc_host *host, const char *bare)
{
	char user[PC_JID_PART_MAX + 1];
	size_t len = strcspn(bare, "@");
	const char *role = NULL;
	pc_module *owner;
	const pc_authz_provider *p = provider(host, &owner);

	if (p == NULL || p->role_of == NULL || len >= sizeof(user))
		return NULL;
	memcpy(user, bare, len);
	user[len] = '\0';
	role = p->role_of(owner, user);
	return role && pc_role_exists(host, role) ? known_name(role) : NULL;
}

/* Global admins run the server; a host's own admins run that host. */
const char *pc_role_of(pc_host *host, const char *bare)
{
	const char *at = strchr(bare, '@'), *kept;
	const char *dflt = pc__opt_str(host->name, "default_user_role");

	if (is_listed(NULL, bare))
		return ladder[4];
	if (is_listed(host->name, bare))
		return ladder[3];
	if (at == NULL || strcmp(at + 1, host->name) != 0)
		return ladder[0];
	kept = kept_role(host, bare);
	return kept ? kept : pc__role_name(dflt ? dflt : ladder[1]);
}

void pc_user_set_role(pc_module *m, pc_host *host, const char *user, const char *role,
                      pc_done_fn *fn, void *data)
{
	pc_module *owner;
	const pc_authz_provider *p = provider(host, &owner);

	if (p == NULL || p->set_role == NULL)
		fn(PC_ENOTSUP, data);
	else if (role && !pc_role_exists(host, role))
		fn(PC_EINVAL, data);
	else
		pc__user_ask_role(m, owner, p, user, role ? known_name(role) : NULL, fn, data);
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

static void add_permission(pc_module *m, const char *role, const char *action, bool denied)
{
	struct pc__permission *p;

	if (m->host == NULL) {
		pc__module_error(m, PC_EINVAL, "permissions belong to a host");
		return;
	}
	p = pc__alloc(sizeof(*p));
	p->host = m->host;
	p->role = new_name(role);
	p->denied = denied;
	p->action = full_action(m, action);
	p->next = m->host->permissions;
	m->host->permissions = p;
	pc__own(m, &p->owned, drop_permission);
}

void pc_default_permission(pc_module *m, const char *role, const char *action)
{
	add_permission(m, role, action, false);
}

void pc_deny_permission(pc_module *m, const char *role, const char *action)
{
	add_permission(m, role, action, true);
}

enum verdict { UNSAID, MAY, MAY_NOT };

/* Of the role itself: a denial counts before what is granted. */
static enum verdict said_of(const pc_host *host, const char *role, const char *action)
{
	enum verdict verdict = UNSAID;

	for (const struct pc__permission *p = host->permissions; p; p = p->next) {
		if (strcmp(p->role, role) != 0 || strcmp(p->action, action) != 0)
			continue;
		if (p->denied)
			return MAY_NOT;
		verdict = MAY;
	}
	return verdict;
}

/* A role is asked before those that it inherits from. */
static enum verdict verdict_of(const pc_host *host, const char *role, const char *action,
                               unsigned depth)
{
	enum verdict verdict = said_of(host, role, action);
	const struct pc__role *own = own_role(host, role);

	if (verdict != UNSAID || depth == DEEPEST)
		return verdict;
	for (size_t i = 1; own == NULL && i < PC__COUNT(ladder); i++)
		if (strcmp(ladder[i], role) == 0)
			return verdict_of(host, ladder[i - 1], action, depth + 1);
	for (size_t i = 0; own && i < own->n && verdict == UNSAID; i++)
		verdict = verdict_of(host, own->inherits[i], action, depth + 1);
	return verdict;
}

static bool role_may(const pc_host *host, const char *role, const pc_module *m, const char *action)
{
	char *full = full_action(m, action);
	bool may = verdict_of(host, role, full, 0) == MAY;

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

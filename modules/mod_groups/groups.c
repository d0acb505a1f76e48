/*
 * mod_groups - contacts that the administrator gives to accounts: groups in a file.
 *
 * Members of a group have each other in their rosters, subscribed in both directions; nothing of it
 * is stored, and no client can remove it. The members of a public group are in everybody's roster.
 * Everybody is not in theirs, so who sees them is seen to here: their presence goes to whoever is
 * there, and everybody may ask for it.
 */
#include <stdlib.h>
#include <string.h>

#include "file.h"

struct shared_groups {
	struct groups *groups;
	bool replaced; /* another instance goes on: rosters are as they should be */
};

/* ------------------------------------------------------------ the contacts of an account */

struct contacts {
	pc_shared_contact *at;
	size_t n, size;
};

static void add_group(struct contacts *c, const struct group *group, const char *own)
{
	struct line *l, *next;

	HASH_ITER(hh, group->lines, l, next)
	{
		if (strcmp(l->jid, own) == 0)
			continue;
		if (c->n == c->size) {
			c->size = c->size ? 2 * c->size : 16;
			c->at = realloc(c->at, c->size * sizeof(*c->at));
			if (c->at == NULL)
				abort(); /* out of memory ends the process */
		}
		c->at[c->n++] = (pc_shared_contact){ l->jid, l->name, group->name };
	}
}

static void address_of(pc_host *host, const char *user, char bare[static PC_JID_MAX + 1])
{
	pc_jid_write_bare(&(pc_jid){ user, pc_host_name(host), NULL }, bare);
}

static void share(pc_module *m, const char *user, pc_roster *r, pc_shared_contact_fn *fn,
                  void *data)
{
	const struct shared_groups *sg = pc_module_data(m);
	const struct groups *g = sg->groups;
	struct contacts c = { 0 };
	const struct member *member;
	char own[PC_JID_MAX + 1];

	address_of(pc_module_host(m), user, own);
	member = groups_member(g, own);
	for (size_t i = 0; member && i < member->n; i++)
		if (!g->at[member->groups[i]].is_public)
			add_group(&c, &g->at[member->groups[i]], own);
	for (size_t i = 0; i < g->n; i++)
		if (g->at[i].is_public)
			add_group(&c, &g->at[i], own);
	pc_roster_set_shared(r, c.at, c.n, fn, data);
	free(c.at);
}

static pc_result on_roster_load(pc_event *ev, void *data)
{
	(void)data;
	share(pc_event_module(ev), pc_event_str(ev, "username"), pc_event_ptr(ev, "roster"), NULL,
	      NULL);
	return PC_PASS;
}

/* ------------------------------------------------------------ when the file has changed */

/* Whose roster changes. */
struct change {
	pc_module *m;
	const char *user;
	char **came, **went, **pushed;
	size_t n_came, n_went, n_pushed;
};

static void note(char ***list, size_t *n, const char *jid)
{
	*list = realloc(*list, (*n + 1) * sizeof(char *));
	if (*list == NULL || ((*list)[(*n)++] = strdup(jid)) == NULL)
		abort();
}

static void forget(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static void on_contact(const char *jid, bool was, bool is, void *data)
{
	struct change *c = data;

	note(&c->pushed, &c->n_pushed, jid);
	if (!was)
		note(&c->came, &c->n_came, jid);
	if (!is)
		note(&c->went, &c->n_went, jid);
}

/* Who came is asked for his presence, and asks for ours; who went sees us go. */
static void tell_presence(const struct change *c, const pc_session *s)
{
	const pc_roster *r = s->roster;

	for (size_t i = 0; i < c->n_came; i++)
		pc_send(c->m, pc_stanza_presence("probe", c->came[i], s->full_jid));
	for (size_t i = 0; i < c->n_went; i++)
		if (r == NULL || !pc_roster_is_subscriber(r, c->went[i]))
			pc_send(c->m, pc_stanza_presence("unavailable", c->went[i], s->full_jid));
}

static void tell(const struct change *c)
{
	const pc_session *s = pc_session_first(pc_module_host(c->m), c->user);

	for (size_t i = 0; s && i < c->n_pushed; i++)
		pc_notify(c->m, "roster-push",
		          &(pc_fire_args){ .args = (pc_arg[]){ PC_STR("username", c->user),
		                                               PC_STR("jid", c->pushed[i]) },
		                           .n_args = 2 });
	for (; s; s = pc_session_next(s))
		if (pc_session_is_available(s))
			tell_presence(c, s);
}

/* All rosters first, then what follows: who is asked must know already that he may answer. */
struct changes {
	pc_module *m;
	struct change *at;
	size_t n;
};

static void share_again(const char *user, pc_roster *r, void *data)
{
	struct changes *all = data;
	struct change c = { .m = all->m, .user = strdup(user) };

	if (c.user == NULL)
		abort();
	share(all->m, user, r, on_contact, &c);
	all->at = realloc(all->at, (all->n + 1) * sizeof(*all->at));
	if (all->at == NULL)
		abort();
	all->at[all->n++] = c;
}

static void share_all(pc_module *m)
{
	struct changes all = { .m = m };

	pc_each_roster(pc_module_host(m), share_again, &all);
	for (size_t i = 0; i < all.n; i++)
		tell(&all.at[i]);
	for (size_t i = 0; i < all.n; i++) {
		forget(all.at[i].came, all.at[i].n_came);
		forget(all.at[i].went, all.at[i].n_went);
		forget(all.at[i].pushed, all.at[i].n_pushed);
		free((char *)(uintptr_t)all.at[i].user);
	}
	free(all.at);
}

/* A file that cannot be read leaves things as they are. */
static void config_changed(pc_module *m)
{
	struct shared_groups *sg = pc_module_data(m);
	struct groups *now = groups_read(m, pc_opt_str(m, "groups_file"));

	if (now == NULL)
		return;
	groups_free(&sg->groups);
	sg->groups = now;
	share_all(m);
}

/* ------------------------------------------------------------ members of public groups */

static bool is_public(const struct shared_groups *sg, pc_host *host, const char *user)
{
	const struct member *member;
	char bare[PC_JID_MAX + 1];

	address_of(host, user, bare);
	member = groups_member(sg->groups, bare);
	return member && member->is_public;
}

/* Whoever is there and does not hear of the session by its roster. */
struct audience {
	const pc_session *of;
	const char **jids;
	size_t n;
};

static bool add_listener(const pc_session *s, void *data)
{
	struct audience *a = data;
	char bare[PC_JID_MAX + 1];

	if (!pc_session_is_available(s) || strcmp(s->username, a->of->username) == 0)
		return true;
	address_of(pc_session_host(s), s->username, bare);
	if (a->of->roster && pc_roster_is_subscriber(a->of->roster, bare))
		return true;
	a->jids = realloc(a->jids, (a->n + 1) * sizeof(*a->jids));
	if (a->jids == NULL)
		abort();
	a->jids[a->n++] = s->full_jid;
	return true;
}

static void tell_everybody(pc_module *m, const pc_session *s, PC_TAKES pc_stanza *presence)
{
	struct audience a = { .of = s };

	pc_each_session(pc_module_host(m), add_listener, &a);
	pc_broadcast(m, presence, a.jids, a.n);
	free(a.jids);
}

static bool is_broadcast(pc_event *ev)
{
	const pc_stanza *st = pc_event_stanza(ev);
	pc_type type = pc_stanza_type(st);

	return pc_event_origin(ev) && pc_event_to_self(ev) && pc_stanza_get(st, "to") == NULL &&
	       (type == PC_TYPE_NONE || type == PC_TYPE_UNAVAILABLE);
}

static void answer_probe(pc_event *ev)
{
	const pc_session *s = pc_session_first(pc_event_host(ev), pc_event_to(ev)->local);
	char asker[PC_JID_MAX + 1];

	pc_jid_write(pc_event_from(ev), asker);
	for (; s; s = pc_session_next(s))
		if (pc_session_is_available(s))
			pc_send(pc_event_module(ev), pc_session_presence(s, asker));
}

static pc_result on_presence(pc_event *ev, void *data)
{
	const struct shared_groups *sg = data;
	pc_host *host = pc_event_host(ev);
	const pc_jid *from = pc_event_from(ev), *to = pc_event_to(ev);

	if (from == NULL || to == NULL || to->local == NULL || from->local == NULL ||
	    !is_public(sg, host, to->local))
		return PC_PASS;
	if (is_broadcast(ev)) {
		tell_everybody(pc_event_module(ev), pc_event_origin(ev),
		               pc_stanza_clone(pc_event_stanza(ev)));
	} else if (pc_stanza_type(pc_event_stanza(ev)) == PC_TYPE_PROBE &&
	           strcmp(from->domain, pc_host_name(host)) == 0) {
		answer_probe(ev);
		return PC_HANDLED;
	}
	return PC_PASS;
}

static pc_result on_unbind(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	if (s && pc_session_is_available(s) && is_public(data, pc_event_host(ev), s->username))
		tell_everybody(pc_event_module(ev), s,
		               pc_stanza_presence("unavailable", NULL, s->full_jid));
	return PC_PASS;
}

/* ------------------------------------------------------------ the module */

static void later(void *data)
{
	share_all(data);
}

static void load(pc_module *m)
{
	struct shared_groups *sg = pc_module_data(m);
	const char *path = pc_opt_str(m, "groups_file");

	sg->groups = path ? groups_read(m, path) : NULL;
	if (sg->groups == NULL) {
		pc_module_fail(m, path ? "groups_file cannot be read" : "groups_file is not set");
		return;
	}
	pc_hook(m, "roster-load", on_roster_load, 0);
	pc_hook(m, "presence/bare", on_presence, 1);
	pc_hook(m, "resource-unbind", on_unbind, 1);
	pc_after(m, 0, later, m); /* those that are in memory */
}

static void save(pc_module *m, pc_state *state)
{
	(void)state;
	((struct shared_groups *)pc_module_data(m))->replaced = true;
}

static void unload(pc_module *m)
{
	struct shared_groups *sg = pc_module_data(m);
	struct groups *were = sg->groups, none = { 0 };

	sg->groups = &none; /* what follows from it comes to our hooks, too */
	if (were && !sg->replaced)
		share_all(m);
	sg->groups = NULL;
	groups_free(&were);
}

static const pc_option options[] = {
	{ .name = "groups_file",
	  .type = PC_OPT_PATH,
	  .required = true,
	  .live = true,
	  .help = "The file with the groups; it is read again by a reload" },
	{ 0 },
};

static const pc_event_decl events[] = {
	{ "roster-push", PC_NOTICE, "an item changed: username, jid (text)" },
	{ 0 },
};

PC_MODULE(groups, .summary = "Contacts that the administrator gives to accounts (shared groups)",
          .options = options, .events = events, .data_size = sizeof(struct shared_groups),
          .load = load, .unload = unload, .save = save, .config_changed = config_changed);

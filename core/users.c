/*
 * users.c - accounts, through the provider of their host.
 */
#include <stdlib.h>
#include <string.h>

#include <prosody-c/users.h>

#include "config.h"
#include "events.h"
#include "hosts.h"
#include "modules.h"
#include "removals.h"
#include "roles.h"
#include "roster_cache.h"
#include "session_table.h"
#include "sessions.h"
#include "stores.h"
#include "util/mem.h"

static const pc_auth_provider *provider(pc_host *host, pc_module **owner_r)
{
	char *name = pc__printf("auth-%s", pc__opt_str(host->name, "authentication"));
	const pc_auth_provider *p = pc_provider(host, name, owner_r);

	free(name);
	return p;
}

const pc_auth_provider *pc_auth(pc_host *host)
{
	pc_module *owner;

	return provider(host, &owner);
}

int pc_user_known(pc_host *host, const char *user)
{
	return pc__user_find(host, user) ? 1 : -1;
}

/* ------------------------------------------------------------ questions */

/* Who asked may be unloaded before the provider answers; and so may the provider, which then never
 * does. One that was only replaced still answers. */
struct question {
	struct pc__owned owned; /* by the provider */
	pc_module *m;           /* NULL: of the core */
	pc_done_fn *done;
	pc_keys_fn *keys;
	pc_names_fn *names;
	void *data;
};

static bool is_wanted(const struct question *q)
{
	return q->m == NULL || pc__module_callable(q->m);
}

static void question_free(struct question *q)
{
	pc__disown(&q->owned);
	if (q->m)
		pc__module_release(q->m);
	free(q);
}

static void on_done(int err, void *data)
{
	struct question *q = data;

	if (is_wanted(q))
		q->done(err, q->data);
	question_free(q);
}

static void on_keys(int err, const pc_scram_keys *keys, void *data)
{
	struct question *q = data;

	if (is_wanted(q))
		q->keys(err, keys, q->data);
	question_free(q);
}

static void on_names(int err, const char *const *names, size_t n, void *data)
{
	struct question *q = data;

	if (is_wanted(q))
		q->names(err, names, n, q->data);
	question_free(q);
}

static void on_provider_gone(struct pc__owned *o)
{
	struct question *q = PC__CONTAINER(o, struct question, owned);

	if (o->m->state != PC__DEAD)
		return;
	if (q->done)
		on_done(PC_ECANCELED, q);
	else if (q->keys)
		on_keys(PC_ECANCELED, NULL, q);
	else
		on_names(PC_ECANCELED, NULL, 0, q);
}

static struct question *question_new(pc_module *provider, pc_module *m, void *data)
{
	struct question *q = pc__alloc(sizeof(*q));

	q->m = m;
	q->data = data;
	if (m)
		pc__module_hold(m);
	pc__own(provider, &q->owned, on_provider_gone);
	return q;
}

static struct question *ask_done(pc_module *provider, pc_module *m, pc_done_fn *fn, void *data)
{
	struct question *q = question_new(provider, m, data);

	q->done = fn;
	return q;
}

static struct question *ask_keys(pc_module *provider, pc_module *m, pc_keys_fn *fn, void *data)
{
	struct question *q = question_new(provider, m, data);

	q->keys = fn;
	return q;
}

void pc_user_exists(pc_module *m, pc_host *host, const char *user, pc_done_fn *fn, void *data)
{
	pc_module *owner;
	const pc_auth_provider *p = provider(host, &owner);

	if (p && p->exists)
		p->exists(owner, user, on_done, ask_done(owner, m, fn, data));
	else
		fn(PC_ENOTSUP, data);
}

void pc_user_keys(pc_module *m, pc_host *host, const char *user, pc_scram_hash hash, pc_keys_fn *fn,
                  void *data)
{
	pc_module *owner;
	const pc_auth_provider *p = provider(host, &owner);

	if (p && p->keys) {
		p->keys(owner, user, hash, on_keys, ask_keys(owner, m, fn, data));
		pc__roster_expect(host, user);
	} else {
		fn(PC_ENOTSUP, NULL, data);
	}
}

void pc_user_look(pc_module *m, pc_host *host, pc_scram_hash hash, uint32_t die, pc_keys_fn *fn,
                  void *data)
{
	pc_module *owner;
	const pc_auth_provider *p = provider(host, &owner);

	if (p && p->size > offsetof(pc_auth_provider, look) && p->look)
		p->look(owner, hash, die, on_keys, ask_keys(owner, m, fn, data));
	else
		fn(PC_ENOTSUP, NULL, data);
}

void pc_user_add_keys(pc_module *m, pc_host *host, const char *user, const pc_scram_keys *keys,
                      pc_done_fn *fn, void *data)
{
	pc_module *owner;
	const pc_auth_provider *p = provider(host, &owner);

	if (p && p->size > offsetof(pc_auth_provider, add_keys) && p->add_keys)
		p->add_keys(owner, user, keys, on_done, ask_done(owner, m, fn, data));
	else
		fn(PC_ENOTSUP, data);
}

void pc_user_check(pc_module *m, pc_host *host, const char *user, const char *password,
                   pc_done_fn *fn, void *data)
{
	pc_module *owner;
	const pc_auth_provider *p = provider(host, &owner);

	if (p && p->check)
		p->check(owner, user, password, on_done, ask_done(owner, m, fn, data));
	else
		fn(PC_ENOTSUP, data);
}

void pc_user_list(pc_module *m, pc_host *host, pc_names_fn *fn, void *data)
{
	pc_module *owner;
	const pc_auth_provider *p = provider(host, &owner);
	struct question *q;

	if (p && p->list) {
		q = question_new(owner, m, data);
		q->names = fn;
		p->list(owner, on_names, q);
	} else {
		fn(PC_ENOTSUP, NULL, 0, data);
	}
}

static void create_now(pc_module *m, pc_host *host, const char *user, const char *password,
                       pc_done_fn *fn, void *data)
{
	pc_module *owner;
	const pc_auth_provider *p = provider(host, &owner);

	if (p && p->create)
		p->create(owner, user, password, on_done, ask_done(owner, m, fn, data));
	else
		fn(PC_ENOTSUP, data);
}

/* Waits until nothing of the last owner of the name is left. */
struct creation {
	pc_module *m;
	pc_host *host;
	char *user, *password;
	pc_done_fn *fn;
	void *data;
};

static void on_name_free(int err, void *data)
{
	struct creation *c = data;
	bool wanted = c->m == NULL || pc__module_callable(c->m);

	if (wanted && err == PC_OK)
		create_now(c->m, c->host, c->user, c->password, c->fn, c->data);
	else if (wanted)
		c->fn(err, c->data);
	if (c->m)
		pc__module_release(c->m);
	explicit_bzero(c->password, strlen(c->password));
	free(c->password);
	free(c->user);
	free(c);
}

void pc_user_create(pc_module *m, pc_host *host, const char *user, const char *password,
                    pc_done_fn *fn, void *data)
{
	struct creation *c;

	if (password == NULL || !pc__removal_pending(host, user)) {
		create_now(m, host, user, password, fn, data);
		return;
	}
	c = pc__alloc(sizeof(*c));
	*c = (struct creation){ .m = m, .host = host, .fn = fn, .data = data };
	c->user = pc__strdup(user);
	c->password = pc__strdup(password);
	if (m)
		pc__module_hold(m);
	pc__removal_wait(host, user, on_name_free, c);
}

void pc_user_enabled(pc_module *m, pc_host *host, const char *user, pc_done_fn *fn, void *data)
{
	pc_module *owner;
	const pc_auth_provider *p = provider(host, &owner);

	if (p && p->size > offsetof(pc_auth_provider, enabled) && p->enabled)
		p->enabled(owner, user, on_done, ask_done(owner, m, fn, data));
	else
		pc_user_exists(m, host, user, fn, data);
}

void pc__user_ask_role(pc_module *m, pc_module *owner, const pc_authz_provider *p, const char *user,
                       const char *role, pc_done_fn *fn, void *data)
{
	p->set_role(owner, user, role, on_done, ask_done(owner, m, fn, data));
}

/* ------------------------------------------------------------ changes that others must hear of */

struct change {
	struct pc__owned owned; /* by the provider, until it has answered */
	pc_host *host;
	pc_module *m;
	pc_done_fn *fn;
	void *data;
	bool enables;
	char user[];
};

static void change_end(struct change *c, int err)
{
	pc__disown(&c->owned);
	if (c->fn && pc__module_callable(c->m))
		c->fn(err, c->data);
	pc__module_release(c->m);
	free(c);
}

static void on_changer_gone(struct pc__owned *o)
{
	if (o->m->state == PC__DEAD)
		change_end(PC__CONTAINER(o, struct change, owned), PC_ECANCELED);
}

static struct change *change_new(pc_module *provider, pc_module *m, pc_host *host, const char *user,
                                 pc_done_fn *fn, void *data)
{
	size_t len = strlen(user) + 1;
	struct change *c = pc__alloc(sizeof(*c) + len);

	*c = (struct change){ .host = host, .m = m, .fn = fn, .data = data };
	memcpy(c->user, user, len);
	pc__module_hold(m);
	pc__own(provider, &c->owned, on_changer_gone);
	return c;
}

static void tell(pc_host *host, const char *user, const char *event)
{
	pc__notify(pc__bus_global(), event, NULL, 0,
	           (pc_arg[]){ PC_STR("username", user), PC_STR("host", host->name) }, 2);
	pc__notify(host->bus, event, host, 0,
	           (pc_arg[]){ PC_STR("username", user), PC_STR("host", host->name) }, 2);
}

static void on_password_set(int err, void *data)
{
	struct change *c = data;

	if (err == PC_OK)
		tell(c->host, c->user, "user-password-changed");
	change_end(c, err);
}

void pc_user_set_password(pc_module *m, pc_host *host, const char *user, const char *password,
                          pc_done_fn *fn, void *data)
{
	pc_module *owner;
	const pc_auth_provider *p = provider(host, &owner);

	if (p == NULL || p->set_password == NULL)
		fn(PC_ENOTSUP, data);
	else
		p->set_password(owner, user, password, on_password_set,
		                change_new(owner, m, host, user, fn, data));
}

void pc__user_deleted(pc_host *host, const char *user)
{
	tell(host, user, "user-deleted");
	pc__user_close(host, user, "the account was removed");
}

static void on_purged(int err, void *data)
{
	change_end(data, err);
}

static void on_removed(int err, void *data)
{
	struct change *c = data;

	if (err == PC_ENOENT)
		pc__removal_cancel(c->host, c->user);
	else if (err != PC_OK)
		pc__removal_settle(c->host, c->user);
	if (err != PC_OK) {
		change_end(c, err);
		return;
	}
	pc__disown(&c->owned);
	pc__removal_finish(c->host, c->user, on_purged, c);
}

/* The provider has gone before it has answered. */
static void on_remover_gone(struct pc__owned *o)
{
	const struct change *c = PC__CONTAINER(o, struct change, owned);

	if (o->m->state == PC__DEAD)
		pc__removal_settle(c->host, c->user);
	on_changer_gone(o);
}

/* What the provider is not asked for yet. */
struct wish {
	pc_module *m;
	pc_host *host;
	pc_done_fn *fn;
	void *data;
	char user[];
};

static void wish_end(struct wish *w, int err)
{
	if (err != PC_OK && pc__module_callable(w->m))
		w->fn(err, w->data);
	pc__module_release(w->m);
	free(w);
}

static void on_noted(int err, void *data)
{
	struct wish *w = data;
	pc_module *owner;
	const pc_auth_provider *p = provider(w->host, &owner);
	struct change *c;

	if (err == PC_OK && (p == NULL || p->remove == NULL)) {
		pc__removal_cancel(w->host, w->user);
		err = PC_ENOTSUP;
	}
	if (err == PC_OK) {
		c = change_new(owner, w->m, w->host, w->user, w->fn, w->data);
		c->owned.drop = on_remover_gone;
		p->remove(owner, w->user, on_removed, c);
	}
	wish_end(w, err);
}

static void on_free_to_remove(int err, void *data)
{
	struct wish *w = data;

	if (err == PC_OK)
		pc__removal_begin(w->host, w->user, on_noted, w);
	else
		wish_end(w, err);
}

void pc_user_remove(pc_module *m, pc_host *host, const char *user, pc_done_fn *fn, void *data)
{
	const pc_auth_provider *p = pc_auth(host);
	size_t size = strlen(user) + 1;
	struct wish *w;

	if (p == NULL || p->remove == NULL) {
		fn(PC_ENOTSUP, data);
		return;
	}
	w = pc__alloc(sizeof(*w) + size);
	*w = (struct wish){ .m = m, .host = host, .fn = fn, .data = data };
	memcpy(w->user, user, size);
	pc__module_hold(m);
	pc__removal_wait(host, user, on_free_to_remove, w);
}

static void on_enabled_set(int err, void *data)
{
	struct change *c = data;

	if (err == PC_OK) {
		tell(c->host, c->user, c->enables ? "user-enabled" : "user-disabled");
		if (!c->enables)
			pc__user_close(c->host, c->user, "the account was disabled");
	}
	change_end(c, err);
}

void pc_user_set_enabled(pc_module *m, pc_host *host, const char *user, bool enabled,
                         pc_done_fn *fn, void *data)
{
	pc_module *owner;
	const pc_auth_provider *p = provider(host, &owner);
	struct change *c;

	if (p == NULL || p->size <= offsetof(pc_auth_provider, set_enabled) ||
	    p->set_enabled == NULL) {
		fn(PC_ENOTSUP, data);
		return;
	}
	c = change_new(owner, m, host, user, fn, data);
	c->enables = enabled;
	p->set_enabled(owner, user, enabled, on_enabled_set, c);
}

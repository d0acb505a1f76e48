/*
 * mod_authz_internal.c - roles of accounts, kept in the server's own storage; roles and permissions
 * of the configuration.
 *
 * Few accounts have a role of their own, and whoever asks wants to know at once: they are all in
 * memory. The option `admins` comes before them.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/prosody-c.h>
#include <prosody-c/table.h>

#define KEY "_default" /* in the store */
#define NAME_SIZE 256  /* of a field of the configuration */
#define INHERITS_MOST 16

struct holder {
	UT_hash_handle hh;
	char *role;
	char user[];
};

struct authz {
	pc_store *store;
	struct holder *holders;
	bool restored; /* from the instance before */
};

/* ------------------------------------------------------------ who has which */

static void forget(struct authz *az, struct holder *h)
{
	HASH_DELETE(hh, az->holders, h);
	free(h->role);
	free(h);
}

/* Role NULL: it has none any more. */
static void note(struct authz *az, const char *user, const char *role)
{
	size_t size = strlen(user) + 1;
	struct holder *h;

	HASH_FIND_STR(az->holders, user, h);
	if (h)
		forget(az, h);
	if (role == NULL)
		return;
	h = calloc(1, sizeof(*h) + size);
	if (h == NULL || (h->role = strdup(role)) == NULL)
		abort(); /* out of memory ends the process */
	memcpy(h->user, user, size);
	HASH_ADD_STR(az->holders, user, h);
}

static const char *role_of(pc_module *m, const char *user)
{
	const struct authz *az = pc_module_data(m);
	struct holder *h;

	HASH_FIND_STR(az->holders, user, h);
	return h ? h->role : NULL;
}

/* ------------------------------------------------------------ changes */

struct change {
	pc_module *m;
	pc_done_fn *fn;
	void *data;
	const char *role; /* as the core has it: it stays */
	char user[PC_JID_PART_MAX + 1];
};

static bool close_one(const pc_session *s, void *data)
{
	const struct change *c = data;

	if (s->username && pc_session_host(s) == pc_module_host(c->m) &&
	    strcmp(s->username, c->user) == 0)
		pc_session_close(s, "reset", "The role of the account has changed");
	return true;
}

/* What a session may was decided when it logged in. */
static void tell(struct change *c)
{
	const pc_arg args[] = { PC_STR("username", c->user),
		                PC_STR("host", pc_module_host_name(c->m)),
		                PC_STR("role", c->role) };

	pc_each_session(pc_module_host(c->m), close_one, c);
	pc_each_unbound_session(close_one, c);
	pc_notify(c->m, "user-role-changed", &(pc_fire_args){ .args = args, .n_args = 3 });
}

static void change_end(struct change *c, int err)
{
	pc_done_fn *fn = c->fn;
	void *data = c->data;

	pc_module_free(c->m, c);
	fn(err, data);
}

static void on_kept(int err, void *data)
{
	struct change *c = data;

	if (err == PC_OK) {
		note(pc_module_data(c->m), c->user, c->role);
		tell(c);
	}
	change_end(c, err);
}

static void on_exists(int err, void *data)
{
	struct change *c = data;
	const struct authz *az = pc_module_data(c->m);
	const pc_item item = { KEY, c->role, c->role ? strlen(c->role) : 0 };

	if (err == PC_OK)
		pc_store_set_keys(az->store, c->user, &item, 1, on_kept, c);
	else
		change_end(c, err);
}

static void set_role(pc_module *m, const char *user, const char *role, pc_done_fn *fn, void *data)
{
	struct change *c = pc_module_alloc(m, sizeof(*c));

	*c = (struct change){ .m = m, .fn = fn, .data = data, .role = role };
	snprintf(c->user, sizeof(c->user), "%s", user);
	pc_user_exists(m, pc_module_host(m), c->user, on_exists, c);
}

static const pc_authz_provider provider = { .size = sizeof(provider),
	                                    .role_of = role_of,
	                                    .set_role = set_role };

static pc_result on_deleted(pc_event *ev, void *data)
{
	note(data, pc_event_str(ev, "username"), NULL);
	return PC_PASS;
}

/* ------------------------------------------------------------ what was kept */

/* Who has logged in before this was known got a role by what was known then. */
static bool check_one(const pc_session *s, void *data)
{
	pc_module *m = data;
	char bare[PC_JID_MAX + 1];

	if (s->username && pc_session_host(s) == pc_module_host(m) && role_of(m, s->username)) {
		pc_jid_write_bare(&(pc_jid){ s->username, s->host, NULL }, bare);
		if (strcmp(pc_role_of(pc_module_host(m), bare), s->role) != 0)
			pc_session_close(s, "reset", "The role of the account is another one");
	}
	return true;
}

static void on_all(int err, const pc_item *items, size_t n, void *data)
{
	pc_module *m = data;

	if (err)
		pc_log(m, PC_ERROR, "roles of accounts cannot be read: %s", pc_strerror(err));
	for (size_t i = 0; err == PC_OK && i < n; i++)
		note(pc_module_data(m), items[i].key, items[i].value);
	if (err == PC_OK && n > 0 && !((struct authz *)pc_module_data(m))->restored) {
		pc_each_session(pc_module_host(m), check_one, m);
		pc_each_unbound_session(check_one, m);
	}
}

/* USER NUL ROLE NUL ... */
static void save(pc_module *m, pc_state *state)
{
	const struct authz *az = pc_module_data(m);
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		abort();
	for (const struct holder *h = az->holders; h; h = h->hh.next)
		fprintf(f, "%s%c%s%c", h->user, 0, h->role, 0);
	if (fclose(f) != 0)
		abort();
	pc_state_put(state, "holders", text, len);
	free(text);
}

static void restore(pc_module *m, const pc_state *state)
{
	struct authz *az = pc_module_data(m);
	size_t len = 0;
	const char *at = pc_state_get(state, "holders", &len), *end = at + len, *role;

	az->restored = true;
	for (; at && at < end; at = role + strlen(role) + 1) {
		role = at + strlen(at) + 1;
		note(az, at, role);
	}
}

/* ------------------------------------------------------------ roles of the configuration */

static const char *field(pc_module *m, const char *option, const char *format, ...) PC_PRINTF(3, 4);

static const char *field(pc_module *m, const char *option, const char *format, ...)
{
	char name[NAME_SIZE];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	return len > 0 && (size_t)len < sizeof(name) ? pc_opt_field(m, option, name) : NULL;
}

typedef void grant_fn(pc_module *m, const char *role, const char *action);

/* A list of actions, or a single one, below that field. */
static void load_actions(pc_module *m, const char *option, const char *below, const char *role,
                         grant_fn *grant)
{
	const char *action = field(m, option, "%s", below);

	if (action)
		grant(m, role, action);
	for (unsigned i = 1; (action = field(m, option, "%s.%u", below, i)) != NULL; i++)
		grant(m, role, action);
}

static void load_role(pc_module *m, unsigned at, const char *name)
{
	const char *inherits[INHERITS_MOST + 1] = { field(m, "custom_roles", "%u.inherits", at) };
	char below[64];

	for (unsigned i = 0; i < INHERITS_MOST && (i > 0 || inherits[0] == NULL); i++) {
		inherits[i] = field(m, "custom_roles", "%u.inherits.%u", at, i + 1);
		if (inherits[i] == NULL)
			break;
	}
	pc_add_role(m, name, inherits);
	snprintf(below, sizeof(below), "%u.allow", at);
	load_actions(m, "custom_roles", below, name, pc_default_permission);
	snprintf(below, sizeof(below), "%u.deny", at);
	load_actions(m, "custom_roles", below, name, pc_deny_permission);
}

static void load_permissions_of(pc_module *m, const char *role)
{
	load_actions(m, "add_permissions", role, role, pc_default_permission);
	load_actions(m, "remove_permissions", role, role, pc_deny_permission);
}

static void load_roles(pc_module *m)
{
	static const char *const builtin[] = { "prosody:guest", "prosody:registered",
		                               "prosody:member", "prosody:admin",
		                               "prosody:operator" };
	const char *name;

	for (unsigned i = 1; (name = field(m, "custom_roles", "%u.name", i)) != NULL; i++) {
		if (pc_role_exists(pc_module_host(m), name)) {
			pc_log(m, PC_WARN, "custom_roles: there is a role %s already", name);
			continue;
		}
		load_role(m, i, name);
		load_permissions_of(m, name);
	}
	for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++)
		load_permissions_of(m, builtin[i]);
}

/* ------------------------------------------------------------ commands */

struct account {
	pc_call *call;
	pc_module *m;
	const char *role; /* that it is to have; NULL: it is asked for */
	pc_jid jid;
	char buf[PC_JID_BUF];
};

static void on_set(int err, void *data)
{
	const struct account *a = data;

	pc_call_end(a->call, err,
	            err == PC_OK       ? "role changed"
	            : err == PC_ENOENT ? "no such account"
	            : err == PC_EINVAL ? "no such role"
	                               : NULL);
}

static void on_there(int err, void *data)
{
	const struct account *a = data;
	char bare[PC_JID_MAX + 1];

	pc_jid_write_bare(&a->jid, bare);
	if (err != PC_OK) {
		pc_call_end(a->call, err, err == PC_ENOENT ? "no such account" : NULL);
		return;
	}
	pc_call_print(a->call, "%s", pc_role_of(pc_module_host(a->m), bare));
	pc_call_end(a->call, PC_OK, NULL);
}

static void run_role(pc_call *call, pc_module *m)
{
	struct account *a = pc_call_data(call, sizeof(*a));
	const char *address = pc_call_arg(call, 0), *role = pc_call_arg(call, 1);

	a->call = call;
	a->m = m;
	if (pc_jid_parse(address, a->buf, &a->jid) != PC_OK || a->jid.local == NULL ||
	    a->jid.resource)
		pc_call_end(call, PC_EINVAL, "not the address of an account: %s", address);
	else if (role == NULL)
		pc_user_exists(m, pc_module_host(m), a->jid.local, on_there, a);
	else
		pc_user_set_role(m, pc_module_host(m), a->jid.local,
		                 strcmp(role, "default") == 0 ? NULL : role, on_set, a);
}

static void run_roles(pc_call *call, pc_module *m)
{
	const struct authz *az = pc_module_data(m);

	for (const struct holder *h = az->holders; h; h = h->hh.next)
		pc_call_row(call, (pc_cell[]){ PC_TEXT("user", h->user), PC_TEXT("role", h->role) },
		            2, "%s@%s  %s", h->user, pc_module_host_name(m), h->role);
	pc_call_end(call, PC_OK, NULL);
}

static const pc_command commands[] = {
	{ "user", "role", "JID [ROLE]",
	  "Tells the role of an account, or sets it; \"default\": none of its own", run_role },
	{ "user", "roles", "HOST", "Lists the accounts that have a role of their own", run_roles },
	{ 0 },
};

/* ------------------------------------------------------------ the module */

static void load(pc_module *m)
{
	struct authz *az = pc_module_data(m);

	az->store = pc_store_open(m, "account_roles", PC_STORE_MAP);
	load_roles(m);
	pc_provide(m, "authz-internal", &provider);
	pc_hook(m, "user-deleted", on_deleted, 0);
	pc_store_get_all(az->store, KEY, on_all, m);
}

static void unload(pc_module *m)
{
	struct authz *az = pc_module_data(m);
	struct holder *h, *next;

	HASH_ITER(hh, az->holders, h, next)
	{
		forget(az, h);
	}
}

static const pc_option options[] = {
	{ .name = "custom_roles",
	  .type = PC_OPT_TABLE,
	  .help = "More roles: { { name = ..., inherits = { roles }, allow = { actions }, deny = { "
	          "actions } }, ... }" },
	{ .name = "add_permissions",
	  .type = PC_OPT_TABLE,
	  .help = "What roles may do besides: { [\"prosody:member\"] = { actions }, ... }" },
	{ .name = "remove_permissions",
	  .type = PC_OPT_TABLE,
	  .help = "What roles may not do: likewise" },
	{ 0 },
};

static const pc_event_decl events[] = {
	{ "user-role-changed", PC_NOTICE,
	  "An account has another role: `username`, `host`, `role` (none: the default)" },
	{ 0 },
};

static const pc_store_decl stores[] = {
	{ "account_roles", PC_STORE_MAP, "The role of an account" },
	{ 0 },
};

PC_MODULE(authz_internal, .summary = "Roles of accounts, kept in the server's own storage",
          .data_size = sizeof(struct authz), .options = options, .events = events, .stores = stores,
          .commands = commands, .load = load, .unload = unload, .save = save, .restore = restore);

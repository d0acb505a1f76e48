/*
 * mod_account_activity.c - when accounts were used last, and by which client: for operators, who
 * want to know which accounts nobody uses any more.
 *
 * A session costs one write when it begins and one when it ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/prosody-c.h>

#define CLIENT_SIZE 256 /* bytes that are kept of what a client calls itself */

struct activity {
	pc_store *store;
};

/* Of a session: what its client told of itself (XEP-0388). */
struct agent {
	char name[CLIENT_SIZE];
	bool removed; /* its account: nothing is kept of it any more */
};

/* ------------------------------------------------------------ noted */

static void note(const struct activity *a, const char *user, const char *key, const char *client)
{
	char when[24];
	pc_item items[] = { { .key = key, .value = when }, { .key = "client", .value = client } };

	items[0].len =
	        (size_t)snprintf(when, sizeof(when), "%lld", (long long)(pc_time_ms() / 1000));
	items[1].len = client ? strlen(client) : 0;
	pc_store_set_keys(a->store, user, items, client ? 2 : 1, NULL, NULL);
}

/* A text that is too long is left out, as its end might be half of a character. */
static pc_result on_proved(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	const pc_stanza *request = pc_event_ptr(ev, "request");
	const pc_stanza *agent =
	        request ? pc_stanza_child(request, "user-agent", PC_NS_SASL2) : NULL;
	const char *name = agent ? pc_stanza_child_text(agent, "software", PC_NS_SASL2) : NULL;
	struct agent *own;

	(void)data;
	if (s && name && *name && strlen(name) < CLIENT_SIZE) {
		own = pc_session_data(s, pc_event_module(ev));
		memcpy(own->name, name, strlen(name) + 1);
	}
	return PC_PASS;
}

static pc_result on_bind(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	const struct agent *agent = s ? pc_session_data_if(s, pc_event_module(ev)) : NULL;
	const char *client = agent && agent->name[0] ? agent->name : NULL;

	if (s && s->type == PC_C2S)
		note(data, s->username, "login",
		     client                              ? client
		     : strlen(s->resource) < CLIENT_SIZE ? s->resource
		                                         : "");
	return PC_PASS;
}

static pc_result on_unbind(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	const struct agent *agent = s ? pc_session_data_if(s, pc_event_module(ev)) : NULL;

	if (s && s->type == PC_C2S && !(agent && agent->removed))
		note(data, s->username, "logout", NULL);
	return PC_PASS;
}

/* Sessions of a removed account end behind the removal of what was kept. */
static pc_result on_deleted(pc_event *ev, void *data)
{
	const pc_session *s = pc_session_first(pc_event_host(ev), pc_event_str(ev, "username"));

	(void)data;
	for (; s; s = pc_session_next(s))
		((struct agent *)pc_session_data(s, pc_event_module(ev)))->removed = true;
	return PC_PASS;
}

/* ------------------------------------------------------------ one account */

struct question {
	pc_call *call;
	pc_module *m;
	pc_jid jid;
	char buf[PC_JID_BUF];
};

static const char *value_of(const pc_item *items, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(items[i].key, key) == 0)
			return items[i].value;
	return NULL;
}

/* "": it is not known. */
static void write_time(const char *seconds, char out[static PC_DATETIME_SIZE])
{
	out[0] = '\0';
	if (seconds)
		pc_datetime_write(strtoll(seconds, NULL, 10) * 1000, out);
}

static void on_kept(int err, const pc_item *items, size_t n, void *data)
{
	const struct question *q = data;
	bool online = pc_session_first(pc_module_host(q->m), q->jid.local) != NULL;
	char login[PC_DATETIME_SIZE], logout[PC_DATETIME_SIZE];
	const char *client = value_of(items, n, "client");

	if (err) {
		pc_call_end(q->call, err, NULL);
		return;
	}
	write_time(value_of(items, n, "login"), login);
	write_time(value_of(items, n, "logout"), logout);
	pc_call_row(q->call,
	            (pc_cell[]){ PC_TEXT("user", q->jid.local),
	                         PC_TEXT("login", *login ? login : NULL),
	                         PC_TEXT("logout", *logout ? logout : NULL),
	                         PC_TEXT("client", client), PC_TRUTH("online", online) },
	            5, "%s@%s: logged in %s, left %s%s%s%s", q->jid.local, q->jid.domain,
	            *login ? login : "never", *logout ? logout : "never",
	            client && *client ? ", by " : "", client ? client : "",
	            online ? ", is online" : "");
	pc_call_end(q->call, PC_OK, NULL);
}

static void on_exists(int err, void *data)
{
	const struct question *q = data;
	const struct activity *a = pc_module_data(q->m);

	if (err)
		pc_call_end(q->call, err, err == PC_ENOENT ? "no such account" : NULL);
	else
		pc_store_get(a->store, q->jid.local, on_kept, data);
}

static void run_activity(pc_call *call, pc_module *m)
{
	struct question *q = pc_call_data(call, sizeof(*q));

	q->call = call;
	q->m = m;
	if (pc_jid_parse(pc_call_arg(call, 0), q->buf, &q->jid) != PC_OK || q->jid.local == NULL ||
	    q->jid.resource)
		pc_call_end(call, PC_EINVAL, "not the address of an account: %s",
		            pc_call_arg(call, 0));
	else
		pc_user_exists(m, pc_module_host(m), q->jid.local, on_exists, q);
}

/* ------------------------------------------------------------ those that nobody uses */

/* When each user was last seen, by name. */
struct seen {
	char *user;
	int64_t when;
};

struct survey {
	pc_call *call;
	pc_module *m;
	int64_t before;       /* seconds since 1970 */
	struct seen *seen[2]; /* logins, logouts */
	size_t n[2];
};

static void survey_end(struct survey *s, int err, size_t found)
{
	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < s->n[k]; i++)
			pc_module_free(s->m, s->seen[k][i].user);
		if (s->seen[k])
			pc_module_free(s->m, s->seen[k]);
	}
	if (err == PC_ENOTSUP)
		pc_call_end(s->call, err, "the host's authentication cannot list accounts");
	else
		pc_call_end(s->call, err, err ? NULL : "%zu account%s", found,
		            found == 1 ? "" : "s");
}

/* Items come sorted by their keys, which are the users here. */
static void take(struct survey *s, size_t k, const pc_item *items, size_t n)
{
	size_t size;

	s->seen[k] = pc_module_alloc(s->m, (n + 1) * sizeof(struct seen));
	s->n[k] = n;
	for (size_t i = 0; i < n; i++) {
		size = strlen(items[i].key) + 1;
		s->seen[k][i].user = memcpy(pc_module_alloc(s->m, size), items[i].key, size);
		s->seen[k][i].when = strtoll(items[i].value, NULL, 10);
	}
}

static int by_name(const void *name, const void *seen)
{
	return strcmp(name, ((const struct seen *)seen)->user);
}

/* 0: never since it is noted. */
static int64_t last_seen(const struct survey *s, const char *user)
{
	int64_t last = 0;

	for (size_t k = 0; k < 2; k++) {
		const struct seen *seen =
		        bsearch(user, s->seen[k], s->n[k], sizeof(*seen), by_name);

		if (seen && seen->when > last)
			last = seen->when;
	}
	return last;
}

static void tell(const struct survey *s, const char *user, int64_t last)
{
	char text[PC_DATETIME_SIZE] = "never";

	if (last)
		pc_datetime_write(last * 1000, text);
	pc_call_row(s->call,
	            (pc_cell[]){ PC_TEXT("user", user), PC_TEXT("last", last ? text : NULL) }, 2,
	            "%s@%s  %s", user, pc_module_host_name(s->m), text);
}

static void on_names(int err, const char *const *names, size_t n, void *data)
{
	struct survey *s = data;
	size_t found = 0;
	int64_t last;

	for (size_t i = 0; err == PC_OK && i < n; i++) {
		last = last_seen(s, names[i]);
		if (last >= s->before || pc_session_first(pc_module_host(s->m), names[i]))
			continue;
		tell(s, names[i], last);
		found++;
	}
	survey_end(s, err, found);
}

static void on_logouts(int err, const pc_item *items, size_t n, void *data)
{
	struct survey *s = data;

	if (err) {
		survey_end(s, err, 0);
		return;
	}
	take(s, 1, items, n);
	pc_user_list(s->m, pc_module_host(s->m), on_names, s);
}

static void on_logins(int err, const pc_item *items, size_t n, void *data)
{
	struct survey *s = data;
	const struct activity *a = pc_module_data(s->m);

	if (err) {
		survey_end(s, err, 0);
		return;
	}
	take(s, 0, items, n);
	pc_store_get_all(a->store, "logout", on_logouts, s);
}

static void run_inactive(pc_call *call, pc_module *m)
{
	const struct activity *a = pc_module_data(m);
	struct survey *s = pc_call_data(call, sizeof(*s));
	const char *days = pc_call_arg(call, 1);
	char *end;
	long n = strtol(days, &end, 10);

	if (*days < '0' || *days > '9' || *end || n > 36500) {
		pc_call_end(call, PC_EINVAL, "not a number of days: %s", days);
		return;
	}
	s->call = call;
	s->m = m;
	s->before = pc_time_ms() / 1000 - n * 86400;
	pc_store_get_all(a->store, "login", on_logins, s);
}

static const pc_command commands[] = {
	{ "user", "activity", "JID", "When an account was last used, and by which client",
	  run_activity },
	{ "user", "inactive", "HOST DAYS", "Lists the accounts that were not used for so long",
	  run_inactive },
	{ 0 },
};

/* ------------------------------------------------------------ the module */

static void load(pc_module *m)
{
	const pc_auth_provider *auth = pc_auth(pc_module_host(m));
	struct activity *a = pc_module_data(m);

	a->store = pc_store_open(m, "account_activity", PC_STORE_MAP);
	if (auth && auth->size > offsetof(pc_auth_provider, anonymous) && auth->anonymous)
		return; /* nobody comes back */
	pc_hook(m, "sasl2-success", on_proved, 50);
	pc_hook(m, "resource-bind", on_bind, 0);
	pc_hook(m, "resource-unbind", on_unbind, 0);
	pc_hook(m, "user-deleted", on_deleted, 0);
}

static const pc_store_decl stores[] = {
	{ "account_activity", PC_STORE_MAP,
	  "When an account's last session began and ended, and its client" },
	{ 0 },
};

PC_MODULE(account_activity, .summary = "When accounts were used last",
          .data_size = sizeof(struct activity), .session_size = sizeof(struct agent),
          .state_version = 1, .session_plain = true, .stores = stores, .commands = commands,
          .load = load);

#include <stdlib.h>
#include <string.h>

#include "admin.h"

#define MOST 5000 /* in a list, whatever was asked for: it must fit into a stanza */

static const pc_choice numbers[] = {
	{ "25", "25" },   { "50", "50" },   { "75", "75" },     { "100", "100" },
	{ "150", "150" }, { "200", "200" }, { "none", "None" }, { 0 },
};

static const pc_form how_many = {
	.title = "Requesting a List of Users",
	.instructions = "Fill out this form to request the users of this service.",
	.form_type = NS_ADMIN,
	.fields =
	        (const pc_field[]){
	                { .var = "max_items",
	                  .type = PC_FIELD_LIST,
	                  .label = "Maximum number of items to show",
	                  .value = "100",
	                  .choices = numbers },
	                { 0 },
	        },
};

/* A list or a number that is being made; the data of its call. */
struct list {
	pc_adhoc_call *call;
	const char *host;
	const char *var, *label;
	bool counts; /* the number alone is wanted */
	size_t most, n;
	pc_values *values;
};

/* False: there is nothing more to do in this stage. */
static bool begin(pc_adhoc_call *call, pc_module *m, bool counts, struct list *l)
{
	const pc_values *answer = NULL;
	const char *most;

	if (!counts && pc_adhoc_stage(call) == 0) {
		pc_adhoc_ask(call, &how_many, NULL, PC_ADHOC_COMPLETE);
		return false;
	}
	if (!counts && (answer = pc_adhoc_answer(call, 0, &how_many)) == NULL)
		return false;
	most = pc_values_get(answer, "max_items");
	*l = (struct list){ .call = call, .host = pc_module_host_name(m), .counts = counts };
	l->most = most && strcmp(most, "none") != 0 ? strtoul(most, NULL, 10) : MOST;
	return true;
}

static void add(struct list *l, const char *name)
{
	char buf[PC_JID_BUF], bare[PC_JID_MAX + 1];
	pc_jid jid;

	if (++l->n > l->most || l->counts || pc_jid_make(name, l->host, NULL, buf, &jid) != PC_OK)
		return;
	pc_jid_write_bare(&jid, bare);
	pc_values_add(l->values, l->var, bare);
}

static void finish(struct list *l)
{
	const pc_field fields[] = {
		{ .var = l->var,
		  .type = l->counts ? PC_FIELD_TEXT : PC_FIELD_JIDS,
		  .label = l->label },
		{ 0 },
	};
	const pc_form form = { .form_type = NS_ADMIN, .fields = fields };

	if (l->counts)
		pc_values_add_int(l->values, l->var, (int64_t)l->n);
	else if (l->n > l->most)
		pc_adhoc_note(l->call, "warn", "The first %zu of %zu", l->most, l->n);
	pc_form_tell(pc_adhoc_payload(l->call), &form, l->values);
	pc_values_free(&l->values);
	pc_adhoc_done(l->call, NULL);
}

/* ------------------------------------------------------------ registered */

static void refuse(const struct list *l, int err)
{
	if (err == PC_ENOTSUP)
		pc_adhoc_refuse(l->call, "feature-not-implemented",
		                "The accounts of this host cannot be listed");
	else
		pc_adhoc_fail(l->call, "They could not be listed: %s", pc_strerror(err));
}

static void tell(struct list *l, const char *const *names, size_t n)
{
	l->values = pc_values_new();
	for (size_t i = 0; i < n; i++)
		add(l, names[i]);
	finish(l);
}

static void on_names(int err, const char *const *names, size_t n, void *data)
{
	struct list *l = data;

	if (err == PC_OK)
		tell(l, names, n);
	else
		refuse(l, err);
}

static void registered(pc_adhoc_call *call, pc_module *m, bool counts)
{
	struct list *l = pc_adhoc_data(call, sizeof(*l));

	if (!begin(call, m, counts, l))
		return;
	l->var = counts ? "registeredusersnum" : "registereduserjids";
	l->label = counts ? "The number of registered users" : "The list of all users";
	pc_user_list(m, pc_module_host(m), on_names, l);
}

void admin_registered_list(pc_adhoc_call *call, pc_module *m)
{
	registered(call, m, false);
}

void admin_registered_num(pc_adhoc_call *call, pc_module *m)
{
	registered(call, m, true);
}

/* ------------------------------------------------------------ online */

/* An account counts with its first session. */
static bool add_account(const pc_session *s, void *data)
{
	if (pc_session_first(pc_session_host(s), s->username) == s)
		add(data, s->username);
	return true;
}

/* False: not now, or it says that it is away. */
static bool is_attended(const pc_session *s)
{
	const char *show = pc_session_is_available(s)
	                           ? pc_stanza_child_text(s->presence, "show", PC_NS_CLIENT)
	                           : "away";

	return show == NULL || (strcmp(show, "away") != 0 && strcmp(show, "xa") != 0);
}

static bool is_active(const pc_session *first)
{
	while (first && !is_attended(first))
		first = pc_session_next(first);
	return first != NULL;
}

static bool add_active(const pc_session *s, void *data)
{
	const pc_session *first = pc_session_first(pc_session_host(s), s->username);

	return first != s || !is_active(first) || add_account(s, data);
}

static bool add_idle(const pc_session *s, void *data)
{
	const pc_session *first = pc_session_first(pc_session_host(s), s->username);

	return first != s || is_active(first) || add_account(s, data);
}

/* Accounts with sessions: those that `each` adds. */
struct kind {
	const char *num, *jids; /* fields of the answer */
	const char *num_label, *jids_label;
	pc_session_fn *each;
};

static const struct kind kind_online = { "onlineusersnum", "onlineuserjids",
	                                 "The number of online users",
	                                 "The list of all online users", add_account };
static const struct kind kind_active = { "activeusersnum", "activeuserjids",
	                                 "The number of active users", "The list of active users",
	                                 add_active };
/* The XEP has no field of their own for the list. */
static const struct kind kind_idle = { "idleusersnum", "activeuserjids", "The number of idle users",
	                               "The list of idle users", add_idle };

static void connected(pc_adhoc_call *call, pc_module *m, const struct kind *kind, bool counts)
{
	struct list l;

	if (!begin(call, m, counts, &l))
		return;
	l.var = counts ? kind->num : kind->jids;
	l.label = counts ? kind->num_label : kind->jids_label;
	l.values = pc_values_new();
	pc_each_session(pc_module_host(m), kind->each, &l);
	finish(&l);
}

void admin_online_list(pc_adhoc_call *call, pc_module *m)
{
	connected(call, m, &kind_online, false);
}

void admin_online_num(pc_adhoc_call *call, pc_module *m)
{
	connected(call, m, &kind_online, true);
}

void admin_active_list(pc_adhoc_call *call, pc_module *m)
{
	connected(call, m, &kind_active, false);
}

void admin_active_num(pc_adhoc_call *call, pc_module *m)
{
	connected(call, m, &kind_active, true);
}

void admin_idle_list(pc_adhoc_call *call, pc_module *m)
{
	connected(call, m, &kind_idle, false);
}

void admin_idle_num(pc_adhoc_call *call, pc_module *m)
{
	connected(call, m, &kind_idle, true);
}

/* ------------------------------------------------------------ disabled: each account is asked for
 */

struct asking {
	struct list list; /* first: it is the data of the call */
	pc_module *m;
	const char *
	        *names; /* the module's, with their texts behind them; up to `at` the disabled */
	size_t n, at, disabled;
};

static void ask_next(struct asking *a);

static void on_enabled(int err, void *data)
{
	struct asking *a = data;

	if (err == PC_EPERM)
		a->names[a->disabled++] = a->names[a->at];
	a->at++;
	ask_next(a);
}

/* The answer does not come before it has been asked for, so this does not recur. */
static void ask_next(struct asking *a)
{
	pc_module *m = a->m;
	const char **names = a->names;

	if (a->at < a->n) {
		pc_user_enabled(m, pc_module_host(m), names[a->at], on_enabled, a);
		return;
	}
	tell(&a->list, names, a->disabled); /* and `a` has gone with its call */
	pc_module_free(m, names);
}

static const char **copy_names(pc_module *m, const char *const *names, size_t n)
{
	size_t size = n * sizeof(*names) + 1;
	const char **copy;
	char *text;

	for (size_t i = 0; i < n; i++)
		size += strlen(names[i]) + 1;
	copy = pc_module_alloc(m, size);
	text = (char *)(copy + n);
	for (size_t i = 0; i < n; i++) {
		copy[i] = text;
		text = stpcpy(text, names[i]) + 1;
	}
	return copy;
}

static void on_all_names(int err, const char *const *names, size_t n, void *data)
{
	struct asking *a = data;

	if (err != PC_OK) {
		refuse(&a->list, err);
		return;
	}
	a->names = copy_names(a->m, names, n);
	a->n = n;
	ask_next(a);
}

static void disabled(pc_adhoc_call *call, pc_module *m, bool counts)
{
	struct asking *a = pc_adhoc_data(call, sizeof(*a));

	if (!begin(call, m, counts, &a->list))
		return;
	a->m = m;
	a->list.var = counts ? "disabledusersnum" : "disableduserjids";
	a->list.label = counts ? "The number of disabled users" : "The list of all disabled users";
	pc_user_list(m, pc_module_host(m), on_all_names, a);
}

void admin_disabled_list(pc_adhoc_call *call, pc_module *m)
{
	disabled(call, m, false);
}

void admin_disabled_num(pc_adhoc_call *call, pc_module *m)
{
	disabled(call, m, true);
}

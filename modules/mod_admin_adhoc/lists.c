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

static void on_names(int err, const char *const *names, size_t n, void *data)
{
	struct list *l = data;

	if (err == PC_OK) {
		l->values = pc_values_new();
		for (size_t i = 0; i < n; i++)
			add(l, names[i]);
		finish(l);
		return;
	}
	if (err == PC_ENOTSUP)
		pc_adhoc_refuse(l->call, "feature-not-implemented",
		                "The accounts of this host cannot be listed");
	else
		pc_adhoc_fail(l->call, "They could not be listed: %s", pc_strerror(err));
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

static void online(pc_adhoc_call *call, pc_module *m, bool counts)
{
	struct list l;

	if (!begin(call, m, counts, &l))
		return;
	l.var = counts ? "onlineusersnum" : "onlineuserjids";
	l.label = counts ? "The number of online users" : "The list of all online users";
	l.values = pc_values_new();
	pc_each_session(pc_module_host(m), add_account, &l);
	finish(&l);
}

void admin_online_list(pc_adhoc_call *call, pc_module *m)
{
	online(call, m, false);
}

void admin_online_num(pc_adhoc_call *call, pc_module *m)
{
	online(call, m, true);
}

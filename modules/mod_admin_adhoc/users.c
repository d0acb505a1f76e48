#include <stdlib.h>
#include <string.h>

#include "admin.h"

#define ADDRESS_OF(text)                                                                           \
	{                                                                                          \
		.var = "accountjid", .type = PC_FIELD_JID, .label = text, .required = true         \
	}
#define ADDRESSES_OF(text)                                                                         \
	{                                                                                          \
		.var = "accountjids", .type = PC_FIELD_JIDS, .label = text, .required = true       \
	}
#define SECRET(name, text)                                                                         \
	{                                                                                          \
		.var = name, .type = PC_FIELD_PRIVATE, .label = text, .required = true             \
	}

/* What a command works on while it waits; the data of its call. */
struct work {
	pc_adhoc_call *call;
	pc_module *m;
	pc_jid jid;
	char buf[PC_JID_BUF];
	const pc_values *answer;
	const struct deed *deed;
	size_t at, done; /* of a list of addresses */
};

/* False: it is not an account of this host. */
static bool set_address(struct work *w, const char *address)
{
	return pc_jid_parse(address, w->buf, &w->jid) == PC_OK && w->jid.local &&
	       strcmp(w->jid.domain, pc_module_host_name(w->m)) == 0;
}

/* Asks in the first stage. Afterwards the answer to work on; NULL: there is nothing more to do. */
static struct work *answered(pc_adhoc_call *call, pc_module *m, const pc_form *form)
{
	struct work *w = pc_adhoc_data(call, sizeof(*w));

	if (pc_adhoc_stage(call) == 0) {
		pc_adhoc_ask(call, form, NULL, PC_ADHOC_COMPLETE);
		return NULL;
	}
	w->call = call;
	w->m = m;
	w->at = w->done = 0;
	w->answer = pc_adhoc_answer(call, 0, form);
	return w->answer ? w : NULL;
}

static struct work *one_account(pc_adhoc_call *call, pc_module *m, const pc_form *form)
{
	struct work *w = answered(call, m, form);

	if (w == NULL ||
	    (set_address(w, pc_values_get(w->answer, "accountjid")) && w->jid.resource == NULL))
		return w;
	pc_adhoc_reject(call, "That is not the address of an account of this host");
	return NULL;
}

static struct work *several_accounts(pc_adhoc_call *call, pc_module *m, const pc_form *form)
{
	struct work *w = answered(call, m, form);

	for (size_t i = 0; w && i < pc_values_count(w->answer, "accountjids"); i++) {
		if (set_address(w, pc_values_at(w->answer, "accountjids", i)))
			continue;
		pc_adhoc_reject(call, "One is not the address of an account of this host");
		return NULL;
	}
	return w;
}

/* An error of the accounts' provider. */
static void end(struct work *w, int err, const char *done)
{
	switch (err) {
	case PC_OK:
		pc_adhoc_done(w->call, "%s", done);
		break;
	case PC_EEXIST:
	case PC_ECONFLICT:
		pc_adhoc_refuse(w->call, "conflict", "There is such an account already");
		break;
	case PC_ENOENT:
		pc_adhoc_refuse(w->call, "item-not-found", "There is no such account");
		break;
	case PC_ENOTSUP:
		pc_adhoc_refuse(w->call, "feature-not-implemented",
		                "The accounts of this host are kept elsewhere");
		break;
	case PC_EINVAL:
		pc_adhoc_reject(w->call, "Name or password have characters that are not allowed");
		break;
	default:
		pc_adhoc_fail(w->call, "It could not be done: %s", pc_strerror(err));
	}
}

/* ------------------------------------------------------------ add */

static void on_added(int err, void *data)
{
	end(data, err, "The account was made");
}

static const pc_form add_form = {
	.title = "Adding a User",
	.instructions = "Fill out this form to add a user.",
	.form_type = NS_ADMIN,
	.fields =
	        (const pc_field[]){
	                ADDRESS_OF("The Jabber ID for the account to be added"),
	                SECRET("password", "The password for this account"),
	                SECRET("password-verify", "Retype password"),
	                { 0 },
	        },
};

void admin_add_user(pc_adhoc_call *call, pc_module *m)
{
	struct work *w = one_account(call, m, &add_form);
	const char *password = w ? pc_values_get(w->answer, "password") : NULL;

	if (w == NULL)
		return;
	if (strcmp(password, pc_values_get(w->answer, "password-verify")) != 0)
		pc_adhoc_reject(call, "The two passwords differ");
	else
		pc_user_create(m, pc_module_host(m), w->jid.local, password, on_added, w);
}

/* ------------------------------------------------------------ delete, disable: one after the other
 */

/* What is done with each account of a list. */
struct deed {
	void (*act)(struct work *w, pc_done_fn *fn);
	const char *done;
};

static void next_account(struct work *w);

static void on_account_done(int err, void *data)
{
	struct work *w = data;

	if (err == PC_ENOTSUP) {
		end(w, err, NULL);
		return;
	}
	if (err == PC_OK)
		w->done++;
	else
		pc_adhoc_note(w->call, "error", "%s@%s: %s", w->jid.local, w->jid.domain,
		              err == PC_ENOENT ? "there is no such account" : pc_strerror(err));
	next_account(w);
}

static void next_account(struct work *w)
{
	size_t n = pc_values_count(w->answer, "accountjids");

	if (w->at < n) {
		set_address(w, pc_values_at(w->answer, "accountjids", w->at++));
		w->deed->act(w, on_account_done);
	} else {
		pc_adhoc_done(w->call, "%zu of %zu %s", w->done, n, w->deed->done);
	}
}

static void do_to_all(pc_adhoc_call *call, pc_module *m, const pc_form *form,
                      const struct deed *deed)
{
	struct work *w = several_accounts(call, m, form);

	if (w == NULL)
		return;
	w->deed = deed;
	next_account(w);
}

static void delete_one(struct work *w, pc_done_fn *fn)
{
	pc_user_remove(w->m, pc_module_host(w->m), w->jid.local, fn, w);
}

static void disable_one(struct work *w, pc_done_fn *fn)
{
	pc_user_set_enabled(w->m, pc_module_host(w->m), w->jid.local, false, fn, w);
}

static void enable_one(struct work *w, pc_done_fn *fn)
{
	pc_user_set_enabled(w->m, pc_module_host(w->m), w->jid.local, true, fn, w);
}

static const struct deed deletion = { delete_one, "deleted" };
static const struct deed disabling = { disable_one, "disabled" };
static const struct deed enabling = { enable_one, "enabled" };

static const pc_form delete_form = {
	.title = "Deleting a User",
	.instructions = "Fill out this form to delete a user.",
	.form_type = NS_ADMIN,
	.fields = (const pc_field[]){ ADDRESSES_OF("The Jabber ID(s) to delete"), { 0 } },
};

static const pc_form disable_form = {
	.title = "Disabling a User",
	.instructions = "Fill out this form to disable a user.",
	.form_type = NS_ADMIN,
	.fields = (const pc_field[]){ ADDRESSES_OF("The Jabber ID(s) to disable"), { 0 } },
};

static const pc_form enable_form = {
	.title = "Re-Enabling a User",
	.instructions = "Fill out this form to re-enable a user.",
	.form_type = NS_ADMIN,
	.fields = (const pc_field[]){ ADDRESSES_OF("The Jabber ID(s) to re-enable"), { 0 } },
};

void admin_delete_user(pc_adhoc_call *call, pc_module *m)
{
	do_to_all(call, m, &delete_form, &deletion);
}

void admin_disable_user(pc_adhoc_call *call, pc_module *m)
{
	do_to_all(call, m, &disable_form, &disabling);
}

void admin_reenable_user(pc_adhoc_call *call, pc_module *m)
{
	do_to_all(call, m, &enable_form, &enabling);
}

/* ------------------------------------------------------------ password */

static void on_changed(int err, void *data)
{
	end(data, err, "The password was changed");
}

/* A provider may make an account by setting a password: so it must be there first. */
static void on_exists(int err, void *data)
{
	struct work *w = data;

	if (err != PC_OK)
		end(w, err, NULL);
	else
		pc_user_set_password(w->m, pc_module_host(w->m), w->jid.local,
		                     pc_values_get(w->answer, "password"), on_changed, w);
}

static const pc_form password_form = {
	.title = "Changing a User Password",
	.instructions = "Fill out this form to change a user's password.",
	.form_type = NS_ADMIN,
	.fields =
	        (const pc_field[]){
	                ADDRESS_OF("The Jabber ID for this account"),
	                SECRET("password", "The password for this account"),
	                { 0 },
	        },
};

void admin_change_password(pc_adhoc_call *call, pc_module *m)
{
	struct work *w = one_account(call, m, &password_form);

	if (w)
		pc_user_exists(m, pc_module_host(m), w->jid.local, on_exists, w);
}

/* ------------------------------------------------------------ sessions */

static void end_sessions(struct work *w)
{
	const pc_session *s = pc_session_first(pc_module_host(w->m), w->jid.local), *next;

	for (; s; s = next) {
		next = pc_session_next(s);
		if (w->jid.resource && strcmp(w->jid.resource, s->resource) != 0)
			continue;
		pc_session_close(s, "policy-violation", "Ended by an administrator");
		w->done++;
	}
}

static const pc_form end_form = {
	.title = "Ending a User Session",
	.instructions = "Fill out this form to end a user's session.",
	.form_type = NS_ADMIN,
	.fields =
	        (const pc_field[]){
	                ADDRESSES_OF("The Jabber ID(s) for which to end sessions"),
	                { 0 },
	        },
};

void admin_end_session(pc_adhoc_call *call, pc_module *m)
{
	struct work *w = several_accounts(call, m, &end_form);

	if (w == NULL)
		return;
	for (size_t i = 0; i < pc_values_count(w->answer, "accountjids"); i++) {
		set_address(w, pc_values_at(w->answer, "accountjids", i));
		end_sessions(w);
	}
	if (w->done > 0)
		pc_adhoc_done(call, "%zu ended", w->done);
	else
		pc_adhoc_fail(call, "There is no such session");
}

/* ------------------------------------------------------------ statistics */

static const pc_form stats_form = {
	.form_type = NS_ADMIN,
	.fields =
	        (const pc_field[]){
	                { .var = "ipaddresses",
	                  .type = PC_FIELD_LINES,
	                  .label = "The IP addresses of the sessions" },
	                { .var = "rostersize", .label = "Number of contacts" },
	                { .var = "onlineresources",
	                  .type = PC_FIELD_LINES,
	                  .label = "The resources that are connected" },
	                { 0 },
	        },
};

static void on_roster(int err, pc_roster *roster, void *data)
{
	struct work *w = data;
	const pc_session *s = pc_session_first(pc_module_host(w->m), w->jid.local);
	pc_values *values;

	if (err != PC_OK) {
		end(w, err, NULL);
		return;
	}
	values = pc_values_new();
	pc_values_add_int(values, "rostersize", (int64_t)pc_roster_count(roster));
	for (; s; s = pc_session_next(s)) {
		pc_values_add(values, "onlineresources", s->resource);
		pc_values_add(values, "ipaddresses", s->ip && *s->ip ? s->ip : NULL);
	}
	pc_form_tell(pc_adhoc_payload(w->call), &stats_form, values);
	pc_values_free(&values);
	pc_adhoc_done(w->call, NULL);
}

static void on_known(int err, void *data)
{
	struct work *w = data;

	if (err != PC_OK)
		end(w, err, NULL);
	else
		pc_roster_load(w->m, pc_module_host(w->m), w->jid.local, on_roster, w);
}

static const pc_form whose_stats_form = {
	.title = "Get User Statistics",
	.instructions = "Fill out this form to gather user statistics.",
	.form_type = NS_ADMIN,
	.fields = (const pc_field[]){ ADDRESS_OF("The Jabber ID for statistics"), { 0 } },
};

void admin_user_stats(pc_adhoc_call *call, pc_module *m)
{
	struct work *w = one_account(call, m, &whose_stats_form);

	if (w)
		pc_user_exists(m, pc_module_host(m), w->jid.local, on_known, w);
}

/* ------------------------------------------------------------ contacts */

static void add_contact(pc_stanza *query, const pc_contact *c)
{
	static const char *const names[] = { "none", "to", "from", "both" };
	pc_stanza *item;

	if (!c->in_roster)
		return;
	item = pc_stanza_open(query, "item", NULL);
	pc_stanza_set(item, "jid", c->jid);
	pc_stanza_set(item, "name", c->name);
	pc_stanza_set(item, "subscription", names[c->subscription]);
	pc_stanza_set(item, "ask", c->pending_out ? "subscribe" : NULL);
	for (size_t i = 0; i < c->n_groups; i++)
		pc_stanza_leaf(item, "group", c->groups[i]);
}

static const pc_form roster_form = {
	.form_type = NS_ADMIN,
	.fields = (const pc_field[]){ ADDRESS_OF("The Jabber ID of the account"), { 0 } },
};

/* The roster lies inside of the form (section 4.8). */
static void on_whole_roster(int err, pc_roster *roster, void *data)
{
	struct work *w = data;
	pc_stanza *query;
	pc_contact contact;
	size_t cursor = 0;

	if (err != PC_OK) {
		end(w, err, NULL);
		return;
	}
	query = pc_stanza_open(pc_form_tell(pc_adhoc_payload(w->call), &roster_form, w->answer),
	                       "query", "jabber:iq:roster");
	while (pc_roster_each(roster, &cursor, &contact))
		add_contact(query, &contact);
	pc_adhoc_done(w->call, NULL);
}

static void on_roster_owner(int err, void *data)
{
	struct work *w = data;

	if (err != PC_OK)
		end(w, err, NULL);
	else
		pc_roster_load(w->m, pc_module_host(w->m), w->jid.local, on_whole_roster, w);
}

static const pc_form whose_roster_form = {
	.title = "Get User Roster",
	.instructions = "Fill out this form to get a user's roster.",
	.form_type = NS_ADMIN,
	.fields = (const pc_field[]){ ADDRESS_OF("The Jabber ID for which to retrieve roster"),
	                              { 0 } },
};

void admin_user_roster(pc_adhoc_call *call, pc_module *m)
{
	struct work *w = one_account(call, m, &whose_roster_form);

	if (w)
		pc_user_exists(m, pc_module_host(m), w->jid.local, on_roster_owner, w);
}

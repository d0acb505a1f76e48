/*
 * mod_flags.c - flags on accounts: a name, and what an operator wants to remember with it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/prosody-c.h>

#define FLAG_MOST 64
#define COMMENT_MOST 1023
#define FLAGS_MOST 100 /* of an account */

struct flags {
	pc_store *store;
};

/* The call of a command; its data. */
struct work {
	pc_call *call;
	pc_module *m;
	const char *flag;
	pc_jid jid;
	char buf[PC_JID_BUF];
	char value[COMMENT_MOST + 32]; /* TIME " " COMMENT */
};

static bool is_flag(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len <= FLAG_MOST &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	                    "-_.:/") == len;
}

static struct work *work_of(pc_call *call, pc_module *m)
{
	struct work *w = pc_call_data(call, sizeof(*w));
	const char *address = pc_call_arg(call, 0);

	w->call = call;
	w->m = m;
	w->flag = pc_call_arg(call, 1);
	if (pc_jid_parse(address, w->buf, &w->jid) != PC_OK || w->jid.local == NULL ||
	    w->jid.resource)
		pc_call_end(call, PC_EINVAL, "not the address of an account: %s", address);
	else if (w->flag && !is_flag(w->flag))
		pc_call_end(call, PC_EINVAL, "a flag has letters, digits and -_.:/, at most %d",
		            FLAG_MOST);
	else
		return w;
	return NULL;
}

static void tell(const struct work *w, const char *what)
{
	const char *comment = strchr(w->value, ' ');
	char event[FLAG_MOST + 32];
	const pc_arg args[] = { PC_STR("user", w->jid.local), PC_STR("flag", w->flag),
		                PC_STR("comment", comment ? comment + 1 : NULL) };

	snprintf(event, sizeof(event), "user-flag-%s/%s", what, w->flag);
	pc_notify(w->m, event, &(pc_fire_args){ .args = args, .n_args = 3 });
}

/* ------------------------------------------------------------ add */

static void on_added(int err, void *data)
{
	const struct work *w = data;

	if (err == PC_OK)
		tell(w, "added");
	pc_call_end(w->call, err, err ? NULL : "flag added");
}

static void on_before(int err, const pc_item *items, size_t n, void *data)
{
	const struct work *w = data;
	const struct flags *f = pc_module_data(w->m);

	for (size_t i = 0; err == PC_OK && i < n; i++)
		if (strcmp(items[i].key, w->flag) == 0)
			err = PC_EEXIST;
	if (err == PC_OK && n >= FLAGS_MOST)
		err = PC_ELIMIT;
	if (err)
		pc_call_end(w->call, err,
		            err == PC_EEXIST   ? "the account has that flag already"
		            : err == PC_ELIMIT ? "the account has too many flags"
		                               : NULL);
	else
		pc_store_swap(f->store, w->jid.local, w->flag, NULL, w->value, on_added, data);
}

static void on_exists(int err, void *data)
{
	const struct work *w = data;
	const struct flags *f = pc_module_data(w->m);

	if (err)
		pc_call_end(w->call, err, err == PC_ENOENT ? "no such account" : NULL);
	else
		pc_store_get(f->store, w->jid.local, on_before, data);
}

static void run_add(pc_call *call, pc_module *m)
{
	struct work *w = work_of(call, m);
	const char *comment = pc_call_arg(call, 2);

	if (w == NULL)
		return;
	if (comment && strlen(comment) > COMMENT_MOST) {
		pc_call_end(call, PC_EINVAL, "the comment is too long");
		return;
	}
	snprintf(w->value, sizeof(w->value), "%lld%s%s", (long long)(pc_time_ms() / 1000),
	         comment ? " " : "", comment ? comment : "");
	pc_user_exists(m, pc_module_host(m), w->jid.local, on_exists, w);
}

/* ------------------------------------------------------------ remove */

static void on_removed(int err, void *data)
{
	const struct work *w = data;

	if (err == PC_OK)
		tell(w, "removed");
	pc_call_end(w->call, err, err ? NULL : "flag removed");
}

static void on_found(int err, const pc_item *items, size_t n, void *data)
{
	struct work *w = data;
	const struct flags *f = pc_module_data(w->m);

	if (err == PC_OK && n == 0) {
		pc_call_end(w->call, PC_ENOENT, "the account has no such flag");
		return;
	}
	if (err) {
		pc_call_end(w->call, err, NULL);
		return;
	}
	snprintf(w->value, sizeof(w->value), "%s", items[0].value);
	pc_store_set_keys(f->store, w->jid.local, &(pc_item){ .key = w->flag }, 1, on_removed, w);
}

static void run_remove(pc_call *call, pc_module *m)
{
	const struct flags *f = pc_module_data(m);
	struct work *w = work_of(call, m);

	if (w)
		pc_store_get_key(f->store, w->jid.local, w->flag, on_found, w);
}

/* ------------------------------------------------------------ list, find */

static void row(const struct work *w, const char *user, const char *flag, const char *value)
{
	char since[PC_DATETIME_SIZE];
	char *comment;

	pc_datetime_write(strtoll(value, &comment, 10) * 1000, since);
	comment += *comment == ' ';
	pc_call_row(w->call,
	            (pc_cell[]){ PC_TEXT("user", user), PC_TEXT("flag", flag),
	                         PC_TEXT("since", since),
	                         PC_TEXT("comment", *comment ? comment : NULL) },
	            4, "%s@%s  %s  since %s%s%s", user, pc_module_host_name(w->m), flag, since,
	            *comment ? "  " : "", comment);
}

static void on_flags(int err, const pc_item *items, size_t n, void *data)
{
	const struct work *w = data;

	for (size_t i = 0; err == PC_OK && i < n; i++)
		row(w, w->jid.local, items[i].key, items[i].value);
	pc_call_end(w->call, err, err ? NULL : "%zu flag%s", n, n == 1 ? "" : "s");
}

static void run_list(pc_call *call, pc_module *m)
{
	const struct flags *f = pc_module_data(m);
	struct work *w = work_of(call, m);

	if (w)
		pc_store_get(f->store, w->jid.local, on_flags, w);
}

static void on_flagged(int err, const pc_item *items, size_t n, void *data)
{
	const struct work *w = data;

	for (size_t i = 0; err == PC_OK && i < n; i++)
		row(w, items[i].key, w->flag, items[i].value);
	pc_call_end(w->call, err, err ? NULL : "%zu account%s", n, n == 1 ? "" : "s");
}

static void run_find(pc_call *call, pc_module *m)
{
	const struct flags *f = pc_module_data(m);
	struct work *w = pc_call_data(call, sizeof(*w));

	w->call = call;
	w->m = m;
	w->flag = pc_call_arg(call, 1);
	pc_store_get_all(f->store, w->flag, on_flagged, w);
}

static const pc_command commands[] = {
	{ "flags", "add", "JID FLAG [COMMENT]", "Puts a flag on an account", run_add },
	{ "flags", "remove", "JID FLAG", "Takes it off", run_remove },
	{ "flags", "list", "JID", "The flags of an account", run_list },
	{ "flags", "find", "HOST FLAG", "The accounts that have a flag", run_find },
	{ 0 },
};

/* ------------------------------------------------------------ the module */

static void load(pc_module *m)
{
	struct flags *f = pc_module_data(m);

	f->store = pc_store_open(m, "account_flags", PC_STORE_MAP);
}

static const pc_event_decl events[] = {
	{ "user-flag-added/*", PC_NOTICE, "An account has got a flag: `user`, `flag`, `comment`" },
	{ "user-flag-removed/*", PC_NOTICE, "It has lost it: likewise" },
	{ 0 },
};

static const pc_store_decl stores[] = {
	{ "account_flags", PC_STORE_MAP, "Flags of an account, since when, and what was noted" },
	{ 0 },
};

PC_MODULE(flags, .summary = "Flags on accounts, for operators", .data_size = sizeof(struct flags),
          .events = events, .stores = stores, .commands = commands, .load = load);

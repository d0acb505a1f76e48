/*
 * accounts.c - what is known of accounts: whether they exist, what they want kept.
 *
 * It is read when a client of theirs binds, so that their messages need not wait, and when somebody
 * writes to one that is away; it stays while one is online, and else until room is needed.
 */
#include "mam.h"

struct waiter {
	struct waiter *next;
	pc_token token;
	account_fn *fn;
};

/* An account that is being read. */
struct reading {
	UT_hash_handle hh;
	struct mam *mam;
	struct waiter *first, **last;
	bool gone; /* deleted meanwhile */
	char user[];
};

const char *const policy_names[N_POLICIES] = { "always", "never", "roster" };

/* ------------------------------------------------------------ one account */

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct choice *)a)->jid, ((const struct choice *)b)->jid);
}

static const struct choice *choice_of(const struct account *a, const pc_jid *with, bool full)
{
	char text[PC_JID_MAX + 1];
	struct choice key = { .jid = text };

	if (full)
		pc_jid_write(with, text);
	else
		pc_jid_write_bare(with, text);
	return a->n ? bsearch(&key, a->list, a->n, sizeof(*a->list), compare) : NULL;
}

/* XEP-0441 section 2.3: a full address as it is, before a bare one. */
enum policy account_policy(const struct account *a, const pc_jid *with)
{
	const struct choice *c = with->resource ? choice_of(a, with, true) : NULL;

	if (c == NULL)
		c = choice_of(a, with, false);
	return c == NULL ? a->policy : c->keep ? ALWAYS : NEVER;
}

static void account_free(struct account *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->list[i].jid);
	free(a->list);
	free(a->user);
	free(a);
}

static enum policy default_policy(struct mam *mam)
{
	const char *name = pc_opt_str(mam->m, "default_archive_policy");

	if (pc_opt_bool(mam->m, "mam_smart_enable"))
		return NEVER;
	if (strcmp(name, "roster") == 0)
		return ROSTER;
	return strcmp(name, "never") == 0 || strcmp(name, "false") == 0 ? NEVER : ALWAYS;
}

static enum policy policy_of(const char *name)
{
	int p = 0;

	while (p < N_POLICIES && strcmp(policy_names[p], name) != 0)
		p++;
	return p < N_POLICIES ? (enum policy)p : ALWAYS;
}

/* The key "" is the policy, every other one an address. */
static struct account *account_new(struct mam *mam, const char *user, const pc_item *items,
                                   size_t n)
{
	struct account *a = mam_alloc(sizeof(*a));

	a->user = mam_copy(user);
	a->policy = default_policy(mam);
	a->list = mam_alloc((n + 1) * sizeof(*a->list));
	for (size_t i = 0; i < n; i++) {
		enum policy policy = policy_of(items[i].value);

		if (items[i].key[0] == '\0') {
			a->policy = policy;
			a->chosen = true;
		} else {
			a->list[a->n++] =
			        (struct choice){ mam_copy(items[i].key), policy == ALWAYS };
		}
	}
	if (a->n > 1)
		qsort(a->list, a->n, sizeof(*a->list), compare);
	return a;
}

/* ------------------------------------------------------------ those in memory */

static void drop(struct mam *mam, struct account *a)
{
	HASH_DEL(mam->accounts, a);
	account_free(a);
}

static void make_room(struct mam *mam)
{
	size_t most = (size_t)pc_opt_int(mam->m, "archive_cache_size");
	struct account *a, *next;
	int looks = 8; /* in front stand those that are always online */

	HASH_ITER(hh, mam->accounts, a, next)
	{
		if (HASH_COUNT(mam->accounts) <= most || looks-- == 0)
			return;
		if (pc_session_first(pc_module_host(mam->m), a->user) == NULL) {
			drop(mam, a);
			continue;
		}
		HASH_DEL(mam->accounts, a);
		HASH_ADD_KEYPTR(hh, mam->accounts, a->user, strlen(a->user), a);
	}
}

struct account *accounts_find(struct mam *mam, const char *user)
{
	struct account *a;

	HASH_FIND_STR(mam->accounts, user, a);
	if (a && a->hh.next && HASH_COUNT(mam->accounts) > 64) {
		HASH_DEL(mam->accounts, a);
		HASH_ADD_KEYPTR(hh, mam->accounts, a->user, strlen(a->user), a);
	}
	return a;
}

struct account *accounts_set(struct mam *mam, const char *user, const pc_item *items, size_t n)
{
	struct account *old = accounts_find(mam, user), *a = account_new(mam, user, items, n);

	if (old) {
		a->asks = old->asks;
		drop(mam, old);
	}
	HASH_ADD_KEYPTR(hh, mam->accounts, a->user, strlen(a->user), a);
	return a;
}

/* ------------------------------------------------------------ reading */

static void tell(struct reading *r, struct account *a, int err)
{
	while (r->first) {
		struct waiter *w = r->first;
		pc_event *ev = pc_token_event(w->token);
		pc_result result;

		r->first = w->next;
		if (ev) {
			result = err ? err : w->fn(r->mam, ev, a, w->token);
			if (result != PC_SUSPENDED)
				pc_event_resume(w->token, result);
		}
		free(w);
	}
}

static void reading_free(struct reading *r)
{
	while (r->first) {
		struct waiter *w = r->first;

		r->first = w->next;
		free(w);
	}
	free(r);
}

static void end_reading(struct reading *r, struct account *a, int err)
{
	struct mam *mam = r->mam;

	HASH_DEL(mam->readings, r);
	tell(r, a, err);
	reading_free(r);
	if (a && mam->unloaded)
		accounts_unload(mam); /* of a retired instance: nobody else will */
	else if (a)
		make_room(mam);
}

static void on_prefs(int err, const pc_item *items, size_t n, void *data)
{
	struct reading *r = data;
	struct account *a = accounts_find(r->mam, r->user);

	/* what it has chosen meanwhile is newer than what was read */
	if (a == NULL && !err && !r->gone)
		a = accounts_set(r->mam, r->user, items, n);
	end_reading(r, a, a ? PC_OK : err);
}

static void on_exists(int err, void *data)
{
	struct reading *r = data;

	if (err == PC_OK)
		pc_store_get(r->mam->prefs, r->user, on_prefs, r);
	else
		end_reading(r, NULL, err == PC_ENOENT ? PC_OK : err);
}

static struct reading *read_account(struct mam *mam, const char *user)
{
	size_t size = strlen(user) + 1;
	pc_host *host = pc_module_host(mam->m);
	struct reading *r;

	HASH_FIND_STR(mam->readings, user, r);
	if (r)
		return r;
	r = mam_alloc(sizeof(*r) + size);
	r->mam = mam;
	r->last = &r->first;
	memcpy(r->user, user, size);
	HASH_ADD_STR(mam->readings, user, r);
	if (pc_user_known(host, user) == 1)
		on_exists(PC_OK, r);
	else
		pc_user_exists(mam->m, host, user, on_exists, r);
	return r;
}

pc_result accounts_ask(struct mam *mam, pc_event *ev, const char *user, account_fn *fn)
{
	return accounts_ask_on(mam, ev, 0, user, fn);
}

pc_result accounts_ask_on(struct mam *mam, pc_event *ev, pc_token token, const char *user,
                          account_fn *fn)
{
	struct account *a = accounts_find(mam, user);
	struct waiter *w;
	struct reading *r;

	if (a)
		return fn(mam, ev, a, token);
	r = read_account(mam, user);
	w = mam_alloc(sizeof(*w));
	*w = (struct waiter){ .token = token ? token : pc_event_suspend(ev), .fn = fn };
	*r->last = w;
	r->last = &w->next;
	return PC_SUSPENDED;
}

/* ------------------------------------------------------------ they come and go */

static pc_result on_bind(pc_event *ev, void *data)
{
	struct mam *mam = data;
	const pc_session *s = pc_event_origin(ev);

	if (s && s->username && accounts_find(mam, s->username) == NULL)
		read_account(mam, s->username);
	return PC_PASS;
}

void accounts_forget(struct mam *mam, const char *user)
{
	struct account *a = accounts_find(mam, user);

	if (a)
		drop(mam, a);
}

static pc_result on_deleted(pc_event *ev, void *data)
{
	struct mam *mam = data;
	const char *user = pc_event_str(ev, "username");
	struct reading *r;

	HASH_FIND_STR(mam->readings, user, r);
	if (r)
		r->gone = true;
	accounts_forget(mam, user);
	extent_forget(mam, user);
	return PC_PASS;
}

void accounts_load(struct mam *mam)
{
	pc_hook(mam->m, "resource-bind", on_bind, 0);
	pc_hook(mam->m, "session-restored", on_bind, 0);
	pc_hook(mam->m, "user-deleted", on_deleted, 0);
}

void accounts_unload(struct mam *mam)
{
	struct account *a, *next;
	struct reading *r, *next_r;

	HASH_ITER(hh, mam->accounts, a, next)
	{
		drop(mam, a);
	}
	if (mam->replaced)
		return; /* what is being read comes here, into the old code */
	HASH_ITER(hh, mam->readings, r, next_r)
	{
		HASH_DEL(mam->readings, r);
		reading_free(r);
	}
}

/*
 * keep.c - messages on their way into archives.
 *
 * One that a client sends is kept in its account's archive before it is routed, one that comes in
 * the recipient's before it is delivered: once in each, however many clients get it. A message to
 * oneself is kept when it is sent, and gets its id again when it comes.
 *
 * The id is for those who may read the archive. On the way out the message bears it only as long as
 * copies for the sender's other clients are made.
 */
#include "mam.h"

/* ------------------------------------------------------------ ids in messages (XEP-0359) */

struct by {
	const char *account, *host; /* bare */
};

/* Those that the account or its server are said to have given. */
static bool is_own_id(const pc_stanza *child, void *data)
{
	const struct by *own = data;
	char buf[PC_JID_BUF], bare[PC_JID_MAX + 1];
	const char *by;
	pc_jid jid;

	if (!pc_stanza_is(child, "stanza-id", NS_SID))
		return false;
	by = pc_stanza_get(child, "by");
	if (by == NULL || strlen(by) > PC_JID_MAX || pc_jid_parse(by, buf, &jid) != PC_OK)
		return false;
	pc_jid_write_bare(&jid, bare);
	return strcmp(bare, own->account) == 0 || strcmp(bare, own->host) == 0;
}

static void drop_own_ids(pc_event *ev, const pc_jid *account)
{
	char bare[PC_JID_MAX + 1];
	struct by own = { bare, account->domain };

	if (pc_stanza_child(pc_event_stanza(ev), "stanza-id", NS_SID) == NULL)
		return;
	pc_jid_write_bare(account, bare);
	pc_stanza_remove_if(pc_event_edit(ev), is_own_id, &own);
}

static void add_id(pc_event *ev, const pc_jid *account, const char *id)
{
	pc_stanza *child = pc_stanza_open(pc_event_edit(ev), "stanza-id", NS_SID);
	char bare[PC_JID_MAX + 1];

	pc_jid_write_bare(account, bare);
	pc_stanza_set(child, "by", bare);
	pc_stanza_set(child, "id", id);
}

bool keep_is_kept(const pc_stanza *st, const char *user, const char *host)
{
	char bare[PC_JID_MAX + 1];
	pc_jid account = { user, host, NULL };

	pc_jid_write_bare(&account, bare);
	for (const pc_stanza *c = pc_stanza_child(st, "stanza-id", NS_SID); c;
	     c = pc_stanza_next(c))
		if (pc_stanza_is(c, "stanza-id", NS_SID) && pc_stanza_get(c, "by") &&
		    strcmp(pc_stanza_get(c, "by"), bare) == 0)
			return true;
	return false;
}

/* ------------------------------------------------------------ one message */

/* One archive's view of a message. */
struct view {
	bool out;
	const pc_jid *own, *with;
};

static bool is_out(const pc_event *ev)
{
	return strncmp(pc_event_name(ev), "pre-", 4) == 0;
}

static struct view view_of(const pc_event *ev)
{
	bool out = is_out(ev);
	const pc_jid *from = pc_event_from(ev), *to = pc_event_to(ev);

	return (struct view){ .out = out, .own = out ? from : to, .with = out ? to : from };
}

/* What waits for the disk beyond this makes those wait who send more. */
#define PENDING_MOST 5000
#define PENDING_BYTES_MOST ((size_t)8 * 1024 * 1024)
#define LOG_AGAIN_MS 10000

/* A message on its way to the disk. */
struct keeping {
	struct keeping *next; /* free ones */
	struct mam *mam;
	size_t len;
	pc_token token; /* 0: nobody waits */
};

static struct keeping *keeping_new(struct mam *mam, size_t len)
{
	struct keeping *k = mam->free_keepings;

	if (k)
		mam->free_keepings = k->next;
	else
		k = pc_module_alloc(mam->m, sizeof(*k));
	*k = (struct keeping){ .mam = mam, .len = len };
	mam->pending++;
	mam->pending_bytes += len;
	return k;
}

static void note_failure(struct mam *mam, int err)
{
	int64_t now = pc_now_ms();

	pc_metric_add(mam->failed, 1);
	if (mam->logged_at && now - mam->logged_at < LOG_AGAIN_MS)
		return;
	mam->logged_at = now;
	pc_log(mam->m, PC_ERROR, "a message could not be archived: %s", pc_strerror(err));
}

static void on_kept(int err, void *data)
{
	struct keeping *k = data;
	struct mam *mam = k->mam;
	pc_token token = k->token;

	mam->pending--;
	mam->pending_bytes -= k->len;
	k->next = mam->free_keepings;
	mam->free_keepings = k;
	if (err == PC_OK)
		pc_metric_add(mam->archived, 1);
	else
		note_failure(mam, err);
	if (token)
		pc_event_resume(token, PC_PASS);
}

static struct keeping *append(struct mam *mam, const pc_stanza *st, const struct view *v,
                              const char *text, size_t len, char id[static PC_ENTRY_ID_SIZE])
{
	char with[PC_JID_MAX + 1];
	pc_entry entry = { .when = pc_time_ms(), .with = with, .value = text, .len = len };
	struct keeping *k = keeping_new(mam, len);
	char *words = mam->opts.full_text ? worth_words(st) : NULL;

	pc_jid_write(v->with, with);
	if (words)
		pc_archive_append_text(mam->archive, v->own->local, &entry, words, id, on_kept, k);
	else
		pc_archive_append(mam->archive, v->own->local, &entry, id, on_kept, k);
	free(words);
	extent_added(mam, v->own->local, len);
	return k;
}

/* Who sends faster than the disk takes it waits for the disk; nobody else does. */
static pc_result slow(struct mam *mam, pc_event *ev, struct keeping *k, pc_token token)
{
	if (mam->pending <= PENDING_MOST && mam->pending_bytes <= PENDING_BYTES_MOST)
		return PC_PASS;
	k->token = token ? token : pc_event_suspend(ev);
	return PC_SUSPENDED;
}

/* Who else of the account could get a copy of what it sends? */
static bool has_others(const pc_event *ev, const char *user)
{
	const pc_session *first = pc_session_first(pc_event_host(ev), user);

	return first && pc_session_next(first);
}

static void tell_id(struct mam *mam, pc_event *ev, const struct view *v, const char *id)
{
	const pc_session *s = pc_event_origin(ev);

	if (!v->out || has_others(ev, v->own->local))
		add_id(ev, v->own, id);
	if (v->out && s && pc_jid_equal_bare(v->own, v->with)) {
		struct mam_session *data = pc_session_data(s, mam->m);

		memcpy(data->self, id, strlen(id) + 1);
	}
}

/* `token` is that of the event where it waits already, else 0. */
static pc_result keep(struct mam *mam, pc_event *ev, const struct view *v, pc_token token)
{
	const pc_stanza *st = pc_event_stanza(ev);
	char id[PC_ENTRY_ID_SIZE];
	struct keeping *k;
	size_t len;
	char *text = worth_text(mam, st, &len);

	if (text == NULL)
		return PC_PASS;
	k = append(mam, st, v, text, len, id);
	free(text);
	if (pc_stanza_child(st, "retract", NS_RETRACT))
		retract(mam, v->own->local, st, pc_event_from(ev), v->with);
	tell_id(mam, ev, v, id);
	pc_notify(mam->m, "archive-message-added",
	          &(pc_fire_args){ .origin = pc_event_origin(ev),
	                           .stanza = pc_event_stanza(ev),
	                           .args = (pc_arg[]){ PC_STR("username", v->own->local),
	                                               PC_STR("id", id), PC_INT("sent", v->out) },
	                           .n_args = 3 });
	return slow(mam, ev, k, token);
}

/* ------------------------------------------------------------ whether it is kept */

static bool is_contact(const pc_roster *roster, const pc_jid *with)
{
	char bare[PC_JID_MAX + 1];
	pc_contact contact;

	pc_jid_write_bare(with, bare);
	return pc_roster_find(roster, bare, &contact) && contact.in_roster;
}

static void on_roster(int err, pc_roster *roster, void *data)
{
	pc_token token = (pc_token)(uintptr_t)data;
	pc_event *ev = pc_token_event(token);
	pc_result result = PC_PASS;
	struct view v;

	if (ev == NULL)
		return;
	v = view_of(ev);
	if (err == PC_OK && is_contact(roster, v.with))
		result = keep(pc_module_data(pc_event_module(ev)), ev, &v, token);
	if (result != PC_SUSPENDED)
		pc_event_resume(token, result);
}

static pc_result by_roster(struct mam *mam, pc_event *ev, const struct view *v, pc_token token)
{
	pc_host *host = pc_module_host(mam->m);
	const pc_roster *roster = pc_roster_of(host, v->own->local);

	if (roster)
		return is_contact(roster, v->with) ? keep(mam, ev, v, token) : PC_PASS;
	if (token == 0)
		token = pc_event_suspend(ev);
	pc_roster_load(mam->m, host, v->own->local, on_roster, (void *)(uintptr_t)token);
	return PC_SUSPENDED;
}

static pc_result decide(struct mam *mam, pc_event *ev, struct account *a, pc_token token)
{
	struct view v = view_of(ev);

	if (a == NULL)
		return PC_PASS;
	switch (account_policy(a, v.with)) {
	case ALWAYS:
		return keep(mam, ev, &v, token);
	case ROSTER:
		return by_roster(mam, ev, &v, token);
	default:
		return PC_PASS;
	}
}

/* ------------------------------------------------------------ events */

static pc_result decide_for_sender(struct mam *mam, pc_event *ev, struct account *recipient,
                                   pc_token token)
{
	(void)recipient;
	return accounts_ask_on(mam, ev, token, pc_event_from(ev)->local, decide);
}

/* What is known of the recipient is fetched first, where it is ours: between the writes of both
 * archives nothing may be waited for, or a kill just then leaves one of them, and the message,
 * which nobody has acknowledged, comes once more. */
static const char *local_recipient(const struct mam *mam, const pc_event *ev)
{
	const pc_jid *to = pc_event_to(ev);

	if (to == NULL || to->local == NULL || strcmp(to->domain, pc_module_host_name(mam->m)) != 0)
		return NULL;
	return to->local;
}

static pc_result on_out(pc_event *ev, void *data)
{
	struct mam *mam = data;
	const pc_session *s = pc_event_origin(ev);
	struct mam_session *own;
	const char *recipient;

	if (s == NULL || s->username == NULL || pc_event_from(ev) == NULL)
		return PC_PASS;
	own = pc_session_data_if(s, mam->m);
	if (own)
		own->self[0] = '\0';
	drop_own_ids(ev, pc_event_from(ev));
	if (!worth_keeping(pc_event_stanza(ev), true))
		return PC_PASS;
	recipient = local_recipient(mam, ev);
	if (recipient && strcmp(recipient, s->username) != 0)
		return accounts_ask(mam, ev, recipient, decide_for_sender);
	return accounts_ask(mam, ev, s->username, decide);
}

/* Behind those who copy it. */
static pc_result on_leaving(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	(void)data;
	if (s && s->username && pc_event_from(ev))
		drop_own_ids(ev, pc_event_from(ev));
	return PC_PASS;
}

/* A message to oneself has its id already: mod_stamps took it for a forged one. */
static bool take_self_id(struct mam *mam, pc_event *ev)
{
	const pc_session *s = pc_event_origin(ev);
	const pc_jid *from = pc_event_from(ev);
	struct mam_session *data;

	if (s == NULL || s->type != PC_C2S || !pc_jid_equal_bare(from, pc_event_to(ev)))
		return false;
	data = pc_session_data_if(s, mam->m);
	if (data && data->self[0] != '\0') {
		add_id(ev, pc_event_to(ev), data->self);
		data->self[0] = '\0';
	}
	return true;
}

static pc_result on_in(pc_event *ev, void *data)
{
	struct mam *mam = data;
	const pc_jid *to = pc_event_to(ev);

	if (pc_event_from(ev) == NULL || to == NULL || to->local == NULL)
		return PC_PASS;
	if (take_self_id(mam, ev) || !worth_keeping(pc_event_stanza(ev), false))
		return PC_PASS;
	return accounts_ask(mam, ev, to->local, decide);
}

/* ------------------------------------------------------------ what was kept need not be kept twice
 */

static pc_result on_offline(pc_event *ev, void *data)
{
	struct mam *mam = data;

	return keep_is_kept(pc_event_stanza(ev), pc_event_str(ev, "username"),
	                    pc_module_host_name(mam->m))
	               ? PC_HANDLED
	               : PC_PASS;
}

/* A client that reads the archive has, or will get, what was stored for who is away. */
static pc_result on_handing_out(pc_event *ev, void *data)
{
	struct mam *mam = data;
	const pc_session *s = pc_event_origin(ev);
	const struct mam_session *own = s ? pc_session_data_if(s, mam->m) : NULL;

	return own && own->asked ? PC_HANDLED : PC_PASS;
}

/* A session has ended before its client had this (mod_smacks). */
static pc_result on_undelivered(pc_event *ev, void *data)
{
	struct mam *mam = data;
	const char *user = pc_event_str(ev, "username");
	const struct account *a = user ? accounts_find(mam, user) : NULL;

	if (a == NULL || !a->asks || pc_stanza_kind(pc_event_stanza(ev)) != PC_MESSAGE)
		return PC_PASS;
	return keep_is_kept(pc_event_stanza(ev), user, pc_module_host_name(mam->m)) ? PC_HANDLED
	                                                                            : PC_PASS;
}

void keep_load(struct mam *mam)
{
	static const char *const out[] = { "pre-message/bare", "pre-message/full",
		                           "pre-message/host" };

	for (size_t i = 0; i < sizeof(out) / sizeof(*out); i++) {
		pc_hook(mam->m, out[i], on_out, 0);
		pc_hook(mam->m, out[i], on_leaving, -1);
	}
	pc_hook(mam->m, "message/bare", on_in, 0);
	pc_hook(mam->m, "message/full", on_in, 0);
	pc_hook(mam->m, "message/offline/handle", on_offline, -2);
	pc_hook(mam->m, "message/offline/broadcast", on_handing_out, 0);
	pc_hook(mam->m, "delivery/failure", on_undelivered, 0);
}

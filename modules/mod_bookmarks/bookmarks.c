/*
 * mod_bookmarks - clients that keep their bookmarks in private storage (XEP-0048 in XEP-0049) see
 * and change those that are published by newer ones (XEP-0402).
 *
 * What a client sets is compared with what is published: one item after the other is published or
 * retracted, then the client is answered. Bookmarks that lie in the private storage already come in
 * the same way when their owner connects.
 */
#include <stdlib.h>
#include <string.h>

#include "convert.h"
#include "lib_pep/own.h"

#define NS_PRIVATE "jabber:iq:private"
#define KEY "storage:" NS_STORAGE /* in the private storage */

struct bookmarks {
	pc_store *private;
};

/* Changes on their way. Calls back always, so it is freed by the last. */
struct job {
	pc_module *m;
	pc_token token;      /* 0: nobody waits, it comes from the private storage */
	pc_stanza *wanted;   /* <storage/> */
	pc_stanza *old;      /* <items/> that are published; NULL: none */
	const pc_stanza *at; /* of `wanted`; then of `old`, where `retracting` */
	bool retracting;
	char user[PC_JID_PART_MAX + 1];
};

static void job_free(struct job *j)
{
	pc_stanza_free(&j->wanted);
	pc_stanza_free(&j->old);
	free(j);
}

/* `reply`: what went wrong, or NULL for nothing. */
static void job_end(struct job *j, bool ok, const char *condition)
{
	pc_event *ev = j->token ? pc_token_event(j->token) : NULL;
	struct bookmarks *b = pc_module_data(j->m);

	if (ev && ok)
		pc_reply(ev, pc_stanza_result(pc_event_stanza(ev)));
	else if (ev)
		pc_reply_error(ev, NULL, *condition ? condition : "internal-server-error", NULL);
	if (j->token)
		pc_event_resume(j->token, PC_HANDLED);
	else if (ok)
		pc_store_set_keys(b->private, j->user, &(pc_item){ .key = KEY }, 1, NULL, NULL);
	job_free(j);
}

/* ------------------------------------------------------------ one after the other */

static const pc_stanza *published(const struct job *j, const char *jid)
{
	for (pc_stanza *i = j->old ? pc_stanza_first(j->old) : NULL; i; i = pc_stanza_next(i)) {
		const char *id = pc_stanza_get(i, "id");

		if (id && strcmp(id, jid) == 0)
			return pc_stanza_child(i, "conference", NS_BOOKMARKS);
	}
	return NULL;
}

static bool is_wanted(const struct job *j, const char *id)
{
	char jid[PC_JID_MAX + 1];

	for (pc_stanza *c = pc_stanza_first(j->wanted); c; c = pc_stanza_next(c))
		if (convert_jid(c, jid) && strcmp(jid, id) == 0)
			return true;
	return false;
}

static void go_on(struct job *j);

static void on_changed(const pc_stanza *reply, void *data)
{
	struct job *j = data;

	if (own_succeeded(reply))
		go_on(j);
	else
		job_end(j, false, own_condition(reply));
}

/* true: it is under way. What comes from the private storage does not replace what is newer. */
static bool publish(struct job *j, const pc_stanza *conference, int *err_r)
{
	char jid[PC_JID_MAX + 1];
	const pc_stanza *old;
	pc_stanza *payload;
	bool same;

	if (!convert_jid(conference, jid))
		return false;
	old = published(j, jid);
	payload = convert_to_payload(conference, old);
	same = old && (j->token == 0 || convert_is_same(payload, old));
	if (!same)
		*err_r =
		        own_publish(j->m, j->user, NS_BOOKMARKS, jid, payload, NULL, on_changed, j);
	pc_stanza_free(&payload);
	return !same;
}

static bool retract(struct job *j, const pc_stanza *item, int *err_r)
{
	const char *id = pc_stanza_get(item, "id");

	if (id == NULL || is_wanted(j, id))
		return false;
	*err_r = own_retract(j->m, j->user, NS_BOOKMARKS, id, on_changed, j);
	return true;
}

static void go_on(struct job *j)
{
	int err = PC_OK;

	for (;;) {
		const pc_stanza *now = j->at;

		if (now == NULL && (j->retracting || j->token == 0)) {
			job_end(j, true, "");
			return;
		}
		if (now == NULL) {
			j->retracting = true;
			j->at = j->old ? pc_stanza_first(j->old) : NULL;
			continue;
		}
		j->at = pc_stanza_next(now);
		if (j->retracting ? retract(j, now, &err) : publish(j, now, &err))
			break;
	}
	if (err != PC_OK)
		job_end(j, false, "resource-constraint");
}

static void on_configured(const pc_stanza *reply, void *data)
{
	struct job *j = data;

	j->at = pc_stanza_first(j->wanted);
	on_changed(reply, j);
}

/* Before anything is put there, the node is what nobody else can read (XEP-0402 section 3). */
static void on_items(const pc_stanza *reply, void *data)
{
	static const char *const settings[] = { "pubsub#persist_items",
		                                "true",
		                                "pubsub#max_items",
		                                "max",
		                                "pubsub#send_last_published_item",
		                                "never",
		                                "pubsub#access_model",
		                                "whitelist",
		                                NULL };
	struct job *j = data;
	const pc_stanza *items = own_items(reply);

	if (items == NULL && strcmp(own_condition(reply), "item-not-found") != 0) {
		job_end(j, false, own_condition(reply));
		return;
	}
	j->old = items ? pc_stanza_clone(items) : NULL;
	if (own_configure(j->m, j->user, NS_BOOKMARKS, settings, items == NULL, on_configured, j) !=
	    PC_OK)
		job_end(j, false, "resource-constraint");
}

static void begin(pc_module *m, const char *user, pc_token token, const pc_stanza *storage)
{
	struct job *j = calloc(1, sizeof(*j));

	if (j == NULL)
		abort();
	j->m = m;
	j->token = token;
	j->wanted = pc_stanza_clone(storage);
	memcpy(j->user, user, strlen(user) + 1);
	if (own_get(m, user, NS_BOOKMARKS, NULL, on_items, j) != PC_OK)
		job_end(j, false, "resource-constraint");
}

/* ------------------------------------------------------------ private storage */

static const pc_stanza *storage_of(const pc_event *ev)
{
	const pc_stanza *query = pc_stanza_first(pc_event_stanza(ev));
	const pc_stanza *storage = pc_stanza_first(query);

	return storage && pc_stanza_is(storage, "storage", NS_STORAGE) &&
	                       pc_stanza_next(storage) == NULL
	               ? storage
	               : NULL;
}

static void on_got(const pc_stanza *reply, void *data)
{
	pc_token token = (pc_token)(uintptr_t)data;
	pc_event *ev = pc_token_event(token);
	const pc_stanza *items = own_items(reply);
	pc_stanza *answer, *storage;

	if (ev == NULL)
		return;
	if (items == NULL && strcmp(own_condition(reply), "item-not-found") != 0) {
		pc_event_resume(token, pc_reply_error(ev, NULL, "internal-server-error", NULL));
		return;
	}
	answer = pc_stanza_result(pc_event_stanza(ev));
	storage =
	        pc_stanza_open(pc_stanza_open(answer, "query", NS_PRIVATE), "storage", NS_STORAGE);
	if (items)
		convert_to_storage(items, storage);
	pc_event_resume(token, pc_reply(ev, answer));
}

static pc_result on_get(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_token token;

	(void)data;
	if (s == NULL || storage_of(ev) == NULL)
		return PC_PASS;
	token = pc_event_suspend(ev);
	if (own_get(pc_event_module(ev), s->username, NS_BOOKMARKS, NULL, on_got,
	            (void *)(uintptr_t)token) != PC_OK)
		pc_event_resume(token, pc_reply_error(ev, "wait", "resource-constraint", NULL));
	return PC_SUSPENDED;
}

static pc_result on_set(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	const pc_stanza *storage = storage_of(ev);
	char jid[PC_JID_MAX + 1];

	(void)data;
	if (s == NULL || storage == NULL)
		return PC_PASS;
	for (pc_stanza *c = pc_stanza_first(storage); c; c = pc_stanza_next(c))
		if (pc_stanza_is(c, "conference", NS_STORAGE) && !convert_jid(c, jid))
			return pc_reply_error(ev, "modify", "jid-malformed", NULL);
	begin(pc_event_module(ev), s->username, pc_event_suspend(ev), storage);
	return PC_SUSPENDED;
}

/* ------------------------------------------------------------ what lies there from before */

struct moving {
	pc_module *m;
	char user[PC_JID_PART_MAX + 1];
};

static void on_kept(int err, const pc_item *items, size_t n, void *data)
{
	struct moving *v = data;
	pc_stanza *storage = NULL;

	if (err == PC_OK && n > 0)
		storage = pc_stanza_parse(items[0].value, items[0].len);
	if (storage)
		begin(v->m, v->user, 0, storage);
	pc_stanza_free(&storage);
	pc_module_free(v->m, v);
}

static pc_result on_bind(pc_event *ev, void *data)
{
	struct bookmarks *b = data;
	const pc_session *s = pc_event_origin(ev);
	pc_module *m = pc_event_module(ev);
	struct moving *v;

	if (s == NULL || s->username == NULL || !pc_opt_bool(m, "upgrade_legacy_bookmarks"))
		return PC_PASS;
	v = pc_module_alloc(m, sizeof(*v));
	v->m = m;
	memcpy(v->user, s->username, strlen(s->username) + 1);
	pc_store_get_key(b->private, v->user, KEY, on_kept, v);
	return PC_PASS;
}

/* ------------------------------------------------------------ the module */

static void load(pc_module *m)
{
	struct bookmarks *b = pc_module_data(m);

	pc_depends(m, "pep");
	b->private = pc_store_open(m, "private", PC_STORE_MAP);
	pc_add_feature(m, NS_PRIVATE);
	pc_add_item(m, "account-feature", NS_BOOKMARKS "#compat");
	pc_hook(m, "iq-get/self/" NS_PRIVATE ":query", on_get, 10);
	pc_hook(m, "iq-set/self/" NS_PRIVATE ":query", on_set, 10);
	pc_hook(m, "resource-bind", on_bind, 0);
}

static const pc_option options[] = {
	{ .name = "upgrade_legacy_bookmarks",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "true",
	  .live = true,
	  .help = "Bookmarks in private storage come among the published ones" },
	{ 0 },
};

static const pc_store_decl stores[] = {
	{ "private", PC_STORE_MAP, "Bookmarks from before are taken out of it" },
	{ 0 },
};

PC_MODULE(bookmarks, .summary = "Bookmarks, the same for old and new clients",
          .xeps = "0402:1.2.0 0048:1.2 0049:1.2", .data_size = sizeof(struct bookmarks),
          .options = options, .stores = stores, .load = load);

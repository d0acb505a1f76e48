#include "legacy.h"

#include <stdlib.h>
#include <string.h>

/* A vCard on its way into the nodes, one after the other. Its callbacks always come. */
struct job {
	pc_module *m;
	pc_token token; /* 0: it was kept from before */
	pc_stanza *card, *data, *metadata;
	char hash[HASH_SIZE];
	unsigned step;
	bool any_access; /* the node is there, with settings of its own */
	char user[PC_JID_PART_MAX + 1];
};

static void job_free(struct job *j)
{
	pc_stanza_free(&j->card);
	pc_stanza_free(&j->data);
	pc_stanza_free(&j->metadata);
	free(j);
}

static void job_end(struct job *j, bool ok, const char *condition)
{
	pc_event *ev = j->token ? pc_token_event(j->token) : NULL;
	struct legacy *legacy = pc_module_data(j->m);
	pc_ticket ticket = 0;

	if (ok)
		ticket = pc_store_set_keys(legacy->store, j->user, &(pc_item){ .key = "" }, 1, NULL,
		                           NULL);
	if (ev && ok)
		pc_reply_after(ev, ticket, pc_stanza_result(pc_event_stanza(ev)));
	else if (ev)
		pc_reply_error(ev, NULL, *condition ? condition : "internal-server-error", NULL);
	if (j->token)
		pc_event_resume(j->token, PC_HANDLED);
	job_free(j);
}

/* ------------------------------------------------------------ step by step */

static void publish(struct job *j);

/* A node that is there keeps its settings: the second time none are asked for. */
static void on_published(const pc_stanza *reply, void *data)
{
	struct job *j = data;

	if (own_succeeded(reply)) {
		j->step++;
		j->any_access = false;
		publish(j);
	} else if (!j->any_access && strcmp(own_condition(reply), "conflict") == 0) {
		j->any_access = true;
		publish(j);
	} else {
		job_end(j, false, own_condition(reply));
	}
}

static void publish(struct job *j)
{
	static const char *const nodes[] = { NODE_VCARD, NS_DATA, NS_METADATA };
	static const char *const open_to_all[] = { "pubsub#access_model", "open", NULL };
	const pc_stanza *payloads[] = { j->card, j->data, j->metadata };
	const char *ids[] = { "current", j->hash, *j->hash ? j->hash : "none" };

	while (j->step < 3 && payloads[j->step] == NULL)
		j->step++;
	if (j->step == 3)
		job_end(j, true, "");
	else if (own_publish(j->m, j->user, nodes[j->step], ids[j->step], payloads[j->step],
	                     j->any_access ? NULL : open_to_all, on_published, j) != PC_OK)
		job_end(j, false, "resource-constraint");
}

/* A vCard without a picture takes away the one that there was; NULL: nothing was there. */
static pc_stanza *no_picture(pc_module *m, pc_token token)
{
	const pc_event *ev = token ? pc_token_event(token) : NULL;
	const pc_session *s = ev ? pc_event_origin(ev) : NULL;

	return s && *presence_hash(m, s) ? pc_stanza_new("metadata", NS_METADATA) : NULL;
}

static int begin(pc_module *m, const char *user, pc_token token, const pc_stanza *old)
{
	struct job *j = calloc(1, sizeof(*j));
	int err;

	if (j == NULL)
		abort();
	j->m = m;
	j->token = token;
	memcpy(j->user, user, strlen(user) + 1);
	err = convert_photo(old, j->hash, &j->data, &j->metadata);
	if (err == PC_EINVAL) {
		job_free(j);
		return err;
	}
	if (err == PC_ENOENT)
		j->metadata = no_picture(m, token);
	j->card = pc_stanza_new("vcard", NS_NEW);
	convert_to_new(old, j->card);
	publish(j);
	return PC_OK;
}

pc_result take_card(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_token token;

	(void)data;
	if (s == NULL || !pc_event_to_self(ev))
		return pc_reply_error(ev, "auth", "forbidden", NULL);
	token = pc_event_suspend(ev);
	if (begin(pc_event_module(ev), s->username, token, pc_stanza_first(pc_event_stanza(ev))) !=
	    PC_OK)
		pc_event_resume(token, pc_reply_error(ev, "modify", "bad-request",
		                                      "the picture cannot be read"));
	return PC_SUSPENDED;
}

/* ------------------------------------------------------------ from before */

struct moving {
	pc_module *m;
	char user[PC_JID_PART_MAX + 1];
};

static void on_kept(int err, const pc_item *items, size_t n, void *data)
{
	struct moving *v = data;
	pc_stanza *card = NULL;

	if (err == PC_OK && n > 0)
		card = pc_stanza_parse(items[0].value, items[0].len);
	if (card && begin(v->m, v->user, 0, card) != PC_OK)
		pc_log(v->m, PC_WARN, "the vCard of %s has a picture that cannot be read", v->user);
	pc_stanza_free(&card);
	pc_module_free(v->m, v);
}

pc_result take_kept(pc_event *ev, void *data)
{
	struct legacy *legacy = data;
	const pc_session *s = pc_event_origin(ev);
	pc_module *m = pc_event_module(ev);
	struct moving *v;

	if (s == NULL || s->username == NULL || !pc_opt_bool(m, "upgrade_legacy_vcards"))
		return PC_PASS;
	v = pc_module_alloc(m, sizeof(*v));
	v->m = m;
	memcpy(v->user, s->username, strlen(s->username) + 1);
	pc_store_get_key(legacy->store, v->user, "", on_kept, v);
	return PC_PASS;
}

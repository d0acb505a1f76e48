/*
 * push.c - one notification on its way (XEP-0357 section 7): published at the service's node, in
 * the name of the host.
 *
 * A registration awaits one answer at a time; what comes meanwhile becomes one more notification,
 * so that a flood of messages is not one of notifications. A service that answers push_max_errors
 * times in a row with errors is told no more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud_notify.h"

#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define FORM_SUMMARY "urn:xmpp:push:summary"
#define ANSWER_SECONDS 60
#define BODY_MOST 1000 /* bytes of a message that a notification carries */

struct push {
	struct push *next;
	struct cloud *c;
	wants_fn *wants;
	char *key; /* this registration alone; NULL: those that `wants` says */
	char *sender, *body;
	char *user, *jid, *node; /* of one on its way */
};

static char *copy_of(const char *text, size_t most)
{
	char *copy = text ? strndup(text, most) : NULL;

	if (text && copy == NULL)
		abort();
	return copy;
}

static struct push *push_new(struct cloud *c, const char *sender, const char *body, wants_fn *wants,
                             const char *key)
{
	struct push *p = calloc(1, sizeof(*p));

	if (p == NULL)
		abort();
	p->c = c;
	p->wants = wants;
	p->key = copy_of(key, SIZE_MAX);
	p->sender = copy_of(sender, PC_JID_MAX);
	p->body = copy_of(body, BODY_MOST);
	return p;
}

static void push_free(struct push *p)
{
	free(p->key);
	free(p->sender);
	free(p->body);
	free(p->user);
	free(p->jid);
	free(p->node);
	free(p);
}

void push_free_all(struct push **list)
{
	while (*list) {
		struct push *p = *list;

		*list = p->next;
		push_free(p);
	}
}

/* ------------------------------------------------------------ the stanza */

static void add_summary(const struct push *p, pc_stanza *notification)
{
	static const pc_field fields[] = { { .var = "message-count" },
		                           { .var = "last-message-sender" },
		                           { .var = "last-message-body" },
		                           { 0 } };
	static const pc_form form = { .form_type = FORM_SUMMARY, .fields = fields };
	pc_module *m = p->c->m;
	pc_values *values = pc_values_new();
	const char *plain = pc_opt_str(m, "push_notification_important_body");

	pc_values_add_int(values, "message-count", 1);
	if (pc_opt_bool(m, "push_notification_with_sender"))
		pc_values_add(values, "last-message-sender", p->sender);
	if (pc_opt_bool(m, "push_notification_with_body") && p->body)
		pc_values_add(values, "last-message-body", p->body);
	else if (plain && *plain)
		pc_values_add(values, "last-message-body", plain);
	pc_form_submit(notification, &form, values);
	pc_values_free(&values);
}

static pc_stanza *publication(const struct push *p, const struct registration *r)
{
	pc_stanza *iq = pc_stanza_iq("set", NULL, r->jid, pc_module_host_name(p->c->m));
	pc_stanza *pubsub = pc_stanza_open(iq, "pubsub", NS_PUBSUB);
	pc_stanza *publish = pc_stanza_open(pubsub, "publish", NULL);
	const pc_stanza *options = pc_stanza_child(r->stored, "x", PC_NS_FORMS);

	if (*r->node)
		pc_stanza_set(publish, "node", r->node);
	add_summary(p,
	            pc_stanza_open(pc_stanza_open(publish, "item", NULL), "notification", NS_PUSH));
	if (options)
		pc_stanza_append(pc_stanza_open(pubsub, "publish-options", NULL), options);
	return iq;
}

/* ------------------------------------------------------------ on its way */

static void send(struct push *p, struct account *a, struct registration *r);

/* Of a service that has gone, or does not want to be told: enough is enough. */
static void failed(struct cloud *c, const struct push *p, struct registration *r)
{
	pc_metric_add(c->failed, 1);
	if (++r->errors < (unsigned)pc_opt_int(c->m, "push_max_errors"))
		return;
	pc_log(c->m, PC_INFO, "%s answers with errors only: %s is not told through it any more",
	       r->jid, p->user);
	registration_remove(c, p->user, p->jid, p->node, NULL, 0);
}

static void on_answer(const pc_stanza *reply, void *data)
{
	struct push *p = data, *again;
	struct cloud *c = p->c;
	struct account *a;
	struct registration *r;

	if (c->unloaded) {
		push_free(p);
		return;
	}
	a = account_get(c, p->user);
	r = registration_find(a, p->jid, p->node);
	a->under_way--;
	if (r && r->sent == p) {
		again = r->next_one;
		r->sent = r->next_one = NULL;
		if (reply && pc_stanza_type(reply) == PC_TYPE_RESULT)
			r->errors = 0;
		else
			failed(c, p, r);
		if (again)
			send(again, a, r);
	}
	push_free(p);
}

static void send(struct push *p, struct account *a, struct registration *r)
{
	struct cloud *c = p->c;

	p->user = copy_of(a->user, SIZE_MAX);
	p->jid = copy_of(r->jid, SIZE_MAX);
	p->node = copy_of(r->node, SIZE_MAX);
	if (pc_send_iq(c->m, publication(p, r), ANSWER_SECONDS, on_answer, p) != PC_OK) {
		pc_metric_add(c->dropped, 1);
		push_free(p);
		return;
	}
	r->sent = p;
	a->under_way++;
	pc_metric_add(c->sent, 1);
}

static void send_or_wait(struct push *p, struct account *a, struct registration *r)
{
	if (r->sent == NULL) {
		send(p, a, r);
		return;
	}
	push_free_all(&r->next_one);
	r->next_one = p;
}

static bool is_for(const struct push *p, const struct account *a, const struct registration *r)
{
	char *key;
	bool same;

	if (p->key == NULL)
		return p->wants(p->c, a->user, r);
	key = registration_key(r->jid, r->node);
	same = strcmp(key, p->key) == 0;
	free(key);
	return same;
}

static void push_now(const struct push *p, struct account *a)
{
	for (struct registration *r = a->registrations, *next; r; r = next) {
		next = r->next;
		if (is_for(p, a, r))
			send_or_wait(push_new(p->c, p->sender, p->body, p->wants, p->key), a, r);
	}
}

void push_waiting(struct cloud *c, struct account *a)
{
	struct push *list = a->waiting;

	(void)c;
	a->waiting = NULL;
	for (const struct push *p = list; a->known && p; p = p->next)
		push_now(p, a);
	push_free_all(&list);
}

void push_to(struct cloud *c, const char *user, const struct summary *summary, wants_fn *wants,
             const char *key)
{
	struct account *a = account_get(c, user);
	struct push p = { .c = c,
		          .wants = wants,
		          .key = (char *)(uintptr_t)key,
		          .sender = (char *)(uintptr_t)summary->sender,
		          .body = (char *)(uintptr_t)summary->body };

	if (a->known) {
		push_now(&p, a);
		return;
	}
	/* While they are being read the last one of each kind is enough. */
	push_free_all(&a->waiting);
	a->waiting = push_new(c, p.sender, p.body, wants, key);
}

/*
 * lists.c - who is subscribed and affiliated: as one asks of oneself (XEP-0060 sections 5.6, 5.7),
 * and as an owner sees and changes it (8.8, 8.9).
 */
#include "request.h"

#include "mem.h"

#define CHANGES_MOST 500 /* in one request */

static bool is_own(const char *jid, const char *bare)
{
	size_t len = strlen(bare);

	return strncmp(jid, bare, len) == 0 && (jid[len] == '\0' || jid[len] == '/');
}

static pc_stanza *open_list(pc_stanza *pubsub, const pc_event *ev)
{
	pc_stanza *list = pc_stanza_open(pubsub, pc_stanza_name(request_element(ev)), NULL);

	pc_stanza_set(list, "node", request_node_name(ev));
	return list;
}

static void add_subscription(pc_stanza *list, const char *node, const char *jid, const char *state)
{
	pc_stanza *sub = pc_stanza_open(list, "subscription", NULL);

	pc_stanza_set(sub, "node", node);
	pc_stanza_set(sub, "jid", jid);
	pc_stanza_set(sub, "subscription", state);
}

static const char *state_of(const struct subscription *s)
{
	return s == NULL ? "none" : s->pending ? "pending" : "subscribed";
}

/* ------------------------------------------------------------ one's own */

typedef void each_fn(const struct request *r, const struct node *n, pc_stanza *list);

static void each_node(struct request *r, const pc_event *ev, each_fn *fn)
{
	const struct node *one = service_node(r->s, request_node_name(ev));
	pc_stanza *pubsub, *reply, *list;

	if (request_node_name(ev) && one == NULL) {
		request_refuse(r, REFUSE_NOT_FOUND, NULL);
		return;
	}
	reply = request_reply(ev, &pubsub);
	list = open_list(pubsub, ev);
	for (const struct node *n = one ? one : r->s->nodes; n; n = one ? NULL : n->hh.next)
		fn(r, n, list);
	request_answer(r, 0, reply);
}

static void add_subscriptions(const struct request *r, const struct node *n, pc_stanza *list)
{
	for (const struct subscription *s = n->subscriptions; s; s = s->hh.next)
		if (is_own(s->jid, r->bare))
			add_subscription(list, n->name, s->jid, state_of(s));
}

static void add_affiliation(const struct request *r, const struct node *n, pc_stanza *list)
{
	enum affiliation what = request_standing(r, n).affiliation;
	pc_stanza *one;

	if (what == AFFILIATION_NONE)
		return;
	one = pc_stanza_open(list, "affiliation", NULL);
	pc_stanza_set(one, "node", n->name);
	pc_stanza_set(one, "affiliation", affiliation_name(what));
}

void subscriptions_handle(struct request *r, pc_event *ev)
{
	each_node(r, ev, add_subscriptions);
}

void affiliations_handle(struct request *r, pc_event *ev)
{
	each_node(r, ev, add_affiliation);
}

/* ------------------------------------------------------------ the owner's */

void subscribers_handle(struct request *r, pc_event *ev)
{
	const struct node *n = service_node(r->s, request_node_name(ev));
	pc_stanza *pubsub, *reply = request_reply(ev, &pubsub), *list = open_list(pubsub, ev);

	for (const struct subscription *s = n->subscriptions; s; s = s->hh.next)
		add_subscription(list, NULL, s->jid, state_of(s));
	request_answer(r, 0, reply);
}

static void show_affiliated(pc_stanza *list, const char *jid, enum affiliation what)
{
	pc_stanza *one = pc_stanza_open(list, "affiliation", NULL);

	pc_stanza_set(one, "jid", jid);
	pc_stanza_set(one, "affiliation", affiliation_name(what));
}

void affiliated_handle(struct request *r, pc_event *ev)
{
	const struct node *n = service_node(r->s, request_node_name(ev));
	pc_stanza *pubsub, *reply = request_reply(ev, &pubsub), *list = open_list(pubsub, ev);
	char own[PC_JID_MAX + 1];

	service_jid(r->s, own);
	if (*r->s->user)
		show_affiliated(list, own, AFFILIATION_OWNER);
	for (const struct affiliated *a = n->affiliated; a; a = a->hh.next)
		if (*r->s->user == '\0' || strcmp(a->jid, own) != 0)
			show_affiliated(list, a->jid, a->what);
	request_answer(r, 0, reply);
}

/* ------------------------------------------------------------ what an owner changes */

/* Entries that could not be changed, with what they are; NULL: all were (8.8.2.4). */
struct changing {
	struct request *r;
	struct node *n;
	pc_stanza *failed;
	pc_ticket ticket;
	size_t n_changed;
};

static void fail(struct changing *c, const pc_stanza *entry, const char *attr, const char *is)
{
	pc_stanza *copy;

	if (c->failed == NULL)
		c->failed = pc_stanza_new(pc_stanza_name(pc_stanza_parent(entry)), NS_OWNER);
	copy = pc_stanza_append(c->failed, entry);
	pc_stanza_set(copy, attr, is);
}

static void change_end(struct changing *c, const pc_event *ev)
{
	pc_stanza *error, *pubsub;

	if (c->failed == NULL) {
		request_ok(c->r, c->ticket);
		return;
	}
	pc_stanza_set(c->failed, "node", c->n->name);
	error = refusal_reply(pc_event_stanza(ev), REFUSE_NOT_ACCEPTABLE, NULL);
	pubsub = pc_stanza_open(error, "pubsub", NS_OWNER);
	pc_stanza_append(pubsub, c->failed);
	pc_stanza_free(&c->failed);
	request_answer(c->r, c->ticket, error);
}

static void set_subscriber(struct changing *c, const pc_stanza *entry)
{
	const char *wanted = pc_stanza_get(entry, "subscription");
	char full[PC_JID_MAX + 1], bare[PC_JID_MAX + 1];
	const struct subscription *s;
	bool none, pending;

	if (!request_jid(entry, "jid", full, bare)) {
		fail(c, entry, "subscription", "none");
		return;
	}
	s = node_subscription(c->n, full);
	if (wanted == NULL || strcmp(wanted, state_of(s)) == 0)
		return;
	none = strcmp(wanted, "none") == 0;
	pending = strcmp(wanted, "pending") == 0;
	if ((!none && !pending && strcmp(wanted, "subscribed") != 0) ||
	    (!none && s == NULL &&
	     HASH_COUNT(c->n->subscriptions) >= (size_t)c->r->p->max_subscriptions)) {
		fail(c, entry, "subscription", state_of(s));
		return;
	}
	c->ticket = service_subscribe(c->r->s, c->n, full, pending, none);
	notify_subscription(c->r->s, c->n, full, wanted);
}

static bool are_too_many(struct request *r, const pc_event *ev)
{
	size_t n = 0;

	for (pc_stanza *e = pc_stanza_first(request_element(ev)); e; e = pc_stanza_next(e))
		n++;
	if (n > CHANGES_MOST)
		request_refuse(r, REFUSE_SPACE, "fewer at once");
	return n > CHANGES_MOST;
}

void set_subscribers_handle(struct request *r, pc_event *ev)
{
	struct changing c = { .r = r, .n = service_node(r->s, request_node_name(ev)) };

	if (are_too_many(r, ev))
		return;
	for (pc_stanza *e = pc_stanza_first(request_element(ev)); e; e = pc_stanza_next(e))
		if (pc_stanza_is(e, "subscription", NS_OWNER))
			set_subscriber(&c, e);
	change_end(&c, ev);
}

/* An account owns its nodes, whatever the list says. */
static bool is_account(const struct changing *c, const char *bare)
{
	char own[PC_JID_MAX + 1];

	service_jid(c->r->s, own);
	return *c->r->s->user && strcmp(own, bare) == 0;
}

/* Somebody must own it. */
static bool is_last_owner(const struct changing *c, const char *bare)
{
	size_t owners = 0;

	if (node_affiliation(c->n, bare, AFFILIATION_NONE) != AFFILIATION_OWNER)
		return false;
	for (const struct affiliated *a = c->n->affiliated; a; a = a->hh.next)
		owners += a->what == AFFILIATION_OWNER;
	return owners == 1 && *c->r->s->user == '\0';
}

/* Outcasts are told nothing more. */
static void cast_out(struct changing *c, const char *bare)
{
	struct subscription *s, *next;

	HASH_ITER(hh, c->n->subscriptions, s, next)
	{
		if (is_own(s->jid, bare)) {
			notify_subscription(c->r->s, c->n, s->jid, "none");
			c->ticket = service_subscribe(c->r->s, c->n, s->jid, false, true);
		}
	}
}

static void set_affiliated(struct changing *c, const pc_stanza *entry)
{
	const char *wanted = pc_stanza_get(entry, "affiliation");
	char full[PC_JID_MAX + 1], bare[PC_JID_MAX + 1];
	int what = affiliation_find(wanted);
	enum affiliation is;

	if (!request_jid(entry, "jid", full, bare)) {
		fail(c, entry, "affiliation", "none");
		return;
	}
	is = is_account(c, bare) ? AFFILIATION_OWNER
	                         : node_affiliation(c->n, bare, AFFILIATION_NONE);
	if (wanted == NULL || what == (int)is)
		return;
	if (what < 0 || is_account(c, bare) || is_last_owner(c, bare) ||
	    HASH_COUNT(c->n->affiliated) >= AFFILIATIONS_MOST) {
		fail(c, entry, "affiliation", affiliation_name(is));
		return;
	}
	node_affiliate(c->n, bare, (enum affiliation)what);
	c->n_changed++;
	if (what == AFFILIATION_OUTCAST)
		cast_out(c, bare);
}

static bool has_twice(const pc_stanza *list)
{
	for (pc_stanza *a = pc_stanza_first(list); a; a = pc_stanza_next(a))
		for (pc_stanza *b = pc_stanza_next(a); b; b = pc_stanza_next(b)) {
			const char *x = pc_stanza_get(a, "jid"), *y = pc_stanza_get(b, "jid");

			if (x && y && strcmp(x, y) == 0)
				return true;
		}
	return false;
}

void set_affiliated_handle(struct request *r, pc_event *ev)
{
	struct changing c = { .r = r, .n = service_node(r->s, request_node_name(ev)) };

	if (are_too_many(r, ev))
		return;
	if (has_twice(request_element(ev))) {
		request_refuse(r, REFUSE_BAD_REQUEST, "each address once");
		return;
	}
	for (pc_stanza *e = pc_stanza_first(request_element(ev)); e; e = pc_stanza_next(e))
		if (pc_stanza_is(e, "affiliation", NS_OWNER))
			set_affiliated(&c, e);
	if (c.n_changed > 0)
		c.ticket = service_write(r->s, c.n);
	change_end(&c, ev);
}

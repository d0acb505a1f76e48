/*
 * requests.c - an iq on its way.
 */
#include "request.h"

#include "mem.h"

#define ENTITY(n, s, h)                                                                            \
	{                                                                                          \
		.ns = NS_PUBSUB, .name = (n), .set = (s), .handle = (h)                            \
	}
#define ON_NODE(n, s, a, h)                                                                        \
	{                                                                                          \
		.ns = NS_PUBSUB, .name = (n), .set = (s), .on_node = true, .action = (a),          \
		.handle = (h)                                                                      \
	}
#define OWNER(n, s, h)                                                                             \
	{                                                                                          \
		.ns = NS_OWNER, .name = (n), .set = (s), .on_node = true, .action = ACTION_OWN,    \
		.handle = (h)                                                                      \
	}

static const struct use uses[] = {
	ENTITY("create", true, create_handle),
	ENTITY("publish", true, publish_handle),
	ENTITY("subscribe", true, subscribe_handle),
	ENTITY("unsubscribe", true, unsubscribe_handle),
	ENTITY("subscriptions", false, subscriptions_handle),
	ENTITY("affiliations", false, affiliations_handle),
	ENTITY("options", false, options_handle),
	ENTITY("options", true, options_handle),
	ENTITY("default", false, default_options_handle),
	ON_NODE("retract", true, ACTION_RETRACT, retract_handle),
	ON_NODE("items", false, ACTION_READ, retrieve_handle),
	OWNER("configure", false, configure_ask_handle),
	OWNER("configure", true, configure_handle),
	OWNER("delete", true, delete_handle),
	OWNER("purge", true, purge_handle),
	OWNER("subscriptions", false, subscribers_handle),
	OWNER("subscriptions", true, set_subscribers_handle),
	OWNER("affiliations", false, affiliated_handle),
	OWNER("affiliations", true, set_affiliated_handle),
	{ .ns = NS_OWNER, .name = "default", .set = false, .handle = default_handle },
};

static const struct use *find_use(const pc_stanza *iq)
{
	const pc_stanza *pubsub = pc_stanza_first(iq), *wanted = pc_stanza_first(pubsub);
	bool set = pc_stanza_type(iq) == PC_TYPE_SET;

	for (size_t i = 0; wanted && i < sizeof(uses) / sizeof(uses[0]); i++)
		if (uses[i].set == set && strcmp(pc_stanza_ns(pubsub), uses[i].ns) == 0 &&
		    pc_stanza_is(wanted, uses[i].name, uses[i].ns))
			return &uses[i];
	return NULL;
}

/* ------------------------------------------------------------ what it says */

const pc_stanza *request_element(const pc_event *ev)
{
	return pc_stanza_first(pc_stanza_first(pc_event_stanza(ev)));
}

const char *request_node_name(const pc_event *ev)
{
	const char *name = pc_stanza_get(request_element(ev), "node");

	return name && *name ? name : NULL;
}

struct standing request_standing(const struct request *r, const struct node *n)
{
	struct standing who = { .affiliation = node_affiliation(n, r->bare, r->affiliation),
		                .sees_presence = r->sees_presence };

	if (r->affiliation == AFFILIATION_OWNER)
		who.affiliation = AFFILIATION_OWNER; /* of the service */
	node_standing(n, r->bare, &who);
	for (size_t i = 0; r->contact && i < r->contact->n_groups && !who.in_group; i++)
		for (size_t j = 0; j < n->config.n_groups && !who.in_group; j++)
			who.in_group = strcmp(r->contact->groups[i], n->config.groups[j]) == 0;
	return who;
}

struct node *request_node(struct request *r, const pc_event *ev)
{
	struct node *n = service_node(r->s, request_node_name(ev));

	if (n == NULL)
		request_refuse(r, REFUSE_NOT_FOUND, NULL);
	return n;
}

bool request_jid(const pc_stanza *st, const char *attr, char full[static PC_JID_MAX + 1],
                 char bare[static PC_JID_MAX + 1])
{
	const char *text = pc_stanza_get(st, attr);
	char buf[PC_JID_BUF];
	pc_jid jid;

	if (text == NULL || pc_jid_parse(text, buf, &jid) != PC_OK)
		return false;
	pc_jid_write(&jid, full);
	pc_jid_write_bare(&jid, bare);
	return true;
}

/* ------------------------------------------------------------ turns */

/* Not nested: one that ends at once comes back here by the loop. */
static void run_queue(struct service *s)
{
	if (s->draining)
		return;
	s->draining = true;
	s->users++;
	while (s->turn == NULL && s->queue && !s->p->unloaded) {
		struct request *r = s->queue;
		pc_event *ev;

		s->queue = r->next;
		r->next = NULL;
		s->turn = r;
		ev = request_event(r);
		if (ev)
			r->run(r, ev);
	}
	s->draining = false;
	service_release(s);
}

void request_turn(struct request *r, request_fn *run)
{
	struct request **at = &r->s->queue;

	r->run = run;
	while (*at)
		at = &(*at)->next;
	*at = r;
	run_queue(r->s);
}

/* ------------------------------------------------------------ the end */

static void request_end(struct request *r)
{
	struct service *s = r->s;
	struct pubsub *p = r->p;

	if (s && s->turn == r)
		s->turn = NULL;
	pc_module_free(p->m, r);
	if (s == NULL || p->unloaded)
		return;
	run_queue(s);
	service_release(s);
}

static void finish(struct request *r, pc_result result)
{
	pc_token token = r->token;

	request_end(r);
	pc_event_resume(token, result);
}

pc_event *request_event(struct request *r)
{
	pc_event *ev = pc_token_event(r->token);

	if (ev && !r->p->unloaded)
		return ev;
	if (ev)
		request_refuse(r, REFUSE_BUSY, "try again");
	else
		request_end(r);
	return NULL;
}

void request_refuse(struct request *r, enum refusal why, const char *text)
{
	bool silent = r->use->silent;
	pc_event *ev = silent ? NULL : pc_token_event(r->token);

	if (ev)
		pc_reply(ev, refusal_reply(pc_event_stanza(ev), why, text));
	finish(r, silent ? PC_PASS : PC_HANDLED);
}

void request_done(struct request *r)
{
	finish(r, PC_HANDLED);
}

void request_pass(struct request *r)
{
	finish(r, PC_PASS);
}

void request_answer(struct request *r, pc_ticket ticket, pc_stanza *reply)
{
	pc_event *ev = pc_token_event(r->token);

	if (ev)
		pc_reply_after(ev, ticket, reply);
	else
		pc_stanza_free(&reply);
	finish(r, PC_HANDLED);
}

pc_stanza *request_reply(const pc_event *ev, pc_stanza **pubsub_r)
{
	const pc_stanza *iq = pc_event_stanza(ev);
	pc_stanza *reply = pc_stanza_result(iq);

	*pubsub_r = pc_stanza_open(reply, "pubsub", pc_stanza_ns(pc_stanza_first(iq)));
	return reply;
}

void request_ok(struct request *r, pc_ticket ticket)
{
	pc_event *ev = pc_token_event(r->token);

	request_answer(r, ticket, ev ? pc_stanza_result(pc_event_stanza(ev)) : NULL);
}

/* ------------------------------------------------------------ the beginning */

static void handle(struct request *r, pc_event *ev)
{
	struct standing who;
	struct node *n;
	enum refusal why;

	if (!r->use->on_node) {
		r->use->handle(r, ev);
		return;
	}
	if (request_node_name(ev) == NULL) {
		request_refuse(r, REFUSE_NODE_REQUIRED, NULL);
		return;
	}
	n = request_node(r, ev);
	if (n == NULL)
		return;
	who = request_standing(r, n);
	why = access_check(&n->config, &who, r->use->action);
	if (why)
		request_refuse(r, why, NULL);
	else
		r->use->handle(r, ev);
}

void request_go_on(struct request *r)
{
	pc_event *ev = request_event(r);

	if (ev == NULL)
		return;
	if (r->p->kind->affiliation)
		r->affiliation = r->p->kind->affiliation(r, ev);
	handle(r, ev);
}

static void on_service(struct service *s, void *data)
{
	struct request *r = data;
	pc_event *ev;

	r->s = s;
	if (s == NULL) {
		request_refuse(r, r->p->unloaded ? REFUSE_BUSY : REFUSE_INTERNAL, NULL);
		return;
	}
	ev = request_event(r);
	if (ev && r->p->kind->meet)
		r->p->kind->meet(r, ev);
	else if (ev)
		request_go_on(r);
}

void request_begin(struct pubsub *p, pc_event *ev, const struct use *use, const char *user,
                   const char *from)
{
	struct request *r = pc_module_alloc(p->m, sizeof(*r));

	r->p = p;
	r->use = use;
	snprintf(r->bare, sizeof(r->bare), "%.*s", (int)strcspn(from, "/"), from);
	r->token = pc_event_suspend(ev);
	service_get(p, user, on_service, r);
}

pc_result pubsub_iq(struct pubsub *p, pc_event *ev, const char *user)
{
	const struct use *use = find_use(pc_event_stanza(ev));
	char from[PC_JID_MAX + 1];

	if (pc_event_from(ev) == NULL)
		return PC_PASS;
	if (use == NULL)
		return pc_reply(ev, refusal_reply(pc_event_stanza(ev),
		                                  request_element(ev) ? REFUSE_UNSUPPORTED
		                                                      : REFUSE_BAD_REQUEST,
		                                  NULL));
	pc_jid_write_bare(pc_event_from(ev), from);
	request_begin(p, ev, use, user, from);
	return PC_SUSPENDED;
}

/*
 * owner.c - nodes are made, set up and deleted (XEP-0060 sections 8.1 to 8.4).
 */
#include "request.h"

#include "mem.h"

enum refusal config_refusal(int err)
{
	return err == PC_ENOTSUP  ? REFUSE_UNSUPPORTED_ACCESS_MODEL
	       : err == PC_ENOENT ? REFUSE_BAD_REQUEST
	       : err == PC_OK     ? REFUSE_NOT
	                          : REFUSE_NOT_ACCEPTABLE;
}

/* ------------------------------------------------------------ making */

static enum refusal check_create(const struct request *r, pc_event *ev, const char *name)
{
	if (service_node(r->s, name))
		return REFUSE_EXISTS;
	if (!node_name_fits(name))
		return REFUSE_NOT_ACCEPTABLE;
	if (r->affiliation != AFFILIATION_OWNER &&
	    !(r->p->kind->may_create && r->p->kind->may_create(r, ev)))
		return REFUSE_FORBIDDEN;
	if (HASH_COUNT(r->s->nodes) >= (size_t)r->p->max_nodes)
		return REFUSE_TOO_MANY_NODES;
	return REFUSE_NOT;
}

struct node *create_node(struct request *r, pc_event *ev, const char *name,
                         const pc_stanza *options, enum config_mode mode, pc_ticket *ticket_r)
{
	enum refusal why = check_create(r, ev, name);
	struct config c = { 0 };
	char text[CONFIG_WHY] = "";
	struct node *n = NULL;

	r->p->kind->defaults(r->p, name, &c);
	if (why == REFUSE_NOT && options)
		why = config_refusal(config_read(&c, options, &r->p->limits, mode, text));
	if (why == REFUSE_NOT)
		n = service_create(r->s, name, &c, *r->s->user ? NULL : r->bare, ticket_r);
	config_free(&c);
	if (n == NULL)
		request_refuse(r, why, *text ? text : NULL);
	return n;
}

void create_handle(struct request *r, pc_event *ev)
{
	const pc_stanza *pubsub = pc_stanza_first(pc_event_stanza(ev));
	const pc_stanza *configure = pc_stanza_child(pubsub, "configure", NS_PUBSUB);
	const char *name = request_node_name(ev);
	char made[PC_ID_SIZE];
	pc_stanza *reply, *out;
	pc_ticket ticket;
	struct node *n;

	pc_random_id(made);
	n = create_node(r, ev, name ? name : made, configure ? pc_form_find(configure, NULL) : NULL,
	                CONFIG_CHANGE, &ticket);
	if (n == NULL)
		return;
	reply = request_reply(ev, &out);
	pc_stanza_set(pc_stanza_open(out, "create", NULL), "node", n->name);
	request_answer(r, ticket, reply);
}

/* ------------------------------------------------------------ settings */

void configure_ask_handle(struct request *r, pc_event *ev)
{
	const struct node *n = service_node(r->s, request_node_name(ev));
	pc_stanza *pubsub, *reply = request_reply(ev, &pubsub);
	pc_stanza *configure = pc_stanza_open(pubsub, "configure", NULL);

	pc_stanza_set(configure, "node", n->name);
	config_ask(&n->config, &r->p->limits, configure);
	request_answer(r, 0, reply);
}

static void tell_configured(struct request *r, const struct node *n)
{
	pc_stanza *message;

	if (!n->config.notify_config)
		return;
	message = notify_event(r->s, n);
	pc_stanza_set(pc_stanza_open(pc_stanza_first(message), "configuration", NULL), "node",
	              n->name);
	notify_send(r->s, n, message);
}

void configure_handle(struct request *r, pc_event *ev)
{
	struct node *n = service_node(r->s, request_node_name(ev));
	const pc_stanza *form = pc_form_find(request_element(ev), NULL);
	const char *type = form ? pc_stanza_get(form, "type") : NULL;
	char text[CONFIG_WHY];
	enum refusal why;

	if (form == NULL) {
		request_refuse(r, REFUSE_BAD_REQUEST, "there is no form");
		return;
	}
	if (type && strcmp(type, "cancel") == 0) {
		request_ok(r, 0);
		return;
	}
	why = config_refusal(config_read(&n->config, form, &r->p->limits, CONFIG_CHANGE, text));
	if (why) {
		request_refuse(r, why, *text ? text : NULL);
		return;
	}
	tell_configured(r, n);
	request_ok(r, service_write(r->s, n));
}

void default_handle(struct request *r, pc_event *ev)
{
	pc_stanza *pubsub, *reply = request_reply(ev, &pubsub);
	struct config c = { 0 };

	r->p->kind->defaults(r->p, "", &c);
	config_ask(&c, &r->p->limits, pc_stanza_open(pubsub, "default", NULL));
	config_free(&c);
	request_answer(r, 0, reply);
}

/* ------------------------------------------------------------ deletion */

static void tell_deleted(struct request *r, const pc_event *ev, const struct node *n)
{
	const pc_stanza *redirect = pc_stanza_child(request_element(ev), "redirect", NS_OWNER);
	const char *uri = redirect ? pc_stanza_get(redirect, "uri") : NULL;
	pc_stanza *message, *gone;

	if (!n->config.notify_delete)
		return;
	message = notify_event(r->s, n);
	gone = pc_stanza_open(pc_stanza_first(message), "delete", NULL);
	pc_stanza_set(gone, "node", n->name);
	if (uri)
		pc_stanza_set(pc_stanza_open(gone, "redirect", NULL), "uri", uri);
	notify_send(r->s, n, message);
}

static void delete_in_turn(struct request *r, pc_event *ev)
{
	struct node *n = request_node(r, ev);
	char name[NODE_NAME_MOST + 1];
	pc_ticket ticket;

	if (n == NULL)
		return;
	snprintf(name, sizeof(name), "%s", n->name);
	tell_deleted(r, ev, n);
	ticket = service_delete(r->s, n);
	if (r->p->kind->changed)
		r->p->kind->changed(r->s, name, NULL, NULL);
	request_ok(r, ticket);
}

void delete_handle(struct request *r, pc_event *ev)
{
	(void)ev;
	request_turn(r, delete_in_turn);
}

/*
 * forward.c - requests in the hands of components.
 *
 * What is bounded: requests under way (max_queries; ASKER_MOST and COMPONENT_MOST of them), and the
 * time that an answer may take. A component's answer counts when it comes from the component that
 * was asked, to the id that it was asked by (pc_send_iq), and is what section 4.3 wants it to be;
 * what the asker gets has the addresses of his request, whatever the component wrote.
 */
#include <stdlib.h>
#include <string.h>

#include "delegation.h"

#define ASKER_MOST 32
/* Half of what all have, so that one which hangs leaves the others room. */
#define COMPONENT_MOST 128

/* Whose session has gone, he is answered only where he can be found by his address. */
struct asker {
	pc_session_id session; /* 0: none */
	bool is_client;
};

struct pending {
	struct delegations *d;
	struct asker by;
	pc_stanza *iq;   /* his request */
	char *asker;     /* his bare address */
	char *component; /* who has been asked */
	struct pending *next;
};

/* ------------------------------------------------------------ to whoever asked */

static struct asker asker_of(const pc_session *origin)
{
	struct asker by = { 0, false };

	if (origin && (origin->type == PC_C2S || origin->type == PC_COMPONENT))
		by = (struct asker){ origin->id, origin->type == PC_C2S };
	return by;
}

static void answer(struct delegations *d, struct asker by, pc_stanza *st)
{
	const pc_session *s = by.session ? pc_session_find(by.session) : NULL;

	if (s == NULL && !by.is_client) {
		pc_send(d->m, st);
		return;
	}
	if (s)
		pc_session_send(s, st);
	pc_stanza_free(&st);
}

static void answer_error(struct delegations *d, struct asker by, const pc_stanza *iq,
                         const char *condition)
{
	answer(d, by, pc_stanza_error(iq, NULL, condition, NULL));
}

/* ------------------------------------------------------------ the component's answer */

static const pc_stanza *only_child(const pc_stanza *st, const char *name, const char *ns)
{
	const pc_stanza *child = st ? pc_stanza_first(st) : NULL;

	return child && pc_stanza_next(child) == NULL && pc_stanza_is(child, name, ns) ? child
	                                                                               : NULL;
}

static bool is_same_jid(const char *a, const char *b)
{
	char a_buf[PC_JID_BUF], b_buf[PC_JID_BUF];
	pc_jid x, y;

	return a && b && pc_jid_parse(a, a_buf, &x) == PC_OK &&
	       pc_jid_parse(b, b_buf, &y) == PC_OK && pc_jid_equal(&x, &y);
}

/* `from` is what the request was to; the XEP's own examples leave it out. A request without `to` is
 * to the account and to the server as well. */
static bool is_from(const struct pending *p, const char *from)
{
	const char *to = pc_stanza_get(p->iq, "to");

	if (from == NULL)
		return true;
	if (to)
		return is_same_jid(from, to);
	return is_same_jid(from, p->asker) || is_same_jid(from, pc_module_host_name(p->d->m));
}

static const pc_stanza *good_answer(const struct pending *p, const pc_stanza *reply)
{
	const pc_stanza *iq =
	        only_child(only_child(only_child(reply, "delegation", NS), "forwarded", NS_FORWARD),
	                   "iq", PC_NS_CLIENT);
	const char *id = iq ? pc_stanza_get(iq, "id") : NULL;

	if (id == NULL || strcmp(id, pc_stanza_get(p->iq, "id")) != 0 ||
	    pc_stanza_type(iq) != PC_TYPE_RESULT ||
	    !is_same_jid(pc_stanza_get(iq, "to"), pc_stanza_get(p->iq, "from")) ||
	    !is_from(p, pc_stanza_get(iq, "from")))
		return NULL;
	return pc_stanza_first(iq) && pc_stanza_next(pc_stanza_first(iq)) ? NULL : iq;
}

static void pass_on(const struct pending *p, const pc_stanza *iq)
{
	pc_stanza *st = pc_stanza_result(p->iq);
	const pc_stanza *payload = pc_stanza_first(iq);

	if (payload)
		pc_stanza_append(st, payload);
	answer(p->d, p->by, st);
}

static void unlink_pending(struct pending *p)
{
	struct pending **at = &p->d->pending;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	pc_stanza_free(&p->iq);
	free(p->asker);
	free(p->component);
	free(p);
}

/* NULL: there was none in time, or the module goes. */
static void on_answer(const pc_stanza *reply, void *data)
{
	struct pending *p = data;
	bool is_result = reply && pc_stanza_type(reply) == PC_TYPE_RESULT;
	const pc_stanza *iq = is_result ? good_answer(p, reply) : NULL;

	if (iq) {
		pass_on(p, iq);
	} else {
		if (is_result) {
			pc_metric_add(p->d->bad, 1);
			pc_log(p->d->m, PC_WARN, "an answer of %s is none to the request",
			       pc_stanza_get(reply, "from"));
		}
		answer_error(p->d, p->by, p->iq, "service-unavailable");
	}
	unlink_pending(p);
}

/* ------------------------------------------------------------ to the component */

static bool is_too_much(const struct delegations *d, const char *asker, const char *component)
{
	size_t of_asker = 0, of_component = 0;

	for (const struct pending *p = d->pending; p; p = p->next) {
		of_asker += strcmp(p->asker, asker) == 0;
		of_component += strcmp(p->component, component) == 0;
	}
	return of_asker >= ASKER_MOST || of_component >= COMPONENT_MOST;
}

/* A request of an account is no other server's business. */
static bool is_ours(const char *jid)
{
	const pc_host *host = pc_host_find(jid);

	return host && pc_host_kind(host) == PC_COMPONENT_HOST;
}

static struct pending *pending_new(struct delegations *d, const pc_session *origin,
                                   const pc_stanza *iq, const char *asker, const char *component)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (p == NULL)
		abort(); /* out of memory ends the process */
	p->d = d;
	p->by = asker_of(origin);
	p->iq = pc_stanza_clone(iq);
	p->asker = strdup(asker);
	p->component = strdup(component);
	if (p->asker == NULL || p->component == NULL)
		abort(); /* out of memory ends the process */
	p->next = d->pending;
	d->pending = p;
	return p;
}

static bool bare_of(const pc_stanza *iq, char bare[static PC_JID_MAX + 1])
{
	const char *from = pc_stanza_get(iq, "from");
	char buf[PC_JID_BUF];
	pc_jid jid;

	if (from == NULL || pc_jid_parse(from, buf, &jid) != PC_OK)
		return false;
	pc_jid_write_bare(&jid, bare);
	return true;
}

void forward_stanza(struct delegations *d, const struct delegation *to, const pc_session *origin,
                    const pc_stanza *iq)
{
	struct asker by = asker_of(origin);
	char asker[PC_JID_MAX + 1];
	struct pending *p;
	pc_stanza *outer;

	if (!bare_of(iq, asker))
		return;
	if (!is_ours(to->jid)) {
		answer_error(d, by, iq, "service-unavailable");
		return;
	}
	if (is_too_much(d, asker, to->jid)) {
		answer_error(d, by, iq, "resource-constraint");
		return;
	}
	p = pending_new(d, origin, iq, asker, to->jid);
	outer = pc_stanza_iq("set", NULL, to->jid, pc_module_host_name(d->m));
	pc_stanza_append(
	        pc_stanza_open(pc_stanza_open(outer, "delegation", NS), "forwarded", NS_FORWARD),
	        iq);
	pc_metric_add(d->forwarded, 1);
	if (pc_send_iq(d->m, outer, pc_opt_seconds(d->m, "delegation_timeout"), on_answer, p) ==
	    PC_OK)
		return;
	unlink_pending(p);
	answer_error(d, by, iq, "resource-constraint");
}

pc_result forward(struct delegations *d, const struct delegation *to, pc_event *ev)
{
	pc_event_defer(ev);
	forward_stanza(d, to, pc_event_origin(ev), pc_event_stanza(ev));
	return PC_HANDLED;
}

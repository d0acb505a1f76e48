#include "router.h"

#include <stdlib.h>
#include <string.h>

#include "event_internal.h"
#include "events.h"
#include "hosts.h"
#include "log.h"
#include "receipts.h"
#include "server.h"
#include "streams.h"
#include "util/mem.h"

#define SMALL 256 /* bytes of addresses kept in the route itself */

enum stage { PRE_STANZA, PRE_KIND, TARGET, SELF, REMOTE, UNHANDLED };

struct pc__route {
	enum stage stage;
	pc_stanza *st;
	pc_session_id origin;
	struct pc__element element;
	pc_host *sender; /* whose pre-events and route/remote are fired; may be NULL */
	pc_host *host;   /* the recipient's; NULL: remote */
	pc_kind kind;
	enum pc__target target;
	pc_jid from, to;
	bool has_from;
	bool to_self;
	bool pre;    /* with pre-events */
	bool owns;   /* the tree is ours to free */
	bool shared; /* one of a broadcast */
	bool inside; /* the event has not returned yet */
	bool answered;
	pc_result result;
	struct pc__route *next; /* waiting, or free */
	char *addresses;        /* the parts of from and to: `small`, or malloc'ed */
	char small[SMALL];
};

static struct pc__route *free_routes;

static struct pc__route *route_new(pc_stanza *st)
{
	struct pc__route *r = free_routes;

	if (r)
		free_routes = r->next;
	else
		r = pc__malloc(sizeof(*r));
	memset(r, 0, offsetof(struct pc__route, small));
	r->addresses = r->small;
	r->st = st;
	r->kind = pc_stanza_kind(st);
	r->owns = true;
	return r;
}

static void route_free(struct pc__route *r)
{
	if (r->owns)
		pc_stanza_free(&r->st);
	if (r->addresses != r->small)
		free(r->addresses);
	r->next = free_routes;
	free_routes = r;
}

/* ------------------------------------------------------------ addresses */

static size_t part_size(const char *part)
{
	return part ? strlen(part) + 1 : 0;
}

static size_t jid_size(const pc_jid *jid)
{
	return part_size(jid->local) + part_size(jid->domain) + part_size(jid->resource);
}

static const char *copy_part(char **at, const char *part)
{
	size_t size = part_size(part);
	char *copy = *at;

	if (part == NULL)
		return NULL;
	memcpy(copy, part, size);
	*at += size;
	return copy;
}

static void copy_jid(char **at, pc_jid *to, const pc_jid *from)
{
	to->local = copy_part(at, from->local);
	to->domain = copy_part(at, from->domain);
	to->resource = copy_part(at, from->resource);
}

/* `from` may be NULL. The route keeps copies: it may outlive its session and its stanza's text. */
static void set_addresses(struct pc__route *r, const pc_jid *from, const pc_jid *to)
{
	size_t size = jid_size(to) + (from ? jid_size(from) : 0);
	char *at;

	if (size > SMALL)
		r->addresses = pc__malloc(size);
	at = r->addresses;
	copy_jid(&at, &r->to, to);
	r->has_from = from != NULL;
	if (from)
		copy_jid(&at, &r->from, from);
}

/* Which event the address names: user@host/resource, user@host, host (with or without resource). */
static enum pc__target target_of(const pc_jid *to)
{
	if (to->local == NULL)
		return PC__HOST;
	return to->resource ? PC__FULL : PC__BARE;
}

/* ------------------------------------------------------------ the end of the way */

static bool is_request(const pc_stanza *st)
{
	pc_type type = pc_stanza_type(st);

	return pc_stanza_kind(st) == PC_IQ && (type == PC_TYPE_GET || type == PC_TYPE_SET);
}

/* To whoever sent it: the session where it is still there, else by routing. */
static void send_back(struct pc__route *r, const char *type, const char *condition,
                      const char *text)
{
	pc__send_back(r->origin, pc_stanza_error(r->st, type, condition, text));
}

/* Errors and results are never answered (RFC 6120 8.2.3 and 8.3.1), presence neither. */
static bool may_be_answered(const pc_stanza *st)
{
	pc_type type = pc_stanza_type(st);

	return type != PC_TYPE_ERROR && !(pc_stanza_kind(st) == PC_IQ && type == PC_TYPE_RESULT) &&
	       pc_stanza_kind(st) != PC_PRESENCE;
}

static void answer_unhandled(struct pc__route *r)
{
	if (!may_be_answered(r->st))
		return;
	if (r->host)
		send_back(r, NULL, "service-unavailable", NULL);
	else
		send_back(r, NULL, "remote-server-not-found", NULL);
}

static void answer_failed(struct pc__route *r, pc_result result)
{
	if (!may_be_answered(r->st))
		return;
	if (result == PC_EBUSY || result == PC_ETIMEOUT)
		send_back(r, "wait", "resource-constraint", NULL);
	else
		send_back(r, NULL, "internal-server-error", NULL);
}

/* A handler said HANDLED, but neither replied, nor passed it on, nor deferred: a programming error.
 */
static void answer_forgotten(struct pc__route *r)
{
	pc_log(NULL, PC_ERROR, "an iq was handled without an answer");
	send_back(r, NULL, "internal-server-error", NULL);
}

static void conclude(struct pc__route *r)
{
	if (r->st == NULL)
		return; /* somebody took it, and answers for it */
	if (r->result < 0)
		answer_failed(r, r->result);
	else if (r->stage == UNHANDLED)
		answer_unhandled(r);
	else if (is_request(r->st) && !r->answered)
		answer_forgotten(r);
}

static void go_on_with(struct pc__session *s);
static void start(struct pc__route *r);

static void finish(struct pc__route *r)
{
	const pc_session *origin = r->origin ? pc_session_find(r->origin) : NULL;
	struct pc__session *s = origin ? pc__session_of(origin) : NULL;
	struct pc__route *next = r->next;

	conclude(r);
	if (r->element.conn)
		pc__stream_element_done(r->element.conn, r->element.bytes);
	if (s)
		pc__receipt_end(s, &r->element);
	if (s && s->route == r) {
		s->route = NULL;
		route_free(r);
		go_on_with(s);
	} else {
		route_free(r);
		if (next) /* of a session that has gone: no more than may be under way in one */
			start(next);
	}
}

/* ------------------------------------------------------------ the way */

/* The event of this stage; NULL: nothing is to be fired. */
static pc__key *key_of(const struct pc__route *r)
{
	if (r->sender == NULL && (r->stage < TARGET || r->stage == REMOTE))
		return NULL;
	switch (r->stage) {
	case PRE_STANZA:
		return pc__bus_find(r->sender->bus, "", NULL, "pre-stanza");
	case PRE_KIND:
		return pc__bus_stanza_key(r->sender->bus, true, r->kind, r->target);
	case TARGET:
		return pc__bus_stanza_key(r->host->bus, false, r->kind, r->target);
	case SELF:
		return r->to_self ? pc__bus_stanza_key(r->host->bus, false, r->kind, PC__SELF)
		                  : NULL;
	case REMOTE:
		return pc__bus_find(r->sender->bus, "", NULL, "route/remote");
	default:
		return NULL;
	}
}

static enum stage after(const struct pc__route *r)
{
	switch (r->stage) {
	case PRE_STANZA:
		return PRE_KIND;
	case PRE_KIND:
		return r->host ? TARGET : REMOTE;
	case TARGET:
		return SELF;
	default:
		return UNHANDLED;
	}
}

static void step(struct pc__route *r);

static void on_ended(pc_event *ev, pc_result result, void *data)
{
	struct pc__route *r = data;

	r->result = result;
	r->answered |= pc__event_answered(ev);
	if (pc__event_taken(ev)) {
		r->st = NULL;
		r->owns = false;
	} else if (ev->owns_stanza) { /* it was copied out of a broadcast: ours from now on */
		r->st = ev->stanza;
		r->owns = true;
		r->shared = false;
		ev->owns_stanza = false;
	}
	if (r->inside)
		return;
	if (result == PC_PASS)
		r->stage = after(r);
	step(r);
}

static pc_result fire_stage(struct pc__route *r)
{
	pc__key *key = key_of(r);
	pc_result result;

	if (!pc__key_hooked(key))
		return r->result = PC_PASS;
	r->inside = true;
	result = pc__fire(key, &(struct pc__firing){ .host = r->stage < TARGET || r->stage == REMOTE
	                                                             ? r->sender
	                                                             : r->host,
	                                             .origin = r->origin,
	                                             .stanza = r->st,
	                                             .to = &r->to,
	                                             .from = r->has_from ? &r->from : NULL,
	                                             .to_self = r->to_self,
	                                             .shared = r->shared,
	                                             .ended = on_ended,
	                                             .data = r });
	r->inside = false;
	return result;
}

static void step(struct pc__route *r)
{
	while (r->result == PC_PASS && r->stage != UNHANDLED) {
		pc_result result = fire_stage(r);

		if (result == PC_SUSPENDED)
			return;
		if (result == PC_PASS)
			r->stage = after(r);
	}
	finish(r);
}

static enum stage first_stage(const struct pc__route *r)
{
	if (r->pre)
		return PRE_STANZA;
	return r->host ? TARGET : REMOTE;
}

/* The answer to an iq of our own goes to whoever waits for it, and no further. */
static bool is_awaited(const struct pc__route *r)
{
	pc_type type = pc_stanza_type(r->st);

	return r->kind == PC_IQ && (type == PC_TYPE_RESULT || type == PC_TYPE_ERROR) &&
	       pc__query_answered(r->st);
}

static void start(struct pc__route *r)
{
	r->stage = first_stage(r);
	r->result = r->host && is_awaited(r) ? PC_HANDLED : PC_PASS;
	step(r);
}

/* ------------------------------------------------------------ one after the other */

/* A suspended route stays in s->route until it has ended; it may end inside of start(). */
static void start_of(struct pc__session *s, struct pc__route *r)
{
	s->route = r;
	start(r);
}

/* Not nested: a route that ends at once comes back here by the loop. */
static void go_on_with(struct pc__session *s)
{
	pc_session_id id = s->pub.id;

	if (s->draining)
		return;
	s->draining = true;
	while (s->route == NULL && s->waiting) {
		struct pc__route *r = s->waiting;

		s->waiting = r->next;
		start_of(s, r);
		if (pc_session_find(id) == NULL)
			return;
	}
	s->draining = false;
}

static void wait_turn(struct pc__session *s, struct pc__route *r)
{
	struct pc__route **at = &s->waiting;

	while (*at)
		at = &(*at)->next;
	r->next = NULL;
	*at = r;
}

void pc__route_from(struct pc__session *s, pc_stanza *st, const pc_jid *from, const pc_jid *to,
                    struct pc__element element)
{
	struct pc__route *r = route_new(st);

	set_addresses(r, from, to);
	r->origin = s->pub.id;
	r->element = element;
	r->pre = s->pub.type == PC_C2S;
	r->sender = s->host;
	r->host = pc_host_find(to->domain);
	r->target = target_of(to);
	r->to_self = s->pub.type == PC_C2S && r->target == PC__BARE && pc_jid_equal_bare(from, to);
	if (s->route || s->waiting)
		wait_turn(s, r);
	else
		start_of(s, r);
}

/* Messages were sent, whatever became of the sender: they stay where they are in the row behind the
 * one that is suspended, which goes on without the session, too. */
static struct pc__route *keep_messages(struct pc__route *waiting)
{
	struct pc__route **at = &waiting;

	while (*at) {
		struct pc__route *r = *at;

		if (r->element.conn)
			pc__stream_element_done(r->element.conn, r->element.bytes);
		r->element.conn = 0;
		if (r->kind == PC_MESSAGE) {
			at = &r->next;
		} else {
			*at = r->next;
			route_free(r);
		}
	}
	return waiting;
}

void pc__router_forget(struct pc__session *s)
{
	struct pc__route *suspended = s->route, *kept = keep_messages(s->waiting);

	s->route = s->waiting = NULL;
	if (suspended)
		suspended->next = kept;
	else if (kept)
		start(kept);
}

void pc__router_drop(struct pc__session *s)
{
	while (s->waiting) {
		struct pc__route *r = s->waiting;

		s->waiting = r->next;
		route_free(r);
	}
	s->route = NULL;
}

/* ------------------------------------------------------------ from modules and the server */

static bool parse(const pc_stanza *st, const char *attr, char buf[static PC_JID_BUF], pc_jid *jid)
{
	const char *text = pc_stanza_get(st, attr);

	return text && pc_jid_parse(text, buf, jid) == PC_OK;
}

/* Borrows the tree where `shared`. */
static void route_one(pc_stanza *st, bool shared)
{
	char from_buf[PC_JID_BUF], to_buf[PC_JID_BUF];
	pc_jid from, to;
	bool has_from = parse(st, "from", from_buf, &from);
	struct pc__route *r;

	if (pc_stanza_kind(st) == PC_OTHER || !parse(st, "to", to_buf, &to)) {
		if (!shared)
			pc_stanza_free(&st);
		return;
	}
	r = route_new(st);
	r->owns = !shared;
	r->shared = shared;
	set_addresses(r, has_from ? &from : NULL, &to);
	r->sender = has_from ? pc_host_find(from.domain) : NULL;
	r->host = pc_host_find(to.domain);
	r->target = target_of(&to);
	start(r);
}

void pc__route_stanza(pc_stanza *st)
{
	route_one(st, false);
}

void pc_send(pc_module *m, pc_stanza *st)
{
	(void)m;
	route_one(st, false);
}

void pc_broadcast(pc_module *m, pc_stanza *st, const char *const *to, size_t n)
{
	(void)m;
	for (size_t i = 0; i < n; i++) {
		pc_stanza_set(st, "to", to[i]);
		route_one(st, true);
	}
	pc_stanza_free(&st);
}

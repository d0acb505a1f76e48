/*
 * dial.c - connecting to a domain (connect.h): from its name to targets, one after the other.
 */
#include "dial.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "ports.h"
#include "server.h"
#include "streams.h"
#include "util/mem.h"

#define SRV 33

struct question {
	pc_dial *dial;
	uint8_t kind; /* the service's number */
};

static struct pc__places places = { .most = PC__DIAL_PLACES };
static struct pc__timer served;

/* ------------------------------------------------------------ its life */

static void begin(pc_dial *d);
static void look_up(pc_dial *d);

static void serve(struct pc__timer *t)
{
	struct pc__place *p;

	(void)t;
	while ((p = pc__places_next(&places)) != NULL) {
		pc_dial *d = PC__CONTAINER(p, struct pc_dial, place);

		begin(d);
		if (d->args.begun && pc__module_callable(d->m))
			d->args.begun(d, d->args.data);
	}
}

/* Names that nobody waits for any more are looked up to the end: so long it keeps its place. The
 * next one's turn comes when whoever gave this one up has returned. */
static void leave_place(pc_dial *d)
{
	if (!d->over || d->awaited > 0)
		return;
	pc__places_leave(&places, &d->place);
	pc__timer_set(&served, 0, serve);
}

void pc__dial_unawaited(pc_dial *d)
{
	leave_place(d);
	if (d->busy && d->holds)
		look_up(d);
	if (!d->dead || d->awaited > 0)
		return;
	pc__module_release(d->m);
	pc__tlsa_clear(&d->tlsa);
	free(d->srvs);
	free(d->domain);
	free(d);
}

void pc_dial_free(pc_dial **p)
{
	pc_dial *d = *p;

	*p = NULL;
	if (d == NULL || d->dead)
		return;
	d->dead = d->over = true;
	pc__disown(&d->owned);
	pc__timer_clear(&d->timeout);
	pc__race_end(d);
	pc__dial_unawaited(d);
}

static void on_module_gone(struct pc__owned *o)
{
	pc_dial *d = PC__CONTAINER(o, struct pc_dial, owned);

	pc_dial_free(&d);
}

/* ------------------------------------------------------------ the end of one try */

static void rest(pc_dial *d)
{
	d->busy = d->holds = false;
	pc__timer_clear(&d->timeout);
	pc__race_end(d);
}

static void fail(pc_dial *d, int err, const char *why)
{
	if (!d->busy)
		return;
	rest(d);
	d->over = true;
	leave_place(d);
	if (pc__module_callable(d->m))
		d->args.failed(d, err, why, d->args.data);
}

static void on_timeout(struct pc__timer *t)
{
	pc_dial *d = PC__CONTAINER(t, struct pc_dial, timeout);

	pc__race_give_up(d);
	pc__dial_note(d, "it takes too long");
	fail(d, PC_ETIMEOUT, d->why);
}

/* Who waits for the result has returned by then. */
static void on_no_way(struct pc__timer *t)
{
	pc_dial *d = PC__CONTAINER(t, struct pc_dial, timeout);

	fail(d, d->err, d->why);
}

/* `why` NULL: what was noted last. */
void pc__dial_fail_soon(pc_dial *d, int err, const char *why)
{
	d->err = err;
	if (why)
		snprintf(d->why, sizeof(d->why), "%s", why);
	pc__timer_set(&d->timeout, 0, on_no_way);
}

void pc__dial_note(pc_dial *d, const char *what)
{
	size_t len = strlen(d->why);

	snprintf(d->why + len, sizeof(d->why) - len, "%s%s", len ? "; " : "", what);
}

void pc__dial_connected(pc_dial *d, int fd, const char *address)
{
	const struct pc__srv *srv = &d->srvs[d->at];
	const pc_service *service =
	        srv->kind < d->args.n_services ? &d->args.services[srv->kind] : NULL;
	pc_connect_args args = { .class = d->args.class,
		                 .direct_tls =
		                         service ? service->direct_tls : d->args.default_direct_tls,
		                 .server_name = d->domain,
		                 .alpn = service ? service->alpn : NULL,
		                 .data = d->args.data };
	pc_stream *stream;

	snprintf(d->address, sizeof(d->address), "%s", address);
	args.address = d->address;
	d->target = (pc_dial_target){ .host = srv->target,
		                      .address = d->address,
		                      .port = srv->port,
		                      .direct_tls = args.direct_tls,
		                      .secure = srv->secure && d->addresses_secure,
		                      .named = srv->secure,
		                      .tlsa = d->tlsa.records,
		                      .n_tlsa = d->tlsa.n };
	rest(d);
	stream = pc__module_callable(d->m) ? pc__connect_fd(d->m, &args, fd) : NULL;
	if (stream) {
		d->args.connected(d, stream, &d->target, d->args.data);
		return;
	}
	d->busy = true;
	pc__dial_note(d, "there is no room for another connection");
	fail(d, PC_EBUSY, d->why);
}

/* ------------------------------------------------------------ targets */

/* Not while too much is awaited yet of targets before: a dial asks so many questions at a time. */
static void look_up(pc_dial *d)
{
	d->holds = d->awaited + PC__DIAL_TARGET_QUESTIONS > PC__DIAL_QUESTIONS;
	if (!d->holds)
		pc__dial_look_up(d);
}

static void next_target(pc_dial *d)
{
	d->at++;
	if (d->at < d->n_srvs)
		look_up(d);
	else
		pc__dial_fail_soon(d, PC_EIO, d->why[0] ? NULL : "nobody answers");
}

void pc__dial_target_lost(pc_dial *d)
{
	next_target(d);
}

/* ------------------------------------------------------------ SRV */

static uint32_t random_up_to(uint32_t most)
{
	uint32_t n;

	pc_random_bytes(&n, sizeof(n));
	return most == UINT32_MAX ? n : n % (most + 1);
}

static void add_srv(pc_dial *d, struct pc__srv srv)
{
	d->srvs = pc__realloc(d->srvs, (d->n_srvs + 1) * sizeof(*d->srvs));
	d->srvs[d->n_srvs++] = srv;
}

/* The address that the domain is; false: it is a name. RFC 7622 3.2: IPv6 stands in brackets. */
static bool read_literal(const char *domain, char out[static INET6_ADDRSTRLEN])
{
	bool v6 = *domain == '[';
	size_t len = strlen(domain);
	uint8_t bytes[16];

	if (len >= INET6_ADDRSTRLEN + 2 || (v6 && domain[len - 1] != ']'))
		return false;
	snprintf(out, INET6_ADDRSTRLEN, "%.*s", (int)(v6 ? len - 2 : len), domain + v6);
	return inet_pton(v6 ? AF_INET6 : AF_INET, out, bytes) == 1;
}

/* Without any record the domain itself is the target. */
static void add_domain(pc_dial *d)
{
	struct pc__srv srv = { .port = d->args.default_port,
		               .kind = UINT8_MAX,
		               .secure = d->srvs_secure };

	if (!read_literal(d->domain, srv.target))
		snprintf(srv.target, sizeof(srv.target), "%s", d->domain);
	add_srv(d, srv);
}

static void begin_targets(pc_dial *d)
{
	pc__srv_order(d->srvs, d->n_srvs, random_up_to);
	if (d->n_srvs == 0 && d->refused) {
		pc__dial_fail_soon(d, PC_ENOENT, "the domain says that it has no such service");
		return;
	}
	if (d->n_srvs == 0 && d->unsure && !d->bogus && d->args.dane) {
		pc__dial_fail_soon(d, PC_EIO, "the SRV records cannot be looked up");
		return;
	}
	if (d->n_srvs == 0 && (d->bogus || d->args.default_port == 0)) {
		pc__dial_fail_soon(d, d->bogus ? PC_EIO : PC_ENOENT,
		                   d->bogus ? "the DNS answers are forged"
		                            : "there is no such service");
		return;
	}
	if (d->n_srvs == 0)
		add_domain(d);
	d->at = 0;
	look_up(d);
}

static void on_srv(const pc_dns_answer *answer, void *data)
{
	struct question q = *(struct question *)data;
	pc_dial *d = q.dial;
	struct pc__srv srv;

	free(data);
	d->awaited--;
	if (d->dead || !d->busy) {
		pc__dial_unawaited(d);
		return;
	}
	d->bogus |= answer->bogus;
	d->unsure |= answer->err != PC_OK && answer->err != PC_ENOENT;
	d->srvs_secure &= answer->secure;
	for (size_t i = 0; answer->err == PC_OK && i < answer->n && d->n_srvs < PC__DIAL_TARGETS;
	     i++) {
		if (!pc__srv_read(answer->data[i].p, answer->data[i].len, &srv))
			continue;
		srv.kind = q.kind;
		srv.secure = answer->secure;
		if (srv.target[0])
			add_srv(d, srv);
		else
			d->refused = true;
	}
	if (d->awaited == 0)
		begin_targets(d);
}

/* False: the answer does not come. */
static bool ask(pc_dial *d, const char *name, uint8_t kind)
{
	struct question *q = pc__malloc(sizeof(*q));

	*q = (struct question){ d, kind };
	if (pc_resolve(NULL, name, SRV, on_srv, q) != PC_OK) {
		free(q);
		return false;
	}
	d->awaited++;
	return true;
}

/* ------------------------------------------------------------ beginning */

static void begin(pc_dial *d)
{
	char name[PC__IDNA_SIZE + 64];
	char literal[INET6_ADDRSTRLEN];

	pc__timer_set(&d->timeout, pc__dial_time(d), on_timeout);
	d->srvs_secure = true;
	if (!read_literal(d->domain, literal))
		for (size_t i = 0; i < d->args.n_services; i++) {
			snprintf(name, sizeof(name), "%s.%s", d->args.services[i].name, d->domain);
			if (!ask(d, name, (uint8_t)i)) {
				d->unsure = true;
				d->srvs_secure = false;
			}
		}
	if (d->awaited == 0)
		begin_targets(d);
}

static void ask_place(pc_dial *d, const char *asker)
{
	const char *host = pc_module_host_name(d->m);

	if (asker == NULL)
		asker = host ? host : "";
	if (pc__places_ask(&places, &d->place, asker))
		begin(d);
}

pc_dial *pc_dial_domain(pc_module *m, const pc_dial_args *args)
{
	pc_dial *d = pc__alloc(sizeof(*d));

	d->m = m;
	memcpy(&d->args, args, args->size < sizeof(d->args) ? args->size : sizeof(d->args));
	d->domain = pc__strdup(args->domain);
	d->busy = true;
	pc__module_hold(m);
	pc__own(m, &d->owned, on_module_gone);
	ask_place(d, d->args.asker);
	d->args.asker = NULL;
	return d;
}

void pc_dial_wanted(pc_dial *d, const char *asker)
{
	if (pc_dial_waits(d))
		ask_place(d, asker);
}

bool pc_dial_waits(const pc_dial *d)
{
	return d->place.stands != NULL;
}

void pc_dial_next(pc_dial *d)
{
	if (d->busy || d->over)
		return;
	d->busy = true;
	pc__timer_set(&d->timeout, pc__dial_time(d), on_timeout);
	if (d->at + 1 < d->n_srvs)
		next_target(d);
	else
		pc__dial_fail_soon(d, PC_EIO, d->why[0] ? NULL : "no other target is left");
}

void pc_dial_note(pc_dial *d, const char *why)
{
	if (d->target.host)
		pc__race_note(d, d->address, why);
}

const char *pc_dial_tried(const pc_dial *d)
{
	return d->why;
}

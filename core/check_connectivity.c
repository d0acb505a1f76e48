/*
 * check_connectivity.c - can a domain be reached as clients and other servers reach it: each
 * address of each target is connected to, up to the features that it offers under TLS.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs.h"
#include "check.h"
#include "check_names.h"
#include "io/tls.h"
#include "modules.h"
#include "server.h"
#include "streams.h"
#include "timers.h"
#include "util/buf.h"
#include "util/mem.h"

#define NS_TLS "urn:ietf:params:xml:ns:xmpp-tls"
#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_SASL2 "urn:xmpp:sasl:2"

/* What is waited for. */
enum phase { CONNECTING, SHAKING, GREETING, OFFERING, PROCEEDING };

struct reach {
	struct pc__check *check;
	pc_module *m; /* the streams' owner */
	const char *domain;
	unsigned under_way, good, tried;
};

struct probe {
	struct reach *reach;
	const struct pc__way *way;
	pc_stream *s; /* NULL: it has ended */
	char *place;  /* "port 5222 of xmpp.example.org (192.0.2.1)" */
	enum phase phase;
	bool done, faulty;
	struct pc__timer deadline;
};

/* ------------------------------------------------------------ what is told */

static void tell(const struct probe *p, pc__severity severity, const char *text, const char *more)
{
	pc__check_tell(p->reach->check, severity, p->reach->domain, "as a %s, %s: %s%s",
	               p->way->client ? "client" : "server", p->place, text, more);
}

/* The first reason counts: what follows comes of it. */
static void end(struct probe *p)
{
	p->done = true;
	pc__timer_clear(&p->deadline);
	if (p->s)
		pc_stream_abort(p->s, "that is all");
}

static void fail(struct probe *p, const char *text, const char *more)
{
	if (p->done)
		return;
	tell(p, PC__ERROR, text, more);
	end(p);
}

static void on_deadline(struct pc__timer *t)
{
	static const char *const texts[] = {
		[CONNECTING] = "nobody answers: nothing is there, or a firewall swallows it",
		[SHAKING] = "the handshake of TLS is never finished",
		[GREETING] = "it takes the connection and does not answer",
		[OFFERING] = "it answers and does not say what it offers",
		[PROCEEDING] = "it offers TLS and does not begin it",
	};
	struct probe *p = PC__CONTAINER(t, struct probe, deadline);

	fail(p, texts[p->phase], "");
}

static void on_no_connection(struct probe *p, const char *reason)
{
	if (strcmp(reason, "connection refused") == 0) {
		fail(p, "nothing listens there (connection refused)", "");
	} else if (strcmp(reason, "network is unreachable") == 0) {
		tell(p, PC__NOTE, "it is not tried: there is no way from this machine to such",
		     " addresses");
		end(p);
	} else {
		fail(p, "it cannot be connected to: ", reason);
	}
}

/* ------------------------------------------------------------ the certificate */

static void add_name(pc__cert_kind kind, const char *name, void *data)
{
	struct pc__buf *b = data;

	(void)kind;
	if (b->len < 200)
		pc__buf_printf(b, "%s%.100s", b->len ? ", " : "", name);
}

static void tell_names(struct probe *p)
{
	struct pc__buf names = { 0 };
	const pc_str *certs;

	if (pc_stream_peer_certs(p->s, &certs) > 0)
		pc__cert_names(&certs[0], add_name, &names);
	tell(p, PC__ERROR, "its certificate is for another name: ",
	     names.len ? pc__buf_str(&names) : "it has none");
	pc__buf_free(&names);
}

static void judge(struct probe *p)
{
	const char *why = NULL;
	int err = pc_stream_peer_trust(p->s, &why);

	p->faulty = true;
	if (err == PC_ENOENT)
		tell(p, PC__ERROR, "it shows no certificate", "");
	else if (err != PC_OK)
		tell(p, PC__ERROR, "its certificate is not trusted: ", why ? why : "");
	else if (!pc_stream_peer_is(p->s, p->reach->domain,
	                            p->way->client ? "xmpp-client" : "xmpp-server"))
		tell_names(p);
	else
		p->faulty = false;
}

/* ------------------------------------------------------------ the stream */

static void greet(struct probe *p)
{
	p->phase = GREETING;
	pc_stream_open(p->s, NULL, p->reach->domain, NULL);
}

static void on_opened(pc_stream *s)
{
	struct probe *p = pc_stream_user(s);

	if (p->way->direct_tls)
		p->phase = SHAKING;
	else
		greet(p);
}

static void on_secured(pc_stream *s)
{
	struct probe *p = pc_stream_user(s);

	if (p->done)
		return;
	judge(p);
	greet(p);
}

static void on_header(pc_stream *s, const pc_stream_header *h)
{
	struct probe *p = pc_stream_user(s);

	p->phase = OFFERING;
	if (h->version == NULL)
		fail(p, "it does not speak XMPP 1.0", "");
}

static void succeed(struct probe *p, const pc_stanza *features)
{
	if (p->way->client && !pc_stanza_child(features, "mechanisms", NS_SASL) &&
	    !pc_stanza_child(features, "authentication", NS_SASL2)) {
		fail(p, "it offers no way to log in", "");
		return;
	}
	if (!p->reach->check->json)
		printf("%s: as a %s, %s: %s, %s%s\n", p->reach->domain,
		       p->way->client ? "client" : "server", p->place,
		       p->way->direct_tls ? "direct TLS" : "STARTTLS", pc_stream_tls_version(p->s),
		       p->faulty ? ", but see below" : ", good");
	p->reach->good += !p->faulty;
	end(p);
}

static void on_features(struct probe *p, const pc_stanza *features)
{
	if (pc_stream_is_secure(p->s)) {
		succeed(p, features);
	} else if (pc_stanza_child(features, "starttls", NS_TLS)) {
		pc_stanza *st = pc_stanza_new("starttls", NS_TLS);

		p->phase = PROCEEDING;
		pc_stream_send(p->s, st);
		pc_stanza_free(&st);
	} else {
		fail(p, "it offers no encryption (STARTTLS)", "");
	}
}

static void on_element(pc_stream *s, pc_stanza *st)
{
	struct probe *p = pc_stream_user(s);

	if (p->done) {
		/* it says more than was asked */
	} else if (p->phase == OFFERING && pc_stanza_is(st, "features", PC_NS_STREAM)) {
		on_features(p, st);
	} else if (p->phase == PROCEEDING && pc_stanza_is(st, "proceed", NS_TLS)) {
		p->phase = SHAKING;
		pc_stream_starttls(s, NULL);
	} else if (p->phase == PROCEEDING && pc_stanza_is(st, "failure", NS_TLS)) {
		fail(p, "it offers TLS and then refuses it", "");
	} else {
		fail(p, "it says what nobody asked for: ", pc_stanza_name(st));
	}
	pc_stanza_free(&st);
}

static void on_error(pc_stream *s, const pc_stanza *error)
{
	struct probe *p = pc_stream_user(s);
	const pc_stanza *c = pc_stanza_first(error);
	const char *name = c ? pc_stanza_name(c) : "no reason";

	if (strncmp(name, "host-", 5) == 0)
		fail(p, "the server there does not serve the domain: ", name);
	else
		fail(p, "it ends the stream: ", name);
}

static void on_closed(pc_stream *s, const char *reason)
{
	struct probe *p = pc_stream_user(s);

	(void)s;
	p->s = NULL;
	if (p->done)
		; /* by us */
	else if (p->phase == CONNECTING)
		on_no_connection(p, reason);
	else if (p->phase == SHAKING)
		fail(p, "TLS fails: ", reason);
	else
		fail(p, "it does not speak XMPP: ", reason);
	p->reach->under_way--;
	free(p->place);
	free(p);
}

#define CLASS(ns, kind)                                                                            \
	{                                                                                          \
		.size = sizeof(pc_stream_class), .name = "check", .framing = PC_FRAMING_XMPP,      \
		.content_ns = (ns), .type = (kind), .opened = on_opened, .secured = on_secured,    \
		.header = on_header, .element = on_element, .closed = on_closed,                   \
		.error = on_error, .timeout = 86400,                                               \
	}

static const pc_stream_class client_class = CLASS("jabber:client", PC_C2S_UNAUTHED);
static const pc_stream_class server_class = CLASS("jabber:server", PC_S2SOUT_UNAUTHED);

/* ------------------------------------------------------------ each address */

static void start(struct reach *r, const struct pc__way *way, const struct pc__name_target *t,
                  uint16_t port, const char *address)
{
	struct probe *p = pc__alloc(sizeof(*p));
	double seconds = pc__opt_seconds(NULL, "check_timeout");

	p->reach = r;
	p->way = way;
	p->place = pc__printf("port %u of %s (%s)", port, t->srv.target, address);
	r->tried++;
	p->s = pc_connect(r->m,
	                  &(pc_connect_args){ .class = way->client ? &client_class : &server_class,
	                                      .address = address,
	                                      .port = port,
	                                      .direct_tls = way->direct_tls,
	                                      .server_name = r->domain,
	                                      .alpn = !way->direct_tls ? NULL
	                                              : way->client    ? "xmpp-client"
	                                                               : "xmpp-server",
	                                      .timeout = seconds + 60,
	                                      .data = p });
	if (p->s == NULL) {
		fail(p, "there are too many connections", "");
		free(p->place);
		free(p);
		return;
	}
	r->under_way++;
	pc__timer_set(&p->deadline, seconds, on_deadline);
}

static void start_target(struct reach *r, const struct pc__way *way,
                         const struct pc__name_target *t, uint16_t port)
{
	for (size_t i = 0; i < t->n; i++)
		start(r, way, t, port, t->addresses[i]);
	if (t->n == 0)
		pc__check_tell(r->check, PC__ERROR, r->domain, "%s: %s %s", way->record,
		               t->srv.target,
		               t->err == PC_ENOENT
		                       ? "has no address"
		                       : "cannot be looked up: no name server gives an answer");
}

static bool is_unknown(const struct pc__name_way *records)
{
	return records->bogus || (records->err != PC_OK && records->err != PC_ENOENT);
}

static void start_way(struct reach *r, const struct pc__way *way,
                      const struct pc__name_way *records)
{
	if (is_unknown(records))
		pc__check_tell(r->check, PC__ERROR, r->domain, "%s cannot be looked up: %s",
		               way->record,
		               records->bogus ? "the answer does not fit its signature (DNSSEC)"
		                              : "no name server gives an answer");
	else if (records->n == 0 && records->refused)
		pc__check_tell(r->check, PC__ERROR, r->domain,
		               "%s says that there is no such service (\".\")", way->record);
	for (size_t i = 0; i < records->n; i++)
		start_target(r, way, &records->targets[i], records->targets[i].srv.port);
}

static bool says_nothing(const struct pc__name_way *records)
{
	return records->n == 0 && !records->refused && !is_unknown(records);
}

/* Without any record it is the domain's own address and the usual port. */
static void start_role(struct reach *r, const struct pc__names *names, unsigned plain,
                       unsigned direct)
{
	const struct pc__way *way = &pc__ways[plain];

	start_way(r, way, &names->ways[plain]);
	start_way(r, &pc__ways[direct], &names->ways[direct]);
	if (!says_nothing(&names->ways[plain]) || !says_nothing(&names->ways[direct]))
		return;
	if (names->self.n == 0 && names->self.err == PC_ENOENT)
		pc__check_tell(r->check, PC__ERROR, r->domain,
		               "there is neither a record %s nor an address of the domain",
		               way->record);
	else
		start_target(r, way, &names->self, way->default_port);
}

/* ------------------------------------------------------------ domains */

static void check_domain(struct reach *r, const char *domain, bool clients, bool servers)
{
	struct pc__names *names = pc__alloc(sizeof(*names));

	r->domain = domain;
	pc__names_ask(names, domain);
	if (clients)
		start_role(r, names, PC__WAY_CLIENT, PC__WAY_CLIENT_TLS);
	if (servers)
		start_role(r, names, PC__WAY_SERVER, PC__WAY_SERVER_TLS);
	while (r->under_way > 0)
		uv_run(pc__server.loop, UV_RUN_ONCE);
	pc__check_print(r->check);
	free(names);
}

static void check_host(struct reach *r, const pc__config_host *host)
{
	bool client = false, server = false;

	for (size_t i = 0; i < PC__WAYS; i++)
		*(pc__ways[i].client ? &client : &server) |= pc__check_serves(host, &pc__ways[i]);
	if (pc__opt_bool(host->name, "enabled"))
		check_domain(r, host->name, client, server);
}

static void check_all(struct reach *r, const char *host)
{
	size_t n;
	const pc__config_host *hosts = pc__config_hosts(&n);
	bool ours = false;

	for (size_t i = 0; i < n; i++)
		if (host == NULL || strcmp(host, hosts[i].name) == 0) {
			check_host(r, &hosts[i]);
			ours = true;
		}
	if (host && !ours)
		check_domain(r, host, true, true);
}

void pc__check_connectivity(struct pc__check *c, const char *host)
{
	static const pc_module_def def = { .abi_major = PC_ABI_MAJOR,
		                           .size = sizeof(pc_module_def),
		                           .name = "check" };
	pc_module m = { .def = &def, .state = PC__LIVE, .holds = 1 };
	struct reach r = { .check = c, .m = &m };

	pc__names_begin();
	pc__server.io = pc__io_new(pc__server.loop, 0, &pc__streams_handler, NULL);
	if (pc__certs_load() == PC_OK) /* of no host: the roots, and what TLS may be */
		check_all(&r, host);
	else
		pc__check_tell(c, PC__ERROR, pc__server.config_file, "TLS cannot be set up");
	pc__certs_free();
	pc__io_free(&pc__server.io);
	pc__names_end();
}

/*
 * check_dns.c - do the names of each host lead to this server: SRV records (RFC 6120 section 3.2,
 * XEP-0368) against the ports that are configured, addresses against those of this machine.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "check.h"
#include "check_names.h"
#include "modules.h"
#include "util/buf.h"
#include "util/mem.h"

#define PORTS_MOST 32

struct machine {
	uv_interface_address_t *interfaces;
	int n;
};

struct look {
	struct pc__check *check;
	const struct machine *machine;
	const pc__config_host *host;
	const struct pc__names *names;
};

/* What a service listens on. */
struct ports {
	uint16_t at[PORTS_MOST];
	size_t n;
};

/* ------------------------------------------------------------ what is configured */

static const pc__value *service_option(const struct pc__way *way, const char *suffix)
{
	char *name = pc__printf("%s_%s", way->service, suffix);
	const pc__value *v = pc__config_get(NULL, name);

	free(name);
	return v;
}

static void add_port(struct ports *p, const pc__value *v)
{
	if (v->type == PC__NUMBER && p->n < PORTS_MOST)
		p->at[p->n++] = (uint16_t)v->n;
}

static struct ports ports_of(const struct pc__way *way)
{
	const pc__value *v = service_option(way, "ports");
	struct ports p = { .n = 0 };

	if (v == NULL && way->default_port)
		p.at[p.n++] = way->default_port;
	if (v)
		add_port(&p, v);
	for (size_t i = 0; v && i < v->n_list; i++)
		add_port(&p, &v->list[i]);
	return p;
}

static bool has_port(const struct ports *p, uint16_t port)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->at[i] == port)
			return true;
	return false;
}

struct wanted {
	const char *module;
	bool found;
};

static void find_module(const char *name, const pc__value *list, void *data)
{
	struct wanted *w = data;

	(void)list;
	w->found |= strcmp(name, w->module) == 0;
}

bool pc__check_serves(const pc__config_host *host, const struct pc__way *way)
{
	struct wanted w = { way->client ? "c2s" : "s2s", false };

	if (way->client && host->component)
		return false;
	pc__enabled_each(way->client ? NULL : host->name,
	                 way->client ? NULL : host->component_module, find_module, &w);
	return w.found && ports_of(way).n > 0;
}

/* ------------------------------------------------------------ whose addresses */

/* An operator may write an IPv6 address in several ways. */
static bool is_same(const char *a, const char *b)
{
	uint8_t x[16] = { 0 }, y[16] = { 0 };
	int family = strchr(a, ':') ? AF_INET6 : AF_INET;

	return inet_pton(family, a, x) == 1 && inet_pton(family, b, y) == 1 &&
	       memcmp(x, y, sizeof(x)) == 0;
}

static bool is_external(const char *address)
{
	for (size_t i = 0; i < pc__opt_count(NULL, "external_addresses"); i++)
		if (is_same(pc__opt_at(NULL, "external_addresses", i), address))
			return true;
	return false;
}

/* Loopback is everybody's, and so nobody's. */
static bool is_of(const struct machine *m, const char *address)
{
	char text[INET6_ADDRSTRLEN];

	for (int i = 0; i < m->n; i++) {
		const uv_interface_address_t *a = &m->interfaces[i];

		if (a->address.address4.sin_family == AF_INET6)
			uv_ip6_name(&a->address.address6, text, sizeof(text));
		else
			uv_ip4_name(&a->address.address4, text, sizeof(text));
		if (!a->is_internal && is_same(text, address))
			return true;
	}
	return false;
}

static bool is_ours(const struct look *l, const char *address)
{
	return is_external(address) || is_of(l->machine, address);
}

/* Does the service listen on that address? One that is external is somebody's who passes it on. */
static bool is_covered(const char *interface, const char *address)
{
	bool is_v6 = strchr(address, ':') != NULL;

	return strcmp(interface, is_v6 ? "::" : "*") == 0 ||
	       (!is_v6 && strcmp(interface, "0.0.0.0") == 0) || is_same(interface, address);
}

static bool is_listened_on(const struct pc__way *way, const char *address)
{
	const pc__value *v = service_option(way, "interfaces");

	if (is_external(address))
		return true;
	if (!pc__opt_bool(NULL, strchr(address, ':') ? "use_ipv6" : "use_ipv4"))
		return false;
	if (v && v->type == PC__STRING)
		return is_covered(v->s, address);
	for (size_t i = 0; v && i < v->n_list; i++)
		if (v->list[i].s && is_covered(v->list[i].s, address))
			return true;
	for (size_t i = 0; v == NULL && i < pc__opt_count(NULL, "interfaces"); i++)
		if (is_covered(pc__opt_at(NULL, "interfaces", i), address))
			return true;
	return false;
}

/* ------------------------------------------------------------ targets */

static void list_addresses(const struct pc__name_target *t, struct pc__buf *out)
{
	for (size_t i = 0; i < t->n; i++)
		pc__buf_printf(out, "%s%s", i ? ", " : "", t->addresses[i]);
}

#define UNKNOWN "no name server gives an answer"

static void tell_no_address(const struct look *l, const struct pc__name_target *t, const char *what)
{
	if (t->err == PC_ENOENT)
		pc__check_tell(l->check, PC__ERROR, l->host->name, "%s%s, which has no address",
		               what, t->srv.target);
	else
		pc__check_tell(l->check, PC__WARNING, l->host->name,
		               "%s%s, whose addresses are not known: " UNKNOWN, what,
		               t->srv.target);
}

static void tell_foreign(const struct look *l, const struct pc__name_target *t, const char *what)
{
	struct pc__buf list = { 0 };

	list_addresses(t, &list);
	pc__check_tell(l->check, PC__ERROR, l->host->name, "%s%s (%s), which is not this machine%s",
	               what, t->srv.target, pc__buf_str(&list),
	               pc__opt_count(NULL, "external_addresses")
	                       ? ""
	                       : "; if it is, behind NAT, name it in external_addresses");
	pc__buf_free(&list);
}

/* Of one that leads here in part. */
static void check_each(const struct look *l, const struct pc__way *way,
                       const struct pc__name_target *t)
{
	for (size_t i = 0; i < t->n; i++) {
		if (!is_ours(l, t->addresses[i]))
			pc__check_tell(l->check, PC__WARNING, l->host->name,
			               "%s has the address %s as well, which is not this machine's",
			               t->srv.target, t->addresses[i]);
		else if (!is_listened_on(way, t->addresses[i]))
			pc__check_tell(l->check, PC__ERROR, l->host->name,
			               "%s has the address %s, on which %s does not listen",
			               t->srv.target, t->addresses[i], way->service);
	}
}

/* True: it leads to this machine. */
static bool check_target(const struct look *l, const struct pc__way *way,
                         const struct pc__name_target *t, const char *what)
{
	bool ours = false;

	for (size_t i = 0; i < t->n; i++)
		ours |= is_ours(l, t->addresses[i]);
	if (t->n == 0)
		tell_no_address(l, t, what);
	else if (!ours)
		tell_foreign(l, t, what);
	else
		check_each(l, way, t);
	return ours;
}

/* ------------------------------------------------------------ records */

static void check_record(const struct look *l, const struct pc__way *way,
                         const struct pc__name_target *t)
{
	const struct ports ports = ports_of(way);
	char *what = pc__printf("%s leads to ", way->record);

	if (check_target(l, way, t, what) && !has_port(&ports, t->srv.port))
		pc__check_tell(l->check, PC__ERROR, l->host->name,
		               "%s leads to port %u of %s, which is not in %s_ports", way->record,
		               t->srv.port, t->srv.target, way->service);
	free(what);
}

/* RFC 6120 3.2.2: without records it is the domain's own address and the usual port. */
static void check_fallback(const struct look *l, const struct pc__way *way)
{
	const struct ports ports = ports_of(way);
	char *what = pc__printf("there is no record %s, and so %s are led to ", way->record,
	                        way->client ? "clients" : "other servers");

	if (check_target(l, way, &l->names->self, what) && !has_port(&ports, way->default_port))
		pc__check_tell(l->check, PC__ERROR, l->host->name,
		               "there is no record %s, and the usual port %u is not in %s_ports",
		               way->record, way->default_port, way->service);
	free(what);
}

static void tell_missing(const struct look *l, const struct pc__way *way)
{
	if (way->direct_tls)
		pc__check_tell(l->check, PC__NOTE, l->host->name,
		               "there is no record %s: nobody finds port %u", way->record,
		               ports_of(way).at[0]);
	else
		check_fallback(l, way);
}

static void check_served(const struct look *l, const struct pc__way *way,
                         const struct pc__name_way *records)
{
	if (records->bogus)
		pc__check_tell(l->check, PC__ERROR, l->host->name,
		               "%s: the answer does not fit its signature (DNSSEC)", way->record);
	else if (records->err != PC_OK && records->err != PC_ENOENT)
		pc__check_tell(l->check, PC__WARNING, l->host->name, "%s is not known: " UNKNOWN,
		               way->record);
	else if (records->n == 0 && records->refused)
		pc__check_tell(l->check, PC__ERROR, l->host->name,
		               "%s says that there is no such service (\".\"), and there is one",
		               way->record);
	else if (records->n == 0)
		tell_missing(l, way);
	for (size_t i = 0; i < records->n; i++)
		check_record(l, way, &records->targets[i]);
}

static char *why_unserved(const struct look *l, const struct pc__way *way)
{
	if (way->client && l->host->component)
		return pc__strdup("nobody logs in to a Component");
	if (ports_of(way).n == 0)
		return pc__printf("%s_ports names no port", way->service);
	return pc__printf("module %s is not enabled", way->client ? "c2s" : "s2s");
}

static void check_unserved(const struct look *l, const struct pc__way *way,
                           const struct pc__name_way *records)
{
	char *why;

	if (records->n == 0)
		return;
	why = why_unserved(l, way);
	pc__check_tell(l->check, PC__WARNING, l->host->name,
	               "%s leads to %s, but there is no such service: %s", way->record,
	               records->targets[0].srv.target, why);
	free(why);
}

/* ------------------------------------------------------------ hosts */

static void describe(const struct look *l, size_t way)
{
	const struct pc__name_way *records = &l->names->ways[way];

	for (size_t i = 0; i < records->n; i++) {
		const struct pc__name_target *t = &records->targets[i];
		struct pc__buf list = { 0 };

		list_addresses(t, &list);
		printf("%s: %s: %s port %u (%s)\n", l->host->name, pc__ways[way].record,
		       t->srv.target, t->srv.port, t->n ? pc__buf_str(&list) : "no address");
		pc__buf_free(&list);
	}
}

static void check_host(struct pc__check *c, const struct machine *m, const pc__config_host *host)
{
	struct pc__names *names = pc__alloc(sizeof(*names));
	struct look l = { c, m, host, names };

	pc__names_ask(names, host->name);
	for (size_t i = 0; i < PC__WAYS; i++) {
		if (!c->json)
			describe(&l, i);
		if (pc__check_serves(host, &pc__ways[i]))
			check_served(&l, &pc__ways[i], &names->ways[i]);
		else
			check_unserved(&l, &pc__ways[i], &names->ways[i]);
	}
	pc__check_print(c);
	free(names);
}

void pc__check_dns(struct pc__check *c, const char *host)
{
	size_t n;
	const pc__config_host *hosts = pc__config_hosts(&n);
	struct machine m = { .n = 0 };

	if (uv_interface_addresses(&m.interfaces, &m.n) < 0)
		m = (struct machine){ .n = 0 };
	pc__names_begin();
	for (size_t i = 0; i < n; i++)
		if (pc__opt_bool(hosts[i].name, "enabled") &&
		    (host == NULL || strcmp(host, hosts[i].name) == 0))
			check_host(c, &m, &hosts[i]);
	pc__names_end();
	if (m.interfaces)
		uv_free_interface_addresses(m.interfaces, m.n);
}

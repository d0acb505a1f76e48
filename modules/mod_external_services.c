/*
 * mod_external_services.c - services beside XMPP that clients may use: relays for calls above all
 * (XEP-0215).
 *
 * They come from the option external_services, and from other modules by items of the kind
 * "external-service": a list of names and values in turn (const char *const *), as in a table of
 * the option, that ends with NULL. A service with a `secret` shared with it gives each client
 * credentials of its own, for a time (TURN REST API).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/prosody-c.h>

#define NS "urn:xmpp:extdisco:2"
#define NS_OLD "urn:xmpp:extdisco:1"
#define SERVICES_MOST 100

static const pc_option options[] = {
	{ .name = "external_services",
	  .type = PC_OPT_TABLE,
	  .live = true,
	  .help = "A list of tables: type, host, port, transport, username, password, secret, ttl, "
	          "restricted" },
	{ .name = "external_service_host",
	  .type = PC_OPT_STRING,
	  .live = true,
	  .help = "The host of services that name none (default: the virtual host)" },
	{ .name = "external_service_port",
	  .type = PC_OPT_INTEGER,
	  .min = 1,
	  .max = 65535,
	  .live = true,
	  .help = "The port where a service names none" },
	{ .name = "external_service_secret",
	  .type = PC_OPT_STRING,
	  .live = true,
	  .help = "The secret of relays, where one names none and no password" },
	{ .name = "external_service_ttl",
	  .type = PC_OPT_PERIOD,
	  .dflt = "1 day",
	  .min = 1,
	  .max = 1e9,
	  .live = true,
	  .help = "How long credentials that are made of a secret are good for" },
	{ .name = "external_service_access",
	  .type = PC_OPT_SET,
	  .dflt = "{ }",
	  .live = true,
	  .help = "Accounts and hosts that are told (default: all accounts of the virtual host)" },
	{ 0 },
};

/* Texts of the configuration, or of an item. */
struct service {
	const char *type, *host, *port, *transport, *name, *username, *password, *secret, *ttl,
	        *restricted;
};

static const struct {
	const char *name;
	size_t at;
} fields[] = {
	{ "type", offsetof(struct service, type) },
	{ "host", offsetof(struct service, host) },
	{ "port", offsetof(struct service, port) },
	{ "transport", offsetof(struct service, transport) },
	{ "name", offsetof(struct service, name) },
	{ "username", offsetof(struct service, username) },
	{ "password", offsetof(struct service, password) },
	{ "secret", offsetof(struct service, secret) },
	{ "ttl", offsetof(struct service, ttl) },
	{ "restricted", offsetof(struct service, restricted) },
};
#define N_FIELDS (sizeof(fields) / sizeof(*fields))

static const char **field_of(struct service *s, size_t i)
{
	return (const char **)(void *)((char *)s + fields[i].at);
}

/* ------------------------------------------------------------ what there is */

typedef void service_fn(pc_module *m, const struct service *s, void *data);

static bool is_relay(const struct service *s)
{
	return strcmp(s->type, "turn") == 0 || strcmp(s->type, "turns") == 0;
}

static void complete(pc_module *m, struct service *s)
{
	const char *host = pc_opt_str(m, "external_service_host");

	if (s->host == NULL)
		s->host = host ? host : pc_module_host_name(m);
	if (s->secret == NULL && s->password == NULL && is_relay(s))
		s->secret = pc_opt_str(m, "external_service_secret");
}

static void each_configured(pc_module *m, service_fn *fn, void *data)
{
	char name[32];

	for (unsigned i = 1; i <= SERVICES_MOST; i++) {
		struct service s = { 0 };

		for (size_t f = 0; f < N_FIELDS; f++) {
			snprintf(name, sizeof(name), "%u.%s", i, fields[f].name);
			*field_of(&s, f) = pc_opt_field(m, "external_services", name);
		}
		if (s.type == NULL)
			return;
		complete(m, &s);
		fn(m, &s, data);
	}
}

struct walk {
	pc_module *m;
	service_fn *fn;
	void *data;
};

static bool on_item(const void *item, pc_module *owner, void *data)
{
	const struct walk *w = data;
	struct service s = { 0 };

	(void)owner;
	for (const char *const *at = item; at[0]; at += 2)
		for (size_t f = 0; f < N_FIELDS; f++)
			if (strcmp(at[0], fields[f].name) == 0)
				*field_of(&s, f) = at[1];
	if (s.type) {
		complete(w->m, &s);
		w->fn(w->m, &s, w->data);
	}
	return true;
}

static void each_service(pc_module *m, service_fn *fn, void *data)
{
	struct walk w = { m, fn, data };

	each_configured(m, fn, data);
	pc_each_item(pc_module_host(m), "external-service", on_item, &w);
}

/* ------------------------------------------------------------ what is told of one */

/* The name is the time at which it is over, and what the relay knows besides. */
static void add_made_credentials(pc_module *m, const struct service *s, pc_stanza *st)
{
	double ttl = s->ttl ? strtod(s->ttl, NULL) : 0;
	char name[256], password[pc_base64_size(PC_DIGEST_MAX)], expires[PC_DATETIME_SIZE];
	uint8_t mac[PC_DIGEST_MAX];
	long long until;
	ssize_t n;

	if (!(ttl >= 1))
		ttl = pc_opt_seconds(m, "external_service_ttl");
	until = pc_time_ms() / 1000 + (long long)fmin(ttl, 1e9);
	snprintf(name, sizeof(name), "%lld%s%.200s", until, s->username ? ":" : "",
	         s->username ? s->username : "");
	n = pc_hmac("SHA-1", s->secret, strlen(s->secret), name, strlen(name), mac);
	if (n < 0)
		return;
	pc_base64_encode(mac, (size_t)n, password);
	pc_datetime_write(until * 1000, expires);
	pc_stanza_set(st, "username", name);
	pc_stanza_set(st, "password", password);
	pc_stanza_set(st, "expires", expires);
}

static bool has_credentials(const struct service *s)
{
	return s->secret || s->username || s->password;
}

static void add_service(pc_module *m, const struct service *s, pc_stanza *list)
{
	pc_stanza *st = pc_stanza_open(list, "service", NULL);
	int64_t port = pc_opt_int(m, "external_service_port");
	char text[24];

	pc_stanza_set(st, "type", s->type);
	pc_stanza_set(st, "host", s->host);
	snprintf(text, sizeof(text), "%lld", (long long)port);
	pc_stanza_set(st, "port", s->port ? s->port : port > 0 ? text : NULL);
	pc_stanza_set(st, "transport", s->transport);
	pc_stanza_set(st, "name", s->name);
	if (s->secret) {
		add_made_credentials(m, s, st);
	} else {
		pc_stanza_set(st, "username", s->username);
		pc_stanza_set(st, "password", s->password);
	}
	if (s->secret || (s->restricted && strcmp(s->restricted, "true") == 0))
		pc_stanza_set(st, "restricted", "1");
}

/* ------------------------------------------------------------ requests */

static bool may_know(pc_event *ev)
{
	pc_module *m = pc_event_module(ev);
	const pc_jid *from = pc_event_from(ev);
	char bare[PC_JID_MAX + 1];

	if (pc_opt_count(m, "external_service_access") == 0)
		return from->local && strcmp(from->domain, pc_module_host_name(m)) == 0;
	pc_jid_write_bare(from, bare);
	return pc_opt_has(m, "external_service_access", bare) ||
	       pc_opt_has(m, "external_service_access", from->domain);
}

struct listing {
	const char *type; /* NULL: any */
	pc_stanza *list;
};

static void list_one(pc_module *m, const struct service *s, void *data)
{
	const struct listing *l = data;

	if (l->type == NULL || strcmp(l->type, s->type) == 0)
		add_service(m, s, l->list);
}

static pc_result on_services(pc_event *ev, void *data)
{
	const pc_stanza *request = pc_stanza_first(pc_event_stanza(ev));
	struct listing l = { .type = pc_stanza_get(request, "type") };
	pc_stanza *reply;

	(void)data;
	if (!may_know(ev))
		return pc_reply_error(ev, "auth", "forbidden", NULL);
	reply = pc_stanza_result(pc_event_stanza(ev));
	l.list = pc_stanza_open(reply, "services", pc_stanza_ns(request));
	pc_stanza_set(l.list, "type", l.type);
	each_service(pc_event_module(ev), list_one, &l);
	return pc_reply(ev, reply);
}

struct wanted {
	const pc_stanza *request;
	pc_stanza *list;
};

static bool is_wanted(const struct service *s, const pc_stanza *one)
{
	const char *port = pc_stanza_get(one, "port");

	return strcmp(s->type, pc_stanza_get(one, "type")) == 0 &&
	       strcmp(s->host, pc_stanza_get(one, "host")) == 0 &&
	       (port == NULL || (s->port && strcmp(port, s->port) == 0));
}

static void list_wanted(pc_module *m, const struct service *s, void *data)
{
	const struct wanted *w = data;

	if (!has_credentials(s))
		return;
	for (const pc_stanza *one = pc_stanza_first(w->request); one; one = pc_stanza_next(one)) {
		if (is_wanted(s, one)) {
			add_service(m, s, w->list);
			return;
		}
	}
}

static bool is_well_formed(const pc_stanza *request)
{
	size_t n = 0;

	for (const pc_stanza *one = pc_stanza_first(request); one; one = pc_stanza_next(one), n++)
		if (!pc_stanza_is(one, "service", pc_stanza_ns(request)) ||
		    pc_stanza_get(one, "type") == NULL || pc_stanza_get(one, "host") == NULL ||
		    n >= SERVICES_MOST)
			return false;
	return n > 0;
}

static pc_result on_credentials(pc_event *ev, void *data)
{
	struct wanted w = { .request = pc_stanza_first(pc_event_stanza(ev)) };
	pc_stanza *reply;

	(void)data;
	if (!may_know(ev))
		return pc_reply_error(ev, "auth", "forbidden", NULL);
	if (!is_well_formed(w.request))
		return pc_reply_error(ev, "modify", "bad-request", NULL);
	reply = pc_stanza_result(pc_event_stanza(ev));
	w.list = pc_stanza_open(reply, "credentials", pc_stanza_ns(w.request));
	each_service(pc_event_module(ev), list_wanted, &w);
	if (pc_stanza_first(w.list))
		return pc_reply(ev, reply);
	pc_stanza_free(&reply);
	return pc_reply_error(ev, "cancel", "item-not-found", NULL);
}

static void load(pc_module *m)
{
	pc_add_feature(m, NS);
	pc_add_feature(m, NS_OLD);
	pc_hook(m, "iq-get/host/" NS ":services", on_services, 0);
	pc_hook(m, "iq-get/host/" NS ":credentials", on_credentials, 0);
	pc_hook(m, "iq-get/host/" NS_OLD ":services", on_services, 0);
	pc_hook(m, "iq-get/host/" NS_OLD ":credentials", on_credentials, 0);
}

PC_MODULE(external_services, .summary = "Services beside XMPP (XEP-0215)", .xeps = "0215:1.0.0",
          .options = options, .load = load);

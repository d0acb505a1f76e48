#include "ports.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "handed.h"
#include "log.h"
#include "modules.h"
#include "options.h"
#include "process.h"
#include "quotas.h"
#include "server.h"
#include "streams.h"
#include "util/mem.h"

#define BACKLOG 1024

struct port {
	struct pc__owned owned;
	struct port *next;
	const pc_listener *what;
	pc_module *m;
	struct pc__socket *sockets;
	bool tried;   /* to open one, in vain */
	bool refused; /* by what the operator has to mend */
};

static struct port *ports;
static bool opened;

/* ------------------------------------------------------------ options named by their service */

/* Asked for each stream, and seldom set: so the default is not made into text to be read again. */
double pc__service_seconds(const char *service, const char *suffix, double dflt)
{
	char *name = pc__printf("%s_%s", service, suffix), text[32];
	pc_option shape = { .name = name, .type = PC_OPT_PERIOD, .dflt = text };
	double value = dflt;

	if (pc__config_get(NULL, name)) {
		snprintf(text, sizeof(text), "%g", dflt);
		value = pc__opt_number_of(NULL, &shape);
	}
	free(name);
	return value;
}

static const pc__value *service_option(const char *service, const char *suffix)
{
	char *name = pc__printf("%s_%s", service, suffix);
	const pc__value *v = pc__config_get(NULL, name);

	free(name);
	return v;
}

/* Whose option it is: the service's, where it is written, else that of all services of the class
 * ("c2s" of "c2s_direct_tls"). */
static const char *owner_of(const pc_stream_class *class, const char *service, const char *suffix)
{
	return service_option(service, suffix) ? service : pc__class_options(class);
}

static bool keeps_alive(const char *service)
{
	char *name = pc__printf("%s_tcp_keepalives", service);
	bool general = pc__opt_bool(NULL, "tcp_keepalives");
	pc_option shape = { .name = name,
		            .type = PC_OPT_BOOLEAN,
		            .dflt = general ? "true" : "false" };
	bool value = pc__config_get(NULL, name) ? pc__opt_bool_of(NULL, &shape) : general;

	free(name);
	return value;
}

/* ------------------------------------------------------------ kinds */

static struct kind {
	struct kind *next;
	const pc_stream_class *class;
	bool direct_tls;
	pc__io_kind io;
} * kinds;

/* SERVICE_ssl, the same of the class ("c2s" of "c2s_direct_tls"), else ssl. */
static const pc__value *verify_option(const pc_stream_class *class, const char *service)
{
	const pc__value *tables[] = { service_option(service, "ssl"),
		                      service_option(pc__class_options(class), "ssl"),
		                      pc__config_get(NULL, "ssl") };
	const pc__value *verify = NULL;

	for (size_t i = 0; i < PC__COUNT(tables) && verify == NULL; i++)
		verify = tables[i] ? pc__value_field(tables[i], "verify") : NULL;
	return verify;
}

static pc__ask_cert ask_of_word(const char *word, pc__ask_cert ask)
{
	if (strcmp(word, "none") == 0)
		return PC__NO_CERT;
	if (strcmp(word, "peer") == 0)
		return ask == PC__REQUIRE_CERT ? ask : PC__ASK_CERT;
	if (strcmp(word, "fail_if_no_peer_cert") == 0)
		return PC__REQUIRE_CERT;
	if (strcmp(word, "client_once") != 0) /* always so: nothing is negotiated twice */
		pc__log("ports", PC_WARN, "ssl: verify does not know \"%s\"", word);
	return ask;
}

static pc_peer peer_of(const pc_stream_class *class)
{
	return PC__CLASS_GET(class, peer);
}

static pc__ask_cert ask_cert(const pc_stream_class *class, const char *service)
{
	pc__ask_cert ask = peer_of(class) == PC_PEER_UNASKED ? PC__NO_CERT : PC__ASK_CERT;
	const pc__value *v = verify_option(class, service);

	if (v && v->type == PC__STRING)
		return ask_of_word(v->s, ask);
	for (size_t i = 0; v && i < v->n_list; i++)
		if (v->list[i].type == PC__STRING)
			ask = ask_of_word(v->list[i].s, ask);
	return ask;
}

const pc__io_kind *pc__io_kind_of(const pc_stream_class *class, const char *service,
                                  bool direct_tls, const char *alpn)
{
	struct kind *k;

	for (k = kinds; k; k = k->next)
		if (k->class == class && k->direct_tls == direct_tls)
			return &k->io;
	k = pc__alloc(sizeof(*k));
	k->class = class;
	k->direct_tls = direct_tls;
	k->io = (pc__io_kind){ .framing = class->framing == PC_FRAMING_XMPP ? PC__XMPP : PC__RAW,
		               .content_ns = class->content_ns,
		               .alpn = alpn,
		               .ask_cert = ask_cert(class, service),
		               .peer_is_server = peer_of(class) == PC_PEER_SERVER,
		               .direct_tls = direct_tls,
		               .send_limit = (size_t)pc__opt_int(NULL, "max_send_buffer_size"),
		               .idle_seconds =
		                       pc__service_seconds(owner_of(class, service, "read_timeout"),
		                                           "read_timeout", 840),
		               .handshake_seconds = pc__service_seconds(
		                       owner_of(class, service, "timeout"), "timeout", 30),
		               .keepalive = keeps_alive(owner_of(class, service, "tcp_keepalives")),
		               .quota = pc__quota_of(class) };
	k->next = kinds;
	kinds = k;
	return &k->io;
}

/* ------------------------------------------------------------ sockets */

static void tell_open(const struct port *p, const char *address, uint16_t number)
{
	if (number)
		pc__log("ports", PC_INFO, "%s listens on %s port %u", p->what->service, address,
		        number);
	else
		pc__log("ports", PC_INFO, "%s listens on %s", p->what->service, address);
}

static void tell_failed(struct port *p, const char *address, uint16_t number, int err)
{
	if (number)
		pc__log("ports", PC_ERROR, "%s cannot listen on %s port %u: %s", p->what->service,
		        address, number, uv_strerror(err));
	else
		pc__log("ports", PC_ERROR, "%s cannot listen on %s: %s", p->what->service, address,
		        uv_strerror(err));
	p->tried = true;
	p->refused |= err == UV_EADDRINUSE || err == UV_EACCES;
}

/* On a descriptor that was handed over (`fd`), or -1. */
static int listen_on(const struct port *p, struct pc__socket *s, int fd)
{
	const pc__io_kind *kind = pc__io_kind_of(p->what->class, p->what->service,
	                                         p->what->direct_tls, p->what->class->alpn);
	int err;

	if (fd >= 0)
		return pc__io_listen_fd(pc__server.io, fd, kind, s, &s->listener);
	if (s->port)
		pc__process_raise();
	err = pc__io_listen(pc__server.io, s->address, s->port, BACKLOG, kind, s, &s->listener);
	if (s->port)
		pc__process_lower();
	return err;
}

static void add_socket(struct port *p, const char *address, uint16_t number, int fd)
{
	struct pc__socket *s = pc__alloc(sizeof(*s));
	int err;

	s->class = p->what->class;
	s->m = p->m;
	s->address = pc__strdup(address);
	s->port = number;
	err = listen_on(p, s, fd);
	if (err < 0) {
		tell_failed(p, address, number, err);
		free(s->address);
		free(s);
		return;
	}
	tell_open(p, address, number);
	s->next = p->sockets;
	p->sockets = s;
}

static void open_socket(struct port *p, const char *address, uint16_t number)
{
	int fd = -1;

	if (pc__handed_find(address, number, &fd) != PC__HANDED_COVERED)
		add_socket(p, address, number, fd);
}

/* Those that no option asks for. */
static void open_named(struct port *p)
{
	char address[128];
	uint16_t number;
	int fd;

	while ((fd = pc__handed_named(p->what->service, address, &number)) >= 0)
		add_socket(p, address, number, fd);
}

static void open_unix(struct port *p)
{
	char *path = p->what->unix_path[0] == '/'
	                     ? pc__strdup(p->what->unix_path)
	                     : pc__printf("%s/%s", pc__server.data_path, p->what->unix_path);
	mode_t old = umask(0177);
	int fd = -1;

	if (pc__handed_find(path, 0, &fd) == PC__HANDED_NONE)
		unlink(path); /* the data folder is locked: nobody else listens there */
	add_socket(p, path, 0, fd);
	umask(old);
	free(path);
}

static void open_address(struct port *p, const char *address)
{
	const pc__value *v = service_option(p->what->service, "ports");
	const char *text = p->what->default_ports;

	if (strcmp(address, "*") == 0)
		address = "0.0.0.0";
	if (v && v->type == PC__NUMBER)
		open_socket(p, address, (uint16_t)v->n);
	if (v) {
		for (size_t i = 0; i < v->n_list; i++)
			if (v->list[i].type == PC__NUMBER)
				open_socket(p, address, (uint16_t)v->list[i].n);
		return;
	}
	while (*text) {
		open_socket(p, address, (uint16_t)strtoul(text, NULL, 10));
		text += strcspn(text, ",");
		text += *text == ',';
	}
}

static bool is_v6(const char *address)
{
	return strchr(address, ':') != NULL;
}

static void open_if_wanted(struct port *p, const char *address)
{
	if (pc__opt_bool(NULL, is_v6(address) ? "use_ipv6" : "use_ipv4"))
		open_address(p, address);
}

/* NAME_interfaces, else the general list: loopback for services that are private. */
static void open_port(struct port *p)
{
	const pc__value *v = service_option(p->what->service, "interfaces");
	const char *general = p->what->private_service ? "local_interfaces" : "interfaces";

	if (p->what->unix_path) {
		open_unix(p);
		return;
	}
	if (v && v->type == PC__STRING)
		open_if_wanted(p, v->s);
	for (size_t i = 0; v && i < v->n_list; i++)
		if (v->list[i].type == PC__STRING)
			open_if_wanted(p, v->list[i].s);
	for (size_t i = 0; v == NULL && i < pc__opt_count(NULL, general); i++)
		open_if_wanted(p, pc__opt_at(NULL, general, i));
}

static void close_sockets(struct port *p)
{
	while (p->sockets) {
		struct pc__socket *s = p->sockets;

		p->sockets = s->next;
		pc__io_unlisten(pc__server.io, &s->listener);
		free(s->address);
		free(s);
	}
}

/* ------------------------------------------------------------ modules */

static bool is_heir(const struct port *o, const struct port *p, const pc_host *host)
{
	return o->m != p->m && o->m->host == host &&
	       strcmp(o->what->service, p->what->service) == 0 &&
	       strcmp(o->m->def->name, p->m->def->name) == 0;
}

/* Of the instance that takes this one's place on its host. */
static struct port *successor_of(const struct port *p)
{
	struct port *o = ports;

	while (o && !is_heir(o, p, p->m->host))
		o = o->next;
	return o;
}

/* Of an instance on another host, with which the sockets are shared. */
static struct port *partner_of(const struct port *p)
{
	struct port *o = ports;

	while (o && !is_heir(o, p, o->m->host))
		o = o->next;
	return o;
}

static void hand_over(struct port *from, struct port *to)
{
	struct pc__socket **end = &to->sockets;

	while (*end)
		end = &(*end)->next;
	*end = from->sockets;
	from->sockets = NULL;
	for (struct pc__socket *s = to->sockets; s; s = s->next) {
		s->class = to->what->class;
		s->m = to->m;
	}
	pc__streams_move(from->m, to->m, to->what->class);
}

/* Streams that are open end with their instance. Those that have not said which host they are for
 * go on with the sockets. */
static void give_up(struct port *p)
{
	struct port *partner = partner_of(p);

	if (partner) {
		pc__streams_close_open_of(p->m);
		hand_over(p, partner);
	} else {
		pc__streams_close_of(p->m);
		close_sockets(p);
	}
}

static void drop_port(struct pc__owned *o)
{
	struct port *p = PC__CONTAINER(o, struct port, owned), **at = &ports;
	struct port *successor = successor_of(p);

	if (successor)
		hand_over(p, successor);
	else
		give_up(p);
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	free(p);
}

/* Instances of one module share the port of their service. */
static bool is_served(const struct port *p)
{
	for (struct port *o = ports; o; o = o->next)
		if (o != p && o->sockets && strcmp(o->what->service, p->what->service) == 0)
			return true;
	return false;
}

void pc_listen(pc_module *m, const pc_listener *listener)
{
	struct port *p = pc__alloc(sizeof(*p));

	p->what = listener;
	p->m = m;
	p->next = ports;
	ports = p;
	pc__own(m, &p->owned, drop_port);
	if (opened && !is_served(p))
		open_port(p);
}

bool pc__ports_open(void)
{
	bool good = true;

	opened = true;
	for (struct port *p = ports; p; p = p->next)
		if (!is_served(p))
			open_port(p);
	for (struct port *p = ports; p; p = p->next) {
		if (!is_served(p))
			open_named(p);
		good &= !p->refused && (p->sockets || !p->tried);
	}
	pc__handed_end();
	return good;
}

void pc__ports_close(void)
{
	opened = false;
	for (struct port *p = ports; p; p = p->next)
		close_sockets(p);
}

void pc__each_socket(bool (*fn)(const char *service, const struct pc__socket *s, void *data),
                     void *data)
{
	for (struct port *p = ports; p; p = p->next)
		for (struct pc__socket *s = p->sockets; s; s = s->next)
			if (!fn(p->what->service, s, data))
				return;
}

/* ------------------------------------------------------------ connecting */

static const pc__io_kind *kind_of_ours(const pc_connect_args *args)
{
	return pc__io_kind_of(args->class, pc__class_options(args->class), args->direct_tls,
	                      args->alpn);
}

static const char *own_name(const pc_module *m)
{
	return pc_module_host(m) ? pc_module_host_name(m) : NULL;
}

pc_stream *pc__connect_fd(pc_module *m, const pc_connect_args *args, int fd)
{
	pc_conn_id conn = pc__io_dialed(pc__server.io, fd, kind_of_ours(args), args->server_name,
	                                own_name(m));

	return conn ? pc__stream_connected(m, args, conn) : NULL;
}

pc_stream *pc_connect(pc_module *m, const pc_connect_args *args)
{
	pc_conn_id conn = pc__io_connect(pc__server.io, args->address, args->port,
	                                 args->timeout > 0 ? args->timeout : 20, kind_of_ours(args),
	                                 args->server_name, own_name(m));

	return conn ? pc__stream_connected(m, args, conn) : NULL;
}

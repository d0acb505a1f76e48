#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openldap.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_MOST 262144 /* bytes of one answer */

static void try_server(struct link *l);

static const struct server *server_of(const struct link *l)
{
	return &l->servers->at[l->server];
}

/* ------------------------------------------------------------ the end */

/* The stream's callbacks know it by l->stream: it is no longer theirs. */
static void hang_up(struct link *l)
{
	pc_stream *s = l->stream;

	l->stream = NULL;
	if (l->ld) {
		ldap_unbind_ext_s(l->ld, NULL, NULL);
		close(l->far);
		l->ld = NULL;
	}
	if (s)
		pc_stream_abort(s, "not needed any more");
}

void link_close(struct link *l)
{
	hang_up(l);
	pc_timer_stop(&l->timer);
	l->attempt++;
	l->state = LINK_CLOSED;
}

void link_fail(struct link *l, const char *why)
{
	link_close(l);
	l->owner->gone(l, why);
}

/* While it is being opened there may be another address, or another server. */
static void give_up(struct link *l, const char *why)
{
	if (l->state == LINK_READY) {
		link_fail(l, why);
		return;
	}
	pc_log(l->m, PC_DEBUG, "%s port %d (%s): %s", server_of(l)->host, (int)server_of(l)->port,
	       l->addresses[l->address], why);
	hang_up(l);
	l->address++;
	try_server(l);
	if (l->state == LINK_CLOSED)
		l->owner->gone(l, why);
}

/* ------------------------------------------------------------ libldap */

static bool make_handle(struct link *l)
{
	int pair[2], version = LDAP_VERSION3;
	ber_len_t most = MESSAGE_MOST;
	Sockbuf *sb = NULL;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	if (ldap_init_fd(pair[0], LDAP_PROTO_TCP, "ldap://127.0.0.1", &l->ld) != LDAP_SUCCESS) {
		close(pair[0]);
		close(pair[1]);
		l->ld = NULL;
		return false;
	}
	l->far = pair[1];
	ldap_set_option(l->ld, LDAP_OPT_PROTOCOL_VERSION, &version);
	/* It would connect to other servers by itself. */
	ldap_set_option(l->ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
	if (ldap_get_option(l->ld, LDAP_OPT_SOCKBUF, &sb) == LDAP_SUCCESS && sb)
		ber_sockbuf_ctrl(sb, LBER_SB_OPT_SET_MAX_INCOMING, &most);
	return true;
}

void link_flush(struct link *l)
{
	char bytes[4096];
	ssize_t n;

	while (l->stream && l->ld && (n = read(l->far, bytes, sizeof(bytes))) > 0)
		pc_stream_write(l->stream, bytes, (size_t)n);
	explicit_bzero(bytes, sizeof(bytes));
}

static void is_ready(struct link *l)
{
	pc_timer_stop(&l->timer);
	l->state = LINK_READY;
	l->owner->ready(l);
}

static void bind_or_ready(struct link *l)
{
	const char *dn = l->binds ? pc_opt_str(l->m, "ldap_rootdn") : NULL;
	const char *password = pc_opt_str(l->m, "ldap_password");
	struct berval secret = { password ? strlen(password) : 0, (char *)(uintptr_t)password };
	int err;

	if (dn == NULL) {
		is_ready(l);
		return;
	}
	l->state = LINK_BINDING;
	err = ldap_sasl_bind(l->ld, dn, LDAP_SASL_SIMPLE, &secret, NULL, NULL, &l->msgid);
	if (err != LDAP_SUCCESS)
		link_fail(l, ldap_err2string(err));
	else
		link_flush(l);
}

/* What nobody has asked for, behind the answer to StartTLS, may be somebody else's. */
static bool has_more(const struct link *l)
{
	int fd = -1, n = 0;

	return ldap_get_option(l->ld, LDAP_OPT_DESC, &fd) != LDAP_SUCCESS ||
	       ioctl(fd, FIONREAD, &n) != 0 || n > 0;
}

static void on_upgrade(struct link *l, int code, const char *text)
{
	char why[256];

	if (code != LDAP_SUCCESS) {
		snprintf(why, sizeof(why), "StartTLS was refused: %s %s", ldap_err2string(code),
		         text);
		link_fail(l, why);
	} else if (has_more(l)) {
		link_fail(l, "bytes came in front of TLS");
	} else {
		l->state = LINK_SECURING;
		pc_stream_starttls(l->stream, NULL);
	}
}

static void on_bound(struct link *l, int code, const char *text)
{
	char why[512];

	if (code == LDAP_SUCCESS) {
		is_ready(l);
		return;
	}
	snprintf(why, sizeof(why), "ldap_rootdn may not bind: %s %s", ldap_err2string(code), text);
	link_fail(l, why);
}

static void on_answer(struct link *l, int type, LDAPMessage *message)
{
	int code = LDAP_PROTOCOL_ERROR;
	char *text = NULL;

	if (l->state == LINK_READY) {
		l->owner->answer(l, type, message);
		return;
	}
	if (ldap_msgid(message) != l->msgid)
		return;
	ldap_parse_result(l->ld, message, &code, NULL, &text, NULL, NULL, 0);
	if (l->state == LINK_UPGRADING && type == LDAP_RES_EXTENDED)
		on_upgrade(l, code, text ? text : "");
	else if (l->state == LINK_BINDING && type == LDAP_RES_BIND)
		on_bound(l, code, text ? text : "");
	else
		link_fail(l, "an answer to something else came");
	ldap_memfree(text);
}

static void take_answers(struct link *l)
{
	while (l->ld) {
		struct timeval now = { 0, 0 };
		LDAPMessage *message = NULL;
		int type = ldap_result(l->ld, LDAP_RES_ANY, LDAP_MSG_ONE, &now, &message);

		if (type == 0)
			return;
		if (type < 0) {
			link_fail(l, "it does not speak LDAP, or says too much");
			return;
		}
		on_answer(l, type, message);
		ldap_msgfree(message);
	}
}

/* ------------------------------------------------------------ the stream */

static void on_opened(pc_stream *s)
{
	struct link *l = pc_stream_user(s);

	if (l->stream != s)
		return;
	if (!make_handle(l)) {
		link_fail(l, strerror(errno));
		return;
	}
	if (server_of(l)->tls) {
		l->state = LINK_SECURING;
	} else if (pc_opt_bool(l->m, "ldap_tls")) {
		l->state = LINK_UPGRADING;
		ldap_extended_operation(l->ld, LDAP_EXOP_START_TLS, NULL, NULL, NULL, &l->msgid);
		link_flush(l);
	} else {
		bind_or_ready(l);
	}
}

static void on_secured(pc_stream *s)
{
	struct link *l = pc_stream_user(s);
	const char *why = NULL;
	char text[512];

	if (l->stream != s)
		return;
	if (pc_stream_peer_trust(s, &why) != PC_OK) {
		snprintf(text, sizeof(text), "its certificate is not trusted: %s",
		         why ? why : "there is none");
		link_fail(l, text);
	} else if (!pc_stream_peer_is(s, server_of(l)->host, NULL)) {
		snprintf(text, sizeof(text), "its certificate is not for %s", server_of(l)->host);
		link_fail(l, text);
	} else {
		bind_or_ready(l);
	}
}

static void on_bytes(pc_stream *s, const void *bytes, size_t len)
{
	struct link *l = pc_stream_user(s);
	const char *at = bytes;

	if (l->stream == s && l->state == LINK_SECURING)
		link_fail(l, "bytes came in front of TLS");
	while (len > 0 && l->stream == s) {
		ssize_t n = write(l->far, at, len);

		if (n <= 0) {
			link_fail(l, "it says more than it was asked for");
			return;
		}
		at += n;
		len -= (size_t)n;
		take_answers(l);
	}
}

static void on_closed(pc_stream *s, const char *reason)
{
	struct link *l = pc_stream_user(s);

	if (l->stream != s)
		return;
	l->stream = NULL;
	give_up(l, reason);
}

static const pc_stream_class class = { .size = sizeof(class),
	                               .name = "ldap",
	                               .framing = PC_FRAMING_RAW,
	                               .opened = on_opened,
	                               .secured = on_secured,
	                               .bytes = on_bytes,
	                               .closed = on_closed };

/* ------------------------------------------------------------ opening */

static bool connect_to(struct link *l)
{
	const struct server *server = server_of(l);

	l->state = LINK_CONNECTING;
	l->stream = pc_connect(l->m, &(pc_connect_args){ .class = &class,
	                                                 .address = l->addresses[l->address],
	                                                 .port = server->port,
	                                                 .direct_tls = server->tls,
	                                                 .server_name = server->host,
	                                                 .timeout = l->timeout / 2,
	                                                 .data = l });
	return l->stream != NULL;
}

/* A look-up under way; the link may have given up meanwhile. */
struct lookup {
	struct link *l;
	unsigned attempt;
	int rrtype;
};

static void look_up(struct link *l, int rrtype);

static void add_address(struct link *l, int family, const pc_str *data)
{
	size_t wanted = family == AF_INET ? 4 : 16;

	if (data->len == wanted && l->n_addresses < SERVER_ADDRESSES)
		inet_ntop(family, data->p, l->addresses[l->n_addresses++], SERVER_ADDRESS_SIZE);
}

static void on_addresses(const pc_dns_answer *answer, void *data)
{
	struct lookup look = *(struct lookup *)data;
	struct link *l = look.l;

	pc_module_free(l->m, data);
	if (l->state != LINK_RESOLVING || l->attempt != look.attempt)
		return;
	for (size_t i = 0; answer->err == PC_OK && !answer->bogus && i < answer->n; i++)
		add_address(l, look.rrtype == 1 ? AF_INET : AF_INET6, &answer->data[i]);
	if (look.rrtype == 1) {
		look_up(l, 28);
		return;
	}
	if (l->n_addresses == 0) {
		l->server++;
		try_server(l);
	} else if (!connect_to(l)) {
		link_close(l);
	}
	if (l->state == LINK_CLOSED)
		l->owner->gone(l, "its name has no address");
}

static void look_up(struct link *l, int rrtype)
{
	struct lookup *look = pc_module_alloc(l->m, sizeof(*look));

	*look = (struct lookup){ l, l->attempt, rrtype };
	l->state = LINK_RESOLVING;
	if (pc_resolve(l->m, server_of(l)->host, rrtype, on_addresses, look) != PC_OK) {
		pc_module_free(l->m, look);
		link_close(l);
	}
}

/* The next address of the server, the next server; closed where there is none. */
static void try_server(struct link *l)
{
	if (l->address < l->n_addresses && connect_to(l))
		return;
	if (l->n_addresses > 0)
		l->server++;
	for (; l->server < l->servers->n; l->server++) {
		l->address = 0;
		l->n_addresses = server_addresses(server_of(l), l->addresses);
		if (l->n_addresses == 0) {
			look_up(l, 1);
			return;
		}
		if (connect_to(l))
			return;
	}
	link_close(l);
}

static void on_timeout(void *data)
{
	struct link *l = data;

	l->timer = NULL;
	link_fail(l, "it does not answer");
}

static void on_nothing_to_try(void *data)
{
	struct link *l = data;

	l->timer = NULL;
	link_fail(l, "no connection can be made");
}

void link_open(struct link *l)
{
	l->attempt++;
	l->server = 0;
	l->n_addresses = l->address = 0;
	l->state = LINK_CONNECTING;
	l->timer = pc_after(l->m, l->timeout, on_timeout, l);
	try_server(l);
	if (l->state != LINK_CLOSED)
		return;
	l->state = LINK_CONNECTING;
	l->timer = pc_after(l->m, 0, on_nothing_to_try, l);
}

void link_init(struct link *l, pc_module *m, const struct link_owner *owner,
               const struct servers *servers, double timeout)
{
	l->m = m;
	l->owner = owner;
	l->servers = servers;
	l->timeout = timeout;
}

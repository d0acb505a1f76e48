/*
 * Another server (RFC 6120, XEP-0220, XEP-0288) against the real module, over sockets, in this
 * process: it opens a stream to us, and answers the one that we open to it.
 *
 * Bytes go to the server as they are, on the stream that it came by, but for the controls below.
 * Whatever is sent: the answers are well-formed streams, and nothing follows an error. A pair is
 * proved to us only where our question about that very stream was answered so, a key is called ours
 * only where we have sent it, stanzas come and go only for what was proved. Each run has the module
 * anew, and nothing is left of it.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hosts.h"
#include "in_process.h"
#include "modules.h"
#include "streams.h"
#include "util/mem.h"
#include "xml/parser.h"

#define NS_DIALBACK "jabber:server:dialback"
#define NS_BIDI "urn:xmpp:bidi"
#define NS_TLS "urn:ietf:params:xml:ns:xmpp-tls"
#define KEY_SIZE 65
#define REMOTE "r.example"

enum control {
	TURNS = 1, /* the server does its part */
	ON_IN,     /* what follows goes on the stream to the server */
	ON_OUT,    /* ... on the stream that the server has opened */
	ID,        /* the id that the server gave the first of them */
	KEY,       /* the dialback key that came on the other one */
	WRITE,     /* the host sends a message to the remote domain */
	CONTROLS
};

/* What this connection's two sides have said of what matters. */
struct side {
	struct talk *talk;
	int fd; /* -1: none */
	bool ended, tls;
	bool refused, over;             /* the server said an error, its stream's end */
	bool bidi;                      /* we said so */
	pc__xml_parser *heard, *spoken; /* spoken NULL: it is no XML any more */
};

struct talk {
	struct side in, out;
	char id[64]; /* of the server's header on `in` */
	char key[2 * KEY_SIZE];
	bool asked, verified; /* the server's question; our answer that the key is good */
	bool in_proved;       /* the server said so */
	bool out_proved;      /* we said so, on the present `out` */
	bool trusted;         /* one of them was true */
	bool key_shown;
};

/* Of the run: those that came to the host as more than errors. */
static unsigned arrived;
static uint16_t port;
static int listening;

/* ------------------------------------------------------------ the server */

static void on_arrival(pc_event *ev)
{
	must(strcmp(pc_event_to(ev)->domain, "localhost") == 0);
	must(strcmp(pc_event_from(ev)->domain, REMOTE) == 0);
	arrived += pc_stanza_type(pc_event_stanza(ev)) != PC_TYPE_ERROR;
}

static void listen_for_server(uint16_t there)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons(there),
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	must(bind(listening, (struct sockaddr *)&address, sizeof(address)) == 0);
	must(listen(listening, 8) == 0);
}

static void start(void)
{
	uint16_t there = in_process_port();
	char *text;

	listen_for_server(there);
	port = in_process_port();
	text = pc__printf(
	        "log = '*nowhere' authentication = 'insecure' interfaces = { '127.0.0.1' } "
	        "c2s_ports = { } s2s_ports = { %u } s2s_require_encryption = false "
	        "modules_enabled = { 's2s', 'ping', 'version', 'disco' } "
	        "s2s_whitelist = { '" REMOTE "' } s2s_max_domains = 20 "
	        "s2s_connect_overrides = { '" REMOTE " 127.0.0.1 %u' } VirtualHost 'localhost' ",
	        port, there);
	in_process_start(text, on_arrival);
	free(text);
}

/* ------------------------------------------------------------ what comes back */

static void on_heard_header(const pc__xml_header *h, void *data)
{
	struct side *s = data;

	must(h->content_ns && strcmp(h->content_ns, "jabber:server") == 0);
	if (s != &s->talk->in)
		return;
	must(h->id && strlen(h->id) > 0 && strlen(h->id) < sizeof(s->talk->id));
	snprintf(s->talk->id, sizeof(s->talk->id), "%s", h->id);
}

static void hear_dialback_in(struct talk *t, const pc_stanza *st)
{
	const char *type = pc_stanza_get(st, "type");

	must(type != NULL);
	if (strcmp(type, "valid") != 0)
		return;
	if (strcmp(pc_stanza_name(st), "result") == 0) {
		must(t->verified);
		t->in_proved = t->trusted = true;
	} else {
		must(t->key_shown);
	}
}

static void hear_dialback_out(struct talk *t, const pc_stanza *st)
{
	const char *key = pc_stanza_get_text(st);

	if (pc_stanza_get(st, "type"))
		return;
	if (strcmp(pc_stanza_name(st), "verify") == 0)
		t->asked = true;
	else if (strlen(key) < sizeof(t->key))
		snprintf(t->key, sizeof(t->key), "%s", key);
}

static void hear_stanza(const struct side *s, const pc_stanza *st)
{
	const struct talk *t = s->talk;
	const char *to = pc_stanza_get(st, "to");
	char buf[PC_JID_BUF];
	pc_jid jid;

	must(s == &t->in ? t->in_proved && s->bidi : t->out_proved);
	must(to && pc_jid_parse(to, buf, &jid) == PC_OK && strcmp(jid.domain, REMOTE) == 0);
}

static bool on_heard(pc_stanza *st, void *data)
{
	struct side *s = data;

	must(!s->refused && !s->over);
	if (pc_stanza_is(st, "error", PC_NS_STREAM))
		s->refused = true;
	else if (strcmp(pc_stanza_ns(st), NS_TLS) == 0)
		s->tls = s->tls || strcmp(pc_stanza_name(st), "proceed") == 0;
	else if (pc_stanza_kind(st) != PC_OTHER)
		hear_stanza(s, st);
	else if (strcmp(pc_stanza_ns(st), NS_DIALBACK) == 0 && s == &s->talk->in)
		hear_dialback_in(s->talk, st);
	else if (strcmp(pc_stanza_ns(st), NS_DIALBACK) == 0)
		hear_dialback_out(s->talk, st);
	pc_stanza_free(&st);
	return true;
}

static void on_heard_end(void *data)
{
	((struct side *)data)->over = true;
}

static const pc__xml_callbacks heard = { on_heard_header, on_heard, on_heard_end };

static void hear(struct side *s)
{
	char bytes[4096];
	ssize_t n;
	size_t used;

	while ((n = recv(s->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		if (!s->tls)
			must(pc__xml_feed(s->heard, bytes, (size_t)n, &used) == PC__XML_OK);
	s->ended = n == 0 || (errno != EAGAIN && errno != EINTR);
}

/* ------------------------------------------------------------ what was said */

static bool names_pair(const pc_stanza *st)
{
	const char *from = pc_stanza_get(st, "from"), *to = pc_stanza_get(st, "to");
	char a[PC_JID_PART_MAX + 1], b[PC_JID_PART_MAX + 1];

	return from && to && pc_jid_prep_domain(from, a) == PC_OK &&
	       pc_jid_prep_domain(to, b) == PC_OK && strcmp(a, REMOTE) == 0 &&
	       strcmp(b, "localhost") == 0;
}

static void speak_dialback(struct talk *t, const pc_stanza *st)
{
	bool verify = strcmp(pc_stanza_name(st), "verify") == 0;
	const char *type = pc_stanza_get(st, "type"), *id = pc_stanza_get(st, "id");

	if (!names_pair(st))
		return;
	if (type == NULL && verify && t->key[0] && strcmp(pc_stanza_get_text(st), t->key) == 0)
		t->key_shown = true;
	if (type == NULL || strcmp(type, "valid") != 0)
		return;
	if (verify && t->asked && id && strcmp(id, t->id) == 0)
		t->verified = true;
	else if (!verify && t->key[0])
		t->out_proved = t->trusted = true;
}

static void on_spoken_header(const pc__xml_header *h, void *data)
{
	(void)h;
	(void)data;
}

static bool on_spoken(pc_stanza *st, void *data)
{
	struct side *s = data;

	if (strcmp(pc_stanza_ns(st), NS_DIALBACK) == 0)
		speak_dialback(s->talk, st);
	s->bidi = s->bidi || pc_stanza_is(st, "bidi", NS_BIDI);
	s->tls = s->tls || (s == &s->talk->out && pc_stanza_is(st, "proceed", NS_TLS));
	pc_stanza_free(&st);
	return true;
}

static void on_spoken_end(void *data)
{
	(void)data;
}

static const pc__xml_callbacks spoken = { on_spoken_header, on_spoken, on_spoken_end };

/* ------------------------------------------------------------ connections */

static void begin(struct side *s, struct talk *t, int fd)
{
	static const pc__xml_limits limits = { 1 << 20, 1 << 20, 200, 300, 2000, 10000 };

	*s = (struct side){ .talk = t, .fd = fd };
	s->heard = pc__xml_new(&heard, "jabber:server", &limits, s);
	s->spoken = pc__xml_new(&spoken, "jabber:server", &limits, s);
}

static void end(struct side *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	pc__xml_free(&s->heard);
	pc__xml_free(&s->spoken);
}

/* What was proved on a stream of ours has ended with it. */
static void meet(struct talk *t)
{
	int fd = accept(listening, NULL, NULL);

	if (fd < 0)
		return;
	if (t->out.fd >= 0 && !t->out.ended) {
		close(fd);
		return;
	}
	end(&t->out);
	in_process_hasten(fd);
	begin(&t->out, t, fd);
	t->asked = t->out_proved = false;
	t->key[0] = '\0';
}

static void turn(struct talk *t)
{
	in_process_turn();
	meet(t);
	if (t->in.fd >= 0 && !t->in.ended)
		hear(&t->in);
	if (t->out.fd >= 0 && !t->out.ended)
		hear(&t->out);
}

static void turns(struct talk *t, unsigned n)
{
	while (n-- > 0)
		turn(t);
}

/* ------------------------------------------------------------ what is sent */

/* Before it goes: an answer to it may come in the same turn. */
static void note(struct side *s, const void *bytes, size_t len)
{
	size_t used;

	if (s->spoken && !s->tls && pc__xml_feed(s->spoken, bytes, len, &used) < 0)
		pc__xml_free(&s->spoken);
}

static void say(struct side *s, const void *bytes, size_t len)
{
	if (s->fd < 0 || len == 0)
		return;
	note(s, bytes, len);
	while (len > 0 && !s->ended) {
		ssize_t n = send(s->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return;
		turn(s->talk);
		if (n > 0) {
			bytes = (const char *)bytes + n;
			len -= (size_t)n;
		}
	}
}

static void write_to_remote(void)
{
	pc_stanza *st = pc_stanza_message("chat", "a@" REMOTE, "localhost");

	pc_stanza_leaf(st, "body", "x");
	pc_send(in_process_watcher(), st);
}

static void control(struct talk *t, struct side **on, enum control c)
{
	switch (c) {
	case ON_IN:
		*on = &t->in;
		break;
	case ON_OUT:
		*on = &t->out;
		break;
	case ID:
		say(*on, t->id, strlen(t->id));
		break;
	case KEY:
		say(*on, t->key, strlen(t->key));
		break;
	case WRITE:
		write_to_remote();
		break;
	default:
		turns(t, 8);
		break;
	}
}

static void say_all(struct talk *t, const uint8_t *data, size_t size)
{
	const uint8_t *last = data + size;
	struct side *on = &t->in;

	while (data < last) {
		const uint8_t *from = data;

		while (data < last && (*data == 0 || *data >= CONTROLS))
			data++;
		say(on, from, (size_t)(data - from));
		if (data < last)
			control(t, &on, *data++);
	}
}

/* ------------------------------------------------------------ one run */

/* Nothing more is sent. The module goes, with all that it knows of the remote: streams that might
 * be resumed, failures, stanzas that wait. */
static void leave(struct talk *t)
{
	char *error = NULL;

	turns(t, 8);
	must(arrived == 0 || t->trusted);
	end(&t->in);
	end(&t->out);
	in_process_turn();
	must(pc__module_unload(pc_host_find("localhost"), "s2s", &error) == PC_OK);
	in_process_settle();
	for (int fd; (fd = accept(listening, NULL, NULL)) >= 0;)
		close(fd);
}

static void load(void)
{
	char *error = NULL;

	must(pc__module_load(pc_host_find("localhost"), "s2s", &error) == PC_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool started;
	struct talk t = { .out.fd = -1 };

	if (!started)
		start();
	started = true;
	load();
	arrived = 0;
	begin(&t.in, &t, in_process_connect(port));
	say_all(&t, data, size);
	leave(&t);
	return 0;
}

/*
 * A component's connection (XEP-0114) against the real module, over a socket, in this process.
 *
 * Bytes go to the server as they are, but for two: 0x01 becomes the right proof for the stream id
 * that came, 0x02 lets the server do its part first. Whatever is sent: the answer is a well-formed
 * stream; before a right proof nothing but a stream error comes; afterwards what comes is to the
 * component's domain and what the server's host gets is from it; an error is the last thing said,
 * and the connection ends.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "in_process.h"
#include "util/mem.h"
#include "xml/parser.h"

#define DOMAIN "c.localhost"
#define SECRET "secret"
#define PROOF 1
#define TURNS 2
#define TURNS_MOST 10000

/* ------------------------------------------------------------ the server */

static uint16_t port;

static void on_arrival(pc_event *ev)
{
	must(strcmp(pc_event_from(ev)->domain, DOMAIN) == 0);
	must(strcmp(pc_event_to(ev)->domain, "localhost") == 0);
}

static void start(void)
{
	char *text;

	port = in_process_port();
	text = pc__printf(
	        "log = '*nowhere' authentication = 'insecure' interfaces = { '127.0.0.1' } "
	        "component_interfaces = { '127.0.0.1' } component_ports = { %u } "
	        "modules_enabled = { 'ping', 'version', 'disco' } VirtualHost 'localhost' "
	        "Component '" DOMAIN "' 'component' component_secret = '" SECRET "' ",
	        port);
	in_process_start(text, on_arrival);
	free(text);
	must(pc_host_find(DOMAIN) != NULL);
}

/* ------------------------------------------------------------ what comes back */

struct talk {
	int fd;
	bool ended; /* the server has closed */
	pc__xml_parser *parser;
	char id[64]; /* of the server's header */
	bool proved; /* a right proof was sent */
	bool accepted, refused;
	bool stream_ended;
};

static void on_header(const pc__xml_header *h, void *data)
{
	struct talk *t = data;

	must(h->id != NULL && strlen(h->id) > 0 && strlen(h->id) < sizeof(t->id));
	must(h->content_ns && strcmp(h->content_ns, "jabber:component:accept") == 0);
	snprintf(t->id, sizeof(t->id), "%s", h->id);
}

static bool is_to_component(const pc_stanza *st)
{
	const char *to = pc_stanza_get(st, "to");
	char buf[PC_JID_BUF];
	pc_jid jid;

	return to && pc_jid_parse(to, buf, &jid) == PC_OK && strcmp(jid.domain, DOMAIN) == 0;
}

static bool on_element(pc_stanza *st, void *data)
{
	struct talk *t = data;

	must(!t->refused && !t->stream_ended);
	if (pc_stanza_is(st, "error", PC_NS_STREAM)) {
		t->refused = true;
	} else if (t->accepted) {
		must(pc_stanza_kind(st) != PC_OTHER && is_to_component(st));
	} else {
		must(t->proved && pc_stanza_is(st, "handshake", PC_NS_CLIENT));
		t->accepted = true;
	}
	pc_stanza_free(&st);
	return true;
}

static void on_end(void *data)
{
	((struct talk *)data)->stream_ended = true;
}

static const pc__xml_callbacks callbacks = { on_header, on_element, on_end };

static void hear(struct talk *t)
{
	char bytes[4096];
	ssize_t n;
	size_t used;

	while ((n = recv(t->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		must(pc__xml_feed(t->parser, bytes, (size_t)n, &used) == PC__XML_OK);
	t->ended = n == 0 || (errno != EAGAIN && errno != EINTR);
}

static void turn(struct talk *t)
{
	in_process_turn();
	if (!t->ended)
		hear(t);
}

static void turns(struct talk *t, unsigned n)
{
	while (n-- > 0)
		turn(t);
}

/* ------------------------------------------------------------ what is sent */

static void say(struct talk *t, const void *bytes, size_t len)
{
	while (len > 0 && !t->ended) {
		ssize_t n = send(t->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return;
		turn(t);
		if (n > 0) {
			bytes = (const char *)bytes + n;
			len -= (size_t)n;
		}
	}
}

static void say_proof(struct talk *t)
{
	char *text = pc__printf("%s" SECRET, t->id), hex[2 * PC_DIGEST_MAX + 1];
	uint8_t digest[PC_DIGEST_MAX];

	pc_hex_encode(digest, (size_t)pc_digest("SHA-1", text, strlen(text), digest), hex);
	free(text);
	t->proved = t->proved || t->id[0];
	say(t, hex, strlen(hex));
}

static void say_all(struct talk *t, const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;

	while (data < end && !t->ended) {
		const uint8_t *from = data;

		while (data < end && *data != PROOF && *data != TURNS)
			data++;
		say(t, from, (size_t)(data - from));
		if (data == end)
			break;
		if (*data == TURNS)
			turns(t, 4);
		else
			say_proof(t);
		data++;
	}
}

/* ------------------------------------------------------------ one connection */

/* Nothing more is sent: the server says what it has to say, and forgets the stream. */
static void leave(struct talk *t)
{
	shutdown(t->fd, SHUT_WR);
	for (unsigned i = 0; i < TURNS_MOST && !t->ended; i++)
		turn(t);
	must(t->ended);
	close(t->fd);
	in_process_settle();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool started;
	static const pc__xml_limits limits = { 1 << 20, 1 << 20, 200, 300, 2000, 10000 };
	struct talk t = { .fd = -1 };

	if (!started)
		start();
	started = true;
	t.fd = in_process_connect(port);
	t.parser = pc__xml_new(&callbacks, "jabber:component:accept", &limits, &t);
	say_all(&t, data, size);
	leave(&t);
	must(!t.refused || t.id[0]);
	pc__xml_free(&t.parser);
	return 0;
}

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
#include <libgen.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <prosody-c/prosody-c.h>

#include "config_internal.h"
#include "fuzz.h"
#include "hosts.h"
#include "loader.h"
#include "log.h"
#include "modules.h"
#include "ports.h"
#include "server.h"
#include "sessions.h"
#include "streams.h"
#include "util/mem.h"
#include "xml/parser.h"

#define DOMAIN "c.localhost"
#define SECRET "secret"
#define PROOF 1
#define TURNS 2
#define TURNS_MOST 10000

/* ------------------------------------------------------------ the server */

static uint16_t port;

/* A moment ago nobody had it. */
static uint16_t free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	must(bind(fd, (struct sockaddr *)&address, len) == 0);
	must(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
	close(fd);
	return ntohs(address.sin_port);
}

static void configure(void)
{
	char *error = NULL, *text;
	pc__config *config;

	port = free_port();
	text = pc__printf(
	        "log = '*nowhere' authentication = 'insecure' interfaces = { '127.0.0.1' } "
	        "component_interfaces = { '127.0.0.1' } component_ports = { %u } "
	        "modules_enabled = { 'ping', 'version', 'disco' } VirtualHost 'localhost' "
	        "Component '" DOMAIN "' 'component' component_secret = '" SECRET "' ",
	        port);
	config = pc__config_read("fuzz", text, strlen(text), NULL, NULL, 0, &error);
	if (config == NULL)
		fprintf(stderr, "%s\n", error);
	must(config != NULL);
	pc__config_use(config);
	free(text);
	pc__log_setup();
}

static void find_modules(void)
{
	char path[PATH_MAX], *dir;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	must(n > 0);
	path[n] = '\0';
	dir = pc__printf("%s/../modules", dirname(path));
	pc__loader_setup((const char *const[]){ dir }, 1);
	free(dir);
}

static pc_result on_arrival(pc_event *ev, void *data)
{
	(void)data;
	must(strcmp(pc_event_from(ev)->domain, DOMAIN) == 0);
	must(strcmp(pc_event_to(ev)->domain, "localhost") == 0);
	return PC_PASS;
}

static void watch_host(void)
{
	static const char *const events[] = { "message/bare",  "message/full",  "message/host",
		                              "presence/bare", "presence/full", "presence/host",
		                              "iq/bare",       "iq/full",       "iq/host" };
	static const pc_module_def def = { .abi_major = PC_ABI_MAJOR,
		                           .size = sizeof(pc_module_def),
		                           .name = "watcher" };
	static pc_module watcher = { .def = &def, .state = PC__LIVE, .holds = 1 };

	watcher.host = pc_host_find("localhost");
	for (size_t i = 0; i < PC__COUNT(events); i++)
		pc_hook(&watcher, events[i], on_arrival, 1000);
}

static void start(void)
{
	pc__server.loop = uv_default_loop();
	pc__server.data_path = pc__server.config_dir = "/nowhere";
	configure();
	pc__server.io = pc__io_new(pc__server.loop, 0, &pc__streams_handler, NULL);
	find_modules();
	pc__hosts_setup();
	must(pc_host_find(DOMAIN) != NULL && pc_host_find("localhost") != NULL);
	must(pc__module_find(pc_host_find(DOMAIN), "component") != NULL);
	watch_host();
	pc__ports_open();
	signal(SIGPIPE, SIG_IGN);
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
	uv_run(pc__server.loop, UV_RUN_NOWAIT);
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

/* Each from an address of its own, for ports that were just used are not free again at once. */
static int connect_to_server(void)
{
	static uint32_t n;
	struct sockaddr_in here = { .sin_family = AF_INET,
		                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + n++ % 65536) };
	struct sockaddr_in there = { .sin_family = AF_INET,
		                     .sin_port = htons(port),
		                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd >= 0);
	must(bind(fd, (struct sockaddr *)&here, sizeof(here)) == 0);
	must(connect(fd, (struct sockaddr *)&there, sizeof(there)) == 0);
	return fd;
}

/* Nothing more is sent: the server says what it has to say, and forgets the stream. */
static void leave(struct talk *t)
{
	shutdown(t->fd, SHUT_WR);
	for (unsigned i = 0; i < TURNS_MOST && !t->ended; i++)
		turn(t);
	must(t->ended);
	close(t->fd);
	for (unsigned i = 0; i < TURNS_MOST && pc__streams_count() > 0; i++)
		uv_run(pc__server.loop, UV_RUN_NOWAIT);
	must(pc__streams_count() == 0);
	turns(t, 2);
	must(pc__sessions_count() == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool started;
	static const pc__xml_limits limits = { 1 << 20, 1 << 20, 200, 300, 2000, 10000 };
	struct talk t = { .fd = -1 };

	if (!started)
		start();
	started = true;
	t.fd = connect_to_server();
	t.parser = pc__xml_new(&callbacks, "jabber:component:accept", &limits, &t);
	say_all(&t, data, size);
	leave(&t);
	must(!t.refused || t.id[0]);
	pc__xml_free(&t.parser);
	return 0;
}

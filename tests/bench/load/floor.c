/*
 * bench-floor: the least that a server for messages can do. It pairs connections in the order in
 * which they come, and sends what one side says to the other: under TLS each byte is decrypted once
 * and encrypted once. No server on the same library spends less on a message that comes alone.
 *
 *     bench-floor PORT [CERTIFICATE KEY]
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "wire.h"

#define PLACES 65536

struct place {
	struct wire wire; /* first: it hands itself back */
	unsigned number;
};

static struct {
	struct watch listener;
	bool tls;
	struct place *places[PLACES]; /* made when first needed, and kept */
	unsigned used;                /* since the last time that nobody was there */
	unsigned here;
} relay;

static void on_open(struct wire *w)
{
	(void)w;
}

static void on_bytes(struct wire *w, const char *bytes, size_t len)
{
	struct place *to = relay.places[((struct place *)w)->number ^ 1];

	if (to)
		wire_send(&to->wire, bytes, len);
}

static void on_end(struct wire *w, const char *why)
{
	(void)w;
	(void)why;
	if (--relay.here == 0)
		relay.used = 0;
}

static struct wire *next_place(void)
{
	unsigned number = relay.used;

	if (number == PLACES) {
		fputs("bench-floor: no more places\n", stderr);
		exit(1);
	}
	relay.used++;
	relay.here++;
	if (!relay.places[number])
		relay.places[number] = calloc(1, sizeof(struct place));
	if (!relay.places[number])
		abort();
	relay.places[number]->number = number;
	return &relay.places[number]->wire;
}

static void on_listener(struct watch *w, bool readable, bool writable)
{
	static const struct wire_calls calls = { on_open, on_bytes, on_end };
	int fd;

	(void)readable;
	(void)writable;
	while ((fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		wire_accept(next_place(), &calls, fd, relay.tls);
}

static bool begin_listening(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		                  .sin_port = htons(port),
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 4096) != 0) {
		perror("bench-floor");
		return false;
	}
	relay.listener = (struct watch){ .fd = fd, .on_event = on_listener };
	loop_watch(&relay.listener);
	return true;
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	unsigned long port = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;

	if ((argc != 2 && argc != 4) || port == 0 || port > 65535) {
		fputs("usage: bench-floor PORT [CERTIFICATE KEY]\n", stderr);
		return 2;
	}
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	relay.tls = argc == 4;
	/* A client without TLS needs no certificate; neither does the relay. */
	if (!wire_init(relay.tls ? argv[2] : NULL, relay.tls ? argv[3] : NULL)) {
		fputs("bench-floor: cannot read the certificate or the key\n", stderr);
		return 1;
	}
	if (!begin_listening((uint16_t)port))
		return 1;
	loop_forever();
}

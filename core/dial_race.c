#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dial.h"
#include "server.h"
#include "util/mem.h"

#define STAGGER_SECONDS 0.25
#define PATIENCE_SECONDS 5.0

struct pc__race_attempt {
	uv_tcp_t tcp;
	uv_connect_t req;
	pc_dial *dial; /* NULL: it has lost */
	struct pc__race_attempt *next;
	const struct pc__race_address *address;
};

/* "xmpp.example.org[192.0.2.1]:5269: connection refused" */
void pc__race_note(pc_dial *d, const char *address, const char *why)
{
	const struct pc__srv *srv = &d->srvs[d->at];
	char text[256];

	if (address && strcmp(address, srv->target) == 0)
		address = NULL;
	snprintf(text, sizeof(text), "%.100s%s%s%s:%u: %.100s", srv->target, address ? "[" : "",
	         address ? address : "", address ? "]" : "", srv->port, why);
	pc__dial_note(d, text);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void drop(struct pc__race_attempt *a)
{
	a->dial = NULL;
	uv_close((uv_handle_t *)&a->tcp, on_closed);
}

void pc__race_end(pc_dial *d)
{
	pc__timer_clear(&d->stagger);
	while (d->attempts) {
		struct pc__race_attempt *a = d->attempts;

		d->attempts = a->next;
		drop(a);
	}
}

void pc__race_give_up(pc_dial *d)
{
	for (const struct pc__race_attempt *a = d->attempts; a; a = a->next)
		pc__race_note(d, a->address->text, "no answer");
	pc__race_end(d);
}

static void unlink_attempt(pc_dial *d, const struct pc__race_attempt *gone)
{
	struct pc__race_attempt **at = &d->attempts;

	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
}

static void start_next(pc_dial *d);

static void won(pc_dial *d, struct pc__race_attempt *a)
{
	uv_os_fd_t fd = -1;
	int own = uv_fileno((uv_handle_t *)&a->tcp, &fd) == 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	const char *address = a->address->text;

	drop(a);
	if (own < 0) {
		pc__race_note(d, address, "no descriptor is left");
		start_next(d);
		return;
	}
	pc__race_end(d);
	pc__dial_connected(d, own, address);
}

static void on_connect(uv_connect_t *req, int status)
{
	struct pc__race_attempt *a = req->handle->data;
	pc_dial *d = a->dial;

	if (d == NULL)
		return;
	unlink_attempt(d, a);
	if (status == 0) {
		won(d, a);
		return;
	}
	pc__race_note(d, a->address->text, uv_strerror(status));
	drop(a);
	start_next(d);
}

static int connect_to(struct pc__race_attempt *a, uint16_t port)
{
	struct sockaddr_storage addr;
	int err = a->address->family == AF_INET
	                  ? uv_ip4_addr(a->address->text, port, (struct sockaddr_in *)&addr)
	                  : uv_ip6_addr(a->address->text, port, (struct sockaddr_in6 *)&addr);

	return err < 0 ? err
	               : uv_tcp_connect(&a->req, &a->tcp, (struct sockaddr *)&addr, on_connect);
}

static void on_stagger(struct pc__timer *t)
{
	start_next(PC__CONTAINER(t, struct pc_dial, stagger));
}

static void on_patience(struct pc__timer *t)
{
	pc_dial *d = PC__CONTAINER(t, struct pc_dial, stagger);

	pc__race_give_up(d);
	pc__dial_target_lost(d);
}

/* With the last address, where there is another target. */
static double patience(const pc_dial *d)
{
	double share = pc__dial_time(d) / (double)d->n_srvs;

	return share < PATIENCE_SECONDS ? share : PATIENCE_SECONDS;
}

/* For what is under way, or comes yet. */
static void await(pc_dial *d)
{
	if (d->attempts && d->next_address < d->n_addresses)
		pc__timer_set(&d->stagger, STAGGER_SECONDS, on_stagger);
	else if (d->at + 1 < d->n_srvs)
		pc__timer_set(&d->stagger, patience(d), on_patience);
}

static bool start(pc_dial *d, const struct pc__race_address *address)
{
	struct pc__race_attempt *a = pc__alloc(sizeof(*a));
	int err;

	a->address = address;
	a->dial = d;
	uv_tcp_init(pc__server.loop, &a->tcp);
	a->tcp.data = a;
	err = connect_to(a, d->port);
	if (err < 0) {
		pc__race_note(d, address->text, uv_strerror(err));
		drop(a);
		return false;
	}
	a->next = d->attempts;
	d->attempts = a;
	return true;
}

/* One more, or the end where none is left, none is under way and none comes. */
static void start_next(pc_dial *d)
{
	bool started = false;

	pc__timer_clear(&d->stagger);
	while (!started && d->next_address < d->n_addresses)
		started = start(d, &d->addresses[d->next_address++]);
	if (d->attempts == NULL && !pc__dial_awaits(d))
		pc__dial_target_lost(d);
	else
		await(d);
}

void pc__race_go_on(pc_dial *d)
{
	if (d->attempts == NULL)
		start_next(d);
	else
		await(d);
}

void pc__race_begin(pc_dial *d, uint16_t port)
{
	d->port = port;
	d->next_address = 0;
	start_next(d);
}

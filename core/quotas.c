#include "quotas.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "log.h"
#include "metrics.h"
#include "streams.h"
#include "timers.h"
#include "util/mem.h"

#define BURST_SECONDS 60

static struct quota {
	struct quota *next;
	const char *service;
	bool is_xmpp;
	pc__io_quota io;
	pc_metric *refused;
	struct pc__timer burst; /* runs while refusals go on */
	unsigned in_burst;      /* since the last line of the log */
} * quotas;

static pc__io_net *spared;
static size_t n_spared;

/* ------------------------------------------------------------ options */

static unsigned limit_of(const char *service, const char *suffix)
{
	char *name = pc__printf("%s_%s", service, suffix);
	pc_option shape = {
		.name = name, .type = PC_OPT_INTEGER, .dflt = "0", .min = 0, .max = 1e9
	};
	unsigned limit = pc__config_get(NULL, name) ? (unsigned)pc__opt_number_of(NULL, &shape)
	                                            : (unsigned)pc__opt_int(NULL, suffix);

	free(name);
	return limit;
}

static void read_spared(void)
{
	size_t n = pc__opt_count(NULL, "unlimited_ips");

	free(spared);
	spared = pc__alloc((n + 1) * sizeof(*spared));
	n_spared = 0;
	for (size_t i = 0; i < n; i++) {
		const char *text = pc__opt_at(NULL, "unlimited_ips", i);

		if (pc__io_net_read(text, &spared[n_spared]) == PC_OK)
			n_spared++;
		else
			pc__log("quotas", PC_WARN, "unlimited_ips: \"%s\" is no address", text);
	}
}

/* Bytes without XMPP have no log-in of ours. */
static void read_quota(struct quota *q)
{
	q->io.total = limit_of(q->service, "max_connections_per_ip");
	q->io.unproven = q->is_xmpp ? limit_of(q->service, "max_unauthenticated_per_ip") : 0;
	q->io.spared = spared;
	q->io.n_spared = n_spared;
}

void pc__quotas_read(void)
{
	read_spared();
	for (struct quota *q = quotas; q; q = q->next)
		read_quota(q);
}

pc__io_quota *pc__quota_of(const pc_stream_class *class)
{
	struct quota *q;

	for (q = quotas; q; q = q->next)
		if (strcmp(q->service, pc__class_options(class)) == 0)
			return &q->io;
	if (spared == NULL)
		read_spared();
	q = pc__alloc(sizeof(*q));
	q->service = pc__strdup(pc__class_options(class));
	q->is_xmpp = class->framing == PC_FRAMING_XMPP;
	q->refused = pc__counter(q->service, "connections_refused",
	                         "Connections that their address had too many of");
	read_quota(q);
	q->next = quotas;
	quotas = q;
	return &q->io;
}

/* ------------------------------------------------------------ refusals */

static void on_minute(struct pc__timer *t)
{
	struct quota *q = PC__CONTAINER(t, struct quota, burst);

	if (q->in_burst == 0)
		return;
	pc__log("quotas", PC_WARN, "%s: %u more connections were refused in the last minute",
	        q->service, q->in_burst);
	q->in_burst = 0;
	pc__timer_set(t, BURST_SECONDS, on_minute);
}

void pc__quota_refused(const pc__io_quota *io, const char *ip)
{
	struct quota *q = PC__CONTAINER((pc__io_quota *)(uintptr_t)io, struct quota, io);

	pc_metric_add(q->refused, 1);
	if (pc__timer_is_set(&q->burst)) {
		q->in_burst++;
		return;
	}
	pc__log("quotas", PC_WARN,
	        "%s: a connection from %s was refused: its address has as many as it may "
	        "(max_connections_per_ip %u, max_unauthenticated_per_ip %u)",
	        q->service, ip, q->io.total, q->io.unproven);
	pc__timer_set(&q->burst, BURST_SECONDS, on_minute);
}

void pc__quotas_stop(void)
{
	for (struct quota *q = quotas; q; q = q->next)
		pc__timer_clear(&q->burst);
}

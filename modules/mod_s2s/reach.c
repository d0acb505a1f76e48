/*
 * reach.c - the way to a peer: where it is, whose turn it is to connect, and for how long that is
 * waited for.
 */
#include <stdio.h>
#include <string.h>

#include "s2s.h"

/* ------------------------------------------------------------ time */

static int64_t timeout_of(const struct peer *p)
{
	return (int64_t)(p->own->limits.timeout * 1000);
}

static const char *what_is_late(const struct peer *p)
{
	if (!p->begun)
		return "its turn does not come in time";
	return p->state == PEER_CONNECTING ? "it does not answer in time"
	                                   : "it does not take stanzas in time";
}

static void on_deadline(void *data);

/* Until what has come first has waited for so long, or the connecting has taken so long. */
static void watch(struct peer *p)
{
	int64_t due = p->begun ? p->begun : INT64_MAX, after;

	if (p->line.first && p->line.first->since < due)
		due = p->line.first->since;
	if (due == INT64_MAX)
		return; /* nothing but questions, which have time-outs of their own */
	after = due + timeout_of(p) - pc_now_ms();
	p->deadline = pc_after(p->own->m, after > 0 ? (double)after / 1000 : 0, on_deadline, p);
}

/* There is something to wait for again. */
static void watch_anew(struct peer *p)
{
	if (p->state == PEER_CONNECTING && p->deadline == NULL)
		watch(p);
}

/* Where it had to wait for its turn, who wrote last has more time left than who did first. */
static void on_deadline(void *data)
{
	struct peer *p = data;
	int64_t since = pc_now_ms() - timeout_of(p);

	p->deadline = NULL;
	if (p->begun ? p->begun <= since : p->managed != NULL) {
		peer_fail(p, "remote-server-timeout", what_is_late(p));
		return;
	}
	line_give_back_since(&p->line, p->own, since, "remote-server-timeout");
	watch(p);
	peer_settled(p);
}

/* ------------------------------------------------------------ connecting */

static void on_dialed(pc_dial *dial, pc_stream *s, const pc_dial_target *target, void *data)
{
	struct peer *p = data;

	(void)dial;
	p->out = s;
	p->streams++;
	p->direct_tls = target->direct_tls;
	p->target = target;
}

static void on_dial_failed(pc_dial *dial, int err, const char *why, void *data)
{
	struct peer *p = data;

	(void)dial;
	(void)why; /* the dial has it, for the log */
	if (p->refused)
		peer_refuse(p, NULL);
	else
		peer_fail(p, err == PC_ENOENT ? "remote-server-not-found" : "remote-server-timeout",
		          NULL);
}

/* Its turn. */
static void on_begun(pc_dial *dial, void *data)
{
	struct peer *p = data;

	(void)dial;
	p->begun = pc_now_ms();
	watch_anew(p);
}

bool reach_waits(const struct peer *p)
{
	return p->state == PEER_CONNECTING && !p->begun;
}

static void dial(struct peer *p, const char *asker)
{
	p->dial = pc_dial_domain(p->own->m,
	                         &(pc_dial_args){ .size = sizeof(pc_dial_args),
	                                          .domain = p->domain,
	                                          .services = s2s_services,
	                                          .n_services = S2S_SERVICES,
	                                          .default_port = 5269,
	                                          .class = &s2s_out_class,
	                                          .connected = on_dialed,
	                                          .failed = on_dial_failed,
	                                          .data = p,
	                                          .dane = pc_opt_bool(p->own->m, "use_dane"),
	                                          .asker = asker,
	                                          .begun = on_begun });
}

static void connect_to(struct peer *p, const char *address, uint16_t port, bool direct_tls)
{
	p->direct_tls = direct_tls;
	p->out = pc_connect(p->own->m, &(pc_connect_args){ .class = &s2s_out_class,
	                                                   .address = address,
	                                                   .port = port,
	                                                   .direct_tls = direct_tls,
	                                                   .server_name = p->domain,
	                                                   .alpn = "xmpp-server",
	                                                   .data = p });
	if (p->out)
		p->streams++;
	else
		peer_fail(p, "resource-constraint", "there are too many connections");
}

/* s2s_connect_overrides: "DOMAIN ADDRESS PORT [tls]" */
static bool connect_as_told(struct peer *p)
{
	for (size_t i = 0; i < pc_opt_count(p->own->m, "s2s_connect_overrides"); i++) {
		char domain[256], address[64], how[8] = "";
		unsigned port;
		int n = sscanf(pc_opt_at(p->own->m, "s2s_connect_overrides", i),
		               "%255s %63s %u %7s", domain, address, &port, how);

		if (n < 3 || port == 0 || port > 65535 || strcmp(domain, p->domain) != 0)
			continue;
		connect_to(p, address, (uint16_t)port, strcmp(how, "tls") == 0);
		return true;
	}
	return false;
}

void reach_limit(struct peer *p)
{
	p->begun = pc_now_ms();
	watch(p);
}

static void start(struct peer *p, const char *asker)
{
	p->state = PEER_CONNECTING;
	if (p->line.first)
		watch(p);
	else
		p->deadline = pc_after(p->own->m, p->own->limits.timeout, on_deadline, p);
	if (!connect_as_told(p))
		dial(p, asker);
}

void reach_want(struct peer *p, const char *asker)
{
	if (p->state == PEER_NONE)
		start(p, asker);
	else if (reach_waits(p))
		pc_dial_wanted(p->dial, asker);
	if (reach_waits(p) && (p->dial == NULL || !pc_dial_waits(p->dial)))
		p->begun = pc_now_ms();
	watch_anew(p);
}

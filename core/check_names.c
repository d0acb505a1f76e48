#include "check_names.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/loop.h>

#include "dns.h"
#include "log.h"
#include "server.h"
#include "timers.h"
#include "util/mem.h"

const struct pc__way pc__ways[PC__WAYS] = {
	[PC__WAY_CLIENT] = { "_xmpp-client._tcp", "c2s", 5222, true, false },
	[PC__WAY_CLIENT_TLS] = { "_xmpps-client._tcp", "c2s_direct_tls", 5223, true, true },
	[PC__WAY_SERVER] = { "_xmpp-server._tcp", "s2s", 5269, false, false },
	[PC__WAY_SERVER_TLS] = { "_xmpps-server._tcp", "s2s_direct_tls", 0, false, true },
};

enum rrtype { A = 1, AAAA = 28, SRV = 33 };

struct question {
	struct pc__names *names;
	struct pc__name_way *way;       /* whose records, or NULL */
	struct pc__name_target *target; /* whose addresses */
	enum rrtype type;
};

/* ------------------------------------------------------------ questions */

static void note_error(const struct question *q, int err)
{
	if (q->way)
		q->way->err = err;
	else if (q->target->err == PC_OK || q->target->err == PC_ENOENT)
		q->target->err = err;
}

static void ask(struct question question, const char *name, pc_dns_fn *fn)
{
	struct question *q = pc__malloc(sizeof(*q));
	int err;

	*q = question;
	err = pc_resolve(NULL, name, q->type, fn, q);
	if (err == PC_OK) {
		q->names->awaited++;
		return;
	}
	note_error(q, err);
	free(q);
}

/* ------------------------------------------------------------ addresses */

static void add_address(struct pc__name_target *t, enum rrtype type, const pc_str *bytes)
{
	if (t->n == PC__NAME_ADDRESSES || bytes->len != (type == A ? 4u : 16u))
		return;
	if (inet_ntop(type == A ? AF_INET : AF_INET6, bytes->p, t->addresses[t->n],
	              sizeof(t->addresses[0])))
		t->n++;
}

static void on_address(const pc_dns_answer *answer, void *data)
{
	struct question *q = data;

	q->names->awaited--;
	if (answer->err != PC_OK)
		note_error(q, answer->err);
	for (size_t i = 0; answer->err == PC_OK && i < answer->n; i++)
		add_address(q->target, q->type, &answer->data[i]);
	free(q);
}

static void ask_addresses(struct pc__names *names, struct pc__name_target *t)
{
	ask((struct question){ names, NULL, t, A }, t->srv.target, on_address);
	ask((struct question){ names, NULL, t, AAAA }, t->srv.target, on_address);
}

/* ------------------------------------------------------------ records */

/* No chance is needed here. */
static uint32_t greatest(uint32_t most)
{
	return most;
}

static void take_records(struct pc__name_way *way, const pc_dns_answer *answer)
{
	struct pc__srv srvs[PC__NAME_TARGETS], srv;

	for (size_t i = 0; i < answer->n && way->n < PC__NAME_TARGETS; i++) {
		if (!pc__srv_read(answer->data[i].p, answer->data[i].len, &srv))
			continue;
		if (srv.target[0])
			srvs[way->n++] = srv;
		else
			way->refused = true;
	}
	pc__srv_order(srvs, way->n, greatest);
	for (size_t i = 0; i < way->n; i++)
		way->targets[i].srv = srvs[i];
}

static void on_records(const pc_dns_answer *answer, void *data)
{
	struct question *q = data;

	q->names->awaited--;
	q->way->err = answer->err;
	q->way->bogus = answer->bogus;
	if (answer->err == PC_OK)
		take_records(q->way, answer);
	for (size_t i = 0; i < q->way->n; i++)
		ask_addresses(q->names, &q->way->targets[i]);
	free(q);
}

void pc__names_ask(struct pc__names *names, const char *domain)
{
	memset(names, 0, sizeof(*names));
	snprintf(names->self.srv.target, sizeof(names->self.srv.target), "%s", domain);
	ask_addresses(names, &names->self);
	for (size_t i = 0; i < PC__WAYS; i++) {
		char *name = pc__printf("%s.%s", pc__ways[i].record, domain);

		ask((struct question){ names, &names->ways[i], NULL, SRV }, name, on_records);
		free(name);
	}
	while (names->awaited > 0)
		uv_run(pc__server.loop, UV_RUN_ONCE);
}

/* ------------------------------------------------------------ the loop */

void pc__names_begin(void)
{
	pc__log_set_level(NULL, PC_WARN); /* what a server would tell at its start */
	signal(SIGPIPE, SIG_IGN);         /* whoever hangs up is told of */
	pc__server.loop = uv_default_loop();
	if (pc__server.loop == NULL)
		abort();
}

static void close_handle(uv_handle_t *handle, void *data)
{
	(void)data;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void pc__names_end(void)
{
	pc__dns_stop();
	pc__timers_stop();
	uv_walk(pc__server.loop, close_handle, NULL);
	while (uv_run(pc__server.loop, UV_RUN_DEFAULT) != 0)
		;
	uv_loop_close(pc__server.loop);
}

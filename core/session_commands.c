#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "util/mem.h"

/* The host that is meant; false when the argument names none of ours. */
static bool host_arg(const pc_call *call, size_t i, pc_host **host_r)
{
	const char *name = pc_call_arg(call, i);

	*host_r = name ? pc_host_find(name) : NULL;
	return name == NULL || *host_r != NULL;
}

static const char *ip_of(const pc_session *s)
{
	return s->ip && s->ip[0] ? s->ip : NULL;
}

static bool print_session(const pc_session *s, void *data)
{
	char priority[16] = "unavailable";
	bool available = pc_session_is_available(s);
	const pc_cell cells[] = { PC_TEXT("jid", s->full_jid),
		                  PC_NUMBER("session", s->id),
		                  PC_TEXT("ip", ip_of(s)),
		                  PC_TRUTH("secure", s->secure),
		                  PC_TRUTH("available", available),
		                  PC_NUMBER("priority", s->priority),
		                  PC_TRUTH("connected", s->conn != 0) };

	if (available)
		snprintf(priority, sizeof(priority), "priority %d", s->priority);
	pc_call_row(data, cells, PC__COUNT(cells), "%s  %s  %s  %s%s",
	            s->full_jid ? s->full_jid : "?", ip_of(s) ? ip_of(s) : "-",
	            s->secure ? "TLS" : "plain", priority,
	            s->conn == 0 ? "  (waiting for its client)" : "");
	return true;
}
static void print_one_unbound(const pc_session *s, void *data)
{
	const pc_cell cells[] = { PC_TEXT("jid", NULL),         PC_NUMBER("session", s->id),
		                  PC_TEXT("ip", ip_of(s)),      PC_TRUTH("secure", s->secure),
		                  PC_TEXT("user", s->username), PC_TEXT("host", s->host),
		                  PC_TRUTH("connected", true) };

	pc_call_row(data, cells, PC__COUNT(cells), "%s%s%s  %s  %s  not logged in",
	            s->username ? s->username : "", s->username ? "@" : "", s->host ? s->host : "-",
	            ip_of(s) ? ip_of(s) : "-", s->secure ? "TLS" : "plain");
}

static bool print_unbound(const pc_session *s, void *data)
{
	if (s->type != PC_C2S_UNAUTHED && s->type != PC_C2S_UNBOUND)
		return true;
	print_one_unbound(s, data);
	return true;
}

static void run_list(pc_call *call, pc_module *m)
{
	pc_host *host;

	(void)m;
	if (!host_arg(call, 0, &host)) {
		pc_call_end(call, PC_ENOENT, "no such host");
		return;
	}
	pc_each_session(host, print_session, call);
	if (host == NULL)
		pc_each_unbound_session(print_unbound, call);
	pc_call_end(call, PC_OK, NULL);
}

static bool count(const pc_session *s, void *data)
{
	(void)s;
	++*(size_t *)data;
	return true;
}

static void run_count(pc_call *call, pc_module *m)
{
	pc_host *host;
	size_t n = 0;

	(void)m;
	if (!host_arg(call, 0, &host)) {
		pc_call_end(call, PC_ENOENT, "no such host");
		return;
	}
	pc_each_session(host, count, &n);
	pc_call_row(call, &PC_NUMBER("count", n), 1, "%zu", n);
	pc_call_end(call, PC_OK, NULL);
}

struct closing {
	pc_jid jid;
	const char *text;
	size_t n;
};

static bool close_matching(const pc_session *s, void *data)
{
	struct closing *c = data;

	if (strcmp(s->username, c->jid.local) != 0)
		return true;
	if (c->jid.resource != NULL && strcmp(s->resource, c->jid.resource) != 0)
		return true;
	c->n++;
	pc_session_close(s, c->text ? "policy-violation" : NULL, c->text);
	return true;
}

static void run_close(pc_call *call, pc_module *m)
{
	char buf[PC_JID_BUF];
	struct closing c = { .text = pc_call_arg(call, 1) };
	pc_host *host;

	(void)m;
	if (pc_jid_parse(pc_call_arg(call, 0), buf, &c.jid) < 0 || c.jid.local == NULL) {
		pc_call_end(call, PC_EINVAL, "not an address: %s", pc_call_arg(call, 0));
		return;
	}
	host = pc_host_find(c.jid.domain);
	if (host != NULL)
		pc_each_session(host, close_matching, &c);
	if (c.n == 0)
		pc_call_end(call, PC_ENOENT, "no such session");
	else
		pc_call_end(call, PC_OK, "%zu closed", c.n);
}

const pc_command pc__session_commands[] = {
	{ "c2s", "list", "[HOST]", "Lists the clients that are connected", run_list },
	{ "c2s", "count", "[HOST]", "Counts them", run_count },
	{ "c2s", "close", "JID [TEXT]", "Ends the sessions of an address", run_close },
	{ 0 },
};

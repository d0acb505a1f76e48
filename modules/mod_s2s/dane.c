/*
 * dane.c - certificates that the DNS names (RFC 7673), in both directions.
 *
 * Where we connect, records bind: who shows another certificate is not spoken to, whatever the
 * roots say of it. Of whom connects to us they are a second chance: RFC 6698 is about what servers
 * show, and one may have another certificate where it is a client, which the roots then have to
 * know. Only the domain of the header is looked up; others of that server come by streams of their
 * own.
 */
#include <stdlib.h>
#include <string.h>

#include "s2s.h"

const pc_service s2s_services[S2S_SERVICES] = {
	{ "_xmpps-server._tcp", true, "xmpp-server" },
	{ "_xmpp-server._tcp", false, NULL },
};

static pc_dane_args args_for(const char *domain)
{
	return (pc_dane_args){ .size = sizeof(pc_dane_args),
		               .domain = domain,
		               .service = "xmpp-server",
		               .services = s2s_services,
		               .n_services = S2S_SERVICES,
		               .default_port = 5269 };
}

/* ------------------------------------------------------------ where we connect */

bool dane_binds(const struct peer *p)
{
	return p->target && p->target->n_tlsa > 0;
}

const char *dane_host(const struct peer *p)
{
	return p->target && p->target->named && pc_opt_bool(p->own->m, "use_dane") ? p->target->host
	                                                                           : NULL;
}

static void refuse(struct peer *p, const char *why)
{
	complain(p->own, NULL, PC_WARN, "%s port %u is not trusted for %s: %s (DANE)",
	         p->target->host, p->target->port, p->domain, why);
	outgoing_next(p, why);
}

static void on_out(pc_stream *s, int verdict, const char *why)
{
	struct peer *p = pc_stream_user(s);

	if (p->out != s || p->target == NULL)
		return;
	if (verdict != PC_OK) {
		refuse(p, why);
		return;
	}
	p->certified = true;
	complain(p->own, NULL, PC_INFO, "%s is who it should be: %s (DANE)", p->domain, why);
	outgoing_open(p);
}

bool dane_judges(struct peer *p)
{
	pc_dane_args args = args_for(p->domain);

	if (!dane_binds(p))
		return false;
	args.target = p->target;
	if (pc_dane_judge(p->out, &args, on_out) != PC_OK)
		refuse(p, "it shows no certificate");
	return true;
}

/* ------------------------------------------------------------ who connects to us */

static pc_level level_of(int verdict)
{
	if (verdict == PC_ENOENT)
		return PC_DEBUG;
	return verdict == PC_OK ? PC_INFO : PC_WARN;
}

static void on_in(pc_stream *s, int verdict, const char *why)
{
	struct inbound *in = inbound_of(s);
	struct s2s *own = s2s_of(pc_session_host(pc_stream_session(s)));
	const char *remote = pc_stream_peer(s);

	in->waits = false;
	if (own == NULL || remote == NULL) {
		pc_stream_error(s, "host-gone", NULL);
		return;
	}
	if (verdict == PC_OK) {
		free(in->vouched);
		in->vouched = strdup(remote);
	}
	complain(own, pc_stream_session(s), level_of(verdict), "it says to be %s%s: %s (DANE)",
	         remote, verdict == PC_OK ? ", and is" : "", why);
	incoming_offer(s, own);
}

bool dane_asks(pc_stream *s, struct s2s *own)
{
	struct inbound *in = inbound_of(s);
	const char *remote = pc_stream_peer(s);
	pc_dane_args args = args_for(remote);
	char buf[S2S_ASKER_SIZE];

	if (remote == NULL || in->n_pairs > 0 || !pc_stream_is_secure(s) ||
	    !pc_opt_bool(own->m, "use_dane") || policy_inbound_fault(own, s, remote) == NULL)
		return false;
	args.asker = asker_of_inbound(s, buf);
	in->waits = pc_dane_judge(s, &args, on_in) == PC_OK;
	return in->waits;
}

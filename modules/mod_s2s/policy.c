/*
 * policy.c - what the configuration allows: with whom, and how sure of them we must be.
 */
#include <string.h>

#include "s2s.h"

bool policy_allows(const struct s2s *own, const char *remote)
{
	if (pc_opt_has(own->m, "s2s_blacklist", remote))
		return false;
	return !pc_opt_is_set(own->m, "s2s_whitelist") ||
	       pc_opt_has(own->m, "s2s_whitelist", remote);
}

bool policy_wants_certificate(const struct s2s *own, const char *remote)
{
	if (pc_opt_bool(own->m, "s2s_secure_auth"))
		return !pc_opt_has(own->m, "s2s_insecure_domains", remote);
	return pc_opt_has(own->m, "s2s_secure_domains", remote);
}

bool policy_wants_tls(const struct s2s *own)
{
	return pc_opt_bool(own->m, "s2s_require_encryption");
}

static bool is_for(const pc_stream *s, const char *remote, const char *host)
{
	return pc_stream_peer_is(s, remote, "xmpp-server") ||
	       (host && pc_stream_peer_is(s, host, NULL));
}

/* RFC 6120 13.7.2, RFC 9525, XEP-0178: the chain, and the name; the one says nothing without the
 * other. */
const char *policy_cert_fault(const struct s2s *own, const pc_stream *s, const char *remote,
                              const char *host)
{
	const char *why = NULL;

	if (!pc_opt_bool(own->m, "s2s_auth_certs"))
		return "certificates are not looked at here";
	switch (pc_stream_peer_trust(s, &why)) {
	case PC_OK:
		return is_for(s, remote, host) ? NULL : "its certificate is for another name";
	case PC_EAUTH:
		return why ? why : "its certificate is not trusted";
	default:
		return pc_stream_is_secure(s) ? "it shows no certificate" : "it is not encrypted";
	}
}

bool policy_cert_is_over(const pc_stream *s)
{
	return pc_stream_peer_expires(s) <= pc_time_ms();
}

const char *policy_inbound_fault(const struct s2s *own, pc_stream *s, const char *remote)
{
	const struct inbound *in = inbound_of(s);

	if (in->vouched && strcmp(in->vouched, remote) == 0)
		return NULL;
	return policy_cert_fault(own, s, remote, NULL);
}

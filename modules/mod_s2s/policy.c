/*
 * policy.c - what the configuration allows: with whom, and how sure of them we must be.
 */
#include <string.h>

#include "s2s.h"

/* ------------------------------------------------------------ domains that are named */

static const char *entry(const struct s2s *own, const char *option, size_t i,
                         char buf[static PC_JID_PART_MAX + 1])
{
	return pc_jid_prep_domain(pc_opt_at(own->m, option, i), buf) == PC_OK ? buf : "";
}

bool policy_is_prepared(const struct s2s *own)
{
	static const char *const options[] = { "s2s_blacklist", "s2s_whitelist",
		                               "s2s_insecure_domains", "s2s_secure_domains" };
	char buf[PC_JID_PART_MAX + 1];

	for (size_t o = 0; o < sizeof(options) / sizeof(*options); o++)
		for (size_t i = 0; i < pc_opt_count(own->m, options[o]); i++)
			if (strcmp(entry(own, options[o], i, buf),
			           pc_opt_at(own->m, options[o], i)) != 0)
				return false;
	return true;
}

/* "Example.ORG" names example.org. Lists may be long and are asked for each stanza: one in which
 * all is written as it is compared needs nothing more. */
static bool names(const struct s2s *own, const char *option, const char *remote)
{
	char buf[PC_JID_PART_MAX + 1];
	size_t n = own->limits.prepared ? 0 : pc_opt_count(own->m, option);

	if (pc_opt_has(own->m, option, remote))
		return true;
	for (size_t i = 0; i < n; i++)
		if (strcmp(entry(own, option, i, buf), remote) == 0)
			return true;
	return false;
}

bool policy_allows(const struct s2s *own, const char *remote)
{
	if (names(own, "s2s_blacklist", remote))
		return false;
	return !pc_opt_is_set(own->m, "s2s_whitelist") || names(own, "s2s_whitelist", remote);
}

bool policy_wants_certificate(const struct s2s *own, const char *remote)
{
	if (pc_opt_bool(own->m, "s2s_secure_auth"))
		return !names(own, "s2s_insecure_domains", remote);
	return names(own, "s2s_secure_domains", remote);
}

/* ------------------------------------------------------------ streams */

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

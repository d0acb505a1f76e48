/*
 * others.c - log-ins without a password: EXTERNAL by the certificate of the TLS handshake (RFC 4422
 * appendix A, XEP-0178), and ANONYMOUS (RFC 4505, XEP-0175).
 *
 * A certificate says who somebody is only where it is trusted and names JIDs (XmppAddr). Names of
 * other kinds - e-mail, common names - are not those of accounts, and nobody is let in by them.
 */
#include <stdio.h>
#include <string.h>

#include "saslauth.h"

#define TRACE_MAX 1020 /* bytes of 255 characters (RFC 4505 section 2) */

/* ------------------------------------------------------------ EXTERNAL */

/* What is looked for among the names of a certificate. */
struct names {
	const char *host;
	const char *wanted; /* a local part; NULL: any */
	unsigned n;         /* different ones that were found, 2 for more */
	char local[PC_JID_PART_MAX + 1];
};

static void on_name(const char *text, void *data)
{
	struct names *names = data;
	char buf[PC_JID_BUF];
	pc_jid jid;

	if (pc_jid_parse(text, buf, &jid) != PC_OK || jid.local == NULL || jid.resource ||
	    strcmp(jid.domain, names->host) != 0)
		return;
	if (names->wanted && strcmp(jid.local, names->wanted) != 0)
		return;
	if (names->n == 0)
		memcpy(names->local, jid.local, strlen(jid.local) + 1);
	else if (strcmp(names->local, jid.local) == 0)
		return;
	names->n = names->n == 0 ? 1 : 2;
}

static void find_names(const pc_session *s, struct names *names)
{
	pc_stream *stream = pc_session_stream(s);

	if (s->secure && stream && pc_stream_peer_trust(stream, NULL) == PC_OK)
		pc_stream_peer_jids(stream, on_name, names);
}

bool sasl_external_possible(const pc_session *s)
{
	struct names names = { .host = s->host };

	find_names(s, &names);
	return names.n > 0;
}

static void on_enabled(int err, void *data)
{
	struct sasl_call *call = data;
	struct sasl_state *state;
	const pc_session *s = sasl_call_session(call, &state);

	if (s && err == PC_OK)
		sasl_success(call->m, s, state, call->username, NULL, 0);
	else if (s)
		sasl_fail_by(call, s, state, err, SASL_NO_GUESS);
	sasl_call_end(call);
}

/* The account that the client wants to be, of those that its certificate names: the only one, or
 * the one that it says. NULL, or a SASL condition. */
static const char *choose(const pc_session *s, const char *authzid,
                          char username[static PC_JID_PART_MAX + 1])
{
	struct names names = { .host = s->host };
	char buf[PC_JID_BUF];
	pc_jid jid;

	if (*authzid) {
		if (pc_jid_parse(authzid, buf, &jid) != PC_OK || jid.local == NULL ||
		    jid.resource || strcmp(jid.domain, s->host) != 0)
			return "invalid-authzid";
		names.wanted = jid.local;
	}
	find_names(s, &names);
	if (names.n == 0)
		return *authzid ? "invalid-authzid" : "not-authorized";
	if (names.n > 1)
		return "invalid-authzid";
	memcpy(username, names.local, sizeof(names.local));
	return NULL;
}

pc_result sasl_external_step(pc_event *ev, const pc_session *s, struct sasl_state *state,
                             const char *msg, size_t len)
{
	pc_module *m = pc_event_module(ev);
	struct sasl_call *call = sasl_call_new(m);
	const char *fault =
	        strlen(msg) == len ? choose(s, msg, call->username) : "malformed-request";

	if (fault) {
		sasl_call_free(call);
		sasl_failure(m, s, state, fault, NULL, SASL_NO_GUESS);
		return PC_HANDLED;
	}
	call->token = pc_event_suspend(ev);
	pc_user_enabled(m, pc_module_host(m), call->username, on_enabled, call);
	return PC_SUSPENDED;
}

/* ------------------------------------------------------------ ANONYMOUS */

#define UUID_SIZE 37

/* RFC 4122 section 4.4 */
static void random_uuid(char out[static UUID_SIZE])
{
	uint8_t b[16];
	char hex[sizeof(b) * 2 + 1];

	pc_random_bytes(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	pc_hex_encode(b, sizeof(b), hex);
	snprintf(out, UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%s", hex, hex + 8, hex + 12, hex + 16,
	         hex + 20);
}

/* What the client says to be is at most 255 characters, and for nobody to trust in. */
pc_result sasl_anonymous_step(pc_event *ev, const pc_session *s, struct sasl_state *state,
                              const char *msg, size_t len)
{
	pc_module *m = pc_event_module(ev);
	char name[UUID_SIZE];

	if (len > TRACE_MAX || strlen(msg) != len) {
		sasl_failure(m, s, state, "malformed-request", NULL, SASL_NO_GUESS);
		return PC_HANDLED;
	}
	random_uuid(name);
	sasl_success_as(m, s, state, name,
	                pc_opt_is_set(m, "default_user_role") ? NULL : "prosody:guest",
	                (pc_str){ NULL, 0 });
	return sasl_element_end(ev, state);
}

/*
 * stream.c - what classes ask of a stream: its facts, TLS, limits.
 */
#include <string.h>

#include "config.h"
#include "hosts.h"
#include "io/tls.h"
#include "server.h"
#include "stream_internal.h"

void *pc_stream_data(pc_stream *s)
{
	return s->data;
}

void *pc_stream_user(pc_stream *s)
{
	return s->user;
}

pc_module *pc_stream_module(const pc_stream *s)
{
	return s->m;
}

const pc_session *pc_stream_session(const pc_stream *s)
{
	return s->session ? &s->session->pub : NULL;
}

const pc_stream_class *pc_stream_class_of(const pc_stream *s)
{
	return s->class;
}

const char *pc_stream_id(const pc_stream *s)
{
	return s->id;
}

const char *pc_stream_peer(const pc_stream *s)
{
	return s->peer;
}

const char *pc_stream_ip(const pc_stream *s)
{
	return s->ip;
}

pc_conn_id pc_stream_conn(const pc_stream *s)
{
	return s->conn;
}

bool pc_stream_is_carried(const pc_stream *s)
{
	return s->carried != NULL;
}

bool pc_stream_is_secure(const pc_stream *s)
{
	return s->secure;
}

void pc_stream_set_rate(pc_stream *s, double bytes_per_second, double burst)
{
	double rate = bytes_per_second > 1e12 ? 1e12 : bytes_per_second;
	double kib = rate * burst / 1024;

	if (s->carried || !(rate >= 0))
		return;
	pc__io_set_rate(pc__server.io, s->conn, (size_t)rate,
	                kib > 1e9   ? (unsigned)1e9
	                : kib > 1.0 ? (unsigned)kib
	                            : 1);
}

const char *pc_stream_tls_version(const pc_stream *s)
{
	return s->tls_version;
}

const char *pc_stream_tls_cipher(const pc_stream *s)
{
	return s->tls_cipher;
}

static ssize_t copy_binding(const uint8_t *bytes, size_t len, uint8_t *out, size_t out_size)
{
	if (len == 0)
		return PC_ENOTSUP;
	if (len > out_size)
		return PC_ELIMIT;
	memcpy(out, bytes, len);
	return (ssize_t)len;
}

ssize_t pc_stream_binding(const pc_stream *s, pc_binding binding, uint8_t *out, size_t out_size)
{
	if (s->tls == NULL)
		return PC_ENOTSUP;
	switch (binding) {
	case PC_BINDING_TLS_EXPORTER:
		return copy_binding(s->tls->exporter,
		                    s->tls->has_exporter ? sizeof(s->tls->exporter) : 0, out,
		                    out_size);
	case PC_BINDING_TLS_SERVER_END_POINT:
		return copy_binding(s->tls->end_point, s->tls->end_point_len, out, out_size);
	default:
		return PC_ENOTSUP;
	}
}

size_t pc_stream_peer_certs(const pc_stream *s, const pc_str **certs_r)
{
	*certs_r = s->tls ? s->tls->peer_certs : NULL;
	return s->tls ? s->tls->n_peer_certs : 0;
}

static const pc_str *peer_leaf(const pc_stream *s)
{
	return s->tls && s->tls->n_peer_certs > 0 ? &s->tls->peer_certs[0] : NULL;
}

int pc_stream_peer_trust(const pc_stream *s, const char **why_r)
{
	const char *fault = s->tls ? s->tls->peer_fault : NULL;

	if (why_r)
		*why_r = fault;
	if (peer_leaf(s) == NULL)
		return PC_ENOENT;
	return fault ? PC_EAUTH : PC_OK;
}

int64_t pc_stream_peer_expires(const pc_stream *s)
{
	return peer_leaf(s) ? s->tls->peer_expires * 1000 : INT64_MAX;
}

bool pc_stream_peer_is(const pc_stream *s, const char *domain, const char *service)
{
	const pc_str *leaf = peer_leaf(s);

	return leaf && pc__cert_is_for(leaf, domain, service);
}

struct jids {
	void (*fn)(const char *jid, void *data);
	void *data;
};

static void tell_jid(pc__cert_kind kind, const char *name, void *data)
{
	const struct jids *jids = data;

	if (kind == PC__CERT_XMPP)
		jids->fn(name, jids->data);
}

void pc_stream_peer_jids(const pc_stream *s, void (*fn)(const char *jid, void *data), void *data)
{
	const pc_str *leaf = peer_leaf(s);

	if (leaf)
		pc__cert_names(leaf, tell_jid, &(struct jids){ fn, data });
}

bool pc_stream_lags(const pc_stream *s)
{
	const pc_stream *line = s->carried ? pc__carried_by(s) : s;

	return line && line->lags;
}

void pc_stream_set_limit(pc_stream *s, size_t stanza_bytes)
{
	pc__xml_limits limits = pc__xml_limits_default;

	limits.stanza_bytes = stanza_bytes;
	limits.depth = (size_t)pc__opt_int(NULL, "xml_depth_limit");
	limits.attributes = (size_t)pc__opt_int(NULL, "xml_attributes_limit");
	limits.elements = (size_t)pc__opt_int(NULL, "xml_elements_limit");
	s->limit = stanza_bytes;
	if (s->carried)
		pc__carried_set_limits(s, &limits);
	else
		pc__io_set_limits(pc__server.io, s->conn, &limits);
}

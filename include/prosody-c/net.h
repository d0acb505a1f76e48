/*
 * net.h - for modules that open ports or connections: stream classes, listeners, transports.
 *
 * A *stream* is what the server has with a peer over one connection. A *stream class* says what its
 * streams speak: its content namespace, its framing, and what to do when something comes. With
 * PC_FRAMING_XMPP the bytes are parsed on an I/O thread and the class gets top-level elements; with
 * PC_FRAMING_RAW it gets bytes. The core does what RFC 6120 section 4 asks of any XML stream:
 * header rules, ids, restarts, stream errors, closing handshake, time-outs.
 *
 * Callbacks in order of a stream's life; all may be NULL:
 *   opened   the connection stands (accepted, or connected by pc_connect)
 *   secured  TLS stands
 *   header   the peer's stream header came and is well-formed; the class checks its `to` and
 *            answers by pc_stream_open() or pc_stream_error()
 *   element  a top-level element (PC_FRAMING_XMPP)
 *   bytes    bytes (PC_FRAMING_RAW)
 *   idle     nothing was read for the read time-out (option NAME_read_timeout, 840 s): true
 *            keeps it; NULL ends it, as false does
 *   drained  what was written has left, after it had piled up
 *   error    the peer ended its stream by an error (the core answers and closes)
 *   ended    the peer closed its stream (the core answers and closes)
 *   closed   the connection is gone; nothing can be written. The stream is freed afterwards.
 *            Not called for a module that is unloaded: its streams end without it
 *
 * The barrier. A stream starts with its barrier up: after each top-level element the parser stops
 * until the element's handling has ended, so that a change of protocol (TLS, SASL, handshake) never
 * races with bytes behind it. pc_stream_barrier(s, false) lets the parser run ahead.
 */
#pragma once

#include <prosody-c/base.h>
#include <prosody-c/scram.h>
#include <prosody-c/session.h>

typedef enum pc_framing { PC_FRAMING_XMPP, PC_FRAMING_RAW } pc_framing;

typedef struct pc_stream_header {
	const char *to, *from, *id, *version, *lang; /* NULL where missing; not prepared */
	const char *content_ns;                      /* the default namespace, or NULL */
	bool restarted;                              /* not the first header of this stream */
} pc_stream_header;

/* Whose certificate is asked for on streams that we accept: nobody's, a client's, a server's (which
 * may be good for clients or for servers). The option NAME_ssl = { verify = ... }, else ssl, has
 * the last word: "none" asks for none, "peer" asks also where the class does not, and
 * "fail_if_no_peer_cert" lets nobody in without one that is trusted. */
typedef enum pc_peer { PC_PEER_UNASKED, PC_PEER_CLIENT, PC_PEER_SERVER } pc_peer;

typedef struct pc_stream_class {
	size_t size;
	const char *name; /* "c2s": names its options NAME_timeout, ... */
	pc_framing framing;
	const char *content_ns; /* "jabber:client"; read and written as such on the wire */
	pc_session_type type;   /* of a new stream's session; PC_FRAMING_RAW has no session */
	const char *alpn;       /* accepted with direct TLS, e.g. "xmpp-client"; NULL: any */
	size_t data_size;       /* bytes of the stream's own data, zeroed */
	void (*opened)(pc_stream *s);
	void (*secured)(pc_stream *s);
	void (*header)(pc_stream *s, const pc_stream_header *h);
	void (*element)(pc_stream *s, PC_TAKES pc_stanza *element);
	void (*bytes)(pc_stream *s, const void *bytes, size_t len);
	bool (*idle)(pc_stream *s);
	void (*drained)(pc_stream *s);
	void (*ended)(pc_stream *s);
	void (*closed)(pc_stream *s, const char *reason);
	pc_peer peer;
	/* Since ABI 1.3. */
	const char *options; /* names the options in the place of `name`, where several classes
	                        share them */
	double timeout;      /* seconds, where NAME_timeout is not set; 0: 30 */
	/* Namespaces that our header declares besides: "xmlns:db='jabber:server:dialback'" */
	const char *declares;
	/* the peer's stream error; the core closes the stream when this returns */
	void (*error)(pc_stream *s, const pc_stanza *error);
} pc_stream_class;

/* ---- listen. Ports and addresses come from the options NAME_ports and NAME_interfaces (and
 * `interfaces`, or `local_interfaces` where private), as in Prosody. */

typedef struct pc_listener {
	size_t size;
	const char *service; /* "c2s": names the options */
	const pc_stream_class *class;
	const char *default_ports; /* "5222", "5222,5223", "" for none */
	bool direct_tls;
	bool private_service;  /* loopback unless configured */
	const char *unix_path; /* a UNIX socket instead (relative to the data folder); or NULL */
} pc_listener;
PC_EXPORT void pc_listen(pc_module *m, const pc_listener *listener);

/* ---- connect. `address` is numeric. Ends by the class's opened, or closed with the reason; NULL,
 * and neither of them, when there are as many connections as can be. */

typedef struct pc_connect_args {
	const pc_stream_class *class;
	const char *address;
	uint16_t port;
	bool direct_tls;
	const char *server_name; /* SNI */
	const char *alpn;
	double timeout; /* seconds; 0: the default of 20 */
	void *data;     /* pc_stream_user() */
} pc_connect_args;
/* Where the peer asks for a certificate, it is shown that of m's host. */
PC_EXPORT pc_stream *pc_connect(pc_module *m, const pc_connect_args *args);
/* In `restore`: a stream that the instance before has opened is m's from now on, with a class of
 * the same size; streams that nobody adopts end in the old code. */
PC_EXPORT void pc_stream_adopt(pc_stream *s, pc_module *m, const pc_stream_class *class,
                               void *data);

/* ---- a stream */

PC_EXPORT void *pc_stream_data(pc_stream *s);                      /* the class's data_size bytes */
PC_EXPORT void *pc_stream_user(pc_stream *s);                      /* of pc_connect_args.data */
PC_EXPORT pc_module *pc_stream_module(const pc_stream *s);         /* who listens or connected */
PC_EXPORT const pc_session *pc_stream_session(const pc_stream *s); /* NULL: raw */
PC_EXPORT const pc_stream_class *pc_stream_class_of(const pc_stream *s);
PC_EXPORT const char *pc_stream_id(const pc_stream *s); /* of the current header; "" before */
/* The bare address that the peer's current header gives as its own (RFC 6120 4.7.1), prepared; NULL
 * when it gave none, or one that is no address. Nobody has proved it. */
PC_EXPORT const char *pc_stream_peer(const pc_stream *s);
PC_EXPORT const char *pc_stream_ip(const pc_stream *s);
PC_EXPORT pc_conn_id pc_stream_conn(const pc_stream *s);

/* Sends our header, as an answer (or as the one who connected), and binds the stream to the host.
 * Before it, pc_stream_error() sends a header of its own. For clients the core fires stream-open
 * and then stream-features, and sends the features. */
PC_EXPORT void pc_stream_open(pc_stream *s, pc_host *host, const char *to, const char *from);
/* Features anew without a header, where a log-in ends without a restart (XEP-0388 2.6.1). */
PC_EXPORT void pc_stream_send_features(pc_stream *s);
/* The session's type, for classes of modules: component_unauthed -> component, ... */
PC_EXPORT void pc_stream_set_type(pc_stream *s, pc_session_type type);
/* Sets the host side of the session: what it is addressed as. */
PC_EXPORT void pc_stream_set_host(pc_stream *s, pc_host *host);

PC_EXPORT void pc_stream_barrier(pc_stream *s, bool up);
/* After the element under way the peer starts anew with a header: new parser, new id. */
PC_EXPORT void pc_stream_restart(pc_stream *s);
/* What was sent before goes out in the clear, then TLS starts. Anything that the peer sent behind
 * its request ends the connection; of a raw stream, what comes before `secured` is the class's to
 * refuse. As server, `host` picks the certificate where there is no SNI. */
PC_EXPORT void pc_stream_starttls(pc_stream *s, pc_host *host);
/* The stream error and the end (RFC 6120 4.9); text may be NULL. */
PC_EXPORT void pc_stream_error(pc_stream *s, const char *condition, const char *text);
/* The same with an element of an application in it (4.9.4); borrowed. */
PC_EXPORT void pc_stream_error_with(pc_stream *s, const char *condition, const char *text,
                                    const pc_stanza *detail);
/* The closing handshake (RFC 6120 4.4), ended by NAME_close_timeout (5 s). */
PC_EXPORT void pc_stream_close(pc_stream *s);
/* At once and without a word. */
PC_EXPORT void pc_stream_abort(pc_stream *s, const char *reason);

PC_EXPORT int pc_stream_send(pc_stream *s, pc_stanza *st);                  /* XMPP, borrowed */
PC_EXPORT int pc_stream_write(pc_stream *s, const void *bytes, size_t len); /* RAW, and " " */
/* The peer takes less than it is sent: more than half of what may pile up has not left. */
PC_EXPORT bool pc_stream_lags(const pc_stream *s);
/* The peer may send so many bytes a second, and `burst` seconds' worth at once: what is more is
 * read later. 0: as many as it likes. */
PC_EXPORT void pc_stream_set_rate(pc_stream *s, double bytes_per_second, double burst);
/* Parsed limits of the peer's stanzas change: after authentication. Bytes. */
PC_EXPORT void pc_stream_set_limit(pc_stream *s, size_t stanza_bytes);

/* ---- what TLS agreed on */

/* A transport carries it (below), which has TLS of its own, or none. */
PC_EXPORT bool pc_stream_is_carried(const pc_stream *s);
PC_EXPORT bool pc_stream_is_secure(const pc_stream *s);
PC_EXPORT const char *pc_stream_tls_version(const pc_stream *s); /* "TLS1.3"; NULL in the clear */
PC_EXPORT const char *pc_stream_tls_cipher(const pc_stream *s);
/* Channel binding data; its length, or PC_ENOTSUP. */
PC_EXPORT ssize_t pc_stream_binding(const pc_stream *s, pc_binding binding, uint8_t *out,
                                    size_t out_size);
/* ---- the peer's certificate: from the class's `secured` on, until a client has bound its
 * resource. Trust (the chain, its dates and purposes, against the roots of ssl = { cafile, capath
 * }, else the system's) and names are two questions, and only both together say who somebody is. */

/* As DER, leaf first; 0 when it sent none. */
PC_EXPORT size_t pc_stream_peer_certs(const pc_stream *s, const pc_str **certs_r);
/* PC_OK: it is trusted; PC_EAUTH: it is not, for the reason in *why_r (may be NULL; lives as long
 * as the certificates); PC_ENOENT: there is none. */
PC_EXPORT int pc_stream_peer_trust(const pc_stream *s, const char **why_r);
/* When it ends, or the first of those that it came with (RFC 6120 13.7.2.3): milliseconds since
 * 1970, of pc_time_ms(). Those do not count that had ended when they were shown: who was trusted
 * was so without them. INT64_MAX: there is none. */
PC_EXPORT int64_t pc_stream_peer_expires(const pc_stream *s);
/* Is it for that domain (RFC 9525)? By a DNS name, with a wild card for one whole label; by an
 * SRV-ID of the service ("xmpp-server"; NULL: none); or by an XmppAddr. Never by a common name. */
PC_EXPORT bool pc_stream_peer_is(const pc_stream *s, const char *domain, const char *service);
/* Calls fn for each JID that it names (XmppAddr, RFC 6120 13.7.1.4; for SASL EXTERNAL, XEP-0178),
 * not prepared. */
PC_EXPORT void pc_stream_peer_jids(const pc_stream *s, void (*fn)(const char *jid, void *data),
                                   void *data);

/* ---- transports: another way in and out for streams of a class (WebSocket, BOSH). The transport
 * feeds bytes of the peer's XML and gets what is to be sent. The core does the rest, as for
 * connections: headers, limits, barrier, restarts, time-outs (but for NAME_read_timeout: silence is
 * the transport's to judge), and it calls `close` exactly once, between two handlers, whoever ended
 * the stream. Until then `t` must be there, and the pc_stream is; both end with the module.
 *
 * The class of clients is a service: pc_provider(NULL, "c2s-class", &owner). */

typedef struct pc_transport {
	size_t size;
	/* Each element stands alone: one for each call of `send`, with its namespaces declared, and
	 * <open/>, <close/> for the stream's tags (RFC 7395). */
	bool framed;
	void (*send)(void *t, const void *bytes, size_t len);
	/* The stream has ended: send what is left and hang up; t is not called again. */
	void (*close)(void *t);
	/* After PC_EBUSY: all has been taken, more may come. NULL: not needed. */
	void (*ready)(void *t);
	/* The raw stream by which what is sent now will leave: by it the server knows when that has
	 * left (pc_session_written) and whether it piles up (pc_stream_lags). NULL, or NULL
	 * returned: it is taken for sent. */
	pc_stream *(*carrier)(void *t);
} pc_transport;
/* `class` is of PC_FRAMING_XMPP; `secure`: the peer came under TLS, or as good as that. */
PC_EXPORT pc_stream *pc_stream_new(pc_module *m, const pc_stream_class *class, const char *ip,
                                   bool secure, const pc_transport *transport, void *t);
/* The one parser, whatever the transport. PC_EBUSY: taken, but elements before it are still being
 * handled: feed no more before `ready` (64 KiB beyond the size of a stanza end the stream with
 * policy-violation). PC_ECANCELED: the stream has ended, maybe by this. */
PC_EXPORT int pc_stream_input(pc_stream *s, const void *bytes, size_t len);
/* The peer has gone without a word: the session may be kept for it (pre-resource-unbind). */
PC_EXPORT void pc_stream_lost(pc_stream *s, const char *reason);

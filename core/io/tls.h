/*
 * tls.h - an immutable snapshot of certificates and TLS settings, counted, shared by all threads.
 *
 * TLS 1.2 and 1.3 only, forward secrecy and AEAD only (RFC 7590, RFC 9325), no renegotiation, no
 * compression, session tickets with keys that rotate. Main makes a new snapshot when certificates
 * are reloaded; connections keep the one that they began with.
 */
#pragma once

#include <sys/types.h>

#include <prosody-c/base.h>

typedef struct pc__tls pc__tls;

typedef enum pc__tls_profile { PC__TLS_MODERN, PC__TLS_INTERMEDIATE } pc__tls_profile;

typedef struct pc__tls_settings {
	pc__tls_profile profile; /* modern: 1.3 only; intermediate: 1.2 too */
	const char *priorities;  /* GnuTLS priority string instead of the profile's; NULL: none */
	/* Roots for peers' certificates: a file, a folder; both NULL: the system's. */
	const char *cafile, *capath;
	const void *ticket_key; /* kept over reloads so that tickets stay good; NULL: a new one */
	size_t ticket_key_len;
} pc__tls_settings;

/* PC_EINVAL with a text in *error_r (malloc'ed) when the settings are refused. */
int pc__tls_new(pc__tls **tls_r, const pc__tls_settings *settings, char **error_r);
/* Adds a certificate chain and its key (PEM files) for a name ("example.org", "*.example.org"; ""
 * is the default). The same name twice: an ECDSA and an RSA one, ECDSA preferred. Before the
 * snapshot is shared. The files are read now. */
int pc__tls_add(pc__tls *tls, const char *name, const char *cert_file, const char *key_file,
                char **error_r);
/* Adds what a snapshot (another one, or itself) has under that name, under the name `as`.
 * PC_ENOENT: it has nothing. */
int pc__tls_copy(pc__tls *tls, const pc__tls *from, const char *name, const char *as);
/* Whether it has that very name. */
bool pc__tls_has(const pc__tls *tls, const char *name);
/* When the certificate that `name` would get expires (seconds since 1970); -1: it has none. */
int64_t pc__tls_expires(const pc__tls *tls, const char *name);
/* ---- names in a peer's certificate (DER) */

typedef enum pc__cert_kind { PC__CERT_DNS, PC__CERT_SRV, PC__CERT_XMPP } pc__cert_kind;
/* A DNS-ID, perhaps with a wild card; an SRV-ID ("_xmpp-server.example.org", RFC 4985); an XmppAddr
 * (a JID, RFC 6120 13.7.1.4). As they stand there. */
typedef void pc__cert_name_fn(pc__cert_kind kind, const char *name, void *data);
void pc__cert_names(const pc_str *der, pc__cert_name_fn *fn, void *data);
/* Is it for that domain (prepared)? RFC 9525: one of its DNS-IDs, where a wild card is one whole
 * label; an SRV-ID of the service ("xmpp-server"; NULL: none); or an XmppAddr. Never the common
 * name. Whether the certificate is to be trusted is another question. */
bool pc__cert_is_for(const pc_str *der, const char *domain, const char *service);

/* ---- DANE: certificates that the DNS names (RFC 6698, RFC 7671) */

/* A record's data as the DNS has it: is it whole, and of a kind that is known? (RFC 7671
 * section 4.1 leaves others out.) */
bool pc__tlsa_is_usable(const pc_str *record);

typedef struct pc__dane_claim {
	const pc_str *chain; /* DER, leaf first */
	size_t n;
	const char *fault;            /* why it leads to none of the roots; NULL: it does */
	const char *domain, *service; /* who it has to be for, as with pc__cert_is_for() */
	const char *host;             /* where the records are: a name that is as good */
	const pc_str *records;        /* usable ones */
	size_t n_records;
	const pc__tls *tls; /* the roots */
} pc__dane_claim;
/* NULL: one of the records is of that certificate, or of an authority that it comes from; else why
 * none is, malloc'ed. It checks at most a dozen chains, so call it on a job thread. */
char *pc__dane_judge(const pc__dane_claim *claim);

/* The names of a certificate file: calls fn for each DNS name in it. */
int pc__tls_names(const char *cert_file, void (*fn)(const char *name, void *data), void *data);
/* ---- making certificates */

/* A file of a certificate or a key. */
typedef struct pc__cert_file {
	mode_t mode;
	bool replace; /* what is there, in one step; else that is EEXIST */
	bool owned;   /* by these; else by who we are */
	uid_t uid;
	gid_t gid;
} pc__cert_file;
/* 0, or an errno. Nothing is left of a file that could not be written. */
int pc__cert_write(const char *file, const void *bytes, size_t len, const pc__cert_file *how);

typedef struct pc__cert_order {
	const char *const *names; /* DNS names; the first is the common name, too */
	size_t n;
	const char *cert_file, *key_file; /* key mode 0600 */
	bool request; /* a signing request (PKCS #10) instead of a certificate */
	bool old_key; /* the key is there, and stays */
	bool replace, owned;
	uid_t uid;
	gid_t gid;
} pc__cert_order;
/* Makes a key (ECDSA P-256) and a certificate that is signed by it, or a request. PC_EINVAL, with
 * the reason in *error_r (malloc'ed; NULL: not wanted). */
int pc__cert_make(const pc__cert_order *order, char **error_r);
/* Do the two belong together? PC_EINVAL with the reason in *error_r (malloc'ed). */
int pc__cert_fits(const char *cert_file, const char *key_file, char **error_r);
/* Makes a self-signed ECDSA P-256 certificate for a name, in two new files (key mode 0600). */
int pc__tls_self_signed(const char *name, const char *cert_file, const char *key_file,
                        char **error_r);
/* The ticket key, to hand to the next snapshot. */
const void *pc__tls_ticket_key(const pc__tls *tls, size_t *len_r);

pc__tls *pc__tls_ref(pc__tls *tls); /* from any thread */
void pc__tls_unref(pc__tls **tls);  /* from any thread */

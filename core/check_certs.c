/*
 * check_certs.c - the certificate that each host would get, and what is wrong with it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <prosody-c/codec.h>
#include <prosody-c/loop.h>

#include "certs.h"
#include "check.h"
#include "check_names.h"
#include "io/tls.h"
#include "util/buf.h"
#include "util/mem.h"

#define DAY 86400
#define WARN_DAYS 21
#define RSA_BITS_LEAST 2048
#define ID_SIZE 64

struct look {
	struct pc__check *check;
	const char *host;
	bool component; /* only other servers see it */
	char *cert_file, *key_file;
	gnutls_x509_crt_t *chain;
	unsigned n;
};

/* ------------------------------------------------------------ reading */

static bool read_file(const struct look *l, const char *path, gnutls_datum_t *bytes_r)
{
	int err = gnutls_load_file(path, bytes_r);

	if (err == 0)
		return true;
	pc__check_tell(l->check, PC__ERROR, path, "it cannot be read: %s",
	               errno ? strerror(errno) : gnutls_strerror(err));
	return false;
}

static bool read_chain(struct look *l)
{
	gnutls_datum_t bytes;
	int err;

	if (!read_file(l, l->cert_file, &bytes))
		return false;
	err = gnutls_x509_crt_list_import2(&l->chain, &l->n, &bytes, GNUTLS_X509_FMT_PEM, 0);
	gnutls_free(bytes.data);
	if (err == 0 && l->n > 0)
		return true;
	pc__check_tell(l->check, PC__ERROR, l->cert_file, "there is no certificate in it: %s",
	               gnutls_strerror(err));
	return false;
}

static bool read_key(const struct look *l, gnutls_x509_privkey_t key)
{
	gnutls_datum_t bytes;
	int err;

	if (!read_file(l, l->key_file, &bytes))
		return false;
	err = gnutls_x509_privkey_import2(key, &bytes, GNUTLS_X509_FMT_PEM, NULL, 0);
	explicit_bzero(bytes.data, bytes.size);
	gnutls_free(bytes.data);
	if (err == 0)
		return true;
	pc__check_tell(l->check, PC__ERROR, l->key_file, "there is no usable key in it: %s",
	               gnutls_strerror(err));
	return false;
}

/* ------------------------------------------------------------ what may be wrong */

static bool is_of(gnutls_x509_privkey_t key, gnutls_x509_crt_t cert)
{
	unsigned char a[ID_SIZE], b[ID_SIZE];
	size_t n = sizeof(a), m = sizeof(b);

	return gnutls_x509_privkey_get_key_id(key, 0, a, &n) == 0 &&
	       gnutls_x509_crt_get_key_id(cert, 0, b, &m) == 0 && n == m && memcmp(a, b, n) == 0;
}

static void check_key(const struct look *l)
{
	gnutls_x509_privkey_t key;
	struct stat st;

	gnutls_x509_privkey_init(&key);
	if (read_key(l, key) && !is_of(key, l->chain[0]))
		pc__check_tell(l->check, PC__ERROR, l->key_file,
		               "this is not the key of the certificate in %s", l->cert_file);
	gnutls_x509_privkey_deinit(key);
	if (stat(l->key_file, &st) == 0 && (st.st_mode & S_IRWXO))
		pc__check_tell(l->check, PC__WARNING, l->key_file,
		               "everybody on this machine may read the key");
}

static void check_names(const struct look *l)
{
	gnutls_datum_t der;
	bool is_for;

	if (gnutls_x509_crt_export2(l->chain[0], GNUTLS_X509_FMT_DER, &der) != 0)
		return;
	is_for = pc__cert_is_for(&(pc_str){ (char *)der.data, der.size }, l->host,
	                         l->component ? "xmpp-server" : "xmpp-client");
	gnutls_free(der.data);
	if (!is_for && l->component)
		pc__check_tell(l->check, PC__WARNING, l->cert_file,
		               "it is not for %s: other servers will not trust it", l->host);
	else if (!is_for)
		pc__check_tell(l->check, PC__ERROR, l->cert_file, "it is not for %s", l->host);
}

static void check_time(const struct look *l)
{
	int64_t now = pc_time_ms() / 1000;
	int64_t begins = gnutls_x509_crt_get_activation_time(l->chain[0]);
	int64_t left = gnutls_x509_crt_get_expiration_time(l->chain[0]) - now;

	if (begins > now)
		pc__check_tell(l->check, PC__ERROR, l->cert_file, "it is not valid yet");
	if (left <= 0)
		pc__check_tell(l->check, PC__ERROR, l->cert_file, "it has expired");
	else if (left < (int64_t)WARN_DAYS * DAY)
		pc__check_tell(l->check, PC__WARNING, l->cert_file, "it expires in %d days",
		               (int)(left / DAY));
}

static void check_chain(const struct look *l)
{
	unsigned bits = 0;

	if (gnutls_x509_crt_check_issuer(l->chain[0], l->chain[0]))
		pc__check_tell(l->check, PC__WARNING, l->cert_file,
		               "it is self-signed: clients and servers will not trust it");
	else if (l->n == 1)
		pc__check_tell(l->check, PC__NOTE, l->cert_file,
		               "it comes without certificates of who signed it");
	for (unsigned i = 0; i + 1 < l->n; i++)
		if (!gnutls_x509_crt_check_issuer(l->chain[i], l->chain[i + 1]))
			pc__check_tell(l->check, PC__WARNING, l->cert_file,
			               "certificate %u in it was not signed by the next one",
			               i + 1);
	if (gnutls_x509_crt_get_pk_algorithm(l->chain[0], &bits) == GNUTLS_PK_RSA &&
	    bits < RSA_BITS_LEAST)
		pc__check_tell(l->check, PC__WARNING, l->cert_file,
		               "its RSA key has %u bits, which are too few", bits);
}

/* ------------------------------------------------------------ what it says */

static void add_name(const char *name, void *data)
{
	struct pc__buf *b = data;

	pc__buf_printf(b, "%s%s", b->len ? ", " : "", name);
}

static void describe(const struct look *l)
{
	struct pc__buf names = { 0 };
	char ends[PC_DATETIME_SIZE];

	pc__tls_names(l->cert_file, add_name, &names);
	pc_datetime_write(gnutls_x509_crt_get_expiration_time(l->chain[0]) * 1000, ends);
	printf("%s: %s\n  names:   %s\n  expires: %s\n", l->host, l->cert_file,
	       names.len ? pc__buf_str(&names) : "(none)", ends);
	pc__buf_free(&names);
}

static void look_free(struct look *l)
{
	for (unsigned i = 0; i < l->n; i++)
		gnutls_x509_crt_deinit(l->chain[i]);
	gnutls_free(l->chain);
	free(l->cert_file);
	free(l->key_file);
}

static void tell_missing(struct pc__check *c, const pc__config_host *host)
{
	pc__check_tell(c, PC__WARNING, host->name,
	               host->component
	                       ? "there is no certificate: other servers are shown that of a host"
	                       : "there is no certificate: a self-signed one is made at the start");
}

static void check_host(struct pc__check *c, const pc__config_host *host)
{
	struct look l = { .check = c, .host = host->name, .component = host->component };

	if (!pc__certs_find(l.host, l.component, &l.cert_file, &l.key_file)) {
		tell_missing(c, host);
		return;
	}
	errno = 0;
	if (read_chain(&l)) {
		describe(&l);
		check_names(&l);
		check_time(&l);
		check_chain(&l);
		check_key(&l);
	}
	pc__check_print(c);
	look_free(&l);
}

static bool is_federated(const pc__config_host *host)
{
	return pc__check_serves(host, &pc__ways[PC__WAY_SERVER]) ||
	       pc__check_serves(host, &pc__ways[PC__WAY_SERVER_TLS]);
}

void pc__check_certs(struct pc__check *c)
{
	size_t n;
	const pc__config_host *hosts = pc__config_hosts(&n);

	for (size_t i = 0; i < n; i++)
		if (pc__opt_bool(hosts[i].name, "enabled") &&
		    (!hosts[i].component || is_federated(&hosts[i])))
			check_host(c, &hosts[i]);
}

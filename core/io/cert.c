/* Certificates as files and as bytes: names, self-signed ones, end points. */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/snapshot.h"
#include "util/mem.h"

#define DAY ((time_t)86400)
#define SELF_SIGNED_DAYS 3650
/* The upper bound of a common name (RFC 5280 appendix A). */
#define COMMON_NAME_MOST 64
#define PEM_MOST 8192

/* ---- names */

/* true: there is a name of that number, perhaps of another kind. */
static bool name_at(gnutls_x509_crt_t crt, unsigned i, void (*fn)(const char *, void *), void *data,
                    unsigned *n_r)
{
	char name[256];
	size_t len = sizeof(name) - 1;
	int r = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &len, NULL);

	if (r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
		return false;
	if (r == GNUTLS_SAN_DNSNAME && memchr(name, '\0', len) == NULL) {
		name[len] = '\0';
		fn(name, data);
		(*n_r)++;
	}
	return true;
}

/* Old certificates have their name in the subject only. */
static void common_name(gnutls_x509_crt_t crt, void (*fn)(const char *, void *), void *data)
{
	char name[256];
	size_t len = sizeof(name) - 1;

	if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &len) != 0)
		return;
	name[len] = '\0';
	fn(name, data);
}

static int read_first(const char *file, gnutls_x509_crt_t *crt_r)
{
	gnutls_datum_t pem;
	int r = gnutls_load_file(file, &pem);

	if (r < 0)
		return PC_ENOENT;
	gnutls_x509_crt_init(crt_r);
	r = gnutls_x509_crt_import(*crt_r, &pem, GNUTLS_X509_FMT_PEM);
	gnutls_free(pem.data);
	if (r == 0)
		return PC_OK;
	gnutls_x509_crt_deinit(*crt_r);
	return PC_EINVAL;
}

int pc__tls_names(const char *cert_file, void (*fn)(const char *name, void *data), void *data)
{
	gnutls_x509_crt_t crt;
	unsigned n = 0;
	int err = read_first(cert_file, &crt);

	if (err != PC_OK)
		return err;
	for (unsigned i = 0; name_at(crt, i, fn, data, &n); i++)
		;
	if (n == 0)
		common_name(crt, fn, data);
	gnutls_x509_crt_deinit(crt);
	return PC_OK;
}

/* ---- made here */

struct making {
	const pc__cert_order *order;
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	gnutls_x509_crq_t crq;
};

static unsigned common_name_len(const char *name)
{
	size_t len = strlen(name);

	return (unsigned)(len < COMMON_NAME_MOST ? len : COMMON_NAME_MOST);
}

static int fill_in(struct making *m)
{
	unsigned char serial[16];
	time_t now = time(NULL);
	const char *const *names = m->order->names;

	gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
	serial[0] = (unsigned char)((serial[0] & 0x3f) | 0x40); /* positive, and not zero */
	gnutls_x509_crt_set_version(m->crt, 3);
	gnutls_x509_crt_set_serial(m->crt, serial, sizeof(serial));
	gnutls_x509_crt_set_activation_time(m->crt, now - DAY);
	gnutls_x509_crt_set_expiration_time(m->crt, now + SELF_SIGNED_DAYS * DAY);
	gnutls_x509_crt_set_dn_by_oid(m->crt, GNUTLS_OID_X520_COMMON_NAME, 0, names[0],
	                              common_name_len(names[0]));
	for (size_t i = 0; i < m->order->n; i++)
		gnutls_x509_crt_set_subject_alt_name(m->crt, GNUTLS_SAN_DNSNAME, names[i],
		                                     (unsigned)strlen(names[i]),
		                                     i ? GNUTLS_FSAN_APPEND : GNUTLS_FSAN_SET);
	gnutls_x509_crt_set_key_usage(m->crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
	gnutls_x509_crt_set_key_purpose_oid(m->crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
	gnutls_x509_crt_set_key_purpose_oid(m->crt, GNUTLS_KP_TLS_WWW_CLIENT, 0);
	gnutls_x509_crt_set_basic_constraints(m->crt, 0, -1);
	gnutls_x509_crt_set_key(m->crt, m->key);
	return gnutls_x509_crt_sign2(m->crt, m->crt, m->key, GNUTLS_DIG_SHA256, 0);
}

static int fill_in_request(struct making *m)
{
	const char *const *names = m->order->names;

	gnutls_x509_crq_set_version(m->crq, 1);
	gnutls_x509_crq_set_dn_by_oid(m->crq, GNUTLS_OID_X520_COMMON_NAME, 0, names[0],
	                              common_name_len(names[0]));
	for (size_t i = 0; i < m->order->n; i++)
		gnutls_x509_crq_set_subject_alt_name(m->crq, GNUTLS_SAN_DNSNAME, names[i],
		                                     (unsigned)strlen(names[i]),
		                                     i ? GNUTLS_FSAN_APPEND : GNUTLS_FSAN_SET);
	gnutls_x509_crq_set_key(m->crq, m->key);
	return gnutls_x509_crq_sign2(m->crq, m->key, GNUTLS_DIG_SHA256, 0);
}

/* 0, or an errno. */
static int write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		bytes += n;
		len -= (size_t)n;
	}
	return fsync(fd) < 0 ? errno : 0;
}

static int write_new(const char *file, const char *bytes, size_t len, const pc__cert_file *how)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, how->mode);
	int err = fd < 0 ? errno : 0;

	if (fd < 0)
		return err;
	if (how->owned && fchown(fd, how->uid, how->gid) < 0)
		err = errno;
	if (err == 0)
		err = write_all(fd, bytes, len);
	close(fd);
	if (err != 0)
		unlink(file);
	return err;
}

int pc__cert_write(const char *file, const void *bytes, size_t len, const pc__cert_file *how)
{
	char *aside;
	int err;

	if (!how->replace)
		return write_new(file, bytes, len, how);
	aside = pc__printf("%s.new", file);
	unlink(aside);
	err = write_new(aside, bytes, len, how);
	if (err == 0 && rename(aside, file) < 0) {
		err = errno;
		unlink(aside);
	}
	free(aside);
	return err;
}

static pc__cert_file how_to_write(const pc__cert_order *o, mode_t mode)
{
	return (pc__cert_file){ mode, o->replace, o->owned, o->uid, o->gid };
}

static char *write_key(const struct making *m)
{
	const pc__cert_file how = how_to_write(m->order, 0600);
	char pem[PEM_MOST];
	size_t len = sizeof(pem);
	int err;

	if (gnutls_x509_privkey_export(m->key, GNUTLS_X509_FMT_PEM, pem, &len) != 0)
		return pc__strdup("the key cannot be written as PEM");
	err = pc__cert_write(m->order->key_file, pem, len, &how);
	gnutls_memset(pem, 0, sizeof(pem));
	return err == 0 ? NULL : pc__printf("%s: %s", m->order->key_file, strerror(err));
}

static char *write_cert(const struct making *m)
{
	const pc__cert_file how = how_to_write(m->order, 0644);
	const char *file = m->order->cert_file;
	char pem[PEM_MOST];
	size_t len = sizeof(pem);
	int r = m->order->request ? gnutls_x509_crq_export(m->crq, GNUTLS_X509_FMT_PEM, pem, &len)
	                          : gnutls_x509_crt_export(m->crt, GNUTLS_X509_FMT_PEM, pem, &len);
	int err = r == 0 ? pc__cert_write(file, pem, len, &how) : EINVAL;

	return err == 0 ? NULL : pc__printf("%s: %s", file, strerror(err));
}

static int generate(gnutls_x509_privkey_t key)
{
	return gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
	                                    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
}

static int read_old_key(const struct making *m)
{
	gnutls_datum_t pem;
	int r = gnutls_load_file(m->order->key_file, &pem);

	if (r < 0)
		return r;
	r = gnutls_x509_privkey_import(m->key, &pem, GNUTLS_X509_FMT_PEM);
	gnutls_memset(pem.data, 0, pem.size);
	gnutls_free(pem.data);
	return r;
}

/* The key first: where it cannot be written, nothing has been. */
static char *make(struct making *m)
{
	bool old = m->order->old_key;
	int r = old ? read_old_key(m) : generate(m->key);
	char *error;

	if (r == 0)
		r = m->order->request ? fill_in_request(m) : fill_in(m);
	if (r != 0)
		return pc__printf("a certificate for %s: %s", m->order->names[0],
		                  gnutls_strerror(r));
	error = old ? NULL : write_key(m);
	if (error)
		return error;
	error = write_cert(m);
	if (error && !old && !m->order->replace)
		unlink(m->order->key_file);
	return error;
}

int pc__cert_make(const pc__cert_order *order, char **error_r)
{
	struct making m = { .order = order };
	char *error;

	gnutls_x509_crt_init(&m.crt);
	gnutls_x509_crq_init(&m.crq);
	gnutls_x509_privkey_init(&m.key);
	error = make(&m);
	gnutls_x509_crt_deinit(m.crt);
	gnutls_x509_crq_deinit(m.crq);
	gnutls_x509_privkey_deinit(m.key);
	if (error == NULL)
		return PC_OK;
	if (error_r != NULL)
		*error_r = error;
	else
		free(error);
	return PC_EINVAL;
}

int pc__tls_self_signed(const char *name, const char *cert_file, const char *key_file,
                        char **error_r)
{
	return pc__cert_make(
	        &(pc__cert_order){
	                .names = &name, .n = 1, .cert_file = cert_file, .key_file = key_file },
	        error_r);
}

/* ---- a pair from elsewhere */

int pc__cert_fits(const char *cert_file, const char *key_file, char **error_r)
{
	gnutls_certificate_credentials_t pair;
	int r;

	gnutls_certificate_allocate_credentials(&pair);
	r = gnutls_certificate_set_x509_key_file(pair, cert_file, key_file, GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(pair);
	if (r >= 0)
		return PC_OK;
	*error_r = pc__strdup(gnutls_strerror(r));
	return PC_EINVAL;
}

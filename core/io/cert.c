/* Certificates as files and as bytes: names, self-signed ones, end points. */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
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

/* ---- self-signed */

static void fill_in(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *name)
{
	unsigned char serial[16];
	time_t now = time(NULL);
	unsigned len = (unsigned)strlen(name);

	gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
	serial[0] = (unsigned char)((serial[0] & 0x3f) | 0x40); /* positive, and not zero */
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	gnutls_x509_crt_set_activation_time(crt, now - DAY);
	gnutls_x509_crt_set_expiration_time(crt, now + SELF_SIGNED_DAYS * DAY);
	gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
	                              len < COMMON_NAME_MOST ? len : COMMON_NAME_MOST);
	gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name, len, GNUTLS_FSAN_SET);
	gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
	gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
	gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_CLIENT, 0);
	gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
	gnutls_x509_crt_set_key(crt, key);
}

static int write_new(const char *file, const char *bytes, size_t len, mode_t mode)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	int err = 0;

	if (fd < 0)
		return errno;
	while (len > 0 && err == 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR)
			err = errno;
		if (n <= 0)
			continue;
		bytes += n;
		len -= (size_t)n;
	}
	if (err == 0 && fsync(fd) < 0)
		err = errno;
	close(fd);
	if (err != 0)
		unlink(file);
	return err;
}

static char *write_pair(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *cert_file,
                        const char *key_file)
{
	char pem[PEM_MOST];
	size_t len = sizeof(pem);
	int err;

	if (gnutls_x509_privkey_export(key, GNUTLS_X509_FMT_PEM, pem, &len) != 0)
		return pc__strdup("the key cannot be written as PEM");
	err = write_new(key_file, pem, len, 0600);
	gnutls_memset(pem, 0, sizeof(pem));
	if (err != 0)
		return pc__printf("%s: %s", key_file, strerror(err));
	len = sizeof(pem);
	if (gnutls_x509_crt_export(crt, GNUTLS_X509_FMT_PEM, pem, &len) != 0)
		err = EINVAL;
	else
		err = write_new(cert_file, pem, len, 0644);
	if (err == 0)
		return NULL;
	unlink(key_file);
	return pc__printf("%s: %s", cert_file, strerror(err));
}

static char *make_pair(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *name)
{
	int r = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
	                                     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);

	if (r == 0) {
		fill_in(crt, key, name);
		r = gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
	}
	return r == 0 ? NULL : pc__printf("a certificate for %s: %s", name, gnutls_strerror(r));
}

int pc__tls_self_signed(const char *name, const char *cert_file, const char *key_file,
                        char **error_r)
{
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
	char *error;

	gnutls_x509_crt_init(&crt);
	gnutls_x509_privkey_init(&key);
	error = make_pair(crt, key, name);
	if (error == NULL)
		error = write_pair(crt, key, cert_file, key_file);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
	if (error == NULL)
		return PC_OK;
	if (error_r != NULL)
		*error_r = error;
	else
		free(error);
	return PC_EINVAL;
}

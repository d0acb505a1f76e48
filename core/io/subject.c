/* Whom a certificate is for: the names in it (RFC 9525, RFC 6120 section 13.7.1). */
#include <arpa/inet.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/tls.h"
#include "util/idna.h"
#include "util/mem.h"

#define OID_SRV "1.3.6.1.5.5.7.8.7" /* id-on-dnsSRV (RFC 4985) */
/* GNUTLS_SAN_OTHERNAME_SRV: newer releases of the library decode that one, too; the headers of
 * older ones do not name it. */
#define SAN_SRV_DECODED (GNUTLS_SAN_OTHERNAME_XMPP + 3)
#define NAME_MOST 3072
#define DER_IA5_STRING 0x16

static bool import(const pc_str *der, gnutls_x509_crt_t *crt_r)
{
	gnutls_datum_t d = { (unsigned char *)(uintptr_t)der->p, (unsigned)der->len };

	gnutls_x509_crt_init(crt_r);
	if (gnutls_x509_crt_import(*crt_r, &d, GNUTLS_X509_FMT_DER) == 0)
		return true;
	gnutls_x509_crt_deinit(*crt_r);
	return false;
}

static char *text_of(unsigned char *bytes, size_t len)
{
	if (memchr(bytes, '\0', len) != NULL)
		return NULL;
	bytes[len] = '\0';
	return (char *)bytes;
}

/* The text of a DER IA5String, made a C string in place; NULL: it is another thing. */
static char *ia5_of(unsigned char *der, size_t len)
{
	size_t head = 2, size;

	if (len < 2 || der[0] != DER_IA5_STRING)
		return NULL;
	size = der[1];
	if (size == 0x81 && len >= 3) {
		size = der[2];
		head = 3;
	} else if (size == 0x82 && len >= 4) {
		size = (size_t)der[2] << 8 | der[3];
		head = 4;
	} else if (size > 0x7f) {
		return NULL;
	}
	return size == len - head ? text_of(der + head, size) : NULL;
}

static bool is_srv_oid(gnutls_x509_crt_t crt, unsigned i)
{
	char oid[64];
	size_t len = sizeof(oid);

	return gnutls_x509_crt_get_subject_alt_othername_oid(crt, i, oid, &len) >= 0 &&
	       strcmp(oid, OID_SRV) == 0;
}

/* false: there is no name of that number. */
static bool tell_name(gnutls_x509_crt_t crt, unsigned i, pc__cert_name_fn *fn, void *data)
{
	unsigned char bytes[NAME_MOST + 1];
	size_t len = NAME_MOST;
	int r = gnutls_x509_crt_get_subject_alt_name(crt, i, bytes, &len, NULL);
	pc__cert_kind kind = PC__CERT_DNS;
	char *name = NULL;

	if (r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
		return false;
	if (r == GNUTLS_SAN_DNSNAME) {
		name = text_of(bytes, len);
	} else if (r == GNUTLS_SAN_OTHERNAME_XMPP) { /* that one the library decodes */
		kind = PC__CERT_XMPP;
		name = text_of(bytes, len);
	} else if (r == SAN_SRV_DECODED) {
		kind = PC__CERT_SRV;
		name = text_of(bytes, len);
	} else if (r == GNUTLS_SAN_OTHERNAME && is_srv_oid(crt, i)) {
		kind = PC__CERT_SRV;
		name = ia5_of(bytes, len);
	}
	if (name != NULL)
		fn(kind, name, data);
	return true;
}

void pc__cert_names(const pc_str *der, pc__cert_name_fn *fn, void *data)
{
	gnutls_x509_crt_t crt;

	if (!import(der, &crt))
		return;
	for (unsigned i = 0; tell_name(crt, i, fn, data); i++)
		;
	gnutls_x509_crt_deinit(crt);
}

/* ---- is it for that domain? */

struct sought {
	const char *domain, *ascii, *service;
	bool has_dns, found;
};

/* "_xmpp-server.example.org" */
static bool is_srv(const char *name, const struct sought *sought)
{
	size_t len = strlen(sought->service);

	return name[0] == '_' && strncasecmp(name + 1, sought->service, len) == 0 &&
	       name[1 + len] == '.' && strcasecmp(name + len + 2, sought->ascii) == 0;
}

static void look(pc__cert_kind kind, const char *name, void *data)
{
	struct sought *sought = data;

	if (kind == PC__CERT_DNS)
		sought->has_dns = true;
	else if (kind == PC__CERT_SRV)
		sought->found |= sought->service != NULL && is_srv(name, sought);
	else
		sought->found |= strcasecmp(name, sought->domain) == 0 ||
		                 strcasecmp(name, sought->ascii) == 0;
}

/* The library would take the subject's common name where there is no DNS name: RFC 9525 does not.
 */
static bool dns_matches(const pc_str *der, const char *ascii)
{
	gnutls_x509_crt_t crt;
	bool matches;

	if (!import(der, &crt))
		return false;
	matches = gnutls_x509_crt_check_hostname2(crt, ascii,
	                                          GNUTLS_VERIFY_DO_NOT_ALLOW_IP_MATCHES) != 0;
	gnutls_x509_crt_deinit(crt);
	return matches;
}

/* An address is no DNS name, even where one says so. */
static bool is_address(const char *domain)
{
	struct in_addr four;

	return inet_pton(AF_INET, domain, &four) == 1;
}

bool pc__cert_is_for(const pc_str *der, const char *domain, const char *service)
{
	char ascii[PC__IDNA_SIZE];
	struct sought sought = { .domain = domain, .ascii = ascii, .service = service };

	if (pc__idna_to_ascii(domain, ascii) != PC_OK)
		return false;
	pc__cert_names(der, look, &sought);
	if (!sought.found && sought.has_dns && !is_address(ascii))
		sought.found = dns_matches(der, sought.ascii);
	return sought.found;
}

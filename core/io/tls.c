#include "io/tls.h"

#include <ctype.h>
#include <gnutls/x509.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "io/snapshot.h"
#include "util/mem.h"

/* AES first: it is in hardware where there is any, ChaCha20 is slow in GnuTLS. */
#define SUITES                                                                                     \
	"-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM:"                   \
	"+CHACHA20-POLY1305:-MAC-ALL:+AEAD:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:"             \
	"+GROUP-SECP384R1:%SERVER_PRECEDENCE"
#define MODERN "NORMAL:-VERS-ALL:+VERS-TLS1.3:" SUITES
#define INTERMEDIATE "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:" SUITES

/* The certificates of one name: GnuTLS takes the first that the peer can use. */
struct entry {
	char *name; /* lower case */
	gnutls_certificate_credentials_t credentials;
	int64_t expires; /* of the first */
};

struct pc__tls {
	atomic_uint refs;
	gnutls_priority_t priority;
	gnutls_certificate_credentials_t none;
	gnutls_datum_t ticket;
	struct pc__end_points end_points;
	pc__trust *trust;
	struct entry *entries; /* by name */
	size_t n, size;
};

/* ---- a new one */

static int refuse(char **error_r, char *text)
{
	if (error_r != NULL)
		*error_r = text;
	else
		free(text);
	return PC_EINVAL;
}

static int set_priority(pc__tls *tls, const pc__tls_settings *s, char **error_r)
{
	const char *priorities = s->priorities, *at = NULL;
	int r;

	if (priorities == NULL)
		priorities = s->profile == PC__TLS_MODERN ? MODERN : INTERMEDIATE;
	r = gnutls_priority_init(&tls->priority, priorities, &at);
	if (r == 0)
		return PC_OK;
	return refuse(error_r, pc__printf("TLS priorities: %s at \"%s\"", gnutls_strerror(r),
	                                  at ? at : priorities));
}

static int set_ticket(pc__tls *tls, const pc__tls_settings *s, char **error_r)
{
	if (s->ticket_key == NULL) {
		if (gnutls_session_ticket_key_generate(&tls->ticket) == 0)
			return PC_OK;
		return refuse(error_r, pc__strdup("no key for session tickets"));
	}
	tls->ticket.data = gnutls_malloc(s->ticket_key_len);
	if (tls->ticket.data == NULL)
		return refuse(error_r, pc__strdup("no memory for session tickets"));
	memcpy(tls->ticket.data, s->ticket_key, s->ticket_key_len);
	tls->ticket.size = (unsigned)s->ticket_key_len;
	return PC_OK;
}

static int set_trust(pc__tls *tls, const pc__tls_settings *s, char **error_r)
{
	tls->trust = pc__trust_new(s->cafile, s->capath, error_r);
	return tls->trust ? PC_OK : PC_EINVAL;
}

int pc__tls_new(pc__tls **tls_r, const pc__tls_settings *settings, char **error_r)
{
	pc__tls *tls = pc__alloc(sizeof(*tls));
	int err;

	atomic_init(&tls->refs, 1);
	gnutls_certificate_allocate_credentials(&tls->none);
	err = set_priority(tls, settings, error_r);
	if (err == PC_OK)
		err = set_ticket(tls, settings, error_r);
	if (err == PC_OK)
		err = set_trust(tls, settings, error_r);
	if (err != PC_OK)
		pc__tls_unref(&tls);
	*tls_r = tls;
	return err;
}

pc__tls *pc__tls_ref(pc__tls *tls)
{
	atomic_fetch_add_explicit(&tls->refs, 1, memory_order_relaxed);
	return tls;
}

static void clear(pc__tls *tls)
{
	for (size_t i = 0; i < tls->n; i++) {
		gnutls_certificate_free_credentials(tls->entries[i].credentials);
		free(tls->entries[i].name);
	}
	free(tls->entries);
	pc__end_points_clear(&tls->end_points);
	gnutls_certificate_free_credentials(tls->none);
	pc__trust_free(&tls->trust);
	if (tls->priority != NULL)
		gnutls_priority_deinit(tls->priority);
	if (tls->ticket.data != NULL) {
		gnutls_memset(tls->ticket.data, 0, tls->ticket.size);
		gnutls_free(tls->ticket.data);
	}
}

void pc__tls_unref(pc__tls **tls_p)
{
	pc__tls *tls = *tls_p;

	*tls_p = NULL;
	if (tls == NULL || atomic_fetch_sub_explicit(&tls->refs, 1, memory_order_acq_rel) != 1)
		return;
	clear(tls);
	free(tls);
}

/* ---- names */

static void lower(char *to, size_t size, const char *name)
{
	size_t i = 0;

	for (; name[i] != '\0' && i + 1 < size; i++)
		to[i] = (char)tolower((unsigned char)name[i]);
	to[i] = '\0';
}

/* Where the name is, or would be. */
static size_t place(const pc__tls *tls, const char *name)
{
	size_t low = 0, high = tls->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (strcmp(tls->entries[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct entry *find(const pc__tls *tls, const char *name)
{
	size_t at = place(tls, name);

	if (at < tls->n && strcmp(tls->entries[at].name, name) == 0)
		return &tls->entries[at];
	return NULL;
}

/* The name itself, or the wild card that covers it (RFC 6125 6.4.3: one label). */
static struct entry *covering(const pc__tls *tls, const char *name)
{
	char key[256];
	struct entry *e;
	char *dot;

	if (name == NULL || name[0] == '\0')
		return NULL;
	lower(key, sizeof(key), name);
	e = find(tls, key);
	dot = strchr(key, '.');
	if (e != NULL || dot == NULL || dot == key)
		return e;
	dot[-1] = '*';
	return find(tls, dot - 1);
}

static struct entry *choose(const pc__tls *tls, const char *name, const char *hint)
{
	struct entry *e = covering(tls, name);

	if (e == NULL)
		e = covering(tls, hint);
	if (e == NULL)
		e = find(tls, "");
	if (e == NULL && tls->n > 0)
		e = &tls->entries[0];
	return e;
}

/* ---- certificates */

/* A pair as read from its files. */
struct pair {
	gnutls_x509_crt_t *certs;
	unsigned n;
	gnutls_x509_privkey_t key;
};

static void pair_free(struct pair *p)
{
	for (unsigned i = 0; i < p->n; i++)
		gnutls_x509_crt_deinit(p->certs[i]);
	gnutls_free(p->certs);
	if (p->key != NULL)
		gnutls_x509_privkey_deinit(p->key);
	*p = (struct pair){ 0 };
}

static int read_certs(struct pair *p, const char *file)
{
	gnutls_datum_t pem;
	int r = gnutls_load_file(file, &pem);

	if (r < 0)
		return r;
	r = gnutls_x509_crt_list_import2(&p->certs, &p->n, &pem, GNUTLS_X509_FMT_PEM,
	                                 GNUTLS_X509_CRT_LIST_SORT);
	gnutls_free(pem.data);
	return r;
}

static int read_key(struct pair *p, const char *file)
{
	gnutls_datum_t pem;
	int r = gnutls_load_file(file, &pem);

	if (r < 0)
		return r;
	gnutls_x509_privkey_init(&p->key);
	r = gnutls_x509_privkey_import2(p->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	gnutls_memset(pem.data, 0, pem.size);
	gnutls_free(pem.data);
	return r;
}

static int pair_read(struct pair *p, const char *cert_file, const char *key_file, char **error_r)
{
	int r = read_certs(p, cert_file);

	if (r < 0)
		return refuse(error_r, pc__printf("%s: %s", cert_file, gnutls_strerror(r)));
	r = read_key(p, key_file);
	if (r < 0)
		return refuse(error_r, pc__printf("%s: %s", key_file, gnutls_strerror(r)));
	return PC_OK;
}

static bool is_ecdsa(const struct pair *p)
{
	return gnutls_x509_privkey_get_pk_algorithm(p->key) == GNUTLS_PK_ECDSA;
}

/* Adds to credentials what others hold already. */
static int add_all(gnutls_certificate_credentials_t to, gnutls_certificate_credentials_t from)
{
	struct pair p = { 0 };
	int r = 0;

	for (unsigned i = 0; r >= 0; i++) {
		if (gnutls_certificate_get_x509_key(from, i, &p.key) < 0)
			break;
		r = gnutls_certificate_get_x509_crt(from, i, &p.certs, &p.n);
		if (r >= 0)
			r = gnutls_certificate_set_x509_key(to, p.certs, (int)p.n, p.key);
		pair_free(&p);
	}
	return r;
}

/* ECDSA goes first; so what is there already is put in again behind it. */
static int add_pair(struct entry *e, const struct pair *p)
{
	gnutls_certificate_credentials_t c;
	int r;

	if (!is_ecdsa(p) || e->credentials == NULL) {
		if (e->credentials == NULL)
			gnutls_certificate_allocate_credentials(&e->credentials);
		return gnutls_certificate_set_x509_key(e->credentials, p->certs, (int)p->n, p->key);
	}
	gnutls_certificate_allocate_credentials(&c);
	r = gnutls_certificate_set_x509_key(c, p->certs, (int)p->n, p->key);
	if (r >= 0)
		r = add_all(c, e->credentials);
	if (r < 0) {
		gnutls_certificate_free_credentials(c);
		return r;
	}
	gnutls_certificate_free_credentials(e->credentials);
	e->credentials = c;
	return r;
}

static struct entry *entry_new(pc__tls *tls, const char *name)
{
	size_t at = place(tls, name);

	if (tls->n == tls->size) {
		tls->size = tls->size ? tls->size * 2 : 8;
		tls->entries = pc__realloc(tls->entries, tls->size * sizeof(*tls->entries));
	}
	memmove(&tls->entries[at + 1], &tls->entries[at], (tls->n - at) * sizeof(*tls->entries));
	tls->n++;
	tls->entries[at] = (struct entry){ .name = pc__strdup(name) };
	return &tls->entries[at];
}

static void entry_remove(pc__tls *tls, struct entry *e)
{
	size_t at = (size_t)(e - tls->entries);

	if (e->credentials != NULL)
		gnutls_certificate_free_credentials(e->credentials);
	free(e->name);
	memmove(e, e + 1, (--tls->n - at) * sizeof(*e));
}

static int enter(pc__tls *tls, const char *name, const struct pair *p)
{
	char key[256];
	struct entry *e;
	bool fresh;
	int r;

	lower(key, sizeof(key), name);
	e = find(tls, key);
	fresh = e == NULL;
	if (fresh)
		e = entry_new(tls, key);
	r = add_pair(e, p);
	if (r < 0) {
		if (fresh)
			entry_remove(tls, e);
		return r;
	}
	pc__end_points_add(&tls->end_points, p->certs[0]);
	if (fresh || is_ecdsa(p))
		e->expires = (int64_t)gnutls_x509_crt_get_expiration_time(p->certs[0]);
	return r;
}

int pc__tls_add(pc__tls *tls, const char *name, const char *cert_file, const char *key_file,
                char **error_r)
{
	struct pair p = { 0 };
	int r = pair_read(&p, cert_file, key_file, error_r);

	if (r == PC_OK) {
		r = enter(tls, name, &p);
		if (r < 0)
			r = refuse(error_r, pc__printf("%s and %s: %s", cert_file, key_file,
			                               gnutls_strerror(r)));
		else
			r = PC_OK;
	}
	pair_free(&p);
	return r;
}

bool pc__tls_has(const pc__tls *tls, const char *name)
{
	char key[256];

	lower(key, sizeof(key), name);
	return find(tls, key) != NULL;
}

int pc__tls_copy(pc__tls *tls, const pc__tls *from, const char *name, const char *as)
{
	char key[256];
	const struct entry *old;
	struct entry copy, *e;

	lower(key, sizeof(key), name);
	old = find(from, key);
	if (old == NULL)
		return PC_ENOENT;
	copy = *old; /* its place may move */
	e = entry_new(tls, as);
	e->expires = copy.expires;
	gnutls_certificate_allocate_credentials(&e->credentials);
	if (add_all(e->credentials, copy.credentials) >= 0)
		return PC_OK;
	entry_remove(tls, e);
	return PC_EINVAL;
}

int64_t pc__tls_expires(const pc__tls *tls, const char *name)
{
	struct entry *e = choose(tls, name, NULL);

	return e ? e->expires : -1;
}

/* ---- for connections */

gnutls_priority_t pc__tls_priority(const pc__tls *tls)
{
	return tls->priority;
}

gnutls_certificate_credentials_t pc__tls_credentials(const pc__tls *tls, const char *name,
                                                     const char *hint)
{
	struct entry *e = choose(tls, name, hint);

	return e ? e->credentials : tls->none;
}

const struct pc__end_points *pc__tls_end_points(const pc__tls *tls)
{
	return &tls->end_points;
}

pc__trust *pc__tls_trust(const pc__tls *tls)
{
	return tls->trust;
}

const gnutls_datum_t *pc__tls_ticket(const pc__tls *tls)
{
	return &tls->ticket;
}

const void *pc__tls_ticket_key(const pc__tls *tls, size_t *len_r)
{
	*len_r = tls->ticket.size;
	return tls->ticket.data;
}

#include "certs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "hosts.h"
#include "io/io.h"
#include "io/tls.h"
#include "log.h"
#include "process.h"
#include "server.h"
#include "timers.h"
#include "util/mem.h"

#define WARN_SECONDS (21 * 86400)
#define DAY 86400.0

static pc__tls *in_use;
static struct pc__timer daily;

/* A certificate and its key, malloc'ed. */
struct pair {
	char *cert, *key;
};

static void pair_free(struct pair *p)
{
	pc__free(&p->cert);
	pc__free(&p->key);
}

/* ------------------------------------------------------------ from options */

static char *absolute(const char *path)
{
	return *path == '/' ? pc__strdup(path) : pc__printf("%s/%s", pc__server.config_dir, path);
}

/* certs/x.crt has its key in certs/x.key, x/fullchain.pem in x/privkey.pem, any other in itself. */
static char *key_beside(const char *cert)
{
	size_t len = strlen(cert);
	static const char chain[] = "fullchain.pem";

	if (len > 4 && strcmp(cert + len - 4, ".crt") == 0)
		return pc__printf("%.*s.key", (int)(len - 4), cert);
	if (len >= sizeof(chain) - 1 && strcmp(cert + len - sizeof(chain) + 1, chain) == 0)
		return pc__printf("%.*sprivkey.pem", (int)(len - sizeof(chain) + 1), cert);
	return pc__strdup(cert);
}

static const char *field(const pc__value *table, const char *name)
{
	const pc__value *v = table ? pc__value_field(table, name) : NULL;

	return v && v->type == PC__STRING ? v->s : NULL;
}

static bool pair_of_ssl(const pc__value *ssl, struct pair *p)
{
	const char *cert = field(ssl, "certificate"), *key = field(ssl, "key");

	if (cert == NULL)
		return false;
	p->cert = absolute(cert);
	p->key = key ? absolute(key) : key_beside(p->cert);
	return true;
}

static bool pair_of_option(const pc__value *v, struct pair *p)
{
	if (v == NULL || v->type != PC__STRING)
		return false;
	p->cert = absolute(v->s);
	p->key = key_beside(p->cert);
	return true;
}

/* ------------------------------------------------------------ from folders */

static bool exists(const char *path)
{
	if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0)
		return true;
	if (errno == EACCES)
		pc__log("certs", PC_ERROR, "%s cannot be read: no permission", path);
	return false;
}

static bool try_files(const char *cert, const char *key, struct pair *p)
{
	if (!exists(cert) || !exists(key))
		return false;
	p->cert = pc__strdup(cert);
	p->key = pc__strdup(key);
	return true;
}

static bool try_layout(const char *dir, const char *host, const char *cert_end, const char *key_end,
                       struct pair *p)
{
	char *cert = pc__printf("%s/%s%s", dir, host, cert_end);
	char *key = pc__printf("%s/%s%s", dir, host, key_end);
	bool found = try_files(cert, key, p);

	free(cert);
	free(key);
	return found;
}

static bool pair_by_name(const char *dir, const char *host, struct pair *p)
{
	return try_layout(dir, host, "/fullchain.pem", "/privkey.pem", p) ||
	       try_layout(dir, host, ".crt", ".key", p) ||
	       try_layout(dir, host, ".pem", ".pem", p) || try_layout(dir, host, ".pem", ".key", p);
}

struct wanted {
	const char *host;
	bool found;
};

static bool covers(const char *name, const char *host)
{
	const char *dot = strchr(host, '.');

	if (strcasecmp(name, host) == 0)
		return true;
	return strncmp(name, "*.", 2) == 0 && dot && strcasecmp(name + 1, dot) == 0;
}

static void look_at_name(const char *name, void *data)
{
	struct wanted *w = data;

	w->found |= covers(name, w->host);
}

static bool has_host(const char *cert, const char *host)
{
	struct wanted w = { host, false };

	return pc__tls_names(cert, look_at_name, &w) == PC_OK && w.found;
}

static bool try_any(const char *path, const char *host, struct pair *p)
{
	size_t len = strlen(path);
	bool is_cert = len > 4 &&
	               (strcmp(path + len - 4, ".crt") == 0 || strcmp(path + len - 4, ".pem") == 0);
	char *key = is_cert ? key_beside(path) : NULL;
	bool found = is_cert && exists(key) && has_host(path, host) && try_files(path, key, p);

	free(key);
	return found;
}

/* Any certificate of the folder, or of a folder in it, that names the host. */
static bool pair_by_content(const char *dir, const char *host, struct pair *p)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	bool found = false;

	while (d && !found && (e = readdir(d)) != NULL) {
		char *path = pc__printf("%s/%s", dir, e->d_name);
		char *inner = pc__printf("%s/fullchain.pem", path);

		if (e->d_name[0] != '.')
			found = try_any(path, host, p) || try_any(inner, host, p);
		free(path);
		free(inner);
	}
	if (d)
		closedir(d);
	return found;
}

char *pc__certs_folder(void)
{
	const char *option = pc__opt_str(NULL, "certificates");

	return absolute(option ? option : "certs");
}

bool pc__certs_find_in(const char *folder, const char *host, char **cert_r, char **key_r)
{
	struct pair p = { NULL, NULL };
	bool found = pair_by_name(folder, host, &p) || pair_by_content(folder, host, &p);

	*cert_r = p.cert;
	*key_r = p.key;
	return found;
}

static bool pair_of_folder(const char *host, struct pair *p)
{
	char *dir = pc__certs_folder();
	bool found = pair_by_name(dir, host, p) || pair_by_content(dir, host, p);

	free(dir);
	return found;
}

/* ------------------------------------------------------------ made here */

static bool make_pair(const char *dir, const char *host, struct pair *p)
{
	char *error = NULL;
	bool made;

	mkdir(dir, 0700);
	p->cert = pc__printf("%s/%s.crt", dir, host);
	p->key = pc__printf("%s/%s.key", dir, host);
	made = pc__tls_self_signed(host, p->cert, p->key, &error) == PC_OK;
	if (made)
		pc__log("certs", PC_WARN, "%s has no certificate: a self-signed one was made, %s",
		        host, p->cert);
	else
		pc__log("certs", PC_ERROR, "no certificate for %s: %s", host, error ? error : "");
	if (!made)
		pair_free(p);
	free(error);
	return made;
}

/* Into a folder that is the server's own user's. */
static bool pair_made(const char *host, struct pair *p)
{
	char *dir = pc__printf("%s/certs", pc__server.data_path);
	bool made = pair_by_name(dir, host, p);

	if (!made) {
		pc__process_lower();
		made = make_pair(dir, host, p);
		pc__process_raise();
	}
	free(dir);
	return made;
}

static bool pair_of_name(const char *name, struct pair *p)
{
	return pair_of_ssl(pc__config_get_own(name, "ssl"), p) ||
	       pair_of_option(pc__config_get_own(name, "certificate"), p) ||
	       pair_of_folder(name, p);
}

/* The nearest domain above it that has one. */
static bool pair_of_parent(const char *host, struct pair *p)
{
	const char *dot = strchr(host, '.');

	while (dot && !pair_of_name(dot + 1, p))
		dot = strchr(dot + 1, '.');
	return dot != NULL;
}

/* *borrowed_r: it is that of another domain. */
static bool find_pair(const char *host, bool component, struct pair *p, bool *borrowed_r)
{
	*borrowed_r = false;
	if (pair_of_name(host, p))
		return true;
	*borrowed_r = component && pair_of_parent(host, p);
	return *borrowed_r || pair_of_ssl(pc__config_get(NULL, "ssl"), p) ||
	       pair_of_option(pc__config_get(NULL, "certificate"), p);
}

bool pc__certs_find(const char *host, bool component, char **cert_r, char **key_r)
{
	struct pair p = { NULL, NULL };
	char *made = pc__printf("%s/certs", pc__server.data_path);
	bool borrowed;
	bool found = find_pair(host, component, &p, &borrowed) ||
	             (!component && pair_by_name(made, host, &p));

	free(made);
	*cert_r = p.cert;
	*key_r = p.key;
	return found;
}

/* One that was there at the start and is not at a reload is missed, not replaced by one that nobody
 * trusts. */
static bool pair_of_host(pc_host *h, struct pair *p)
{
	bool component = h->type == PC_COMPONENT_HOST;
	bool found = find_pair(h->name, component, p, &h->borrows_cert);

	if (!found && in_use && pc__tls_has(in_use, h->name) && !h->self_signed) {
		pc__log("certs", PC_ERROR, "no certificate of %s is found any more", h->name);
		return false;
	}
	if (!found && component) /* what is shown is the first host's */
		return false;
	h->self_signed = !found;
	return found || pair_made(h->name, p);
}

/* ------------------------------------------------------------ the snapshot */

static pc__tls *new_snapshot(void)
{
	const pc__value *ssl = pc__config_get(NULL, "ssl");
	const char *profile = pc__opt_str(NULL, "tls_profile"), *cafile = field(ssl, "cafile");
	const char *capath = field(ssl, "capath");
	char *file = cafile ? absolute(cafile) : NULL, *error = NULL;
	char *folder = capath ? absolute(capath) : NULL;
	pc__tls_settings settings = { .profile = profile && strcmp(profile, "modern") == 0
		                                         ? PC__TLS_MODERN
		                                         : PC__TLS_INTERMEDIATE,
		                      .priorities = field(ssl, "priorities"),
		                      .cafile = file,
		                      .capath = folder };
	pc__tls *tls = NULL;

	if (in_use)
		settings.ticket_key = pc__tls_ticket_key(in_use, &settings.ticket_key_len);
	if (pc__tls_new(&tls, &settings, &error) != PC_OK)
		pc__log("certs", PC_ERROR, "TLS settings are refused: %s", error ? error : "");
	free(error);
	free(file);
	free(folder);
	return tls;
}

static int add_pair(pc__tls *tls, pc_host *h)
{
	struct pair p = { NULL, NULL };
	char *error = NULL;
	int err = PC_ENOENT;

	if (pair_of_host(h, &p))
		err = pc__tls_add(tls, h->name, p.cert, p.key, &error);
	if (err != PC_OK && p.cert)
		pc__log("certs", PC_ERROR, "the certificate of %s (%s) cannot be used: %s", h->name,
		        p.cert, error ? error : pc_strerror(err));
	else if (err == PC_OK && in_use &&
	         pc__tls_expires(in_use, h->name) != pc__tls_expires(tls, h->name))
		pc__log("certs", PC_INFO, "%s has a new certificate: %s", h->name, p.cert);
	free(error);
	pair_free(&p);
	return err;
}

/* At a reload a broken certificate is made up for by the one in use, and keeps no other host from
 * its new one. */
static int add_host(pc__tls *tls, pc_host *h)
{
	int err = add_pair(tls, h);

	if (err == PC_OK || in_use == NULL)
		return err;
	err = pc__tls_copy(tls, in_use, h->name, h->name);
	if (err == PC_OK)
		pc__log("certs", PC_ERROR, "the certificate of %s that is in use stays in use",
		        h->name);
	return err;
}

static void add_hosts(pc__tls *tls)
{
	bool is_default = true;

	for (pc_host *h = pc__hosts_first(); h; h = h->next) {
		if (!h->active || add_host(tls, h) != PC_OK || h->type != PC_VIRTUAL_HOST)
			continue;
		/* whoever asks for no name of ours gets that of the first */
		if (is_default && pc__tls_copy(tls, tls, h->name, "") == PC_OK)
			is_default = false;
	}
}

/* At the start keys may be readable for root alone. */
int pc__certs_load(void)
{
	pc__tls *tls;

	pc__process_raise();
	tls = new_snapshot();
	if (tls)
		add_hosts(tls);
	pc__process_lower();
	if (tls == NULL && in_use)
		pc__log("certs", PC_ERROR, "the certificates and settings in use stay in use");
	if (tls == NULL)
		return PC_EINVAL;
	pc__io_set_tls(pc__server.io, tls);
	pc__tls_unref(&in_use);
	in_use = tls;
	return PC_OK;
}

pc__tls *pc__certs_in_use(void)
{
	return in_use;
}

static void warn_of(const char *host)
{
	int64_t ends = pc__tls_expires(in_use, host), left = ends - pc_time_ms() / 1000;

	if (ends < 0 || left > WARN_SECONDS)
		return;
	if (left <= 0)
		pc__log("certs", PC_ERROR, "the certificate of %s has expired", host);
	else
		pc__log("certs", PC_WARN, "the certificate of %s expires in %d days", host,
		        (int)(left / 86400));
}

static void look(struct pc__timer *t)
{
	for (pc_host *h = pc__hosts_first(); h && in_use; h = h->next)
		if (h->active && pc__tls_has(in_use, h->name) && !h->borrows_cert)
			warn_of(h->name);
	pc__timer_set(t, DAY, look);
}

void pc__certs_watch(void)
{
	look(&daily);
}

void pc__certs_free(void)
{
	pc__timer_clear(&daily);
	pc__tls_unref(&in_use);
}

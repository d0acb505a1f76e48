#include "make_cert.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "certs.h"
#include "config.h"
#include "io/tls.h"
#include "options.h"
#include "util/mem.h"

#define NAMES_MOST 100

static void complain(const char *about, const char *what)
{
	fprintf(stderr, "prosody-c: %s: %s\n", about, what);
}

static const pc__config_host *find_host(const char *name)
{
	size_t n;
	const pc__config_host *hosts = pc__config_hosts(&n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(hosts[i].name, name) == 0)
			return &hosts[i];
	return NULL;
}

/* ------------------------------------------------------------ whose the files are */

/* Root makes them for the server, which reads them again when it is root no more. */
static bool find_owner(uid_t *uid_r, gid_t *gid_r)
{
	const char *user = pc__opt_str(NULL, "prosody_user");
	const struct passwd *pw = user && geteuid() == 0 ? getpwnam(user) : NULL;

	if (pw == NULL)
		return false;
	*uid_r = pw->pw_uid;
	*gid_r = pw->pw_gid;
	return true;
}

/* ------------------------------------------------------------ generate, request */

static void add_name(const char **names, size_t *n, const char *name)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp(names[i], name) == 0)
			return;
	if (*n < NAMES_MOST)
		names[(*n)++] = name;
}

static bool is_below(const char *name, const char *host)
{
	size_t len = strlen(name), host_len = strlen(host);

	return len > host_len + 1 && name[len - host_len - 1] == '.' &&
	       strcmp(name + len - host_len, host) == 0;
}

/* The host, its components, and where its HTTP is. */
static size_t collect_names(const char *host, const char **names)
{
	const pc__value *http = pc__config_get(host, "http_host");
	size_t n_hosts, n = 0;
	const pc__config_host *hosts = pc__config_hosts(&n_hosts);

	add_name(names, &n, host);
	for (size_t i = 0; i < n_hosts; i++)
		if (hosts[i].component && is_below(hosts[i].name, host))
			add_name(names, &n, hosts[i].name);
	if (http && http->type == PC__STRING)
		add_name(names, &n, http->s);
	return n;
}

static bool is_there(const char *file)
{
	struct stat st;

	return lstat(file, &st) == 0;
}

static void tell_made(const pc__cert_order *o)
{
	printf("%s\n", o->cert_file);
	if (!o->old_key)
		printf("%s\n", o->key_file);
	printf("for");
	for (size_t i = 0; i < o->n; i++)
		printf(" %s", o->names[i]);
	putchar('\n');
}

static int make(pc__cert_order *o, bool force)
{
	const char *there = is_there(o->cert_file) ? o->cert_file : o->key_file;
	char *error = NULL;

	o->old_key = o->request && is_there(o->key_file);
	o->replace = force;
	if (!force && is_there(there) && !(o->old_key && there == o->key_file)) {
		complain(there, "it is there already; --force replaces it");
		return EX_CANTCREAT;
	}
	o->owned = find_owner(&o->uid, &o->gid);
	if (pc__cert_make(o, &error) == PC_OK) {
		tell_made(o);
		return EXIT_SUCCESS;
	}
	fprintf(stderr, "prosody-c: %s\n", error);
	free(error);
	return EX_IOERR;
}

static int make_for(const char *folder, const char *host, bool request, bool force)
{
	const char *names[NAMES_MOST];
	char *cert = pc__printf("%s/%s.%s", folder, host, request ? "csr" : "crt");
	char *key = pc__printf("%s/%s.key", folder, host);
	pc__cert_order order = { .names = names,
		                 .n = collect_names(host, names),
		                 .cert_file = cert,
		                 .key_file = key,
		                 .request = request };
	int status = make(&order, force);

	free(cert);
	free(key);
	return status;
}

/* ------------------------------------------------------------ import */

static int copy(const char *from, const char *to, pc__cert_file *how)
{
	gnutls_datum_t bytes;
	int err;

	if (gnutls_load_file(from, &bytes) < 0)
		return errno ? errno : EIO;
	err = pc__cert_write(to, bytes.data, bytes.size, how);
	gnutls_memset(bytes.data, 0, bytes.size);
	gnutls_free(bytes.data);
	return err;
}

/* The key before its certificate: a server that reads between the two keeps what it has. */
static bool copy_pair(const char *cert, const char *key, const char *cert_to, const char *key_to,
                      bool force)
{
	pc__cert_file how = { .mode = 0600, .replace = force };
	int err;

	how.owned = find_owner(&how.uid, &how.gid);
	err = copy(key, key_to, &how);
	if (err != 0) {
		complain(key_to, strerror(err));
		return false;
	}
	how.mode = 0644;
	err = copy(cert, cert_to, &how);
	if (err == 0) {
		printf("%s\n%s\n", cert_to, key_to);
		return true;
	}
	complain(cert_to, strerror(err));
	if (!force)
		unlink(key_to);
	return false;
}

static bool take_pair(const char *folder, const char *host, const char *cert, const char *key,
                      bool force)
{
	char *cert_to = pc__printf("%s/%s.crt", folder, host);
	char *key_to = pc__printf("%s/%s.key", folder, host);
	char *error = NULL;
	bool taken = false;

	if (pc__cert_fits(cert, key, &error) != PC_OK)
		complain(cert, error);
	else if (!force && (is_there(cert_to) || is_there(key_to)))
		complain(is_there(cert_to) ? cert_to : key_to,
		         "it is there already; --force replaces it");
	else
		taken = copy_pair(cert, key, cert_to, key_to, force);
	free(cert_to);
	free(key_to);
	free(error);
	return taken;
}

/* 1: taken; 0: there is none; -1: there is, but it was not taken. */
static int import_host(const char *folder, const char *from, const char *host, bool force)
{
	char *cert, *key;
	int result = 0;

	if (pc__certs_find_in(from, host, &cert, &key))
		result = take_pair(folder, host, cert, key, force) ? 1 : -1;
	free(cert);
	free(key);
	return result;
}

struct sum {
	unsigned taken, failed;
};

static void count(struct sum *sum, int result, const char *host, bool named)
{
	if (result == 0 && named)
		complain(host, "no certificate for it is there");
	sum->taken += result > 0;
	sum->failed += result < 0 || (result == 0 && named);
}

static int import_all(const char *folder, const char *from, const char *const *names, bool force)
{
	size_t n;
	const pc__config_host *hosts = pc__config_hosts(&n);
	struct sum sum = { 0, 0 };

	for (size_t i = 0; *names == NULL && i < n; i++)
		if (!hosts[i].component)
			count(&sum, import_host(folder, from, hosts[i].name, force), hosts[i].name,
			      false);
	for (; *names; names++) {
		const pc__config_host *host = find_host(*names);

		if (host == NULL)
			complain(*names, "no such host is configured");
		count(&sum, host ? import_host(folder, from, *names, force) : -1, *names, true);
	}
	if (sum.taken == 0 && sum.failed == 0)
		complain(from, "no certificate of any host is there");
	if (sum.taken == 0)
		return EX_CANTCREAT;
	return sum.failed > 0 ? EX_TEMPFAIL : EXIT_SUCCESS;
}

/* ------------------------------------------------------------ which of them */

static int make_one(const char *folder, const char *what, const char *const *words, bool force)
{
	bool request = strcmp(what, "request") == 0;

	if (find_host(words[0]))
		return make_for(folder, words[0], request, force);
	complain(words[0], "no such host is configured");
	return EX_CANTCREAT;
}

int pc__make_cert(const char *what, const char *const *words, bool force)
{
	char *folder = pc__certs_folder();
	bool import = strcmp(what, "import") == 0;
	bool make = strcmp(what, "generate") == 0 || strcmp(what, "request") == 0;
	int status = EX_USAGE;

	mkdir(folder, 0755);
	if (import && words[0])
		status = import_all(folder, words[0], words + 1, force);
	else if (make && words[0] && words[1] == NULL)
		status = make_one(folder, what, words, force);
	else
		fputs("prosody-c: usage: cert generate|request HOST | import FOLDER [HOST...]\n",
		      stderr);
	fflush(stdout);
	free(folder);
	return status;
}

/*
 * bundle_save.c - the command `store save`: what accounts keep goes into a bundle (util/bundle.h),
 * also while the server runs.
 *
 * One account is read at a time, store by store in the order of kept.c, archives in pages, so that
 * little is in memory and a turn of the loop writes little. Each store is as it was when it was
 * read; what changes meanwhile may be in it or not.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "hosts.h"
#include "kept.h"
#include "modules.h"
#include "stores.h"
#include "util/bundle.h"
#include "util/mem.h"

#define PAGE 20
#define TRIES 5 /* of an archive from which entries go meanwhile */
#define FAILURES_SHOWN 20

struct save {
	struct pc__owned owned; /* by the command's module */
	pc_call *call;          /* NULL: it has been ended */
	FILE *file;
	pc__bundle_out *out;
	char *only_host, *only_user; /* NULL: all */
	pc_host *host;
	char **users, **nodes;
	size_t n_users, user, n_nodes, node;
	int kept;        /* the store, by its index in kept.c */
	pc_store *store; /* that is being read */
	char last[PC_ENTRY_ID_SIZE];
	unsigned tries;
	uint64_t saved, failed;
};

/* ------------------------------------------------------------ lists of names */

static void free_names(char ***names, size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		free((*names)[i]);
	pc__free(names);
	*n = 0;
}

/* ------------------------------------------------------------ the end */

static void finish(struct save *s, int err, const char *why)
{
	int written = pc__bundle_out_free(&s->out);
	pc_call *call = s->call;

	written = fclose(s->file) != 0 ? PC_EIO : written;
	free_names(&s->users, &s->n_users);
	free_names(&s->nodes, &s->n_nodes);
	pc__store_close(&s->store);
	if (call)
		pc__disown(&s->owned);
	if (call && err != PC_OK)
		pc_call_end(call, err, "%s", why);
	else if (call && written != PC_OK)
		pc_call_end(call, PC_EIO, "the bundle cannot be written");
	else if (call && s->failed > 0)
		pc_call_end(call, PC_EIO, "%" PRIu64 " things could not be read", s->failed);
	else if (call)
		pc_call_end(call, PC_OK, NULL);
	free(s->only_host);
	free(s->only_user);
	free(s);
}

static void on_module_gone(struct pc__owned *o)
{
	PC__CONTAINER(o, struct save, owned)->call = NULL;
}

static void tell(struct save *s, const char *what, int err)
{
	const char *user = s->user < s->n_users ? s->users[s->user] : "";

	if (s->failed++ < FAILURES_SHOWN && s->call)
		pc_call_print(s->call, "not saved: %s of %s%s%s: %s", what, user, *user ? "@" : "",
		              pc_host_name(s->host), pc_strerror(err));
}

/* ------------------------------------------------------------ one store of an account */

static void next_store(struct save *s);
static void read_page(struct save *s);

static bool is_nodes(const struct save *s)
{
	return strcmp(pc__kept[s->kept].store, "pep_*") == 0;
}

static void group_end(struct save *s, int err)
{
	if (err != PC_OK)
		tell(s, s->store->name, err);
	pc__bundle_end(s->out, err == PC_OK);
	pc__store_close(&s->store);
	next_store(s);
}

static void add(struct save *s, const struct pc__bundle_record *r)
{
	if (pc__bundle_add(s->out, r) != PC_OK)
		tell(s, s->store->name, PC_ELIMIT);
}

/* The nodes of PEP are the keys of one store, and each has a store of its own. */
static void note_nodes(struct save *s, const pc_item *items, size_t n)
{
	free_names(&s->nodes, &s->n_nodes);
	s->nodes = pc__alloc((n + 1) * sizeof(*s->nodes));
	while (s->n_nodes < n) {
		s->nodes[s->n_nodes] = pc__printf("pep_%s", items[s->n_nodes].key);
		s->n_nodes++;
	}
	s->node = 0;
}

static void on_items(int err, const pc_item *items, size_t n, void *data)
{
	struct save *s = data;

	if (strcmp(s->store->name, "pep") == 0)
		note_nodes(s, items, err == PC_OK ? n : 0);
	for (size_t i = 0; err == PC_OK && i < n; i++)
		add(s, &(struct pc__bundle_record){
		               .key = items[i].key, .value = items[i].value, .len = items[i].len });
	group_end(s, err);
}

/* From its beginning: the entry that was read last has gone meanwhile. */
static void read_again(struct save *s)
{
	pc__bundle_end(s->out, false);
	s->last[0] = '\0';
	s->tries++;
	if (pc__bundle_begin(s->out, true, s->host->name, s->users[s->user], s->store->name) ==
	    PC_OK)
		read_page(s);
}

static void on_entries(int err, const pc_entry *entries, size_t n, int64_t total, bool more,
                       void *data)
{
	struct save *s = data;

	(void)total;
	if (err == PC_ENOENT && s->last[0] && s->tries < TRIES) {
		read_again(s);
		return;
	}
	for (size_t i = 0; err == PC_OK && i < n; i++) {
		add(s, &(struct pc__bundle_record){ .key = entries[i].id,
		                                    .with = entries[i].with,
		                                    .when = entries[i].when,
		                                    .value = entries[i].value,
		                                    .len = entries[i].len });
		snprintf(s->last, sizeof(s->last), "%s", entries[i].id);
	}
	if (err == PC_OK && more && n > 0)
		read_page(s);
	else
		group_end(s, err);
}

static void read_page(struct save *s)
{
	const pc_query query = { .limit = PAGE, .after = s->last[0] ? s->last : NULL };

	pc_archive_find(s->store, s->users[s->user], &query, on_entries, s);
}

/* False: it has a name that no bundle can hold. */
static bool read_store(struct save *s, const char *name)
{
	bool archive = pc__kept[s->kept].archive;
	const char *user = s->users[s->user];

	s->store = pc__store_open(s->host->name, name, archive ? PC_STORE_ARCHIVE : PC_STORE_MAP);
	if (pc__bundle_begin(s->out, archive, s->host->name, user, name) != PC_OK) {
		tell(s, pc__kept[s->kept].store, PC_EINVAL);
		pc__store_close(&s->store);
		return false;
	}
	s->last[0] = '\0';
	s->tries = 0;
	if (archive)
		read_page(s);
	else
		pc_store_get(s->store, user, on_items, s);
	return true;
}

/* ------------------------------------------------------------ accounts, hosts */

static void next_host(struct save *s);

static const char *next_name(struct save *s)
{
	if (s->kept >= 0 && is_nodes(s) && s->node < s->n_nodes)
		return s->nodes[s->node++];
	s->kept++;
	if (s->kept == PC__KEPT)
		return NULL;
	return is_nodes(s) ? next_name(s) : pc__kept[s->kept].store;
}

static void next_store(struct save *s)
{
	while (s->call && s->user < s->n_users) {
		const char *name = next_name(s);

		if (name && read_store(s, name))
			return;
		if (name)
			continue;
		s->saved++;
		s->user++;
		s->kept = -1;
	}
	next_host(s);
}

static void on_users(int err, const char *const *names, size_t n, void *data)
{
	struct save *s = data;

	if (err != PC_OK)
		tell(s, "the list of accounts", err);
	s->users = pc__alloc((n + 1) * sizeof(*s->users));
	for (size_t i = 0; err == PC_OK && i < n; i++)
		if (s->only_user == NULL || strcmp(s->only_user, names[i]) == 0)
			s->users[s->n_users++] = pc__strdup(names[i]);
	s->user = 0;
	s->kept = -1;
	next_store(s);
}

static bool is_wanted(const struct save *s, const pc_host *host)
{
	return host->type == PC_VIRTUAL_HOST &&
	       (s->only_host == NULL || strcmp(s->only_host, host->name) == 0);
}

/* The first host of all where there was none. */
static void next_host(struct save *s)
{
	free_names(&s->users, &s->n_users);
	do
		s->host = s->host ? s->host->next : pc__hosts_first();
	while (s->host && !is_wanted(s, s->host));
	if (s->call && s->host)
		pc_user_list(NULL, s->host, on_users, s);
	else if (s->only_user && s->saved == 0 && s->failed == 0)
		finish(s, PC_ENOENT, "there is no such account");
	else
		finish(s, PC_OK, NULL);
}

/* ------------------------------------------------------------ the command */

static char *argument(pc_call *call, size_t i)
{
	const char *text = pc_call_arg(call, i);

	return text ? pc__strdup(text) : NULL;
}

static void run_save(pc_call *call, pc_module *m)
{
	const char *path = pc_call_arg(call, 0), *host = pc_call_arg(call, 1);
	struct save *s;
	FILE *file;

	if (host && (!pc_host_find(host) || pc_host_kind(pc_host_find(host)) != PC_VIRTUAL_HOST)) {
		pc_call_end(call, PC_ENOENT, "%s is no host with accounts of this server", host);
		return;
	}
	file = fopen(path, "r+e"); /* made by who asks, for itself and us alone */
	if (file == NULL) {
		pc_call_end(call, PC_EIO, "%s: %s", path, strerror(errno));
		return;
	}
	s = pc__alloc(sizeof(*s));
	s->call = call;
	s->file = file;
	s->out = pc__bundle_out_new(file);
	s->only_host = argument(call, 1);
	s->only_user = argument(call, 2);
	pc__own(m, &s->owned, on_module_gone);
	next_host(s);
}

const pc_command pc__save_commands[] = {
	{ "store", "save", "FILE [HOST] [USER]", "Writes what accounts keep into a bundle",
	  run_save },
	{ 0 },
};

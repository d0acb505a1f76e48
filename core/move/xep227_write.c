/*
 * The groups of a user lie together in the bundle, its account first, so that the file is written
 * in one go; nothing is held but one record, and the requests of a roster.
 */
#include "move/xep227.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/codec.h>
#include <prosody-c/scram.h>

#include "util/mem.h"
#include "util/number.h"
#include "xml/frame.h"

struct writer {
	struct move *m;
	FILE *out;
	pc__bundle_in *in;
	struct pc__buf text;
	char *host, *user; /* whose elements are open */
	bool in_items;     /* nodes' items are one element */
	uint64_t users;
	int err;
};

/* ------------------------------------------------------------ text */

static void put(struct writer *w, const char *text)
{
	fputs(text, w->out);
}

/* name='value' with a space in front; nothing where there is no value. */
static void put_attribute(struct writer *w, const char *name, const char *value)
{
	if (value == NULL)
		return;
	w->text.len = 0;
	pc__buf_printf(&w->text, " %s='", name);
	pc__xml_escape(&w->text, value, strlen(value));
	pc__buf_addc(&w->text, '\'');
	fwrite(w->text.p, w->text.len, 1, w->out);
}

static void put_element(struct writer *w, const pc_stanza *st)
{
	w->text.len = 0;
	pc__stanza_write(st, NULL, &w->text);
	pc__buf_addc(&w->text, '\n');
	fwrite(w->text.p, w->text.len, 1, w->out);
}

static pc_stanza *parse(struct writer *w, const struct pc__bundle_record *r)
{
	pc_stanza *st = pc_stanza_parse(r->value, r->len);

	if (st == NULL)
		move_fault(w->m, "%.200s of %s@%s cannot be read", r->key, w->user, w->host);
	return st;
}

/* The next record of the group; false: there is none. */
static bool next(struct writer *w, struct pc__bundle_record *r)
{
	int err = pc__bundle_next(w->in, r);

	if (err != PC_OK && err != PC_ENOENT)
		w->err = err;
	return err == PC_OK;
}

/* ------------------------------------------------------------ accounts */

struct account {
	char *password, *scram, *created, *updated;
	char *stored, *server, *salt, *iterations; /* as Prosody has keys */
	bool disabled;
};

static void read_account(struct writer *w, struct account *a)
{
	struct pc__bundle_record r;
	const struct {
		const char *key;
		char **field;
	} fields[] = {
		{ "password", &a->password }, { "scram", &a->scram },
		{ "created", &a->created },   { "updated", &a->updated },
		{ "stored_key", &a->stored }, { "server_key", &a->server },
		{ "salt", &a->salt },         { "iteration_count", &a->iterations },
	};

	while (next(w, &r)) {
		for (size_t i = 0; i < PC__COUNT(fields); i++)
			if (strcmp(r.key, fields[i].key) == 0 && *fields[i].field == NULL)
				*fields[i].field = pc__strdup(r.value);
		a->disabled = a->disabled ||
		              (strcmp(r.key, "disabled") == 0 && strcmp(r.value, "false") != 0);
	}
}

static void free_account(struct account *a)
{
	char *texts[] = { a->password, a->scram,  a->created, a->updated,
		          a->stored,   a->server, a->salt,    a->iterations };

	for (size_t i = 0; i < PC__COUNT(texts); i++) {
		if (texts[i])
			explicit_bzero(texts[i], strlen(texts[i]));
		free(texts[i]);
	}
}

/* "SHA-1,10000,SALT,STORED,SERVER", cut in place. */
static void put_keys(struct writer *w, char *keys)
{
	static const char *const names[] = { "iter-count", "salt", "stored-key", "server-key" };
	char *at = keys, *hash = strsep(&at, ","), *fields[PC__COUNT(names)];
	pc_stanza *st = pc_stanza_new("scram-credentials", XEP227_NS_SCRAM);
	char *mechanism = pc__printf("SCRAM-%s", hash);

	for (size_t i = 0; i < PC__COUNT(names); i++)
		fields[i] = strsep(&at, ",");
	pc_stanza_set(st, "mechanism", mechanism);
	for (size_t i = 0; i < PC__COUNT(names) && fields[i]; i++)
		pc_stanza_leaf(st, names[i], fields[i]);
	if (fields[PC__COUNT(names) - 1])
		put_element(w, st);
	else
		move_fault(w->m, "keys of %s@%s are damaged", w->user, w->host);
	pc_stanza_free(&st);
	free(mechanism);
}

/* Keys as Prosody keeps them: the length tells the hash. */
static void put_prosody_keys(struct writer *w, const struct account *a)
{
	static const char *const hashes[] = { "SHA-1", "SHA-256", "SHA-512" };
	uint8_t stored[PC_SCRAM_KEY_MAX], server[PC_SCRAM_KEY_MAX];
	ssize_t len = pc_hex_decode(a->stored, strlen(a->stored), stored, sizeof(stored));
	char text[MOVE_SCRAM_MAX] = "";
	uint64_t count;

	if (len <= 0 ||
	    pc_hex_decode(a->server, strlen(a->server), server, sizeof(server)) != len ||
	    pc__number_uint(a->iterations, strlen(a->iterations), PC_SCRAM_ITERATIONS_MAX,
	                    &count) != PC_OK)
		len = 0;
	for (int i = 0; i < PC_SCRAM_HASHES; i++)
		if (len > 0 && (size_t)len == pc_scram_hash_size((pc_scram_hash)i))
			move_scram(text, hashes[i], (double)count, a->salt, strlen(a->salt), stored,
			           server, (size_t)len);
	if (*text)
		put_keys(w, text);
	else
		move_fault(w->m, "keys of %s@%s are damaged", w->user, w->host);
}

static void put_account(struct writer *w, struct account *a)
{
	char *at = a->scram;

	while (at && *at)
		put_keys(w, strsep(&at, " "));
	if (!a->scram && a->stored && a->server && a->salt && a->iterations)
		put_prosody_keys(w, a);
	if (!a->disabled && !a->created && !a->updated)
		return;
	put(w, "<account xmlns='" XEP227_NS_ACCOUNT "'");
	put_attribute(w, "disabled", a->disabled ? "true" : NULL);
	put_attribute(w, "created", a->created);
	put_attribute(w, "updated", a->updated);
	put(w, "/>\n");
}

/* ------------------------------------------------------------ rosters */

static pc_stanza *request_of(const pc_stanza *item)
{
	const pc_stanza *request = pc_stanza_child(item, "presence", PC_NS_CLIENT);

	if (request)
		return pc_stanza_clone(request);
	return pc_stanza_presence("subscribe", NULL, pc_stanza_get(item, "jid"));
}

/* The contact as a client would get it; its request goes into `requests`. */
static void put_contact(struct writer *w, pc_stanza *item, struct pc__buf *requests)
{
	bool hidden = pc_stanza_get(item, "hidden") != NULL;
	pc_stanza *request = pc_stanza_get(item, "in") ? request_of(item) : NULL;
	pc_stanza *kept;

	if (request) {
		pc__stanza_write(request, NULL, requests);
		pc__buf_addc(requests, '\n');
		pc_stanza_free(&request);
	}
	if (hidden)
		return;
	pc_stanza_set(item, "in", NULL);
	pc_stanza_set(item, "approved", pc_stanza_get(item, "approved") ? "true" : NULL);
	while ((kept = pc_stanza_child(item, "presence", PC_NS_CLIENT)))
		pc_stanza_remove(kept);
	put_element(w, item);
}

static void write_roster(struct writer *w)
{
	struct pc__bundle_record r;
	struct pc__buf requests = { 0 };
	bool more = next(w, &r);

	put(w, "<query xmlns='jabber:iq:roster'");
	if (more && *r.key == '\0') { /* the version: the first, for they are sorted */
		put_attribute(w, "ver", r.value);
		more = next(w, &r);
	}
	put(w, ">\n");
	for (; more; more = next(w, &r)) {
		pc_stanza *item = parse(w, &r);

		if (item)
			put_contact(w, item, &requests);
		pc_stanza_free(&item);
	}
	put(w, "</query>\n");
	if (requests.len > 0)
		fwrite(requests.p, requests.len, 1, w->out);
	pc__buf_free(&requests);
}

/* ------------------------------------------------------------ the other stores */

static void write_elements(struct writer *w)
{
	struct pc__bundle_record r;

	while (next(w, &r)) {
		pc_stanza *st = parse(w, &r);

		if (st)
			put_element(w, st);
		pc_stanza_free(&st);
	}
}

static void write_private(struct writer *w)
{
	put(w, "<query xmlns='jabber:iq:private'>\n");
	write_elements(w);
	put(w, "</query>\n");
}

/* As the privacy list that says the same (XEP-0191 section 5). */
static void write_blocklist(struct writer *w)
{
	struct pc__bundle_record r;
	unsigned long order = 0;

	put(w, "<query xmlns='jabber:iq:privacy'>\n<default name='blocked'/>\n"
	       "<list name='blocked'>\n");
	while (next(w, &r)) {
		put(w, "<item type='jid'");
		put_attribute(w, "value", r.key);
		fprintf(w->out, " action='deny' order='%lu'/>\n", ++order);
	}
	fprintf(w->out, "<item action='allow' order='%lu'/>\n</list>\n</query>\n", ++order);
}

static void write_nodes(struct writer *w)
{
	struct pc__bundle_record r;

	put(w, "<pubsub xmlns='" XEP227_NS_OWNER "'>\n");
	while (next(w, &r)) {
		pc_stanza *pubsub = parse(w, &r);
		pc_stanza *each = pubsub ? pc_stanza_first(pubsub) : NULL, *form;

		for (; each; each = pc_stanza_next(each)) {
			form = pc_stanza_child(each, "x", XEP227_NS_FORM);
			if (form)
				pc_stanza_set(form, "type", "form");
			put_element(w, each);
		}
		pc_stanza_free(&pubsub);
	}
	put(w, "</pubsub>\n");
}

/* The format has no place for when an item was published: our own attribute is left alone by
 * others. */
static void write_items(struct writer *w, const char *node)
{
	struct pc__bundle_record r;
	char stamp[PC_DATETIME_SIZE];

	if (!w->in_items)
		put(w, "<pubsub xmlns='" XEP227_NS_PUBSUB "'>\n");
	w->in_items = true;
	put(w, "<items");
	put_attribute(w, "node", node);
	put(w, ">\n");
	while (next(w, &r)) {
		pc_stanza *st = parse(w, &r);

		if (st == NULL)
			continue;
		pc_datetime_write(r.when, stamp);
		pc_stanza_set(st, "stamp", r.when ? stamp : NULL);
		put_element(w, st);
		pc_stanza_free(&st);
	}
	put(w, "</items>\n");
}

static bool is_own_stamp(const pc_stanza *child, void *data)
{
	const char *from = pc_stanza_get(child, "from");

	return pc_stanza_is(child, "delay", "urn:xmpp:delay") && from && strcmp(from, data) == 0;
}

/* With the stamp that its recipient would see. */
static void write_offline(struct writer *w)
{
	struct pc__bundle_record r;

	put(w, "<offline-messages>\n");
	while (next(w, &r)) {
		pc_stanza *st = parse(w, &r);

		if (st == NULL)
			continue;
		pc_stanza_remove_if(st, is_own_stamp, w->host);
		pc_stanza_delay(st, w->host, r.when, "Offline Storage");
		put_element(w, st);
		pc_stanza_free(&st);
	}
	put(w, "</offline-messages>\n");
}

static void write_archive(struct writer *w)
{
	struct pc__bundle_record r;

	put(w, "<archive xmlns='" XEP227_NS_MAM "'>\n");
	while (next(w, &r)) {
		pc_stanza *message = parse(w, &r), *result, *forwarded;

		if (message == NULL)
			continue;
		result = pc_stanza_new("result", "urn:xmpp:mam:2");
		pc_stanza_set(result, "id", r.key);
		forwarded = pc_stanza_open(result, "forwarded", "urn:xmpp:forward:0");
		pc_stanza_delay(forwarded, NULL, r.when, NULL);
		pc_stanza_append(forwarded, message);
		put_element(w, result);
		pc_stanza_free(&message);
		pc_stanza_free(&result);
	}
	put(w, "</archive>\n");
}

/* ------------------------------------------------------------ users, hosts */

static void close_items(struct writer *w)
{
	if (w->in_items)
		put(w, "</pubsub>\n");
	w->in_items = false;
}

static void close_user(struct writer *w)
{
	close_items(w);
	if (w->user)
		put(w, "</user>\n");
	pc__free(&w->user);
}

static void close_host(struct writer *w)
{
	close_user(w);
	if (w->host)
		put(w, "</host>\n");
	pc__free(&w->host);
}

static void open_host(struct writer *w, const char *host)
{
	close_host(w);
	w->host = pc__strdup(host);
	put(w, "<host");
	put_attribute(w, "jid", host);
	put(w, ">\n");
}

static void open_user(struct writer *w, const struct pc__bundle_group *g)
{
	bool has_account = strcmp(g->store, "accounts") == 0;
	struct account a = { 0 };

	close_user(w);
	w->user = pc__strdup(g->user);
	w->users++;
	if (has_account)
		read_account(w, &a);
	put(w, "<user");
	put_attribute(w, "name", w->user);
	put_attribute(w, "password", a.password);
	put(w, ">\n");
	put_account(w, &a);
	free_account(&a);
}

static void write_group(struct writer *w, const struct pc__bundle_group *g)
{
	static const struct {
		const char *store;
		void (*write)(struct writer *w);
	} stores[] = {
		{ "roster", write_roster },   { "private", write_private },
		{ "vcard", write_elements },  { "blocklist", write_blocklist },
		{ "pep", write_nodes },       { "offline", write_offline },
		{ "archive", write_archive },
	};

	if (w->host == NULL || strcmp(w->host, g->host) != 0)
		open_host(w, g->host);
	if (w->user == NULL || strcmp(w->user, g->user) != 0)
		open_user(w, g);
	if (strncmp(g->store, "pep_", 4) == 0) {
		write_items(w, g->store + 4);
		return;
	}
	close_items(w);
	for (size_t i = 0; i < PC__COUNT(stores); i++)
		if (strcmp(stores[i].store, g->store) == 0)
			stores[i].write(w);
}

int xep227_write(struct move *m, FILE *bundle, FILE *out, uint64_t *users_r)
{
	struct writer w = { .m = m, .out = out, .in = pc__bundle_in_new(bundle) };
	struct pc__bundle_group g;
	int err = w.in ? PC_OK : PC_EINVAL;

	put(&w, "<?xml version='1.0' encoding='UTF-8'?>\n<server-data xmlns='" XEP227_NS "'>\n");
	while (err == PC_OK && w.err == PC_OK && !ferror(out)) {
		err = pc__bundle_next_group(w.in, &g);
		if (err == PC_OK)
			write_group(&w, &g);
	}
	close_host(&w);
	put(&w, "</server-data>\n");
	pc__bundle_in_free(&w.in);
	pc__buf_free(&w.text);
	*users_r = w.users;
	if (w.err != PC_OK || err != PC_ENOENT)
		return PC_EINVAL;
	return fflush(out) == 0 && !ferror(out) ? PC_OK : PC_EIO;
}

/*
 * mod_caps - what clients and contacts can do, by the hash in their presence (XEP-0115).
 */
#include <stdio.h>
#include <string.h>

#include "caps.h"
#include "lib_disco/ver.h"

#define ANSWER_SECONDS 30
#define WAITING_MOST 10000

struct caps {
	struct cache hashes, addresses;
	struct question *questions; /* by key */
	size_t n_waiting;
	bool unloaded;
	pc_metric *asked, *wrong;
};

/* Somebody whose features are looked for; the instance's memory, as callbacks may not come. */
struct waiting {
	struct waiting *next;
	char as[PC_JID_MAX + 1];
	char node[KEY_SIZE]; /* his presence's */
	char jid[];
};

/* One who is asked, and those who wait with him: they have the same hash. */
struct question {
	UT_hash_handle hh;
	pc_module *m;
	struct waiting *first;
	char key[KEY_SIZE];
};

/* ------------------------------------------------------------ what a presence says */

struct told {
	const char *jid, *node;
	char key[KEY_SIZE];
};

/* false: he does not tell, or by rules older than the hash, by which nothing could be checked. */
static bool read_presence(const pc_stanza *presence, struct told *t)
{
	const pc_stanza *c = pc_stanza_child(presence, "c", NS_CAPS);
	const char *hash = c ? pc_stanza_get(c, "hash") : NULL;
	const char *ver = c ? pc_stanza_get(c, "ver") : NULL;

	t->jid = pc_stanza_get(presence, "from");
	t->node = c ? pc_stanza_get(c, "node") : NULL;
	if (hash == NULL || ver == NULL || t->node == NULL || t->jid == NULL ||
	    strlen(t->node) >= KEY_SIZE / 2)
		return false;
	return (size_t)snprintf(t->key, sizeof(t->key), "%s %s", hash, ver) < sizeof(t->key) / 2;
}

/* NULL: nothing is known of him. Who has lied once is not taken for who he claims to be. */
static const char *features_of(struct caps *c, const struct told *t)
{
	const char *text = cache_find(&c->addresses, t->jid);

	return text ? text : cache_find(&c->hashes, t->key);
}

static bool contains(const char *text, const char *feature)
{
	size_t len = strlen(feature);

	while ((text = strstr(text, feature)) != NULL) {
		if (text[-1] == '<' && text[len] == '<')
			return true;
		text++;
	}
	return false;
}

static int has(pc_module *owner, const pc_stanza *presence, const char *feature)
{
	struct caps *c = pc_module_data(owner);
	const char *text;
	struct told t;

	if (!read_presence(presence, &t) || *feature == '\0')
		return 0;
	text = features_of(c, &t);
	return text ? contains(text + 1, feature) : -1;
}

/* ------------------------------------------------------------ questions */

static void tell_known(pc_module *m, const char *jid)
{
	const pc_arg args[] = { PC_STR("jid", jid) };

	pc_notify(m, "caps-known", &(pc_fire_args){ .args = args, .n_args = 1 });
}

static void question_end(struct question *q)
{
	struct caps *c = pc_module_data(q->m);
	pc_module *m = q->m;
	struct waiting *w = q->first, *next;

	HASH_DEL(c->questions, q);
	pc_module_free(m, q);
	for (; w; w = next) {
		next = w->next;
		c->n_waiting--;
		tell_known(m, w->jid);
		pc_module_free(m, w);
	}
}

static void on_answer(const pc_stanza *reply, void *data);

static bool send_question(struct question *q)
{
	const struct waiting *w = q->first;
	const char *ver = strchr(q->key, ' ') + 1;
	char node[2 * KEY_SIZE];
	pc_stanza *iq = pc_stanza_iq("get", NULL, w->jid, w->as), *query;

	query = pc_stanza_open(iq, "query", NS_INFO);
	snprintf(node, sizeof(node), "%s#%s", w->node, ver);
	pc_stanza_set(query, "node", node);
	pc_metric_add(((struct caps *)pc_module_data(q->m))->asked, 1);
	return pc_send_iq(q->m, iq, ANSWER_SECONDS, on_answer, q) == PC_OK;
}

/* The next one of that hash is asked in his turn; he may be telling the truth. */
static void ask_next(struct question *q)
{
	struct caps *c = pc_module_data(q->m);
	struct waiting *asked = q->first;

	q->first = asked->next;
	c->n_waiting--;
	tell_known(q->m, asked->jid);
	pc_module_free(q->m, asked);
	if (q->first == NULL || !send_question(q))
		question_end(q);
}

static bool is_verified(const struct question *q, const char *text)
{
	const char *space = strchr(q->key, ' ');
	char hash[KEY_SIZE], ver[VER_SIZE];

	snprintf(hash, sizeof(hash), "%.*s", (int)(space - q->key), q->key);
	return ver_digest(text, hash, ver) == PC_OK && strcmp(ver, space + 1) == 0;
}

static void take_answer(struct question *q, const pc_stanza *query)
{
	struct caps *c = pc_module_data(q->m);
	char *text = ver_text(query), *kept = NULL;
	bool verified = is_verified(q, text);

	if (asprintf(&kept, "<%s", text) < 0)
		abort();
	free(text);
	if (verified) {
		cache_put(&c->hashes, q->key, kept, true);
		question_end(q);
	} else {
		pc_metric_add(c->wrong, 1);
		cache_put(&c->addresses, q->first->jid, kept, false);
		ask_next(q);
	}
	free(kept);
}

/* Without a reply he has not answered in time, or the module goes. */
static void on_answer(const pc_stanza *reply, void *data)
{
	struct question *q = data;
	const pc_stanza *query = NULL;

	if (reply && pc_stanza_type(reply) == PC_TYPE_RESULT)
		query = pc_stanza_child(reply, "query", NS_INFO);
	if (((struct caps *)pc_module_data(q->m))->unloaded)
		return;
	if (query)
		take_answer(q, query);
	else
		ask_next(q);
}

static struct question *question_for(struct caps *c, pc_module *m, const struct told *t)
{
	struct question *q;

	HASH_FIND_STR(c->questions, t->key, q);
	if (q)
		return q;
	q = pc_module_alloc(m, sizeof(*q));
	q->m = m;
	memcpy(q->key, t->key, sizeof(q->key));
	HASH_ADD_STR(c->questions, key, q);
	return q;
}

static void wait_for(struct question *q, const struct told *t, const char *as)
{
	struct waiting *w = pc_module_alloc(q->m, sizeof(*w) + strlen(t->jid) + 1), **at;

	memcpy(w->jid, t->jid, strlen(t->jid) + 1);
	snprintf(w->as, sizeof(w->as), "%s", as);
	snprintf(w->node, sizeof(w->node), "%s", t->node);
	for (at = &q->first; *at; at = &(*at)->next)
		;
	*at = w;
}

static int ask(pc_module *owner, const pc_stanza *presence, const char *as)
{
	struct caps *c = pc_module_data(owner);
	struct question *q;
	struct told t;

	if (!read_presence(presence, &t) || features_of(c, &t))
		return PC_OK;
	if (c->n_waiting >= WAITING_MOST)
		return PC_ELIMIT;
	q = question_for(c, owner, &t);
	wait_for(q, &t, as ? as : pc_module_host_name(owner));
	c->n_waiting++;
	if (q->first->next == NULL && !send_question(q)) {
		HASH_DEL(c->questions, q);
		pc_module_free(owner, q->first);
		pc_module_free(owner, q);
		c->n_waiting--;
		return PC_ELIMIT;
	}
	return PC_EBUSY;
}

static const pc_caps service = { .size = sizeof(service), .has = has, .ask = ask };

/* ------------------------------------------------------------ the module */

/* What was told of a single address ends with its session, or when he shows another hash. */
static pc_result on_unbind(pc_event *ev, void *data)
{
	struct caps *c = data;
	const pc_session *s = pc_event_origin(ev);

	if (s && s->full_jid)
		cache_remove(&c->addresses, s->full_jid);
	return PC_PASS;
}

static pc_result on_presence(pc_event *ev, void *data)
{
	struct caps *c = data;
	const pc_session *s = pc_event_origin(ev);
	struct told is, was;

	if (s == NULL || s->presence == NULL || pc_stanza_get(pc_event_stanza(ev), "to") ||
	    pc_stanza_type(pc_event_stanza(ev)) != PC_TYPE_NONE)
		return PC_PASS;
	if (!read_presence(pc_event_stanza(ev), &is) || !read_presence(s->presence, &was) ||
	    strcmp(is.key, was.key) != 0)
		cache_remove(&c->addresses, s->full_jid);
	return PC_PASS;
}

static void configure(pc_module *m)
{
	struct caps *c = pc_module_data(m);

	c->hashes.most = pc_opt_int(m, "caps_cache_size");
	c->addresses.most = pc_opt_int(m, "caps_cache_size");
}

static void load(pc_module *m)
{
	struct caps *c = pc_module_data(m);

	c->hashes.m = c->addresses.m = m;
	c->hashes.store = pc_store_open(m, "caps", PC_STORE_MAP);
	c->asked = pc_counter(m, "asked", NULL);
	c->wrong = pc_counter(m, "unverified", NULL);
	configure(m);
	cache_load(&c->hashes);
	pc_provide(m, "caps", &service);
	pc_hook(m, "resource-unbind", on_unbind, -1);
	pc_hook(m, "pre-presence/bare", on_presence, 5);
}

static void unload(pc_module *m)
{
	struct caps *c = pc_module_data(m);

	c->unloaded = true;
	HASH_CLEAR(hh, c->questions);
	cache_clear(&c->hashes);
	cache_clear(&c->addresses);
}

static const pc_option options[] = {
	{ .name = "caps_cache_size",
	  .type = PC_OPT_INTEGER,
	  .dflt = "1000",
	  .min = 10,
	  .max = 1000000,
	  .live = true,
	  .help = "Kinds of clients whose features are remembered" },
	{ 0 },
};

static const pc_event_decl events[] = {
	{ "caps-known", PC_NOTICE,
	  "It is known what a client can do, or will not be: `jid`, full" },
	{ 0 },
};

static const pc_store_decl stores[] = {
	{ "caps", PC_STORE_MAP, "Features of clients, by their hash" },
	{ 0 },
};

static const pc_metric_decl metrics[] = {
	{ "asked", PC_COUNTER, "Clients that were asked for their features" },
	{ "unverified", PC_COUNTER, "Answers that did not have the hash of the presence" },
	{ 0 },
};

PC_MODULE(caps, .summary = "What clients can do, by the hash in their presence",
          .xeps = "0115:1.6.0", .data_size = sizeof(struct caps), .options = options,
          .events = events, .stores = stores, .metrics = metrics, .load = load, .unload = unload,
          .config_changed = configure);

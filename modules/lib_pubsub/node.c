#include "node.h"

#include <prosody-c/jid.h>

#include "mem.h"

struct node *node_new(const char *name, struct config *config)
{
	size_t size = strlen(name) + 1;
	struct node *n = mem_new(sizeof(*n) + size);

	memcpy(n->name, name, size);
	n->config = *config;
	*config = (struct config){ 0 };
	return n;
}

void node_free(struct node *n)
{
	struct affiliated *a, *next_a;
	struct subscription *s, *next_s;

	HASH_ITER(hh, n->affiliated, a, next_a)
	{
		HASH_DEL(n->affiliated, a);
		free(a);
	}
	HASH_ITER(hh, n->subscriptions, s, next_s)
	{
		HASH_DEL(n->subscriptions, s);
		free(s);
	}
	config_free(&n->config);
	free(n);
}

bool node_name_fits(const char *name)
{
	size_t len = strlen(name);

	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	return len > 0 && len <= NODE_NAME_MOST;
}

/* ------------------------------------------------------------ affiliations and subscriptions */

void node_affiliate(struct node *n, const char *bare, enum affiliation what)
{
	struct affiliated *a;
	size_t len = strlen(bare);

	HASH_FIND(hh, n->affiliated, bare, len, a);
	if (a && what == AFFILIATION_NONE) {
		HASH_DEL(n->affiliated, a);
		free(a);
	} else if (a) {
		a->what = what;
	} else if (what != AFFILIATION_NONE) {
		a = mem_new(sizeof(*a) + len + 1);
		memcpy(a->jid, bare, len + 1);
		a->what = what;
		HASH_ADD_KEYPTR(hh, n->affiliated, a->jid, len, a);
	}
}

enum affiliation node_affiliation(const struct node *n, const char *bare,
                                  enum affiliation otherwise)
{
	struct affiliated *a;

	HASH_FIND(hh, n->affiliated, bare, strlen(bare), a);
	return a ? a->what : otherwise;
}

struct subscription *node_subscription(const struct node *n, const char *jid)
{
	struct subscription *s;

	HASH_FIND(hh, n->subscriptions, jid, strlen(jid), s);
	return s;
}

struct subscription *node_subscribe(struct node *n, const char *jid, bool pending)
{
	struct subscription *s = node_subscription(n, jid);
	size_t len = strlen(jid);

	if (s == NULL) {
		s = mem_new(sizeof(*s) + len + 1);
		memcpy(s->jid, jid, len + 1);
		HASH_ADD_KEYPTR(hh, n->subscriptions, s->jid, len, s);
	}
	s->pending = pending;
	return s;
}

void node_unsubscribe(struct node *n, struct subscription *s)
{
	HASH_DEL(n->subscriptions, s);
	free(s);
}

/* One's own addresses are few, the subscribers many: those that one is connected by are not known,
 * so all that have the bare address are looked at where the bare one is not there. */
void node_standing(const struct node *n, const char *bare, struct standing *who)
{
	const struct subscription *s = node_subscription(n, bare);
	size_t len = strlen(bare);

	who->subscribed = s && !s->pending;
	who->pending = s && s->pending;
	if (s)
		return;
	for (s = n->subscriptions; s; s = s->hh.next) {
		if (strncmp(s->jid, bare, len) != 0 || s->jid[len] != '/')
			continue;
		who->subscribed = who->subscribed || !s->pending;
		who->pending = who->pending || s->pending;
	}
	who->pending = who->pending && !who->subscribed;
}

/* ------------------------------------------------------------ in the store */

char *node_write(const struct node *n, size_t *len_r)
{
	pc_stanza *st = pc_stanza_new("pubsub", NS_OWNER);
	pc_stanza *configure = pc_stanza_open(st, "configure", NULL), *list;
	char *text;

	pc_stanza_set(configure, "node", n->name);
	config_keep(&n->config, configure);
	if (n->affiliated) {
		list = pc_stanza_open(st, "affiliations", NULL);
		pc_stanza_set(list, "node", n->name);
		for (const struct affiliated *a = n->affiliated; a; a = a->hh.next) {
			pc_stanza *one = pc_stanza_open(list, "affiliation", NULL);

			pc_stanza_set(one, "jid", a->jid);
			pc_stanza_set(one, "affiliation", affiliation_name(a->what));
		}
	}
	text = pc_stanza_write(st, len_r);
	pc_stanza_free(&st);
	return text;
}

static void read_affiliations(struct node *n, const pc_stanza *list)
{
	for (pc_stanza *a = pc_stanza_first(list); a; a = pc_stanza_next(a)) {
		const char *jid = pc_stanza_get(a, "jid");
		int what = affiliation_find(pc_stanza_get(a, "affiliation"));
		char buf[PC_JID_BUF], bare[PC_JID_MAX + 1];
		pc_jid parsed;

		if (jid == NULL || what <= AFFILIATION_NONE ||
		    pc_jid_parse(jid, buf, &parsed) != PC_OK)
			continue;
		pc_jid_write_bare(&parsed, bare);
		node_affiliate(n, bare, (enum affiliation)what);
	}
}

struct node *node_read(const char *name, const char *text, size_t len,
                       const struct config *defaults, const struct limits *limits)
{
	pc_stanza *st = pc_stanza_parse(text, len);
	const pc_stanza *configure = st ? pc_stanza_child(st, "configure", NS_OWNER) : NULL;
	const pc_stanza *form = configure ? pc_form_find(configure, NULL) : NULL;
	const pc_stanza *list = st ? pc_stanza_child(st, "affiliations", NS_OWNER) : NULL;
	struct node *n = NULL;
	struct config config;
	char why[CONFIG_WHY];

	if (form) {
		config_copy(&config, defaults);
		config_read(&config, form, limits, CONFIG_STORED, why);
		n = node_new(name, &config);
		n->n_items = n->bytes = -1;
		if (list)
			read_affiliations(n, list);
	}
	pc_stanza_free(&st);
	return n;
}

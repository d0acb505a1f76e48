/*
 * mod_private.c - private XML storage (XEP-0049): clients keep settings of their own here.
 *
 * An element is kept under its name and namespace; an empty one removes what was kept.
 */
#include <stdlib.h>
#include <string.h>

#include <prosody-c/prosody-c.h>

#define NS "jabber:iq:private"
#define KEY_MOST 1024

static const pc_option options[] = {
	{ .name = "private_max_items",
	  .type = PC_OPT_INTEGER,
	  .dflt = "256",
	  .min = 1,
	  .max = 100000,
	  .live = true,
	  .help = "Elements that an account may keep in its private storage" },
	{ .name = "private_max_size",
	  .type = PC_OPT_SIZE,
	  .dflt = "1 MiB",
	  .min = 1024,
	  .max = 1e9,
	  .live = true,
	  .help = "Bytes of them together" },
	{ 0 },
};

struct private
{
	pc_store *store;
};

/* false: no namespace of its own, or too long a name. */
static bool key_of(const pc_stanza *element, char key[KEY_MOST])
{
	const char *name = pc_stanza_name(element), *ns = pc_stanza_ns(element);
	size_t name_len = strlen(name), ns_len = strlen(ns);

	if (ns_len == 0 || strcmp(ns, NS) == 0 || strcmp(ns, PC_NS_CLIENT) == 0)
		return false;
	if (name_len + ns_len + 2 > KEY_MOST)
		return false;
	memcpy(key, name, name_len);
	key[name_len] = ':';
	memcpy(key + name_len + 1, ns, ns_len + 1);
	return true;
}

/* ------------------------------------------------------------ get */

static void on_item(int err, const pc_item *items, size_t n, void *data)
{
	pc_token token = (pc_token)(uintptr_t)data;
	pc_event *ev = pc_token_event(token);
	const pc_stanza *wanted;
	pc_stanza *reply, *query, *kept;

	if (ev == NULL)
		return;
	if (err != PC_OK) {
		pc_event_resume(token, err);
		return;
	}
	wanted = pc_stanza_first(pc_stanza_first(pc_event_stanza(ev)));
	reply = pc_stanza_result(pc_event_stanza(ev));
	query = pc_stanza_open(reply, "query", NS);
	kept = n > 0 ? pc_stanza_parse(items[0].value, items[0].len) : NULL;
	if (kept)
		pc_stanza_append(query, kept);
	else
		pc_stanza_open(query, pc_stanza_name(wanted), pc_stanza_ns(wanted));
	pc_stanza_free(&kept);
	pc_event_resume(token, pc_reply(ev, reply));
}

static pc_result on_get(pc_event *ev, void *data)
{
	struct private *p = data;
	const pc_session *s = pc_event_origin(ev);
	const pc_stanza *wanted = pc_stanza_first(pc_stanza_first(pc_event_stanza(ev)));
	char key[KEY_MOST];

	if (s == NULL)
		return PC_PASS;
	if (wanted == NULL || pc_stanza_next(wanted))
		return pc_reply_error(ev, "modify", "bad-request",
		                      "exactly one element is asked for");
	if (!key_of(wanted, key))
		return pc_reply_error(ev, "modify", "not-acceptable",
		                      "the element needs a namespace of its own");
	pc_store_get_key(p->store, s->username, key, on_item,
	                 (void *)(uintptr_t)pc_event_suspend(ev));
	return PC_SUSPENDED;
}

/* ------------------------------------------------------------ set */

static const pc_item *find(const pc_item *items, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(items[i].key, key) == 0)
			return &items[i];
	return NULL;
}

static bool is_empty(const pc_stanza *element)
{
	return pc_stanza_first(element) == NULL && *pc_stanza_get_text(element) == '\0';
}

static pc_ticket write_one(struct private *p, const char *user, const pc_stanza *element,
                           const char *key)
{
	pc_item item = { .key = key };
	char *text = NULL;
	pc_ticket ticket;

	if (!is_empty(element))
		item.value = text = pc_stanza_write(element, &item.len);
	ticket = pc_store_set_keys(p->store, user, &item, 1, NULL, NULL);
	free(text);
	return ticket;
}

/* What an account keeps, in number and in bytes: each change reads all of it to know. */
struct extent {
	size_t n, bytes;
};

static void add_element(struct extent *e, const pc_stanza *element, const pc_item *old)
{
	size_t len = 0;

	free(pc_stanza_write(element, &len));
	e->n += old == NULL;
	e->bytes += len;
	e->bytes -= old ? old->len : 0;
}

static bool fits(pc_module *m, const pc_stanza *first, const pc_item *items, size_t n)
{
	struct extent e = { .n = n };
	char key[KEY_MOST];

	for (size_t i = 0; i < n; i++)
		e.bytes += items[i].len;
	for (const pc_stanza *element = first; element; element = pc_stanza_next(element))
		if (!is_empty(element) && key_of(element, key))
			add_element(&e, element, find(items, n, key));
	return e.n <= (size_t)pc_opt_int(m, "private_max_items") &&
	       e.bytes <= (size_t)pc_opt_int(m, "private_max_size");
}

static bool only_removes(const pc_stanza *first)
{
	while (first && is_empty(first))
		first = pc_stanza_next(first);
	return first == NULL;
}

/* The items are those that are kept already. */
static pc_result set_all(pc_event *ev, struct private *p, const pc_item *items, size_t n)
{
	const char *user = pc_event_from(ev)->local;
	const pc_stanza *first = pc_stanza_first(pc_stanza_first(pc_event_stanza(ev)));
	char key[KEY_MOST];
	pc_ticket ticket = 0;

	if (!only_removes(first) && !fits(pc_event_module(ev), first, items, n))
		return pc_reply_error(ev, "wait", "resource-constraint",
		                      "the private storage is full");
	for (const pc_stanza *e = first; e; e = pc_stanza_next(e)) {
		key_of(e, key);
		ticket = write_one(p, user, e, key);
	}
	return pc_reply_after(ev, ticket, pc_stanza_result(pc_event_stanza(ev)));
}

static void on_kept(int err, const pc_item *items, size_t n, void *data)
{
	pc_token token = (pc_token)(uintptr_t)data;
	pc_event *ev = pc_token_event(token);

	if (ev == NULL)
		return;
	if (err != PC_OK)
		pc_event_resume(token, err);
	else
		pc_event_resume(token, set_all(ev, pc_module_data(pc_event_module(ev)), items, n));
}

static pc_result on_set(pc_event *ev, void *data)
{
	struct private *p = data;
	const pc_session *s = pc_event_origin(ev);
	const pc_stanza *first = pc_stanza_first(pc_stanza_first(pc_event_stanza(ev)));
	char key[KEY_MOST];

	if (s == NULL)
		return PC_PASS;
	if (first == NULL)
		return pc_reply_error(ev, "modify", "bad-request", "nothing is to be kept");
	for (const pc_stanza *e = first; e; e = pc_stanza_next(e))
		if (!key_of(e, key))
			return pc_reply_error(ev, "modify", "not-acceptable",
			                      "each element needs a namespace of its own");
	pc_store_get(p->store, s->username, on_kept, (void *)(uintptr_t)pc_event_suspend(ev));
	return PC_SUSPENDED;
}

/* XEP-0049 section 2: what others keep is nobody's business. */
static pc_result on_other(pc_event *ev, void *data)
{
	(void)data;
	if (pc_event_to_self(ev))
		return PC_PASS;
	return pc_reply_error(ev, "auth", "forbidden", NULL);
}

static void load(pc_module *m)
{
	struct private *p = pc_module_data(m);

	p->store = pc_store_open(m, "private", PC_STORE_MAP);
	pc_add_feature(m, NS);
	pc_hook(m, "iq-get/self/" NS ":query", on_get, 0);
	pc_hook(m, "iq-set/self/" NS ":query", on_set, 0);
	pc_hook(m, "iq-get/bare/" NS ":query", on_other, 0);
	pc_hook(m, "iq-set/bare/" NS ":query", on_other, 0);
}

static const pc_store_decl stores[] = {
	{ "private", PC_STORE_MAP, "What clients keep for themselves, by element" },
	{ 0 },
};

PC_MODULE(private, .summary = "Private XML storage", .xeps = "0049:1.2",
          .data_size = sizeof(struct private), .options = options, .stores = stores, .load = load);

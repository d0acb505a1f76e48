/*
 * mod_delegation - components that answer for namespaces of the server and its accounts (XEP-0355,
 * admin mode).
 */
#include "delegation.h"

#include <stdlib.h>
#include <string.h>

#define OPTION "delegations"
#define NS_PRIVILEGE "urn:xmpp:privilege:2"
#define NS_STREAM_PARTS "urn:ietf:params:xml:ns:xmpp-"
/* Behind the blocking of senders (100), before whoever answers. */
#define EARLY 10
#define LATE (-10)

/* Out of memory ends the process, as everywhere. */
static void *check(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

/* ------------------------------------------------------------ the configuration */

struct reading {
	pc_module *m;
	struct delegation *all;
	size_t n;
};

static void add_filter(const char *key, const char *value, void *data)
{
	struct delegation *del = data;

	(void)key;
	if (value == NULL)
		return;
	del->filters = check(reallocarray(del->filters, del->n_filters + 1, sizeof(*del->filters)));
	del->filters[del->n_filters++] = check(strdup(value));
}

struct fields {
	const char *jid, *filter; /* one filter may stand there without braces */
};

static void take_field(const char *key, const char *value, void *data)
{
	struct fields *f = data;

	if (strcmp(key, "jid") == 0)
		f->jid = value;
	else if (strcmp(key, "filtering") == 0)
		f->filter = value;
}

/* The namespaces of the two protocols decide who is asked, those of RFC 6120 are of the stream:
 * they are nobody else's business. */
static bool may_be_delegated(const char *ns)
{
	if (nest_is_special(ns))
		return true;
	return strncmp(ns, NS, strlen(NS)) != 0 && strcmp(ns, NS_PRIVILEGE) != 0 &&
	       strncmp(ns, NS_STREAM_PARTS, strlen(NS_STREAM_PARTS)) != 0;
}

static void add_delegation(const char *ns, const char *value, void *data)
{
	struct reading *r = data;
	struct fields f = { NULL, NULL };
	struct delegation *del;
	char buf[PC_JID_BUF];
	pc_jid jid;

	pc_opt_each(r->m, OPTION, (const char *const[]){ ns, NULL }, take_field, &f);
	if (!may_be_delegated(ns)) {
		pc_log(r->m, PC_WARN, OPTION ": %s cannot be delegated: left out", ns);
		return;
	}
	if (value || f.jid == NULL || pc_jid_parse(f.jid, buf, &jid) != PC_OK || jid.local ||
	    jid.resource) {
		pc_log(r->m, PC_WARN, OPTION ": %s: { jid = \"DOMAIN\" } of a component is wanted",
		       ns);
		return;
	}
	r->all = check(reallocarray(r->all, r->n + 1, sizeof(*r->all)));
	del = &r->all[r->n++];
	*del = (struct delegation){ .ns = check(strdup(ns)), .jid = check(strdup(jid.domain)) };
	if (f.filter)
		add_filter(NULL, f.filter, del);
	pc_opt_each(r->m, OPTION, (const char *const[]){ ns, "filtering", NULL }, add_filter, del);
}

static void read_all(struct delegations *d)
{
	struct reading r = { .m = d->m };

	pc_opt_each(d->m, OPTION, NULL, add_delegation, &r);
	d->all = r.all;
	d->n = r.n;
	for (size_t i = 0; i < d->n; i++)
		nest_begin(d, &d->all[i]);
}

static void free_all(struct delegations *d)
{
	for (size_t i = 0; i < d->n; i++) {
		struct delegation *del = &d->all[i];

		nest_end(d, del);
		for (size_t k = 0; k < del->n_filters; k++)
			free(del->filters[k]);
		free(del->filters);
		free(del->jid);
		free(del->ns);
	}
	free(d->all);
	d->all = NULL;
	d->n = 0;
}

struct delegation *delegation_find(struct delegations *d, const char *ns)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->all[i].ns, ns) == 0)
			return &d->all[i];
	return NULL;
}

/* ------------------------------------------------------------ which requests */

static bool matches(const struct delegation *del, const pc_stanza *payload)
{
	for (size_t i = 0; i < del->n_filters; i++)
		if (pc_stanza_get(payload, del->filters[i]) == NULL)
			return false;
	return true;
}

/* The items of an account, where no node is asked for: the component's come in place of ours. */
static bool is_items_of_account(const pc_event *ev, const pc_stanza *payload)
{
	const char *node = pc_stanza_get(payload, "node");

	return pc_event_to(ev)->local && pc_stanza_type(pc_event_stanza(ev)) == PC_TYPE_GET &&
	       pc_stanza_is(payload, "query", NS_ITEMS) && (node == NULL || *node == '\0');
}

static struct delegation *delegation_of(struct delegations *d, const pc_event *ev)
{
	const pc_stanza *payload = pc_stanza_first(pc_event_stanza(ev));
	struct delegation *del = payload ? delegation_find(d, pc_stanza_ns(payload)) : NULL;

	if (del && !nest_is_special(del->ns) && matches(del, payload))
		return del;
	return payload && is_items_of_account(ev, payload) ? delegation_find(d, REST_ITEMS) : NULL;
}

struct sender {
	const char *component;
	bool is_it;
};

static void on_sender(pc_event *ev, pc_result result, void *data)
{
	const char *entity = pc_event_str(ev, "entity");
	struct sender *s = data;

	(void)result;
	s->is_it = entity && strcmp(entity, s->component) == 0;
}

/* "If a stanza is sent by the managing entity on a managed namespace, the server MUST NOT forward
 * it": one of its own, or one that it sends in the name of an account. */
static bool is_its_own(const struct delegations *d, const struct delegation *del,
                       const pc_event *ev)
{
	const pc_session *s = pc_event_origin(ev);
	struct sender sender = { del->jid, false };

	if (strcmp(pc_event_from(ev)->domain, del->jid) == 0 ||
	    (s && s->type == PC_COMPONENT && s->host && strcmp(s->host, del->jid) == 0))
		return true;
	if (s == NULL)
		pc_fire(d->m, "privileged-sender", &(pc_fire_args){ .stanza = pc_event_stanza(ev) },
		        on_sender, &sender);
	return sender.is_it;
}

/* "Directed to him, or directed to any bare jid (and only bare jid)". */
static pc_result on_iq(pc_event *ev, void *data)
{
	struct delegations *d = data;
	pc_type type = pc_stanza_type(pc_event_stanza(ev));
	const struct delegation *del;

	if ((type != PC_TYPE_GET && type != PC_TYPE_SET) || pc_event_from(ev) == NULL ||
	    pc_event_to(ev)->resource)
		return PC_PASS;
	del = delegation_of(d, ev);
	return del && !is_its_own(d, del, ev) ? forward(d, del, ev) : PC_PASS;
}

/* ------------------------------------------------------------ nodes that nobody here knows */

static pc_result on_node(pc_event *ev, struct delegations *d, const char *ns)
{
	const struct delegation *del = delegation_find(d, ns);
	const char *node = pc_event_str(ev, "node");
	const char *from = pc_stanza_get(pc_event_stanza(ev), "from");
	char buf[PC_JID_BUF];
	pc_jid jid;

	if (del == NULL || node == NULL || pc_event_int(ev, "exists") || from == NULL ||
	    pc_jid_parse(from, buf, &jid) != PC_OK || strcmp(jid.domain, del->jid) == 0)
		return PC_PASS;
	forward_stanza(d, del, pc_event_origin(ev), pc_event_stanza(ev));
	return PC_HANDLED;
}

static pc_result on_info_node(pc_event *ev, void *data)
{
	return on_node(ev, data, REST_INFO);
}

static pc_result on_items_node(pc_event *ev, void *data)
{
	return on_node(ev, data, REST_ITEMS);
}

/* ------------------------------------------------------------ what components are told */

static pc_stanza *advertisement(const struct delegations *d, const char *jid)
{
	pc_stanza *st = pc_stanza_message(NULL, jid, pc_module_host_name(d->m));
	pc_stanza *delegation = pc_stanza_open(st, "delegation", NS);
	char id[PC_ID_SIZE];

	pc_random_id(id);
	pc_stanza_set(st, "id", id);
	for (size_t i = 0; i < d->n; i++) {
		const struct delegation *del = &d->all[i];
		pc_stanza *el;

		if (strcmp(del->jid, jid) != 0)
			continue;
		el = pc_stanza_open(delegation, "delegated", NULL);
		pc_stanza_set(el, "namespace", del->ns);
		for (size_t k = 0; k < del->n_filters; k++)
			pc_stanza_set(pc_stanza_open(el, "attribute", NULL), "name",
			              del->filters[k]);
	}
	return st;
}

static bool is_empty(const pc_stanza *advertisement)
{
	return pc_stanza_first(pc_stanza_first(advertisement)) == NULL;
}

static void ask_all(struct delegations *d, const char *jid)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->all[i].jid, jid) == 0)
			nest_ask(d, &d->all[i]);
}

/* `tell`: it does not know yet. */
static void greet(struct delegations *d, const pc_session *s, bool tell)
{
	pc_stanza *st = s->host ? advertisement(d, s->host) : NULL;

	if (st && !is_empty(st)) {
		if (tell)
			pc_session_send(s, st);
		ask_all(d, s->host);
	}
	pc_stanza_free(&st);
}

static pc_result on_connected(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	if (s)
		greet(data, s, true);
	return PC_PASS;
}

static bool greet_one(const pc_session *s, void *data)
{
	struct delegations *d = data;

	if (s->type == PC_COMPONENT)
		greet(d, s, !d->reloaded);
	return true;
}

/* Components that were there before the module. */
static void greet_all(void *data)
{
	pc_each_unbound_session(greet_one, data);
}

/* ------------------------------------------------------------ another configuration */

struct change {
	struct delegations *d, *was;
};

static bool tell_change(const pc_session *s, void *data)
{
	const struct change *c = data;
	pc_stanza *old, *new;
	char *x, *y;

	if (s->type != PC_COMPONENT || s->host == NULL)
		return true;
	old = advertisement(c->was, s->host);
	new = advertisement(c->d, s->host);
	x = pc_stanza_write(pc_stanza_first(old), NULL);
	y = pc_stanza_write(pc_stanza_first(new), NULL);
	if (strcmp(x, y) != 0)
		pc_session_send(s, new);
	ask_all(c->d, s->host);
	pc_stanza_free(&old);
	pc_stanza_free(&new);
	free(x);
	free(y);
	return true;
}

static void config_changed(pc_module *m)
{
	struct delegations *d = pc_module_data(m), was = *d;

	read_all(d);
	pc_each_unbound_session(tell_change, &(struct change){ d, &was });
	free_all(&was);
}

/* ------------------------------------------------------------ the module */

static const pc_option options[] = {
	{ .name = "delegations",
	  .type = PC_OPT_TABLE,
	  .live = true,
	  .help = "Namespaces that components answer for: { [\"NAMESPACE\"] = { jid = \"DOMAIN\", "
	          "filtering = { \"ATTRIBUTE\", ... } }, ... }" },
	{ .name = "delegation_timeout",
	  .type = PC_OPT_PERIOD,
	  .dflt = "30",
	  .min = 0.1,
	  .max = 600,
	  .live = true,
	  .help = "How long a component has to answer a request" },
	{ 0 },
};

static const pc_event_decl events[] = {
	{ "privileged-sender", PC_QUESTION,
	  "a request that no session has sent, the stanza, may go to a component: set `entity` to "
	  "the one that sends it in an account's name" },
	{ 0 },
};

static const pc_metric_decl metrics[] = {
	{ "forwarded", PC_COUNTER, "Requests that were given to components" },
	{ "bad_answers", PC_COUNTER, "Answers of components that were none to the request" },
	{ 0 },
};

static void save(pc_module *m, pc_state *state)
{
	(void)m;
	pc_state_put(state, "told", "", 1);
}

static void restore(pc_module *m, const pc_state *state)
{
	struct delegations *d = pc_module_data(m);
	size_t len;

	d->reloaded = pc_state_get(state, "told", &len) != NULL;
}

static void load(pc_module *m)
{
	struct delegations *d = pc_module_data(m);

	d->m = m;
	if (pc_host_kind(pc_module_host(m)) != PC_VIRTUAL_HOST)
		return; /* Prosody wants it there as well; all is done by the hosts with accounts */
	d->forwarded = pc_counter(m, "forwarded", NULL);
	d->bad = pc_counter(m, "bad_answers", NULL);
	read_all(d);
	pc_add_feature(m, NS);
	pc_hook_global(m, "component-authenticated", on_connected, 0);
	pc_hook(m, "iq/bare", on_iq, EARLY);
	pc_hook(m, "iq/host", on_iq, EARLY);
	pc_hook(m, "account-disco-info", nest_account_info, LATE);
	pc_hook(m, "account-disco-info-node", on_info_node, LATE);
	pc_hook(m, "account-disco-items-node", on_items_node, LATE);
	pc_hook(m, "stranger-disco-info", on_info_node, LATE);
	pc_hook(m, "stranger-disco-items", on_items_node, LATE);
	pc_after(m, 0, greet_all, d);
}

static void unload(pc_module *m)
{
	free_all(pc_module_data(m));
}

PC_MODULE(delegation, .summary = "Components that answer for namespaces of the server",
          .xeps = "0355:0.5", .data_size = sizeof(struct delegations), .state_version = 1,
          .options = options, .events = events, .metrics = metrics, .load = load, .unload = unload,
          .save = save, .restore = restore, .config_changed = config_changed);

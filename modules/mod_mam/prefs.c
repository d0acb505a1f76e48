/*
 * prefs.c - what accounts want kept (XEP-0441).
 */
#include "mam.h"

#define CHOICES_MOST 1000

static const struct {
	const char *name;
	bool keep;
} lists[] = { { "never", false }, { "always", true } };
#define N_LISTS (sizeof(lists) / sizeof(*lists))

/* ------------------------------------------------------------ told */

static void write_list(pc_stanza *prefs, const struct account *a, size_t which)
{
	pc_stanza *list = pc_stanza_open(prefs, lists[which].name, NULL);

	for (size_t i = 0; i < a->n; i++)
		if (a->list[i].keep == lists[which].keep)
			pc_stanza_leaf(list, "jid", a->list[i].jid);
}

static pc_stanza *answer(const pc_stanza *iq, const struct account *a)
{
	pc_stanza *reply = pc_stanza_result(iq);
	pc_stanza *prefs = pc_stanza_open(reply, "prefs", NS_MAM);

	pc_stanza_set(prefs, "default", policy_names[a->policy]);
	for (size_t i = N_LISTS; i-- > 0;)
		write_list(prefs, a, i);
	return reply;
}

static pc_result tell(struct mam *mam, pc_event *ev, struct account *a, pc_token token)
{
	(void)mam, (void)token;
	if (a == NULL)
		return pc_reply_error(ev, NULL, "service-unavailable", NULL);
	return pc_reply(ev, answer(pc_event_stanza(ev), a));
}

static pc_result on_get(pc_event *ev, void *data)
{
	const pc_session *s = mam_owner(ev);

	return s ? accounts_ask(data, ev, s->username, tell) : PC_HANDLED;
}

/* ------------------------------------------------------------ changed */

/* Choices on their way into the store: sorted, each address once. */
struct choices {
	struct choice at[CHOICES_MOST];
	size_t n;
};

/* Who is in both lists is not kept. */
static int compare(const void *a, const void *b)
{
	const struct choice *x = a, *y = b;
	int order = strcmp(x->jid, y->jid);

	return order ? order : x->keep - y->keep;
}

static const char *add(struct choices *c, const char *text, bool keep)
{
	char buf[PC_JID_BUF], prepared[PC_JID_MAX + 1];
	pc_jid jid;

	if (c->n == CHOICES_MOST)
		return "resource-constraint";
	if (pc_jid_parse(text, buf, &jid) != PC_OK)
		return "jid-malformed";
	pc_jid_write(&jid, prepared);
	c->at[c->n++] = (struct choice){ mam_copy(prepared), keep };
	return NULL;
}

/* The condition of a refusal, or NULL. */
static const char *read_list(struct choices *c, const pc_stanza *list, bool keep)
{
	const char *condition = NULL;

	for (const pc_stanza *jid = list ? pc_stanza_first(list) : NULL; jid && !condition;
	     jid = pc_stanza_next(jid))
		if (pc_stanza_is(jid, "jid", NS_MAM))
			condition = add(c, pc_stanza_get_text(jid), keep);
	return condition;
}

static const char *read_lists(struct choices *c, const pc_stanza *prefs)
{
	const char *condition = NULL;
	size_t n = 0;

	for (size_t i = 0; i < N_LISTS && !condition; i++)
		condition =
		        read_list(c, pc_stanza_child(prefs, lists[i].name, NS_MAM), lists[i].keep);
	qsort(c->at, c->n, sizeof(*c->at), compare);
	for (size_t i = 0; i < c->n; i++) {
		if (n > 0 && strcmp(c->at[n - 1].jid, c->at[i].jid) == 0)
			free(c->at[i].jid);
		else
			c->at[n++] = c->at[i];
	}
	c->n = n;
	return condition;
}

struct writing {
	struct mam *mam;
	char user[];
};

/* What is not on the disk does not hold. */
static void on_written(int err, void *data)
{
	struct writing *w = data;

	if (err)
		accounts_forget(w->mam, w->user);
	pc_module_free(w->mam->m, w);
}

static pc_ticket write_prefs(struct mam *mam, const char *user, const char *policy,
                             const struct choices *c)
{
	size_t size = strlen(user) + 1;
	struct writing *w = pc_module_alloc(mam->m, sizeof(*w) + size);
	pc_item *items = mam_alloc((c->n + 1) * sizeof(*items));
	pc_ticket ticket;

	w->mam = mam;
	memcpy(w->user, user, size);
	items[0] = (pc_item){ "", policy, strlen(policy) };
	for (size_t i = 0; i < c->n; i++) {
		const char *value = policy_names[c->at[i].keep ? ALWAYS : NEVER];

		items[i + 1] = (pc_item){ c->at[i].jid, value, strlen(value) };
	}
	ticket = pc_store_set(mam->prefs, user, items, c->n + 1, on_written, w);
	accounts_set(mam, user, items, c->n + 1);
	free(items);
	return ticket;
}

static const char *read_policy(const pc_stanza *prefs)
{
	const char *name = pc_stanza_get(prefs, "default");

	for (int p = 0; name && p < N_POLICIES; p++)
		if (strcmp(policy_names[p], name) == 0)
			return policy_names[p];
	return NULL;
}

static pc_result change(struct mam *mam, pc_event *ev, const char *user, struct choices *c)
{
	const pc_stanza *prefs = pc_stanza_first(pc_event_stanza(ev));
	const char *policy = read_policy(prefs), *condition;
	pc_ticket ticket;

	if (policy == NULL)
		return pc_reply_error(ev, "modify", "bad-request",
		                      "default is always, never or roster");
	condition = read_lists(c, prefs);
	if (condition)
		return pc_reply_error(ev, NULL, condition, NULL);
	ticket = write_prefs(mam, user, policy, c);
	return pc_reply_after(ev, ticket, answer(pc_event_stanza(ev), accounts_find(mam, user)));
}

static pc_result on_set(pc_event *ev, void *data)
{
	const pc_session *s = mam_owner(ev);
	struct choices *c;
	pc_result result;

	if (s == NULL)
		return PC_HANDLED;
	c = mam_alloc(sizeof(*c));
	result = change(data, ev, s->username, c);
	while (c->n > 0)
		free(c->at[--c->n].jid);
	free(c);
	return result;
}

void prefs_begin(struct mam *mam, struct account *a)
{
	static const struct choices none;
	const char *name = pc_opt_str(mam->m, "default_archive_policy");

	if (a->chosen || !pc_opt_bool(mam->m, "mam_smart_enable"))
		return;
	if (strcmp(name, "true") == 0)
		name = policy_names[ALWAYS];
	else if (strcmp(name, "false") == 0)
		name = policy_names[NEVER];
	write_prefs(mam, a->user, name, &none);
}

void prefs_load(struct mam *mam)
{
	pc_hook(mam->m, "iq-get/bare/" NS_MAM ":prefs", on_get, 0);
	pc_hook(mam->m, "iq-set/bare/" NS_MAM ":prefs", on_set, 0);
}

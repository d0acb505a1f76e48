/*
 * mam.c - message archives of accounts (XEP-0313): the module.
 */
#include "mam.h"

static const char *const policies[] = { "always", "roster", "never", "true", "false", NULL };

static const pc_option options[] = {
	{ .name = "archive_store",
	  .type = PC_OPT_STRING,
	  .dflt = "archive",
	  .help = "The store that archives are kept in" },
	{ .name = "archive_expires_after",
	  .type = PC_OPT_PERIOD,
	  .dflt = "1w",
	  .live = true,
	  .help = "How long messages are kept; \"never\": for ever" },
	{ .name = "archive_cleanup_interval",
	  .type = PC_OPT_PERIOD,
	  .dflt = "4 hours",
	  .min = 1,
	  .max = 1e9,
	  .help = "How often what is older is removed" },
	{ .name = "default_archive_policy",
	  .type = PC_OPT_ENUM,
	  .dflt = "always",
	  .values = policies,
	  .help = "Whose messages are kept where the account has not said: always, never, roster "
	          "(contacts)" },
	{ .name = "mam_smart_enable",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .help = "Keep nothing for accounts that have never looked into their archive" },
	{ .name = "max_archive_query_results",
	  .type = PC_OPT_INTEGER,
	  .dflt = "50",
	  .min = 1,
	  .max = 250,
	  .live = true,
	  .help = "Messages in a page of a query" },
	{ .name = "mam_include_total",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "true",
	  .live = true,
	  .help = "Tell with each page how many there are in all (up to 100,000)" },
	{ .name = "dont_archive_namespaces",
	  .type = PC_OPT_SET,
	  .dflt = "http://jabber.org/protocol/chatstates",
	  .live = true,
	  .help = "Elements of these namespaces are left out of what is kept" },
	{ .name = "storage_archive_item_limit",
	  .type = PC_OPT_INTEGER,
	  .dflt = "0",
	  .min = 0,
	  .max = 1e9,
	  .live = true,
	  .help = "Messages in an account's archive; the oldest go. 0: any number" },
	{ .name = "archive_max_size",
	  .type = PC_OPT_SIZE,
	  .dflt = "0",
	  .min = 0,
	  .max = 1e12,
	  .live = true,
	  .help = "Bytes in an account's archive; the oldest messages go. 0: any" },
	{ .name = "archive_full_text",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .help = "Messages can be found by their words (XEP-0431); each is then written twice" },
	{ .name = "archive_cache_size",
	  .type = PC_OPT_INTEGER,
	  .dflt = "1000",
	  .min = 1,
	  .max = 1000000,
	  .live = true,
	  .help = "Accounts whose preferences are in memory, beside those that are online" },
	{ 0 },
};

void *mam_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (p == NULL)
		abort();
	return p;
}

char *mam_copy(const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		abort();
	return copy;
}

/* ------------------------------------------------------------ queries */

const pc_session *mam_owner(pc_event *ev)
{
	const pc_session *s = pc_event_to_self(ev) ? pc_event_origin(ev) : NULL;

	if (s == NULL)
		pc_reply_error(ev, "auth", "forbidden", NULL);
	return s;
}

static pc_result enqueue(struct mam *mam, pc_event *ev, const pc_session *s, struct query *q)
{
	if (queries_add(mam, s, q) != PC_OK) {
		query_free(&q);
		return pc_reply_error(ev, "wait", "resource-constraint",
		                      "too many queries are under way");
	}
	pc_event_defer(ev);
	return PC_HANDLED;
}

static void note_asking(struct mam *mam, const pc_session *s)
{
	struct mam_session *own = pc_session_data(s, mam->m);
	struct account *a = accounts_find(mam, s->username);

	own->asked = true;
	if (a == NULL)
		return;
	a->asks = true;
	prefs_begin(mam, a);
}

static pc_result on_query(pc_event *ev, void *data)
{
	const pc_session *s = mam_owner(ev);
	struct query *q = s ? query_new(data, ev) : NULL;

	if (q == NULL)
		return PC_HANDLED;
	note_asking(data, s);
	return enqueue(data, ev, s, q);
}

static pc_result on_metadata(pc_event *ev, void *data)
{
	const pc_session *s = mam_owner(ev);

	return s ? enqueue(data, ev, s, query_new_metadata(ev)) : PC_HANDLED;
}

static pc_result on_form(pc_event *ev, void *data)
{
	return mam_owner(ev) ? query_form(data, ev) : PC_HANDLED;
}

/* ------------------------------------------------------------ the module */

static void read_options(pc_module *m)
{
	struct mam *mam = pc_module_data(m);

	mam->opts.full_text = pc_opt_bool(m, "archive_full_text");
	mam->opts.total = pc_opt_bool(m, "mam_include_total");
	mam->opts.page = (size_t)pc_opt_int(m, "max_archive_query_results");
	mam->opts.messages = pc_opt_int(m, "storage_archive_item_limit");
	mam->opts.bytes = pc_opt_int(m, "archive_max_size");
}

static void add_features(struct mam *mam)
{
	static const char *const features[] = {
		NS_MAM, NS_MAM "#extended", NS_MAM "#groupchat-field",
		NS_SID, NS_RETRACT,         NS_RETRACT "#tombstone"
	};

	for (size_t i = 0; i < sizeof(features) / sizeof(*features); i++)
		pc_add_item(mam->m, "account-feature", features[i]);
	if (mam->opts.full_text)
		pc_add_item(mam->m, "account-feature", NS_FULLTEXT);
}

static void load(pc_module *m)
{
	struct mam *mam = pc_module_data(m);

	mam->m = m;
	read_options(m);
	mam->archive = pc_store_open(m, pc_opt_str(m, "archive_store"), PC_STORE_ARCHIVE);
	mam->prefs = pc_store_open(m, "archive_prefs", PC_STORE_MAP);
	mam->archived = pc_counter(m, "archived", NULL);
	mam->failed = pc_counter(m, "failed", NULL);
	mam->queries = pc_counter(m, "queries", NULL);
	mam->tombstones = pc_counter(m, "tombstones", NULL);
	add_features(mam);
	accounts_load(mam);
	keep_load(mam);
	prefs_load(mam);
	extent_load(mam);
	pc_hook(m, "iq-set/bare/" NS_MAM ":query", on_query, 0);
	pc_hook(m, "iq-get/bare/" NS_MAM ":query", on_form, 0);
	pc_hook(m, "iq-get/bare/" NS_MAM ":metadata", on_metadata, 0);
}

/* Only a reload asks for this. */
static void save(pc_module *m, pc_state *state)
{
	struct mam *mam = pc_module_data(m);

	(void)state;
	mam->replaced = true;
}

static void unload(pc_module *m)
{
	struct mam *mam = pc_module_data(m);

	mam->unloaded = true;
	queries_unload(mam);
	retract_unload(mam);
	extent_unload(mam);
	accounts_unload(mam);
}

static const pc_store_decl stores[] = {
	{ "archive", PC_STORE_ARCHIVE, "Messages of accounts; archive_store names it" },
	{ "archive_prefs", PC_STORE_MAP,
	  "What accounts want kept, by address; \"\": of all others" },
	{ 0 },
};

static const pc_metric_decl metrics[] = {
	{ "archived", PC_COUNTER, "Messages that were archived, in each archive" },
	{ "failed", PC_COUNTER, "Messages that could not be" },
	{ "queries", PC_COUNTER, "Queries of archives" },
	{ "tombstones", PC_COUNTER, "Archived messages that were retracted" },
	{ 0 },
};

static const pc_event_decl events[] = {
	{ "archive-message-added", PC_NOTICE,
	  "A message is about to be in an account's archive: `username`, `id`, `sent` (1: by it; "
	  "0: to "
	  "it)" },
	{ 0 },
};

PC_MODULE(mam, .summary = "Message archives of accounts (XEP-0313)",
          .xeps = "0313:1.1.3 0441:0.2.0 0431:0.2.0 0359:0.7.0 0334:1.0.0 0424:0.4.2 0059:1.0",
          .data_size = sizeof(struct mam), .session_size = sizeof(struct mam_session),
          .state_version = 1, .options = options, .events = events, .stores = stores,
          .metrics = metrics, .commands = mam_commands, .load = load, .unload = unload,
          .save = save, .config_changed = read_options);

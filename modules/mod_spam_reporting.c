/*
 * mod_spam_reporting.c - what users report of those whom they block (XEP-0377).
 *
 * The blocking itself is the block list's matter; a report that is malformed refuses the request,
 * so that nobody believes to have reported. Reports are kept, told to the admins, and fired as an
 * event for modules that do more with them. Nothing is told to the reported one's server: a module
 * that does must heed the reporter's consent, which is in the report.
 */
#include <stdlib.h>
#include <string.h>

#include <prosody-c/prosody-c.h>

#define NS "urn:xmpp:reporting:1"
#define NS_BLOCKING "urn:xmpp:blocking"
#define TEXT_MOST 2000
#define HOUR_MS (60 * 60 * 1000)

static const pc_option options[] = {
	{ .name = "spam_report_recipients",
	  .type = PC_OPT_SET,
	  .live = true,
	  .help = "Addresses that are told of reports (default: admins)" },
	{ .name = "admins",
	  .type = PC_OPT_SET,
	  .live = true,
	  .inherited = true,
	  .help = "Accounts that may administer the server" },
	{ .name = "spam_reports_kept",
	  .type = PC_OPT_INTEGER,
	  .dflt = "1000",
	  .min = 0,
	  .max = 1000000,
	  .live = true,
	  .help = "Reports that are kept: the oldest make room for later ones" },
	{ .name = "spam_reports_told_per_hour",
	  .type = PC_OPT_INTEGER,
	  .dflt = "30",
	  .min = 0,
	  .max = 100000,
	  .live = true,
	  .help = "Reports that the recipients are told of in an hour; more are kept only" },
	{ 0 },
};

static const pc_event_decl events[] = {
	{ "spam-report", PC_NOTICE,
	  "A user has reported somebody: the stanza is the request; `reporter`, `jid`, `reason` "
	  "(spam, "
	  "abuse), `text`, `report` (pointer to the element)" },
	{ 0 },
};

struct reporting {
	pc_module *m;
	pc_store *store;
	bool trims, again; /* the oldest go, and more has come meanwhile */
	pc_metric *reports;
	int64_t hour;
	int64_t told;
};

/* ------------------------------------------------------------ reading */

/* "spam" or "abuse"; NULL: the report is none. */
static const char *reason_of(const pc_stanza *report)
{
	const char *reason = pc_stanza_get(report, "reason");

	if (reason && strcmp(reason, "urn:xmpp:reporting:spam") == 0)
		return "spam";
	if (reason && strcmp(reason, "urn:xmpp:reporting:abuse") == 0)
		return "abuse";
	return NULL;
}

static const pc_stanza *report_of(const pc_stanza *item)
{
	return pc_stanza_is(item, "item", NS_BLOCKING) ? pc_stanza_child(item, "report", NS) : NULL;
}

static bool is_well_formed(const pc_stanza *block)
{
	for (const pc_stanza *item = pc_stanza_first(block); item; item = pc_stanza_next(item)) {
		const pc_stanza *report = report_of(item);
		const char *text = report ? pc_stanza_child_text(report, "text", NS) : NULL;

		if (report && (reason_of(report) == NULL || (text && strlen(text) > TEXT_MOST)))
			return false;
	}
	return true;
}

/* ------------------------------------------------------------ keeping and telling */

static bool may_tell(pc_module *m, struct reporting *r)
{
	int64_t hour = pc_now_ms() / HOUR_MS;

	if (hour != r->hour) {
		r->hour = hour;
		r->told = 0;
	}
	return r->told++ < pc_opt_int(m, "spam_reports_told_per_hour");
}

static void tell(pc_module *m, const char *text)
{
	const char *option =
	        pc_opt_is_set(m, "spam_report_recipients") ? "spam_report_recipients" : "admins";

	for (size_t i = 0; i < pc_opt_count(m, option); i++) {
		pc_stanza *message = pc_stanza_message("normal", pc_opt_at(m, option, i),
		                                       pc_module_host_name(m));

		pc_stanza_leaf(message, "subject", "A report of a user");
		pc_stanza_leaf(message, "body", text);
		pc_send(m, message);
	}
}

static void trim(struct reporting *r);

static void on_trimmed(int err, void *data)
{
	struct reporting *r = data;
	bool again = r->again && err == PC_OK;

	r->trims = r->again = false;
	if (again)
		trim(r);
}

static void on_count(int err, const pc_entry *entries, size_t n, int64_t total, bool more,
                     void *data)
{
	struct reporting *r = data;
	int64_t most = pc_opt_int(r->m, "spam_reports_kept");

	(void)entries;
	(void)n;
	(void)more;
	if (err == PC_OK && total > most)
		pc_archive_delete(r->store, NULL, &(pc_query){ .limit = (size_t)(total - most) },
		                  on_trimmed, r);
	else
		on_trimmed(err, r);
}

/* One at a time: each counts what the one before has left. */
static void trim(struct reporting *r)
{
	r->again = r->trims;
	if (r->trims)
		return;
	r->trims = true;
	pc_archive_find(r->store, NULL, &(pc_query){ .limit = 1, .count = true }, on_count, r);
}

static void on_kept(int err, void *data)
{
	struct reporting *r = data;

	if (err == PC_OK)
		trim(r);
	else
		pc_log(r->m, PC_ERROR, "a report is not kept: %s", pc_strerror(err));
}

static void keep(struct reporting *r, const char *reporter, const char *jid,
                 const pc_stanza *report)
{
	pc_stanza *kept = pc_stanza_new("reported", NS);
	pc_entry entry = { .when = pc_time_ms(), .with = jid };
	char id[PC_ENTRY_ID_SIZE], *text;

	pc_stanza_set(kept, "by", reporter);
	pc_stanza_set(kept, "jid", jid);
	pc_stanza_append(kept, report);
	entry.value = text = pc_stanza_write(kept, &entry.len);
	pc_archive_append(r->store, NULL, &entry, id, on_kept, r);
	free(text);
	pc_stanza_free(&kept);
}

static void take(pc_event *ev, struct reporting *r, const pc_stanza *item, const pc_stanza *report)
{
	pc_module *m = pc_event_module(ev);
	const char *jid = pc_stanza_get(item, "jid"), *reason = reason_of(report);
	const char *said = pc_stanza_child_text(report, "text", NS);
	char reporter[PC_JID_MAX + 1], *text;

	pc_jid_write_bare(pc_event_from(ev), reporter);
	pc_metric_add(r->reports, 1);
	pc_log(m, PC_INFO, "%s reports %s for %s", reporter, jid, reason);
	keep(r, reporter, jid, report);
	pc_notify(m, "spam-report",
	          &(pc_fire_args){
	                  .origin = pc_event_origin(ev),
	                  .stanza = pc_event_stanza(ev),
	                  .args = (pc_arg[]){ PC_STR("reporter", reporter), PC_STR("jid", jid),
	                                      PC_STR("reason", reason), PC_STR("text", said),
	                                      PC_PTR("report", (void *)(uintptr_t)report) },
	                  .n_args = 5 });
	if (!may_tell(m, r))
		return;
	text = pc_text_fill("$reporter reports $jid for $reason: $text",
	                    (const char *[]){ "reporter", reporter, "jid", jid, "reason", reason,
	                                      "text", said ? said : "(no comment)", NULL });
	tell(m, text);
	free(text);
}

static bool is_address(const char *jid)
{
	char buf[PC_JID_BUF];
	pc_jid parsed;

	return jid && pc_jid_parse(jid, buf, &parsed) == PC_OK;
}

/* Before the block list, which answers. */
static pc_result on_block(pc_event *ev, void *data)
{
	const pc_stanza *block = pc_stanza_first(pc_event_stanza(ev));

	if (pc_event_origin(ev) == NULL)
		return PC_PASS;
	if (!is_well_formed(block))
		return pc_reply_error(ev, "modify", "bad-request",
		                      "the report cannot be understood");
	for (const pc_stanza *item = pc_stanza_first(block); item; item = pc_stanza_next(item)) {
		const pc_stanza *report = report_of(item);

		if (report && is_address(pc_stanza_get(item, "jid")))
			take(ev, data, item, report);
	}
	return PC_PASS;
}

/* ------------------------------------------------------------ commands */

static void on_entries(int err, const pc_entry *entries, size_t n, int64_t total, bool more,
                       void *data)
{
	pc_call *call = data;
	char when[PC_DATETIME_SIZE];

	(void)total;
	(void)more;
	for (size_t i = 0; err == PC_OK && i < n; i++) {
		pc_stanza *kept = pc_stanza_parse(entries[i].value, entries[i].len);
		const pc_stanza *report = kept ? pc_stanza_child(kept, "report", NS) : NULL;
		const char *text = report ? pc_stanza_child_text(report, "text", NS) : NULL;

		pc_datetime_write(entries[i].when / 1000 * 1000, when);
		if (report && reason_of(report))
			pc_call_print(call, "%s  %s  %s  %s  %s", when, pc_stanza_get(kept, "jid"),
			              reason_of(report), pc_stanza_get(kept, "by"),
			              text ? text : "");
		pc_stanza_free(&kept);
	}
	pc_call_end(call, err, NULL);
}

static void run_list(pc_call *call, pc_module *m)
{
	const struct reporting *r = pc_module_data(m);

	pc_archive_find(r->store, NULL, &(pc_query){ .limit = 100, .reverse = true }, on_entries,
	                call);
}

static void on_cleared(int err, void *data)
{
	pc_call_end(data, err, NULL);
}

static void run_clear(pc_call *call, pc_module *m)
{
	const struct reporting *r = pc_module_data(m);

	pc_archive_delete(r->store, NULL, NULL, on_cleared, call);
}

static const pc_command commands[] = {
	{ "report", "list", "HOST", "The last hundred reports of users, newest first", run_list },
	{ "report", "clear", "HOST", "Forget all reports", run_clear },
	{ 0 },
};

/* ------------------------------------------------------------ the module */

static void load(pc_module *m)
{
	struct reporting *r = pc_module_data(m);

	pc_depends(m, "blocklist");
	r->m = m;
	r->store = pc_store_open(m, "spam_reports", PC_STORE_ARCHIVE);
	r->reports = pc_counter(m, "reports", NULL);
	pc_add_feature(m, NS);
	pc_hook(m, "iq-set/self/" NS_BLOCKING ":block", on_block, 1);
}

static const pc_store_decl stores[] = {
	{ "spam_reports", PC_STORE_ARCHIVE, "What users have reported" },
	{ 0 },
};

static const pc_metric_decl metrics[] = {
	{ "reports", PC_COUNTER, "Reports of users" },
	{ 0 },
};

PC_MODULE(spam_reporting, .summary = "Reports along with blocking (XEP-0377)", .xeps = "0377:0.4.1",
          .data_size = sizeof(struct reporting), .options = options, .events = events,
          .commands = commands, .stores = stores, .metrics = metrics, .load = load);

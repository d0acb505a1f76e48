/*
 * mod_motd.c - a message of the day for whoever comes online.
 *
 * It is what the configuration says, until an administrator sets another one: by prosody-ctl, by an
 * ad-hoc command (XEP-0133 sections 4.24 to 4.26), or written to HOST/announce/motd. That one is
 * kept, and told at once to who is online.
 */
#include <stdlib.h>
#include <string.h>

#include <prosody-c/prosody-c.h>

#define NS_ADMIN "http://jabber.org/protocol/admin"
#define TEXT_MOST 10000

struct motd {
	pc_module *m;
	pc_store *store;
	char *text; /* as it was set; NULL: it was not */
	bool known; /* `text` is newer than what the store is being asked for */
};

static const pc_option options[] = {
	{ .name = "motd_text",
	  .type = PC_OPT_STRING,
	  .live = true,
	  .help = "What everybody is told who comes online, unless an administrator sets another "
	          "text; nothing without it" },
	{ .name = "motd_jid",
	  .type = PC_OPT_STRING,
	  .live = true,
	  .help = "Who seems to say it: the host where it is not set" },
	{ 0 },
};

static char *copy(const char *text)
{
	char *it = strdup(text);

	if (it == NULL)
		abort();
	return it;
}

/* Lines may be indented in the configuration file. */
static char *unindented(const char *text)
{
	char *it = copy(text), *to = it;

	text += strspn(text, " \t");
	while (*text) {
		*to++ = *text;
		if (*text++ == '\n')
			text += strspn(text, " \t");
	}
	*to = '\0';
	return it;
}

/* malloc'ed; NULL: there is none. */
static char *present_text(const struct motd *motd)
{
	const char *configured = pc_opt_str(motd->m, "motd_text");

	if (motd->text)
		return copy(motd->text);
	return configured && *configured ? unindented(configured) : NULL;
}

/* ------------------------------------------------------------ telling */

static void tell(pc_module *m, const pc_session *s, const char *text)
{
	const char *from = pc_opt_str(m, "motd_jid");
	pc_stanza *st =
	        pc_stanza_message("headline", s->full_jid, from ? from : pc_module_host_name(m));

	pc_stanza_leaf(st, "body", text);
	pc_send(m, st);
}

static pc_result on_initial(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	char *text = present_text(data);

	if (s && text)
		tell(pc_event_module(ev), s, text);
	free(text);
	return PC_PASS;
}

static bool tell_if_available(const pc_session *s, void *data)
{
	const struct motd *motd = data;

	if (pc_session_is_available(s))
		tell(motd->m, s, motd->text);
	return true;
}

/* ------------------------------------------------------------ setting */

static void on_kept(int err, const pc_item *items, size_t n, void *data)
{
	struct motd *motd = data;

	if (err == PC_OK && n > 0 && !motd->known)
		motd->text = copy(items[0].value);
}

/* Text NULL: what the configuration says is in force again. `done` may be NULL. */
static pc_ticket set_text(struct motd *motd, const char *text, pc_done_fn *done, void *data)
{
	const pc_item item = { .key = "text", .value = text, .len = text ? strlen(text) : 0 };

	free(motd->text);
	motd->text = text ? copy(text) : NULL;
	motd->known = true;
	return pc_store_set_keys(motd->store, NULL, &item, 1, done, data);
}

static pc_ticket set_and_tell(struct motd *motd, const char *text, pc_done_fn *done, void *data)
{
	pc_ticket ticket = set_text(motd, text, done, data);

	pc_each_session(pc_module_host(motd->m), tell_if_available, motd);
	return ticket;
}

/* NULL: it will do. */
static const char *fault(const char *text)
{
	if (text == NULL || text[strspn(text, " \t\n")] == '\0')
		return "there is nothing to be said";
	return strlen(text) > TEXT_MOST ? "the text is too long" : NULL;
}

/* ------------------------------------------------------------ prosody-ctl */

static void on_call_done(int err, void *data)
{
	pc_call_end(data, err, err == PC_OK ? "done" : NULL);
}

static void run_show(pc_call *call, pc_module *m)
{
	const struct motd *motd = pc_module_data(m);
	char *text = present_text(motd);
	const pc_cell cells[] = { PC_TEXT("text", text), PC_TRUTH("configured", !motd->text) };

	if (text) {
		pc_call_row(call, cells, 2, "%s", text);
		pc_call_end(call, PC_OK, NULL);
	} else {
		pc_call_end(call, PC_ENOENT, "%s has no message of the day",
		            pc_module_host_name(m));
	}
	free(text);
}

static void run_set(pc_call *call, pc_module *m)
{
	const char *text = pc_call_arg(call, 1), *why = fault(text);

	if (why)
		pc_call_end(call, PC_EINVAL, "%s", why);
	else
		set_and_tell(pc_module_data(m), text, on_call_done, call);
}

static void run_delete(pc_call *call, pc_module *m)
{
	struct motd *motd = pc_module_data(m);

	if (motd->text)
		set_text(motd, NULL, on_call_done, call);
	else
		pc_call_end(call, PC_ENOENT, "none was set");
}

static const pc_command commands[] = {
	{ "motd", "show", "HOST", "Shows the message of the day", run_show },
	{ "motd", "set", "HOST TEXT", "Sets it, and tells everybody who is online", run_set },
	{ "motd", "delete", "HOST", "Goes back to what the configuration says", run_delete },
	{ 0 },
};

/* ------------------------------------------------------------ ad-hoc commands */

#define MOTD_FIELD                                                                                 \
	{                                                                                          \
		.var = "motd", .type = PC_FIELD_LINES, .label = "Message of the Day",              \
		.required = true                                                                   \
	}

static const pc_form set_form = {
	.title = "Setting the Message of the Day",
	.instructions = "Fill out this form to set the message of the day.",
	.form_type = NS_ADMIN,
	.fields = (const pc_field[]){ MOTD_FIELD, { 0 } },
};

static const pc_form edit_form = {
	.title = "Editing the Message of the Day",
	.instructions = "Fill out this form to edit the message of the day.",
	.form_type = NS_ADMIN,
	.fields = (const pc_field[]){ MOTD_FIELD, { 0 } },
};

static void on_adhoc_done(int err, void *data)
{
	if (err == PC_OK)
		pc_adhoc_done(data, "The message of the day was changed");
	else
		pc_adhoc_fail(data, "It could not be kept: %s", pc_strerror(err));
}

static void take_answer(pc_adhoc_call *call, pc_module *m, const pc_form *form)
{
	const pc_values *answer = pc_adhoc_answer(call, 0, form);
	char *text = answer ? pc_values_join(answer, "motd") : NULL;
	const char *why = fault(text);

	if (answer == NULL)
		return;
	if (why)
		pc_adhoc_reject(call, why);
	else
		set_and_tell(pc_module_data(m), text, on_adhoc_done, call);
	free(text);
}

static void run_set_form(pc_adhoc_call *call, pc_module *m)
{
	if (pc_adhoc_stage(call) == 0)
		pc_adhoc_ask(call, &set_form, NULL, PC_ADHOC_COMPLETE);
	else
		take_answer(call, m, &set_form);
}

/* With the present text in the form. */
static void run_edit_form(pc_adhoc_call *call, pc_module *m)
{
	pc_values *values;
	char *text, *rest, *line;

	if (pc_adhoc_stage(call) > 0) {
		take_answer(call, m, &edit_form);
		return;
	}
	values = pc_values_new();
	text = rest = present_text(pc_module_data(m));
	while (rest && (line = strsep(&rest, "\n")) != NULL)
		pc_values_add(values, "motd", line);
	free(text);
	pc_adhoc_ask(call, &edit_form, values, PC_ADHOC_COMPLETE);
	pc_values_free(&values);
}

static void run_delete_form(pc_adhoc_call *call, pc_module *m)
{
	struct motd *motd = pc_module_data(m);

	if (motd->text)
		set_text(motd, NULL, on_adhoc_done, call);
	else
		pc_adhoc_refuse(call, "item-not-found", "None was set");
}

static const pc_adhoc adhoc[] = {
	{ NS_ADMIN "#set-motd", "Set Message of the Day", ":motd",
	  "Sets what everybody is told who comes online", run_set_form },
	{ NS_ADMIN "#edit-motd", "Edit Message of the Day", ":motd",
	  "Changes what everybody is told who comes online", run_edit_form },
	{ NS_ADMIN "#delete-motd", "Delete Message of the Day", ":motd",
	  "Goes back to what the configuration says", run_delete_form },
	{ 0 },
};

/* ------------------------------------------------------------ a message to the host */

static pc_result on_message(pc_event *ev, void *data)
{
	const pc_stanza *st = pc_event_stanza(ev);
	const char *resource = pc_event_to(ev)->resource;
	const char *body = pc_stanza_child_text(st, "body", PC_NS_CLIENT), *why = fault(body);

	if (resource == NULL || strcmp(resource, "announce/motd") != 0 ||
	    pc_stanza_type(st) == PC_TYPE_ERROR)
		return PC_PASS;
	if (!pc_may(ev, ":motd"))
		return pc_reply_error(ev, "auth", "forbidden", NULL);
	if (why)
		return pc_reply_error(ev, "modify", "bad-request", why);
	set_and_tell(data, body, NULL, NULL);
	return PC_HANDLED;
}

/* ------------------------------------------------------------ the module */

static void load(pc_module *m)
{
	struct motd *motd = pc_module_data(m);

	motd->m = m;
	motd->store = pc_store_open(m, "motd", PC_STORE_MAP);
	pc_hook(m, "presence/initial", on_initial, 0);
	pc_hook(m, "message/host", on_message, 0);
	if (motd->store)
		pc_store_get_key(motd->store, NULL, "text", on_kept, motd);
}

static void unload(pc_module *m)
{
	struct motd *motd = pc_module_data(m);

	free(motd->text);
	motd->text = NULL;
}

static const pc_permission permissions[] = {
	{ ":motd", "prosody:admin", "Set the message of the day" },
	{ 0 },
};

static const pc_store_decl stores[] = {
	{ "motd", PC_STORE_MAP, "The message of the day that an administrator has set" },
	{ 0 },
};

PC_MODULE(motd, .summary = "A message of the day", .xeps = "0133:1.3.1",
          .data_size = sizeof(struct motd), .options = options, .commands = commands,
          .adhoc = adhoc, .permissions = permissions, .stores = stores, .load = load,
          .unload = unload);

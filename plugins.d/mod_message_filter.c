/*
 * mod_message_filter.c - an example: messages with unwanted words are changed, refused or dropped.
 *
 *   modules_enabled = { "message_filter" }
 *   message_filter_words = { "casino", "lottery" }
 *   message_filter_action = "reject"                    or "rewrite" (the default), "drop"
 *
 * Looks at the bodies of what clients of the host send. Upper and lower case of ASCII are the same.
 */
#include <string.h>

#include <prosody-c/prosody-c.h>

static const char *const actions[] = { "rewrite", "reject", "drop", NULL };

static const pc_option options[] = {
	{ .name = "message_filter_words",
	  .type = PC_OPT_SET,
	  .live = true,
	  .inherited = true,
	  .help = "Words that no body of a message may have" },
	{ .name = "message_filter_action",
	  .type = PC_OPT_ENUM,
	  .values = actions,
	  .dflt = "rewrite",
	  .live = true,
	  .help = "What becomes of a message with one: its letters turn to stars, it is refused, "
	          "or "
	          "nobody is told" },
	{ 0 },
};

/* Where the first of the words stands in the text, and its length; NULL: none does. */
static const char *find(pc_module *m, const char *text, size_t *len_r)
{
	const char *first = NULL;

	for (size_t i = 0; i < pc_opt_count(m, "message_filter_words"); i++) {
		const char *word = pc_opt_at(m, "message_filter_words", i);
		const char *at = *word ? strcasestr(text, word) : NULL;

		if (at && (first == NULL || at < first)) {
			first = at;
			*len_r = strlen(word);
		}
	}
	return first;
}

static bool is_unwanted(const pc_stanza *child, void *m)
{
	size_t len;

	return pc_stanza_is(child, "body", PC_NS_CLIENT) &&
	       find(m, pc_stanza_get_text(child), &len) != NULL;
}

/* There is one body for each language (RFC 6121 5.2.3). */
static void rewrite(pc_module *m, pc_stanza *st, const pc_stanza *old)
{
	pc_stanza *body = pc_stanza_open(st, "body", NULL);
	const char *text = pc_stanza_get_text(old), *word;
	size_t len;

	pc_stanza_set(body, "xml:lang", pc_stanza_get(old, "xml:lang"));
	while ((word = find(m, text, &len)) != NULL) {
		pc_stanza_text_n(body, text, (size_t)(word - text));
		for (size_t i = 0; i < len; i++)
			if ((word[i] & 0xc0) != 0x80) /* a star for a character, not for a byte */
				pc_stanza_text(body, "*");
		text = word + len;
	}
	pc_stanza_text(body, text);
}

static void rewrite_all(pc_module *m, pc_stanza *st)
{
	pc_stanza *before = pc_stanza_clone(st);

	pc_stanza_remove_if(st, is_unwanted, m);
	for (const pc_stanza *c = pc_stanza_first(before); c; c = pc_stanza_next(c))
		if (is_unwanted(c, m))
			rewrite(m, st, c);
	pc_stanza_free(&before);
}

static pc_result on_message(pc_event *ev, void *data)
{
	pc_module *m = pc_event_module(ev);
	const char *action = pc_opt_str(m, "message_filter_action");
	const pc_stanza *child = pc_stanza_first(pc_event_stanza(ev));

	(void)data;
	while (child && !is_unwanted(child, m))
		child = pc_stanza_next(child);
	if (child == NULL)
		return PC_PASS;
	pc_log_session(m, pc_event_origin(ev), PC_DEBUG, "unwanted words: %s", action);
	if (strcmp(action, "reject") == 0)
		return pc_reply_error(ev, "modify", "not-acceptable",
		                      "Some words are unwanted here");
	if (strcmp(action, "drop") == 0)
		return PC_HANDLED;
	rewrite_all(m, pc_event_edit(ev));
	return PC_PASS;
}

static void load(pc_module *m)
{
	pc_hook(m, "pre-message/bare", on_message, 100);
	pc_hook(m, "pre-message/full", on_message, 100);
	pc_hook(m, "pre-message/host", on_message, 100);
}

PC_MODULE(message_filter, .summary = "An example: unwanted words in messages", .options = options,
          .load = load);

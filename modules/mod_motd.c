/*
 * mod_motd.c - a message of the day for whoever comes online.
 */
#include <stdlib.h>
#include <string.h>

#include <prosody-c/prosody-c.h>

static const pc_option options[] = {
	{ .name = "motd_text",
	  .type = PC_OPT_STRING,
	  .live = true,
	  .help = "What everybody is told who comes online; nothing without it" },
	{ .name = "motd_jid",
	  .type = PC_OPT_STRING,
	  .live = true,
	  .help = "Who seems to say it: the host where it is not set" },
	{ 0 },
};

/* Lines may be indented in the configuration file. */
static char *unindented(const char *text)
{
	char *copy = strdup(text), *to = copy;

	if (copy == NULL)
		abort();
	text += strspn(text, " \t");
	while (*text) {
		*to++ = *text;
		if (*text++ == '\n')
			text += strspn(text, " \t");
	}
	*to = '\0';
	return copy;
}

static pc_result on_initial(pc_event *ev, void *data)
{
	pc_module *m = pc_event_module(ev);
	const pc_session *s = pc_event_origin(ev);
	const char *text = pc_opt_str(m, "motd_text"), *from = pc_opt_str(m, "motd_jid");
	pc_stanza *st;
	char *body;

	(void)data;
	if (s == NULL || text == NULL || *text == '\0')
		return PC_PASS;
	st = pc_stanza_message("headline", s->full_jid, from ? from : pc_module_host_name(m));
	body = unindented(text);
	pc_stanza_leaf(st, "body", body);
	free(body);
	pc_send(m, st);
	return PC_PASS;
}

static void load(pc_module *m)
{
	pc_hook(m, "presence/initial", on_initial, 0);
}

PC_MODULE(motd, .summary = "A message of the day", .options = options, .load = load);

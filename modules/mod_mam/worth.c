/*
 * worth.c - which messages are worth keeping, and what of them.
 */
#include <stdio.h>

#include "mam.h"

/* Errors: what a peer says of a message of ours that failed. Hints in them are those of the
 * message (XEP-0334 section 5). */
static bool is_worthy_error(const pc_stanza *st, bool out)
{
	const char *to = pc_stanza_get(st, "to");

	return !out && to && strchr(to, '/') != NULL;
}

static bool is_invitation(const pc_stanza *st)
{
	const pc_stanza *x = pc_stanza_child(st, "x", "http://jabber.org/protocol/muc#user");

	return pc_stanza_child(st, "x", "jabber:x:conference") ||
	       (x && pc_stanza_child(x, "invite", NULL));
}

/* What says something without a body. */
static bool has_content(const pc_stanza *st)
{
	static const struct {
		const char *name, *ns;
	} contents[] = {
		{ "body", PC_NS_CLIENT },
		{ "subject", PC_NS_CLIENT },
		{ "encryption", "urn:xmpp:eme:0" },
		{ NULL, "urn:xmpp:receipts" },
		{ NULL, "urn:xmpp:chat-markers:0" },
		{ "retract", NS_RETRACT },
		{ NULL, "urn:xmpp:jingle-message:0" },
		{ NULL, "urn:xmpp:jingle-message:1" },
	};

	for (size_t i = 0; i < sizeof(contents) / sizeof(*contents); i++)
		if (pc_stanza_child(st, contents[i].name, contents[i].ns))
			return true;
	return is_invitation(st);
}

bool worth_keeping(const pc_stanza *st, bool out)
{
	switch (pc_stanza_type(st)) {
	case PC_TYPE_HEADLINE:
	case PC_TYPE_GROUPCHAT:
		return false;
	case PC_TYPE_ERROR:
		return is_worthy_error(st, out);
	default:
		break;
	}
	if (pc_stanza_child(st, "no-store", NS_HINTS) ||
	    pc_stanza_child(st, "no-permanent-store", NS_HINTS))
		return false;
	return pc_stanza_child(st, "store", NS_HINTS) || has_content(st);
}

/* ------------------------------------------------------------ what of it */

static bool is_left_out(const pc_stanza *child, void *data)
{
	struct mam *mam = data;

	return pc_opt_has(mam->m, "dont_archive_namespaces", pc_stanza_ns(child));
}

static bool any_left_out(struct mam *mam, const pc_stanza *st)
{
	const pc_stanza *child = pc_stanza_first(st);

	while (child && !is_left_out(child, mam))
		child = pc_stanza_next(child);
	return child != NULL;
}

char *worth_text(struct mam *mam, const pc_stanza *st, size_t *len_r)
{
	pc_stanza *rest;
	char *text;

	if (!any_left_out(mam, st))
		return pc_stanza_write(st, len_r);
	rest = pc_stanza_clone(st);
	pc_stanza_remove_if(rest, is_left_out, mam);
	text = pc_stanza_first(rest) ? pc_stanza_write(rest, len_r) : NULL;
	pc_stanza_free(&rest);
	return text;
}

char *worth_words(const pc_stanza *st)
{
	char *words = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&words, &size);

	if (out == NULL)
		abort();
	for (const pc_stanza *c = pc_stanza_first(st); c; c = pc_stanza_next(c))
		if (pc_stanza_is(c, "body", PC_NS_CLIENT) ||
		    pc_stanza_is(c, "subject", PC_NS_CLIENT))
			fprintf(out, "%s ", pc_stanza_get_text(c));
	if (fclose(out) != 0)
		abort();
	if (size == 0) {
		free(words);
		return NULL;
	}
	return words;
}

#include "convert.h"

#include <stdlib.h>
#include <string.h>

static bool is_yes(const char *text)
{
	return text && (strcmp(text, "1") == 0 || strcmp(text, "true") == 0);
}

static void add_texts(pc_stanza *to, const pc_stanza *from, const char *ns)
{
	static const char *const names[] = { "nick", "password" };

	for (size_t i = 0; i < 2; i++) {
		const char *text = pc_stanza_child_text(from, names[i], ns);

		if (text)
			pc_stanza_leaf(to, names[i], text);
	}
}

void convert_to_storage(const pc_stanza *items, pc_stanza *storage)
{
	for (pc_stanza *i = pc_stanza_first(items); i; i = pc_stanza_next(i)) {
		const pc_stanza *is = pc_stanza_child(i, "conference", NS_BOOKMARKS);
		pc_stanza *conference;

		if (is == NULL)
			continue;
		conference = pc_stanza_open(storage, "conference", NULL);
		pc_stanza_set(conference, "jid", pc_stanza_get(i, "id"));
		pc_stanza_set(conference, "name", pc_stanza_get(is, "name"));
		if (is_yes(pc_stanza_get(is, "autojoin")))
			pc_stanza_set(conference, "autojoin", "true");
		add_texts(conference, is, NS_BOOKMARKS);
	}
}

bool convert_jid(const pc_stanza *conference, char jid[static PC_JID_MAX + 1])
{
	const char *text = pc_stanza_get(conference, "jid");
	char buf[PC_JID_BUF];
	pc_jid parsed;

	if (!pc_stanza_is(conference, "conference", NS_STORAGE) || text == NULL ||
	    pc_jid_parse(text, buf, &parsed) != PC_OK)
		return false;
	pc_jid_write_bare(&parsed, jid);
	return true;
}

pc_stanza *convert_to_payload(const pc_stanza *conference, const pc_stanza *old)
{
	pc_stanza *st = pc_stanza_new("conference", NS_BOOKMARKS);
	const pc_stanza *more = old ? pc_stanza_child(old, "extensions", NS_BOOKMARKS) : NULL;

	pc_stanza_set(st, "name", pc_stanza_get(conference, "name"));
	if (is_yes(pc_stanza_get(conference, "autojoin")))
		pc_stanza_set(st, "autojoin", "true");
	add_texts(st, conference, NS_STORAGE);
	if (more)
		pc_stanza_append(st, more);
	return st;
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool convert_is_same(const pc_stanza *a, const pc_stanza *b)
{
	return same(pc_stanza_get(a, "name"), pc_stanza_get(b, "name")) &&
	       is_yes(pc_stanza_get(a, "autojoin")) == is_yes(pc_stanza_get(b, "autojoin")) &&
	       same(pc_stanza_child_text(a, "nick", NS_BOOKMARKS),
	            pc_stanza_child_text(b, "nick", NS_BOOKMARKS)) &&
	       same(pc_stanza_child_text(a, "password", NS_BOOKMARKS),
	            pc_stanza_child_text(b, "password", NS_BOOKMARKS));
}

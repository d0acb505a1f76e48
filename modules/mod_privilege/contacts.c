#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/table.h>

#include "privilege.h"

#define NS_DELAY "urn:xmpp:delay"

struct contact {
	UT_hash_handle hh;
	char *text; /* of the presence, but for what differs from one recipient to the other */
	char jid[];
};

static void *check(void *p)
{
	if (p == NULL)
		abort(); /* out of memory ends the process */
	return p;
}

static bool is_delay(const pc_stanza *child, void *data)
{
	(void)data;
	return pc_stanza_is(child, "delay", NS_DELAY);
}

static char *essence(const pc_stanza *st)
{
	pc_stanza *copy = pc_stanza_clone(st);
	char *text;

	pc_stanza_set(copy, "from", NULL);
	pc_stanza_set(copy, "to", NULL);
	pc_stanza_set(copy, "id", NULL);
	pc_stanza_remove_if(copy, is_delay, NULL);
	text = pc_stanza_write(copy, NULL);
	pc_stanza_free(&copy);
	return text;
}

static struct contact *find(const struct privilege *p, const char *from)
{
	struct contact *c = NULL;

	if (p->contacts)
		HASH_FIND_STR(p->contacts, from, c);
	return c;
}

bool contacts_news(struct privilege *p, const char *from, const pc_stanza *st)
{
	const struct contact *c = find(p, from);
	char *text;
	bool news;

	if (c == NULL || pc_stanza_type(st) == PC_TYPE_UNAVAILABLE)
		return (c == NULL) == (pc_stanza_type(st) != PC_TYPE_UNAVAILABLE);
	text = essence(st);
	news = strcmp(c->text, text) != 0;
	free(text);
	return news;
}

static void drop(struct privilege *p, struct contact *c)
{
	HASH_DEL(p->contacts, c);
	free(c->text);
	free(c);
}

/* Takes the text. */
static void add(struct privilege *p, const char *from, char *text)
{
	size_t len = strlen(from);
	struct contact *c = check(calloc(1, sizeof(*c) + len + 1));

	memcpy(c->jid, from, len + 1);
	c->text = text;
	HASH_ADD_STR(p->contacts, jid, c);
}

int contacts_keep(struct privilege *p, const char *from, const pc_stanza *st)
{
	struct contact *c = find(p, from);

	if (pc_stanza_type(st) == PC_TYPE_UNAVAILABLE) {
		if (c)
			drop(p, c);
		return PC_OK;
	}
	if (c) {
		free(c->text);
		c->text = essence(st);
		return PC_OK;
	}
	if (HASH_COUNT(p->contacts) >= (uint64_t)pc_opt_int(p->m, "privilege_max_contacts"))
		return PC_ELIMIT;
	add(p, from, essence(st));
	return PC_OK;
}

void contacts_clear(struct privilege *p)
{
	struct contact *c, *next;

	HASH_ITER(hh, p->contacts, c, next)
	{
		drop(p, c);
	}
}

pc_stanza *contacts_get(const struct privilege *p, const char *from)
{
	const struct contact *c = find(p, from);
	pc_stanza *st = c ? pc_stanza_parse(c->text, strlen(c->text)) : NULL;

	if (st)
		pc_stanza_set(st, "from", from);
	return st;
}

char **contacts_list(const struct privilege *p, size_t *n_r)
{
	size_t n = HASH_COUNT(p->contacts), i = 0;
	char **list = check(calloc(n + 1, sizeof(*list)));

	for (const struct contact *c = p->contacts; c; c = c->hh.next)
		list[i++] = check(strdup(c->jid));
	*n_r = n;
	return list;
}

/* ------------------------------------------------------------ over a reload: jid, text, jid, ...
 */

void contacts_save(const struct privilege *p, pc_state *state)
{
	char *bytes = NULL;
	size_t len = 0;
	FILE *f = check(open_memstream(&bytes, &len));

	for (const struct contact *c = p->contacts; c; c = c->hh.next) {
		fwrite(c->jid, strlen(c->jid) + 1, 1, f);
		fwrite(c->text, strlen(c->text) + 1, 1, f);
	}
	if (fclose(f) != 0)
		abort();
	pc_state_put(state, "contacts", bytes, len);
	free(bytes);
}

void contacts_restore(struct privilege *p, const pc_state *state)
{
	size_t len = 0;
	const char *at = pc_state_get(state, "contacts", &len), *end = at ? at + len : NULL, *text;

	for (; at && at < end; at = text + strlen(text) + 1) {
		text = at + strlen(at) + 1;
		if (find(p, at) == NULL)
			add(p, at, check(strdup(text)));
	}
}

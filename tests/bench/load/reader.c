#include "reader.h"

#include <stdio.h>
#include <string.h>

static const char *local(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon ? colon + 1 : name;
}

static void take_attributes(struct stanza *st, const char **attributes)
{
	for (; *attributes; attributes += 2) {
		if (strcmp(attributes[0], "type") == 0)
			snprintf(st->type, sizeof st->type, "%s", attributes[1]);
		else if (strcmp(attributes[0], "id") == 0)
			snprintf(st->id, sizeof st->id, "%s", attributes[1]);
		else if (strcmp(attributes[0], "from") == 0)
			snprintf(st->from, sizeof st->from, "%s", attributes[1]);
	}
}

static void begin_stanza(struct reader *r, const char *name, const char **attributes)
{
	struct stanza *st = &r->st;

	st->type[0] = st->id[0] = st->from[0] = st->condition[0] = '\0';
	st->text_len = 0;
	st->offers = 0;
	snprintf(st->name, sizeof st->name, "%s", name);
	take_attributes(st, attributes);
	r->in_error = strcmp(name, "error") == 0; /* of the stream */
}

static void on_start(void *data, const char *name, const char **attributes)
{
	struct reader *r = data;
	unsigned depth = r->depth++;

	name = local(name);
	if (depth == 1) {
		begin_stanza(r, name, attributes);
	} else if (depth > 1 && r->in_error) {
		if (r->st.condition[0] == '\0')
			snprintf(r->st.condition, sizeof r->st.condition, "%s", name);
	} else if (depth > 1) {
		r->in_error = strcmp(name, "error") == 0;
		if (strcmp(name, "starttls") == 0)
			r->st.offers |= OFFERS_STARTTLS;
		if (strcmp(name, "mechanism") == 0)
			r->st.text_len = 0;
	}
}

static void on_text(void *data, const char *text, int len)
{
	struct stanza *st = &((struct reader *)data)->st;
	size_t room = sizeof st->text - 1 - st->text_len,
	       n = (size_t)len < room ? (size_t)len : room;

	memcpy(st->text + st->text_len, text, n);
	st->text_len += n;
}

static void on_end(void *data, const char *name)
{
	struct reader *r = data;

	r->st.text[r->st.text_len] = '\0';
	if (--r->depth == 0)
		r->calls->on_stream_end(r->owner);
	else if (r->depth == 1)
		r->calls->on_stanza(r->owner, &r->st);
	else if (strcmp(local(name), "mechanism") == 0 && strcmp(r->st.text, "SCRAM-SHA-1") == 0)
		r->st.offers |= OFFERS_SCRAM_SHA_1;
}

static void start_over(struct reader *r)
{
	if (r->parser)
		XML_ParserReset(r->parser, NULL);
	else
		r->parser = XML_ParserCreate(NULL);
	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, on_start, on_end);
	XML_SetCharacterDataHandler(r->parser, on_text);
	r->depth = 0;
	r->again = false;
}

void reader_restart(struct reader *r, const struct reader_calls *calls, void *owner)
{
	r->calls = calls;
	r->owner = owner;
	r->again = true;
}

bool reader_feed(struct reader *r, const char *bytes, size_t len)
{
	if (r->again)
		start_over(r);
	/* A server says nothing behind what makes a client begin a new stream. */
	return XML_Parse(r->parser, bytes, (int)len, 0) == XML_STATUS_OK;
}

void reader_free(struct reader *r)
{
	if (r->parser)
		XML_ParserFree(r->parser);
	r->parser = NULL;
}

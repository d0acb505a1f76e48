/*
 * reader.h - a stream's elements, as far as a load generator needs to know them.
 */
#pragma once

#include <expat.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	OFFERS_STARTTLS = 1,
	OFFERS_SCRAM_SHA_1 = 2,
};

/* Names are without prefix; what is longer is cut. */
struct stanza {
	char name[16], type[16], id[40], from[96];
	char condition[40]; /* of an error: the first element in it */
	char text[1024];    /* all of the stanza's */
	size_t text_len;
	unsigned offers; /* of stream features */
};

struct reader_calls {
	void (*on_stanza)(void *owner, const struct stanza *st);
	void (*on_stream_end)(void *owner);
};

struct reader {
	const struct reader_calls *calls;
	void *owner;
	XML_Parser parser; /* NULL: none yet */
	unsigned depth;
	bool again; /* a new stream begins behind what is being parsed */
	bool in_error;
	struct stanza st;
};

/* From the beginning of a stream. Within a call of its own it takes effect behind that call. */
void reader_restart(struct reader *r, const struct reader_calls *calls, void *owner);
/* False: that is no XML. */
bool reader_feed(struct reader *r, const char *bytes, size_t len);
void reader_free(struct reader *r);

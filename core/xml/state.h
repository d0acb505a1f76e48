/*
 * state.h - what a parser holds: for the files of this folder only. parser.c feeds expat, content.c
 * takes what expat says, roots.c keeps the roots of parked streams.
 */
#pragma once

#include <expat.h>

#include "util/buf.h"
#include "xml/parser.h"
#include "xml/tree.h"

/* Between the parts of a name that expat reports: no byte of UTF-8. */
#define PC__XML_SEP '\xFF'

struct pc__xml_parser {
	pc__xml_callbacks callbacks;
	void *data;
	const char *content_ns;
	size_t content_ns_len;
	pc__xml_limits limits;

	XML_Parser expat;      /* NULL: prime a new one before the next byte */
	size_t fed;            /* bytes given to this expat */
	size_t stopped;        /* where it was suspended, counted alike */
	size_t piece;          /* bytes to give it at a time */
	size_t seen;           /* bytes of the stream, as far as they tell its encoding */
	unsigned char tail[4]; /* the last bytes given before those of now */

	bool priming;   /* expat reads the root that we wrote ourselves */
	bool suspended; /* expat waits to be resumed */
	bool pause;     /* the caller wants to stop here */
	bool renew;     /* expat has grown enough: the next one, please */
	bool ended;     /* the root's end tag has come */
	bool feeding;   /* within pc__xml_feed */
	bool doomed;    /* freed meanwhile: when it ends */

	struct pc__buf root; /* the root's start tag as we write it; before: its declarations */
	unsigned root_declarations;
	char *default_ns; /* while the root's start tag is read */

	/* the element under way */
	unsigned depth;      /* 1: within the root */
	size_t start;        /* where its first byte was, counted like `fed` */
	size_t elements;     /* in it so far */
	size_t namespaces;   /* bytes that its namespaces will need when it is written */
	size_t declarations; /* of the start tag under way */
	pc_stanza *at;       /* the open element */
	const pc_stanza *ns; /* an element whose namespace may be shared */
	struct pc__buf text; /* character data, until the next tag */

	const char *condition, *message;
};

/* A parser that stands behind the root whose start tag is `root`. */
pc__xml_parser *pc__xml_primed(const char *root, size_t len, const pc__xml_callbacks *callbacks,
                               const char *content_ns, const pc__xml_limits *limits, void *data);
/* Sets expat's callbacks. */
void pc__xml_listen(pc__xml_parser *p);
/* To be called within expat's callbacks or out of them. */
void pc__xml_fail(pc__xml_parser *p, const char *condition, const char *message);

/* The text of a root and how to let go of it. */
const char *pc__xml_root_text(const pc__xml_root *root, size_t *len_r, unsigned *declarations_r);
/* NULL where it is too long to keep. */
pc__xml_root *pc__xml_root_take(pc__xml_roots *roots, const char *text, size_t len,
                                unsigned declarations);

/*
 * xep227_read.h - what xep227_files.c (files and what they include) and xep227_read.c (the elements
 * in them) say to each other.
 */
#pragma once

#include <expat.h>
#include <prosody-c/jid.h>

#include "move/xep227.h"

#define XEP227_NOTES 20 /* elements of no use that are named */

/* Where in the data an element is. */
enum xep227_place {
	AT_ROOT,
	AT_SERVER,
	AT_HOST,
	AT_USER,
	AT_ROSTER,
	AT_PRIVATE,
	AT_OFFLINE,
	AT_ARCHIVE,
	AT_OWNER,
	AT_PUBSUB,
	AT_ITEMS,
	NOWHERE,
};
#define PLACES_DEEP 8

struct xep227_reader {
	struct move *m;
	int folder; /* that of the main file */
	XML_Parser parser;
	const char *path; /* of the file that is read, seen from the folder */
	unsigned includes, depth;
	char *why; /* the parser was stopped */
	enum xep227_place places[PLACES_DEEP];
	unsigned n_places;
	unsigned skip; /* depth in an element that is left out; 0: none is */
	struct xep227_text text;
	xep227_take_fn *take; /* of the element that the text is */
	unsigned long text_line;
	char host[PC_JID_MAX + 1];
	struct xep227_user *user;
	bool spoilt;     /* the user */
	bool many_files; /* of a folder: some are included by others */
	bool is_part, found;
	unsigned notes;
	int64_t mtime;
};

/* ---- xep227_read.c */

/* A new one, that tells r of what it reads. */
void xep227_make_parser(struct xep227_reader *r);
/* From now on faults are those of the line where the parser is. */
void xep227_at_line(struct xep227_reader *r);
const char *xep227_attribute(const char **attrs, const char *name);
/* The file has ended too early: what is open goes, down to where it began. */
void xep227_unwind(struct xep227_reader *r, unsigned n_places);

/* ---- xep227_files.c. Reads the file that the element <include/> names. */
void xep227_include(struct xep227_reader *r, const char **attrs);

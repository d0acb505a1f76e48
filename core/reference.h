/*
 * reference.h - everything that can be set, hooked, called and counted, from the tables of the core
 * and of all modules: `prosody-ctl about --reference`.
 *
 * reference.c says what there is, as lists of rows; reference_format.c writes lists as Markdown, as
 * a manual page or as JSON.
 */
#pragma once

#include <stdio.h>

#include "catalog.h"

/* False: no such format ("markdown", "man", "json", "doap": what is implemented of XEPs, alone). */
bool pc__reference_write(FILE *to, const char *format, const struct pc__catalog *catalog);

/* ---- writing lists */

#define PC__REF_COLUMNS 8

struct pc__ref_list {
	const char *key;   /* in JSON */
	const char *title; /* for people */
	const char *intro; /* a paragraph, or NULL */
	const char
	        *columns[PC__REF_COLUMNS]; /* the first is what a row is about; then up to NULL */
};

struct pc__ref_format;
struct pc__ref_out {
	FILE *to;
	const struct pc__ref_format *format;
	const struct pc__ref_list *list;
	unsigned lists, rows;    /* written so far: of all, of this list */
	uint8_t told[10000 / 8]; /* XEPs, by their numbers (DOAP) */
};

/* NULL: there is no such format. */
const struct pc__ref_format *pc__ref_format(const char *name);
void pc__ref_begin(struct pc__ref_out *out);
void pc__ref_list_begin(struct pc__ref_out *out, const struct pc__ref_list *list);
/* As many values as there are columns; NULL is none. */
void pc__ref_row(struct pc__ref_out *out, const char *const *values);
void pc__ref_list_end(struct pc__ref_out *out);
void pc__ref_end(struct pc__ref_out *out);

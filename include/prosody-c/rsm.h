/*
 * rsm.h - result set management (XEP-0059): long answers in pages.
 *
 *   pc_rsm rsm;
 *
 *   if (pc_rsm_read(pc_stanza_first(iq), &rsm) == PC_EINVAL)
 *           return pc_reply_error(ev, "modify", "bad-request", "the page cannot be understood");
 *
 * What is in memory is cut by pc_rsm_slice(), what is in an archive asked for by pc_rsm_query();
 * pc_rsm_write() tells what the page is. An id that is unknown gets item-not-found (2.5).
 */
#pragma once

#include <prosody-c/base.h>
#include <prosody-c/store.h>

#define PC_NS_RSM "http://jabber.org/protocol/rsm"

/* What page is wanted. Texts live as long as the stanza. Without after, before and index: the
 * first. */
typedef struct pc_rsm {
	bool has_max;
	size_t max;        /* 0: only the count is wanted (2.7) */
	const char *after; /* the id in front of the page; NULL: none */
	/* The id behind it, for paging backwards; "": the last page. NULL: none. With `after` both
	 * are bounds: paged forwards, or backwards where this is "". */
	const char *before;
	int64_t index; /* where the page begins, from 0; -1: not said. Alone */
} pc_rsm;

/* Reads the <set/> among the children. PC_ENOENT: there is none, everything is wanted (rsm_r says
 * that). PC_EINVAL: bad-request. */
PC_EXPORT int pc_rsm_read(const pc_stanza *parent, pc_rsm *rsm_r);
/* How many a page may have, where more than `most` are never given. */
PC_EXPORT size_t pc_rsm_limit(const pc_rsm *rsm, size_t most);
/* The page of n ids: where it begins in them, and how long it is. PC_ENOENT: item-not-found. */
PC_EXPORT int pc_rsm_slice(const pc_rsm *rsm, const char *const *ids, size_t n, size_t most,
                           size_t *first_r, size_t *len_r);
/* Sets before, after, limit and reverse of a query of an archive; entries come newest first where
 * `reverse` is set. Not for a page of no entries, which is only counted. PC_ENOTSUP: by an index,
 * which archives do not have: feature-not-implemented (2.6). */
PC_EXPORT int pc_rsm_query(const pc_rsm *rsm, size_t most, pc_query *query);

/* What the page is, for the answer. */
typedef struct pc_rsm_page {
	const char *first, *last; /* its ids; NULL where it is empty */
	int64_t index;            /* the first one's place in the whole set; -1: not known */
	int64_t count;            /* of the whole set; -1: not known */
} pc_rsm_page;
/* Appends the <set/> to `parent` and returns it. */
PC_EXPORT pc_stanza *pc_rsm_write(pc_stanza *parent, const pc_rsm_page *page);
/* A <set/> that asks, for those who ask others. */
PC_EXPORT pc_stanza *pc_rsm_ask(pc_stanza *parent, const pc_rsm *rsm);

/*
 * frame.h - stanzas as they are written: an immutable counted text with two slots.
 *
 *   <message from='a@h/r' id='1' [slot 1: to, xmlns]><body>...</body>[slot 2: delay]</message>
 *
 * The text between the slots is the pc__body: made once from a tree and shared by every recipient
 * (the tree caches it until it is changed). A pc_frame is a body with its slots filled: what stream
 * management keeps. Counts are not atomic: main thread only.
 */
#pragma once

#include <prosody-c/session.h>
#include <prosody-c/stanza.h>

#include "util/buf.h"

typedef struct pc__body pc__body;

/* The body of a root element without its `to`; counted, yours to unref. Cached in the tree. */
pc__body *pc__body_of(pc_stanza *root);
pc__body *pc__body_ref(pc__body *body);
void pc__body_unref(pc__body **body);

/* Appends the text: `to` may be NULL; `xmlns` is written on the root where not NULL (elements that
 * stand alone) and is in jabber:client; `tail` is written before the end tag, or NULL. A root in
 * the streams namespace is written with the prefix "stream", which stream headers declare; with
 * `xmlns` it is declared here as well. */
void pc__body_write(const pc__body *body, const char *to, const char *xmlns, const char *tail,
                    struct pc__buf *out);
size_t pc__body_size(const pc__body *body);
pc_kind pc__body_kind(const pc__body *body);

/* A frame of that body for `to` (copied, may be NULL); counted. */
pc_frame *pc__frame_new(pc__body *body, const char *to);
/* Appends the frame; `delay_ms` 0: no stamp; `delay_from` may be NULL. Only messages and presences
 * are stamped. */
void pc__frame_write(const pc_frame *frame, const char *xmlns, int64_t delay_ms,
                     const char *delay_from, struct pc__buf *out);

/* A frame as bytes, and back. Loading trusts nothing but that the text is what a frame holds; NULL:
 * the bytes are no frame. */
size_t pc__frame_saved_size(const pc_frame *frame);
void pc__frame_save(const pc_frame *frame, char *out);
pc_frame *pc__frame_load(const void *bytes, size_t len);

/* Writes an element with everything in it, for a stream whose default namespace is jabber:client
 * (`ns_context`: the namespace that the surroundings declare; NULL: none, so it is written). With a
 * context, a `st` in the streams namespace gets the prefix "stream". */
void pc__stanza_write(const pc_stanza *st, const char *ns_context, struct pc__buf *out);
/* Escapes text for an attribute value or for character data; what XML cannot carry becomes U+FFFD.
 */
void pc__xml_escape(struct pc__buf *out, const char *text, size_t len);
/* Bytes of memory that the tree holds. */
size_t pc__stanza_memory(const pc_stanza *root);

/*
 * held.c - what is held for one client.
 */
#include <stdlib.h>
#include <string.h>

#include "csi_simple.h"

struct held_frame {
	struct held_frame *next;
	pc_frame *frame;
	char key[]; /* a later one of the same key takes its place; "": none does */
};

/* Only states that the next one makes worthless. In rooms a presence tells more than a state. */
static const char *kind_of_state(const pc_stanza *st)
{
	const pc_stanza *first = pc_stanza_first(st);

	if (pc_stanza_kind(st) == PC_PRESENCE && csi_is_state(st) &&
	    pc_stanza_child(st, NULL, "http://jabber.org/protocol/muc#user") == NULL)
		return "presence ";
	if (pc_stanza_kind(st) == PC_MESSAGE && pc_stanza_type(st) == PC_TYPE_CHAT && first &&
	    pc_stanza_next(first) == NULL &&
	    strcmp(pc_stanza_ns(first), "http://jabber.org/protocol/chatstates") == 0)
		return "typing ";
	return NULL;
}

static struct held_frame *new_one(pc_frame *frame, const pc_stanza *st)
{
	const char *from = pc_stanza_get(st, "from"), *kind = from ? kind_of_state(st) : NULL;
	size_t kind_len = kind ? strlen(kind) : 0, len = kind ? kind_len + strlen(from) : 0;
	struct held_frame *h = calloc(1, sizeof(*h) + len + 1);

	if (h == NULL)
		abort();
	h->frame = pc_frame_ref(frame);
	if (kind) {
		memcpy(h->key, kind, kind_len);
		memcpy(h->key + kind_len, from, len - kind_len);
	}
	return h;
}

/* Takes out the one behind `before` (NULL: the first). */
static pc_frame *take_behind(struct held *held, struct held_frame *before)
{
	struct held_frame *h = before ? before->next : held->first;
	pc_frame *frame = h->frame;

	*(before ? &before->next : &held->first) = h->next;
	if (held->end == h)
		held->end = before;
	held->n--;
	held->bytes -= pc_frame_size(frame);
	free(h);
	return frame;
}

static bool drop(struct held *held, const char *key)
{
	struct held_frame *before = NULL;

	for (struct held_frame *h = held->first; *key && h; before = h, h = h->next) {
		if (strcmp(h->key, key) == 0) {
			pc_frame *frame = take_behind(held, before);

			pc_frame_unref(&frame);
			return true;
		}
	}
	return false;
}

bool held_add(struct held *held, pc_frame *frame, const pc_stanza *st)
{
	struct held_frame *h = new_one(frame, st);
	bool replaced = drop(held, h->key);

	*(held->end ? &held->end->next : &held->first) = h;
	held->end = h;
	held->n++;
	held->bytes += pc_frame_size(frame);
	return replaced;
}

pc_frame *held_take(struct held *held)
{
	return held->first ? take_behind(held, NULL) : NULL;
}

/*
 * sizes.c - what each side takes at most in one stanza (XEP-0478): announced, and respected.
 *
 * A server that is sent more ends the stream, and all who write by that with it; with stream
 * management the same stanza would then end each stream that follows. So it goes back to who sent
 * it. Only what is announced behind the proof counts: before that no stanzas are sent.
 */
#include <stdio.h>
#include <stdlib.h>

#include "s2s.h"

#define SIZE_LEAST 10000 /* RFC 6120 13.12: nobody may take less */

static void add_number(pc_stanza *limits, const char *name, double n)
{
	char text[32];

	snprintf(text, sizeof(text), "%.0f", n);
	pc_stanza_leaf(limits, name, text);
}

void sizes_announce(const struct s2s *own, pc_stanza *parent, bool proved)
{
	pc_stanza *limits = pc_stanza_open(parent, "limits", NS_LIMITS);
	double idle = pc_opt_seconds(own->m, "s2s_idle_timeout");

	add_number(limits, "max-bytes",
	           proved ? (double)pc_opt_int(own->m, "s2s_stanza_size_limit") : SIZE_LEAST);
	if (idle < 1e9)
		add_number(limits, "idle-seconds", idle);
}

/* 0: nothing that can be understood. */
static uint32_t announced(const pc_stanza *parent)
{
	const pc_stanza *limits = pc_stanza_child(parent, "limits", NS_LIMITS);
	const pc_stanza *most = limits ? pc_stanza_child(limits, "max-bytes", NS_LIMITS) : NULL;
	uint32_t n = 0;

	if (most == NULL || !smacks_number(pc_stanza_get_text(most), &n))
		return 0;
	return n < SIZE_LEAST ? SIZE_LEAST : n;
}

/* Who waits for an answer gets one, if not this. */
static pc_stanza *instead_of(const pc_stanza *st)
{
	pc_stanza *iq = pc_stanza_iq("error", pc_stanza_get(st, "id"), pc_stanza_get(st, "to"),
	                             pc_stanza_get(st, "from"));
	pc_stanza *error = pc_stanza_open(iq, "error", NULL);

	pc_stanza_set(error, "type", "modify");
	pc_stanza_open(error, "policy-violation", PC_NS_STANZA_ERRORS);
	return iq;
}

static void refuse(struct s2s *own, pc_stanza *st, uint32_t most)
{
	char text[80];

	snprintf(text, sizeof(text), "That server takes stanzas of %u bytes at most", most);
	if (pc_stanza_kind(st) == PC_IQ && pc_stanza_type(st) == PC_TYPE_RESULT)
		pc_send(own->m, instead_of(st));
	line_give_back(own, st, "policy-violation", NULL, text);
}

static pc_verdict on_frame(const pc_session *s, pc_frame *frame, void *data)
{
	struct s2s *own = data;
	const struct inbound *block = pc_session_data_if(s, own->m);
	const pc_stanza *st = pc_tap_stanza(frame);
	pc_stanza *copy;

	if (block == NULL || block->most == 0 || pc_frame_size(frame) <= block->most ||
	    pc_frame_kind(frame) == PC_OTHER)
		return PC_KEEP;
	copy = st ? pc_stanza_clone(st) : pc_frame_stanza(frame);
	complain(own, s, PC_INFO, "a stanza of %zu bytes goes back: it takes %u",
	         pc_frame_size(frame), block->most);
	if (copy)
		refuse(own, copy, block->most);
	return PC_HOLD;
}

void sizes_respect(struct s2s *own, const pc_session *s, const pc_stanza *parent)
{
	struct inbound *block = pc_session_data(s, own->m);
	uint32_t most = announced(parent);

	if (most == 0)
		return;
	if (block->most == 0)
		pc_tap(own->m, s, on_frame, 1000);
	block->most = most;
}

static bool adopt_one(const pc_session *s, void *data)
{
	struct s2s *own = data;
	bool is_of_host = pc_session_host(s) == pc_module_host(own->m);
	const struct inbound *block = is_of_host ? pc_session_data_if(s, own->m) : NULL;

	if (block && block->most)
		pc_tap(own->m, s, on_frame, 1000);
	return true;
}

void sizes_adopt(struct s2s *own)
{
	pc_each_unbound_session(adopt_one, own);
}

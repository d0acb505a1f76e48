/*
 * handover.c - what an instance gives to the one that takes its place at a reload: all that it
 * knows of remote domains, and the streams to them, which go on. A stream that is not as far as
 * that anything was proved on it, or could be asked, is begun anew.
 */
#include <stdlib.h>
#include <string.h>

#include "s2s.h"

struct handed {
	uint32_t state; /* the form of all that is found behind the pointer */
	struct s2s *own;
};

void handover_save(struct s2s *own, pc_state *state)
{
	struct handed handed = { S2S_STATE, own };

	pc_state_put(state, "instance", &handed, sizeof(handed));
}

/* ------------------------------------------------------------ one peer */

static void take_stream(struct peer *p, struct peer *before)
{
	if (before->state < PEER_USABLE || before->out == NULL)
		return;
	p->out = before->out;
	p->state = before->state;
	p->asked = before->asked;
	p->direct_tls = before->direct_tls;
	p->opened = before->opened;
	p->proved = before->proved;
	p->bidi = before->bidi;
	p->certified = before->certified;
	p->tls_asked = before->tls_asked;
	p->offers_external = before->offers_external;
	p->offers_bidi = before->offers_bidi;
	p->offers_sm = before->offers_sm;
	p->id = before->id;
	p->said = before->said;
	p->streams = 1;
	before->out = NULL;
	before->id = before->said = NULL;
	before->streams--;
	pc_stream_adopt(p->out, p->own->m, &s2s_out_class, p);
	if (p->state != PEER_READY)
		outgoing_limit(p);
}

/* What is managed has its stream, or comes back to it; of one that is not enabled nothing was sent.
 */
static void take_managed(struct peer *p, struct peer *before)
{
	struct managed *sm = before->managed;

	if (sm && (p->out || sm->state == MANAGED_BROKEN)) {
		p->managed = sm;
		before->managed = NULL;
		managed_move(sm, p->own);
	}
	p->left = before->left;
	before->left = NULL;
	if (p->left)
		managed_move(p->left, p->own);
}

static void take_peer(struct s2s *own, struct peer *before)
{
	struct peer *p = peer_get(own, before->domain);

	if (p == NULL)
		return;
	take_stream(p, before);
	take_managed(p, before);
	line_put_before(&p->line, &before->line);
	dialback_take_over(p, before);
	p->in = before->in;
	p->fruitless = before->fruitless;
	p->failures = before->failures;
	p->retry = before->retry;
	p->condition = before->condition;
	p->lasting = before->lasting;
	p->used = before->used;
}

/* ------------------------------------------------------------ all */

/* Once the instance is in its place. */
static void go_on(void *data)
{
	struct s2s *own = data;
	struct peer *p, *next;

	HASH_ITER(hh, own->peers, p, next)
	{
		if (p->state == PEER_NONE && (p->managed || p->questions))
			outgoing_start(p);
		else
			peer_go(p);
	}
}

void handover_restore(struct s2s *own, const pc_state *state)
{
	size_t len;
	const struct handed *handed = pc_state_get(state, "instance", &len);
	struct peer *p, *next;

	if (handed == NULL || len != sizeof(*handed) || handed->state != S2S_STATE)
		return;
	if (pc_opt_str(own->m, "dialback_secret") == NULL)
		memcpy(own->secret, handed->own->secret, sizeof(own->secret));
	HASH_ITER(hh, handed->own->peers, p, next)
	take_peer(own, p);
	managed_adopt(own);
	pc_after(own->m, 0, go_on, own);
}

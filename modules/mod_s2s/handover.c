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

/* What is managed has its stream, or comes back to it; of one that is not enabled nothing was sent.
 */
static void take_managed(struct peer *p, struct peer *before)
{
	struct managed *sm = before->managed;

	p->managed = sm && (p->out || sm->state == MANAGED_BROKEN) ? sm : NULL;
	if (p->managed) {
		before->managed = NULL;
		managed_move(sm, p->own);
	}
	before->left = NULL;
	if (p->left)
		managed_move(p->left, p->own);
}

static void take_stream(struct peer *p, struct peer *before)
{
	before->out = NULL;
	before->streams--;
	pc_stream_adopt(p->out, p->own->m, &s2s_out_class, p);
	if (p->state != PEER_READY)
		reach_limit(p);
}

/* All that it knows, but for what is the instance's own: timers, the way to it, the table. */
static void copy(struct peer *p, struct peer *before)
{
	const UT_hash_handle hh = p->hh;
	struct s2s *own = p->own;
	struct asker *asker = p->asker;

	*p = *before;
	p->hh = hh;
	p->own = own;
	p->asker = asker;
	p->dial = NULL;
	p->target = NULL;
	p->deadline = NULL;
	p->streams = 0;
	p->questions = NULL;
	line_init(&p->line);
	before->id = before->said = NULL;
}

static void take_peer(struct s2s *own, struct peer *before)
{
	struct peer *p = peer_get(own, before->domain, before->asker->name);

	if (p == NULL)
		return;
	copy(p, before);
	if (p->out && p->state >= PEER_USABLE) {
		p->streams = 1;
		take_stream(p, before);
	} else { /* what was begun ends with the instance before */
		p->out = NULL;
		peer_let_go(p);
	}
	take_managed(p, before);
	line_put_before(&p->line, &before->line);
	dialback_take_over(p, before);
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
			reach_want(p, p->asker->name);
		else
			route_go(p);
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
	sizes_adopt(own);
	pc_after(own->m, 0, go_on, own);
}

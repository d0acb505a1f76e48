#include "session_blocks.h"

#include <stdlib.h>

#include "modules.h"
#include "survivors.h"
#include "util/mem.h"

struct pc__block {
	struct pc__block *next;
	pc_module *m;
	max_align_t bytes[];
};

static struct pc__block *find(const struct pc__session *s, const pc_module *m)
{
	for (struct pc__block *b = s->blocks; b; b = b->next)
		if (b->m == m)
			return b;
	return NULL;
}

/* A callback of a replaced instance still under way means its successor's block. */
static const pc_module *owner_now(const pc_module *m)
{
	pc_module *now;

	if (m->state != PC__RETIRED)
		return m;
	now = pc__module_find(m->host, m->def->name);
	return now && now->def->session_size == m->def->session_size &&
	                       now->def->state_version == m->def->state_version
	               ? now
	               : m;
}

void *pc_session_data_if(const pc_session *s, const pc_module *m)
{
	struct pc__block *b = find(pc__session_of(s), owner_now(m));

	return b ? b->bytes : NULL;
}

void *pc_session_data(const pc_session *session, pc_module *m)
{
	struct pc__session *s = pc__session_of(session);
	pc_module *owner = (pc_module *)(uintptr_t)owner_now(m);
	struct pc__block *b = find(s, owner);

	if (b)
		return b->bytes;
	b = pc__alloc(sizeof(*b) + owner->def->session_size);
	b->m = owner;
	b->next = s->blocks;
	s->blocks = b;
	return b->bytes;
}

static void block_free(struct pc__block *b)
{
	if (b->m->def->session_free)
		b->m->def->session_free(b->m, b->bytes);
	free(b);
}

void pc__session_blocks_free(struct pc__session *s)
{
	while (s->blocks) {
		struct pc__block *b = s->blocks;

		s->blocks = b->next;
		block_free(b);
	}
}

static void drop_of(struct pc__session *s, const pc_module *m)
{
	for (struct pc__block **at = &s->blocks; *at;) {
		struct pc__block *b = *at;

		if (b->m == m) {
			*at = b->next;
			block_free(b);
		} else {
			at = &b->next;
		}
	}
}

static bool drop_one(const pc_session *s, void *m)
{
	drop_of(pc__session_of(s), m);
	return true;
}

void pc__session_block_drop(struct pc__session *s, const pc_module *m)
{
	drop_of(s, m);
}

void pc__session_blocks_drop(pc_module *m)
{
	pc__survivors_drop(m);
	pc_each_session(m->host, drop_one, m);
	pc_each_unbound_session(drop_one, m);
}

struct move {
	pc_module *old, *new;
};

static bool move_one(const pc_session *s, void *data)
{
	const struct move *mv = data;
	struct pc__block *b = find(pc__session_of(s), mv->old);

	if (b)
		b->m = mv->new;
	return true;
}

void pc__session_blocks_move(pc_module *old, pc_module *new)
{
	struct move mv = { old, new };

	if (old->def->session_size != new->def->session_size ||
	    old->def->state_version != new->def->state_version) {
		pc__session_blocks_drop(old);
		return;
	}
	pc_each_session(old->host, move_one, &mv);
	pc_each_unbound_session(move_one, &mv);
}

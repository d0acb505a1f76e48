/*
 * answers.c - requests that were answered before they were acknowledged: where their stream breaks
 * for good, nobody is told of a request that failed and has its answer.
 *
 * A request is known by its id and by who asked, which comes back as the answer's recipient. Whom
 * it was for is not looked at: that would have to be prepared, and the stream tells the domain.
 */
#include <string.h>

#include "s2s.h"

/* Never 0. */
static uint32_t hash_of(const char *id, const char *who)
{
	uint32_t hash = (uint32_t)(pc_hash(id, strlen(id)) * 31 + pc_hash(who, strlen(who)));

	return hash ? hash : 1;
}

static uint32_t tag_of(const pc_stanza *st, const char *who)
{
	const char *id = pc_stanza_get(st, "id"), *jid = pc_stanza_get(st, who);

	return id && jid ? hash_of(id, jid) : 0;
}

uint32_t answers_tag(const pc_stanza *st)
{
	pc_type type = st ? pc_stanza_type(st) : PC_TYPE_RESULT;

	return st && pc_stanza_kind(st) == PC_IQ && (type == PC_TYPE_GET || type == PC_TYPE_SET)
	               ? tag_of(st, "from")
	               : 0;
}

static void note(struct managed *sm, uint32_t tag)
{
	if (sm && sm->queue.n > 0)
		queue_answered(&sm->queue, tag);
}

static struct peer *sender_of(const pc_stanza *st)
{
	char from[PC_JID_PART_MAX + 1], to[PC_JID_PART_MAX + 1];
	struct s2s *own = NULL;

	if (pc_jid_domain_of(pc_stanza_get(st, "from"), from) == PC_OK &&
	    pc_jid_domain_of(pc_stanza_get(st, "to"), to) == PC_OK)
		own = s2s_of(pc_host_find(to));
	return own ? peer_find(own, from) : NULL;
}

void answers_note(const pc_stanza *st)
{
	pc_type type = pc_stanza_type(st);
	uint32_t tag;
	struct peer *p;

	if (pc_stanza_kind(st) != PC_IQ || (type != PC_TYPE_RESULT && type != PC_TYPE_ERROR))
		return;
	tag = tag_of(st, "to");
	p = tag ? sender_of(st) : NULL;
	if (p == NULL)
		return;
	note(p->managed, tag);
	note(p->left, tag);
	note(p->in ? managed_of(pc_session_find(p->in)) : NULL, tag);
}

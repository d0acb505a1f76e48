/*
 * pairs.c - which pairs of domains were proved on a stream, and whether a stanza is of one.
 */
#include <stdlib.h>
#include <string.h>

#include "s2s.h"

struct inbound *inbound_of(pc_stream *s)
{
	return pc_session_data(pc_stream_session(s), pc_stream_module(s));
}

bool pair_has(const struct inbound *in, const char *remote, const char *host)
{
	for (const struct pair *p = in->pairs; p; p = p->next)
		if (strcmp(p->remote, remote) == 0 && strcmp(p->host, host) == 0)
			return true;
	return false;
}

int pair_add(pc_stream *s, const char *remote, const char *host)
{
	struct inbound *in = inbound_of(s);
	struct pair *p;

	if (pair_has(in, remote, host))
		return PC_OK;
	if (in->n_pairs >= S2S_PAIRS_MOST)
		return PC_ELIMIT;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return PC_ELIMIT;
	p->remote = strdup(remote);
	p->host = strdup(host);
	p->next = in->pairs;
	in->pairs = p;
	in->n_pairs++;
	return PC_OK;
}

void pair_free_all(struct inbound *in)
{
	while (in->pairs) {
		struct pair *p = in->pairs;

		in->pairs = p->next;
		free(p->remote);
		free(p->host);
		free(p);
	}
	in->n_pairs = 0;
}

static bool sends(const struct inbound *in, const char *remote)
{
	const struct pair *p = in->pairs;

	while (p && strcmp(p->remote, remote) != 0)
		p = p->next;
	return p != NULL;
}

/* RFC 6120 8.1.1.2, 8.1.2.2, 4.9.3.7 and .9: what concerns the stream are the domains. A local part
 * or a resource that is none is the matter of one user of theirs, or of who wrote to him. */
const char *pair_stanza_fault(const struct inbound *in, const pc_stanza *st)
{
	const char *from_text = pc_stanza_get(st, "from"), *to_text = pc_stanza_get(st, "to");
	char from[PC_JID_PART_MAX + 1], to[PC_JID_PART_MAX + 1];

	if (from_text == NULL || to_text == NULL)
		return "improper-addressing";
	if (pc_jid_domain_of(from_text, from) != PC_OK || !sends(in, from))
		return "invalid-from";
	if (pc_jid_domain_of(to_text, to) != PC_OK || !pair_has(in, from, to))
		return "improper-addressing";
	return NULL;
}

/*
 * askers.c - for whose sake we have to do with other domains, and how much of that anybody may
 * have.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "s2s.h"

/* ------------------------------------------------------------ their names */

static bool is_answer(const pc_stanza *st)
{
	pc_type type = pc_stanza_type(st);

	return type == PC_TYPE_ERROR || type == PC_TYPE_RESULT;
}

const char *asker_of_event(const struct s2s *own, const pc_event *ev,
                           char buf[static S2S_ASKER_SIZE])
{
	const pc_jid *from = pc_event_from(ev);

	if (from == NULL || is_answer(pc_event_stanza(ev)) ||
	    pc_host_kind(pc_module_host(own->m)) == PC_COMPONENT_HOST)
		return s2s_host(own);
	pc_jid_write_bare(from, buf);
	return buf;
}

const char *asker_of_inbound(const pc_stream *s, char buf[static S2S_ASKER_SIZE])
{
	const char *ip = pc_stream_ip(s);
	uint8_t bytes[16];

	if (ip == NULL)
		return "";
	snprintf(buf, S2S_ASKER_SIZE, "%s", ip);
	if (inet_pton(AF_INET6, ip, bytes) == 1) {
		memset(bytes + 8, 0, 8);
		inet_ntop(AF_INET6, bytes, buf, INET6_ADDRSTRLEN);
	}
	return buf;
}

/* ------------------------------------------------------------ what they have */

struct asker *asker_get(struct s2s *own, const char *name)
{
	size_t len = strlen(name);
	struct asker *a;

	HASH_FIND(hh, own->askers, name, len, a);
	if (a)
		return a;
	a = pc_module_alloc(own->m, sizeof(*a) + len + 1);
	memcpy(a->name, name, len + 1);
	HASH_ADD_KEYPTR(hh, own->askers, a->name, len, a);
	return a;
}

/* A component has its instance for itself. */
bool asker_may(const struct s2s *own, const struct asker *a, unsigned n, unsigned all, int64_t most)
{
	bool alone = pc_host_kind(pc_module_host(own->m)) == PC_COMPONENT_HOST &&
	             strcmp(a->name, s2s_host(own)) == 0;

	return all < most && (alone || n < most - all);
}

void asker_settle(struct s2s *own, struct asker *a)
{
	struct asker *const gone = a;

	if (a->peers > 0 || a->questions > 0)
		return;
	HASH_DEL(own->askers, gone);
	pc_module_free(own->m, gone);
}

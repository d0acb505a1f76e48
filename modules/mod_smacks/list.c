#include <stdio.h>

#include "smacks.h"

struct list {
	pc_call *call;
	pc_module *m;
};

static void describe(const struct sm *sm, long long left, char text[static 80])
{
	if (sm->state == SM_HIBERNATED)
		snprintf(text, 80, "waits for its client, %lld s more", left);
	else
		snprintf(text, 80, "%s%s", sm->resumable ? "can be resumed" : "acknowledges",
		         sm->exchange.asked ? ", asked" : "");
}

static bool print(const pc_session *s, void *data)
{
	struct list *l = data;
	const struct sm *sm = smacks_of(s, l->m);
	long long left;
	char text[80];

	if (sm == NULL)
		return true;
	left = sm->state == SM_HIBERNATED ? (sm->deadline - pc_now_ms()) / 1000 : 0;
	describe(sm, left, text);
	pc_call_row(l->call,
	            (const pc_cell[]){ PC_TEXT("jid", s->full_jid),
	                               PC_TRUTH("waiting", sm->state == SM_HIBERNATED),
	                               PC_TRUTH("resumable", sm->resumable),
	                               PC_NUMBER("seconds", left),
	                               PC_NUMBER("unacknowledged", sm->queue.n),
	                               PC_NUMBER("bytes", sm->queue.bytes) },
	            6, "%s  %s  %u stanzas, %zu bytes not acknowledged", s->full_jid, text,
	            sm->queue.n, sm->queue.bytes);
	return true;
}

void list_run(pc_call *call, pc_module *m)
{
	pc_each_session(pc_module_host(m), print, &(struct list){ call, m });
	pc_call_end(call, PC_OK, NULL);
}

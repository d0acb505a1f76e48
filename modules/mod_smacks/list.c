#include "smacks.h"

struct list {
	pc_call *call;
	pc_module *m;
};

static void print_waiting(pc_call *call, const pc_session *s, const struct sm *sm)
{
	pc_call_print(call, "%s  waits for its client, %lld s more  %u stanzas, %zu bytes kept",
	              s->full_jid, (long long)(sm->deadline - pc_now_ms()) / 1000, sm->queue.n,
	              sm->queue.bytes);
}

static bool print(const pc_session *s, void *data)
{
	struct list *l = data;
	const struct sm *sm = smacks_of(s, l->m);

	if (sm && sm->state == SM_HIBERNATED)
		print_waiting(l->call, s, sm);
	else if (sm)
		pc_call_print(l->call, "%s  %s%s  %u sent, %u of them not acknowledged",
		              s->full_jid, sm->resumable ? "can be resumed" : "acknowledges",
		              sm->asked ? ", asked" : "", queue_sent(&sm->queue), sm->queue.n);
	return true;
}

void list_run(pc_call *call, pc_module *m)
{
	pc_each_session(pc_module_host(m), print, &(struct list){ call, m });
	pc_call_end(call, PC_OK, NULL);
}

#include <stdlib.h>
#include <string.h>

#include "admin.h"

struct recipients {
	const char **at;
	size_t n, room;
};

static bool add(const pc_session *s, void *data)
{
	struct recipients *r = data;

	if (!pc_session_is_available(s))
		return true;
	if (r->n == r->room) {
		r->room = r->room ? r->room * 2 : 64;
		r->at = reallocarray(r->at, r->room, sizeof(*r->at));
		if (r->at == NULL)
			abort();
	}
	r->at[r->n++] = s->full_jid;
	return true;
}

size_t announce(pc_module *m, const char *subject, const char *body)
{
	struct recipients to = { 0 };
	pc_stanza *message = pc_stanza_message("headline", NULL, pc_module_host_name(m));

	if (subject)
		pc_stanza_leaf(message, "subject", subject);
	pc_stanza_leaf(message, "body", body);
	pc_each_session(pc_module_host(m), add, &to);
	pc_broadcast(m, message, to.at, to.n);
	free(to.at);
	return to.n;
}

static const pc_form announce_form = {
	.title = "Making an Announcement",
	.instructions = "Fill out this form to make an announcement to all online users.",
	.form_type = NS_ADMIN,
	.fields =
	        (const pc_field[]){
	                { .var = "subject", .label = "Subject" },
	                { .var = "announcement",
	                  .type = PC_FIELD_LINES,
	                  .label = "Announcement",
	                  .required = true },
	                { 0 },
	        },
};

void admin_announce(pc_adhoc_call *call, pc_module *m)
{
	const pc_values *answer;
	char *body;

	if (pc_adhoc_stage(call) == 0) {
		pc_adhoc_ask(call, &announce_form, NULL, PC_ADHOC_COMPLETE);
		return;
	}
	answer = pc_adhoc_answer(call, 0, &announce_form);
	if (answer == NULL)
		return;
	body = pc_values_join(answer, "announcement");
	pc_adhoc_done(call, "It was sent to %zu sessions",
	              announce(m, pc_values_get(answer, "subject"), body));
	free(body);
}

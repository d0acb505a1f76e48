#include "util/mem.h"
#include "xml/tree.h"

/* RFC 6120 section 8.3.3: the defined conditions with the type that each SHOULD have. */
static const struct {
	const char *condition, *type;
} conditions[] = {
	{ "bad-request", "modify" },
	{ "conflict", "cancel" },
	{ "feature-not-implemented", "cancel" },
	{ "forbidden", "auth" },
	{ "gone", "cancel" },
	{ "internal-server-error", "cancel" },
	{ "item-not-found", "cancel" },
	{ "jid-malformed", "modify" },
	{ "not-acceptable", "modify" },
	{ "not-allowed", "cancel" },
	{ "not-authorized", "auth" },
	{ "policy-violation", "modify" },
	{ "recipient-unavailable", "wait" },
	{ "redirect", "modify" },
	{ "registration-required", "auth" },
	{ "remote-server-not-found", "cancel" },
	{ "remote-server-timeout", "wait" },
	{ "resource-constraint", "wait" },
	{ "service-unavailable", "cancel" },
	{ "subscription-required", "auth" },
	{ "undefined-condition", "cancel" },
	{ "unexpected-request", "wait" },
};
#define UNDEFINED (PC__COUNT(conditions) - 2)

static size_t find(const char *condition)
{
	for (size_t i = 0; i < PC__COUNT(conditions); i++) {
		if (strcmp(conditions[i].condition, condition) == 0)
			return i;
	}
	return UNDEFINED;
}

pc_stanza *pc_stanza_error(const pc_stanza *request, const char *type, const char *condition,
                           const char *text)
{
	pc_stanza *st = pc_stanza_new(request->node.name, request->ns), *error;
	size_t which = find(condition);

	pc_stanza_set(st, "type", "error");
	pc_stanza_set(st, "id", pc_stanza_get(request, "id"));
	pc_stanza_set(st, "to", pc_stanza_get(request, "from"));
	pc_stanza_set(st, "from", pc_stanza_get(request, "to"));
	error = pc_stanza_open(st, "error", NULL);
	pc_stanza_set(error, "type", type ? type : conditions[which].type);
	pc_stanza_open(error, conditions[which].condition, PC_NS_STANZA_ERRORS);
	if (text)
		pc_stanza_text(pc_stanza_open(error, "text", PC_NS_STANZA_ERRORS), text);
	return st;
}

const char *pc_stanza_get_error(const pc_stanza *st, const char **type_r, const char **text_r)
{
	const pc_stanza *error = pc_stanza_child(st, "error", st->ns);
	const char *condition = NULL;

	if (error == NULL)
		error = pc_stanza_child(st, "error", PC_NS_CLIENT);
	if (type_r)
		*type_r = error ? pc_stanza_get(error, "type") : NULL;
	if (text_r)
		*text_r = error ? pc_stanza_child_text(error, "text", PC_NS_STANZA_ERRORS) : NULL;
	for (const pc_stanza *c = error ? pc_stanza_first(error) : NULL; c; c = pc_stanza_next(c)) {
		if (condition == NULL && pc_stanza_is(c, NULL, PC_NS_STANZA_ERRORS) &&
		    strcmp(c->node.name, "text") != 0)
			condition = c->node.name;
	}
	return conditions[condition ? find(condition) : UNDEFINED].condition;
}

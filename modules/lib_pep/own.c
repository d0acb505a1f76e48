#include "own.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_SECONDS 20
#define FORM_CONFIG "http://jabber.org/protocol/pubsub#node_config"
#define FORM_OPTIONS "http://jabber.org/protocol/pubsub#publish-options"

static pc_stanza *request(pc_module *m, const char *user, const char *type, const char *ns,
                          pc_stanza **pubsub_r)
{
	char own[PC_JID_MAX + 1];
	pc_stanza *iq;

	pc_jid_write(&(pc_jid){ user, pc_module_host_name(m), NULL }, own);
	iq = pc_stanza_iq(type, NULL, own, own);
	*pubsub_r = pc_stanza_open(iq, "pubsub", ns);
	return iq;
}

static pc_stanza *open_for(pc_stanza *parent, const char *name, const char *node)
{
	pc_stanza *st = pc_stanza_open(parent, name, NULL);

	pc_stanza_set(st, "node", node);
	return st;
}

static pc_stanza *open_form(pc_stanza *parent, const char *form_type)
{
	pc_stanza *x = pc_stanza_open(parent, "x", PC_NS_FORMS);
	pc_stanza *field = pc_stanza_open(x, "field", NULL);

	pc_stanza_set(x, "type", "submit");
	pc_stanza_set(field, "var", "FORM_TYPE");
	pc_stanza_leaf(field, "value", form_type);
	return x;
}

static void add_field(pc_stanza *x, const char *var, const char *value)
{
	pc_stanza *field = pc_stanza_open(x, "field", NULL);

	pc_stanza_set(field, "var", var);
	pc_stanza_leaf(field, "value", value);
}

int own_get(pc_module *m, const char *user, const char *node, const char *id, pc_iq_fn *fn,
            void *data)
{
	pc_stanza *pubsub, *iq = request(m, user, "get", NS_PUBSUB, &pubsub);
	pc_stanza *items = open_for(pubsub, "items", node);

	if (id)
		pc_stanza_set(pc_stanza_open(items, "item", NULL), "id", id);
	return pc_send_iq(m, iq, ANSWER_SECONDS, fn, data);
}

const pc_stanza *own_items(const pc_stanza *reply)
{
	const pc_stanza *pubsub = NULL;

	if (own_succeeded(reply))
		pubsub = pc_stanza_child(reply, "pubsub", NS_PUBSUB);
	return pubsub ? pc_stanza_child(pubsub, "items", NS_PUBSUB) : NULL;
}

static void add_form(pc_stanza *parent, const char *form_type, const char *const *settings)
{
	pc_stanza *x = open_form(parent, form_type);

	for (; settings[0]; settings += 2)
		add_field(x, settings[0], settings[1]);
}

int own_publish(pc_module *m, const char *user, const char *node, const char *id,
                const pc_stanza *payload, const char *const *settings, pc_iq_fn *fn, void *data)
{
	pc_stanza *pubsub, *iq = request(m, user, "set", NS_PUBSUB, &pubsub);
	pc_stanza *item = pc_stanza_open(open_for(pubsub, "publish", node), "item", NULL);

	pc_stanza_set(item, "id", id);
	pc_stanza_append(item, payload);
	if (settings)
		add_form(pc_stanza_open(pubsub, "publish-options", NULL), FORM_OPTIONS, settings);
	return pc_send_iq(m, iq, ANSWER_SECONDS, fn, data);
}

int own_retract(pc_module *m, const char *user, const char *node, const char *id, pc_iq_fn *fn,
                void *data)
{
	pc_stanza *pubsub, *iq = request(m, user, "set", NS_PUBSUB, &pubsub);
	pc_stanza *retract = open_for(pubsub, "retract", node);

	pc_stanza_set(retract, "notify", "true");
	pc_stanza_set(pc_stanza_open(retract, "item", NULL), "id", id);
	return pc_send_iq(m, iq, ANSWER_SECONDS, fn, data);
}

int own_configure(pc_module *m, const char *user, const char *node, const char *const *settings,
                  bool create, pc_iq_fn *fn, void *data)
{
	pc_stanza *pubsub;
	pc_stanza *iq = request(m, user, "set", create ? NS_PUBSUB : NS_OWNER, &pubsub);

	if (create)
		open_for(pubsub, "create", node);
	add_form(open_for(pubsub, "configure", create ? NULL : node), FORM_CONFIG, settings);
	return pc_send_iq(m, iq, ANSWER_SECONDS, fn, data);
}

bool own_succeeded(const pc_stanza *reply)
{
	return reply && pc_stanza_type(reply) == PC_TYPE_RESULT;
}

const char *own_condition(const pc_stanza *reply)
{
	return reply && pc_stanza_type(reply) == PC_TYPE_ERROR
	               ? pc_stanza_get_error(reply, NULL, NULL)
	               : "";
}

struct may {
	own_may_fn *fn;
	void *data;
};

static void on_decided(pc_event *ev, pc_result result, void *data)
{
	struct may may = *(struct may *)data;

	(void)ev;
	free(data);
	may.fn(may.data, result == PC_HANDLED);
}

void own_may_read(pc_module *m, const char *user, const char *node, const char *jid, own_may_fn *fn,
                  void *data)
{
	const pc_arg args[] = { PC_STR("username", user), PC_STR("node", node),
		                PC_STR("jid", jid) };
	struct may *may = malloc(sizeof(*may));

	if (may == NULL)
		abort();
	*may = (struct may){ fn, data };
	pc_fire_wait(m, "pep-may-read", &(pc_fire_args){ .args = args, .n_args = 3 }, on_decided,
	             may);
}

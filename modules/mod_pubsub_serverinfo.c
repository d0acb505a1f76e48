/*
 * mod_pubsub_serverinfo.c - what this domain is, published at a node for those who draw maps of the
 * network (XEP-0485).
 *
 * Who may publish at the service is the service's matter: the host must be able to make the node
 * (`admins` of a Component "pubsub").
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/prosody-c.h>

#define NS "urn:xmpp:serverinfo:0"
#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define ANSWER_SECONDS 30
#define FIRST_SECONDS 5 /* the service may be loaded later, or be on its way */

static const pc_option options[] = {
	{ .name = "pubsub_serverinfo_service",
	  .type = PC_OPT_STRING,
	  .required = true,
	  .help = "The address of the service, where the node is" },
	{ .name = "pubsub_serverinfo_node",
	  .type = PC_OPT_STRING,
	  .dflt = "serverinfo",
	  .help = "The node" },
	{ .name = "pubsub_serverinfo_interval",
	  .type = PC_OPT_PERIOD,
	  .dflt = "5 minutes",
	  .min = 0.1,
	  .max = 86400,
	  .help = "How often it is published; what has not changed is not" },
	{ 0 },
};

static const pc_event_decl events[] = {
	{ "server-info", PC_NOTICE,
	  "What is published of the host is put together; the stanza is its <domain/>, to be "
	  "extended" },
	{ 0 },
};

struct serverinfo {
	pc_module *m;
	const char *field[3]; /* an item: name and value of a field, NULL */
	char uri[PC_JID_MAX + 600];
	char *published; /* the last that was taken; NULL: none */
	char *sent;      /* on its way; NULL: none is */
	bool asked;      /* for the node to be made */
	bool complained;
};

/* ------------------------------------------------------------ what is published */

static pc_stanza *info(const struct serverinfo *si)
{
	pc_stanza *st = pc_stanza_new("serverinfo", NS);
	pc_stanza *domain = pc_stanza_open(st, "domain", NULL);

	pc_stanza_set(domain, "name", pc_module_host_name(si->m));
	pc_notify(si->m, "server-info", &(pc_fire_args){ .stanza = domain });
	return st;
}

static const pc_field node_fields[] = { { .var = "pubsub#persist_items", .value = "1" },
	                                { .var = "pubsub#max_items", .value = "1" },
	                                { .var = "pubsub#access_model", .value = "open" },
	                                { 0 } };

static pc_stanza *request(const struct serverinfo *si, pc_stanza **pubsub_r)
{
	pc_stanza *iq = pc_stanza_iq("set", NULL, pc_opt_str(si->m, "pubsub_serverinfo_service"),
	                             pc_module_host_name(si->m));

	*pubsub_r = pc_stanza_open(iq, "pubsub", NS_PUBSUB);
	return iq;
}

static void on_time(void *data);

static void on_created(const pc_stanza *reply, void *data)
{
	const struct serverinfo *si = data;

	if (reply && pc_stanza_type(reply) == PC_TYPE_RESULT)
		pc_after(si->m, 0, on_time, data);
}

static void create(struct serverinfo *si)
{
	static const pc_form form = { .form_type = NS_PUBSUB "#node_config",
		                      .fields = node_fields };
	pc_stanza *pubsub, *iq = request(si, &pubsub);

	pc_stanza_set(pc_stanza_open(pubsub, "create", NULL), "node",
	              pc_opt_str(si->m, "pubsub_serverinfo_node"));
	pc_form_submit(pc_stanza_open(pubsub, "configure", NULL), &form, NULL);
	pc_send_iq(si->m, iq, ANSWER_SECONDS, on_created, si);
}

static bool is_missing(const pc_stanza *reply)
{
	return reply && pc_stanza_type(reply) == PC_TYPE_ERROR &&
	       strcmp(pc_stanza_get_error(reply, NULL, NULL), "item-not-found") == 0;
}

static void complain(struct serverinfo *si, const pc_stanza *reply)
{
	if (!si->complained)
		pc_log(si->m, PC_WARN, "%s does not take what is published: %s",
		       pc_opt_str(si->m, "pubsub_serverinfo_service"),
		       reply ? pc_stanza_get_error(reply, NULL, NULL) : "no answer");
	si->complained = true;
}

static void on_answer(const pc_stanza *reply, void *data)
{
	struct serverinfo *si = data;

	if (reply && pc_stanza_type(reply) == PC_TYPE_RESULT) {
		free(si->published);
		si->published = si->sent;
		si->complained = si->asked = false;
	} else if (is_missing(reply) && !si->asked) {
		free(si->sent);
		si->asked = true;
		create(si);
	} else {
		free(si->sent);
		si->asked = false;
		complain(si, reply);
	}
	si->sent = NULL;
}

static void publish(struct serverinfo *si, const pc_stanza *st)
{
	static const pc_form form = { .form_type = NS_PUBSUB "#publish-options",
		                      .fields = node_fields };
	pc_stanza *pubsub, *iq = request(si, &pubsub);
	pc_stanza *element = pc_stanza_open(pubsub, "publish", NULL);

	pc_stanza_set(element, "node", pc_opt_str(si->m, "pubsub_serverinfo_node"));
	element = pc_stanza_open(element, "item", NULL);
	pc_stanza_set(element, "id", "current");
	pc_stanza_append(element, st);
	pc_form_submit(pc_stanza_open(pubsub, "publish-options", NULL), &form, NULL);
	if (pc_send_iq(si->m, iq, ANSWER_SECONDS, on_answer, si) != PC_OK) {
		free(si->sent);
		si->sent = NULL;
	}
}

static void on_time(void *data)
{
	struct serverinfo *si = data;
	pc_stanza *st;
	char *text;
	bool same;

	if (si->sent)
		return;
	st = info(si);
	text = pc_stanza_write(st, NULL);
	same = si->published && strcmp(text, si->published) == 0;
	if (same) {
		free(text);
	} else {
		si->sent = text;
		publish(si, st);
	}
	pc_stanza_free(&st);
}

/* ------------------------------------------------------------ the module */

static void load(pc_module *m)
{
	struct serverinfo *si = pc_module_data(m);
	const char *service = pc_opt_str(m, "pubsub_serverinfo_service");

	si->m = m;
	if (service == NULL) {
		pc_module_fail(m, "pubsub_serverinfo_service is not set");
		return;
	}
	snprintf(si->uri, sizeof(si->uri), "xmpp:%s?;node=%.512s", service,
	         pc_opt_str(m, "pubsub_serverinfo_node"));
	si->field[0] = "serverinfo-pubsub-node";
	si->field[1] = si->uri;
	pc_add_feature(m, NS);
	pc_add_item(m, "server-info-field", si->field);
	pc_depends(m, "server_contact_info");
	pc_after(m,
	         pc_opt_seconds(m, "pubsub_serverinfo_interval") < FIRST_SECONDS
	                 ? pc_opt_seconds(m, "pubsub_serverinfo_interval")
	                 : FIRST_SECONDS,
	         on_time, si);
	pc_every(m, pc_opt_seconds(m, "pubsub_serverinfo_interval"), on_time, si);
}

static void unload(pc_module *m)
{
	struct serverinfo *si = pc_module_data(m);

	free(si->published);
	si->published = NULL;
}

PC_MODULE(pubsub_serverinfo, .summary = "What this domain is, for maps of the network (XEP-0485)",
          .xeps = "0485:1.0.0", .data_size = sizeof(struct serverinfo), .options = options,
          .events = events, .load = load, .unload = unload);

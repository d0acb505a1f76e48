/*
 * mod_pubsub - a host that is a publish-subscribe service (XEP-0060):
 *
 *   Component "pubsub.example.org" "pubsub"
 */
#include "lib_pubsub/mem.h"
#include "lib_pubsub/request.h"

#define DEFAULT_NAME "Publish-subscribe"

/* ------------------------------------------------------------ the kind of service */

static void defaults(struct pubsub *p, const char *node, struct config *c)
{
	(void)p, (void)node;
	*c = (struct config){ .access = ACCESS_OPEN,
		              .publish = PUBLISH_PUBLISHERS,
		              .send_last = LAST_ON_SUB,
		              .notify = true,
		              .payloads = true,
		              .persist = true,
		              .subscribe = true,
		              .notify_delete = true,
		              .notify_retract = true,
		              .max_items = 20,
		              .item_expire = CONFIG_MAX,
		              .max_payload = CONFIG_MAX };
	if (c->max_items > p->limits.max_items)
		c->max_items = p->limits.max_items;
}

static enum affiliation affiliation(const struct request *r, pc_event *ev)
{
	int what = affiliation_find(pc_opt_str(r->p->m, "default_admin_affiliation"));

	return pc_could(ev, ":service-admin") ? (enum affiliation)what : AFFILIATION_NONE;
}

static bool may_create(const struct request *r, pc_event *ev)
{
	(void)r;
	return pc_could(ev, ":create-node");
}

static const struct pubsub_kind kind = {
	.nodes = "pubsub_nodes",
	.subscriptions = "pubsub-subscriptions",
	.sizes = "pubsub-sizes",
	.items = "pubsub_",
	.defaults = defaults,
	.affiliation = affiliation,
	.may_create = may_create,
};

/* ------------------------------------------------------------ handlers */

static pc_result on_iq(pc_event *ev, void *data)
{
	return pubsub_iq(data, ev, "");
}

static pc_result on_message(pc_event *ev, void *data)
{
	return authorize_answer(data, ev, "");
}

static pc_result on_nodes(pc_event *ev, void *data)
{
	return disco_nodes(data, ev, "");
}

static pc_result on_node_info(pc_event *ev, void *data)
{
	return disco_node_info(data, ev, "");
}

static pc_result on_node_items(pc_event *ev, void *data)
{
	return disco_node_items(data, ev, "");
}

/* ------------------------------------------------------------ the module */

static void configure(pc_module *m)
{
	struct pubsub *p = pc_module_data(m);

	p->limits.max_items = pc_opt_int(m, "pubsub_max_items");
	p->limits.max_payload = pc_opt_int(m, "pubsub_max_payload_size");
	p->max_nodes = pc_opt_int(m, "pubsub_max_nodes");
	p->max_size = pc_opt_int(m, "pubsub_max_size");
	p->max_subscriptions = pc_opt_int(m, "pubsub_max_subscriptions");
	p->create_on_publish = pc_opt_bool(m, "autocreate_on_publish");
	p->create_on_subscribe = pc_opt_bool(m, "autocreate_on_subscribe");
	p->show_publisher = pc_opt_bool(m, "expose_publisher");
}

static void load(pc_module *m)
{
	struct pubsub *p = pc_module_data(m);
	const char *name = pc_opt_str(m, "name");

	pc_depends(m, "disco");
	p->m = m;
	p->kind = &kind;
	p->cache_size = 1;
	configure(m);
	pubsub_load(p);
	pc_add_identity(m, "pubsub", "service", name ? name : DEFAULT_NAME);
	disco_features(p, "feature");
	pc_hook(m, "iq-get/host/" NS_PUBSUB ":pubsub", on_iq, 0);
	pc_hook(m, "iq-set/host/" NS_PUBSUB ":pubsub", on_iq, 0);
	pc_hook(m, "iq-get/host/" NS_OWNER ":pubsub", on_iq, 0);
	pc_hook(m, "iq-set/host/" NS_OWNER ":pubsub", on_iq, 0);
	pc_hook(m, "message/host", on_message, 0);
	pc_hook(m, "host-disco-items", on_nodes, 0);
	pc_hook(m, "host-disco-info-node", on_node_info, 0);
	pc_hook(m, "host-disco-items-node", on_node_items, 0);
}

static void unload(pc_module *m)
{
	pubsub_unload(pc_module_data(m));
}

static const char *const admin_affiliations[] = { "owner",   "publisher", "member",
	                                          "outcast", "none",      NULL };

static const pc_option options[] = {
	{ .name = "autocreate_on_publish",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .help = "Publishing to a node that is not there makes it, for those who may make nodes" },
	{ .name = "autocreate_on_subscribe",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .live = true,
	  .help = "So does subscribing" },
	{ .name = "expose_publisher",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .live = true,
	  .help = "Items tell who has published them, whatever the node's settings say" },
	{ .name = "name",
	  .type = PC_OPT_STRING,
	  .help = "What the service is called in service discovery (default: " DEFAULT_NAME ")" },
	{ .name = "default_admin_affiliation",
	  .type = PC_OPT_ENUM,
	  .dflt = "owner",
	  .values = admin_affiliations,
	  .live = true,
	  .help = "What administrators are at all nodes" },
	{ .name = "pubsub_max_items",
	  .type = PC_OPT_INTEGER,
	  .dflt = "256",
	  .min = 1,
	  .max = 10000000,
	  .live = true,
	  .help = "Items that a node may keep" },
	{ .name = "pubsub_max_nodes",
	  .type = PC_OPT_INTEGER,
	  .dflt = "10000",
	  .min = 1,
	  .max = 1000000,
	  .live = true,
	  .help = "Nodes of the service" },
	{ .name = "pubsub_max_payload_size",
	  .type = PC_OPT_SIZE,
	  .dflt = "192 KiB",
	  .min = 1024,
	  .max = 1e9,
	  .live = true,
	  .help = "Bytes of an item" },
	{ .name = "pubsub_max_size",
	  .type = PC_OPT_SIZE,
	  .dflt = "10 GiB",
	  .min = 1024,
	  .max = 1e15,
	  .live = true,
	  .help = "Bytes of all items of the service" },
	{ .name = "pubsub_max_subscriptions",
	  .type = PC_OPT_INTEGER,
	  .dflt = "10000",
	  .min = 0,
	  .max = 1000000,
	  .live = true,
	  .help = "Subscriptions to a node" },
	{ 0 },
};

static const pc_permission permissions[] = {
	{ ":service-admin", "prosody:admin",
	  "To be at all nodes what default_admin_affiliation says" },
	{ ":create-node", "prosody:member", "To make nodes" },
	{ 0 },
};

static const pc_store_decl stores[] = {
	{ "pubsub_nodes", PC_STORE_MAP, "Nodes: settings and affiliations" },
	{ "pubsub_*", PC_STORE_ARCHIVE, "Items of a node" },
	{ "pubsub-subscriptions", PC_STORE_MAP, "Subscriptions to nodes" },
	{ "pubsub-sizes", PC_STORE_MAP, "How many items nodes have, and of how many bytes" },
	{ 0 },
};

static const pc_metric_decl metrics[] = {
	{ "published", PC_COUNTER, "Items that were published" },
	{ "notifications", PC_COUNTER, "Notifications that were sent" },
	{ 0 },
};

PC_MODULE(pubsub, .summary = "A publish-subscribe service, for a Component",
          .xeps = "0060:1.30.0 0059:1.0", .data_size = sizeof(struct pubsub), .options = options,
          .permissions = permissions, .stores = stores, .metrics = metrics, .load = load,
          .unload = unload, .config_changed = configure);

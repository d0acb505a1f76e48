/*
 * mod_vcard_legacy - clients that know old vCards (XEP-0054) and their pictures (XEP-0153) see and
 * change what is published by newer ones (XEP-0292, XEP-0084, XEP-0398).
 */
#include "legacy.h"

static void load(pc_module *m)
{
	static const char *const outbound[] = { "pre-presence/bare", "pre-presence/full",
		                                "pre-presence/host" };
	struct legacy *l = pc_module_data(m);

	if (pc_host_has_module(pc_module_host(m), "vcard"))
		pc_module_fail(m, "vcard is loaded, whose vCards this would hide");
	pc_depends(m, "pep");
	l->store = pc_store_open(m, "vcard", PC_STORE_MAP);
	pc_add_feature(m, NS_OLD);
	pc_add_item(m, "account-feature", NS_OLD);
	pc_add_item(m, "account-feature", "urn:xmpp:pep-vcard-conversion:0");
	pc_hook(m, "iq-get/bare/" NS_OLD ":vCard", show_card, 0);
	pc_hook(m, "iq-set/bare/" NS_OLD ":vCard", take_card, 0);
	pc_hook(m, "resource-bind", take_kept, 0);
	for (size_t i = 0; i < sizeof(outbound) / sizeof(outbound[0]); i++)
		pc_hook(m, outbound[i], presence_out, 1);
	pc_hook(m, "pep-changed", presence_changed, 0);
}

static const pc_option options[] = {
	{ .name = "upgrade_legacy_vcards",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "true",
	  .live = true,
	  .help = "vCards of the time before become published ones when their owner connects" },
	{ 0 },
};

static const pc_event_decl events[] = {
	{ "pep-may-read", PC_WAITING,
	  "May `jid` read the node `node` of the account `username`? PC_HANDLED: yes" },
	{ 0 },
};

static const pc_store_decl stores[] = {
	{ "vcard", PC_STORE_MAP, "vCards of the time before" },
	{ 0 },
};

PC_MODULE(vcard_legacy, .summary = "vCards and avatars, the same for old and new clients",
          .xeps = "0054:1.3.0 0153:1.1.1 0398:1.0.0 0084:1.1.4", .data_size = sizeof(struct legacy),
          .session_size = sizeof(struct picture), .state_version = 1, .options = options,
          .events = events, .stores = stores, .load = load);

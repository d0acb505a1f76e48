/*
 * mod_vcard - vCards as they always were (XEP-0054): what an account says of itself to everybody.
 *
 * vcard_legacy shows what is published by newer clients instead; only one of the two is loaded.
 */
#include <stdlib.h>
#include <string.h>

#include <prosody-c/prosody-c.h>

#define NS "vcard-temp"

struct vcard {
	pc_store *store;
};

/* Of oneself an empty one, of others nothing (3.3): the same as of an account that is not there. */
static void on_card(int err, const pc_item *items, size_t n, void *data)
{
	pc_token token = (pc_token)(uintptr_t)data;
	pc_event *ev = pc_token_event(token);
	pc_stanza *card, *reply;

	if (ev == NULL)
		return;
	if (err != PC_OK) {
		pc_event_resume(token, err);
		return;
	}
	card = n > 0 ? pc_stanza_parse(items[0].value, items[0].len) : NULL;
	if (card == NULL && !pc_event_to_self(ev)) {
		pc_event_resume(token, pc_reply_error(ev, "cancel", "item-not-found", NULL));
		return;
	}
	reply = pc_stanza_result(pc_event_stanza(ev));
	if (card)
		pc_stanza_append(reply, card);
	else
		pc_stanza_open(reply, "vCard", NS);
	pc_stanza_free(&card);
	pc_event_resume(token, pc_reply(ev, reply));
}

static pc_result on_get(pc_event *ev, void *data)
{
	struct vcard *v = data;

	pc_store_get_key(v->store, pc_event_to(ev)->local, "", on_card,
	                 (void *)(uintptr_t)pc_event_suspend(ev));
	return PC_SUSPENDED;
}

static pc_result on_set(pc_event *ev, void *data)
{
	struct vcard *v = data;
	const pc_session *s = pc_event_origin(ev);
	pc_item item = { .key = "" };
	char *text;
	pc_ticket ticket;

	if (s == NULL || !pc_event_to_self(ev))
		return pc_reply_error(ev, "auth", "forbidden", NULL);
	item.value = text = pc_stanza_write(pc_stanza_first(pc_event_stanza(ev)), &item.len);
	if (item.len > (size_t)pc_opt_int(pc_event_module(ev), "vcard_max_size")) {
		free(text);
		return pc_reply_error(ev, "modify", "not-acceptable", "the vCard is too large");
	}
	ticket = pc_store_set_keys(v->store, s->username, &item, 1, NULL, NULL);
	free(text);
	return pc_reply_after(ev, ticket, pc_stanza_result(pc_event_stanza(ev)));
}

static void load(pc_module *m)
{
	struct vcard *v = pc_module_data(m);

	if (pc_host_has_module(pc_module_host(m), "vcard_legacy"))
		pc_module_fail(m, "vcard_legacy is loaded, which does the same and more");
	v->store = pc_store_open(m, "vcard", PC_STORE_MAP);
	pc_add_feature(m, NS);
	pc_add_item(m, "account-feature", NS);
	pc_hook(m, "iq-get/bare/" NS ":vCard", on_get, 0);
	pc_hook(m, "iq-set/bare/" NS ":vCard", on_set, 0);
}

static const pc_option options[] = {
	{ .name = "vcard_max_size",
	  .type = PC_OPT_SIZE,
	  .dflt = "192 KiB",
	  .min = 1024,
	  .max = 1e9,
	  .live = true,
	  .help = "Bytes of a vCard" },
	{ 0 },
};

static const pc_store_decl stores[] = {
	{ "vcard", PC_STORE_MAP, "The vCard of an account" },
	{ 0 },
};

PC_MODULE(vcard, .summary = "vCards", .xeps = "0054:1.3.0", .data_size = sizeof(struct vcard),
          .options = options, .stores = stores, .load = load);

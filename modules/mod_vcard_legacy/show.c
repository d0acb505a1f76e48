#include "legacy.h"

#include <stdlib.h>
#include <string.h>

/* One question; its callbacks always come, and the last frees it. */
struct look {
	pc_module *m;
	pc_token token;
	pc_stanza *reply, *card;
	char type[128];
	char user[PC_JID_PART_MAX + 1];
};

static void look_end(struct look *l)
{
	pc_event *ev = pc_token_event(l->token);

	if (ev == NULL) {
		pc_stanza_free(&l->reply);
	} else if (pc_stanza_first(l->card) || pc_event_to_self(ev)) {
		pc_reply(ev, l->reply);
	} else {
		pc_stanza_free(&l->reply);
		pc_reply_error(ev, "cancel", "item-not-found", NULL);
	}
	pc_event_resume(l->token, PC_HANDLED);
	free(l);
}

/* The payload of the only, or first, item. */
static const pc_stanza *payload(const pc_stanza *reply)
{
	const pc_stanza *items = own_items(reply);
	const pc_stanza *item = items ? pc_stanza_first(items) : NULL;

	return item ? pc_stanza_first(item) : NULL;
}

/* ------------------------------------------------------------ the picture */

static void on_data(const pc_stanza *reply, void *data)
{
	struct look *l = data;
	const pc_stanza *found = payload(reply);
	pc_stanza *photo;

	if (found && pc_stanza_is(found, "data", NS_DATA)) {
		photo = pc_stanza_open(l->card, "PHOTO", NULL);
		if (*l->type)
			pc_stanza_leaf(photo, "TYPE", l->type);
		pc_stanza_leaf(photo, "BINVAL", pc_stanza_get_text(found));
	}
	look_end(l);
}

static void on_metadata(const pc_stanza *reply, void *data)
{
	struct look *l = data;
	const pc_stanza *found = payload(reply);
	char hash[HASH_SIZE] = "";
	const char *type = NULL;

	if (found)
		convert_metadata(found, hash, &type);
	if (type && strlen(type) < sizeof(l->type))
		memcpy(l->type, type, strlen(type) + 1);
	if (*hash == '\0' || own_get(l->m, l->user, NS_DATA, hash, on_data, l) != PC_OK)
		look_end(l);
}

static void look_for_picture(void *data, bool may)
{
	struct look *l = data;

	if (!may || own_get(l->m, l->user, NS_METADATA, NULL, on_metadata, l) != PC_OK)
		look_end(l);
}

/* ------------------------------------------------------------ what else there is */

static void ask(struct look *l, const char *node, own_may_fn *fn)
{
	pc_event *ev = pc_token_event(l->token);

	if (ev == NULL)
		look_end(l);
	else if (pc_event_to_self(ev))
		fn(l, true);
	else
		own_may_read(l->m, l->user, node, pc_stanza_get(pc_event_stanza(ev), "from"), fn,
		             l);
}

static void on_card(const pc_stanza *reply, void *data)
{
	struct look *l = data;
	const pc_stanza *found = payload(reply);

	if (found && pc_stanza_is(found, "vcard", NS_NEW))
		convert_to_old(found, l->card);
	ask(l, NS_METADATA, look_for_picture);
}

static void look_for_card(void *data, bool may)
{
	struct look *l = data;

	if (!may || own_get(l->m, l->user, NODE_VCARD, NULL, on_card, l) != PC_OK)
		ask(l, NS_METADATA, look_for_picture);
}

static void begin(pc_module *m, pc_event *ev, pc_token token)
{
	struct look *l = calloc(1, sizeof(*l));

	if (l == NULL)
		abort();
	l->m = m;
	l->token = token;
	l->reply = pc_stanza_result(pc_event_stanza(ev));
	l->card = pc_stanza_open(l->reply, "vCard", NS_OLD);
	memcpy(l->user, pc_event_to(ev)->local, strlen(pc_event_to(ev)->local) + 1);
	ask(l, NODE_VCARD, look_for_card);
}

/* One from the time before, whose owner has not connected since, is shown as it is. */
static void on_kept(int err, const pc_item *items, size_t n, void *data)
{
	pc_token token = (pc_token)(uintptr_t)data;
	pc_event *ev = pc_token_event(token);
	pc_stanza *card = NULL, *reply;

	if (ev == NULL)
		return;
	if (err == PC_OK && n > 0)
		card = pc_stanza_parse(items[0].value, items[0].len);
	if (card == NULL) {
		begin(pc_event_module(ev), ev, token);
		return;
	}
	reply = pc_stanza_result(pc_event_stanza(ev));
	pc_stanza_append(reply, card);
	pc_stanza_free(&card);
	pc_event_resume(token, pc_reply(ev, reply));
}

pc_result show_card(pc_event *ev, void *data)
{
	struct legacy *legacy = data;

	if (pc_event_from(ev) == NULL)
		return PC_PASS;
	pc_store_get_key(legacy->store, pc_event_to(ev)->local, "", on_kept,
	                 (void *)(uintptr_t)pc_event_suspend(ev));
	return PC_SUSPENDED;
}

#include "legacy.h"

#include <string.h>

#define NS_UPDATE "vcard-temp:x:update"

const char *presence_hash(pc_module *m, const pc_session *s)
{
	const struct picture *p = pc_session_data_if(s, m);

	return p ? p->hash : "";
}

/* An empty <photo/> says that the client has none to show, and stays. */
static void inject(pc_event *ev, const char *hash)
{
	const pc_stanza *x = pc_stanza_child(pc_event_stanza(ev), "x", NS_UPDATE);
	const char *photo = x ? pc_stanza_child_text(x, "photo", NS_UPDATE) : NULL;
	pc_stanza *st;

	if (*hash == '\0' || (photo && (*photo == '\0' || strcmp(photo, hash) == 0)))
		return;
	st = pc_event_edit(ev);
	if (x)
		pc_stanza_remove(pc_stanza_child(st, "x", NS_UPDATE));
	pc_stanza_leaf(pc_stanza_open(st, "x", NS_UPDATE), "photo", hash);
}

static void read_hash(const pc_stanza *metadata, char hash[static HASH_SIZE])
{
	const char *type;

	hash[0] = '\0';
	if (metadata && pc_stanza_is(metadata, "metadata", NS_METADATA))
		convert_metadata(metadata, hash, &type);
}

static void on_metadata(const pc_stanza *reply, void *data)
{
	pc_token token = (pc_token)(uintptr_t)data;
	pc_event *ev = pc_token_event(token);
	const pc_session *s = ev ? pc_event_origin(ev) : NULL;
	const pc_stanza *items = own_items(reply), *item = items ? pc_stanza_first(items) : NULL;
	struct picture *p;

	if (s) {
		p = pc_session_data(s, pc_event_module(ev));
		p->known = reply != NULL;
		read_hash(item ? pc_stanza_first(item) : NULL, p->hash);
		inject(ev, p->hash);
	}
	pc_event_resume(token, PC_PASS);
}

pc_result presence_out(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_module *m = pc_event_module(ev);
	const struct picture *p;
	pc_token token;

	(void)data;
	if (s == NULL || s->username == NULL || pc_stanza_type(pc_event_stanza(ev)) != PC_TYPE_NONE)
		return PC_PASS;
	p = pc_session_data(s, m);
	if (p->known) {
		inject(ev, p->hash);
		return PC_PASS;
	}
	token = pc_event_suspend(ev);
	if (own_get(m, s->username, NS_METADATA, NULL, on_metadata, (void *)(uintptr_t)token) !=
	    PC_OK)
		pc_event_resume(token, PC_PASS);
	return PC_SUSPENDED;
}

static void set_hash(pc_module *m, const pc_session *s, const char *hash)
{
	struct picture *p = pc_session_data(s, m);
	bool changed = !p->known || strcmp(p->hash, hash) != 0;

	p->known = true;
	memcpy(p->hash, hash, HASH_SIZE);
	if (changed && pc_session_is_available(s)) {
		pc_stanza *again = pc_stanza_clone(s->presence);
		pc_stanza *x = pc_stanza_child(again, "x", NS_UPDATE);

		if (x && *hash == '\0')
			pc_stanza_leaf(pc_stanza_open(again, "x", NS_UPDATE), "photo", "");
		if (x)
			pc_stanza_remove(x);
		pc_send_as(m, s, again);
	}
}

/* Another picture, or none: contacts learn of it by presence that is sent once more. */
pc_result presence_changed(pc_event *ev, void *data)
{
	const char *node = pc_event_str(ev, "node"), *user = pc_event_str(ev, "username");
	const pc_stanza *item = pc_event_stanza(ev);
	char hash[HASH_SIZE];

	(void)data;
	if (node == NULL || user == NULL || strcmp(node, NS_METADATA) != 0)
		return PC_PASS;
	read_hash(item ? pc_stanza_first(item) : NULL, hash);
	for (const pc_session *s = pc_session_first(pc_event_host(ev), user); s;
	     s = pc_session_next(s))
		set_hash(pc_event_module(ev), s, hash);
	return PC_PASS;
}

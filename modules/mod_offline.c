/*
 * mod_offline.c - messages for accounts that are away (XEP-0160).
 *
 * The sender does not wait for the disk: a message is safe when a later result of the same sender
 * is, since its write comes before that one's. From then on it is kept until it has left for the
 * recipient's network: killed in between, the server hands it out again, maybe for the second time.
 * What the network loses behind us is not seen here (XEP-0198 is for that).
 */
#include <stdlib.h>
#include <string.h>

#include <prosody-c/prosody-c.h>

#define NS_HINTS "urn:xmpp:hints"
/* What is handed out before the network has taken it. */
#define PAGE 100
#define PAGE_BYTES ((size_t)256 * 1024)

static const pc_option options[] = {
	{ .name = "offline_max_messages",
	  .type = PC_OPT_INTEGER,
	  .dflt = "1000",
	  .min = 0,
	  .max = 1000000,
	  .live = true,
	  .help = "Messages kept for an account that is away" },
	{ 0 },
};

struct offline {
	pc_module *m;
	pc_store *store;
	struct handing *handings; /* under way */
	pc_metric *refused;
};

/* ------------------------------------------------------------ keeping */

/* XEP-0160 section 3: chat and normal messages that say something; never what the sender marks as
 * not to be kept (XEP-0334). */
static bool is_worth_keeping(const pc_stanza *st)
{
	if (pc_stanza_child(st, "no-store", NS_HINTS) ||
	    pc_stanza_child(st, "no-permanent-store", NS_HINTS))
		return false;
	if (pc_stanza_child(st, "store", NS_HINTS))
		return true;
	switch (pc_stanza_type(st)) {
	case PC_TYPE_CHAT:
		return !pc_stanza_first(st) || pc_stanza_child(st, "body", PC_NS_CLIENT) ||
		       !pc_stanza_child(st, NULL, "http://jabber.org/protocol/chatstates");
	case PC_TYPE_ERROR:
	case PC_TYPE_GROUPCHAT:
	case PC_TYPE_HEADLINE:
		return false;
	default:
		return true;
	}
}

/* What an error needs of a message: its addresses and id. */
static pc_stanza *envelope_of(const pc_stanza *st)
{
	pc_stanza *e = pc_stanza_message(pc_stanza_get(st, "type"), pc_stanza_get(st, "to"),
	                                 pc_stanza_get(st, "from"));

	pc_stanza_set(e, "id", pc_stanza_get(st, "id"));
	return e;
}

/* The account's archive has it: nothing is lost that cannot be kept here. Ids in the account's name
 * are the server's alone (mod_stamps). */
static bool is_archived(const pc_stanza *st, const pc_jid *account)
{
	const pc_stanza *c = pc_stanza_child(st, "stanza-id", "urn:xmpp:sid:0");
	char bare[PC_JID_MAX + 1];

	if (c == NULL)
		return false;
	pc_jid_write_bare(account, bare);
	for (; c; c = pc_stanza_next(c))
		if (pc_stanza_is(c, "stanza-id", "urn:xmpp:sid:0") && pc_stanza_get(c, "by") &&
		    strcmp(pc_stanza_get(c, "by"), bare) == 0)
			return true;
	return false;
}

struct keeping {
	pc_module *m;
	pc_stanza *envelope;
	bool archived;
};

/* The sender does not wait for the disk, so a refusal comes as an error of its own. */
static void on_kept(int err, void *data)
{
	struct keeping *k = data;
	const struct offline *o = pc_module_data(k->m);

	if (err == PC_ELIMIT)
		pc_metric_add(o->refused, 1);
	if (err != PC_OK && !k->archived && pc_stanza_get(k->envelope, "from"))
		pc_send(k->m, pc_stanza_error(k->envelope, NULL,
		                              err == PC_ELIMIT ? "service-unavailable"
		                                               : "internal-server-error",
		                              NULL));
	pc_stanza_free(&k->envelope);
	free(k);
}

static pc_result on_handle(pc_event *ev, void *data)
{
	struct offline *o = data;
	pc_module *m = pc_event_module(ev);
	const pc_stanza *st = pc_event_stanza(ev);
	char id[PC_ENTRY_ID_SIZE], *text;
	int64_t when = pc_event_int(ev, "when");
	pc_entry entry = { .when = when ? when : pc_time_ms() };
	pc_jid account = { pc_event_str(ev, "username"), pc_module_host_name(m), NULL };
	struct keeping *k;

	if (!is_worth_keeping(st))
		return PC_HANDLED;
	k = calloc(1, sizeof(*k));
	if (k == NULL)
		return PC_EINTERNAL;
	*k = (struct keeping){ m, envelope_of(st), is_archived(st, &account) };
	entry.value = text = pc_stanza_write(st, &entry.len);
	pc_archive_append_limited(o->store, account.local, &entry,
	                          (size_t)pc_opt_int(m, "offline_max_messages"), id, on_kept, k);
	free(text);
	return PC_HANDLED;
}

/* ------------------------------------------------------------ handing out */

/* To one client of an account: a page is read, sent, and removed when it has left for the network,
 * so that neither a kill nor a connection that breaks meanwhile loses it. */
struct handing {
	struct handing *next;
	struct offline *o;
	pc_session_id session;
	bool more;  /* behind the page that is on its way */
	bool again; /* presence came meanwhile, and maybe messages before it */
	size_t n;   /* of the page that is on its way */
	char ids[PAGE][PC_ENTRY_ID_SIZE];
	char user[];
};

static struct handing *handing_of(struct offline *o, const char *user)
{
	struct handing *h = o->handings;

	while (h && strcmp(h->user, user) != 0)
		h = h->next;
	return h;
}

static void free_handing(struct handing *h)
{
	struct handing **at = &h->o->handings;

	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	free(h);
}

static void read_page(struct handing *h);

static void begin(struct offline *o, const pc_session *s)
{
	size_t size = strlen(s->username) + 1;
	struct handing *h = calloc(1, sizeof(*h) + size);

	if (h == NULL)
		return;
	h->o = o;
	h->session = s->id;
	memcpy(h->user, s->username, size);
	h->next = o->handings;
	o->handings = h;
	read_page(h);
}

/* The client has gone in the middle: another one of the account, that came meanwhile, gets the
 * rest. */
static void give_up(struct handing *h)
{
	struct offline *o = h->o;
	const pc_session *s = pc_session_first(pc_module_host(o->m), h->user);

	while (s && (s->id == h->session || !pc_session_is_available(s) || s->priority < 0))
		s = pc_session_next(s);
	free_handing(h);
	if (s)
		begin(o, s);
}

/* A stamp in our name is ours alone (XEP-0203 security considerations). */
static void drop_forged_stamps(pc_stanza *st, const char *host)
{
	for (pc_stanza *child = pc_stanza_first(st), *next; child; child = next) {
		const char *from = pc_stanza_get(child, "from");

		next = pc_stanza_next(child);
		if (pc_stanza_is(child, "delay", "urn:xmpp:delay") && from &&
		    strcmp(from, host) == 0)
			pc_stanza_remove(child);
	}
}

static void hand_out(const pc_session *s, const pc_entry *entry)
{
	pc_stanza *st = pc_stanza_parse(entry->value, entry->len);

	if (st == NULL)
		return;
	drop_forged_stamps(st, s->host);
	pc_stanza_delay(st, s->host, entry->when, "Offline Storage");
	pc_session_send(s, st);
	pc_stanza_free(&st);
}

static void remove_page(struct handing *h)
{
	const char *ids[PAGE];

	for (size_t i = 0; i < h->n; i++)
		ids[i] = h->ids[i];
	pc_archive_delete(h->o->store, h->user, &(pc_query){ .ids = ids, .n_ids = h->n }, NULL,
	                  NULL);
}

static void read_on(struct handing *h)
{
	if (h->more || h->again)
		read_page(h);
	else
		free_handing(h);
}

/* What was handed out is removed by its ids: what came meanwhile stays. */
static void on_written(int err, void *data)
{
	struct handing *h = data;

	if (err != PC_OK) {
		give_up(h);
		return;
	}
	remove_page(h);
	read_on(h);
}

static void on_entries(int err, const pc_entry *entries, size_t n, int64_t total, bool more,
                       void *data)
{
	struct handing *h = data;
	const pc_session *s = pc_session_find(h->session);
	size_t bytes = 0, i;

	(void)total;
	if (s == NULL || !pc_session_is_available(s)) {
		give_up(h);
		return;
	}
	if (err != PC_OK || n == 0) {
		h->more = false;
		h->again &= err == PC_OK;
		read_on(h);
		return;
	}
	for (i = 0; i < n && i < PAGE && bytes < PAGE_BYTES; i++) {
		hand_out(s, &entries[i]);
		bytes += entries[i].len;
		memcpy(h->ids[i], entries[i].id, strlen(entries[i].id) + 1);
	}
	h->n = i;
	h->more = more || i < n;
	pc_session_written(h->o->m, s, on_written, h);
}

static void read_page(struct handing *h)
{
	h->again = false;
	pc_archive_find(h->o->store, h->user, &(pc_query){ .limit = PAGE }, on_entries, h);
}

/* While one client of an account is given them, no other one gets the same. */
static pc_result on_broadcast(pc_event *ev, void *data)
{
	struct offline *o = data;
	const pc_session *s = pc_event_origin(ev);
	struct handing *h = s ? handing_of(o, s->username) : NULL;

	if (s == NULL)
		return PC_PASS;
	if (h)
		h->again = true;
	else
		begin(o, s);
	return PC_HANDLED;
}

static void load(pc_module *m)
{
	struct offline *o = pc_module_data(m);

	o->m = m;
	o->store = pc_store_open(m, "offline", PC_STORE_ARCHIVE);
	o->refused = pc_counter(m, "refused", NULL);
	pc_add_feature(m, "msgoffline");
	pc_hook(m, "message/offline/handle", on_handle, -1);
	pc_hook(m, "message/offline/broadcast", on_broadcast, -1);
}

static const pc_store_decl stores[] = {
	{ "offline", PC_STORE_ARCHIVE, "Messages that wait for an account" },
	{ 0 },
};

static const pc_metric_decl metrics[] = {
	{ "refused", PC_COUNTER, "Messages refused by offline_max_messages" },
	{ 0 },
};

PC_MODULE(offline, .summary = "Offline messages (XEP-0160)", .xeps = "0160:1.0.1 0203:2.0",
          .data_size = sizeof(struct offline), .options = options, .stores = stores,
          .metrics = metrics, .load = load);

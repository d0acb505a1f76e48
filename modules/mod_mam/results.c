/*
 * results.c - pages to clients (XEP-0313 sections 4.2 and 4.3).
 */
#include "mam.h"

#define NS_FORWARD "urn:xmpp:forward:0"

static pc_stanza *envelope(const pc_session *s)
{
	char bare[PC_JID_MAX + 1];
	pc_jid account = { s->username, s->host, NULL };

	pc_jid_write_bare(&account, bare);
	return pc_stanza_message(NULL, s->full_jid, bare);
}

/* What was stored and cannot be read leaves its place empty (section 3.3). */
static void send_entry(const pc_session *s, const char *queryid, const pc_entry *e)
{
	pc_stanza *message = envelope(s), *st = pc_stanza_parse(e->value, e->len);
	pc_stanza *result = pc_stanza_open(message, "result", NS_MAM);
	pc_stanza *forwarded;

	pc_stanza_set(result, "queryid", queryid);
	pc_stanza_set(result, "id", e->id);
	forwarded = pc_stanza_open(result, "forwarded", NS_FORWARD);
	pc_stanza_delay(forwarded, NULL, e->when, NULL);
	if (st)
		pc_stanza_append(forwarded, st);
	pc_session_send(s, message);
	pc_stanza_free(&st);
	pc_stanza_free(&message);
}

static void send_fin(const pc_session *s, const struct query *q, const pc_found *found, size_t n)
{
	pc_stanza *reply = pc_stanza_result(q->iq);
	pc_stanza *fin = pc_stanza_open(reply, "fin", NS_MAM);
	bool reverse = q->search.query.reverse;
	pc_rsm_page page = { .index = -1, .count = found->total };

	if (n > 0) {
		page.first = found->entries[reverse ? n - 1 : 0].id;
		page.last = found->entries[reverse ? 0 : n - 1].id;
		/* Not of a page that was read backwards: there are clients that take the last one,
		 * where index and length make up the count, for the end of their way (slixmpp). */
		page.index = reverse ? -1 : found->index;
	}
	if (!found->more && n == found->n)
		pc_stanza_set(fin, "complete", "true");
	pc_rsm_write(fin, &page);
	pc_session_send(s, reply);
	pc_stanza_free(&reply);
}

/* Entries come newest first where the page is read backwards; a client gets the oldest first,
 * unless it wants the page flipped. */
void results_send(const pc_session *s, const struct query *q, const pc_found *found)
{
	const char *queryid = pc_stanza_get(pc_stanza_first(q->iq), "queryid");
	size_t n = q->count_only ? 0 : found->n;
	bool backwards = q->search.query.reverse != q->flip;

	for (size_t i = 0; i < n; i++)
		send_entry(s, queryid, &found->entries[backwards ? n - 1 - i : i]);
	send_fin(s, q, found, n);
}

static void write_end(pc_stanza *metadata, const char *name, const char *id, int64_t when)
{
	pc_stanza *end = pc_stanza_open(metadata, name, NULL);
	char stamp[PC_DATETIME_SIZE];

	pc_datetime_write(when, stamp);
	pc_stanza_set(end, "id", id);
	pc_stanza_set(end, "timestamp", stamp);
}

void results_send_metadata(const pc_session *s, const struct query *q, const pc_found *found)
{
	pc_stanza *reply = pc_stanza_result(q->iq);
	pc_stanza *metadata = pc_stanza_open(reply, "metadata", NS_MAM);

	if (found->n > 0) {
		write_end(metadata, "start", q->oldest.id, q->oldest.when);
		write_end(metadata, "end", found->entries[0].id, found->entries[0].when);
	}
	pc_session_send(s, reply);
	pc_stanza_free(&reply);
}

void results_fail(const pc_session *s, const struct query *q, int err)
{
	const char *condition = "internal-server-error", *type = "wait";
	pc_stanza *error;

	switch (err) {
	case PC_ENOENT:
		condition = "item-not-found";
		type = "cancel";
		break;
	case PC_ENOTSUP:
		condition = "feature-not-implemented";
		type = "cancel";
		break;
	case PC_ELIMIT:
	case PC_EBUSY:
	case PC_ETIMEOUT:
		condition = "resource-constraint";
		break;
	default:
		break;
	}
	error = pc_stanza_error(q->iq, type, condition, NULL);
	pc_session_send(s, error);
	pc_stanza_free(&error);
}

#include "move/xep227.h"

#include <stdlib.h>
#include <string.h>

#include <prosody-c/codec.h>
#include <prosody-c/jid.h>

#include "util/mem.h"

enum { SEEN_OFFLINE = 1, SEEN_PRIVATE = 2, SEEN_ARCHIVE = 4, SEEN_VCARD = 8 };

/* ------------------------------------------------------------ a user's beginning and end */

struct xep227_user *xep227_user_new(struct move *m, const char *host, const char *name,
                                    const char *password, int64_t mtime)
{
	struct xep227_user *u;
	char buf[PC_JID_BUF];
	pc_jid jid;

	if (pc_jid_make(name, host, NULL, buf, &jid) < 0 || jid.local == NULL)
		return NULL;
	u = pc__alloc(sizeof(*u));
	*u = (struct xep227_user){ .m = m, .mtime = mtime, .mark = pc__bundle_mark(m->out) };
	u->name = pc__strdup(jid.local);
	u->host = pc__strdup(jid.domain);
	u->password = password && *password ? pc__strdup(password) : NULL;
	m->user = u->name;
	m->host = u->host;
	return u;
}

void xep227_user_free(struct xep227_user **user, bool keep)
{
	struct xep227_user *u = *user;

	xep227_leave(u);
	if (keep && u->too_many)
		move_fault(u->m, "%s@%s has more than can be taken", u->name, u->host);
	keep = keep && !u->too_many;
	if (keep)
		xep227_write_parts(u);
	else
		pc__bundle_back(u->m->out, u->mark);
	for (size_t i = 0; i < u->n; i++) {
		free(u->pieces[i].key);
		pc_stanza_free(&u->pieces[i].st);
	}
	free(u->pieces);
	if (u->password)
		explicit_bzero(u->password, strlen(u->password));
	free(u->password);
	free(u->created);
	free(u->updated);
	free(u->version);
	free(u->name);
	free(u->host);
	explicit_bzero(u->scram, sizeof(u->scram));
	pc__free(user);
}

/* ------------------------------------------------------------ groups */

void xep227_leave(struct xep227_user *u)
{
	if (u->in_group)
		pc__bundle_end(u->m->out, true);
	u->in_group = false;
}

static bool enter(struct xep227_user *u, bool archive, const char *store)
{
	u->number = 0;
	u->in_group = pc__bundle_begin(u->m->out, archive, u->host, u->name, store) == PC_OK;
	if (!u->in_group)
		move_fault(u->m, "a name has characters that are not allowed, or is too long");
	return u->in_group;
}

static bool enter_once(struct xep227_user *u, unsigned what, bool archive, const char *store)
{
	if (u->seen & what) {
		move_fault(u->m, "the %s of %s@%s comes twice", store, u->name, u->host);
		return false;
	}
	u->seen |= what;
	return enter(u, archive, store);
}

bool xep227_enter_offline(struct xep227_user *u, const char *unused)
{
	(void)unused;
	return enter_once(u, SEEN_OFFLINE, true, "offline");
}

bool xep227_enter_private(struct xep227_user *u, const char *unused)
{
	(void)unused;
	return enter_once(u, SEEN_PRIVATE, false, "private");
}

bool xep227_enter_archive(struct xep227_user *u, const char *unused)
{
	(void)unused;
	return enter_once(u, SEEN_ARCHIVE, true, "archive");
}

/* A node that is not configured is one all the same. */
bool xep227_enter_items(struct xep227_user *u, const char *node)
{
	bool entered;
	char *store;

	if (node == NULL || *node == '\0' || xep227_is_kept(u, XEP227_ITEMS, node)) {
		move_fault(u->m, "items of a node without a name, or one that came before");
		return false;
	}
	store = pc__printf("pep_%s", node);
	entered = enter(u, true, store);
	free(store);
	if (entered)
		xep227_keep(u, XEP227_ITEMS, node, NULL);
	return entered;
}

bool xep227_enter_roster(struct xep227_user *u, const char *version)
{
	if (version && u->version == NULL)
		u->version = pc__strdup(version);
	return true;
}

/* ------------------------------------------------------------ pieces that are taken as they come
 */

static bool stamp_of(const pc_stanza *delay, int64_t *when_r)
{
	const char *stamp = delay ? pc_stanza_get(delay, "stamp") : NULL;

	return stamp && pc_datetime_parse(stamp, when_r) == PC_OK;
}

/* When it came: the stamp of its host is taken off, for the server puts one on again. */
static int64_t take_stamp(const struct xep227_user *u, pc_stanza *st)
{
	int64_t when = u->mtime;

	for (pc_stanza *child = pc_stanza_first(st), *next; child; child = next) {
		const char *from = pc_stanza_get(child, "from");

		next = pc_stanza_next(child);
		if (!pc_stanza_is(child, "delay", "urn:xmpp:delay") || !stamp_of(child, &when) ||
		    !from || strcmp(from, u->host) != 0)
			continue;
		pc_stanza_remove(child);
		break;
	}
	return when;
}

void xep227_take_message(struct xep227_user *u, pc_stanza *st)
{
	int64_t when = st ? take_stamp(u, st) : 0;

	prosody_message(u->m, st, NULL, NULL, when, ++u->number);
}

void xep227_take_private(struct xep227_user *u, pc_stanza *st)
{
	char *key = pc__printf("%s:%s", pc_stanza_name(st), pc_stanza_ns(st));

	prosody_add(u->m, key, st);
	free(key);
}

/* The one that is not the user. */
static const char *party_of(const struct xep227_user *u, const pc_stanza *message)
{
	const char *from = pc_stanza_get(message, "from"), *to = pc_stanza_get(message, "to");
	char own[PC_JID_MAX + 1], bare[PC_JID_MAX + 1];
	pc_jid jid = { .local = u->name, .domain = u->host };

	pc_jid_write(&jid, own);
	if (from && bare_of(from, bare, sizeof(bare)) && strcmp(bare, own) != 0)
		return from;
	return to ? to : from;
}

/* A <result/> of the archive (XEP-0313). */
void xep227_take_result(struct xep227_user *u, pc_stanza *st)
{
	const pc_stanza *forwarded = pc_stanza_child(st, "forwarded", "urn:xmpp:forward:0");
	const pc_stanza *message =
	        forwarded ? pc_stanza_child(forwarded, "message", PC_NS_CLIENT) : NULL;
	int64_t when = u->mtime;

	if (forwarded)
		stamp_of(pc_stanza_child(forwarded, "delay", "urn:xmpp:delay"), &when);
	prosody_message(u->m, message ? pc_stanza_clone(message) : NULL, pc_stanza_get(st, "id"),
	                message ? party_of(u, message) : NULL, when, ++u->number);
	pc_stanza_free(&st);
}

void xep227_take_item(struct xep227_user *u, pc_stanza *st)
{
	const char *stamp = pc_stanza_get(st, "stamp");
	int64_t when = 0;

	if (stamp && pc_datetime_parse(stamp, &when) != PC_OK)
		when = 0;
	prosody_item(u->m, st, NULL, NULL, when, ++u->number);
}

void xep227_take_vcard(struct xep227_user *u, pc_stanza *st)
{
	if (!enter_once(u, SEEN_VCARD, false, "vcard")) {
		pc_stanza_free(&st);
		return;
	}
	prosody_add(u->m, "", st);
	xep227_leave(u);
}

/*
 * xep227.h - files of XEP-0227 (Portable Import/Export Format), for the files of this folder that
 * read and write them.
 *
 *   xep227_files.c  a file, what it includes, a folder of files
 *   xep227_read.c   the elements in them: hosts, users, the pieces of a user
 *   xep227_text.c   one element, from the parser's events to an element of our own
 *   xep227_user.c   a user's pieces into the groups of a bundle
 *   xep227_parts.c  the pieces that several elements say together: accounts, rosters, nodes, blocks
 *   xep227_write.c  a bundle as such a file
 *
 * What the format has no place for - whether an account is disabled, when it was made - is an
 * element <account/> of a namespace of our own, which others leave alone.
 */
#pragma once

#include "move/move.h"
#include "util/buf.h"

#define XEP227_NS "urn:xmpp:pie:0"
#define XEP227_NS_SCRAM XEP227_NS "#scram"
#define XEP227_NS_MAM XEP227_NS "#mam"
#define XEP227_NS_ACCOUNT "prosody-c:account"
#define XEP227_NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define XEP227_NS_OWNER XEP227_NS_PUBSUB "#owner"
#define XEP227_NS_FORM "jabber:x:data"
#define XEP227_NS_BLOCKING "urn:xmpp:blocking"

#define XEP227_DEPTH_MAX 200 /* of elements in each other */

/* ---- xep227_text.c. The text of one element grows with the parser's events; names have their
 * namespace in front, with XEP227_SEP between. */

#define XEP227_SEP '\xFF' /* no UTF-8 has it */

struct xep227_text {
	struct pc__buf out;
	unsigned depth; /* of elements that are open; 0: none is under way */
	bool too_large;
	char *namespaces[XEP227_DEPTH_MAX + 1];
};
void xep227_text_start(struct xep227_text *t, const char *name, const char **attrs);
void xep227_text_add(struct xep227_text *t, const char *text, size_t len);
/* True: that was the end of the whole. */
bool xep227_text_end(struct xep227_text *t, const char *name);
/* The element, yours; NULL: the server would not read it. Empties the text. */
pc_stanza *xep227_text_take(struct xep227_text *t);
void xep227_text_free(struct xep227_text *t);
/* A name's namespace ("" for none), malloc'ed, and where its local part begins. */
char *xep227_split(const char *name, const char **local_r);

/* ---- xep227_user.c */

/* A piece that waits until the user's end, for others may add to it. */
enum xep227_kind {
	XEP227_CONTACT, /* key: the address */
	XEP227_REQUEST, /* the same */
	XEP227_BLOCK,   /* the same; no element */
	XEP227_NODE,    /* key: the node; its <configure/> */
	XEP227_AFFILIATIONS,
	XEP227_ITEMS, /* no element: they are in the bundle already */
};
struct xep227_piece {
	enum xep227_kind kind;
	size_t number; /* in the order of coming */
	char *key;
	pc_stanza *st;
};

struct xep227_user {
	struct move *m;
	int64_t mark, mtime; /* mtime: of the file, where a message has no time */
	char *name, *host;
	bool in_group;
	unsigned seen; /* stores that have come */
	unsigned long number;
	struct xep227_piece *pieces;
	size_t n, size;
	char *password, *created, *updated, *version;
	bool disabled, too_many;
	char scram[3][MOVE_SCRAM_MAX]; /* in the order of pc_scram_hash */
};

/* NULL: the name cannot be prepared. */
struct xep227_user *xep227_user_new(struct move *m, const char *host, const char *name,
                                    const char *password, int64_t mtime);
/* Unless `keep`, nothing of it is in the bundle. */
void xep227_user_free(struct xep227_user **u, bool keep);
/* Elements that hold pieces of a store, each a group of the bundle: false: it has come before, and
 * its pieces are to be left out. Then the pieces, then leave. */
bool xep227_enter_offline(struct xep227_user *u, const char *unused);
bool xep227_enter_private(struct xep227_user *u, const char *unused);
bool xep227_enter_archive(struct xep227_user *u, const char *unused);
bool xep227_enter_items(struct xep227_user *u, const char *node);
bool xep227_enter_roster(struct xep227_user *u, const char *version);
void xep227_leave(struct xep227_user *u);

typedef void xep227_take_fn(struct xep227_user *u, PC_TAKES pc_stanza *st);
void xep227_take_message(struct xep227_user *u, PC_TAKES pc_stanza *st);
void xep227_take_private(struct xep227_user *u, PC_TAKES pc_stanza *st);
void xep227_take_result(struct xep227_user *u, PC_TAKES pc_stanza *st);
void xep227_take_item(struct xep227_user *u, PC_TAKES pc_stanza *st);
void xep227_take_vcard(struct xep227_user *u, PC_TAKES pc_stanza *st);

/* ---- xep227_parts.c */

void xep227_keep(struct xep227_user *u, enum xep227_kind kind, const char *key,
                 PC_TAKES pc_stanza *st);
/* A walk over them: slow, for what is few. */
bool xep227_is_kept(const struct xep227_user *u, enum xep227_kind kind, const char *key);
void xep227_take_contact(struct xep227_user *u, PC_TAKES pc_stanza *st);
void xep227_take_request(struct xep227_user *u, PC_TAKES pc_stanza *st);
void xep227_take_node(struct xep227_user *u, PC_TAKES pc_stanza *st);
void xep227_take_affiliations(struct xep227_user *u, PC_TAKES pc_stanza *st);
void xep227_take_privacy(struct xep227_user *u, PC_TAKES pc_stanza *st);
void xep227_take_blocklist(struct xep227_user *u, PC_TAKES pc_stanza *st);
void xep227_take_scram(struct xep227_user *u, PC_TAKES pc_stanza *st);
void xep227_take_account(struct xep227_user *u, PC_TAKES pc_stanza *st);
/* All that waited, into groups. */
void xep227_write_parts(struct xep227_user *u);

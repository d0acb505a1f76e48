/*
 * parser.h - bytes to stanzas: the one XML parser of the server, whatever the transport.
 *
 * A parser reads one XML stream (RFC 6120 section 4): a root element that stays open, and below it
 * top-level elements, each of which is handed over as a tree in one arena. It enforces RFC 6120
 * section 11 (no DTD, comment, processing instruction, entity other than the five; UTF-8 only) and
 * its limits, and turns whatever is wrong into the stream error that the RFC names. No policy: it
 * does not know what an element means.
 *
 * Pausing. pc__xml_feed() stops after a top-level element when the element callback says so, and
 * tells how many bytes it used; the caller keeps the rest and feeds it later.
 *
 * Parking. Between two top-level elements a parser can be exchanged for a pc__xml_root: the root's
 * name and namespace declarations as they were written, interned, so that thousands of idle streams
 * hold a pointer each. A parser made from one goes on as if nothing had happened, closing tag of
 * the root included.
 *
 * One thread at a time uses a parser. The intern table of roots has one owner too: each I/O thread
 * has its own (pc__xml_roots).
 */
#pragma once

#include <prosody-c/stanza.h>

typedef struct pc__xml_parser pc__xml_parser;
typedef struct pc__xml_root pc__xml_root;
typedef struct pc__xml_roots pc__xml_roots;

/* What a peer may send. All of them count bytes or things as they come in. */
typedef struct pc__xml_limits {
	size_t stanza_bytes; /* of one top-level element, or of the root's start tag;
	                        policy-violation */
	size_t token_bytes;  /* of one unfinished token (a start tag); policy-violation */
	size_t depth;        /* levels of a stanza */
	size_t attributes;   /* of one element, namespace declarations included */
	size_t name_bytes;   /* of one element or attribute name with its namespace */
	size_t elements;     /* in one top-level element */
} pc__xml_limits;

extern const pc__xml_limits pc__xml_limits_default;  /* 256 KiB, 32 KiB, 128, 256, 1024, 8192 */
extern const pc__xml_limits pc__xml_limits_unauthed; /* 10000 B, 10000 B, 16, 64, 512, 64 */

/* The root's start tag. Strings are valid during the callback. */
typedef struct pc__xml_header {
	const char *to, *from, *id, *version, *lang; /* NULL where missing */
	const char *content_ns; /* the default namespace; NULL: none, or that of streams itself */
} pc__xml_header;

typedef struct pc__xml_callbacks {
	/* The root has come: its name is `stream` in the streams namespace, else an error was
	 * given. pc__xml_pause() stops behind it. */
	void (*header)(const pc__xml_header *header, void *data);
	/* A top-level element, yours. false: pause. */
	bool (*element)(pc_stanza *element, void *data);
	/* The root's end tag. */
	void (*end)(void *data);
} pc__xml_callbacks;

/* `content_ns` is the stream's ("jabber:client", "jabber:server", ...; NULL is the first),
 * borrowed: in the trees its elements are in jabber:client. A top-level element that really is in
 * jabber:client where that is not the stream's is an error (invalid-namespace, RFC 6120 4.8.3); one
 * of any other namespace is handed over as it is. `limits` is copied. A
 * callback may free the parser (the feed then ends with PC__XML_OK), but not feed it. */
pc__xml_parser *pc__xml_new(const pc__xml_callbacks *callbacks, const char *content_ns,
                            const pc__xml_limits *limits, void *data);
void pc__xml_free(pc__xml_parser **p);
void pc__xml_set_limits(pc__xml_parser *p, const pc__xml_limits *limits);
void pc__xml_set_data(pc__xml_parser *p, void *data);

/* Within header() or element(): stop here, as if element() had returned false. */
void pc__xml_pause(pc__xml_parser *p);

enum { PC__XML_OK = 0, PC__XML_PAUSED = 1 };
/* What comes behind the root's end tag is ignored. *used_r is the number of bytes that were used:
 * `len` unless paused. PC_EINVAL: pc__xml_error() says which; the parser is of no more use. */
int pc__xml_feed(pc__xml_parser *p, const void *bytes, size_t len, size_t *used_r);
/* The stream error condition (not-well-formed, restricted-xml, unsupported-encoding,
 * invalid-namespace, bad-format, policy-violation) and a text for it. */
const char *pc__xml_error(const pc__xml_parser *p, const char **text_r);
/* Nothing is pending: between two top-level elements, or in white space there. */
bool pc__xml_idle(const pc__xml_parser *p);

/* Some namespace in the parsed tree is no URI, as Namespaces in XML wants it (section 2.2): a
 * character that is neither of RFC 3986 nor beyond ASCII. Such a stanza must not be passed on, for
 * the parsers of many others end at it: expat does (since 2.4.5) where that character is the one
 * that its user has chosen to separate namespace and name. */
bool pc__xml_has_odd_namespace(const pc_stanza *root);

/* Many stored elements, one after the other, by one parser: pc_stanza_parse() makes one for each,
 * which costs more than the parsing. */
typedef struct pc__stored pc__stored;
pc__stored *pc__stored_new(void);
void pc__stored_free(pc__stored **stored);
/* NULL where pc_stanza_parse() would give that. The tree is the caller's. */
pc_stanza *pc__stored_parse(pc__stored *stored, const char *text, size_t len);

pc__xml_roots *pc__xml_roots_new(void);
void pc__xml_roots_free(pc__xml_roots **roots);
/* Of an idle parser, which is freed and cleared; NULL when its root is too long to keep (more than
 * 16 declarations or 1 KB): the parser stays then. */
pc__xml_root *pc__xml_park(pc__xml_parser **p, pc__xml_roots *roots);
/* Takes the root back; pc__xml_root_drop() where the stream ends while parked. */
pc__xml_parser *pc__xml_unpark(pc__xml_root **root, pc__xml_roots *roots,
                               const pc__xml_callbacks *callbacks, const char *content_ns,
                               const pc__xml_limits *limits, void *data);
void pc__xml_root_drop(pc__xml_root **root, pc__xml_roots *roots);

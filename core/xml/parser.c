#include "xml/parser.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <prosody-c/codec.h>

#include "util/mem.h"
#include "util/utf8.h"
#include "xml/state.h"

/* What lies behind a stop is copied by expat in vain: where stops are frequent, it gets little at a
 * time. */
#define PIECE_LEAST 512
#define PIECE_MOST (64 * 1024)

const pc__xml_limits pc__xml_limits_default = {
	.stanza_bytes = 256 * 1024,
	.token_bytes = 32 * 1024,
	.depth = 128,
	.attributes = 256,
	.name_bytes = 1024,
	.elements = 8192,
};

const pc__xml_limits pc__xml_limits_unauthed = {
	.stanza_bytes = 10000,
	.token_bytes = 10000,
	.depth = 16,
	.attributes = 64,
	.name_bytes = 512,
	.elements = 64,
};

/* ---- errors */

void pc__xml_fail(pc__xml_parser *p, const char *condition, const char *message)
{
	if (p->condition)
		return;
	p->condition = condition;
	p->message = message;
	XML_StopParser(p->expat, XML_FALSE);
}

const char *pc__xml_error(const pc__xml_parser *p, const char **text_r)
{
	if (text_r)
		*text_r = p->message;
	return p->condition;
}

/* The bytes from `at` on, as far as they are known: the last of them may have come before. */
static size_t bytes_at(const pc__xml_parser *p, size_t at, const char *bytes, size_t before,
                       size_t len, char out[static 4])
{
	size_t n;

	for (n = 0; n < 4 && at + n < before + len; n++) {
		size_t i = at + n;

		if (i + sizeof(p->tail) < before)
			return 0;
		out[n] = i < before ? (char)p->tail[sizeof(p->tail) - (before - i)]
		                    : bytes[i - before];
	}
	return n;
}

/* Is what expat refused no character of UTF-8? One that is merely in the wrong place it may refuse
 * by its first byte. */
static bool breaks_utf8(const pc__xml_parser *p, const char *bytes, size_t before, size_t len)
{
	char c[4];
	size_t n = bytes_at(p, (size_t)XML_GetErrorByteIndex(p->expat), bytes, before, len, c);
	unsigned char first = n ? (unsigned char)c[0] : 0;
	size_t need = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;

	if (first < 0x80)
		return false;
	if (first < 0xC2 || first > 0xF4)
		return true;
	return n >= need && !pc__utf8_valid(c, need);
}

static void explain(pc__xml_parser *p, const char *bytes, size_t before, size_t len)
{
	enum XML_Error error = XML_GetErrorCode(p->expat);
	const char *condition = "not-well-formed";

	if (p->condition)
		return;
	p->message = XML_ErrorString(error);
	switch (error) {
	case XML_ERROR_UNKNOWN_ENCODING:
	case XML_ERROR_INCORRECT_ENCODING:
		condition = "unsupported-encoding";
		break;
	case XML_ERROR_UNDEFINED_ENTITY:
	case XML_ERROR_RECURSIVE_ENTITY_REF:
	case XML_ERROR_BINARY_ENTITY_REF:
	case XML_ERROR_ATTRIBUTE_EXTERNAL_ENTITY_REF:
	case XML_ERROR_EXTERNAL_ENTITY_HANDLING:
		condition = "restricted-xml";
		break;
	case XML_ERROR_INVALID_TOKEN:
		if (breaks_utf8(p, bytes, before, len)) {
			condition = "unsupported-encoding";
			p->message = "not UTF-8";
		}
		break;
	default:
		break;
	}
	p->condition = condition;
}

/* ---- the parser's expat */

/* One secret for all parsers of the process: expat would ask the kernel for each of them. */
static unsigned long hash_salt(void)
{
	static atomic_ulong salt;
	unsigned long now = atomic_load_explicit(&salt, memory_order_relaxed), none = 0;

	if (now)
		return now;
	pc_random_bytes(&now, sizeof(now));
	now |= 1;
	return atomic_compare_exchange_strong(&salt, &none, now) ? now : none;
}

static void create_expat(pc__xml_parser *p)
{
	static const XML_Memory_Handling_Suite memory = { pc__malloc, pc__realloc, free };
	static const char separator[] = { PC__XML_SEP, '\0' };

	p->expat = XML_ParserCreate_MM("UTF-8", &memory, separator);
	XML_SetReturnNSTriplet(p->expat, XML_TRUE);
	XML_SetHashSalt(p->expat, hash_salt());
#ifdef PC_HAVE_REPARSE_DEFERRAL
	XML_SetReparseDeferralEnabled(p->expat, XML_FALSE);
#endif
	pc__xml_listen(p);
	p->fed = 0;
	p->suspended = false;
}

static void free_expat(pc__xml_parser *p)
{
	if (p->expat)
		XML_ParserFree(p->expat);
	p->expat = NULL;
}

/* A new expat that stands behind the root's start tag. */
static void prime_expat(pc__xml_parser *p)
{
	create_expat(p);
	p->priming = true;
	XML_Parse(p->expat, p->root.p, (int)p->root.len, XML_FALSE);
	p->priming = false;
	p->fed = p->root.len;
}

/* ---- life */

static pc__xml_parser *make(const pc__xml_callbacks *callbacks, const char *content_ns,
                            const pc__xml_limits *limits, void *data)
{
	pc__xml_parser *p = pc__alloc(sizeof(*p));

	p->callbacks = *callbacks;
	p->content_ns = content_ns ? content_ns : PC_NS_CLIENT;
	p->content_ns_len = strlen(p->content_ns);
	p->limits = *limits;
	p->data = data;
	p->piece = PIECE_MOST;
	return p;
}

pc__xml_parser *pc__xml_new(const pc__xml_callbacks *callbacks, const char *content_ns,
                            const pc__xml_limits *limits, void *data)
{
	pc__xml_parser *p = make(callbacks, content_ns, limits, data);

	create_expat(p);
	return p;
}

/* Its expat is made when the first byte comes. */
pc__xml_parser *pc__xml_primed(const char *root, size_t len, const pc__xml_callbacks *callbacks,
                               const char *content_ns, const pc__xml_limits *limits, void *data)
{
	pc__xml_parser *p = make(callbacks, content_ns, limits, data);

	p->depth = 1;
	p->seen = 2;
	pc__buf_add(&p->root, root, len);
	return p;
}

void pc__xml_free(pc__xml_parser **parser)
{
	pc__xml_parser *p = *parser;

	*parser = NULL;
	if (p == NULL)
		return;
	if (p->feeding) {
		p->doomed = true;
		pc__xml_fail(p, "internal-server-error", "freed");
		return;
	}
	free_expat(p);
	if (p->at)
		pc_stanza_free(&(pc_stanza *){ p->at->doc->root });
	pc__buf_free(&p->root);
	pc__buf_free(&p->text);
	free(p->default_ns);
	free(p);
}

void pc__xml_set_limits(pc__xml_parser *p, const pc__xml_limits *limits)
{
	p->limits = *limits;
}

void pc__xml_set_data(pc__xml_parser *p, void *data)
{
	p->data = data;
}

void pc__xml_pause(pc__xml_parser *p)
{
	p->pause = true;
}

/* ---- feeding */

/* XMPP is UTF-8 without a mark in front (RFC 6120 section 11.6); expat would believe a mark. */
static bool allow_encoding(pc__xml_parser *p, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len && p->seen < 2; i++, p->seen++) {
		unsigned char c = (unsigned char)bytes[i];

		if (c == 0 || (p->seen == 0 && c >= 0xFE)) {
			pc__xml_fail(p, "unsupported-encoding", "not UTF-8");
			return false;
		}
		if (p->seen == 0 && c >= 0x80) {
			pc__xml_fail(p, "not-well-formed", "text before the stream header");
			return false;
		}
	}
	return true;
}

static size_t pending(const pc__xml_parser *p)
{
	XML_Index at = XML_GetCurrentByteIndex(p->expat);

	return at < 0 ? p->fed : p->fed - (size_t)at;
}

/* What expat has not reported yet counts as well. */
static void check_limits(pc__xml_parser *p)
{
	size_t unfinished = pending(p);
	size_t whole = p->depth == 1 ? unfinished : p->fed - p->start;

	if (unfinished > p->limits.token_bytes)
		pc__xml_fail(p, "policy-violation", "a tag is too long");
	else if (whole > p->limits.stanza_bytes)
		pc__xml_fail(p, "policy-violation", "an element is too large");
}

static void wake_expat(pc__xml_parser *p)
{
	if (p->expat == NULL)
		prime_expat(p);
	if (p->suspended)
		XML_ResumeParser(p->expat);
	p->suspended = false;
	p->pause = false;
	p->renew = false;
}

/* Expat holds a copy of what is behind the place where it stopped, and nothing can take that back:
 * it is given up, unless it stopped at the very end. */
static size_t suspend_expat(pc__xml_parser *p, size_t before, size_t len)
{
	size_t used = p->stopped - before;

	p->piece = PIECE_LEAST;
	if (used == len && !p->renew && !p->ended)
		p->suspended = true;
	else
		free_expat(p);
	return used;
}

static void remember_tail(pc__xml_parser *p, const char *bytes, size_t len)
{
	size_t n = len < sizeof(p->tail) ? len : sizeof(p->tail);

	memmove(p->tail, p->tail + n, sizeof(p->tail) - n);
	memcpy(p->tail + sizeof(p->tail) - n, bytes + len - n, n);
}

static size_t feed_piece(pc__xml_parser *p, const char *bytes, size_t len)
{
	size_t before;
	enum XML_Status status;

	wake_expat(p);
	before = p->fed;
	if (!allow_encoding(p, bytes, len))
		return 0;
	p->fed += len;
	status = XML_Parse(p->expat, bytes, (int)len, XML_FALSE);
	if (status == XML_STATUS_SUSPENDED)
		return suspend_expat(p, before, len);
	if (status == XML_STATUS_ERROR)
		explain(p, bytes, before, len);
	else
		check_limits(p);
	remember_tail(p, bytes, len);
	if (p->piece < PIECE_MOST)
		p->piece *= 2;
	return len;
}

/* A tag that is too long is refused at the byte that makes it so, however the bytes came. */
static size_t next_piece(const pc__xml_parser *p, size_t left)
{
	size_t n = left < p->piece ? left : p->piece;
	size_t unfinished = p->expat == NULL || p->suspended ? 0 : pending(p);
	size_t room =
	        unfinished <= p->limits.token_bytes ? p->limits.token_bytes - unfinished + 1 : 1;

	return n < room ? n : room;
}

int pc__xml_feed(pc__xml_parser *p, const void *bytes, size_t len, size_t *used_r)
{
	size_t used = 0;
	bool paused = false;

	p->feeding = true;
	while (used < len && p->condition == NULL && !p->ended && !paused) {
		used += feed_piece(p, (const char *)bytes + used, next_piece(p, len - used));
		paused = p->pause && !p->ended;
	}
	p->feeding = false;
	*used_r = p->ended || p->doomed ? len : used;
	if (p->doomed) {
		pc__xml_free(&p);
		return PC__XML_OK;
	}
	if (p->condition)
		return PC_EINVAL;
	return paused ? PC__XML_PAUSED : PC__XML_OK;
}

bool pc__xml_idle(const pc__xml_parser *p)
{
	if (p->depth != 1 || p->condition)
		return false;
	return p->expat == NULL || p->suspended || pending(p) == 0;
}

/* ---- parking */

pc__xml_root *pc__xml_park(pc__xml_parser **parser, pc__xml_roots *roots)
{
	pc__xml_parser *p = *parser;
	pc__xml_root *root;

	if (!pc__xml_idle(p))
		return NULL;
	root = pc__xml_root_take(roots, p->root.p, p->root.len, p->root_declarations);
	if (root)
		pc__xml_free(parser);
	return root;
}

pc__xml_parser *pc__xml_unpark(pc__xml_root **root, pc__xml_roots *roots,
                               const pc__xml_callbacks *callbacks, const char *content_ns,
                               const pc__xml_limits *limits, void *data)
{
	size_t len;
	unsigned declarations;
	const char *text = pc__xml_root_text(*root, &len, &declarations);
	pc__xml_parser *p = pc__xml_primed(text, len, callbacks, content_ns, limits, data);

	p->root_declarations = declarations;
	pc__xml_root_drop(root, roots);
	return p;
}

#include "convert.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct pair {
	const char *old, *new;
};

/* A value in an element: <FN>x</FN>, <fn><text>x</text></fn>. */
static const struct {
	const char *old, *new, *inner;
} simple[] = {
	{ "FN", "fn", "text" },       { "NICKNAME", "nickname", "text" },
	{ "TITLE", "title", "text" }, { "ROLE", "role", "text" },
	{ "DESC", "note", "text" },   { "TZ", "tz", "text" },
	{ "URL", "url", "uri" },      { "BDAY", "bday", "date" },
};
static const struct pair name_parts[] = {
	{ "FAMILY", "surname" }, { "GIVEN", "given" },   { "MIDDLE", "additional" },
	{ "PREFIX", "prefix" },  { "SUFFIX", "suffix" }, { NULL, NULL },
};
static const struct pair address_parts[] = {
	{ "POBOX", "pobox" },       { "EXTADD", "ext" },    { "STREET", "street" },
	{ "LOCALITY", "locality" }, { "REGION", "region" }, { "PCODE", "code" },
	{ "CTRY", "country" },      { NULL, NULL },
};
static const char *const kinds[] = { "home",  "work", "voice", "fax",
	                             "pager", "cell", "video", "pref" };
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const char *text_in(const pc_stanza *st, const char *name)
{
	const char *text = pc_stanza_child_text(st, name, NULL);

	return text && *text ? text : NULL;
}

static void add(pc_stanza *to, const char *name, const char *inner, const char *text)
{
	if (text)
		pc_stanza_leaf(inner ? pc_stanza_open(to, name, NULL) : to, inner ? inner : name,
		               text);
}

/* ------------------------------------------------------------ old to new */

static void add_kinds_new(const pc_stanza *old, pc_stanza *new)
{
	pc_stanza *type = NULL;

	for (size_t i = 0; i < KINDS; i++) {
		char upper[8];

		snprintf(upper, sizeof(upper), "%s", kinds[i]);
		for (char *c = upper; *c; c++)
			*c = (char)toupper((unsigned char)*c);
		if (pc_stanza_child(old, upper, NULL) == NULL)
			continue;
		if (type == NULL)
			type = pc_stanza_open(pc_stanza_open(new, "parameters", NULL), "type",
			                      NULL);
		pc_stanza_leaf(type, "text", kinds[i]);
	}
}

static void parts_to_new(const pc_stanza *old, pc_stanza *new, const char *name,
                         const struct pair *parts)
{
	pc_stanza *to = pc_stanza_open(new, name, NULL);

	add_kinds_new(old, to);
	for (; parts->old; parts++)
		add(to, parts->new, NULL, text_in(old, parts->old));
}

static void value_to_new(const pc_stanza *old, pc_stanza *new, const char *name, const char *part)
{
	const char *text = text_in(old, part);
	pc_stanza *to;

	if (text == NULL)
		return;
	to = pc_stanza_open(new, name, NULL);
	add_kinds_new(old, to);
	pc_stanza_leaf(to, "text", text);
}

static void org_to_new(const pc_stanza *old, pc_stanza *new)
{
	pc_stanza *to = pc_stanza_open(new, "org", NULL);

	for (pc_stanza *c = pc_stanza_first(old); c; c = pc_stanza_next(c))
		pc_stanza_leaf(to, "text", pc_stanza_get_text(c));
}

static void jid_to_new(const char *jid, pc_stanza *new)
{
	size_t size = strlen(jid) + sizeof("xmpp:");
	char *uri = malloc(size);

	if (uri == NULL)
		abort();
	snprintf(uri, size, "xmpp:%s", jid);
	add(new, "impp", "uri", uri);
	free(uri);
}

static void field_to_new(const pc_stanza *f, pc_stanza *new)
{
	const char *name = pc_stanza_name(f), *text = pc_stanza_get_text(f);

	for (size_t i = 0; i < sizeof(simple) / sizeof(simple[0]); i++)
		if (strcmp(simple[i].old, name) == 0 && *text)
			add(new, simple[i].new, simple[i].inner, text);
	if (strcmp(name, "N") == 0)
		parts_to_new(f, new, "n", name_parts);
	else if (strcmp(name, "ADR") == 0)
		parts_to_new(f, new, "adr", address_parts);
	else if (strcmp(name, "TEL") == 0)
		value_to_new(f, new, "tel", "NUMBER");
	else if (strcmp(name, "EMAIL") == 0)
		value_to_new(f, new, "email", "USERID");
	else if (strcmp(name, "ORG") == 0)
		org_to_new(f, new);
	else if (strcmp(name, "JABBERID") == 0 && *text)
		jid_to_new(text, new);
}

void convert_to_new(const pc_stanza *old, pc_stanza *new)
{
	for (pc_stanza *f = pc_stanza_first(old); f; f = pc_stanza_next(f))
		field_to_new(f, new);
}

/* ------------------------------------------------------------ new to old */

static void add_kinds_old(const pc_stanza *new, pc_stanza *old)
{
	const pc_stanza *parameters = pc_stanza_child(new, "parameters", NULL);
	const pc_stanza *type = parameters ? pc_stanza_child(parameters, "type", NULL) : NULL;

	for (pc_stanza *t = type ? pc_stanza_first(type) : NULL; t; t = pc_stanza_next(t))
		for (size_t i = 0; i < KINDS; i++) {
			char upper[8];

			if (strcasecmp(pc_stanza_get_text(t), kinds[i]) != 0)
				continue;
			snprintf(upper, sizeof(upper), "%s", kinds[i]);
			for (char *c = upper; *c; c++)
				*c = (char)toupper((unsigned char)*c);
			pc_stanza_open(old, upper, NULL);
		}
}

static void parts_to_old(const pc_stanza *new, pc_stanza *old, const char *name,
                         const struct pair *parts)
{
	pc_stanza *to = pc_stanza_open(old, name, NULL);

	add_kinds_old(new, to);
	for (; parts->old; parts++)
		add(to, parts->old, NULL, text_in(new, parts->new));
}

static const char *without(const char *prefix, const char *uri)
{
	size_t len = strlen(prefix);

	return uri && strncasecmp(uri, prefix, len) == 0 ? uri + len : uri;
}

static void value_to_old(const pc_stanza *new, pc_stanza *old, const char *name, const char *part)
{
	const char *text = text_in(new, "text");
	pc_stanza *to;

	if (text == NULL)
		text = without("tel:", text_in(new, "uri"));
	if (text == NULL)
		return;
	to = pc_stanza_open(old, name, NULL);
	add_kinds_old(new, to);
	pc_stanza_leaf(to, part, text);
}

static void org_to_old(const pc_stanza *new, pc_stanza *old)
{
	pc_stanza *to = pc_stanza_open(old, "ORG", NULL);
	const char *name = "ORGNAME";

	for (pc_stanza *c = pc_stanza_first(new); c; c = pc_stanza_next(c)) {
		if (strcmp(pc_stanza_name(c), "text") != 0)
			continue;
		pc_stanza_leaf(to, name, pc_stanza_get_text(c));
		name = "ORGUNIT";
	}
}

static void field_to_old(const pc_stanza *f, pc_stanza *old)
{
	const char *name = pc_stanza_name(f);

	for (size_t i = 0; i < sizeof(simple) / sizeof(simple[0]); i++)
		if (strcmp(simple[i].new, name) == 0)
			add(old, simple[i].old, NULL, text_in(f, simple[i].inner));
	if (strcmp(name, "n") == 0)
		parts_to_old(f, old, "N", name_parts);
	else if (strcmp(name, "adr") == 0)
		parts_to_old(f, old, "ADR", address_parts);
	else if (strcmp(name, "tel") == 0)
		value_to_old(f, old, "TEL", "NUMBER");
	else if (strcmp(name, "email") == 0)
		value_to_old(f, old, "EMAIL", "USERID");
	else if (strcmp(name, "org") == 0)
		org_to_old(f, old);
	else if (strcmp(name, "impp") == 0)
		add(old, "JABBERID", NULL, without("xmpp:", text_in(f, "uri")));
}

void convert_to_old(const pc_stanza *new, pc_stanza *old)
{
	for (pc_stanza *f = pc_stanza_first(new); f; f = pc_stanza_next(f))
		field_to_old(f, old);
}

/* ------------------------------------------------------------ pictures */

/* Old clients break the lines of base64. */
static char *without_space(const char *text)
{
	char *out = malloc(strlen(text) + 1), *at = out;

	if (out == NULL)
		abort();
	for (; *text; text++)
		if (!isspace((unsigned char)*text))
			*at++ = *text;
	*at = '\0';
	return out;
}

static int hash_of(const char *base64, char hash[static HASH_SIZE], size_t *len_r)
{
	size_t len = strlen(base64);
	uint8_t *bytes = malloc(len + 1), digest[PC_DIGEST_MAX];
	ssize_t n;

	if (bytes == NULL)
		abort();
	n = pc_base64_decode(base64, len, bytes, len + 1);
	if (n > 0) {
		pc_digest("SHA-1", bytes, (size_t)n, digest);
		pc_hex_encode(digest, 20, hash);
		*len_r = (size_t)n;
	}
	free(bytes);
	return n > 0 ? PC_OK : PC_EINVAL;
}

int convert_photo(const pc_stanza *old, char hash[static HASH_SIZE], pc_stanza **data_r,
                  pc_stanza **metadata_r)
{
	const pc_stanza *photo = pc_stanza_child(old, "PHOTO", NULL);
	const char *text = photo ? text_in(photo, "BINVAL") : NULL;
	const char *type = photo ? text_in(photo, "TYPE") : NULL;
	pc_stanza *info;
	size_t len = 0;
	char *base64, number[24];
	int err;

	*data_r = *metadata_r = NULL;
	hash[0] = '\0';
	if (text == NULL)
		return PC_ENOENT;
	base64 = without_space(text);
	err = hash_of(base64, hash, &len);
	if (err == PC_OK) {
		*data_r = pc_stanza_new("data", NS_DATA);
		pc_stanza_text(*data_r, base64);
		*metadata_r = pc_stanza_new("metadata", NS_METADATA);
		info = pc_stanza_open(*metadata_r, "info", NULL);
		snprintf(number, sizeof(number), "%zu", len);
		pc_stanza_set(info, "bytes", number);
		pc_stanza_set(info, "id", hash);
		pc_stanza_set(info, "type", type ? type : "image/png");
	}
	free(base64);
	return err;
}

static bool is_hash(const char *text)
{
	return text && strlen(text) == HASH_SIZE - 1 &&
	       strspn(text, "0123456789abcdefABCDEF") == HASH_SIZE - 1;
}

void convert_metadata(const pc_stanza *metadata, char hash[static HASH_SIZE], const char **type_r)
{
	hash[0] = '\0';
	*type_r = NULL;
	for (pc_stanza *i = pc_stanza_first(metadata); i; i = pc_stanza_next(i)) {
		const char *id = pc_stanza_get(i, "id");

		if (!pc_stanza_is(i, "info", NS_METADATA) || pc_stanza_get(i, "url") ||
		    !is_hash(id))
			continue;
		snprintf(hash, HASH_SIZE, "%s", id);
		*type_r = pc_stanza_get(i, "type");
		return;
	}
}

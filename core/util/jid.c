#include <prosody-c/jid.h>

#include <string.h>

#include "util/prep.h"

/* The parts of an address as they came; p is NULL where there is none. */
struct parts {
	pc_str local, domain, resource;
};

/* Each part needs at most PC__PREP_SIZE bytes, and the buffer has room for three such. */
static int prepare(const struct parts *parts, char *buf, pc_jid *jid)
{
	ssize_t n;

	*jid = (pc_jid){ 0 };
	if (parts->local.p) {
		n = pc__prep_local(parts->local.p, parts->local.len, buf);
		if (n < 0)
			return PC_EINVAL;
		jid->local = buf;
		buf += n + 1;
	}
	n = pc__prep_domain(parts->domain.p, parts->domain.len, buf);
	if (n < 0)
		return PC_EINVAL;
	jid->domain = buf;
	buf += n + 1;
	if (parts->resource.p) {
		if (pc__prep_resource(parts->resource.p, parts->resource.len, buf) < 0)
			return PC_EINVAL;
		jid->resource = buf;
	}
	return PC_OK;
}

/* RFC 7622 section 3.2: the first '/' ends the bare address, the first '@' before it the local
 * part. Preparation comes after, so that no character can turn into a separator. */
static struct parts split(const char *text, size_t len)
{
	struct parts parts = { 0 };
	const char *slash = memchr(text, '/', len);
	size_t bare = slash ? (size_t)(slash - text) : len;
	const char *at = memchr(text, '@', bare);
	const char *domain = at ? at + 1 : text;

	if (at)
		parts.local = (pc_str){ text, (size_t)(at - text) };
	parts.domain = (pc_str){ domain, (size_t)(text + bare - domain) };
	if (slash)
		parts.resource = (pc_str){ slash + 1, len - bare - 1 };
	return parts;
}

int pc_jid_parse_n(const char *text, size_t len, char buf[static PC_JID_BUF], pc_jid *jid_r)
{
	struct parts parts;
	int err = PC_EINVAL;

	if (len > 0 && len <= PC_JID_MAX) {
		parts = split(text, len);
		err = prepare(&parts, buf, jid_r);
	}
	if (err < 0)
		*jid_r = (pc_jid){ 0 };
	return err;
}

int pc_jid_parse(const char *text, char buf[static PC_JID_BUF], pc_jid *jid_r)
{
	return pc_jid_parse_n(text, text ? strlen(text) : 0, buf, jid_r);
}

static pc_str as_str(const char *s)
{
	return (pc_str){ s, s ? strlen(s) : 0 };
}

int pc_jid_make(const char *local, const char *domain, const char *resource,
                char buf[static PC_JID_BUF], pc_jid *jid_r)
{
	struct parts parts = { as_str(local), as_str(domain), as_str(resource) };
	int err = prepare(&parts, buf, jid_r);

	if (err < 0)
		*jid_r = (pc_jid){ 0 };
	return err;
}

static char *put(char *out, const char *s)
{
	size_t len = strlen(s);

	memcpy(out, s, len + 1);
	return out + len;
}

size_t pc_jid_write_bare(const pc_jid *jid, char out[static PC_JID_MAX + 1])
{
	char *p = out;

	if (jid->local) {
		p = put(p, jid->local);
		*p++ = '@';
	}
	p = put(p, jid->domain);
	*p = '\0';
	return (size_t)(p - out);
}

size_t pc_jid_write(const pc_jid *jid, char out[static PC_JID_MAX + 1])
{
	char *p = out + pc_jid_write_bare(jid, out);

	if (jid->resource) {
		*p++ = '/';
		p = put(p, jid->resource);
	}
	*p = '\0';
	return (size_t)(p - out);
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool pc_jid_equal_bare(const pc_jid *a, const pc_jid *b)
{
	return same(a->local, b->local) && same(a->domain, b->domain);
}

bool pc_jid_equal(const pc_jid *a, const pc_jid *b)
{
	return pc_jid_equal_bare(a, b) && same(a->resource, b->resource);
}

static int result(ssize_t len)
{
	return len < 0 ? (int)len : PC_OK;
}

int pc_jid_prep_local(const char *in, char out[static PC_JID_PART_MAX + 1])
{
	return result(pc__prep_local(in, strlen(in), out));
}

int pc_jid_prep_domain(const char *in, char out[static PC_JID_PART_MAX + 1])
{
	return result(pc__prep_domain(in, strlen(in), out));
}

int pc_jid_domain_of(const char *text, char out[static PC_JID_PART_MAX + 1])
{
	pc_str domain = split(text, strlen(text)).domain;

	return result(pc__prep_domain(domain.p, domain.len, out));
}

int pc_jid_prep_resource(const char *in, char out[static PC_JID_PART_MAX + 1])
{
	return result(pc__prep_resource(in, strlen(in), out));
}

int pc_saslprep(const char *in, char out[static PC_JID_PART_MAX + 1])
{
	return result(pc__prep_sasl(in, strlen(in), out));
}

/*
 * The parser's events: which element is what, by the place where it is. A user's pieces go to the
 * bundle as they come, and are taken back where the user cannot be read to its end.
 */
#include "move/xep227_read.h"

#include <stdlib.h>
#include <string.h>

#include <prosody-c/jid.h>

#include "util/mem.h"

#define NS_XINCLUDE "http://www.w3.org/2001/XInclude"

/* Elements that hold others (`into`), and those that are taken as a whole (`take`). `enter` gets
 * the attribute `attr`. */
static const struct rule {
	enum xep227_place at;
	const char *ns, *name;
	enum xep227_place into;
	xep227_take_fn *take;
	bool (*enter)(struct xep227_user *u, const char *value);
	const char *attr;
} rules[] = {
	{ AT_ROOT, XEP227_NS, "server-data", AT_SERVER, NULL, NULL, NULL },
	{ AT_SERVER, XEP227_NS, "host", AT_HOST, NULL, NULL, NULL },
	{ AT_HOST, XEP227_NS, "user", AT_USER, NULL, NULL, NULL },
	{ AT_USER, "jabber:iq:roster", "query", AT_ROSTER, NULL, xep227_enter_roster, "ver" },
	{ AT_USER, "jabber:iq:private", "query", AT_PRIVATE, NULL, xep227_enter_private, NULL },
	{ AT_USER, XEP227_NS, "offline-messages", AT_OFFLINE, NULL, xep227_enter_offline, NULL },
	{ AT_USER, XEP227_NS_MAM, "archive", AT_ARCHIVE, NULL, xep227_enter_archive, NULL },
	{ AT_USER, XEP227_NS_OWNER, "pubsub", AT_OWNER, NULL, NULL, NULL },
	{ AT_USER, XEP227_NS_PUBSUB, "pubsub", AT_PUBSUB, NULL, NULL, NULL },
	{ AT_USER, "vcard-temp", "vCard", NOWHERE, xep227_take_vcard, NULL, NULL },
	{ AT_USER, PC_NS_CLIENT, "presence", NOWHERE, xep227_take_request, NULL, NULL },
	{ AT_USER, "jabber:iq:privacy", "query", NOWHERE, xep227_take_privacy, NULL, NULL },
	{ AT_USER, XEP227_NS_BLOCKING, "blocklist", NOWHERE, xep227_take_blocklist, NULL, NULL },
	{ AT_USER, XEP227_NS_SCRAM, "scram-credentials", NOWHERE, xep227_take_scram, NULL, NULL },
	{ AT_USER, XEP227_NS_ACCOUNT, "account", NOWHERE, xep227_take_account, NULL, NULL },
	{ AT_ROSTER, "jabber:iq:roster", "item", NOWHERE, xep227_take_contact, NULL, NULL },
	{ AT_PRIVATE, NULL, NULL, NOWHERE, xep227_take_private, NULL, NULL },
	{ AT_OFFLINE, PC_NS_CLIENT, "message", NOWHERE, xep227_take_message, NULL, NULL },
	{ AT_ARCHIVE, "urn:xmpp:mam:2", "result", NOWHERE, xep227_take_result, NULL, NULL },
	{ AT_OWNER, XEP227_NS_OWNER, "configure", NOWHERE, xep227_take_node, NULL, NULL },
	{ AT_OWNER, XEP227_NS_OWNER, "affiliations", NOWHERE, xep227_take_affiliations, NULL,
	  NULL },
	{ AT_PUBSUB, XEP227_NS_PUBSUB, "items", AT_ITEMS, NULL, xep227_enter_items, "node" },
	{ AT_ITEMS, XEP227_NS_PUBSUB, "item", NOWHERE, xep227_take_item, NULL, NULL },
};

/* ------------------------------------------------------------ messages */

/* From now on faults are those of that line. */
void xep227_at_line(struct xep227_reader *r)
{
	r->m->file = r->path;
	r->m->line = XML_GetCurrentLineNumber(r->parser);
}

static void stop(struct xep227_reader *r, char *why)
{
	if (r->why)
		free(why);
	else
		r->why = why;
	XML_StopParser(r->parser, XML_FALSE);
}

static void note(struct xep227_reader *r, const char *ns, const char *local)
{
	if (r->notes++ < XEP227_NOTES)
		printf("not moved: %s:%lu: <%.100s xmlns='%.200s'/>\n", r->path,
		       (unsigned long)XML_GetCurrentLineNumber(r->parser), local, ns);
}

const char *xep227_attribute(const char **attrs, const char *name)
{
	for (; *attrs; attrs += 2)
		if (strcmp(*attrs, name) == 0)
			return attrs[1];
	return NULL;
}

/* ------------------------------------------------------------ in and out of elements */

static enum xep227_place place_of(const struct xep227_reader *r)
{
	return r->n_places ? r->places[r->n_places - 1] : AT_ROOT;
}

static bool enter_host(struct xep227_reader *r, const char **attrs)
{
	const char *given = xep227_attribute(attrs, "jid");
	char buf[PC_JID_BUF];
	pc_jid jid;

	if (given && pc_jid_parse(given, buf, &jid) == PC_OK && !jid.local && !jid.resource) {
		snprintf(r->host, sizeof(r->host), "%s", jid.domain);
		return true;
	}
	move_fault(r->m, "the host %.200s is no address", given ? given : "without one");
	return false;
}

static bool enter_user(struct xep227_reader *r, const char **attrs)
{
	const char *name = xep227_attribute(attrs, "name");

	r->spoilt = false;
	r->user = name ? xep227_user_new(r->m, r->host, name, xep227_attribute(attrs, "password"),
	                                 r->mtime)
	               : NULL;
	if (r->user == NULL)
		move_fault(r->m, "the user %.200s of %s has a name that no account can have",
		           name ? name : "without a name", r->host);
	return r->user != NULL;
}

static bool enter(struct xep227_reader *r, const struct rule *rule, const char **attrs)
{
	if (rule->into == AT_HOST)
		return enter_host(r, attrs);
	if (rule->into == AT_USER)
		return enter_user(r, attrs);
	return rule->enter == NULL ||
	       rule->enter(r->user, rule->attr ? xep227_attribute(attrs, rule->attr) : NULL);
}

/* `whole` false: it could not be read to its end. */
static void leave(struct xep227_reader *r, bool whole)
{
	enum xep227_place place = r->places[--r->n_places];

	whole = whole && !r->spoilt;
	if (place == AT_USER) {
		if (!whole)
			move_fault(r->m, "%s@%s, with all that belongs to it", r->user->name,
			           r->user->host);
		xep227_user_free(&r->user, whole);
		r->spoilt = false;
	} else if (r->user) {
		xep227_leave(r->user);
	}
}

/* ------------------------------------------------------------ the parser's events */

static bool is_include(const struct xep227_reader *r, const char *ns, const char *local)
{
	enum xep227_place at = place_of(r);

	return (at == AT_SERVER || at == AT_HOST || at == AT_USER) &&
	       strcmp(ns, NS_XINCLUDE) == 0 && strcmp(local, "include") == 0;
}

static const struct rule *rule_of(const struct xep227_reader *r, const char *ns, const char *local)
{
	for (size_t i = 0; i < PC__COUNT(rules); i++)
		if (rules[i].at == place_of(r) &&
		    (rules[i].ns == NULL ||
		     (strcmp(rules[i].ns, ns) == 0 && strcmp(rules[i].name, local) == 0)))
			return &rules[i];
	return NULL;
}

/* An element that no rule knows. */
static void stranger(struct xep227_reader *r, const char *ns, const char *local)
{
	bool part = strcmp(ns, XEP227_NS) == 0 &&
	            (strcmp(local, "host") == 0 || strcmp(local, "user") == 0);

	r->skip = 1;
	if (r->n_places > 0) {
		note(r, ns, local);
		return;
	}
	r->is_part = part && r->many_files;
	stop(r, pc__printf("it is no data of XEP-0227, but <%.100s xmlns='%.200s'/>", local, ns));
}

static void start_known(struct xep227_reader *r, const char *name, const char **attrs)
{
	const char *local;
	char *ns = xep227_split(name, &local);
	const struct rule *rule = rule_of(r, ns, local);

	xep227_at_line(r);
	if (is_include(r, ns, local)) {
		r->skip = 1;
		xep227_include(r, attrs);
	} else if (rule == NULL) {
		stranger(r, ns, local);
	} else if (rule->take) {
		r->take = rule->take;
		r->text_line = r->m->line;
		xep227_text_start(&r->text, name, attrs);
	} else if (enter(r, rule, attrs)) {
		r->places[r->n_places++] = rule->into;
		r->found = true;
	} else {
		r->skip = 1;
	}
	free(ns);
}

static void on_start(void *data, const char *name, const char **attrs)
{
	struct xep227_reader *r = data;

	if (++r->depth >= XEP227_DEPTH_MAX) {
		stop(r, pc__strdup("elements are nested too deeply"));
		return;
	}
	if (r->skip)
		r->skip++;
	else if (r->text.depth)
		xep227_text_start(&r->text, name, attrs);
	else
		start_known(r, name, attrs);
}

static void take(struct xep227_reader *r)
{
	bool full = r->text.too_large;
	pc_stanza *st = xep227_text_take(&r->text);

	xep227_at_line(r);
	r->m->line = r->text_line;
	if (st)
		r->take(r->user, st);
	else
		move_fault(r->m, "the element is %s",
		           full ? "too large" : "one that the server would not read");
}

static void on_end(void *data, const char *name)
{
	struct xep227_reader *r = data;

	r->depth--;
	if (r->skip) {
		r->skip--;
	} else if (r->text.depth == 0) {
		xep227_at_line(r);
		leave(r, true);
	} else if (xep227_text_end(&r->text, name)) {
		take(r);
	}
}

static void on_text(void *data, const char *text, int len)
{
	struct xep227_reader *r = data;

	if (r->text.depth)
		xep227_text_add(&r->text, text, (size_t)len);
}

static void on_doctype(void *data, const char *name, const char *system, const char *public,
                       int internal)
{
	(void)name, (void)system, (void)public, (void)internal;
	stop(data, pc__strdup("it has a DTD"));
}

void xep227_make_parser(struct xep227_reader *r)
{
	r->parser = XML_ParserCreateNS(NULL, XEP227_SEP);
	if (r->parser == NULL)
		abort();
	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, on_start, on_end);
	XML_SetCharacterDataHandler(r->parser, on_text);
	XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
}

/* What is open goes, down to where the file began. */
void xep227_unwind(struct xep227_reader *r, unsigned n_places)
{
	xep227_text_free(&r->text);
	r->skip = 0;
	while (r->n_places > n_places)
		leave(r, false);
	if (r->user)
		r->spoilt = true;
}

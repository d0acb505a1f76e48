/*
 * link.c - the links of an invitation: its URI (RFC 5122, XEP-0147), and the page of
 * `invites_page`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "invites.h"

/* A text that grows; out of memory ends the process. */
struct text {
	char *p;
	FILE *f;
	size_t len;
};

static void text_open(struct text *t)
{
	t->f = open_memstream(&t->p, &t->len);
	if (t->f == NULL)
		abort();
}

static char *text_close(struct text *t)
{
	if (fclose(t->f) != 0)
		abort();
	return t->p;
}

/* RFC 3986 section 2.3: what needs no escaping anywhere. */
static void put_escaped(struct text *t, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	                            "0123456789-._~";

	for (; *text; text++)
		if (strchr(plain, *text))
			fputc(*text, t->f);
		else
			fprintf(t->f, "%%%02X", (unsigned char)*text);
}

static void put_action(struct text *t, const pc_invite *invite)
{
	fputs(invite->kind == PC_INVITE_CONTACT ? "?roster;preauth=" : "?register;preauth=", t->f);
	put_escaped(t, invite->token);
	if (invite->kind == PC_INVITE_CONTACT && invite->registers)
		fputs(";ibr=y", t->f);
}

char *link_uri(pc_module *owner, const pc_invite *invite)
{
	const char *user = invite->kind == PC_INVITE_CONTACT ? invite->inviter : invite->username;
	struct text t;

	text_open(&t);
	fputs("xmpp:", t.f);
	if (user) {
		put_escaped(&t, user);
		fputc('@', t.f);
	}
	put_escaped(&t, pc_module_host_name(owner));
	put_action(&t, invite);
	return text_close(&t);
}

/* What a page may say that it is for, as Prosody's option names it. */
static const char *page_kind(const pc_invite *invite)
{
	switch (invite->kind) {
	case PC_INVITE_ACCOUNT:
		return "account";
	case PC_INVITE_CONTACT:
		return invite->registers ? "account-and-contact" : "contact";
	default:
		return "password-reset";
	}
}

/* The text for a name in braces; NULL: it stays as it is. */
static const char *value_of(const char *name, size_t len, const char *const values[])
{
	for (size_t i = 0; values[i]; i += 2)
		if (strlen(values[i]) == len && memcmp(values[i], name, len) == 0)
			return values[i + 1];
	return NULL;
}

char *link_landing(pc_module *owner, const pc_invite *invite, const char *uri)
{
	const char *page = pc_opt_str(owner, "invites_page"), *end, *value;
	const char *const values[] = { "invite.token",
		                       invite->token,
		                       "invite.uri",
		                       uri,
		                       "host",
		                       pc_module_host_name(owner),
		                       NULL };
	struct text t;

	if (page == NULL || !pc_opt_has(owner, "invites_page_supports", page_kind(invite)))
		return NULL;
	text_open(&t);
	for (; *page; page++) {
		end = *page == '{' ? strchr(page, '}') : NULL;
		value = end ? value_of(page + 1, (size_t)(end - page - 1), values) : NULL;
		if (value == NULL) {
			fputc(*page, t.f);
			continue;
		}
		put_escaped(&t, value);
		page = end;
	}
	return text_close(&t);
}

void link_tell(const pc_invites *invites, const struct record *r, pc_invite_fn *fn, void *data)
{
	pc_module *owner = invites_owner(invites);
	pc_invite invite = r->invite;
	char *uri, *landing;

	if (owner == NULL) {
		fn(PC_ENOTSUP, NULL, data);
		return;
	}
	invite.token = r->token;
	invite.uri = uri = link_uri(owner, &invite);
	invite.landing_url = landing = link_landing(owner, &invite, uri);
	fn(PC_OK, &invite, data);
	free(uri);
	free(landing);
}

/*
 * record.c - an invitation as it is stored, and back.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "invites.h"

static const char *const kinds[] = { "account", "contact", "reset" };
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void set_time(pc_stanza *st, const char *attr, int64_t when)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, when);
	pc_stanza_set(st, attr, text);
}

static int64_t get_time(const pc_stanza *st, const char *attr)
{
	const char *text = pc_stanza_get(st, attr);

	return text ? strtoll(text, NULL, 10) : 0;
}

static void set_flag(pc_stanza *st, const char *attr, bool flag)
{
	pc_stanza_set(st, attr, flag ? "1" : NULL);
}

char *record_write(const pc_invite *invite, const char *claimed_by, int64_t claimed)
{
	pc_stanza *st = pc_stanza_new("invite", NULL);
	char *text;

	pc_stanza_set(st, "kind", kinds[invite->kind]);
	pc_stanza_set(st, "username", invite->username);
	pc_stanza_set(st, "inviter", invite->inviter);
	pc_stanza_set(st, "role", invite->role);
	set_flag(st, "subscribes", invite->subscribes);
	set_flag(st, "registers", invite->registers);
	set_flag(st, "reusable", invite->reusable);
	set_time(st, "created", invite->created);
	set_time(st, "expires", invite->expires);
	pc_stanza_set(st, "claimed-by", claimed_by);
	if (claimed_by)
		set_time(st, "claimed", claimed);
	text = pc_stanza_write(st, NULL);
	pc_stanza_free(&st);
	return text;
}

static bool read_kind(const char *text, pc_invite_kind *kind_r)
{
	for (size_t i = 0; text && i < N_KINDS; i++) {
		if (strcmp(kinds[i], text) != 0)
			continue;
		*kind_r = (pc_invite_kind)i;
		return true;
	}
	return false;
}

bool record_read(struct record *r, const char *token, const char *text, size_t len)
{
	pc_stanza *st = pc_stanza_parse(text, len);
	pc_invite_kind kind;

	*r = (struct record){ .tree = st };
	if (st == NULL || strlen(token) >= sizeof(r->token) ||
	    !read_kind(pc_stanza_get(st, "kind"), &kind)) {
		record_free(r);
		return false;
	}
	memcpy(r->token, token, strlen(token) + 1);
	r->claimed = get_time(st, "claimed");
	r->invite = (pc_invite){ .size = sizeof(pc_invite),
		                 .kind = kind,
		                 .username = pc_stanza_get(st, "username"),
		                 .inviter = pc_stanza_get(st, "inviter"),
		                 .role = pc_stanza_get(st, "role"),
		                 .subscribes = pc_stanza_get(st, "subscribes") != NULL,
		                 .registers = pc_stanza_get(st, "registers") != NULL,
		                 .reusable = pc_stanza_get(st, "reusable") != NULL,
		                 .created = get_time(st, "created"),
		                 .expires = get_time(st, "expires"),
		                 .claimed_by = pc_stanza_get(st, "claimed-by") };
	return true;
}

void record_free(struct record *r)
{
	pc_stanza_free(&r->tree);
}

bool token_is_possible(const char *text)
{
	size_t len = text ? strlen(text) : 0;

	return len == TOKEN_SIZE - 1 &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
	               len;
}

void name_key(const char *username, char out[static NAME_KEY_SIZE])
{
	snprintf(out, NAME_KEY_SIZE, ":%s", username);
}

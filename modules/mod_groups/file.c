#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE " \t\r\n"
#define NAME_MAX 1023 /* bytes of a name, as in rosters */

static void *must(void *memory)
{
	if (memory == NULL)
		abort(); /* out of memory ends the process */
	return memory;
}

/* ------------------------------------------------------------ making */

static struct group *group_for(struct groups *g, const char *name, bool is_public)
{
	struct group *group;

	for (size_t i = 0; i < g->n; i++) {
		if (strcmp(g->at[i].name, name) != 0)
			continue;
		g->at[i].is_public |= is_public;
		return &g->at[i];
	}
	g->at = must(realloc(g->at, (g->n + 1) * sizeof(*g->at)));
	group = &g->at[g->n++];
	*group = (struct group){ .name = must(strdup(name)), .is_public = is_public };
	return group;
}

/* Whoever is named twice has the name of the last time. */
static void add_line(struct group *group, const char *jid, const char *name)
{
	struct line *l = NULL;

	HASH_FIND_STR(group->lines, jid, l);
	if (l == NULL) {
		l = must(calloc(1, sizeof(*l)));
		l->jid = must(strdup(jid));
		HASH_ADD_KEYPTR(hh, group->lines, l->jid, strlen(l->jid), l);
	}
	free(l->name);
	l->name = *name ? must(strdup(name)) : NULL;
}

static void add_member(struct groups *g, const char *jid, size_t group)
{
	struct member *member = NULL;

	HASH_FIND_STR(g->members, jid, member);
	if (member == NULL) {
		member = must(calloc(1, sizeof(*member)));
		member->jid = jid;
		HASH_ADD_KEYPTR(hh, g->members, member->jid, strlen(jid), member);
	}
	member->groups = must(realloc(member->groups, (member->n + 1) * sizeof(size_t)));
	member->groups[member->n++] = group;
	member->is_public |= g->at[group].is_public;
}

static void add_members(struct groups *g)
{
	struct line *l, *next;

	for (size_t i = 0; i < g->n; i++)
		HASH_ITER(hh, g->at[i].lines, l, next)
	add_member(g, l->jid, i);
}

const struct member *groups_member(const struct groups *g, const char *jid)
{
	struct member *member = NULL;

	HASH_FIND_STR(g->members, jid, member);
	return member;
}

void groups_free(struct groups **groups)
{
	struct groups *g = *groups;
	struct member *member, *next_member;
	struct line *l, *next;

	*groups = NULL;
	if (g == NULL)
		return;
	HASH_ITER(hh, g->members, member, next_member)
	{
		HASH_DEL(g->members, member);
		free(member->groups);
		free(member);
	}
	for (size_t i = 0; i < g->n; i++) {
		HASH_ITER(hh, g->at[i].lines, l, next)
		{
			HASH_DEL(g->at[i].lines, l);
			free(l->jid);
			free(l->name);
			free(l);
		}
		free(g->at[i].name);
	}
	free(g->at);
	free(g);
}

/* ------------------------------------------------------------ reading */

/* Without the white space around it. */
static char *trim(char *text)
{
	size_t len;

	text += strspn(text, SPACE);
	for (len = strlen(text); len > 0 && strchr(SPACE, text[len - 1]); len--)
		text[len - 1] = '\0';
	return text;
}

/* NULL, or what is wrong with it. */
static const char *read_heading(struct groups *g, char *text, size_t *group_r)
{
	size_t len = strlen(text);
	bool is_public;

	if (text[len - 1] != ']')
		return "the heading has no end";
	text[len - 1] = '\0';
	text = trim(text + 1);
	is_public = *text == '+';
	text += is_public;
	if (*text == '\0' || strlen(text) > NAME_MAX)
		return "the group has no name, or one that is too long";
	*group_r = (size_t)(group_for(g, text, is_public) - g->at);
	return NULL;
}

static const char *read_member(struct group *group, char *text)
{
	char *equals = strchr(text, '='), buf[PC_JID_BUF], bare[PC_JID_MAX + 1];
	const char *name = equals ? trim(equals + 1) : "";
	pc_jid jid;

	if (equals)
		*equals = '\0';
	if (pc_jid_parse(trim(text), buf, &jid) != PC_OK || jid.local == NULL || jid.resource)
		return "that is not the address of an account";
	if (strlen(name) > NAME_MAX)
		return "the name is too long";
	pc_jid_write_bare(&jid, bare);
	add_line(group, bare, name);
	return NULL;
}

static void read_lines(pc_module *m, const char *path, FILE *f, struct groups *g)
{
	size_t size = 0, group = SIZE_MAX;
	unsigned number = 0;
	char *line = NULL;

	while (getline(&line, &size, f) >= 0) {
		char *text = trim(line);
		const char *fault = NULL;

		number++;
		if (*text == '\0' || *text == '#' || *text == ';')
			continue;
		if (*text != '[' && group == SIZE_MAX)
			group = (size_t)(group_for(g, "default", false) - g->at);
		fault = *text == '[' ? read_heading(g, text, &group)
		                     : read_member(&g->at[group], text);
		if (fault)
			pc_log(m, PC_WARN, "%s:%u: %s", path, number, fault);
	}
	free(line);
}

struct groups *groups_read(pc_module *m, const char *path)
{
	FILE *f = fopen(path, "re");
	struct groups *g = NULL;

	if (f) {
		g = must(calloc(1, sizeof(*g)));
		read_lines(m, path, f, g);
		if (ferror(f))
			groups_free(&g);
	}
	if (g == NULL)
		pc_log(m, PC_ERROR, "%s cannot be read: %s", path, strerror(errno));
	else
		add_members(g);
	if (f)
		fclose(f);
	return g;
}

/*
 * file.h - the file that groups_file names.
 *
 *   [Friends]                  a group; its members have each other in their rosters
 *   romeo@example.org=Romeo    a member, and what the others call him
 *   juliet@example.org
 *   [+Help]                    public: everybody has its members
 *   # a comment
 *
 * Members before the first heading are of the group "default".
 */
#pragma once

#include <prosody-c/prosody-c.h>
#include <prosody-c/table.h>

struct line {
	UT_hash_handle hh;
	char *jid, *name; /* name NULL: none */
};
struct group {
	char *name;
	bool is_public;
	struct line *lines; /* by address */
};
/* In which groups somebody is. */
struct member {
	UT_hash_handle hh;
	const char *jid; /* of a line */
	size_t *groups, n;
	bool is_public; /* one of them is */
};
struct groups {
	struct group *at;
	size_t n;
	struct member *members;
};

/* NULL: it cannot be read, which is in the log, as are lines that mean nothing. */
struct groups *groups_read(pc_module *m, const char *path);
void groups_free(struct groups **g);
const struct member *groups_member(const struct groups *g, const char *jid);

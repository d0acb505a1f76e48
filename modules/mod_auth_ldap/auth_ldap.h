/*
 * auth_ldap.h - what the files of mod_auth_ldap share.
 *
 *   auth_ldap.c   options, the providers
 *   reading.c     ldap_mode "getpasswd": keys of passwords that the directory hands out
 *   directory.c   questions to the directory
 *   link.c        one connection
 *   servers.c     ldap_server
 *   filter.c      ldap_filter
 */
#pragma once

#include <prosody-c/prosody-c.h>

#include "directory.h"

struct auth {
	struct directory directory;
	pc_store *store;
	uint8_t secret[32]; /* of salts */
	char new_secret[65];
};

static inline struct auth *auth_of(pc_module *m)
{
	return pc_module_data(m);
}

/* Somebody who asked. */
struct asked {
	pc_module *m;
	pc_done_fn *fn;
	pc_keys_fn *keys_fn;
	void *data;
	int err;
	pc_scram_keys keys;
	char user[PC_JID_PART_MAX + 1];
	char password[PC_JID_PART_MAX + 1];
};

struct asked *asked_new(pc_module *m, void *data);
void asked_free(struct asked *a); /* wiped */
/* Ends by fn, later. */
void asked_refuse(struct asked *a, int err);

void reading_load(pc_module *m);
void reading_check(pc_module *m, const char *user, const char *password, pc_done_fn *fn,
                   void *data);
void reading_keys(pc_module *m, const char *user, pc_scram_hash hash, pc_keys_fn *fn, void *data);

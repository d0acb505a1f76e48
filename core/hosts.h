/*
 * hosts.h - the host of pc_host: a domain with its bus of events, its modules, its users.
 */
#pragma once

#include <prosody-c/prosody-c.h>

struct pc__bus;
struct pc__user;

struct pc_host {
	const char *name;
	pc_host_type type;
	struct pc__bus *bus;
	pc_module *modules;          /* in the order of loading */
	struct pc__user *users;      /* connected accounts by name: session_table.h */
	size_t n_sessions;
	bool active;
	struct pc__role_table *roles;   /* roles.h */
	void *stores;                   /* stores.h: drivers opened for this host */
	pc_host *next;
};

/* All hosts, in the order of the configuration. */
pc_host *pc__hosts_first(void);

/*
 * hosts.h - the host of pc_host: a domain with its bus of events, its modules, its users.
 *
 * Life: made from the configuration, activated (modules loaded, host-activated), deactivated at a
 * stop or when it leaves the configuration.
 */
#pragma once

#include <prosody-c/prosody-c.h>

struct pc__bus;
struct pc__item;
struct pc__user;
struct pc__permission;
struct pc__roster_cache;

struct pc_host {
	const char *name;
	pc_host_type type;
	struct pc__bus *bus;
	pc_module *modules;     /* in the order of loading */
	struct pc__item *items; /* items.c */
	struct pc__user *users; /* connected accounts by name: session_table.c */
	size_t n_sessions;      /* connected */
	bool active;
	bool announced;                     /* modules that follow hosts were told of it */
	bool self_signed;                   /* its certificate was made here: certs.c */
	bool borrows_cert;                  /* its certificate is that of a domain above it */
	struct pc__permission *permissions; /* roles.c */
	struct pc__role *roles;             /* roles.c: those of the configuration */
	struct pc__roster_cache *rosters;   /* rosters.c */
	struct pc__removals *removals;      /* removals.c */
	void *stores;                       /* stores.c */
	char *component_module;             /* of Components; NULL for VirtualHosts */
	pc_host *next;
};

/* All hosts, in the order of the configuration. */
pc_host *pc__hosts_first(void);
/* Makes and activates the hosts of the configuration in use; those that left it are closed. Called
 * at the start and after a reload. */
void pc__hosts_setup(void);
/* Deactivates all, last host first. */
void pc__hosts_free_modules(void);
/* Frees them, when nothing can call back any more. */
void pc__hosts_free(void);

/*
 * catalog.h - the modules that there are, loaded or not, and what they say of themselves.
 *
 * Reading it opens every module file, and code that was opened stays in memory: it is for programs
 * that do not serve (inspect.h), and for nothing else.
 */
#pragma once

#include <prosody-c/module.h>

struct pc__catalog_entry {
	char *name;
	const pc_module_def *def; /* NULL: it cannot be opened */
	char *error;              /* why not */
};

struct pc__catalog {
	struct pc__catalog_entry *at; /* sorted by name */
	size_t n;
};

/* From the folders that the loader knows. */
void pc__catalog_read(struct pc__catalog *c);
void pc__catalog_free(struct pc__catalog *c);
const struct pc__catalog_entry *pc__catalog_find(const struct pc__catalog *c, const char *name);

/* ---- what the core says of itself, in the tables that modules have. Each ends with {0}; its
 * options are pc__core_options (config.h), its events pc__core_events (events.h). */

extern const pc_store_decl pc__core_stores[];
/* Names as they are counted, without "prosody_"; SERVICE stands for the name of any service. */
extern const pc_metric_decl pc__core_metrics[];
/* Roles from the least to the most; `role` is not used. */
extern const pc_permission pc__core_roles[];

#include "catalog.h"

#include <stdlib.h>
#include <string.h>

#include "loader.h"
#include "util/mem.h"

const pc_store_decl pc__core_stores[] = {
	{ "roster", PC_STORE_MAP, "Contacts, subscriptions, requests that wait" },
	{ "cron", PC_STORE_MAP, "When regular tasks ran last" },
	{ "journal", PC_STORE_MAP,
	  "Of no host: the last write that was also noted in the journal" },
	{ 0 },
};

const pc_metric_decl pc__core_metrics[] = {
	{ "loop_turn_seconds", PC_HISTOGRAM, "Time of a turn of the main loop" },
	{ "journal_bytes", PC_GAUGE, "What of sessions and writes would outlive the process now" },
	{ "SERVICE_connections_refused", PC_COUNTER,
	  "Connections of addresses that have too many already" },
	{ 0 },
};

const pc_permission pc__core_roles[] = {
	{ .action = "prosody:guest", .help = "Anybody, strangers too" },
	{ .action = "prosody:registered", .help = "An account of the host" },
	{ .action = "prosody:member", .help = "An account that is more than registered" },
	{ .action = "prosody:admin", .help = "Whom `admins` of the host names" },
	{ .action = "prosody:operator", .help = "Whom the global `admins` names" },
	{ 0 },
};

void pc__catalog_read(struct pc__catalog *c)
{
	char **names = pc__loader_names();

	*c = (struct pc__catalog){ NULL, 0 };
	for (size_t i = 0; names[i]; i++) {
		struct pc__catalog_entry e = { .name = names[i] };
		struct pc__file *file = pc__file_open(names[i], false, &e.error);

		e.def = file ? pc__file_def(file) : NULL;
		c->at = pc__realloc(c->at, (c->n + 1) * sizeof(*c->at));
		c->at[c->n++] = e;
	}
	free(names);
}

void pc__catalog_free(struct pc__catalog *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->at[i].name);
		free(c->at[i].error);
	}
	pc__free(&c->at);
	c->n = 0;
}

const struct pc__catalog_entry *pc__catalog_find(const struct pc__catalog *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->at[i].name, name) == 0)
			return &c->at[i];
	return NULL;
}

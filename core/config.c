/*
 * config.c - the configuration in use: what was written, by host and name.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "util/mem.h"

static pc__config *in_use;
static uint64_t number = 1;

/* Where the file lies; what does not exist lies nowhere, and reading it fails later. */
static char *folder_of(const char *file)
{
	char *path = realpath(file, NULL), *slash;

	if (path == NULL)
		return pc__strdup(".");
	slash = strrchr(path, '/');
	slash[slash == path] = '\0';
	return path;
}

pc__config *pc__config_new(const char *file)
{
	pc__config *config = pc__alloc(sizeof(*config));
	char *dir = folder_of(file);

	config->arena = pc__arena_new(4096);
	config->dir = pc__arena_strndup(config->arena, dir, strlen(dir));
	config->global.host.name = "";
	free(dir);
	return config;
}

/* Everything but the tables lies in the arena. */
static void clear(struct pc__host_options *part)
{
	HASH_CLEAR(hh, part->entries);
	pc__resolved_clear(part);
}

void pc__config_free(pc__config **config)
{
	if (*config == NULL)
		return;
	for (struct pc__host_options *part = (*config)->hosts; part; part = part->hh.next)
		clear(part);
	HASH_CLEAR(hh, (*config)->hosts);
	clear(&(*config)->global);
	pc__arena_free(&(*config)->arena);
	pc__free(config);
}

void pc__config_use(pc__config *config)
{
	pc__config_free(&in_use);
	in_use = config;
	number++;
}

uint64_t pc__config_number(void)
{
	return number;
}

pc__config *pc__config_in_use(void)
{
	if (in_use == NULL)
		in_use = pc__config_new("./prosody-c.conf");
	return in_use;
}

struct pc__host_options *pc__config_part(pc__config *config, const char *host)
{
	struct pc__host_options *part = NULL;

	if (host)
		HASH_FIND_STR(config->hosts, host, part);
	return part ? part : &config->global;
}

struct pc__entry *pc__config_entry(const struct pc__host_options *part, const char *name)
{
	struct pc__entry *e;

	HASH_FIND_STR(part->entries, name, e);
	return e && e->value.type != PC__NIL ? e : NULL;
}

const pc__value *pc__config_get_own(const char *host, const char *name)
{
	pc__config *config = pc__config_in_use();
	struct pc__host_options *part = pc__config_part(config, host);
	struct pc__entry *e;

	if (host && part == &config->global)
		return NULL;
	e = pc__config_entry(part, name);
	return e ? &e->value : NULL;
}

const pc__value *pc__config_get(const char *host, const char *name)
{
	const pc__value *own = host ? pc__config_get_own(host, name) : NULL;

	return own ? own : pc__config_get_own(NULL, name);
}

const pc__config_host *pc__config_hosts(size_t *n_r)
{
	*n_r = pc__config_in_use()->n_hosts;
	return pc__config_in_use()->list;
}

const char *pc__config_dir(void)
{
	return pc__config_in_use()->dir;
}

static int by_name(const void *name, const void *field)
{
	return strcmp(name, ((const struct pc__field *)field)->name);
}

const pc__value *pc__value_field(const pc__value *table, const char *name)
{
	struct pc__field *field;

	if (table == NULL || table->n_fields == 0)
		return NULL;
	field = bsearch(name, table->fields, table->n_fields, sizeof(*table->fields), by_name);
	return field ? &field->value : NULL;
}

static void each_of(const struct pc__host_options *part, const char *host, pc__config_each_fn *fn,
                    void *data)
{
	for (struct pc__entry *e = part->entries; e; e = e->hh.next)
		if (e->value.type != PC__NIL)
			fn(host, e->name, &e->value, data);
}

void pc__config_each(pc__config *config, pc__config_each_fn *fn, void *data)
{
	if (config == NULL)
		config = pc__config_in_use();
	each_of(&config->global, NULL, fn, data);
	for (struct pc__host_options *part = config->hosts; part; part = part->hh.next)
		each_of(part, part->host.name, fn, data);
}

/*
 * enabled.c - which modules a host gets: modules_enabled, modules_disabled, and what is always
 * there.
 */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "hosts.h"
#include "log.h"
#include "modules.h"
#include "util/mem.h"

/* As Prosody: loaded on every VirtualHost unless modules_disabled names them. This and the list
 * below are the configuration's defaults, not the core's knowledge of modules. */
static const char always[] = "message presence iq stamps";
/* What a Component takes from the global list of modules. */
static const char inherited[] = "iq server_contact_info limits";
/* Global modules that run unless disabled. */
static const char always_global[] = "c2s admin_shell admin_socket";

struct names {
	char *at[256];
	size_t n;
};

static bool has(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->at[i], name) == 0)
			return true;
	return false;
}

static void add(struct names *names, const char *name)
{
	if (names->n < PC__COUNT(names->at) && !has(names, name))
		names->at[names->n++] = pc__strdup(name);
}

static void drop(struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++) {
		if (strcmp(names->at[i], name) != 0)
			continue;
		free(names->at[i]);
		memmove(&names->at[i], &names->at[i + 1], (--names->n - i) * sizeof(names->at[0]));
		return;
	}
}

static void add_words(struct names *names, const char *words)
{
	while (*words) {
		size_t len = strcspn(words, " ");
		char *word = pc__strndup(words, len);

		add(names, word);
		free(word);
		words += len + strspn(words + len, " ");
	}
}

/* "tls" and "mod_tls" are the same to people. */
static const char *plain_name(const char *name)
{
	return strncmp(name, "mod_", 4) == 0 ? name + 4 : name;
}

static void each_of(const char *host, const char *option, struct names *names,
                    void (*fn)(struct names *names, const char *name))
{
	const pc__value *v = host ? pc__config_get_own(host, option) : pc__config_get(NULL, option);

	if (v == NULL)
		return;
	if (v->type == PC__STRING)
		fn(names, plain_name(v->s));
	for (size_t i = 0; i < v->n_list; i++)
		if (v->list[i].type == PC__STRING)
			fn(names, plain_name(v->list[i].s));
}

static void wanted_by_virtual_host(const char *host, struct names *names)
{
	add_words(names, always);
	each_of(NULL, "modules_enabled", names, add);
	each_of(NULL, "modules_disabled", names, drop);
	each_of(host, "modules_enabled", names, add);
	each_of(host, "modules_disabled", names, drop);
}

static void wanted_by_component(const pc_host *host, struct names *names)
{
	struct names global = { { NULL }, 0 }, mine = { { NULL }, 0 };

	add(names, host->component_module);
	each_of(NULL, "modules_enabled", &global, add);
	add_words(&global, always);
	add_words(&mine, inherited);
	for (size_t i = 0; i < mine.n; i++)
		if (has(&global, mine.at[i]))
			add(names, mine.at[i]);
	each_of(host->name, "modules_enabled", names, add);
	each_of(host->name, "modules_disabled", names, drop);
	while (global.n > 0)
		free(global.at[--global.n]);
	while (mine.n > 0)
		free(mine.at[--mine.n]);
}

static void load_all(pc_host *host, struct names *names)
{
	for (size_t i = 0; i < names->n; i++) {
		pc__modules_need(host, names->at[i]);
		free(names->at[i]);
	}
}

/* The provider of accounts comes by the option `authentication`, before what asks for it. */
static void load_authentication(pc_host *host)
{
	char *name = pc__printf("auth_%s", pc__opt_str(host->name, "authentication"));

	pc__modules_need(host, name);
	free(name);
}

void pc__modules_load_enabled(pc_host *host)
{
	struct names names = { { NULL }, 0 };

	if (host == NULL) {
		add_words(&names, always_global);
		each_of(NULL, "modules_disabled", &names, drop);
	} else if (host->type == PC_COMPONENT_HOST) {
		wanted_by_component(host, &names);
	} else {
		load_authentication(host);
		wanted_by_virtual_host(host->name, &names);
	}
	load_all(host, &names);
}

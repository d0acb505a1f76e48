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
#include "option_names.h"
#include "util/mem.h"

/* As Prosody: loaded on every VirtualHost unless modules_disabled names them. This and the list
 * below are the configuration's defaults, not the core's knowledge of modules. */
static const char always[] = "message presence iq stamps s2s";
/* What a Component takes from the global list of modules. */
static const char inherited[] = "iq server_contact_info limits s2s";
/* Global modules that run unless disabled. */
static const char always_global[] = "c2s admin_shell admin_socket watch";

struct name {
	char *name;
	const pc__value *list; /* that names it; NULL: it is there by default */
};

struct names {
	struct name at[256];
	size_t n;
};

static bool has(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->at[i].name, name) == 0)
			return true;
	return false;
}

static void add(struct names *names, const char *name, const pc__value *list)
{
	if (names->n < PC__COUNT(names->at) && !has(names, name))
		names->at[names->n++] = (struct name){ pc__strdup(name), list };
}

static void drop(struct names *names, const char *name, const pc__value *list)
{
	(void)list;
	for (size_t i = 0; i < names->n; i++) {
		if (strcmp(names->at[i].name, name) != 0)
			continue;
		free(names->at[i].name);
		memmove(&names->at[i], &names->at[i + 1], (--names->n - i) * sizeof(names->at[0]));
		return;
	}
}

static void clear(struct names *names)
{
	while (names->n > 0)
		free(names->at[--names->n].name);
}

static void add_words(struct names *names, const char *words)
{
	while (*words) {
		size_t len = strcspn(words, " ");
		char *word = pc__strndup(words, len);

		add(names, word, NULL);
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
                    void (*fn)(struct names *names, const char *name, const pc__value *list))
{
	const pc__value *v = host ? pc__config_get_own(host, option) : pc__config_get(NULL, option);

	if (v == NULL)
		return;
	if (v->type == PC__STRING)
		fn(names, plain_name(v->s), v);
	for (size_t i = 0; i < v->n_list; i++)
		if (v->list[i].type == PC__STRING)
			fn(names, plain_name(v->list[i].s), v);
}

static void wanted_by_virtual_host(const char *host, struct names *names)
{
	add_words(names, always);
	each_of(NULL, "modules_enabled", names, add);
	each_of(NULL, "modules_disabled", names, drop);
	each_of(host, "modules_enabled", names, add);
	each_of(host, "modules_disabled", names, drop);
}

static void wanted_by_component(const char *host, const char *module, struct names *names)
{
	struct names global = { .n = 0 }, mine = { .n = 0 };

	add(names, module, NULL);
	add_words(&global, always);
	each_of(NULL, "modules_enabled", &global, add);
	each_of(NULL, "modules_disabled", &global, drop);
	add_words(&mine, inherited);
	for (size_t i = 0; i < mine.n; i++)
		if (has(&global, mine.at[i].name))
			add(names, mine.at[i].name, NULL);
	each_of(host, "modules_enabled", names, add);
	each_of(host, "modules_disabled", names, drop);
	clear(&global);
	clear(&mine);
}

void pc__enabled_each(const char *host, const char *component_module, pc__enabled_fn *fn,
                      void *data)
{
	struct names names = { .n = 0 };

	if (host == NULL) {
		add_words(&names, always_global);
		each_of(NULL, "modules_disabled", &names, drop);
	} else if (component_module) {
		wanted_by_component(host, component_module, &names);
	} else {
		wanted_by_virtual_host(host, &names);
	}
	for (size_t i = 0; i < names.n; i++)
		fn(names.at[i].name, names.at[i].list, data);
	clear(&names);
}

/* ------------------------------------------------------------ named, and no modules here */

static bool names_it(const char *host, const char *option, const char *name)
{
	struct names names = { .n = 0 };
	bool is;

	each_of(host, option, &names, add);
	is = has(&names, name);
	clear(&names);
	return is;
}

bool pc__enabled_says_no(const char *host, const char *option)
{
	const char *name = pc__module_of_option(option);

	if (name == NULL)
		return false;
	if (host && names_it(host, "modules_disabled", name))
		return true;
	return names_it(NULL, "modules_disabled", name) &&
	       !(host && names_it(host, "modules_enabled", name));
}

/* ------------------------------------------------------------ loading */

/* What was a module once, or is one in Prosody alone, is nothing to be alarmed about. */
static void tell_failed(const pc_host *host, const char *name, const pc__value *list,
                        const char *error)
{
	const char *note = pc__module_old(name);
	char where[300];

	pc__value_item_place(list, "modules_enabled", name, where, sizeof(where));
	if (note)
		pc__log("modules", PC_INFO, "%s: module %s is not needed: %s", where, name, note);
	else
		pc__log("modules", PC_ERROR, "%s: module %s cannot be loaded for %s: %s", where,
		        name, host->name, error);
}

static void load(const char *name, const pc__value *list, void *data)
{
	pc_host *host = data;
	char *error = NULL;
	int err;

	if (list == NULL) {
		pc__modules_need(host, name);
		return;
	}
	err = pc__module_load(host, name, &error);
	if (err != PC_OK)
		tell_failed(host, name, list, error ? error : pc_strerror(err));
	free(error);
}

/* The providers of accounts and of their roles come by options, before what asks for them. */
static void load_provider(pc_host *host, const char *prefix, const char *option)
{
	char *name = pc__printf("%s_%s", prefix, pc__opt_str(host->name, option));

	pc__modules_need(host, name);
	free(name);
}

void pc__modules_load_enabled(pc_host *host)
{
	if (host && host->type == PC_VIRTUAL_HOST) {
		load_provider(host, "authz", "authorization");
		load_provider(host, "auth", "authentication");
	}
	pc__enabled_each(host ? host->name : NULL, host ? host->component_module : NULL, load,
	                 host);
}

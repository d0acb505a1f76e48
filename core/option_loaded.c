/*
 * option_loaded.c - what the modules that are loaded know of the configuration in use.
 */
#include <stdlib.h>

#include "hosts.h"
#include "log.h"
#include "modules.h"
#include "options.h"
#include "util/mem.h"

/* The tables of the modules that are loaded, each once. */
struct tables {
	struct pc__option_source *at;
	size_t n;
};

static void add(struct tables *t, const pc_module_def *def)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->at[i].table == def->options)
			return;
	t->at = pc__realloc(t->at, (t->n + 1) * sizeof(*t->at));
	t->at[t->n++] = (struct pc__option_source){ def->options, def->name, true };
}

static void add_modules(struct tables *t, const pc_host *host)
{
	for (pc_module *m = pc__modules_of(host); m; m = m->next)
		if (m->def->options)
			add(t, m->def);
}

static bool source_at(size_t index, void *data, struct pc__option_source *source_r)
{
	const struct tables *t = data;

	if (index < t->n)
		*source_r = t->at[index];
	return index < t->n;
}

static void warn(pc__severity severity, const char *text, void *data)
{
	(void)data;
	pc__log("config", severity == PC__NOTE ? PC_DEBUG : PC_WARN, "%s", text);
}

void pc__config_warn_unknown(void)
{
	struct tables t = { NULL, 0 };

	add_modules(&t, NULL);
	for (pc_host *h = pc__hosts_first(); h; h = h->next)
		add_modules(&t, h);
	pc__config_check(
	        NULL, &(struct pc__option_check){ .sources = source_at, .tell = warn, .data = &t });
	free(t.at);
}

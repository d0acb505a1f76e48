/*
 * config_commands.c - commands about the configuration, and what the modules that are loaded know
 * of it.
 */
#include <stdlib.h>

#include "commands.h"
#include "hosts.h"
#include "log.h"
#include "modules.h"
#include "options.h"
#include "start.h"
#include "util/mem.h"

/* ---- the tables of the modules that are loaded, each once */

struct tables {
	const pc_option **at;
	size_t n;
};

static void add(struct tables *t, const pc_option *table)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->at[i] == table)
			return;
	t->at = pc__realloc(t->at, (t->n + 1) * sizeof(*t->at));
	t->at[t->n++] = table;
}

static void add_modules(struct tables *t, const pc_host *host)
{
	for (pc_module *m = pc__modules_of(host); m; m = m->next)
		if (m->def->options)
			add(t, m->def->options);
}

static const pc_option *table_at(size_t index, void *data)
{
	const struct tables *t = data;

	return index < t->n ? t->at[index] : NULL;
}

size_t pc__config_check_loaded(pc__config *config, pc__check_line_fn *line, void *data)
{
	struct tables t = { NULL, 0 };
	size_t found;

	add_modules(&t, NULL);
	for (pc_host *h = pc__hosts_first(); h; h = h->next)
		add_modules(&t, h);
	found = pc__config_check(config, table_at, &t, line, data);
	free(t.at);
	return found;
}

static void warn(const char *text, void *data)
{
	(void)data;
	pc__log("config", PC_WARN, "%s", text);
}

void pc__config_warn_unknown(void)
{
	pc__config_check_loaded(NULL, warn, NULL);
}

/* ---- commands */

static void print(const char *text, void *data)
{
	pc_call_print(data, "%s", text);
}

/* The file as it is now, which may not be what the server uses. */
static void run_check(pc_call *call, pc_module *m)
{
	char *error = NULL;
	pc__config *config = pc__start_read_config(&error);
	size_t found;

	(void)m;
	if (config == NULL) {
		pc_call_end(call, PC_EINVAL, "%s", error);
	} else {
		found = pc__config_check_loaded(config, print, call);
		if (found)
			pc_call_end(call, PC_OK, "%zu options are not known", found);
		else
			pc_call_end(call, PC_OK, "no errors");
	}
	free(error);
	pc__config_free(&config);
}

const pc_command pc__config_commands[] = {
	{ "check", "config", "", "Reads the configuration and tells what is wrong", run_check },
	{ 0 },
};

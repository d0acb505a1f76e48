#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "hosts.h"
#include "modules.h"
#include "util/mem.h"

/* ---- on which hosts. Without a host: wherever it makes sense; "*": globally. */

typedef int change_fn(pc_host *host, const char *name, char **error_r);

struct change {
	pc_call *call;
	const char *name;
	change_fn *fn;
	size_t done;
	int err;
	char *error; /* the first */
};

static const char *place(const pc_host *host)
{
	return host ? host->name : "*";
}

static void apply(struct change *c, pc_host *host)
{
	char *error = NULL;
	int err = c->fn(host, c->name, &error);

	if (err == PC_OK) {
		c->done++;
		pc_call_row(c->call, &PC_TEXT("host", place(host)), 1, "%s: done", place(host));
	} else if (c->err == PC_OK) {
		c->err = err;
		c->error = pc__printf("%s: %s", place(host), error ? error : pc_strerror(err));
	}
	free(error);
}

static void apply_where_loaded(struct change *c)
{
	if (pc__module_find(NULL, c->name) != NULL)
		apply(c, NULL);
	for (pc_host *h = pc__hosts_first(); h != NULL; h = h->next)
		if (pc__module_find(h, c->name) != NULL)
			apply(c, h);
	if (c->done == 0 && c->err == PC_OK) {
		c->err = PC_ENOENT;
		c->error = pc__strdup("no such module is loaded");
	}
}

static void apply_on_virtual_hosts(struct change *c)
{
	for (pc_host *h = pc__hosts_first(); h != NULL; h = h->next)
		if (h->active && h->type == PC_VIRTUAL_HOST)
			apply(c, h);
}

static bool is_place(const char *name)
{
	return strcmp(name, "*") == 0 || pc_host_find(name) != NULL;
}

/* [HOST] NAME. The other order, which Prosody has, is understood, too. *host_r: NULL for none. */
static const char *module_arg(const pc_call *call, const char **host_r)
{
	const char *first = pc_call_arg(call, 0), *second = pc_call_arg(call, 1);

	*host_r = NULL;
	if (second == NULL)
		return first;
	*host_r = is_place(first) || !is_place(second) ? first : second;
	return *host_r == first ? second : first;
}

/* Between two turns of the loop: nothing of the module is on the stack then. */
static void change_now(void *data)
{
	pc_call *call = data;
	const char *host_name;
	struct change c = { .call = call, .name = module_arg(call, &host_name) };
	const char *what = pc_call_command(call)->name;
	pc_host *host = host_name ? pc_host_find(host_name) : NULL;

	c.fn = strcmp(what, "load") == 0     ? pc__module_load
	       : strcmp(what, "unload") == 0 ? pc__module_unload
	                                     : pc__module_reload;
	if (host_name && host == NULL && strcmp(host_name, "*") != 0) {
		pc_call_end(call, PC_ENOENT, "no such host: %s", host_name);
		return;
	}
	if (host_name)
		apply(&c, host);
	else if (c.fn == pc__module_load)
		apply_on_virtual_hosts(&c);
	else
		apply_where_loaded(&c);
	if (c.err == PC_OK)
		pc_call_end(call, PC_OK, NULL);
	else
		pc_call_end(call, c.done > 0 ? PC_EPARTIAL : c.err, "%s", c.error);
	free(c.error);
}

static void run_change(pc_call *call, pc_module *m)
{
	pc_after(m, 0, change_now, call);
}

/* ---- list, info */

static void print_modules(pc_call *call, const pc_host *host)
{
	for (const pc_module *m = pc__modules_of(host); m != NULL; m = m->next) {
		const pc_cell cells[] = { PC_TEXT("host", place(host)),
			                  PC_TEXT("name", m->def->name),
			                  PC_TEXT("summary", m->def->summary) };

		pc_call_row(call, cells, PC__COUNT(cells), "%s  %s  %s", place(host), m->def->name,
		            m->def->summary ? m->def->summary : "");
	}
}

static void run_list(pc_call *call, pc_module *m)
{
	const char *name = pc_call_arg(call, 0);
	pc_host *host = name ? pc_host_find(name) : NULL;

	(void)m;
	if (name != NULL && host == NULL && strcmp(name, "*") != 0) {
		pc_call_end(call, PC_ENOENT, "no such host: %s", name);
		return;
	}
	print_modules(call, host);
	for (pc_host *h = name ? NULL : pc__hosts_first(); h != NULL; h = h->next)
		print_modules(call, h);
	pc_call_end(call, PC_OK, NULL);
}

static const char *scope_text(pc_scope scope)
{
	switch (scope) {
	case PC_GLOBAL:
		return "once for the server";
	case PC_GLOBAL_WITH_HOSTS:
		return "once for the server, knows its hosts";
	default:
		return "one for each host";
	}
}

static void print_options(pc_call *call, const pc_option *o)
{
	for (; o != NULL && o->name != NULL; o++) {
		const pc_cell cells[] = { PC_TEXT("option", o->name), PC_TEXT("default", o->dflt),
			                  PC_TEXT("help", o->help) };

		pc_call_row(call, cells, PC__COUNT(cells), "option:  %s = %s  %s", o->name,
		            o->dflt ? o->dflt : "(none)", o->help ? o->help : "");
	}
}

static void print_info(pc_call *call, const pc_module *m)
{
	const pc_module_def *def = m->def;

	const pc_cell cells[] = { PC_TEXT("module", def->name), PC_TEXT("summary", def->summary),
		                  PC_TEXT("xeps", def->xeps),
		                  PC_TEXT("scope", scope_text(def->scope)) };
	bool summary = def->summary != NULL, xeps = def->xeps != NULL;

	pc_call_row(call, cells, PC__COUNT(cells), "module:  %s%s%s%s%s\nscope:   %s", def->name,
	            summary ? "\nsummary: " : "", summary ? def->summary : "",
	            xeps ? "\nXEPs:    " : "", xeps ? def->xeps : "", scope_text(def->scope));
	print_options(call, def->options);
}

static void run_info(pc_call *call, pc_module *m)
{
	const char *host_name;
	const char *name = module_arg(call, &host_name);
	pc_host *only = host_name ? pc_host_find(host_name) : NULL;
	const pc_module *found = only ? NULL : pc__module_find(NULL, name);
	pc_host *h = only ? only : pc__hosts_first();

	(void)m;
	for (; found == NULL && h != NULL; h = only ? NULL : h->next)
		found = pc__module_find(h, name);
	if (found == NULL) {
		pc_call_end(call, PC_ENOENT, "no such module is loaded");
		return;
	}
	print_info(call, found);
	for (h = only ? NULL : pc__hosts_first(); found->host != NULL && h != NULL; h = h->next)
		if (pc__module_find(h, name) != NULL)
			pc_call_row(call, &PC_TEXT("host", h->name), 1, "host:    %s", h->name);
	pc_call_end(call, PC_OK, NULL);
}

const pc_command pc__module_commands[] = {
	{ "module", "list", "[HOST]", "Lists the modules that are loaded", run_list },
	{ "module", "info", "[HOST] NAME", "Describes a loaded module and its options", run_info },
	{ "module", "load", "[HOST] NAME", "Loads a module on a host, or on all", run_change },
	{ "module", "unload", "[HOST] NAME", "Unloads it", run_change },
	{ "module", "reload", "[HOST] NAME", "Replaces it by its file's present code", run_change },
	{ 0 },
};

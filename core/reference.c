#include "reference.h"

#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "commands.h"
#include "config.h"
#include "events.h"
#include "option_names.h"
#include "option_value.h"
#include "util/mem.h"

#define CORE "core"

/* A walk over the catalog for one list. */
struct walk {
	struct pc__ref_out *out;
	const struct pc__catalog *catalog;
};

typedef void each_fn(struct walk *w, const pc_module_def *def);

static void each_module(struct walk *w, each_fn *fn)
{
	for (size_t i = 0; i < w->catalog->n; i++)
		if (w->catalog->at[i].def)
			fn(w, w->catalog->at[i].def);
}

static void row(struct walk *w, const char *const *values)
{
	pc__ref_row(w->out, values);
}

/* ------------------------------------------------------------ options */

static const char *const option_types[] = {
	[PC_OPT_STRING] = "text", [PC_OPT_INTEGER] = "number", [PC_OPT_BOOLEAN] = "true or false",
	[PC_OPT_PERIOD] = "time", [PC_OPT_SIZE] = "size",      [PC_OPT_ENUM] = "word",
	[PC_OPT_LIST] = "list",   [PC_OPT_SET] = "set",        [PC_OPT_PATH] = "path",
	[PC_OPT_TABLE] = "table",
};

static const char *effect_of(const pc_option *o, const char *owner)
{
	if (o->live)
		return "at once";
	return strcmp(owner, CORE) == 0 ? "restart" : "module reload";
}

static void option_row(struct walk *w, const pc_option *o, const char *owner)
{
	char range[200];
	const char *plain = range;

	pc__option_range(o, range, sizeof(range));
	plain += strspn(plain, " ");
	row(w,
	    (const char *[]){ o->name, owner, option_types[o->type], o->dflt, *plain ? plain : NULL,
	                      o->global ? "server" : "host", effect_of(o, owner), o->help });
}

static void options_of(struct walk *w, const pc_option *o, const char *owner)
{
	for (; o && o->name; o++)
		option_row(w, o, owner);
}

static void module_options(struct walk *w, const pc_module_def *def)
{
	options_of(w, def->options, def->name);
}

static void list_options(struct walk *w)
{
	static const struct pc__ref_list list = {
		"options",
		"Options",
		"Where: below a host or globally, or for the server only. Effect of a change: at "
		"once by a reload of the configuration, with a reload of the module, or with a "
		"restart. SERVICE stands for c2s, component and the like.",
		{ "option", "of", "type", "default", "range", "where", "effect", "help" }
	};

	pc__ref_list_begin(w->out, &list);
	options_of(w, pc__core_options, CORE);
	options_of(w, pc__made_options, CORE);
	each_module(w, module_options);
	pc__ref_list_end(w->out);
}

/* ------------------------------------------------------------ events */

static void events_of(struct walk *w, const pc_event_decl *e, const char *owner)
{
	static const char *const kinds[] = {
		[PC_WAITING] = "waiting", [PC_QUESTION] = "question", [PC_NOTICE] = "notice"
	};

	for (; e && e->name; e++)
		row(w, (const char *[]){ e->name, owner, kinds[e->kind], e->help });
}

static void module_events(struct walk *w, const pc_module_def *def)
{
	events_of(w, def->events, def->name);
}

static void list_events(struct walk *w)
{
	static const struct pc__ref_list list = {
		"events",
		"Events",
		"Handlers of a waiting event may suspend it; a question is answered at once; of a "
		"notice everybody is told. A star stands for any rest.",
		{ "event", "of", "kind", "help" }
	};

	pc__ref_list_begin(w->out, &list);
	events_of(w, pc__core_events, CORE);
	each_module(w, module_events);
	pc__ref_list_end(w->out);
}

/* ------------------------------------------------------------ metrics */

static void metrics_of(struct walk *w, const pc_metric_decl *m, const char *prefix,
                       const char *owner)
{
	static const char *const types[] = {
		[PC_COUNTER] = "counter", [PC_GAUGE] = "gauge", [PC_HISTOGRAM] = "histogram"
	};

	for (; m && m->name; m++) {
		char *name = pc__printf("prosody_%s%s", prefix, m->name);

		row(w, (const char *[]){ name, owner, types[m->type], m->help });
		free(name);
	}
}

static void module_metrics(struct walk *w, const pc_module_def *def)
{
	char *prefix = pc__printf("mod_%s_", def->name);

	metrics_of(w, def->metrics, prefix, def->name);
	free(prefix);
}

static void list_metrics(struct walk *w)
{
	static const struct pc__ref_list list = {
		"metrics", "Metrics", NULL, { "metric", "of", "type", "help" }
	};

	pc__ref_list_begin(w->out, &list);
	metrics_of(w, pc__core_metrics, "", CORE);
	metrics_of(w, pc__bound_metrics, "limits_", CORE);
	each_module(w, module_metrics);
	pc__ref_list_end(w->out);
}

/* ------------------------------------------------------------ commands */

static void commands_of(struct walk *w, const pc_command *c, const char *owner)
{
	for (; c && c->section; c++) {
		char *usage = pc__command_usage(c);

		row(w, (const char *[]){ usage, owner, c->help });
		free(usage);
	}
}

static void module_commands(struct walk *w, const pc_module_def *def)
{
	commands_of(w, def->commands, def->name);
}

static void list_commands(struct walk *w)
{
	static const struct pc__ref_list list = {
		"commands", "Commands of prosody-ctl", NULL, { "command", "of", "help" }
	};

	pc__ref_list_begin(w->out, &list);
	for (size_t i = 0; pc__core_commands[i]; i++)
		commands_of(w, pc__core_commands[i], CORE);
	each_module(w, module_commands);
	pc__ref_list_end(w->out);
}

static void module_adhoc(struct walk *w, const pc_module_def *def)
{
	for (const pc_adhoc *a = def->adhoc; a && a->node; a++) {
		const char *action = a->permission ? a->permission : "";
		char *full = pc__printf("%s%s", *action == ':' ? def->name : "", action);

		row(w, (const char *[]){ a->node, def->name, a->name, *full ? full : "everybody",
		                         a->help });
		free(full);
	}
}

static void list_adhoc(struct walk *w)
{
	static const struct pc__ref_list list = { "adhoc",
		                                  "Ad-hoc commands (XEP-0050)",
		                                  NULL,
		                                  { "node", "of", "name", "permission", "help" } };

	pc__ref_list_begin(w->out, &list);
	each_module(w, module_adhoc);
	pc__ref_list_end(w->out);
}

/* ------------------------------------------------------------ roles and permissions */

static void list_roles(struct walk *w)
{
	static const struct pc__ref_list list = {
		"roles", "Roles", "Each may do what those before it may.", { "role", "help" }
	};

	pc__ref_list_begin(w->out, &list);
	for (const pc_permission *r = pc__core_roles; r->action; r++)
		row(w, (const char *[]){ r->action, r->help });
	pc__ref_list_end(w->out);
}

static void module_permissions(struct walk *w, const pc_module_def *def)
{
	for (const pc_permission *p = def->permissions; p && p->action; p++) {
		char *full = pc__printf("%s%s", *p->action == ':' ? def->name : "", p->action);

		row(w, (const char *[]){ full, def->name, p->role, p->help });
		free(full);
	}
}

static void list_permissions(struct walk *w)
{
	static const struct pc__ref_list list = {
		"permissions",
		"Permissions",
		"Who has them by default: that role, and those above.",
		{ "permission", "of", "role", "help" }
	};

	pc__ref_list_begin(w->out, &list);
	each_module(w, module_permissions);
	pc__ref_list_end(w->out);
}

/* ------------------------------------------------------------ stores */

static void stores_of(struct walk *w, const pc_store_decl *s, const char *owner)
{
	for (; s && s->name; s++)
		row(w, (const char *[]){ s->name, owner,
		                         s->kind == PC_STORE_MAP ? "map" : "archive", s->help });
}

static void module_stores(struct walk *w, const pc_module_def *def)
{
	stores_of(w, def->stores, def->name);
}

static void list_stores(struct walk *w)
{
	static const struct pc__ref_list list = {
		"stores", "Stores", NULL, { "store", "of", "kind", "help" }
	};

	pc__ref_list_begin(w->out, &list);
	stores_of(w, pc__core_stores, CORE);
	each_module(w, module_stores);
	pc__ref_list_end(w->out);
}

/* ------------------------------------------------------------ modules and XEPs */

static void module_row(struct walk *w, const pc_module_def *def)
{
	static const char *const scopes[] = {
		[PC_PER_HOST] = "host", [PC_GLOBAL] = "server", [PC_GLOBAL_WITH_HOSTS] = "server"
	};

	row(w, (const char *[]){ def->name, scopes[def->scope], def->xeps, def->summary });
}

static void list_modules(struct walk *w)
{
	static const struct pc__ref_list list = {
		"modules", "Modules", NULL, { "module", "scope", "XEPs", "help" }
	};

	pc__ref_list_begin(w->out, &list);
	each_module(w, module_row);
	pc__ref_list_end(w->out);
}

/* "0030:2.5.0 0115": a row for each. */
static void module_xeps(struct walk *w, const pc_module_def *def)
{
	const char *at = def->xeps ? def->xeps : "";

	while (*(at += strspn(at, " "))) {
		size_t len = strcspn(at, " "), number = strcspn(at, ": ");
		char *xep = pc__printf("XEP-%.*s", (int)number, at);
		char *version =
		        number < len ? pc__strndup(at + number + 1, len - number - 1) : NULL;

		row(w, (const char *[]){ xep, version, def->name });
		free(version);
		free(xep);
		at += len;
	}
}

static void list_xeps(struct walk *w)
{
	static const struct pc__ref_list list = {
		"xeps", "Extensions", NULL, { "XEP", "version", "of" }
	};

	pc__ref_list_begin(w->out, &list);
	each_module(w, module_xeps);
	pc__ref_list_end(w->out);
}

/* ------------------------------------------------------------ all of it */

bool pc__reference_write(FILE *to, const char *format, const struct pc__catalog *catalog)
{
	struct pc__ref_out out = { .to = to, .format = pc__ref_format(format) };
	struct walk w = { &out, catalog };

	if (out.format == NULL)
		return false;
	pc__ref_begin(&out);
	list_options(&w);
	list_modules(&w);
	list_xeps(&w);
	list_commands(&w);
	list_adhoc(&w);
	list_roles(&w);
	list_permissions(&w);
	list_events(&w);
	list_metrics(&w);
	list_stores(&w);
	pc__ref_end(&out);
	return true;
}

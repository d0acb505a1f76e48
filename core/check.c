#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/jid.h>

#include "modules.h"
#include "server.h"
#include "util/json.h"
#include "util/mem.h"

static const char *const severities[] = {
	[PC__NOTE] = "note", [PC__WARNING] = "warning", [PC__ERROR] = "error"
};

void pc__check_tell(struct pc__check *c, pc__severity severity, const char *place,
                    const char *format, ...)
{
	va_list args;

	struct pc__finding *f;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	c->found[severity]++;
	c->findings = pc__realloc(c->findings, (c->n + 1) * sizeof(*c->findings));
	f = &c->findings[c->n];
	f->number = c->n++;
	f->place = pc__strdup(place);
	f->severity = severity;
	f->text = text;
}

static int line_of(const char *place)
{
	const char *colon = strrchr(place, ':');

	return colon ? (int)strtol(colon + 1, NULL, 10) : 0;
}

static size_t file_len(const char *place)
{
	const char *colon = strrchr(place, ':');

	return colon ? (size_t)(colon - place) : strlen(place);
}

static int by_place(const void *a, const void *b)
{
	const struct pc__finding *x = a, *y = b;
	size_t n = file_len(x->place), m = file_len(y->place);
	int order = strncmp(x->place, y->place, n < m ? n : m);

	if (order == 0)
		order = (n > m) - (n < m);
	if (order == 0)
		order = line_of(x->place) - line_of(y->place);
	return order ? order : (int)x->number - (int)y->number;
}

static void forget(struct pc__check *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		free(c->findings[i].place);
		free(c->findings[i].text);
	}
	pc__free(&c->findings);
	c->n = 0;
}

static void print_finding(const struct pc__check *c, const struct pc__finding *f)
{
	struct pc__buf b = { 0 };

	if (!c->json) {
		printf("%s: %s: %s\n", f->place, severities[f->severity], f->text);
		return;
	}
	pc__buf_adds(&b, "{\"place\":");
	pc__json_string(&b, f->place);
	pc__buf_printf(&b, ",\"severity\":\"%s\",\"text\":", severities[f->severity]);
	pc__json_string(&b, f->text);
	pc__buf_addc(&b, '}');
	puts(pc__buf_str(&b));
	pc__buf_free(&b);
}

void pc__check_print(struct pc__check *c)
{
	if (c->n > 1)
		qsort(c->findings, c->n, sizeof(*c->findings), by_place);
	for (unsigned i = 0; i < c->n; i++)
		print_finding(c, &c->findings[i]);
	forget(c);
}

/* ------------------------------------------------------------ options */

struct sources {
	struct pc__check *check;
	const char **enabled; /* names of modules that some host has */
	size_t n;
};

static bool is_enabled(const struct sources *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->enabled[i], name) == 0)
			return true;
	return false;
}

static void add_enabled(const char *name, const pc__value *list, void *data)
{
	struct sources *s = data;
	const struct pc__catalog_entry *e = pc__catalog_find(s->check->catalog, name);

	(void)list;
	if (e == NULL || is_enabled(s, e->name))
		return;
	s->enabled = pc__realloc(s->enabled, (s->n + 1) * sizeof(*s->enabled));
	s->enabled[s->n++] = e->name;
	for (const char *const *need = e->def ? e->def->needs : NULL; need && *need; need++)
		add_enabled(*need, NULL, s);
}

/* Drivers of accounts and storage are asked for by options of their own. */
static bool is_driver(const char *name)
{
	return strncmp(name, "auth_", 5) == 0 || strncmp(name, "storage_", 8) == 0;
}

static bool source_at(size_t index, void *data, struct pc__option_source *source_r)
{
	const struct sources *s = data;
	const struct pc__catalog_entry *e;

	if (index >= s->check->catalog->n)
		return false;
	e = &s->check->catalog->at[index];
	*source_r = (struct pc__option_source){ e->def ? e->def->options : NULL, e->name,
		                                is_driver(e->name) || is_enabled(s, e->name) };
	return true;
}

static void on_finding(pc__severity severity, const char *text, void *data)
{
	const struct sources *s = data;
	const char *end = strstr(text, ": ");
	char *place = pc__strndup(text, (size_t)(end - text));

	pc__check_tell(s->check, severity, place, "%s", end + 2);
	free(place);
}

/* ---- what a module cannot do without */

struct lacking {
	struct pc__check *check;
	const pc__config_host *host; /* NULL: the server */
};

static void check_required(const char *module, const pc__value *list, void *data)
{
	const struct lacking *l = data;
	const struct pc__catalog_entry *e = pc__catalog_find(l->check->catalog, module);
	const pc_option *o = e && e->def ? e->def->options : NULL;
	const char *host = l->host ? l->host->name : NULL;
	char *place;

	(void)list;
	for (; o && o->name; o++) {
		if (!o->required || pc__config_get(host, o->name))
			continue;
		place = l->host ? pc__printf("%s:%d", l->host->file, l->host->line)
		                : pc__strdup(pc__server.config_file);
		pc__check_tell(l->check, PC__ERROR, place, "module %s needs the option %s%s%s",
		               e->name, o->name, host ? " on " : "", host ? host : "");
		free(place);
	}
}

static void check_needs(struct pc__check *c, const pc__config_host *host)
{
	struct lacking l = { c, host };
	char *name;

	pc__enabled_each(host ? host->name : NULL, host ? host->component_module : NULL,
	                 check_required, &l);
	if (host == NULL || host->component)
		return;
	name = pc__printf("auth_%s", pc__opt_str(host->name, "authentication"));
	check_required(name, NULL, &l);
	free(name);
}

void pc__check_options(struct pc__check *c)
{
	struct sources s = { c, NULL, 0 };
	size_t n;
	const pc__config_host *hosts = pc__config_hosts(&n);

	pc__enabled_each(NULL, NULL, add_enabled, &s);
	for (size_t i = 0; i < n; i++)
		pc__enabled_each(hosts[i].name, hosts[i].component_module, add_enabled, &s);
	pc__config_check(NULL, &(struct pc__option_check){ .sources = source_at,
	                                                   .values = true,
	                                                   .tell = on_finding,
	                                                   .data = &s });
	free(s.enabled);
	check_needs(c, NULL);
	for (size_t i = 0; i < n; i++)
		check_needs(c, &hosts[i]);
}

/* ------------------------------------------------------------ hosts */

static void check_admins(struct pc__check *c, const char *host)
{
	const pc__value *v = pc__config_get_own(host, "admins");
	char place[300], buf[PC_JID_BUF];
	pc_jid jid;

	for (size_t i = 0; v && i < v->n_list; i++) {
		const char *text = v->list[i].s ? v->list[i].s : "";

		if (pc_jid_parse(text, buf, &jid) == PC_OK && jid.local && jid.resource == NULL)
			continue;
		pc__value_item_place(v, "admins", text, place, sizeof(place));
		pc__check_tell(c, PC__ERROR, place,
		               "\"%s\" in admins is not the address of an account", text);
	}
}

void pc__check_hosts(struct pc__check *c)
{
	size_t n, active = 0;
	const pc__config_host *hosts = pc__config_hosts(&n);

	check_admins(c, NULL);
	for (size_t i = 0; i < n; i++) {
		active += !hosts[i].component && pc__opt_bool(hosts[i].name, "enabled");
		check_admins(c, hosts[i].name);
	}
	if (active == 0)
		pc__check_tell(c, PC__WARNING, pc__server.config_file,
		               "there is no VirtualHost, and so nobody can log in");
}

#include "hosts.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "events.h"
#include "log.h"
#include "modules.h"
#include "removals.h"
#include "roster_cache.h"
#include "session_table.h"
#include "streams.h"
#include "util/mem.h"

static pc_host *all;

pc_host *pc__hosts_first(void)
{
	return all;
}

/* A server has few hosts, and the router remembers the last one: a list serves. */
pc_host *pc_host_find(const char *name)
{
	static pc_host *last;
	static const pc_host *of;

	if (of == all && last && last->active && strcmp(last->name, name) == 0)
		return last;
	for (pc_host *h = all; h; h = h->next) {
		if (h->active && strcmp(h->name, name) == 0) {
			last = h;
			of = all;
			return h;
		}
	}
	return NULL;
}

const char *pc_host_name(const pc_host *host)
{
	return host->name;
}

pc_host_type pc_host_kind(const pc_host *host)
{
	return host->type;
}

void pc_each_host(pc_host_fn *fn, void *data)
{
	for (pc_host *h = all, *next; h; h = next) {
		next = h->next;
		if (h->active && !fn(h, data))
			return;
	}
}

bool pc_host_has_module(const pc_host *host, const char *module)
{
	return pc__module_find(host, module) != NULL;
}

/* ------------------------------------------------------------ coming and going */

static pc_host *host_new(const pc__config_host *c)
{
	pc_host *h = pc__alloc(sizeof(*h)), **at = &all;

	h->name = pc__strdup(c->name);
	h->type = c->component ? PC_COMPONENT_HOST : PC_VIRTUAL_HOST;
	h->component_module = c->component ? pc__strdup(c->component_module) : NULL;
	h->bus = pc__bus_new();
	while (*at)
		at = &(*at)->next;
	*at = h;
	return h;
}

static void notify_host(const char *event, const pc_host *host)
{
	pc__notify(pc__bus_global(), event, NULL, 0, (pc_arg[]){ PC_STR("host", host->name) }, 1);
}

static void activate(pc_host *host)
{
	host->active = true;
	pc__modules_load_enabled(host);
	pc__modules_add_host(host);
	pc__removals_resume(host);
	pc__log("hosts", PC_DEBUG, "%s is active", host->name);
	notify_host("host-activated", host);
}

static void deactivate(pc_host *host)
{
	notify_host("host-deactivating", host);
	pc__users_close_all(host, "host-gone");
	pc__streams_close_of_host(host);
	pc__modules_remove_host(host);
	pc__modules_unload_all(host);
	host->active = false;
	notify_host("host-deactivated", host);
}

/* The struct stays until the end: suspended events may still name it. */
static void host_free(pc_host *host)
{
	pc__removals_free(host);
	pc__rosters_free(host);
	pc__bus_free(&host->bus);
	free((char *)(uintptr_t)host->name);
	free(host->component_module);
	free(host);
}

static pc_host *find_any(const char *name)
{
	for (pc_host *h = all; h; h = h->next)
		if (strcmp(h->name, name) == 0)
			return h;
	return NULL;
}

static bool is_configured(const pc_host *host)
{
	size_t n;
	const pc__config_host *c = pc__config_hosts(&n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(c[i].name, host->name) == 0 && pc__opt_bool(host->name, "enabled"))
			return true;
	return false;
}

void pc__hosts_setup(void)
{
	size_t n;
	const pc__config_host *c = pc__config_hosts(&n);

	for (pc_host *h = all; h; h = h->next)
		if (h->active && !is_configured(h))
			deactivate(h);
	for (size_t i = 0; i < n; i++) {
		pc_host *h = find_any(c[i].name);

		if (!pc__opt_bool(c[i].name, "enabled"))
			continue;
		if (h == NULL)
			h = host_new(&c[i]);
		if (!h->active)
			activate(h);
	}
}

static pc_host *last_active(void)
{
	pc_host *last = NULL;

	for (pc_host *h = all; h; h = h->next)
		if (h->active)
			last = h;
	return last;
}

void pc__hosts_free_modules(void)
{
	pc_host *h;

	while ((h = last_active()) != NULL)
		deactivate(h);
}

void pc__hosts_free(void)
{
	pc_host *h;

	while ((h = all) != NULL) {
		all = h->next;
		host_free(h);
	}
}

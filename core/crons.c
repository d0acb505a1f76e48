/*
 * pc_cron(): periodic work whose last run outlives a restart. The last runs lie in the map "cron"
 * of the module's host, key MODULE/NAME, as milliseconds since 1970.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "hosts.h"
#include "log.h"
#include "modules.h"
#include "timers.h"
#include "util/mem.h"

/* Waits are cut into pieces, so that a wall clock that is set right is noticed. */
#define LONGEST_WAIT 3600.0
/* What never ran waits this long (or its period): the start of a server is busy enough. */
#define FIRST_WAIT 60.0

struct cron {
	struct pc__owned own;
	struct pc__timer timer;
	pc_store *store;
	char *key;
	double period; /* seconds; INFINITY: never */
	int64_t due;   /* wall clock, ms */
	bool gone;
	pc_timer_fn *fn;
	void *data;
};

/* The struct itself is memory of the module: the store's answer may still be under way. */
static void drop(struct pc__owned *o)
{
	struct cron *cron = PC__CONTAINER(o, struct cron, own);

	pc__timer_clear(&cron->timer);
	pc__free(&cron->key);
	cron->gone = true;
}

static void on_timer(struct pc__timer *t);

static void wait_more(struct cron *cron)
{
	double seconds = (double)(cron->due - pc_time_ms()) / 1000;

	pc__timer_set(&cron->timer, fmax(0, fmin(seconds, LONGEST_WAIT)), on_timer);
}

static void set_due(struct cron *cron, int64_t from, double seconds)
{
	cron->due = from + (int64_t)(seconds * 1000);
	wait_more(cron);
}

/* Written before the work starts: work that brings the server down must not be the first thing that
 * every restart does. */
static void note_run(struct cron *cron, int64_t now)
{
	char text[24];
	pc_item item = { .key = cron->key, .value = text };
	int len = snprintf(text, sizeof(text), "%" PRId64, now);

	item.len = (size_t)len;
	if (cron->store != NULL)
		pc_store_set_keys(cron->store, NULL, &item, 1, NULL, NULL);
}

static void on_timer(struct pc__timer *t)
{
	struct cron *cron = PC__CONTAINER(t, struct cron, timer);
	int64_t now = pc_time_ms();

	if (cron->due > now) {
		wait_more(cron);
		return;
	}
	note_run(cron, now);
	set_due(cron, now, cron->period);
	if (pc__module_callable(cron->own.m))
		cron->fn(cron->data);
}

static void on_last_run(int err, const pc_item *items, size_t n, void *data)
{
	struct cron *cron = data;
	int64_t now = pc_time_ms();
	int64_t last = 0;

	if (cron->gone)
		return;
	if (err == PC_OK && n == 1 && items[0].value != NULL)
		last = strtoll(items[0].value, NULL, 10);
	if (last > now) /* the clock was wrong then */
		last = now;
	if (last > 0)
		set_due(cron, last, cron->period);
	else
		set_due(cron, now, fmin(cron->period, FIRST_WAIT));
}

/* ---- how often */

static const char *period_text(const char *when)
{
	if (strcmp(when, "hourly") == 0)
		return "3600";
	if (strcmp(when, "daily") == 0)
		return "86400";
	if (strcmp(when, "weekly") == 0)
		return "604800";
	return when;
}

/* The option MODULE_NAME_period, else `when`. */
static double period_of(pc_module *m, const char *name, const char *when)
{
	char *option_name = pc__printf("%s_%s_period", pc_module_name(m), name);
	pc_option option = { .name = option_name,
		             .type = PC_OPT_PERIOD,
		             .dflt = period_text(when) };
	const pc__value *v = pc__config_get(m->host ? m->host->name : NULL, option_name);
	double seconds;

	if (v != NULL && v->type == PC__STRING && period_text(v->s) != v->s)
		seconds = strtod(period_text(v->s), NULL);
	else
		seconds = pc__opt_number_of(m->host ? m->host->name : NULL, &option);
	free(option_name);
	return seconds;
}

void pc_cron(pc_module *m, const char *name, const char *when, pc_timer_fn *fn, void *data)
{
	double period = period_of(m, name, when);
	struct cron *cron;

	if (!(period > 0)) {
		pc__module_error(m, PC_EINVAL, "cron %s: \"%s\" is no period", name, when);
		return;
	}
	if (isinf(period))
		return;
	cron = pc_module_alloc(m, sizeof(*cron));
	cron->key = pc__printf("%s/%s", pc_module_name(m), name);
	cron->period = period;
	cron->fn = fn;
	cron->data = data;
	pc__own(m, &cron->own, drop);
	cron->store = pc_store_open(m, "cron", PC_STORE_MAP);
	if (cron->store == NULL)
		set_due(cron, pc_time_ms(), fmin(period, FIRST_WAIT));
	else
		pc_store_get_key(cron->store, NULL, cron->key, on_last_run, cron);
}

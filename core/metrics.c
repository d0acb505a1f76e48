/*
 * metrics.c - the registry of metrics, and counting.
 */
#include "metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hosts.h"
#include "modules.h"
#include "util/mem.h"

/* One series. */
struct pc_metric {
	struct pc_metric *next;
	struct family *family;
	char *host; /* NULL: of the server */
	unsigned owners;
	double value; /* of a histogram: the sum */
	double most;
	uint64_t count;
	uint64_t *buckets;
};

struct family {
	struct family *next;
	char *name, *help;
	pc__metric_type type;
	double least;
	pc_metric *first;
};

static struct family *families;

/* What a module holds; goes with the module. */
struct holding {
	struct pc__owned owned;
	pc_metric *metric;
};

/* ---- making */

static struct family *family_of(const char *name, const char *help, pc__metric_type type,
                                double least)
{
	struct family **at = &families;

	while (*at && strcmp((*at)->name, name) < 0)
		at = &(*at)->next;
	if (*at == NULL || strcmp((*at)->name, name) != 0) {
		struct family *f = pc__alloc(sizeof(*f));

		f->name = pc__strdup(name);
		f->help = pc__strdup(help ? help : "");
		f->type = type;
		f->least = least;
		f->next = *at;
		*at = f;
	}
	return *at;
}

static bool same_host(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static pc_metric *metric_of(struct family *f, const char *host)
{
	pc_metric **at = &f->first;

	while (*at && !same_host((*at)->host, host))
		at = &(*at)->next;
	if (*at == NULL) {
		*at = pc__alloc(sizeof(**at));
		(*at)->family = f;
		(*at)->host = pc__strdup(host);
		if (f->type == PC__HISTOGRAM)
			(*at)->buckets = pc__alloc(PC__BUCKETS * sizeof(uint64_t));
	}
	(*at)->owners++;
	return *at;
}

/* Letters, digits and '_', as OpenMetrics has it; ':' is for rules of who reads them. */
static bool is_name(const char *name)
{
	return *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                             "0123456789_") == strlen(name);
}

static pc_metric *core_metric(const char *source, const char *name, const char *help,
                              pc__metric_type type, double least)
{
	char *full = pc__printf("prosody_%s_%s", source, name);
	pc_metric *metric = metric_of(family_of(full, help, type, least), NULL);

	free(full);
	return metric;
}

pc_metric *pc__counter(const char *source, const char *name, const char *help)
{
	return core_metric(source, name, help, PC__COUNTER, 0);
}

pc_metric *pc__gauge(const char *source, const char *name, const char *help)
{
	return core_metric(source, name, help, PC__GAUGE, 0);
}

pc_metric *pc__histogram(const char *source, const char *name, const char *help, double least)
{
	return core_metric(source, name, help, PC__HISTOGRAM, least);
}

/* ---- of modules */

static void drop(struct pc__owned *o)
{
	struct holding *h = PC__CONTAINER(o, struct holding, owned);

	h->metric->owners--;
	free(h);
}

/* A wrong one is an error of the module's loading; what counts on it meanwhile counts for nobody.
 */
static pc_metric *refused(pc_module *m, const char *name, const char *why)
{
	static uint64_t buckets[PC__BUCKETS];
	static struct family nowhere = { .name = NULL, .type = PC__HISTOGRAM, .least = 1 };
	static pc_metric unseen = { .family = &nowhere, .buckets = buckets };

	pc__module_error(m, PC_EINVAL, "metric %s %s", name, why);
	return &unseen;
}

static const char *declared_help(const pc_module *m, const char *name)
{
	const pc_metric_decl *d = m->def->metrics;

	while (d && d->name && strcmp(d->name, name) != 0)
		d++;
	return d ? d->help : NULL;
}

static pc_metric *module_metric(pc_module *m, const char *name, const char *help,
                                pc__metric_type type, double least)
{
	struct family *f;
	struct holding *h;
	char *full;

	if (!is_name(name))
		return refused(m, name,
		               "has a name with other characters than letters, digits, '_'");
	full = pc__printf("prosody_mod_%s_%s", m->def->name, name);
	f = family_of(full, help ? help : declared_help(m, name), type, least);
	free(full);
	if (f->type != type || f->least != least)
		return refused(m, name, "exists with another type or another least bucket");
	h = pc__alloc(sizeof(*h));
	h->metric = metric_of(f, m->host ? m->host->name : NULL);
	pc__own(m, &h->owned, drop);
	return h->metric;
}

pc_metric *pc_counter(pc_module *m, const char *name, const char *help)
{
	return module_metric(m, name, help, PC__COUNTER, 0);
}

pc_metric *pc_gauge(pc_module *m, const char *name, const char *help)
{
	return module_metric(m, name, help, PC__GAUGE, 0);
}

pc_metric *pc_histogram(pc_module *m, const char *name, const char *help, double least)
{
	if (!(least > 0) || isinf(least))
		return refused(m, name, "has a least bucket that is not above zero");
	return module_metric(m, name, help, PC__HISTOGRAM, least);
}

/* ---- counting */

void pc_metric_add(pc_metric *metric, double n)
{
	metric->value += n;
}

void pc_metric_set(pc_metric *metric, double value)
{
	metric->value = value;
}

/* The least i with value <= least * 2^i. */
static int bucket_of(double value, double least)
{
	int exponent;
	double mantissa;

	if (!(value > least))
		return 0;
	mantissa = frexp(value / least, &exponent);
	return mantissa == 0.5 ? exponent - 1 : exponent;
}

void pc_metric_observe(pc_metric *metric, double value)
{
	int i;

	if (metric->buckets == NULL || !isfinite(value))
		return;
	i = bucket_of(value, metric->family->least);
	metric->value += value;
	if (value > metric->most)
		metric->most = value;
	metric->count++;
	if (i < PC__BUCKETS)
		metric->buckets[i]++;
}

/* ---- reading */

void pc__metrics_each(pc__metric_fn *fn, void *data)
{
	for (struct family *f = families; f; f = f->next) {
		for (pc_metric *m = f->first; m; m = m->next) {
			pc__metric_view view = { .name = f->name,
				                 .help = f->help,
				                 .type = f->type,
				                 .host = m->host,
				                 .value = m->value,
				                 .most = m->most,
				                 .count = m->count,
				                 .buckets = m->buckets,
				                 .least = f->least };

			if (m->owners > 0)
				fn(&view, data);
		}
	}
}

double pc__metric_quantile(const pc__metric_view *view, double share)
{
	uint64_t below = 0;

	for (int i = 0; view->count > 0 && i < PC__BUCKETS; i++) {
		below += view->buckets[i];
		if ((double)below >= share * (double)view->count)
			return ldexp(view->least, i);
	}
	return view->count > 0 ? INFINITY : 0;
}

static void family_free(struct family *f)
{
	while (f->first) {
		pc_metric *m = f->first;

		f->first = m->next;
		free(m->buckets);
		free(m->host);
		free(m);
	}
	free(f->name);
	free(f->help);
	free(f);
}

void pc__metrics_free(void)
{
	while (families) {
		struct family *f = families;

		families = f->next;
		family_free(f);
	}
}

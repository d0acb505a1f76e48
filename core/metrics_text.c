/*
 * metrics_text.c - metrics as OpenMetrics text.
 */
#include <math.h>
#include <string.h>

#include "metrics.h"
#include "util/buf.h"

struct writing {
	struct pc__buf *b;
	const char *family; /* whose head was written */
};

/* '\\', '"' and line ends are escaped, in help and in labels. */
static void put_escaped(struct pc__buf *b, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			pc__buf_addc(b, '\\');
		if (*text == '\n')
			pc__buf_adds(b, "\\n");
		else
			pc__buf_addc(b, *text);
	}
}

static void put_head(struct writing *w, const pc__metric_view *view)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };

	if (w->family && strcmp(w->family, view->name) == 0)
		return;
	w->family = view->name;
	pc__buf_printf(w->b, "# TYPE %s %s\n# HELP %s ", view->name, types[view->type], view->name);
	put_escaped(w->b, view->help);
	pc__buf_addc(w->b, '\n');
}

static void put_number(struct pc__buf *b, double n)
{
	if (isnan(n))
		pc__buf_adds(b, "NaN");
	else if (isinf(n))
		pc__buf_adds(b, n > 0 ? "+Inf" : "-Inf");
	else if (n == floor(n) && fabs(n) < 1e15)
		pc__buf_printf(b, "%.0f", n);
	else
		pc__buf_printf(b, "%.9g", n);
}

/* NAME_SUFFIX{host="...",le="..."} VALUE */
static void put_sample(struct pc__buf *b, const pc__metric_view *view, const char *suffix,
                       const double *le, double value)
{
	pc__buf_printf(b, "%s%s", view->name, suffix);
	if (view->host || le)
		pc__buf_addc(b, '{');
	if (view->host) {
		pc__buf_adds(b, "host=\"");
		put_escaped(b, view->host);
		pc__buf_addc(b, '"');
	}
	if (le) {
		pc__buf_adds(b, view->host ? ",le=\"" : "le=\"");
		put_number(b, *le);
		pc__buf_addc(b, '"');
	}
	pc__buf_adds(b, view->host || le ? "} " : " ");
	put_number(b, value);
	pc__buf_addc(b, '\n');
}

/* Buckets above the last one that holds anything say nothing new, but for +Inf. */
static void put_histogram(struct pc__buf *b, const pc__metric_view *view)
{
	double infinite = INFINITY;
	uint64_t below = 0;

	for (int i = 0; i < PC__BUCKETS && below < view->count; i++) {
		double le = ldexp(view->least, i);

		below += view->buckets[i];
		put_sample(b, view, "_bucket", &le, (double)below);
	}
	put_sample(b, view, "_bucket", &infinite, (double)view->count);
	put_sample(b, view, "_count", NULL, (double)view->count);
	put_sample(b, view, "_sum", NULL, view->value);
}

static void put_metric(const pc__metric_view *view, void *data)
{
	struct writing *w = data;

	put_head(w, view);
	if (view->type == PC__HISTOGRAM)
		put_histogram(w->b, view);
	else
		put_sample(w->b, view, view->type == PC__COUNTER ? "_total" : "", NULL,
		           view->value);
}

void pc__metrics_write(struct pc__buf *b)
{
	struct writing w = { b, NULL };

	pc__metrics_each(put_metric, &w);
	pc__buf_adds(b, "# EOF\n");
}

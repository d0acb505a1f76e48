/*
 * metrics.h - counters, gauges and histograms, and their text by the rules of OpenMetrics 1.0.
 *
 * A *family* is a name with its type and help; a *metric* is one series of it: that of a host, or
 * of the server. Modules ask by log.h, the core by what stands here. Metrics count on the main
 * thread, without look-up or lock. One whose owners have all gone is not shown, but keeps its
 * memory: its address may be held by what is still under way. Asked for again it counts on.
 */
#pragma once

#include <prosody-c/log.h>

struct pc__buf;

typedef enum pc__metric_type { PC__COUNTER, PC__GAUGE, PC__HISTOGRAM } pc__metric_type;

/* Of the core: prosody_SOURCE_NAME. Never NULL. The same name twice gives the same metric. */
pc_metric *pc__counter(const char *source, const char *name, const char *help);
pc_metric *pc__gauge(const char *source, const char *name, const char *help);
pc_metric *pc__histogram(const char *source, const char *name, const char *help, double least);

/* What a metric has now. */
#define PC__BUCKETS 32
typedef struct pc__metric_view {
	const char *name; /* of the family */
	const char *help;
	pc__metric_type type;
	const char *host; /* NULL: of the server */
	double value;     /* counter, gauge; of a histogram the sum of what was observed */
	double most;      /* of a histogram: the greatest that was observed */
	uint64_t count;   /* of a histogram: observations */
	const uint64_t
	        *buckets; /* of a histogram: PC__BUCKETS, not added up; what is above is in count */
	double least;     /* bucket i holds what is at most least * 2^i */
} pc__metric_view;
typedef void pc__metric_fn(const pc__metric_view *view, void *data);
/* Family by family. */
void pc__metrics_each(pc__metric_fn *fn, void *data);
/* The value below which that share (0 to 1) of a histogram's observations lie, by its buckets. */
double pc__metric_quantile(const pc__metric_view *view, double share);
/* All of them as text, with "# EOF" at the end. */
void pc__metrics_write(struct pc__buf *b);
/* Forgets everything: at the end, when nobody counts any more. */
void pc__metrics_free(void);

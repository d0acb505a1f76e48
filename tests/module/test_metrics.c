#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hosts.h"
#include "metrics.h"
#include "modules.h"
#include "util/buf.h"
#include "util/mem.h"

static const pc_module_def def = { .name = "test" };
static struct pc_host host = { .name = "h.example" }, other = { .name = "o\"\\.example" };

static void drop_all(pc_module *m)
{
	while (m->owned) {
		struct pc__owned *o = m->owned;

		pc__disown(o);
		o->drop(o);
	}
}

static void text_is(const char *expected)
{
	struct pc__buf b = { 0 };

	pc__metrics_write(&b);
	assert_string_equal(pc__buf_str(&b), expected);
	pc__buf_free(&b);
}

static void counting(void **state)
{
	pc_module m = { .def = &def, .host = &host, .state = PC__LIVE };
	pc_module m2 = { .def = &def, .host = &other, .state = PC__LIVE };
	pc_metric *hits = pc_counter(&m, "hits", "How \"often\"\nit hit");

	(void)state;
	pc_metric_add(hits, 1);
	pc_metric_add(hits, 2.5);
	pc_metric_add(pc_counter(&m2, "hits", NULL), 1);
	pc_metric_set(pc_gauge(&m, "level", "Level"), -0.25);
	pc_metric_add(pc__counter("core", "things", "Things"), 1e16);
	assert_ptr_equal(pc_counter(&m, "hits", NULL), hits);
	text_is("# TYPE prosody_core_things counter\n"
	        "# HELP prosody_core_things Things\n"
	        "prosody_core_things_total 1e+16\n"
	        "# TYPE prosody_mod_test_hits counter\n"
	        "# HELP prosody_mod_test_hits How \\\"often\\\"\\nit hit\n"
	        "prosody_mod_test_hits_total{host=\"h.example\"} 3.5\n"
	        "prosody_mod_test_hits_total{host=\"o\\\"\\\\.example\"} 1\n"
	        "# TYPE prosody_mod_test_level gauge\n"
	        "# HELP prosody_mod_test_level Level\n"
	        "prosody_mod_test_level{host=\"h.example\"} -0.25\n"
	        "# EOF\n");
	drop_all(&m2);
	drop_all(&m);
	pc__metrics_free();
	text_is("# EOF\n");
}

/* The new instance asks before the old one goes: counting goes on. */
static void reload(void **state)
{
	pc_module old = { .def = &def, .state = PC__LIVE }, new = old;
	pc_metric *a = pc_counter(&old, "hits", "x"), *b;

	(void)state;
	pc_metric_add(a, 5);
	b = pc_counter(&new, "hits", "x");
	assert_ptr_equal(a, b);
	drop_all(&old);
	pc_metric_add(b, 1);
	text_is("# TYPE prosody_mod_test_hits counter\n# HELP prosody_mod_test_hits x\n"
	        "prosody_mod_test_hits_total 6\n# EOF\n");
	drop_all(&new);
	text_is("# EOF\n");
	pc_metric_add(a, 1); /* what is still under way */
	pc__metrics_free();
}

static void quantiles(const pc__metric_view *view, void *data)
{
	double *half = data;

	*half = pc__metric_quantile(view, 0.5);
}

static void histograms(void **state)
{
	pc_metric *h = pc__histogram("loop", "seconds", "Time", 0.5);
	double half = 0;

	(void)state;
	text_is("# TYPE prosody_loop_seconds histogram\n# HELP prosody_loop_seconds Time\n"
	        "prosody_loop_seconds_bucket{le=\"+Inf\"} 0\n"
	        "prosody_loop_seconds_count 0\nprosody_loop_seconds_sum 0\n# EOF\n");
	pc__metrics_each(quantiles, &half);
	assert_true(half == 0);
	pc_metric_observe(h, 0.5);
	pc_metric_observe(h, -1);
	pc_metric_observe(h, 0.6);
	pc_metric_observe(h, 1);
	pc_metric_observe(h, 4);
	pc_metric_observe(h, NAN);
	pc_metric_observe(h, INFINITY);
	text_is("# TYPE prosody_loop_seconds histogram\n# HELP prosody_loop_seconds Time\n"
	        "prosody_loop_seconds_bucket{le=\"0.5\"} 2\n"
	        "prosody_loop_seconds_bucket{le=\"1\"} 4\n"
	        "prosody_loop_seconds_bucket{le=\"2\"} 4\n"
	        "prosody_loop_seconds_bucket{le=\"4\"} 5\n"
	        "prosody_loop_seconds_bucket{le=\"+Inf\"} 5\n"
	        "prosody_loop_seconds_count 5\nprosody_loop_seconds_sum 5.1\n# EOF\n");
	pc__metrics_each(quantiles, &half);
	assert_true(half == 1);
	pc_metric_observe(h, 1e300);
	pc_metric_observe(h, 1e-300);
	pc__metrics_free();
}

static void wrong(void **state)
{
	pc_module m = { .def = &def, .state = PC__LOADING };
	pc_metric *bad;

	(void)state;
	bad = pc_counter(&m, "no-name", "x");
	assert_int_equal(m.err, PC_EINVAL);
	pc_metric_add(bad, 1);
	pc_metric_observe(bad, 1);
	pc__free(&m.err_text);
	m.err = PC_OK;
	pc_counter(&m, "hits", "x");
	pc_metric_set(pc_gauge(&m, "hits", "x"), 5);
	assert_int_equal(m.err, PC_EINVAL);
	pc__free(&m.err_text);
	m.err = PC_OK;
	pc_metric_observe(pc_histogram(&m, "h", "x", 0), 5);
	assert_int_equal(m.err, PC_EINVAL);
	pc__free(&m.err_text);
	text_is("# TYPE prosody_mod_test_hits counter\n# HELP prosody_mod_test_hits x\n"
	        "prosody_mod_test_hits_total 0\n# EOF\n");
	drop_all(&m);
	pc__metrics_free();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counting),
		cmocka_unit_test(reload),
		cmocka_unit_test(histograms),
		cmocka_unit_test(wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_subscriptions.c - RFC 6121 appendix A, cell by cell: for each event a row of the nine states
 * with what the event makes of them ("." leaves a state as it is), and whether it is passed on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "rosters.h"
#include "util/mem.h"

/* In the order of the appendix: o is "pending out", i "pending in". */
static const char *const states[] = { "none", "none+o", "none+i", "none+oi", "to",
	                              "to+i", "from",   "from+o", "both" };
#define N_STATES 9

static const struct row {
	const char *name;
	pc_sub_event event;
	const char *after[N_STATES];
	const char *passed; /* y or n for each state */
	const char *answered;
} rows[] = {
	{ "A.2.1",
	  PC_SUB_OUT_SUBSCRIBE,
	  { "none+o", ".", "none+oi", ".", ".", ".", "from+o", ".", "." },
	  "yyyyyyyyy",
	  "nnnnnnnnn" },
	{ "A.2.2",
	  PC_SUB_OUT_UNSUBSCRIBE,
	  { ".", "none", ".", "none+i", "none", "none+i", ".", "from", "from" },
	  "yyyyyyyyy",
	  "nnnnnnnnn" },
	{ "A.2.3",
	  PC_SUB_OUT_SUBSCRIBED,
	  { ".", ".", "from", "from+o", ".", "both", ".", ".", "." },
	  "nnyynynnn",
	  "nnnnnnnnn" },
	{ "A.2.4",
	  PC_SUB_OUT_UNSUBSCRIBED,
	  { ".", ".", "none", "none+o", ".", "to", "none", "none+o", "to" },
	  "nnyynyyyy",
	  "nnnnnnnnn" },
	{ "A.3.1",
	  PC_SUB_IN_SUBSCRIBE,
	  { "none+i", "none+oi", ".", ".", "to+i", ".", ".", ".", "." },
	  "yynnynnnn",
	  "nnnnnnyyy" },
	{ "A.3.2",
	  PC_SUB_IN_UNSUBSCRIBE,
	  { ".", ".", "none", "none+o", ".", "to", "none", "none+o", "to" },
	  "nnyynyyyy",
	  "nnnnnnnnn" },
	{ "A.3.3",
	  PC_SUB_IN_SUBSCRIBED,
	  { ".", "to", ".", "to+i", ".", ".", ".", "both", "." },
	  "nynynnnyn",
	  "nnnnnnnnn" },
	{ "A.3.4",
	  PC_SUB_IN_UNSUBSCRIBED,
	  { ".", "none", ".", "none+i", "none", "none+i", ".", "from", "from" },
	  "nynyyynyy",
	  "nnnnnnnnn" },
};

static struct pc__sub_state state_of(const char *name)
{
	static const struct pc__sub_state all[N_STATES] = {
		{ PC_SUB_NONE, false, false, false }, { PC_SUB_NONE, true, false, false },
		{ PC_SUB_NONE, false, true, false },  { PC_SUB_NONE, true, true, false },
		{ PC_SUB_TO, false, false, false },   { PC_SUB_TO, false, true, false },
		{ PC_SUB_FROM, false, false, false }, { PC_SUB_FROM, true, false, false },
		{ PC_SUB_BOTH, false, false, false },
	};

	for (size_t i = 0; i < N_STATES; i++)
		if (strcmp(states[i], name) == 0)
			return all[i];
	fail_msg("no state %s", name);
	return all[0];
}

static void check_cell(const struct row *row, size_t i)
{
	struct pc__sub_state got = state_of(states[i]);
	struct pc__sub_state wanted =
	        state_of(strcmp(row->after[i], ".") == 0 ? states[i] : row->after[i]);
	int flags = pc__subscription_apply(&got, row->event);
	bool right = got.subscription == wanted.subscription &&
	             got.pending_out == wanted.pending_out && got.pending_in == wanted.pending_in &&
	             !!(flags & PC_SUB_ROUTE) == (row->passed[i] == 'y') &&
	             !!(flags & PC_SUB_REPLY) == (row->answered[i] == 'y');

	if (!right)
		fail_msg("%s of %s", row->name, states[i]);
}

static void test_appendix_a(void **state)
{
	(void)state;
	for (size_t r = 0; r < PC__COUNT(rows); r++)
		for (size_t i = 0; i < N_STATES; i++)
			check_cell(&rows[r], i);
}

/* Section 3.4: allowed before they ask, and taken back again. */
static void test_pre_approval(void **state)
{
	struct pc__sub_state st = state_of("none");

	(void)state;
	assert_int_equal(pc__subscription_apply(&st, PC_SUB_OUT_SUBSCRIBED), PC_SUB_CHANGED);
	assert_true(st.approved);
	assert_int_equal(pc__subscription_apply(&st, PC_SUB_IN_SUBSCRIBE),
	                 PC_SUB_REPLY | PC_SUB_CHANGED);
	assert_int_equal(st.subscription, PC_SUB_FROM);
	assert_false(st.approved);
	st = state_of("to");
	pc__subscription_apply(&st, PC_SUB_OUT_SUBSCRIBED);
	assert_int_equal(pc__subscription_apply(&st, PC_SUB_OUT_UNSUBSCRIBED), PC_SUB_CHANGED);
	assert_false(st.approved);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appendix_a),
		cmocka_unit_test(test_pre_approval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Events within events: what the inner one was lent does not outlive the outer one, which its
 * deadline or an unload may end first. */
#include "events.h"
#include "service_host.h"

static pc_token waiting;
static int ends;
static char seen[256];

static void note(const pc_event *ev)
{
	snprintf(seen, sizeof(seen), "%s %s %s", pc_event_str(ev, "username"),
	         pc_stanza_get(pc_event_stanza(ev), "id"),
	         pc_stanza_child_text(pc_event_stanza(ev), "body", NULL));
}

static pc_result wait(pc_event *ev, void *data)
{
	(void)data;
	waiting = pc_event_suspend(ev);
	return PC_SUSPENDED;
}

static pc_result read_on(pc_event *ev, void *data)
{
	(void)data;
	note(ev);
	return PC_HANDLED;
}

static pc_result change(pc_event *ev, void *data)
{
	(void)data;
	pc_stanza_set(pc_event_edit(ev), "id", "changed");
	return PC_HANDLED;
}

static void on_ended(pc_event *ev, pc_result result, void *data)
{
	(void)data;
	assert_int_equal(result, PC_HANDLED);
	note(ev);
	ends++;
}

static pc_stanza *message(void)
{
	pc_stanza *st = pc_stanza_message("chat", "romeo@localhost", NULL);

	pc_stanza_set(st, "id", "first");
	pc_stanza_leaf(st, "body", "hello");
	return st;
}

static void fire(pc_module *m, const char *event, pc_stanza *st, const char *user)
{
	pc_fire_wait(m, event,
	             &(pc_fire_args){ .stanza = st,
	                              .args = (pc_arg[]){ PC_STR("username", user),
	                                                  PC_STR("nothing", NULL) },
	                              .n_args = 2 },
	             on_ended, NULL);
}

static void test_what_was_lent_may_go(void **state)
{
	pc_module *m = *state;
	char *user = pc__strdup("romeo");
	pc_stanza *st = message();

	pc_hook_global(m, "inner", wait, 1);
	pc_hook_global(m, "inner", read_on, 0);
	fire(m, "inner", st, user);
	pc_stanza_free(&st);
	memset(user, 'x', strlen(user));
	free(user);
	note(pc_token_event(waiting));
	assert_string_equal(seen, "romeo first hello");
	assert_null(pc_event_str(pc_token_event(waiting), "nothing"));
	memset(seen, 0, sizeof(seen));
	pc_event_resume(waiting, PC_PASS);
	assert_string_equal(seen, "romeo first hello");
	assert_int_equal(ends, 1);
}

/* Who does not wait changes what the firing module reads. */
static void test_changes_are_seen(void **state)
{
	pc_module *m = *state;
	pc_stanza *st = message();

	ends = 0;
	pc_hook_global(m, "changed", change, 0);
	fire(m, "changed", st, "romeo");
	assert_int_equal(ends, 1);
	assert_string_equal(pc_stanza_get(st, "id"), "changed");
	pc_stanza_free(&st);
}

static int set_up(void **state)
{
	loop_open();
	*state = module_new();
	return 0;
}

static int tear_down(void **state)
{
	module_end(*state, PC__DEAD);
	pc__timers_stop();
	loop_end();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_lent_may_go),
		cmocka_unit_test(test_changes_are_seen),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

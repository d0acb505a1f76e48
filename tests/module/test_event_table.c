/*
 * Every event that the core's sources fire by name is in its table, and the table has none that
 * they do not fire.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <glob.h>

#include "events.h"
#include "util/buf.h"

/* What fires, and which of its arguments may be the name. Where `prefix`, more is put behind it. */
static const struct {
	const char *call, *files;
	unsigned arg;
	bool prefix;
} firing[] = {
	{ "pc__notify(", "", 1, false },         { "pc__fire_name(", "", 1, false },
	{ "notify(", "/sessions.c", 0, false },  { "notify_host(", "", 0, false },
	{ "announce(", "/modules.c", 0, false }, { "announce(", "/items.c", 0, true },
	{ "tell(", "/users.c", 2, false },       { "pc__bus_find(", "", 1, false },
	{ "pc__bus_find(", "", 3, false },
};

static struct pc__buf found; /* " name name " */

static void read_file(const char *path, struct pc__buf *b)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	while ((n = fread(pc__buf_room(b, 65536), 1, 65536, f)) > 0)
		pc__buf_added(b, n);
	fclose(f);
	pc__buf_str(b);
}

/* Where that argument of the call begins; `at` is behind the parenthesis. */
static const char *argument(const char *at, unsigned n)
{
	for (int depth = 0; *at && depth >= 0; at++) {
		if (n == 0 && strchr(" \t\n", *at) == NULL)
			return at;
		depth += (*at == '(') - (*at == ')');
		n -= *at == ',' && depth == 0;
	}
	return NULL;
}

static void look_at_name(const char *path, size_t i, const char *text)
{
	char name[100];

	snprintf(name, sizeof(name), "%.*s%s", (int)strcspn(text, "\""), text,
	         firing[i].prefix ? "/" : "");
	pc__buf_printf(&found, " %s ", name);
	if (pc__event_declared(pc__core_events, name) == NULL)
		fail_msg("%s fires %s, which is not in event_table.c", path, name);
}

/* Each text in the argument; a variable names nothing. */
static void look_at(const char *path, size_t i, const char *at)
{
	const char *text = argument(at + strlen(firing[i].call), firing[i].arg);

	while (text && *text && strchr(",;(", *text) == NULL) {
		if (*text == '"') {
			if (text[1] != '"')
				look_at_name(path, i, text + 1);
			text = strchr(text + 1, '"');
		}
		text++;
	}
}

static void look_into(const char *path)
{
	struct pc__buf text = { 0 };

	read_file(path, &text);
	for (size_t i = 0; i < sizeof(firing) / sizeof(firing[0]); i++) {
		const char *at = text.p;

		if (strstr(path, firing[i].files) == NULL)
			continue;
		while ((at = strstr(at, firing[i].call)) != NULL) {
			look_at(path, i, at);
			at += strlen(firing[i].call);
		}
	}
	pc__buf_free(&text);
}

static void what_is_fired_is_in_the_table(void **state)
{
	glob_t files;

	(void)state;
	assert_int_equal(glob(SOURCE "/core/*.c", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++)
		if (strstr(files.gl_pathv[i], "/event") == NULL)
			look_into(files.gl_pathv[i]);
	globfree(&files);
}

/* Stanza events are made of pieces at the bus's making; the short names are for hooking only. */
static bool has_no_literal(const char *name)
{
	static const char *const kinds[] = { "pre-message/", "pre-presence/", "pre-iq/",
		                             "message/",     "presence/",     "iq/" };
	static const char *const shorts[] = { "auth", "bind", "roster-request", "presence" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(name, kinds[i], strlen(kinds[i])) == 0)
			return true;
	for (size_t i = 0; i < sizeof(shorts) / sizeof(shorts[0]); i++)
		if (strcmp(name, shorts[i]) == 0)
			return true;
	return false;
}

static void what_is_in_the_table_is_fired(void **state)
{
	(void)state;
	for (const pc_event_decl *e = pc__core_events; e->name; e++) {
		char wanted[100];
		size_t len = strcspn(e->name, "*");

		if (has_no_literal(e->name))
			continue;
		snprintf(wanted, sizeof(wanted), " %.*s ", (int)len, e->name);
		if (strstr(pc__buf_str(&found), wanted) == NULL)
			fail_msg("nobody fires %s", e->name);
	}
	pc__buf_free(&found);
}

static void each_line_is_whole(void **state)
{
	(void)state;
	for (const pc_event_decl *e = pc__core_events; e->name; e++) {
		assert_true(e->help && strlen(e->help) > 3 && strchr(e->help, '\n') == NULL);
		assert_ptr_equal(pc__event_declared(pc__core_events, e->name), e);
	}
	assert_null(pc__event_declared(pc__core_events, "nonsense"));
	assert_null(pc__event_declared(NULL, "nonsense"));
	assert_non_null(pc__event_declared(pc__core_events, "item-added/feature"));
}

/* The stanza keys of a bus, one by one. */
static void stanza_events_are_in_the_table(void **state)
{
	static const char *const kinds[] = { "message", "presence", "iq" };
	static const char *const targets[] = { "bare", "full", "host", "self" };
	char name[40];

	(void)state;
	for (int i = 0; i < 3 * 4 * 2; i++) {
		bool pre = i % 2;

		if (pre && i / 2 % 4 == 3)
			continue; /* self comes after routing only */
		snprintf(name, sizeof(name), "%s%s/%s", pre ? "pre-" : "", kinds[i / 8],
		         targets[i / 2 % 4]);
		assert_string_equal(pc__event_declared(pc__core_events, name)->name, name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_fired_is_in_the_table),
		cmocka_unit_test(what_is_in_the_table_is_fired),
		cmocka_unit_test(each_line_is_whole),
		cmocka_unit_test(stanza_events_are_in_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

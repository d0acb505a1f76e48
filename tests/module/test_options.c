#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config_internal.h"
#include "files.h"
#include "hosts.h"
#include "log.h"
#include "modules.h"
#include "options.h"

static const char *const colours[] = { "red", "green", "true", NULL };

static const pc_option options[] = {
	{ .name = "text", .type = PC_OPT_STRING, .dflt = "dflt" },
	{ .name = "none", .type = PC_OPT_STRING },
	{ .name = "count", .type = PC_OPT_INTEGER, .dflt = "7", .min = 1, .max = 10 },
	{ .name = "negative", .type = PC_OPT_INTEGER, .dflt = "-3" },
	{ .name = "least", .type = PC_OPT_INTEGER, .dflt = "20000", .min = 10000 },
	{ .name = "flag", .type = PC_OPT_BOOLEAN, .dflt = "true" },
	{ .name = "time", .type = PC_OPT_PERIOD, .dflt = "2 days", .min = 0.5, .max = 1e7 },
	{ .name = "size", .type = PC_OPT_SIZE, .dflt = "256 KiB", .min = 10000 },
	{ .name = "colour", .type = PC_OPT_ENUM, .dflt = "green", .values = colours },
	{ .name = "list", .type = PC_OPT_LIST, .dflt = "{ \"a b\", 'c' ; d }" },
	{ .name = "set", .type = PC_OPT_SET, .dflt = "x, y, x" },
	{ .name = "both", .type = PC_OPT_SET, .inherited = true },
	{ .name = "path", .type = PC_OPT_PATH, .dflt = "certs" },
	{ .name = "table", .type = PC_OPT_TABLE },
	{ 0 },
};

static const pc_module_def def = { .name = "test", .options = options };
static struct pc_host host = { .name = "h.example" };
static pc_module on_host = { .def = &def, .host = &host, .state = PC__LIVE };
static pc_module global = { .def = &def, .state = PC__LIVE };
static struct folder folder;

static void use(const char *text)
{
	char *error, *path = folder_file(&folder, "main.conf");
	pc__config *config;

	folder_write(&folder, "main.conf", text);
	config = pc__config_load(path, NULL, 0, &error);
	free(path);
	assert_non_null(config);
	pc__config_use(config);
}

static int set_up(void **state)
{
	(void)state;
	folder_make(&folder);
	use("log = 'warnings.log'");
	pc__log_setup();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pc__config_use(NULL);
	pc__log_free();
	folder_remove(&folder);
	return 0;
}

/* How often the log says that. */
static unsigned warned(const char *what)
{
	char *log = folder_read(&folder, "warnings.log");
	unsigned n = 0;

	for (const char *at = log; (at = strstr(at, what)) != NULL; at++)
		n++;
	free(log);
	return n;
}

static void list_is(pc_module *m, const char *name, const char *expected)
{
	struct pc__buf b = { 0 };

	for (size_t i = 0; i < pc_opt_count(m, name); i++)
		pc__buf_printf(&b, "%s%s", i ? "," : "", pc_opt_at(m, name, i));
	assert_string_equal(b.p ? pc__buf_str(&b) : "", expected);
	assert_null(pc_opt_at(m, name, pc_opt_count(m, name)));
	pc__buf_free(&b);
}

static void are_defaults(void)
{
	assert_string_equal(pc_opt_str(&global, "text"), "dflt");
	assert_null(pc_opt_str(&global, "none"));
	assert_int_equal(pc_opt_int(&global, "count"), 7);
	assert_int_equal(pc_opt_int(&global, "negative"), -3);
	assert_true(pc_opt_bool(&global, "flag"));
	assert_true(pc_opt_seconds(&global, "time") == 2 * 86400);
	assert_int_equal(pc_opt_int(&global, "size"), 256 * 1024);
	assert_string_equal(pc_opt_str(&global, "colour"), "green");
	list_is(&global, "list", "a,b,c,d");
	list_is(&global, "set", "x,y");
	list_is(&global, "both", "");
	assert_int_equal(pc_opt_str(&global, "path")[0], '/');
	assert_null(pc_opt_field(&global, "table", "a"));
	assert_false(pc_opt_is_set(&global, "text"));
}

static void defaults(void **state)
{
	(void)state;
	use("");
	are_defaults();
	assert_int_equal(warned("\n"), 0);
}

static void add_field(const char *key, const char *value, void *data)
{
	size_t len = strlen(data);

	snprintf((char *)data + len, 100 - len, "%s=%s;", key, value ? value : "{}");
}

static const char *fields_of(const char *const *path)
{
	static char text[100];

	text[0] = '\0';
	pc_opt_each(&global, "table", path, add_field, text);
	return text;
}

/* Names with dots in them, as addresses have. */
static void fields_of_tables(void **state)
{
	(void)state;
	use("table = { 'first', { k = 1 }, ['a.b'] = { ['urn:x.y'] = 'z', f = false }, c = 5 }");
	assert_string_equal(fields_of(NULL), "1=first;2={};a.b={};c=5;");
	assert_string_equal(fields_of((const char *const[]){ "a.b", NULL }), "f=false;urn:x.y=z;");
	assert_string_equal(fields_of((const char *const[]){ "2", NULL }), "k=1;");
	assert_string_equal(fields_of((const char *const[]){ "c", NULL }), "");
	assert_string_equal(fields_of((const char *const[]){ "a.b", "f", NULL }), "");
	assert_string_equal(fields_of((const char *const[]){ "a", "b", NULL }), "");
	use("");
	assert_string_equal(fields_of(NULL), "");
}

static void written_values(void **state)
{
	char *certs = folder_file(&folder, "c/d");

	(void)state;
	use("text = 5; count = '3'; negative = -2^40; flag = false; time = '1.5 hours'; size = "
	    "20000\n"
	    "colour = 'red'; list = { 1, true, 'x', 'x' }; set = { 'p', 'q', 'p' }; both = 'one'\n"
	    "path = 'c/d'; table = { a = { b = 5, c = true }, 'first', { k = 'deep' } }; none = { "
	    "'only' }");
	assert_string_equal(pc_opt_str(&global, "text"), "5");
	assert_string_equal(pc_opt_str(&global, "none"), "only");
	assert_int_equal(pc_opt_int(&global, "count"), 3);
	assert_int_equal(pc_opt_int(&global, "negative"), -(INT64_C(1) << 40));
	assert_false(pc_opt_bool(&global, "flag"));
	assert_true(pc_opt_seconds(&global, "time") == 5400);
	assert_int_equal(pc_opt_int(&global, "size"), 20000);
	assert_string_equal(pc_opt_str(&global, "colour"), "red");
	list_is(&global, "list", "1,true,x,x");
	list_is(&global, "set", "p,q");
	assert_true(pc_opt_has(&global, "set", "q"));
	assert_false(pc_opt_has(&global, "set", "r"));
	list_is(&global, "both", "one");
	assert_string_equal(pc_opt_str(&global, "path"), certs);
	assert_string_equal(pc_opt_field(&global, "table", "a.b"), "5");
	assert_string_equal(pc_opt_field(&global, "table", "a.c"), "true");
	assert_string_equal(pc_opt_field(&global, "table", "1"), "first");
	assert_string_equal(pc_opt_field(&global, "table", "2.k"), "deep");
	assert_null(pc_opt_field(&global, "table", "a"));
	assert_null(pc_opt_field(&global, "table", "a.b.c"));
	assert_null(pc_opt_field(&global, "table", "3"));
	assert_true(pc_opt_is_set(&global, "text"));
	assert_int_equal(warned("\n"), 0);
	use("time = 'never'; path = '/abs'; table = 'text'; flag = 1; colour = true");
	assert_true(isinf(pc_opt_seconds(&global, "time")));
	assert_string_equal(pc_opt_str(&global, "path"), "/abs");
	assert_string_equal(pc_opt_str(&global, "table"), "text");
	assert_string_equal(pc_opt_str(&global, "colour"), "true");
	assert_true(pc_opt_bool(&global, "flag"));
	use("time = false; path = './x'");
	assert_true(isinf(pc_opt_seconds(&global, "time")));
	use("time = 0.5");
	assert_true(pc_opt_seconds(&global, "time") == 0.5);
	use("time = 1/0");
	assert_true(isinf(pc_opt_seconds(&global, "time")));
	free(certs);
}

static void wrong_values(void **state)
{
	static const char *const wrong[] = {
		"text = {}",        "text = true", "text = { 'a', 'b' }", "count = 0",
		"count = 11",       "count = 2.5", "count = 'many'",      "count = {}",
		"count = ''",       "count = 0/0", "flag = 'maybe'",      "flag = 2",
		"flag = {}",        "time = -1",   "time = 'soon'",       "time = 0.1",
		"time = '3 years'", "time = true", "time = 0/0",          "size = 5",
		"size = '5 KiB'",   "size = 'x'",  "size = -1",           "size = 1e300",
		"colour = 'blue'",  "colour = 5",  "list = { {} }",       "list = { a = 1 }",
		"set = { {} }",     "path = true", "path = {}",           "least = 9999",
	};

	(void)state;
	for (size_t i = 0; i < PC__COUNT(wrong); i++) {
		char name[20];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(wrong[i], " "), wrong[i]);
		folder_write(&folder, "warnings.log", "");
		pc__log_reopen();
		use(wrong[i]);
		pc_opt_str(&global, name);
		pc_opt_int(&on_host, name);
		pc_opt_int(&global, name);
		if (warned("main.conf:1: option ") != 1)
			fail_msg("%s: warned %u times", wrong[i], warned("main.conf"));
		assert_false(pc_opt_is_set(&global, name));
		are_defaults();
	}
}

static void no_defaults_after_wrong(void **state)
{
	(void)state;
	use("least = 1e9; size = '1 GiB'");
	assert_int_equal(pc_opt_int(&global, "least"), 1000000000);
	assert_int_equal(pc_opt_int(&global, "size"), 1 << 30);
}

static void unclear_units(void **state)
{
	(void)state;
	use("time = '1m'");
	pc_opt_seconds(&global, "time");
	pc_opt_seconds(&on_host, "time");
	assert_int_equal(warned("\"1m\" is taken for"), 1);
}

static void hosts_first(void **state)
{
	(void)state;
	use("text = 'g'; set = { 'g' }; both = { 'g', 'x' }; count = 5\n"
	    "VirtualHost 'h.example' text = 'h'; set = { 'h' }; both = { 'h', 'x' }; count = 99");
	assert_string_equal(pc_opt_str(&on_host, "text"), "h");
	assert_string_equal(pc_opt_str(&global, "text"), "g");
	list_is(&on_host, "set", "h");
	list_is(&on_host, "both", "h,x,g");
	list_is(&global, "both", "g,x");
	assert_int_equal(pc_opt_int(&on_host, "count"), 5);
	assert_int_equal(warned("main.conf:2: option count"), 1);
}

static void names_that_are_not_listed(void **state)
{
	pc_module loading = { .def = &def, .state = PC__LOADING };

	(void)state;
	use("other = 5");
	assert_int_equal(pc_opt_int(&loading, "other"), 0);
	assert_int_equal(loading.err, PC_EINVAL);
	assert_non_null(strstr(loading.err_text, "other"));
	free(loading.err_text);
}

static void the_core(void **state)
{
	pc_option ports = { .name = "x_ports", .type = PC_OPT_LIST, .dflt = "5222" };
	pc_option timeout = { .name = "x_timeout", .type = PC_OPT_PERIOD, .dflt = "30" };
	pc_option flag = { .name = "x_flag", .type = PC_OPT_BOOLEAN, .dflt = "true" };

	(void)state;
	use("x_ports = { 1, 2 }; c2s_timeout = 0.5; admins = { 'a' }\n"
	    "VirtualHost 'h.example' admins = 'b'; x_timeout = 5");
	assert_int_equal(pc__opt_count_of(NULL, &ports), 2);
	assert_string_equal(pc__opt_at_of(NULL, &ports, 1), "2");
	assert_true(pc__opt_number_of(NULL, &timeout) == 30);
	assert_true(pc__opt_number_of("h.example", &timeout) == 5);
	assert_true(pc__opt_number_of("other.example", &timeout) == 30);
	timeout.dflt = "31";
	assert_true(pc__opt_number_of(NULL, &timeout) == 31);
	assert_true(pc__opt_bool_of(NULL, &flag));
	assert_true(pc__opt_seconds(NULL, "c2s_timeout") == 0.5);
	assert_int_equal(pc__opt_int(NULL, "c2s_stanza_size_limit"), 262144);
	assert_string_equal(pc__opt_str(NULL, "conflict_resolve"), "kick_old");
	assert_int_equal(pc__opt_count("h.example", "admins"), 2);
	assert_int_equal(pc__opt_count(NULL, "interfaces"), 2);
	assert_string_equal(pc__opt_at(NULL, "local_interfaces", 1), "::1");
	assert_true(pc__opt_bool(NULL, "use_ipv6"));
	use("");
	assert_int_equal(pc__opt_count_of(NULL, &ports), 1);
}

/* Each default must be readable by its own type, and in its own range. */
static void defaults_of_the_core(void **state)
{
	pc__typed t;

	(void)state;
	for (const pc_option *o = pc__core_options; o->name; o++) {
		pc__arena *arena = pc__arena_new(100);

		if (o->dflt && !pc__option_text(o, o->dflt, arena, &t))
			fail_msg("%s = %s", o->name, o->dflt);
		assert_non_null(o->help);
		assert_ptr_equal(pc__option_find(pc__core_options, o->name), o);
		pc__arena_free(&arena);
	}
}

/* ---- names that nobody knows */

static char said[1000];

static void say(pc__severity severity, const char *text, void *data)
{
	(void)data;
	(void)severity;
	strncat(said, text, sizeof(said) - strlen(said) - 2);
	strncat(said, "\n", 2);
}

static bool sources(size_t i, void *data, struct pc__option_source *source_r)
{
	(void)data;
	*source_r = (struct pc__option_source){ options, "some", true };
	return i == 0;
}

static const struct pc__option_check all = { .sources = sources, .tell = say };
static const struct pc__option_check core_alone = { .tell = say };

static void misspelt(void **state)
{
	(void)state;
	use("c2s_timeot = 5\ncolor = 'red'\nc2s_port = 5\ntext = 1\nsomething_else_entirely = 1\n"
	    "VirtualHost 'h.example' modules_enalbed = {}");
	said[0] = '\0';
	assert_int_equal(pc__config_check(NULL, &all), 5);
	assert_non_null(
	        strstr(said, "main.conf:1: option c2s_timeot is not known: is c2s_timeout meant?"));
	assert_non_null(strstr(said, "main.conf:2: option color is not known: is colour meant?"));
	assert_non_null(strstr(said, "main.conf:3: option c2s_port is called c2s_ports now\n"));
	assert_non_null(strstr(said, "option something_else_entirely is not known\n"));
	assert_non_null(strstr(said, "option modules_enalbed of h.example is not known: is "
	                             "modules_enabled meant?"));
	assert_int_equal(pc__config_check(NULL, &core_alone), 6);
}

static void shipped_files_are_known(void **state)
{
	char *error;
	pc__config *config = pc__config_load(SOURCE "/prosody-c.conf", NULL, 0, &error);

	(void)state;
	assert_non_null(config);
	pc__config_use(config);
	assert_int_equal(pc__config_check(NULL, &core_alone), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(defaults),
		TEST(written_values),
		TEST(fields_of_tables),
		TEST(wrong_values),
		TEST(no_defaults_after_wrong),
		TEST(unclear_units),
		TEST(hosts_first),
		TEST(names_that_are_not_listed),
		TEST(the_core),
		TEST(defaults_of_the_core),
		TEST(misspelt),
		TEST(shipped_files_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "config_reading.h"

#define TEST_DATA SOURCE "/tests/unit/data"

static void values(void **state)
{
	(void)state;
	load("a = 'text'; b = 5; c = 2.5; d = true; e = false; f = { 'x', 'y', n = 1, [7] = 's' }\n"
	     "g = 1024 * 256; h = -1; i = { { 'in', k = { 1 } } }; j = nil; k = 'a' .. 'b'\n"
	     "l = { 'a', nil, 'c' }; m = {}");
	check(NULL, "a", "text");
	check(NULL, "b", "5");
	check(NULL, "c", "2.5");
	check(NULL, "d", "true");
	check(NULL, "e", "false");
	check(NULL, "f", "[x,y]7=s;n=1;");
	check(NULL, "g", "262144");
	check(NULL, "h", "-1");
	check(NULL, "i", "[[in]k=[1];]");
	check(NULL, "j", "unset");
	check(NULL, "k", "ab");
	check(NULL, "l", "[a,c]");
	check(NULL, "m", "[]");
	assert_int_equal(pc__config_get(NULL, "a")->line, 1);
	assert_int_equal(pc__config_get(NULL, "k")->line, 2);
	assert_string_equal(pc__config_get(NULL, "k")->file, main_file);
}

static void hosts_and_scopes(void **state)
{
	(void)state;
	load("a = 1; b = 2\n"
	     "VirtualHost 'Example.ORG' a = 3\n"
	     "VirtualHost 'table.example' { a = 4; enabled = false }\n"
	     "global = 1\n"
	     "Host 'old.example' host 'older.example' a = 5\n"
	     "Component 'rooms.example.org' 'muc' name = 'Rooms'\n"
	     "component 'both.example.org' 'muc' { name = 'x' }\n"
	     "Component 'ext.example.org' { component_secret = 's' }\n"
	     "global2 = 1\n"
	     "Component 'own.example.org' component_module = 'proxy65'\n"
	     "VirtualHost 'example.org' c = 6\n");
	hosts_are("example.org:- table.example:- old.example:- older.example:- "
	          "rooms.example.org:muc both.example.org:muc ext.example.org:component "
	          "own.example.org:proxy65");
	check("example.org", "a", "3");
	check("example.org", "b", "2");
	check("example.org", "c", "6");
	check("table.example", "a", "4");
	check("table.example", "enabled", "false");
	check("older.example", "a", "5");
	check("nobody.example", "a", "1");
	check(NULL, "global", "1");
	check(NULL, "global2", "1");
	check(NULL, "c", "unset");
	check("rooms.example.org", "name", "Rooms");
	check("ext.example.org", "component_secret", "s");
	assert_null(pc__config_get_own("example.org", "b"));
	assert_null(pc__config_get_own("nobody.example", "a"));
	assert_null(pc__value_field(NULL, "x"));
}

static void lists_are_appended_to(void **state)
{
	(void)state;
	load("m = { 'a' } m:append { 'b', 'c' } m { 'd' }\n"
	     "copy = m\n"
	     "text = m:value()\n"
	     "s = 'x'; t = s .. 'y' .. 5\n"
	     "n = {} for v in m:values() do n:append { v .. '!' } end\n"
	     "f = { k = 1 } f:append { k = 2, l = 3 }\n"
	     "VirtualHost 'h.example' m:append { 'h' }\n");
	check(NULL, "m", "[a,b,c,d]");
	check("h.example", "m", "[a,b,c,d,h]");
	check(NULL, "copy", "[a,b,c,d]");
	check(NULL, "text", "[a,b,c,d]");
	check(NULL, "n", "[a!,b!,c!,d!]");
	check(NULL, "t", "xy5");
	check(NULL, "f", "[]k=2;l=3;");
	load("m = { 'a' } copy = m m:append { 'b' }");
	check(NULL, "copy", "[a]");
	warns_nothing("m = { 'a' } m:append { 'b' }");
	fails("m = 'x'\nm:append { 'a' }", "main.conf:2: option m is no list");
	fails("m = { 'x' }\nm 'a'", "main.conf:2: a list is appended to m");
	fails("m = { 'x' }\nm:add { 'a' }", "main.conf:2: option m knows");
	fails("m = { 'x' }\nm.k = 1", "main.conf:2:");
}

static void files_are_included(void **state)
{
	(void)state;
	folder_sub(&folder, "conf.d");
	folder_write(&folder, "conf.d/b.cfg.lua",
	             "order = (ENV_NOT_SET or 'b'); x = 'b'; here = 1");
	folder_write(&folder, "conf.d/a.cfg.lua", "x = 'a'; VirtualHost 'a.example' y = 'a'");
	folder_write(&folder, "conf.d/.hidden.cfg.lua", "fail(");
	folder_write(&folder, "conf.d/other.txt", "fail(");
	folder_write(&folder, "one.lua", "Include 'conf.d/two.lua'");
	folder_write(&folder, "conf.d/two.lua", "two = FileLine 'text'");
	folder_write(&folder, "conf.d/text", "first\r\nsecond\n\nlast");
	folder_write(&folder, "script.lua", "local t = { 'script' } inner = 1 return t[inner]");
	load("VirtualHost 'main.example'\n"
	     "Include 'conf.d/*.cfg.lua'\n"
	     "z = 1\n"
	     "include 'one.lua'\n"
	     "all = FileContents 'conf.d/text'\n"
	     "lines = FileLines('conf.d/text')\n"
	     "script = RunScript 'script.lua'\n");
	hosts_are("main.example:- a.example:-");
	check(NULL, "x", "b");
	check(NULL, "here", "1");
	check("a.example", "y", "a");
	check("main.example", "z", "1");
	check(NULL, "z", "unset");
	check(NULL, "two", "first");
	check("main.example", "all", "first\r\nsecond\n\nlast");
	check("main.example", "lines", "[first,second,,last]");
	check("main.example", "script", "script");
	check("main.example", "inner", "unset");
	warns_nothing("Include 'conf.d/none-*.lua'");
	warns("Include 'none/*.lua'", "main.conf:1: ");
	fails("Include 'none.lua'", "main.conf:1: ");
	fails("x = FileContents 'none'", "main.conf:1: ");
	fails("x = FileContents 'conf.d'", "Is a directory");
	fails("x = FileContents '/dev/zero'", "main.conf:1: ");
	fails("x = FileContents ''", "main.conf:1: ");
	fails("Include { }", "main.conf:1: ");
}

static void places_of_errors(void **state)
{
	(void)state;
	folder_write(&folder, "broken.lua", "\n\nx = = 5");
	folder_write(&folder, "raises.lua", "\nx = nothing.more");
	fails("Include 'broken.lua'", "/broken.lua:3: unexpected symbol near '='");
	fails("\nx = {", "main.conf:2: ");
	fails("Include 'raises.lua'", "/raises.lua:2: attempt to index a nil value");
	fails("#!/usr/bin/lua\nx = = 1", "main.conf:2: ");
	fails("\nVirtualHost 'a b'", "main.conf:2: VirtualHost \"a b\"");
	fails("Lua.error('mine')", "main.conf:1: mine");
	fails("Lua.error({})", "no text");
	fails_n("\xef\xbb\xbf\nx = = 1", 11, "main.conf:2: ");
}

static void environment(void **state)
{
	(void)state;
	folder_write(&folder, "key", "secret\n");
	setenv("PROSODY_C_TEST", "from outside", 1);
	unsetenv("PROSODY_C_NONE");
	unsetenv("CREDENTIALS_DIRECTORY");
	load("a = ENV_PROSODY_C_TEST; b = ENV_PROSODY_C_NONE or 'none'\n"
	     "c = Lua.os.getenv('PROSODY_C_TEST'); d = Lua.tonumber('5') + 1");
	check(NULL, "a", "from outside");
	check(NULL, "b", "none");
	check(NULL, "c", "from outside");
	check(NULL, "d", "6");
	fails("a = Credential 'key'", "CREDENTIALS_DIRECTORY");
	setenv("CREDENTIALS_DIRECTORY", folder.path, 1);
	load("a = Credential 'key'");
	check(NULL, "a", "secret\n");
	fails("a = Credential '../key'", "no name of a credential");
	fails("a = Credential '..'", "no name of a credential");
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void warnings(void **state)
{
	(void)state;
	warns("a = bare", "main.conf:1: bare is not known here");
	load("a = bare");
	check(NULL, "a", "unset");
	warns("a = 1\na = 2", "main.conf:2: option a was set in line 1 already");
	warns("a = tostring(5)", "tostring of Lua is written Lua.tostring");
	warns("a = Lua.string", "Lua.string is not available");
	warns("for i = 1, 100 do a = bare end", "and 50 more such warnings");
	folder_write(&folder, "more.lua", "a = 2");
	warns_nothing("a = 1; Include 'more.lua'; VirtualHost 'h.example' a = 3");
}

static void kinds_of_hosts_do_not_mix(void **state)
{
	(void)state;
	fails("VirtualHost 'a.example'\nComponent 'A.example' 'muc'",
	      "is a VirtualHost already (line 1)");
	fails("Component 'a.example'\nVirtualHost 'a.example'", "is a Component already");
	fails("VirtualHost ''", "cannot be the name");
	fails("VirtualHost 'a\\0b'", "cannot be the name");
	fails("VirtualHost 'a@b'", "cannot be the name");
	fails("VirtualHost(5)", "needs a name");
	fails("VirtualHost {}", "needs a name");
	fails("VirtualHost 'a.example' 'muc'", "a table of options is meant");
	fails("VirtualHost 'a.example' { 'x' }", "has no name");
	fails("VirtualHost = 1", "VirtualHost is a word");
	fails("Include = 1", "Include is a word");
	fails("ENV_X = 1", "ENV_X is a word");
	fails("Lua = 1", "Lua is a word");
	fails("FileLine = 1", "FileLine is a word");
	fails("Lua.x = 1", "cannot be changed");
}

static void overrides(void **state)
{
	static const char *const given[] = { "a=5",
		                             "b=text",
		                             "c={ 'x', 'y' }",
		                             "h.example:d=1",
		                             "path=/var/x y",
		                             "host=example.org",
		                             "debug=debug",
		                             "gone=nil",
		                             "f=1,2",
		                             "e=",
		                             "h.example:g=a:b=c",
		                             "i='quoted'" };
	static const char *const wrong[] = { "novalue", "=5", "none.example:a=1" };

	(void)state;
	load_with("a = 1; debug = true; gone = 1; VirtualHost 'h.example'", given,
	          PC__COUNT(given));
	check(NULL, "a", "5");
	assert_int_equal(pc__config_get(NULL, "a")->type, PC__NUMBER);
	check(NULL, "b", "text");
	check(NULL, "c", "[x,y]");
	check("h.example", "d", "1");
	check(NULL, "d", "unset");
	check(NULL, "path", "/var/x y");
	check(NULL, "host", "example.org");
	check(NULL, "debug", "debug");
	check(NULL, "gone", "unset");
	check(NULL, "f", "1,2");
	check(NULL, "e", "");
	check("h.example", "g", "a:b=c");
	check(NULL, "i", "quoted");
	assert_string_equal(pc__config_get(NULL, "a")->file, "-o");
	for (size_t i = 0; i < PC__COUNT(wrong); i++) {
		char *error;

		assert_null(pc__config_load(main_file, &wrong[i], 1, &error));
		assert_non_null(error);
		free(error);
	}
}

static void drop_ins(void **state)
{
	(void)state;
	folder_sub(&folder, "plugins.d");
	folder_sub(&folder, "mine");
	folder_write(&folder, "plugins.d/b.conf", "m:append { 'b' }");
	folder_write(&folder, "plugins.d/a.conf", "m:append { 'a' } VirtualHost 'x.example' z = 1");
	folder_write(&folder, "plugins.d/README", "fail(");
	folder_write(&folder, "mine/c.conf", "m:append { 'c' }");
	load("m = { 'main' } VirtualHost 'h.example'");
	check(NULL, "m", "[main,a,b]");
	check("x.example", "z", "1");
	load("m = { 'main' } plugin_paths = { 'mine', '/nowhere' }");
	check(NULL, "m", "[main,c,a,b]");
	load("m = { 'main' } plugin_paths = 'mine'");
	check(NULL, "m", "[main,c,a,b]");
}

static void debian(void **state)
{
	char *error;
	pc__config *config = pc__config_load(TEST_DATA "/debian.cfg.lua", NULL, 0, &error);

	(void)state;
	assert_non_null(config);
	pc__config_use(config);
	hosts_are("localhost:- second.example:- rooms.localhost:muc");
	check(NULL, "s2s_secure_auth", "true");
	check(NULL, "limits", "[]c2s=[]rate=10kb/s;;s2sin=[]rate=30kb/s;;");
	check(NULL, "admins", "[admin@localhost]");
	check("second.example", "ssl",
	      "[]certificate=/etc/prosody/certs/second.example.crt;"
	      "key=/etc/prosody/certs/second.example.key;");
	assert_int_equal(pc__config_get(NULL, "modules_enabled")->n_list, 28);
	assert_string_equal(pc__config_get("rooms.localhost", "name")->file,
	                    TEST_DATA "/conf.d/rooms.cfg.lua");
}

static void shipped(void **state)
{
	char *error;
	pc__config *config = pc__config_load(SOURCE "/prosody-c.conf", NULL, 0, &error);

	(void)state;
	assert_non_null(config);
	pc__config_use(config);
	hosts_are("localhost:-");
	check(NULL, "data_path", "data");
}

static void a_reload_keeps_nothing(void **state)
{
	(void)state;
	load("a = 1; VirtualHost 'x.example'");
	load("b = 2");
	check(NULL, "a", "unset");
	hosts_are("");
	pc__config_use(NULL);
	check(NULL, "b", "unset");
	hosts_are("");
	assert_true(pc__config_dir()[0] == '/' || pc__config_dir()[0] == '.');
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values),
		TEST(hosts_and_scopes),
		TEST(lists_are_appended_to),
		TEST(files_are_included),
		TEST(places_of_errors),
		TEST(environment),
		TEST(warnings),
		TEST(kinds_of_hosts_do_not_mix),
		TEST(overrides),
		TEST(drop_ins),
		TEST(debian),
		TEST(shipped),
		TEST(a_reload_keeps_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

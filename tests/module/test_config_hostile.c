#include <time.h>

#include "config_reading.h"

/* No library, no way to bytecode, metatables, or to catch errors. */
static void nothing_else_is_there(void **state)
{
	static const char *const names[] = {
		"string",       "io",           "load",           "dofile",  "require",
		"pcall",        "rawset",       "debug",          "table",   "_G",
		"coroutine",    "loadfile",     "rawget",         "package", "print",
		"setmetatable", "getmetatable", "collectgarbage", "xpcall"
	};
	char text[100];

	(void)state;
	for (size_t i = 0; i < PC__COUNT(names); i++) {
		snprintf(text, sizeof(text), "if %s ~= nil or Lua.%s ~= nil then x = 1 end",
		         names[i], names[i]);
		load(text);
		check(NULL, "x", "unset");
	}
	load("if Lua.os.execute == nil and Lua.os.exit == nil then x = 1 end");
	check(NULL, "x", "1");
	fails("x = ('x'):rep(1e9)", "main.conf:1: attempt to index a string value");
	fails("x = ('x').rep", "attempt to index a string value");
	fails("x = #('x'):format()", "attempt to index a string value");
	fails_n("\x1bLua\x54\x00\x19\x93\r\n\x1a\n", 12, "main.conf");
}

static void garbage(void **state)
{
	unsigned char bytes[4096];
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			seed = seed * 1103515245u + 12345u;
			bytes[i] = (unsigned char)(seed >> 16);
		}
		fails_n((char *)bytes, sizeof(bytes), "");
	}
	fails_n("x = 'a\0b'", 9, "zero byte");
	fails("x = 'a\\0b'", "main.conf:1: option x has a zero byte");
	fails("x = 'a\\xff'", "main.conf:1: option x has text that is not UTF-8");
	fails("x = { ['a\\xff'] = 1 }", "not UTF-8");
	fails("x = function() end", "is a function");
	fails("x = { VirtualHost }", "is a function");
	fails("_ENV[5] = 1", "an option needs a name");
	fails("_ENV[''] = 1", "a name of an option");
	fails("_ENV['a\\0b'] = 1", "zero byte");
}

static void endless(void **state)
{
	static const char *const texts[] = {
		"while true do end",
		"for i = 1, 1e15 do x = i end",
		"local function f() return f() end f()",
		"::again:: goto again",
		"local s = 'x' for i = 1, 1e9 do local t = s .. i end",
		"local t = {} for i = 1, 1e9 do t[i % 10] = Lua.tostring(i) end",
		"for i = 1, 1e9 do Include 'none-*.lua' end",
		"local f = '/proc/self/status' for i = 1, 1e9 do local x = FileContents(f) end",
		"m = {} for i = 1, 1e9 do m:append { 1 } end",
		"while true do a = bare end",
		"for k in Lua.pairs({1}) do while true do end end",
	};
	clock_t started;

	(void)state;
	for (size_t i = 0; i < PC__COUNT(texts); i++) {
		started = clock();
		fails(texts[i], "main.conf");
		assert_true((double)(clock() - started) / CLOCKS_PER_SEC < 10);
	}
}

static void too_much(void **state)
{
	(void)state;
	fails("local s = 'xxxxxxxx' while true do s = s .. s end", "MB of memory");
	fails("local t = {} while true do t[#t + 1] = {} end", "main.conf");
	fails("local function f() return 1 + f() end f()", "main.conf");
	fails("local t = {} t.t = t; x = t",
	      "main.conf:1: option x is a table that contains itself");
	fails("local t = {} for i = 1, 100 do t = { t } end x = t", "too deep");
	fails("local t = { 1 } for i = 1, 15 do t = { t, t, t, t, t, t, t, t } end x = t",
	      "main.conf");
	fails("local s = 'x' for i = 1, 20 do s = s .. s end local t = {} "
	      "for i = 1, 1000 do t[i] = s end x = t",
	      "too large");
	fails("for i = 1, 1e7 do _ENV['x' .. i] = 1 end", "main.conf");
	fails("for i = 1, 1e6 do VirtualHost('x' .. i) end", "main.conf");
	folder_write(&folder, "self.lua", "Include 'self.lua'");
	fails("Include 'self.lua'", "include one another too deep");
	folder_write(&folder, "self.lua", "RunScript 'self.lua'");
	fails("Include 'self.lua'", "include one another too deep");
}

static void deep_text(void **state)
{
	size_t n = 100000;
	char *text = pc__malloc(n + 5);

	(void)state;
	memcpy(text, "x = ", 4);
	memset(text + 4, '{', n);
	fails_n(text, n + 4, "main.conf: C stack overflow");
	memset(text + 4, '(', n);
	fails_n(text, n + 4, "main.conf: C stack overflow");
	memset(text + 4, '-', n);
	text[5] = ' ';
	fails_n(text, n + 4, "main.conf:1: ");
	free(text);
	text = pc__malloc((5 << 20) + 1);
	memset(text, ' ', 5 << 20);
	fails_n(text, 5 << 20, "too large");
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_else_is_there),
		TEST(garbage),
		TEST(endless),
		TEST(too_much),
		TEST(deep_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "parser_run.h"

static char *repeated(const char *before, const char *what, size_t n, const char *after)
{
	struct pc__buf b = { 0 };

	pc__buf_adds(&b, before);
	while (n--)
		pc__buf_adds(&b, what);
	pc__buf_adds(&b, after);
	pc__buf_str(&b);
	return b.p;
}

/* Takes the text; true: it was an element. */
static bool accepted(const struct way *way, char *text)
{
	char *got = run(way, text, strlen(text));
	bool ok = strstr(got, "E ") == NULL;

	if (!ok)
		assert_string_equal(strstr(got, "E "), "E policy-violation");
	else
		assert_true(strncmp(got, HEADER, sizeof(HEADER) - 1) == 0 &&
		            strlen(got) > sizeof(HEADER));
	free(got);
	free(text);
	return ok;
}

static void limits_tags(void **state)
{
	const struct way ways[] = { { 0 }, { .piece = 64 }, { .piece = 1460 } };

	(void)state;
	for (size_t i = 0; i < PC__COUNT(ways); i++) {
		assert_true(accepted(&ways[i], repeated(STREAM "<a b='", "x", 20 * 1024, "'/>")));
		assert_false(accepted(&ways[i], repeated(STREAM "<a b='", "x", 40 * 1024, "'/>")));
		assert_true(accepted(&ways[i], repeated(STREAM "<a>", "x", 40 * 1024, "</a>")));
		assert_false(accepted(&ways[i], repeated(STREAM "<a>x</a", " ", 40 * 1024, ">")));
		/* what is wrong behind the limit has not been looked at */
		assert_false(accepted(&ways[i], repeated(STREAM "<a b='", "x", 33 * 1024, "<c/>")));
	}
}

/* At once: not only when the tag ends. */
static void limits_tags_that_do_not_end(void **state)
{
	char *text = repeated(STREAM "<a b='", "x", 40 * 1024, "");
	struct run r = { .way = &(struct way){ 0 } };
	size_t at = 0, used;

	(void)state;
	r.parser = pc__xml_new(&callbacks, NULL, &pc__xml_limits_default, &r);
	while (pc__xml_feed(r.parser, text + at, 64, &used) == PC__XML_OK)
		at += used;
	assert_in_range(at, 32 * 1024, 33 * 1024 + sizeof(STREAM));
	assert_string_equal(pc__xml_error(r.parser, NULL), "policy-violation");
	assert_false(pc__xml_idle(r.parser));
	assert_int_equal(pc__xml_feed(r.parser, " ", 1, &used), PC_EINVAL);
	pc__xml_free(&r.parser);
	pc__buf_free(&r.log);
	free(text);
}

/* A long tag is answered when its last byte comes, not with the byte behind it. */
static void delivers_long_tags_at_once(void **state)
{
	char *text = repeated(STREAM "<a b='", "x", 20 * 1024, "'/>");
	struct run r = { .way = &(struct way){ 0 } };
	size_t len = strlen(text), used;

	(void)state;
	r.parser = pc__xml_new(&callbacks, NULL, &pc__xml_limits_default, &r);
	for (size_t at = 0; at < len - 1; at += used)
		assert_int_equal(pc__xml_feed(r.parser, text + at,
		                              len - 1 - at < 1000 ? len - 1 - at : 1000, &used),
		                 PC__XML_OK);
	assert_int_equal(r.log.len, sizeof(HEADER) - 1);
	assert_int_equal(pc__xml_feed(r.parser, ">", 1, &used), PC__XML_OK);
	assert_true(r.log.len > 20 * 1024);
	pc__xml_free(&r.parser);
	pc__buf_free(&r.log);
	free(text);
}

static void limits_elements(void **state)
{
	const struct way ways[] = { { 0 }, { .piece = 100 }, { .piece = 5000, .pause = true } };

	(void)state;
	for (size_t i = 0; i < PC__COUNT(ways); i++) {
		const struct way *w = &ways[i];

		assert_true(accepted(w, repeated(STREAM "<a>", "x", 256 * 1024 - 7, "</a>")));
		assert_false(accepted(w, repeated(STREAM "<a>", "x", 256 * 1024 - 6, "</a>")));
		assert_false(accepted(w, repeated(STREAM "<a>", "&lt;", 65537, "")));
		assert_true(accepted(w, repeated(STREAM, "<a>0123456789</a>", 30000, "")));
		assert_true(accepted(w, repeated(STREAM "<a>", "<b/>", 8191, "</a>")));
		assert_false(accepted(w, repeated(STREAM "<a>", "<b/>", 8192, "</a>")));
		assert_false(accepted(w, repeated(STREAM, "<a>", 129, "")));
		assert_false(accepted(w, repeated(STREAM "<", "a", 1025 - 13, "/>")));
		assert_true(accepted(w, repeated(STREAM "<", "a", 1024 - 13, "/>")));
		assert_false(accepted(w, repeated(STREAM "<a ", "a", 1025, "='x'/>")));
		assert_false(accepted(w, repeated(STREAM "<a xmlns='", "a", 1024, "'/>")));
	}
}

static void limits_depth_and_attributes(void **state)
{
	struct pc__buf b = { 0 };

	(void)state;
	pc__buf_adds(&b, STREAM);
	for (int i = 0; i < 128; i++)
		pc__buf_adds(&b, "<a>");
	for (int i = 0; i < 128; i++)
		pc__buf_adds(&b, "</a>");
	assert_true(accepted(&(struct way){ 0 }, pc__strndup(b.p, b.len)));
	for (int n = 256; n < 258; n++) {
		b.len = 0;
		pc__buf_adds(&b, STREAM "<a");
		for (int i = 0; i < n; i++)
			pc__buf_printf(&b, i % 2 ? " a%d=''" : " xmlns:a%d='u'", i);
		pc__buf_adds(&b, "/>");
		assert_int_equal(accepted(&(struct way){ 0 }, pc__strndup(b.p, b.len)), n == 256);
	}
	pc__buf_free(&b);
}

/* Two long namespaces by turns, by prefix: few bytes in, many out. */
static void limits_namespaces(void **state)
{
	struct pc__buf b = { 0 };
	size_t bytes;

	(void)state;
	pc__buf_adds(&b, STREAM "<m xmlns:a='");
	for (int i = 0; i < 900; i++)
		pc__buf_addc(&b, 'u');
	pc__buf_adds(&b, "'>");
	bytes = b.len;
	for (int i = 0; i < 280; i++)
		pc__buf_adds(&b, "<a:x/>");
	assert_true(accepted(&(struct way){ 0 }, pc__printf("%.*s</m>", (int)b.len, b.p)));
	for (int i = 0; i < 20; i++)
		pc__buf_adds(&b, "<a:x/>");
	assert_false(accepted(&(struct way){ 0 }, pc__printf("%.*s</m>", (int)b.len, b.p)));
	b.len = bytes;
	for (int i = 0; i < 300; i++)
		pc__buf_adds(&b, "<x a:y=''/>");
	assert_false(accepted(&(struct way){ 0 }, pc__printf("%.*s</m>", (int)b.len, b.p)));
	pc__buf_free(&b);
}

static void limits_the_unauthenticated(void **state)
{
	struct way w = { .limits = &pc__xml_limits_unauthed };

	(void)state;
	/* RFC 6120 section 13.12: 10000 bytes must be possible */
	assert_true(accepted(&w, repeated(STREAM "<a>", "x", 10000 - 7, "</a>")));
	assert_true(accepted(&w, repeated(STREAM "<a b='", "x", 10000 - 9, "'/>")));
	assert_false(accepted(&w, repeated(STREAM "<a>", "x", 10000 - 6, "</a>")));
	assert_false(accepted(&w, repeated("", " ", 10001, "")));
	assert_false(accepted(
	        &w, repeated("<s:stream xmlns:s='" PC_NS_STREAM "' to='", "x", 10000, "'>")));
	w.piece = 100;
	assert_false(accepted(
	        &w, repeated("<s:stream xmlns:s='" PC_NS_STREAM "' to='", "x", 10000, "")));
}

/* Expat remembers each name: it must not grow with the stream. */
static void renews_its_memory(void **state)
{
	struct pc__buf b = { 0 };
	char *got;

	(void)state;
	pc__buf_adds(&b, STREAM);
	for (int i = 0; i < 40000; i++)
		pc__buf_printf(&b, "<n%d a%d='x' xmlns:p%d='u'/>", i, i, i);
	pc__buf_adds(&b, "</stream:stream>");
	for (int i = 0; i < 3; i++) {
		got = run(&(struct way){ .piece = i == 1 ? 4096 : 0, .pause = i == 2 }, b.p, b.len);
		assert_string_equal(got + strlen(got) - 24, "n39999 a39999='x'/>\nEND\n");
		free(got);
	}
	pc__buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_tags),
		cmocka_unit_test(limits_tags_that_do_not_end),
		cmocka_unit_test(delivers_long_tags_at_once),
		cmocka_unit_test(limits_elements),
		cmocka_unit_test(limits_depth_and_attributes),
		cmocka_unit_test(limits_namespaces),
		cmocka_unit_test(limits_the_unauthenticated),
		cmocka_unit_test(renews_its_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

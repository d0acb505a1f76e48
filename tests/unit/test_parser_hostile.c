#include "parser_run.h"

static void refuses_what_is_not_well_formed(void **state)
{
	static const char *const rows[] = {
		"<a></b>",
		"<a",
		"</stream>",
		"<a b=c/>",
		"<a b/>",
		"<a b='<'/>",
		"<a b='1' b='2'/>",
		"<a xmlns:x='u' xmlns:y='u' x:b='1' y:b='2'/>",
		"<x:a/>",
		"<a x:b='1'/>",
		"<:a/>",
		"<a:/>",
		"<a:b:c xmlns:a='u'/>",
		"<xmlns:a/>",
		"<a xmlns:x=''/>",
		"<a xmlns:xml='u'/>",
		"<a xmlns:xmlns='u'/>",
		"<a xmlns:x='http://www.w3.org/XML/1998/namespace'/>",
		"<a xmlns='http://www.w3.org/2000/xmlns/'/>",
		"<a>&#0;</a>",
		"<a>&#xD800;</a>",
		"<a>&#x1F;</a>",
		"<a>&amp</a>",
		"<a>]]></a>",
		"<a>\001</a>",
		"<a b='\001'/>",
		"<a\nb\n='x'\n",
		"<1/>",
		"<a>\xEF\xBF\xBE</a>",
		"<\xC3\x97/>",
		"<a/ >",
		"< a/>",
		"<?xml version='1.0'?>",
		"<a><?xml version='1.0'?></a>",
	};

	(void)state;
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		struct pc__buf text = { 0 };
		char *got;

		pc__buf_printf(&text, "%s%s", STREAM, rows[i]);
		got = run(&(struct way){ 0 }, text.p, text.len);
		if (strcmp(got, HEADER) != 0 && strcmp(got, HEADER "E not-well-formed") != 0)
			fail_msg("%s: %s", rows[i], got);
		free(got);
		pc__buf_free(&text);
	}
	assert_error(STREAM "<a></b>", "not-well-formed");
	assert_error(STREAM "<\xC3\x97/>", "not-well-formed");
	assert_error(STREAM "<?xml version='1.0'?>", "not-well-formed");
	assert_error(" <?xml version='1.0'?>" STREAM, "not-well-formed");
	assert_error(STREAM "<a xmlns:x='u' xmlns:y='u' x:b='1' y:b='2'/>", "not-well-formed");
	assert_error(STREAM "<x:a/>", "not-well-formed");
	assert_run(&(struct way){ 0 }, STREAM "<a>\0</a>", sizeof(STREAM) - 1 + 8,
	           HEADER "E not-well-formed");
}

static void refuses_restricted_xml(void **state)
{
	static const char *const rows[] = {
		"<!DOCTYPE s [<!ENTITY a 'b'>]>" STREAM "<m>&a;</m>",
		"<!DOCTYPE s SYSTEM 'file:///etc/passwd'>" STREAM,
		"<!DOCTYPE s",
		"<!-- x -->" STREAM,
		"<?pi x?>" STREAM,
		STREAM "<!-- x -->",
		STREAM "<?pi x?>",
		STREAM "<a><!-- x --></a>",
		STREAM "<a><?pi?></a>",
		STREAM "<a>&e;</a>",
		STREAM "<a b='&e;'/>",
		STREAM "&e;",
		"<s:stream xmlns:s='" PC_NS_STREAM "' to='&lol;'>",
	};

	(void)state;
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		if (i != 2)
			assert_error(rows[i], "restricted-xml");
	}
	assert_error(STREAM "<!DOCTYPE a>", "not-well-formed");
}

static void refuses_other_encodings(void **state)
{
	static const char utf16[] = "\xFF\xFE<\0s\0t\0", utf16be[] = "\0<\0s\0t", bare[] = "<\0s\0";

	(void)state;
	assert_error("<?xml version='1.0' encoding='UTF-16'?>" STREAM, "unsupported-encoding");
	assert_error("<?xml version='1.0' encoding='ISO-8859-1'?>" STREAM, "unsupported-encoding");
	assert_error("<?xml version='1.0' encoding='nonsense'?>" STREAM, "unsupported-encoding");
	assert_run(&(struct way){ 0 }, utf16, sizeof(utf16) - 1, "E unsupported-encoding");
	assert_run(&(struct way){ .piece = 1 }, utf16be, sizeof(utf16be) - 1,
	           "E unsupported-encoding");
	assert_run(&(struct way){ 0 }, bare, sizeof(bare) - 1, "E unsupported-encoding");
	assert_run(&(struct way){ .piece = 1 }, bare, sizeof(bare) - 1, "E unsupported-encoding");
	assert_error("\xEF\xBB\xBF" STREAM, "not-well-formed");
	assert_says("<?xml version='1.0' encoding='UTF-8' standalone='yes'?>" STREAM, HEADER);
	/* bytes that are not UTF-8: latin1, overlong, surrogate, beyond the end; split as well */
	assert_says(STREAM "<a>caf\xE9 x</a>", HEADER "E unsupported-encoding");
	assert_says(STREAM "<a b='\xC0\xAF'/>", HEADER "E unsupported-encoding");
	assert_says(STREAM "<a>\xED\xA0\x80</a>", HEADER "E unsupported-encoding");
	assert_says(STREAM "<a>\xF5\x80\x80\x80</a>", HEADER "E unsupported-encoding");
	assert_says(STREAM "<a\xFF/>", HEADER "E unsupported-encoding");
	assert_says(STREAM "<a>\xF0\x9F\x98x</a>", HEADER "E unsupported-encoding");
	assert_says(STREAM "<a>\xEF\xBF\xBF</a>", HEADER "E not-well-formed");
	assert_says(STREAM "<a b=\xD9\x97/>", HEADER "E not-well-formed");
}

static void refuses_text_between_elements(void **state)
{
	(void)state;
	assert_says(STREAM " x", HEADER "E bad-format");
	assert_says(STREAM "<a/>x<b/>", HEADER "<a/>\nE bad-format");
	assert_says(STREAM "<![CDATA[x]]>", HEADER "E bad-format");
	assert_says(STREAM " \t\r\n<a/>&#32;\n", HEADER "<a/>\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_not_well_formed),
		cmocka_unit_test(refuses_restricted_xml),
		cmocka_unit_test(refuses_other_encodings),
		cmocka_unit_test(refuses_text_between_elements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

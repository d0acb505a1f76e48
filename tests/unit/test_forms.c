#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <prosody-c/forms.h>
#include <prosody-c/stanza.h>

#define NS "urn:example:form"

static const pc_choice colours[] = { { "r", "Red" }, { "g", NULL }, { 0 } };
static const pc_field fields[] = {
	{ .type = PC_FIELD_FIXED, .value = "All of it" },
	{ .var = "who", .type = PC_FIELD_JID, .label = "Address", .required = true },
	{ .var = "name", .label = "Name", .desc = "In full", .value = "nobody" },
	{ .var = "secret", .type = PC_FIELD_PRIVATE },
	{ .var = "text", .type = PC_FIELD_LINES },
	{ .var = "on", .type = PC_FIELD_BOOLEAN },
	{ .var = "colour", .type = PC_FIELD_LIST, .choices = colours },
	{ .var = "colours", .type = PC_FIELD_CHOICES, .choices = colours },
	{ .var = "others", .type = PC_FIELD_JIDS },
	{ 0 },
};
static const pc_form form = { "Title", "Fill in", NS, fields };

static char *written(pc_stanza **parent)
{
	char *text = pc_stanza_write(*parent, NULL);

	pc_stanza_free(parent);
	return text;
}

static void asks(void **state)
{
	pc_stanza *p = pc_stanza_new("p", "urn:p");
	pc_values *values = pc_values_new();
	char *text;

	(void)state;
	pc_values_add(values, "text", "one\n\ntwo");
	pc_values_add(values, "others", "a@b");
	pc_values_add(values, "others", "c@d");
	pc_form_ask(p, &form, values);
	text = written(&p);
	assert_string_equal(
	        text,
	        "<p xmlns='urn:p'><x xmlns='jabber:x:data' type='form'><title>Title</title>"
	        "<instructions>Fill in</instructions>"
	        "<field var='FORM_TYPE' type='hidden'><value>" NS "</value></field>"
	        "<field type='fixed'><value>All of it</value></field>"
	        "<field var='who' type='jid-single' label='Address'><required/></field>"
	        "<field var='name' type='text-single' label='Name'><desc>In full</desc>"
	        "<value>nobody</value></field>"
	        "<field var='secret' type='text-private'/>"
	        "<field var='text' type='text-multi'><value>one</value><value/><value>two</value>"
	        "</field><field var='on' type='boolean'/>"
	        "<field var='colour' type='list-single'><option "
	        "label='Red'><value>r</value></option>"
	        "<option><value>g</value></option></field>"
	        "<field var='colours' type='list-multi'><option "
	        "label='Red'><value>r</value></option>"
	        "<option><value>g</value></option></field>"
	        "<field var='others' type='jid-multi'><value>a@b</value><value>c@d</value></field>"
	        "</x></p>");
	free(text);
	pc_values_free(&values);
	assert_null(values);
}

static void tells(void **state)
{
	static const pc_field columns[] = { { .var = "a", .label = "A" }, { .var = "b" }, { 0 } };
	static const pc_form table = { .fields = columns };
	pc_stanza *p = pc_stanza_new("p", "urn:p"), *x;
	pc_values *values = pc_values_new();
	char *text;

	(void)state;
	pc_values_add(values, "a", "1");
	pc_values_add_int(values, "b", -2);
	pc_form_tell(p, &table, values);
	x = pc_form_table(p, &table);
	pc_form_row(x, &table, values);
	pc_form_submit(p, &table, values);
	text = written(&p);
	assert_string_equal(
	        text,
	        "<p xmlns='urn:p'><x xmlns='jabber:x:data' type='result'>"
	        "<field var='a' type='text-single' label='A'><value>1</value></field>"
	        "<field var='b' type='text-single'><value>-2</value></field></x>"
	        "<x xmlns='jabber:x:data' type='result'><reported>"
	        "<field var='a' type='text-single' label='A'/><field var='b' type='text-single'/>"
	        "</reported><item><field var='a'><value>1</value></field>"
	        "<field var='b'><value>-2</value></field></item></x>"
	        "<x xmlns='jabber:x:data' type='submit'><field var='a'><value>1</value></field>"
	        "<field var='b'><value>-2</value></field></x></p>");
	free(text);
	pc_values_free(&values);
}

static pc_stanza *filled_in(const char *type, const char *inner)
{
	char text[4096];

	snprintf(text, sizeof(text), "<x xmlns='jabber:x:data' type='%s'>%s</x>", type, inner);
	return pc_stanza_parse(text, strlen(text));
}

#define FIELD(var, value) "<field var='" var "'><value>" value "</value></field>"
#define WHO FIELD("who", "A@B/C")

static void reads(void **state)
{
	pc_stanza *x = filled_in(
	        "submit",
	        FIELD("FORM_TYPE", NS) WHO FIELD("unknown", "1") FIELD("on", "true") FIELD("colour",
	                                                                                   "g")
	                FIELD("secret",
	                      "") "<field var='text'><value>1</value><value/><value>3</value>"
	                          "</field><field var='others'><value>X@y</value>"
	                          "<value>x@Y</value><value>z</value></field>"
	                          "<field var='colours'/>");
	pc_values *values;
	char why[PC_FORM_WHY], *text;

	(void)state;
	assert_int_equal(pc_form_read(x, &form, &values, why), PC_OK);
	assert_string_equal(pc_values_get(values, "who"), "a@b/C");
	assert_string_equal(pc_values_get(values, "name"), "nobody");
	assert_true(pc_values_bool(values, "on"));
	assert_string_equal(pc_values_get(values, "colour"), "g");
	assert_null(pc_values_get(values, "secret"));
	assert_null(pc_values_get(values, "unknown"));
	assert_int_equal(pc_values_count(values, "colours"), 0);
	assert_int_equal(pc_values_count(values, "others"), 2);
	assert_string_equal(pc_values_at(values, "others", 1), "z");
	assert_null(pc_values_at(values, "others", 2));
	text = pc_values_join(values, "text");
	assert_string_equal(text, "1\n\n3");
	free(text);
	pc_values_free(&values);
	pc_stanza_free(&x);
}

static void refuses(void **state)
{
	static const struct {
		const char *type, *inner;
		int err;
		const char *why;
	} rows[] = {
		{ "submit", "", PC_EINVAL, "Address: must be filled in" },
		{ "submit", FIELD("who", ""), PC_EINVAL, "Address: must be filled in" },
		{ "submit", FIELD("who", "@b"), PC_EINVAL, "Address: not an address" },
		{ "submit", WHO FIELD("on", "yes"), PC_EINVAL, "on: true or false is meant" },
		{ "submit", WHO FIELD("colour", "b"), PC_EINVAL, "colour: none of the choices" },
		{ "submit", WHO FIELD("colours", "b"), PC_EINVAL, "colours: none of the choices" },
		{ "submit", WHO FIELD("name", "a\nb"), PC_EINVAL, "Name: one line is meant" },
		{ "submit", "<field var='who'><value>a</value><value>b</value></field>", PC_EINVAL,
		  "Address: one value is meant" },
		{ "submit", FIELD("FORM_TYPE", "urn:other") WHO, PC_EINVAL,
		  "this is another form" },
		{ "form", WHO, PC_EINVAL, "a form of type submit is meant" },
		{ "cancel", "", PC_ECANCELED, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pc_stanza *x = filled_in(rows[i].type, rows[i].inner);
		pc_values *values;
		char why[PC_FORM_WHY];

		assert_int_equal(pc_form_read(x, &form, &values, why), rows[i].err);
		assert_string_equal(why, rows[i].why);
		assert_null(values);
		pc_stanza_free(&x);
	}
}

static void refuses_too_many(void **state)
{
	pc_stanza *x = pc_stanza_new("x", PC_NS_FORMS), *field;
	pc_values *values;
	char why[PC_FORM_WHY], jid[32];

	(void)state;
	pc_stanza_set(x, "type", "submit");
	pc_stanza_set(pc_stanza_open(x, "field", NULL), "var", "who");
	pc_stanza_leaf(pc_stanza_first(x), "value", "a@b");
	field = pc_stanza_open(x, "field", NULL);
	pc_stanza_set(field, "var", "others");
	for (int i = 0; i <= PC_FORM_VALUES_MOST; i++) {
		snprintf(jid, sizeof(jid), "a%d@b", i);
		pc_stanza_leaf(field, "value", jid);
	}
	assert_int_equal(pc_form_read(x, &form, &values, why), PC_EINVAL);
	assert_string_equal(why, "others: too many values");
	pc_stanza_free(&x);
}

static void finds(void **state)
{
	static const char text[] =
	        "<q><x xmlns='jabber:x:data' type='result'/><x xmlns='jabber:x:data' type='submit'>"
	        "<field var='FORM_TYPE'><value>" NS "</value></field></x></q>";
	pc_stanza *q = pc_stanza_parse(text, strlen(text));

	(void)state;
	assert_string_equal(pc_form_type(pc_form_find(q, NS)), NS);
	assert_null(pc_form_type(pc_form_find(q, NULL)));
	assert_null(pc_form_find(q, "urn:other"));
	pc_stanza_free(&q);
}

/* A line feed at the end is a line that is empty. */
static void keeps_lines(void **state)
{
	static const char *const texts[] = { "one", "one\ntwo", "one\n", "\n", "\n\none\n\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		pc_stanza *p = pc_stanza_new("p", "urn:p");
		pc_values *values = pc_values_new(), *again;
		char why[PC_FORM_WHY], *text;

		pc_values_add(values, "who", "a@b");
		pc_values_add(values, "text", texts[i]);
		assert_int_equal(pc_form_read(pc_form_submit(p, &form, values), &form, &again, why),
		                 PC_OK);
		text = pc_values_join(again, "text");
		assert_string_equal(text, texts[i]);
		free(text);
		pc_values_free(&again);
		pc_values_free(&values);
		pc_stanza_free(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks),        cmocka_unit_test(tells),
		cmocka_unit_test(reads),       cmocka_unit_test(refuses),
		cmocka_unit_test(keeps_lines), cmocka_unit_test(refuses_too_many),
		cmocka_unit_test(finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

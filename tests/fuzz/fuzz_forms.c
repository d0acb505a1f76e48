/*
 * Data forms (XEP-0004): an answer that is read keeps to the description of the form, whatever it
 * was, and means the same when it is written and read again, alone or in another form's place. One
 * that is refused leaves nothing but a reason that fits.
 */
#include "fuzz.h"

#include <prosody-c/forms.h>
#include <prosody-c/jid.h>
#include <prosody-c/stanza.h>

static const pc_choice colours[] = { { "red", "Red" }, { "green", NULL }, { "", "None" }, { 0 } };

static const pc_field fields[] = {
	{ .var = "text", .label = "A line" },
	{ .var = "private", .type = PC_FIELD_PRIVATE, .required = true },
	{ .var = "lines", .type = PC_FIELD_LINES, .label = "Lines", .desc = "Many" },
	{ .var = "boolean", .type = PC_FIELD_BOOLEAN, .value = "1" },
	{ .var = "list", .type = PC_FIELD_LIST, .choices = colours, .value = "red" },
	{ .var = "choices", .type = PC_FIELD_CHOICES, .choices = colours },
	{ .var = "free", .type = PC_FIELD_CHOICES },
	{ .var = "jid", .type = PC_FIELD_JID },
	{ .var = "jids", .type = PC_FIELD_JIDS },
	{ .var = "hidden", .type = PC_FIELD_HIDDEN },
	{ .type = PC_FIELD_FIXED, .value = "between\nthem" },
	{ 0 },
};

static const pc_form form = { .title = "All", .form_type = "urn:form", .fields = fields };

/* ------------------------------------------------------------ one value */

static bool is_choice(const pc_field *f, const char *text)
{
	const pc_choice *c = f->choices;

	while (c && c->value && strcmp(c->value, text) != 0)
		c++;
	return c == NULL || c->value != NULL;
}

static bool is_prepared_jid(const char *text)
{
	char buf[PC_JID_BUF], whole[PC_JID_MAX + 1];
	pc_jid jid;

	if (pc_jid_parse(text, buf, &jid) != PC_OK)
		return false;
	pc_jid_write(&jid, whole);
	return strcmp(whole, text) == 0;
}

static bool fits(const pc_field *f, const char *text)
{
	switch (f->type) {
	case PC_FIELD_BOOLEAN:
		return strcmp(text, "0") == 0 || strcmp(text, "1") == 0;
	case PC_FIELD_LIST:
	case PC_FIELD_CHOICES:
		return is_choice(f, text);
	case PC_FIELD_JID:
	case PC_FIELD_JIDS:
		return is_prepared_jid(text);
	case PC_FIELD_TEXT:
	case PC_FIELD_PRIVATE:
		return strchr(text, '\n') == NULL;
	default:
		return true;
	}
}

/* ------------------------------------------------------------ all values */

static size_t most_of(const pc_field *f)
{
	return f->type == PC_FIELD_LINES || f->type == PC_FIELD_CHOICES || f->type == PC_FIELD_JIDS
	               ? PC_FORM_VALUES_MOST
	               : 1;
}

static void check_field(const pc_field *f, const pc_values *values)
{
	size_t n = pc_values_count(values, f->var);

	must(n <= most_of(f) && (n > 0 || !f->required));
	for (size_t i = 0; i < n; i++) {
		const char *text = pc_values_at(values, f->var, i);

		must(fits(f, text) && (*text || f->type == PC_FIELD_LINES));
		for (size_t j = 0; j < i && f->type == PC_FIELD_JIDS; j++)
			must(strcmp(text, pc_values_at(values, f->var, j)) != 0);
	}
	must(pc_values_at(values, f->var, n) == NULL);
	must(pc_values_bool(values, f->var) ==
	     (n > 0 && (strcmp(pc_values_get(values, f->var), "1") == 0 ||
	                strcmp(pc_values_get(values, f->var), "true") == 0)));
}

/* What was emptied is left out when it is written: then the default stands again. */
static void check_same(const pc_values *a, const pc_values *b)
{
	for (const pc_field *f = fields; f->var; f++) {
		bool emptied = f->value && pc_values_count(a, f->var) == 0;
		char *one = pc_values_join(a, f->var), *two = pc_values_join(b, f->var);

		must(strcmp(emptied ? f->value : one, two) == 0);
		free(one);
		free(two);
	}
}

/* ------------------------------------------------------------ there and back */

/* Over the wire: what was written is read as text. */
static pc_stanza *again(const pc_stanza *parent)
{
	size_t len;
	char *text = pc_stanza_write(parent, &len);
	pc_stanza *copy = pc_stanza_parse(text, len);

	must(copy != NULL);
	free(text);
	return copy;
}

/* A value of several lines is several values (3.3), which may be more than are taken. */
static bool has_room(const pc_values *values)
{
	char *text = pc_values_join(values, "lines");
	size_t n = 1;

	for (const char *p = text; *p; p++)
		n += *p == '\n';
	free(text);
	return n <= PC_FORM_VALUES_MOST;
}

static void check_submitted(const pc_values *values)
{
	pc_stanza *parent = pc_stanza_new("q", "urn:q"), *copy;
	char why[PC_FORM_WHY];
	pc_values *read;

	pc_form_submit(parent, &form, values);
	copy = again(parent);
	must(pc_form_find(copy, "urn:form") != NULL && pc_form_find(copy, "urn:other") == NULL);
	if (has_room(values)) {
		must(pc_form_read(pc_form_find(copy, NULL), &form, &read, why) == PC_OK);
		check_same(values, read);
		pc_values_free(&read);
	}
	pc_stanza_free(&copy);
	pc_stanza_free(&parent);
}

/* Written to be filled in, and told: neither is an answer. */
static void check_written(const pc_values *values)
{
	pc_stanza *parent = pc_stanza_new("q", "urn:q"), *copy;
	char why[PC_FORM_WHY];
	pc_values *read;

	pc_form_ask(parent, &form, values);
	pc_form_tell(parent, &form, values);
	pc_form_row(pc_form_table(parent, &form), &form, values);
	copy = again(parent);
	for (pc_stanza *x = pc_stanza_first(copy); x; x = pc_stanza_next(x)) {
		must(strcmp(pc_form_type(x), "urn:form") == 0);
		must(pc_form_read(x, &form, &read, why) == PC_EINVAL && read == NULL);
		pc_stanza_set(x, "type", "submit");
		if (pc_stanza_child(x, "reported", PC_NS_FORMS) == NULL && has_room(values)) {
			must(pc_form_read(x, &form, &read, why) == PC_OK);
			pc_values_free(&read);
		}
	}
	pc_stanza_free(&copy);
	pc_stanza_free(&parent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pc_stanza *parent = pc_stanza_parse((const char *)data, size);
	pc_stanza *x = parent ? pc_form_find(parent, NULL) : NULL;
	char why[PC_FORM_WHY];
	pc_values *values;
	int err = x ? pc_form_read(x, &form, &values, why) : PC_ENOENT;

	if (err == PC_OK) {
		for (const pc_field *f = fields; f->var; f++)
			check_field(f, values);
		check_submitted(values);
		check_written(values);
		pc_values_free(&values);
	} else if (x) {
		must(values == NULL && memchr(why, '\0', sizeof(why)) != NULL);
		must(err == PC_ECANCELED || (err == PC_EINVAL && why[0]));
	}
	pc_stanza_free(&parent);
	return 0;
}

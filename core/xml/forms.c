/*
 * forms.c - data forms written and read (XEP-0004).
 */
#include <prosody-c/forms.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/jid.h>
#include <prosody-c/stanza.h>

#include "util/mem.h"

#define FORM_TYPE "FORM_TYPE"

static const char *const type_names[] = {
	[PC_FIELD_TEXT] = "text-single", [PC_FIELD_PRIVATE] = "text-private",
	[PC_FIELD_LINES] = "text-multi", [PC_FIELD_BOOLEAN] = "boolean",
	[PC_FIELD_LIST] = "list-single", [PC_FIELD_CHOICES] = "list-multi",
	[PC_FIELD_JID] = "jid-single",   [PC_FIELD_JIDS] = "jid-multi",
	[PC_FIELD_HIDDEN] = "hidden",    [PC_FIELD_FIXED] = "fixed",
};

static bool is_end(const pc_field *f)
{
	return f->var == NULL && f->type != PC_FIELD_FIXED;
}

static bool has_many(const pc_field *f)
{
	return f->type == PC_FIELD_LINES || f->type == PC_FIELD_CHOICES ||
	       f->type == PC_FIELD_JIDS || f->type == PC_FIELD_FIXED;
}

/* ------------------------------------------------------------ writing */

static pc_stanza *open_form(pc_stanza *parent, const char *type)
{
	pc_stanza *x = pc_stanza_open(parent, "x", PC_NS_FORMS);

	pc_stanza_set(x, "type", type);
	return x;
}

static pc_stanza *open_field(pc_stanza *parent, const char *var, const char *type)
{
	pc_stanza *field = pc_stanza_open(parent, "field", NULL);

	pc_stanza_set(field, "var", var);
	pc_stanza_set(field, "type", type);
	return field;
}

static void write_head(pc_stanza *x, const pc_form *form)
{
	if (form->title)
		pc_stanza_leaf(x, "title", form->title);
	if (form->instructions)
		pc_stanza_leaf(x, "instructions", form->instructions);
	if (form->form_type)
		pc_stanza_leaf(open_field(x, FORM_TYPE, "hidden"), "value", form->form_type);
}

/* Several lines are several values (3.3); an empty one behind the last line feed, too, so that
 * pc_values_join() gives the same text again. */
static void write_lines(pc_stanza *field, const char *text)
{
	size_t len = strcspn(text, "\n");

	pc_stanza_text_n(pc_stanza_open(field, "value", NULL), text, len);
	while (text[len] == '\n') {
		text += len + 1;
		len = strcspn(text, "\n");
		pc_stanza_text_n(pc_stanza_open(field, "value", NULL), text, len);
	}
}

static void write_value(pc_stanza *field, const pc_field *f, const char *text)
{
	if (f->type == PC_FIELD_LINES && strchr(text, '\n'))
		write_lines(field, text);
	else
		pc_stanza_leaf(field, "value", text);
}

static void write_values(pc_stanza *field, const pc_field *f, const pc_values *values)
{
	size_t n = f->var ? pc_values_count(values, f->var) : 0;

	if (n == 0 && f->value)
		write_value(field, f, f->value);
	for (size_t i = 0; i < n && (i == 0 || has_many(f)); i++)
		write_value(field, f, pc_values_at(values, f->var, i));
}

static void write_choices(pc_stanza *field, const pc_choice *choice)
{
	for (; choice && choice->value; choice++) {
		pc_stanza *option = pc_stanza_open(field, "option", NULL);

		pc_stanza_set(option, "label", choice->label);
		pc_stanza_leaf(option, "value", choice->value);
	}
}

pc_stanza *pc_form_ask(pc_stanza *parent, const pc_form *form, const pc_values *values)
{
	pc_stanza *x = open_form(parent, "form"), *field;

	write_head(x, form);
	for (const pc_field *f = form->fields; !is_end(f); f++) {
		field = open_field(x, f->var, type_names[f->type]);
		pc_stanza_set(field, "label", f->label);
		if (f->desc)
			pc_stanza_leaf(field, "desc", f->desc);
		if (f->required)
			pc_stanza_open(field, "required", NULL);
		write_values(field, f, values);
		write_choices(field, f->choices);
	}
	return x;
}

pc_stanza *pc_form_tell(pc_stanza *parent, const pc_form *form, const pc_values *values)
{
	pc_stanza *x = open_form(parent, "result"), *field;

	write_head(x, form);
	for (const pc_field *f = form->fields; !is_end(f); f++) {
		if (f->var == NULL || (pc_values_count(values, f->var) == 0 && f->value == NULL))
			continue;
		field = open_field(x, f->var, type_names[f->type]);
		pc_stanza_set(field, "label", f->label);
		write_values(field, f, values);
	}
	return x;
}

pc_stanza *pc_form_table(pc_stanza *parent, const pc_form *form)
{
	pc_stanza *x = open_form(parent, "result"), *reported;

	write_head(x, form);
	reported = pc_stanza_open(x, "reported", NULL);
	for (const pc_field *f = form->fields; !is_end(f); f++)
		pc_stanza_set(open_field(reported, f->var, type_names[f->type]), "label", f->label);
	return x;
}

void pc_form_row(pc_stanza *x, const pc_form *form, const pc_values *values)
{
	pc_stanza *item = pc_stanza_open(x, "item", NULL);

	for (const pc_field *f = form->fields; !is_end(f); f++)
		write_values(open_field(item, f->var, NULL), f, values);
}

pc_stanza *pc_form_submit(pc_stanza *parent, const pc_form *form, const pc_values *values)
{
	pc_stanza *x = open_form(parent, "submit");

	if (form->form_type)
		pc_stanza_leaf(open_field(x, FORM_TYPE, "hidden"), "value", form->form_type);
	for (const pc_field *f = form->fields; !is_end(f); f++)
		if (f->var && pc_values_count(values, f->var) > 0)
			write_values(open_field(x, f->var, NULL), f, values);
	return x;
}

/* ------------------------------------------------------------ finding */

static pc_stanza *find_field(const pc_stanza *x, const char *var)
{
	pc_stanza *c = pc_stanza_first(x);

	for (; c; c = pc_stanza_next(c)) {
		const char *name = pc_stanza_get(c, "var");

		if (name && strcmp(name, var) == 0 && pc_stanza_is(c, "field", PC_NS_FORMS))
			return c;
	}
	return NULL;
}

const char *pc_form_type(const pc_stanza *x)
{
	const pc_stanza *field = find_field(x, FORM_TYPE);

	return field ? pc_stanza_child_text(field, "value", PC_NS_FORMS) : NULL;
}

pc_stanza *pc_form_find(const pc_stanza *parent, const char *form_type)
{
	for (pc_stanza *c = pc_stanza_first(parent); c; c = pc_stanza_next(c)) {
		const char *type;

		if (!pc_stanza_is(c, "x", PC_NS_FORMS))
			continue;
		type = pc_form_type(c);
		if (form_type == NULL || (type && strcmp(type, form_type) == 0))
			return c;
	}
	return NULL;
}

/* ------------------------------------------------------------ reading */

struct reading {
	pc_values *values;
	char *why;
};

static int refuse(const struct reading *r, const pc_field *f, const char *what)
{
	snprintf(r->why, PC_FORM_WHY, "%.60s: %s", f->label ? f->label : f->var, what);
	return PC_EINVAL;
}

static int take_boolean(struct reading *r, const pc_field *f, const char *text)
{
	bool yes = strcmp(text, "1") == 0 || strcmp(text, "true") == 0;

	if (!yes && strcmp(text, "0") != 0 && strcmp(text, "false") != 0)
		return refuse(r, f, "true or false is meant");
	pc_values_add(r->values, f->var, yes ? "1" : "0");
	return PC_OK;
}

static int take_choice(struct reading *r, const pc_field *f, const char *text)
{
	const pc_choice *c = f->choices;

	while (c && c->value && strcmp(c->value, text) != 0)
		c++;
	if (c && c->value == NULL)
		return refuse(r, f, "none of the choices");
	pc_values_add(r->values, f->var, text);
	return PC_OK;
}

static bool holds(const pc_values *values, const char *var, const char *text)
{
	for (size_t i = 0; i < pc_values_count(values, var); i++)
		if (strcmp(pc_values_at(values, var, i), text) == 0)
			return true;
	return false;
}

static int take_jid(struct reading *r, const pc_field *f, const char *text)
{
	char buf[PC_JID_BUF], whole[PC_JID_MAX + 1];
	pc_jid jid;

	if (pc_jid_parse(text, buf, &jid) != PC_OK)
		return refuse(r, f, "not an address");
	pc_jid_write(&jid, whole);
	if (!holds(r->values, f->var, whole))
		pc_values_add(r->values, f->var, whole);
	return PC_OK;
}

static int take(struct reading *r, const pc_field *f, const char *text)
{
	switch (f->type) {
	case PC_FIELD_BOOLEAN:
		return take_boolean(r, f, text);
	case PC_FIELD_LIST:
	case PC_FIELD_CHOICES:
		return take_choice(r, f, text);
	case PC_FIELD_JID:
	case PC_FIELD_JIDS:
		return take_jid(r, f, text);
	case PC_FIELD_TEXT:
	case PC_FIELD_PRIVATE:
		if (strchr(text, '\n'))
			return refuse(r, f, "one line is meant");
		break;
	default:
		break;
	}
	pc_values_add(r->values, f->var, text);
	return PC_OK;
}

/* Lines may be empty; any other empty value is none. */
static int read_values(struct reading *r, const pc_field *f, const pc_stanza *field)
{
	size_t given = 0;
	int err = PC_OK;

	for (pc_stanza *c = pc_stanza_first(field); c && err == PC_OK; c = pc_stanza_next(c)) {
		const char *text = pc_stanza_get_text(c);

		if (!pc_stanza_is(c, "value", PC_NS_FORMS) ||
		    (*text == '\0' && f->type != PC_FIELD_LINES))
			continue;
		if (given > 0 && !has_many(f))
			return refuse(r, f, "one value is meant");
		if (given++ == PC_FORM_VALUES_MOST)
			return refuse(r, f, "too many values");
		err = take(r, f, text);
	}
	return err;
}

static int read_field(struct reading *r, const pc_field *f, const pc_stanza *x)
{
	const pc_stanza *field = find_field(x, f->var);
	int err = field ? read_values(r, f, field) : PC_OK;

	if (err == PC_OK && field == NULL)
		pc_values_add(r->values, f->var, f->value);
	if (err == PC_OK && f->required && pc_values_count(r->values, f->var) == 0)
		err = refuse(r, f, "must be filled in");
	return err;
}

static int read_fields(struct reading *r, const pc_form *form, const pc_stanza *x)
{
	const char *type = pc_form_type(x);
	int err = PC_OK;

	if (form->form_type && type && strcmp(type, form->form_type) != 0) {
		snprintf(r->why, PC_FORM_WHY, "this is another form");
		return PC_EINVAL;
	}
	for (const pc_field *f = form->fields; !is_end(f) && err == PC_OK; f++)
		if (f->type != PC_FIELD_FIXED)
			err = read_field(r, f, x);
	return err;
}

int pc_form_read(const pc_stanza *x, const pc_form *form, pc_values **values_r,
                 char why[static PC_FORM_WHY])
{
	const char *type = pc_stanza_get(x, "type");
	struct reading r = { .why = why };
	int err;

	*values_r = NULL;
	why[0] = '\0';
	if (type && strcmp(type, "cancel") == 0)
		return PC_ECANCELED;
	if (type == NULL || strcmp(type, "submit") != 0) {
		snprintf(why, PC_FORM_WHY, "a form of type submit is meant");
		return PC_EINVAL;
	}
	r.values = pc_values_new();
	err = read_fields(&r, form, x);
	if (err == PC_OK)
		*values_r = r.values;
	else
		pc_values_free(&r.values);
	return err;
}

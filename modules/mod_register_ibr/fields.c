/*
 * fields.c - the fields of a registration, as a form and as elements (XEP-0077 section 3.1).
 */
#include <stdio.h>
#include <string.h>

#include "registrar.h"

/* What additional_registration_fields may name (XEP-0077 section 14.1). */
static const pc_field known[] = {
	{ .var = "nick", .label = "Nickname" },
	{ .var = "name", .label = "Full name" },
	{ .var = "first", .label = "Given name" },
	{ .var = "last", .label = "Family name" },
	{ .var = "email", .label = "E-mail address" },
	{ .var = "address", .label = "Street address" },
	{ .var = "city", .label = "City" },
	{ .var = "state", .label = "Region" },
	{ .var = "zip", .label = "Postal code" },
	{ .var = "phone", .label = "Telephone number" },
	{ .var = "url", .label = "Web page" },
};
#define N_KNOWN (sizeof(known) / sizeof(known[0]))
_Static_assert(N_KNOWN == MORE_MOST, "a call has room for every field");

/* ------------------------------------------------------------ which there are */

static void load_field(pc_module *m, struct registrar *r, const char *name)
{
	size_t len = strlen(name);
	bool required = len > 0 && name[len - 1] == '+';

	for (size_t i = 0; i < N_KNOWN; i++) {
		if (strlen(known[i].var) != len - required ||
		    memcmp(known[i].var, name, len - required) != 0)
			continue;
		if (r->n_more == MORE_MOST)
			return;
		r->fields[2 + r->n_more] = known[i];
		r->fields[2 + r->n_more++].required = required;
		return;
	}
	pc_log(m, PC_WARN, "additional_registration_fields: %s is none that XEP-0077 has", name);
}

void fields_load(pc_module *m)
{
	struct registrar *r = pc_module_data(m);

	r->fields[0] = (pc_field){ .var = "username", .label = "Username", .required = true };
	r->fields[1] = (pc_field){
		.var = "password", .label = "Password", .type = PC_FIELD_PRIVATE, .required = true
	};
	for (size_t i = 0; i < pc_opt_count(m, "additional_registration_fields"); i++)
		load_field(m, r, pc_opt_at(m, "additional_registration_fields", i));
}

static pc_form form_of(pc_module *m)
{
	const struct registrar *r = pc_module_data(m);

	return (pc_form){ .title = pc_opt_str(m, "registration_title"),
		          .instructions = pc_opt_str(m, "registration_instructions"),
		          .form_type = NS_REGISTER,
		          .fields = r->fields };
}

pc_result fields_tell(pc_event *ev)
{
	const struct registrar *r = pc_module_data(pc_event_module(ev));
	pc_form form = form_of(pc_event_module(ev));
	pc_stanza *reply = pc_stanza_result(pc_event_stanza(ev));
	pc_stanza *query = pc_stanza_open(reply, "query", NS_REGISTER);

	pc_stanza_leaf(query, "instructions", form.instructions);
	for (const pc_field *f = r->fields; f->var; f++)
		pc_stanza_open(query, f->var, NULL);
	pc_form_ask(query, &form, NULL);
	return pc_reply(ev, reply);
}

/* ------------------------------------------------------------ reading a request */

/* The fields as elements, for clients without forms. */
static pc_values *read_elements(const struct registrar *r, const pc_stanza *query)
{
	pc_values *values = pc_values_new();

	for (const pc_field *f = r->fields; f->var; f++) {
		const char *text = pc_stanza_child_text(query, f->var, NULL);

		if (text && *text)
			pc_values_add(values, f->var, text);
	}
	return values;
}

/* NULL, or why the values are not taken; they are in the call then. */
static const char *take_values(const struct registrar *r, const pc_values *values,
                               struct call *call)
{
	for (const pc_field *f = r->fields; f->var; f++)
		if (f->required && pc_values_get(values, f->var) == NULL)
			return "A field is missing that is required";
	if (pc_jid_prep_local(pc_values_get(values, "username"), call->username) != PC_OK)
		return "The username has characters that are not allowed";
	if (pc_saslprep(pc_values_get(values, "password"), call->password) != PC_OK ||
	    call->password[0] == '\0')
		return "The password has characters that are not allowed";
	for (size_t i = 0; i < r->n_more; i++) {
		const char *text = pc_values_get(values, r->fields[2 + i].var);

		if (text && strlen(text) > VALUE_MAX)
			return "A field is too long";
		snprintf(call->more[i], sizeof(call->more[i]), "%s", text ? text : "");
	}
	return NULL;
}

int fields_read(const pc_stanza *query, struct call *call, char why[static PC_FORM_WHY])
{
	const struct registrar *r = pc_module_data(call->m);
	const pc_stanza *x = pc_form_find(query, NULL);
	pc_form form = form_of(call->m);
	pc_values *values = NULL;
	const char *fault;
	int err = PC_OK;

	if (x)
		err = pc_form_read(x, &form, &values, why);
	else
		values = read_elements(r, query);
	if (err == PC_OK && (fault = take_values(r, values, call)) != NULL) {
		snprintf(why, PC_FORM_WHY, "%s", fault);
		err = PC_EINVAL;
	}
	pc_values_free(&values);
	return err;
}

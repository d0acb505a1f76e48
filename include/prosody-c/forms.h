/*
 * forms.h - data forms (XEP-0004): describe one, write it, read what was filled in.
 *
 *   static const pc_form form = {
 *           .title = "Adding a User",
 *           .form_type = "http://jabber.org/protocol/admin",
 *           .fields = (const pc_field[]){
 *                   { .var = "accountjid", .type = PC_FIELD_JID, .label = "Address",
 *                     .required = true },
 *                   { .var = "password", .type = PC_FIELD_PRIVATE, .label = "Password" },
 *                   { 0 },
 *           },
 *   };
 *
 * The description is borrowed; one that is only known at run time is filled in the same way. Values
 * go by the names of the fields: written with a form they are what stands in it already, read from
 * an answer they are checked against the description.
 */
#pragma once

#include <prosody-c/base.h>

#define PC_NS_FORMS "jabber:x:data"

typedef enum pc_field_type {
	PC_FIELD_TEXT,    /* text-single; the default */
	PC_FIELD_PRIVATE, /* text-private */
	PC_FIELD_LINES,   /* text-multi: a value is a line */
	PC_FIELD_BOOLEAN, /* read as "1" or "0" */
	PC_FIELD_LIST,    /* list-single */
	PC_FIELD_CHOICES, /* list-multi */
	PC_FIELD_JID,     /* jid-single; prepared when read */
	PC_FIELD_JIDS,    /* jid-multi: the same, each address once */
	PC_FIELD_HIDDEN,  /* comes back as it was */
	PC_FIELD_FIXED,   /* text between fields; `var` may be NULL; never read */
} pc_field_type;

typedef struct pc_choice {
	const char *value, *label; /* label NULL: none */
} pc_choice;

typedef struct pc_field {
	const char *var;
	const char *label; /* NULL: none */
	const char *desc;  /* a longer text, or NULL */
	pc_field_type type;
	bool required;
	const char *value;        /* where the values have none for it; NULL: none */
	const pc_choice *choices; /* of the lists; ends with {0}. NULL: any value is taken */
} pc_field;

typedef struct pc_form {
	const char *title, *instructions; /* NULL: none */
	const char *form_type;  /* FORM_TYPE (XEP-0068), written and checked; NULL: none */
	const pc_field *fields; /* ends with an entry whose var and type are 0 */
} pc_form;

/* ---- values: names with one or more texts each, in the order of adding */

typedef struct pc_values pc_values;
PC_EXPORT pc_values *pc_values_new(void);
/* Clears the pointer; NULL is fine. What they held is wiped, as it may be a password. */
PC_EXPORT void pc_values_free(pc_values **values);
/* One more value of that name; NULL adds nothing. */
PC_EXPORT void pc_values_add(pc_values *values, const char *var, const char *value);
PC_EXPORT void pc_values_add_int(pc_values *values, const char *var, int64_t value);
/* All functions that read take NULL for no values at all. */
PC_EXPORT size_t pc_values_count(const pc_values *values, const char *var);
PC_EXPORT const char *pc_values_at(const pc_values *values, const char *var, size_t i);
PC_EXPORT const char *pc_values_get(const pc_values *values, const char *var); /* the first */
PC_EXPORT bool pc_values_bool(const pc_values *values, const char *var);
/* The values with line feeds between them, for PC_FIELD_LINES; the caller frees it. */
PC_EXPORT char *pc_values_join(const pc_values *values, const char *var);

/* ---- write. What these return is the <x/> in its parent's tree. */

/* A form to be filled in. */
PC_EXPORT pc_stanza *pc_form_ask(pc_stanza *parent, const pc_form *form, const pc_values *values);
/* A form of type result: the fields that have values, without what only asking needs. */
PC_EXPORT pc_stanza *pc_form_tell(pc_stanza *parent, const pc_form *form, const pc_values *values);
/* A table of type result: its columns are the form's fields; then one call for each row. */
PC_EXPORT pc_stanza *pc_form_table(pc_stanza *parent, const pc_form *form);
PC_EXPORT void pc_form_row(pc_stanza *x, const pc_form *form, const pc_values *values);
/* A filled-in form of type submit, for those who ask others. */
PC_EXPORT pc_stanza *pc_form_submit(pc_stanza *parent, const pc_form *form,
                                    const pc_values *values);

/* ---- read */

/* The <x/> among the children of `parent` that is a form and has that FORM_TYPE (NULL: any). */
PC_EXPORT pc_stanza *pc_form_find(const pc_stanza *parent, const char *form_type);
/* The FORM_TYPE of a form, or NULL. */
PC_EXPORT const char *pc_form_type(const pc_stanza *x);
/* Reads an answer into new values. Fields that the description does not have are left out; an empty
 * one counts as not given; for one that is missing its `value` stands. PC_ECANCELED: the form was
 * cancelled. PC_EINVAL: the answer does not fit, for the reason that is written into `why`. */
#define PC_FORM_WHY 160
#define PC_FORM_VALUES_MOST 1000 /* of one field: more are refused */
PC_EXPORT int pc_form_read(const pc_stanza *x, const pc_form *form, pc_values **values_r,
                           char why[static PC_FORM_WHY]);

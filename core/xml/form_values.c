/*
 * form_values.c - values of data forms by name (forms.h).
 */
#include <prosody-c/forms.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "util/mem.h"

/* A name and its texts. Forms have few names: a list serves. */
struct var {
	struct var *next;
	char *name;
	char **texts;
	size_t n, room;
};

struct pc_values {
	struct var *first;
};

pc_values *pc_values_new(void)
{
	return pc__alloc(sizeof(pc_values));
}

static void var_free(struct var *v)
{
	for (size_t i = 0; i < v->n; i++) {
		explicit_bzero(v->texts[i], strlen(v->texts[i]));
		free(v->texts[i]);
	}
	free(v->texts);
	free(v->name);
	free(v);
}

void pc_values_free(pc_values **values)
{
	if (*values == NULL)
		return;
	for (struct var *v = (*values)->first, *next; v; v = next) {
		next = v->next;
		var_free(v);
	}
	free(*values);
	*values = NULL;
}

static struct var *find(const pc_values *values, const char *name)
{
	struct var *v = values ? values->first : NULL;

	while (v && strcmp(v->name, name) != 0)
		v = v->next;
	return v;
}

static struct var *add_var(pc_values *values, const char *name)
{
	struct var *v = pc__alloc(sizeof(*v));

	v->name = pc__strdup(name);
	v->next = values->first;
	values->first = v;
	return v;
}

void pc_values_add(pc_values *values, const char *var, const char *value)
{
	struct var *v = find(values, var);

	if (value == NULL)
		return;
	if (v == NULL)
		v = add_var(values, var);
	if (v->n == v->room) {
		v->room = v->room ? v->room * 2 : 1;
		v->texts = pc__realloc(v->texts, v->room * sizeof(*v->texts));
	}
	v->texts[v->n++] = pc__strdup(value);
}

void pc_values_add_int(pc_values *values, const char *var, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	pc_values_add(values, var, text);
}

size_t pc_values_count(const pc_values *values, const char *var)
{
	const struct var *v = find(values, var);

	return v ? v->n : 0;
}

const char *pc_values_at(const pc_values *values, const char *var, size_t i)
{
	const struct var *v = find(values, var);

	return v && i < v->n ? v->texts[i] : NULL;
}

const char *pc_values_get(const pc_values *values, const char *var)
{
	return pc_values_at(values, var, 0);
}

bool pc_values_bool(const pc_values *values, const char *var)
{
	const char *text = pc_values_get(values, var);

	return text && (strcmp(text, "1") == 0 || strcmp(text, "true") == 0);
}

char *pc_values_join(const pc_values *values, const char *var)
{
	const struct var *v = find(values, var);
	struct pc__buf b = { 0 };
	char *joined;

	for (size_t i = 0; v && i < v->n; i++) {
		if (i > 0)
			pc__buf_addc(&b, '\n');
		pc__buf_adds(&b, v->texts[i]);
	}
	joined = pc__strdup(pc__buf_str(&b));
	pc__buf_free(&b);
	return joined;
}

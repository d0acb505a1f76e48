/*
 * option_value.c - one value made into what an option's type says.
 */
#include "option_value.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "util/mem.h"
#include "util/number.h"

static const char *const type_names[] = {
	[PC_OPT_STRING] = "text",
	[PC_OPT_INTEGER] = "a whole number",
	[PC_OPT_BOOLEAN] = "true or false",
	[PC_OPT_PERIOD] = "a time (\"2 days\", or seconds)",
	[PC_OPT_SIZE] = "a size (\"256 KiB\", or bytes)",
	[PC_OPT_ENUM] = "one of",
	[PC_OPT_LIST] = "a list of texts",
	[PC_OPT_SET] = "a list of texts",
	[PC_OPT_PATH] = "a path",
	[PC_OPT_TABLE] = "a table",
};

const char *pc__option_type_name(const pc_option *o)
{
	return (size_t)o->type < PC__COUNT(type_names) && type_names[o->type] ? type_names[o->type]
	                                                                      : "another value";
}

void pc__option_range(const pc_option *o, char *out, size_t size)
{
	size_t len = 0;

	*out = '\0';
	if (o->type == PC_OPT_ENUM) {
		for (size_t i = 0; o->values && o->values[i] && len < size; i++)
			len += (size_t)snprintf(out + len, size - len, "%s%s", i ? ", " : " ",
			                        o->values[i]);
	} else if (o->max != 0) {
		snprintf(out, size, " from %.15g to %.15g", o->min, o->max);
	} else if (o->min != 0) {
		snprintf(out, size, " from %.15g", o->min);
	}
}

/* ---- scalars, from text; numbers and booleans of the file have their text, too */

static bool in_range(const pc_option *o, double n)
{
	return (o->min == 0 && o->max == 0) ||
	       (n >= o->min && (n <= o->max || (o->max == 0 && o->min > 0)));
}

static bool take_number(const pc_option *o, double n, pc__typed *t)
{
	if (!in_range(o, n))
		return false;
	t->n = n;
	t->i = n >= 9223372036854775807.0 ? INT64_MAX : n <= -9.2e18 ? INT64_MIN : (int64_t)n;
	return true;
}

static bool take_integer(const pc_option *o, const char *text, pc__typed *t)
{
	double n;

	if (pc__number_double(text, true, &n) != PC_OK || n != floor(n) || fabs(n) > 9e15)
		return false;
	return take_number(o, n, t);
}

static bool take_boolean(const char *text, pc__typed *t)
{
	t->b = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
	t->i = t->b;
	return t->b || strcmp(text, "false") == 0 || strcmp(text, "0") == 0;
}

/* `false` stands for "never". */
static bool take_period(const pc_option *o, const char *text, pc__typed *t,
                        const char **ambiguous_r)
{
	bool ambiguous = false;
	double n;

	if (strcmp(text, "false") == 0)
		n = INFINITY;
	else if (pc__number_period(text, &n, &ambiguous) != PC_OK)
		return false;
	if (ambiguous)
		*ambiguous_r = n >= 86400 ? "months" : "minutes";
	if (isinf(n)) {
		t->n = n;
		t->i = INT64_MAX;
		return true;
	}
	return take_number(o, n, t);
}

static bool take_size(const pc_option *o, const char *text, pc__typed *t)
{
	int64_t n;

	return pc__number_size(text, &n) == PC_OK && take_number(o, (double)n, t);
}

/* Seconds or bytes, written without a unit; math.huge for a period is "never". */
static bool take_plain_number(const pc_option *o, double n, pc__typed *t)
{
	if (isnan(n) || n < 0 || (o->type == PC_OPT_SIZE && n > 9e15))
		return false;
	if (isinf(n) || n > 1e15) {
		t->n = INFINITY;
		t->i = INT64_MAX;
		return true;
	}
	return take_number(o, n, t);
}

static bool take_enum(const pc_option *o, const char *text, pc__typed *t)
{
	for (size_t i = 0; o->values && o->values[i]; i++) {
		if (strcmp(o->values[i], text) != 0)
			continue;
		t->s = o->values[i];
		t->i = (int64_t)i;
		return true;
	}
	return false;
}

static bool take_scalar(const pc_option *o, const char *text, pc__typed *t,
                        const char **ambiguous_r)
{
	switch (o->type) {
	case PC_OPT_INTEGER:
		return take_integer(o, text, t);
	case PC_OPT_BOOLEAN:
		return take_boolean(text, t);
	case PC_OPT_PERIOD:
		return take_period(o, text, t, ambiguous_r);
	case PC_OPT_SIZE:
		return take_size(o, text, t);
	case PC_OPT_ENUM:
		return take_enum(o, text, t);
	default:
		t->s = text;
		return true;
	}
}

static const char *keep(pc__arena *arena, const char *text)
{
	return pc__arena_strndup(arena, text, strlen(text));
}

static const char *join_path(pc__arena *arena, const char *dir, const char *path)
{
	size_t n = strlen(dir), len = strlen(path);
	char *whole;

	if (*path == '/')
		return path;
	if (strncmp(path, "./", 2) == 0)
		return join_path(arena, dir, path + 2);
	whole = pc__arena_alloc(arena, n + len + 2);
	memcpy(whole, dir, n);
	whole[n] = '/';
	memcpy(whole + n + 1, path, len + 1);
	return whole;
}

/* ---- lists */

static bool holds(const pc__typed *t, const char *text)
{
	for (size_t i = 0; i < t->n_list; i++)
		if (strcmp(t->list[i], text) == 0)
			return true;
	return false;
}

static bool is_list(const pc_option *o)
{
	return o->type == PC_OPT_LIST || o->type == PC_OPT_SET;
}

static void add(const pc_option *o, pc__typed *t, const char *text)
{
	if (o->type != PC_OPT_SET || !holds(t, text))
		t->list[t->n_list++] = text;
}

static void room_for(pc__arena *arena, pc__typed *t, size_t n)
{
	t->list = pc__arena_alloc(arena, (n + 1) * sizeof(*t->list));
	t->n_list = 0;
}

static bool take_list(const pc_option *o, const pc__value *v, pc__arena *arena, pc__typed *t)
{
	if (v->type != PC__TABLE) {
		room_for(arena, t, 1);
		add(o, t, v->s);
		return true;
	}
	room_for(arena, t, v->n_list);
	for (size_t i = 0; i < v->n_list; i++) {
		if (v->list[i].s == NULL)
			return false;
		add(o, t, v->list[i].s);
	}
	return v->n_fields == 0;
}

void pc__option_join(pc__arena *arena, pc__typed *set, const pc__typed *other)
{
	static const pc_option as_set = { .type = PC_OPT_SET };
	pc__typed both = *set;

	room_for(arena, &both, set->n_list + other->n_list);
	for (size_t i = 0; i < set->n_list; i++)
		add(&as_set, &both, set->list[i]);
	for (size_t i = 0; i < other->n_list; i++)
		add(&as_set, &both, other->list[i]);
	*set = both;
}

/* ---- a value of the file */

static bool take_text(const pc_option *o, const char *text, pc__arena *arena, const char *dir,
                      pc__typed *t, const char **ambiguous_r)
{
	if (!take_scalar(o, text, t, ambiguous_r))
		return false;
	if (o->type == PC_OPT_PATH)
		t->s = join_path(arena, dir, t->s);
	return true;
}

bool pc__option_value(const pc_option *o, const pc__value *v, pc__arena *arena, const char *dir,
                      pc__typed *typed_r, const char **ambiguous_r)
{
	*typed_r = (pc__typed){ 0 };
	if (is_list(o))
		return take_list(o, v, arena, typed_r);
	if (o->type == PC_OPT_TABLE) {
		typed_r->s = v->s;
		return true;
	}
	if (v->type == PC__TABLE && v->n_list == 1 && v->n_fields == 0)
		v = &v->list[0];
	if (v->s == NULL ||
	    (v->type == PC__BOOL && (o->type == PC_OPT_STRING || o->type == PC_OPT_PATH)))
		return false;
	if (v->type == PC__NUMBER && (o->type == PC_OPT_PERIOD || o->type == PC_OPT_SIZE))
		return take_plain_number(o, v->n, typed_r);
	return take_text(o, v->s, arena, dir, typed_r, ambiguous_r);
}

/* ---- text of a default */

/* { "a", "b" }, or the same without braces, quotes, commas. */
static void split(const pc_option *o, const char *text, pc__arena *arena, pc__typed *t)
{
	static const char between[] = " \t{},;\"'";

	room_for(arena, t, strlen(text));
	while (*(text += strspn(text, between))) {
		size_t len = strcspn(text, between);

		add(o, t, pc__arena_strndup(arena, text, len));
		text += len;
	}
}

bool pc__option_text(const pc_option *o, const char *text, pc__arena *arena, pc__typed *typed_r)
{
	const char *ambiguous;

	*typed_r = (pc__typed){ 0 };
	if (o->type == PC_OPT_TABLE)
		return true;
	if (!is_list(o))
		return take_text(o, keep(arena, text), arena, pc__config_dir(), typed_r,
		                 &ambiguous);
	split(o, text, arena, typed_r);
	return true;
}

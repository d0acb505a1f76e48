#include "util/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int pc__number_uint(const char *text, size_t len, uint64_t max, uint64_t *value_r)
{
	uint64_t value = 0;

	if (len == 0)
		return PC_EINVAL;
	for (size_t i = 0; i < len; i++) {
		uint64_t digit = (uint64_t)(text[i] - '0');

		if (!is_digit(text[i]) || digit > max || value > (max - digit) / 10)
			return PC_EINVAL;
		value = value * 10 + digit;
	}
	*value_r = value;
	return PC_OK;
}

int pc__number_int(const char *text, size_t len, int64_t min, int64_t max, int64_t *value_r)
{
	bool negative = min < 0 && len > 0 && text[0] == '-';
	uint64_t value;
	int64_t result;

	if (pc__number_uint(text + negative, len - negative, (uint64_t)INT64_MAX + negative,
	                    &value) < 0)
		return PC_EINVAL;
	result = negative ? (int64_t)-value : (int64_t)value;
	if (result < min || result > max)
		return PC_EINVAL;
	*value_r = result;
	return PC_OK;
}

static const char *digits(const char *s)
{
	const char *start = s;

	while (is_digit(*s))
		s++;
	return s == start ? NULL : s;
}

/* Where digits and fraction end; NULL when there are none. */
static const char *decimal(const char *s)
{
	s = digits(s);
	return s && *s == '.' ? digits(s + 1) : s;
}

static const char *exponent(const char *s)
{
	if (*s != 'e' && *s != 'E')
		return s;
	s++;
	return digits(s + (*s == '+' || *s == '-'));
}

int pc__number_double(const char *text, bool negative, double *value_r)
{
	double sign = 1, value;
	const char *end;

	if (negative && *text == '-') {
		sign = -1;
		text++;
	}
	end = decimal(text);
	if (end)
		end = exponent(end);
	if (end == NULL || *end != '\0')
		return PC_EINVAL;
	value = strtod(text, NULL); /* no program of ours sets LC_NUMERIC */
	if (!isfinite(value))
		return PC_EINVAL;
	*value_r = sign * value;
	return PC_OK;
}

struct unit {
	const char *name;
	double factor;
	size_t clear; /* so many letters tell it from all others */
};

/* The first of which the text is a beginning. */
static const struct unit *find_prefix(const struct unit *units, const char *text)
{
	for (; units->name; units++)
		if (strncasecmp(units->name, text, strlen(text)) == 0)
			return units;
	return NULL;
}

static const struct unit *find_exact(const struct unit *units, const char *text, size_t len)
{
	for (; units->name; units++)
		if (strlen(units->name) == len && strncasecmp(units->name, text, len) == 0)
			return units;
	return NULL;
}

/* The number at the beginning, and its unit's name behind it (spaces between are skipped). */
static bool quantity(const char *text, double *number_r, const char **unit_r)
{
	const char *end = decimal(text);

	if (end == NULL)
		return false;
	*number_r = strtod(text, NULL);
	while (*end == ' ')
		end++;
	*unit_r = end;
	return end[0] != '\0' || end[-1] != ' ';
}

int pc__number_period(const char *text, double *seconds_r, bool *ambiguous_r)
{
	static const struct unit units[] = {
		{ "seconds", 1, 1 },
		{ "secs", 1, 1 },
		{ "months", 31 * 86400, 3 },
		{ "minutes", 60, 3 },
		{ "mins", 60, 3 },
		{ "hours", 3600, 1 },
		{ "hrs", 3600, 1 },
		{ "days", 86400, 1 },
		{ "weeks", 7 * 86400, 1 },
		{ "years", 365.2425 * 86400, 1 },
		{ NULL, 0, 0 },
	};
	const struct unit *unit;
	const char *name;
	double number;

	if (strcasecmp(text, "never") == 0) {
		number = INFINITY;
		name = "";
	} else if (!quantity(text, &number, &name) || !isfinite(number * 366 * 86400)) {
		return PC_EINVAL;
	}
	unit = find_prefix(units, name);
	if (unit == NULL)
		return PC_EINVAL;
	if (ambiguous_r)
		*ambiguous_r = *name && strlen(name) < unit->clear;
	*seconds_r = number * unit->factor;
	return PC_OK;
}

static int size(const char *text, const char *suffix, int64_t *bytes_r)
{
	static const struct unit units[] = {
		{ "", 1, 0 },        { "k", 1e3, 0 }, { "Ki", 0x1p10, 0 }, { "M", 1e6, 0 },
		{ "Mi", 0x1p20, 0 }, { "G", 1e9, 0 }, { "Gi", 0x1p30, 0 }, { "T", 1e12, 0 },
		{ "Ti", 0x1p40, 0 }, { NULL, 0, 0 },
	};
	const struct unit *unit;
	const char *name;
	double number;
	size_t len;

	if (!quantity(text, &number, &name))
		return PC_EINVAL;
	len = strlen(name);
	if (len >= strlen(suffix) && strcasecmp(name + len - strlen(suffix), suffix) == 0)
		len -= strlen(suffix);
	if (len > 0 && (name[len - 1] == 'b' || name[len - 1] == 'B'))
		len--;
	unit = find_exact(units, name, len);
	if (unit == NULL || number * unit->factor >= 0x1p63)
		return PC_EINVAL;
	*bytes_r = (int64_t)(number * unit->factor);
	return PC_OK;
}

int pc__number_size(const char *text, int64_t *bytes_r)
{
	return size(text, "", bytes_r);
}

int pc__number_rate(const char *text, int64_t *bytes_r)
{
	return size(text, "/s", bytes_r);
}

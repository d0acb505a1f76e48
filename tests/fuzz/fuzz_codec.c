/*
 * The small codecs: what is read is written again as it was (or as the one form that it has), what
 * is written is read again, and libc's calendar agrees with ours.
 */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include <prosody-c/codec.h>

#include "fuzz.h"
#include "util/number.h"

#define LEAST INT64_C(-62135596800000)    /* 0001-01-01T00:00:00Z */
#define GREATEST INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

/* ---- base64 and hexadecimal */

static void check_base64_text(const char *text, size_t len)
{
	size_t room = len / 4 * 3;
	uint8_t *out = malloc(room + 1);
	char *again = malloc(pc_base64_size(room));
	ssize_t n;

	must(out != NULL && again != NULL);
	n = pc_base64_decode(text, len, out, room);
	if (n >= 0) {
		must(pc_base64_encode(out, (size_t)n, again) == len);
		must(memcmp(again, text, len) == 0);
		must(n == 0 || pc_base64_decode(text, len, out, (size_t)n - 1) == PC_EINVAL);
	}
	free(again);
	free(out);
}

static void check_base64_bytes(const uint8_t *bytes, size_t len)
{
	char *text = malloc(pc_base64_size(len));
	uint8_t *again = malloc(len + (len == 0));
	size_t n;

	must(text != NULL && again != NULL);
	n = pc_base64_encode(bytes, len, text);
	must(n + 1 == pc_base64_size(len) && strlen(text) == n);
	must(pc_base64_decode(text, n, again, len) == (ssize_t)len);
	must(len == 0 || memcmp(again, bytes, len) == 0);
	free(again);
	free(text);
}

static void check_hex(const uint8_t *bytes, size_t len)
{
	char *text = malloc(2 * len + 1);
	uint8_t *again = malloc(len + (len == 0));
	ssize_t n;

	must(text != NULL && again != NULL);
	pc_hex_encode(bytes, len, text);
	must(strlen(text) == 2 * len);
	must(pc_hex_decode(text, 2 * len, again, len) == (ssize_t)len);
	must(len == 0 || memcmp(again, bytes, len) == 0);
	n = pc_hex_decode((const char *)bytes, len, again, len);
	must(n == PC_EINVAL || n == (ssize_t)len / 2);
	if (n > 0) {
		pc_hex_encode(again, (size_t)n, text);
		must(strncasecmp(text, (const char *)bytes, len) == 0);
	}
	free(again);
	free(text);
}

/* ---- dates */

static void check_date(int64_t ms)
{
	char text[PC_DATETIME_SIZE], libc[PC_DATETIME_SIZE];
	int64_t again, kept = ms < LEAST ? LEAST : ms > GREATEST ? GREATEST : ms;
	time_t seconds = (time_t)(kept / 1000 - (kept % 1000 < 0));
	struct tm tm;

	pc_datetime_write(ms, text);
	must(pc_datetime_parse(text, &again) == PC_OK && again == kept);
	must(gmtime_r(&seconds, &tm) != NULL && timegm(&tm) == seconds);
	snprintf(libc, sizeof(libc), "%04d-%02d-%02dT%02d:%02d:%02d", (tm.tm_year + 1900) % 10000,
	         tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	must(strncmp(text, libc, strlen(libc)) == 0);
}

static void check_date_text(const char *text)
{
	int64_t ms = 42;

	if (pc_datetime_parse(text, &ms) == PC_OK)
		check_date(ms);
	else
		must(ms == 42);
}

/* ---- numbers */

/* Without zeros in front, as printf writes it. */
static bool is_number(const char *text, const char *plain)
{
	bool negative = *text == '-';

	text += negative;
	while (*text == '0' && text[1])
		text++;
	if (negative && strcmp(text, "0") != 0 && *plain++ != '-')
		return false;
	return strcmp(text, plain) == 0;
}

static void check_integer(const char *text, int64_t min, int64_t max)
{
	char plain[32];
	int64_t value = 42;

	if (pc__number_int(text, strlen(text), min, max, &value) == PC_OK) {
		must(value >= min && value <= max);
		snprintf(plain, sizeof(plain), "%lld", (long long)value);
		must(is_number(text, plain));
	} else {
		must(value == 42);
	}
}

static void check_double(const char *text)
{
	char plain[64];
	double value, again;

	if (pc__number_double(text, false, &value) == PC_OK)
		must(!signbit(value));
	if (pc__number_double(text, true, &value) != PC_OK)
		return;
	must(isfinite(value) && value == strtod(text, NULL));
	snprintf(plain, sizeof(plain), "%.17g", value);
	must(pc__number_double(plain, true, &again) == PC_OK && again == value);
}

static void check_period(const char *text)
{
	double seconds;
	bool ambiguous;

	if (pc__number_period(text, &seconds, &ambiguous) != PC_OK)
		return;
	must(seconds >= 0);
	must(isfinite(seconds) || strcasecmp(text, "never") == 0);
	must(!ambiguous || strchr("mM", text[strspn(text, "0123456789. ")]) != NULL);
}

static void check_size(const char *text)
{
	int64_t bytes, rate;
	char *with_suffix = malloc(strlen(text) + 3);

	must(with_suffix != NULL);
	if (pc__number_size(text, &bytes) == PC_OK) {
		must(bytes >= 0);
		must(pc__number_rate(text, &rate) == PC_OK && rate == bytes);
		snprintf(with_suffix, strlen(text) + 3, "%s/s", text);
		must(pc__number_rate(with_suffix, &rate) == PC_OK && rate == bytes);
		must(pc__number_size(with_suffix, &bytes) == PC_EINVAL);
	}
	free(with_suffix);
}

static void check_numbers(const char *text)
{
	check_integer(text, INT64_MIN, INT64_MAX);
	check_integer(text, 0, 65535);
	check_integer(text, -128, 127);
	check_double(text);
	check_period(text);
	check_size(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *exact = copy_exact(data, size), *text = copy_text(data, size);
	int64_t ms;

	check_base64_text(exact, size);
	check_base64_bytes((const uint8_t *)exact, size);
	check_hex((const uint8_t *)exact, size);
	check_date_text(text);
	check_numbers(text);
	if (size >= sizeof(ms)) {
		memcpy(&ms, data, sizeof(ms));
		check_date(ms);
		check_date(ms % (GREATEST - LEAST));
	}
	free(text);
	free(exact);
	return 0;
}

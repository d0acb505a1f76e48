/*
 * number.h - numbers in text, read strictly: all of the text is the number, without white space
 * around it, and what does not fit is refused. Every function returns PC_OK or PC_EINVAL, and
 * writes its result with PC_OK only.
 */
#pragma once

#include <prosody-c/base.h>

/* Decimal digits; one '-' before them where min is below 0, never a '+'. Refused outside of the
 * range. `len` bytes of text are read. */
int pc__number_int(const char *text, size_t len, int64_t min, int64_t max, int64_t *value_r);
int pc__number_uint(const char *text, size_t len, uint64_t max, uint64_t *value_r);
/* Digits with or without a fraction and an exponent; '-' only if `negative`. Always finite. */
int pc__number_double(const char *text, bool negative, double *value_r);

/* Seconds: "90", "5 min", "2 days", "1.5h"; units may be shortened. "never" is INFINITY. A month
 * has 31 days, a year 365.2425. `ambiguous_r` (may be NULL) tells of "m", "mo" (months) and "mi"
 * (minutes), which a reader may take for something else. */
int pc__number_period(const char *text, double *seconds_r, bool *ambiguous_r);
/* Bytes: "10000", "256 KiB", "10kb", "1.5 GB". k, M, G, T are powers of 1000, Ki, Mi, Gi, Ti of
 * 1024, in either case, with or without "B". */
int pc__number_size(const char *text, int64_t *bytes_r);
/* Bytes in a second: a size, which may be followed by "/s". */
int pc__number_rate(const char *text, int64_t *bytes_r);

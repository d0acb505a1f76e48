#include "filter.h"

#include <ldap.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_value(FILE *out, const char *value)
{
	struct berval in = { strlen(value), (char *)(uintptr_t)value }, escaped = { 0, NULL };

	if (ldap_bv2escaped_filter_value(&in, &escaped) != LDAP_SUCCESS)
		abort();        /* out of memory ends the process */
	if (escaped.bv_len > 0) /* else there may be no text at all */
		fwrite(escaped.bv_val, 1, escaped.bv_len, out);
	if (escaped.bv_val != in.bv_val)
		ber_memfree(escaped.bv_val);
}

static size_t word_len(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

char *filter_make(const char *text, const char *user, const char *host)
{
	char *filter = NULL;
	size_t size;
	FILE *out = open_memstream(&filter, &size);

	if (out == NULL)
		abort();
	while (*text) {
		size_t len = *text == '$' ? word_len(text + 1) : 0;

		if (len == 4 && memcmp(text + 1, "user", 4) == 0) {
			put_value(out, user);
		} else if (len == 4 && memcmp(text + 1, "host", 4) == 0) {
			put_value(out, host);
		} else {
			fwrite(text, 1, 1 + len, out);
		}
		text += 1 + len;
	}
	if (fclose(out) != 0)
		abort();
	return filter;
}

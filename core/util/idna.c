#include "util/idna.h"

#include <idna.h>
#include <stdlib.h>
#include <string.h>

static bool is_ascii(const char *s)
{
	while (*s > 0x20 && *s < 0x7f)
		s++;
	return *s == '\0';
}

static int copy(const char *name, char *out)
{
	size_t len = strlen(name);

	if (len == 0 || len >= PC__IDNA_SIZE || !is_ascii(name))
		return PC_EINVAL;
	memcpy(out, name, len + 1);
	return PC_OK;
}

int pc__idna_to_ascii(const char *name, char out[static PC__IDNA_SIZE])
{
	char *ascii;
	int err;

	if (is_ascii(name))
		return copy(name, out);
	/* Conversion never shortens below a quarter, so this bounds its work. */
	if (strlen(name) > 4 * PC__IDNA_SIZE ||
	    idna_to_ascii_8z(name, &ascii, IDNA_ALLOW_UNASSIGNED) != IDNA_SUCCESS)
		return PC_EINVAL;
	err = copy(ascii, out);
	free(ascii);
	return err;
}

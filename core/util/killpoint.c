#include "util/killpoint.h"

#ifdef PC_DEBUG_BUILD

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void pc__killpoint(const char *name)
{
	static atomic_ulong passed;
	const char *armed = getenv("PC_KILL_AT");
	size_t len = strlen(name);
	unsigned long count;

	if (armed == NULL || strncmp(armed, name, len) != 0 || !strchr(":", armed[len]))
		return;
	count = armed[len] ? strtoul(armed + len + 1, NULL, 10) : 1;
	if (atomic_fetch_add(&passed, 1) + 1 == count)
		raise(SIGKILL);
}

#else

typedef int pc__killpoint_none; /* a file of ISO C has a declaration */

#endif

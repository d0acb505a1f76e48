#include "kept.h"

#include <string.h>

const struct pc__kept pc__kept[PC__KEPT] = {
	{ "accounts", false, "accounts" },
	{ "roster", false, "contacts" },
	{ "private", false, "private elements" },
	{ "blocklist", false, "blocked addresses" },
	{ "vcard", false, "vCards" },
	{ "pep", false, "PEP nodes" },
	{ "pep_*", true, "PEP items" },
	{ "offline", true, "offline messages" },
	{ "archive", true, "archived messages" },
	{ "archive_prefs", false, "archive preferences" },
};

int pc__kept_find(const char *store)
{
	for (int i = 0; i < PC__KEPT; i++) {
		size_t len = strcspn(pc__kept[i].store, "*");
		bool any = pc__kept[i].store[len] == '*';

		if (strncmp(store, pc__kept[i].store, len) == 0 && (any || store[len] == '\0'))
			return i;
	}
	return -1;
}

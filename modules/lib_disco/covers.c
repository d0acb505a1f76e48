#include "covers.h"

#include <string.h>

bool covers_feature(const char *ns, const char *var)
{
	size_t len = strlen(ns);

	return strncmp(var, ns, len) == 0 && (var[len] == '\0' || var[len] == '#');
}

bool covers_identity(const char *ns, const char *category)
{
	const char *base = strrchr(ns, '/');

	return base && strcmp(base + 1, category) == 0;
}

static const char *attr(const pc_stanza *st, const char *name)
{
	const char *value = pc_stanza_get(st, name);

	return value ? value : "";
}

bool covers_form(const char *ns, const pc_stanza *form)
{
	for (const pc_stanza *f = pc_stanza_first(form); f; f = pc_stanza_next(f)) {
		const char *value = pc_stanza_child_text(f, "value", NULL);

		if (strcmp(attr(f, "var"), "FORM_TYPE") == 0)
			return value && covers_feature(ns, value);
	}
	return false;
}

bool covers_child(const char *ns, const pc_stanza *child)
{
	const char *name = pc_stanza_name(child);

	if (strcmp(name, "feature") == 0)
		return covers_feature(ns, attr(child, "var"));
	if (strcmp(name, "identity") == 0)
		return covers_identity(ns, attr(child, "category"));
	return strcmp(name, "x") == 0 && covers_form(ns, child);
}

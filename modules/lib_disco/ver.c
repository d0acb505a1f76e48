/*
 * ver.c - the hash of what an entity says of itself.
 */
#include "ver.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "list.h"

/* ------------------------------------------------------------ the text */

static void collect_children(const pc_stanza *parent, const char *name, struct list *l)
{
	for (pc_stanza *c = pc_stanza_first(parent); c; c = pc_stanza_next(c))
		if (strcmp(pc_stanza_name(c), name) == 0)
			list_add(l, c);
}

static const char *attr(const pc_stanza *st, const char *name)
{
	const char *value = pc_stanza_get(st, name);

	return value ? value : "";
}

static int compare_identity_element(const void *a, const void *b)
{
	static const char *const keys[] = { "category", "type", "xml:lang" };
	const pc_stanza *x = *(const pc_stanza *const *)a, *y = *(const pc_stanza *const *)b;
	int order = 0;

	for (size_t i = 0; i < 3 && order == 0; i++)
		order = strcmp(attr(x, keys[i]), attr(y, keys[i]));
	return order;
}

static int compare_var(const void *a, const void *b)
{
	return strcmp(attr(*(const pc_stanza *const *)a, "var"),
	              attr(*(const pc_stanza *const *)b, "var"));
}

static int compare_content(const void *a, const void *b)
{
	return strcmp(pc_stanza_get_text(*(const pc_stanza *const *)a),
	              pc_stanza_get_text(*(const pc_stanza *const *)b));
}

/* "" when the form has none: it does not count then. */
static const char *form_type(const pc_stanza *form)
{
	const char *value;

	for (pc_stanza *f = pc_stanza_first(form); f; f = pc_stanza_next(f))
		if (strcmp(attr(f, "var"), "FORM_TYPE") == 0) {
			value = pc_stanza_child_text(f, "value", NULL);
			return value ? value : "";
		}
	return "";
}

static int compare_form(const void *a, const void *b)
{
	return strcmp(form_type(*(const pc_stanza *const *)a),
	              form_type(*(const pc_stanza *const *)b));
}

static void write_identities(FILE *out, const pc_stanza *query)
{
	struct list l = { 0 };

	collect_children(query, "identity", &l);
	list_sort(&l, compare_identity_element);
	for (size_t i = 0; i < l.n; i++)
		fprintf(out, "%s/%s/%s/%s<", attr(l.at[i], "category"), attr(l.at[i], "type"),
		        attr(l.at[i], "xml:lang"), attr(l.at[i], "name"));
	free(l.at);
}

static void write_features(FILE *out, const pc_stanza *query)
{
	struct list l = { 0 };

	collect_children(query, "feature", &l);
	list_sort(&l, compare_var);
	for (size_t i = 0; i < l.n; i++)
		fprintf(out, "%s<", attr(l.at[i], "var"));
	free(l.at);
}

static void write_field(FILE *out, const pc_stanza *field)
{
	struct list values = { 0 };

	fprintf(out, "%s<", attr(field, "var"));
	collect_children(field, "value", &values);
	list_sort(&values, compare_content);
	for (size_t i = 0; i < values.n; i++)
		fprintf(out, "%s<", pc_stanza_get_text(values.at[i]));
	free(values.at);
}

static void write_form(FILE *out, const pc_stanza *form)
{
	struct list fields = { 0 };

	if (*form_type(form) == '\0')
		return;
	fprintf(out, "%s<", form_type(form));
	collect_children(form, "field", &fields);
	list_sort(&fields, compare_var);
	for (size_t i = 0; i < fields.n; i++)
		if (strcmp(attr(fields.at[i], "var"), "FORM_TYPE") != 0)
			write_field(out, fields.at[i]);
	free(fields.at);
}

static void write_forms(FILE *out, const pc_stanza *query)
{
	struct list l = { 0 };

	collect_children(query, "x", &l);
	list_sort(&l, compare_form);
	for (size_t i = 0; i < l.n; i++)
		write_form(out, l.at[i]);
	free(l.at);
}

char *ver_text(const pc_stanza *query)
{
	size_t len = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		abort(); /* out of memory ends the process, as everywhere */
	write_identities(f, query);
	write_features(f, query);
	write_forms(f, query);
	if (fclose(f) != 0)
		abort();
	return text;
}

int ver_digest(const char *text, const char *hash, char out[static VER_SIZE])
{
	uint8_t digest[PC_DIGEST_MAX];
	char name[16];
	ssize_t len;

	snprintf(name, sizeof(name), "%s", hash);
	for (char *c = name; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	len = pc_digest(name, text, strlen(text), digest);
	if (len < 0)
		return PC_ENOTSUP;
	pc_base64_encode(digest, (size_t)len, out);
	return PC_OK;
}

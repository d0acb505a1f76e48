#include <stdlib.h>
#include <string.h>

#include "reference.h"
#include "util/json.h"
#include "util/mem.h"

struct pc__ref_format {
	const char *name;
	void (*begin)(struct pc__ref_out *out);
	void (*list)(struct pc__ref_out *out);
	void (*row)(struct pc__ref_out *out, const char *const *values);
	void (*list_end)(struct pc__ref_out *out);
	void (*end)(struct pc__ref_out *out);
};

static void nothing(struct pc__ref_out *out)
{
	(void)out;
}

/* ------------------------------------------------------------ Markdown: a table a list */

static void write_cell(FILE *to, const char *text)
{
	for (; text && *text; text++) {
		if (strchr("|<>*_`\\", *text))
			fputc('\\', to);
		fputc(*text, to);
	}
}

static void markdown_begin(struct pc__ref_out *out)
{
	fputs("# prosody-c " PC_VERSION ": the reference\n", out->to);
}

static void markdown_list(struct pc__ref_out *out)
{
	const char *const *columns = out->list->columns;

	fprintf(out->to, "\n## %s\n\n", out->list->title);
	if (out->list->intro)
		fprintf(out->to, "%s\n\n", out->list->intro);
	for (size_t i = 0; i < PC__REF_COLUMNS && columns[i]; i++)
		fprintf(out->to, "| %s ", columns[i]);
	fputs("|\n", out->to);
	for (size_t i = 0; i < PC__REF_COLUMNS && columns[i]; i++)
		fputs("|---", out->to);
	fputs("|\n", out->to);
}

static void markdown_row(struct pc__ref_out *out, const char *const *values)
{
	for (size_t i = 0; i < PC__REF_COLUMNS && out->list->columns[i]; i++) {
		fputs("| ", out->to);
		write_cell(out->to, values[i]);
		fputc(' ', out->to);
	}
	fputs("|\n", out->to);
}

/* ------------------------------------------------------------ a manual page: a section a list */

static void write_man(FILE *to, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", to);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", to);
		else if (*text == '-')
			fputs("\\-", to);
		else
			fputc(*text, to);
	}
}

static void man_begin(struct pc__ref_out *out)
{
	fputs(".TH PROSODY\\-C\\-REFERENCE 7 \"\" \"prosody\\-c " PC_VERSION "\"\n"
	      ".SH NAME\nprosody\\-c\\-reference \\- options, events, commands and more\n",
	      out->to);
}

static void man_list(struct pc__ref_out *out)
{
	fputs(".SH ", out->to);
	write_man(out->to, out->list->title);
	fputc('\n', out->to);
	if (out->list->intro) {
		write_man(out->to, out->list->intro);
		fputc('\n', out->to);
	}
}

static void man_row(struct pc__ref_out *out, const char *const *values)
{
	const char *const *columns = out->list->columns;

	fputs(".TP\n.B ", out->to);
	write_man(out->to, values[0] ? values[0] : "");
	fputc('\n', out->to);
	for (size_t i = 1; i < PC__REF_COLUMNS && columns[i]; i++) {
		if (values[i] == NULL || *values[i] == '\0')
			continue;
		fprintf(out->to, "\\fI%s\\fR: ", columns[i]);
		write_man(out->to, values[i]);
		fputs("\n.br\n", out->to);
	}
}

/* ------------------------------------------------------------ JSON: an object a row */

static void write_string(FILE *to, const char *text)
{
	struct pc__buf b = { 0 };

	pc__json_string(&b, text);
	fwrite(b.p, 1, b.len, to);
	pc__buf_free(&b);
}

static void json_begin(struct pc__ref_out *out)
{
	fputs("{\n\"version\": \"" PC_VERSION "\"", out->to);
}

static void json_list(struct pc__ref_out *out)
{
	fprintf(out->to, ",\n\"%s\": [", out->list->key);
}

static void json_row(struct pc__ref_out *out, const char *const *values)
{
	const char *const *columns = out->list->columns;

	fputs(out->rows ? ",\n{" : "\n{", out->to);
	for (size_t i = 0; i < PC__REF_COLUMNS && columns[i]; i++) {
		fprintf(out->to, "%s\"%s\": ", i ? ", " : "", columns[i]);
		write_string(out->to, values[i]);
	}
	fputc('}', out->to);
}

static void json_list_end(struct pc__ref_out *out)
{
	fputs("\n]", out->to);
}

static void json_end(struct pc__ref_out *out)
{
	fputs("\n}\n", out->to);
}

/* ------------------------------------------------------------ DOAP (XEP-0453): each XEP once */

static void doap_begin(struct pc__ref_out *out)
{
	fputs("<?xml version='1.0' encoding='UTF-8'?>\n"
	      "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'\n"
	      "         xmlns='http://usefulinc.com/ns/doap#' "
	      "xmlns:xmpp='https://linkmauve.fr/ns/xmpp-doap#'>\n"
	      "<Project>\n"
	      "<name>prosody-c</name>\n"
	      "<shortdesc xml:lang='en'>A modular XMPP server</shortdesc>\n"
	      "<programming-language>C</programming-language>\n"
	      "<os>Linux</os>\n"
	      "<category rdf:resource='https://linkmauve.fr/ns/xmpp-doap#category-server'/>\n"
	      "<license rdf:resource='https://spdx.org/licenses/MIT'/>\n",
	      out->to);
	for (int n = 6120; n <= 6122; n++)
		fprintf(out->to,
		        "<implements rdf:resource='https://www.rfc-editor.org/info/rfc%d'/>\n", n);
}

static bool is_first(struct pc__ref_out *out, const char *xep)
{
	unsigned n = (unsigned)strtoul(xep + strcspn(xep, "0123456789"), NULL, 10) % 10000;
	bool first = !(out->told[n / 8] & 1u << n % 8);

	out->told[n / 8] = (uint8_t)(out->told[n / 8] | 1u << n % 8);
	return first;
}

static void doap_row(struct pc__ref_out *out, const char *const *values)
{
	if (strcmp(out->list->key, "xeps") != 0 || !is_first(out, values[0]))
		return;
	fprintf(out->to,
	        "<implements><xmpp:SupportedXep>"
	        "<xmpp:xep rdf:resource='https://xmpp.org/extensions/xep-%s.html'/>"
	        "<xmpp:status>complete</xmpp:status>",
	        values[0] + strlen("XEP-"));
	if (values[1])
		fprintf(out->to, "<xmpp:version>%s</xmpp:version>", values[1]);
	fputs("</xmpp:SupportedXep></implements>\n", out->to);
}

static void doap_end(struct pc__ref_out *out)
{
	fputs("</Project>\n</rdf:RDF>\n", out->to);
}

/* ------------------------------------------------------------ the formats */

static const struct pc__ref_format formats[] = {
	{ "markdown", markdown_begin, markdown_list, markdown_row, nothing, nothing },
	{ "man", man_begin, man_list, man_row, nothing, nothing },
	{ "doap", doap_begin, nothing, doap_row, nothing, doap_end },
	{ "json", json_begin, json_list, json_row, json_list_end, json_end },
};

const struct pc__ref_format *pc__ref_format(const char *name)
{
	for (size_t i = 0; i < PC__COUNT(formats); i++)
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	return NULL;
}

void pc__ref_begin(struct pc__ref_out *out)
{
	out->format->begin(out);
}

void pc__ref_list_begin(struct pc__ref_out *out, const struct pc__ref_list *list)
{
	out->list = list;
	out->rows = 0;
	out->format->list(out);
	out->lists++;
}

void pc__ref_row(struct pc__ref_out *out, const char *const *values)
{
	out->format->row(out, values);
	out->rows++;
}

void pc__ref_list_end(struct pc__ref_out *out)
{
	out->format->list_end(out);
}

void pc__ref_end(struct pc__ref_out *out)
{
	out->format->end(out);
}

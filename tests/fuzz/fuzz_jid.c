/*
 * Any bytes as an address. What is accepted has one form: written and read again it is the same.
 */
#include <prosody-c/jid.h>

#include "fuzz.h"
#include "util/utf8.h"

static void check_part(const char *part)
{
	must(part == NULL ||
	     (*part && strlen(part) <= PC_JID_PART_MAX && pc__utf8_valid(part, strlen(part))));
}

static void check_parsed(const pc_jid *jid)
{
	char text[PC_JID_MAX + 1], buf[PC_JID_BUF];
	pc_jid again;

	check_part(jid->local);
	check_part(jid->domain);
	check_part(jid->resource);
	must(jid->domain != NULL);
	must(strpbrk(jid->domain, "@/ \"'<>&:") == NULL || jid->domain[0] == '[');
	must(jid->local == NULL || strpbrk(jid->local, "@/ \"'<>&:") == NULL);
	must(pc_jid_write(jid, text) == strlen(text));
	must(pc_jid_parse(text, buf, &again) == PC_OK);
	must(pc_jid_equal(jid, &again));
	must(pc_jid_make(jid->local, jid->domain, jid->resource, buf, &again) == PC_OK);
	must(pc_jid_equal(jid, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char buf[PC_JID_BUF], out[PC_JID_PART_MAX + 1], *text = malloc(size + 1);
	pc_jid jid;

	must(text != NULL);
	memcpy(text, data, size);
	if (pc_jid_parse_n(text, size, buf, &jid) == PC_OK)
		check_parsed(&jid);
	text[size] = '\0';
	if (pc_saslprep(text, out) == PC_OK)
		check_part(out);
	free(text);
	return 0;
}

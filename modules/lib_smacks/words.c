#include "words.h"

#include <stdio.h>
#include <string.h>

#include <prosody-c/codec.h>

const char *smacks_version_ns(unsigned version)
{
	return version == 2 ? NS_SM2 : NS_SM3;
}

unsigned smacks_version(const pc_stanza *st)
{
	const char *ns = pc_stanza_ns(st);

	if (strcmp(ns, NS_SM3) == 0)
		return 3;
	return strcmp(ns, NS_SM2) == 0 ? 2 : 0;
}

pc_stanza *smacks_failed(const char *ns, const char *condition, const char *h)
{
	pc_stanza *failed = pc_stanza_new("failed", ns);

	pc_stanza_set(failed, "h", h);
	pc_stanza_open(failed, condition, PC_NS_STANZA_ERRORS);
	return failed;
}

pc_stanza *smacks_counted(const char *name, const char *ns, uint32_t h)
{
	pc_stanza *st = pc_stanza_new(name, ns);
	char number[16];

	snprintf(number, sizeof(number), "%u", h);
	pc_stanza_set(st, "h", number);
	return st;
}

pc_stanza *smacks_too_high_detail(const char *ns, uint32_t h, uint32_t sent, char text[static 100])
{
	pc_stanza *detail = smacks_counted("handled-count-too-high", ns, h);
	char number[16];

	snprintf(number, sizeof(number), "%u", sent);
	pc_stanza_set(detail, "send-count", number);
	snprintf(text, 100, "You acknowledged %u stanzas, but only %s were sent", h, number);
	return detail;
}

bool smacks_number(const char *text, uint32_t *n_r)
{
	uint64_t n = 0;

	if (text == NULL || *text == '\0')
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n * 10 + (uint64_t)(*text - '0');
		if (n > UINT32_MAX)
			return false;
	}
	*n_r = (uint32_t)n;
	return true;
}

bool smacks_boolean(const char *text, bool *value_r)
{
	*value_r = text && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
	return text == NULL || *value_r || strcmp(text, "false") == 0 || strcmp(text, "0") == 0;
}

void smacks_digest(const char *token, uint8_t digest[static SM_DIGEST])
{
	uint8_t whole[PC_DIGEST_MAX];

	pc_digest("SHA-256", token, strlen(token), whole);
	memcpy(digest, whole, SM_DIGEST);
}

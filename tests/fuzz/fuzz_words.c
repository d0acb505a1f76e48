/*
 * The line protocol of prosody-ctl. A request that is read is written again as the same line; any
 * text is an answer that is read again as that text; an answer that is read is what the line says.
 */
#include <stdio.h>

#include "fuzz.h"
#include "util/words.h"

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static void check_request(const uint8_t *data, size_t len)
{
	char *line = copy_text(data, len);
	struct pc__request request;
	struct pc__buf again = { 0 };

	if (pc__words_parse(line, len, &request) == PC_OK) {
		must(request.n > 0 && request.n <= PC__WORDS_MAX);
		must(pc__words_add(&again, request.tag, request.words, request.n) == PC_OK);
		must(again.len == len + 1 && again.p[len] == '\n');
		must(memcmp(again.p, data, len) == 0);
	}
	pc__buf_free(&again);
	free(line);
}

/* Lines that nobody of ours has written. */
static void check_answer(const uint8_t *data, size_t len)
{
	char *line = copy_text(data, len), *was = copy_text(data, len);
	struct pc__answer answer;

	if (pc__words_answer(line, len, &answer) == PC_OK) {
		size_t tag = strlen(answer.tag), text = strlen(answer.text);

		must(strlen(was) == len && was[0] == answer.kind);
		must(memcmp(was + 2, answer.tag, tag) == 0 && was[2 + tag] == ' ');
		must(strcmp(was + len - text, answer.text) == 0 && was[len - text - 1] == ' ');
		must(answer.code <= 0 && answer.code >= -1000);
		must(answer.kind == 'E' || (answer.code == 0 && 2 + tag + 1 + text == len));
	}
	free(was);
	free(line);
}

/* The next line of what was written, without its end. */
static struct pc__answer read_line(char **at)
{
	char *end = strchr(*at, '\n'), *line = *at;
	struct pc__answer answer;

	must(end != NULL);
	must(pc__words_answer(line, (size_t)(end - line), &answer) == PC_OK);
	must(strcmp(answer.tag, "Tag1") == 0);
	*at = end + 1;
	return answer;
}

static bool same_letters(const char *sent, const char *got, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (got[i] != (sent[i] == '\t' ? ' ' : is_control(sent[i]) ? '?' : sent[i]))
			return false;
	return got[len] == '\0';
}

static void check_output(const char *text)
{
	struct pc__buf out = { 0 };
	char *at;

	pc__words_output(&out, "Tag1", text);
	pc__words_end(&out, "Tag1", PC_EEXIST, text);
	pc__buf_str(&out);
	at = out.p;
	do {
		struct pc__answer answer = read_line(&at);
		size_t len = strcspn(text, "\n");

		must(answer.kind == 'O' && same_letters(text, answer.text, len));
		text += len;
		text += *text == '\n';
	} while (*text);
	must(read_line(&at).code == PC_EEXIST && *at == '\0');
	pc__buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = copy_text(data, size);

	check_request(data, size);
	check_answer(data, size);
	check_output(text);
	free(text);
	return 0;
}

#include "util/words.h"

#include "util/number.h"

#define SEPARATOR '\x1f'

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool is_word(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (is_control(s[i]))
			return false;
	return true;
}

static bool is_tag(const char *s, size_t len)
{
	if (len == 0 || len > PC__WORDS_TAG_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'z') ||
		      (s[i] >= 'A' && s[i] <= 'Z')))
			return false;
	return true;
}

/* ---- requests */

int pc__words_add(struct pc__buf *b, const char *tag, const char *const *words, size_t n)
{
	size_t size = strlen(tag) + 1;

	if (n == 0 || n > PC__WORDS_MAX || !is_tag(tag, strlen(tag)))
		return PC_EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (!is_word(words[i], strlen(words[i])))
			return PC_EINVAL;
		size += strlen(words[i]) + 1;
	}
	if (size > PC__WORDS_LINE_MAX)
		return PC_EINVAL;
	pc__buf_adds(b, tag);
	for (size_t i = 0; i < n; i++) {
		pc__buf_addc(b, SEPARATOR);
		pc__buf_adds(b, words[i]);
	}
	pc__buf_addc(b, '\n');
	return PC_OK;
}

/* Cuts the line at its next separator. NULL when the piece is no word. */
static char *cut(char **at, char *end)
{
	char *word = *at;
	char *stop = memchr(word, SEPARATOR, (size_t)(end - word));

	if (stop == NULL)
		stop = end;
	if (!is_word(word, (size_t)(stop - word)))
		return NULL;
	*stop = '\0';
	*at = stop + 1;
	return word;
}

int pc__words_parse(char *line, size_t len, struct pc__request *request_r)
{
	char *at = line, *end = line + len;

	if (len > PC__WORDS_LINE_MAX)
		return PC_EINVAL;
	request_r->n = 0;
	request_r->tag = cut(&at, end);
	if (request_r->tag == NULL || !is_tag(request_r->tag, strlen(request_r->tag)))
		return PC_EINVAL;
	while (at <= end) {
		const char *word = cut(&at, end);

		if (word == NULL || request_r->n == PC__WORDS_MAX)
			return PC_EINVAL;
		request_r->words[request_r->n++] = word;
	}
	return request_r->n > 0 ? PC_OK : PC_EINVAL;
}

/* ---- answers */

static void add_text(struct pc__buf *b, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		pc__buf_addc(b, text[i] == '\t' ? ' ' : is_control(text[i]) ? '?' : text[i]);
	pc__buf_addc(b, '\n');
}

void pc__words_output(struct pc__buf *b, const char *tag, const char *text)
{
	do {
		size_t len = strcspn(text, "\n");

		pc__buf_printf(b, "O %s ", tag);
		add_text(b, text, len);
		text += len;
		text += *text == '\n';
	} while (*text != '\0');
}

void pc__words_row(struct pc__buf *b, const char *tag, const char *json)
{
	pc__buf_printf(b, "R %s ", tag);
	add_text(b, json, strlen(json));
}

void pc__words_end(struct pc__buf *b, const char *tag, int code, const char *text)
{
	pc__buf_printf(b, "E %s %d ", tag, -code);
	add_text(b, text, strlen(text));
}

/* Cuts at the next space. */
static char *field(char **at)
{
	char *start = *at, *space = strchr(start, ' ');

	if (space == NULL)
		return NULL;
	*space = '\0';
	*at = space + 1;
	return start;
}

static int parse_code(const char *text, int *code_r)
{
	uint64_t code;

	if (pc__number_uint(text, strlen(text), 1000, &code) < 0)
		return PC_EINVAL;
	*code_r = -(int)code;
	return PC_OK;
}

int pc__words_answer(char *line, size_t len, struct pc__answer *answer_r)
{
	char *at = line + 2, *code;

	if (len < 4 || !is_word(line, len) || memchr("ORE", line[0], 3) == NULL || line[1] != ' ')
		return PC_EINVAL;
	line[len] = '\0';
	answer_r->kind = line[0];
	answer_r->code = PC_OK;
	answer_r->tag = field(&at);
	if (answer_r->tag == NULL || !is_tag(answer_r->tag, strlen(answer_r->tag)))
		return PC_EINVAL;
	if (line[0] == 'E') {
		code = field(&at);
		if (code == NULL || parse_code(code, &answer_r->code) < 0)
			return PC_EINVAL;
	}
	answer_r->text = at;
	return PC_OK;
}

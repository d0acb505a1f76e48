#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "util/json.h"

struct tally {
	unsigned long made, failed;
};

static void tell_failed(unsigned long line, const char *text)
{
	struct pc__buf b = { 0 };

	pc__buf_printf(&b, "{\"line\":%lu,\"error\":", line);
	pc__json_string(&b, text);
	pc__buf_addc(&b, '}');
	answer_row(pc__buf_str(&b));
	pc__buf_free(&b);
}

static void on_ended(unsigned long line, int code, const char *text, void *data)
{
	struct tally *t = data;

	if (code == PC_OK) {
		t->made++;
		return;
	}
	t->failed++;
	if (answer_is_json())
		tell_failed(line, text);
	else
		fprintf(stderr, "line %lu: %s\n", line, text);
}

static void ignore(const char *text, void *data)
{
	(void)text;
	(void)data;
}

static const struct talk_fns fns = { ignore, ignore, on_ended };

/* Cuts the field in quotes that begins at `at` (RFC 4180, within one line); where the next one
 * begins, "" behind the last; NULL: it is not one. */
static char *cut_quoted(char *at, char **field_r)
{
	char *out = ++at;

	*field_r = out;
	for (; *at != '\0'; at++) {
		if (*at == '"' && at[1] != '"')
			break;
		at += *at == '"';
		*out++ = *at;
	}
	if (*at != '"' || (at[1] != ',' && at[1] != '\0'))
		return NULL;
	at += at[1] == ',' ? 2 : 1;
	*out = '\0';
	return at;
}

static char *cut_plain(char *at, char **field_r)
{
	char *comma = strchr(at, ',');

	*field_r = at;
	if (comma == NULL)
		return NULL;
	*comma = '\0';
	return comma + 1;
}

static char *cut_field(char *at, char **field_r)
{
	return *at == '"' ? cut_quoted(at, field_r) : cut_plain(at, field_r);
}

/* Cuts the line in place; a password that is not in quotes is the rest, commas included. */
static bool cut(char *line, const char *words[4])
{
	char *user, *host, *password, *at = line;

	line[strcspn(line, "\r\n")] = '\0';
	at = cut_field(at, &user);
	at = at ? cut_field(at, &host) : NULL;
	if (at == NULL)
		return false;
	password = at;
	if (*at == '"') {
		at = cut_quoted(at, &password);
		if (at == NULL || *at != '\0')
			return false;
	}
	words[0] = "register";
	words[1] = user;
	words[2] = host;
	words[3] = password;
	return true;
}

static int ask_all(struct talk *talk, FILE *f, struct tally *tally)
{
	const char *words[4];
	char *line = NULL;
	size_t size = 0;
	unsigned long number = 0;
	int err = PC_OK;

	while (err != PC_EIO && getline(&line, &size, f) >= 0) {
		number++;
		if (line[strspn(line, " \t\r\n")] == '\0')
			continue;
		err = cut(line, words) ? talk_ask(talk, number, words, 4) : PC_EINVAL;
		if (err == PC_EINVAL)
			on_ended(number, err, "a line is user,domain,password", tally);
		explicit_bzero(line, size);
	}
	free(line);
	return err == PC_EIO ? err : talk_finish(talk);
}

static int add_all(const struct ctl *ctl, FILE *f)
{
	struct tally tally = { 0, 0 };
	struct talk *talk;
	pid_t child;
	int fd = ctl_connect(ctl, true, &child), err;

	if (fd < 0)
		return -fd;
	talk = talk_new(fd, &fns, &tally);
	err = ask_all(talk, f, &tally);
	if (err != PC_OK)
		answer_error("the server has gone");
	talk_free(&talk);
	ctl_disconnect(fd, child);
	answer_text("%lu accounts made, %lu failed", tally.made, tally.failed);
	if (err == PC_OK && tally.failed == 0)
		return CTL_OK;
	return tally.made > 0 ? CTL_PARTIAL : CTL_FAILED;
}

int ctl_csv(const struct ctl *ctl, const char *file)
{
	FILE *f;
	int status;

	if (strcmp(file, "-") == 0)
		return add_all(ctl, stdin);
	f = fopen(file, "r");
	if (f == NULL) {
		answer_error("%s: %s", file, strerror(errno));
		return CTL_USAGE;
	}
	status = add_all(ctl, f);
	fclose(f);
	return status;
}

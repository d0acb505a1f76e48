#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

struct tally {
	unsigned long made, failed;
};

static void on_ended(unsigned long line, int code, const char *text, void *data)
{
	struct tally *t = data;

	if (code == PC_OK) {
		t->made++;
		return;
	}
	t->failed++;
	fprintf(stderr, "line %lu: %s\n", line, text);
}

/* Cuts the line in place; the password is the rest, commas included. */
static bool cut(char *line, const char *words[4])
{
	char *host, *password;

	line[strcspn(line, "\r\n")] = '\0';
	host = strchr(line, ',');
	password = host ? strchr(host + 1, ',') : NULL;
	if (password == NULL)
		return false;
	*host++ = '\0';
	*password++ = '\0';
	words[0] = "register";
	words[1] = line;
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
	}
	free(line);
	return err == PC_EIO ? err : talk_finish(talk);
}

int ctl_csv(const struct ctl *ctl, const char *file)
{
	struct tally tally = { 0, 0 };
	FILE *f = strcmp(file, "-") == 0 ? stdin : fopen(file, "r");
	struct talk *talk;
	pid_t child;
	int fd, err;

	if (f == NULL) {
		fprintf(stderr, "prosody-ctl: %s: %s\n", file, strerror(errno));
		return CTL_USAGE;
	}
	fd = ctl_connect(ctl, true, &child);
	if (fd < 0)
		return CTL_FAILED;
	talk = talk_new(fd, on_ended, &tally);
	err = ask_all(talk, f, &tally);
	if (err != PC_OK)
		fputs("prosody-ctl: the server has gone\n", stderr);
	talk_free(&talk);
	ctl_disconnect(fd, child);
	if (f != stdin)
		fclose(f);
	printf("%lu accounts made, %lu failed\n", tally.made, tally.failed);
	return err == PC_OK && tally.failed == 0 ? CTL_OK : CTL_FAILED;
}

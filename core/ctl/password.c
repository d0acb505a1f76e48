#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "util/mem.h"

static char *read_line(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len = getline(&line, &size, stdin);

	if (len < 0) {
		free(line);
		return NULL;
	}
	line[strcspn(line, "\r\n")] = '\0';
	return line;
}

static char *ask(const char *prompt)
{
	struct termios old, silent;
	char *line;

	fputs(prompt, stderr);
	if (tcgetattr(STDIN_FILENO, &old) != 0)
		return NULL;
	silent = old;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	line = read_line();
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	fputc('\n', stderr);
	return line;
}

static void forget(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

char *ctl_password(void)
{
	char *first, *second;
	bool same;

	if (!isatty(STDIN_FILENO)) {
		first = read_line();
		if (first == NULL)
			fputs("prosody-ctl: a password is expected on standard input\n", stderr);
		return first;
	}
	first = ask("Password: ");
	second = ask("And again: ");
	same = first && second && strcmp(first, second) == 0;
	forget(second);
	if (same)
		return first;
	forget(first);
	fputs("prosody-ctl: the two differ\n", stderr);
	return NULL;
}

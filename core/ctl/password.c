#include <errno.h>
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

/* One line from the terminal. NULL: ended by the interrupt's key, or there is no more. */
static char *read_silently(cc_t interrupt)
{
	char line[4096]; /* the kernel's longest */
	ssize_t len;
	char *copy = NULL;

	do
		len = read(STDIN_FILENO, line, sizeof(line) - 1);
	while (len < 0 && errno == EINTR);
	if (len > 0 && (cc_t)line[len - 1] != interrupt) {
		line[len] = '\0';
		line[strcspn(line, "\r\n")] = '\0';
		copy = pc__strdup(line);
	}
	explicit_bzero(line, sizeof(line));
	return copy;
}

/*
 * The interrupt's key ends a line as Return does, and stands in it: were it a signal, one that
 * comes between two of our calls would end us and leave the terminal without its echo, or be lost.
 */
static char *ask(const char *prompt)
{
	struct termios old, silent;
	char *line;

	if (tcgetattr(STDIN_FILENO, &old) != 0)
		return NULL;
	silent = old;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	silent.c_cc[VEOL] = old.c_cc[VINTR];
	/* First: what is typed behind the prompt is neither shown nor thrown away. */
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	fputs(prompt, stderr);
	line = read_silently(old.c_cc[VINTR]);
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
	bool same, second_was_read;

	if (!isatty(STDIN_FILENO)) {
		first = read_line();
		if (first == NULL)
			answer_error("a password is expected on standard input");
		return first;
	}
	first = ask("Password: ");
	second = first ? ask("And again: ") : NULL;
	same = first && second && strcmp(first, second) == 0;
	second_was_read = second != NULL;
	forget(second);
	if (same)
		return first;
	answer_error(first && second_was_read ? "the two differ" : "there is no password");
	forget(first);
	return NULL;
}

#include <signal.h>
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

static void on_interrupt(int number)
{
	(void)number;
}

/* An interrupt ends reading, so that the terminal gets its echo back. */
static char *read_interruptible(void)
{
	struct sigaction action = { .sa_handler = on_interrupt }, before;
	char *line;

	sigaction(SIGINT, &action, &before);
	line = read_line();
	sigaction(SIGINT, &before, NULL);
	clearerr(stdin);
	return line;
}

/* NULL: interrupted. */
static char *ask(const char *prompt)
{
	struct termios old, silent;
	char *line;

	if (tcgetattr(STDIN_FILENO, &old) != 0)
		return NULL;
	silent = old;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	/* First: what is typed behind the prompt is neither shown nor thrown away. */
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	fputs(prompt, stderr);
	line = read_interruptible();
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

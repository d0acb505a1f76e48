/*
 * main.c - prosody-ctl's command line.
 */
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

static bool on_terminal(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static bool is_shell(const struct line *line)
{
	if (line->n == 0)
		return on_terminal() && line->csv == NULL;
	return line->n == 1 && strcmp(line->words[0], "shell") == 0;
}

int main(int argc, char **argv)
{
	struct ctl ctl = { .config = NULL };
	struct line line = { .n = 0 };
	int status = ctl_options(&ctl, &line, false, argc, argv);

	if (status >= 0)
		return answer_end(status);
	if (is_shell(&line))
		return ctl_shell(&ctl);
	if (line.n > 0)
		return ctl_line(&ctl, &line);
	if (ctl.json)
		answer_error("a command is missing");
	else
		ctl_usage(stderr);
	return answer_end(CTL_USAGE);
}

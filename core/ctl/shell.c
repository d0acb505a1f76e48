/*
 * shell.c - many commands, one a line: from a terminal with editing, history and completion, from a
 * pipe without.
 *
 * Each command has a connection of its own, so the shell outlives the server.
 */
#include <errno.h>
#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "util/mem.h"

#define ARGS_MOST 80

struct shell {
	const struct ctl *ctl;
	struct edit *edit; /* NULL: no terminal */
	char *socket;      /* of the server, asked for once */
	unsigned done, failed;
	int first; /* status of what failed first */
	bool ended;
};

/* ------------------------------------------------------------ history without secrets */

bool shell_has_secret(const char *const *words, size_t n)
{
	static const struct {
		const char *section, *name;
		size_t plain; /* words without the password */
	} with[] = {
		{ "adduser", NULL, 2 },  { "passwd", NULL, 2 },     { "register", NULL, 3 },
		{ "user", "create", 3 }, { "user", "password", 3 },
	};

	for (size_t i = 0; i < PC__COUNT(with); i++)
		if (n > with[i].plain && strcmp(words[0], with[i].section) == 0 &&
		    (with[i].name == NULL || strcmp(words[1], with[i].name) == 0))
			return true;
	return false;
}

/* A command that is mistyped may be one with a password in it. */
static bool may_have_secret(const struct line *line, int status)
{
	return shell_has_secret(line->words, line->n) ||
	       (line->n > 2 && (status == CTL_USAGE || status == CTL_REFUSED));
}

/* ------------------------------------------------------------ completion */

static void on_candidate(const char *text, void *data)
{
	edit_offer(data, text);
}

static void on_complete_end(unsigned long tag, int code, const char *text, void *data)
{
	(void)tag;
	(void)code;
	(void)text;
	(void)data;
}

static void complete_by_server(const struct shell *sh, struct edit *e, const char *const *words,
                               size_t n)
{
	static const struct talk_fns fns = { on_candidate, on_candidate, on_complete_end };
	const char *all[ARGS_MOST + 1] = { "complete" };
	struct ctl quiet = *sh->ctl;
	struct talk *talk;
	pid_t child;
	int fd;

	if (n >= ARGS_MOST)
		return;
	memcpy(all + 1, words, n * sizeof(*words));
	quiet.socket = sh->socket;
	answer_begin(true, true); /* nothing is printed between the keys */
	fd = ctl_connect(&quiet, true, &child);
	if (fd < 0)
		return;
	talk = talk_new(fd, &fns, e);
	if (talk_ask(talk, 1, all, n + 1) == PC_OK)
		talk_finish(talk);
	talk_free(&talk);
	ctl_disconnect(fd, child);
}

/* Commands of prosody-ctl's own: the word that is being typed is their first or their second. */
static void complete_own(struct edit *e, const char *const *words, size_t n)
{
	for (const char *const *c = ctl_own_commands; *c; c++) {
		size_t first = strcspn(*c, " ");
		char *word = pc__strndup(*c, first);

		if (n == 1 && strncmp(*c, words[0], strlen(words[0])) == 0)
			edit_offer(e, word);
		else if (n == 2 && (*c)[first] == ' ' && strcmp(word, words[0]) == 0 &&
		         strncmp(*c + first + 1, words[1], strlen(words[1])) == 0)
			edit_offer(e, *c + first + 1);
		free(word);
	}
	if (n == 1 && strncmp("exit", words[0], strlen(words[0])) == 0)
		edit_offer(e, "exit");
}

static void on_tab(struct edit *e, const char *const *words, size_t n, void *data)
{
	complete_own(e, words, n);
	complete_by_server(data, e, words, n);
}

/* ------------------------------------------------------------ one line */

/* What becomes another program does so in a child. */
static int run_apart(const struct ctl *ctl, const struct line *line)
{
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		status = ctl_line(ctl, line);
		fflush(stdout);
		_exit(status);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return CTL_FAILED;
	return WEXITSTATUS(status);
}

static int refuse(const char *why)
{
	answer_error("%s", why);
	return answer_end(CTL_USAGE);
}

static int run_line(struct shell *sh, const struct ctl *ctl, const struct line *line)
{
	const char *first = line->words[0];

	if (strcmp(first, "exit") == 0 || strcmp(first, "quit") == 0) {
		sh->ended = true;
		return CTL_OK;
	}
	if (strcmp(first, "shell") == 0 || strcmp(first, "start") == 0)
		return refuse("that cannot be done from here");
	if (line->reference || strcmp(first, "export") == 0)
		return run_apart(ctl, line);
	return ctl_line(ctl, line);
}

/* -1: there was no command. */
static int run_words(struct shell *sh, int argc, const char **argv, bool *secret_r)
{
	char *args[ARGS_MOST + 2] = { "prosody-ctl" };
	struct ctl ctl = *sh->ctl;
	struct line line = { .n = 0 };
	int status;

	ctl.socket = sh->socket;
	ctl.shell = sh->edit != NULL;
	if (argc > ARGS_MOST)
		return refuse("there are too many words");
	memcpy(args + 1, argv, (size_t)argc * sizeof(*argv));
	status = ctl_options(&ctl, &line, true, argc + 1, args);
	if (status >= 0)
		return answer_end(status);
	if (line.n == 0)
		return line.csv ? refuse("usage: adduser --csv FILE") : -1;
	status = run_line(sh, &ctl, &line);
	*secret_r = may_have_secret(&line, status);
	return status;
}

static void count(struct shell *sh, int status)
{
	if (status < 0)
		return;
	if (status != CTL_OK && sh->failed++ == 0)
		sh->first = status;
	sh->done += status == CTL_OK;
}

static void take(struct shell *sh, const char *text)
{
	Tokenizer *tokens = tok_init(NULL);
	const char **argv;
	int argc, status = -1;
	bool secret = true; /* until it is known to be none */

	answer_begin(sh->ctl->json, sh->ctl->quiet);
	if (text[strspn(text, " \t")] == '#')
		secret = false;
	else if (tok_str(tokens, text, &argc, &argv) != 0)
		status = refuse("a quotation mark is missing");
	else if (argc > 0)
		status = run_words(sh, argc, argv, &secret);
	count(sh, status);
	if (sh->edit && !secret)
		edit_remember(sh->edit, text);
	tok_end(tokens);
}

/* ------------------------------------------------------------ many */

/* What has been typed is gone from memory with it. */
static void forget(char *text, size_t len)
{
	explicit_bzero(text, len);
	free(text);
}

static void read_terminal(struct shell *sh)
{
	char *text;

	sh->edit = edit_new(on_tab, sh);
	while (!sh->ended && (text = edit_read(sh->edit)) != NULL) {
		take(sh, text);
		forget(text, strlen(text));
	}
	edit_free(&sh->edit);
}

static void read_pipe(struct shell *sh)
{
	char *text = NULL;
	size_t size = 0;

	while (!sh->ended && getline(&text, &size, stdin) >= 0) {
		text[strcspn(text, "\r\n")] = '\0';
		take(sh, text);
		explicit_bzero(text, size);
	}
	free(text);
}

/* The configuration is read for it once. */
static char *find_socket(const struct ctl *ctl)
{
	return ctl->socket ? pc__strdup(ctl->socket) : ctl_option(ctl, "admin_socket");
}

int ctl_shell(const struct ctl *ctl)
{
	struct shell sh = { .ctl = ctl, .socket = find_socket(ctl) };
	bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);

	if (sh.socket == NULL) {
		answer_error("the configuration cannot be read");
		return answer_end(CTL_FAILED);
	}
	if (terminal)
		read_terminal(&sh);
	else
		read_pipe(&sh);
	free(sh.socket);
	if (terminal || sh.failed == 0)
		return CTL_OK;
	return sh.done > 0 ? CTL_PARTIAL : sh.first;
}

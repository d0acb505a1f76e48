/*
 * edit.c - lines from a terminal, by libedit: editing, history, completion.
 *
 * The history lies in $XDG_STATE_HOME/prosody-c/history (~/.local/state/...), for its owner alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "ctl/ctl.h"
#include "util/mem.h"

#define PROMPT "prosody-ctl> "
#define HISTORY_MOST 1000
#define WORDS_MOST 64 /* before the cursor */

struct edit {
	EditLine *line;
	History *history;
	HistEvent event;
	char *file; /* of the history; NULL: there is none */
	edit_complete_fn *complete;
	void *data;
	char **offers; /* words that the one before the cursor may become */
	size_t n_offers;
};

/* ------------------------------------------------------------ the file of the history */

static bool make_folder(const char *path)
{
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* Makes what is missing of BASE/a/b/..., and names the last. */
static char *make_folders(const char *base, const char *const *names)
{
	char *path = pc__strdup(base);

	while (*names && make_folder(path)) {
		char *longer = pc__printf("%s/%s", path, *names++);

		free(path);
		path = longer;
	}
	if (*names == NULL && make_folder(path))
		return path;
	free(path);
	return NULL;
}

/* What the XDG Base Directory Specification says of state. NULL: nowhere. */
static char *state_folder(void)
{
	static const char *const of_home[] = { ".local", "state", "prosody-c", NULL };
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state && *state == '/')
		return make_folders(state, of_home + 2);
	return home && *home == '/' ? make_folders(home, of_home) : NULL;
}

static void open_history(struct edit *e)
{
	char *folder = state_folder();
	int fd;

	if (folder == NULL)
		return;
	e->file = pc__printf("%s/history", folder);
	free(folder);
	fd = open(e->file, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		pc__free(&e->file);
		return;
	}
	fchmod(fd, 0600);
	close(fd);
	history(e->history, &e->event, H_LOAD, e->file);
}

/* ------------------------------------------------------------ completion */

void edit_offer(struct edit *e, const char *word)
{
	for (size_t i = 0; i < e->n_offers; i++)
		if (strcmp(e->offers[i], word) == 0)
			return;
	e->offers = pc__realloc(e->offers, (e->n_offers + 1) * sizeof(*e->offers));
	e->offers[e->n_offers++] = pc__strdup(word);
}

static void forget_offers(struct edit *e)
{
	while (e->n_offers > 0)
		free(e->offers[--e->n_offers]);
	pc__free(&e->offers);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void ask_for_offers(struct edit *e, const LineInfo *info, size_t *typed_r)
{
	Tokenizer *tokens = tok_init(NULL);
	const char *words[WORDS_MOST] = { "" };
	const char **argv;
	int argc, in_word = 0, at = 0;
	size_t n = 0;

	if (tok_line(tokens, info, &argc, &argv, &in_word, &at) == 0) {
		for (; n < (size_t)in_word && n < PC__COUNT(words) - 1 && (int)n < argc; n++)
			words[n] = argv[n];
		*typed_r = in_word < argc ? (size_t)at : 0;
		if (in_word < argc)
			words[n] = pc__strndup(argv[in_word], *typed_r);
		else
			words[n] = pc__strdup("");
		e->complete(e, words, n + 1, e->data);
		free((char *)(uintptr_t)words[n]);
	}
	tok_end(tokens);
}

static size_t common(const struct edit *e)
{
	size_t len = strlen(e->offers[0]);

	for (size_t i = 1; i < e->n_offers; i++)
		while (strncmp(e->offers[0], e->offers[i], len) != 0)
			len--;
	return len;
}

static unsigned terminal_width(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* In columns below the line. */
static void show_offers(const struct edit *e)
{
	size_t widest = 0, columns;

	for (size_t i = 0; i < e->n_offers; i++)
		if (strlen(e->offers[i]) > widest)
			widest = strlen(e->offers[i]);
	columns = terminal_width() / (widest + 2);
	for (size_t i = 0; i < e->n_offers; i++)
		printf("%s%-*s", columns == 0 || i % columns == 0 ? "\n" : "", (int)widest + 2,
		       e->offers[i]);
	putchar('\n');
	fflush(stdout);
}

/* What all offers begin with is put in; a blank where there is only one. */
static unsigned char put_in(struct edit *e, size_t typed)
{
	size_t len = common(e);
	char *more;

	if (e->n_offers > 1 && len <= typed) {
		show_offers(e);
		return CC_REDISPLAY;
	}
	more = pc__printf("%.*s%s", (int)(len - typed), e->offers[0] + typed,
	                  e->n_offers == 1 ? " " : "");
	el_insertstr(e->line, more);
	free(more);
	return CC_REFRESH;
}

static unsigned char on_tab(EditLine *line, wint_t key)
{
	unsigned char result = CC_ERROR;
	size_t typed = 0;
	struct edit *e;

	(void)key;
	el_get(line, EL_CLIENTDATA, &e);
	ask_for_offers(e, el_line(line), &typed);
	if (e->n_offers > 0) {
		qsort(e->offers, e->n_offers, sizeof(*e->offers), by_name);
		result = put_in(e, typed);
	}
	forget_offers(e);
	return result;
}

/* ------------------------------------------------------------ the line */

/* Ctrl-C: a new line. */
static unsigned char on_cancel(EditLine *line, wint_t key)
{
	const LineInfo *info = el_line(line);

	(void)key;
	el_cursor(line, (int)(info->lastchar - info->cursor));
	info = el_line(line);
	fputs("^C\n", stdout);
	fflush(stdout);
	el_deletestr(line, (int)(info->lastchar - info->buffer));
	return CC_REDISPLAY;
}

static char *prompt(EditLine *line)
{
	static char text[] = PROMPT;

	(void)line;
	return text;
}

/* Names of functions are wide: el_set() would leave copies of them behind. */
static void bind_keys(struct edit *e)
{
	el_set(e->line, EL_EDITOR, "emacs");
	el_wset(e->line, EL_ADDFN, L"complete", L"completes a word", on_tab);
	el_wset(e->line, EL_ADDFN, L"cancel", L"forgets the line", on_cancel);
	el_set(e->line, EL_BIND, "^I", "complete", NULL);
	el_set(e->line, EL_BIND, "^C", "cancel", NULL);
	el_set(e->line, EL_BIND, "^R", "em-inc-search-prev", NULL);
	el_set(e->line, EL_SETTY, "-d", "-isig", NULL);
}

struct edit *edit_new(edit_complete_fn *complete, void *data)
{
	struct edit *e = pc__alloc(sizeof(*e));

	e->complete = complete;
	e->data = data;
	e->history = history_init();
	history(e->history, &e->event, H_SETSIZE, HISTORY_MOST);
	history(e->history, &e->event, H_SETUNIQUE, 1);
	open_history(e);
	e->line = el_init("prosody-ctl", stdin, stdout, stderr);
	el_set(e->line, EL_CLIENTDATA, e);
	el_set(e->line, EL_PROMPT, prompt);
	el_set(e->line, EL_SIGNAL, 1);
	el_set(e->line, EL_HIST, history, e->history);
	bind_keys(e);
	return e;
}

char *edit_read(struct edit *e)
{
	int len;
	const char *text;

	el_set(e->line, EL_PREP_TERM, 1); /* before the prompt: keys may follow it at once */
	text = el_gets(e->line, &len);
	if (text == NULL || len <= 0) {
		putchar('\n');
		return NULL;
	}
	return pc__strndup(text, strcspn(text, "\r\n"));
}

/* Saved at once: another shell, or the end of the terminal, must not cost it. */
void edit_remember(struct edit *e, const char *line)
{
	if (line[strspn(line, " \t")] == '\0')
		return;
	history(e->history, &e->event, H_ENTER, line);
	if (e->file)
		history(e->history, &e->event, H_SAVE, e->file);
}

void edit_free(struct edit **e)
{
	struct edit *it = *e;

	el_end(it->line);
	history_end(it->history);
	forget_offers(it);
	free(it->file);
	pc__free(e);
}

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ctl/ctl.h"
#include "util/mem.h"
#include "util/words.h"

#define WORDS_MOST (PC__WORDS_MAX - 2) /* with "--json" and a password */

const char *const ctl_own_commands[] = { "about",
	                                 "check config",
	                                 "check certs",
	                                 "check dns",
	                                 "check connectivity",
	                                 "cert generate",
	                                 "cert request",
	                                 "cert import",
	                                 "import prosody",
	                                 "import xep227",
	                                 "export xep227",
	                                 "start",
	                                 "shell",
	                                 NULL };

static bool is(const struct line *line, const char *command)
{
	return strcmp(line->words[0], command) == 0;
}

/* ------------------------------------------------------------ commands of the server */

/* These work on the store; the others ask a running server. */
static bool works_offline(const char *command)
{
	static const char *const names[] = { "adduser",    "passwd", "deluser", "register",
		                             "unregister", "user",   "help",    "backup",
		                             "restore",    "store",  "complete" };

	for (size_t i = 0; i < PC__COUNT(names); i++)
		if (strcmp(names[i], command) == 0)
			return true;
	return false;
}

static void on_output(const char *text, void *data)
{
	(void)data;
	answer_line(text);
}

static void on_row(const char *json, void *data)
{
	(void)data;
	answer_row(json);
}

static void on_ended(unsigned long tag, int code, const char *text, void *data)
{
	(void)tag;
	*(int *)data = answer_status(code);
	if (code == PC_OK)
		answer_text("%s", text);
	else
		answer_error("%s", *text ? text : pc_strerror(code));
}

static void on_link(const char *text, void *data)
{
	on_output(text, data);
	if (!answer_is_json())
		ctl_show_link(text);
}

static const struct talk_fns fns = { on_output, on_row, on_ended };
static const struct talk_fns fns_of_links = { on_link, on_row, on_ended };

/* With "--json" before them where that is wanted. */
static int ask(const struct ctl *ctl, struct talk *talk, const char *const *words, size_t n)
{
	const char *all[PC__WORDS_MAX] = { PC__WORDS_JSON };

	memcpy(all + ctl->json, words, n * sizeof(*words));
	return talk_ask(talk, 1, all, n + ctl->json);
}

/* PC_OK, or why there is no answer. */
static int converse(const struct ctl *ctl, struct talk *talk, const char *const *words, size_t n)
{
	int err = ask(ctl, talk, words, n);

	if (err == PC_OK)
		err = talk_finish(talk);
	if (err == PC_EINVAL)
		answer_error("a word has characters that cannot be sent");
	else if (err == PC_EIO)
		answer_error("the server has gone");
	else if (err == PC_ECANCELED && strcmp(words[0], "watch") != 0)
		answer_error("interrupted: the server goes on with it");
	return err;
}

int ctl_run(const struct ctl *ctl, const char *const *words, size_t n)
{
	int status = CTL_FAILED, err, fd;
	bool offline = works_offline(words[0]), watches = strcmp(words[0], "watch") == 0;
	struct talk *talk;
	pid_t child;

	if (n > WORDS_MOST) {
		answer_error("there are too many words");
		return CTL_USAGE;
	}
	fd = ctl_connect(ctl, offline, &child);
	if (fd < 0)
		return -fd;
	talk = talk_new(fd, strcmp(words[0], "invite") == 0 ? &fns_of_links : &fns, &status);
	if (watches)
		answer_stream();
	talk_interruptible(watches || ctl->shell);
	err = converse(ctl, talk, words, n);
	talk_interruptible(false);
	if (err == PC_OK && status == CTL_OK && strcmp(words[0], "stop") == 0) {
		talk_await_end(talk);
		ctl_await_lock(ctl);
	}
	talk_free(&talk);
	ctl_disconnect(fd, child);
	if (err == PC_ECANCELED && watches)
		return CTL_OK;
	return err == PC_OK ? status : err == PC_EINVAL ? CTL_USAGE : CTL_FAILED;
}

/* ------------------------------------------------------------ passwords */

static bool wants_password(const char *const *words, size_t n)
{
	if (n == 2)
		return strcmp(words[0], "adduser") == 0 || strcmp(words[0], "passwd") == 0;
	if (n != 3)
		return false;
	return strcmp(words[0], "register") == 0 ||
	       (strcmp(words[0], "user") == 0 &&
	        (strcmp(words[1], "create") == 0 || strcmp(words[1], "password") == 0));
}

static int run_with_password(const struct ctl *ctl, const char *const *words, size_t n)
{
	const char *all[WORDS_MOST];
	char *password = ctl_password();
	int status;

	if (password == NULL)
		return CTL_FAILED;
	memcpy(all, words, n * sizeof(*words));
	all[n] = password;
	status = ctl_run(ctl, all, n + 1);
	explicit_bzero(password, strlen(password));
	free(password);
	return status;
}

/* ------------------------------------------------------------ what the server's program does by
 * itself */

/* Its errors come by the same way where they are to be part of a value of JSON. */
static void on_program(const char *text, void *data)
{
	static const char prefix[] = "prosody-c: ";

	(void)data;
	if (strncmp(text, prefix, sizeof(prefix) - 1) == 0)
		answer_error("%s", text + sizeof(prefix) - 1);
	else if (answer_is_json() && *text == '{')
		answer_row(text);
	else
		answer_line(text);
}

static int program(const struct ctl *ctl, const char *const *words)
{
	switch (ctl_program(ctl, words, on_program, NULL)) {
	case 0:
		return CTL_OK;
	case EX_USAGE:
		return CTL_USAGE;
	case EX_CANTCREAT:
	case EX_NOHOST:
		return CTL_REFUSED;
	case EX_TEMPFAIL:
		return CTL_PARTIAL;
	default:
		return CTL_FAILED;
	}
}

static int about(const struct ctl *ctl, const struct line *line)
{
	const char *format = line->n == 2 ? line->words[1] : ctl->json ? "json" : "markdown";
	const char *const words[] = { "--reference", format, NULL };

	if (line->n > 2 || (line->n == 2 && !line->reference)) {
		answer_error("usage: prosody-ctl about [--reference [markdown|man|json|doap]]");
		return CTL_USAGE;
	}
	if (line->reference) {
		ctl_exec(ctl, words);
		return CTL_FAILED;
	}
	if (ctl->json)
		answer_row("{\"version\":\"" PC_VERSION "\"}");
	else
		answer_line("prosody-c " PC_VERSION);
	return CTL_OK;
}

static int check(const struct ctl *ctl, const struct line *line)
{
	const char *words[] = { "--check", NULL, NULL, NULL, NULL, NULL };
	size_t n = 2;

	if (line->n < 2 || line->n > 3) {
		answer_error("usage: prosody-ctl check config|certs | dns|connectivity [HOST]");
		return CTL_USAGE;
	}
	words[1] = line->words[1];
	if (ctl->json)
		words[n++] = "--json";
	words[n++] = "--";
	if (line->n == 3)
		words[n] = line->words[2];

	return program(ctl, words);
}

static int cert(const struct ctl *ctl, const struct line *line)
{
	const char *words[WORDS_MOST + 4] = { "--cert", line->words[1] };
	size_t n = 2;

	if (line->n < 3) {
		answer_error(
		        "usage: prosody-ctl cert generate|request HOST | import FOLDER [HOST...]");
		return CTL_USAGE;
	}
	if (line->moving.force)
		words[n++] = "--force";
	words[n++] = "--";
	for (size_t i = 2; i < line->n && i < WORDS_MOST; i++)
		words[n++] = line->words[i];
	return program(ctl, words);
}

static int start(const struct ctl *ctl)
{
	const char *const none[] = { NULL };

	if (ctl->json) {
		answer_error("a server in the foreground has no answer");
		return CTL_USAGE;
	}
	ctl_exec(ctl, none);
	return CTL_FAILED;
}

/* ------------------------------------------------------------ which of them */

static int run(const struct ctl *ctl, const struct line *line)
{
	if (line->n > WORDS_MOST) {
		answer_error("there are too many words");
		return CTL_USAGE;
	}
	if (is(line, "start") && line->n == 1)
		return start(ctl);
	if (is(line, "about"))
		return about(ctl, line);
	if (is(line, "check"))
		return check(ctl, line);
	if (is(line, "cert"))
		return cert(ctl, line);
	if (line->csv)
		return ctl_csv(ctl, line->csv);
	if (wants_password(line->words, line->n))
		return run_with_password(ctl, line->words, line->n);
	if (ctl_moves(line->words[0]))
		return ctl_move(ctl, line->words, line->n, &line->moving);
	return ctl_run(ctl, line->words, line->n);
}

int ctl_line(const struct ctl *ctl, const struct line *line)
{
	return answer_end(run(ctl, line));
}

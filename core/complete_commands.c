/*
 * The command complete: what a word that is being typed may become. It reads the descriptions of
 * the arguments ("[HOST] NAME", "SINK|all LEVEL"), so that commands of modules are completed like
 * the server's own.
 */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "hosts.h"
#include "loader.h"
#include "log.h"
#include "modules.h"
#include "util/mem.h"

#define SESSIONS_MOST 100 /* that are offered: a person chooses among them */

struct completion {
	pc_call *call;
	const char *typed; /* the last word */
	size_t n;          /* words before it */
	size_t sessions;
	const pc_command *command; /* that the words before name; NULL: none yet */
};

static bool fits(const struct completion *c, const char *word)
{
	return strncmp(word, c->typed, strlen(c->typed)) == 0;
}

static void offer(const struct completion *c, const char *word)
{
	if (fits(c, word))
		pc_call_row(c->call, &PC_TEXT("word", word), 1, "%s", word);
}

/* ------------------------------------------------------------ what arguments can be */

static void offer_hosts(struct completion *c)
{
	for (const pc_host *h = pc__hosts_first(); h; h = h->next)
		offer(c, h->name);
}

static void offer_files(struct completion *c)
{
	char **names = pc__loader_names();

	for (size_t i = 0; names[i]; i++) {
		offer(c, names[i]);
		free(names[i]);
	}
	free(names);
}

static void offer_modules_of(struct completion *c, const pc_host *host)
{
	for (const pc_module *m = pc__modules_of(host); m; m = m->next)
		offer(c, m->def->name);
}

static void offer_modules(struct completion *c)
{
	if (strcmp(c->command->section, "module") != 0)
		return;
	if (strcmp(c->command->name, "load") == 0) {
		offer_files(c);
		return;
	}
	offer_modules_of(c, NULL);
	for (const pc_host *h = pc__hosts_first(); h; h = h->next)
		offer_modules_of(c, h);
}

static bool offer_session(const pc_session *s, void *data)
{
	struct completion *c = data;
	char *bare = pc__printf("%s@%s", s->username, s->host);

	/* an account with its first session; resources when the account has been typed */
	if (pc_session_first(pc_session_host(s), s->username) == s && fits(c, bare)) {
		offer(c, bare);
		c->sessions++;
	}
	if (strncmp(c->typed, bare, strlen(bare)) == 0 && fits(c, s->full_jid)) {
		offer(c, s->full_jid);
		c->sessions++;
	}
	free(bare);
	return c->sessions < SESSIONS_MOST;
}

static void offer_sessions(struct completion *c)
{
	pc_each_session(NULL, offer_session, c);
}

static bool offer_section(const pc_command *command, void *data)
{
	offer(data, command->section);
	return true;
}

static void offer_sections(struct completion *c)
{
	pc__each_command(offer_section, c);
}

static void offer_levels(struct completion *c)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };

	for (size_t i = 0; i < PC__COUNT(names); i++)
		offer(c, names[i]);
}

static const struct {
	const char *arg;
	void (*offer)(struct completion *c);
} kinds[] = {
	{ "HOST", offer_hosts },       { "NAME", offer_modules }, { "JID", offer_sessions },
	{ "SECTION", offer_sections }, { "LEVEL", offer_levels },
};

/* One of the words that "JID|HOST|all" has: in capitals a kind, else the word itself. */
static void offer_kind(struct completion *c, const char *name)
{
	if (*name < 'A' || *name > 'Z') {
		offer(c, name);
		return;
	}
	for (size_t i = 0; i < PC__COUNT(kinds); i++)
		if (strcmp(kinds[i].arg, name) == 0)
			kinds[i].offer(c);
}

static void offer_arg(struct completion *c, const char *arg, size_t len)
{
	char *copy = pc__strndup(arg, len), *rest = copy, *name;

	while ((name = strsep(&rest, "|[].")) != NULL)
		if (*name)
			offer_kind(c, name);
	free(copy);
}

/* ------------------------------------------------------------ which argument it is */

/* Optional ones may have been left out, so that the one behind them is meant, too. */
static void offer_args(struct completion *c, size_t at)
{
	const char *s = c->command->args ? c->command->args : "";
	size_t i = 0, skipped = 0;

	for (; *s; s += strspn(s, " "), i++) {
		size_t len = strcspn(s, " ");

		if (i >= at && i - at <= skipped)
			offer_arg(c, s, len);
		skipped += *s == '[';
		s += len;
	}
}

static bool consider(const pc_command *command, void *data)
{
	struct completion *c = data;
	const char *first = pc_call_arg(c->call, 0), *second = pc_call_arg(c->call, 1);

	if (c->n == 0) {
		offer(c, command->section);
		return true;
	}
	if (strcmp(first, command->section) != 0)
		return true;
	c->command = command;
	if (command->name == NULL)
		offer_args(c, c->n - 1);
	else if (c->n == 1)
		offer(c, command->name);
	else if (strcmp(second, command->name) == 0)
		offer_args(c, c->n - 2);
	return true;
}

static void run_complete(pc_call *call, pc_module *m)
{
	size_t n = pc_call_argc(call);
	struct completion c = { .call = call,
		                .typed = n > 0 ? pc_call_arg(call, n - 1) : "",
		                .n = n > 0 ? n - 1 : 0 };

	(void)m;
	pc__each_command(consider, &c);
	pc_call_end(call, PC_OK, NULL);
}

const pc_command pc__complete_commands[] = {
	{ "complete", NULL, "[WORD...]", "Tells what the last of these words may become",
	  run_complete },
	{ 0 },
};

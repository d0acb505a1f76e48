#include "commands.h"

#include <stdlib.h>
#include <string.h>

#include "hosts.h"
#include "modules.h"
#include "util/mem.h"

#define KIND "shell-command"

void pc_add_command(pc_module *m, const pc_command *command)
{
	pc_add_item(m, KIND, command);
}

/* ---- a command's description */

char *pc__command_usage(const pc_command *command)
{
	const char *args = command->args ? command->args : "";

	return pc__printf("%s%s%s%s%s", command->section, command->name ? " " : "",
	                  command->name ? command->name : "", args[0] ? " " : "", args);
}

static size_t word_len(const char *s)
{
	return strcspn(s, " ");
}

void pc__command_arity(const char *args, size_t *least_r, size_t *most_r)
{
	*least_r = *most_r = 0;
	for (const char *s = args ? args : ""; *s != '\0'; s += word_len(s), s += *s == ' ') {
		size_t len = word_len(s);

		if (len >= 3 && memmem(s, len, "...", 3) != NULL)
			*most_r = SIZE_MAX;
		if (len == 3 && memcmp(s, "...", 3) == 0)
			continue;
		if (*s != '[')
			++*least_r;
		if (*most_r != SIZE_MAX)
			++*most_r;
	}
}

/* Where among the arguments the one of that name is expected; with leading optional arguments that
 * were left out the later ones move up. SIZE_MAX: nowhere. */
static size_t arg_position(const char *args, const char *name, size_t n_args)
{
	size_t least, most, spare, i = 0;

	pc__command_arity(args, &least, &most);
	spare = n_args > least ? n_args - least : 0;
	for (const char *s = args ? args : ""; *s != '\0'; s += word_len(s), s += *s == ' ') {
		bool optional = *s == '[';
		const char *word = s + optional;

		if (optional && spare == 0)
			continue;
		spare -= optional;
		if (strncmp(word, name, strlen(name)) == 0 && strchr(" ]|", word[strlen(name)]))
			return i < n_args ? i : SIZE_MAX;
		i++;
	}
	return SIZE_MAX;
}

/* ---- which host is meant */

static pc_host *host_of_address(const char *address)
{
	const char *domain = strchr(address, '@');
	char name[PC_JID_PART_MAX + 1], prepared[PC_JID_PART_MAX + 1];
	size_t len;

	domain = domain ? domain + 1 : address;
	len = strcspn(domain, "/");
	if (len == 0 || len >= sizeof(name))
		return NULL;
	memcpy(name, domain, len);
	name[len] = '\0';
	return pc_jid_prep_domain(name, prepared) == PC_OK ? pc_host_find(prepared) : NULL;
}

/* False when the arguments do not say; *host_r is NULL when they name a host that is not ours. */
static bool meant_host(const pc_command *command, size_t n_args, const char *const *args,
                       pc_host **host_r)
{
	static const char *const names[] = { "HOST", "JID", "ROOM" };

	for (size_t i = 0; i < PC__COUNT(names); i++) {
		size_t at = arg_position(command->args, names[i], n_args);

		if (at == SIZE_MAX)
			continue;
		*host_r = host_of_address(args[at]);
		return true;
	}
	return false;
}

/* "HOST|all": one module does it for all hosts. */
static bool means_all(const pc_command *command, size_t n_args, const char *const *args)
{
	size_t at = arg_position(command->args, "HOST|all", n_args);

	return at != SIZE_MAX && strcmp(args[at], "all") == 0;
}

/* ---- finding */

struct search {
	size_t n;
	const char *const *words;
	struct pc__command_match best;
	bool section_known; /* commands of that section exist */
	bool elsewhere;     /* the command exists, but not on the host that is meant */
	bool several;       /* hosts offer it, and none is named */
};

/* How many of the words name the command; 0: it is another one. */
static size_t words_of(const struct search *s, const pc_command *c)
{
	if (strcmp(s->words[0], c->section) != 0)
		return 0;
	if (c->name == NULL)
		return 1;
	return s->n > 1 && strcmp(s->words[1], c->name) == 0 ? 2 : 0;
}

static bool consider(const void *item, pc_module *owner, void *data)
{
	struct search *s = data;
	const pc_command *c = item;
	size_t n_words = words_of(s, c);
	pc_host *host;

	s->section_known = s->section_known || strcmp(s->words[0], c->section) == 0;
	if (n_words == 0 || n_words < s->best.n_words)
		return true;
	if (owner->host != NULL && means_all(c, s->n - n_words, s->words + n_words)) {
		if (s->best.n_words == n_words)
			return true;
	} else if (owner->host != NULL) {
		if (meant_host(c, s->n - n_words, s->words + n_words, &host)) {
			if (host != owner->host) {
				s->elsewhere = true;
				return true;
			}
		} else if (s->best.n_words == n_words && s->best.owner != owner) {
			s->several = true;
		}
	}
	s->best = (struct pc__command_match){ c, owner, n_words };
	return true;
}

static bool consider_host(const void *item, pc_module *owner, void *data)
{
	/* Global modules' items come with each host's; they have been seen. */
	return owner->host == NULL || consider(item, owner, data);
}

static int not_found(const struct search *s, char **error_r)
{
	if (s->elsewhere)
		*error_r = pc__printf("no such host, or it has no command \"%s %s\"", s->words[0],
		                      s->n > 1 ? s->words[1] : "");
	else if (s->section_known)
		*error_r = pc__printf("no such command; \"help %s\" lists those of %s", s->words[0],
		                      s->words[0]);
	else
		*error_r = pc__printf("no such command: %.64s", s->words[0]);
	return PC_ENOENT;
}

static int check_arity(const struct search *s, char **error_r)
{
	size_t n_args = s->n - s->best.n_words;
	size_t least, most;
	char *usage;

	pc__command_arity(s->best.command->args, &least, &most);
	if (n_args >= least && n_args <= most)
		return PC_OK;
	usage = pc__command_usage(s->best.command);
	*error_r = pc__printf("usage: %s", usage);
	free(usage);
	return PC_EINVAL;
}

int pc__command_find(size_t n, const char *const *words, struct pc__command_match *match_r,
                     char **error_r)
{
	struct search s = { .n = n, .words = words };

	if (n == 0) {
		*error_r = pc__strdup("no command");
		return PC_EINVAL;
	}
	pc_each_item(NULL, KIND, consider, &s);
	for (pc_host *h = pc__hosts_first(); h != NULL; h = h->next)
		pc_each_item(h, KIND, consider_host, &s);
	if (s.best.command == NULL)
		return not_found(&s, error_r);
	if (s.several) {
		*error_r = pc__strdup("several hosts have this command, and no argument names one");
		return PC_EINVAL;
	}
	*match_r = s.best;
	return check_arity(&s, error_r);
}

/* ---- listing */

struct each {
	bool (*fn)(const pc_command *command, void *data);
	void *data;
	const pc_command **seen;
	size_t n;
	bool stopped;
};

static bool tell_once(const void *item, pc_module *owner, void *data)
{
	struct each *e = data;

	(void)owner;
	for (size_t i = 0; i < e->n; i++)
		if (e->seen[i] == item)
			return true;
	e->seen = pc__realloc(e->seen, (e->n + 1) * sizeof(*e->seen));
	e->seen[e->n++] = item;
	e->stopped = !e->fn(item, e->data);
	return !e->stopped;
}

void pc__each_command(bool (*fn)(const pc_command *command, void *data), void *data)
{
	struct each e = { .fn = fn, .data = data };

	pc_each_item(NULL, KIND, tell_once, &e);
	for (pc_host *h = pc__hosts_first(); h != NULL && !e.stopped; h = h->next)
		pc_each_item(h, KIND, tell_once, &e);
	free(e.seen);
}

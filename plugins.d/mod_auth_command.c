/*
 * mod_auth_command.c - an example: a program says who may log in (by PLAIN).
 *
 *   authentication = "command"
 *   auth_command = { "/usr/local/bin/check-login", "--quiet" }
 *
 * It reads lines, "check USER HOST PASSWORD" (as base64) or "exists USER HOST ", and answers each
 * in turn by "yes" or "no". When it hangs, ends or talks nonsense, all who wait see
 * temporary-auth-failure, and the next question starts it anew.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/prosody-c.h>

#define SECONDS 2.0 /* for an answer */

struct asked {
	struct asked *next;
	pc_done_fn *fn;
	void *data;
	int no; /* what "no" means */
};

struct command {
	pc_module *m;
	pc_child *child;
	struct asked *first;
	pc_timer *timer; /* of the first */
	char line[8];    /* of an answer, as far as it came */
	size_t len;
};

/* By whoever finds that it is of no use: its timer, too. All who wait are told. */
static void give_up(void *data)
{
	struct command *c = data;
	struct asked *a = c->first;

	if (a)
		pc_log(c->m, PC_WARN, "the program has not answered: nobody can log in");
	if (c->child)
		pc_child_kill(c->child, SIGKILL);
	pc_timer_stop(&c->timer);
	*c = (struct command){ .m = c->m }; /* what it still says is not heard */
	while (a) {
		struct asked gone = *a;

		free(a);
		a = gone.next;
		gone.fn(PC_EIO, gone.data);
	}
}

static void await(struct command *c, double seconds)
{
	pc_timer_stop(&c->timer);
	if (c->first)
		c->timer = pc_after(c->m, seconds, give_up, c);
}

static void answer(struct command *c, bool yes)
{
	struct asked a = *c->first;

	free(c->first);
	c->first = a.next;
	await(c, SECONDS);
	a.fn(yes ? PC_OK : a.no, a.data);
}

static void on_output(pc_child *child, const void *bytes, size_t len, void *data)
{
	struct command *c = data;
	bool yes, no;

	for (const char *p = bytes; len-- > 0 && child == c->child; p++) {
		c->line[c->len++] = *p;
		if (*p != '\n' && c->len < sizeof(c->line))
			continue;
		yes = c->len == 4 && memcmp(c->line, "yes\n", 4) == 0;
		no = c->len == 3 && memcmp(c->line, "no\n", 3) == 0;
		c->len = 0;
		if (c->first && (yes || no))
			answer(c, yes);
		else
			give_up(c);
	}
}

static void on_ended(pc_child *child, int status, void *data)
{
	(void)status;
	if (child == ((struct command *)data)->child)
		give_up(data);
}

static bool send(struct command *c, const char *line)
{
	static const pc_child_fns fns = { on_output, on_ended };
	const char *argv[16] = { NULL };

	for (size_t i = 0; i < 15 && i < pc_opt_count(c->m, "auth_command"); i++)
		argv[i] = pc_opt_at(c->m, "auth_command", i);
	if (c->child == NULL && argv[0])
		c->child = pc_spawn(c->m, argv, &fns, c);
	return c->child && pc_child_write(c->child, line, strlen(line)) == PC_OK;
}

/* No answer comes before this has returned: that is the contract of users.h. */
static void ask(pc_module *m, struct asked asked, const char *verb, const char *user,
                const char *password)
{
	struct command *c = pc_module_data(m);
	struct asked **end = &c->first;
	char secret[pc_base64_size(PC_JID_PART_MAX)], line[4 * PC_JID_PART_MAX];
	size_t len = strnlen(password, PC_JID_PART_MAX); /* no password is longer */

	pc_base64_encode((const uint8_t *)password, len, secret);
	snprintf(line, sizeof(line), "%s %s %s %s\n", verb, user, pc_module_host_name(m), secret);
	while (*end)
		end = &(*end)->next;
	*end = memcpy(malloc(sizeof(asked)), &asked, sizeof(asked));
	if (!send(c, line))
		await(c, 0);
	else if (c->timer == NULL)
		await(c, SECONDS);
}

static void check(pc_module *m, const char *user, const char *password, pc_done_fn *fn, void *data)
{
	ask(m, (struct asked){ NULL, fn, data, PC_EAUTH }, "check", user, password);
}

static void exists(pc_module *m, const char *user, pc_done_fn *fn, void *data)
{
	ask(m, (struct asked){ NULL, fn, data, PC_ENOENT }, "exists", user, "");
}

static const pc_auth_provider provider = {
	.size = sizeof(provider), .plain = true, .exists = exists, .check = check
};

static void load(pc_module *m)
{
	((struct command *)pc_module_data(m))->m = m;
	pc_provide(m, "auth-command", &provider);
}

static void unload(pc_module *m)
{
	give_up(pc_module_data(m));
}

static const pc_option options[] = {
	{ "auth_command", PC_OPT_LIST, .help = "The program and its arguments" },
	{ 0 },
};

PC_MODULE(auth_command, .summary = "An example: a program says who may log in", .options = options,
          .data_size = sizeof(struct command), .load = load, .unload = unload);

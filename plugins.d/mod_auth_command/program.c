/* program.c - the child process, and who waits for its answers. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

#define SECONDS 2.0 /* for an answer */

struct asked {
	struct asked *next;
	pc_done_fn *fn;
	void *data;
	int no; /* what "no" means */
};

void program_give_up(void *data)
{
	struct program *p = data;
	struct asked *a = p->first;

	if (a)
		pc_log(p->m, PC_WARN, "the program has not answered: nobody can log in");
	if (p->child)
		pc_child_kill(p->child, SIGKILL);
	pc_timer_stop(&p->timer);
	*p = (struct program){ .m = p->m }; /* what it still says is not heard */
	while (a) {
		struct asked gone = *a;

		free(a);
		a = gone.next;
		gone.fn(PC_EIO, gone.data);
	}
}

static void await(struct program *p, double seconds)
{
	pc_timer_stop(&p->timer);
	if (p->first)
		p->timer = pc_after(p->m, seconds, program_give_up, p);
}

static void answer(struct program *p, bool yes)
{
	struct asked a = *p->first;

	free(p->first);
	p->first = a.next;
	await(p, SECONDS);
	a.fn(yes ? PC_OK : a.no, a.data);
}

static void on_output(pc_child *child, const void *bytes, size_t len, void *data)
{
	struct program *p = data;
	bool yes, no;

	for (const char *byte = bytes; len-- > 0 && child == p->child; byte++) {
		p->line[p->len++] = *byte;
		if (*byte != '\n' && p->len < sizeof(p->line))
			continue;
		yes = p->len == 4 && memcmp(p->line, "yes\n", 4) == 0;
		no = p->len == 3 && memcmp(p->line, "no\n", 3) == 0;
		p->len = 0;
		if (p->first && (yes || no))
			answer(p, yes);
		else
			program_give_up(p);
	}
}

static void on_ended(pc_child *child, int status, void *data)
{
	(void)status;
	if (child == ((struct program *)data)->child)
		program_give_up(data);
}

static bool send(struct program *p, const char *line)
{
	static const pc_child_fns fns = { on_output, on_ended };
	const char *argv[16] = { NULL };

	for (size_t i = 0; i < 15 && i < pc_opt_count(p->m, "auth_command"); i++)
		argv[i] = pc_opt_at(p->m, "auth_command", i);
	if (p->child == NULL && argv[0])
		p->child = pc_spawn(p->m, argv, &fns, p);
	return p->child && pc_child_write(p->child, line, strlen(line)) == PC_OK;
}

void program_ask(struct program *p, const char *line, int no, pc_done_fn *fn, void *data)
{
	struct asked **end = &p->first, *a = malloc(sizeof(*a));

	*a = (struct asked){ NULL, fn, data, no };
	while (*end)
		end = &(*end)->next;
	*end = a;
	if (!send(p, line))
		await(p, 0);
	else if (p->timer == NULL)
		await(p, SECONDS);
}

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "util/mem.h"
#include "util/words.h"

struct talk {
	int fd;
	struct pc__buf in;
	unsigned under_way;
	const struct talk_fns *fns;
	void *data;
};

static volatile sig_atomic_t interrupted;
static bool interruptible;

struct talk *talk_new(int fd, const struct talk_fns *fns, void *data)
{
	struct talk *t = pc__alloc(sizeof(*t));

	t->fd = fd;
	t->fns = fns;
	t->data = data;
	return t;
}

void talk_free(struct talk **talk)
{
	pc__buf_free(&(*talk)->in);
	pc__free(talk);
}

static void take_line(struct talk *t, char *line, size_t len)
{
	struct pc__answer answer;

	if (pc__words_answer(line, len, &answer) != PC_OK)
		return;
	if (answer.kind == 'O') {
		t->fns->output(answer.text, t->data);
		return;
	}
	if (answer.kind == 'R') {
		t->fns->row(answer.text, t->data);
		return;
	}
	t->under_way--;
	t->fns->ended(strtoul(answer.tag, NULL, 10), answer.code, answer.text, t->data);
}

static void take_lines(struct talk *t)
{
	char *end;

	while (t->in.len > 0 && (end = memchr(t->in.p, '\n', t->in.len)) != NULL) {
		size_t len = (size_t)(end - t->in.p);

		*end = '\0';
		take_line(t, t->in.p, len);
		pc__buf_shift(&t->in, len + 1);
	}
}

/* ------------------------------------------------------------ interrupts */

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

/* It is blocked but while we wait, so that none comes between looking and waiting. */
void talk_interruptible(bool on)
{
	struct sigaction action = { .sa_handler = on ? on_interrupt : SIG_DFL };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	interrupted = 0;
	interruptible = on;
	sigaction(SIGINT, &action, NULL);
	sigprocmask(on ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void await_input(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	sigdelset(&set, SIGINT);
	ppoll(&p, 1, NULL, &set);
}

/* ------------------------------------------------------------ talking */

static int wait_for_some(struct talk *t)
{
	ssize_t n;

	if (interruptible) {
		await_input(t->fd);
		if (interrupted)
			return PC_ECANCELED;
	}
	n = read(t->fd, pc__buf_room(&t->in, 4096), 4096);
	if (n < 0 && errno == EINTR)
		return PC_OK;
	if (n <= 0)
		return PC_EIO;
	pc__buf_added(&t->in, (size_t)n);
	take_lines(t);
	return PC_OK;
}

static int send_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return PC_EIO;
		p += n;
		len -= (size_t)n;
	}
	return PC_OK;
}

int talk_ask(struct talk *t, unsigned long tag, const char *const *words, size_t n)
{
	struct pc__buf out = { 0 };
	char text[PC__WORDS_TAG_MAX + 8];
	int err = PC_OK;

	while (err == PC_OK && t->under_way >= PC__WORDS_UNDER_WAY)
		err = wait_for_some(t);
	snprintf(text, sizeof(text), "%lu", tag);
	if (err == PC_OK)
		err = pc__words_add(&out, text, words, n);
	if (err == PC_OK)
		err = send_all(t->fd, out.p, out.len);
	if (err == PC_OK)
		t->under_way++;
	if (out.p)
		explicit_bzero(out.p, out.len); /* passwords */
	pc__buf_free(&out);
	return err;
}

int talk_finish(struct talk *t)
{
	int err = PC_OK;

	while (err == PC_OK && t->under_way > 0)
		err = wait_for_some(t);
	return err;
}

void talk_await_end(struct talk *t)
{
	while (wait_for_some(t) == PC_OK)
		;
}

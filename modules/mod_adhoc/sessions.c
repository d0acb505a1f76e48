#include "sessions.h"

#include <string.h>

#define LONGEST_SECONDS 1e9 /* "never" */

static size_t bare_len(const char *jid)
{
	return strcspn(jid, "/");
}

static bool is_same_account(const char *a, const char *b)
{
	return bare_len(a) == bare_len(b) && strncmp(a, b, bare_len(a)) == 0;
}

/* Those of the account, and the one of them that waits longest and is not being run. */
static int64_t count_own(const struct adhoc *a, const char *from, struct session **oldest_r)
{
	int64_t n = 0;

	*oldest_r = NULL;
	for (struct session *s = a->sessions; s; s = s->next) {
		if (!is_same_account(pc_adhoc_from(s->call), from))
			continue;
		n++;
		if (pc_token_event(s->token) == NULL &&
		    (*oldest_r == NULL || s->used <= (*oldest_r)->used))
			*oldest_r = s;
	}
	return n;
}

/* Who begins one too many gives up the oldest of his own; nobody gives up one for others. */
static bool make_room(pc_module *m, const char *from)
{
	const struct adhoc *a = pc_module_data(m);
	struct session *oldest;
	int64_t n = 0;

	if (count_own(a, from, &oldest) >= pc_opt_int(m, "adhoc_max_sessions_per_user")) {
		if (oldest == NULL)
			return false;
		session_end(oldest);
	}
	for (const struct session *s = a->sessions; s; s = s->next)
		n++;
	return n < pc_opt_int(m, "adhoc_max_sessions");
}

/* ------------------------------------------------------------ time */

static void sweep(void *data);

static int64_t lifetime_ms(pc_module *m)
{
	double seconds = pc_opt_seconds(m, "adhoc_session_timeout");

	return (int64_t)((seconds < LONGEST_SECONDS ? seconds : LONGEST_SECONDS) * 1000);
}

/* The session that waits longest is the next to end. */
static void set_timer(pc_module *m)
{
	struct adhoc *a = pc_module_data(m);
	int64_t first = INT64_MAX, left;

	for (const struct session *s = a->sessions; s; s = s->next)
		if (s->used < first)
			first = s->used;
	pc_timer_stop(&a->sweep);
	if (first == INT64_MAX)
		return;
	left = first + lifetime_ms(m) - pc_now_ms();
	a->sweep = pc_after(m, left > 0 ? (double)(left + 1) / 1000 : 0.001, sweep, m);
}

/* One whose stage is under way is not forgotten: the stage ends soon. */
static void sweep(void *data)
{
	struct adhoc *a = pc_module_data(data);
	int64_t late = pc_now_ms() - lifetime_ms(data);

	a->sweep = NULL;
	for (struct session *s = a->sessions, *next; s; s = next) {
		next = s->next;
		if (s->used > late)
			continue;
		if (pc_token_event(s->token))
			s->used = pc_now_ms();
		else
			session_end(s);
	}
	set_timer(data);
}

void session_touch(struct session *s)
{
	s->used = pc_now_ms();
}

/* ------------------------------------------------------------ coming and going */

static struct session *take_unused(pc_module *m)
{
	struct adhoc *a = pc_module_data(m);
	struct session *s = a->unused;

	if (s == NULL)
		return pc_module_alloc(m, sizeof(*s));
	a->unused = s->next;
	return s;
}

struct session *session_new(pc_module *m, pc_module *owner, const pc_adhoc *command,
                            const char *from)
{
	struct adhoc *a = pc_module_data(m);
	struct session *s;

	if (!make_room(m, from))
		return NULL;
	s = take_unused(m);
	*s = (struct session){ .next = a->sessions, .m = m, .command = command };
	s->call = pc_adhoc_new(m, owner, command, from);
	pc_random_id(s->id);
	session_touch(s);
	a->sessions = s;
	if (a->sweep == NULL)
		set_timer(m);
	return s;
}

struct session *session_find(pc_module *m, const char *id, const char *node, const char *from)
{
	struct adhoc *a = pc_module_data(m);
	struct session *s = a->sessions;

	while (s && strcmp(s->id, id) != 0)
		s = s->next;
	if (s == NULL || strcmp(s->command->node, node) != 0)
		return NULL;
	return strcmp(pc_adhoc_from(s->call), from) == 0 ? s : NULL;
}

bool session_has_ended(pc_module *m, const char *id)
{
	const struct adhoc *a = pc_module_data(m);

	for (size_t i = 0; i < ENDED_KEPT && i < a->n_ended; i++)
		if (strcmp(a->ended[i], id) == 0)
			return true;
	return false;
}

void sessions_end_of(pc_module *m, const char *from)
{
	struct adhoc *a = pc_module_data(m);

	for (struct session *s = a->sessions, *next; s; s = next) {
		next = s->next;
		if (strcmp(pc_adhoc_from(s->call), from) == 0)
			session_end(s);
	}
}

void session_end(struct session *s)
{
	struct adhoc *a = pc_module_data(s->m);
	struct session **at = &a->sessions;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	memcpy(a->ended[a->n_ended++ % ENDED_KEPT], s->id, sizeof(s->id));
	pc_adhoc_free(&s->call);
	s->next = a->unused;
	a->unused = s;
}

#include "session_table.h"

#include <stdlib.h>
#include <string.h>

#include "hosts.h"
#include "sessions.h"
#include "util/mem.h"

/* ------------------------------------------------------------ by id: {generation, slot} */

static struct slot {
	struct pc__session *s;
	uint32_t generation;
	uint32_t next_free;
} * slots;
static uint32_t n_slots, first_free = UINT32_MAX;
static size_t n_sessions, n_connected, n_asleep;

static void grow(void)
{
	uint32_t old = n_slots;

	n_slots = n_slots ? n_slots * 2 : 256;
	slots = pc__realloc(slots, n_slots * sizeof(*slots));
	for (uint32_t i = n_slots; i-- > old;) {
		slots[i] = (struct slot){ .next_free = first_free };
		first_free = i;
	}
}

void pc__session_add(struct pc__session *s)
{
	uint32_t i;

	if (first_free == UINT32_MAX)
		grow();
	i = first_free;
	first_free = slots[i].next_free;
	slots[i].s = s;
	slots[i].generation++;
	s->pub.id = (uint64_t)slots[i].generation << 32 | i;
	n_sessions++;
}

void pc__session_remove(struct pc__session *s)
{
	uint32_t i = (uint32_t)s->pub.id;

	slots[i].s = NULL;
	slots[i].next_free = first_free;
	first_free = i;
	n_sessions--;
}

const pc_session *pc_session_find(pc_session_id id)
{
	uint32_t i = (uint32_t)id;

	if (id == 0 || i >= n_slots || slots[i].s == NULL ||
	    slots[i].generation != (uint32_t)(id >> 32))
		return NULL;
	return &slots[i].s->pub;
}

size_t pc__sessions_count(void)
{
	return n_sessions;
}

size_t pc__sessions_connected(void)
{
	return n_connected;
}

size_t pc__sessions_asleep(void)
{
	return n_asleep;
}

void pc__session_set_asleep(struct pc__session *s, bool asleep)
{
	n_asleep -= s->asleep;
	n_asleep += asleep;
	s->asleep = asleep;
}

/* ------------------------------------------------------------ by name */

struct pc__user *pc__user_find(const pc_host *host, const char *username)
{
	struct pc__user *u;

	HASH_FIND_STR(host->users, username, u);
	return u;
}

static struct pc__user *user_new(pc_host *host, const char *username)
{
	size_t len = strlen(username);
	struct pc__user *u = pc__alloc(sizeof(*u) + len + 1);

	memcpy(u->name, username, len);
	u->host = host;
	HASH_ADD_KEYPTR(hh, host->users, u->name, len, u);
	return u;
}

static void user_free(struct pc__user *u)
{
	HASH_DEL(u->host->users, u);
	free(u);
}

void pc__user_attach(struct pc__session *s)
{
	struct pc__user *u = pc__user_find(s->host, s->pub.username);
	struct pc__session **at;

	if (u == NULL)
		u = user_new(s->host, s->pub.username);
	for (at = &u->sessions; *at; at = &(*at)->next)
		;
	*at = s;
	s->next = NULL;
	s->user = u;
	u->n_sessions++;
	s->host->n_sessions++;
	n_connected++;
}

void pc__user_detach(struct pc__session *s)
{
	struct pc__user *u = s->user;
	struct pc__session **at = &u->sessions;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->next = NULL;
	s->user = NULL;
	s->host->n_sessions--;
	n_connected--;
	if (--u->n_sessions == 0)
		user_free(u);
}

struct pc__session *pc__user_session(const struct pc__user *u, const char *resource)
{
	for (struct pc__session *s = u->sessions; s; s = s->next)
		if (strcmp(s->pub.resource, resource) == 0)
			return s;
	return NULL;
}

const pc_session *pc_session_of(const pc_jid *full)
{
	pc_host *host = pc_host_find(full->domain);
	struct pc__user *u;
	struct pc__session *s;

	if (host == NULL || full->local == NULL || full->resource == NULL)
		return NULL;
	u = pc__user_find(host, full->local);
	s = u ? pc__user_session(u, full->resource) : NULL;
	return s ? &s->pub : NULL;
}

const pc_session *pc_session_first(const pc_host *host, const char *username)
{
	struct pc__user *u = pc__user_find(host, username);

	return u ? &u->sessions->pub : NULL;
}

const pc_session *pc_session_next(const pc_session *s)
{
	struct pc__session *next = pc__session_of(s)->next;

	return next ? &next->pub : NULL;
}

int pc_session_top_priority(const pc_session *first)
{
	int top = -1;

	for (const pc_session *s = first; s; s = pc_session_next(s))
		if (pc_session_is_available(s) && s->priority > top)
			top = s->priority;
	return top;
}

/* ------------------------------------------------------------ all. Slots stay where they are, so
 * fn may close sessions, or make them, meanwhile. */

void pc_each_session(const pc_host *host, pc_session_fn *fn, void *data)
{
	for (uint32_t i = 0; i < n_slots; i++) {
		struct pc__session *s = slots[i].s;

		if (s && s->user && (host == NULL || s->host == host) && !fn(&s->pub, data))
			return;
	}
}

void pc_each_unbound_session(pc_session_fn *fn, void *data)
{
	for (uint32_t i = 0; i < n_slots; i++) {
		struct pc__session *s = slots[i].s;

		if (s && s->user == NULL && !fn(&s->pub, data))
			return;
	}
}

static bool close_one(const pc_session *s, void *condition)
{
	pc_session_close(s, condition, NULL);
	return true;
}

void pc__users_close_all(pc_host *host, const char *condition)
{
	pc_each_session(host, close_one, (void *)(uintptr_t)condition);
	pc__sessions_reap();
}

/* Whose sessions end, and why. */
struct ending {
	const pc_host *host;
	const char *user, *why;
};

static bool close_unbound(const pc_session *s, void *data)
{
	const struct ending *e = data;

	if (s->type == PC_C2S_UNBOUND && pc_session_host(s) == e->host &&
	    strcmp(s->username, e->user) == 0)
		pc_session_close(s, "not-authorized", e->why);
	return true;
}

void pc__user_close(const pc_host *host, const char *user, const char *why)
{
	struct pc__user *u = pc__user_find(host, user);

	for (struct pc__session *s = u ? u->sessions : NULL; s; s = s->next)
		pc_session_close(&s->pub, "not-authorized", why);
	pc_each_unbound_session(close_unbound, &(struct ending){ host, user, why });
}

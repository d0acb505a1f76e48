#include "sessions.h"

#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "filters.h"
#include "hosts.h"
#include "log.h"
#include "receipts.h"
#include "roles.h"
#include "roster_cache.h"
#include "router.h"
#include "server.h"
#include "session_blocks.h"
#include "streams.h"
#include "survivors.h"
#include "util/mem.h"

static struct pc__session *to_end;

struct pc__session *pc__session_new(pc_stream *stream, pc_session_type type, const char *ip)
{
	struct pc__session *s = pc__alloc(sizeof(*s));

	s->stream = stream;
	s->pub.conn = stream ? pc_stream_conn(stream) : 0;
	s->pub.notopen = true;
	s->pub.type = type;
	s->pub.ip = pc__strdup(ip);
	pc__session_add(s);
	return s;
}

static void set_text(const char **field, const char *value)
{
	free((char *)(uintptr_t)*field);
	*field = pc__strdup(value);
}

void pc__session_set_host(struct pc__session *s, pc_host *host)
{
	s->host = host;
	s->pub.host = host ? host->name : NULL;
}

void pc__session_set_lang(struct pc__session *s, const char *lang)
{
	set_text(&s->pub.lang, lang);
}

/* ------------------------------------------------------------ what modules change */

static void notify(const char *event, struct pc__session *s, const pc_arg *args, size_t n)
{
	pc__notify(s->host ? s->host->bus : pc__bus_global(), event, s->host, s->pub.id, args, n);
}

/* RFC 6120 6.4.6: who said under TLS who he is must turn out to be that. */
static bool said_otherwise(const struct pc__session *s, const char *bare)
{
	const char *said = s->stream && s->pub.secure ? pc_stream_peer(s->stream) : NULL;

	return said && strcmp(said, bare) != 0;
}

int pc_session_authenticated(const pc_session *session, const char *username, const char *role)
{
	struct pc__session *s = pc__session_of(session);
	char local[PC_JID_PART_MAX + 1], *bare;

	if (s->pub.type != PC_C2S_UNAUTHED || s->host == NULL || s->ending)
		return PC_ESTATE;
	if (pc_jid_prep_local(username, local) != PC_OK)
		return PC_EINVAL;
	bare = pc__printf("%s@%s", local, s->host->name);
	if (said_otherwise(s, bare)) {
		free(bare);
		pc_session_close(session, "invalid-from", NULL);
		return PC_ECANCELED;
	}
	set_text(&s->pub.username, local);
	s->pub.role = pc__role_name(role ? role : pc_role_of(s->host, bare));
	free(bare);
	s->pub.type = PC_C2S_UNBOUND;
	if (s->stream)
		pc__stream_authenticated(s->stream);
	notify("auth-success", s, NULL, 0);
	return PC_OK;
}

void pc__session_set_resource(struct pc__session *s, const char *resource)
{
	set_text(&s->pub.full_jid, NULL);
	s->pub.full_jid = pc__printf("%s@%s/%s", s->pub.username, s->host->name, resource);
	s->pub.resource = s->pub.full_jid + strlen(s->pub.username) + strlen(s->host->name) + 2;
	s->pub.type = PC_C2S;
	s->pub.bound_time = pc_time_ms();
	pc__user_attach(s);
	pc__survivor_facts(s);
}

static int8_t priority_of(const pc_stanza *presence)
{
	const char *text = pc_stanza_child_text(presence, "priority", PC_NS_CLIENT);
	long value = text ? strtol(text, NULL, 10) : 0;

	return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}

void pc_session_set_presence(const pc_session *session, const pc_stanza *presence)
{
	struct pc__session *s = pc__session_of(session);
	pc_stanza *old = (pc_stanza *)(uintptr_t)s->pub.presence;

	s->pub.presence = presence ? pc_stanza_clone(presence) : NULL;
	s->pub.priority = presence ? priority_of(presence) : 0;
	s->pub.presence_time = presence ? pc_time_ms() : 0;
	pc_stanza_free(&old);
	pc__survivor_presence(s);
}

/* The time is kept as a number: as an element it would double the size of most presences. */
pc_stanza *pc_session_presence(const pc_session *s, const char *to)
{
	pc_stanza *copy;

	if (s->presence == NULL)
		return NULL;
	copy = pc_stanza_clone(s->presence);
	pc_stanza_set(copy, "to", to);
	pc_stanza_delay(copy, s->host, s->presence_time, NULL);
	return copy;
}

void pc_session_set_interested(const pc_session *session)
{
	struct pc__session *s = pc__session_of(session);

	s->pub.interested = true;
	pc__survivor_facts(s);
}

void pc_session_set_roster(const pc_session *session, pc_roster *roster)
{
	pc__session_of(session)->pub.roster = roster;
}

void pc_session_set_client_id(const pc_session *session, const char *client_id)
{
	struct pc__session *s = pc__session_of(session);

	set_text(&s->pub.client_id, client_id);
	pc__survivor_facts(s);
}

pc_host *pc_session_host(const pc_session *s)
{
	return pc__session_of(s)->host;
}

pc_stream *pc_session_stream(const pc_session *s)
{
	return pc__session_of(s)->stream;
}

bool pc_session_is_connected(const pc_session *s)
{
	return s->full_jid != NULL;
}

bool pc_session_is_available(const pc_session *s)
{
	return s->presence != NULL;
}

bool pc_session_is_interested(const pc_session *s)
{
	return s->interested;
}

/* ------------------------------------------------------------ the end */

static void end_later(struct pc__session *s, const char *reason)
{
	if (s->ending)
		return;
	s->ending = true;
	s->end_reason = reason;
	s->ending_next = to_end;
	to_end = s;
}

void pc_session_close(const pc_session *session, const char *condition, const char *text)
{
	pc_session_close_with(session, condition, text, NULL);
}

void pc_session_close_with(const pc_session *session, const char *condition, const char *text,
                           const pc_stanza *detail)
{
	struct pc__session *s = pc__session_of(session);

	if (s->ending)
		return;
	notify("pre-session-close", s, (pc_arg[]){ PC_STR("condition", condition) }, 1);
	s->ended_clean = true;
	if (s->stream && condition)
		pc_stream_error_with(s->stream, condition, text, detail);
	else if (s->stream)
		pc_stream_close(s->stream);
	end_later(s, condition ? "stream error" : NULL);
}

void pc_session_destroy(const pc_session *session, const char *reason)
{
	struct pc__session *s = pc__session_of(session);

	(void)reason;
	s->ended_clean = true;
	end_later(s, "connection lost");
}

void pc__session_stream_gone(struct pc__session *s, const char *reason)
{
	s->stream = NULL;
	if (reason == NULL)
		s->ended_clean = true;
	end_later(s, reason);
}

/* The next process goes on with it: nobody else is told, and the stream's end is not its end. */
static void fall_asleep(struct pc__session *s)
{
	pc__stream_forget_session(s->stream);
	s->stream = NULL;
	end_later(s, "system-shutdown");
}

void pc__session_stream_closing(struct pc__session *s)
{
	if (pc__server.stopping && !s->ended_clean && pc__survivor_is_kept(s)) {
		fall_asleep(s);
		return;
	}
	s->ended_clean = true;
	end_later(s, NULL);
}

/* What another server sent and is counted is handled to its end, so that the count is the truth:
 * only then does its session end (receipts.c). */
static bool lingers(struct pc__session *s)
{
	if (!pc__session_is_servers(&s->pub) || pc__receipts_settled(s) || pc__server.stopping)
		return false;
	if (s->stream)
		pc__stream_forget_session(s->stream);
	s->stream = NULL;
	s->pub.conn = 0;
	s->lingers = true;
	return true;
}

void pc__session_settled(struct pc__session *s)
{
	if (s->lingers)
		end_later(s, s->end_reason);
}

/* Stream management may keep a session whose connection broke. */
static bool is_kept(struct pc__session *s)
{
	pc_result r;

	if (s->user == NULL)
		return lingers(s);
	if (s->ended_clean)
		return false;
	if (pc__server.stopping && !pc__survivor_is_kept(s))
		return false;
	if (s->stream) /* it was resumed in the turn in which its connection broke */
		return true;
	r = pc__fire_name(
	        s->host->bus, "pre-resource-unbind",
	        &(struct pc__firing){ .host = s->host,
	                              .origin = s->pub.id,
	                              .question = true,
	                              .args = (pc_arg[]){ PC_STR("reason", s->end_reason) },
	                              .n_args = 1 });
	if (r != PC_HANDLED)
		return false;
	s->pub.conn = 0;
	pc__session_set_asleep(s, pc__server.stopping);
	return true;
}

/* Out of the table first, so that nothing is delivered to it any more; then others are told. */
static void unbind(struct pc__session *s, bool tell)
{
	struct pc__user *u = s->user;
	bool last = u->n_sessions == 1;
	char *name = last ? pc__strdup(u->name) : NULL;

	pc__user_detach(s);
	if (tell)
		notify("resource-unbind", s, (pc_arg[]){ PC_STR("reason", s->end_reason) }, 1);
	s->pub.roster = NULL;
	if (last)
		pc__roster_release(s->host, name);
	free(name);
}

static void free_session(struct pc__session *s)
{
	pc_stanza *presence;

	pc__session_set_asleep(s, false);
	pc__survivor_gone(s);
	pc__filters_free(s);
	pc__receipts_free(s);
	pc__session_blocks_free(s);
	pc__session_remove(s);
	presence = (pc_stanza *)(uintptr_t)s->pub.presence;
	pc_stanza_free(&presence);
	free((char *)(uintptr_t)s->pub.username);
	free((char *)(uintptr_t)s->pub.full_jid);
	free((char *)(uintptr_t)s->pub.ip);
	free((char *)(uintptr_t)s->pub.client_id);
	free((char *)(uintptr_t)s->pub.lang);
	free(s);
}

static void end(struct pc__session *s)
{
	if (s->user)
		unbind(s, true);
	if (s->stream)
		pc__stream_forget_session(s->stream);
	s->stream = NULL;
	notify("session-closed", s, NULL, 0);
	pc__router_forget(s);
	free_session(s);
}

void pc__sessions_reap(void)
{
	while (to_end) {
		struct pc__session *s = to_end;

		to_end = s->ending_next;
		if (is_kept(s))
			s->ending = false;
		else
			end(s);
	}
}

/* ------------------------------------------------------------ the server stops */

/* Hibernated ones wait for the next process, if that will know of them. */
static bool stop_one(const pc_session *session, void *data)
{
	struct pc__session *s = pc__session_of(session);

	(void)data;
	if (s->stream || s->ending)
		return true;
	if (pc__survivor_is_kept(s))
		pc__session_set_asleep(s, true);
	else
		pc_session_destroy(session, "the server stops");
	return true;
}

void pc__sessions_stop(void)
{
	pc_each_session(NULL, stop_one, NULL);
}

static bool is_quiet(const pc_session *session, void *data)
{
	const struct pc__session *s = pc__session_of(session);
	bool *quiet = data;

	*quiet = s->route == NULL && s->waiting == NULL;
	return *quiet;
}

bool pc__sessions_stopped(void)
{
	bool quiet = true;

	if (pc__sessions_count() != pc__sessions_asleep())
		return false;
	pc_each_session(NULL, is_quiet, &quiet);
	return quiet;
}

/* What it has sent and nobody has counted comes again. */
static bool leave(const pc_session *session, void *data)
{
	struct pc__session *s = pc__session_of(session);

	(void)data;
	if (!s->asleep)
		return true;
	unbind(s, false);
	pc__router_drop(s);
	free_session(s);
	return true;
}

void pc__sessions_leave(void)
{
	pc_each_session(NULL, leave, NULL);
}

/* ------------------------------------------------------------ resumption */

void pc_session_detach(const pc_session *session, const char *condition, const char *text)
{
	struct pc__session *s = pc__session_of(session);
	pc_stream *stream = s->stream;

	if (stream == NULL || s->ending)
		return;
	s->stream = NULL;
	s->pub.conn = 0;
	pc__stream_forget_session(stream); /* its end is not the session's */
	pc_stream_error(stream, condition, text);
}

int pc_session_take_over(const pc_session *to_s, const pc_session *from_s)
{
	struct pc__session *to = pc__session_of(to_s), *from = pc__session_of(from_s);

	if (from->stream == NULL || (to->ending && to->ended_clean) || to == from)
		return PC_ESTATE;
	pc_session_detach(to_s, "conflict", "replaced by a new connection");
	to->stream = from->stream;
	to->pub.conn = from->pub.conn;
	to->pub.secure = from->pub.secure;
	set_text(&to->pub.ip, from->pub.ip);
	pc__stream_set_session(to->stream, to);
	pc__stream_bound(to->stream);
	from->stream = NULL;
	from->ended_clean = true;
	end_later(from, NULL);
	pc__survivor_facts(to);
	pc__notify(pc__bus_global(), "c2s-session-updated", NULL, to->pub.id,
	           (pc_arg[]){ PC_PTR("from", from) }, 1);
	if (to->restored)
		notify("session-returned", to, NULL, 0);
	to->restored = false;
	return PC_OK;
}

/*
 * revival.c - in three steps, each over all sessions: account and roster are looked up and the
 * session enters the table; modules get their data back; what does not live on is ended in the
 * ordinary way.
 */
#include "revival.h"

#include <stdlib.h>
#include <string.h>

#include <prosody-c/users.h>

#include "events.h"
#include "hosts.h"
#include "log.h"
#include "modules.h"
#include "roles.h"
#include "roster_cache.h"
#include "server.h"
#include "session_blocks.h"
#include "sessions.h"
#include "stores.h"
#include "survivors.h"
#include "timers.h"
#include "util/killpoint.h"
#include "util/mem.h"
#include "xml/frame.h"

#define WAIT_SECONDS 20 /* for whoever knows the accounts */

struct returning {
	struct pc__past_session *past;
	pc_host *host;
	struct pc__session *s; /* NULL: not there */
	bool lives;
};

static struct {
	struct returning *all;
	size_t n, waiting;
	bool late;
	struct pc__timer timer;
} revival;

/* ------------------------------------------------------------ the session */

static const char *fact(const struct pc__past_session *p, int i)
{
	return *p->facts[i] ? p->facts[i] : NULL;
}

static void set_presence(struct pc__session *s, const struct pc__past_session *p)
{
	pc_stanza *presence = p->presence ? pc_stanza_parse(p->presence, p->presence_len) : NULL;

	if (presence == NULL || pc_stanza_kind(presence) != PC_PRESENCE) {
		pc_stanza_free(&presence);
		return;
	}
	pc_session_set_presence(&s->pub, presence);
	s->pub.presence_time = p->presence_ms;
	pc_stanza_free(&presence);
}

static void make(struct returning *r, pc_roster *roster)
{
	const struct pc__past_session *p = r->past;
	const char *role = fact(p, PC__FACT_ROLE);
	struct pc__session *s = pc__session_new(NULL, PC_C2S, p->facts[PC__FACT_IP]);

	r->s = s;
	pc__session_set_host(s, r->host);
	s->restored = true;
	s->pub.notopen = false;
	s->pub.username = pc__strdup(p->facts[PC__FACT_USERNAME]);
	s->pub.role = role ? pc__role_name(role) : NULL;
	s->pub.secure = p->flags & PC__FACT_SECURE;
	s->pub.interested = p->flags & PC__FACT_INTERESTED;
	s->pub.roster = roster;
	pc_session_set_client_id(&s->pub, fact(p, PC__FACT_CLIENT_ID));
	if (fact(p, PC__FACT_LANG))
		pc__session_set_lang(s, fact(p, PC__FACT_LANG));
	pc__survivor_adopt(s, r->past);
	pc__session_set_resource(s, p->facts[PC__FACT_RESOURCE]);
	pc__roster_keep(r->host, s->pub.username);
	set_presence(s, p);
	pc__survivor_unchanged(s);
}

static bool is_taken(const struct returning *r)
{
	struct pc__user *u = pc__user_find(r->host, r->past->facts[PC__FACT_USERNAME]);

	return u && pc__user_session(u, r->past->facts[PC__FACT_RESOURCE]);
}

/* What is told too late belongs to nobody any more. */
static void on_roster(int err, pc_roster *roster, void *data)
{
	struct returning *r = data;

	if (revival.late)
		return;
	revival.waiting--;
	if (err == PC_OK && !is_taken(r))
		make(r, roster);
}

/* Where accounts are not known to be gone or disabled, they are taken to be there. */
static void on_enabled(int err, void *data)
{
	struct returning *r = data;

	if (revival.late)
		return;
	if (err == PC_ENOENT || err == PC_EPERM) {
		revival.waiting--;
		return;
	}
	pc__roster_load(r->host, r->past->facts[PC__FACT_USERNAME], on_roster, r);
}

static void on_exists(int err, void *data)
{
	struct returning *r = data;

	if (revival.late)
		return;
	if (err == PC_ENOENT)
		revival.waiting--;
	else
		pc_user_enabled(NULL, r->host, r->past->facts[PC__FACT_USERNAME], on_enabled, r);
}

static void look_up(struct returning *r)
{
	r->host = pc_host_find(r->past->facts[PC__FACT_HOST]);
	if (r->host == NULL || pc_host_kind(r->host) != PC_VIRTUAL_HOST)
		return;
	revival.waiting++;
	pc_user_exists(NULL, r->host, r->past->facts[PC__FACT_USERNAME], on_exists, r);
}

static void on_late(struct pc__timer *t)
{
	(void)t;
	revival.late = true;
	pc__log("revival", PC_ERROR,
	        "accounts and rosters of %zu sessions could not be looked up in time",
	        revival.waiting);
}

/* Answers come from store threads, and of some providers by the loop. */
static void wait_for_all(void)
{
	pc__timer_set(&revival.timer, WAIT_SECONDS, on_late);
	pc__stores_flush();
	while (revival.waiting > 0 && !revival.late) {
		uv_run(pc__server.loop, UV_RUN_NOWAIT);
		pc__stores_flush();
		if (revival.waiting > 0)
			uv_run(pc__server.loop, UV_RUN_ONCE);
	}
	pc__timer_clear(&revival.timer);
}

/* ------------------------------------------------------------ modules */

static pc_module *find_module(const struct pc__session *s, const char *name)
{
	pc_module *m = pc__module_find(s->host, name);

	return m ? m : pc__module_find(NULL, name);
}

static int give_back(struct pc__session *s, pc_module *m, const char *bytes, size_t len)
{
	void *block = pc_session_data(&s->pub, m);

	if (m->def->session_restore)
		return m->def->session_restore(m, &s->pub, block, bytes, len);
	if (!m->def->session_plain || len != m->def->session_size)
		return PC_EINVAL;
	memcpy(block, bytes, len);
	return PC_OK;
}

static void give_blob(struct returning *r, const struct pc__past_record *blob)
{
	struct pc__session *s = r->s;
	const char *bytes, *name;
	uint32_t version;
	size_t len;
	pc_module *m;
	int err;

	name = pc__past_blob(blob, &version, &bytes, &len);
	m = find_module(s, name);
	if (m == NULL || m->def->state_version != version)
		return;
	err = give_back(s, m, bytes, len);
	if (err)
		pc__session_block_drop(s, m);
	if (!err && r->past->kept && strcmp(name, r->past->facts[PC__FACT_KEEPER]) == 0) {
		r->lives = true;
		pc__survivor_set_keeper(s, m);
	}
}

static void give_blobs(struct returning *r)
{
	for (size_t i = 0; i < r->past->n_blobs; i++)
		give_blob(r, &r->past->blobs[i]);
}

void pc_journal_each(const pc_session *session, pc_journal_frame_fn *fn, void *data)
{
	const struct pc__past_session *p = pc__survivor_past(pc__session_of(session));

	for (size_t i = 0; p && i < p->n_outs; i++) {
		int64_t when;
		size_t len;
		const char *bytes = pc__past_frame(&p->outs[i], &when, &len);
		pc_frame *frame = pc__frame_load(bytes, len);

		if (frame)
			fn(session, frame, when, data);
		pc_frame_unref(&frame);
	}
}

/* ------------------------------------------------------------ all of them */

static void collect(const pc__past *past)
{
	size_t n = HASH_COUNT(past->sessions);

	memset(&revival, 0, sizeof(revival));
	revival.all = pc__alloc((n + 1) * sizeof(*revival.all));
	for (struct pc__past_session *p = past->sessions; p; p = p->hh.next)
		revival.all[revival.n++].past = p;
}

static void end_or_tell(struct returning *r)
{
	if (r->s == NULL)
		pc__survivor_refuse(r->past);
	else if (!r->lives)
		pc_session_destroy(&r->s->pub, "the server was started anew");
	else
		pc__notify(r->host->bus, "session-restored", r->host, r->s->pub.id, NULL, 0);
}

static void tell(void)
{
	size_t there = 0, living = 0;

	for (size_t i = 0; i < revival.n; i++) {
		there += revival.all[i].s != NULL;
		living += revival.all[i].lives;
	}
	if (revival.n > 0)
		pc__log("revival", PC_INFO,
		        "%zu sessions of the process before: %zu wait for their clients, the "
		        "contacts of %zu others are told",
		        revival.n, living, there - living);
}

void pc__revival_run(pc__past *past)
{
	collect(past);
	PC__KILLPOINT("before-revival");
	for (size_t i = 0; i < revival.n; i++)
		look_up(&revival.all[i]);
	wait_for_all();
	pc__survivors_adopted(past->most_number, past->died_ms);
	for (size_t i = 0; i < revival.n; i++)
		if (revival.all[i].s)
			give_blobs(&revival.all[i]);
	tell();
	for (size_t i = 0; i < revival.n; i++)
		end_or_tell(&revival.all[i]);
	pc__sessions_reap();
	pc__survivors_past_is_over();
	free(revival.all);
}

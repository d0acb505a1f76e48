/*
 * binding.c - resource binding (RFC 6120 section 7).
 *
 *   `bind` is fired (the wanted resource may be edited) -> conflicts are settled -> the roster is
 *   loaded -> the session gets its full JID -> resource-bind
 */
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "config.h"
#include "events.h"
#include "hosts.h"
#include "log.h"
#include "modules.h"
#include "roster_cache.h"
#include "sessions.h"
#include "streams.h"
#include "util/mem.h"

struct binding {
	pc_session_id session;
	pc_module *m;
	pc_bound_fn *done;
	void *data;
	char resource[PC_JID_PART_MAX + 1];
};

static void end(struct binding *b, int err, const char *condition)
{
	const pc_session *s = pc_session_find(b->session);

	if (s)
		pc__session_of(s)->binding = false;
	if (pc__module_callable(b->m))
		b->done(s, s ? err : PC_ECANCELED, condition, b->data);
	pc__module_release(b->m);
	free(b);
}

static void random_resource(char out[static PC_ID_SIZE])
{
	pc_random_id(out);
}

/* ------------------------------------------------------------ conflicts (RFC 6120 7.7.2.2) */

/* What leaves room for "#" and a number, without half a character at its end. */
static int length_of_stem(const char *resource)
{
	size_t len = strlen(resource), most = PC_JID_PART_MAX - sizeof("#4294967295") + 1;

	if (len <= most)
		return (int)len;
	while (((unsigned char)resource[most] & 0xC0) == 0x80)
		most--;
	return (int)most;
}

/* "balcony" -> "balcony#2", "balcony#3", ... the first that is free. */
static void increment(struct binding *b, const struct pc__user *u)
{
	int stem = length_of_stem(b->resource);
	char *name;

	for (unsigned i = 2;; i++) {
		name = pc__printf("%.*s#%u", stem, b->resource, i);
		if (pc__user_session(u, name) == NULL)
			break;
		free(name);
	}
	/* Not all goes together: what is written from right to left ends with no number. */
	if (pc_jid_prep_resource(name, b->resource) != PC_OK)
		random_resource(b->resource);
	free(name);
}

static const char *settle_conflict(struct binding *b, struct pc__session *s,
                                   const struct pc__user *u)
{
	const char *policy = pc__opt_str(s->host->name, "conflict_resolve");
	struct pc__session *other = pc__user_session(u, b->resource);

	if (other == NULL)
		return NULL;
	if (strcmp(policy, "kick_new") == 0)
		return "conflict";
	if (strcmp(policy, "random") == 0) {
		random_resource(b->resource);
	} else if (strcmp(policy, "increment") == 0) {
		increment(b, u);
	} else {
		pc_session_close(&other->pub, "conflict", "replaced by a new connection");
		pc__sessions_reap();
	}
	return NULL;
}

/* Who waits for a client that may have gone for good gives way to one that is here. */
static bool end_one_without_client(const struct pc__user *u)
{
	for (struct pc__session *s = u->sessions; s; s = s->next) {
		if (s->pub.conn == 0 && !s->ending) {
			pc_session_destroy(&s->pub, "its place is taken");
			pc__sessions_reap();
			return true;
		}
	}
	return false;
}

/* NULL: the resource in `b` is free now. */
static const char *make_room(struct binding *b, struct pc__session *s)
{
	struct pc__user *u;
	int64_t most = pc__opt_int(s->host->name, "max_resources");
	bool replaces;

	pc__sessions_reap(); /* one that ends already is in nobody's way */
	u = pc__user_find(s->host, s->pub.username);
	replaces = u && pc__user_session(u, b->resource);
	if (u && u->n_sessions >= most && !replaces && end_one_without_client(u))
		u = pc__user_find(s->host, s->pub.username);
	if (u == NULL)
		return NULL;
	if (u->n_sessions >= most && !replaces) {
		pc__bound_reached(PC__BOUND_RESOURCES);
		return "resource-constraint"; /* XEP-0205 */
	}
	return settle_conflict(b, s, u);
}

/* ------------------------------------------------------------ the way */

static void get_roster(struct binding *b, const pc_session *s);

static void on_roster(int err, pc_roster *roster, void *data)
{
	struct binding *b = data;
	const pc_session *session = pc_session_find(b->session);
	struct pc__session *s = session ? pc__session_of(session) : NULL;
	const char *condition;

	if (s == NULL || s->ending) {
		end(b, PC_ECANCELED, NULL);
		return;
	}
	if (err != PC_OK) {
		end(b, err, "internal-server-error");
		return;
	}
	condition = make_room(b, s);
	if (condition) {
		end(b, PC_ELIMIT, condition);
		return;
	}
	roster = pc_roster_of(s->host, s->pub.username);
	if (roster == NULL) { /* it went with the account's last session, which made room */
		get_roster(b, session);
		return;
	}
	pc__session_set_resource(s, b->resource);
	s->pub.roster = roster;
	pc__roster_keep(s->host, s->pub.username);
	if (s->stream)
		pc__stream_bound(s->stream);
	pc__log_session("sessions", &s->pub, PC_INFO, "%s is connected", s->pub.full_jid);
	pc__notify(s->host->bus, "resource-bind", s->host, s->pub.id, NULL, 0);
	end(b, PC_OK, NULL);
}

static bool take_resource(struct binding *b, const char *wanted)
{
	if (wanted == NULL || *wanted == '\0') {
		random_resource(b->resource);
		return true;
	}
	return pc_jid_prep_resource(wanted, b->resource) == PC_OK;
}

/* It is there where the account is connected already, or its log-in was foreseen. */
static void get_roster(struct binding *b, const pc_session *s)
{
	pc_roster *roster = pc_roster_of(pc_session_host(s), s->username);

	if (roster)
		on_roster(PC_OK, roster, b);
	else
		pc__roster_load(pc_session_host(s), s->username, on_roster, b);
}

static void on_bind_ended(pc_event *ev, pc_result result, void *data)
{
	struct binding *b = data;
	const pc_session *s = pc_session_find(b->session);
	const char *condition = pc_event_str(ev, "condition");

	if (s == NULL)
		end(b, PC_ECANCELED, NULL);
	else if (result != PC_PASS)
		end(b, result < 0 ? result : PC_EPERM, condition ? condition : "not-allowed");
	else if (!take_resource(b, pc_event_str(ev, "resource")))
		end(b, PC_EINVAL, "bad-request");
	else
		get_roster(b, s);
}

void pc_session_bind(pc_module *m, const pc_session *session, const char *wanted, pc_bound_fn *done,
                     void *data)
{
	struct pc__session *s = pc__session_of(session);
	struct binding *b;

	if (s->pub.type != PC_C2S_UNBOUND || s->binding) {
		done(session, PC_ESTATE, "not-allowed", data);
		return;
	}
	b = pc__alloc(sizeof(*b));
	*b = (struct binding){ .session = s->pub.id, .m = m, .done = done, .data = data };
	pc__module_hold(m);
	s->binding = true;
	pc__fire_name(s->host->bus, "pre-resource-bind",
	              &(struct pc__firing){ .host = s->host,
	                                    .origin = s->pub.id,
	                                    .args = (pc_arg[]){ PC_STR("resource", wanted),
	                                                        PC_STR("condition", NULL) },
	                                    .n_args = 2,
	                                    .lent = true,
	                                    .ended = on_bind_ended,
	                                    .data = b });
}

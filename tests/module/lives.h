/*
 * lives.h - sessions of a process that has died, in the next one. Each life is a process of its
 * own, with handlers that are the real ones and a keeper of sessions that is not, and ends without
 * a word.
 */
#pragma once

#define CARRIED_STORAGE "sqlite"
#include "carried.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "redo.h"
#include "revival.h"
#include "survivors.h"
#include "turns.h"
#include "xml/frame.h"

static char folder[40];
static pc__past past;
static struct wire one;

/* ------------------------------------------------------------ the keeper */

struct kept {
	int value, restored;
};

/* Of this process. */
static struct {
	int err; /* what restoring answers */
	int restored, returned, unbound, taps;
	char bodies[100]; /* of the frames that came back */
	char taken[400];  /* what the taps of sessions without a connection had */
} seen;

static inline pc_verdict on_frame(const pc_session *s, pc_frame *frame, void *data)
{
	struct pc__buf text = { 0 };

	(void)data;
	seen.taps++;
	pc_journal_out(s, frame, 5);
	pc__frame_write(frame, NULL, 0, NULL, &text);
	if (s->conn == 0)
		strncat(seen.taken, pc__buf_str(&text),
		        sizeof(seen.taken) - strlen(seen.taken) - 1);
	pc__buf_free(&text);
	return PC_KEEP;
}

static inline void add_body(const pc_session *s, pc_frame *frame, int64_t when, void *data)
{
	struct pc__buf text = { 0 };
	const char *body;

	(void)s;
	assert_int_equal(when, 5);
	pc__frame_write(frame, NULL, 0, NULL, &text);
	body = strstr(pc__buf_str(&text), "<body>");
	if (body) {
		strncat(data, body + 6, strcspn(body + 6, "<"));
		strncat(data, " ", 2);
	}
	pc__buf_free(&text);
}

static inline int restore(pc_module *module, const pc_session *s, void *data, const void *bytes,
                          size_t len)
{
	struct kept *k = data;

	assert_int_equal(len, sizeof(*k));
	memcpy(k, bytes, len);
	k->restored++;
	pc_journal_each(s, add_body, seen.bodies);
	pc_tap(module, s, on_frame, 0);
	return seen.err;
}

static const pc_module_def keeper_def = { .abi_major = PC_ABI_MAJOR,
	                                  .size = sizeof(pc_module_def),
	                                  .name = "keeper",
	                                  .scope = PC_GLOBAL,
	                                  .session_size = sizeof(struct kept),
	                                  .session_plain = true,
	                                  .session_restore = restore };

static inline pc_result count_event(pc_event *ev, void *data)
{
	const char *name = pc_event_name(ev);

	(void)data;
	seen.restored += strcmp(name, "session-restored") == 0;
	seen.returned += strcmp(name, "session-returned") == 0;
	seen.unbound += strcmp(name, "resource-unbind") == 0;
	return PC_PASS;
}

static inline pc_result keep_all(pc_event *ev, void *data)
{
	(void)ev, (void)data;
	return PC_HANDLED;
}

/* ------------------------------------------------------------ lives */

static inline void take_journal(void)
{
	if (pc__turns_open(&past))
		pc__redo_run(&past);
	pc__turns_begin(&past);
}

static inline pc_module *last_module(void)
{
	pc_module *last = pc__modules_of(NULL);

	while (last->next && last->next != m)
		last = last->next;
	return last;
}

static inline void delist(void)
{
	last_module()->next = NULL;
}

static inline void begin_life(void)
{
	static const char *const events[] = { "session-restored", "session-returned",
		                              "resource-unbind" };
	pc_host *host;

	world_path = folder;
	before_modules = take_journal;
	assert_int_equal(open_world(NULL), 0);
	host = pc_host_find("localhost");
	m->def = &keeper_def;
	last_module()->next = m;
	for (size_t i = 0; i < PC__COUNT(events); i++)
		pc_hook_on(m, host, events[i], count_event, 1);
	pc_hook_on(m, host, "pre-resource-unbind", keep_all, 1);
	pc__revival_run(&past);
	pc__turns_past_is_over();
	pc__past_free(&past);
	pc__turns_settle();
}

typedef void life(void);

/* How it ended: 0, or the signal. What it asserts in vain aborts it. */
static inline int live(life *fn)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		setenv("CMOCKA_TEST_ABORT", "1", 1);
		begin_life();
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static inline void lives(life *fn)
{
	assert_int_equal(live(fn), 0);
}

static inline int set_up(void **state)
{
	bool in_memory = access("/dev/shm", W_OK) == 0; /* as a server's usually is */

	(void)state;
	snprintf(folder, sizeof(folder), "%s/pc-survivors-XXXXXX", in_memory ? "/dev/shm" : "/tmp");
	return mkdtemp(folder) ? 0 : -1;
}

static inline int tear_down(void **state)
{
	char *command = pc__printf("rm -r %s", folder);
	int status = system(command);

	(void)state;
	free(command);
	unsetenv("PC_KILL_AT");
	return status;
}

/* ------------------------------------------------------------ a session that is kept */

static inline const pc_session *session_of(const char *resource)
{
	pc_jid jid = { "a", "localhost", resource };

	return pc_session_of(&jid);
}

static inline void log_in_as(struct wire *w, const char *resource)
{
	char *text = pc__printf("<iq xmlns='jabber:client' type='set' id='b'><bind "
	                        "xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>%s</resource>"
	                        "</bind></iq>",
	                        resource);

	new_stream(w, &framed);
	open_stream(w, true);
	say(w, "<auth xmlns='" SASL "' mechanism='PLAIN'>AGEAc2VjcmV0</auth>");
	await(w, "<success ");
	open_stream(w, true);
	say(w, text);
	await(w, "</iq>");
	free(text);
}

static inline void send_frame(const pc_session *s, const char *body)
{
	pc_stanza *st = pc_stanza_message("chat", s->full_jid, "b@localhost");

	pc_stanza_leaf(st, "body", body);
	assert_int_equal(pc_session_send(s, st), s->conn ? PC_OK : PC_ECANCELED);
	pc_stanza_free(&st);
}

static inline void set_value(const pc_session *s, int value)
{
	((struct kept *)pc_session_data(s, m))->value = value;
	pc_session_changed(s, m);
}

static inline void keep(const pc_session *s)
{
	pc_tap(m, s, on_frame, 0);
	assert_int_equal(pc_journal_keep(m, s), PC_OK);
}

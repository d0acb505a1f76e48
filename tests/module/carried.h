/*
 * carried.h - the class of clients over a transport that is a few buffers, framed (RFC 7395) and
 * not. No port is open.
 */
#pragma once

#include <libgen.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config_internal.h"
#include "events.h"
#include "hosts.h"
#include "loader.h"
#include "log.h"
#include "modules.h"
#include "server.h"
#include "sessions.h"
#include "stores.h"
#include "streams.h"
#include "util/mem.h"

#define FRAMING "urn:ietf:params:xml:ns:xmpp-framing"
#define SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define TURNS_MOST 1000
#define TICK_MS 10 /* a turn is not longer */

#ifndef CARRIED_STORAGE
#define CARRIED_STORAGE "memory"
#endif

static const char config_text[] =
        "log = '*nowhere' authentication = 'insecure' default_storage = '" CARRIED_STORAGE "' "
        "insecure_open_authentication = 'secret' allow_unencrypted_plain_auth = true "
        "c2s_require_encryption = false c2s_close_timeout = 0.05 "
        "modules_disabled = { 'admin_shell', 'admin_socket', 'offline' } "
        "modules_enabled = { 'saslauth', 'tls', 'ping', 'roster' } VirtualHost 'localhost' ";

static const pc_module_def def = { .abi_major = PC_ABI_MAJOR,
	                           .size = sizeof(pc_module_def),
	                           .name = "websocket",
	                           .scope = PC_GLOBAL };
static const char *world_path = "/nowhere"; /* the data folder */
static void (*before_modules)(void);        /* called before any is loaded; may be NULL */
static uv_loop_t loop;
static uv_timer_t ticks;
static pc_module *m;
static const pc_stream_class *clients;

/* ------------------------------------------------------------ the transport */

struct wire {
	pc_stream *s;
	char sent[65536];     /* since the last look */
	unsigned frames, bad; /* how many were sent; of these no element by itself */
	int closed, ready;
};

static inline void on_send(void *t, const void *bytes, size_t len)
{
	struct wire *w = t;

	assert_int_equal(w->closed, 0);
	assert_true(strlen(w->sent) + len < sizeof(w->sent));
	strncat(w->sent, bytes, len);
	w->frames++;
}

static inline bool is_element(const char *text, size_t len)
{
	pc_stanza *st = pc_stanza_parse(text, len);
	bool is = st != NULL;

	pc_stanza_free(&st);
	return is;
}

static inline void on_send_framed(void *t, const void *bytes, size_t len)
{
	on_send(t, bytes, len);
	((struct wire *)t)->bad += !is_element(bytes, len);
}

static inline void on_close(void *t)
{
	((struct wire *)t)->closed++;
}

static inline void on_ready(void *t)
{
	((struct wire *)t)->ready++;
}

static const pc_transport plain = {
	.size = sizeof(pc_transport), .send = on_send, .close = on_close, .ready = on_ready
};
static const pc_transport framed = { .size = sizeof(pc_transport),
	                             .framed = true,
	                             .send = on_send_framed,
	                             .close = on_close,
	                             .ready = on_ready };

static inline void new_stream(struct wire *w, const pc_transport *transport)
{
	memset(w, 0, sizeof(*w));
	w->s = pc_stream_new(m, clients, "192.0.2.1", true, transport, w);
	assert_non_null(w->s);
}

static inline int say(struct wire *w, const char *text)
{
	return pc_stream_input(w->s, text, strlen(text));
}

static inline void turn(void)
{
	uv_run(&loop, UV_RUN_ONCE);
	pc__sessions_reap();
	pc__streams_give_back();
}

static inline void turns_while(const int *value, int still)
{
	for (int i = 0; *value == still && i < TURNS_MOST; i++)
		turn();
}

/* What was sent until that came; it is gone over once. */
static inline void await(struct wire *w, const char *text)
{
	char *found;

	for (int i = 0; (found = strstr(w->sent, text)) == NULL; i++) {
		if (i == TURNS_MOST)
			fail_msg("'%s' did not come, but: %s", text, w->sent);
		turn();
	}
	found += strlen(text);
	memmove(w->sent, found, strlen(found) + 1);
}

static inline void await_closed(struct wire *w)
{
	turns_while(&w->closed, 0);
	assert_int_equal(w->closed, 1);
	assert_int_equal(w->bad, 0);
}

/* ------------------------------------------------------------ as a client talks */

static const char *const header[] = {
	"<?xml version='1.0'?><stream:stream xmlns='jabber:client' to='localhost' version='1.0' "
	"xmlns:stream='http://etherx.jabber.org/streams'>",
	"<open xmlns='" FRAMING "' to='localhost' version='1.0'/>",
};
static const char *const tag_of_header[] = { "<stream:stream ", "<open xmlns='" FRAMING "'" };
static const char *const end[] = { "</stream:stream>", "<close xmlns='" FRAMING "'/>" };

static inline void open_stream(struct wire *w, bool is_framed)
{
	say(w, header[is_framed]);
	await(w, tag_of_header[is_framed]);
	await(w, "</stream:features>");
}

static inline void log_in_by(struct wire *w, const pc_transport *transport)
{
	bool is_framed = transport->framed;

	new_stream(w, transport);
	open_stream(w, is_framed);
	say(w, "<auth xmlns='" SASL "' mechanism='PLAIN'>AGEAc2VjcmV0</auth>"); /* a, secret */
	await(w, "<success ");
	open_stream(w, is_framed);
	say(w, "<iq xmlns='jabber:client' type='set' id='b'>"
	       "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>");
	await(w, "<jid>a@localhost/r</jid>");
	await(w, "</iq>");
}

static inline void log_in(struct wire *w, bool is_framed)
{
	log_in_by(w, is_framed ? &framed : &plain);
}

static inline void ping(struct wire *w, const char *id)
{
	char *text = pc__printf("<iq xmlns='jabber:client' type='get' id='%s' to='localhost'>"
	                        "<ping xmlns='urn:xmpp:ping'/></iq>",
	                        id);

	say(w, text);
	free(text);
	text = pc__printf("id='%s'", id);
	await(w, text);
	free(text);
}

static inline const pc_session *bound(void)
{
	pc_jid jid = { "a", "localhost", "r" };

	return pc_session_of(&jid);
}

static inline void end_module(enum pc__module_state how)
{
	m->state = how;
	while (m->owned) {
		struct pc__owned *o = m->owned;

		pc__disown(o);
		o->drop(o);
	}
	pc__module_release(m);
}

static inline void new_module(void)
{
	m = pc__alloc(sizeof(*m));
	m->def = &def;
	m->state = PC__LIVE;
	m->holds = 1;
}

/* ------------------------------------------------------------ the world */

static inline void find_modules(void)
{
	char path[PATH_MAX], *dir;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	assert_true(n > 0);
	path[n] = '\0';
	dir = pc__printf("%s/../modules", dirname(path));
	pc__loader_setup((const char *const[]){ dir }, 1);
	free(dir);
}

static inline void on_tick(uv_timer_t *timer)
{
	(void)timer;
}

static inline int open_world(void **state)
{
	char *error = NULL, *folder = pc__printf("data_path=%s", world_path);
	pc__config *config = pc__config_read("test", config_text, strlen(config_text), NULL,
	                                     (const char *const[]){ folder }, 1, &error);

	(void)state;
	free(folder);
	if (config == NULL)
		fail_msg("%s", error);
	uv_loop_init(&loop);
	uv_timer_init(&loop, &ticks);
	uv_timer_start(&ticks, on_tick, TICK_MS, TICK_MS);
	pc__server.loop = &loop;
	pc__server.data_path = pc__server.config_dir = (char *)(uintptr_t)world_path;
	pc__config_use(config);
	pc__log_setup();
	pc__server.io = pc__io_new(&loop, 0, &pc__streams_handler, NULL);
	find_modules();
	if (before_modules)
		before_modules();
	pc__modules_load_enabled(NULL);
	pc__hosts_setup();
	new_module();
	clients = pc_provider(NULL, "c2s-class", NULL);
	return clients ? 0 : -1;
}

static inline int close_world(void **state)
{
	(void)state;
	end_module(PC__DEAD);
	pc__server.stopping = true;
	pc__hosts_free_modules();
	pc__modules_unload_all(NULL);
	pc__stores_flush();
	pc__io_free(&pc__server.io);
	pc__stores_close();
	pc__hosts_free();
	return 0;
}

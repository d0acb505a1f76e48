/*
 * mod_message.c - messages to sessions and accounts (RFC 6121 section 8.5).
 */
#include <string.h>

#include <prosody-c/prosody-c.h>

static const pc_event_decl events[] = {
	{ "message/bare/groupchat", PC_WAITING,
	  "a groupchat message to an account; unhandled: service-unavailable" },
	{ "message/offline/handle", PC_WAITING,
	  "a message that no session can take: username (text), `when` it was sent (milliseconds "
	  "since 1970; 0: now); HANDLED: it is kept" },
	{ 0 },
};

/* 8.5.2.1.1: chat and normal messages go to the sessions of the highest priority that is not
 * negative; how many there were. */
static size_t send_to_top(const pc_session *first, pc_stanza *st)
{
	int highest = pc_session_top_priority(first);
	size_t n = 0;

	if (highest < 0)
		return 0;
	for (const pc_session *s = first; s; s = pc_session_next(s))
		if (pc_session_is_available(s) && s->priority == highest)
			n += pc_session_send(s, st) == PC_OK;
	return n;
}

/* Headlines go to every session of a priority that is not negative, and are kept by nobody. */
static void send_headline(const pc_session *first, pc_stanza *st)
{
	for (const pc_session *s = first; s; s = pc_session_next(s))
		if (pc_session_is_available(s) && s->priority >= 0)
			pc_session_send(s, st);
}

/* ------------------------------------------------------------ nobody is there */

static void on_offline_ended(pc_event *ev, pc_result result, void *data)
{
	pc_token token = (pc_token)(uintptr_t)data;

	(void)ev;
	pc_event_resume(token, result);
}

/* Whoever keeps messages for later takes it; else the sender is told. */
static void offer_for_later(pc_event *ev, pc_token token)
{
	pc_fire_wait(
	        pc_event_module(ev), "message/offline/handle",
	        &(pc_fire_args){ .origin = pc_event_origin(ev),
	                         .stanza = pc_event_stanza(ev),
	                         .args = (pc_arg[]){ PC_STR("username", pc_event_to(ev)->local) },
	                         .n_args = 1 },
	        on_offline_ended, (void *)(uintptr_t)token);
}

static void on_exists(int err, void *data)
{
	pc_token token = (pc_token)(uintptr_t)data;
	pc_event *ev = pc_token_event(token);

	if (ev == NULL)
		return;
	if (err == PC_OK)
		offer_for_later(ev, token);
	else
		pc_event_resume(token, err == PC_ENOENT ? PC_PASS : err);
}

/* An account that does not exist answers like one that keeps nothing: service-unavailable. */
static pc_result nobody_there(pc_event *ev)
{
	pc_host *host = pc_event_host(ev);
	const char *user = pc_event_to(ev)->local;
	pc_token token = pc_event_suspend(ev);

	if (pc_user_known(host, user) == 1)
		offer_for_later(ev, token);
	else
		pc_user_exists(pc_event_module(ev), host, user, on_exists,
		               (void *)(uintptr_t)token);
	return PC_SUSPENDED;
}

/* ------------------------------------------------------------ to an account */

static pc_result to_account(pc_event *ev, bool addressed_bare)
{
	pc_stanza *st = pc_event_stanza(ev);
	const pc_session *first = pc_session_first(pc_event_host(ev), pc_event_to(ev)->local);

	switch (pc_stanza_type(st)) {
	case PC_TYPE_ERROR:
		return PC_HANDLED; /* 8.5.2.1.1 and 8.5.3.2.1: ignored */
	case PC_TYPE_GROUPCHAT:
		if (addressed_bare)
			pc_event_detour(ev, "message/bare/groupchat", NULL, "");
		return PC_PASS;
	case PC_TYPE_HEADLINE:
		if (addressed_bare)
			send_headline(first, st);
		return PC_HANDLED;
	default:
		return send_to_top(first, st) > 0 ? PC_HANDLED : nobody_there(ev);
	}
}

static pc_result on_bare(pc_event *ev, void *data)
{
	(void)data;
	return to_account(ev, true);
}

/* 8.5.3.1: to that session, whatever its priority; where it is not connected (8.5.3.2.1), a chat or
 * normal message is treated as one to the account. */
static pc_result on_full(pc_event *ev, void *data)
{
	const pc_session *to = pc_session_of(pc_event_to(ev));

	(void)data;
	if (to && pc_session_send(to, pc_event_stanza(ev)) == PC_OK)
		return PC_HANDLED;
	return to_account(ev, false);
}

static void load(pc_module *m)
{
	pc_hook(m, "message/full", on_full, -1);
	pc_hook(m, "message/bare", on_bare, -1);
}

PC_MODULE(message, .summary = "Delivery of messages (RFC 6121)", .events = events, .load = load);

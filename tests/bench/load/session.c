#include "session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"

#define BODY 100 /* characters of a message's text */

static void over(struct session *s, const char *why)
{
	if (s->state == SESSION_OVER)
		return;
	wire_close(&s->wire);
	s->state = SESSION_OVER;
	s->calls->on_over(s, why);
}

void session_send(struct session *s, const char *format, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, format);
	int n = vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof text)
		over(s, "a stanza of ours is too long");
	else
		wire_send(&s->wire, text, (size_t)n);
}

void session_message(struct session *s, const struct session *to, const char *text)
{
	static const char filling[BODY + 1] = "Shall I compare thee to a summer's day? Thou art "
	                                      "more lovely and more temperate. Rough wi"
	                                      "nds do shak";
	char body[BODY + 64];
	int n = snprintf(body, sizeof body, "%s ", text);

	snprintf(body + n, sizeof body - (size_t)n, "%s", n < BODY ? filling + n : "");
	if (!s->options->raw) {
		session_send(s, "<message to='%s' type='chat' id='m%u'><body>%s</body></message>",
		             to->jid, s->sent, body);
		return;
	}
	char raw[SESSION_RAW] = { 0 };
	snprintf(raw, sizeof raw, "%s", body);
	wire_send(&s->wire, raw, sizeof raw);
}

/* ---- logging in */

static const struct reader_calls reader_calls;

static void open_stream(struct session *s)
{
	s->state = SESSION_STREAM;
	reader_restart(&s->reader, &reader_calls, s);
	session_send(
	        s,
	        "<?xml version='1.0'?><stream:stream to='%s' version='1.0' xmlns='jabber:client' "
	        "xmlns:stream='http://etherx.jabber.org/streams'>",
	        s->options->domain);
}

static void begin_sasl(struct session *s)
{
	char user[32], message[SCRAM_MESSAGE];

	s->state = SESSION_SASL;
	snprintf(user, sizeof user, "user%u", s->account);
	scram_begin(&s->scram, user, message);
	session_send(
	        s,
	        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>%s</auth>",
	        message);
}

static void ask_for_account(struct session *s)
{
	s->state = SESSION_REGISTER;
	session_send(s,
	             "<iq type='set' id='reg' to='%s'><query xmlns='jabber:iq:register'>"
	             "<username>user%u</username><password>%s</password></query></iq>",
	             s->options->domain, s->account, s->options->password);
}

static void on_features(struct session *s, const struct stanza *st)
{
	if (strcmp(st->name, "features") != 0) {
		over(s, "no stream features came");
	} else if (s->options->tls && !s->wire.tls) {
		if (!(st->offers & OFFERS_STARTTLS)) {
			over(s, "STARTTLS is not offered");
			return;
		}
		s->state = SESSION_STARTTLS;
		session_send(s, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
	} else if (s->registers) {
		ask_for_account(s);
	} else if (s->authenticated) {
		s->state = SESSION_BIND;
		session_send(
		        s,
		        "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
		        "<resource>bench</resource></bind></iq>");
	} else if (st->offers & OFFERS_SCRAM_SHA_1) {
		begin_sasl(s);
	} else {
		over(s, "SCRAM-SHA-1 is not offered");
	}
}

static void on_proceed(struct session *s, const struct stanza *st)
{
	if (strcmp(st->name, "proceed") == 0)
		wire_start_tls(&s->wire);
	else
		over(s, "STARTTLS was refused");
}

static void on_sasl(struct session *s, const struct stanza *st)
{
	char message[SCRAM_MESSAGE];

	if (strcmp(st->name, "challenge") == 0) {
		if (!scram_answer(&s->scram, &s->keys, s->options->password, st->text, message))
			over(s, "the challenge makes no sense");
		else
			session_send(
			        s,
			        "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>%s</response>",
			        message);
	} else if (strcmp(st->name, "success") != 0) {
		over(s, "the log-in was refused");
	} else if (!scram_proved(&s->scram, st->text)) {
		over(s, "the server has not proved itself");
	} else {
		s->authenticated = true;
		open_stream(s);
	}
}

static void become_ready(struct session *s)
{
	s->state = SESSION_READY;
	if (s->options->extended)
		session_send(s,
		             "<iq type='set' id='carbons'><enable xmlns='urn:xmpp:carbons:2'/></iq>"
		             "<enable xmlns='urn:xmpp:sm:3'/>");
	s->calls->on_ready(s);
}

/* The answer to what was asked last: account, resource, roster. */
static void on_answer(struct session *s, const struct stanza *st)
{
	if (strcmp(st->name, "iq") != 0)
		return;
	if (strcmp(st->type, "result") != 0) {
		over(s, st->condition);
	} else if (s->state == SESSION_REGISTER) {
		session_leave(s);
	} else if (s->state == SESSION_BIND) {
		snprintf(s->jid, sizeof s->jid, "%.*s", (int)sizeof s->jid - 1, st->text);
		s->state = SESSION_ROSTER;
		session_send(s,
		             "<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>");
	} else {
		session_send(s, "<presence/>");
		become_ready(s);
	}
}

/* XEP-0198: what has come is counted from the server's word on, and told where it asks. */
static bool is_management(struct session *s, const struct stanza *st)
{
	if (strcmp(st->name, "enabled") == 0)
		s->handled = 0;
	else if (strcmp(st->name, "r") == 0)
		session_send(s, "<a xmlns='urn:xmpp:sm:3' h='%u'/>", s->handled);
	else if (strcmp(st->name, "a") != 0)
		return false;
	return true;
}

static void on_work(struct session *s, const struct stanza *st)
{
	if (s->options->extended && strcmp(st->name, "failed") == 0) {
		over(s, "stream management was refused");
		return;
	}
	if (is_management(s, st))
		return;
	s->handled++;
	if (strcmp(st->name, "iq") == 0 && strcmp(st->type, "set") == 0)
		session_send(s, "<iq type='result' id='%s'/>", st->id);
	s->calls->on_stanza(s, st);
}

static void on_stanza(void *owner, const struct stanza *st)
{
	struct session *s = owner;

	if (strcmp(st->name, "error") == 0 && s->state != SESSION_OVER) {
		over(s, st->condition);
		return;
	}
	switch (s->state) {
	case SESSION_STREAM:
		on_features(s, st);
		return;
	case SESSION_STARTTLS:
		on_proceed(s, st);
		return;
	case SESSION_SASL:
		on_sasl(s, st);
		return;
	case SESSION_REGISTER:
	case SESSION_BIND:
	case SESSION_ROSTER:
		on_answer(s, st);
		return;
	case SESSION_READY:
		on_work(s, st);
		return;
	default:
		return;
	}
}

/* ---- leaving */

void session_leave(struct session *s)
{
	if (s->state == SESSION_UNUSED || s->state >= SESSION_LEAVING)
		return;
	s->state = SESSION_LEAVING;
	if (s->options->raw)
		wire_finish(&s->wire);
	else
		session_send(s, "</stream:stream>");
}

static void on_stream_end(void *owner)
{
	struct session *s = owner;

	if (s->state == SESSION_LEAVING)
		wire_finish(&s->wire); /* its end, too, is the server's */
	else
		over(s, "the server has ended the stream");
}

static const struct reader_calls reader_calls = { on_stanza, on_stream_end };

/* ---- the wire below */

static void on_open(struct wire *w)
{
	struct session *s = (struct session *)w;

	if (s->options->raw)
		become_ready(s);
	else
		open_stream(s);
}

/* Messages without XML: as a stanza each. */
static void take_raw(struct session *s, const char *bytes, size_t len)
{
	while (len > 0 && s->state == SESSION_READY) {
		size_t room = sizeof s->raw - s->raw_len, n = len < room ? len : room;

		memcpy(s->raw + s->raw_len, bytes, n);
		s->raw_len = (s->raw_len + (unsigned)n) % SESSION_RAW;
		bytes += n;
		len -= n;
		if (s->raw_len != 0)
			continue;
		struct stanza *st = &s->reader.st;
		snprintf(st->name, sizeof st->name, "message");
		snprintf(st->text, sizeof st->text, "%s", s->raw);
		s->calls->on_stanza(s, st);
	}
}

static void on_bytes(struct wire *w, const char *bytes, size_t len)
{
	struct session *s = (struct session *)w;

	if (s->options->raw)
		take_raw(s, bytes, len);
	else if (!reader_feed(&s->reader, bytes, len))
		over(s, "the server sent what is no XML");
}

static void on_wire_end(struct wire *w, const char *why)
{
	struct session *s = (struct session *)w;

	if (s->state == SESSION_LEAVING)
		over(s, NULL);
	else
		over(s, why ? why : "the server has ended the connection");
}

void session_open(struct session *s)
{
	static const struct wire_calls calls = { on_open, on_bytes, on_wire_end };

	s->state = SESSION_STREAM;
	s->authenticated = false;
	s->raw_len = s->sent = s->arrived = 0;
	s->began = clock_now();
	wire_connect(&s->wire, &calls, s->options->port, s->options->raw && s->options->tls);
}

void session_drop(struct session *s)
{
	if (s->state == SESSION_UNUSED)
		return;
	wire_close(&s->wire);
	s->state = SESSION_OVER;
	reader_free(&s->reader);
}

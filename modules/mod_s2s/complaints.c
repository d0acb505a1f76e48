/*
 * complaints.c - lines of the log that strangers can cause: so many of them, and the others only
 * for who asks for everything.
 *
 * What can be had for nothing (a connection, a header, a key) would otherwise fill a disk, and hide
 * what matters. Counters count all the same.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "s2s.h"

#define AT_ONCE 1000.0
#define A_SECOND 1.0
#define SUM_SECONDS 60
#define OTHERS_MOST 256 /* bytes of what others say */

void complaints_sum(struct s2s *own)
{
	if (own->voice.unsaid == 0)
		return;
	pc_log(own->m, PC_WARN, "%u more lines about other servers were left out",
	       own->voice.unsaid);
	own->voice.unsaid = 0;
}

static void on_time(void *data)
{
	struct s2s *own = data;

	own->voice.sum = NULL;
	complaints_sum(own);
}

static bool may_speak(struct voice *v)
{
	int64_t now = pc_now_ms();

	v->spent -= (double)(now - v->at) / 1000 * A_SECOND;
	if (v->spent < 0)
		v->spent = 0;
	v->at = now;
	if (v->spent + 1 > AT_ONCE)
		return false;
	v->spent++;
	return true;
}

void complain(struct s2s *own, const pc_session *session, pc_level level, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (level > PC_DEBUG && !may_speak(&own->voice)) {
		level = PC_DEBUG;
		own->voice.unsaid++;
		if (own->voice.sum == NULL)
			own->voice.sum = pc_after(own->m, SUM_SECONDS, on_time, own);
	}
	if (session)
		pc_log_session(own->m, session, level, "%s", text);
	else
		pc_log(own->m, level, "%s", text);
}

char *complaint_of(const pc_stanza *error)
{
	const char *condition = "undefined-condition", *text = "";
	char said[OTHERS_MOST];

	for (const pc_stanza *c = pc_stanza_first(error); c; c = pc_stanza_next(c)) {
		if (strcmp(pc_stanza_ns(c), PC_NS_STREAM_ERRORS) != 0)
			continue;
		if (strcmp(pc_stanza_name(c), "text") == 0)
			text = pc_stanza_get_text(c);
		else
			condition = pc_stanza_name(c);
	}
	if (*text)
		snprintf(said, sizeof(said), "%.60s (%.150s)", condition, text);
	else
		snprintf(said, sizeof(said), "%.60s", condition);
	return strdup(said);
}

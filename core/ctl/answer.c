#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/ctl.h"
#include "util/json.h"
#include "util/mem.h"

static struct {
	bool json, quiet, stream;
	struct pc__buf rows, lines, text;
} answer;

static const char *const names[] = {
	[CTL_FAILED] = "failed",   [CTL_USAGE] = "usage",     [CTL_NOT_RUNNING] = "not-running",
	[CTL_REFUSED] = "refused", [CTL_PARTIAL] = "partial",
};

int answer_status(int err)
{
	switch (err) {
	case PC_OK:
		return CTL_OK;
	case PC_EINVAL:
		return CTL_USAGE;
	case PC_ENOENT:
	case PC_EEXIST:
	case PC_EPERM:
	case PC_EAUTH:
	case PC_ESTATE:
	case PC_ECONFLICT:
	case PC_ENOTSUP:
		return CTL_REFUSED;
	case PC_EPARTIAL:
		return CTL_PARTIAL;
	default:
		return CTL_FAILED;
	}
}

void answer_begin(bool json, bool quiet)
{
	answer.json = json;
	answer.quiet = quiet;
	answer.stream = false;
}

bool answer_is_json(void)
{
	return answer.json;
}

void answer_stream(void)
{
	answer.stream = true;
}

/* What goes on is read while it does. */
static void print(const char *text)
{
	puts(text);
	if (answer.stream)
		fflush(stdout);
}

void answer_line(const char *text)
{
	if (!answer.json) {
		print(text);
		return;
	}
	if (answer.lines.len > 0)
		pc__buf_addc(&answer.lines, ',');
	pc__json_string(&answer.lines, text);
}

void answer_row(const char *json)
{
	if (answer.stream) {
		print(json);
		return;
	}
	if (answer.rows.len > 0)
		pc__buf_addc(&answer.rows, ',');
	pc__buf_adds(&answer.rows, json);
}

static void keep(const char *text)
{
	if (answer.text.len > 0)
		pc__buf_addc(&answer.text, '\n');
	pc__buf_adds(&answer.text, text);
}

static char *format_text(const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		abort();
	return text;
}

void answer_text(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = format_text(format, args);
	va_end(args);
	if (answer.json)
		keep(text);
	else if (*text && !answer.quiet)
		puts(text);
	free(text);
}

void answer_error(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = format_text(format, args);
	va_end(args);
	if (answer.json)
		keep(text);
	else
		fprintf(stderr, "prosody-ctl: %s\n", text);
	free(text);
}

static void print_value(int status)
{
	struct pc__buf b = { 0 };

	pc__buf_printf(&b,
	               "{\"ok\":%s,\"status\":%d,\"error\":", status == CTL_OK ? "true" : "false",
	               status);
	pc__json_string(&b, status == CTL_OK ? NULL : names[status]);
	pc__buf_adds(&b, ",\"text\":");
	pc__json_string(&b, pc__buf_str(&answer.text));
	pc__buf_printf(&b, ",\"rows\":[%s],\"lines\":[%s]}", pc__buf_str(&answer.rows),
	               pc__buf_str(&answer.lines));
	print(pc__buf_str(&b));
	pc__buf_free(&b);
}

int answer_end(int status)
{
	if (answer.json && (status != CTL_OK || !answer.stream))
		print_value(status);
	fflush(stdout);
	pc__buf_free(&answer.rows);
	pc__buf_free(&answer.lines);
	pc__buf_free(&answer.text);
	return status;
}

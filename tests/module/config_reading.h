/*
 * config_reading.h - configurations from text, for tests: what they give, warn about, fail with.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config_internal.h"
#include "files.h"
#include "log.h"

static struct folder folder;
static char *main_file;

/* The log as that text says. */
static inline void log_as(const char *text)
{
	char *error;

	folder_write(&folder, "main.conf", text);
	pc__config_use(pc__config_load(main_file, NULL, 0, &error));
	pc__log_setup();
}

static inline int set_up(void **state)
{
	(void)state;
	folder_make(&folder);
	main_file = folder_file(&folder, "main.conf");
	log_as("log = '*nowhere'");
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	pc__config_use(NULL);
	pc__log_free();
	folder_remove(&folder);
	free(main_file);
	return 0;
}

static inline void load_with(const char *text, const char *const *overrides, size_t n)
{
	char *error;
	pc__config *config;

	folder_write(&folder, "main.conf", text);
	config = pc__config_load(main_file, overrides, n, &error);
	if (config == NULL)
		print_error("%s\n", error);
	assert_non_null(config);
	pc__config_use(config);
}

static inline void load(const char *text)
{
	load_with(text, NULL, 0);
}

/* Everything as text: lists in [], fields in {}. */
static inline void describe(struct pc__buf *b, const pc__value *v)
{
	if (v->s) {
		pc__buf_adds(b, v->s);
		return;
	}
	pc__buf_addc(b, '[');
	for (size_t i = 0; i < v->n_list; i++) {
		pc__buf_adds(b, i ? "," : "");
		describe(b, &v->list[i]);
	}
	pc__buf_addc(b, ']');
	for (size_t i = 0; i < v->n_fields; i++) {
		pc__buf_printf(b, "%s=", v->fields[i].name);
		describe(b, &v->fields[i].value);
		pc__buf_addc(b, ';');
	}
}

static inline void check(const char *host, const char *name, const char *expected)
{
	const pc__value *v = pc__config_get(host, name);
	struct pc__buf b = { 0 };

	if (v)
		describe(&b, v);
	assert_string_equal(v ? pc__buf_str(&b) : "unset", expected);
	pc__buf_free(&b);
}

static inline void hosts_are(const char *expected)
{
	struct pc__buf b = { 0 };
	size_t n;
	const pc__config_host *hosts = pc__config_hosts(&n);

	for (size_t i = 0; i < n; i++)
		pc__buf_printf(&b, "%s%s:%s", i ? " " : "", hosts[i].name,
		               hosts[i].component ? hosts[i].component_module : "-");
	assert_string_equal(n ? pc__buf_str(&b) : "", expected);
	pc__buf_free(&b);
}

/* ---- what warnings were said: the log goes to a file meanwhile */

static inline char *warnings_of(const char *text)
{
	char *log;

	log_as("log = 'warnings.log'");
	load(text);
	log_as("log = '*nowhere'");
	folder_write(&folder, "main.conf", text);
	log = folder_read(&folder, "warnings.log");
	folder_write(&folder, "warnings.log", "");
	return log;
}

static inline void warns(const char *text, const char *expected)
{
	char *log = warnings_of(text);

	if (strstr(log, expected) == NULL)
		fail_msg("\"%s\" is not in: %s", expected, log);
	free(log);
}

static inline void warns_nothing(const char *text)
{
	char *log = warnings_of(text);

	assert_string_equal(log, "");
	free(log);
}

/* ---- what fails */

static inline void fails_n(const char *text, size_t len, const char *expected)
{
	char *error = NULL;
	pc__config *config;

	folder_write_n(&folder, "main.conf", text, len);
	config = pc__config_load(main_file, NULL, 0, &error);
	assert_null(config);
	assert_non_null(error);
	assert_non_null(strstr(error, expected));
	free(error);
}

static inline void fails(const char *text, const char *expected)
{
	fails_n(text, strlen(text), expected);
}

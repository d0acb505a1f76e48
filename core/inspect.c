#include "inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "check.h"
#include "loader.h"
#include "log.h"
#include "reference.h"
#include "server.h"
#include "start.h"
#include "util/mem.h"

/* ------------------------------------------------------------ the reference */

int pc__inspect_reference(const char *format)
{
	struct pc__catalog catalog;
	bool known;

	pc__server_set_loader();
	pc__catalog_read(&catalog);
	known = pc__reference_write(stdout, format, &catalog);
	pc__catalog_free(&catalog);
	if (!known)
		fprintf(stderr, "prosody-c: no such format: %s (markdown, man, json, doap)\n",
		        format);
	return known ? 0 : EX_USAGE;
}

/* ------------------------------------------------------------ checks */

/* What the reading says: "FILE:LINE: text". */
static void tell(struct pc__check *c, pc__severity severity, const char *text)
{
	const char *end = strstr(text, ": ");
	char *place =
	        end ? pc__strndup(text, (size_t)(end - text)) : pc__strdup(pc__server.config_file);

	pc__check_tell(c, severity, place, "%s", end ? end + 2 : text);
	free(place);
}

static void on_warning(const char *text, void *data)
{
	tell(data, PC__WARNING, text);
}

static bool read_config(struct pc__check *c)
{
	char *error = NULL;
	pc__config *config;

	pc__config_on_warning(on_warning, c);
	config = pc__start_read_config(&error);
	pc__config_on_warning(NULL, NULL);
	if (config)
		pc__config_use(config);
	else
		tell(c, PC__ERROR, error);
	free(error);
	return config != NULL;
}

static void check_config(struct pc__check *c)
{
	struct pc__catalog catalog;

	pc__server_set_loader();
	pc__catalog_read(&catalog);
	c->catalog = &catalog;
	pc__check_hosts(c);
	pc__check_options(c);
	pc__check_modules(c);
	pc__catalog_free(&catalog);
}

static int tell_sum(struct pc__check *c)
{
	unsigned errors = c->found[PC__ERROR], warnings = c->found[PC__WARNING];

	pc__check_print(c);
	if (c->json)
		return errors + warnings > 0;
	if (errors + warnings == 0)
		printf("no errors\n");
	else
		printf("%u error%s, %u warning%s\n", errors, errors == 1 ? "" : "s", warnings,
		       warnings == 1 ? "" : "s");
	return errors + warnings > 0;
}

int pc__inspect_check(const char *what, bool json)
{
	struct pc__check c = { .json = json };
	bool certs = strcmp(what, "certs") == 0;

	if (!certs && strcmp(what, "config") != 0) {
		fprintf(stderr, "prosody-c: what to check? config or certs\n");
		return EX_USAGE;
	}
	if (read_config(&c)) {
		pc__server.data_path = pc__start_data_path();
		if (certs)
			pc__check_certs(&c);
		else
			check_config(&c);
	}
	return tell_sum(&c);
}

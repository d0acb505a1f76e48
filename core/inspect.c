#include "inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <prosody-c/jid.h>

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
	pc__check_anchors(c);
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

static bool has_host(const char *name)
{
	size_t n;
	const pc__config_host *hosts = pc__config_hosts(&n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(hosts[i].name, name) == 0)
			return true;
	return false;
}

static void check_certs(struct pc__check *c, const char *host)
{
	(void)host;
	pc__check_certs(c);
}

static void check_config_of_all(struct pc__check *c, const char *host)
{
	(void)host;
	check_config(c);
}

static const struct kind {
	const char *name;
	void (*run)(struct pc__check *c, const char *host);
	bool takes_host, takes_any; /* also domains that are not of this server */
} kinds[] = {
	{ "config", check_config_of_all, false, false },
	{ "certs", check_certs, false, false },
	{ "dns", pc__check_dns, true, false },
	{ "connectivity", pc__check_connectivity, true, true },
};

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < PC__COUNT(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

/* What to exit with; 0: the host may be looked at. */
static int host_fault(const struct kind *kind, const char *host, char *prepared)
{
	if (host == NULL)
		return 0;
	if (!kind->takes_host) {
		fprintf(stderr, "prosody-c: check %s takes no host\n", kind->name);
		return EX_USAGE;
	}
	if (pc_jid_prep_domain(host, prepared) != PC_OK) {
		fprintf(stderr, "prosody-c: \"%s\" is no domain\n", host);
		return EX_USAGE;
	}
	if (kind->takes_any || has_host(prepared))
		return 0;
	fprintf(stderr, "prosody-c: there is no host %s\n", prepared);
	return EX_NOHOST;
}

int pc__inspect_check(const char *what, const char *host, bool json)
{
	const struct kind *kind = find_kind(what);
	char prepared[PC_JID_PART_MAX + 1];
	struct pc__check c = { .json = json };
	int status;

	if (kind == NULL) {
		fprintf(stderr, "prosody-c: what to check? config, certs, dns or connectivity\n");
		return EX_USAGE;
	}
	if (read_config(&c)) {
		status = host_fault(kind, host, prepared);
		if (status != 0)
			return status;
		pc__server.data_path = pc__start_data_path();
		kind->run(&c, host ? prepared : NULL);
	}
	return tell_sum(&c);
}

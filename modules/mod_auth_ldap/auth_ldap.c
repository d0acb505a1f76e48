/*
 * mod_auth_ldap - accounts of a directory (LDAP, RFC 4511).
 *
 * ldap_mode "bind": the directory checks the password, by a bind as the user's entry; so only PLAIN
 * is offered. "getpasswd": the directory hands passwords out in the clear, and SCRAM is offered,
 * too, by keys that are made of them. Accounts are made, changed and removed in the directory
 * alone.
 */
#include <string.h>

#include "auth_ldap.h"

/* ------------------------------------------------------------ by bind */

static void end_asked(int err, const char *password, void *data)
{
	struct asked *a = data;
	pc_done_fn *fn = a->fn;

	(void)password;
	data = a->data;
	asked_free(a);
	fn(err, data);
}

static void exists(pc_module *m, const char *user, pc_done_fn *fn, void *data)
{
	struct asked *a = asked_new(m, data);

	a->fn = fn;
	directory_ask(&auth_of(m)->directory, DIRECTORY_EXISTS, user, NULL, end_asked, a);
}

/* No password would be no proof: such a bind succeeds as nobody (RFC 4513 section 5.1.2). */
static void check_by_bind(pc_module *m, const char *user, const char *password, pc_done_fn *fn,
                          void *data)
{
	struct asked *a = asked_new(m, data);

	a->fn = fn;
	if (*password == '\0' || strlen(password) > PC_JID_PART_MAX)
		asked_refuse(a, PC_EAUTH);
	else
		directory_ask(&auth_of(m)->directory, DIRECTORY_CHECK, user, password, end_asked,
		              a);
}

static const pc_auth_provider by_bind = {
	.size = sizeof(by_bind), .plain = true, .exists = exists, .check = check_by_bind
};

/* ------------------------------------------------------------ by reading the password */

#define EVERY_HASH (1u << PC_SCRAM_SHA_1 | 1u << PC_SCRAM_SHA_256 | 1u << PC_SCRAM_SHA_512)

static const pc_auth_provider by_reading = { .size = sizeof(by_reading),
	                                     .plain = true,
	                                     .scram_hashes = EVERY_HASH,
	                                     .exists = exists,
	                                     .check = reading_check,
	                                     .keys = reading_keys };

/* ------------------------------------------------------------ the module */

static void load(pc_module *m)
{
	struct auth *a = pc_module_data(m);
	const char *base = pc_opt_str(m, "ldap_base"), *dn = pc_opt_str(m, "ldap_rootdn");
	bool reads = strcmp(pc_opt_str(m, "ldap_mode"), "getpasswd") == 0;

	if (base == NULL || *base == '\0')
		pc_module_fail(m, "ldap_base is not set: where are the users?");
	else if (!servers_read(&a->directory.servers, pc_opt_str(m, "ldap_server")))
		pc_module_fail(m, "ldap_server is no list of servers");
	else if (dn && pc_opt_str(m, "ldap_password") == NULL)
		pc_module_fail(m, "ldap_rootdn is set, and ldap_password is not");
	directory_init(&a->directory, m);
	if (reads)
		reading_load(m);
	pc_provide(m, "auth-ldap", reads ? &by_reading : &by_bind);
}

static void unload(pc_module *m)
{
	directory_end(&auth_of(m)->directory);
}

static const char *const scopes[] = { "subtree", "base", "onelevel", NULL };
static const char *const modes[] = { "bind", "getpasswd", NULL };

static const pc_option options[] = {
	{ .name = "ldap_server",
	  .type = PC_OPT_STRING,
	  .dflt = "localhost",
	  .help = "Servers that are tried in turn: host, host:port, ldap://host, ldaps://host" },
	{ .name = "ldap_rootdn",
	  .type = PC_OPT_STRING,
	  .help = "The entry that searches for users; without it, it is done as nobody" },
	{ .name = "ldap_password", .type = PC_OPT_STRING, .help = "The password of ldap_rootdn" },
	{ .name = "ldap_base",
	  .type = PC_OPT_STRING,
	  .required = true,
	  .help = "The entry below which the users are" },
	{ .name = "ldap_filter",
	  .type = PC_OPT_STRING,
	  .dflt = "(uid=$user)",
	  .help = "What finds the one entry of a user; $user and $host are filled in" },
	{ .name = "ldap_scope",
	  .type = PC_OPT_ENUM,
	  .dflt = "subtree",
	  .values = scopes,
	  .help = "How far below ldap_base users are: subtree, base, onelevel" },
	{ .name = "ldap_tls",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .help = "StartTLS before anything is said; ldaps:// does without" },
	{ .name = "ldap_mode",
	  .type = PC_OPT_ENUM,
	  .dflt = "bind",
	  .values = modes,
	  .help = "The directory checks passwords (bind), or hands them out (getpasswd)" },
	{ .name = "ldap_timeout",
	  .type = PC_OPT_PERIOD,
	  .dflt = "5",
	  .min = 0.1,
	  .max = 20,
	  .help = "How long a question to the directory may take, connecting included" },
	{ .name = "default_iteration_count",
	  .type = PC_OPT_INTEGER,
	  .dflt = "10000",
	  .min = PC_SCRAM_ITERATIONS_MIN,
	  .max = PC_SCRAM_ITERATIONS_MAX,
	  .live = true,
	  .help = "Iterations of SCRAM keys" },
	{ 0 },
};

static const pc_store_decl stores[] = {
	{ "auth_ldap", PC_STORE_MAP, "what SCRAM salts are made of (host)" },
	{ 0 },
};

PC_MODULE(auth_ldap, .summary = "Accounts of a directory (LDAP)", .options = options,
          .stores = stores, .data_size = sizeof(struct auth), .load = load, .unload = unload);

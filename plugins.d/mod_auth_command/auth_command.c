/*
 * auth_command.c - an example: a program says who may log in (by PLAIN).
 *
 *   authentication = "command"
 *   auth_command = { "/usr/local/bin/check-login", "--quiet" }
 *
 * It reads lines, "check USER HOST PASSWORD" (as base64) or "exists USER HOST ", and answers each
 * in turn by "yes" or "no". When it fails, clients see temporary-auth-failure, and may try again.
 */
#include <stdio.h>
#include <string.h>

#include "program.h"

static void ask(pc_module *m, const char *verb, const char *user, const char *password, int no,
                pc_done_fn *fn, void *data)
{
	char secret[pc_base64_size(PC_JID_PART_MAX)], line[4 * PC_JID_PART_MAX];
	size_t len = strnlen(password, PC_JID_PART_MAX); /* no password is longer */

	pc_base64_encode((const uint8_t *)password, len, secret);
	snprintf(line, sizeof(line), "%s %s %s %s\n", verb, user, pc_module_host_name(m), secret);
	program_ask(pc_module_data(m), line, no, fn, data);
}

static void check(pc_module *m, const char *user, const char *password, pc_done_fn *fn, void *data)
{
	ask(m, "check", user, password, PC_EAUTH, fn, data);
}

static void exists(pc_module *m, const char *user, pc_done_fn *fn, void *data)
{
	ask(m, "exists", user, "", PC_ENOENT, fn, data);
}

static const pc_auth_provider provider = {
	.size = sizeof(provider), .plain = true, .exists = exists, .check = check
};

static void load(pc_module *m)
{
	((struct program *)pc_module_data(m))->m = m;
	pc_provide(m, "auth-command", &provider);
}

static void unload(pc_module *m)
{
	program_give_up(pc_module_data(m));
}

static const pc_option options[] = {
	{ "auth_command", PC_OPT_LIST, .help = "The program and its arguments" },
	{ 0 },
};

PC_MODULE(auth_command, .summary = "An example: a program says who may log in", .options = options,
          .data_size = sizeof(struct program), .load = load, .unload = unload);

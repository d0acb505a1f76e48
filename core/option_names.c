#include "option_names.h"

#include <string.h>

#include "util/mem.h"

/* clang-format off */
const pc_option pc__made_options[] = {
	{ .name = "SERVICE_ports", .type = PC_OPT_LIST, .global = true,
	  .help = "Ports of a service" },
	{ .name = "SERVICE_interfaces", .type = PC_OPT_LIST, .global = true,
	  .help = "Addresses of a service; by default `interfaces` or `local_interfaces`" },
	{ .name = "SERVICE_close_timeout", .type = PC_OPT_PERIOD, .global = true, .dflt = "5",
	  .help = "Time that a peer of a service has to close its side" },
	{ .name = "SERVICE_read_timeout", .type = PC_OPT_PERIOD, .global = true, .dflt = "840",
	  .help = "Silence of a peer after which it is asked whether it is there" },
	{ .name = "SERVICE_timeout", .type = PC_OPT_PERIOD, .global = true, .dflt = "30",
	  .help = "Time to log in to a service" },
	{ .name = "SERVICE_tcp_keepalives", .type = PC_OPT_BOOLEAN, .global = true,
	  .help = "As tcp_keepalives, for a service" },
	{ .name = "SERVICE_max_connections_per_ip", .type = PC_OPT_INTEGER, .max = 1e9, .live = true,
	  .global = true, .help = "As max_connections_per_ip, for a service" },
	{ .name = "SERVICE_max_unauthenticated_per_ip", .type = PC_OPT_INTEGER, .max = 1e9, .live = true,
	  .global = true, .help = "As max_unauthenticated_per_ip, for a service" },
	{ .name = "TASK_period", .type = PC_OPT_PERIOD,
	  .help = "How often a regular task runs: MODULE_NAME_period" },
	{ 0 },
};

static const struct pc__old_option old[] = {
	/* ---- renamed */
	{ "require_encryption", "c2s_require_encryption", NULL },
	{ "legacy_ssl_ports", "c2s_direct_tls_ports", NULL },
	{ "legacy_ssl_interfaces", "c2s_direct_tls_interfaces", NULL },
	{ "interface", "interfaces", NULL },
	{ "*_port", "*_ports", NULL },
	{ "*_interface", "*_interfaces", NULL },
	{ "whitelist_registration_only", "allowlist_registration_only", NULL },
	{ "registration_whitelist", "registration_allowlist", NULL },
	{ "registration_blacklist", "registration_blocklist", NULL },
	{ "blacklist_on_registration_throttle_overload",
	  "blocklist_on_registration_throttle_overload", NULL },

	/* ---- gone */
	{ "anonymous_login", NULL, "write authentication = \"anonymous\" in the host" },
	{ "disallow_s2s", NULL, "write modules_disabled = { \"s2s\" }" },
	{ "daemonize", NULL, "start prosody-c with -D to detach it" },
	{ "no_daemonize", NULL, "without -D prosody-c stays in the foreground" },
	{ "cross_domain_bosh", NULL, "http_cors_override has taken its place" },
	{ "cross_domain_websocket", NULL, "http_cors_override has taken its place" },
	{ "vcard_compatibility", NULL, "it has no successor" },
	{ "use_libevent", NULL, "it has no successor" },

	/* ---- of Prosody only */
	{ "network_backend", NULL, NULL },
	{ "network_settings", NULL, NULL },
	{ "network_default_read_size", NULL, NULL },
	{ "gc", NULL, NULL },
	{ "statistics", NULL, NULL },
	{ "statistics_interval", NULL, NULL },
	{ "statistics_config", NULL, NULL },
	{ "installer_plugin_path", NULL, NULL },
	{ "plugin_server", NULL, NULL },
	{ "prosodyctl_timeout", NULL, NULL },
	{ "prosodyctl_service_warnings", NULL, NULL },
	{ "connectivity_probe", NULL, NULL },
	{ "error_library", NULL, NULL },
	{ "storage_async_check", NULL, NULL },
	{ "force_module_reload", NULL, NULL },
	{ "strict_deprecate_is_admin", NULL, NULL },
	{ "console_banner", NULL, NULL },
	{ "console_prettyprint_settings", NULL, NULL },
	{ "admin_shell_prompt", NULL, NULL },
	{ "*_tcp_backlog", NULL, NULL },
	{ "*_ssl", NULL, "certificates are found for each host: see `certificates`" },
	{ "*_certificate", NULL, "certificates are found for each host: see `certificates`" },
	{ 0 },
};

static const struct {
	const char *name, *note;
	const char *option; /* says the same; NULL: none does */
} old_modules[] = {
	{ "posix", "it is part of the server", NULL },
	{ "console", "prosody-ctl does that", NULL },
	{ "admin_telnet", "prosody-ctl does that", NULL },
	{ "compression", "compression under encryption is unsafe, and gone", NULL },
	{ "privacy", "blocklist has taken its place", NULL },
	{ "pep_simple", "pep has taken its place", NULL },
	{ "legacyauth", "saslauth has taken its place", NULL },
	{ "cron", "it is part of the server", NULL },
	{ "dialback", "it is part of s2s: see s2s_dialback", "s2s_dialback" },
	{ "s2s_bidi", "it is part of s2s: see s2s_bidi", "s2s_bidi" },
	{ "s2s_auth_certs", "it is part of s2s: see s2s_auth_certs", "s2s_auth_certs" },
	{ "s2s_whitelist", "it is part of s2s: see the option s2s_whitelist", NULL },
	{ "s2s_blacklist", "it is part of s2s: see the option s2s_blacklist", NULL },
	{ "s2s_idle_timeout", "it is part of s2s: see the option s2s_idle_timeout", NULL },
};
/* clang-format on */

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), len = strlen(end);

	return n > len && strcmp(name + n - len, end) == 0;
}

const pc_option *pc__option_made(const char *name)
{
	for (const pc_option *o = pc__made_options; o->name; o++)
		if (ends_with(name, strchr(o->name, '_')))
			return o;
	return NULL;
}

const struct pc__old_option *pc__option_old(const char *name)
{
	for (const struct pc__old_option *o = old; o->name; o++)
		if (*o->name == '*' ? ends_with(name, o->name + 1) : strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

char *pc__option_successor(const struct pc__old_option *o, const char *name)
{
	if (o->successor == NULL || *o->name != '*')
		return pc__strdup(o->successor);
	return pc__printf("%.*s%s", (int)(strlen(name) - strlen(o->name + 1)), name,
	                  o->successor + 1);
}

const char *pc__module_old(const char *name)
{
	for (size_t i = 0; i < PC__COUNT(old_modules); i++)
		if (strcmp(old_modules[i].name, name) == 0)
			return old_modules[i].note;
	return NULL;
}

bool pc__module_is_option(const char *name)
{
	for (size_t i = 0; i < PC__COUNT(old_modules); i++)
		if (old_modules[i].option && strcmp(old_modules[i].name, name) == 0)
			return true;
	return false;
}

const char *pc__module_of_option(const char *option)
{
	for (size_t i = 0; i < PC__COUNT(old_modules); i++)
		if (old_modules[i].option && strcmp(old_modules[i].option, option) == 0)
			return old_modules[i].name;
	return NULL;
}

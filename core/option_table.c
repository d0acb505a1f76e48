/*
 * option_table.c - the options that the core itself reads.
 *
 * The listeners' own ones are named by their service: NAME_ports, NAME_interfaces, and so on; those
 * of the services that are always there stand here for the reference.
 */
#include "config.h"

static const char *const profiles[] = { "modern", "intermediate", NULL };
static const char *const conflicts[] = { "kick_old", "kick_new", "random", "increment", NULL };

/* clang-format off */
#define TEXT(option, def, text)  { .name = option, .type = PC_OPT_STRING, .dflt = def, .help = text }
#define PATH(option, def, text)  { .name = option, .type = PC_OPT_PATH, .dflt = def, .help = text }
#define FLAG(option, def, text)  { .name = option, .type = PC_OPT_BOOLEAN, .dflt = def, .help = text }
#define TABLE(option, text)      { .name = option, .type = PC_OPT_TABLE, .help = text }
#define LIST(option, def, text)  { .name = option, .type = PC_OPT_LIST, .dflt = def, .help = text }
#define SET(option, both, text)  { .name = option, .type = PC_OPT_SET, .inherited = both, .help = text }

const pc_option pc__core_options[] = {
	/* ---- files and folders */
	PATH("data_path", "data", "Folder of accounts, messages and the like"),
	PATH("certificates", "certs", "Folder of certificates: NAME.crt and NAME.key, or NAME/fullchain.pem and privkey.pem"),
	LIST("plugin_paths", NULL, "Folders where modules are looked for first"),
	PATH("pidfile", NULL, "File that gets the number of the process"),
	PATH("admin_socket", NULL, "Socket of prosody-ctl; by default in data_path"),
	PATH("installer_plugin_path", NULL, "Of Prosody's installer of modules; not used"),

	/* ---- process */
	TEXT("io_threads", "auto", "Threads for sockets, TLS and XML: \"auto\" or a number; 0 uses none"),
	TEXT("prosody_user", NULL, "User to run as when started by root"),
	TEXT("prosody_group", NULL, "Group to run as; by default the user's"),
	TEXT("umask", "027", "Mode bits that new files do not get, octal"),
	FLAG("run_as_root", "false", "Stay root when started by root"),
	FLAG("daemonize", "false", "Of old Prosody; -D detaches"),
	FLAG("no_daemonize", "false", "Of old Prosody; -D detaches"),

	/* ---- log */
	TABLE("log", "A file's name, \"*syslog\", \"*journal\", \"*console\", or a table: levels to files, or sinks"),
	FLAG("debug", "false", "Log at level debug where `log` names no level"),
	TEXT("syslog_facility", "daemon", "daemon, user, local0 to local7, ..."),

	/* ---- hosts */
	FLAG("enabled", "true", "false: the host is left out"),
	TEXT("component_module", NULL, "Module of a Component"),
	SET("modules_enabled", true, "Modules; those of a host are added to the global ones"),
	SET("modules_disabled", true, "Modules that are not loaded though they are by default"),
	SET("admins", true, "Accounts that may administer"),
	{ .name = "authentication", .type = PC_OPT_STRING, .dflt = "internal_hashed",
	  .help = "Where passwords are checked: module auth_NAME" },
	TEXT("default_user_role", NULL, "Role of accounts without one"),
	TABLE("storage", "Storage driver, or a table: store to driver"),
	TEXT("default_storage", "sqlite", "Driver of stores that `storage` does not name"),
	TABLE("sql", "Of Prosody's SQL driver"),
	{ .name = "roster_max_items", .type = PC_OPT_INTEGER, .dflt = "1000", .min = 1, .max = 1e6,
	  .live = true, .help = "Contacts in a roster; and requests that wait in it" },

	/* ---- sessions */
	{ .name = "conflict_resolve", .type = PC_OPT_ENUM, .dflt = "kick_old", .values = conflicts,
	  .live = true, .help = "When a resource is bound twice: kick_old, kick_new, random, increment" },
	{ .name = "max_resources", .type = PC_OPT_INTEGER, .dflt = "10", .min = 1, .max = 10000,
	  .live = true, .help = "Connected resources of an account" },

	/* ---- network */
	LIST("interfaces", "{ \"*\", \"::\" }", "Addresses of public services"),
	LIST("local_interfaces", "{ \"127.0.0.1\", \"::1\" }", "Addresses of private services"),
	TEXT("interface", NULL, "Old form of interfaces"),
	TEXT("external_addresses", NULL, "Of Prosody's checks; not used"),
	FLAG("use_ipv4", "true", "Listen on IPv4 addresses and connect to them"),
	FLAG("use_ipv6", "true", "Listen on IPv6 addresses and connect to them"),
	FLAG("tcp_keepalives", "true", "Let TCP find out that a peer has gone"),
	TABLE("network_settings", "Time-outs and buffers: read_timeout, send_timeout, tcp_backlog, ..."),
	TEXT("network_backend", NULL, "Of Prosody; not used"),
	FLAG("use_libevent", "false", "Of old Prosody; not used"),
	{ .name = "max_send_buffer_size", .type = PC_OPT_SIZE, .dflt = "8 MiB", .min = 65536,
	  .max = 1e10, .help = "Unsent bytes of a connection, above which it is dropped" },
	{ .name = "max_connections_per_ip", .type = PC_OPT_INTEGER, .dflt = "5000", .min = 0, .max = 1e9,
	  .live = true, .help = "Connections of an IPv4 address, or of an IPv6 /64, to a service; 0: any number" },
	{ .name = "max_unauthenticated_per_ip", .type = PC_OPT_INTEGER, .dflt = "250", .min = 0, .max = 1e9,
	  .live = true, .help = "The same, of those that have not logged in" },
	{ .name = "unlimited_ips", .type = PC_OPT_LIST, .dflt = "{ \"127.0.0.0/8\", \"::1\" }", .live = true,
	  .help = "Addresses and networks (\"192.0.2.0/24\") that may have any number of connections" },
	{ .name = "xml_depth_limit", .type = PC_OPT_INTEGER, .dflt = "128", .min = 16, .max = 1024,
	  .live = true, .help = "Levels of a stanza" },
	{ .name = "xml_attributes_limit", .type = PC_OPT_INTEGER, .dflt = "256", .min = 64, .max = 4096,
	  .live = true, .help = "Attributes and namespace declarations of one element" },
	{ .name = "xml_elements_limit", .type = PC_OPT_INTEGER, .dflt = "8192", .min = 64, .max = 1e6,
	  .live = true, .help = "Elements in one stanza" },
	{ .name = "max_queries", .type = PC_OPT_INTEGER, .dflt = "256", .min = 1, .max = 1e6,
	  .live = true, .help = "Iqs of one module that wait for their answers" },
	TABLE("unbound", "DNS: hosts, resolvconf, forward, trusted"),
	TABLE("limits", "Bytes a second: { c2s = { rate = \"10kb/s\", burst = \"2s\" } }"),
	TABLE("gc", "Of Prosody's Lua; not used"),
	TABLE("statistics", "Of Prosody; metrics are always counted"),
	TEXT("statistics_interval", NULL, "Of Prosody; not used"),
	TABLE("statistics_config", "Of Prosody; not used"),

	/* ---- clients */
	LIST("c2s_ports", "{ 5222 }", "Ports for clients, with STARTTLS"),
	LIST("c2s_direct_tls_ports", "{ 5223 }", "Ports for clients, with TLS from the first byte"),
	LIST("c2s_interfaces", NULL, "Addresses for clients; by default `interfaces`"),
	LIST("legacy_ssl_ports", NULL, "Old name of c2s_direct_tls_ports"),
	{ .name = "c2s_timeout", .type = PC_OPT_PERIOD, .dflt = "30", .min = 0.05, .max = 86400,
	  .help = "Time to log in, and again to bind a resource" },
	{ .name = "c2s_close_timeout", .type = PC_OPT_PERIOD, .dflt = "5", .min = 0.01, .max = 86400,
	  .help = "Time that a peer has to close its side" },
	{ .name = "c2s_stanza_size_limit", .type = PC_OPT_SIZE, .dflt = "256 KiB", .min = 10000,
	  .max = 16777216, .live = true, .help = "Bytes of the largest stanza that a client may send" },
	{ .name = "c2s_tcp_keepalives", .type = PC_OPT_BOOLEAN, .help = "As tcp_keepalives, for clients" },
	{ .name = "c2s_require_encryption", .type = PC_OPT_BOOLEAN, .live = true,
	  .help = "Clients must use TLS before they log in (default: require_encryption)" },
	{ .name = "require_encryption", .type = PC_OPT_BOOLEAN, .dflt = "true", .live = true,
	  .help = "Old name for c2s_require_encryption" },
	{ .name = "allow_unencrypted_plain_auth", .type = PC_OPT_BOOLEAN, .dflt = "false", .live = true,
	  .help = "Passwords may be sent in the clear on streams without TLS" },

	{ .name = "c2s_max_connections_per_ip", .type = PC_OPT_INTEGER, .min = 0, .max = 1e9, .live = true,
	  .help = "As max_connections_per_ip, for clients" },
	{ .name = "c2s_max_unauthenticated_per_ip", .type = PC_OPT_INTEGER, .min = 0, .max = 1e9, .live = true,
	  .help = "As max_unauthenticated_per_ip, for clients" },

	/* ---- components */
	LIST("component_ports", "{ 5347 }", "Ports for external components"),
	LIST("component_interfaces", NULL, "Addresses for components; by default `local_interfaces`"),

	{ .name = "component_max_connections_per_ip", .type = PC_OPT_INTEGER, .min = 0, .max = 1e9, .live = true,
	  .help = "As max_connections_per_ip, for components" },
	{ .name = "component_max_unauthenticated_per_ip", .type = PC_OPT_INTEGER, .min = 0, .max = 1e9, .live = true,
	  .help = "As max_unauthenticated_per_ip, for components" },

	/* ---- TLS */
	TEXT("certificate", NULL, "Certificate file of the host, absolute or in the folder of certificates"),
	TABLE("ssl", "certificate and key of the host; cafile, capath (roots of peers' certificates), verify, priorities of the server"),
	TABLE("c2s_ssl", "verify: \"none\", \"peer\" (ask clients for a certificate), \"fail_if_no_peer_cert\""),
	{ .name = "tls_profile", .type = PC_OPT_ENUM, .dflt = "intermediate", .values = profiles,
	  .help = "modern: TLS 1.3 only; intermediate: TLS 1.2, too" },
	FLAG("use_dane", "false", "Check certificates of servers by DNS, where they ask for it"),
	{ 0 },
};
/* clang-format on */

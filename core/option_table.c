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
/* Who has it, and when a reload of the configuration makes it take effect. */
#define SERVER       .global = true
#define SERVER_LIVE  .global = true, .live = true
#define HOST         .global = false
#define HOST_LIVE    .live = true

#define TEXT(option, def, where, text)  { .name = option, .type = PC_OPT_STRING, .dflt = def, where, .help = text }
#define PATH(option, def, where, text)  { .name = option, .type = PC_OPT_PATH, .dflt = def, where, .help = text }
#define FLAG(option, def, where, text)  { .name = option, .type = PC_OPT_BOOLEAN, .dflt = def, where, .help = text }
#define TABLE(option, where, text)      { .name = option, .type = PC_OPT_TABLE, where, .help = text }
#define LIST(option, def, where, text)  { .name = option, .type = PC_OPT_LIST, .dflt = def, where, .help = text }
#define SET(option, where, text)        { .name = option, .type = PC_OPT_SET, .inherited = true, where, .help = text }

const pc_option pc__core_options[] = {
	/* ---- files and folders */
	PATH("data_path", "data", SERVER, "Folder of accounts, messages and the like"),
	PATH("certificates", "certs", SERVER_LIVE, "Folder of certificates: NAME.crt and NAME.key, or NAME/fullchain.pem and privkey.pem"),
	LIST("plugin_paths", NULL, SERVER, "Folders where modules are looked for first"),
	PATH("pidfile", NULL, SERVER, "File that gets the number of the process"),
	PATH("admin_socket", NULL, SERVER, "Socket of prosody-ctl; by default in data_path"),

	/* ---- what outlives the process */
	FLAG("journal", "true", SERVER, "Sessions outlive the process: after a crash their contacts are told, or they are resumed"),
	PATH("journal_directory", NULL, SERVER, "Folder of the file with sessions, best in memory; by default systemd's RuntimeDirectory, else data_path"),
	{ .name = "journal_max_size", SERVER, .type = PC_OPT_SIZE, .dflt = "64 MiB", .min = 4194304,
	  .max = 17179869184.0, .help = "Bytes of that file; half of them for sessions and their unacknowledged stanzas" },

	/* ---- process */
	TEXT("io_threads", "auto", SERVER, "Threads for sockets, TLS and XML: \"auto\" or a number; 0 uses none"),
	TEXT("prosody_user", NULL, SERVER, "User to run as when started by root"),
	TEXT("prosody_group", NULL, SERVER, "Group to run as; by default the user's"),
	TEXT("umask", "027", SERVER, "Mode bits that new files do not get, octal"),
	FLAG("run_as_root", "false", SERVER, "Stay root when started by root"),

	/* ---- log */
	TABLE("log", SERVER_LIVE, "A file's name, \"*syslog\", \"*journal\", \"*console\", or a table: levels to files, or sinks"),
	FLAG("debug", "false", SERVER_LIVE, "Log at level debug where `log` names no level"),
	TEXT("syslog_facility", "daemon", SERVER_LIVE, "daemon, user, local0 to local7, ..."),

	/* ---- hosts */
	FLAG("enabled", "true", HOST_LIVE, "false: the host is left out"),
	TEXT("component_module", NULL, HOST, "Module of a Component"),
	SET("modules_enabled", HOST, "Modules; those of a host are added to the global ones"),
	SET("modules_disabled", HOST, "Modules that are not loaded though they are by default"),
	SET("admins", HOST_LIVE, "Accounts that may administer"),
	{ .name = "authentication", .type = PC_OPT_STRING, .dflt = "internal_hashed",
	  .help = "Where passwords are checked: module auth_NAME" },
	{ .name = "authorization", .type = PC_OPT_STRING, .dflt = "internal",
	  .help = "Where roles of accounts are kept: module authz_NAME" },
	TEXT("default_user_role", NULL, HOST_LIVE, "Role of accounts without one"),
	TABLE("storage", HOST, "Storage driver, or a table: store to driver"),
	TEXT("default_storage", "sqlite", HOST, "Driver of stores that `storage` does not name"),
	TABLE("sql", SERVER, "Of Prosody's SQL driver"),
	{ .name = "roster_max_items", .type = PC_OPT_INTEGER, .dflt = "1000", .min = 1, .max = 1e6,
	  .live = true, .help = "Contacts in a roster; and requests that wait in it" },

	/* ---- sessions */
	{ .name = "conflict_resolve", .type = PC_OPT_ENUM, .dflt = "kick_old", .values = conflicts,
	  .live = true, .help = "When a resource is bound twice: kick_old, kick_new, random, increment" },
	{ .name = "max_resources", .type = PC_OPT_INTEGER, .dflt = "10", .min = 1, .max = 10000,
	  .live = true, .help = "Connected resources of an account" },

	/* ---- network */
	LIST("interfaces", "{ \"*\", \"::\" }", SERVER, "Addresses of public services"),
	LIST("local_interfaces", "{ \"127.0.0.1\", \"::1\" }", SERVER, "Addresses of private services"),
	FLAG("use_ipv4", "true", SERVER, "Listen on IPv4 addresses and connect to them"),
	FLAG("use_ipv6", "true", SERVER, "Listen on IPv6 addresses and connect to them"),
	FLAG("tcp_keepalives", "true", SERVER, "Let TCP find out that a peer has gone"),
	{ .name = "max_send_buffer_size", .global = true, .type = PC_OPT_SIZE, .dflt = "8 MiB", .min = 65536,
	  .max = 1e10, .help = "Unsent bytes of a connection, above which it is dropped" },
	{ .name = "max_connections_per_ip", .global = true, .type = PC_OPT_INTEGER, .dflt = "5000", .min = 0, .max = 1e9,
	  .live = true, .help = "Connections of an IPv4 address, or of an IPv6 /64, to a service; 0: any number" },
	{ .name = "max_unauthenticated_per_ip", .global = true, .type = PC_OPT_INTEGER, .dflt = "250", .min = 0, .max = 1e9,
	  .live = true, .help = "The same, of those that have not logged in" },
	{ .name = "unlimited_ips", .global = true, .type = PC_OPT_LIST, .dflt = "{ \"127.0.0.0/8\", \"::1\" }", .live = true,
	  .help = "Addresses and networks (\"192.0.2.0/24\") that may have any number of connections" },
	{ .name = "xml_depth_limit", .global = true, .type = PC_OPT_INTEGER, .dflt = "128", .min = 16, .max = 1024,
	  .live = true, .help = "Levels of a stanza" },
	{ .name = "xml_attributes_limit", .global = true, .type = PC_OPT_INTEGER, .dflt = "256", .min = 64, .max = 4096,
	  .live = true, .help = "Attributes and namespace declarations of one element" },
	{ .name = "xml_elements_limit", .global = true, .type = PC_OPT_INTEGER, .dflt = "8192", .min = 64, .max = 1e6,
	  .live = true, .help = "Elements in one stanza" },
	{ .name = "max_queries", .global = true, .type = PC_OPT_INTEGER, .dflt = "256", .min = 1, .max = 1e6,
	  .live = true, .help = "Iqs of one module that wait for their answers" },
	LIST("external_addresses", NULL, SERVER, "Addresses by which others reach this machine beside its own, for check dns"),
	{ .name = "check_timeout", .global = true, .type = PC_OPT_PERIOD, .dflt = "10", .min = 0.05, .max = 600,
	  .help = "Time for each address that check connectivity tries" },
	TABLE("unbound", SERVER, "DNS: hosts, resolvconf, forward, trusted"),

	/* ---- clients */
	LIST("c2s_ports", "{ 5222 }", SERVER, "Ports for clients, with STARTTLS"),
	LIST("c2s_direct_tls_ports", "{ 5223 }", SERVER, "Ports for clients, with TLS from the first byte"),
	LIST("c2s_interfaces", NULL, SERVER, "Addresses for clients; by default `interfaces`"),
	{ .name = "c2s_timeout", .global = true, .type = PC_OPT_PERIOD, .dflt = "30", .min = 0.05, .max = 86400,
	  .help = "Time to log in, and again to bind a resource" },
	{ .name = "c2s_close_timeout", SERVER_LIVE, .type = PC_OPT_PERIOD, .dflt = "5", .min = 0.01, .max = 86400,
	  .help = "Time that a peer has to close its side" },
	{ .name = "c2s_stanza_size_limit", .type = PC_OPT_SIZE, .dflt = "256 KiB", .min = 10000,
	  .max = 16777216, .live = true, .help = "Bytes of the largest stanza that a client may send" },
	{ .name = "c2s_tcp_keepalives", .global = true, .type = PC_OPT_BOOLEAN, .help = "As tcp_keepalives, for clients" },
	{ .name = "c2s_require_encryption", .type = PC_OPT_BOOLEAN, .live = true,
	  .help = "Clients must use TLS before they log in (default: require_encryption)" },
	{ .name = "require_encryption", .type = PC_OPT_BOOLEAN, .dflt = "true", .live = true,
	  .help = "Old name for c2s_require_encryption" },
	{ .name = "allow_unencrypted_plain_auth", .type = PC_OPT_BOOLEAN, .dflt = "false", .live = true,
	  .help = "Passwords may be sent in the clear on streams without TLS" },

	{ .name = "c2s_max_connections_per_ip", .global = true, .type = PC_OPT_INTEGER, .min = 0, .max = 1e9, .live = true,
	  .help = "As max_connections_per_ip, for clients" },
	{ .name = "c2s_max_unauthenticated_per_ip", .global = true, .type = PC_OPT_INTEGER, .min = 0, .max = 1e9, .live = true,
	  .help = "As max_unauthenticated_per_ip, for clients" },

	/* ---- other servers */
	LIST("s2s_ports", "{ 5269 }", SERVER, "Ports for other servers, with STARTTLS"),
	LIST("s2s_direct_tls_ports", NULL, SERVER, "Ports for other servers, with TLS from the first byte"),
	LIST("s2s_interfaces", NULL, SERVER, "Addresses for other servers; by default `interfaces`"),
	LIST("s2s_direct_tls_interfaces", NULL, SERVER, "Addresses of s2s_direct_tls_ports; by default `interfaces`"),
	{ .name = "s2s_close_timeout", SERVER_LIVE, .type = PC_OPT_PERIOD, .dflt = "5", .min = 0.01, .max = 86400,
	  .help = "Time that another server has to close its side" },
	{ .name = "s2s_read_timeout", .global = true, .type = PC_OPT_PERIOD, .dflt = "840", .min = 0.05,
	  .help = "Silence of another server after which it is asked whether it is there" },
	{ .name = "s2s_tcp_keepalives", .global = true, .type = PC_OPT_BOOLEAN, .help = "As tcp_keepalives, for other servers" },
	{ .name = "s2s_secure_auth", .type = PC_OPT_BOOLEAN, .dflt = "false", .live = true,
	  .help = "Other servers need a certificate that is trusted and has their name" },
	{ .name = "s2s_max_connections_per_ip", .global = true, .type = PC_OPT_INTEGER, .min = 0, .max = 1e9, .live = true,
	  .help = "As max_connections_per_ip, for other servers" },
	{ .name = "s2s_max_unauthenticated_per_ip", .global = true, .type = PC_OPT_INTEGER, .min = 0, .max = 1e9, .live = true,
	  .help = "As max_unauthenticated_per_ip, for other servers" },

	/* ---- components */
	LIST("component_ports", "{ 5347 }", SERVER, "Ports for external components"),
	LIST("component_interfaces", NULL, SERVER, "Addresses for components; by default `local_interfaces`"),

	{ .name = "component_max_connections_per_ip", .global = true, .type = PC_OPT_INTEGER, .min = 0, .max = 1e9, .live = true,
	  .help = "As max_connections_per_ip, for components" },
	{ .name = "component_max_unauthenticated_per_ip", .global = true, .type = PC_OPT_INTEGER, .min = 0, .max = 1e9, .live = true,
	  .help = "As max_unauthenticated_per_ip, for components" },

	/* ---- TLS */
	TEXT("certificate", NULL, HOST_LIVE, "Certificate file of the host, absolute or in the folder of certificates"),
	TABLE("ssl", HOST_LIVE, "certificate and key of the host; cafile, capath (roots of peers' certificates), verify, priorities of the server"),
	TABLE("c2s_ssl", SERVER, "verify: \"none\", \"peer\" (ask clients for a certificate), \"fail_if_no_peer_cert\""),
	TABLE("s2s_ssl", SERVER, "The same for other servers, which are asked for one unless it is \"none\""),
	{ .name = "tls_profile", SERVER_LIVE, .type = PC_OPT_ENUM, .dflt = "intermediate", .values = profiles,
	  .help = "modern: TLS 1.3 only; intermediate: TLS 1.2, too" },
	{ 0 },
};
/* clang-format on */

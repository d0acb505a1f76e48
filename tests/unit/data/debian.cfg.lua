-- A configuration in the shape in which distributions ship prosody.cfg.lua: the same options and
-- modules, in few words.

-- Administrators; made by "prosodyctl adduser"
admins = { }

plugin_paths = { "/usr/local/lib/prosody/modules" }

modules_enabled = {

	-- Nearly everybody wants these
		"disco"; -- discovery
		"roster"; -- contacts
		"saslauth"; -- log-in
		"tls"; -- encryption

	-- Usual
		"blocklist"; -- blocking
		"bookmarks"; -- rooms
		"carbons"; -- all devices
		"dialback"; -- server to server
		"limits"; -- bandwidth
		"pep"; -- personal events
		"private"; -- private storage
		"smacks"; -- stream management
		"vcard4"; -- profiles
		"vcard_legacy"; -- older profiles

	-- Nice to have
		"account_activity";
		"cloud_notify";
		"csi_simple";
		"invites";
		"invites_adhoc";
		"invites_register";
		"ping";
		"register";
		"time";
		"uptime";
		"version";
		--"mam"; -- archive
		--"turn_external";

	-- Administration
		"admin_adhoc";
		"admin_shell";

	-- HTTP
		--"bosh";
		--"websocket";

	-- Debian
		"posix"; -- daemon, log, pid file
}

modules_disabled = {
	-- "offline";
	-- "c2s";
	-- "s2s";
}

s2s_secure_auth = true

--s2s_insecure_domains = { "insecure.example" }

limits = {
	c2s = {
		rate = "10kb/s";
	};
	s2sin = {
		rate = "30kb/s";
	};
}

pidfile = "/run/prosody/prosody.pid";

authentication = "internal_hashed"

--storage = "sql"
--sql = { driver = "SQLite3", database = "prosody.sqlite" }

archive_expires_after = "1w" -- kept for a week

--turn_external_host = "turn.example.com"

log = {
	-- Both
	info = "/var/log/prosody/prosody.log"; -- "debug" says more
	error = "/var/log/prosody/prosody.err";
	{ levels = { "error" }; to = "syslog";  };
}

-- statistics = "internal"

certificates = "certs"

VirtualHost "localhost"
-- Prosody wants at least one host

--VirtualHost "example.com"
--	certificate = "/path/to/example.crt"

--Component "conference.example.com" "muc"
--	modules_enabled = { "muc_mam" }

--Component "gateway.example.com"
--	component_secret = "password"

Include "conf.d/*.cfg.lua"

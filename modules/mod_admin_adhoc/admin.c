#include "admin.h"

#define NODE(name) NS_ADMIN "#" name
#define MODULES "http://prosody.im/protocol/modules#"
#define CONFIG "http://prosody.im/protocol/config#"

static const pc_adhoc commands[] = {
	{ NODE("add-user"), "Add User", ":add-user", "Makes an account of the host",
	  admin_add_user },
	{ NODE("delete-user"), "Delete User", ":delete-user",
	  "Deletes accounts with all that is kept of them", admin_delete_user },
	{ NODE("disable-user"), "Disable User", ":disable-user",
	  "Ends the sessions of accounts, and lets them log in no more", admin_disable_user },
	{ NODE("reenable-user"), "Re-Enable User", ":reenable-user",
	  "Lets accounts log in again that were disabled", admin_reenable_user },
	{ NODE("change-user-password"), "Change User Password", ":change-user-password",
	  "Sets the password of an account", admin_change_password },
	{ NODE("end-user-session"), "End User Session", ":end-user-session",
	  "Ends sessions of accounts, or single ones", admin_end_session },
	{ NODE("user-stats"), "Get User Statistics", ":user-stats",
	  "Sessions, their addresses, and contacts of an account", admin_user_stats },
	{ NODE("get-registered-users-num"), "Get Number of Registered Users", ":list-users",
	  "Counts the accounts of the host", admin_registered_num },
	{ NODE("get-registered-users-list"), "Get List of Registered Users", ":list-users",
	  "Lists the accounts of the host", admin_registered_list },
	{ NODE("get-online-users-num"), "Get Number of Online Users", ":list-users",
	  "Counts the accounts that are connected", admin_online_num },
	{ NODE("get-online-users-list"), "Get List of Online Users", ":list-users",
	  "Lists the accounts that are connected", admin_online_list },
	{ NODE("get-active-users-num"), "Get Number of Active Users", ":list-users",
	  "Counts the accounts that are online and not away", admin_active_num },
	{ NODE("get-active-users"), "Get List of Active Users", ":list-users",
	  "Lists the accounts that are online and not away", admin_active_list },
	{ NODE("get-idle-users-num"), "Get Number of Idle Users", ":list-users",
	  "Counts the accounts that are connected, but away or not available", admin_idle_num },
	{ NODE("get-idle-users"), "Get List of Idle Users", ":list-users",
	  "Lists the accounts that are connected, but away or not available", admin_idle_list },
	{ NODE("get-disabled-users-num"), "Get Number of Disabled Users", ":list-users",
	  "Counts the accounts that may not log in", admin_disabled_num },
	{ NODE("get-disabled-users-list"), "Get List of Disabled Users", ":list-users",
	  "Lists the accounts that may not log in", admin_disabled_list },
	{ NODE("get-user-roster"), "Get User Roster", ":user-roster",
	  "Shows the contacts of an account", admin_user_roster },
	{ NODE("restart"), "Restart Service", ":shutdown",
	  "Tells who restarts the server: it does not do so by itself", admin_restart },
	{ NODE("shutdown"), "Shut Down Service", ":shutdown", "Ends the server", admin_shutdown },
	{ MODULES "list", "List loaded modules", ":manage-modules", "Lists the modules of the host",
	  admin_list_modules },
	{ MODULES "load", "Load module", ":manage-modules", "Loads a module on the host",
	  admin_load_module },
	{ MODULES "unload", "Unload module", ":manage-modules", "Unloads a module of the host",
	  admin_unload_module },
	{ MODULES "reload", "Reload module", ":manage-modules",
	  "Replaces a module of the host by its file's present code", admin_reload_module },
	{ CONFIG "reload", "Reload configuration", ":reload-config",
	  "Reads the configuration again", admin_reload_config },
	{ 0 },
};

static const pc_permission permissions[] = {
	{ ":add-user", "prosody:admin", "Make accounts" },
	{ ":delete-user", "prosody:admin", "Delete accounts" },
	{ ":disable-user", "prosody:admin", "Disable accounts" },
	{ ":reenable-user", "prosody:admin", "Enable accounts that were disabled" },
	{ ":change-user-password", "prosody:admin", "Set passwords of others" },
	{ ":end-user-session", "prosody:admin", "End sessions of others" },
	{ ":user-stats", "prosody:admin", "See sessions and contacts of an account" },
	{ ":list-users", "prosody:admin", "See who has an account and who is online" },
	{ ":user-roster", "prosody:admin", "See the contacts of an account" },
	{ ":manage-modules", "prosody:admin", "Load, unload and reload modules of the host" },
	{ ":reload-config", "prosody:operator", "Reload the configuration of the server" },
	{ ":shutdown", "prosody:operator", "End the server" },
	{ 0 },
};

static const char *const needs[] = { "adhoc", "announce", NULL };

PC_MODULE(admin_adhoc, .summary = "Service Administration from a client", .xeps = "0133:1.3.1",
          .needs = needs, .adhoc = commands, .permissions = permissions);

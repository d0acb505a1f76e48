/*
 * admin.h - Service Administration (XEP-0133): what the files of this module share.
 *
 *   users.c    accounts: add, delete, disable, password, sessions, statistics
 *   lists.c    who has an account, who is online, active, idle, disabled
 *   server.c   modules, configuration, shutting down: by the commands of prosody-ctl
 *   admin.c    the table of commands
 */
#pragma once

#include <prosody-c/prosody-c.h>

#define NS_ADMIN "http://jabber.org/protocol/admin"

void admin_add_user(pc_adhoc_call *call, pc_module *m);
void admin_delete_user(pc_adhoc_call *call, pc_module *m);
void admin_disable_user(pc_adhoc_call *call, pc_module *m);
void admin_reenable_user(pc_adhoc_call *call, pc_module *m);
void admin_change_password(pc_adhoc_call *call, pc_module *m);
void admin_end_session(pc_adhoc_call *call, pc_module *m);
void admin_user_stats(pc_adhoc_call *call, pc_module *m);
void admin_user_roster(pc_adhoc_call *call, pc_module *m);

void admin_registered_list(pc_adhoc_call *call, pc_module *m);
void admin_registered_num(pc_adhoc_call *call, pc_module *m);
void admin_online_list(pc_adhoc_call *call, pc_module *m);
void admin_online_num(pc_adhoc_call *call, pc_module *m);
void admin_active_list(pc_adhoc_call *call, pc_module *m);
void admin_active_num(pc_adhoc_call *call, pc_module *m);
void admin_idle_list(pc_adhoc_call *call, pc_module *m);
void admin_idle_num(pc_adhoc_call *call, pc_module *m);
void admin_disabled_list(pc_adhoc_call *call, pc_module *m);
void admin_disabled_num(pc_adhoc_call *call, pc_module *m);

void admin_shutdown(pc_adhoc_call *call, pc_module *m);
void admin_restart(pc_adhoc_call *call, pc_module *m);
void admin_list_modules(pc_adhoc_call *call, pc_module *m);
void admin_load_module(pc_adhoc_call *call, pc_module *m);
void admin_unload_module(pc_adhoc_call *call, pc_module *m);
void admin_reload_module(pc_adhoc_call *call, pc_module *m);
void admin_reload_config(pc_adhoc_call *call, pc_module *m);

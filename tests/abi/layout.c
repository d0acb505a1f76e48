/*
 * layout.c - prints the size of each public struct and the offset of each of its fields.
 *
 * Modules are compiled against these numbers, so tests/abi/layout.txt holds them: what differs from
 * it changes the ABI (include/prosody-c/base.h). Structs whose size the server is told (a `size`
 * field), and those that the server alone allocates, may grow at their end; then run
 * `build/tests/layout >tests/abi/layout.txt`. On machines without 64-bit pointers it prints
 * nothing.
 */
#include <stddef.h>
#include <stdio.h>

#include <prosody-c/prosody-c.h>

#define STRUCT(type) printf("%s %zu\n", #type, sizeof(type))
#define FIELD(type, field) printf("  %s %zu\n", #field, offsetof(type, field))

static void base(void)
{
	STRUCT(pc_str);
	FIELD(pc_str, p);
	FIELD(pc_str, len);
}

static void jid(void)
{
	STRUCT(pc_jid);
	FIELD(pc_jid, local);
	FIELD(pc_jid, domain);
	FIELD(pc_jid, resource);
}

static void config(void)
{
	STRUCT(pc_option);
	FIELD(pc_option, name);
	FIELD(pc_option, type);
	FIELD(pc_option, dflt);
	FIELD(pc_option, min);
	FIELD(pc_option, max);
	FIELD(pc_option, values);
	FIELD(pc_option, live);
	FIELD(pc_option, inherited);
	FIELD(pc_option, global);
	FIELD(pc_option, required);
	FIELD(pc_option, help);
}

static void event(void)
{
	STRUCT(pc_event_decl);
	FIELD(pc_event_decl, name);
	FIELD(pc_event_decl, kind);
	FIELD(pc_event_decl, help);
	STRUCT(pc_arg);
	FIELD(pc_arg, key);
	FIELD(pc_arg, type);
	FIELD(pc_arg, s);
	FIELD(pc_arg, i);
	FIELD(pc_arg, p);
	STRUCT(pc_fire_args);
	FIELD(pc_fire_args, origin);
	FIELD(pc_fire_args, stanza);
	FIELD(pc_fire_args, args);
	FIELD(pc_fire_args, n_args);
	FIELD(pc_fire_args, host);
	FIELD(pc_fire_args, global);
}

static void loop(void)
{
	STRUCT(pc_child_fns);
	FIELD(pc_child_fns, output);
	FIELD(pc_child_fns, ended);
	STRUCT(pc_dns_answer);
	FIELD(pc_dns_answer, err);
	FIELD(pc_dns_answer, secure);
	FIELD(pc_dns_answer, bogus);
	FIELD(pc_dns_answer, data);
	FIELD(pc_dns_answer, n);
	FIELD(pc_dns_answer, ttl);
}

static void module(void)
{
	STRUCT(pc_module_def);
	FIELD(pc_module_def, abi_major);
	FIELD(pc_module_def, abi_minor);
	FIELD(pc_module_def, size);
	FIELD(pc_module_def, name);
	FIELD(pc_module_def, summary);
	FIELD(pc_module_def, xeps);
	FIELD(pc_module_def, needs);
	FIELD(pc_module_def, scope);
	FIELD(pc_module_def, no_reload);
	FIELD(pc_module_def, data_size);
	FIELD(pc_module_def, session_size);
	FIELD(pc_module_def, state_version);
	FIELD(pc_module_def, options);
	FIELD(pc_module_def, events);
	FIELD(pc_module_def, load);
	FIELD(pc_module_def, unload);
	FIELD(pc_module_def, add_host);
	FIELD(pc_module_def, remove_host);
	FIELD(pc_module_def, session_free);
	FIELD(pc_module_def, save);
	FIELD(pc_module_def, restore);
	FIELD(pc_module_def, config_changed);
	FIELD(pc_module_def, commands);
	FIELD(pc_module_def, adhoc);
	FIELD(pc_module_def, permissions);
	FIELD(pc_module_def, stores);
	FIELD(pc_module_def, metrics);
	FIELD(pc_module_def, session_plain);
	FIELD(pc_module_def, session_save);
	FIELD(pc_module_def, session_restore);
	STRUCT(pc_identity);
	FIELD(pc_identity, category);
	FIELD(pc_identity, type);
	FIELD(pc_identity, name);
}

static void journal(void)
{
	STRUCT(pc_journal_state);
	FIELD(pc_journal_state, in);
	FIELD(pc_journal_state, acked);
	FIELD(pc_journal_state, out);
	FIELD(pc_journal_state, kept);
	FIELD(pc_journal_state, died_ms);
}

static void adhoc(void)
{
	STRUCT(pc_adhoc);
	FIELD(pc_adhoc, node);
	FIELD(pc_adhoc, name);
	FIELD(pc_adhoc, permission);
	FIELD(pc_adhoc, help);
	FIELD(pc_adhoc, run);
	STRUCT(pc_adhoc_result);
	FIELD(pc_adhoc_result, status);
	FIELD(pc_adhoc_result, actions);
	FIELD(pc_adhoc_result, condition);
	FIELD(pc_adhoc_result, text);
	FIELD(pc_adhoc_result, command);
}

static void forms(void)
{
	STRUCT(pc_choice);
	FIELD(pc_choice, value);
	FIELD(pc_choice, label);
	STRUCT(pc_field);
	FIELD(pc_field, var);
	FIELD(pc_field, label);
	FIELD(pc_field, desc);
	FIELD(pc_field, type);
	FIELD(pc_field, required);
	FIELD(pc_field, value);
	FIELD(pc_field, choices);
	STRUCT(pc_form);
	FIELD(pc_form, title);
	FIELD(pc_form, instructions);
	FIELD(pc_form, form_type);
	FIELD(pc_form, fields);
}

static void rsm(void)
{
	STRUCT(pc_rsm);
	FIELD(pc_rsm, has_max);
	FIELD(pc_rsm, max);
	FIELD(pc_rsm, after);
	FIELD(pc_rsm, before);
	FIELD(pc_rsm, index);
	STRUCT(pc_rsm_page);
	FIELD(pc_rsm_page, first);
	FIELD(pc_rsm_page, last);
	FIELD(pc_rsm_page, index);
	FIELD(pc_rsm_page, count);
}

static void declarations(void)
{
	STRUCT(pc_permission);
	FIELD(pc_permission, action);
	FIELD(pc_permission, role);
	FIELD(pc_permission, help);
	STRUCT(pc_store_decl);
	FIELD(pc_store_decl, name);
	FIELD(pc_store_decl, kind);
	FIELD(pc_store_decl, help);
	STRUCT(pc_metric_decl);
	FIELD(pc_metric_decl, name);
	FIELD(pc_metric_decl, type);
	FIELD(pc_metric_decl, help);
}

static void command(void)
{
	STRUCT(pc_command);
	FIELD(pc_command, section);
	FIELD(pc_command, name);
	FIELD(pc_command, args);
	FIELD(pc_command, help);
	FIELD(pc_command, run);
}

static void session(void)
{
	STRUCT(pc_session);
	FIELD(pc_session, conn);
	FIELD(pc_session, notopen);
	FIELD(pc_session, type);
	FIELD(pc_session, username);
	FIELD(pc_session, host);
	FIELD(pc_session, resource);
	FIELD(pc_session, full_jid);
	FIELD(pc_session, priority);
	FIELD(pc_session, presence);
	FIELD(pc_session, interested);
	FIELD(pc_session, roster);
	FIELD(pc_session, id);
	FIELD(pc_session, ip);
	FIELD(pc_session, secure);
	FIELD(pc_session, role);
	FIELD(pc_session, client_id);
	FIELD(pc_session, lang);
	FIELD(pc_session, presence_time);
	FIELD(pc_session, bound_time);
}

static void roster(void)
{
	STRUCT(pc_contact);
	FIELD(pc_contact, jid);
	FIELD(pc_contact, name);
	FIELD(pc_contact, subscription);
	FIELD(pc_contact, in_roster);
	FIELD(pc_contact, pending_out);
	FIELD(pc_contact, pending_in);
	FIELD(pc_contact, approved);
	FIELD(pc_contact, groups);
	FIELD(pc_contact, n_groups);
}

static void store(void)
{
	STRUCT(pc_item);
	FIELD(pc_item, key);
	FIELD(pc_item, value);
	FIELD(pc_item, len);
}

static void archive(void)
{
	STRUCT(pc_entry);
	FIELD(pc_entry, id);
	FIELD(pc_entry, when);
	FIELD(pc_entry, with);
	FIELD(pc_entry, value);
	FIELD(pc_entry, len);
	STRUCT(pc_query);
	FIELD(pc_query, start);
	FIELD(pc_query, end);
	FIELD(pc_query, with);
	FIELD(pc_query, before);
	FIELD(pc_query, after);
	FIELD(pc_query, ids);
	FIELD(pc_query, n_ids);
	FIELD(pc_query, limit);
	FIELD(pc_query, reverse);
	FIELD(pc_query, count);
	STRUCT(pc_search);
	FIELD(pc_search, size);
	FIELD(pc_search, query);
	FIELD(pc_search, above);
	FIELD(pc_search, below);
	FIELD(pc_search, text);
	FIELD(pc_search, all_ids);
	STRUCT(pc_found);
	FIELD(pc_found, entries);
	FIELD(pc_found, n);
	FIELD(pc_found, more);
	FIELD(pc_found, total);
	FIELD(pc_found, index);
	STRUCT(pc_extent);
	FIELD(pc_extent, entries);
	FIELD(pc_extent, bytes);
	FIELD(pc_extent, oldest);
	FIELD(pc_extent, newest);
}

static void store_driver(void)
{
	STRUCT(pc_key);
	FIELD(pc_key, host);
	FIELD(pc_key, user);
	FIELD(pc_key, store);
	STRUCT(pc_store_driver);
	FIELD(pc_store_driver, size);
	FIELD(pc_store_driver, archives);
	FIELD(pc_store_driver, one_thread);
	FIELD(pc_store_driver, open);
	FIELD(pc_store_driver, close);
	FIELD(pc_store_driver, reader_open);
	FIELD(pc_store_driver, reader_close);
	FIELD(pc_store_driver, begin);
	FIELD(pc_store_driver, commit);
	FIELD(pc_store_driver, rollback);
	FIELD(pc_store_driver, set);
	FIELD(pc_store_driver, swap);
	FIELD(pc_store_driver, purge);
	FIELD(pc_store_driver, append);
	FIELD(pc_store_driver, replace);
	FIELD(pc_store_driver, remove);
	FIELD(pc_store_driver, get);
	FIELD(pc_store_driver, get_all);
	FIELD(pc_store_driver, users);
	FIELD(pc_store_driver, find);
	FIELD(pc_store_driver, check);
	FIELD(pc_store_driver, savepoint);
	FIELD(pc_store_driver, release);
	FIELD(pc_store_driver, backup);
	FIELD(pc_store_driver, restore);
	FIELD(pc_store_driver, append_text);
	FIELD(pc_store_driver, expire);
	FIELD(pc_store_driver, search);
	FIELD(pc_store_driver, extent);
	FIELD(pc_store_driver, outdated);
}

static void scram(void)
{
	STRUCT(pc_scram_keys);
	FIELD(pc_scram_keys, hash);
	FIELD(pc_scram_keys, salt);
	FIELD(pc_scram_keys, salt_len);
	FIELD(pc_scram_keys, iterations);
	FIELD(pc_scram_keys, stored_key);
	FIELD(pc_scram_keys, server_key);
	STRUCT(pc_sasl_mechanism);
	FIELD(pc_sasl_mechanism, size);
	FIELD(pc_sasl_mechanism, name);
	FIELD(pc_sasl_mechanism, check);
	FIELD(pc_sasl_mechanism, listed);
	STRUCT(pc_sasl_verdict);
	FIELD(pc_sasl_verdict, condition);
	FIELD(pc_sasl_verdict, username);
	FIELD(pc_sasl_verdict, role);
	FIELD(pc_sasl_verdict, data);
	FIELD(pc_sasl_verdict, len);
	STRUCT(pc_scram_policy);
	FIELD(pc_scram_policy, plus_offered);
	FIELD(pc_scram_policy, mechanisms);
	FIELD(pc_scram_policy, bindings);
	FIELD(pc_scram_policy, tls_version);
}

static void users(void)
{
	STRUCT(pc_auth_provider);
	FIELD(pc_auth_provider, size);
	FIELD(pc_auth_provider, scram_hashes);
	FIELD(pc_auth_provider, plain);
	FIELD(pc_auth_provider, exists);
	FIELD(pc_auth_provider, keys);
	FIELD(pc_auth_provider, check);
	FIELD(pc_auth_provider, set_password);
	FIELD(pc_auth_provider, create);
	FIELD(pc_auth_provider, remove);
	FIELD(pc_auth_provider, list);
	FIELD(pc_auth_provider, look);
	FIELD(pc_auth_provider, enabled);
	FIELD(pc_auth_provider, set_enabled);
	FIELD(pc_auth_provider, anonymous);
	FIELD(pc_auth_provider, add_keys);
}

static void net(void)
{
	STRUCT(pc_stream_header);
	FIELD(pc_stream_header, to);
	FIELD(pc_stream_header, from);
	FIELD(pc_stream_header, id);
	FIELD(pc_stream_header, version);
	FIELD(pc_stream_header, lang);
	FIELD(pc_stream_header, content_ns);
	FIELD(pc_stream_header, restarted);
	STRUCT(pc_stream_class);
	FIELD(pc_stream_class, size);
	FIELD(pc_stream_class, name);
	FIELD(pc_stream_class, framing);
	FIELD(pc_stream_class, content_ns);
	FIELD(pc_stream_class, type);
	FIELD(pc_stream_class, alpn);
	FIELD(pc_stream_class, data_size);
	FIELD(pc_stream_class, opened);
	FIELD(pc_stream_class, secured);
	FIELD(pc_stream_class, header);
	FIELD(pc_stream_class, element);
	FIELD(pc_stream_class, bytes);
	FIELD(pc_stream_class, idle);
	FIELD(pc_stream_class, drained);
	FIELD(pc_stream_class, ended);
	FIELD(pc_stream_class, closed);
	FIELD(pc_stream_class, peer);
	FIELD(pc_stream_class, options);
	FIELD(pc_stream_class, timeout);
	FIELD(pc_stream_class, declares);
	FIELD(pc_stream_class, error);
	STRUCT(pc_listener);
	FIELD(pc_listener, size);
	FIELD(pc_listener, service);
	FIELD(pc_listener, class);
	FIELD(pc_listener, default_ports);
	FIELD(pc_listener, direct_tls);
	FIELD(pc_listener, private_service);
	FIELD(pc_listener, unix_path);
	STRUCT(pc_connect_args);
	FIELD(pc_connect_args, class);
	FIELD(pc_connect_args, address);
	FIELD(pc_connect_args, port);
	FIELD(pc_connect_args, direct_tls);
	FIELD(pc_connect_args, server_name);
	FIELD(pc_connect_args, alpn);
	FIELD(pc_connect_args, timeout);
	FIELD(pc_connect_args, data);
	STRUCT(pc_transport);
	FIELD(pc_transport, size);
	FIELD(pc_transport, framed);
	FIELD(pc_transport, send);
	FIELD(pc_transport, close);
}

int main(void)
{
	if (sizeof(void *) != 8)
		return 77;
	base();
	jid();
	config();
	event();
	loop();
	module();
	command();
	journal();
	adhoc();
	forms();
	rsm();
	declarations();
	session();
	roster();
	store();
	archive();
	store_driver();
	scram();
	users();
	net();
	return 0;
}

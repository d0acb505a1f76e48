/*
 * event_table.c - the events that the core itself fires; modules list theirs in PC_MODULE.
 *
 * Debug builds look every firing up here, or in the list of the module that fires.
 */
#include <string.h>

#include "event_internal.h"
#include "events.h"
#include "log.h"
#include "server.h"

/* clang-format off */
#define NOTICE(event, text)   { event, PC_NOTICE, text }
#define WAITING(event, text)  { event, PC_WAITING, text }
#define CHANGED " May be changed by pc_event_edit()"

const pc_event_decl pc__core_events[] = {
	/* ---- the server, on the global bus */
	NOTICE("server-starting", "No module is loaded yet"),
	NOTICE("server-started", "Ports are open"),
	NOTICE("server-stopping", "No connection is taken any more, clients are there yet: `reason`"),
	NOTICE("config-reloaded", "The configuration was read anew and is in use"),
	NOTICE("host-activated", "A host's modules are loaded: `host`"),
	NOTICE("host-deactivating", "A host goes, its sessions and modules are there yet: `host`"),
	NOTICE("host-deactivated", "A host has gone: `host`"),

	/* ---- modules, on the bus of their host */
	NOTICE("module-loaded", "`module`"),
	NOTICE("module-unloaded", "`module`"),
	NOTICE("module-reloaded", "`module`"),
	NOTICE("item-added/*", "A module offers an item of that kind: `item` (pointer), `module`"),
	NOTICE("item-removed/*", "It does no longer: `item` (pointer), `module`"),

	/* ---- streams and sessions */
	NOTICE("stream-connected", "A connection has come, or was made: `stream` (pointer), `class`; global bus"),
	WAITING("stream-open", "A client's stream header was answered, features come next; PC_HANDLED: they do not"),
	NOTICE("stream-features", "The stanza is <stream:features/>, to be extended"),
	WAITING("stanza/iq/*", "An iq of a stream that has not bound, by its payload, NS:NAME"),
	WAITING("stanza/*", "A top-level element that is no stanza, NS:NAME, or any element of a stream that has not bound"),
	NOTICE("auth-success", "The account of a session is proved"),
	WAITING("pre-resource-bind", "A resource is about to be bound: `resource` (may be set); what is handled is refused by `condition`"),
	NOTICE("resource-bind", "A session has its full address"),
	NOTICE("pre-session-close", "The server closes a stream: `condition`, or NULL for an orderly end"),
	WAITING("pre-resource-unbind", "A stream has gone; PC_HANDLED keeps its session: `reason`. May not suspend"),
	NOTICE("resource-unbind", "A session ends: `reason`"),
	NOTICE("session-closed", "A session has ended, also one that never bound"),
	NOTICE("session-restored", "A session of the process before is there again, hibernated (journal.h)"),
	NOTICE("session-returned", "Such a session has a connection again: what others did meanwhile it was not told"),
	NOTICE("c2s-session-updated", "A session was resumed by another stream: `from` (pointer to the session that gave it); global bus"),

	/* ---- accounts */
	NOTICE("user-password-changed", "`username`, `host`; global bus and the host's"),
	NOTICE("user-enabled", "`username`, `host`; global bus and the host's"),
	NOTICE("user-disabled", "The same, when an account may log in no more"),
	NOTICE("user-deleted", "`username`, `host`; global bus and the host's"),
	NOTICE("roster-load", "A roster was read: `username`, `roster` (pointer)"),

	/* ---- stanzas (RFC 6120 section 10, RFC 6121 section 8) */
	WAITING("pre-stanza", "Every stanza from a client, on the host of the client." CHANGED),
	WAITING("pre-message/bare", "From a client, to an account, before routing." CHANGED),
	WAITING("pre-message/full", "From a client, to a full address, before routing." CHANGED),
	WAITING("pre-message/host", "From a client, to a host, before routing." CHANGED),
	WAITING("pre-presence/bare", "From a client, to an account or to nobody, before routing." CHANGED),
	WAITING("pre-presence/full", "From a client, to a full address, before routing." CHANGED),
	WAITING("pre-presence/host", "From a client, to a host, before routing." CHANGED),
	WAITING("pre-iq/bare", "From a client, to an account or to nobody, before routing." CHANGED),
	WAITING("pre-iq/full", "From a client, to a full address, before routing." CHANGED),
	WAITING("pre-iq/host", "From a client, to a host, before routing." CHANGED),
	WAITING("message/bare", "To an account of this host." CHANGED),
	WAITING("message/full", "To a full address of this host." CHANGED),
	WAITING("message/host", "To this host itself." CHANGED),
	WAITING("message/self", "From a client to its own account, after message/bare." CHANGED),
	WAITING("presence/bare", "To an account of this host." CHANGED),
	WAITING("presence/full", "To a full address of this host." CHANGED),
	WAITING("presence/host", "To this host itself." CHANGED),
	WAITING("presence/self", "From a client to its own account, after presence/bare." CHANGED),
	WAITING("iq/bare", "To an account of this host." CHANGED),
	WAITING("iq/full", "To a full address of this host." CHANGED),
	WAITING("iq/host", "To this host itself." CHANGED),
	WAITING("iq/self", "From a client to its own account, after iq/bare." CHANGED),
	NOTICE("message-returned", "An error goes back to the client that sent a message; the stanza is the error"),
	WAITING("route/remote", "To a domain that is not ours, on the host of the sender"),

	/* ---- short names, for hooking only */
	WAITING("auth", "Short for the elements auth, response and abort of SASL (stanza/...)"),
	WAITING("bind", "Short for pre-resource-bind"),
	WAITING("roster-request", "Short for iq-get/self/jabber:iq:roster:query"),
	WAITING("presence", "Short for pre-presence/bare to oneself"),
	{ 0 },
};
/* clang-format on */

static bool covers(const char *declared, const char *name)
{
	size_t len = strlen(declared);

	if (len > 0 && declared[len - 1] == '*')
		return strncmp(declared, name, len - 1) == 0;
	return strcmp(declared, name) == 0;
}

const pc_event_decl *pc__event_declared(const pc_event_decl *table, const char *name)
{
	for (; table && table->name; table++)
		if (covers(table->name, name))
			return table;
	return NULL;
}

#ifdef PC_DEBUG_BUILD
static pc_event_kind kind_of(const struct pc__firing *f)
{
	return f->notice ? PC_NOTICE : f->question ? PC_QUESTION : PC_WAITING;
}

/* Of waiting events some are fired as questions, where their moment cannot wait: that is stricter.
 */
void pc__event_check(const char *name, const struct pc__firing *f)
{
	const pc_event_decl *table = f->by ? f->by->def->events : pc__core_events;
	const pc_event_decl *decl = pc__event_declared(table, name);

	if (decl == NULL)
		pc__log("events", PC_ERROR, "event %s is in no list of %s", name,
		        f->by ? f->by->def->name : "the core");
	(void)pc__bug(decl == NULL);
	(void)pc__bug(decl && decl->kind != kind_of(f) &&
	              !(decl->kind == PC_WAITING && f->question));
}
#endif

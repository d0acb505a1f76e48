/*
 * route.h - stanzas on their way.
 *
 * A stanza from a client is first shown to its own host (pre-stanza, pre-message/bare, ...), then
 * fired on the host that it is addressed to (message/bare, ...), or handed to route/remote. What
 * nobody handles gets service-unavailable (RFC 6120 section 10.5, RFC 6121 section 8).
 */
#pragma once

#include <prosody-c/base.h>
#include <prosody-c/event.h>
#include <prosody-c/stanza.h>

/* Routes a stanza by its `to`, as from a module: without pre-events. `from` must be set (a host of
 * ours, or an address on one). Errors come back to `from` as stanzas. */
PC_EXPORT void pc_send(pc_module *m, PC_TAKES pc_stanza *st);
/* Routes one stanza to each of the addresses, in order; the tree is shared where that can be, so a
 * broadcast is serialised once. */
PC_EXPORT void pc_broadcast(pc_module *m, PC_TAKES pc_stanza *st, const char *const *to, size_t n);
/* Routes a stanza as if that session had sent it: with pre-events and in its name. */
PC_EXPORT void pc_send_as(pc_module *m, const pc_session *s, PC_TAKES pc_stanza *st);

/* Sends an iq of type get or set and calls back once: with the reply (type result or error,
 * borrowed), or NULL after the time-out or when the module goes. The id is made here and the sender
 * checked, so a stranger cannot answer. At most `max_queries` (256) are under
 * way for a module: PC_ELIMIT, and the callback does not come. */
typedef void pc_iq_fn(const pc_stanza *reply, void *data);
PC_EXPORT int pc_send_iq(pc_module *m, PC_TAKES pc_stanza *iq, double timeout_seconds, pc_iq_fn *fn,
                         void *data);

/* For stream classes (net.h): a top-level element that the peer of this session sent. Checks what
 * RFC 6120 section 8 asks of it, stamps `from` for clients, and routes. */
PC_EXPORT void pc_session_receive(const pc_session *s, PC_TAKES pc_stanza *st);

/*
 * sasl.h - what goes along with a log-in by SASL2 (XEP-0388), and mechanisms of modules.
 *
 * A client sends one <authenticate/>, in which it may ask for more than to be let in. Modules take
 * part by events of the module saslauth, whose origin is the client's session:
 *
 *   sasl2-features    notice: the stanza is <inline/>, to be extended by what can be asked for
 *   sasl2-success     may wait: the account is proved; the stanza is <success/>, to be extended by
 *                     pc_event_edit(). `request`: the <authenticate/> (const pc_stanza *).
 *                     Handlers, by priority: resumption of a session 100, a new resource 0, tokens
 *                     -100. Who resumes a session (pc_session_take_over) sets `session` to its id:
 *                     it gets the <success/>, and nobody else binds one.
 *   sasl2-succeeded   notice: <success/> and the features behind it have been sent. The origin is
 *                     the session that got them.
 *
 * With a <bind/> (XEP-0386) modules are asked as well:
 *
 *   bind2-features    notice: the stanza is <inline/>: <feature var=''/> is added to it
 *   bind2-bound       may wait: a resource is bound; the stanza is <bound/>, to be extended.
 *                     `request`: the <bind/> (const pc_stanza *)
 */
#pragma once

#include <prosody-c/base.h>
#include <prosody-c/session.h>

#define PC_NS_SASL2 "urn:xmpp:sasl:2"
#define PC_NS_BIND2 "urn:xmpp:bind:0"

/* ---- a mechanism that a module adds: an item (module.h) of the kind "sasl2-mechanism". The client
 * proves itself by one message. One that is not `listed` is taken by SASL2 alone, with
 * <authenticate/>, and the module tells of it in sasl2-features. A listed one is among the
 * mechanisms of SASL2 and of RFC 6120 where disable_sasl_mechanisms and insecure_sasl_mechanisms
 * let it. */

typedef struct pc_sasl_verdict {
	/* NULL: it is proved. Else the failure (RFC 6120 6.5); "not-authorized" counts as a wrong
	 * guess against the client's address. */
	const char *condition;
	const char *username; /* of the account, prepared */
	const char *role;     /* NULL: the account's */
	/* What the mechanism says at its end; NULL: nothing. Of a failure by "not-authorized": a
	 * challenge that goes before it, which the client answers by whatever (RFC 7628 3.2.2). */
	const void *data;
	size_t len;
} pc_sasl_verdict;
typedef void pc_sasl_verdict_fn(const pc_sasl_verdict *verdict, void *data);

typedef struct pc_sasl_mechanism {
	size_t size;
	const char *name;
	/* `m`: whose item it is. `msg` has a NUL behind it. Ends by the callback, exactly once,
	 * maybe before it returns. Whether the account is enabled is the module's to ask. */
	void (*check)(pc_module *m, const pc_session *s, const pc_stanza *request, const char *msg,
	              size_t len, pc_sasl_verdict_fn *fn, void *data);
	bool listed; /* `request` is NULL in a log-in of RFC 6120 */
} pc_sasl_mechanism;

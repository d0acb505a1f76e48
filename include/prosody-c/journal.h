/*
 * journal.h - sessions that outlive the server's process.
 *
 * What is in memory of sessions is written down as it changes, in a file that is mapped into memory
 * (option journal_directory), so that it is there after a crash, a kill, and a stop for an upgrade.
 * The next process reads it before it listens:
 *
 *   recorded   every client's session that is available, or of which a module has something saved.
 *              The next process makes it anew, and ends it in the ordinary way: resource-unbind is
 *              fired, contacts get `unavailable`.
 *   kept       one of them that a module has asked for by pc_journal_keep() (stream management). It
 *              is made anew and lives, hibernated (session.h: conn is 0), under a new id, with its
 *              addresses, role, roster, presence, and the data of every module that says how
 *              (below). pc_session_take_over() resumes it, pc_session_destroy() ends it.
 *
 * Turns. All that one turn of the server's loop does is one transaction: what it said to sessions,
 * what it wrote to stores, what it counted. Nothing of that reaches a socket or a database before
 * the turn has been noted as a whole; when the process dies earlier, the turn has not happened.
 * Handlers need not mind the order of their calls. While a session is kept, writes to stores are
 * noted, too: those that were not yet committed are made by the next process, each exactly once
 * (and nobody is called back, since who called has gone).
 *
 * Stop. On an orderly stop (SIGTERM, prosody-ctl stop) a kept session gets the stream error
 * system-shutdown, and its pre-resource-unbind, with that as its reason; where that answers
 * PC_HANDLED it sleeps on in the journal, and nobody is told that it has gone.
 *
 * Module data. A block of pc_session_data() comes back if the module says so in its definition
 * (module.h), under the same name and `.state_version`:
 *
 *   .session_plain     true: the block's bytes are saved as they are (no pointers in it)
 *   .session_save      else: puts what is to be saved by pc_blob_put()
 *   .session_restore   reads it into the new, zeroed block, and registers for this session what the
 *                      module needs (filters, taps, timers). PC_OK, or PC_E*: the block stays
 *                      zeroed, and a kept session whose keeper says so is ended. May be NULL with
 *                      .session_plain.
 *
 * and calls pc_session_changed() whenever the block has changed: it is saved at the end of the
 * turn. session_restore of all sessions runs after the hosts and their modules are there and before
 * the server listens; the roster is loaded, presence is set, other sessions may still be missing.
 * Then session-restored is fired (host bus, origin: the session), once for each that lives; and
 * session-returned when such a session has been taken over by a connection for the first time: what
 * its contacts did meanwhile is not known, so they are probed.
 *
 * No promise. Without a journal (option `journal`, or the file cannot be used), when there is no
 * room (journal_max_size), after a power cut or with another format of the file, sessions end with
 * the process; nothing here fails because of it, and no caller needs to ask.
 */
#pragma once

#include <prosody-c/base.h>
#include <prosody-c/module.h>
#include <prosody-c/session.h>

/* ---- any module */

/* The module's block of this session has changed (pc_session_data); costs next to nothing. */
PC_EXPORT void pc_session_changed(const pc_session *s, pc_module *m);

/* What session_save fills; several calls append. */
PC_EXPORT void pc_blob_put(pc_blob *blob, const void *bytes, size_t len);

/* ---- the keeper of a session. Numbers count modulo 2^32 (XEP-0198 section 4). Calls for a session
 * that is not kept do nothing. */

/* Keeps it from now on, with all counts 0: call it where the numbering begins. One module keeps a
 * session, and its state is forgotten with it: when the module is unloaded, or its blocks do not
 * pass to its next instance (module.h). PC_ENOTSUP: nothing is journaled. */
PC_EXPORT int pc_journal_keep(pc_module *m, const pc_session *s);
/* It ends with the process from now on; recorded it still is. */
PC_EXPORT void pc_journal_forget(const pc_session *s);

/* A frame has got the next number and is to be sent again if it is not acknowledged: the first one
 * after pc_journal_keep() has number 1. `when_ms`: of pc_time_ms(). */
PC_EXPORT void pc_journal_out(const pc_session *s, pc_frame *frame, int64_t when_ms);
/* The peer has handled all up to number h. */
PC_EXPORT void pc_journal_acked(const pc_session *s, uint32_t h);
/* We have handled so many of the peer's stanzas. */
PC_EXPORT void pc_journal_in(const pc_session *s, uint32_t h);

/* ---- inside session_restore. */

typedef struct pc_journal_state {
	uint32_t in, acked, out; /* as counted by the functions above */
	bool kept;
	int64_t died_ms; /* when the process before was last known to live (pc_time_ms) */
} pc_journal_state;
PC_EXPORT void pc_journal_state_of(const pc_session *s, pc_journal_state *state_r);
/* The frames that are not acknowledged, in the order of their numbers: acked + 1 to out. Each is
 * borrowed; keep a reference to keep it. They stay in the journal: do not call pc_journal_out()
 * for them again. */
typedef void pc_journal_frame_fn(const pc_session *s, pc_frame *frame, int64_t when_ms, void *data);
PC_EXPORT void pc_journal_each(const pc_session *s, pc_journal_frame_fn *fn, void *data);

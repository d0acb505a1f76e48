/*
 * turns.h - what a turn of the loop did becomes valid as a whole.
 *
 * While handlers run, what they say to sessions lies in the queues of the I/O threads, what they
 * write is held by the databases' workers (store/worker.h), and what of sessions outlives the
 * process is added to the journal. At the end of the turn the journal is published first, then jobs
 * and output are handed over. So at any instant at which the process may die, sockets and databases
 * have nothing that the journal does not know.
 *
 * A turn costs a store of eight bytes where the journal has news, and nothing where it has none.
 */
#pragma once

#include "store/journal.h"
#include "store/past.h"

/* By the options journal, journal_directory, journal_max_size. Reads what is there: false, where
 * nothing is journaled or there is nothing to be read. */
bool pc__turns_open(pc__past *past_r);
/* From now on the journal is ours: jobs that it had are done, new ones are noted. */
void pc__turns_begin(const pc__past *past);
/* Sessions are there again, and nobody reads the past any more. (Where that fails several times in
 * a row, the next start is without what the journal has.) */
void pc__turns_past_is_over(void);
/* The end of a turn. */
void pc__turns_settle(void);
/* The last turn has been; the file stays as it is. */
void pc__turns_close(void);

/* The journal, once it is ours; NULL: nothing is journaled. */
pc__journal *pc__turns_journal(void);

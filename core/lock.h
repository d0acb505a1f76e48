/*
 * lock.h - one server for one data folder: the lock in it, and the file with our number.
 *
 * The lock is an flock(2) on a file of its own, whatever driver the stores have: it goes with the
 * process however that ends, and the file stays, for removing it would let two in. prosody-ctl's
 * servers without ports take it as well.
 */
#pragma once

/* 0, EX_TEMPFAIL: another server has it, or EX_CANTCREAT; said in the log. */
int pc__lock_data(void);
/* The option pidfile; without it prosody-c.pid in what systemd made for the unit
 * (RuntimeDirectory=), or none. 0 or EX_CANTCREAT. */
int pc__lock_write_pid(void);
/* Removes the pid file, then lets go of the lock. */
void pc__lock_release(void);

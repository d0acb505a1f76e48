/*
 * make_cert.h - `prosody-ctl cert`: certificates into the folder `certificates`, without a server
 * and as whoever calls, to whom the folder has to be open. Files become `prosody_user`'s where that
 * can be. Nothing is overwritten unless `force`.
 */
#pragma once

#include <stdbool.h>

/* `what`: "generate" or "request", with a host of the configuration; "import", with a folder and
 * hosts (none: all). `words` end with NULL. What was written is printed, a line each; returns what
 * the program exits with: EX_CANTCREAT for what is refused, EX_TEMPFAIL for what was done in part.
 */
int pc__make_cert(const char *what, const char *const *words, bool force);

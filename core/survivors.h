/*
 * survivors.h - which sessions outlive the process, and what of them is written into the journal
 * (journal.h of the public headers).
 */
#pragma once

#include <prosody-c/journal.h>

/*
 * redo.h - writes that the process before had noted and may not have committed (store/worker.h):
 * each is made exactly once, since the database says which was the last.
 */
#pragma once

#include "store/past.h"

/* Blocks until they are committed. Before anybody reads or writes. */
void pc__redo_run(const pc__past *past);

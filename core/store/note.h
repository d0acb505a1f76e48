/*
 * note.h - a job's writes as bytes, and back: what the journal keeps of writes that are under way.
 */
#pragma once

#include "store/job.h"
#include "util/buf.h"

/* Appends the job's operations, all of them writes. */
void pc__note_write(const pc__job *job, struct pc__buf *out);
/* A job with those operations, or NULL where the bytes are no note. */
pc__job *pc__note_read(const void *bytes, size_t len, void (*done)(pc__job *job), void *data);

/*
 * The trace format: one CSV, units in the column names, `submit_s`, `duration_s` and `gpus` required; see
 * docs/trace.md for the rest. Rows may stand in any order; jobs are sorted by submit, ties by row.
 */
#ifndef HEADROOM_IO_TRACE_H
#define HEADROOM_IO_TRACE_H

#include "base/err.h"
#include "core/job.h"

/* jobs is initialised here, also when false is returned (free it either way). columns: JOBS_* to keep at
 * least; columns the file has are kept. All mistakes of the file are found, up to ERR_KEPT_MOST shown. */
bool trace_read(const char *path, unsigned columns, struct jobs *jobs, struct err *err);
/* Writes jobs in the same format (".gz" by the name's ending), atomically (temporary file, then rename). */
bool trace_write(const char *path, const struct jobs *jobs, struct err *err);

#endif

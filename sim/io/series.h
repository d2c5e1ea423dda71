/*
 * Time series from CSV (price, carbon, temperature, PUE): one column of times, one column a zone. Times are
 * the first column of dates ("2021-01-01 00:00"; UTC, or local: then utc_offset_ns is taken off), else of
 * hours from the origin (a column named `hour` or ending in `_h`). Rows ascend.
 */
#ifndef HEADROOM_IO_SERIES_H
#define HEADROOM_IO_SERIES_H

#include "base/err.h"
#include "base/mem.h"
#include "core/setup.h"

#include <stdint.h>

/* Reads one column, multiplied by factor, as steps whose time 0 is origin_unix_ns (JOB_UNKNOWN: a file with
 * dates is then a finding). `at` is where the scenario names it, for findings. The last step lasts as long as
 * the one before it; the function then repeats. */
bool series_read(const char *path, const char *column, double factor, int64_t origin_unix_ns,
                 int64_t utc_offset_ns, struct arena *arena, struct steps *steps, struct place_in_file at,
                 struct err *err);

#endif

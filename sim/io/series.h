/*
 * Time series from CSV (price, carbon, temperature, PUE): a first column with times, one column a zone.
 * Times are UTC dates ("2021-01-01 00:00"), local dates (then utc_offset_ns is taken off), or plain numbers of
 * hours from the origin (column named `hour` or ending in `_h`). Rows ascend.
 */
#ifndef HEADROOM_IO_SERIES_H
#define HEADROOM_IO_SERIES_H

#include "base/err.h"
#include "base/mem.h"
#include "core/setup.h"

#include <stdint.h>

/* Reads one column, multiplied by factor, as steps whose time 0 is origin_unix_ns. `at` is where the scenario
 * names it, for findings. The last step lasts as long as the one before it; the function then repeats. */
bool series_read(const char *path, const char *column, double factor, int64_t origin_unix_ns,
                 int64_t utc_offset_ns, struct arena *arena, struct steps *steps, struct place_in_file at,
                 struct err *err);

#endif

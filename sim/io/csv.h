/*
 * CSV through libcsv, plain or .gz, streamed: memory does not grow with the file.
 * The row callback gets the fields of one record as spans (not copied, valid during the call; fields[i][len[i]]
 * is '\0'). Line numbers count physical lines.
 */
#ifndef HEADROOM_IO_CSV_H
#define HEADROOM_IO_CSV_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct csv_row {
    const char *file;
    int line;                 /* where the record begins, from 1 */
    size_t count;
    const char *const *fields;
    const size_t *len;
    const int *col;           /* column (byte, from 1) where each field begins */
};
/* Returns false to stop reading (a finding was added). */
typedef bool csv_visit(void *context, const struct csv_row *row, struct err *err);

/* Reads the whole file; empty lines are skipped. A file that cannot be opened, is not text (NUL bytes), has a
 * field over 1 MiB or a broken gzip stream is a finding. *hash (may be NULL): hash of the uncompressed bytes. */
bool csv_read(const char *path, csv_visit *visit, void *context, uint64_t *hash, struct err *err);

#endif

/*
 * CSV through libcsv, plain or .gz, streamed: memory does not grow with the file. The row callback gets the
 * fields of one record as spans (valid during the call; fields[i][len[i]] is '\0', and CSV_AHEAD bytes from
 * the beginning of a field may be read however short it is). It runs in the caller's thread, row after row;
 * of a large file, libcsv runs ahead in a thread of its own. Line numbers count physical lines, which end
 * with LF or CRLF.
 */
#ifndef HEADROOM_IO_CSV_H
#define HEADROOM_IO_CSV_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CSV_AHEAD = 16 };
struct csv_batch;
struct csv_row {
    const char *file;
    int line;                 /* where the record begins, from 1 */
    size_t count;
    const char *const *fields;
    const size_t *len;
    struct csv_batch *batch;  /* for csv_place */
};
/* Where a field begins (column in bytes, from 1; its own line, when an earlier field spans lines); past the
 * last field, where the record ends. Worked out on demand: meant for findings. */
struct place_in_file csv_place(const struct csv_row *row, size_t field);

/* Returns false to stop reading (a finding was added). */
typedef bool csv_visit(void *context, const struct csv_row *row, struct err *err);

/* Reads the whole file; empty lines are skipped. A file that cannot be opened, is not text (NUL bytes), has a
 * record over 1 MiB, misplaced quotes or a broken gzip stream is a finding. *hash (may be NULL): hash of the
 * uncompressed bytes. */
bool csv_read(const char *path, csv_visit *visit, void *context, uint64_t *hash, struct err *err);
/* The same, a little faster: fields stand where they do in the file and have no '\0' behind them. */
bool csv_read_spans(const char *path, csv_visit *visit, void *context, struct err *err);

/* Appends a field to a line being written, quoted when it has to be. */
struct text;
void csv_put(struct text *line, const char *field);

#endif

/*
 * Text for people and machines: aligned tables, and the summary of one or more runs as a page for the terminal, as
 * JSON and as CSV.
 */
#ifndef HEADROOM_IO_TABLE_H
#define HEADROOM_IO_TABLE_H

#include "io/summary.h"

#include <stdio.h>

/* Cells of UTF-8 text, printed in columns as wide as their widest cell, two blanks apart. */
struct table;
/* align: a letter a column, 'l' or 'r'. */
struct table *table_open(const char *align);
void table_close(struct table *table);
/* Cells fill rows from left to right. */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Fills the row up with empty cells. */
void table_end_row(struct table *table);
/* headings: the first rows, parted from the rest by a line. indent: blanks before every line. */
void table_print(const struct table *table, FILE *to, size_t headings, int indent);

/* A number as tables show it: thousands marked, `decimals` digits after the point; "-" for NAN. */
const char *table_number(double value, int decimals, char buffer[48]);
/* Values of one metric made comparable: one unit ("s" may become "h"), one number of decimals. */
struct table_scale {
    double factor; /* shown = value x factor */
    int decimals;
    char unit[24];
};
struct table_scale table_scale(const struct metric *metric, const double *values, size_t count);

/* The page `headroom run` ends with: runs side by side, the baseline first, differences in per cent. */
void table_summary(FILE *to, const struct summary *runs, size_t count);
/* One kind of part, a line each; past the twelve with most GPU-hours they are folded. */
void table_parts(FILE *to, const struct summary *runs, size_t count, enum part part);
/* The runs of a database, a line each. */
void table_runs(FILE *to, const struct summary *runs, size_t count);

/* A JSON document: {"runs": [{..., "metrics": {...}, "region": {NAME: {...}}, ...}]}. Undefined metrics are null. */
void table_json(FILE *to, const struct summary *runs, size_t count);
/* run_id,run,part,name and a column a metric; RFC 4180. parts: bit set of enum part. */
void table_csv(FILE *to, const struct summary *runs, size_t count, unsigned parts);

#endif

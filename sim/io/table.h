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
/* Cells fill rows from left to right; the first row is the heading. */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A rule below the heading; `indent` blanks before every line. Missing cells of the last row are empty. */
void table_print(const struct table *table, FILE *to, int indent);

/* A number as tables show it: thousands marked, `decimals` digits after the point; "-" for NAN. */
const char *table_number(double value, int decimals, char buffer[48]);

/* The page `headroom run` ends with: runs side by side, the baseline first, differences in per cent. */
void table_summary(FILE *to, const struct summary *runs, size_t count);
/* One kind of part, a line each; tenants past the twelve with most GPU-hours are folded. */
void table_parts(FILE *to, const struct summary *runs, size_t count, enum part part);
/* The runs of a database, a line each. */
void table_runs(FILE *to, const struct summary *runs, size_t count);

/* A JSON document: {"runs": [{..., "metrics": {...}, "regions": {...}, ...}]}. Undefined metrics are null. */
void table_json(FILE *to, const struct summary *runs, size_t count);
/* run,part,name and a column a metric; RFC 4180. parts: bit set of enum part. */
void table_csv(FILE *to, const struct summary *runs, size_t count, unsigned parts);

#endif

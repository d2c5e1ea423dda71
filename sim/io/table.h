/*
 * Text for people and machines: aligned tables, and the summary of one or more runs as a page for the
 * terminal, as JSON and as CSV.
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
/* The same as a table of Markdown, and as a tabular of LaTeX (with booktabs); the first row is the heading. */
void table_print_markdown(const struct table *table, FILE *to);
void table_print_latex(const struct table *table, FILE *to);
/* Text with what LaTeX would take for a command escaped. */
void table_latex_text(FILE *to, const char *text);
/* The same as an HTML <table>, every cell escaped; the last row of headings is marked for sorting. */
void table_print_html(const struct table *table, FILE *to, size_t headings);
/* Text with what HTML gives a meaning escaped. */
void table_html_text(FILE *to, const char *text);

/* A number as tables show it: thousands marked, `decimals` digits after the point; "-" for NAN. */
const char *table_number(double value, int decimals, char buffer[48]);
/* Values of one metric made comparable: one unit ("s" may become "h"), one number of decimals. */
struct table_scale {
    double factor; /* shown = value x factor */
    int decimals;
    char unit[24];
};
struct table_scale table_scale(const struct metric *metric, const double *values, size_t count);
/* A value in such a scale; nothing is "0", whatever the others need. */
const char *table_scaled(double value, struct table_scale scale, char buffer[48]);
/* A unit as people read it: "work" is "unit", since what the unit is stands elsewhere. */
const char *table_unit(const char *unit, char buffer[48]);

/* A row of the page: one metric of all runs, in words. */
enum table_verdict { TABLE_SAME, TABLE_BETTER, TABLE_WORSE };
struct table_line {
    const struct metric *metric;
    const char *section; /* opens a section, or NULL */
    const char *label;
    const char *unit;
    bool sub; /* goes on from the row above */
    size_t count;
    struct {
        char value[48], change[48]; /* change: against the first run; "" for itself */
        enum table_verdict verdict;
    } * cells;      /* count of them */
    char share[16]; /* of what it is a part of, in the first run; "" */
};
/* What came: "1,000 synthetic jobs", "1,000 jobs of a.csv and 5,000 requests"; free(). */
char *table_demand(const struct summary *summary);
typedef void table_visit(void *context, const struct table_line *line);
/* The rows of the page, in order. runs[0] is what the others are compared with; all are complete. */
void table_lines(const struct summary *const *runs, size_t count, table_visit *visit, void *context);

/* The page `headroom run` ends with: runs side by side, the baseline first, differences in per cent. */
void table_summary(FILE *to, const struct summary *runs, size_t count);
/* One kind of part, a line each; past the twelve with most GPU-hours they are folded. */
enum table_form { TABLE_TEXT, TABLE_HTML };
void table_parts(FILE *to, const struct summary *runs, size_t count, enum part part, enum table_form form);
/* The runs of a database, a line each, but one for all of a command that made more than two dozen. */
void table_runs(FILE *to, const struct summary *runs, size_t count);

/* A JSON document: {"runs": [{..., "metrics": {...}, "region": {NAME: {...}}, ...}]}. Undefined metrics are
 * null. */
void table_json(FILE *to, const struct summary *runs, size_t count);
/* A string with its quotes, and a number, null where it is none. */
void table_json_text(FILE *to, const char *text);
void table_json_number(FILE *to, double value);
/* A field of a CSV record, in quotes where it needs them. */
void table_csv_text(FILE *to, const char *text);
/* run_id,run,part,name and a column a metric; RFC 4180. parts: bit set of enum part. */
void table_csv(FILE *to, const struct summary *runs, size_t count, unsigned parts);

#endif

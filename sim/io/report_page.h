/* The report's two pages and its summary in words, for report.c. */
#ifndef HEADROOM_IO_REPORT_PAGE_H
#define HEADROOM_IO_REPORT_PAGE_H

#include "io/compare.h"
#include "io/sources.h"
#include "io/summary.h"
#include "io/table.h"

struct picture {
    const char *name; /* of the script, and of the files: NAME.svg, NAME-dark.svg, NAME.png */
    const char *title, *caption;
};

/* A sentence of the summary. */
struct word_line {
    const char *subject; /* "Cost" */
    char *text;
};
/* What the runs' figures say, runs[0] being the baseline; where there is a comparison of replications, what its means
 * say instead, and how sure that is. report_words_free. */
struct word_line *report_words(const struct summary *const *runs, size_t count, const struct compare *compare,
                              size_t *len);
void report_words_free(struct word_line *words, size_t len);

/* What both pages show. */
struct page {
    const char *folder, *source;  /* where they go, the database */
    const struct summary *const *runs;
    size_t count;
    const struct picture *pictures;
    size_t pictures_len;
    const struct compare *compare; /* of all runs that were asked for, when they are replications; NULL */
    size_t asked;                  /* how many those are */
    const struct word_line *words;
    size_t words_len;
    const struct sources *sources;
    const struct store_pool *pools; /* of the baseline */
    size_t pools_len;
};
/* index.html with the pictures inside, report.md with the PNGs beside it. */
void report_html(const struct page *page);
void report_markdown(const struct page *page);

/* For both: a file of the folder, opened to write (dies on failure), and closed. */
char *report_path(const struct page *page, const char *name, const char *ending); /* free() */
FILE *report_open(const struct page *page, const char *name);
void report_close(const struct page *page, FILE *file);
/* Whether there is more than one part of a kind, and the heading above them. */
bool report_has_parts(const struct page *page, enum part part);
extern const char *const report_part_titles[PART_COUNT];
void report_parts(const struct page *page, FILE *to, enum part part, enum table_form form);
/* The baseline's fleet. */
void report_fleet(const struct page *page, FILE *to, enum table_form form);

#endif

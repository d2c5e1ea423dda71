/*
 * The report: pictures of one run, or several side by side, with a page for the browser (index.html,
 * everything inside) and one in Markdown (report.md, the PNGs beside it).
 */
#ifndef HEADROOM_IO_REPORT_H
#define HEADROOM_IO_REPORT_H

#include "io/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REPORT_RUNS_MOST = 8 }; /* more lines than that cannot be told apart */

struct compare; /* io/compare.h */
struct report {
    const char *folder;  /* created when missing */
    const char *scripts; /* where the *.gp are */
    const char *source;  /* the database, for the page's foot */
    /* Of more runs than are drawn: replications of them, or others; their number. NULL: none. */
    const struct compare *compare;
    size_t asked;
};
/* Draws the runs, in this order, the baseline first. false: *why (free()) says what is wrong. */
bool report_write(const struct report *report, struct store *store, const int64_t *runs, size_t count,
                  char **why);

#endif

/*
 * How long jobs waited and how long they took, as curves of shares, for scripts/waits.gp.
 */
#ifndef HEADROOM_IO_CURVES_H
#define HEADROOM_IO_CURVES_H

#include "io/plot.h"
#include "io/store.h"

#include <stdbool.h>

enum { CURVES_FIGURES = 2 };
extern const char *const curves_figures[CURVES_FIGURES]; /* "wait", "jct" */

/* What the curves of each figure span: the share of jobs below one second, least over all, and the largest
 * value. */
struct curves {
    struct {
        double least_percent, most_s;
    } span[CURVES_FIGURES];
};
#define CURVES_BEGIN ((struct curves){{{100, 0}, {100, 0}}})

/* The file of curve i (from 0) of a figure. */
void curves_write(struct curves *curves, struct plot *plot, int figure, size_t i,
                  const struct store_step *steps,
                  size_t len);
/* The axes, when all are written. false: there is nothing to show. */
bool curves_end(const struct curves *curves, struct plot *plot);

#endif

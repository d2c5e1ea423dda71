/*
 * The steps of a belief over a window, gathered to ask which part of it is cheap: the quantile of a window,
 * and the value up to which time must be taken to have enough of it.
 */
#ifndef HEADROOM_CORE_SPANS_H
#define HEADROOM_CORE_SPANS_H

#include "core/outlook.h"

/* So many units of time at one value. */
struct span {
    double value;
    int64_t units;
};
/* Empty when zeroed; grows to the longest window asked about and is used again. */
struct spans {
    struct span *at;
    size_t len, cap;
};
void spans_free(struct spans *spans);

/* What is believed at issued_ns of the moments from, from + every, ...: `units` of them, at least 1, in order
 * of time, equal neighbours in one span. */
void spans_gather(struct spans *spans, const struct outlook *outlook, int64_t issued_ns, int64_t from_ns,
                  int64_t every_ns, int64_t units);
/* The value of the unit with so many units before it (0..units - 1) when the units stand by value; *below:
 * how many are less than it. Changes the order of the spans. */
double spans_ranked(struct spans *spans, int64_t rank, int64_t *below);
/* The value at a share (0..1) of the units by value, interpolated between the two nearest. */
double spans_quantile(struct spans *spans, double share);

#endif

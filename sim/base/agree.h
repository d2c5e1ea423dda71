/* How well one list of figures agrees with another: recorded against simulated. */
#ifndef HEADROOM_BASE_AGREE_H
#define HEADROOM_BASE_AGREE_H

#include "base/stats.h"

#include <stddef.h>

struct agreement {
    size_t count;
    struct stats_summary a, b;
    double bias;        /* mean of b - a */
    double error;       /* mean of |b - a| */
    double correlation; /* Spearman's: of ranks, ties at their mean; NAN where one side is all the same */
    double distance;    /* Kolmogorov and Smirnov's: the largest gap between the two distributions, 0 to 1 */
};
/* Of pairs (a[i], b[i]), in one unit. All figures are 0 (the correlation NAN) when count is 0. O(n log n). */
struct agreement stats_agree(const double *a, const double *b, size_t count);

#endif

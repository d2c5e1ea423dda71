/*
 * A histogram of times: buckets of 1 % from a microsecond on, so that a million times cost what one does, histograms
 * add up, and quantiles are within half a bucket.
 */
#ifndef HEADROOM_CORE_TIMES_H
#define HEADROOM_CORE_TIMES_H

#include <stdint.h>

struct times {
    uint64_t count[2400]; /* bucket i: 1 us x 1.01^i */
    uint64_t total;
    double sum_s, most_s;
};
void times_add(struct times *times, double s);
void times_merge(struct times *to, const struct times *from);
double times_quantile(const struct times *times, double share); /* s; NAN when empty */

#endif

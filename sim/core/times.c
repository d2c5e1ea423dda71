/*
 * Histograms of times, for quantiles of any number of requests in fixed memory: bucket i holds what lies from
 * 1 us x 1.01^(i - 1/2) to 1 us x 1.01^(i + 1/2), the last one all above (6 hours and more). A quantile is the
 * middle of its bucket, so within 0.5 %; in the last bucket it is the largest time. Cost: a logarithm a time, 2400 additions a quantile.
 */
#include "core/service.h"

#include <math.h>

enum { BUCKETS = sizeof((struct times *)0)->count / sizeof(uint64_t) };
#define LEAST_S 1e-6
#define STEP 1.01

void times_add(struct times *times, double s) {
    const double bucket = s > LEAST_S ? round(log(s / LEAST_S) / log(STEP)) : 0;
    times->count[bucket < BUCKETS ? (size_t)bucket : BUCKETS - 1]++;
    times->total++;
    times->sum_s += s;
    if (s > times->most_s) times->most_s = s;
}

/* The least time that so large a share of them does not exceed (the inverse of the distribution function). */
double times_quantile(const struct times *times, double share) {
    if (!times->total) return NAN;
    const double wanted = fmax(share * (double)times->total, 1);
    uint64_t below = 0;
    size_t i = 0;
    while (i + 1 < BUCKETS && (double)(below + times->count[i]) < wanted) below += times->count[i++];
    return i + 1 < BUCKETS ? fmin(LEAST_S * pow(STEP, (double)i), times->most_s) : times->most_s;
}

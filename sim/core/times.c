/*
 * A histogram of times (see times.h): the bucket is the logarithm's. Invariant: total is the sum of the counts.
 * Cost: a logarithm a time, a walk over the buckets a quantile.
 */
#include "core/times.h"

#include <math.h>
#include <stddef.h>

enum { BUCKETS = sizeof((struct times *)0)->count / sizeof(uint64_t) };
static const double least_s = 1e-6, step_log = 0.009950330853168083; /* ln 1.01 */

void times_add(struct times *times, double s) {
    const double bucket = s > least_s ? log(s / least_s) / step_log : 0;
    times->count[bucket < BUCKETS - 1 ? (size_t)bucket : BUCKETS - 1]++;
    times->total++;
    times->sum_s += s;
    if (s > times->most_s) times->most_s = s;
}

void times_merge(struct times *to, const struct times *from) {
    for (size_t i = 0; i < BUCKETS; i++) to->count[i] += from->count[i];
    to->total += from->total;
    to->sum_s += from->sum_s;
    to->most_s = fmax(to->most_s, from->most_s);
}

double times_quantile(const struct times *times, double share) {
    if (times->total == 0) return NAN;
    const double rank = share * (double)(times->total - 1);
    uint64_t below = 0;
    size_t i = 0;
    while (i < BUCKETS - 1 && (double)(below + times->count[i]) <= rank) below += times->count[i++];
    return least_s * exp(((double)i + 0.5) * step_log);
}

/*
 * Does a figure keep to its target? Decided from replications, and no sooner than they can tell.
 *
 * Replications are looked at after `least` of them, then after half as many more each time, until `most`. At each
 * look one-sided bounds of the figure are compared with the target: it holds when even the unfavourable bound keeps
 * to it, it fails when even the favourable one does not, and stays open otherwise. The level of a look is
 * 1 - (1 - confidence) / looks, so that all looks together err with at most 1 - confidence on either side, however
 * they depend on each other (Bonferroni).
 */
#ifndef HEADROOM_BASE_VERDICT_H
#define HEADROOM_BASE_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

struct verdict_rule {
    size_t least, most; /* replications; 1 <= least <= most. most 1: the one value decides */
    double confidence;  /* in (0, 1) */
};
struct verdict_target {
    double limit;
    bool at_most; /* the figure shall be at most the limit; else at least */
    double share; /* > 0: shall hold in this share of the replications; 0: on average over them */
};
enum verdict { VERDICT_OPEN, VERDICT_HOLDS, VERDICT_FAILS };
struct verdict_of {
    enum verdict verdict;
    double mean;        /* of the figure over the replications */
    double least, most; /* one-sided bounds at the look's level: of the mean, or of the share that holds */
};

/* How many replications the next look wants, after `done` of them (0 before the first); 0: none. */
size_t verdict_next(const struct verdict_rule *rule, size_t done);
/* How many looks there are at most. */
size_t verdict_looks(const struct verdict_rule *rule);
/* What `count` replications say. A value of NAN (nothing to take the figure of) does not hold. */
struct verdict_of verdict_of(const struct verdict_rule *rule, const struct verdict_target *target,
                             const double *values, size_t count);

#endif

/*
 * Inference from replications: how sure a mean or a difference is. Everything is two-sided, `level` is the
 * confidence of an interval (0.95), and values are one number a replication, independent of each other.
 * What cannot be said from so few values is NAN.
 */
#ifndef HEADROOM_BASE_INFER_H
#define HEADROOM_BASE_INFER_H

#include <stddef.h>

struct infer_span {
    double low, high;
};

/* A mean and its intervals: Student's t, and the bootstrap's. t needs two values, the bootstrap
 * INFER_BOOT_LEAST: four values have only 35 different resamples. */
enum { INFER_BOOT_LEAST = 5 };
struct infer_mean {
    size_t count;
    double mean, sd; /* NAN: no values; no second value */
    struct infer_span t, boot;
};
struct infer_mean infer_mean(const double *values, size_t count, double level);

/* Student's test that a mean is 0. Without any spread, 0 where the mean is not 0 and 1 where it is. */
double infer_t_p(double mean, double sd, size_t count);
/* Wilcoxon's signed-rank test that the values lie evenly about 0; zeros are left out. Exact to 100 values,
 * ties included, and the normal approximation beyond. */
double infer_wilcoxon_p(const double *values, size_t count);

/* The difference of two independent means, b - a, by Welch's t. */
struct infer_welch {
    double difference, freedom, p;
    struct infer_span t;
};
struct infer_welch infer_welch(const struct infer_mean *a, const struct infer_mean *b, double level);

/* Holm's step-down correction of `count` p values; NAN stays NAN and counts for nothing. in may be out. */
void infer_holm(const double *p, size_t count, double *adjusted);

#endif

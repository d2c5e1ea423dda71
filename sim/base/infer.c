/*
 * Inference from replications (see infer.h).
 *
 * Intervals of a mean: Student's t, and the bootstrap's BCa (Efron 1987), whose levels are widened so that a
 * small sample from a normal distribution gets the length Student's t would give it (Hesterberg 2015, "What
 * teachers should know about the bootstrap", section 5.3): without that, ten values cover 90 % where 95 % are
 * meant. The acceleration of a mean has a closed form, a sixth of the values' skewness over the root of their
 * number. Resamples come from a stream of their own with a fixed seed, so the same values have the same
 * interval. Wilcoxon's test counts exactly: with ranks doubled, ties have whole ranks too, and the
 * distribution of the sum over all signs is a convolution (Wilcoxon 1945; Streitberg and Roehmel 1986).
 * Welch (1947) and Satterthwaite (1946) for means that are not paired; Holm (1979) for many tests at once.
 *
 * Cost: the bootstrap RESAMPLES x count, Wilcoxon's exact count^3.
 */
#include "base/infer.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/stats.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { RESAMPLES = 9999, WILCOXON_EXACT_MOST = 100 };

static const struct infer_span unknown = {NAN, NAN};

static double t_quantile(double level, double freedom) {
    return gsl_cdf_tdist_Pinv(0.5 + level / 2, freedom);
}

/* --- the bootstrap --- */

static void resample(const double *values, size_t count, double *means) {
    struct rng *rng = rng_open(1, "bootstrap", 0);
    for (size_t r = 0; r < RESAMPLES; r++) {
        double sum = 0;
        for (size_t i = 0; i < count; i++) sum += values[rng_below(rng, count)];
        means[r] = sum / (double)count;
    }
    rng_close(rng);
}

/* How far the middle of the resamples is from the mean, as a quantile of the normal distribution. */
static double bias_of(const double *means, double mean, double sd) {
    const double rounding = 1e-9 * sd; /* sums of the same values in another order differ by that much */
    size_t below = 0, equal = 0;
    for (size_t r = 0; r < RESAMPLES; r++) {
        if (means[r] < mean - rounding) below++;
        else if (means[r] <= mean + rounding) equal++;
    }
    const double share = ((double)below + (double)equal / 2) / RESAMPLES;
    return stats_normal_quantile(fmin(fmax(share, 0.5 / RESAMPLES), 1 - 0.5 / RESAMPLES));
}

static double acceleration_of(const double *values, size_t count, double mean) {
    double squares = 0, cubes = 0;
    for (size_t i = 0; i < count; i++) {
        const double off = values[i] - mean;
        squares += off * off;
        cubes += off * off * off;
    }
    return cubes / (6 * pow(squares, 1.5));
}

/* The share of resamples below which the end of the interval lies; z: the end's normal quantile. */
static double bca_share(double bias, double acceleration, double z) {
    const double slope = 1 - acceleration * (bias + z);
    if (slope <= 0) return z < 0 ? 0 : 1;
    return gsl_cdf_ugaussian_P(bias + (bias + z) / slope);
}

static struct infer_span bootstrap(const double *values, size_t count, double mean, double sd, double level) {
    const double z = sqrt((double)count / (double)(count - 1)) * t_quantile(level, (double)(count - 1));
    double *means = mem_alloc(RESAMPLES * sizeof *means);
    resample(values, count, means);
    const double bias = bias_of(means, mean, sd), acceleration = acceleration_of(values, count, mean);
    const struct infer_span span = {stats_quantile(means, RESAMPLES, bca_share(bias, acceleration, -z)),
                                    stats_quantile(means, RESAMPLES, bca_share(bias, acceleration, z))};
    free(means);
    return span;
}

/* --- a mean --- */

struct infer_mean infer_mean(const double *values, size_t count, double level) {
    struct infer_mean m = {count, NAN, NAN, unknown, unknown};
    require(level > 0 && level < 1);
    if (count == 0) return m;
    double *copy = mem_copy(values, count * sizeof *values);
    const struct stats_summary s = stats_summarise(copy, count);
    free(copy);
    m.mean = s.mean;
    if (count < 2) return m;
    m.sd = s.least == s.most ? 0 : s.sd; /* rounding of the mean is no spread */
    const double half = stats_t_half_width(m.sd, count, level);
    m.t = (struct infer_span){m.mean - half, m.mean + half};
    if (count < INFER_BOOT_LEAST) return m;
    m.boot = (struct infer_span){m.mean, m.mean};
    if (m.sd > 0) m.boot = bootstrap(values, count, m.mean, m.sd, level);
    return m;
}

double infer_t_p(double mean, double sd, size_t count) {
    if (count < 2) return NAN;
    if (!(sd > 0)) return mean == 0 ? 1 : 0;
    const double t = fabs(mean) / (sd / sqrt((double)count));
    return 2 * gsl_cdf_tdist_Q(t, (double)(count - 1));
}

/* --- Wilcoxon --- */

struct ranked {
    double size;
    bool positive;
    uint32_t rank; /* twice */
};

static int by_size(const void *a, const void *b) {
    const double x = ((const struct ranked *)a)->size, y = ((const struct ranked *)b)->size;
    return (x > y) - (x < y);
}

/* Twice the ranks of the sizes, ties sharing theirs; how many values are not 0. */
static size_t rank(const double *values, size_t count, struct ranked *ranked) {
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        if (values[i] != 0) ranked[len++] = (struct ranked){fabs(values[i]), values[i] > 0, 0};
    if (len) qsort(ranked, len, sizeof *ranked, by_size);
    for (size_t i = 0, end; i < len; i = end) {
        for (end = i + 1; end < len && ranked[end].size == ranked[i].size;) end++;
        for (size_t k = i; k < end; k++) ranked[k].rank = (uint32_t)(i + 1 + end);
    }
    return len;
}

/* The probability of a sum of positive ranks of at most `sum`, every sign being as likely. */
static double signs_at_most(const struct ranked *ranked, size_t len, size_t sum) {
    double *chance = mem_zero(sum + 1, sizeof *chance), all = 0;
    chance[0] = 1;
    for (size_t i = 0; i < len; i++)
        for (size_t s = sum + 1; s-- > 0;)
            chance[s] = 0.5 * chance[s] + (s >= ranked[i].rank ? 0.5 * chance[s - ranked[i].rank] : 0);
    for (size_t s = 0; s <= sum; s++) all += chance[s];
    free(chance);
    return all;
}

/* The variance is the sum of the squared ranks over four, which holds with ties; corrected for continuity. */
static double signs_normal_p(const struct ranked *ranked, size_t len, double sum, double whole) {
    double squares = 0;
    for (size_t i = 0; i < len; i++) squares += (double)ranked[i].rank * ranked[i].rank / 4;
    const double off = fmax(fabs(sum - whole / 2) - 1, 0) / 2; /* ranks are doubled: half a rank is one */
    return 2 * gsl_cdf_ugaussian_Q(off / sqrt(squares / 4));
}

double infer_wilcoxon_p(const double *values, size_t count) {
    if (count == 0) return NAN;
    struct ranked *ranked = mem_alloc(count * sizeof *ranked);
    const size_t len = rank(values, count, ranked);
    size_t sum = 0, whole = 0;
    for (size_t i = 0; i < len; i++) {
        whole += ranked[i].rank;
        if (ranked[i].positive) sum += ranked[i].rank;
    }
    const size_t less = sum < whole - sum ? sum : whole - sum;
    double p = 1;
    if (len > WILCOXON_EXACT_MOST) p = signs_normal_p(ranked, len, (double)sum, (double)whole);
    else if (len) p = 2 * signs_at_most(ranked, len, less);
    free(ranked);
    return fmin(p, 1);
}

/* --- two means, many tests --- */

struct infer_welch infer_welch(const struct infer_mean *a, const struct infer_mean *b, double level) {
    struct infer_welch w = {b->mean - a->mean, NAN, NAN, unknown};
    if (a->count < 2 || b->count < 2) return w;
    const double of_a = a->sd * a->sd / (double)a->count, of_b = b->sd * b->sd / (double)b->count;
    const double error = sqrt(of_a + of_b);
    if (!(error > 0)) {
        w.p = w.difference == 0 ? 1 : 0;
        w.t = (struct infer_span){w.difference, w.difference};
        return w;
    }
    w.freedom = (of_a + of_b) * (of_a + of_b) /
                (of_a * of_a / (double)(a->count - 1) + of_b * of_b / (double)(b->count - 1));
    const double half = t_quantile(level, w.freedom) * error;
    w.t = (struct infer_span){w.difference - half, w.difference + half};
    w.p = 2 * gsl_cdf_tdist_Q(fabs(w.difference) / error, w.freedom);
    return w;
}

struct ordered {
    double p;
    size_t at;
};

static int by_p(const void *a, const void *b) {
    const double x = ((const struct ordered *)a)->p, y = ((const struct ordered *)b)->p;
    return (x > y) - (x < y);
}

void infer_holm(const double *p, size_t count, double *adjusted) {
    struct ordered *order = mem_alloc((count + 1) * sizeof *order);
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(p[i])) adjusted[i] = NAN;
        else order[len++] = (struct ordered){p[i], i};
    }
    if (len) qsort(order, len, sizeof *order, by_p);
    double most = 0;
    for (size_t i = 0; i < len; i++) {
        most = fmax(most, fmin(1, order[i].p * (double)(len - i)));
        adjusted[order[i].at] = most;
    }
    free(order);
}

/* Intervals and tests against values that R prints for its own data sets, hand calculation, full enumeration
 * and simulation. */
#include "base/infer.h"

#include "base/mem.h"
#include "base/rng.h"
#include "base/stats.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Student's sleep data (1908), as in R: hours of sleep gained with two drugs by ten patients. */
static const double drug_1[] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
static const double drug_2[] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};

Test(infer, paired_t_as_r_has_it) {
    double gained[10];
    for (size_t i = 0; i < 10; i++) gained[i] = drug_1[i] - drug_2[i];
    const struct infer_mean m = infer_mean(gained, 10, 0.95);
    cr_expect_float_eq(m.mean, -1.58, 1e-12);
    cr_expect_float_eq(m.t.low, -2.4598858, 5e-8);
    cr_expect_float_eq(m.t.high, -0.7001142, 5e-8);
    cr_expect_float_eq(infer_t_p(m.mean, m.sd, 10), 0.002833, 5e-7);
}

Test(infer, welch_as_r_has_it) {
    const struct infer_mean a = infer_mean(drug_2, 10, 0.95), b = infer_mean(drug_1, 10, 0.95);
    const struct infer_welch w = infer_welch(&a, &b, 0.95);
    cr_expect_float_eq(w.difference, -1.58, 1e-12);
    cr_expect_float_eq(w.freedom, 17.776, 5e-4);
    cr_expect_float_eq(w.p, 0.07939, 5e-6);
    cr_expect_float_eq(w.t.low, -3.3654832, 5e-8);
    cr_expect_float_eq(w.t.high, 0.2054832, 5e-8);
}

/* Hollander and Wolfe (1973), the example of R's wilcox.test: V = 40, one-sided p 0.01953 = 10 / 512. */
Test(infer, wilcoxon_as_r_has_it) {
    static const double x[] = {1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30};
    static const double y[] = {0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29};
    double d[9];
    for (size_t i = 0; i < 9; i++) d[i] = x[i] - y[i];
    cr_expect_float_eq(infer_wilcoxon_p(d, 9), 20.0 / 512, 1e-15);
}

/* All signs, one after the other. */
static double wilcoxon_by_enumeration(const double *values, size_t count) {
    double rank[16], sum = 0, whole = 0;
    for (size_t i = 0; i < count; i++) {
        rank[i] = 0.5;
        for (size_t k = 0; k < count; k++)
            rank[i] += fabs(values[k]) < fabs(values[i]) ? 1 : fabs(values[k]) == fabs(values[i]) ? 0.5 : 0;
        whole += rank[i];
        if (values[i] > 0) sum += rank[i];
    }
    size_t as_far = 0;
    for (size_t signs = 0; signs < (size_t)1 << count; signs++) {
        double other = 0;
        for (size_t i = 0; i < count; i++)
            if (signs >> i & 1) other += rank[i];
        as_far += fabs(other - whole / 2) >= fabs(sum - whole / 2) - 1e-9;
    }
    return (double)as_far / (double)((size_t)1 << count);
}

Test(infer, wilcoxon_equals_enumeration_with_ties) {
    struct rng *rng = rng_open(3, "wilcoxon", 0);
    for (int round = 0; round < 200; round++) {
        double values[12];
        const size_t count = 1 + rng_below(rng, 12);
        for (size_t i = 0; i < count; i++) {
            values[i] = (double)(1 + rng_below(rng, round % 2 ? 4 : 1000));
            if (rng_below(rng, 3) == 0) values[i] = -values[i];
        }
        cr_expect_float_eq(infer_wilcoxon_p(values, count), wilcoxon_by_enumeration(values, count), 1e-12);
    }
    rng_close(rng);
    const double zeros[] = {0, 0, 0};
    cr_expect_eq(infer_wilcoxon_p(zeros, 3), 1.0);
    const double with_zero[] = {0, 1, 2, 3};
    cr_expect_float_eq(infer_wilcoxon_p(with_zero, 4), 0.25, 1e-15);
    cr_expect(isnan(infer_wilcoxon_p(zeros, 0)));
}

/* Where the exact count ends the approximation goes on. */
Test(infer, wilcoxon_many_is_near_the_exact) {
    struct rng *rng = rng_open(4, "wilcoxon", 0);
    for (int round = 0; round < 20; round++) {
        double values[101];
        for (size_t i = 0; i < 101; i++) values[i] = rng_normal(rng, 0.02 * round, 1);
        const double exact = infer_wilcoxon_p(values, 100);
        values[100] = 1e-12; /* the least of all sizes moves the sum by one rank of 5,000 */
        cr_expect_float_eq(infer_wilcoxon_p(values, 101), exact, 0.01 + 0.05 * exact);
    }
    rng_close(rng);
}

/* 4 x 0.01, 3 x 0.013 (but no less than the one before), 2 x 0.03, 0.4; worked by hand. */
Test(infer, holm_by_hand) {
    const double p[] = {0.03, 0.01, NAN, 0.4, 0.013};
    double q[5];
    infer_holm(p, 5, q);
    cr_expect_float_eq(q[1], 0.04, 1e-15);
    cr_expect_float_eq(q[4], 0.04, 1e-15);
    cr_expect_float_eq(q[0], 0.06, 1e-15);
    cr_expect_float_eq(q[3], 0.4, 1e-15);
    cr_expect(isnan(q[2]));
    const double large[] = {0.6, 0.7};
    infer_holm(large, 2, q);
    cr_expect(q[0] == 1 && q[1] == 1);
    infer_holm(large, 0, q);
}

Test(infer, few_values_say_little) {
    const double one[] = {3}, same[] = {0.1, 0.1, 0.1, 0.1, 0.1, 0.1};
    struct infer_mean m = infer_mean(one, 1, 0.95);
    cr_expect(m.mean > 2.9 && isnan(m.sd) && isnan(m.t.low) && isnan(m.boot.high));
    cr_expect(isnan(infer_mean(one, 0, 0.95).mean));
    m = infer_mean(same, 6, 0.95);
    cr_expect(m.sd == 0 && m.t.low == m.t.high && m.boot.low == m.mean);
    cr_expect(isnan(infer_mean(drug_1, INFER_BOOT_LEAST - 1, 0.95).boot.low));
    cr_expect(isnan(infer_t_p(1, 1, 1)));
    cr_expect(infer_t_p(1, 0, 3) == 0 && infer_t_p(0, 0, 3) == 1);
}

/* --- the bootstrap --- */

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The means of all 5^5 resamples, in order, and the shares of them below which BCa puts its ends, by the
 * book. */
enum { N = 5, ALL = 3125 };
static double means[ALL];

static void bca_by_enumeration(const double *values, double level, double shares[2]) {
    double mean = 0, squares = 0, cubes = 0, below = 0, left[N], middle = 0;
    for (size_t i = 0; i < N; i++) mean += values[i] / N;
    for (size_t r = 0; r < ALL; r++) {
        means[r] = 0;
        for (size_t i = 0, k = r; i < N; i++, k /= N) means[r] += values[k % N] / N;
        below += means[r] < mean - 1e-12 ? 1 : means[r] < mean + 1e-12 ? 0.5 : 0;
    }
    qsort(means, ALL, sizeof *means, ascending);
    for (size_t i = 0; i < N; i++) { /* the jackknife's means, one value left out */
        left[i] = (mean * N - values[i]) / (N - 1);
        middle += left[i] / N;
    }
    for (size_t i = 0; i < N; i++) {
        squares += pow(middle - left[i], 2);
        cubes += pow(middle - left[i], 3);
    }
    const double bias = stats_normal_quantile(below / ALL), a = cubes / (6 * pow(squares, 1.5));
    const double wide = sqrt(5.0 / 4) * stats_t_half_width(1, N, level) * sqrt(N);
    for (int end = 0; end < 2; end++) {
        const double z = bias + (end ? wide : -wide);
        shares[end] = erfc(-(bias + z / (1 - a * z)) / sqrt(2)) / 2;
    }
}

/* Shares of all resamples up to x, and strictly below it. */
static double share_to(double x, double slack) {
    size_t count = 0;
    while (count < ALL && means[count] <= x + slack) count++;
    return (double)count / ALL;
}

/* The ends are quantiles of 9,999 draws: they may miss a share by four standard errors, 2 %, with that of the
 * bias. */
Test(infer, bootstrap_equals_enumeration) {
    struct rng *rng = rng_open(5, "bca", 0);
    for (int round = 0; round < 40; round++) {
        double values[N], shares[2];
        for (size_t i = 0; i < N; i++) values[i] = rng_exponential(rng, 10);
        const struct infer_span span = infer_mean(values, N, 0.8).boot;
        const double ends[2] = {span.low, span.high};
        bca_by_enumeration(values, 0.8, shares);
        for (int end = 0; end < 2; end++) {
            cr_expect_geq(share_to(ends[end], 1e-9), shares[end] - 0.02, "round %d", round);
            cr_expect_leq(share_to(ends[end], -1e-9), shares[end] + 0.02, "round %d", round);
        }
    }
    rng_close(rng);
}

Test(infer, bootstrap_moves_with_the_values) {
    double moved[10];
    for (size_t i = 0; i < 10; i++) moved[i] = 100 + 7 * drug_1[i];
    const struct infer_span a = infer_mean(drug_1, 10, 0.95).boot, b = infer_mean(moved, 10, 0.95).boot;
    cr_expect_float_eq(b.low, 100 + 7 * a.low, 1e-9);
    cr_expect_float_eq(b.high, 100 + 7 * a.high, 1e-9);
}

/* Normal samples of ten: both intervals hold the mean in 95 of 100 cases (four standard errors: 1.4 %). */
Test(infer, intervals_cover_normal_means) {
    enum { ROUNDS = 1500 };
    struct rng *rng = rng_open(6, "cover", 0);
    size_t t = 0, boot = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double values[10];
        for (size_t i = 0; i < 10; i++) values[i] = rng_normal(rng, 5, 2);
        const struct infer_mean m = infer_mean(values, 10, 0.95);
        t += m.t.low <= 5 && 5 <= m.t.high;
        boot += m.boot.low <= 5 && 5 <= m.boot.high;
    }
    rng_close(rng);
    cr_log_info("t covers %.1f %%, bootstrap %.1f %%", 100.0 * (double)t / ROUNDS,
                100.0 * (double)boot / ROUNDS);
    cr_expect_float_eq((double)t / ROUNDS, 0.95, 0.0225);
    cr_expect_float_eq((double)boot / ROUNDS, 0.95, 0.0225);
}

/*
 * Random streams: reproducible, independent of the order of opening, and with the moments they should have.
 * The seeds are fixed, so a test cannot fail by chance; five standard errors is what a wrong formula
 * exceeds and a right one does not.
 */
#include "base/rng.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <math.h>
#include <signal.h>

enum { N = 200000 };

Test(rng, the_same_stream_twice) {
    struct rng *a = rng_open(7, "arrivals", 3), *b = rng_open(7, "arrivals", 3);
    for (int i = 0; i < 1000; i++) cr_assert_eq(rng_uniform(a), rng_uniform(b));
    rng_close(a);
    rng_close(b);
}

/* Opened in either order, drawn in turns or not: a stream gives its own numbers. */
Test(rng, order_of_opening_does_not_matter) {
    double first[100], second[100];
    struct rng *a = rng_open(7, "arrivals", 0);
    for (int i = 0; i < 100; i++) first[i] = rng_uniform(a);
    struct rng *b = rng_open(7, "durations", 0);
    for (int i = 0; i < 100; i++) second[i] = rng_uniform(b);
    rng_close(a);
    rng_close(b);
    b = rng_open(7, "durations", 0);
    a = rng_open(7, "arrivals", 0);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(rng_uniform(b), second[i]);
        cr_assert_eq(rng_uniform(a), first[i]);
    }
    rng_close(a);
    rng_close(b);
}

/* Correlation of neighbouring streams: n draws of independent uniforms have it within 1/sqrt(n) or so. */
static double correlation(struct rng *a, struct rng *b) {
    double sum = 0;
    for (int i = 0; i < N; i++) sum += (rng_uniform(a) - 0.5) * (rng_uniform(b) - 0.5);
    rng_close(a);
    rng_close(b);
    return 12 * sum / N;
}

Test(rng, name_seed_and_index_each_make_a_stream_of_its_own) {
    double most = 5 / sqrt(N);
    cr_assert_lt(fabs(correlation(rng_open(7, "arrivals", 0), rng_open(7, "durations", 0))), most);
    cr_assert_lt(fabs(correlation(rng_open(7, "arrivals", 0), rng_open(8, "arrivals", 0))), most);
    cr_assert_lt(fabs(correlation(rng_open(7, "arrivals", 0), rng_open(7, "arrivals", 1))), most);
    cr_assert_lt(fabs(correlation(rng_open(0, "a", 1), rng_open(1, "a", 0))), most);
    cr_assert_lt(fabs(correlation(rng_open(1, "", 0), rng_open(0, "", 0))), most);
}

/* The sample mean lies within five standard errors of the true one, given the true variance; and the sample
 * variance likewise, given the true fourth central moment. */
static void moments_are(double (*draw)(struct rng *), const char *name, double mean, double variance,
                        double fourth) {
    struct rng *rng = rng_open(42, name, 0);
    double sum = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        double x = draw(rng) - mean;
        sum += x;
        squares += x * x;
    }
    rng_close(rng);
    cr_assert_lt(fabs(sum / N), 5 * sqrt(variance / N), "%s: mean off by %g", name, sum / N);
    double error = 5 * sqrt((fourth - variance * variance) / N);
    cr_assert_lt(fabs(squares / N - variance), error, "%s: variance %g, not %g", name, squares / N, variance);
}

static double uniform(struct rng *r) { return rng_uniform(r); }
static double below(struct rng *r) { return (double)rng_below(r, 6); }
static double exponential(struct rng *r) { return rng_exponential(r, 3); }
static double normal(struct rng *r) { return rng_normal(r, -2, 3); }
static double lognormal(struct rng *r) { return rng_lognormal(r, 1, 0.5); }
static double weibull(struct rng *r) { return rng_weibull(r, 2, 1.5); }
static double gamma_draw(struct rng *r) { return rng_gamma(r, 2.5, 4); }
static double pareto(struct rng *r) { return rng_bounded_pareto(r, 1.5, 1, 100); }

/* Variance and fourth central moment from the raw moments m[1..4]. */
static void raw_moments_are(double (*draw)(struct rng *), const char *name, const double m[5]) {
    double mean = m[1], variance = m[2] - mean * mean;
    double fourth = m[4] - 4 * mean * m[3] + 6 * mean * mean * m[2] - 3 * pow(mean, 4);
    moments_are(draw, name, mean, variance, fourth);
}

Test(rng, moments) {
    moments_are(uniform, "uniform", 0.5, 1.0 / 12, 1.0 / 80);
    moments_are(below, "below", 2.5, 35.0 / 12, (2 * pow(2.5, 4) + 2 * pow(1.5, 4) + 2 * pow(0.5, 4)) / 6);
    moments_are(exponential, "exponential", 3, 9, 9 * 81);
    moments_are(normal, "normal", -2, 9, 3 * 81);
    moments_are(gamma_draw, "gamma", 10, 40, 40 * 40 * (3 + 6 / 2.5));
    double m[5];
    for (int k = 1; k < 5; k++) m[k] = exp(k * 1 + k * k * 0.25 / 2);
    raw_moments_are(lognormal, "lognormal", m);
    for (int k = 1; k < 5; k++) m[k] = pow(2, k) * tgamma(1 + k / 1.5);
    raw_moments_are(weibull, "weibull", m);
    for (int k = 1; k < 5; k++) m[k] = 1.5 / (1.5 - k) * (1 - pow(100, k - 1.5)) / (1 - pow(100, -1.5));
    for (int k = 2; k < 5; k++) cr_assert_gt(m[k], 0);
    raw_moments_are(pareto, "pareto", m);
}

Test(rng, ranges) {
    struct rng *rng = rng_open(1, "ranges", 0);
    for (int i = 0; i < N; i++) {
        double u = rng_uniform(rng), p = rng_bounded_pareto(rng, 0.3, 2, 7);
        cr_assert(u >= 0 && u < 1);
        cr_assert(p >= 2 && p <= 7);
        cr_assert_lt(rng_below(rng, 3), 3u);
        cr_assert_eq(rng_below(rng, 1), 0u);
    }
    cr_assert_eq(rng_bounded_pareto(rng, 2, 5, 5), 5.0);
    rng_close(rng);
}

/* n just above 2^63: without rejection the lower half would come twice as often. */
Test(rng, below_is_unbiased_for_large_n) {
    struct rng *rng = rng_open(1, "below", 0);
    uint64_t n = (UINT64_C(1) << 63) + (UINT64_C(1) << 62);
    int low = 0;
    for (int i = 0; i < N; i++) low += rng_below(rng, n) < n / 3;
    rng_close(rng);
    cr_assert_lt(fabs(low - N / 3.0), 5 * sqrt(N * 2 / 9.0));
}

Test(rng, below_nothing_is_a_bug, .signal = SIGABRT, .init = cr_redirect_stderr) {
    struct rng *rng = rng_open(1, "x", 0);
    rng_below(rng, 0);
}

/* Every permutation of four comes up equally often: chi-square with 23 degrees of freedom. */
Test(rng, shuffle_is_fair) {
    struct rng *rng = rng_open(5, "shuffle", 0);
    int seen[256] = {0}, kinds = 0, rounds = 48000;
    for (int i = 0; i < rounds; i++) {
        uint32_t at[4] = {0, 1, 2, 3};
        rng_shuffle(rng, at, 4);
        cr_assert_eq((1u << at[0] | 1u << at[1] | 1u << at[2] | 1u << at[3]), 15u);
        seen[at[0] | at[1] << 2 | at[2] << 4 | at[3] << 6]++;
    }
    double chi = 0;
    for (int i = 0; i < 256; i++) {
        kinds += seen[i] > 0;
        if (seen[i]) chi += pow(seen[i] - rounds / 24.0, 2) / (rounds / 24.0);
    }
    cr_assert_eq(kinds, 24);
    cr_assert_lt(chi, 23 + 5 * sqrt(46));
    rng_shuffle(rng, NULL, 0);
    rng_close(rng);
}

Test(rng, choices_follow_their_weights) {
    static const double weights[] = {1, 0, 3, 0.5, 0, 10, 0.001};
    double sum = 14.501;
    int seen[7] = {0};
    struct rng *rng = rng_open(9, "choice", 0);
    struct rng_choice *choice = rng_choice_open(weights, 7);
    for (int i = 0; i < N; i++) seen[rng_choose(rng, choice)]++;
    for (int i = 0; i < 7; i++) {
        double p = weights[i] / sum;
        cr_assert_leq(fabs(seen[i] - N * p), 5 * sqrt(N * p * (1 - p)), "%d: %d", i, seen[i]);
    }
    rng_choice_close(choice);
    rng_close(rng);
    rng_close(NULL);
    rng_choice_close(NULL);
}

Test(rng, no_weight_at_all_is_a_bug, .signal = SIGABRT, .init = cr_redirect_stderr) {
    rng_choice_open((const double[]){0, 0}, 2);
}

/* Quantiles against sorting, moments by hand, and the queueing formulas against their defining series. */
#include "base/stats.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

static uint64_t seed;
static uint64_t draw(uint64_t below) { return hash_mix(++seed) % below; }

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double sorted_quantile(const double *sorted, size_t count, double q) {
    double place = q * (double)(count - 1);
    size_t below = (size_t)floor(place);
    double part = place - (double)below;
    return part > 0 ? sorted[below] + part * (sorted[below + 1] - sorted[below]) : sorted[below];
}

enum shape { RANDOM, TIES, MOSTLY_ZERO, RISING, FALLING, ORGAN, SHAPES };

static double shaped(enum shape shape, size_t i, size_t count) {
    switch (shape) {
    case RANDOM: return (double)hash_mix(++seed) / 1e10 - 5e8;
    case TIES: return (double)draw(5);
    case MOSTLY_ZERO: return draw(10) ? 0 : (double)draw(1000);
    case RISING: return (double)i;
    case FALLING: return -(double)i;
    default: return (double)(i < count / 2 ? i : count - i);
    }
}

Test(stats, quantiles_equal_sorting) {
    static const double qs[] = {0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
    for (int round = 0; round < 300; round++) {
        size_t count = 1 + draw(round < 200 ? 40 : 5000);
        double *values = malloc(count * sizeof *values), *sorted = malloc(count * sizeof *sorted);
        for (size_t i = 0; i < count; i++) values[i] = shaped((enum shape)(round % SHAPES), i, count);
        memcpy(sorted, values, count * sizeof *values);
        qsort(sorted, count, sizeof *sorted, ascending);
        for (size_t i = 0; i < 8; i++) {
            cr_assert_eq(stats_quantile(values, count, qs[i]), sorted_quantile(sorted, count, qs[i]));
        }
        struct stats_summary s = stats_summarise(values, count);
        cr_assert_eq(s.p50, sorted_quantile(sorted, count, 0.5));
        cr_assert_eq(s.p90, sorted_quantile(sorted, count, 0.9));
        cr_assert_eq(s.p95, sorted_quantile(sorted, count, 0.95));
        cr_assert_eq(s.p99, sorted_quantile(sorted, count, 0.99));
        cr_assert(s.least == sorted[0] && s.most == sorted[count - 1] && s.count == count);
        qsort(values, count, sizeof *values, ascending); /* nothing was lost by reordering */
        cr_assert_arr_eq(values, sorted, count * sizeof *values);
        free(values);
        free(sorted);
    }
}

Test(stats, type_seven_by_hand) {
    double values[] = {4, 1, 3, 2};
    cr_assert_eq(stats_quantile(values, 4, 0.5), 2.5);
    cr_assert_eq(stats_quantile(values, 4, 0.25), 1.75);
    cr_assert_float_eq(stats_quantile(values, 4, 0.9), 3.7, 1e-15);
    cr_assert_eq(stats_quantile(values, 0, 0.9), 0.0);
}

Test(stats, moments_by_hand) {
    double values[] = {2, 4, 4, 4, 5, 5, 7, 9};
    struct stats_summary s = stats_summarise(values, 8);
    cr_assert_eq(s.mean, 5.0);
    cr_assert_float_eq(s.sd, sqrt(32.0 / 7), 1e-15);
    s = stats_summarise(values, 1);
    cr_assert(s.mean == values[0] && s.sd == 0 && s.p99 == values[0]);
    s = stats_summarise(values, 0);
    cr_assert(s.count == 0 && s.mean == 0 && s.sd == 0 && s.least == 0 && s.p50 == 0 && s.most == 0);
}

/* A plain sum would lose every one of the ones. */
Test(stats, small_values_beside_large_ones_count) {
    enum { N = 10001 };
    double *values = malloc(N * sizeof *values);
    for (size_t i = 1; i < N; i++) values[i] = 1;
    values[0] = 1e17;
    cr_assert_eq(stats_summarise(values, N).mean, (1e17 + 10000) / N);
    for (size_t i = 0; i < N; i++) values[i] = 1e9 + (double)(i % 2); /* the textbook formula gives garbage */
    cr_assert_float_eq(stats_summarise(values, N).sd, 0.5, 1e-4);
    free(values);
}

Test(stats, nan_is_a_bug, .signal = SIGABRT, .init = cr_redirect_stderr) {
    double values[] = {1, NAN, 2};
    stats_summarise(values, 3);
}

/* Quantiles of Student's t from printed tables. */
Test(stats, intervals) {
    cr_assert_float_eq(stats_t_half_width(1, 2, 0.95) * sqrt(2), 12.7062, 1e-4);
    cr_assert_float_eq(stats_t_half_width(1, 10, 0.95) * sqrt(10), 2.26216, 1e-5);
    cr_assert_float_eq(stats_t_half_width(1, 30, 0.99) * sqrt(30), 2.75639, 1e-5);
    cr_assert_float_eq(stats_t_half_width(3, 1000001, 0.99) * 1000 / 3, 2.57583, 1e-4);
    cr_assert_eq(stats_t_half_width(0, 5, 0.95), 0.0);
    cr_assert(isinf(stats_t_half_width(1, 1, 0.95)));
}

Test(stats, normal_quantiles_undo_the_distribution) {
    cr_assert_float_eq(stats_normal_quantile(0.5), 0, 1e-15);
    cr_assert_float_eq(stats_normal_quantile(0.975), 1.959963984540054, 1e-13);
    for (double p = 0x1p-54; p < 1; p = p < 0.25 ? p * 2 : p + 0.0625) {
        const double back = erfc(-stats_normal_quantile(p) / sqrt(2)) / 2;
        cr_assert_float_eq(back, p, 1e-13 * p, "%g came back as %g", p, back);
    }
}

/* Erlang C by its defining series, terms kept in logarithms and added from the least. */
static double mmc_by_series(unsigned servers, double rho) {
    double load = servers * rho, below = 0;
    double last = exp(servers * log(load) - lgamma(servers + 1.0)) / (1 - rho);
    for (unsigned k = 0; k < servers; k++) below += exp(k * log(load) - lgamma(k + 1.0));
    return last / (below + last) / (servers * (1 - rho));
}

Test(stats, mmc_waits) {
    cr_assert_float_eq(stats_mmc_wait(1, 0.8), 4, 1e-14);
    cr_assert_float_eq(stats_mmc_wait(1, 0.5), 1, 1e-14);
    cr_assert_float_eq(stats_mmc_wait(2, 0.5), 1.0 / 3, 1e-14); /* rho^2 / (1 - rho^2) */
    cr_assert_float_eq(stats_mmc_wait(2, 0.9), 0.81 / 0.19, 1e-13);
    static const struct {
        unsigned servers;
        double rho;
    } cases[] = {{8, 0.8}, {64, 0.95}, {3, 0.1}, {100, 0.99}, {8, 0.999}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double wanted = mmc_by_series(cases[i].servers, cases[i].rho);
        cr_assert_float_eq(stats_mmc_wait(cases[i].servers, cases[i].rho), wanted, 1e-10 * wanted);
    }
    cr_assert_eq(stats_mmc_wait(5, 0), 0.0);
    double many = stats_mmc_wait(1000000, 0.999); /* the series' terms overflow here */
    cr_assert(many >= 0 && many < 1e-3);
}

Test(stats, an_overloaded_queue_has_no_mean_wait, .signal = SIGABRT, .init = cr_redirect_stderr) {
    stats_mmc_wait(4, 1);
}

Test(stats, mg1_waits) {
    cr_assert_float_eq(stats_mg1_wait(0.8, 1, 2), 4, 1e-14); /* exponential service: M/M/1 */
    cr_assert_float_eq(stats_mg1_wait(0.8, 1, 1), 2, 1e-14); /* constant service: half of it */
    cr_assert_eq(stats_mg1_wait(0, 1, 1), 0.0);
}

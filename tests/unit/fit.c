/* Fits against closed forms, the equations they must solve, other parameters near by, and samples of known
 * origin. */
#include "base/fit.h"

#include "base/mem.h"
#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

enum { MANY = 20000 };

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double drawn(struct rng *rng, enum fit_family family) {
    switch (family) {
    case FIT_EXPONENTIAL: return rng_exponential(rng, 3600);
    case FIT_LOGNORMAL: return rng_lognormal(rng, 7, 1.5);
    case FIT_WEIBULL: return rng_weibull(rng, 1800, 0.6);
    case FIT_GAMMA: return rng_gamma(rng, 2.5, 400);
    default: return rng_bounded_pareto(rng, 0.7, 10, 1e5);
    }
}

static double *sample(enum fit_family family, size_t count) {
    struct rng *rng = rng_open(1, fit_names[family], 0);
    double *values = mem_alloc(count * sizeof *values);
    for (size_t i = 0; i < count; i++) values[i] = drawn(rng, family);
    rng_close(rng);
    qsort(values, count, sizeof *values, ascending);
    return values;
}

/* Within four standard errors, of Fisher's information (the bounded Pareto's as of an unbounded one: r is 1 /
 * 10^4). */
Test(fit, finds_what_was_drawn) {
    static const struct {
        double a, error_a, b, error_b;
    } wanted[FIT_FAMILIES] = {{3600, 3600, 0, 0},
                              {7, 1.5, 1.5, 1.5 / 1.41421},
                              {0.6, 0.6 * 0.7797, 1800, 1800 * 1.0527 / 0.6},
                              {2.5, 3.22, 400, 572},
                              {0.7, 0.7, 10, 40}};
    for (int family = 0; family < FIT_FAMILIES; family++) {
        double *values = sample((enum fit_family)family, MANY);
        const struct fit fit = fit_family((enum fit_family)family, values, MANY);
        const double root = 4 / sqrt(MANY);
        cr_assert(fit.found);
        cr_expect_float_eq(fit.a, wanted[family].a, root * wanted[family].error_a, "%s: %g",
                           fit_names[family], fit.a);
        cr_expect_float_eq(fit.b, wanted[family].b, root * wanted[family].error_b, "%s: %g",
                           fit_names[family], fit.b);
        /* Kolmogorov: 1.95 / root n is exceeded once in a thousand times, with known parameters. */
        cr_expect_lt(fit.ks, 1.95 / sqrt(MANY), "%s: %g", fit_names[family], fit.ks);
        free(values);
    }
}

/* The family that a sample came from has the least AIC (an exponential is a Weibull and a gamma too, but
 * those pay for a parameter). */
Test(fit, tells_families_apart) {
    for (int family = 0; family < FIT_FAMILIES; family++) {
        struct fit fits[FIT_FAMILIES];
        double *values = sample((enum fit_family)family, 2000);
        for (int f = 0; f < FIT_FAMILIES; f++) fits[f] = fit_family((enum fit_family)f, values, 2000);
        cr_expect_eq(fit_best(fits, FIT_FAMILIES), family, "%s", fit_names[family]);
        free(values);
    }
}

/* Density by difference quotient of the distribution: the likelihood of any parameters, without the code's
 * own. */
static double likelihood(struct fit fit, const double *values, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        const double h = 1e-4 * values[i];
        const double low = fmax(values[i] - h, fit.family == FIT_BOUNDED_PARETO ? fit.b : 0);
        const double high = fit.family == FIT_BOUNDED_PARETO ? fmin(values[i] + h, fit.c) : values[i] + h;
        sum += log((fit_cdf(&fit, high) - fit_cdf(&fit, low)) / (high - low));
    }
    return sum;
}

Test(fit, no_parameters_near_by_are_likelier) {
    for (int family = 0; family < FIT_FAMILIES; family++) {
        double *values = sample((enum fit_family)family, 300);
        const struct fit fit = fit_family((enum fit_family)family, values, 300);
        const double best = likelihood(fit, values, 300);
        cr_expect_float_eq(best, fit.log_likelihood, 0.1, "%s: %g, %g", fit_names[family], best,
                           fit.log_likelihood);
        for (int k = 0; k < 4; k++) {
            struct fit other = fit;
            if (k < 2) other.a *= k ? 1.03 : 0.97;
            else if (family == FIT_EXPONENTIAL || family == FIT_BOUNDED_PARETO) continue;
            else other.b *= k == 2 ? 1.03 : 0.97;
            cr_expect_lt(likelihood(other, values, 300), best, "%s, %d", fit_names[family], k);
        }
        free(values);
    }
}

/* 1, 2, 6 as an exponential of mean 3. The distance is largest just below 1, where the sample has nothing yet and the
 * fit 1 - e^(-1/3) = 0.28. */
Test(fit, by_hand) {
    const double values[] = {1, 2, 6};
    const struct fit fit = fit_family(FIT_EXPONENTIAL, values, 3);
    cr_expect_float_eq(fit.a, 3, 1e-12);
    cr_expect_float_eq(fit.log_likelihood, -3 * log(3) - 3, 1e-12);
    cr_expect_float_eq(fit.aic, 2 + 6 * log(3) + 6, 1e-12);
    cr_expect_float_eq(fit.ks, 1 - exp(-1.0 / 3), 1e-12);
    const double alike[] = {5, 5, 5};
    for (int family = FIT_LOGNORMAL; family < FIT_FAMILIES; family++)
        cr_expect(!fit_family((enum fit_family)family, alike, 3).found, "%s", fit_names[family]);
}

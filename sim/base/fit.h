/*
 * Distributions fitted to positive values by maximum likelihood, and how well they fit: the
 * Kolmogorov-Smirnov distance between the values and the fitted distribution, and Akaike's criterion, which
 * charges for parameters. The families are those that durations can be drawn from (models/load).
 */
#ifndef HEADROOM_BASE_FIT_H
#define HEADROOM_BASE_FIT_H

#include <stdbool.h>
#include <stddef.h>

enum fit_family { FIT_EXPONENTIAL, FIT_LOGNORMAL, FIT_WEIBULL, FIT_GAMMA, FIT_BOUNDED_PARETO, FIT_FAMILIES };
extern const char *const fit_names[FIT_FAMILIES];

struct fit {
    enum fit_family family;
    bool found; /* false: these values have no such fit (all alike, or no optimum) */
    /* exponential: mean. lognormal: mu, sigma of the logarithm. Weibull and gamma: shape, scale.
     * bounded Pareto: alpha, low, high. */
    double a, b, c;
    double log_likelihood, aic, ks;
};

/* values: ascending, all > 0, at least two. */
struct fit fit_family(enum fit_family family, const double *values, size_t count);
/* The share of the fitted distribution up to x. */
double fit_cdf(const struct fit *fit, double x);
/* Of found fits the one with the least AIC; FIT_FAMILIES: none. */
size_t fit_best(const struct fit *fits, size_t count);

#endif

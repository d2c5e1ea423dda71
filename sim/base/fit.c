/*
 * Fits by maximum likelihood (see fit.h).
 *
 * Exponential and lognormal in closed form. Weibull: the shape solves a monotone equation, the scale follows
 * (Cohen 1965). Gamma: the shape solves log k - digamma(k) = log mean - mean log, monotone too (Choi and
 * Wette 1969). Bounded Pareto: the least and the largest value bound it, and the exponent solves a monotone
 * equation (Aban, Meerschaert and Panorska 2006). All three roots are bracketed by doubling and found by
 * Brent's method. The Weibull's powers are those of values over the largest, so that none overflows.
 *
 * Cost: some dozen passes over the values.
 */
#include "base/fit.h"

#include "base/err.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_roots.h>
#include <gsl/gsl_sf_gamma.h>
#include <gsl/gsl_sf_psi.h>
#include <math.h>

const char *const fit_names[FIT_FAMILIES] = {"exponential", "lognormal", "weibull", "gamma",
                                             "bounded_pareto"};

struct sample {
    const double *at;
    size_t count;
    double mean, mean_log, sd_log;
    double target; /* of the gamma's equation */
};

static struct sample sample_of(const double *values, size_t count) {
    struct sample s = {.at = values, .count = count};
    for (size_t i = 0; i < count; i++) {
        s.mean += values[i] / (double)count;
        s.mean_log += log(values[i]) / (double)count;
    }
    for (size_t i = 0; i < count; i++) s.sd_log += pow(log(values[i]) - s.mean_log, 2) / (double)count;
    s.sd_log = sqrt(s.sd_log);
    return s;
}

/* --- the equations, each falling in x --- */

/* 1 / k + mean log - sum(x^k log x) / sum(x^k), in logarithms off their mean. */
static double weibull_equation(double k, void *context) {
    const struct sample *s = context;
    const double top = log(s->at[s->count - 1]) - s->mean_log;
    double powers = 0, weighted = 0;
    for (size_t i = 0; i < s->count; i++) {
        const double off = log(s->at[i]) - s->mean_log, power = exp(k * (off - top));
        powers += power;
        weighted += power * off;
    }
    return 1 / k - weighted / powers;
}

static double gamma_equation(double k, void *context) {
    const struct sample *s = context;
    return log(k) - gsl_sf_psi(k) - s->target;
}

/* 1 / a + r^a log r / (1 - r^a) - mean log(x / low), r = low / high. */
static double pareto_equation(double a, void *context) {
    const struct sample *s = context;
    const double log_r = log(s->at[0] / s->at[s->count - 1]), power = exp(a * log_r);
    return 1 / a + power * log_r / -expm1(a * log_r) - (s->mean_log - log(s->at[0]));
}

/* The root of a falling function on (0, inf). */
static bool root_of(double (*equation)(double, void *), struct sample *s, double *root) {
    double low = 1e-3, high = 1;
    gsl_function f = {equation, s};
    while (high < 1e9 && !(equation(high, s) < 0)) high *= 2;
    if (!(equation(high, s) < 0) || !(equation(low, s) > 0)) return false;
    gsl_root_fsolver *solver = gsl_root_fsolver_alloc(gsl_root_fsolver_brent);
    require(solver);
    gsl_root_fsolver_set(solver, &f, low, high);
    for (int i = 0; i < 200; i++) {
        gsl_root_fsolver_iterate(solver);
        low = gsl_root_fsolver_x_lower(solver), high = gsl_root_fsolver_x_upper(solver);
        if (gsl_root_test_interval(low, high, 0, 1e-13) == GSL_SUCCESS) break;
    }
    *root = gsl_root_fsolver_root(solver);
    gsl_root_fsolver_free(solver);
    return true;
}

/* --- the families --- */

static bool find(struct fit *fit, struct sample *s) {
    /* Values that are all alike have no spread to fit, whatever rounding makes of their logarithms. */
    if (fit->family != FIT_EXPONENTIAL && s->at[0] == s->at[s->count - 1]) return false;
    switch (fit->family) {
    case FIT_EXPONENTIAL: fit->a = s->mean; return true;
    case FIT_LOGNORMAL: fit->a = s->mean_log, fit->b = s->sd_log; return true;
    case FIT_WEIBULL: {
        double powers = 0;
        if (!root_of(weibull_equation, s, &fit->a)) return false;
        for (size_t i = 0; i < s->count; i++)
            powers += exp(fit->a * (log(s->at[i]) - s->mean_log)) / (double)s->count;
        fit->b = exp(s->mean_log) * pow(powers, 1 / fit->a);
        return true;
    }
    case FIT_GAMMA:
        s->target = log(s->mean) - s->mean_log;
        if (!(s->target > 0) || !root_of(gamma_equation, s, &fit->a)) return false;
        fit->b = s->mean / fit->a;
        return true;
    case FIT_BOUNDED_PARETO:
        fit->b = s->at[0], fit->c = s->at[s->count - 1];
        return root_of(pareto_equation, s, &fit->a);
    default: return false;
    }
}

static double log_density(const struct fit *f, double x) {
    switch (f->family) {
    case FIT_EXPONENTIAL: return -log(f->a) - x / f->a;
    case FIT_LOGNORMAL: return -log(x * f->b * sqrt(2 * acos(-1))) - pow((log(x) - f->a) / f->b, 2) / 2;
    case FIT_WEIBULL: return log(f->a / f->b) + (f->a - 1) * log(x / f->b) - pow(x / f->b, f->a);
    case FIT_GAMMA: return (f->a - 1) * log(x / f->b) - x / f->b - log(f->b) - gsl_sf_lngamma(f->a);
    default: return log(f->a / f->b) - (f->a + 1) * log(x / f->b) - log(-expm1(f->a * log(f->b / f->c)));
    }
}

double fit_cdf(const struct fit *f, double x) {
    if (!(x > 0)) return 0;
    switch (f->family) {
    case FIT_EXPONENTIAL: return -expm1(-x / f->a);
    case FIT_LOGNORMAL: return gsl_cdf_ugaussian_P((log(x) - f->a) / f->b);
    case FIT_WEIBULL: return -expm1(-pow(x / f->b, f->a));
    case FIT_GAMMA: return gsl_cdf_gamma_P(x, f->a, f->b);
    default:
        if (x <= f->b) return 0;
        return x >= f->c ? 1 : expm1(f->a * log(f->b / x)) / expm1(f->a * log(f->b / f->c));
    }
}

/* Values that are equal are one step. */
static double distance(const struct fit *f, const double *values, size_t count) {
    double most = 0;
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && values[end] == values[i];) end++;
        const double share = fit_cdf(f, values[i]);
        most = fmax(most, fmax(share - (double)i / (double)count, (double)end / (double)count - share));
    }
    return most;
}

struct fit fit_family(enum fit_family family, const double *values, size_t count) {
    static const double parameters[FIT_FAMILIES] = {1, 2, 2, 2, 3};
    struct fit fit = {.family = family};
    require(count >= 2 && values[0] > 0);
    struct sample s = sample_of(values, count);
    fit.found = find(&fit, &s);
    if (!fit.found) return fit;
    for (size_t i = 0; i < count; i++) fit.log_likelihood += log_density(&fit, values[i]);
    fit.aic = 2 * parameters[family] - 2 * fit.log_likelihood;
    fit.ks = distance(&fit, values, count);
    return fit;
}

size_t fit_best(const struct fit *fits, size_t count) {
    size_t best = FIT_FAMILIES;
    for (size_t i = 0; i < count; i++)
        if (fits[i].found && (best == FIT_FAMILIES || fits[i].aic < fits[best].aic)) best = i;
    return best;
}

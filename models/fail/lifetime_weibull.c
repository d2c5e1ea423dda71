/*
 * Weibull lifetimes: below shape 1 what has lasted is likely to go on lasting (early failures; measured on large
 * systems, where shapes of 0.7 to 0.8 fit best: Schroeder & Gibson 2006), above 1 parts wear out.
 * Quantile: scale x (-ln(1 - u))^(1 / shape), scale = mean / Gamma(1 + 1 / shape).
 */
#include "base/tick.h"
#include "core/seams.h"

#include <math.h>

struct weibull {
    int64_t mean_ns;
    double shape;
};

static const struct param params[] = {
    {.key = "mean", .kind = PARAM_TIME, .dim = DIM_TIME, .offset = offsetof(struct weibull, mean_ns),
     .fallback = 3.6e6, .least = 1e-3, .most = 3.15576e9, .required = true, .help = "Mean time."},
    {.key = "shape", .kind = PARAM_NUMBER, .offset = offsetof(struct weibull, shape),
     .fallback = 0.8, .least = 0.1, .most = 100,
     .help = "Below 1 the hazard falls with age, at 1 it is constant, above 1 it rises."},
};

static double mean_s(const void *raw) {
    const struct weibull *p = raw;
    return tick_seconds(p->mean_ns);
}
static double draw_s(const void *raw, double u) {
    const struct weibull *p = raw;
    return mean_s(raw) / tgamma(1 + 1 / p->shape) * pow(-log1p(-u), 1 / p->shape);
}

const struct lifetime_model lifetime_weibull = {
    .model = {.name = "weibull",
              .summary = "times with a hazard that falls (shape < 1) or rises (shape > 1) with age",
              .source = "Schroeder & Gibson, A large-scale study of failures in high-performance computing "
                        "systems, DSN 2006",
              .params_size = sizeof(struct weibull),
              .params = params,
              .params_count = sizeof params / sizeof *params},
    .draw_s = draw_s,
    .mean_s = mean_s,
};

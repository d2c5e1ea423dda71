/*
 * Lognormal lifetimes: most are short, a few very long. What repair times look like (Schroeder & Gibson 2006).
 * Quantile: exp(mu + sigma x z(u)), z the normal quantile, mu = ln(mean) - sigma^2 / 2.
 */
#include "base/stats.h"
#include "base/tick.h"
#include "core/seams.h"

#include <math.h>

struct lognormal {
    int64_t mean_ns;
    double sigma;
};

static const struct param params[] = {
    {.key = "mean", .kind = PARAM_TIME, .dim = DIM_TIME, .offset = offsetof(struct lognormal, mean_ns),
     .fallback = 3.6e6, .least = 1e-3, .most = 3.15576e9, .required = true, .help = "Mean time."},
    {.key = "sigma", .kind = PARAM_NUMBER, .offset = offsetof(struct lognormal, sigma),
     .fallback = 1, .least = 0, .most = 5, .help = "Standard deviation of the logarithm."},
};

static double mean_s(const void *raw) {
    const struct lognormal *p = raw;
    return tick_seconds(p->mean_ns);
}
static double draw_s(const void *raw, double u) {
    const struct lognormal *p = raw;
    return mean_s(raw) * exp(p->sigma * (stats_normal_quantile(u) - p->sigma / 2));
}

const struct lifetime_model lifetime_lognormal = {
    .model = {.name = "lognormal",
              .summary = "times of which most are short and a few very long, as repairs are",
              .source = "Schroeder & Gibson, A large-scale study of failures in high-performance computing "
                        "systems, DSN 2006",
              .params_size = sizeof(struct lognormal),
              .params = params,
              .params_count = sizeof params / sizeof *params},
    .draw_s = draw_s,
    .mean_s = mean_s,
};

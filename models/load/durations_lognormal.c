/*
 * Lognormal run times: the usual first fit of training jobs, from minutes to weeks in one curve.
 * Mean = median x exp(sigma^2 / 2), squared coefficient of variation exp(sigma^2) - 1. Above sigma 2 the mean
 * rests on rare jobs: a sample of n jobs has a mean off by about exp(sigma^2 / 2) / sqrt(n), relatively.
 * Cost: one draw a job.
 */
#include "base/tick.h"
#include "core/seams.h"

#include <math.h>

struct lognormal {
    int64_t median_ns;
    double sigma;
};

static const struct param params[] = {
    {.key = "median", .kind = PARAM_TIME, .dim = DIM_TIME, .offset = offsetof(struct lognormal, median_ns),
     .fallback = 600, .least = 1e-3, .most = 3.15576e8, .required = true,
     .help = "Half of the jobs run shorter than this."},
    {.key = "sigma", .kind = PARAM_NUMBER, .offset = offsetof(struct lognormal, sigma),
     .fallback = 1, .least = 0, .most = 5,
     .help = "Standard deviation of the logarithm; the mean is the median times exp(sigma^2 / 2)."},
};

static void draw(const void *raw, struct rng *rng, size_t count, int64_t *run_ns) {
    const struct lognormal *p = raw;
    const double mu = log(tick_seconds(p->median_ns));
    for (size_t i = 0; i < count; i++) run_ns[i] = tick_from_seconds(rng_lognormal(rng, mu, p->sigma));
}

const struct durations_model durations_lognormal = {
    .model = {.name = "lognormal",
              .summary = "run times over many orders of magnitude, by median and spread",
              .source = "",
              .params_size = sizeof(struct lognormal),
              .params = params,
              .params_count = sizeof params / sizeof *params},
    .draw = draw,
};

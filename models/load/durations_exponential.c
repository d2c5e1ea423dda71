/*
 * Exponential run times: the memoryless case queueing theory is written for.
 * Mean = mean, coefficient of variation 1. Cost: one draw a job.
 */
#include "base/tick.h"
#include "core/seams.h"

struct exponential {
    int64_t mean_ns;
};

static const struct param params[] = {
    {.key = "mean", .kind = PARAM_TIME, .dim = DIM_TIME, .offset = offsetof(struct exponential, mean_ns),
     .fallback = 3600, .least = 1e-3, .most = 3.15576e8, .required = true,
     .help = "Mean run time."},
};

static void draw(const void *raw, struct rng *rng, size_t count, int64_t *run_ns) {
    const struct exponential *p = raw;
    const double mean_s = tick_seconds(p->mean_ns);
    for (size_t i = 0; i < count; i++) run_ns[i] = tick_from_seconds(rng_exponential(rng, mean_s));
}

const struct durations_model durations_exponential = {
    .model = {.name = "exponential",
              .summary = "memoryless run times of a given mean",
              .source = "",
              .params_size = sizeof(struct exponential),
              .params = params,
              .params_count = sizeof params / sizeof *params},
    .draw = draw,
};

/*
 * Weibull run times: below shape 1 a job that has run long is likely to run longer still, above 1
 * the reverse.
 * Mean = scale x Gamma(1 + 1 / shape). Cost: one draw a job.
 */
#include "base/tick.h"
#include "core/seams.h"

struct weibull {
    int64_t scale_ns;
    double shape;
};

static const struct param params[] = {
    {.key = "scale", .kind = PARAM_TIME, .dim = DIM_TIME, .offset = offsetof(struct weibull, scale_ns),
     .fallback = 3600, .least = 1e-3, .most = 3.15576e8, .required = true,
     .help = "63.2 % of the jobs run shorter than this; the mean is scale times Gamma(1 + 1 / shape)."},
    {.key = "shape", .kind = PARAM_NUMBER, .offset = offsetof(struct weibull, shape),
     .fallback = 0.7, .least = 0.1, .most = 100,
     .help = "Below 1 a heavy tail, 1 exponential, above 1 around the scale."},
};

static void draw(const void *raw, struct rng *rng, size_t count, int64_t *run_ns) {
    const struct weibull *p = raw;
    const double scale_s = tick_seconds(p->scale_ns);
    for (size_t i = 0; i < count; i++) run_ns[i] = tick_from_seconds(rng_weibull(rng, scale_s, p->shape));
}

const struct durations_model durations_weibull = {
    .model = {.name = "weibull",
              .summary = "run times with a hazard that falls (shape < 1) or rises (shape > 1)",
              .source = "",
              .params_size = sizeof(struct weibull),
              .params = params,
              .params_count = sizeof params / sizeof *params},
    .draw = draw,
};

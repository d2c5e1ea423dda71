/*
 * Exponential lifetimes: the chance to fail in the next hour is the same however long it has gone well. What
 * many independent parts of all ages look like together, and what Young's and Daly's intervals assume.
 * Quantile: -mean x ln(1 - u).
 */
#include "base/tick.h"
#include "core/seams.h"

#include <math.h>

struct exponential {
    int64_t mean_ns;
};

static const struct param params[] = {
    {.key = "mean", .kind = PARAM_TIME, .dim = DIM_TIME, .offset = offsetof(struct exponential, mean_ns),
     .fallback = 3.6e6, .least = 1e-3, .most = 3.15576e9, .required = true, .help = "Mean time."},
};

static double mean_s(const void *raw) {
    const struct exponential *p = raw;
    return tick_seconds(p->mean_ns);
}
static double draw_s(const void *raw, double u) { return -mean_s(raw) * log1p(-u); }

const struct lifetime_model lifetime_exponential = {
    .model = {.name = "exponential",
              .summary = "times without memory: a constant hazard",
              .source = "",
              .params_size = sizeof(struct exponential),
              .params = params,
              .params_count = sizeof params / sizeof *params},
    .draw_s = draw_s,
    .mean_s = mean_s,
};

/*
 * Constant lifetimes: always the same time. For repairs of known length, and for checks by hand.
 */
#include "base/tick.h"
#include "core/seams.h"

struct constant {
    int64_t mean_ns;
};

static const struct param params[] = {
    {.key = "mean", .kind = PARAM_TIME, .dim = DIM_TIME, .offset = offsetof(struct constant, mean_ns),
     .fallback = 3.6e6, .least = 1e-3, .most = 3.15576e9, .required = true, .help = "The time."},
};

static double mean_s(const void *raw) {
    const struct constant *p = raw;
    return tick_seconds(p->mean_ns);
}
static double draw_s(const void *raw, double u) {
    (void)u;
    return mean_s(raw);
}

const struct lifetime_model lifetime_constant = {
    .model = {.name = "constant",
              .summary = "always the same time",
              .source = "",
              .params_size = sizeof(struct constant),
              .params = params,
              .params_count = sizeof params / sizeof *params},
    .draw_s = draw_s,
    .mean_s = mean_s,
};

/*
 * Arrivals as a Poisson process: independent users, no memory. Daily and weekly shape by thinning (Lewis and
 * Shedler 1979): candidates come at the highest rate and are kept with probability intensity / highest, which
 * is exact for any intensity.
 *
 * Invariant: times ascend and lie below until_ns.
 * Cost: intensity_most candidates an arrival, one exponential and one uniform draw each.
 */
#include "base/tick.h"
#include "core/seams.h"

struct poisson {
    double rate_per_h;
};

static const struct param params[] = {
    {.key = "rate", .kind = PARAM_NUMBER, .dim = DIM_RATE, .offset = offsetof(struct poisson, rate_per_h),
     .fallback = 60, .least = 1e-6, .most = 1e9, .required = true,
     .help = "Mean rate of arrivals over a whole week of the daily and weekly shape."},
};

static size_t draw(const void *raw, struct rng *rng, double (*intensity)(void *context, int64_t t_ns),
                   void *context, double intensity_most, int64_t until_ns, size_t most, int64_t *times_ns) {
    const struct poisson *p = raw;
    const double gap_ns = (double)TICK_HOUR / (p->rate_per_h * intensity_most);
    double t = 0;
    size_t n = 0;
    while (n < most) {
        t += rng_exponential(rng, gap_ns);
        if (t >= (double)until_ns) break;
        const int64_t at_ns = (int64_t)t;
        if (rng_uniform(rng) * intensity_most < intensity(context, at_ns)) times_ns[n++] = at_ns;
    }
    return n;
}

const struct arrivals_model arrivals_poisson = {
    .model = {.name = "poisson",
              .summary = "independent users: exponential gaps, coefficient of variation 1",
              .source = "Lewis and Shedler 1979 (thinning)",
              .params_size = sizeof(struct poisson),
              .params = params,
              .params_count = sizeof params / sizeof *params},
    .draw = draw,
};

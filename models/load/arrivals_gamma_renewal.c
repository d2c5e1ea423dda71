/*
 * Arrivals as a renewal process with gamma-distributed gaps: burstier (cv > 1) or more even (cv < 1) than
 * Poisson, without memory beyond the last arrival. Daily and weekly shape by a change of time (Gerhardt and
 * Nelson 2009): arrivals are drawn on a clock that runs at the speed of the intensity, so gaps keep their
 * coefficient of variation; thinning would pull it towards 1. The first gap is the equilibrium one, a uniform
 * part of a length-biased gap, so that the mean rate holds from time 0.
 *
 * The clock is integrated in cells of a minute, with the intensity at the start of each: exact when the shape
 * changes on whole minutes, off by less than a minute otherwise.
 *
 * Invariant: times ascend and lie below until_ns.
 * Cost: one gamma draw an arrival plus one call of intensity a simulated minute.
 */
#include "base/tick.h"
#include "core/seams.h"

struct renewal {
    double rate_per_h, cv;
};

static const struct param params[] = {
    {.key = "rate", .kind = PARAM_NUMBER, .dim = DIM_RATE, .offset = offsetof(struct renewal, rate_per_h),
     .fallback = 60, .least = 1e-6, .most = 1e9, .required = true,
     .help = "Mean rate of arrivals over a whole week of the daily and weekly shape."},
    {.key = "cv", .kind = PARAM_NUMBER, .offset = offsetof(struct renewal, cv),
     .fallback = 2, .least = 0.05, .most = 20,
     .help = "Coefficient of variation of the gaps: 1 is Poisson, above 1 comes in clumps."},
};

/* The clock: at real time t_ns its reading is reading_ns, and it runs at `speed` until the cell's end. */
struct clock {
    double (*intensity)(void *context, int64_t t_ns);
    void *context;
    int64_t t_ns;
    double reading_ns, speed;
};

/* Real time at which the clock shows wanted_ns, until_ns if that is earlier. Readings are asked for in
 * ascending order. */
static double clock_time(struct clock *clock, double wanted_ns, int64_t until_ns) {
    const double cell_ns = (double)TICK_MINUTE;
    while (clock->reading_ns + clock->speed * cell_ns < wanted_ns) {
        if (clock->t_ns >= until_ns) return (double)until_ns;
        clock->reading_ns += clock->speed * cell_ns;
        clock->t_ns += TICK_MINUTE;
        clock->speed = clock->intensity(clock->context, clock->t_ns);
    }
    /* A clock that stands still shows wanted_ns already. */
    const double past = clock->speed > 0 ? (wanted_ns - clock->reading_ns) / clock->speed : 0;
    return (double)clock->t_ns + past;
}

static size_t draw(const void *raw, struct rng *rng, double (*intensity)(void *context, int64_t t_ns),
                   void *context, double intensity_most, int64_t until_ns, size_t most, int64_t *times_ns) {
    (void)intensity_most;
    const struct renewal *p = raw;
    const double shape = 1 / (p->cv * p->cv);
    const double scale_ns = (double)TICK_HOUR / p->rate_per_h / shape;
    struct clock clock = {.intensity = intensity, .context = context, .speed = intensity(context, 0)};
    double reading_ns = rng_uniform(rng) * rng_gamma(rng, shape + 1, scale_ns);
    for (size_t n = 0; n < most; n++) {
        const double t = clock_time(&clock, reading_ns, until_ns);
        if (t >= (double)until_ns) return n;
        times_ns[n] = (int64_t)t;
        reading_ns += rng_gamma(rng, shape, scale_ns);
    }
    return most;
}

const struct arrivals_model arrivals_gamma_renewal = {
    .model = {.name = "gamma_renewal",
              .summary = "gaps of a chosen coefficient of variation, from even to clumped",
              .source = "Gerhardt and Nelson 2009 (change of time)",
              .params_size = sizeof(struct renewal),
              .params = params,
              .params_count = sizeof params / sizeof *params},
    .draw = draw,
};

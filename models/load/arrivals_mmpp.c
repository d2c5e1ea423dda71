/*
 * Arrivals as a Markov-modulated Poisson process of two states, calm and burst (Fischer and Meier-Hellstern
 * 1993): campaigns of submissions that last hours and make whole days differ. The state changes after
 * exponential times; inside a state arrivals are Poisson. Daily and weekly shape by thinning, which is exact
 * because the process is Poisson given its state. It starts in its stationary state, so that the mean rate
 * holds from time 0.
 *
 * With p = burst share, k = burst ratio, b = burst length: calm rate = rate / (1 - p + p k), the squared
 * coefficient of variation of the rate is p (1-p) (k-1)^2 / (1 - p + p k)^2 and its memory is b (1-p).
 *
 * Invariant: times ascend and lie below until_ns.
 * Cost: intensity_most candidates an arrival, and two draws a change of state.
 */
#include "base/tick.h"
#include "core/seams.h"

struct mmpp {
    double rate_per_h, burst_ratio, burst_share;
    int64_t burst_ns;
};

static const struct param params[] = {
    {.key = "rate", .kind = PARAM_NUMBER, .dim = DIM_RATE, .offset = offsetof(struct mmpp, rate_per_h),
     .fallback = 60, .least = 1e-6, .most = 1e9, .required = true,
     .help = "Mean rate of arrivals over bursts and calm, and over a whole week of the shape."},
    {.key = "burst_ratio", .kind = PARAM_NUMBER, .offset = offsetof(struct mmpp, burst_ratio),
     .fallback = 10, .least = 1, .most = 1e6,
     .help = "Rate of arrivals in a burst, relative to the rate in calm times."},
    {.key = "burst_share", .kind = PARAM_NUMBER, .offset = offsetof(struct mmpp, burst_share),
     .fallback = 0.1, .least = 0.001, .most = 0.999,
     .help = "Share of the time that belongs to bursts."},
    {.key = "burst_length", .kind = PARAM_TIME, .dim = DIM_TIME, .offset = offsetof(struct mmpp, burst_ns),
     .fallback = 7200, .least = 1, .most = 31557600,
     .help = "Mean length of a burst (exponentially distributed)."},
};

static size_t draw(const void *raw, struct rng *rng, double (*intensity)(void *context, int64_t t_ns),
                   void *context, double intensity_most, int64_t until_ns, size_t most, int64_t *times_ns) {
    const struct mmpp *p = raw;
    const double share = p->burst_share;
    const double calm_per_h = p->rate_per_h / (1 - share + share * p->burst_ratio);
    /* Indexed by "in a burst". */
    const double gap_ns[2] = {(double)TICK_HOUR / (calm_per_h * intensity_most),
                              (double)TICK_HOUR / (calm_per_h * p->burst_ratio * intensity_most)};
    const double stay_ns[2] = {(double)p->burst_ns * (1 - share) / share, (double)p->burst_ns};

    bool burst = rng_uniform(rng) < share;
    double t = 0, change = rng_exponential(rng, stay_ns[burst]);
    size_t n = 0;
    while (n < most) {
        const double next = t + rng_exponential(rng, gap_ns[burst]);
        if (next > change) { /* exponential gaps have no memory: draw anew from the change on */
            if (change >= (double)until_ns) break;
            t = change;
            burst = !burst;
            change += rng_exponential(rng, stay_ns[burst]);
            continue;
        }
        if (next >= (double)until_ns) break;
        t = next;
        const int64_t at_ns = (int64_t)t;
        if (rng_uniform(rng) * intensity_most < intensity(context, at_ns)) times_ns[n++] = at_ns;
    }
    return n;
}

const struct arrivals_model arrivals_mmpp = {
    .model = {.name = "mmpp",
              .summary = "calm times and bursts that last: two-state Markov-modulated Poisson",
              .source = "Fischer and Meier-Hellstern 1993",
              .params_size = sizeof(struct mmpp),
              .params = params,
              .params_count = sizeof params / sizeof *params},
    .draw = draw,
};

/*
 * Run times from a table of quantiles, as one reads them off a trace: at each probability the run time below
 * which that share of the jobs lies. Between two entries the logarithm of the run time is linear in the
 * probability, because run times spread over orders of magnitude; a zero entry makes its steps linear
 * instead. The mean of a step from a to b is then (b - a) / ln(b / a), which is how docs/load.md states the
 * means.
 *
 * Invariant (check): as many run times as probabilities, two at least, probabilities from 0 to 1 strictly
 * ascending, run times never falling. Cost: O(log entries) a job.
 */
#include "base/tick.h"
#include "core/seams.h"

#include <math.h>

struct empirical {
    struct numbers probabilities, run_times_s;
};

static const struct param params[] = {
    {.key = "probabilities", .kind = PARAM_NUMBERS, .offset = offsetof(struct empirical, probabilities),
     .least = 0, .most = 1, .required = true,
     .help = "Shares of the jobs, ascending from 0 to 1."},
    {.key = "run_times", .kind = PARAM_NUMBERS, .dim = DIM_TIME,
     .offset = offsetof(struct empirical, run_times_s), .least = 0, .most = 3.15576e8, .required = true,
     .help = "For each probability the run time that this share of the jobs stays below."},
};

static const char *check(const void *raw) {
    const struct empirical *p = raw;
    const size_t len = p->probabilities.len;
    if (len < 2 || p->run_times_s.len != len)
        return "probabilities and run_times must have the same length, two at least";
    if (p->probabilities.at[0] != 0 || p->probabilities.at[len - 1] != 1)
        return "probabilities must begin with 0 and end with 1";
    for (size_t i = 1; i < len; i++) {
        if (p->probabilities.at[i] <= p->probabilities.at[i - 1]) return "probabilities must ascend";
        if (p->run_times_s.at[i] < p->run_times_s.at[i - 1]) return "run_times must not fall";
    }
    return NULL;
}

static double quantile_s(const struct empirical *p, double u) {
    size_t low = 0, high = p->probabilities.len - 1; /* probabilities[low] <= u < probabilities[high] */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (p->probabilities.at[middle] <= u) low = middle;
        else high = middle;
    }
    const double from = p->run_times_s.at[low], to = p->run_times_s.at[high];
    const double width = p->probabilities.at[high] - p->probabilities.at[low];
    const double part = (u - p->probabilities.at[low]) / width;
    return from > 0 ? from * pow(to / from, part) : to * part;
}

static void draw(const void *raw, struct rng *rng, size_t count, int64_t *run_ns) {
    const struct empirical *p = raw;
    for (size_t i = 0; i < count; i++) run_ns[i] = tick_from_seconds(quantile_s(p, rng_uniform(rng)));
}

const struct durations_model durations_empirical = {
    .model = {.name = "empirical",
              .summary = "run times from a table of quantiles",
              .source = "",
              .params_size = sizeof(struct empirical),
              .params = params,
              .params_count = sizeof params / sizeof *params,
              .check = check},
    .draw = draw,
};

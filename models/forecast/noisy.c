/*
 * The signal with an error that grows with its lead. The error is a stationary AR(1) process with one normal value
 * an hour, so neighbouring hours err alike, as forecasts do (independent noise would average out over a job's
 * length and flatter every policy). Its standard deviation at full lead is `error` times the signal's mean size;
 * at shorter leads it is in proportion, so a forecast gets better as its hour comes near.
 *
 * Invariant: the same stream gives the same error, whatever was asked of it.
 * Cost: one draw an hour of the run.
 */
#include "base/tick.h"
#include "core/seams.h"

#include <math.h>

/* After a hundred years the error repeats. */
enum { HOURS_LEAST = 24, HOURS_MOST = 876600 };

struct noisy {
    double error, memory;
    int64_t grows_ns;
};

static const struct param params[] = {
    {.key = "error", .kind = PARAM_NUMBER, .offset = offsetof(struct noisy, error),
     .fallback = 0.1, .least = 0, .most = 10,
     .help = "Standard deviation of the error at full lead, relative to the signal's mean size."},
    {.key = "grows", .kind = PARAM_TIME, .dim = DIM_TIME, .offset = offsetof(struct noisy, grows_ns),
     .fallback = 86400, .least = 0, .most = 31622400,
     .help = "Lead at which the error has its full size; shorter ones err in proportion. 0: all err fully."},
    {.key = "memory", .kind = PARAM_NUMBER, .offset = offsetof(struct noisy, memory),
     .fallback = 0.9, .least = 0, .most = 0.9999,
     .help = "Correlation of the errors of two hours that follow each other."},
};

/* Mean of |value| over time. */
static double mean_size(const struct steps *s) {
    double sum = 0, ns = 0;
    if (s->len == 1) return fabs(s->value[0]);
    for (size_t i = 0; i + 1 < s->len; i++) {
        const double lasts_ns = (double)(s->at_ns[i + 1] - s->at_ns[i]);
        sum += fabs(s->value[i]) * lasts_ns;
        ns += lasts_ns;
    }
    return sum / ns;
}

/* Errors begin where the signal's hours do, so that the two change together. */
static int64_t first_hour_ns(const struct steps *truth) {
    const int64_t rest_ns = truth->at_ns[0] % TICK_HOUR;
    return rest_ns > 0 ? rest_ns - TICK_HOUR : rest_ns;
}

static void make(const void *raw, const struct steps *truth, const struct steps *given, int64_t until_ns,
                 struct rng *rng, struct arena *arena, struct forecast *forecast) {
    const struct noisy *p = raw;
    (void)given;
    int64_t len = until_ns / TICK_HOUR + 2;
    if (len < HOURS_LEAST) len = HOURS_LEAST;
    if (len > HOURS_MOST) len = HOURS_MOST;
    struct steps error = {.at_ns = arena_alloc(arena, (size_t)len, sizeof *error.at_ns),
                          .value = arena_alloc(arena, (size_t)len, sizeof *error.value),
                          .len = (size_t)len, .period_ns = len * TICK_HOUR, .source = "noise"};
    const double size = p->error * mean_size(truth), fresh = sqrt(1 - p->memory * p->memory);
    const int64_t first_ns = first_hour_ns(truth);
    double z = rng_normal(rng, 0, 1);
    for (size_t i = 0; i < error.len; i++) {
        error.at_ns[i] = first_ns + (int64_t)i * TICK_HOUR;
        error.value[i] = size * z;
        z = p->memory * z + fresh * rng_normal(rng, 0, 1);
    }
    *forecast = (struct forecast){.base = *truth, .error = error, .grows_ns = p->grows_ns};
}

const struct forecast_model forecast_noisy = {
    .model = {.name = "noisy",
              .summary = "the signal with an AR(1) error that grows with its lead",
              .source = "",
              .params_size = sizeof(struct noisy),
              .params = params,
              .params_count = sizeof params / sizeof *params},
    .make = make,
};

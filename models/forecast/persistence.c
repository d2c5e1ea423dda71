/*
 * Persistence: it will be as it was so long ago, by default yesterday at the same time. What lies further ahead
 * than that is the same day again.
 * Cost: one copy of the signal's times.
 */
#include "core/seams.h"

struct persistence {
    int64_t period_ns;
};

static const struct param params[] = {
    {.key = "period", .kind = PARAM_TIME, .dim = DIM_TIME, .offset = offsetof(struct persistence, period_ns),
     .fallback = 86400, .least = 60, .most = 31622400,
     .help = "How long ago the value that is believed was seen: 1 d yesterday, 7 d on this day of last week."},
};

static void make(const void *raw, const struct steps *truth, const struct steps *given, int64_t until_ns,
                 struct rng *rng, struct arena *arena, struct forecast *forecast) {
    const struct persistence *p = raw;
    (void)given, (void)until_ns, (void)rng;
    *forecast = (struct forecast){.base = steps_delayed(arena, truth, p->period_ns), .wrap_ns = p->period_ns};
}

const struct forecast_model forecast_persistence = {
    .model = {.name = "persistence",
              .summary = "as yesterday at the same time",
              .source = "",
              .params_size = sizeof(struct persistence),
              .params = params,
              .params_count = sizeof params / sizeof *params},
    .make = make,
};

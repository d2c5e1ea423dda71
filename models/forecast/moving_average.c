/*
 * Moving average: the mean of the same time of day over the last days. What lies more than a day ahead is the
 * same day again.
 * Invariant: nothing later than the moment of the forecast enters it.
 * Cost: one pass over the signal a day of the average; two copies of it meanwhile.
 */
#include "base/tick.h"
#include "core/seams.h"

struct moving_average {
    int64_t days;
};

static const struct param params[] = {
    {.key = "days", .kind = PARAM_INTEGER, .offset = offsetof(struct moving_average, days),
     .fallback = 7, .least = 1, .most = 366,
     .help = "How many days before are averaged, each at the same time of day."},
};

static void make(const void *raw, const struct steps *truth, const struct steps *given, int64_t until_ns,
                 struct rng *rng, struct arena *arena, struct forecast *forecast) {
    const struct moving_average *p = raw;
    bool approximate = false;
    struct arena at[2]; /* the sum so far, and the one before */
    (void)given, (void)until_ns, (void)rng;
    arena_init(&at[0]);
    arena_init(&at[1]);
    struct steps sum = steps_delayed(&at[0], truth, TICK_DAY);
    for (int64_t day = 2; day <= p->days; day++) {
        struct arena *next = &at[day % 2 == 0]; /* 1, 0, 1, ...: not where sum is */
        struct arena one;
        arena_init(&one);
        const struct steps before = steps_delayed(&one, truth, day * TICK_DAY);
        arena_free(next);
        arena_init(next);
        sum = steps_combine(next, &sum, 1, &before, 1, &approximate);
        arena_free(&one);
    }
    const struct steps zero = {.at_ns = &(int64_t){0}, .value = &(double){0}, .len = 1};
    *forecast = (struct forecast){.base = steps_combine(arena, &sum, 1 / (double)p->days, &zero, 0, &approximate),
                                  .wrap_ns = TICK_DAY};
    forecast->base.source = truth->source;
    arena_free(&at[0]);
    arena_free(&at[1]);
}

const struct forecast_model forecast_moving_average = {
    .model = {.name = "moving_average",
              .summary = "the mean of the same time of day over the last days",
              .source = "",
              .params_size = sizeof(struct moving_average),
              .params = params,
              .params_count = sizeof params / sizeof *params},
    .make = make,
};

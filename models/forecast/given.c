/* A forecast that was made elsewhere: the scenario's own series is believed, whatever the signal turns out to be. */
#include "core/seams.h"

static void make(const void *params, const struct steps *truth, const struct steps *given, int64_t until_ns,
                 struct rng *rng, struct arena *arena, struct forecast *forecast) {
    (void)params, (void)truth, (void)until_ns, (void)rng, (void)arena;
    *forecast = (struct forecast){.base = *given};
}

const struct forecast_model forecast_given = {
    .model = {.name = "given", .summary = "a forecast series of the scenario", .source = ""},
    .make = make,
    .needs_given = true,
};

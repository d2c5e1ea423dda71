/* The future is known: what is believed is the signal itself. The bound every other forecast is held against. */
#include "core/seams.h"

static void make(const void *params, const struct steps *truth, const struct steps *given, int64_t until_ns,
                 struct rng *rng, struct arena *arena, struct forecast *forecast) {
    (void)params, (void)given, (void)until_ns, (void)rng, (void)arena;
    *forecast = (struct forecast){.base = *truth};
}

const struct forecast_model forecast_perfect = {
    .model = {.name = "perfect", .summary = "the signal's future is known", .source = ""},
    .make = make,
};

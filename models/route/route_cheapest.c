/*
 * The region where energy is cheapest at the moment of submission: price times PUE, since the facility's
 * power is what is paid for. Ties go to the lowest index. It looks at the value in force now, not at a
 * forecast.
 * Cost: O(regions).
 */
#include "core/seams.h"

static uint32_t region(void *state, const struct world *world, uint32_t job, const bool *may) {
    (void)state;
    (void)job;
    uint32_t best = UINT32_MAX;
    double least = 0;
    for (uint32_t r = 0; r < world->setup->regions_len; r++) {
        if (!may[r]) continue;
        const double cost = world->price[r] * world->pue[r];
        if (best == UINT32_MAX || cost < least) {
            least = cost;
            best = r;
        }
    }
    return best;
}

const struct route_model route_cheapest = {
    .model = {.name = "cheapest",
              .summary = "the region with the lowest energy price x PUE now",
              .source = ""},
    .region = region,
};

/*
 * The region where energy is cleanest at the moment of submission: carbon intensity times PUE, since the
 * facility's power is what is emitted for. Ties go to the lowest index. It looks at the value in force now,
 * not at a forecast.
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
        const double cost = world->carbon[r] * world->pue[r];
        if (best == UINT32_MAX || cost < least) {
            least = cost;
            best = r;
        }
    }
    return best;
}

const struct route_model route_greenest = {
    .model = {.name = "greenest",
              .summary = "the region with the lowest carbon intensity x PUE now",
              .source = ""},
    .region = region,
};

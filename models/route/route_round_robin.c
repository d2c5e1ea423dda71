/*
 * Regions in turn: each job goes to the next region, in the order of the scenario, that could ever hold it.
 * Cost: O(regions) at worst, usually one step.
 */
#include "core/seams.h"

struct turn {
    uint32_t next;
};

static uint32_t region(void *state, const struct world *world, uint32_t job, const bool *may) {
    (void)job;
    struct turn *turn = state;
    const uint32_t regions = (uint32_t)world->setup->regions_len;
    uint32_t r = turn->next;
    while (!may[r]) r = (r + 1) % regions;
    turn->next = (r + 1) % regions;
    return r;
}

const struct route_model route_round_robin = {
    .model = {.name = "round_robin",
              .summary = "regions in turn",
              .source = "",
              .state_size = sizeof(struct turn)},
    .region = region,
};

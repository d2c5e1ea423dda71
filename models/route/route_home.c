/*
 * Jobs stay with their tenant's home region. A tenant without a home, or a job its home could never hold, is
 * spread over the regions in proportion to what the tenant's jobs find there (GPUs; nodes for a CPU job):
 * job j falls at the fraction j x golden ratio (mod 1) of the regions' capacity laid end to end. That
 * sequence is the most even one there is without state (Weyl's equidistribution), also over any subset of
 * jobs at equal steps.
 * Cost: O(regions).
 */
#include "core/seams.h"

static uint64_t capacity(const struct world *world, uint32_t job, uint32_t r) {
    const uint32_t tenant = world->jobs.at[job].tenant;
    const uint32_t d = world->domain_of[tenant * (uint32_t)world->setup->regions_len + r];
    const struct domain *domain = &world->fleet.domains[d];
    return shape_gpu_milli(world_shape(world, job)) ? domain->capacity_milli : domain->nodes;
}

static uint32_t spread(const struct world *world, uint32_t job, const bool *may) {
    const uint32_t regions = (uint32_t)world->setup->regions_len;
    uint64_t total = 0;
    for (uint32_t r = 0; r < regions; r++)
        if (may[r]) total += capacity(world, job, r);
    /* The fraction's upper 32 bits are enough to tell regions apart and keep the product exact. */
    const uint64_t fraction = job * UINT64_C(0x9e3779b97f4a7c15) >> 32;
    __extension__ const uint64_t point = (uint64_t)((unsigned __int128)fraction * total >> 32);
    uint64_t below = 0;
    uint32_t r = 0;
    for (uint32_t i = 0; i < regions && below <= point; i++)
        if (may[i]) {
            below += capacity(world, job, i);
            r = i;
        }
    return r;
}

static uint32_t region(void *state, const struct world *world, uint32_t job, const bool *may) {
    (void)state;
    const uint32_t home = world->tenants[world->jobs.at[job].tenant].home;
    return home != SETUP_ANYWHERE && may[home] ? home : spread(world, job, may);
}

const struct route_model route_home = {
    .model = {.name = "home",
              .summary = "the tenant's home region; without one, regions in proportion to their capacity",
              .source = ""},
    .region = region,
};

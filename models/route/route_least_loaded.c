/*
 * The region with the largest free share of the GPUs a job of this tenant may use there, at the moment of
 * submission (nodes asleep or not yet rented count as free), less what the jobs already waiting there ask
 * for: among full regions the one with the shortest queue for its size. The lowest index on ties. Cost:
 * O(regions).
 */
#include "core/seams.h"

#include <math.h>

static double free_share(const struct world *world, uint32_t job, uint32_t r) {
    const uint32_t tenant = world->jobs.at[job].tenant;
    const uint32_t d = world->domain_of[tenant * (uint32_t)world->setup->regions_len + r];
    const struct domain *domain = &world->fleet.domains[d];
    /* Equal shares of unequal regions give the same quotient, so ties stay ties. */
    const double open = (double)(domain->free_milli + domain->away_milli) - (double)domain->queued_milli;
    return domain->capacity_milli ? open / (double)domain->capacity_milli : 0;
}

static uint32_t region(void *state, const struct world *world, uint32_t job, const bool *may) {
    (void)state;
    uint32_t best = 0;
    double most = -INFINITY;
    for (uint32_t r = 0; r < world->setup->regions_len; r++) {
        if (!may[r]) continue;
        const double share = free_share(world, job, r);
        if (share > most) {
            most = share;
            best = r;
        }
    }
    return best;
}

const struct route_model route_least_loaded = {
    .model = {.name = "least_loaded",
              .summary = "the region with the largest share of its GPUs free, less what waits there",
              .source = ""},
    .region = region,
};

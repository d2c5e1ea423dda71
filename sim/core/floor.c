/*
 * What a node costs at the very least (see floor.h): hours x (its price + idle power x lowest PUE x lowest price), and
 * so on for energy and emissions. The lowest values of the signals make it a bound without integrating them; for flat
 * signals it is what an idle node costs exactly.
 *
 * Cost: steps of the region's signals.
 */
#include "core/floor.h"

static double lowest(const struct steps *steps, double without) {
    double least = steps->len ? steps->value[0] : without;
    for (size_t i = 1; i < steps->len; i++) least = steps->value[i] < least ? steps->value[i] : least;
    return least;
}

/* Whether its nodes draw their idle power at every moment. */
static bool always_on(const struct region_setup *region, const struct pool_setup *pool) {
    const struct fault_setup *faults = &pool->faults;
    return !bought_elastic(pool->bought) && !pool->sleep.on && !faults->node_every.model && !faults->gpu_every.model &&
           !faults->rack_every.model && faults->trace.len == 0 && pool->maintenance_len == 0 &&
           !region->outage_every.model;
}

struct floor floor_of_node(const struct setup *setup, uint32_t pool_index, double hours) {
    const struct pool_setup *pool = &setup->pools[pool_index];
    const struct region_setup *region = &setup->regions[pool->region];
    const double price = lowest(&region->price, 0), pue = lowest(&region->pue, 1);
    const double idle_kw = (pool->base_w + pool->gpus * pool->gpu_idle_w) / 1e3;
    const bool site = region->site.solar_w.len > 0 || region->site.battery_j > 0;
    struct floor floor = {.usd_known = !site && price >= 0};
    if (bought_elastic(pool->bought)) return floor;
    floor.usd = pool->usd_per_node_h * hours;
    floor.co2_kg = pool->embodied_g_per_node_h * hours / 1e3;
    if (!always_on(region, pool)) return floor;
    floor.kwh = idle_kw * pue * hours;
    if (site) return floor; /* its sun may pay for and clean all of it */
    floor.usd += floor.kwh * (price + lowest(&region->carbon, 0) / 1e3 * region->carbon_usd_per_kg);
    floor.co2_kg += floor.kwh * lowest(&region->carbon, 0) / 1e3;
    return floor;
}

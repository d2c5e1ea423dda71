/*
 * Fair share: the tenant whose weighted dominant share is smallest goes next (Dominant Resource Fairness,
 * Ghodsi et al., NSDI 2011); inside a tenant by submit time.
 *
 * A tenant's dominant share is the largest of its shares of all GPUs, CPU cores and memory of the fleet,
 * over every region; resources that the fleet does not model do not count. Dividing by the weight gives a
 * tenant of weight 2 twice the share.
 * Cost: O(1) a tenant.
 */
#include "core/seams.h"

static uint64_t key(const void *state, const struct world *world, uint32_t job) {
    (void)state;
    return order_key_i64(world->jobs.at[job].submit_ns);
}

static double share(uint64_t held, uint64_t capacity) {
    return capacity ? (double)held / (double)capacity : 0;
}

static double tenant_key(const void *state, const struct world *world, uint32_t tenant) {
    (void)state;
    const struct holding *h = &world->tenants[tenant];
    const double gpu = share(h->gpu_milli, world->capacity_milli);
    const double cpu = share(h->cpu_milli, world->capacity_cpu_milli);
    const double mem = share(h->mem_mib, world->capacity_mem_mib);
    const double dominant = gpu > cpu ? gpu : cpu;
    return (dominant > mem ? dominant : mem) / h->weight;
}

const struct order_model order_fair_share = {
    .model = {.name = "fair_share",
              .summary = "the tenant with the smallest weighted dominant share first, then by submit time",
              .source = "Dominant Resource Fairness, Ghodsi et al., NSDI 2011"},
    .key = key,
    .tenant_key = tenant_key,
};

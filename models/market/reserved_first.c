/*
 * Capacity that is paid for anyway comes first (free, owned, rented, reserved), then nodes on demand, and
 * spot nodes only where nothing else is to be had: the order of whoever wants the work done and has a
 * contract.
 */
#include "base/tick.h"
#include "core/seams.h"

static size_t choose(const void *params, const struct market_job *job, int64_t now_ns, unsigned *sets,
                     int64_t *changes_ns) {
    (void)params;
    (void)now_ns;
    const unsigned on_demand = 1U << BOUGHT_ON_DEMAND, spot = 1U << BOUGHT_SPOT;
    const unsigned usable = job->allowed & job->present;
    const unsigned order[] = {usable & ~(on_demand | spot), usable & on_demand, usable & spot};
    size_t len = 0;
    *changes_ns = TICK_NEVER;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (order[i]) sets[len++] = order[i];
    return len;
}

const struct market_model market_reserved_first = {
    .model = {.name = "reserved_first",
              .summary = "capacity that is paid for anyway, then on demand, then spot",
              .source = ""},
    .choose = choose,
};

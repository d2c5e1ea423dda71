/*
 * Shortest job first: by the run time the scheduler believes in (policy.estimate), whatever the GPUs.
 * Minimises the mean wait on one server (Smith 1956); long jobs may starve.
 * Cost: O(1) a key.
 */
#include "core/seams.h"

static uint64_t key(const void *state, const struct world *world, uint32_t job) {
    (void)state;
    return order_key_i64(world->jobs.at[job].estimate_ns);
}

const struct order_model order_sjf = {
    .model = {.name = "sjf", .summary = "shortest estimated run time first",
              .source = "Smith, Naval Research Logistics Quarterly 1956"},
    .key = key,
};

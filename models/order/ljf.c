/*
 * Longest job first: by the run time the scheduler believes in (policy.estimate), the longest at the front.
 * List scheduling by longest processing time keeps the makespan of a batch within 4/3 of the best (Graham
 * 1969).
 * Cost: O(1) a key.
 */
#include "core/seams.h"

static uint64_t key(const void *state, const struct world *world, uint32_t job) {
    (void)state;
    return ~order_key_i64(world->jobs.at[job].estimate_ns);
}

const struct order_model order_ljf = {
    .model = {.name = "ljf", .summary = "longest estimated run time first: short makespans for a batch",
              .source = "Graham, SIAM J. Applied Mathematics 1969"},
    .key = key,
};

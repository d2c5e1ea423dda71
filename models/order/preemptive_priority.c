/*
 * By priority, preemptive: a larger number goes first, equal ones by submit time, and a waiting job takes the place
 * of running ones with a smaller number, the least of them first. What a preempted job owes when it goes on is the
 * policy's restart cost.
 * Invariant: jobs of equal priority never preempt each other. Cost: O(1) a key.
 */
#include "core/seams.h"

#include "base/tick.h"

static uint64_t key(const void *state, const struct world *world, uint32_t job) {
    (void)state;
    return ~order_key_i64(world->jobs.priority[job]);
}

static uint64_t running_key(const void *state, const struct world *world, uint32_t job, int64_t *changes_ns) {
    *changes_ns = TICK_NEVER;
    return key(state, world, job);
}

const struct order_model order_preemptive_priority = {
    .model = {.name = "preemptive_priority",
              .summary = "largest priority number first; takes the place of running jobs with less",
              .source = ""},
    .key = key,
    .needs = JOBS_PRIORITY,
    .preemptive = true,
    .running_key = running_key,
};

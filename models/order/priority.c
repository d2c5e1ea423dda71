/*
 * By priority: a larger number goes first, equal ones by submit time. Running jobs are left alone.
 * Cost: O(1) a key.
 */
#include "core/seams.h"

static uint64_t key(const void *state, const struct world *world, uint32_t job) {
    (void)state;
    return ~order_key_i64(world->jobs.priority[job]);
}

const struct order_model order_priority = {
    .model = {.name = "priority", .summary = "largest priority number first", .source = ""},
    .key = key,
    .needs = JOBS_PRIORITY,
};

/*
 * First in, first out: by submit time, ties in the order of the trace.
 * Cost: O(1) a key.
 */
#include "core/seams.h"

static uint64_t key(const void *state, const struct world *world, uint32_t job) {
    (void)state;
    return order_key_i64(world->jobs.at[job].submit_ns);
}

const struct order_model order_fifo = {
    .model = {.name = "fifo", .summary = "first come, first served: by submit time", .source = ""},
    .key = key,
};

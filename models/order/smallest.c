/*
 * Smallest job first: by the GPUs asked for, shares counted in thousandths; jobs without GPUs come first.
 * Cost: O(1) a key.
 */
#include "core/seams.h"

static uint64_t key(const void *state, const struct world *world, uint32_t job) {
    (void)state;
    return shape_gpu_milli(world_shape(world, job));
}

const struct order_model order_smallest = {
    .model = {.name = "smallest", .summary = "fewest GPUs asked for first", .source = ""},
    .key = key,
};

/*
 * Spread: the node that is emptiest once it holds the request, by the fraction of its GPUs that is free,
 * then of its CPU cores, then of its memory: Kubernetes' LeastAllocated with the scarcest resource first. A
 * job without GPUs goes by CPUs and memory alone. Shares go to the emptiest device.
 * Cost: one look a live class.
 */
#include "core/seams.h"

/* Free part of a resource after the request, in millionths; all of it where there is none, or no limit. */
static int64_t free_ppm(uint64_t free, uint64_t asked, uint64_t all) {
    return all == 0 || all == UINT32_MAX ? 1000000 : (int64_t)((free - asked) * 1000000 / all);
}

static int64_t score(void *state, const struct world *world, const struct node_class *node, uint32_t class_id,
                     const struct shape *shape, uint32_t *share_of) {
    (void)state;
    const struct node_type *type = &world->fleet.types[node->type];
    if (shape->share_milli) *share_of = node->whole ? 1000 : fleet_parts(&world->fleet, class_id)[0];
    const uint32_t asked = shape_gpu_milli(shape);
    const uint64_t gpu_free = node->whole * 1000ull + node->share_free;
    const int64_t gpu = asked ? free_ppm(gpu_free, asked, type->gpus * 1000ull) : 0;
    const int64_t cpu = free_ppm(node->cpu_free, shape->cpu_milli, type->cpu_milli);
    const int64_t mem = free_ppm(node->mem_free, shape->mem_mib, type->mem_mib);
    return -((gpu * 1000001 + cpu) * 1000001 + mem);
}

static bool choose(void *state, const struct world *world, uint32_t domain, const struct shape *shape,
                   struct spot *spot) {
    return place_least(score, state, world, domain, shape, spot);
}

const struct place_model place_spread = {
    .model = {.name = "spread",
              .summary = "the node with the largest fraction free: GPUs, then CPUs, then memory",
              .source = "Kubernetes NodeResourcesFit, LeastAllocated"},
    .choose = choose,
    .gang = GANG_MOST_NODES,
};

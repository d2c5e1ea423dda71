/*
 * Pack: the node that is fullest once it holds the request, by the fraction of its GPUs that is allocated,
 * then of its CPU cores, then of its memory: Kubernetes' MostAllocated with the scarcest resource first.
 * Unlike best_fit, which counts what is left, it compares fractions: three of four GPUs are fuller than six
 * of nine. A share takes the fullest device that suffices.
 * Cost: one look a live class.
 */
#include "core/seams.h"

/* Free part of a resource after the request, in millionths; 0 where there is none, or no limit. */
static int64_t free_ppm(uint64_t free, uint64_t asked, uint64_t all) {
    return all == 0 || all == UINT32_MAX ? 0 : (int64_t)((free - asked) * 1000000 / all);
}

static int64_t score(void *state, const struct world *world, const struct node_class *node, uint32_t class_id,
                     const struct shape *shape, uint32_t *share_of) {
    (void)state;
    const struct node_type *type = &world->fleet.types[node->type];
    if (shape->share_milli) *share_of = place_best_device(&world->fleet, class_id, shape->share_milli);
    const uint64_t gpu_free = node->whole * 1000ull + node->share_free;
    const int64_t gpu = free_ppm(gpu_free, shape_gpu_milli(shape), type->gpus * 1000ull);
    const int64_t cpu = free_ppm(node->cpu_free, shape->cpu_milli, type->cpu_milli);
    const int64_t mem = free_ppm(node->mem_free, shape->mem_mib, type->mem_mib);
    return (gpu * 1000001 + cpu) * 1000001 + mem;
}

static bool choose(void *state, const struct world *world, uint32_t domain, const struct shape *shape,
                   struct spot *spot) {
    return place_least(score, state, world, domain, shape, spot);
}

const struct place_model place_pack = {
    .model = {.name = "pack",
              .summary = "the node with the largest fraction allocated: GPUs, then CPUs, then memory",
              .source = "Kubernetes NodeResourcesFit, MostAllocated"},
    .choose = choose,
    .gang = GANG_FEWEST_NODES,
};

/*
 * Best fit: the node that keeps the least free after the request, as the baseline of that name in FGD (Weng
 * et al., ATC 2023) measures it: half the CPUs left over plus half the GPUs left over, each against the
 * largest node of the fleet, as a score of 0..100 cut to whole points. Where no node models CPUs, the GPUs
 * left over alone, exactly. A share takes the fullest device that suffices.
 * Cost: one look a live class.
 */
#include "core/seams.h"

static int64_t score(void *state, const struct world *world, const struct node_class *node, uint32_t class_id,
                     const struct shape *shape, uint32_t *share_of) {
    (void)state;
    const struct fleet *fleet = &world->fleet;
    if (shape->share_milli) *share_of = place_best_device(fleet, class_id, shape->share_milli);
    const uint32_t gpu_left = node->whole * 1000 + node->share_free - shape_gpu_milli(shape);
    if (fleet->cpu_most == 0) return gpu_left;
    const uint32_t cpu_left = node->cpu_free == UINT32_MAX ? 0 : node->cpu_free - shape->cpu_milli;
    const double cpu = (double)cpu_left / fleet->cpu_most;
    const double gpu = gpu_left ? gpu_left / (fleet->gpus_most * 1000.0) : 0;
    return -(int64_t)((1.0 - (cpu * 0.5 + gpu * 0.5)) * 100);
}

static bool choose(void *state, const struct world *world, uint32_t domain, const struct shape *shape,
                   struct spot *spot) {
    return place_least(score, state, world, domain, shape, spot);
}

const struct place_model place_best_fit = {
    .model = {.name = "best_fit",
              .summary = "the node that keeps the fewest GPUs and CPUs free",
              .source = "as in FGD, Weng et al., ATC 2023"},
    .choose = choose,
    .gang = GANG_FEWEST_NODES,
};

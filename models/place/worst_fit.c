/*
 * Worst fit: the node that keeps the most free after the request, GPUs and CPUs counting half each against
 * the largest node of the fleet; shares go to the emptiest device. Keeps neighbours apart and breaks up
 * free nodes.
 * Cost: one look a live class.
 */
#include "core/seams.h"

static int64_t score(void *state, const struct world *world, const struct node_class *node, uint32_t class_id,
                     const struct shape *shape, uint32_t *share_of) {
    (void)state;
    const struct fleet *fleet = &world->fleet;
    if (shape->share_milli) *share_of = node->whole ? 1000 : fleet_parts(fleet, class_id)[0];
    const uint32_t gpu_left = node->whole * 1000 + node->share_free - shape_gpu_milli(shape);
    if (fleet->cpu_most == 0) return -(int64_t)gpu_left;
    const uint32_t cpu_left = node->cpu_free == UINT32_MAX ? 0 : node->cpu_free - shape->cpu_milli;
    const double cpu = (double)cpu_left / fleet->cpu_most;
    const double gpu = gpu_left ? gpu_left / (fleet->gpus_most * 1000.0) : 0;
    return -(int64_t)((cpu * 0.5 + gpu * 0.5) * 1e9);
}

static bool choose(void *state, const struct world *world, uint32_t domain, const struct shape *shape,
                   struct spot *spot) {
    return place_least(score, state, world, domain, shape, spot);
}

const struct place_model place_worst_fit = {
    .model = {.name = "worst_fit",
              .summary = "the node that keeps the most GPUs and CPUs free",
              .source = ""},
    .choose = choose,
    .gang = GANG_MOST_NODES,
};

/*
 * Consolidate: a job that fits one node goes to the fitting node with the fewest free GPUs, lowest number
 * on ties; a larger one takes whole free nodes and one remainder, and is never scattered further (the
 * placement of the Helios simulator: Hu et al., SC 2021). CPUs and memory are limits, not preferences.
 * Cost: one look a live class.
 */
#include "core/seams.h"

static int64_t score(void *state, const struct world *world, const struct node_class *node, uint32_t class_id,
                     const struct shape *shape, uint32_t *share_of) {
    (void)state;
    if (shape->share_milli) *share_of = place_best_device(&world->fleet, class_id, shape->share_milli);
    return (int64_t)node->whole * 1000 + node->share_free;
}

static bool choose(void *state, const struct world *world, uint32_t domain, const struct shape *shape,
                   struct spot *spot) {
    return place_least(score, state, world, domain, shape, spot);
}

const struct place_model place_consolidate = {
    .model = {.name = "consolidate",
              .summary = "the node with the fewest free GPUs; larger jobs on whole nodes plus a rest",
              .source = "Helios, Hu et al., SC 2021"},
    .choose = choose,
    .gang = GANG_WHOLE_NODES,
};

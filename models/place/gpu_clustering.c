/*
 * GPU clustering: like goes with like (after Gandiva, Xiao et al., OSDI 2018; as the baseline of that name
 * in FGD, Weng et al., ATC 2023). Requests are of a kind: a share, 1, 2, 4 or 8 GPUs. First choice are
 * nodes that hold only the request's kind, then nodes that hold it among others, then nodes that hold none,
 * then the rest; within each band the fuller ones, in 25 steps. Jobs without GPUs have no kind and go to
 * the lowest node with room. A share takes the fullest device that suffices.
 * Cost: one look a live class, and kinds split classes.
 */
#include "core/seams.h"

enum { BAND = 25 };

static int64_t score(void *state, const struct world *world, const struct node_class *node, uint32_t class_id,
                     const struct shape *shape, uint32_t *share_of) {
    (void)state;
    if (shape_gpu_milli(shape) == 0) return 0;
    if (shape->share_milli) *share_of = place_best_device(&world->fleet, class_id, shape->share_milli);
    const uint32_t own = 1u << shape_kind(shape), held = node->kinds & ~(1u << SHAPE_KIND_CPU);
    const int64_t all = world->fleet.gpus_most * INT64_C(1000);
    const int64_t fullness = BAND * (all - (int64_t)node->whole * 1000 - node->share_free) / all;
    const int64_t band = held == own ? 3 : held & own ? 2 : held == 0 ? 1 : 0;
    return -(band * BAND + fullness);
}

static bool choose(void *state, const struct world *world, uint32_t domain, const struct shape *shape,
                   struct spot *spot) {
    return place_least(score, state, world, domain, shape, spot);
}

const struct place_model place_gpu_clustering = {
    .model = {.name = "gpu_clustering",
              .summary = "nodes that already hold requests of the same GPU count",
              .source = "Gandiva, Xiao et al., OSDI 2018, as in FGD, ATC 2023"},
    .choose = choose,
    .gang = GANG_FEWEST_NODES,
    .wants_kinds = true,
};

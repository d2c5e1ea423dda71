/*
 * Dot product: the node whose free resources, as a vector, have the smallest dot product with the request:
 * the alignment of Tetris (Grandl et al., SIGCOMM 2014) turned to keep well-matched nodes free, as FGD
 * (Weng et al., ATC 2023) uses it for a baseline.
 *
 * CPU cores and GPUs count against the largest node of the fleet; the mean of the two products, subtracted
 * from one, is a score of 0..100 cut to whole points, so near equals go to the lowest node. A node without
 * a limit on CPUs counts GPUs alone. A share takes the fullest device that suffices.
 * Cost: one look a live class.
 */
#include "core/seams.h"

/* Product of one resource's free and asked parts, each against the largest node. */
static double product(double free, double asked, double most) {
    return most > 0 ? free / most * (asked / most) : 0;
}

static int64_t score(void *state, const struct world *world, const struct node_class *node, uint32_t class_id,
                     const struct shape *shape, uint32_t *share_of) {
    (void)state;
    const struct fleet *fleet = &world->fleet;
    if (shape->share_milli) *share_of = place_best_device(fleet, class_id, shape->share_milli);
    const double cpu_free = node->cpu_free == UINT32_MAX ? 0 : node->cpu_free;
    const double gpu_free = node->whole * 1000.0 + node->share_free;
    const double sum = product(cpu_free, shape->cpu_milli, fleet->cpu_most) +
                       product(gpu_free, shape_gpu_milli(shape), fleet->gpus_most * 1000.0);
    return -(int64_t)((1 - sum / 2) * 100);
}

static bool choose(void *state, const struct world *world, uint32_t domain, const struct shape *shape,
                   struct spot *spot) {
    return place_least(score, state, world, domain, shape, spot);
}

const struct place_model place_dot_product = {
    .model = {.name = "dot_product",
              .summary = "the node whose free resources align least with the request",
              .source = "Tetris, Grandl et al., SIGCOMM 2014, as in FGD, ATC 2023"},
    .choose = choose,
    .gang = GANG_FEWEST_NODES,
};

/*
 * GPU packing: keep free devices and free nodes free (after MLaaS in the Wild, Weng et al., NSDI 2022; as
 * the baseline of that name in FGD, ATC 2023). First choice are nodes where an already shared device
 * suffices, least free share on it first; then used nodes, fewest wholly free devices taken first; then
 * nodes with no GPU in use, fewest devices first. Jobs without GPUs go to the lowest node with room. A
 * share takes the fullest device that suffices.
 * Cost: one look a live class.
 */
#include "core/seams.h"

/* The bands of a score of 0..100. */
enum { IDLE_NODE = 33, FREE_DEVICE = 50, SHARED_DEVICE = 100 };

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

static int64_t score(void *state, const struct world *world, const struct node_class *node, uint32_t class_id,
                     const struct shape *shape, uint32_t *share_of) {
    (void)state;
    if (shape_gpu_milli(shape) == 0) return 0;
    uint32_t devices = shape->gpus; /* wholly free ones it would take */
    if (shape->share_milli) {
        *share_of = place_best_device(&world->fleet, class_id, shape->share_milli);
        devices = *share_of == 1000 ? 1 : 0;
    }
    if (node->whole == world->fleet.types[node->type].gpus)
        return -larger(IDLE_NODE - (int64_t)node->whole, node->whole);
    if (devices > 0) return -larger(FREE_DEVICE - (int64_t)devices, IDLE_NODE);
    return -(SHARED_DEVICE - (int64_t)(*share_of / 10) / 10);
}

static bool choose(void *state, const struct world *world, uint32_t domain, const struct shape *shape,
                   struct spot *spot) {
    return place_least(score, state, world, domain, shape, spot);
}

const struct place_model place_gpu_packing = {
    .model = {.name = "gpu_packing",
              .summary = "shared devices first, then used nodes, then idle nodes",
              .source = "Weng et al., NSDI 2022, as in FGD, ATC 2023"},
    .choose = choose,
    .gang = GANG_FEWEST_NODES,
};

/*
 * First fit: the lowest node that holds the request, shares on its fullest device that suffices.
 * Cost: one look a live class.
 */
#include "core/seams.h"

static int64_t score(void *state, const struct world *world, const struct node_class *node, uint32_t class_id,
                     const struct shape *shape, uint32_t *share_of) {
    (void)state, (void)node;
    if (shape->share_milli) *share_of = place_best_device(&world->fleet, class_id, shape->share_milli);
    return 0; /* all alike: the lowest node wins the tie */
}

static bool choose(void *state, const struct world *world, uint32_t domain, const struct shape *shape,
                   struct spot *spot) {
    return place_least(score, state, world, domain, shape, spot);
}

const struct place_model place_first_fit = {
    .model = {.name = "first_fit", .summary = "the lowest-numbered node with room", .source = ""},
    .choose = choose,
    .gang = GANG_LOWEST_FIRST,
};

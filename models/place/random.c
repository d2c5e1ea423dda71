/*
 * Random: every node with room is equally likely, and for a share every device of it with room. Draws come
 * from a stream of its own (`place` of the run's seed), so demand is the same as under any other policy.
 * Invariant: the order of live classes depends only on the run's history, so equal seeds give equal
 * placements.
 * Cost: two looks a live class.
 */
#include "core/seams.h"

struct random {
    struct rng *rng;
};

static void open(void *raw, const void *params, const struct world *world) {
    (void)params;
    struct random *random = raw;
    random->rng = rng_open(world->setup->seed, "place", 0);
}

static void close(void *raw) {
    const struct random *random = raw;
    rng_close(random->rng);
}

/* Free thousandths of one of the devices that hold the share, each with the same chance. */
static uint32_t any_device(struct rng *rng, const struct fleet *fleet, uint32_t class_id,
                           uint32_t share_milli) {
    const struct node_class *node = &fleet->classes.at[class_id];
    uint32_t parts = 0; /* partly used ones with room: they stand first */
    while (parts < node->parts && fleet_parts(fleet, class_id)[parts] >= share_milli) parts++;
    const uint64_t device = rng_below(rng, parts + node->whole);
    return device < parts ? fleet_parts(fleet, class_id)[device] : 1000;
}

static bool choose(void *raw, const struct world *world, uint32_t domain, const struct shape *shape,
                   struct spot *spot) {
    struct random *random = raw;
    const struct fleet *fleet = &world->fleet;
    const struct domain *d = &fleet->domains[domain];
    uint64_t nodes = 0;
    for (size_t i = 0; i < d->live.len; i++) {
        const struct node_class *node = &fleet->classes.at[d->live.at[i]];
        if (class_fits(fleet, node, shape)) nodes += node->count;
    }
    if (nodes == 0) return false;
    uint64_t k = rng_below(random->rng, nodes);
    for (size_t i = 0;; i++) {
        const uint32_t id = d->live.at[i];
        const struct node_class *node = &fleet->classes.at[id];
        if (!class_fits(fleet, node, shape)) continue;
        if (k >= node->count) {
            k -= node->count;
            continue;
        }
        spot->node = class_node(fleet, id, (uint32_t)k);
        spot->share_of = shape->share_milli ? any_device(random->rng, fleet, id, shape->share_milli) : 0;
        return true;
    }
}

const struct place_model place_random = {
    .model = {.name = "random", .summary = "any node with room", .source = "",
              .state_size = sizeof(struct random)},
    .open = open,
    .choose = choose,
    .close = close,
    .gang = GANG_LOWEST_FIRST,
    .draws = true,
};

/*
 * Putting a job on nodes: a placement model chooses the node of a one-node request; jobs larger than any
 * node (gangs) are split here, all or nothing.
 */
#ifndef HEADROOM_CORE_PLACE_H
#define HEADROOM_CORE_PLACE_H

#include "core/seams.h"

/* A pool of takes with a free list; a job's takes are a chain in it. */
struct takes {
    struct take *at;
    size_t len, cap;
    uint32_t unused;
};

/* Claims what the job's shape asks for in the domain and returns the chain of takes; FLEET_NONE when it
 * does not fit now (nothing changed). */
uint32_t place_job(struct world *world, struct takes *takes, const struct place_model *model, void *state,
                   uint32_t domain, const struct shape *shape, bool scatter);
/* Whether place_job would succeed; changes nothing. */
bool place_would_fit(const struct world *world, const struct place_model *model, uint32_t domain,
                     const struct shape *shape, bool scatter);
/* Whether the domain, empty, could ever hold the shape. */
bool place_possible(const struct world *world, const struct place_model *model, uint32_t domain,
                    const struct shape *shape);
/* A job is a gang when no node of the domain, empty, could hold it; whether such a node is up does not matter. */
bool place_is_gang(const struct fleet *fleet, uint32_t domain, const struct shape *shape);

uint32_t takes_put(struct takes *takes, struct take take); /* returns its index */
void takes_drop(struct takes *takes, uint32_t first);      /* frees a chain */

#endif

/*
 * What nodes could hold of what waits: counts, not placements. A supply is so many nodes in the same state
 * (up and partly free, booting, or asleep); jobs are taken from supplies in their order, so the supply that
 * comes last is touched only for what the others cannot hold.
 */
#ifndef HEADROOM_CORE_SUPPLY_H
#define HEADROOM_CORE_SUPPLY_H

#include "core/fleet.h"
#include "core/seams.h"

struct supply {
    struct node_class state;
    uint32_t class_id;  /* whose state it is, for free parts of devices; FLEET_NONE: of empty nodes */
    uint32_t pool;      /* of supplies that are not up yet; FLEET_NONE */
    double nodes;       /* left: a node half used is half a node */
    double had;         /* nodes before anything was taken */
};

/* Takes what up to `jobs` jobs of the shape need; returns how many of them are served. A gang (larger than
 * any node) is served whole or not at all. */
uint32_t supply_take(const struct fleet *fleet, struct supply *at, size_t len, const struct shape *shape,
                     bool is_gang, enum gang gang, uint32_t jobs);
/* Whether an empty node of a type holds such a job, or is of use to such a gang. */
bool supply_serves(const struct fleet *fleet, uint32_t type, const struct shape *shape, bool is_gang);
/* Whole nodes taken so far. */
uint32_t supply_taken(const struct supply *supply);

#endif

/*
 * The least that a node costs, draws or emits while it stands there, whatever it does: what a fleet's figures can
 * never fall below, and so which fleets need not be tried.
 */
#ifndef HEADROOM_CORE_FLOOR_H
#define HEADROOM_CORE_FLOOR_H

#include "core/setup.h"

struct floor {
    double usd, kwh, co2_kg; /* of one node over the span; 0 where nothing is certain */
    bool usd_known;          /* false: a site's exports or a negative price may take more off than nodes add */
};

/* Of a node of a pool over `hours`. Capacity that is always paid for, the energy of a node that is always on and
 * idle, and what making it emitted; nothing of nodes that are rented while wanted, sleep, or may fail. */
struct floor floor_of_node(const struct setup *setup, uint32_t pool, double hours);

#endif

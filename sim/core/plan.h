/*
 * When to buy what: purchases over periods so that every period has a fleet that suffices, at the least cost.
 *
 * A period has one or more fleets that suffice, none of which holds another (the minima of what suffices); a larger
 * one suffices too. Nodes are bought at the beginning of a period, at that period's price, and serve for their life,
 * which is the same for all nodes of a kind. A period's running cost is that of the fleet it uses; what stands there
 * beside it is off.
 */
#ifndef HEADROOM_CORE_PLAN_H
#define HEADROOM_CORE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLAN_PERIODS_MOST = 24, PLAN_KINDS_MOST = 8 };

struct plan_kind {
    double price_usd[PLAN_PERIODS_MOST]; /* of a node bought then, discounted; INFINITY: it cannot be bought then */
    size_t life;                         /* periods, at least 1 */
    uint32_t standing[PLAN_PERIODS_MOST]; /* nodes that are there anyway */
};
struct plan_fleet {
    uint32_t nodes[PLAN_KINDS_MOST];
    double running_usd; /* in this period, discounted; at least 0 */
};
struct plan_period {
    const struct plan_fleet *fleets;
    size_t fleets_len;
};
struct plan_setup {
    size_t periods, kinds;
    struct plan_kind kind[PLAN_KINDS_MOST];
    struct plan_period period[PLAN_PERIODS_MOST];
};
struct plan {
    double usd;                                         /* purchases and running costs; INFINITY: there is no plan */
    size_t fleet[PLAN_PERIODS_MOST];                    /* of the period's fleets, the one used */
    uint32_t bought[PLAN_KINDS_MOST][PLAN_PERIODS_MOST];
    uint64_t looked_at;                                 /* choices of fleets, whole or in part */
};

struct plan plan_solve(const struct plan_setup *setup);

/* The least that covering `need` nodes in each of the first periods costs by purchases of one kind; INFINITY: it
 * cannot be. bought: where they go, or NULL. */
double plan_cover(const struct plan_kind *kind, size_t periods, const uint32_t *need, uint32_t *bought);

#endif

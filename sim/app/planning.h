/*
 * Planning over years: for each period of a `horizon:` the fleets that suffice for its demand, by simulation, and
 * then when to buy what (core/plan.h).
 */
#ifndef HEADROOM_APP_PLANNING_H
#define HEADROOM_APP_PLANNING_H

#include "app/search.h"
#include "core/plan.h"

#include <stdio.h>

struct planning_period {
    struct sizing sizing;    /* the scenario's, its cases in this period */
    struct sizing_case base; /* the period itself: demand and price of energy */
    struct search search;
    struct plan_fleet *fleets;         /* that suffice, none of which holds another; parallel to: */
    const struct fleet_test **tests;
    double *energy_usd;                /* of the running cost, energy */
    size_t len;
    double years;            /* from the beginning of the first period to this one's */
};
struct planning {
    struct trials *trials;
    const struct sizing_horizon *horizon;
    struct planning_period *periods;
    struct plan_setup setup;
    struct plan plan, dear, cheap; /* dear, cheap: with energy by `volatility` dearer and cheaper */
};

/* false: findings in err. Close it either way. */
bool planning_run(struct planning *planning, struct trials *trials, struct err *err);
void planning_close(struct planning *planning);

void planning_page(FILE *to, const struct planning *planning, const char *results);
void planning_json(FILE *to, const struct planning *planning);
void planning_store(const struct planning *planning);

#endif

/*
 * The `size:` block of a scenario as plain numbers: what may vary, what must hold, what is least, and over which
 * years. Figures of targets are in their metrics' units. Texts and lists belong to the scenario's arena.
 */
#ifndef HEADROOM_IO_SIZING_H
#define HEADROOM_IO_SIZING_H

#include "base/verdict.h"
#include "core/result.h"
#include "io/sweep.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A dimension of the choice. */
struct sizing_axis {
    const char *path;
    struct sweep_value *values; /* len of them, in their order; all at `path` */
    const char **texts;               /* the same on one line each */
    size_t len;
    bool counts;               /* numbers that ascend, of which more helps; else alternatives without an order */
    enum { SIZING_GROWS_AUTO, SIZING_GROWS, SIZING_FREE } grows; /* whether more costs no less */
    const struct yaml_node *at; /* for findings */
};

struct sizing_target {
    size_t metric; /* of result_metrics */
    enum part part;
    const char *name; /* of the part; "all" of the run */
    struct verdict_target rule;
    const char *text;           /* "tenant vision: wait_p95_s at most 30 min" */
    const struct yaml_node *at; /* where a name stands, for findings */
};

/* What else must hold, or at least be looked at. */
struct sizing_case {
    const char *name;
    double demand, energy_price; /* factors on what comes, and on what energy costs; 1 */
    const char *lost;            /* a region without its nodes; NULL: none */
    const struct sweep_value *set;
    size_t set_len;
    bool required;              /* the answer must keep the targets in it too; else it is only reported */
    const struct yaml_node *at;
};

/* What may be bought over the years. */
struct sizing_buy {
    const char *pool;
    size_t axis;                /* that counts its nodes */
    double price_usd, price_growth; /* of a node, today and by the year */
    int64_t from_ns, life_ns;   /* out from then on; how long a node serves */
    int64_t standing, retires_ns; /* nodes there already, and until when */
};
struct sizing_horizon {
    size_t periods;
    int64_t period_ns;
    double growth, energy_growth, volatility, discount; /* of demand and price of energy by the year; +- of energy */
    struct sizing_buy *buys;
    size_t buys_len;
};

enum sizing_objective { SIZING_USD, SIZING_KWH, SIZING_CO2, SIZING_NODES, SIZING_OBJECTIVES };
extern const char *const sizing_objectives[SIZING_OBJECTIVES + 1]; /* "total_usd", ...; NULL at the end */

struct sizing {
    struct sizing_axis *axes;
    size_t axes_len;
    struct sizing_target *targets;
    size_t targets_len;
    struct sizing_case *cases;
    size_t cases_len;
    struct verdict_rule rule;
    enum sizing_objective least;
    bool enumerate;    /* every fleet is tried */
    bool side_by_side; /* the best by the other objectives is looked for too */
    size_t points;     /* how many fleets there are */
    const struct sizing_horizon *horizon; /* NULL: for today's demand alone */
    const struct sizing_case *base;       /* every fleet is tried in it; NULL: as the scenario has it */
};

#endif

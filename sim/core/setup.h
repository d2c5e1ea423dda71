/*
 * A run as checked plain numbers: what a scenario file means once units are normalised and names resolved.
 * io/scenario.c fills it, tests and benches write it by hand; world_open reads it. Nothing here changes
 * during a run. All texts and arrays belong to the setup's arena.
 */
#ifndef HEADROOM_CORE_SETUP_H
#define HEADROOM_CORE_SETUP_H

#include "base/mem.h"
#include "core/model.h"

#include <stdint.h>

/* A step function of time: value[i] holds on [at_ns[i], at_ns[i+1]). at_ns[0] <= 0 for a series that
 * covers the start; before the first step its value holds, after the last step (plus its own width, for a
 * series) the function repeats with period_ns, or holds when period_ns is 0. len >= 1. */
struct steps {
    int64_t *at_ns;
    double *value;
    size_t len;
    int64_t period_ns;
    const char *source; /* "flat", "daily", or the file and column, for reports */
};

struct region_setup {
    const char *name;
    int64_t utc_offset_ns;
    struct steps price;       /* USD/kWh */
    struct steps carbon;      /* gCO2/kWh */
    struct steps temperature; /* C; len 0 when not given */
    struct steps pue;         /* >= 1 */
};

/* Capacity is bought one way a pool. Owned: (capex annuity over life at the cost of capital) per node.
 * Rented: USD per node-hour. Both are kept as USD per node-hour; see cost_owned_usd_per_h. */
enum bought { BOUGHT_FREE, BOUGHT_OWNED, BOUGHT_RENTED };

struct pool_setup {
    const char *name;
    uint32_t region;
    uint32_t tenant;    /* only this tenant's jobs run here and its jobs run nowhere else; SETUP_SHARED */
    const char *gpu;    /* model name; "" for a pool without GPUs */
    uint32_t gpus;      /* per node, 0..64 */
    uint32_t cpu_milli; /* per node; 0: CPUs are not modelled (no limit) */
    uint32_t mem_mib;   /* per node; 0: memory is not modelled (no limit) */
    double base_w;      /* node without its GPUs, always drawn */
    double gpu_idle_w, gpu_peak_w;
    struct chosen power; /* KIND_POWER: share of (peak - idle) at a utilisation */
    enum bought bought;
    double usd_per_node_h;
    bool estimated;     /* some figure of it is an estimate (catalogue says which) */
};
#define SETUP_SHARED UINT32_MAX

/* One run of nodes of the same pool; the fleet's node order is the order of these rows (ties in placement
 * go to the lowest node). */
struct node_run {
    uint32_t pool;
    uint32_t count;
};

enum quota_kind { QUOTA_NONE, QUOTA_HARD, QUOTA_BORROW };
struct tenant_setup {
    const char *name;
    enum quota_kind quota_kind;
    double quota_gpus;   /* GPUs it may hold (hard) or is entitled to (borrow) at once, in all regions */
    double weight;       /* of its share, fair_share; > 0 */
    uint32_t home;       /* region index of its jobs; SETUP_ANYWHERE: regions with capacity in turn */
};
#define SETUP_ANYWHERE UINT32_MAX

enum estimate_kind { ESTIMATE_EXACT, ESTIMATE_USER, ESTIMATE_NOISY };
enum overrun_kind { OVERRUN_RAISE, OVERRUN_ALLOW };

struct policy_setup {
    struct chosen order, backfill, place, route;
    bool scatter;              /* a job that would fit one node may be split when no node has room */
    enum estimate_kind estimate;
    double estimate_error;     /* noisy: sigma of the lognormal factor */
    enum overrun_kind overrun; /* estimates below the run time are raised to it, or left */
    int64_t round_ns;          /* 0: act at events; else only at multiples of it */
    int64_t round_cost_ns;     /* GPU time a start in a round costs before work begins */
    /* Cost of preemption, owed at restart, by whole GPUs held: 1, 2..8, more. */
    int64_t restart_ns[3];
};

struct setup {
    struct arena arena;
    const char *name;
    uint64_t seed;
    int64_t horizon_ns;            /* TICK_NEVER: until the last job has ended */
    int64_t measure_from_ns, measure_to_ns; /* window of every figure; 0, TICK_NEVER by default */
    int64_t origin_unix_ns;        /* calendar time of 0; series are aligned by it */
    const char *work_unit;         /* "useful GPU-h" by default */
    struct region_setup *regions;
    struct pool_setup *pools;
    struct node_run *nodes;
    struct tenant_setup *tenants;
    size_t regions_len, pools_len, nodes_len, tenants_len;
    struct policy_setup policy;
};

/* Amortised cost of an owned node, USD per hour: price x r / (1 - (1+r)^-life) / 8766, r > 0 (the annuity
 * of engineering economics); price / life / 8766 at r = 0. life in years of 365.25 d. */
double cost_owned_usd_per_h(double price_usd, double life_years, double cost_of_capital);

#endif

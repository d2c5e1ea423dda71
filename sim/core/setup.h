/*
 * A run as checked plain numbers: what a scenario file means once units are normalised and names resolved.
 * io/scenario.c fills it, tests and benches write it by hand; world_open reads it. Nothing here changes
 * during a run. All texts and arrays belong to the setup's arena.
 */
#ifndef HEADROOM_CORE_SETUP_H
#define HEADROOM_CORE_SETUP_H

#include "base/mem.h"
#include "core/model.h"
#include "core/pipeline.h"

#include <stdbool.h>
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

enum dispatch {
    DISPATCH_SELF,   /* stores surplus sun, gives it back as soon as the site draws more than the sun gives */
    DISPATCH_PRICE,  /* charges (from the grid too) while the price is at most `low`, discharges from `high` on */
    DISPATCH_CARBON, /* the same on carbon intensity */
    DISPATCH_PEAK    /* keeps the grid's part at or below `high` (W), recharges below `low` (W) */
};
/* What stands behind a region's meter besides its nodes, and how the grid charges for power; see site.h. */
struct site_setup {
    struct steps solar_w;          /* on-site generation; len 0: none */
    double battery_j;              /* capacity; 0: none */
    double battery_least;          /* share that is never given away */
    double battery_start;          /* share at time 0 */
    double charge_w, discharge_w;  /* limits, at the site's side */
    double efficiency_in, efficiency_out; /* of charging and of discharging */
    double taper;                  /* C/L/C: limits fall linearly to 0 over this share below full and above
                                      least; 0: they hold to the end */
    enum dispatch dispatch;
    double low, high;              /* USD/kWh, g/kWh or W, by dispatch */
    double export_usd_per_kwh;     /* paid for what flows back; 0: surplus is lost without pay */
    double demand_usd_per_kw;      /* for the highest window of each calendar month (local time); 0: none */
    int64_t demand_window_ns;      /* 15 min */
    double demand_ratchet;         /* a month bills at least this share of the highest of the 12 before; 0 */
};

enum limit_then { LIMIT_WAIT, LIMIT_CAP };

struct region_setup {
    const char *name;
    int64_t utc_offset_ns;
    struct steps price;       /* USD/kWh, taxes and escalation in it */
    struct steps carbon;      /* gCO2/kWh, location-based */
    struct steps temperature; /* C; len 0 when not given */
    struct steps pue;         /* >= 1 */
    struct steps price_forecast, carbon_forecast; /* forecast series of `forecast: given`; len 0: none */
    struct numbers pue_load, pue_add; /* by IT load (share of the nodes' peak, ascending): added to pue,
                                         interpolated; len 0: none */
    bool has_market;          /* a supply contract says what its energy emits (market-based method): */
    double market_g_per_kwh;
    double carbon_usd_per_kg; /* price on operational, location-based emissions; 0 */
    double water_l_per_kwh;   /* evaporated a kWh of IT energy; 0 */
    struct site_setup site;
    double limit_w;           /* facility power that starts must keep; 0: none */
    enum limit_then limit_then;
    struct chosen outage_every, outage_lasts; /* KIND_LIFETIME; model NULL: none. All its nodes at once */
};

/* Capacity is bought one way a pool. Free, owned, rented and reserved nodes are paid for always, as
 * usd_per_node_h (see cost_owned_usd_per_h); on-demand and spot nodes are paid for while they are up, and are
 * up only while they are wanted (elastic). */
enum bought { BOUGHT_FREE, BOUGHT_OWNED, BOUGHT_RENTED, BOUGHT_RESERVED, BOUGHT_ON_DEMAND, BOUGHT_SPOT, BOUGHT_COUNT };
static inline bool bought_elastic(enum bought b) { return b == BOUGHT_ON_DEMAND || b == BOUGHT_SPOT; }
extern const char *const bought_names[BOUGHT_COUNT]; /* "free", "owned", ... */

/* Nodes that may be off: sleeping ones of a pool that is owned or reserved, unrented ones of an elastic pool. */
struct sleep_setup {
    bool on;                  /* elastic pools: always */
    int64_t after_ns;         /* idle for so long, then off */
    double sleep_w;           /* drawn by a sleeping node (elastic: 0) */
    int64_t boot_ns;          /* mean; elastic: provisioning delay */
    bool boot_exponential;    /* boot times are drawn, else all the same */
    double boot_w;            /* drawn by a booting node (elastic: 0) */
    uint32_t reserve;         /* idle nodes kept awake */
    int64_t ahead_ns;         /* forecast-driven: nodes are woken for what the same time yesterday to come
                                 needed, so long ahead; 0: woken on demand only */
};

struct fault_setup {
    struct chosen node_every, gpu_every; /* KIND_LIFETIME of a node, of each of its GPUs; NULL: never fail.
                                            Either takes the node down */
    struct chosen repair;                /* KIND_LIFETIME; how long it stays down */
    uint32_t rack;                       /* nodes that fail together, in runs of this many; 0: none */
    struct chosen rack_every, rack_lasts;
    struct { const int64_t *at_ns, *lasts_ns; const uint32_t *node; size_t len; } trace; /* recorded, by time;
                                            node: index in the pool */
};

struct maintenance {
    int64_t first_ns, every_ns, lasts_ns; /* the whole pool, drained from first on; every 0: once */
};

/* How a GPU is shared by jobs that ask for a part of one (share.h). */
enum sharing_mode {
    SHARING_FREE,             /* parts add up to a device, and nobody feels the others */
    SHARING_NONE,             /* each has a device to itself */
    SHARING_TIME_SLICE, SHARING_MPS, SHARING_MIG
};
struct sharing_setup {
    enum sharing_mode mode;
    double switching;         /* time slicing: share of a device's time that changing between jobs takes */
    double interference;      /* MPS: by how much a memory-bound job is slowed as soon as it is not alone */
    unsigned slices;          /* MIG: bit g: instances of g sevenths of a device are offered */
};

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
    struct chosen power; /* KIND_POWER: share of (peak - idle) at a utilisation, or of peak at a load */
    double gpu_loaded_w; /* drawn by a GPU that is held and not at work, where power follows load; 0: as idle */
    bool power_joint;    /* it follows load by the joint fit of other chips */
    struct sharing_setup sharing;
    enum bought bought;
    double usd_per_node_h;
    int64_t billing_ns, billing_least_ns; /* elastic: paid in whole multiples, at least so long; 0: to the ns */
    struct steps spot_usd_per_node_h;     /* spot: the price over time; len 0: usd_per_node_h */
    struct steps spot_nodes;              /* spot: nodes to be had over time; len 0: all */
    double spot_hazard_per_h;             /* spot: interruptions of a node an hour */
    int64_t spot_notice_ns;               /* warning: a job checkpoints in it where its write fits */
    struct sleep_setup sleep;
    struct fault_setup faults;
    struct maintenance *maintenance;
    size_t maintenance_len;
    double embodied_g_per_node_h;         /* manufacture, linear over the life */
    bool estimated;     /* some figure of it is an estimate (catalogue says which) */
};
#define SETUP_SHARED UINT32_MAX
double pool_failures_per_h(const struct pool_setup *pool); /* of one of its nodes, spot hazard included */

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
    const bool *may;     /* residency, per region; NULL: anywhere */
};
#define SETUP_ANYWHERE UINT32_MAX

enum estimate_kind { ESTIMATE_EXACT, ESTIMATE_USER, ESTIMATE_NOISY, ESTIMATE_CLASS_MEAN };
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
    int64_t estimate_tick_ns;  /* class mean: rounded down to whole multiples; 0: not */

    struct chosen shift, forecast;   /* KIND_SHIFT, KIND_FORECAST */
    double shift_carbon, shift_price; /* weights of what is shifted on. One of them alone is taken as it is
                                         (x PUE); both: each over its mean over regions and time */
    int64_t wait_ns;           /* how long shifting may delay a job whose class says nothing */
    int64_t suspend_ns, resume_ns; /* GPU time a suspension, and going on, cost; at the job's power */
    bool reserved_first;       /* a job that fits free owned, rented or reserved capacity starts at once */
    bool migrate;              /* a suspended or interrupted job is routed anew */
    struct chosen market;      /* KIND_MARKET */
    struct chosen resize;      /* KIND_RESIZE; model NULL: none */
    int64_t resize_every_ns;   /* 0: at arrivals and completions; else at multiples of it */
    int64_t resize_cost_ns;    /* GPU time that a resize costs before work goes on, at the new size */
    int64_t resize_hold_ns;    /* a job that was resized rests for so long, but for making room */
    double resize_gain;        /* GPUs change hands for a gain of this share of the total value at least */
    struct checkpoint_setup {
        enum { CHECKPOINT_NONE, CHECKPOINT_FIXED, CHECKPOINT_YOUNG, CHECKPOINT_DALY } kind;
        int64_t every_ns;      /* fixed */
        int64_t write_ns, restore_ns;
    } checkpoint;
    struct cap_setup {
        enum { CAP_NEVER, CAP_ALWAYS, CAP_PRICE, CAP_CARBON } when;
        double level;          /* of the GPU's peak power */
        double above;          /* USD/kWh or g/kWh, by when */
        struct numbers caps, speeds; /* ascending; speed at cap 1 is 1. Between them: interpolated */
    } cap;
};

/* Speed under a cap at this level, of the speed without one: by the setup's table, else by the one below. */
double cap_speed(const struct cap_setup *cap, double level);
/* V100 training under a power cap, as a share of its TDP (Zeus, NSDI'23): the table where none is given. */
enum { CAP_LEVELS = 7 };
extern const double cap_levels[CAP_LEVELS], cap_speeds[CAP_LEVELS];

/* What a job asks of a GPU that it has to itself, as shares of what the device has; averages over its work. */
struct load_shares {
    double compute, memory;    /* of its peak FLOP/s and of its memory bandwidth; both 0: not known */
    double sms;                /* of its multiprocessors; 0: as compute */
    double busy;               /* of its time with something running; 0: the larger of compute and memory */
};

/* What jobs of a class may do; the first entry that matches a job holds. */
struct class_setup {
    const char *name;          /* class of the trace or load; NULL: any */
    int64_t run_below_ns;      /* only jobs that run shorter than this; TICK_NEVER: any */
    int64_t wait_ns;           /* how long shifting may delay them; -1: policy.wait_ns */
    unsigned markets;          /* bit set of enum bought they may use */
    double data_gb;            /* moved when a job runs away from its tenant's home */
    struct chosen speed;       /* KIND_SPEED: how fast its jobs go where they run; model NULL: as recorded */
    const char *speed_gpu;     /* the GPU model their run times were recorded on, on as few nodes as hold them */
    double speed_batch;        /* of the whole job; 0: the model's own */
    double batch_most;         /* the largest a policy may choose; 0: speed_batch always */
    uint32_t gpus_least, gpus_most; /* elastic jobs: GPUs they may hold where a policy resizes; 0: as they ask */
    /* What its GPUs are fed with (pipeline_supply_rate); ingest and prepare are of one GPU of speed_gpu (of any one
     * without a speed model) and of one core; item_bytes 0: never short of data. Run times are those of GPUs that
     * never wait. */
    struct data_supply supply;
    struct load_shares load;
};

/* What it takes to move data from one region to another: [from * regions + to]. */
struct transfer_setup {
    double *usd_per_gb, *gb_per_s, *latency_s; /* arrays of regions x regions; NULL: free and at once */
};

struct service_setup; /* core/service.h */
struct flow_setup;    /* core/flow.h */

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
    struct class_setup *classes;
    size_t classes_len;
    struct transfer_setup transfer;
    const struct service_setup *services;
    size_t services_len;
    const struct flow_setup *flows; /* pipelines */
    size_t flows_len;
};

/* The class entry of a job; NULL when none matches. */
const struct class_setup *setup_class(const struct setup *setup, const char *class_name, int64_t run_ns);

/* Amortised cost of an owned node, USD per hour: price x r / (1 - (1+r)^-life) / 8766, r > 0 (the annuity
 * of engineering economics); price / life / 8766 at r = 0. life in years of 365.25 d. */
double cost_owned_usd_per_h(double price_usd, double life_years, double cost_of_capital);

#endif

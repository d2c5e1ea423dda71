/*
 * The ledger: energy, money and emissions, integrated exactly.
 *
 * Power is constant between events; price, carbon and PUE are step functions. So a region keeps, per watt of
 * IT power, the running integrals of PUE, PUE x price and PUE x carbon (struct flow); what an interval costs is
 * watts times the difference of two flows. No sampling, no step size. Whole numbers (GPUs held, jobs waiting) are
 * integrated exactly, in integers (struct tide).
 *
 * Three accounts of the same energy are kept apart and compared at the end (ledger_error): the region's meter
 * (from its total power), the pools (what jobs hold there, and the idle rest), and the groups of jobs (what each
 * job was charged when it stopped).
 *
 * A job is charged for the GPUs it holds (idle and busy watts) and its part of the node's base power (GPUs held
 * over the node's GPUs; on a node without GPUs: cores held over cores). Idle is the rest.
 *
 * PUE may depend on load: facility power is then it_w x (pue(t) + add(it_w / full_w)), a segment also ends
 * where it_w changes, and what jobs and idle nodes are charged follows as ever. Where a region has a site, its
 * account goes on with every settlement. Regions without either pay a comparison.
 *
 * Cost: a few multiply-adds a start or stop, plus one step a signal change.
 */
#ifndef HEADROOM_CORE_LEDGER_H
#define HEADROOM_CORE_LEDGER_H

#include "core/cursor.h"
#include "core/result.h"
#include "core/setup.h"
#include "core/site.h"

#include <stdbool.h>
#include <stdint.h>

__extension__ typedef __int128 wide; /* exact sums of thousandths x ns */

/* Integrals per watt of IT power. */
struct flow {
    double pue_s;   /* facility J per IT W */
    double usd, g;  /* per IT W */
};
struct charge {
    double j, usd, g; /* facility energy, its cost, its emissions */
};
/* What running jobs come to. */
struct bill {
    struct charge energy;
    double capacity_usd;
    double used, useful; /* thousandths of a GPU x ns */
};

/* A whole number that steps, and its exact integral. A step by d at time t adds d x (T - t) to the integral to T:
 * so the integral is level x T - sum of d x t, and a step costs one multiplication, whatever went before. */
struct tide {
    int64_t level;
    wide moment; /* sum of step x time */
};
static inline void tide_step(struct tide *tide, int64_t by, int64_t now_ns) {
    tide->level += by;
    tide->moment += (wide)by * now_ns;
}
static inline wide tide_total(const struct tide *tide, int64_t now_ns) {
    return (wide)tide->level * now_ns - tide->moment;
}

/* The tides of a region. */
enum gauge { GAUGE_HELD, GAUGE_QUEUED, GAUGE_QUEUED_GPUS, GAUGE_RUNNING, GAUGE_COUNT };

struct region_mark { /* running totals of a region at some moment */
    struct charge meter;
    double it_j, price_s, carbon_s, pue_s;
    double used, fragmented;   /* thousandths of a GPU x ns */
    wide gauge[GAUGE_COUNT];   /* x ns */
    struct site_totals site;   /* 0 where there is none */
};
struct region_account {
    const struct region_setup *setup;
    struct cursor price, carbon, pue;
    int64_t segment_ns, next_ns, now_ns; /* signals constant on [segment, next) */
    struct flow base, now, per_ns;       /* at segment_ns, at now_ns; growth in this segment */
    double it_w;                         /* now */
    double pue_now;                      /* facility W per IT W in this segment */
    bool by_load;                        /* pue_now depends on it_w: a change of it begins a segment */
    double load_w, full_w;               /* it_w that pue_now is of; that of all nodes at their peak */
    struct site *site;                   /* what stands behind the meter, or NULL */
    double price_s, carbon_s;            /* integrals of price and carbon to segment_ns, for time averages */
    struct flow settled;                 /* meter is settled to here */
    int64_t settled_ns;
    struct tide gauge[GAUGE_COUNT];
    double used_milli, fragmented_milli; /* now */
    struct region_mark total, opened, closed;
    double peak_w;                       /* highest facility power since the window opened */
    double window_peak_w;                /* the same when it closed */
};
struct pool_account {
    uint32_t region;
    double share_per_milli;              /* of a node, by thousandths of a GPU (of a core without GPUs) */
    double node_static_w, node_usd_per_ns, busy_w_per_milli;
    double idle_w;                       /* base and idle watts nobody pays for */
    struct tide holds;                   /* thousandths of a GPU */
    wide held;                           /* its integral over the window, x ns */
    struct bill bill;                    /* of the jobs that ran here */
    double embodied_g;                   /* of them, for what they held */
    struct charge idle;
    struct flow settled;
    int64_t settled_ns;
};
/* What one group's jobs held and were charged. */
struct account {
    struct bill bill;
    wide held;
    double overhead;                     /* thousandths x ns */
    uint64_t preemptions;
    uint64_t failures, evictions, suspensions, migrations, resizes;
    double stalled;                      /* thousandths x ns at work without data */
    double crowded;                      /* the same, lost to others on the same GPU or to a slice */
    double checkpoint, lost;             /* thousandths x ns; checkpoint: a part of overhead */
    struct charge lost_energy;           /* of energy, what was drawn for work that was lost */
    double lost_capacity_usd;
    double embodied_g, egress_usd, egress_gb;
};

struct ledger {
    const struct setup *setup;
    struct region_account *regions;
    struct pool_account *pools;
    bool open, was_open;                 /* inside the measured window */
    int64_t opened_ns, closed_ns;
};

void ledger_open(struct ledger *ledger, const struct setup *setup);
void ledger_close(struct ledger *ledger);
/* Facility power at this IT power, with the signals as they are. */
double ledger_facility_w(const struct region_account *region, double it_w);
/* Brings a region's signals and flows to now. */
void region_move(struct region_account *region, int64_t now_ns);
static inline void region_advance(struct region_account *region, int64_t now_ns) {
    if (now_ns != region->now_ns) region_move(region, now_ns);
}
/* Adds to the region's totals what went by since they were settled. Call before it_w, used_milli or
 * fragmented_milli changes; tides need no settling. */
void region_settle(struct region_account *region, int64_t now_ns);
/* Settles, and brings the integrals of signals and tides up to date too: call before total is read. */
void region_read(struct region_account *region, int64_t now_ns);
/* IT energy that was drawn before now and is in no account yet goes to the region's meter, at once and at the
 * present signals; from the grid where there is a site. Settles. Returns what it comes to. */
struct charge region_lump(struct region_account *region, int64_t now_ns, double it_j);
/* Adds the pool's idle share since it was settled. Call before idle_w changes. */
void pool_settle(struct ledger *ledger, uint32_t pool, int64_t now_ns);
/* Starts or ends the measured window: the caller settles all running jobs first. */
void ledger_open_window(struct ledger *ledger, int64_t now_ns);
void ledger_close_window(struct ledger *ledger, int64_t now_ns);

#endif

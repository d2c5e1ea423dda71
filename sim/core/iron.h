/*
 * Nodes that come and go: asleep, booting, unrented, failed, in maintenance, taken back by the spot market.
 * Private to sim/core; opened only when a pool or region asks for any of it, so a fleet that is always up
 * pays nothing (sched.iron is NULL).
 *
 * A node is up, booting, off (asleep or unrented) or down (failed, in maintenance, its region dark). Only
 * nodes that are up stand in the fleet's classes; the others are withdrawn. A node whose spot notice runs
 * is withdrawn while its jobs still run. Every node has at most two pending moments (its next change of
 * state, and its failure or eviction), in a queue of their own behind one handle of the loop's.
 *
 * Rules. Idle nodes go off after sleep.after, but for `reserve` of them; reserve nodes that jobs took are
 * replaced by waking others. What waits in line wakes the lowest nodes of the first pools that can hold it.
 * A failed node is as new after its repair; age counts time up alone. After a repair sleeping and elastic
 * nodes are off. Maintenance stops what still runs when it begins, its work saved. When the spot market
 * offers fewer nodes than are up or booting, booting ones are given up first, then those that are up get
 * notice, the highest nodes first.
 *
 * Times to failure, repair and boot are quantile functions at hashes of (seed, stream, node, how often), so
 * two policies see the same failures whatever else they do, and nothing is drawn inside the loop.
 *
 * Accounts: idle watts of the ledger's pools fall by what an off or down node no longer draws; what sleeping
 * and booting nodes draw, and what elastic nodes cost while they are up, is integrated here.
 */
#ifndef HEADROOM_CORE_IRON_H
#define HEADROOM_CORE_IRON_H

#include "core/ledger.h"

#include <stdbool.h>
#include <stdint.h>

struct sched;
struct iron;

/* Per pool, inside the measured window. */
struct iron_totals {
    struct charge sleep, boot;   /* facility energy of nodes asleep, and booting */
    double up_node_ns;           /* time up: not asleep, unrented, booting or down */
    double paid_usd;             /* elastic: billed for it, granularity and minimum counted; else 0 */
    uint64_t boots;
};

/* NULL when nothing of the setup needs it. Called by world_open after the fleet and the ledger are open. */
struct iron *iron_open(struct sched *s);
void iron_close(struct iron *iron);
/* At time 0, before the first event: nodes of sleeping and elastic pools are off but for the reserve. */
void iron_begin(struct sched *s);
/* The loop's handle EVENT_IRON fired: does everything that is due now. Jobs that lose their node are put back
 * with sched_interrupt. */
void iron_event(struct sched *s);
/* sched.c tells: these takes were placed for this slot; a slot's chain is given up (it still stands): nodes
 * that became empty start their idle clock. */
void iron_placed(struct sched *s, uint32_t slot, uint32_t takes);
void iron_released(struct sched *s, uint32_t takes);
/* Whether jobs that join the domain's line may wake nodes: it is passed over whenever one does. */
bool iron_wakes(const struct iron *iron, uint32_t domain);
/* After a pass over the domain: wakes or rents what its waiting jobs need beyond what is free or on its way.
 * True when something is on its way for them (they wait for WHY_BOOT). */
bool iron_want(struct sched *s, uint32_t domain);
/* Failures an hour a job on these takes must expect, of its nodes and GPUs, racks, region and spot hazard. */
double iron_failures_per_h(const struct sched *s, uint32_t takes);
void iron_open_window(struct sched *s);
void iron_close_window(struct sched *s);
struct iron_totals iron_read(const struct iron *iron, uint32_t pool);

#endif

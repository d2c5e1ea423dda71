/*
 * The run's moving parts, shared by line.c (who waits), sched.c (starts, stops), slot.c (what runs), loop.c (time)
 * and tally.c (results). Private to sim/core.
 */
#ifndef HEADROOM_CORE_ENGINE_H
#define HEADROOM_CORE_ENGINE_H

#include "base/evq.h"
#include "base/tree.h"
#include "core/checkpoint.h"
#include "core/iron.h"
#include "core/ledger.h"
#include "core/place.h"
#include "core/seams.h"
#include "core/service.h"

/* What a job draws and costs while it runs. */
struct rate {
    double watts, static_watts, usd_per_ns;
    double embodied_g_per_ns;
    double speed;             /* of its work, by power cap, chip and data supply; 1 */
    double stall;             /* share of the time at work in which its GPUs wait for data */
};

/* Waiting jobs of one domain, tenant, class and shape. In order of key; while keys arrive ascending they form a
 * list through job.next, others go to the heap; planning backfills keep all of them in a tree instead. */
struct group {
    uint32_t domain, tenant, class_id, shape;
    uint32_t market;          /* its jobs may run on the sets of markets in this list (hold.c); 0: any */
    uint32_t head, tail;      /* list */
    uint64_t tail_key;
    struct evq heap;
    uint32_t root;            /* tree */
    uint32_t len;
    uint32_t fresh;           /* jobs whose waiting time is being attributed here */
    bool aside;
    enum why why;
    int64_t why_since_ns;
    wide why_ns[WHY_COUNT];   /* summed over jobs */
    int64_t clock_ns[WHY_COUNT]; /* time the group had each reason: per-job attribution reads it */
    struct account account;
    struct rate rate;         /* of the one-node job started last, by its pool and utilisation */
    uint32_t rate_pool;       /* FLEET_NONE: none yet */
    float rate_utilisation;
};

/* A domain's waiting line. */
struct line {
    struct evq ready;         /* groups with jobs and not aside, by head key then job */
    struct { uint32_t *at; size_t len, cap; } groups, aside;
    uint32_t len;             /* jobs waiting */
    bool dirty, freed, ended_early, blocked;
    uint32_t front;           /* blocking or held head, JOB_NONE */
    uint64_t front_key;
    bool front_apart;         /* its waiting is attributed apart from its group (blocked lines) */
    enum why front_why;
    int64_t front_since_ns;
    uint32_t ends, running;   /* tree roots over slots */
};

/* A running job. */
struct slot {
    uint32_t job, group, domain, takes;
    uint32_t pool;            /* of its only take; FLEET_NONE with several */
    int64_t work_from_ns;     /* start overhead ends here */
    int64_t end_ns, expected_ns;
    uint64_t running_key;
    struct rate rate;         /* of all its takes */
    struct flow settled;
    int64_t settled_ns;
    uint32_t gpu_milli;
    uint32_t next_unused;
};

/* What a running job has done, where that is more than the time gone by (work.c): checkpoints, caps, suspension.
 * Parallel to the slots; only kept when something of it is in use (sched.working). Work is measured in ns at
 * full speed, from where left_ns stands; wall time from when work began, checkpoint writes counted. */
struct work {
    struct cycle cycle;
    double speed;             /* since mark_ns */
    int64_t mark_ns, wall_ns; /* wall time of work done at mark_ns */
    int64_t done_ns, safe_ns; /* of it, work done, and work in a written checkpoint (below 0: less than left_ns says) */
    int64_t settled_ns;       /* work that was charged as useful */
    int64_t seen_wall_ns, seen_paused_ns; /* wall time at work, and of it writing, that was charged */
    int64_t restore_ns;       /* of the start, reading a checkpoint; not yet charged as such */
    int64_t stop_ns;          /* it is suspended here: no work from then on; TICK_NEVER */
    int64_t look_ns;          /* whether its market still suits is looked at again; TICK_NEVER */
    struct charge energy;     /* charged since it started, inside the window, */
    double capacity_usd, ns;
    double useful_ns;
};

/* Why a running job is stopped from outside: what is not in a checkpoint is lost, but where it is announced long
 * enough to write one (an eviction with a warning, a drain). */
enum interrupt { INTERRUPT_FAILURE, INTERRUPT_EVICTION, INTERRUPT_WARNED, INTERRUPT_DRAIN };
/* What a stopped job owes when it goes on, and whether it is kept back now. */
enum { JOB_OWES_RESTART, JOB_OWES_RESUME, JOB_OWES_RESTORE, JOB_OWES = 3, JOB_HELD = 4 };

struct hold;
struct caps;
struct resize;
struct share;

/* A service, or a crew of a pipeline, among the jobs: what its records say, where they begin, how many there are. The
 * second shape is of a split service's replicas that decode; else the same. */
struct bound_staff {
    uint32_t tenant, class_id, shape, second_shape, first, most;
    int32_t priority;
    bool serves;
};

struct sched {
    struct world world;
    struct ledger ledger;
    const struct setup *setup;
    const struct run_options *options;
    const struct order_model *order;
    const struct backfill_model *backfill;
    const struct place_model *place;
    const struct route_model *route;
    void *order_state, *backfill_state, *place_state, *route_state;
    struct arena arena;

    struct evq events;
    struct { struct slot *at; size_t len, cap; } slots;
    uint32_t unused_slot;
    struct takes takes;
    struct { struct group *at; size_t len, cap; } groups;
    uint32_t *group_slots; /* hash (domain, tenant, class, shape) -> group */
    size_t group_slots_len;
    uint32_t last_group;   /* found last: most jobs are like the one before */
    uint32_t *group_of;    /* per job, SCHED_NONE before it arrived */
    uint8_t *possible;     /* [domain * shapes + shape]: 0 unknown, 1 yes, 2 no */
    struct line *lines;    /* per domain */
    struct { uint32_t *at; size_t len, cap; } dirty;
    struct forest waiting, ends, running;
    struct { uint32_t *at; size_t len, cap; } scratch, victims;
    uint32_t *quota_waiting; /* per tenant: groups set aside for its quota */
    bool by_tenant;        /* lines are ordered across tenants first */
    bool skips_line;       /* a lone job that fits starts without a pass, and a line without jobs has none */
    bool hands_over;       /* a job that ends may leave its place to the next without a placement (sched.c) */
    uint32_t running_len, waiting_len;
    uint64_t events_done, passes, placements;
    struct job_result *job_results;
    struct series series;  /* being filled; at[] has room for bins_most a region */
    uint32_t bins_most;
    int64_t stop_ns;       /* when totals are read next: a bin ends, or the window opens or closes */
    struct region_mark *bin_marks; /* regions' totals at the beginning of the open bin */
    double *bin_elastic_usd;       /* and what elastic nodes had been billed */

    /* Each is NULL, or false, when nothing of the setup needs it. */
    struct hold *hold;     /* shifting, data transfer, markets */
    struct iron *iron;     /* nodes that come and go */
    struct caps *caps;     /* power caps and limits */
    struct services *services; /* LLM services */
    struct flows *flows;   /* pipelines */
    struct resize *resize; /* elastic jobs */
    struct share *share;   /* jobs side by side on a GPU */
    uint32_t *asked_milli; /* per shape, what jobs asked for where they hold more */
    bool working, embodies, speeds; /* speeds: classes have a speed model or a data supply */
    bool loads;            /* what jobs reach of their GPUs is known of some, and matters to power or caps */
    struct { struct work *at; size_t len, cap; } works;
    uint8_t *job_state;    /* JOB_OWES_*, JOB_HELD */
    bool recalls;          /* an event may call off another that is due at the same instant */
    const struct jobs *trace; /* whose columns world.jobs has, but for those that staff makes longer */
    char **tenant_names, **class_names; /* tables of names made longer by staff */
    struct bound_staff *bound; /* services, then crews */
    size_t bound_len;
    uint32_t first_worker; /* records of pipelines' workers; before them those of replicas */
    bool in_trees;         /* waiting jobs stand in trees: any of them may leave, or be searched for */
};

/* Handles in the event queue: timers, then one a line (its pass is due), one a line (a job kept back is let
 * go), then one a slot. */
enum { EVENT_ROUND, EVENT_IRON, EVENT_CAPS, EVENT_PHASES, EVENT_SERVE, EVENT_FLOW, EVENT_LINES };
static inline uint32_t first_held_event(const struct sched *s) { return EVENT_LINES + s->world.fleet.domains_len; }
static inline uint32_t first_slot_event(const struct sched *s) { return EVENT_LINES + 2 * s->world.fleet.domains_len; }

/* world.c. options NULL: the world is only looked at, never run, and its records are the trace's own. */
bool world_open(struct sched *s, const struct setup *setup, const struct jobs *trace,
                const struct run_options *options, struct err *err);
void world_close(struct sched *s);
bool world_possible(struct sched *s, uint32_t domain, uint32_t shape);

/* sched.c */
/* An arrival, a taken event, at world.now_ns; alone: nothing else happens from now on at this instant, and no
 * line is waiting for its pass. */
void sched_arrive(struct sched *s, uint32_t job, bool alone);
void sched_event(struct sched *s, evq_key event, bool alone);
void sched_prefetch(const struct sched *s, evq_key next); /* the next event's job, most likely far from the cache */
void sched_ended(struct sched *s);                 /* after an instant's completions, before its arrivals */
void sched_passes(struct sched *s);
/* The region at submit or, for a job that may migrate, again; `offers` may be NULL. */
uint32_t sched_route(struct sched *s, uint32_t job, const bool *may, const struct route_offer *offers);
/* A record of a replica or of a pipeline's worker; those are no jobs in any count. */
static inline bool sched_is_replica(const struct sched *s, uint32_t job) { return job >= s->world.jobs.len; }
/* Stops a running job for good. */
void sched_release(struct sched *s, uint32_t slot);
/* Stops a running job; what was not safe is lost; it goes back in line. */
void sched_interrupt(struct sched *s, uint32_t slot, enum interrupt cause);
/* A running job draws, costs or works at another rate from now on. */
void sched_rerate(struct sched *s, uint32_t slot);
/* A running job is placed anew with another shape of the same kind. After cost_ns its work goes on from where it is.
 * false, and nothing changed, where that does not fit. */
bool sched_resize(struct sched *s, uint32_t slot, uint32_t shape, int64_t cost_ns);
/* Whether the region has power for so many GPUs (thousandths) more of the job, wherever in the domain. */
bool sched_has_power(struct sched *s, uint32_t domain, uint32_t job, uint32_t milli);

bool sched_may(struct sched *s, uint32_t job, uint32_t region); /* could it ever run there? */

/* line.c */
bool line_counts(const struct sched *s, uint32_t job); /* submitted inside the measured window */
/* The group of a job in a domain's line, found or made; its market is chosen for now. */
uint32_t line_group(struct sched *s, uint32_t domain, uint32_t job);
/* The group of the job in its present shape, beside the one it was in. */
uint32_t line_group_beside(struct sched *s, uint32_t group, uint32_t job);
uint64_t line_group_models(const struct sched *s, uint32_t group); /* it may run on now, over all its markets */
uint32_t line_group_jobs(const struct sched *s, uint32_t group);   /* how many wait in it */
void line_join(struct sched *s, uint32_t group, uint32_t job);
void line_put(struct sched *s, uint32_t domain, uint32_t job); /* finds its group and joins it */
void line_leave(struct sched *s, uint32_t job); /* the first of its group; where lines are in trees, anyone */
void line_aside(struct sched *s, uint32_t group, enum why why);
/* The domain's line is due a pass. */
void line_dirty(struct sched *s, uint32_t domain);
/* Capacity of the domain was added: whoever waits there is tried again. */
void line_freed(struct sched *s, uint32_t domain);
/* Puts groups back in line: those that what was freed may help; all of them; or a tenant's at its quota. */
enum wake { WAKE_FREED, WAKE_ALL, WAKE_QUOTA };
void line_wake(struct sched *s, uint32_t domain, enum wake wake, uint32_t tenant);
/* There is no head any more that others must not pass. */
void line_clear_front(struct sched *s, struct line *line);
/* Those that lack capacity wait for nodes on their way from now on. */
void line_wait_for_nodes(struct sched *s, uint32_t domain);
void line_settle(struct sched *s); /* attributes all waiting up to now */
static inline const struct shape *group_shape(const struct sched *s, const struct group *g) {
    return &s->world.jobs.shapes.at[g->shape];
}

/* slot.c */
/* The most that a thousandth of a GPU draws beyond idle, if the job runs in the pool. */
double slot_most_w(const struct sched *s, uint32_t pool, uint32_t job);
/* What the slot's job draws, costs and works at, by where it runs now. */
struct rate slot_rate(struct sched *s, const struct slot *slot);
struct rate slot_rate_at(const struct sched *s, uint32_t slot, double level); /* at a power cap */
/* Charges the job, its group and its pools for the time since it was charged last. */
void slot_settle(struct sched *s, struct slot *slot);
void slot_settle_all(struct sched *s);
/* Adds what the job draws and holds to gauges, pools and its tenant, or takes it back. */
void slot_enter(struct sched *s, const struct slot *slot);
void slot_leave(struct sched *s, const struct slot *slot);
/* Of what the job was charged since it started, the part that belongs to `lost_ns` of work goes to losses; `saved_ns`
 * of it went into the checkpoint that was written in time. */
void slot_lose(struct sched *s, const struct slot *slot, int64_t lost_ns, int64_t saved_ns);
/* What nodes of an elastic pool cost from now on; jobs there are charged by it. */
void slot_pool_price(struct sched *s, uint32_t pool, double usd_per_node_ns);
static inline uint32_t take_pool(const struct sched *s, const struct take *t) {
    return s->world.fleet.nodes[t->node].pool;
}

/* work.c */
void work_begin(struct sched *s, uint32_t slot); /* after slot->work_from_ns: sets end_ns */
int64_t work_done(const struct work *w, int64_t now_ns);
int64_t work_safe(const struct work *w, int64_t now_ns);
int64_t work_wall(const struct work *w, int64_t now_ns); /* since work began, writing counted */
int64_t work_paused(const struct work *w, int64_t now_ns); /* time spent writing checkpoints */
void work_rebase(struct work *w, int64_t done_ns); /* left_ns fell by done_ns */
void work_change(struct sched *s, uint32_t slot, double speed); /* from now on; settled before; sets end_ns */
int64_t work_expected(const struct sched *s, uint32_t slot); /* its end by its estimate, at its present speed */
int64_t work_moment(const struct sched *s, uint32_t slot, int64_t when_ns); /* its next event, at most when_ns */
/* Multiplies the rate's speed by how fast the slot's job goes where it runs, over how fast its run time was recorded,
 * and sets its stall: by its class's speed model and data supply. */
void work_pace(const struct sched *s, const struct slot *slot, struct rate *rate);
/* What the job's GPUs reach at work in the pool, as shares of the peaks of what it holds, by its class; false: not
 * known. */
bool work_load(const struct sched *s, uint32_t job, uint32_t pool, double *compute, double *memory);
/* How fast the job goes on so many GPUs over so many nodes of a pool, over how fast its run time was recorded, by its
 * class's speed model; 0 where it cannot. progress: share of its work that is done. */
double work_speed(const struct sched *s, uint32_t job, uint32_t pool, uint32_t gpus, uint32_t nodes, double progress);
/* Whether jobs of every class can run on every GPU model their class has a speed for. */
bool work_check(const struct sched *s, struct err *err);

/* hold.c */
void hold_open(struct sched *s);
void hold_close(struct hold *hold);
/* A job arrived: routes it and lets it go, now or later. may: regions it could run in (at least one). */
void hold_arrive(struct sched *s, uint32_t job, bool *may);
/* A stopped job (suspended, or interrupted) is to go on. */
void hold_again(struct sched *s, uint32_t job, bool suspended);
void hold_event(struct sched *s, uint32_t domain);     /* jobs kept back are due */
void hold_phases(struct sched *s);                     /* waiting jobs' markets change */
bool hold_let_go(struct sched *s, uint32_t domain);    /* reserved_first: one more fits paid capacity */
void hold_started(struct sched *s, uint32_t slot);     /* sets when the job is suspended, and looked at */
bool hold_looks(struct sched *s, uint32_t slot);       /* false: it must move to another market */
uint32_t hold_market(struct sched *s, uint32_t domain, uint32_t job); /* its list of sets, as a group's market */
size_t hold_sets(const struct sched *s, uint32_t market, const uint64_t **models); /* fleet models of each set */
bool hold_possible(struct sched *s, uint32_t domain, uint32_t job);
void hold_settle(struct sched *s);                     /* the run ends: attributes waiting of jobs kept back */
const struct class_setup *hold_class(const struct sched *s, uint32_t job);

/* resize.c */
void resize_bind(struct sched *s);                     /* shapes that elastic jobs may have, beside the trace's */
void resize_open(struct sched *s);
void resize_check(const struct sched *s, struct err *err); /* whether elastic jobs run at some size */
void resize_close(struct resize *resize);
uint32_t resize_recorded(const struct sched *s, uint32_t job); /* the shape its run time was recorded in */
void resize_started(struct sched *s, uint32_t slot);
void resize_stopped(struct sched *s, uint32_t slot);   /* it holds nothing any more; it would wait for the least */
void resize_pass(struct sched *s, uint32_t domain);    /* after the passes over the line */
void resize_settle(struct sched *s);                   /* the run is over: all jobs in the shapes they came with */

/* caps.c */
void caps_open(struct sched *s);
void caps_begin(struct sched *s);
void caps_event(struct sched *s);                      /* a signal stepped */
double caps_level(const struct sched *s, uint32_t region);
double caps_speed(const struct sched *s, double level); /* of jobs of which no more is known than that it bites */
/* Of a job that would draw the share `drawn` of its peak, and is capped to `level` of it. */
double caps_pace(const struct sched *s, double level, double drawn, double compute, double memory);
/* For whoever draws power that is in no slot's rate: the levels of the table of caps, 0 where no region's limit caps;
 * the one in force in a region; adds what is drawn at each, or takes it back. */
size_t caps_levels(const struct sched *s);
double caps_table(const struct sched *s, size_t i);
size_t caps_at(const struct sched *s, uint32_t region);
void caps_add(struct sched *s, uint32_t region, const double *watts, int by);
bool caps_allow(struct sched *s, uint32_t region, double more_w); /* a start that draws so much more IT power */
void caps_count(struct sched *s, uint32_t slot, int by); /* a job started or stopped */
void caps_recount(struct sched *s, uint32_t slot, int by); /* a running job is about to draw otherwise, and does */
void caps_settle(struct sched *s);                     /* after the passes of an instant */

/* share.c */
/* Rounds parts of GPUs to what pools give out; before the fleet is opened. run: records are the run's own. */
void share_bind(struct sched *s, bool run, struct err *err);
void share_open(struct sched *s);
void share_close(struct share *share);
/* A slot has its GPUs and has no rate yet, or will give them back and has left all accounts: those beside it go on
 * at another pace. */
void share_join(struct sched *s, uint32_t slot);
void share_leave(struct sched *s, uint32_t slot);
/* The pace of the slot's job beside others, or in its slice; at most 1. */
double share_pace(const struct sched *s, const struct slot *slot);

/* series.c */
void series_begin(struct sched *s);
int64_t series_next_ns(const struct sched *s);     /* when the open bin ends; TICK_NEVER without a series */
void series_flush(struct sched *s);                /* at that moment, regions settled: closes the bin */
void series_end(struct sched *s, struct result *result); /* the last, partial bin */

/* tally.c */
void tally_results(struct sched *s, struct result *result);

#endif

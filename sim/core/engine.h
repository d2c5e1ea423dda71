/*
 * The run's moving parts, shared by sched.c (lines, starts, stops), loop.c (time) and tally.c (results).
 * Private to sim/core.
 */
#ifndef HEADROOM_CORE_ENGINE_H
#define HEADROOM_CORE_ENGINE_H

#include "base/evq.h"
#include "base/tree.h"
#include "core/ledger.h"
#include "core/place.h"
#include "core/seams.h"

/* What a job draws and costs while it runs. */
struct rate {
    double watts, static_watts, usd_per_ns;
};

/* Waiting jobs of one domain, tenant, class and shape. In order of key; while keys arrive ascending they form a
 * list through job.next, others go to the heap; planning backfills keep all of them in a tree instead. */
struct group {
    uint32_t domain, tenant, class_id, shape;
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
};

/* Handles in the event queue: the round timer, then one a line (its pass is due), then one a slot. */
enum { EVENT_ROUND, EVENT_LINES };
static inline uint32_t first_slot_event(const struct sched *s) { return EVENT_LINES + s->world.fleet.domains_len; }

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
void sched_settle_running(struct sched *s);        /* charges every running job up to now */
void sched_settle_waiting(struct sched *s);        /* attributes all waiting up to now */

/* series.c */
void series_begin(struct sched *s);
int64_t series_next_ns(const struct sched *s);     /* when the open bin ends; TICK_NEVER without a series */
void series_flush(struct sched *s);                /* at that moment, regions settled: closes the bin */
void series_end(struct sched *s, struct result *result); /* the last, partial bin */

/* tally.c */
void tally_results(struct sched *s, struct result *result);

#endif

/*
 * A crew: the workers of one stage of a pipeline, or its containers, as records of the engine's; who is asked for, who
 * starts, who works, what they draw, and how many there should be. Private to flow.c and crew.c; see flow.h.
 */
#ifndef HEADROOM_CORE_CREW_H
#define HEADROOM_CORE_CREW_H

#include "core/engine.h"
#include "core/flow.h"

enum worker_state { WORKER_OFF, WORKER_ASKED, WORKER_STARTING, WORKER_READY }; /* from STARTING on it holds */
struct worker {
    enum worker_state state;
    uint32_t slot, pool;
};
/* A crew's workers in one pool, and what they draw and do beyond what their slots are charged. */
struct crew_part {
    uint32_t ready, group;      /* group: of the one that was ready last */
    double watts;               /* in the region's it_w now */
    double used, stalled;       /* thousandths of a GPU */
    struct flow settled;        /* charged to here */
    int64_t settled_ns;
};
struct crew {
    struct flow_crew setup;
    uint32_t pipe, domain, first_job;
    struct worker *workers;     /* setup.scale.most */
    struct crew_part *parts;    /* per pool */
    uint32_t have, ready;       /* not OFF; READY */
    uint32_t held_milli;        /* thousandths of a GPU a worker holds, */
    double work_milli;          /* its stages have, */
    double busy;                /* and the share of these at work now */
    int64_t look_ns;            /* the autoscaler's next; TICK_NEVER */
    int64_t many_since_ns;      /* since then fewer would do; TICK_NEVER: they would not */
    uint32_t many_most;         /* and so many would have sufficed all that time */
    uint32_t ready_most;
    uint64_t starts;
    double worker_ns, gpu_h;    /* held, inside the window */
    double used_milli_ns, stalled_milli_ns;
    struct charge energy;
    double capacity_usd;
};

/* So many are asked for or given back; those that hold least go first. true: something changed. */
bool crew_resize(struct sched *s, struct crew *crew, uint32_t want, struct evq *due, uint32_t first_handle);
/* A worker is ready from now on; one loses what it holds. */
void crew_ready(struct sched *s, struct crew *crew, uint32_t worker);
void crew_lost(struct crew *crew, uint32_t worker);
/* The share of their GPUs' work that goes on from now on. */
void crew_works(struct sched *s, struct crew *crew, double busy);
void crew_settle(struct sched *s, struct crew *crew); /* charges up to now */
/* The number for `need` workers, by limits, step and keep time. */
uint32_t crew_wanted(struct crew *crew, double need, int64_t now_ns);

#endif

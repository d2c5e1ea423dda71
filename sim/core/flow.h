/*
 * Pipelines on the simulated fleet: stages with CPU and GPU workers, bounded buffers between them, and workers that
 * hold what they hold like jobs do. They stand in the same lines, under the same priorities and quotas, are charged by
 * the same ledger, and may be preempted or fail with their node; a worker that has its share of a node works after its
 * start-up time. Items are a fluid (fluid.h): the rates of a pipeline hold until a worker comes or goes, a buffer fills
 * or empties, or items come at another rate, and each such moment is one event of the main loop.
 *
 * Workers come in crews, of which each is scaled by itself. Disaggregated, every stage has a crew. Monolithic, there is
 * one crew of containers, each with an even part of all stages' workers. A stage that needs nothing (a store, a link)
 * has none, and is always there.
 *
 * The autoscaler looks at a crew every so often. It wants as many workers as take what comes from the stage before and
 * clear the backlog within `clear`, but no more than fill what the stage after takes and the room before it within the
 * same time: both sides are what went by since the last look. Workers are given back only when fewer would have done
 * for as long as `keep`. With steady stages around it that ends at the least number that keeps up: rate x service /
 * batch, rounded up.
 *
 * Energy: a worker's slot charges its GPUs idle; while it works they are busy, so a crew draws (busy - idle) x the
 * share of time at work, which is exact between two changes. A stage's GPUs that are ready and do not work are stalled.
 */
#ifndef HEADROOM_CORE_FLOW_H
#define HEADROOM_CORE_FLOW_H

#include "core/job.h"
#include "core/setup.h"

#include <stdbool.h>
#include <stdint.h>

struct flow_scale {
    uint32_t least, begin, most;   /* workers; all the same: as they are */
    int64_t every_ns, keep_ns, clear_ns;
    uint32_t step;                 /* most workers added at a look; 0: any number */
};
struct flow_stage {
    struct stage work;             /* workers: scale.most */
    const char *class_name;        /* of its workers, where it has a crew of its own: PIPELINE/STAGE */
    const uint32_t *after;         /* stages before it, each smaller than its own index; none: fed by the source */
    size_t after_len;
    double buffer;                 /* items that fit before it, from each of `after`; 0: a round of both's workers */
    struct flow_scale scale;
    const char *const *gpu_models; /* accepted; gpu_models_len 0: any */
    size_t gpu_models_len;
};
struct flow_setup {
    const char *name;
    const char *tenant;            /* whose quota it uses; NULL: default */
    struct flow_stage *stages;
    size_t stages_len;
    double items;                  /* INFINITY: as many as come until until_ns */
    int64_t start_ns, until_ns;    /* items come in between; TICK_NEVER: no end */
    double rate_per_s;             /* they come at; 0: all are there at the start */
    double lot;                    /* > 0: they come in lots of so many, at random (Poisson); 0: steadily */
    struct numbers daily;          /* 24 relative intensities by local hour of region 0; len 0: flat */
    int32_t priority;              /* of its workers */
    bool monolithic;
    double container_cpus, container_gpus, container_mem_mib; /* of one container, GPUs whole */
};

/* What a crew is made of. */
struct flow_crew {
    const char *class_name;
    struct shape shape;            /* of a worker; models: any, what is accepted stands in gpu_models */
    const char *const *gpu_models;
    size_t gpu_models_len;
    struct flow_scale scale;
    int64_t start_ns;              /* until a worker works */
    uint32_t stage;                /* FLOW_ALL: all of them, in containers */
};
#define FLOW_ALL UINT32_MAX
bool flow_has_crew(const struct flow_stage *stage);
size_t flow_crews(const struct flow_setup *flow);
struct flow_crew flow_crew(const struct flow_setup *flow, size_t crew);
double flow_buffer(const struct flow_setup *flow, size_t stage); /* room from each stage before it */

/* Inside the measured window. Workers of a stage of a monolithic pipeline are its part of the containers. */
struct flow_stage_result {
    const char *name;
    double items;                  /* through it */
    double worker_h;               /* held, starting ones included */
    double busy_h, starved_h, blocked_h; /* of ready workers: at work; for want of items; for want of room */
    double gpu_h, stalled_gpu_h;   /* held; of them, ready and not at work */
    double energy_j, energy_usd, co2_g, capacity_usd; /* facility; 0 where it has no crew of its own */
    uint32_t workers_most;         /* ready at once */
    uint64_t starts;               /* of workers; of the whole run */
};
struct flow_result {
    const char *name;
    bool monolithic;
    double offered, items;         /* came; through all stages */
    double left;                   /* at the end of the run: came, and not through */
    double active_s;               /* from its start until it was done */
    double worker_h;               /* of workers, or of containers */
    double gpu_h, busy_gpu_h, stalled_gpu_h;
    double energy_j, energy_usd, co2_g, capacity_usd;
    uint64_t starts;
    int64_t end_ns;                /* when it was done; TICK_NEVER: not */
    struct flow_stage_result *stages;
    size_t stages_len;
};

struct sched;
struct flows;
struct bill;
/* Private to the engine, through staff.h. Records of workers are jobs from s->first_worker on. */
size_t flows_records(const struct setup *setup);
struct flows *flows_open(struct sched *s);
void flows_close(struct flows *flows);
void flows_begin(struct sched *s);
void flows_event(struct sched *s);                     /* EVENT_FLOW */
void flows_started(struct sched *s, uint32_t slot);
void flows_stopped(struct sched *s, uint32_t slot);
int64_t flows_start_ns(const struct flows *flows, uint32_t job);
void flows_charge(struct flows *flows, uint32_t job, const struct bill *bill, double ns);
void flows_edge(struct sched *s);                      /* the window opens or closes now */
bool flows_over(const struct flows *flows);
/* Results, flows_len of the setup; stages are allocated, flow_results_free frees them. */
void flows_results(struct sched *s, struct flow_result *results);
void flow_results_free(struct flow_result *results, size_t count);

#endif

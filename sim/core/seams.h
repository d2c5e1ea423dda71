/*
 * The seams: what each kind of model provides. One file, one `const` struct, one line in models.def.
 * Functions get their state (zeroed, state_size bytes, freed with the run), their parsed parameters once in
 * open, and the world read-only.
 */
#ifndef HEADROOM_CORE_SEAMS_H
#define HEADROOM_CORE_SEAMS_H

#include "base/rng.h"
#include "core/outlook.h"
#include "core/sched.h"
#include "core/world.h"

/* Who goes next: a smaller key goes first; ties by submit time, then row. */
struct order_model {
    struct model model;
    /* May be NULL. */
    void (*open)(void *state, const void *params, const struct world *world);
    /* Key of a waiting job, constant while it waits. */
    uint64_t (*key)(const void *state, const struct world *world, uint32_t job);
    unsigned needs;   /* JOBS_* columns it cannot do without */
    /* Preemptive orders: key of a running job at time t is running_key - (drift ? t : 0); it was
     * (re)started at world->now_ns and `changes_ns` is set to the moment its key changes otherwise
     * (TICK_NEVER: it does not). A waiting job with a smaller key may take a running one's place. */
    bool preemptive, drift;
    uint64_t (*running_key)(const void *state, const struct world *world, uint32_t job, int64_t *changes_ns);
    /* Orders across tenants: the tenant with the smallest value goes first, then key. May be NULL. */
    double (*tenant_key)(const void *state, const struct world *world, uint32_t tenant);
};
/* Order-preserving maps to uint64_t. */
static inline uint64_t order_key_i64(int64_t v) { return (uint64_t)v ^ (UINT64_C(1) << 63); }

/* Who may overtake: runs one scheduling pass over a domain's waiting line with the calls of sched.h. */
struct backfill_model {
    struct model model;
    void (*open)(void *state, const void *params, const struct world *world);
    /* Without `arrived` and `ended_early` below, a pass must start a lone job that fits and do nothing in a line
     * where nobody waits: such a job is then started, and such a line passed over, without asking it. */
    void (*pass)(void *state, struct sched *sched, uint32_t domain);
    /* May be NULL: a job joined the line; jobs completed before their expected ends (called once, after all
     * completions of the instant and before its arrivals). */
    void (*arrived)(void *state, struct sched *sched, uint32_t domain, uint32_t job);
    void (*ended_early)(void *state, struct sched *sched, uint32_t domain);
    void (*close)(void *state);
    bool needs_search;  /* sched_first_within is used: waiting jobs are kept in a searchable tree */
    bool needs_ends;    /* sched_shadow is used: expected ends are kept in a tree */
    bool reserves;      /* plans on estimates: refused with preemptive and cross-tenant orders */
    bool head_blocks;   /* a pass is no more than: start the next job until one does not fit, and block for that */
    bool whole_domain;  /* plans on GPU counts of the whole domain: refused where jobs accept some models only */
};

/* How a job larger than any node it fits (or any job, with policy.scatter) is split. */
enum gang {
    GANG_FEWEST_NODES, /* nodes with most free GPUs first, lowest id on ties */
    GANG_WHOLE_NODES,  /* whole free nodes, ids ascending, plus one remainder on the next node by free GPUs
                          descending (consolidate); never scattered further */
    GANG_LOWEST_FIRST, /* ids ascending, taking what each offers */
    GANG_MOST_NODES    /* nodes with fewest free GPUs last, one device a node in turn */
};

/* Where: chooses the node of a one-node request. */
struct place_model {
    struct model model;
    void (*open)(void *state, const void *params, const struct world *world);
    /* false: no node of the domain can hold it now. */
    bool (*choose)(void *state, const struct world *world, uint32_t domain, const struct shape *shape,
                   struct spot *spot);
    void (*close)(void *state);
    enum gang gang;
    bool draws;         /* choosing changes the state: it must not be left out even where there is no choice */
    bool wants_kinds;   /* node_class.kinds are tracked (and split classes) */
};
/* The common form of choose: the node with the least score, lowest node id on ties. score is called once a
 * live class that fits; for a share it also sets *share_of (free thousandths of the device to use).
 * Cost: one call a live class. */
typedef int64_t place_score(void *state, const struct world *world, const struct node_class *node,
                            uint32_t class_id, const struct shape *shape, uint32_t *share_of);
bool place_least(place_score *score, void *state, const struct world *world, uint32_t domain,
                 const struct shape *shape, struct spot *spot);
/* Best fit among the devices of a node for a share: the least free device that suffices (1000: a whole one). */
uint32_t place_best_device(const struct fleet *fleet, uint32_t class_id, uint32_t share_milli);

struct route_offer;
/* Which region, at submit (and when it goes on, where it may migrate). Only regions with may[r] have nodes that
 * could ever hold the job and are allowed by its tenant's residency (at least one). */
struct route_model {
    struct model model;
    void (*open)(void *state, const void *params, const struct world *world);
    uint32_t (*region)(void *state, const struct world *world, uint32_t job, const bool *may);
    /* Instead of region: choose among offers, one a region (usable ones have may[r]). The engine asks the shift
     * model for each region's best start first, so the pair of region and start is chosen together. */
    uint32_t (*pair)(void *state, const struct world *world, uint32_t job, const bool *may,
                     const struct route_offer *offers);
};
/* What a region offers a job. */
struct route_offer {
    int64_t start_ns;   /* when shifting would let it go there; not before its data is there */
    double mean;        /* believed mean of the shifting signal (x PUE) over its length from start_ns on */
    double queue_s;     /* GPU-time waiting and running there over its capacity: what a queue may add */
    double transfer_s;  /* until its data is there, latency included */
    double transfer_usd;
};

/* What shifting needs to know of a job. */
struct shift_job {
    int64_t submit_ns;
    int64_t wait_ns;    /* how long it may be kept waiting in all: its class's limit, cut so that its deadline,
                           if it has one, holds by what is known of its length; >= 0 */
    int64_t waited_ns;  /* of it, spent */
    int64_t length_ns;  /* what is known of its length, */
    int64_t left_ns;    /* and of what is left of it */
};
/* When: keeps jobs that could start back for a better hour, and interrupts them for worse ones. */
struct shift_model {
    struct model model;
    void (*open)(void *state, const void *params, const struct world *world);
    /* When the held job should be let go, >= now_ns; never later than its waiting limit allows. */
    int64_t (*start)(void *state, const struct outlook *outlook, const struct shift_job *job, int64_t now_ns);
    /* The job starts or goes on now: when to suspend it, TICK_NEVER for not at all. NULL: never. A suspended job
     * is asked for its next start at once. */
    int64_t (*stop)(void *state, const struct outlook *outlook, const struct shift_job *job, int64_t now_ns);
    /* May be NULL. */
    void (*close)(void *state);
};

/* What is known of a signal's future, made once a run and region, before the loop. */
struct forecast_model {
    struct model model;
    /* given: the scenario's own forecast series (len 0: none). until_ns: how far it must reach at least. rng is a
     * stream of its own. */
    void (*make)(const void *params, const struct steps *truth, const struct steps *given, int64_t until_ns,
                 struct rng *rng, struct arena *arena, struct forecast *forecast);
    bool needs_given;
};

/* On which purchase a job runs: sets of markets in order of preference. */
struct market_job {
    unsigned allowed;    /* bit set of enum bought: its class's */
    unsigned present;    /* of its region's pools */
    int64_t submit_ns;
    int64_t deadline_ns; /* TICK_NEVER: none */
    int64_t left_ns;     /* run time left from what is safe, restart and checkpoint time included */
    int64_t provision_ns;/* until a fresh on-demand node is up */
    bool running;
    unsigned on;         /* the market it runs on */
};
enum { MARKET_TRIES = 4 };
struct market_model {
    struct model model;
    /* Writes up to MARKET_TRIES sets of markets to try now, best first (all subsets of allowed); returns how many.
     * *changes_ns: when the answer will differ if nothing else happens (TICK_NEVER: never). A running job whose
     * market is in none of the sets is moved. */
    size_t (*choose)(const void *params, const struct market_job *job, int64_t now_ns, unsigned *sets,
                     int64_t *changes_ns);
};

/* Where work would run. */
struct scale {
    const char *chip;    /* GPU model */
    uint32_t gpus;       /* whole GPUs in all; 0 < share < 1 of one GPU: gpus 1 and share */
    uint32_t nodes;      /* over so many nodes */
    double share;        /* 1 but for a part of a device */
    double batch;        /* of the whole job; 0: the model's own */
};
/* How fast a job's work goes, in its own unit. */
struct speed_model {
    struct model model;
    /* Units of work a second; 0: it cannot run so (does not fit, chip unknown). */
    double (*per_s)(const void *params, const struct scale *scale);
    /* Expected relative error there; NAN: outside what it was calibrated on, or it cannot run. */
    double (*error)(const void *params, const struct scale *scale);
    /* Share of steps that count towards convergence at this batch (statistical efficiency); NULL: 1. */
    double (*efficiency)(const void *params, const struct scale *scale, double progress);
    /* Shares of its peak FLOP/s and of its memory bandwidth that each GPU reaches there; false: it cannot run. NULL:
     * not known. */
    bool (*load)(const void *params, const struct scale *scale, double *compute, double *memory);
};
/* Models that know several chips name them in one text, separated by semicolons, and hold a row for each. How many
 * it names, and which of them a chip is (SIZE_MAX: none). NULL or "": one row, for any chip. */
size_t speed_chips(const char *names);
size_t speed_chip(const char *names, const char *chip);
static inline double scale_gpus(const struct scale *scale) { return scale->gpus * scale->share; }

/* A number of GPUs that an elastic job may hold, and how fast it goes there: work of its recorded run a second. */
struct resize_size {
    uint32_t gpus, shape;
    double pace;
};
/* A running elastic job, as policies see it. */
struct resize_job {
    const struct resize_size *sizes; /* by GPUs, ascending; a subset of least..most that nodes can hold */
    size_t len;
    size_t first, last;   /* of the sizes, those it may have now, */
    size_t now;           /* the one it has, */
    size_t even;          /* and the largest within an even share of the GPUs that are dealt out, or first */
    double left_s;        /* of its work, by its estimate, at its recorded pace */
    double usd_per_gpu_h; /* what capacity costs where it runs */
};
/* How many GPUs running jobs hold (resize.c): the core deals them out so that the sum of the values is as large as it
 * can be made step by step. */
struct resize_model {
    struct model model;
    /* What it is worth, in a unit of the policy's own, that the job holds sizes[size]. A size that is worth less than
     * a smaller one is never chosen. NULL: jobs keep the GPUs they asked for. */
    double (*value)(const void *params, const struct resize_job *job, size_t size);
    bool fits_batch;      /* jobs take the batch that makes the most of each size (class: batch_most) */
};
/* Sizes, as indices, whose GPUs are at most `gpus` together: from each job's first, always the step with the greatest
 * gain of value a GPU next, of any number of sizes at once; until none fits, or none gains. The optimum where values
 * are concave in GPUs; else that of their concave hulls but for the last step. The jobs' firsts must fit.
 * Cost: O(steps x (log jobs + sizes)). heap: room to work in, empty before and after. */
struct evq;
void resize_fill(const struct resize_model *model, const void *params, const struct resize_job *jobs, size_t len,
                 uint64_t gpus, struct evq *heap, size_t *sizes);

/* Times to failure and to repair (models/fail): the quantile function at u in (0, 1), in s. */
struct lifetime_model {
    struct model model;
    double (*draw_s)(const void *params, double u);
    double (*mean_s)(const void *params);
};

/* Busy share of (peak - idle) power of a GPU at a utilisation 0..1. */
struct power_model {
    struct model model;
    double (*share)(const void *params, double utilisation);
    /* Share of its peak power that a GPU at work draws, reaching so much of its peak FLOP/s and of its memory
     * bandwidth. NULL: power follows utilisation alone. */
    double (*load)(const void *params, double compute, double memory);
};

/* Synthetic demand (models/load), before the loop. */
struct arrivals_model {
    struct model model;
    /* Writes ascending submit times in ns from the origin: exactly `most` of them, or until until_ns
     * (whichever comes first); returns how many. intensity(context, t): demand shape (daily, weekly) relative
     * to its mean of 1, at most intensity_most; models honour it by thinning or time change. */
    size_t (*draw)(const void *params, struct rng *rng, double (*intensity)(void *context, int64_t t_ns),
                   void *context, double intensity_most, int64_t until_ns, size_t most, int64_t *times_ns);
};
struct durations_model {
    struct model model;
    void (*draw)(const void *params, struct rng *rng, size_t count, int64_t *run_ns);
};

#endif

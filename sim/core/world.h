/*
 * The world of one run: setup and jobs bound together, fleet, tenants' holdings, signals, ledger.
 * Models read it; only core writes it.
 */
#ifndef HEADROOM_CORE_WORLD_H
#define HEADROOM_CORE_WORLD_H

#include "base/err.h"
#include "core/fleet.h"
#include "core/job.h"
#include "core/result.h"
#include "core/setup.h"

/* What a tenant holds now, in every region. */
struct holding {
    uint64_t gpu_milli, cpu_milli, mem_mib;
    uint64_t quota_milli; /* UINT64_MAX: none */
    enum quota_kind quota_kind;
    double weight;
    uint32_t home;
    const bool *may;      /* residency, per region; NULL: anywhere */
};

struct world {
    const struct setup *setup;
    struct jobs jobs;         /* this run's copy of the hot records; columns are borrowed from the trace */
    struct fleet fleet;
    struct holding *tenants;  /* per jobs.tenants index */
    uint64_t capacity_milli, capacity_cpu_milli, capacity_mem_mib;
    uint32_t *domain_of;      /* [tenant * regions + region]: domain, FLEET_NONE without nodes there */
    double *price, *carbon, *pue; /* per region: values in force now */
    int64_t now_ns;
};

static inline const struct shape *world_shape(const struct world *w, uint32_t job) {
    return &w->jobs.shapes.at[w->jobs.at[job].shape];
}
/* The job's class entry; NULL: none matches. */
static inline const struct class_setup *world_class(const struct world *w, uint32_t job) {
    const struct job *j = &w->jobs.at[job];
    return setup_class(w->setup, w->jobs.classes.at[j->class_id], j->run_ns);
}
/* Work a job has had so far, GPU-ns (attained service of Tiresias, thousandths of a GPU counted in), up to the
 * last time it stopped. */
double world_attained_gpu_ns(const struct world *w, uint32_t job);

struct run_options {
    bool job_results;
    struct jobs *consume; /* the trace itself, when no other run needs it: it is used in place and taken over
                             (left empty), which halves the memory; NULL: trace is copied */
    uint32_t bins;      /* of the series: about this many, 0 for none */
    /* Called now and then (at most every ~1e5 events); may be NULL. done: share of jobs ended. */
    void (*progress)(void *context, int64_t now_ns, uint64_t events, double done);
    void *context;
};

/* Runs the whole simulation. trace is read only and may serve many runs at once. Findings about the
 * combination (a job table without the column an order needs, models that do not compose) go to err, false.
 * *result belongs to the caller (result_free). */
bool run_simulate(const struct setup *setup, const struct jobs *trace, const struct run_options *options,
                  struct result *result, struct err *err);

/* The checks of run_simulate alone. */
bool run_check(const struct setup *setup, const struct jobs *trace, struct err *err);

#endif

/*
 * A batch pipeline: items flow through stages that need CPUs or GPUs, each with workers, a batch, a service time and a
 * bounded buffer before it.
 *
 * Steady state is a line: the rate is the least of workers x batch / service over the stages and the source; the GPU
 * stall share is 1 - rate / GPU capacity (reference: ai-performance.md section 3.3). The simulation adds ramps, start
 * times, autoscaling and back-pressure.
 */
#ifndef HEADROOM_CORE_PIPELINE_H
#define HEADROOM_CORE_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stage {
    const char *name;
    double service_s;          /* of a batch */
    double batch;              /* items, whole */
    double cpus, gpus;         /* of a worker; gpus may be a fraction */
    double memory_mib;
    uint32_t workers, workers_most; /* to begin with, and at most (autoscaling; equal: none) */
    double buffer;             /* items that fit before it, whole; >= batch */
    double start_s;            /* until a new worker works */
};
/* What a pipeline needs at a rate, and how it packs. */
struct node_shape {
    double cpus, gpus, usd_per_h, watts;
};
struct packing {
    double gpu_nodes, cpu_nodes;      /* whole nodes */
    double gpus_bought, gpus_used, cpus_bought, cpus_used;
    double usd_per_h;
};
/* Items/s a pipeline reaches in steady state; *bottleneck: the stage that limits it. */
double pipeline_rate(const struct stage *stages, size_t count, size_t *bottleneck);
/* 1 - rate / what the GPU stages could do. */
double pipeline_gpu_stall(const struct stage *stages, size_t count);
/* One container shape holds the union of all stages' resources: `cpus` and `gpus` in all, on nodes of one shape, each
 * replica as many of both as the fuller of the two asks for. */
struct packing pipeline_monolithic(double cpus, double gpus, const struct node_shape *node);
/* GPU stages on GPU nodes (whose own CPUs are used too), the rest of the CPUs on CPU nodes. */
struct packing pipeline_disaggregated(double cpus, double gpus, const struct node_shape *gpu_node,
                                      const struct node_shape *cpu_node);
/* Data supply of a training job: items/s it is fetched and prepared at, and the share of time the GPU waits. */
struct data_supply {
    double fetch_bytes_per_s, memory_bytes_per_s, item_bytes, cache_hit; /* hit: share of items in memory */
    double prepare_items_per_s_per_cpu, cpus;
    double ingest_items_per_s;   /* of the GPUs, never stalled */
};
double pipeline_supply_rate(const struct data_supply *supply);
double pipeline_supply_stall(const struct data_supply *supply);

/* The simulation. */
struct pipeline_run {
    double items;                /* to process; then it ends */
    double source_per_s;         /* items offered; INFINITY: always there */
    double scale_every_s;        /* autoscaling: one worker more for the stage that holds the others back, at most this
                                    often; 0: none */
    double cpus_most, gpus_most; /* of all workers together; INFINITY: no limit */
};
struct pipeline_result {
    double seconds, rate, steady_rate; /* steady: over the second half of the items */
    double gpu_busy_s, gpu_held_s, cpu_busy_s, cpu_held_s; /* x GPUs, x CPUs */
    uint64_t events;
    uint32_t workers[16];        /* at the end */
};
bool pipeline_simulate(const struct stage *stages, size_t count, const struct pipeline_run *run,
                       struct pipeline_result *result);

#endif

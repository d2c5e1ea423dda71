/*
 * A batch pipeline in its steady state: items flow through stages that need CPUs or GPUs, each with workers, a batch
 * and a service time. The rate is a line: the least of workers x batch / service over the stages. And the data supply
 * of a training job, which is a pipeline of three: fetching, preparing, the GPUs (reference: ai-performance.md,
 * section 3).
 */
#ifndef HEADROOM_CORE_PIPELINE_H
#define HEADROOM_CORE_PIPELINE_H

#include <stddef.h>
#include <stdint.h>

struct stage {
    const char *name;
    double service_s;          /* of a batch */
    double batch;              /* items, whole */
    double cpus, gpus;         /* of a worker; gpus may be a fraction */
    double memory_mib;
    uint32_t workers;
    double start_s;            /* until a worker works */
};
/* Items/s of all its workers, with nobody in their way. */
double stage_rate(const struct stage *stage);
/* Items/s a pipeline reaches in steady state: the slowest stage's. */
double pipeline_rate(const struct stage *stages, size_t count);

/* Data supply of a training job: items/s it is fetched and prepared at. */
struct data_supply {
    double fetch_bytes_per_s, memory_bytes_per_s, item_bytes, cache_hit; /* hit: share of items in memory */
    double prepare_items_per_s_per_cpu, cpus;
    double ingest_items_per_s;   /* of the GPUs, never stalled */
};
double pipeline_supply_rate(const struct data_supply *supply);
/* The share of time the GPUs wait. */
double pipeline_supply_stall(const struct data_supply *supply);

#endif

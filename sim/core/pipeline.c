/*
 * Pipelines in closed form (pipeline.h): the rate of a chain of stages, and the data supply of training after CoorDL
 * (Mohan et al., VLDB 2021): the least of fetching, preparing and what the GPUs take in.
 * Cost: O(stages).
 */
#include "core/pipeline.h"

#include <math.h>

double stage_rate(const struct stage *stage) { return stage->workers * stage->batch / stage->service_s; }

double pipeline_rate(const struct stage *stages, size_t count) {
    double least = INFINITY;
    for (size_t i = 0; i < count; i++) least = fmin(least, stage_rate(&stages[i]));
    return least;
}

double pipeline_supply_rate(const struct data_supply *supply) {
    const double hit = supply->cache_hit, miss = 1 - hit;
    const double byte_s = (miss > 0 ? miss / supply->fetch_bytes_per_s : 0) +
                          (hit > 0 ? hit / supply->memory_bytes_per_s : 0);
    const double fetched = 1 / (supply->item_bytes * byte_s);
    const double prepared = supply->prepare_items_per_s_per_cpu * supply->cpus;
    return fmin(supply->ingest_items_per_s, fmin(prepared, fetched));
}

double pipeline_supply_stall(const struct data_supply *supply) {
    return 1 - pipeline_supply_rate(supply) / supply->ingest_items_per_s;
}

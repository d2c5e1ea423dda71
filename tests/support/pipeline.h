/*
 * A pipeline simulated batch by batch, which the closed forms of core/pipeline.h and the fluid of core/flow.h are held
 * against: bounded buffers, a source, start times and back-pressure.
 */
#ifndef HEADROOM_TESTS_SUPPORT_PIPELINE_H
#define HEADROOM_TESTS_SUPPORT_PIPELINE_H

#include "core/pipeline.h"

struct pipeline_run {
    const double *buffers;       /* a stage: items that fit before it, whole; >= its batch */
    double items;                /* to process, whole; then it ends */
    double source_per_s;         /* items offered; INFINITY: always there */
};
enum { PIPELINE_STAGES_MOST = 16 };
struct pipeline_result {
    double seconds, rate, steady_rate; /* steady: over the second half of the items */
    double busy_s[PIPELINE_STAGES_MOST]; /* a stage: of all its workers */
    uint64_t events;
};
struct pipeline_result pipeline_simulate(const struct stage *stages, size_t count, const struct pipeline_run *run);

#endif

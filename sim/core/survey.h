/* What a run would be, before it is run: the demand against the fleet, domain by domain, and the jobs that no
 * part of the fleet could ever hold. */
#ifndef HEADROOM_CORE_SURVEY_H
#define HEADROOM_CORE_SURVEY_H

#include "base/err.h"
#include "core/job.h"
#include "core/setup.h"

#include <stdbool.h>
#include <stdint.h>

/* A domain: a region's shared nodes, or a tenant's own nodes there. */
struct survey_domain {
    const char *region, *tenant; /* borrowed from the setup; tenant NULL: shared */
    uint32_t nodes;
    double gpus;
    uint64_t only_jobs, also_jobs; /* jobs that can run nowhere else, and those that can elsewhere too */
    double only_gpu_h, also_gpu_h; /* GPU-hours they ask for */
};
/* Jobs of one shape that cannot run. */
struct survey_impossible {
    struct shape shape; /* as in the job table: models are the table's */
    uint64_t jobs;
    uint32_t first; /* the first such job */
};
struct survey {
    uint64_t jobs, endless,
        impossible_jobs; /* endless: they hold their GPUs forever and count no GPU-hours */
    double gpus, gpu_h;  /* of the fleet; asked for by jobs that can run */
    double span_h;       /* from the first to the last submit */
    struct survey_domain *domains;
    size_t domains_len;
    struct survey_impossible *impossible; /* most frequent first */
    size_t impossible_len;
};

/* run_check, and the survey of what passed. free it either way. */
bool run_survey(const struct setup *setup, const struct jobs *trace, struct survey *survey, struct err *err);
void survey_free(struct survey *survey);

#endif

/*
 * As much work as the GPUs can do: the value of a size is its pace, that is throughput over the throughput the job's
 * run time was recorded at. Dealt out by marginal gain (water-filling), which is the optimum where speed-ups are
 * concave. Nobody's pace counts more than another's; a job that scales badly stays at its least.
 * Cost: O(1) a value.
 */
#include "core/seams.h"

static double value(const void *params, const struct resize_job *job, size_t size) {
    (void)params;
    return job->sizes[size].pace;
}

const struct resize_model resize_max_throughput = {
    .model = {.name = "max_throughput",
              .summary = "where another GPU speeds up work the most, relative to the job's recorded run",
              .source = ""},
    .value = value,
};

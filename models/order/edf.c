/*
 * Earliest deadline first: jobs without a deadline come last, by submit time. Meets every deadline that can
 * be met on one server with preemption (Dertouzos 1974); here running jobs are left alone, so it is a
 * heuristic.
 * Cost: O(1) a key.
 */
#include "core/seams.h"

static uint64_t key(const void *state, const struct world *world, uint32_t job) {
    (void)state;
    const int64_t deadline_ns = world->jobs.deadline_ns[job];
    return deadline_ns == JOB_UNKNOWN ? UINT64_MAX : order_key_i64(deadline_ns);
}

const struct order_model order_edf = {
    .model = {.name = "edf", .summary = "earliest deadline first; jobs without a deadline last",
              .source = "Liu and Layland, J. ACM 1973"},
    .key = key,
    .needs = JOBS_DEADLINE,
};

/*
 * Shortest remaining time first, preemptive: a waiting job with less left to run, by estimate, takes the
 * place of running ones with more. Optimal mean completion time on one server (Schrage 1968).
 *
 * What is left is the estimate less the work done. A job that has overrun its estimate has nothing left as
 * far as anyone knows, so it goes first and keeps its place.
 * Invariant: a running job's key falls by one each nanosecond (drift), a waiting job's stands still, so the
 * two compare exactly at any moment without being recomputed; both may go below zero, which order_key_i64
 * keeps in order.
 * Cost: O(1) a key.
 */
#include "core/seams.h"

#include "base/tick.h"

static int64_t remaining_ns(const struct world *world, uint32_t job) {
    const struct job *j = &world->jobs.at[job];
    return j->estimate_ns - (j->run_ns - j->left_ns);
}

static uint64_t key(const void *state, const struct world *world, uint32_t job) {
    (void)state;
    return order_key_i64(remaining_ns(world, job));
}

static uint64_t running_key(const void *state, const struct world *world, uint32_t job, int64_t *changes_ns) {
    (void)state;
    *changes_ns = TICK_NEVER;
    return order_key_i64(remaining_ns(world, job) + world->now_ns);
}

const struct order_model order_srtf = {
    .model = {.name = "srtf", .summary = "shortest remaining estimated time first; preempts running jobs",
              .source = "Schrage, Operations Research 1968"},
    .key = key,
    .preemptive = true,
    .drift = true,
    .running_key = running_key,
};

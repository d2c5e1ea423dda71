/* Greedy: any job that fits may start, in order; a large head can starve behind small ones. */
#include "core/seams.h"

static void pass(void *state, struct sched *sched, uint32_t domain) {
    (void)state;
    enum why why;
    for (uint32_t job = sched_next(sched, domain); job != JOB_NONE; job = sched_next(sched, domain))
        if (!sched_start(sched, job, &why)) sched_set_aside(sched, job, why);
}

const struct backfill_model backfill_skip = {
    .model = {.name = "skip", .summary = "any job that fits may start, no reservation", .source = ""},
    .pass = pass,
};

/* No backfilling: the head of the line blocks everyone behind it until it fits. */
#include "core/seams.h"

static void pass(void *state, struct sched *sched, uint32_t domain) {
    (void)state;
    enum why why;
    for (uint32_t job = sched_next(sched, domain); job != JOB_NONE; job = sched_next(sched, domain))
        if (!sched_start(sched, job, &why)) {
            sched_block(sched, job, why);
            return;
        }
}

const struct backfill_model backfill_none = {
    .model = {.name = "none", .summary = "the head of the line blocks", .source = ""},
    .pass = pass,
    .head_blocks = true,
};

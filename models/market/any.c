/*
 * No preference: a job runs on whatever its class may use, and placement alone decides.
 */
#include "base/tick.h"
#include "core/seams.h"

static size_t choose(const void *params, const struct market_job *job, int64_t now_ns, unsigned *sets,
                     int64_t *changes_ns) {
    (void)params;
    (void)now_ns;
    *changes_ns = TICK_NEVER;
    sets[0] = job->allowed & job->present;
    return sets[0] != 0;
}

const struct market_model market_any = {
    .model = {.name = "any", .summary = "whatever its class may use, without preference", .source = ""},
    .choose = choose,
};

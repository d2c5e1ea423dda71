/*
 * The cheap and uncertain first, the dear and certain before it is too late. Capacity that is paid for anyway
 * comes first, then spot nodes; nodes on demand join once the time to the deadline is no longer than what is
 * left to do from what is safe, a fresh node's provisioning and a margin. From that moment another
 * interruption could not be made up for, so spot nodes are dropped and a job that runs on one is moved. A job
 * that is on demand stays there: going back would pay for a second restart. The rule is that of a safety net
 * in time, as in Wu et al. (NSDI'24); there is no estimate of how long spot nodes last in it, so it needs no
 * history.
 *
 * Invariant: a job whose work fits before its deadline on demand when it is submitted keeps the time for
 * that, whatever the spot market does.
 */
#include "base/tick.h"
#include "core/seams.h"

#include <math.h>

struct spot_first {
    int64_t margin_ns, patience_ns;
};

static const struct param params[] = {
    {.key = "margin", .kind = PARAM_TIME, .offset = offsetof(struct spot_first, margin_ns), .fallback = 600,
     .least = 0, .most = 31557600,
     .help = "Time kept in hand when a job goes on demand to make its deadline."},
    {.key = "patience", .kind = PARAM_TIME, .offset = offsetof(struct spot_first, patience_ns),
     .fallback = INFINITY, .least = 0, .most = 31557600,
     .help = "A job without a deadline may also go on demand once so long has passed since its submit; "
             "never when left out."},
};

/* When nodes on demand join. */
static int64_t joins_ns(const struct spot_first *p, const struct market_job *job) {
    if (job->deadline_ns < TICK_NEVER)
        return job->deadline_ns - job->left_ns - job->provision_ns - p->margin_ns;
    return p->patience_ns < TICK_NEVER ? job->submit_ns + p->patience_ns : TICK_NEVER;
}

static size_t put(unsigned *sets, size_t len, unsigned set) {
    if (set) sets[len++] = set;
    return len;
}

static size_t choose(const void *raw, const struct market_job *job, int64_t now_ns, unsigned *sets,
                     int64_t *changes_ns) {
    const unsigned usable = job->allowed & job->present;
    const unsigned on_demand = usable & 1U << BOUGHT_ON_DEMAND, spot = usable & 1U << BOUGHT_SPOT;
    const unsigned paid = usable & ~(on_demand | spot);
    const int64_t joins = on_demand ? joins_ns(raw, job) : TICK_NEVER;
    const bool there = job->running && job->on & on_demand;
    size_t len = put(sets, 0, paid);
    *changes_ns = TICK_NEVER;
    if (joins > now_ns && (paid | spot)) { /* nothing presses yet, and there is something to wait for */
        if (!there) *changes_ns = joins;
        len = put(sets, len, spot);
        return put(sets, len, there ? on_demand : 0);
    }
    if (job->deadline_ns == TICK_NEVER || !on_demand) len = put(sets, len, spot);
    return put(sets, len, on_demand);
}

const struct market_model market_spot_first = {
    .model = {.name = "spot_first",
              .summary = "capacity that is paid for anyway, then spot, and on demand in time for the "
                         "deadline",
              .source = "Wu et al., NSDI'24 (the safety net)",
              .params_size = sizeof(struct spot_first),
              .params = params,
              .params_count = sizeof params / sizeof *params},
    .choose = choose,
};

/*
 * How many replicas a service should have in a place: what the autoscaler thinks at each control moment.
 *
 * Reactive: so many that each has its target of requests; fewer only when fewer would have done for so long. By
 * schedule: the hour's number.
 *
 * Invariant: from least to most, and 0 when the service is over. Cost: O(1) a look.
 */
#include "core/serving.h"

#include "base/tick.h"

#include <math.h>

static uint32_t hour_of(const struct setup *setup, int64_t now_ns) {
    int64_t local_ns = now_ns;
    if (setup->origin_unix_ns != JOB_UNKNOWN) local_ns += setup->origin_unix_ns + setup->regions[0].utc_offset_ns;
    return (uint32_t)((local_ns / TICK_HOUR % 24 + 24) % 24);
}

static uint32_t within(const struct place *p, double replicas) {
    const uint32_t want = replicas < p->setup.most ? (uint32_t)replicas : p->setup.most;
    return want > p->setup.least ? want : p->setup.least;
}

/* More at once; fewer when fewer would have done for so long. */
static uint32_t gently(struct place *p, uint32_t want, uint32_t have, int64_t keep_ns, int64_t now) {
    if (want >= have) {
        p->many_since_ns = TICK_NEVER;
        return want;
    }
    if (p->many_since_ns == TICK_NEVER) {
        p->many_since_ns = now;
        p->many_most = want;
    }
    if (want > p->many_most) p->many_most = want;
    if (now - p->many_since_ns < keep_ns) return have;
    p->many_since_ns = TICK_NEVER;
    return p->many_most;
}

/* Requests it should be ready for: those that are here, and those of its users, who would rather be. */
static double load_of(const struct place *p) { return (double)(p->here > p->home ? p->here : p->home); }

uint32_t scale_wanted(const struct setup *all, struct place *p, struct service *v, uint32_t have, int64_t now) {
    const struct service_setup *setup = v->setup;
    if (v->over) return 0;
    uint32_t want = p->setup.begin;
    if (setup->autoscale == SCALE_REACTIVE)
        want = gently(p, within(p, ceil(load_of(p) / setup->target)), have, setup->keep_ns, now);
    else if (setup->autoscale == SCALE_SCHEDULED)
        want = within(p, setup->schedule.at[hour_of(all, now)]);
    if (setup->split && want > 0 && want <= setup->prefill_replicas) want = setup->prefill_replicas + 1;
    return want;
}

/*
 * Conservative backfilling (Mu'alem & Feitelson 2001): every waiting job holds a reservation at the earliest time
 * its GPUs are free for its whole estimate, given the running jobs and all reservations made before; nobody's
 * may be delayed. When a job ends before its estimate the plan is compressed: in queue order, each reservation
 * moves to the earliest time possible with all others in place.
 *
 * The plan is a step function of free GPUs over time, kept as two parallel arrays. Reservations count GPUs of the
 * whole domain, not nodes; a reservation that is due but does not fit on nodes is due again at the next event.
 * Cost: O(points) an arrival, O(waiting x points) a compression.
 */
#include "core/seams.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/tick.h"

#include <stdlib.h>
#include <string.h>

struct reservation {
    uint64_t key;
    uint32_t job;
    int64_t start_ns, length_ns, need_milli;
};
struct plan {
    /* free_milli[i] holds on [at_ns[i], at_ns[i + 1]), the last one forever */
    int64_t *at_ns, *free_milli;
    size_t len, at_cap, free_cap;
    struct { struct reservation *at; size_t len, cap; } waiting; /* in queue order */
    bool stale; /* a due reservation did not fit on nodes */
};
struct conservative {
    struct plan *plans; /* per domain */
    size_t len;
};

static void conservative_open(void *state, const void *params, const struct world *world) {
    struct conservative *c = state;
    (void)params;
    c->len = world->fleet.domains_len;
    c->plans = mem_zero(c->len + 1, sizeof *c->plans);
}

static void conservative_close(void *state) {
    struct conservative *c = state;
    for (size_t i = 0; i < c->len; i++) {
        free(c->plans[i].at_ns);
        free(c->plans[i].free_milli);
        free(c->plans[i].waiting.at);
    }
    free(c->plans);
}

/* ---- the plan ---- */

static void point_insert(struct plan *p, size_t i, int64_t at_ns, int64_t free_milli) {
    p->at_ns = vec_reserve(p->at_ns, &p->at_cap, p->len + 1, sizeof *p->at_ns);
    p->free_milli = vec_reserve(p->free_milli, &p->free_cap, p->len + 1, sizeof *p->free_milli);
    memmove(&p->at_ns[i + 1], &p->at_ns[i], (p->len - i) * sizeof *p->at_ns);
    memmove(&p->free_milli[i + 1], &p->free_milli[i], (p->len - i) * sizeof *p->free_milli);
    p->at_ns[i] = at_ns;
    p->free_milli[i] = free_milli;
    p->len++;
}

/* Last point at or before t; the first point when all are later. */
static size_t point_before(const struct plan *p, int64_t t) {
    size_t low = 0, high = p->len;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (p->at_ns[middle] <= t) low = middle;
        else high = middle;
    }
    return low;
}

/* The point at exactly t, made when there is none. */
static size_t point_at(struct plan *p, int64_t t) {
    const size_t i = point_before(p, t);
    if (p->at_ns[i] == t) return i;
    require(p->at_ns[i] < t);
    point_insert(p, i + 1, t, p->free_milli[i]);
    return i + 1;
}

static void occupy(struct plan *p, const struct reservation *r, int64_t sign) {
    if (r->length_ns == 0) return;
    const size_t from = point_at(p, r->start_ns), to = point_at(p, r->start_ns + r->length_ns);
    for (size_t i = from; i < to; i++) p->free_milli[i] -= sign * r->need_milli;
}

/* Earliest start at or after `now` and before `before` at which r fits; its own present reservation does not
 * count against it (own: that it has one). `before` when there is none. */
static int64_t earliest(const struct plan *p, const struct reservation *r, int64_t now, int64_t before, bool own) {
    size_t i = point_before(p, now);
    int64_t start = now;
    const int64_t own_end = r->start_ns + r->length_ns;
    for (; start < before; i++) {
        int64_t free_milli = p->free_milli[i];
        if (own && p->at_ns[i] >= r->start_ns && p->at_ns[i] < own_end) free_milli += r->need_milli;
        const int64_t until = i + 1 < p->len ? p->at_ns[i + 1] : INT64_MAX;
        if (free_milli < r->need_milli) start = until;
        else if (until == INT64_MAX || until - start >= r->length_ns) return start;
    }
    return before;
}

/* ---- building it ---- */

static void add_end(void *context, int64_t end_ns, uint32_t gpu_milli) {
    struct plan *p = context; /* ends come in ascending order */
    if (p->at_ns[p->len - 1] < end_ns) point_insert(p, p->len, end_ns, p->free_milli[p->len - 1]);
    p->free_milli[p->len - 1] += gpu_milli;
}

/* The plan anew, from now: free GPUs, expected ends, reservations (those due earlier are due now). */
static void rebuild(struct plan *p, struct sched *sched, uint32_t domain) {
    const int64_t now = sched_world(sched)->now_ns;
    p->len = 0;
    point_insert(p, 0, now, (int64_t)sched_free_milli(sched, domain, JOB_ANY_MODEL));
    sched_ends(sched, domain, add_end, p);
    for (size_t i = 0; i < p->waiting.len; i++) {
        struct reservation *r = &p->waiting.at[i];
        if (r->start_ns < now) r->start_ns = now;
        occupy(p, r, 1);
    }
    p->stale = false;
}

/* Points in the past are dropped once they are the greater part. */
static void trim(struct plan *p, int64_t now) {
    const size_t past = point_before(p, now);
    if (past < 64 || past * 2 < p->len) return;
    p->len -= past;
    memmove(p->at_ns, p->at_ns + past, p->len * sizeof *p->at_ns);
    memmove(p->free_milli, p->free_milli + past, p->len * sizeof *p->free_milli);
}

static void arrived(void *state, struct sched *sched, uint32_t domain, uint32_t job) {
    struct plan *p = &((struct conservative *)state)->plans[domain];
    const struct world *w = sched_world(sched);
    const int64_t now = w->now_ns;
    if (p->len == 0 || p->stale) rebuild(p, sched, domain);
    trim(p, now);
    struct reservation r = {.key = sched_key(sched, job), .job = job, .length_ns = w->jobs.at[job].estimate_ns,
                            .need_milli = (int64_t)shape_gpu_milli(world_shape(w, job))};
    r.start_ns = earliest(p, &r, now, TICK_NEVER, false);
    if (r.start_ns < TICK_NEVER) occupy(p, &r, 1);
    size_t i = p->waiting.len;
    (void)vec_push(&p->waiting);
    for (; i > 0; i--) {
        const struct reservation *before = &p->waiting.at[i - 1];
        if (before->key < r.key || (before->key == r.key && before->job < job)) break;
        p->waiting.at[i] = *before;
    }
    p->waiting.at[i] = r;
}

static void ended_early(void *state, struct sched *sched, uint32_t domain) {
    struct plan *p = &((struct conservative *)state)->plans[domain];
    const int64_t now = sched_world(sched)->now_ns;
    rebuild(p, sched, domain);
    for (size_t i = 0; i < p->waiting.len; i++) {
        struct reservation *r = &p->waiting.at[i];
        const int64_t start = earliest(p, r, now, r->start_ns, true);
        if (start == r->start_ns) continue;
        occupy(p, r, -1);
        r->start_ns = start;
        occupy(p, r, 1);
    }
}

static void pass(void *state, struct sched *sched, uint32_t domain) {
    struct plan *p = &((struct conservative *)state)->plans[domain];
    const int64_t now = sched_world(sched)->now_ns;
    size_t kept = 0;
    int64_t next_ns = TICK_NEVER; /* a moved reservation may begin where nothing ends */
    for (size_t i = 0; i < p->waiting.len; i++) {
        enum why why;
        const struct reservation r = p->waiting.at[i];
        if (r.start_ns <= now && sched_start(sched, r.job, &why)) continue;
        p->stale |= r.start_ns <= now;
        p->waiting.at[kept++] = r;
        if (r.start_ns > now && r.start_ns < next_ns) next_ns = r.start_ns;
    }
    p->waiting.len = kept;
    if (next_ns < TICK_NEVER) sched_wake(sched, domain, next_ns);
    const uint32_t *groups;
    const uint32_t count = sched_groups_waiting(sched, domain, &groups);
    for (uint32_t i = 0; i < count; i++) sched_group_set_aside(sched, groups[i], sched_explain(sched, groups[i]));
}

const struct backfill_model backfill_conservative = {
    .model = {.name = "conservative",
              .summary = "every waiting job holds a reservation nobody may delay",
              .source = "Mu'alem & Feitelson, IEEE TPDS 12(6), 2001",
              .state_size = sizeof(struct conservative)},
    .open = conservative_open,
    .pass = pass,
    .arrived = arrived,
    .ended_early = ended_early,
    .close = conservative_close,
    .needs_search = true,
    .needs_ends = true,
    .reserves = true,
    .whole_domain = true,
};

/*
 * FIFO, SJF, EASY and conservative backfilling by counting processors, written for being obviously right
 * and for having nothing in common with the engine: no heaps, no groups, no nodes, every list walked from
 * end to end.
 *
 * The rules. At one instant: all completions, then all arrivals, then one pass. A job that takes no time
 * starts and completes at the same instant; its completion makes a further round of that instant.
 *   order         fifo: (submit, row). sjf: (estimate, submit, row).
 *   none          jobs start in order; the first that does not fit ends the pass.
 *   EASY          (Lifka 1995, Feitelson & Weil 1998) jobs start in order; the first that does not fit is the
 *                 head. Its shadow time is the earliest moment at which, by the running jobs' estimated
 *                 ends, enough is free; extra is what is then left over, everything ending at that very
 *                 moment counted. Every later job, in order, starts if it fits now and either ends by the
 *                 shadow time (by its estimate) or is no larger than extra, which then shrinks by its size.
 *   conservative  (Mu'alem & Feitelson 2001) a job reserves at its arrival, in row order within an instant:
 *   the
 *                 earliest start at which it fits for its whole estimate into what running jobs (until
 *                 their estimated ends) and all other reservations leave. When a job has ended before its
 *                 estimated end, the profile is compressed after the completions of the round: in queue
 *                 order every reservation is taken out and put back at the earliest start, never a later
 *                 one; one sweep. Then, in queue order, jobs start whose reservation has come (and which
 *                 fit: a job that takes no time may still be holding processors in this round).
 *
 * Cost: a list walk for everything, so quadratic and worse.
 */
#include "support/naive.h"

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NEVER INT64_MAX

/* Free processors over time: free[i] on [at[i], at[i+1]), the last one for ever. */
struct profile {
    int64_t *at;
    int64_t *free;
    size_t len;
};

struct naive {
    struct naive_job *jobs;
    size_t count, arrived;
    enum naive_order order;
    enum naive_backfill backfill;
    int64_t now;
    int64_t processors, free;
    size_t *waiting, waiting_len; /* in queue order */
    size_t *running, running_len; /* in any order */
    int64_t *reserved;            /* conservative: start reserved for a waiting job */
    struct profile profile;
};

static int64_t estimate(const struct naive_job *job) {
    return job->estimate_ns > job->run_ns ? job->estimate_ns : job->run_ns;
}

static bool goes_before(const struct naive *n, size_t a, size_t b) {
    const struct naive_job *x = &n->jobs[a], *y = &n->jobs[b];
    if (n->order == NAIVE_SJF && estimate(x) != estimate(y)) return estimate(x) < estimate(y);
    if (x->submit_ns != y->submit_ns) return x->submit_ns < y->submit_ns;
    return a < b;
}

static void enqueue(struct naive *n, size_t job) {
    size_t i = n->waiting_len++;
    for (; i > 0 && goes_before(n, job, n->waiting[i - 1]); i--) n->waiting[i] = n->waiting[i - 1];
    n->waiting[i] = job;
}

/* Starts the i-th waiting job. */
static void start(struct naive *n, size_t i) {
    size_t job = n->waiting[i];
    n->jobs[job].start_ns = n->now;
    n->free -= n->jobs[job].size;
    n->running[n->running_len++] = job;
    n->waiting_len--;
    for (; i < n->waiting_len; i++) n->waiting[i] = n->waiting[i + 1];
}

static bool fits(const struct naive *n, size_t i) {
    return n->jobs[n->waiting[i]].size <= n->free;
}

static int64_t expected_end(const struct naive *n, size_t job) {
    int64_t end = n->jobs[job].start_ns + estimate(&n->jobs[job]);
    return end > n->now ? end : n->now;
}

/* --- EASY --- */

static int64_t free_at(const struct naive *n, int64_t t) {
    int64_t free = n->free;
    for (size_t i = 0; i < n->running_len; i++)
        if (expected_end(n, n->running[i]) <= t) free += n->jobs[n->running[i]].size;
    return free;
}

/* Walks the expected ends upwards, each found by a walk over all running jobs. */
static int64_t shadow_time(const struct naive *n, int64_t need) {
    int64_t t = n->now;
    while (free_at(n, t) < need) {
        int64_t next = NEVER;
        for (size_t i = 0; i < n->running_len; i++) {
            int64_t end = expected_end(n, n->running[i]);
            if (end > t && end < next) next = end;
        }
        require(next < NEVER);
        t = next;
    }
    return t;
}

static void pass_easy(struct naive *n) {
    while (n->waiting_len > 0 && fits(n, 0)) start(n, 0);
    if (n->waiting_len == 0) return;
    int64_t need = n->jobs[n->waiting[0]].size;
    int64_t shadow = shadow_time(n, need), extra = free_at(n, shadow) - need;
    for (size_t i = 1; i < n->waiting_len;) {
        const struct naive_job *job = &n->jobs[n->waiting[i]];
        bool ends_in_time = n->now + estimate(job) <= shadow;
        if (fits(n, i) && (ends_in_time || job->size <= extra)) {
            if (!ends_in_time) extra -= job->size;
            start(n, i);
        } else {
            i++;
        }
    }
}

/* --- conservative --- */

/* Makes t a step of the profile; returns its index. t is not before the first one. */
static size_t step_at(struct profile *p, int64_t t) {
    size_t i = 0;
    while (i + 1 < p->len && p->at[i + 1] <= t) i++;
    if (p->at[i] == t) return i;
    memmove(&p->at[i + 2], &p->at[i + 1], (p->len - i - 1) * sizeof *p->at);
    memmove(&p->free[i + 2], &p->free[i + 1], (p->len - i - 1) * sizeof *p->free);
    p->at[i + 1] = t;
    p->free[i + 1] = p->free[i];
    p->len++;
    return i + 1;
}

/* Adds change to what is free on [from, to), as far as it lies in the profile. */
static void profile_add(struct profile *p, int64_t from, int64_t to, int64_t change) {
    if (from < p->at[0]) from = p->at[0];
    if (from >= to) return;
    size_t first = step_at(p, from), last = step_at(p, to);
    for (size_t i = first; i < last; i++) p->free[i] += change;
}

static void profile_build(struct naive *n) {
    struct profile *p = &n->profile;
    p->len = 1;
    p->at[0] = n->now;
    p->free[0] = n->processors;
    for (size_t i = 0; i < n->running_len; i++) {
        const struct naive_job *job = &n->jobs[n->running[i]];
        profile_add(p, n->now, job->start_ns + estimate(job), -(int64_t)job->size);
    }
    for (size_t i = 0; i < n->waiting_len; i++) {
        const struct naive_job *job = &n->jobs[n->waiting[i]];
        int64_t from = n->reserved[n->waiting[i]];
        if (from < NEVER) profile_add(p, from, from + estimate(job), -(int64_t)job->size);
    }
}

static int64_t earliest_start(const struct profile *p, int64_t size, int64_t length) {
    for (size_t i = 0; i < p->len; i++) {
        bool room = p->free[i] >= size;
        for (size_t k = i + 1; room && k < p->len && p->at[k] < p->at[i] + length; k++)
            room = p->free[k] >= size;
        if (room) return p->at[i];
    }
    die("the end of the profile is an empty machine: some job is larger than it");
}

static void reserve(struct naive *n, size_t job) {
    int64_t size = n->jobs[job].size, length = estimate(&n->jobs[job]);
    profile_build(n);
    n->reserved[job] = earliest_start(&n->profile, size, length);
}

static void compress(struct naive *n) {
    profile_build(n);
    for (size_t i = 0; i < n->waiting_len; i++) {
        size_t job = n->waiting[i];
        int64_t size = n->jobs[job].size, length = estimate(&n->jobs[job]);
        profile_add(&n->profile, n->reserved[job], n->reserved[job] + length, size);
        int64_t t = earliest_start(&n->profile, size, length);
        if (t < n->reserved[job]) n->reserved[job] = t;
        profile_add(&n->profile, n->reserved[job], n->reserved[job] + length, -size);
    }
}

static void pass_conservative(struct naive *n) {
    for (size_t i = 0; i < n->waiting_len;) {
        if (n->reserved[n->waiting[i]] <= n->now && fits(n, i)) start(n, i);
        else i++;
    }
}

/* --- the loop --- */

static int64_t next_instant(const struct naive *n) {
    int64_t next = n->arrived < n->count ? n->jobs[n->arrived].submit_ns : NEVER;
    for (size_t i = 0; i < n->running_len; i++) {
        const struct naive_job *job = &n->jobs[n->running[i]];
        if (job->start_ns + job->run_ns < next) next = job->start_ns + job->run_ns;
    }
    for (size_t i = 0; n->backfill == NAIVE_CONSERVATIVE && i < n->waiting_len; i++) {
        int64_t t = n->reserved[n->waiting[i]];
        if (t > n->now && t < next) next = t;
    }
    return next;
}

/* Returns whether some job ended before its estimated end. */
static bool complete(struct naive *n) {
    bool early = false;
    size_t kept = 0;
    for (size_t i = 0; i < n->running_len; i++) {
        const struct naive_job *job = &n->jobs[n->running[i]];
        if (job->start_ns + job->run_ns > n->now) {
            n->running[kept++] = n->running[i];
        } else {
            n->free += job->size;
            early |= job->run_ns < estimate(job);
        }
    }
    n->running_len = kept;
    return early;
}

static void arrive(struct naive *n) {
    while (n->arrived < n->count && n->jobs[n->arrived].submit_ns == n->now) {
        size_t job = n->arrived++;
        require(n->jobs[job].size <= n->processors);
        n->reserved[job] = NEVER;
        enqueue(n, job);
        if (n->backfill == NAIVE_CONSERVATIVE) reserve(n, job);
    }
}

static void pass(struct naive *n) {
    switch (n->backfill) {
    case NAIVE_NONE:
        while (n->waiting_len > 0 && fits(n, 0)) start(n, 0);
        break;
    case NAIVE_EASY: pass_easy(n); break;
    case NAIVE_CONSERVATIVE: pass_conservative(n); break;
    }
}

void naive_schedule(struct naive_job *jobs, size_t count, uint32_t processors, enum naive_order order,
                    enum naive_backfill backfill) {
    struct naive n = {.jobs = jobs, .count = count, .order = order, .backfill = backfill, .now = INT64_MIN,
                      .processors = processors, .free = processors};
    n.waiting = mem_zero(count, sizeof *n.waiting);
    n.running = mem_zero(count, sizeof *n.running);
    n.reserved = mem_zero(count, sizeof *n.reserved);
    size_t steps = 4 * count + 2; /* two a job, and two more where a sweep moves it: old steps stay */
    n.profile.at = mem_zero(steps, sizeof *n.profile.at);
    n.profile.free = mem_zero(steps, sizeof *n.profile.free);
    for (int64_t t; (t = next_instant(&n)) < NEVER;) {
        n.now = t;
        bool early = complete(&n);
        if (early && backfill == NAIVE_CONSERVATIVE) compress(&n);
        arrive(&n);
        pass(&n);
    }
    require(n.waiting_len == 0 && n.running_len == 0 && n.arrived == count);
    free(n.waiting), free(n.running), free(n.reserved), free(n.profile.at), free(n.profile.free);
}

void naive_print(FILE *to, const struct naive_job *jobs, size_t count, uint32_t processors) {
    fprintf(to, "%u processors\n%5s %14s %14s %14s %6s %14s\n", (unsigned)processors, "row", "submit_ns",
            "run_ns", "estimate_ns", "size", "start_ns");
    for (size_t i = 0; i < count; i++)
        fprintf(to, "%5zu %14lld %14lld %14lld %6u %14lld\n", i, (long long)jobs[i].submit_ns,
                (long long)jobs[i].run_ns, (long long)jobs[i].estimate_ns, (unsigned)jobs[i].size,
                (long long)jobs[i].start_ns);
}

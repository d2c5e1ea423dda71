/*
 * The event loop. At one instant: completions, then arrivals, then one pass over each line that changed; what
 * passes start with zero length ends in a further round of the same instant. Arrivals are a cursor over the
 * sorted job table and never enter the queue. Window edges and series bins are moments between events at which
 * totals are read; they change nothing.
 *
 * Cost: O(log running) an event plus the pass. No allocation in steady state, no input or output, no draws.
 */
#include "core/world.h"

#include "core/engine.h"
#include "core/staff.h"

#include "base/tick.h"

#include <stdlib.h>
#include <time.h>

static void read_regions(struct sched *s) {
    for (size_t r = 0; r < s->setup->regions_len; r++) region_read(&s->ledger.regions[r], s->world.now_ns);
}

static void open_window(struct sched *s) {
    staff_edge(s);
    slot_settle_all(s);
    line_settle(s);
    ledger_open_window(&s->ledger, s->world.now_ns);
    if (s->iron) iron_open_window(s);
}

static void close_window(struct sched *s) {
    staff_edge(s);
    slot_settle_all(s);
    if (s->iron) iron_close_window(s);
    ledger_close_window(&s->ledger, s->world.now_ns);
}

/* The next moment at which totals are read. */
static int64_t next_stop(const struct sched *s) {
    const int64_t bin = series_next_ns(s);
    int64_t edge = TICK_NEVER;
    if (!s->ledger.was_open) edge = s->setup->measure_from_ns;
    else if (s->ledger.open) edge = s->setup->measure_to_ns;
    return bin < edge ? bin : edge;
}

static void read_totals(struct sched *s) {
    const int64_t now = s->world.now_ns;
    if (!s->ledger.was_open && now == s->setup->measure_from_ns) open_window(s);
    else if (s->ledger.open && now == s->setup->measure_to_ns) close_window(s);
    if (now == series_next_ns(s)) {
        read_regions(s);
        series_flush(s);
    }
    s->stop_ns = next_stop(s);
}

/* Stops at every bin end and window edge up to t, then stands at t. */
static void advance_to(struct sched *s, int64_t t) {
    while (s->stop_ns <= t && s->stop_ns < TICK_NEVER) {
        s->world.now_ns = s->stop_ns;
        read_totals(s);
    }
    s->world.now_ns = t;
}

/* Nodes that fail go on failing, so a job that can never end (longer than its nodes live, without checkpoints) would
 * keep a run without a horizon going for ever: it is cut so long after the last submission. */
#define PATIENCE_NS (5 * 366 * TICK_DAY)

static int64_t last_moment(const struct sched *s) {
    const struct jobs *jobs = &s->world.jobs;
    if (s->setup->horizon_ns < TICK_NEVER || s->iron == NULL || jobs->len == 0) return s->setup->horizon_ns;
    return jobs->at[jobs->len - 1].submit_ns + PATIENCE_NS;
}

static void run_loop(struct sched *s) {
    const struct jobs *jobs = &s->world.jobs;
    const struct run_options *options = s->options;
    const int64_t horizon = last_moment(s);
    size_t next = 0;
    uint64_t report = 0;
    for (;;) {
        const int64_t arrival = next < jobs->len ? jobs->at[next].submit_ns : TICK_NEVER;
        const int64_t event = evq_empty(&s->events) ? TICK_NEVER : (int64_t)evq_rank(evq_peek(&s->events));
        const int64_t t = arrival < event ? arrival : event;
        if (t >= TICK_NEVER || t > horizon) break;
        if (t != s->world.now_ns) advance_to(s, t);
        bool due = event == t;
        while (due) {
            const evq_key taken = evq_take(&s->events);
            due = false;
            if (!evq_empty(&s->events)) {
                const evq_key following = evq_peek(&s->events);
                due = (int64_t)evq_rank(following) == t;
                sched_prefetch(s, following);
            }
            sched_event(s, taken, !due && arrival != t && s->dirty.len == 0);
            s->events_done++;
            /* A node that fails, say, takes with it what its jobs would have done at this very instant. */
            if (due && s->recalls) due = !evq_empty(&s->events) && (int64_t)evq_rank(evq_peek(&s->events)) == t;
        }
        sched_ended(s);
        due = arrival == t;
        while (due) {
            const uint32_t job = (uint32_t)next++;
            due = next < jobs->len && jobs->at[next].submit_ns == t;
            sched_arrive(s, job, !due && s->dirty.len == 0);
            s->events_done++;
        }
        sched_passes(s);
        /* What is left in the queue are timers nobody waits for: the run ends with its last job, or where it goes on
         * to a horizon, without them; only nodes still go to sleep, fail and come back. */
        const bool done = next == jobs->len && s->running_len == 0 && s->waiting_len == 0 &&
                          staff_over(s);
        if (done && (s->iron == NULL || s->setup->horizon_ns == TICK_NEVER)) break;
        if (options->progress && s->events_done >= report) {
            report = s->events_done + 65536;
            const size_t ended = next > s->running_len ? next - s->running_len : 0; /* staff runs too */
            options->progress(options->context, t, s->events_done,
                              jobs->len ? (double)ended / (double)jobs->len : 1);
        }
    }
    advance_to(s, s->setup->horizon_ns < TICK_NEVER ? s->setup->horizon_ns : s->world.now_ns);
    line_settle(s);
    if (s->hold) hold_settle(s);
    close_window(s);
    read_regions(s);
}

static double cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool run_simulate(const struct setup *setup, const struct jobs *trace, const struct run_options *options,
                  struct result *result, struct err *err) {
    struct sched s;
    *result = (struct result){0};
    const bool ready = world_open(&s, setup, trace, options, err);
    if (ready) {
        const double begin = cpu_s();
        series_begin(&s);
        if (s.setup->measure_from_ns <= 0) open_window(&s);
        s.stop_ns = next_stop(&s);
        if (s.iron) iron_begin(&s);
        if (s.caps) caps_begin(&s);
        staff_begin(&s);
        run_loop(&s);
        result->loop_s = cpu_s() - begin;
        if (s.resize) resize_settle(&s);
        tally_results(&s, result);
    } else if (s.group_of) {
        if (options->consume == NULL) free(s.world.jobs.at);
        free(s.world.jobs.shapes.at);
    }
    world_close(&s);
    return ready;
}

bool run_check(const struct setup *setup, const struct jobs *trace, struct err *err) {
    if (setup->pools_len == 0)
        return err_add(err, (struct place_in_file){.path = "pools"}, "there are none, so nothing can run");
    struct sched s;
    const bool ready = world_open(&s, setup, trace, NULL, err);
    if (s.group_of) free(s.world.jobs.shapes.at);
    world_close(&s);
    return ready;
}

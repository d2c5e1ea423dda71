/*
 * The jobs of a run: a trace or a synthetic load, then the scenario's treatment in a fixed order: speed,
 * shuffle, repeat_until, depart, every.
 *
 * Who comes when is kept apart from who asks for what: a shuffle deals the jobs anew over the same submit
 * times, jobs drawn again queue up behind the last one at the trace's mean gap, and `every` replaces all
 * submit times. A deadline moves with its job's submit time.
 *
 * Streams `shuffle` and `repeat` of the run's seed; a run that does neither draws nothing.
 * Cost: O(n) after reading, O(n log n) with a shuffle.
 */
#include "app/demand.h"

#include "base/mem.h"
#include "base/rng.h"
#include "base/tick.h"
#include "core/seams.h"
#include "io/trace.h"

#include <math.h>
#include <stdlib.h>

static void set_submit(struct jobs *jobs, size_t j, int64_t submit_ns) {
    if (jobs->deadline_ns && jobs->deadline_ns[j] != JOB_UNKNOWN)
        jobs->deadline_ns[j] += submit_ns - jobs->at[j].submit_ns;
    jobs->at[j].submit_ns = submit_ns;
}

static void speed_up(struct jobs *jobs, double speed) {
    for (size_t j = 0; j < jobs->len; j++)
        set_submit(jobs, j, (int64_t)llround((double)jobs->at[j].submit_ns / speed));
}

/* Deals the jobs over the same submit times at random. Sorting by distinct ranks moves every column along,
 * and jobs of the same instant are dealt anew too. */
static void shuffle(struct jobs *jobs, uint64_t seed) {
    const size_t n = jobs->len;
    int64_t *times_ns = mem_alloc(n * sizeof *times_ns);
    uint32_t *rank = mem_alloc(n * sizeof *rank);
    for (size_t j = 0; j < n; j++) {
        times_ns[j] = jobs->at[j].submit_ns;
        rank[j] = (uint32_t)j;
    }
    struct rng *rng = rng_open(seed, "shuffle", 0);
    rng_shuffle(rng, rank, n);
    rng_close(rng);
    for (size_t j = 0; j < n; j++) set_submit(jobs, j, rank[j]);
    jobs_sort(jobs);
    for (size_t j = 0; j < n; j++) set_submit(jobs, j, times_ns[j]);
    free(rank);
    free(times_ns);
}

static void copy_job(struct jobs *jobs, uint32_t from) {
    const uint32_t j = jobs_add(jobs);
    jobs->at[j] = jobs->at[from];
    if (jobs->id_at) jobs->id_at[j] = jobs->id_at[from];
    if (jobs->priority) jobs->priority[j] = jobs->priority[from];
    if (jobs->deadline_ns) jobs->deadline_ns[j] = jobs->deadline_ns[from];
    if (jobs->work) jobs->work[j] = jobs->work[from];
    if (jobs->user) jobs->user[j] = jobs->user[from];
    if (jobs->wait_ns) jobs->wait_ns[j] = jobs->wait_ns[from];
}

static void keep_first(struct jobs *jobs, size_t count) {
    bool *keep = mem_zero(jobs->len, sizeof *keep);
    for (size_t j = 0; j < count; j++) keep[j] = true;
    jobs_filter(jobs, keep);
    free(keep);
}

static uint64_t asked_milli(const struct jobs *jobs, size_t j) {
    return shape_gpu_milli(&jobs->shapes.at[jobs->at[j].shape]);
}

/* Cuts the jobs after the one with which goal_milli were asked for, or draws jobs again until they were. */
static void repeat_until(struct jobs *jobs, double goal_milli, uint64_t seed) {
    double asked = 0;
    for (size_t j = 0; j < jobs->len; j++) {
        asked += (double)asked_milli(jobs, j);
        if (asked < goal_milli) continue;
        keep_first(jobs, j + 1);
        return;
    }
    const size_t n = jobs->len;
    const int64_t first_ns = jobs->at[0].submit_ns, last_ns = jobs->at[n - 1].submit_ns;
    const int64_t gap_ns = n > 1 ? (last_ns - first_ns) / (int64_t)(n - 1) : 0;
    struct rng *rng = rng_open(seed, "repeat", 0);
    for (int64_t i = 1; asked < goal_milli; i++) {
        const uint32_t from = (uint32_t)rng_below(rng, n);
        copy_job(jobs, from);
        set_submit(jobs, jobs->len - 1, last_ns + i * gap_ns);
        asked += (double)asked_milli(jobs, from);
        if (jobs->len >= JOB_NONE) die("repeat_until asks for more than %u jobs", JOB_NONE - 1);
    }
    rng_close(rng);
}

static double fleet_milli(const struct setup *setup) {
    double gpus = 0;
    for (size_t i = 0; i < setup->nodes_len; i++)
        gpus += (double)setup->nodes[i].count * setup->pools[setup->nodes[i].pool].gpus;
    return gpus * 1000;
}

static void never_depart(struct jobs *jobs) {
    for (size_t j = 0; j < jobs->len; j++) {
        jobs->at[j].run_ns = TICK_NEVER;
        if (jobs->has_estimates) jobs->at[j].estimate_ns = TICK_NEVER;
    }
}

static bool treat(const struct demand *demand, const struct setup *setup, struct jobs *jobs,
                  struct err *err) {
    if (demand->speed != 1) speed_up(jobs, demand->speed);
    if (demand->shuffle) shuffle(jobs, setup->seed);
    if (demand->repeat_until > 0) {
        double asked = 0;
        for (size_t j = 0; j < jobs->len; j++) asked += (double)asked_milli(jobs, j);
        if (asked == 0)
            return err_add(err, (struct place_in_file){.file = demand->trace, .path = "trace.repeat_until"},
                           "no job asks for a GPU, so the fleet's GPUs can never have been asked for");
        repeat_until(jobs, demand->repeat_until * fleet_milli(setup), setup->seed);
    }
    if (!demand->depart) never_depart(jobs);
    for (size_t j = 0; demand->every_ns > 0 && j < jobs->len; j++)
        set_submit(jobs, j, (int64_t)j * demand->every_ns);
    return true;
}

bool demand_read(const struct demand *demand, const struct setup *setup, struct jobs *jobs, struct err *err) {
    if (demand->trace) {
        const struct order_model *order = (const struct order_model *)setup->policy.order.model;
        if (!trace_read(demand->trace, order->needs, jobs, err)) return false;
    } else if (demand->load) {
        load_generate(demand->load, setup->seed, jobs);
    } else { /* pipelines, services */
        jobs_init(jobs, 0);
        jobs->origin_unix_ns = setup->origin_unix_ns;
    }
    const bool as_read = demand->speed == 1 && !demand->shuffle && !(demand->repeat_until > 0) &&
                         demand->depart && demand->every_ns <= 0;
    if (as_read) return true;
    return treat(demand, setup, jobs, err);
}

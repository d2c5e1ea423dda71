/*
 * The shortcuts of a start and the long way come to the same. A job that finds nobody waiting starts without a
 * pass, and on a full fleet the head of the line takes over the place of a job like it (sim/core/sched.c). Both
 * are left out where placing draws and where a backfill wants to hear of early ends; so each random scenario is
 * run as it is and once more with models that differ from its own by nothing but saying so. Times, nodes, reasons
 * and counts must be the same, sums of energy and money the same to rounding.
 */
#include "support/testing.h"

#include "base/rng.h"
#include "base/tick.h"
#include "core/seams.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { JOBS = 400 };
#define ROUNDING 1e-10

static const char *const orders[] = {"fifo", "sjf", "edf", "priority", "fair_share", "srtf", "las"};
static const char *const backfills[] = {"none", "none", "skip", "easy"};
static const char *const places[] = {"best_fit", "first_fit", "spread", "consolidate", "gpu_clustering", "fgd"};
#define PICK(rng, from) ((from)[rng_below(rng, sizeof(from) / sizeof *(from))])

/* Few shapes, so that a job often ends before one like it; alike or not in utilisation; some at one instant. */
static void draw_jobs(struct jobs *jobs, struct rng *rng, double gap_s) {
    const bool whole_seconds = rng_below(rng, 2), alike = rng_below(rng, 2), shares = rng_below(rng, 3) == 0;
    double t = 0;
    jobs_init(jobs, JOBS_PRIORITY | JOBS_DEADLINE);
    for (int i = 0; i < JOBS; i++) {
        if (rng_below(rng, 3)) t += rng_exponential(rng, gap_s); /* else together with the job before */
        const uint32_t gpus = rng_below(rng, 5) ? 1 : (uint32_t)rng_below(rng, 7);
        const double run_s = rng_below(rng, 20) ? rng_exponential(rng, 60) : 0;
        const uint32_t j = whole_seconds ? testing_job(jobs, (double)(int64_t)t, (double)(int64_t)run_s, gpus)
                                         : testing_job(jobs, t, run_s, gpus);
        struct shape shape = {.gpus = gpus, .models = JOB_ANY_MODEL, .cpu_milli = gpus ? 0 : 3000};
        if (shares && rng_below(rng, 3) == 0) shape.gpus = 0, shape.share_milli = rng_below(rng, 2) ? 500 : 700;
        testing_shape(jobs, &shape);
        const char *tenant = rng_below(rng, 4) ? "default" : "red";
        jobs->at[j].tenant = (uint16_t)names_put(&jobs->tenants, tenant, strlen(tenant));
        jobs->at[j].utilisation = alike ? 0.75f : (float)rng_uniform(rng);
        jobs->priority[j] = (int32_t)rng_below(rng, 2);
        jobs->deadline_ns[j] = jobs->at[j].submit_ns + (int64_t)rng_below(rng, 500) * TICK_S;
    }
}

static void draw_setup(struct setup *setup, struct rng *rng) {
    static const struct testing_step price[] = {{0, 0.1}, {400, 0.4}, {1300, 0.2}}, pue[] = {{0, 1.3}, {770, 1.1}};
    testing_setup(setup);
    const uint32_t regions = 1 + (uint32_t)rng_below(rng, 2);
    if (regions == 2) testing_region(setup, "there");
    for (uint32_t r = 0; r < regions; r++) {
        setup->regions[r].price = testing_steps(setup, price, 3, 2000);
        setup->regions[r].carbon = testing_steps(setup, price, 3, r ? 900 : 0);
        setup->regions[r].pue = testing_steps(setup, pue, 2, 0);
    }
    for (uint32_t p = 0; p < 3; p++) {
        static const char *const names[] = {"a", "b", "c"};
        struct pool_setup *pool = testing_pool(setup, names[p], 1 + (uint32_t)rng_below(rng, 2), p == 1 ? 8 : 4);
        pool->region = p == 2 ? regions - 1 : 0;
        pool->base_w = 300, pool->gpu_idle_w = 50 + p, pool->gpu_peak_w = 400, pool->usd_per_node_h = 3;
        pool->cpu_milli = 16000;
    }
    testing_tenant(setup, "red");
    if (rng_below(rng, 6) == 0) {
        setup->tenants[0].quota_kind = rng_below(rng, 2) ? QUOTA_HARD : QUOTA_BORROW;
        setup->tenants[0].quota_gpus = 6;
    }
    const bool quota = setup->tenants[0].quota_kind != QUOTA_NONE;
    const char *order = PICK(rng, orders), *backfill = PICK(rng, backfills);
    const bool reserves_not = quota || strcmp(order, "fair_share") == 0 || strcmp(order, "srtf") == 0 ||
                              strcmp(order, "las") == 0;
    if (reserves_not && strcmp(backfill, "easy") == 0) backfill = "skip";
    testing_policy(setup, order, backfill, PICK(rng, places));
    setup->policy.scatter = rng_below(rng, 4) == 0;
    if (rng_below(rng, 4) == 0) setup->measure_from_ns = 500 * TICK_S, setup->measure_to_ns = 2000 * TICK_S;
    if (rng_below(rng, 4) == 0) setup->horizon_ns = 3000 * TICK_S;
}

static void ignore(void *state, struct sched *sched, uint32_t domain) { (void)state, (void)sched, (void)domain; }

static struct result run_as(struct setup *setup, struct jobs *jobs, bool the_long_way) {
    static struct backfill_model backfill;
    static struct place_model place;
    if (!the_long_way) return testing_run_bins(setup, jobs, 50);
    backfill = *(const struct backfill_model *)(const void *)setup->policy.backfill.model;
    place = *(const struct place_model *)(const void *)setup->policy.place.model;
    backfill.ended_early = ignore;
    place.draws = true;
    setup->policy.backfill.model = &backfill.model;
    setup->policy.place.model = &place.model;
    return testing_run_bins(setup, jobs, 50);
}

static bool same_job(const struct result *a, const struct result *b, size_t i) {
    const struct job_result *x = &a->job_results[i], *y = &b->job_results[i];
    return a->jobs->at[i].start_ns == b->jobs->at[i].start_ns && a->jobs->at[i].end_ns == b->jobs->at[i].end_ns &&
           x->first_node == y->first_node && x->region == y->region && x->held_ns == y->held_ns &&
           x->preemptions == y->preemptions && memcmp(x->why_ns, y->why_ns, sizeof x->why_ns) == 0 &&
           testing_near(x->energy_j, y->energy_j, ROUNDING) && testing_near(x->co2_g, y->co2_g, ROUNDING) &&
           testing_near(x->energy_usd, y->energy_usd, ROUNDING) &&
           testing_near(x->capacity_usd, y->capacity_usd, ROUNDING);
}

static bool same_tally(const struct tally *a, const struct tally *b) {
    const double x[] = {a->held_gpu_h, a->used_gpu_h, a->useful_gpu_h, a->energy_j, a->job_energy_j, a->energy_usd,
                        a->job_energy_usd, a->co2_g, a->job_co2_g, a->it_energy_j, a->job_capacity_usd, a->peak_w,
                        a->energy_j + a->idle_energy_j, a->energy_usd + a->idle_energy_usd};
    const double y[] = {b->held_gpu_h, b->used_gpu_h, b->useful_gpu_h, b->energy_j, b->job_energy_j, b->energy_usd,
                        b->job_energy_usd, b->co2_g, b->job_co2_g, b->it_energy_j, b->job_capacity_usd, b->peak_w,
                        b->energy_j + b->idle_energy_j, b->energy_usd + b->idle_energy_usd};
    bool same = a->finished == b->finished && a->waiting == b->waiting && a->running == b->running;
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) same &= testing_near(x[i], y[i], ROUNDING);
    for (int w = 0; w < WHY_COUNT; w++) same &= testing_near(a->why_s[w], b->why_s[w], ROUNDING);
    /* of the fleet's size: what is left of a full one is rounding */
    const double fragmented = a->capacity_gpu_h + a->fragmented_gpu_h;
    return same && testing_near(fragmented, b->capacity_gpu_h + b->fragmented_gpu_h, ROUNDING);
}

static void compare(const struct result *a, const struct result *b, const char *name) {
    cr_assert_eq(a->events, b->events, "%s: %lu events, the long way %lu", name, a->events, b->events);
    cr_assert_eq(a->placements, b->placements, "%s", name);
    for (size_t i = 0; i < a->jobs->len; i++) cr_assert(same_job(a, b, i), "%s: job %zu differs", name, i);
    for (size_t i = 0; i < a->tallies_len; i++)
        cr_assert(same_tally(&a->tallies[i], &b->tallies[i]), "%s: tally %zu differs", name, i);
    for (size_t i = 0; i < a->series.bins * a->series.regions; i++) {
        const struct bin *x = &a->series.at[i], *y = &b->series.at[i];
        const bool same = testing_near(x->held_gpus, y->held_gpus, ROUNDING) &&
                          testing_near(x->power_w, y->power_w, ROUNDING) &&
                          testing_near(x->queued_jobs, y->queued_jobs, ROUNDING);
        cr_assert(same, "%s: bin %zu differs", name, i);
    }
    cr_assert_leq(a->ledger_error, 1e-9, "%s: ledger error %g", name, a->ledger_error);
}

Test(shortcuts, as_the_long_way) {
    uint64_t shorter = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct rng *rng = rng_open(seed, "shortcuts", 0);
        struct setup setup;
        struct jobs jobs;
        draw_setup(&setup, rng);
        draw_jobs(&jobs, rng, 3 + 12 * rng_uniform(rng));
        char name[128];
        snprintf(name, sizeof name, "seed %d, %s/%s/%s", (int)seed, setup.policy.order.model->name,
                 setup.policy.backfill.model->name, setup.policy.place.model->name);
        struct result quick = run_as(&setup, &jobs, false), slow = run_as(&setup, &jobs, true);
        compare(&quick, &slow, name);
        shorter += quick.passes < slow.passes;
        result_free(&quick), result_free(&slow);
        jobs_free(&jobs);
        testing_setup_free(&setup);
        rng_close(rng);
    }
    cr_assert_geq(shorter, 150, "only %lu of 200 scenarios saved a pass", shorter);
}

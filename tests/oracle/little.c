/*
 * Little's law, exactly, in every run: the time integral of the number of jobs waiting is the sum of the
 * jobs' waits, that of the number running the sum of the times they held their GPUs, and that of GPUs held
 * the sum of GPU times. The left sides come from the regions' gauges (the series), which follow counts from event
 * to event; the right sides from the jobs' own times. Reasons for waiting add up to each wait, to the
 * nanosecond.
 *
 * Runs: random mixes of jobs over every order with the backfills it goes with, in one region and in two, with
 * preemption and its cost, with rounds, and with a horizon that cuts jobs off.
 */
#include "support/testing.h"

#include "base/rng.h"
#include "base/tick.h"
#include "models/registry.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { JOBS = 600 };

/* Jobs of 1 to 12 GPUs, shares among them, for 2 x 3 nodes of 4: busy, with long queues at times. */
static struct jobs random_jobs(uint64_t seed) {
    struct jobs jobs;
    jobs_init(&jobs, JOBS_PRIORITY | JOBS_DEADLINE);
    struct rng *rng = rng_open(seed, "little", 0);
    double submit_s = 0;
    for (int i = 0; i < JOBS; i++) {
        submit_s += rng_below(rng, 3) ? 0 : rng_exponential(rng, 600);
        const double run_s = rng_below(rng, 20) ? rng_lognormal(rng, 6, 1) : 0;
        const uint32_t sizes[] = {1, 1, 1, 2, 4, 12};
        const uint32_t j = testing_job(&jobs, submit_s, run_s, sizes[rng_below(rng, 6)]);
        if (rng_below(rng, 4) == 0)
            testing_shape(&jobs, &(struct shape){.share_milli = 300, .models = JOB_ANY_MODEL});
        jobs.priority[j] = (int32_t)rng_below(rng, 3);
        jobs.deadline_ns[j] = jobs.at[j].submit_ns + (int64_t)rng_below(rng, 7200) * TICK_S;
        const char *tenant = rng_below(rng, 3) ? "red" : "blue";
        jobs.at[j].tenant = (uint16_t)names_put(&jobs.tenants, tenant, strlen(tenant));
    }
    rng_close(rng);
    jobs_sort(&jobs);
    return jobs;
}

struct integral {
    double waiting_s, running_s, gpu_s;
};

static struct integral of_series(const struct result *result) {
    const struct series *series = &result->series;
    struct integral sum = {0};
    for (size_t r = 0; r < series->regions; r++)
        for (size_t b = 0; b < series->bins; b++) {
            const struct bin *bin = &series->at[r * series->bins + b];
            const int64_t from_ns = series->start_ns + (int64_t)b * series->width_ns;
            const int64_t rest_ns = result->end_ns - from_ns;
            const double s = tick_seconds(rest_ns < series->width_ns ? rest_ns : series->width_ns);
            sum.waiting_s += bin->queued_jobs * s;
            sum.running_s += bin->running_jobs * s;
            sum.gpu_s += bin->held_gpus * s;
        }
    return sum;
}

/* From each job's own times: waiting is all of its time here that it held nothing. */
static struct integral of_jobs(const struct result *result) {
    struct integral sum = {0};
    for (size_t j = 0; j < result->jobs->len; j++) {
        const struct job *job = &result->jobs->at[j];
        if (job->submit_ns > result->end_ns) continue;
        const int64_t left_ns = job->end_ns == JOB_NOT_YET ? result->end_ns : job->end_ns;
        const int64_t held_ns = result->job_results[j].held_ns;
        sum.waiting_s += tick_seconds(left_ns - job->submit_ns - held_ns);
        sum.running_s += tick_seconds(held_ns);
        sum.gpu_s += tick_seconds(held_ns) * shape_gpu_milli(&result->jobs->shapes.at[job->shape]) / 1000;
    }
    return sum;
}

static void expect_reasons_add_up(const struct result *result, const char *what) {
    double waits_s = 0, reasons_s = 0;
    for (size_t j = 0; j < result->jobs->len; j++) {
        const struct job *job = &result->jobs->at[j];
        if (job->submit_ns > result->end_ns) continue;
        const int64_t until_ns = job->start_ns == JOB_NOT_YET ? result->end_ns : job->start_ns;
        int64_t sum_ns = 0;
        for (int w = 0; w < WHY_COUNT; w++) {
            cr_assert(result->job_results[j].why_ns[w] >= 0, "%s: job %zu", what, j);
            sum_ns += result->job_results[j].why_ns[w];
        }
        cr_assert_eq(sum_ns, until_ns - job->submit_ns, "%s: reasons of job %zu", what, j);
        waits_s += tick_seconds(until_ns - job->submit_ns);
    }
    for (int w = 0; w < WHY_COUNT; w++) reasons_s += testing_tally(result, PART_RUN, NULL)->why_s[w];
    cr_assert(testing_near(waits_s, reasons_s, 1e-12), "%s: reasons %.17g s, waits %.17g s", what, reasons_s,
              waits_s);
}

static void expect_littles_law(const struct setup *setup, const struct jobs *jobs, const char *what) {
    struct result result;
    struct err err;
    err_init(&err);
    const struct run_options options = {.job_results = true, .bins = 50};
    const bool ran = run_simulate(setup, jobs, &options, &result, &err);
    cr_assert(ran, "%s: %s", what, err.kept ? err.lines[0] : "");
    const struct integral gauges = of_series(&result), own = of_jobs(&result);
    cr_assert(own.waiting_s > 0 && own.running_s > 0, "%s tests nothing", what);
    cr_assert(testing_near(gauges.waiting_s, own.waiting_s, 1e-11), "%s: waiting %.17g, sum of waits %.17g",
              what, gauges.waiting_s, own.waiting_s);
    cr_assert(testing_near(gauges.running_s, own.running_s, 1e-11), "%s: running %.17g, sum of runs %.17g",
              what, gauges.running_s, own.running_s);
    cr_assert(testing_near(gauges.gpu_s, own.gpu_s, 1e-11), "%s: GPUs %.17g, sum of GPU times %.17g", what,
              gauges.gpu_s, own.gpu_s);
    expect_reasons_add_up(&result, what);
    cr_assert(result.ledger_error < 1e-9, "%s: the ledger is off by %g", what, result.ledger_error);
    result_free(&result);
    err_free(&err);
}

static struct setup setup;
static void open_setup(void) {
    testing_setup(&setup);
    testing_pool(&setup, "a", 3, 4);
    testing_region(&setup, "there");
    testing_pool(&setup, "b", 3, 4)->region = 1;
    testing_tenant(&setup, "red");
    testing_tenant(&setup, "blue");
}
static void close_setup(void) { testing_setup_free(&setup); }
TestSuite(little, .init = open_setup, .fini = close_setup);

Test(little, every_order_and_backfill) {
    const struct registry *registry = models_registry();
    unsigned runs = 0;
    for (size_t o = 0; o < registry->counts[KIND_ORDER]; o++)
        for (size_t b = 0; b < registry->counts[KIND_BACKFILL]; b++) {
            const char *order = registry->models[KIND_ORDER][o]->name;
            const char *backfill = registry->models[KIND_BACKFILL][b]->name;
            testing_policy(&setup, order, backfill, "best_fit");
            struct jobs jobs = random_jobs(o * 10 + b);
            struct err err;
            char what[80];
            snprintf(what, sizeof what, "%s, %s", order, backfill);
            err_init(&err);
            if (run_check(&setup, &jobs, &err)) {
                expect_littles_law(&setup, &jobs, what);
                runs++;
            }
            err_free(&err);
            jobs_free(&jobs);
        }
    cr_assert_geq(runs, 2 * registry->counts[KIND_ORDER], "none and skip go with every order");
}

Test(little, costs_rounds_quotas_and_a_horizon) {
    const char *orders[] = {"fifo", "srtf", "las", "fair_share"};
    for (unsigned i = 0; i < 64; i++) {
        struct jobs jobs = random_jobs(100 + i);
        char what[80];
        testing_policy(&setup, orders[i % 4], i / 4 % 2 ? "skip" : "none", "first_fit");
        for (int k = 0; k < 3; k++) setup.policy.restart_ns[k] = i / 8 % 2 ? (k + 1) * 30 * TICK_S : 0;
        setup.policy.round_ns = i / 16 % 2 ? TICK_MINUTE : 0;
        setup.policy.round_cost_ns = i / 16 % 2 ? 5 * TICK_S : 0;
        setup.horizon_ns = i / 32 % 2 ? 6 * TICK_HOUR : TICK_NEVER;
        setup.tenants[0].quota_kind = i % 3 == 1 ? QUOTA_HARD : i % 3 == 2 ? QUOTA_BORROW : QUOTA_NONE;
        setup.tenants[0].quota_gpus = 12;
        snprintf(what, sizeof what, "%s, case %u", orders[i % 4], i);
        expect_littles_law(&setup, &jobs, what);
        jobs_free(&jobs);
    }
}

/*
 * What changes a job's pace and price, by hand: chips of another speed, alone and under a cap; a spot price that steps
 * while jobs run; combinations that cannot work.
 */
#include "base/tick.h"
#include "core/seams.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static struct setup setup;
static struct jobs jobs;
static struct class_setup entry;

/* Two units of work a second on each GPU of "fast", one on "slow", 0.8 times that when apart on more nodes than needed;
 * nothing is known of others. */
static double per_s(const void *params, const struct scale *scale) {
    (void)params;
    const double apart = scale->nodes > (scale->gpus + 7) / 8 ? 0.8 : 1;
    return apart * scale->gpus * (strcmp(scale->chip, "fast") == 0 ? 2 : strcmp(scale->chip, "slow") == 0 ? 1 : 0);
}
static const struct speed_model doubled = {.model = {.name = "doubled", .summary = "", .source = ""}, .per_s = per_s};

static void open_scene(void) {
    testing_setup(&setup);
    jobs_init(&jobs, 0);
    entry = (struct class_setup){.run_below_ns = TICK_NEVER, .wait_ns = -1, .markets = ~0u,
                                 .speed = {&doubled.model, NULL}, .speed_gpu = "slow"};
    setup.classes = &entry;
    setup.classes_len = 1;
}
static void close_scene(void) {
    jobs_free(&jobs);
    testing_setup_free(&setup);
}
TestSuite(rates, .init = open_scene, .fini = close_scene);

static void near(double got, double expected, int line) {
    cr_assert(fabs(got - expected) <= 1e-9 * fabs(expected), "line %d: %.12g, expected %.12g", line, got, expected);
}
#define NEAR(a, b) near(a, b, __LINE__)

static struct result run(void) {
    struct result result = testing_run(&setup, &jobs);
    cr_assert(result.ledger_error < 1e-9, "ledger error %g", result.ledger_error);
    return result;
}

Test(rates, a_faster_chip_does_the_same_work_sooner) {
    testing_pool(&setup, "a", 1, 4)->gpu = "fast";
    testing_pool(&setup, "b", 1, 4)->gpu = "slow";
    testing_job(&jobs, 0, 3600, 4);
    testing_job(&jobs, 0, 3600, 4);
    struct result result = run();
    NEAR(tick_seconds(result.jobs->at[0].end_ns), 1800);
    NEAR(tick_seconds(result.jobs->at[1].end_ns), 3600);
    NEAR(result.tallies[0].held_gpu_h, 4 * 0.5 + 4);
    NEAR(result.tallies[0].useful_gpu_h, 4 + 4); /* in hours of the GPU they were recorded on */
    cr_assert(result.tallies[0].overhead_gpu_h < 1e-12);
    result_free(&result);
}

Test(rates, apart_on_more_nodes_than_needed_is_slower) {
    testing_pool(&setup, "b", 2, 4)->gpu = "slow";
    testing_job(&jobs, 0, 3600, 8); /* two nodes of four; recorded on one of eight */
    struct result result = run();
    NEAR(tick_seconds(result.jobs->at[0].end_ns), 4500);
    result_free(&result);
}

Test(rates, a_cap_and_a_chip_multiply) {
    struct pool_setup *pool = testing_pool(&setup, "a", 1, 4);
    pool->gpu = "fast";
    pool->gpu_peak_w = 300;
    setup.policy.cap = (struct cap_setup){.when = CAP_ALWAYS, .level = 0.7}; /* Zeus: 0.941 */
    testing_job(&jobs, 0, 3764, 1);
    struct result result = run();
    NEAR(tick_seconds(result.jobs->at[0].end_ns), 2000);
    result_free(&result);
}

Test(rates, gpus_wait_for_data) {
    struct pool_setup *pool = testing_pool(&setup, "a", 1, 8);
    pool->gpu = "slow";
    pool->cpu_milli = 64000;
    entry.speed.model = NULL;
    entry.supply = (struct data_supply){.item_bytes = 1e6, .fetch_bytes_per_s = 1e9, .memory_bytes_per_s = 1e10,
                                        .cache_hit = 0.5, .prepare_items_per_s_per_cpu = 100,
                                        .ingest_items_per_s = 1000};
    /* 2 GPUs take in 2,000 items a second; 4 cores prepare 400: four fifths of the time they wait. */
    testing_job(&jobs, 0, 3600, 2);
    testing_shape(&jobs, &(struct shape){.gpus = 2, .cpu_milli = 4000, .models = JOB_ANY_MODEL});
    /* 20 cores prepare 2,000, but fetching gives 1 / (1e6 (0.5 / 1e9 + 0.5 / 1e10)) = 1818.18 */
    testing_job(&jobs, 0, 3600, 2);
    testing_shape(&jobs, &(struct shape){.gpus = 2, .cpu_milli = 20000, .models = JOB_ANY_MODEL});
    struct result result = run();
    NEAR(tick_seconds(result.jobs->at[0].end_ns), 5 * 3600);
    NEAR(tick_seconds(result.jobs->at[1].end_ns), 3600 * 2000 / (1e9 / (1e6 * 0.55)));
    NEAR(result.tallies[0].useful_gpu_h, 2 + 2);
    NEAR(result.tallies[0].stalled_gpu_h, 2 * (5 - 1) + 2 * 0.1);
    cr_assert(result.tallies[0].overhead_gpu_h < 1e-12);
    result_free(&result);
}

Test(rates, an_unknown_speed_is_refused) {
    testing_pool(&setup, "a", 1, 4)->gpu = "fast";
    testing_pool(&setup, "b", 1, 4)->gpu = "other";
    testing_job(&jobs, 0, 3600, 4);
    struct err err;
    err_init(&err);
    cr_assert_not(run_check(&setup, &jobs, &err));
    cr_assert_eq(err.found, 1, "%zu findings", err.found);
    err_free(&err);
}

Test(rates, a_spot_price_steps_under_running_jobs) {
    static const struct testing_step price[] = {{0, 1}, {1800, 3}};
    setup.classes_len = 0;
    struct pool_setup *pool = testing_pool(&setup, "spot", 2, 1);
    pool->bought = BOUGHT_SPOT;
    pool->spot_usd_per_node_h = testing_steps(&setup, price, 2, 0);
    pool->sleep = (struct sleep_setup){.on = true, .after_ns = TICK_S};
    testing_job(&jobs, 0, 3600, 1);    /* half an hour at 1, half an hour at 3 */
    testing_job(&jobs, 2400, 3600, 1); /* all of it at 3 */
    struct result result = run();
    NEAR(result.tallies[0].job_capacity_usd, 0.5 * 1 + 0.5 * 3 + 3);
    result_free(&result);
}

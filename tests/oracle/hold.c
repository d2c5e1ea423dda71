/*
 * Jobs kept back, by hand: what is paid for anyway is used at once, and what suspending and going on cost.
 */
#include "base/tick.h"
#include "core/seams.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>

static struct setup setup;
static struct jobs jobs;

/* Carbon falls from 500 to 100 at 4 h and rises again at 6 h. */
static void open_scene(void) {
    static const struct testing_step carbon[] = {{0, 500}, {4 * 3600, 100}, {6 * 3600, 500}, {10 * 3600, 100}};
    testing_setup(&setup);
    setup.regions[0].carbon = testing_steps(&setup, carbon, 4, 14 * 3600);
    setup.policy.shift_carbon = 1;
    setup.policy.wait_ns = 12 * TICK_HOUR;
    jobs_init(&jobs, 0);
}
static void close_scene(void) {
    jobs_free(&jobs);
    testing_setup_free(&setup);
}
TestSuite(hold, .init = open_scene, .fini = close_scene);

static struct result run(void) {
    struct result result = testing_run(&setup, &jobs);
    cr_assert(result.ledger_error < 1e-9, "ledger error %g", result.ledger_error);
    return result;
}

Test(hold, capacity_that_is_paid_for_is_used_first) {
    testing_pool(&setup, "owned", 1, 1)->bought = BOUGHT_RESERVED;
    struct pool_setup *cloud = testing_pool(&setup, "cloud", 4, 1);
    cloud->bought = BOUGHT_ON_DEMAND;
    cloud->usd_per_node_h = 1;
    cloud->sleep = (struct sleep_setup){.on = true, .after_ns = TICK_MINUTE};
    setup.policy.shift = testing_model(&setup.arena, KIND_SHIFT, "lowest_slot");
    setup.policy.market = testing_model(&setup.arena, KIND_MARKET, "reserved_first");
    setup.policy.reserved_first = true;
    testing_policy(&setup, "fifo", "skip", "first_fit");
    testing_job(&jobs, 0, 3600, 1); /* finds the owned node free */
    testing_job(&jobs, 60, 7200, 1); /* takes it over after an hour, long before the clean one */
    testing_job(&jobs, 120, 3600, 1); /* and this one waits for the clean hour, in the cloud if need be */
    testing_job(&jobs, 180, 3600, 1);
    struct result result = run();
    cr_assert_eq(result.jobs->at[0].start_ns, 0);
    cr_assert_eq(result.jobs->at[1].start_ns, TICK_HOUR);
    cr_assert_eq(result.jobs->at[2].start_ns, 3 * TICK_HOUR);
    cr_assert_eq(result.jobs->at[3].start_ns, 4 * TICK_HOUR);
    cr_assert_float_eq(result.tallies[0].capacity_usd, 0, 1e-12, "nothing was rented: %g USD",
                       result.tallies[0].capacity_usd);
    result_free(&result);
}

Test(hold, suspending_and_going_on_cost_time_and_energy) {
    struct pool_setup *pool = testing_pool(&setup, "owned", 1, 1);
    pool->gpu_peak_w = 1000;
    setup.policy.shift = testing_model(&setup.arena, KIND_SHIFT, "wait_awhile");
    setup.policy.suspend_ns = 60 * TICK_S;
    setup.policy.resume_ns = 120 * TICK_S;
    testing_job(&jobs, 0, 3 * 3600, 1); /* two hours in 4..6 h, one in 10..11 h */
    struct result result = run();
    const struct tally *t = &result.tallies[0];
    cr_assert_eq(result.jobs->at[0].start_ns, 4 * TICK_HOUR);
    cr_assert_eq(result.jobs->at[0].end_ns, 11 * TICK_HOUR + 120 * TICK_S);
    cr_assert_eq(t->suspensions, 1);
    cr_assert_float_eq(t->useful_gpu_h, 3, 1e-12);
    cr_assert_float_eq(t->overhead_gpu_h, 180 / 3600., 1e-12);
    cr_assert_float_eq(t->job_energy_j, 1000 * (3 * 3600. + 180), 1e-6);
    /* the minute of suspending falls into the dear hour, the two minutes of going on into the clean one */
    cr_assert_float_eq(t->job_co2_g, (100 * (3 * 3600. + 120) + 500 * 60) / 3600., 1e-9);
    result_free(&result);
}

Test(hold, a_job_kept_back_waits_for_its_hour_and_nothing_else) {
    testing_pool(&setup, "owned", 1, 1);
    setup.policy.shift = testing_model(&setup.arena, KIND_SHIFT, "lowest_slot");
    testing_job(&jobs, 1800, 3600, 1);
    testing_job(&jobs, 1800, 3600, 1); /* let go at the same moment, it waits for the GPU from then on */
    struct result result = run();
    cr_assert_eq(result.jobs->at[0].start_ns, 4 * TICK_HOUR);
    cr_assert_eq(result.jobs->at[1].start_ns, 5 * TICK_HOUR);
    cr_assert_float_eq(result.tallies[0].why_s[WHY_SHIFT], 2 * 3.5 * 3600, 1e-9);
    cr_assert_float_eq(result.tallies[0].why_s[WHY_CAPACITY], 3600, 1e-9);
    result_free(&result);
}

Test(hold, a_signal_that_is_nothing_counts_for_nothing) {
    testing_pool(&setup, "owned", 1, 1);
    setup.policy.shift = testing_model(&setup.arena, KIND_SHIFT, "lowest_slot");
    setup.policy.shift_price = 1; /* there is no price */
    testing_job(&jobs, 0, 3600, 1);
    struct result result = run();
    cr_assert_eq(result.jobs->at[0].start_ns, 4 * TICK_HOUR);
    result_free(&result);
}

/* The GPUs are in another region than the data of the long job, which needs an hour to get there. */
static void open_far(struct class_setup classes[2], double rate[4]) {
    testing_region(&setup, "there")->carbon = setup.regions[0].carbon;
    struct pool_setup *pool = testing_pool(&setup, "owned", 1, 1);
    pool->bought = BOUGHT_RESERVED;
    pool->region = 1;
    testing_tenant(&setup, "default")->home = 0;
    classes[0] = (struct class_setup){.run_below_ns = TICK_HOUR, .wait_ns = -1, .markets = ~0u};
    classes[1] = (struct class_setup){.run_below_ns = TICK_NEVER, .wait_ns = -1, .markets = ~0u, .data_gb = 3600};
    setup.classes = classes;
    setup.classes_len = 2;
    for (int i = 0; i < 4; i++) rate[i] = 1;
    setup.transfer.gb_per_s = rate;
    setup.policy.shift = testing_model(&setup.arena, KIND_SHIFT, "lowest_slot");
    setup.policy.reserved_first = true;
    testing_policy(&setup, "fifo", "skip", "first_fit");
}

Test(hold, capacity_that_is_paid_for_waits_for_data) {
    struct class_setup classes[2];
    double rate[4];
    open_far(classes, rate);
    testing_job(&jobs, 0, 1800, 1);  /* starts at once, and leaves the node while the other's data is under way */
    testing_job(&jobs, 60, 7200, 1);
    struct result result = run();
    cr_assert_eq(result.jobs->at[0].start_ns, 0);
    cr_assert_eq(result.jobs->at[1].start_ns, TICK_HOUR + 60 * TICK_S, "started at %g s, its data came at 3660 s",
                 tick_seconds(result.jobs->at[1].start_ns));
    cr_assert_float_eq(result.tallies[0].why_s[WHY_TRANSFER], 3600, 1e-9);
    cr_assert_float_eq(result.tallies[0].why_s[WHY_SHIFT], 0, 1e-9);
    result_free(&result);
}

Test(hold, what_is_free_is_judged_when_data_is_there) {
    struct class_setup classes[2];
    double rate[4];
    open_far(classes, rate);
    testing_job(&jobs, 0, 7200, 1);      /* finds the node free, and its data comes at 3600 s */
    testing_job(&jobs, 3000, 3599, 1);   /* but another has it from 3000 to 6599 s */
    struct result result = run();
    cr_assert_eq(result.jobs->at[1].start_ns, 3000 * TICK_S);
    cr_assert_eq(result.jobs->at[0].start_ns, 6599 * TICK_S);
    cr_assert_float_eq(result.tallies[0].why_s[WHY_TRANSFER], 3600, 1e-9);
    cr_assert_float_eq(result.tallies[0].why_s[WHY_SHIFT], 2999, 1e-9);
    result_free(&result);
}

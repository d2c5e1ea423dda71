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

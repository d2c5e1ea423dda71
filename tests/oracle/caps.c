/*
 * Power caps and limits by hand. The table is Zeus's for the V100: 0.7 of peak power runs at 0.941 of the speed.
 *
 * The node here: base 100 W, GPUs 50 W idle and 300 W at full load. Capped to 0.7: 210 W, of which 160 W beyond idle.
 */
#include "base/tick.h"
#include "core/seams.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>

static struct setup setup;
static struct jobs jobs;

static void open_scene(void) {
    testing_setup(&setup);
    struct pool_setup *pool = testing_pool(&setup, "a", 2, 4);
    pool->base_w = 100;
    pool->gpu_idle_w = 50;
    pool->gpu_peak_w = 300;
    jobs_init(&jobs, 0);
}
static void close_scene(void) {
    jobs_free(&jobs);
    testing_setup_free(&setup);
}
TestSuite(caps, .init = open_scene, .fini = close_scene);

static struct result run(void) {
    struct result result = testing_run(&setup, &jobs);
    cr_assert(result.ledger_error < 1e-9, "ledger error %g", result.ledger_error);
    return result;
}

static double end_s(const struct result *result, uint32_t job) { return tick_seconds(result->jobs->at[job].end_ns); }

static void near(double got, double expected, int line) {
    cr_assert(fabs(got - expected) <= 1e-9 * fabs(expected), "line %d: %.12g, expected %.12g", line, got, expected);
}
#define NEAR(a, b) near(a, b, __LINE__)

Test(caps, a_static_cap_slows_and_saves) {
    setup.policy.cap = (struct cap_setup){.when = CAP_ALWAYS, .level = 0.7};
    testing_job(&jobs, 0, 941, 1);
    struct result result = run();
    NEAR(end_s(&result, 0), 1000);
    NEAR(result.tallies[0].useful_gpu_h * 3600, 941);
    NEAR(result.tallies[0].used_gpu_h * 3600, 1000);
    /* two nodes' base and idle watts, and 160 W beyond idle, for 1000 s */
    NEAR(result.tallies[0].energy_j, (2 * (100 + 4 * 50) + 160) * 1000.);
    result_free(&result);
}

Test(caps, a_job_below_the_cap_knows_nothing_of_it) {
    setup.policy.cap = (struct cap_setup){.when = CAP_ALWAYS, .level = 0.7};
    const uint32_t job = testing_job(&jobs, 0, 941, 1);
    jobs.at[job].utilisation = 0.5f; /* 175 W: below 210 */
    struct result result = run();
    NEAR(end_s(&result, 0), 941);
    result_free(&result);
}

Test(caps, a_cap_while_carbon_is_high_changes_running_jobs) {
    static const struct testing_step carbon[] = {{0, 100}, {1000, 500}, {2000, 100}};
    setup.regions[0].carbon = testing_steps(&setup, carbon, 3, 0);
    setup.policy.cap = (struct cap_setup){.when = CAP_CARBON, .level = 0.7, .above = 400};
    testing_job(&jobs, 500, 1941, 2); /* 500 s at full speed, 1000 s at 0.941, 500 s at full speed */
    struct result result = run();
    NEAR(end_s(&result, 0), 2500);
    const double idle_w = 2 * (100 + 4 * 50);
    NEAR(result.tallies[0].energy_j, idle_w * 2500 + 2 * (250. * 1000 + 160. * 1000));
    NEAR(result.tallies[0].co2_g, (idle_w * (100. * 1000 + 500. * 1000 + 100. * 500) +
                                   2 * (250. * 100 * 500 + 160. * 500 * 1000 + 250. * 100 * 500)) / 3.6e6);
    result_free(&result);
}

Test(caps, a_limit_makes_starts_wait) {
    setup.regions[0].limit_w = 600 + 2 * 250 + 1; /* room for two jobs beyond idle */
    setup.regions[0].limit_then = LIMIT_WAIT;
    for (int i = 0; i < 3; i++) testing_job(&jobs, i, 100, 1);
    struct result result = run();
    NEAR(tick_seconds(result.jobs->at[0].start_ns), 0);
    NEAR(tick_seconds(result.jobs->at[1].start_ns), 1);
    NEAR(tick_seconds(result.jobs->at[2].start_ns), 100);
    NEAR(result.tallies[0].why_s[WHY_POWER], 98);
    cr_assert(result.tallies[0].peak_w <= setup.regions[0].limit_w);
    result_free(&result);
}

Test(caps, a_limit_slows_everyone_alike) {
    /* Four jobs want 600 + 4 x 250 = 1,600 W; at 0.7 they draw 600 + 4 x 160 = 1,240 W, at 0.6 600 + 4 x 130. */
    setup.regions[0].limit_w = 1250;
    setup.regions[0].limit_then = LIMIT_CAP;
    for (int i = 0; i < 4; i++) testing_job(&jobs, 0, 941, 1);
    struct result result = run();
    for (uint32_t i = 0; i < 4; i++) NEAR(end_s(&result, i), 1000);
    NEAR(result.tallies[0].peak_w, 1240);
    result_free(&result);
}

Test(caps, a_limit_lets_go_when_there_is_room_again) {
    setup.regions[0].limit_w = 1250;
    setup.regions[0].limit_then = LIMIT_CAP;
    for (int i = 0; i < 3; i++) testing_job(&jobs, 0, 941, 1); /* with a fourth: 0.7; three alone at 0.8: 1,170 W */
    testing_job(&jobs, 0, 94.1, 1);
    struct result result = run();
    NEAR(end_s(&result, 3), 100);
    const double left = 941 - 94.1; /* of the others' work, now at 0.8: speed 0.965 */
    NEAR(end_s(&result, 0), 100 + left / 0.965);
    result_free(&result);
}

Test(caps, checkpoints_and_caps_together) {
    setup.policy.cap = (struct cap_setup){.when = CAP_ALWAYS, .level = 0.7};
    setup.policy.checkpoint = (struct checkpoint_setup){.kind = CHECKPOINT_FIXED, .every_ns = 100 * TICK_S,
                                                        .write_ns = 10 * TICK_S};
    testing_job(&jobs, 0, 941, 1); /* 1,000 s of capped work: nine writes between ten intervals */
    struct result result = run();
    NEAR(end_s(&result, 0), 1090);
    NEAR(result.tallies[0].checkpoint_gpu_h * 3600, 90);
    NEAR(result.tallies[0].useful_gpu_h * 3600, 941);
    result_free(&result);
}

Test(caps, a_table_may_be_fine) {
    double caps[40], speeds[40];
    for (int i = 0; i < 40; i++) caps[i] = speeds[i] = (i + 61) / 100.;
    setup.policy.cap = (struct cap_setup){.caps = {caps, 40}, .speeds = {speeds, 40}};
    setup.regions[0].limit_w = 600 + 160; /* the job at 0.7 */
    setup.regions[0].limit_then = LIMIT_CAP;
    testing_job(&jobs, 0, 700, 1);
    struct result result = run();
    NEAR(end_s(&result, 0), 1000);
    result_free(&result);
}

Test(caps, jobs_without_gpus_wait_for_power_too) {
    static const struct testing_step pue[] = {{0, 2}, {1000, 1}};
    setup.regions[0].pue = testing_steps(&setup, pue, 2, 0);
    setup.regions[0].limit_w = 700; /* idle nodes draw 1,200 W at first, 600 W later */
    setup.regions[0].limit_then = LIMIT_WAIT;
    testing_job(&jobs, 0, 100, 0);
    testing_shape(&jobs, &(struct shape){.cpu_milli = 1000, .models = JOB_ANY_MODEL});
    struct result result = run();
    NEAR(tick_seconds(result.jobs->at[0].start_ns), 1000);
    NEAR(result.tallies[0].why_s[WHY_POWER], 1000);
    result_free(&result);
}

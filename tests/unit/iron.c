/*
 * Nodes that come and go, in runs worked out by hand: when jobs start and end, what sleeping and booting
 * draw, what rented nodes are billed, what is lost to failures.
 */
#include "support/param.h"
#include "support/testing.h"

#include "base/tick.h"

#include <criterion/criterion.h>
#include <math.h>

static struct setup setup;
static struct jobs jobs;
static struct result result;
static const struct tally *run;

static void begin(void) {
    testing_setup(&setup);
    jobs_init(&jobs, 0);
}
static void simulate(void) {
    result = testing_run(&setup, &jobs);
    run = testing_tally(&result, PART_RUN, NULL);
    cr_expect_lt(result.ledger_error, 1e-12);
}
static void end(void) {
    result_free(&result);
    jobs_free(&jobs);
    testing_setup_free(&setup);
}

static double start_s(size_t j) { return tick_seconds(result.jobs->at[j].start_ns); }
static double end_s(size_t j) { return tick_seconds(result.jobs->at[j].end_ns); }

/* `nodes` one-GPU nodes of 100 W that go off after 60 s (then 5 W) and boot in 30 s (at 40 W). */
static struct pool_setup *sleepers(uint32_t nodes, uint32_t gpus) {
    struct pool_setup *p = testing_pool(&setup, "sleepers", nodes, gpus);
    p->base_w = 100;
    p->sleep = (struct sleep_setup){.on = true, .after_ns = 60 * TICK_S, .sleep_w = 5, .boot_ns = 30 * TICK_S,
                                    .boot_w = 40};
    return p;
}

static struct chosen constant(double mean_s) {
    const struct chosen c = testing_model(&setup.arena, KIND_LIFETIME, "constant");
    testing_param(c, "mean", mean_s);
    return c;
}

Test(iron, a_node_sleeps_wakes_and_draws) {
    begin();
    sleepers(1, 1);
    testing_job(&jobs, 10, 100, 1);  /* boots 10..40, runs 40..140 */
    testing_job(&jobs, 180, 100, 1); /* the node is still awake: 180..280 */
    testing_job(&jobs, 350, 10, 1);  /* it went off at 340: boots 350..380, runs 380..390 */
    setup.horizon_ns = 1000 * TICK_S;
    simulate();
    cr_expect_float_eq(start_s(0), 40, 1e-9);
    cr_expect_float_eq(start_s(1), 180, 1e-9);
    cr_expect_float_eq(start_s(2), 380, 1e-9);
    cr_expect_eq(run->boots, 2);
    cr_expect_float_eq(run->boot_energy_j, 60 * 40, 1e-6);
    cr_expect_float_eq(run->sleep_energy_j, 5 * (10 + 10 + 550), 1e-6); /* 0..10, 340..350, 450..1000 */
    cr_expect_float_eq(run->job_energy_j, 100 * 210, 1e-6);
    cr_expect_float_eq(run->idle_energy_j, 100 * (40 + 60 + 60), 1e-6);
    cr_expect_float_eq(run->why_s[WHY_BOOT], 60, 1e-9);
    end();
}

Test(iron, the_measured_window_cuts_sleep_and_boot) {
    begin();
    sleepers(1, 1);
    testing_job(&jobs, 10, 100, 1);
    setup.measure_from_ns = 20 * TICK_S;
    setup.measure_to_ns = setup.horizon_ns = 250 * TICK_S;
    simulate();
    cr_expect_float_eq(run->boot_energy_j, 20 * 40, 1e-6);
    cr_expect_float_eq(run->sleep_energy_j, 5 * 50, 1e-6); /* off from 200 on */
    end();
}

Test(iron, a_reserve_stays_awake_and_is_made_up) {
    begin();
    sleepers(4, 1)->sleep.reserve = 1;
    testing_job(&jobs, 100, 1000, 1); /* takes the reserve, another node boots 100..130 */
    testing_job(&jobs, 140, 1000, 1); /* takes that one */
    setup.horizon_ns = 600 * TICK_S;
    simulate();
    cr_expect_float_eq(start_s(0), 100, 1e-9);
    cr_expect_float_eq(start_s(1), 140, 1e-9);
    cr_expect_eq(run->boots, 2);
    /* awake and idle: one from 0 to 100, 130 to 140, 170 to 600 */
    cr_expect_float_eq(run->idle_energy_j, 100 * (100 + 10 + 430), 1e-6);
    end();
}

Test(iron, as_many_are_woken_as_what_waits_needs) {
    begin();
    sleepers(5, 4);
    for (int i = 0; i < 5; i++) testing_job(&jobs, 10, 100, 2); /* ten GPUs: three nodes */
    simulate();
    cr_expect_eq(run->boots, 3);
    for (size_t i = 0; i < 5; i++) cr_expect_float_eq(start_s(i), 40, 1e-9);
    end();
}

/* Two nodes idle while a third is busy: the gang of four must not lose them while it waits for the others. */
Test(iron, nodes_stay_awake_for_a_gang) {
    begin();
    struct pool_setup *p = sleepers(4, 8);
    p->sleep.boot_ns = 300 * TICK_S;
    testing_job(&jobs, 0, 10, 24);   /* three boot 0..300, run 300..310 */
    testing_job(&jobs, 315, 10, 32); /* the fourth boots 315..615; the others' time is over at 370 */
    simulate();
    cr_expect_float_eq(start_s(0), 300, 1e-9);
    cr_expect_float_eq(start_s(1), 615, 1e-9);
    cr_expect_eq(run->boots, 4);
    end();
}

Test(iron, what_can_never_start_wakes_nobody) {
    begin();
    sleepers(2, 1);
    testing_tenant(&setup, "default");
    setup.tenants[0].quota_kind = QUOTA_HARD;
    setup.tenants[0].quota_gpus = 1;
    testing_job(&jobs, 0, 100, 1);
    testing_job(&jobs, 0, 100, 1); /* beyond the quota until the first has ended */
    simulate();
    cr_expect_float_eq(start_s(0), 30, 1e-9);
    cr_expect_float_eq(start_s(1), 130, 1e-9);
    cr_expect_eq(run->boots, 1);
    end();
}

/* A node is woken at 08:30 on the second day because one was busy from 09:00 on the first. */
Test(iron, nodes_are_woken_for_what_yesterday_needed) {
    begin();
    sleepers(2, 1)->sleep.ahead_ns = 30 * TICK_MINUTE;
    const double day = 86400;
    testing_job(&jobs, 9 * 3600, 600, 1);
    testing_job(&jobs, day + 9 * 3600, 600, 1);
    testing_job(&jobs, day + 9.5 * 3600, 600, 1); /* still awake in the hour it was busy in */
    testing_job(&jobs, day + 12 * 3600, 600, 1);
    simulate();
    cr_expect_float_eq(start_s(0), 9 * 3600 + 30, 1e-9);
    cr_expect_float_eq(start_s(1), day + 9 * 3600, 1e-9);
    cr_expect_float_eq(start_s(2), day + 9.5 * 3600, 1e-9);
    cr_expect_float_eq(start_s(3), day + 12 * 3600 + 30, 1e-9);
    cr_expect_eq(run->boots, 3);
    end();
}

/* ---- failures ---- */

Test(iron, a_failure_loses_what_is_not_safe) {
    begin();
    struct pool_setup *p = testing_pool(&setup, "p", 1, 2);
    p->faults.node_every = constant(100);
    p->faults.repair = constant(50);
    testing_job(&jobs, 40, 90, 2); /* runs 40..100, is lost, runs again 150..240 */
    setup.horizon_ns = 400 * TICK_S;
    simulate();
    cr_expect_float_eq(start_s(0), 40, 1e-9);
    cr_expect_float_eq(end_s(0), 240, 1e-9);
    cr_expect_eq(run->failures, 1);
    cr_expect_float_eq(run->lost_gpu_h, 2 * 60 / 3600.0, 1e-12);
    cr_expect_float_eq(run->useful_gpu_h, 2 * 90 / 3600.0, 1e-12);
    /* Down 100..150 and 250..300. */
    cr_expect_float_eq(testing_tally(&result, PART_POOL, "p")->up_gpu_h, 2 * 300 / 3600.0, 1e-12);
    end();
}

Test(iron, a_checkpoint_saves_what_was_written) {
    begin();
    struct pool_setup *p = testing_pool(&setup, "p", 1, 1);
    p->faults.node_every = constant(100);
    p->faults.repair = constant(50);
    setup.policy.checkpoint = (struct checkpoint_setup){.kind = CHECKPOINT_FIXED, .every_ns = 20 * TICK_S,
                                                        .write_ns = 5 * TICK_S, .restore_ns = 10 * TICK_S};
    /* Fails at 100: four writes of 25 s are done, 80 s are safe. Up again at 150, restores until 160, works. */
    testing_job(&jobs, 0, 90, 1);
    simulate();
    cr_expect_float_eq(end_s(0), 170, 1e-9);
    cr_expect_float_eq(run->lost_gpu_h, 0, 1e-12);
    end();
}

Test(iron, gpus_fail_too) {
    begin();
    struct pool_setup *p = testing_pool(&setup, "p", 1, 4);
    p->faults.node_every = constant(1000);
    p->faults.gpu_every = constant(100); /* the least of four constants */
    p->faults.repair = constant(1);
    testing_job(&jobs, 0, 150, 4);
    testing_job(&jobs, 0, 1, 4);
    setup.horizon_ns = 120 * TICK_S;
    simulate();
    cr_expect_eq(run->failures, 1);
    end();
}

Test(iron, racks_and_regions_go_dark_together) {
    begin();
    struct pool_setup *p = testing_pool(&setup, "p", 5, 1);
    p->faults.rack = 2;
    p->faults.rack_every = constant(1000);
    p->faults.rack_lasts = constant(10);
    for (int i = 0; i < 5; i++) testing_job(&jobs, 500, 600, 1); /* all restart at 1010 */
    simulate();
    cr_expect_eq(run->failures, 5);
    for (size_t i = 0; i < 5; i++) cr_expect_float_eq(end_s(i), 1610, 1e-9);
    end();

    begin();
    testing_pool(&setup, "p", 5, 1);
    testing_region(&setup, "there");
    testing_pool(&setup, "q", 5, 1)->region = 1;
    setup.regions[1].outage_every = constant(100);
    setup.regions[1].outage_lasts = constant(50);
    testing_tenant(&setup, "default")->home = 1;
    testing_job(&jobs, 0, 100, 1); /* as the outage begins, it is done */
    testing_job(&jobs, 0, 120, 1); /* 0..100, 150..250 (dark again 250..300), 300..400, ... never done */
    setup.horizon_ns = 990 * TICK_S;
    simulate();
    cr_expect_float_eq(end_s(0), 100, 1e-9);
    cr_expect_eq(run->finished, 1);
    cr_expect_eq(run->failures, 6); /* 100, 250, 400, 550, 700, 850 */
    end();
}

Test(iron, recorded_faults_are_replayed) {
    begin();
    struct pool_setup *p = testing_pool(&setup, "p", 2, 1);
    static const int64_t at_ns[] = {10 * TICK_S, 20 * TICK_S, 25 * TICK_S};
    static const int64_t lasts_ns[] = {30 * TICK_S, 5 * TICK_S, 5 * TICK_S};
    static const uint32_t node[] = {1, 0, 1};
    p->faults.trace.at_ns = at_ns;
    p->faults.trace.lasts_ns = lasts_ns;
    p->faults.trace.node = node;
    p->faults.trace.len = 3;
    testing_job(&jobs, 0, 50, 1); /* on node 0: stopped at 20, again from 25 */
    testing_job(&jobs, 0, 50, 1); /* on node 1: stopped at 10; node 1 is down until 40 whatever happens at 25 */
    simulate();
    cr_expect_float_eq(end_s(0), 75, 1e-9);
    cr_expect_float_eq(end_s(1), 90, 1e-9);
    cr_expect_eq(run->failures, 2);
    end();
}

Test(iron, maintenance_saves_work) {
    begin();
    struct pool_setup *p = testing_pool(&setup, "p", 1, 1);
    struct maintenance windows = {.first_ns = 60 * TICK_S, .every_ns = 100 * TICK_S, .lasts_ns = 20 * TICK_S};
    p->maintenance = &windows;
    p->maintenance_len = 1;
    testing_job(&jobs, 0, 150, 1); /* 0..60, 80..160, 180..190 */
    simulate();
    cr_expect_float_eq(end_s(0), 190, 1e-9);
    cr_expect_eq(run->failures, 0);
    cr_expect_float_eq(run->lost_gpu_h, 0, 1e-15);
    end();
}

/* ---- rented nodes ---- */

static struct pool_setup *rented(enum bought bought, uint32_t nodes) {
    struct pool_setup *p = testing_pool(&setup, "rented", nodes, 1);
    p->bought = bought;
    p->usd_per_node_h = 3.6; /* a thousandth of a dollar a second */
    p->sleep = (struct sleep_setup){.after_ns = 10 * TICK_S, .boot_ns = 20 * TICK_S};
    return p;
}

Test(iron, on_demand_nodes_are_billed_while_up) {
    begin();
    struct pool_setup *p = rented(BOUGHT_ON_DEMAND, 8);
    p->billing_ns = 60 * TICK_S;
    testing_job(&jobs, 0, 40, 1);   /* up 20..70: a minute */
    testing_job(&jobs, 5, 60, 1);   /* up 25..95: 70 s, two minutes */
    testing_job(&jobs, 500, 20, 1); /* up 520..550: a minute */
    setup.horizon_ns = 1000 * TICK_S;
    simulate();
    cr_expect_float_eq(start_s(1), 25, 1e-9); /* its own node, though it joined a line that was blocked */
    cr_expect_float_eq(run->capacity_usd, 0.001 * (60 + 120 + 60), 1e-12);
    cr_expect_float_eq(run->job_capacity_usd, 0.001 * (40 + 60 + 20), 1e-12);
    cr_expect_float_eq(run->capacity_gpu_h, (50 + 70 + 30) / 3600.0, 1e-12);
    end();
}

Test(iron, a_least_time_and_the_window_count) {
    begin();
    rented(BOUGHT_ON_DEMAND, 1)->billing_least_ns = 100 * TICK_S;
    testing_job(&jobs, 0, 40, 1); /* up 20..70, billed for 100 s */
    setup.horizon_ns = 200 * TICK_S;
    simulate();
    cr_expect_float_eq(run->capacity_usd, 0.001 * 100, 1e-12);
    end();
    begin();
    rented(BOUGHT_ON_DEMAND, 1);
    testing_job(&jobs, 0, 1000, 1); /* up from 20 on; measured from 50 to 80 */
    setup.measure_from_ns = 50 * TICK_S;
    setup.measure_to_ns = setup.horizon_ns = 80 * TICK_S;
    simulate();
    cr_expect_float_eq(run->capacity_usd, 0.001 * 30, 1e-12);
    end();
}

Test(iron, a_spot_price_is_paid_step_by_step) {
    begin();
    struct pool_setup *p = rented(BOUGHT_SPOT, 1);
    p->billing_ns = 100 * TICK_S;
    static const struct testing_step prices[] = {{0, 3.6}, {50, 7.2}, {100, 36}};
    p->spot_usd_per_node_h = testing_steps(&setup, prices, 3, 0);
    testing_job(&jobs, 0, 70, 1); /* up 20..100: 30 s at 0.001, 50 s at 0.002, the rest of 100 s at 0.01 */
    setup.horizon_ns = 400 * TICK_S;
    simulate();
    cr_expect_float_eq(run->capacity_usd, 0.03 + 0.1 + 0.2, 1e-12);
    cr_expect_float_eq(run->job_capacity_usd, 0.03 + 0.08, 1e-12); /* 20..50, 50..90 */
    end();
}

Test(iron, the_market_takes_nodes_back_after_a_notice) {
    begin();
    struct pool_setup *p = rented(BOUGHT_SPOT, 4);
    p->spot_nodes = testing_steps(&setup, (struct testing_step[]){{0, 3}, {100, 1}, {200, 9}}, 3, 0);
    p->spot_notice_ns = 30 * TICK_S;
    setup.policy.checkpoint = (struct checkpoint_setup){.kind = CHECKPOINT_FIXED, .every_ns = 1000 * TICK_S,
                                                        .write_ns = 10 * TICK_S};
    for (int i = 0; i < 4; i++) testing_job(&jobs, 0, 150, 1);
    simulate();
    /* Three come up at 20. Nodes 1 and 2 have notice at 100 and go at 130, with 100 s of work saved. Node 0's job
     * ends at 170, and the first in line follows there. From 200 on there are nodes for all, up at 220. */
    cr_expect_eq(run->evictions, 2);
    cr_expect_float_eq(end_s(0), 170, 1e-9);
    cr_expect_float_eq(end_s(1), 220, 1e-9); /* 50 s left, from 170 on */
    cr_expect_float_eq(end_s(2), 270, 1e-9); /* from 220 on */
    cr_expect_float_eq(end_s(3), 370, 1e-9);
    cr_expect_float_eq(run->lost_gpu_h, 0, 1e-12);
    end();
}

Test(iron, without_time_to_write_an_eviction_loses_work) {
    begin();
    struct pool_setup *p = rented(BOUGHT_SPOT, 1);
    p->spot_nodes = testing_steps(&setup, (struct testing_step[]){{0, 1}, {100, 0}, {200, 1}}, 3, 0);
    p->spot_notice_ns = 5 * TICK_S;
    setup.policy.checkpoint = (struct checkpoint_setup){.kind = CHECKPOINT_FIXED, .every_ns = 50 * TICK_S,
                                                        .write_ns = 10 * TICK_S};
    testing_job(&jobs, 0, 150, 1); /* works from 20; a write is done at 80: 50 s safe; gone at 105 */
    simulate();
    cr_expect_eq(run->evictions, 1);
    cr_expect_float_eq(run->lost_gpu_h, 25 / 3600.0, 1e-12);
    cr_expect_float_eq(end_s(0), 220 + 100 + 10, 1e-9); /* one more write on the way */
    end();
}

/* Booting nodes are given up before those that are up, and are no evictions. */
Test(iron, an_offer_that_falls_stops_booting_first) {
    begin();
    struct pool_setup *p = rented(BOUGHT_SPOT, 2);
    p->spot_nodes = testing_steps(&setup, (struct testing_step[]){{0, 2}, {40, 1}}, 2, 0);
    testing_job(&jobs, 0, 100, 1);
    testing_job(&jobs, 30, 100, 1);
    simulate();
    cr_expect_eq(run->evictions, 0);
    cr_expect_float_eq(end_s(0), 120, 1e-9);
    cr_expect_float_eq(start_s(1), 120, 1e-9);
    end();
}

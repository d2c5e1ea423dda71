/* Sums of a run that no identity of the ledger holds: means over the measured window, water, what nodes are made of. */
#include "base/tick.h"
#include "support/testing.h"

#include <criterion/criterion.h>

static struct setup setup;
static struct jobs jobs;

static void open_scene(void) {
    testing_setup(&setup);
    jobs_init(&jobs, 0);
}
static void close_scene(void) {
    jobs_free(&jobs);
    testing_setup_free(&setup);
}
TestSuite(tally, .init = open_scene, .fini = close_scene);

static void expect_near(double got, double want) {
    cr_expect(testing_near(got, want, 1e-12), "%.17g, not %.17g", got, want);
}

static void flat(struct region_setup *r, double price, double carbon, double pue) {
    r->price = testing_steps(&setup, &(struct testing_step){0, price}, 1, 0);
    r->carbon = testing_steps(&setup, &(struct testing_step){0, carbon}, 1, 0);
    r->pue = testing_steps(&setup, &(struct testing_step){0, pue}, 1, 0);
}

/* From 0.5 h to 2 h: 1 kW behind a PUE of 1.5, where prices rise after an hour, and 3 kW elsewhere. */
Test(tally, means_are_of_the_window_and_of_the_run_by_energy) {
    static const struct testing_step price[] = {{0, 0.1}, {3600, 0.3}}, carbon[] = {{0, 100}, {3600, 400}};
    struct region_setup *here = &setup.regions[0], *there = testing_region(&setup, "there");
    flat(here, 0, 0, 1.5);
    flat(there, 1, 50, 1);
    here->price = testing_steps(&setup, price, 2, 0);
    here->carbon = testing_steps(&setup, carbon, 2, 0);
    here->water_l_per_kwh = 2;
    there->water_l_per_kwh = 0.5;
    testing_pool(&setup, "a", 1, 1)->base_w = 1000;
    struct pool_setup *b = testing_pool(&setup, "b", 1, 1);
    b->base_w = 3000;
    b->region = 1;
    setup.measure_from_ns = TICK_HOUR / 2;
    setup.horizon_ns = 2 * TICK_HOUR;
    struct result result = testing_run(&setup, &jobs);
    const struct tally *run = &result.tallies[0];
    const struct tally *a = testing_tally(&result, PART_REGION, "here");
    expect_near(a->price_mean, (0.1 * 0.5 + 0.3 * 1) / 1.5);
    expect_near(a->carbon_mean, (100 * 0.5 + 400 * 1) / 1.5);
    expect_near(a->energy_j, 2.25 * 3.6e6);
    expect_near(run->price_mean, (a->price_mean * 2.25 + 1 * 4.5) / 6.75);
    expect_near(run->carbon_mean, (a->carbon_mean * 2.25 + 50 * 4.5) / 6.75);
    expect_near(a->water_l, 2 * 1.5); /* by what computers draw: PUE does not count */
    expect_near(testing_tally(&result, PART_REGION, "there")->water_l, 0.5 * 4.5);
    expect_near(run->water_l, 3 + 2.25);
    result_free(&result);
}

/* Owned nodes answer for their manufacture all the time, rented ones while they are hired. */
Test(tally, embodied_emissions_last_as_long_as_the_hire) {
    struct pool_setup *owned = testing_pool(&setup, "owned", 2, 1);
    owned->embodied_g_per_node_h = 25;
    struct pool_setup *cloud = testing_pool(&setup, "cloud", 4, 8);
    cloud->bought = BOUGHT_ON_DEMAND;
    cloud->embodied_g_per_node_h = 40;
    cloud->sleep = (struct sleep_setup){.on = true, .after_ns = 6 * TICK_MINUTE};
    setup.horizon_ns = 10 * TICK_HOUR;
    testing_job(&jobs, 3600, 3600, 8); /* fits the cloud alone */
    testing_job(&jobs, 7200, 7200, 1); /* and an owned node */
    struct result result = testing_run(&setup, &jobs);
    const struct tally *run = &result.tallies[0];
    const struct tally *bought = testing_tally(&result, PART_POOL, "owned");
    const struct tally *hired = testing_tally(&result, PART_POOL, "cloud");
    expect_near(hired->up_gpu_h, 8 * 1.1);
    expect_near(hired->embodied_g, 40 * 1.1);
    expect_near(hired->job_embodied_g, 40);
    expect_near(bought->embodied_g, 25 * 2 * 10);
    expect_near(bought->job_embodied_g, 25 * 2);
    expect_near(run->embodied_g, 40 * 1.1 + 25 * 2 * 10);
    expect_near(run->job_embodied_g, 40 + 25 * 2);
    result_free(&result);
}

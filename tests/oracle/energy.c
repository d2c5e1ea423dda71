/*
 * Energy, its cost, its emissions and the cost of capacity in cases small enough for a closed form, to 1e-9
 * relative. The expected figures are written as the arithmetic one would do on paper: watts times the sum
 * over intervals of constant PUE, price and carbon.
 *
 *   node power = base + sum over GPUs of (idle + (peak - idle) x utilisation)      IT, linear power curve a
 *   job      = its GPUs (idle and busy) + held / node's GPUs x base; a job of a node without GPUs: its
 *   cores cost       = integral of IT power x PUE x price; emissions likewise capacity   = USD per
 *   node-hour x nodes x hours; a job pays held / node's GPUs of it
 */
#include "base/tick.h"
#include "support/testing.h"

#include <criterion/criterion.h>

#define EXACT 1e-9
#define expect_near(value, wanted)                                                                   \
    cr_expect(testing_near((value), (wanted), EXACT), "%s is %.17g, should be %.17g", #value, (value), \
              (wanted))

static const double kwh = 3.6e6; /* J */

/* One node of 4 GPUs in a region whose price, carbon and PUE step at different moments. */
static void open_steps(struct setup *setup) {
    static const struct testing_step price[] = {{0, 0.10}, {3600, 0.30}, {5400, 0.05}};
    static const struct testing_step carbon[] = {{0, 100}, {1800, 400}};
    static const struct testing_step pue[] = {{0, 1.2}, {4000, 1.5}};
    testing_setup(setup);
    setup->regions[0].price = testing_steps(setup, price, 3, 0);
    setup->regions[0].carbon = testing_steps(setup, carbon, 2, 0);
    setup->regions[0].pue = testing_steps(setup, pue, 2, 0);
    struct pool_setup *pool = testing_pool(setup, "a", 1, 4);
    pool->base_w = 300;
    pool->gpu_idle_w = 50;
    pool->gpu_peak_w = 400;
    pool->bought = BOUGHT_RENTED;
    pool->usd_per_node_h = 8;
    setup->horizon_ns = 9000 * TICK_S;
}

static struct result run_one(struct setup *setup, struct jobs *jobs) {
    jobs_init(jobs, 0);
    testing_job(jobs, 600, 7200, 2);
    jobs->at[0].utilisation = 0.5f;
    return testing_run(setup, jobs);
}

static void close_run(struct setup *setup, struct jobs *jobs, struct result *result) {
    result_free(result);
    jobs_free(jobs);
    testing_setup_free(setup);
}

/* Idle 500 W. The job on [600, 7800) pays for 2 x 50 idle + 2 x 350 x 0.5 busy + 2/4 x 300 base = 600 W. */
Test(energy, one_job_over_steps) {
    struct setup setup;
    struct jobs jobs;
    open_steps(&setup);
    struct result result = run_one(&setup, &jobs);
    const struct tally *run = &result.tallies[0];
    const double job_s = 1.2 * 3400 + 1.5 * 3800, all_s = 1.2 * 4000 + 1.5 * 5000;
    const double job_usd = 1.2 * 0.10 * 3000 + 1.2 * 0.30 * 400 + 1.5 * 0.30 * 1400 + 1.5 * 0.05 * 2400;
    const double all_usd = 1.2 * 0.10 * 3600 + 1.2 * 0.30 * 400 + 1.5 * 0.30 * 1400 + 1.5 * 0.05 * 3600;
    const double job_g = 1.2 * 100 * 1200 + 1.2 * 400 * 2200 + 1.5 * 400 * 3800;
    const double all_g = 1.2 * 100 * 1800 + 1.2 * 400 * 2200 + 1.5 * 400 * 5000;
    expect_near(run->it_energy_j, 500.0 * 9000 + 350.0 * 7200);
    expect_near(run->energy_j, 500 * all_s + 350 * job_s);
    expect_near(run->job_energy_j, 600 * job_s);
    expect_near(run->idle_energy_j, 500 * all_s - 250 * job_s);
    expect_near(run->energy_usd, (500 * all_usd + 350 * job_usd) / kwh);
    expect_near(run->job_energy_usd, 600 * job_usd / kwh);
    expect_near(run->idle_energy_usd, (500 * all_usd - 250 * job_usd) / kwh);
    expect_near(run->co2_g, (500 * all_g + 350 * job_g) / kwh);
    expect_near(run->job_co2_g, 600 * job_g / kwh);
    expect_near(run->idle_co2_g, (500 * all_g - 250 * job_g) / kwh);
    expect_near(run->peak_w, 850 * 1.5);
    expect_near(run->capacity_usd, 8 * 2.5);
    expect_near(run->job_capacity_usd, 8 * 0.5 * 2);
    expect_near(run->idle_capacity_usd, 8 * 2.5 - 8 * 0.5 * 2);
    expect_near(run->capacity_gpu_h, 10.0);
    expect_near(run->held_gpu_h, 4.0);
    expect_near(run->used_gpu_h, 2.0);
    expect_near(run->free_gpu_h, 6.0);
    expect_near(result.job_results[0].energy_j, 600 * job_s);
    expect_near(result.job_results[0].energy_usd, 600 * job_usd / kwh);
    expect_near(result.job_results[0].co2_g, 600 * job_g / kwh);
    expect_near(result.job_results[0].capacity_usd, 8.0);
    close_run(&setup, &jobs, &result);
}

/* The same run, but only [1200, 6000) counts; the job was submitted before it and is not counted as a job. */
Test(energy, window_clips) {
    struct setup setup;
    struct jobs jobs;
    open_steps(&setup);
    setup.measure_from_ns = 1200 * TICK_S;
    setup.measure_to_ns = 6000 * TICK_S;
    struct result result = run_one(&setup, &jobs);
    const struct tally *run = &result.tallies[0];
    const double s = 1.2 * 2800 + 1.5 * 2000;
    const double usd = 1.2 * 0.10 * 2400 + 1.2 * 0.30 * 400 + 1.5 * 0.30 * 1400 + 1.5 * 0.05 * 600;
    const double g = 1.2 * 100 * 600 + 1.2 * 400 * 2200 + 1.5 * 400 * 2000;
    expect_near(run->energy_j, 850 * s);
    expect_near(run->job_energy_j, 600 * s);
    expect_near(run->idle_energy_j, 250 * s);
    expect_near(run->energy_usd, 850 * usd / kwh);
    expect_near(run->job_energy_usd, 600 * usd / kwh);
    expect_near(run->co2_g, 850 * g / kwh);
    expect_near(run->idle_co2_g, 250 * g / kwh);
    expect_near(run->it_energy_j, 850.0 * 4800);
    expect_near(run->capacity_usd, 8 * 4800 / 3600.0);
    expect_near(run->job_capacity_usd, 8 * 0.5 * 4800 / 3600);
    expect_near(run->held_gpu_h, 2 * 4800 / 3600.0);
    expect_near(run->peak_w, 850 * 1.5);
    cr_expect_eq(result.measured_ns, 4800 * TICK_S);
    cr_expect_eq(run->submitted, 0);
    cr_expect_eq(run->finished, 0);
    close_run(&setup, &jobs, &result);
}

/* Nobody comes: three nodes in two pools draw their idle power through PUE steps of a day. */
Test(energy, idle_fleet) {
    struct setup setup;
    struct jobs jobs;
    testing_setup(&setup);
    static const struct testing_step pue[] = {{0, 1.1}, {28800, 1.4}, {64800, 1.1}};
    static const struct testing_step price[] = {{0, 0.2}};
    setup.regions[0].pue = testing_steps(&setup, pue, 3, 86400);
    setup.regions[0].price = testing_steps(&setup, price, 1, 0);
    struct pool_setup *a = testing_pool(&setup, "a", 2, 8);
    a->base_w = 700, a->gpu_idle_w = 60, a->gpu_peak_w = 700;
    struct pool_setup *b = testing_pool(&setup, "b", 1, 0);
    b->base_w = 250, b->cpu_milli = 64000;
    setup.horizon_ns = 10 * TICK_DAY + 9 * TICK_HOUR;
    jobs_init(&jobs, 0);
    struct result result = testing_run(&setup, &jobs);
    const struct tally *run = &result.tallies[0];
    const double watts = 2 * (700 + 8 * 60) + 250;
    const double s = 10 * (1.1 * 50400 + 1.4 * 36000) + 1.1 * 28800 + 1.4 * 3600;
    expect_near(run->energy_j, watts * s);
    expect_near(run->idle_energy_j, watts * s);
    expect_near(run->energy_usd, watts * s * 0.2 / kwh);
    expect_near(run->it_energy_j, watts * (10.0 * 86400 + 32400));
    expect_near(testing_tally(&result, PART_POOL, "b")->energy_j, 250 * s);
    cr_expect_eq(run->job_energy_j, 0);
    close_run(&setup, &jobs, &result);
}

/* A series that began before the run, neither a step nor a whole period ago, and repeats: period 7200 s from
 * -10000 s, so the run begins 2800 s into it. The price is 1 in the first 3000 s of a period, then -2. */
Test(energy, series_repeats_from_the_past) {
    struct setup setup;
    struct jobs jobs;
    testing_setup(&setup);
    static const struct testing_step price[] = {{-10000, 1}, {-7000, -2}};
    setup.regions[0].price = testing_steps(&setup, price, 2, 7200);
    testing_pool(&setup, "a", 1, 1)->base_w = 1000;
    setup.horizon_ns = 12000 * TICK_S;
    jobs_init(&jobs, 0);
    struct result result = testing_run(&setup, &jobs);
    /* 200 s at 1, 4200 s at -2, 3000 s at 1, 4200 s at -2, 400 s at 1 */
    expect_near(result.tallies[0].energy_usd, 1000 * (200.0 - 8400 + 3000 - 8400 + 400) / kwh);
    close_run(&setup, &jobs, &result);
}

/* Before a series begins its first value holds. */
Test(energy, series_begins_later) {
    struct setup setup;
    struct jobs jobs;
    testing_setup(&setup);
    static const struct testing_step carbon[] = {{1000, 300}, {3000, 100}};
    setup.regions[0].carbon = testing_steps(&setup, carbon, 2, 0);
    testing_pool(&setup, "a", 1, 1)->base_w = 500;
    setup.horizon_ns = 5000 * TICK_S;
    jobs_init(&jobs, 0);
    struct result result = testing_run(&setup, &jobs);
    expect_near(result.tallies[0].co2_g, 500 * (3000 * 300.0 + 2000 * 100.0) / kwh);
    close_run(&setup, &jobs, &result);
}

/* A level annuity over five years at 8 %: 1.08^5 = 1.4693280768. */
Test(energy, owned_nodes) {
    const double yearly = 250000 * 0.08 * 1.4693280768 / 0.4693280768;
    const double rate = cost_owned_usd_per_h(250000, 5, 0.08);
    expect_near(rate, yearly / (365.25 * 24));
    expect_near(cost_owned_usd_per_h(250000, 5, 0), 250000 / (5 * 365.25 * 24));
    /* The limit of no interest is approached smoothly: the next term of the series in r is (n + 1)/2 x r. */
    cr_expect(testing_near(cost_owned_usd_per_h(250000, 5, 1e-12), 250000 / (5 * 365.25 * 24), 1e-11));

    struct setup setup;
    struct jobs jobs;
    testing_setup(&setup);
    struct pool_setup *pool = testing_pool(&setup, "a", 3, 8);
    pool->bought = BOUGHT_OWNED;
    pool->usd_per_node_h = rate;
    setup.horizon_ns = 100 * TICK_HOUR;
    jobs_init(&jobs, 0);
    testing_job(&jobs, 0, 36000, 2);      /* a quarter of a node for 10 h */
    testing_job(&jobs, 3600, 360000, 16); /* two nodes from hour 1 to the end of the run */
    struct result result = testing_run(&setup, &jobs);
    const struct tally *run = &result.tallies[0];
    expect_near(run->capacity_usd, 3 * 100 * rate);
    expect_near(result.job_results[0].capacity_usd, 2.5 * rate);
    expect_near(result.job_results[1].capacity_usd, 2 * 99 * rate);
    expect_near(run->job_capacity_usd, 200.5 * rate);
    expect_near(run->idle_capacity_usd, 99.5 * rate);
    cr_expect_eq(run->energy_j, 0);
    close_run(&setup, &jobs, &result);
}

/* Shares of a device, jobs without GPUs, and nodes without GPUs. */
Test(energy, shares_and_cores) {
    struct setup setup;
    struct jobs jobs;
    testing_setup(&setup);
    struct pool_setup *a = testing_pool(&setup, "a", 1, 4);
    a->base_w = 400, a->gpu_idle_w = 40, a->gpu_peak_w = 240, a->cpu_milli = 8000, a->usd_per_node_h = 12;
    jobs_init(&jobs, 0);
    testing_job(&jobs, 0, 3600, 0); /* a quarter of one of four devices, at full utilisation */
    testing_shape(&jobs, &(struct shape){.share_milli = 250, .models = JOB_ANY_MODEL});
    testing_job(&jobs, 0, 7200, 0); /* cores of a node with GPUs cost nothing: its GPUs pay for it */
    testing_shape(&jobs, &(struct shape){.cpu_milli = 4000, .models = JOB_ANY_MODEL});
    struct result result = testing_run(&setup, &jobs);
    const struct tally *run = &result.tallies[0];
    expect_near(result.job_results[0].energy_j, 3600 * (0.25 * 240 + 0.25 / 4 * 400));
    expect_near(result.job_results[0].capacity_usd, 12 * 0.25 / 4);
    cr_expect_eq(result.job_results[1].energy_j, 0);
    cr_expect_eq(result.job_results[1].capacity_usd, 0);
    expect_near(run->energy_j, 7200.0 * (400 + 4 * 40) + 3600 * 0.25 * 200);
    expect_near(run->held_gpu_h, 0.25);
    close_run(&setup, &jobs, &result);

    testing_setup(&setup);
    struct pool_setup *b = testing_pool(&setup, "b", 1, 0);
    b->base_w = 320, b->cpu_milli = 32000, b->usd_per_node_h = 2;
    jobs_init(&jobs, 0);
    testing_job(&jobs, 0, 3600, 0); /* a quarter of the node */
    testing_shape(&jobs, &(struct shape){.cpu_milli = 8000, .models = JOB_ANY_MODEL});
    result = testing_run(&setup, &jobs);
    expect_near(result.job_results[0].energy_j, 3600 * 80.0);
    expect_near(result.job_results[0].capacity_usd, 0.5);
    expect_near(result.tallies[0].idle_energy_j, 3600 * 240.0);
    expect_near(result.tallies[0].capacity_usd, 2.0);
    close_run(&setup, &jobs, &result);
}

/* Two tenants in two regions: every split of the bill adds up to the bill. */
Test(energy, splits_add_up) {
    struct setup setup;
    struct jobs jobs;
    testing_setup(&setup);
    testing_region(&setup, "there");
    for (int r = 0; r < 2; r++) {
        const struct testing_step price[] = {{0, 0.1 + r}, {500, 0.3 - r}, {7000, 0.2}};
        const struct testing_step carbon[] = {{0, 300.0 - 250 * r}};
        setup.regions[r].price = testing_steps(&setup, price, 3, 0);
        setup.regions[r].carbon = testing_steps(&setup, carbon, 1, 0);
        struct pool_setup *pool = testing_pool(&setup, r ? "b" : "a", 2, 4);
        pool->region = (uint32_t)r;
        pool->base_w = 300 + 17 * r, pool->gpu_idle_w = 50 + r, pool->gpu_peak_w = 400;
        pool->usd_per_node_h = 3 + r;
    }
    testing_tenant(&setup, "red")->home = 0;
    testing_tenant(&setup, "blue")->home = 1;
    jobs_init(&jobs, 0);
    for (uint32_t i = 0; i < 30; i++) {
        uint32_t j = testing_job(&jobs, 100.0 * i, 300 + 70 * (i % 7), 1 + i % 8);
        uint32_t tenant = i % 2 ? names_put(&jobs.tenants, "red", 3) : names_put(&jobs.tenants, "blue", 4);
        jobs.at[j].tenant = (uint16_t)tenant;
        jobs.at[j].utilisation = 0.1f * (float)(i % 10);
    }
    struct result result = testing_run(&setup, &jobs);
    const struct tally *run = &result.tallies[0];
    const struct tally *red = testing_tally(&result, PART_TENANT, "red");
    const struct tally *blue = testing_tally(&result, PART_TENANT, "blue");
    const struct tally *here = testing_tally(&result, PART_REGION, "here");
    const struct tally *there = testing_tally(&result, PART_REGION, "there");
    expect_near(run->energy_j, run->job_energy_j + run->idle_energy_j);
    expect_near(run->energy_usd, run->job_energy_usd + run->idle_energy_usd);
    expect_near(run->co2_g, run->job_co2_g + run->idle_co2_g);
    expect_near(run->job_energy_j, red->energy_j + blue->energy_j);
    expect_near(run->job_energy_usd, red->energy_usd + blue->energy_usd);
    expect_near(run->job_co2_g, red->co2_g + blue->co2_g);
    expect_near(run->job_capacity_usd, red->capacity_usd + blue->capacity_usd);
    expect_near(run->energy_j, here->energy_j + there->energy_j);
    expect_near(run->energy_usd, here->energy_usd + there->energy_usd);
    expect_near(run->co2_g, here->co2_g + there->co2_g);
    expect_near(run->capacity_usd, here->capacity_usd + there->capacity_usd);
    /* At home: what red did, here paid for. */
    expect_near(here->job_energy_j, red->energy_j);
    expect_near(there->job_capacity_usd, blue->capacity_usd);
    double energy_j = 0, held_gpu_h = 0;
    for (size_t j = 0; j < jobs.len; j++) {
        energy_j += result.job_results[j].energy_j;
        held_gpu_h += tick_hours(result.job_results[j].held_ns) * jobs.shapes.at[jobs.at[j].shape].gpus;
    }
    expect_near(run->job_energy_j, energy_j);
    expect_near(run->held_gpu_h, held_gpu_h);
    cr_expect_leq(result.ledger_error, 1e-9);
    close_run(&setup, &jobs, &result);
}

/*
 * PUE that follows the weather and the load, in days one can work out on paper, to 1e-9 relative; and what
 * stands behind the meter follows the same power.
 *
 *   facility power = IT power x (PUE(t) + add(IT power / IT power of all nodes at their peak))
 *   a job is charged its own IT power x the same factor; idle is the rest
 */
#include "base/rng.h"
#include "base/tick.h"
#include "core/ledger.h"
#include "io/scenario.h"
#include "models/registry.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EXACT 1e-9
#define expect_near(value, wanted)                                                                   \
    cr_expect(testing_near((value), (wanted), EXACT), "%s is %.17g, should be %.17g", #value, (value), \
              (double)(wanted))
static const double kwh = 3.6e6;

/* ---- by the weather ---- */

static const char heat[] =
    "version: 1\n"
    "horizon: 2 d\n"
    "regions:\n"
    "  - name: here\n"
    "    price: {unit: USD/kWh,\n"
    "            daily: [.1,.1,.1,.1,.1,.1,.1,.1,.1,.1,.1,.1, .3,.3,.3,.3,.3,.3,.3,.3,.3,.3,.3,.3]}\n"
    "    carbon: 200 gCO2/kWh\n"
    "    temperature:\n"
    "      {unit: C, daily: [12,12,12,12,12,12, 18,18,18,18, 28,28,28,28, 33,33,33,33, 25,25,25, 15,15,15]}\n"
    "    pue: {best: 1.1, free_below: 15 C, per_degree: .01, chiller_above: 25 C, chiller_per_degree: .03}\n"
    "pools:\n"
    "  - {name: a, nodes: 1, gpu: card, gpus: 4, power: {base: 500 W, gpu_idle: 50 W, gpu_peak: 400 W}}\n"
    "load:\n"
    "  jobs: 1\n"
    "  arrivals: {model: poisson, rate: 1 /h}\n"
    "  classes: [{name: c, durations: {model: exponential, mean: 1 h}, gpus: [1, 1]}]\n";

static void open_text(struct scenario *scenario, const char *text) {
    char file[] = "/tmp/headroom-climate-XXXXXX";
    const int fd = mkstemp(file);
    cr_assert_geq(fd, 0);
    FILE *out = fdopen(fd, "w");
    cr_assert(out);
    fputs(text, out);
    cr_assert_eq(fclose(out), 0);
    struct err err;
    err_init(&err);
    const bool good = scenario_open(scenario, file, models_registry(), NULL, 0, &err);
    unlink(file);
    if (!good) err_print(&err, stderr);
    cr_assert(good);
    err_free(&err);
}

/* Free cooling until 06:00, then 3, 10 and 10 degrees above its threshold, the hot hours 3 and 8 beyond the
 * chillers' threshold; 25 and 15 C are on the thresholds. 700 W idle; the job's two GPUs add 700 from 08:00
 * to 16:30. */
Test(climate, two_hot_days) {
    const double cool = 1.1, mild = 1.13, hot = 1.1 + 0.1 + 0.03 * 3, hotter = 1.1 + 0.1 + 0.03 * 8,
                 warm = 1.2;
    struct scenario scenario;
    open_text(&scenario, heat);
    struct jobs jobs;
    jobs_init(&jobs, 0);
    testing_job(&jobs, 8 * 3600, 8.5 * 3600, 2);
    struct result result = testing_run(scenario.runs[0].setup, &jobs);
    const struct tally *run = &result.tallies[0];
    const double day_h = 6 * cool + 4 * mild + 4 * hot + 4 * hotter + 3 * warm + 3 * cool;
    const double job_h = 2 * mild + 4 * hot + 2.5 * hotter;
    const double day_usd =
        0.1 * (6 * cool + 4 * mild + 2 * hot) + 0.3 * (2 * hot + 4 * hotter + 3 * warm + 3 * cool);
    const double job_usd = 0.1 * (2 * mild + 2 * hot) + 0.3 * (2 * hot + 2.5 * hotter);
    expect_near(run->energy_j, (0.7 * 2 * day_h + 0.7 * job_h) * kwh);
    expect_near(run->energy_usd, 0.7 * 2 * day_usd + 0.7 * job_usd);
    expect_near(run->co2_g, 200 * (0.7 * 2 * day_h + 0.7 * job_h));
    /* the job's own: 2 x 50 idle + 2 x 350 busy + 2/4 x 500 base = 1,050 W */
    expect_near(run->job_energy_j, 1.05 * job_h * kwh);
    expect_near(run->job_energy_usd, 1.05 * job_usd);
    expect_near(run->peak_w, 1400 * hotter);
    cr_expect_leq(result.ledger_error, 1e-9);
    result_free(&result);
    jobs_free(&jobs);
    scenario_close(&scenario);
}

/* ---- by the load ---- */

static struct numbers numbers(struct setup *setup, size_t len, const double *at) {
    struct numbers n = {arena_alloc(&setup->arena, len, sizeof *n.at), len};
    for (size_t i = 0; i < len; i++) n.at[i] = at[i];
    return n;
}

/* A node of 600 W idle and 2,000 W at its peak: 350 W more a busy GPU. Price, carbon and PUE step at odd
 * times. */
static void open_loaded(struct setup *setup) {
    static const struct testing_step price[] = {{0, 0.10}, {3000, 0.30}}, carbon[] = {{0, 100}, {5000, 400}};
    static const struct testing_step pue[] = {{0, 1.2}, {4000, 1.5}};
    testing_setup(setup);
    struct region_setup *region = &setup->regions[0];
    region->price = testing_steps(setup, price, 2, 0);
    region->carbon = testing_steps(setup, carbon, 2, 0);
    region->pue = testing_steps(setup, pue, 2, 0);
    region->pue_load = numbers(setup, 3, (double[]){0, 0.5, 1});
    region->pue_add = numbers(setup, 3, (double[]){0.3, 0.1, 0});
    struct pool_setup *pool = testing_pool(setup, "a", 1, 4);
    pool->base_w = 200, pool->gpu_idle_w = 100, pool->gpu_peak_w = 450;
    setup->horizon_ns = 9000 * TICK_S;
}

/* [1000, 6000) two GPUs, [2000, 7000) two more. Loads .3, .65, 1 add .18, .07, 0. */
Test(climate, half_loads_cost_more) {
    struct setup setup;
    struct jobs jobs;
    open_loaded(&setup);
    jobs_init(&jobs, 0);
    testing_job(&jobs, 1000, 5000, 2);
    testing_job(&jobs, 2000, 5000, 2);
    struct result result = testing_run(&setup, &jobs);
    const struct tally *run = &result.tallies[0];
    const double low = 0.18, half = 0.07;
    expect_near(run->it_energy_j, 600.0 * 9000 + 700.0 * 10000);
    expect_near(run->energy_j, 600 * (1.2 + low) * 1000 + 1300 * (1.2 + half) * 1000 + 2000 * 1.2 * 2000 +
                                   2000 * 1.5 * 2000 + 1300 * (1.5 + half) * 1000 + 600 * (1.5 + low) * 2000);
    expect_near(run->energy_usd * kwh,
                0.1 * (600 * (1.2 + low) * 1000 + 1300 * (1.2 + half) * 1000 + 2000 * 1.2 * 1000) +
                    0.3 * (2000 * 1.2 * 1000 + 2000 * 1.5 * 2000 + 1300 * (1.5 + half) * 1000 +
                           600 * (1.5 + low) * 2000));
    expect_near(
        run->co2_g * kwh,
        100 * (600 * (1.2 + low) * 1000 + 1300 * (1.2 + half) * 1000 + 2000 * (1.2 * 2000 + 1.5 * 1000)) +
            400 * (2000 * 1.5 * 1000 + 1300 * (1.5 + half) * 1000 + 600 * (1.5 + low) * 2000));
    /* a job's own: 2 x 450 + 2/4 x 200 = 1,000 W; what the other does changes its factor too */
    expect_near(result.job_results[0].energy_j, 1000 * ((1.2 + half) * 1000 + 1.2 * 2000 + 1.5 * 2000));
    expect_near(result.job_results[1].energy_j, 1000 * (1.2 * 2000 + 1.5 * 2000 + (1.5 + half) * 1000));
    expect_near(run->energy_j, run->job_energy_j + run->idle_energy_j);
    expect_near(run->peak_w, 2000 * 1.5);
    cr_expect_leq(result.ledger_error, 1e-9);
    result_free(&result);
    jobs_free(&jobs);
    testing_setup_free(&setup);
}

/* Beyond the points' ends the curve is level; a region beside it keeps its plain PUE. */
Test(climate, level_beyond_the_points) {
    struct setup setup;
    struct jobs jobs;
    open_loaded(&setup);
    setup.regions[0].pue_load = numbers(&setup, 2, (double[]){0.4, 0.6});
    setup.regions[0].pue_add = numbers(&setup, 2, (double[]){0.5, 0.1});
    struct region_setup *other = testing_region(&setup, "there");
    other->pue = setup.regions[0].pue;
    struct pool_setup *pool = testing_pool(&setup, "b", 1, 1);
    pool->region = 1, pool->base_w = 100;
    jobs_init(&jobs, 0);
    testing_job(&jobs, 1000, 1000, 2);
    struct result result = testing_run(&setup, &jobs);
    expect_near(testing_tally(&result, PART_REGION, "here")->energy_j,
                600 * (1.7 * 3000 + 2.0 * 5000) + 1300 * 1.3 * 1000);
    expect_near(testing_tally(&result, PART_REGION, "there")->energy_j, 100 * (1.2 * 4000 + 1.5 * 5000));
    expect_near(testing_tally(&result, PART_REGION, "here")->peak_w, 1300 * 1.3);
    result_free(&result);
    jobs_free(&jobs);
    testing_setup_free(&setup);
}

/* ---- the meter and what is behind it ---- */

/* Two ledgers of the same steps of power; one is asked for the present at many moments in between. */
Test(climate, looking_changes_nothing) {
    struct setup setup;
    open_loaded(&setup);
    setup.regions[0].site = (struct site_setup){
        .battery_j = 1e6, .charge_w = 300, .discharge_w = 400, .efficiency_in = 0.9, .efficiency_out = 0.8,
        .taper = 0.2, .dispatch = DISPATCH_PEAK, .low = 1500, .high = 2000, .demand_usd_per_kw = 10};
    struct ledger plain, looked;
    ledger_open(&plain, &setup), ledger_open(&looked, &setup);
    struct region_account *a = &plain.regions[0], *b = &looked.regions[0];
    struct rng *rng = rng_open(3, "looks", 0);
    int64_t at_ns = 0;
    for (int i = 0; i < 300; i++) {
        const int64_t next_ns = at_ns + 1 + (int64_t)rng_below(rng, 60000000000);
        for (int k = 0; k < 3; k++) {
            at_ns += (next_ns - at_ns) / 3;
            if (rng_below(rng, 2)) region_advance(b, at_ns);
            else if (rng_below(rng, 2)) region_settle(b, at_ns);
            else region_read(b, at_ns);
        }
        at_ns = next_ns;
        region_settle(a, at_ns), region_settle(b, at_ns);
        a->it_w = b->it_w = 600 + 1400 * rng_uniform(rng);
        expect_near(ledger_facility_w(a, a->it_w), ledger_facility_w(b, b->it_w));
    }
    rng_close(rng);
    region_read(a, at_ns), region_read(b, at_ns);
    expect_near(a->total.meter.j, b->total.meter.j);
    expect_near(a->total.meter.usd, b->total.meter.usd);
    expect_near(a->total.meter.g, b->total.meter.g);
    expect_near(a->total.pue_s, b->total.pue_s);
    expect_near(a->total.price_s, b->total.price_s);
    expect_near(a->peak_w, b->peak_w);
    /* The site saw the same energy as the meter, at the same prices. */
    const struct site_totals *x = &a->total.site, *y = &b->total.site;
    expect_near(x->facility_j, a->total.meter.j);
    expect_near(x->grid_j, y->grid_j);
    expect_near(x->grid_usd, y->grid_usd);
    expect_near(x->charged_j, y->charged_j);
    expect_near(x->demand_usd, y->demand_usd);
    cr_expect(x->charged_j > 1e5 && x->discharged_j > 1e5, "the battery slept");
    ledger_close(&plain), ledger_close(&looked);
    testing_setup_free(&setup);
}

/* A region with nothing but a demand charge buys what its meter shows, step by step. */
Test(climate, site_agrees_with_the_meter) {
    struct setup setup;
    open_loaded(&setup);
    setup.regions[0].site.demand_usd_per_kw = 10;
    struct ledger ledger;
    ledger_open(&ledger, &setup);
    struct region_account *r = &ledger.regions[0];
    region_settle(r, 1000 * TICK_S);
    r->it_w = 2000;
    ledger_open_window(&ledger, 2500 * TICK_S);
    region_settle(r, 6000 * TICK_S);
    r->it_w = 600;
    ledger_close_window(&ledger, 8000 * TICK_S);
    const struct site_totals *from = &r->opened.site, *to = &r->closed.site;
    expect_near(from->grid_j, 600 * 1.38 * 1000 + 2000 * 1.2 * 1500);
    expect_near(to->grid_j - from->grid_j, r->closed.meter.j - r->opened.meter.j);
    expect_near(to->grid_usd - from->grid_usd, r->closed.meter.usd - r->opened.meter.usd);
    expect_near(to->grid_g - from->grid_g, r->closed.meter.g - r->opened.meter.g);
    /* before it, the window [900, 1800) had 900 s less 100 s at 2,400 W; in it, whole windows at 3,000 W */
    expect_near(from->demand_usd, 10 * (100 * 0.6 * 1.38 + 800 * 2.4) / 900);
    expect_near(to->demand_usd, 10 * 3.0);
    ledger_close(&ledger);
    testing_setup_free(&setup);
}

static const char sunny[] =
    "version: 1\n"
    "start: 2023-06-30\n"
    "horizon: 2 d\n"
    "regions:\n"
    "  - name: here\n"
    "    price: 0.2 USD/kWh\n"
    "    carbon: 300 gCO2/kWh\n"
    "    pue: 1.25\n"
    "    solar: {unit: kW, daily: [0,0,0,0,0,0, .4,.4,.4,.4, 3,3,3,3, 0,0,0,0,0,0,0,0,0,0]}\n"
    "    battery:\n"
    "      {capacity: 2 kWh, charge: 1 kW, discharge: 1.5 kW, efficiency_in: .95, efficiency_out: .9,\n"
    "       least: .1, start: .1, rule: self}\n"
    "    export: 0.05 USD/kWh\n"
    "    demand_charge: {price: 12 USD/kW, window: 15 min}\n"
    "pools:\n"
    "  - {name: a, nodes: 1, gpu: card, gpus: 2, power: {base: 600 W, gpu_idle: 100 W, gpu_peak: 600 W}}\n"
    "load:\n"
    "  jobs: 1\n"
    "  arrivals: {model: poisson, rate: 1 /h}\n"
    "  classes: [{name: c, durations: {model: exponential, mean: 1 h}, gpus: [1, 1]}]\n";

/* 1 kW idle; both GPUs' 1,000 W more are 2.25 kW from 13:00 to 20:00 on the first day. Surplus 2 kW from
 * 10:00: 1 kW into the battery until 1.8 / 0.95 = 1.895 kWh are in, the rest out; from 13:00 on only 0.75 kW
 * are left over. From 14:00 on the battery gives its 1.5 kW until 1.8 x 0.9 = 1.62 kWh are out, 1.08 h, and
 * the grid has its highest quarters after. On the second day, in July, nothing runs: 1.62 kWh last 1.62 h. */
Test(climate, sunny_run) {
    struct scenario scenario;
    open_text(&scenario, sunny);
    struct jobs jobs;
    jobs_init(&jobs, 0);
    testing_job(&jobs, 13 * 3600, 7 * 3600, 2);
    struct result result = testing_run(scenario.runs[0].setup, &jobs);
    const double facility = 1 * 48 + 1.25 * 7, stored = 1.8 / 0.95, given = 1.62;
    const double first_used = 4 * 0.4 + 3 * 1 + 2.25, first_out = 3 * 2 + 0.75 - stored;
    const double second_used = 4 * 0.4 + 4 * 1, second_out = 4 * 2 - stored;
    const double grid = facility - first_used - second_used - 2 * given, out = first_out + second_out;
    for (int i = 0; i < 2; i++) {
        const struct tally *t = i ? testing_tally(&result, PART_REGION, "here") : &result.tallies[0];
        expect_near(t->energy_j, facility * kwh);
        expect_near(t->energy_usd, facility * 0.2);
        expect_near(t->solar_j, 2 * (4 * 0.4 + 4 * 3) * kwh);
        expect_near(t->solar_used_j, (first_used + second_used) * kwh);
        expect_near(t->grid_j, grid * kwh);
        expect_near(t->export_j, out * kwh);
        expect_near(t->battery_loss_j, 2 * (stored - given) * kwh);
        expect_near(t->site_usd, (grid - facility) * 0.2 - out * 0.05);
        expect_near(t->site_co2_g, (grid - facility) * 300);
        expect_near(t->demand_usd, 12 * 2.25 + 12 * 1.0);
        expect_near(t->peak_w, 2250);
    }
    cr_expect_leq(result.ledger_error, 1e-9);
    result_free(&result);
    jobs_free(&jobs);
    scenario_close(&scenario);
}

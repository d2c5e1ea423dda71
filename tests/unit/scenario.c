/* Scenarios: what the text means in plain numbers, how files, overrides and the catalogue lie on top of each
 * other, and that the reference is printed from the tables. What broken ones say is
 * tests/golden/bad-scenarios. */
#include "base/tick.h"
#include "core/power.h"
#include "io/scenario.h"
#include "models/registry.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERSION "version: 1\n"
#define LOAD \
    "load:\n" \
    "  jobs: 10\n" \
    "  arrivals: {model: poisson, rate: 2 /min}\n" \
    "  classes: [{name: small, durations: {model: exponential, mean: 1.5 h}, gpus: [1, 0.5]}]\n"
#define REGIONS "regions: [{name: here, price: 70 USD/MWh, carbon: 0.32 kgCO2/kWh, pue: 1.2}]\n"
#define POWER "power: {base: 0.5 kW, gpu_idle: 50 W, gpu_peak: 400 W}"
#define POOLS "pools: [{name: a, nodes: 2, gpu: card, gpus: 8, cpus: 2.5, memory: 2 TiB, " POWER "}]\n"

static char folder[] = "/tmp/headroom-scenario-XXXXXX";
static struct scenario scenario;
static struct err err;

static void start(void) {
    cr_assert(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
    err_init(&err);
    char catalog[1024];
    const char *tests = strstr(__FILE__, "tests/unit/");
    cr_assert(tests);
    snprintf(catalog, sizeof catalog, "%.*smodels/catalog", (int)(tests - __FILE__), __FILE__);
    cr_assert_eq(setenv("HEADROOM_CATALOG", catalog, 1), 0);
}

static void stop(void) {
    scenario_close(&scenario);
    err_free(&err);
    cr_assert_eq(system("rm -r \"$PWD\""), 0);
}

TestSuite(scenario, .init = start, .fini = stop);

static void write_file(const char *name, const char *text) {
    FILE *out = fopen(name, "w");
    cr_assert(out);
    fputs(text, out);
    fclose(out);
}

static bool open_with(const char *text, const char *const *sets, size_t sets_len) {
    write_file("s.yaml", text);
    return scenario_open(&scenario, "s.yaml", models_registry(), sets, sets_len, &err);
}

/* The only run of a scenario that must be right. */
static const struct setup *good(const char *text) {
    bool right = open_with(text, NULL, 0);
    if (!right) err_print(&err, stderr);
    cr_assert(right);
    return scenario.runs[0].setup;
}

Test(scenario, fallbacks_and_units) {
    const struct setup *s = good(VERSION LOAD REGIONS POOLS);
    cr_assert_str_eq(scenario.name, "s");
    cr_assert_eq(scenario.runs_len, 1);
    cr_assert_str_eq(scenario.runs[0].name, "");
    cr_assert_eq(s->seed, 1);
    cr_assert_eq(s->horizon_ns, TICK_NEVER);
    cr_assert_eq(s->measure_from_ns, 0);
    cr_assert_eq(s->measure_to_ns, TICK_NEVER);
    cr_assert_eq(s->origin_unix_ns, tick_days_from_civil(2024, 1, 1) * TICK_DAY);
    cr_assert_str_eq(s->work_unit, "useful GPU-h");
    cr_assert_float_eq(s->regions[0].price.value[0], 0.07, 1e-15);
    cr_assert_float_eq(s->regions[0].carbon.value[0], 320, 1e-12);
    cr_assert_eq(s->regions[0].pue.value[0], 1.2);
    cr_assert_eq(s->regions[0].temperature.len, 0);
    const struct pool_setup *p = &s->pools[0];
    cr_assert_eq(p->cpu_milli, 2500);
    cr_assert_eq(p->mem_mib, 2 << 20);
    cr_assert_eq(p->base_w, 500);
    cr_assert_eq(p->tenant, SETUP_SHARED);
    cr_assert_eq(p->bought, BOUGHT_FREE);
    cr_assert_str_eq(p->power.model->name, "linear");
    cr_assert_not(p->estimated);
    cr_assert_eq(s->nodes_len, 1);
    cr_assert_eq(s->nodes[0].count, 2);
    cr_assert_str_eq(s->policy.order.model->name, "fifo");
    cr_assert_str_eq(s->policy.backfill.model->name, "none");
    cr_assert_str_eq(s->policy.place.model->name, "best_fit");
    cr_assert_str_eq(s->policy.route.model->name, "home");
    cr_assert_eq(s->policy.estimate, ESTIMATE_EXACT);
    cr_assert_eq(s->policy.overrun, OVERRUN_RAISE);
    cr_assert_str_eq(s->policy.shift.model->name, "now");
    cr_assert_str_eq(s->policy.forecast.model->name, "perfect");
    cr_assert_str_eq(s->policy.market.model->name, "any");
    cr_assert_eq(s->policy.shift_carbon, 1);
    cr_assert_eq(s->policy.shift_price, 0);
    cr_assert_eq(s->policy.cap.when, CAP_NEVER);
    cr_assert_eq(s->policy.cap.caps.len, 0, "the table of a V100 (setup.h)");
    cr_assert_eq(s->policy.checkpoint.kind, CHECKPOINT_NONE);
    cr_assert_eq(s->classes_len, 0);
    cr_assert_null(s->transfer.usd_per_gb);
    const struct region_setup *r = &s->regions[0];
    cr_assert(r->price_forecast.len == 0 && r->carbon_forecast.len == 0 && r->pue_load.len == 0);
    cr_assert(!r->has_market && r->limit_w == 0 && r->site.battery_j == 0 && r->site.solar_w.len == 0);
    cr_assert(r->site.demand_usd_per_kw == 0 && r->outage_every.model == NULL);
    cr_assert(!p->sleep.on && p->faults.node_every.model == NULL && p->maintenance_len == 0);
    cr_assert_eq(p->embodied_g_per_node_h, 0);
}

Test(scenario, a_load_in_plain_numbers) {
    good(VERSION LOAD REGIONS POOLS);
    const struct demand *demand = &scenario.runs[0].demand;
    cr_assert_null(demand->trace);
    const struct load_setup *load = demand->load;
    cr_assert_eq(load->jobs_most, 10);
    cr_assert_eq(load->until_ns, TICK_NEVER);
    cr_assert_eq(*(const double *)load->arrivals.params, 120, "poisson keeps arrivals an hour");
    const struct load_class *class = &load->classes[0];
    cr_assert_eq(class->gpus.len, 2);
    cr_assert_eq(class->gpus.at[1], 0.5);
    cr_assert_eq(class->gpus_weight.len, 2, "equal weights are filled in");
    cr_assert_eq(class->utilisation_mean, 1);
    cr_assert_eq(class->estimate_factor, 1);
}

Test(scenario, everything_that_can_be_said_of_a_policy) {
    const struct setup *s =
        good(VERSION LOAD REGIONS POOLS
             "policy:\n  order: {model: las}\n  backfill: none\n  scatter: true\n  estimate: {noisy: 0.25}\n"
             "  overrun: allow\n  round: 5 min\n  round_cost: 500 ms\n  restart: [7 s, 0.5 min, 60 s]\n"
             "  shift: lowest_window\n  shift_on: {carbon: 0.75, price: 0.25}\n  wait: 24 h\n"
             "  suspend: 30 s\n  resume: 1 min\n  reserved_first: true\n  migrate: true\n"
             "  forecast: persistence\n  market: {model: spot_first, margin: 5 min}\n"
             "  checkpoint: {every: daly, write: 30 s, restore: 45 s}\n"
             "  cap: {when: carbon, level: 0.75, above: 0.4 kgCO2/kWh, caps: [0.5, 0.75, 1], speeds: [0.8, "
             "0.9, 1]}\n"
             "measure: {from: 1 d, to: 1 w}\nhorizon: 1.5 w\nseed: 999999999999999\nstart: "
             "2017-10-01T00:00:00+02:00\n");
    cr_assert_str_eq(s->policy.order.model->name, "las");
    cr_assert(s->policy.scatter);
    cr_assert_eq(s->policy.estimate, ESTIMATE_NOISY);
    cr_assert_eq(s->policy.estimate_error, 0.25);
    cr_assert_eq(s->policy.overrun, OVERRUN_ALLOW);
    cr_assert_eq(s->policy.round_ns, 300 * TICK_S);
    cr_assert_eq(s->policy.round_cost_ns, TICK_S / 2);
    cr_assert_eq(s->policy.restart_ns[1], 30 * TICK_S);
    cr_assert_eq(s->measure_to_ns, 7 * TICK_DAY);
    cr_assert_eq(s->horizon_ns, 10 * TICK_DAY + 12 * TICK_HOUR);
    cr_assert_eq(s->seed, 999999999999999);
    cr_assert_eq(s->origin_unix_ns, tick_days_from_civil(2017, 10, 1) * TICK_DAY - 2 * TICK_HOUR);
    cr_assert_str_eq(s->policy.shift.model->name, "lowest_window");
    cr_assert_eq(s->policy.shift_carbon, 0.75);
    cr_assert_eq(s->policy.shift_price, 0.25);
    cr_assert_eq(s->policy.wait_ns, 24 * TICK_HOUR);
    cr_assert_eq(s->policy.suspend_ns, 30 * TICK_S);
    cr_assert_eq(s->policy.resume_ns, 60 * TICK_S);
    cr_assert(s->policy.reserved_first && s->policy.migrate);
    cr_assert_str_eq(s->policy.forecast.model->name, "persistence");
    cr_assert_str_eq(s->policy.market.model->name, "spot_first");
    const struct checkpoint_setup *c = &s->policy.checkpoint;
    cr_assert(c->kind == CHECKPOINT_DALY && c->write_ns == 30 * TICK_S && c->restore_ns == 45 * TICK_S);
    const struct cap_setup *cap = &s->policy.cap;
    cr_assert(cap->when == CAP_CARBON && cap->level == 0.75 && cap->above == 400);
    cr_assert(cap->caps.len == 3 && cap->speeds.len == 3 && cap->speeds.at[1] == 0.9);
}

Test(scenario, what_shifting_goes_by_and_how_long_estimates_are) {
    const struct setup *s = good(VERSION LOAD REGIONS POOLS
                                 "policy: {shift_on: price, estimate: {class_mean: 5 s}, checkpoint: "
                                 "{every: 30 min}, cap: {when: price, level: 0.7, above: 12 ct/kWh}}\n");
    cr_assert_eq(s->policy.shift_carbon, 0);
    cr_assert_eq(s->policy.shift_price, 1);
    cr_assert_eq(s->policy.estimate, ESTIMATE_CLASS_MEAN);
    cr_assert_eq(s->policy.estimate_tick_ns, 5 * TICK_S);
    cr_assert_eq(s->policy.overrun, OVERRUN_ALLOW, "a class's mean is not raised");
    cr_assert_eq(s->policy.checkpoint.kind, CHECKPOINT_FIXED);
    cr_assert_eq(s->policy.checkpoint.every_ns, 30 * TICK_MINUTE);
    cr_assert_float_eq(s->policy.cap.above, 0.12, 1e-15);
    cr_assert_eq(s->policy.cap.caps.len, 0, "the table of a V100 (setup.h)");
    scenario_close(&scenario);
    s = good(VERSION LOAD REGIONS POOLS "policy: {estimate: class_mean}\n");
    cr_assert_eq(s->policy.estimate, ESTIMATE_CLASS_MEAN);
    cr_assert_eq(s->policy.estimate_tick_ns, 0);
}

Test(scenario, the_first_class_entry_that_matches_holds) {
    const struct setup *s = good(VERSION LOAD REGIONS POOLS
                                 "classes:\n  - {class: small, run_below: 2 h, wait: 6 h, markets: [free, "
                                 "spot], data: 2 TB}\n  - {wait: 0 s}\n");
    cr_assert_eq(s->classes_len, 2);
    const struct class_setup *c = s->classes;
    cr_assert_str_eq(c[0].name, "small");
    cr_assert_eq(c[0].run_below_ns, 2 * TICK_HOUR);
    cr_assert_eq(c[0].wait_ns, 6 * TICK_HOUR);
    cr_assert_eq(c[0].markets, 1U << BOUGHT_FREE | 1U << BOUGHT_SPOT);
    cr_assert_eq(c[0].data_gb, 2000);
    cr_assert_null(c[1].name);
    cr_assert_eq(c[1].run_below_ns, TICK_NEVER);
    cr_assert_eq(c[1].wait_ns, 0, "0 is not the same as nothing said");
    cr_assert_eq(c[1].markets, (1U << BOUGHT_COUNT) - 1);
    cr_assert_eq(setup_class(s, "small", TICK_HOUR), &c[0]);
    cr_assert_eq(setup_class(s, "small", 2 * TICK_HOUR), &c[1]);
    scenario_close(&scenario);
    s = good(VERSION LOAD REGIONS POOLS "classes: [{data: 1 GB}]\n");
    cr_assert_eq(s->classes[0].wait_ns, -1);
}

#define PLACE(name, more) "  - {name: " name ", price: 1 ct/kWh, carbon: 1 gCO2/kWh, pue: 1" more "}\n"

Test(scenario, residency_and_moving_data) {
    const struct setup *s =
        good(VERSION LOAD "regions:\n" PLACE("de", "") PLACE("fr", "") PLACE("us", "")
             "pools: [{name: a, region: us, nodes: 1, gpu: card, gpus: 8, " POWER "}]\n"
             "tenants: [{name: t, home: fr, regions: [de, fr]}, {name: u}]\n"
             "transfer:\n  price: 20 USD/TB\n  latency: 100 ms\n  pairs:\n"
             "    - {from: de, to: us, rate: 8 Gbit/s}\n    - {from: fr, to: us, both: true, price: 1 "
             "USD/GB}\n");
    cr_assert(s->tenants[0].may[0] && s->tenants[0].may[1] && !s->tenants[0].may[2]);
    cr_assert_eq(s->tenants[0].home, 1);
    cr_assert_null(s->tenants[1].may);
    const double usd[] = {0, 0.02, 0.02, 0.02, 0, 1, 0.02, 1, 0};
    for (int i = 0; i < 9; i++) {
        cr_assert_float_eq(s->transfer.usd_per_gb[i], usd[i], 1e-15, "pair %d", i);
        cr_assert_eq(s->transfer.latency_s[i], i % 4 ? 0.1 : 0);
        cr_assert_eq(s->transfer.gb_per_s[i], i % 4 == 0 ? 0 : i == 2 ? 1 : INFINITY, "pair %d", i);
    }
}

#define DAILY "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]"

/* The value of a step function at t, by its definition in setup.h. */
static double value_at(const struct steps *s, int64_t t) {
    if (s->period_ns) t -= (t - s->at_ns[0]) / s->period_ns * s->period_ns;
    double value = s->value[0];
    for (size_t i = 0; i < s->len; i++)
        if (s->at_ns[i] <= t) value = s->value[i];
    return value;
}

Test(scenario, daily_signals_follow_the_local_clock) {
    const struct setup *s =
        good(VERSION LOAD POOLS "start: 2024-03-01T10:20:00Z\n"
                                "regions: [{name: here, utc_offset: 5.5 h, price: {daily: " DAILY
                                ", unit: ct/kWh}, carbon: 1 gCO2/kWh, "
                                "temperature: {daily: " DAILY
                                ", unit: C}, pue: {best: 1.1, free_below: 20 C, per_degree: 0.02}}]\n");
    const struct steps *price = &s->regions[0].price; /* time 0 is 15:50 there */
    cr_assert_eq(price->at_ns[0], -50 * TICK_MINUTE);
    cr_assert_float_eq(value_at(price, 0), 0.15, 1e-15);
    cr_assert_float_eq(value_at(price, 10 * TICK_MINUTE - 1), 0.15, 1e-15);
    cr_assert_float_eq(value_at(price, 10 * TICK_MINUTE), 0.16, 1e-15);
    cr_assert_float_eq(value_at(price, 8 * TICK_HOUR + 10 * TICK_MINUTE), 0, 1e-15);
    cr_assert_float_eq(value_at(price, 3 * TICK_DAY), 0.15, 1e-15);
    const struct steps *pue = &s->regions[0].pue;
    cr_assert_eq(value_at(pue, 0), 1.1);
    cr_assert_float_eq(value_at(pue, 7 * TICK_HOUR + 30 * TICK_MINUTE), 1.1 + 3 * 0.02, 1e-12,
                       "23 C at 23:20");
}

#define ALL_ONE "[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"

Test(scenario, weekends_have_hours_of_their_own) {
    const struct setup *s =
        good(VERSION LOAD POOLS "start: 2024-03-01T10:20:00Z\n" /* a Friday; 15:50 there */
                                "regions: [{name: here, utc_offset: 5.5 h, price: {daily: " DAILY
                                ", weekend: " ALL_ONE ", unit: USD/kWh}, carbon: 1 gCO2/kWh, pue: 1}]\n");
    const struct steps *price = &s->regions[0].price;
    const int64_t midnight = 8 * TICK_HOUR + 10 * TICK_MINUTE; /* of Friday */
    cr_assert_eq(price->len, 7 * 24);
    cr_assert_eq(price->period_ns, 7 * TICK_DAY);
    for (int week = 0; week < 2; week++) {
        const int64_t w = week * 7 * TICK_DAY;
        cr_assert_eq(value_at(price, w), 15);
        cr_assert_eq(value_at(price, w + midnight - 1), 23);
        cr_assert_eq(value_at(price, w + midnight), 1, "Saturday");
        cr_assert_eq(value_at(price, w + midnight + 2 * TICK_DAY - 1), 1, "Sunday");
        cr_assert_eq(value_at(price, w + midnight + 2 * TICK_DAY), 0, "Monday");
        cr_assert_eq(value_at(price, w + midnight + 6 * TICK_DAY + 12 * TICK_HOUR), 12, "Friday");
    }
}

Test(scenario, weekends_begin_by_the_local_clock) {
    /* Sunday 23:00 UTC is Monday 00:00 at +1 h and Sunday 15:00 at -8 h. */
    const struct setup *s =
        good(VERSION LOAD "start: 2024-03-03T23:00:00Z\n"
                          "pools: [{name: a, region: w, nodes: 1, gpu: card, gpus: 8, "
                          POWER "}]\nregions:\n  - {name: e, utc_offset: 1 h, price: {daily: " DAILY
                          ", weekend: " ALL_ONE ", unit: USD/kWh}, carbon: 1 gCO2/kWh, pue: 1}\n"
                          "  - {name: w, utc_offset: -8 h, price: {daily: " DAILY ", weekend: " ALL_ONE
                          ", unit: USD/kWh}, carbon: 1 gCO2/kWh, pue: 1}\n");
    cr_assert_eq(value_at(&s->regions[0].price, 0), 0);
    cr_assert_eq(value_at(&s->regions[1].price, 0), 1);
    cr_assert_eq(value_at(&s->regions[1].price, 9 * TICK_HOUR), 0);
    cr_assert_eq(value_at(&s->regions[1].price, 10 * TICK_HOUR), 1);
    cr_assert_eq(value_at(&s->regions[1].price, 11 * TICK_HOUR), 2);
}

static double rel(double x, double y) { return fabs(x - y) / fmax(fabs(x), fabs(y)); }

Test(scenario, a_tariff_is_written_into_the_price) {
    const struct setup *s =
        good(VERSION LOAD POOLS "regions: [{name: here, price: 10 ct/kWh, price_forecast: 20 ct/kWh, "
                                "tariff: {adder: 3 ct/kWh, tax: 0.2}, carbon: 1 gCO2/kWh, pue: 1}]\n");
    cr_assert_lt(rel(s->regions[0].price.value[0], 0.156), 1e-15);
    cr_assert_lt(rel(s->regions[0].price_forecast.value[0], 0.276), 1e-15);
}

/* (price + adder) x (1 + tax) x (1 + escalation)^years, every hour over the run and a while after it. */
Test(scenario, prices_rise_with_whole_years) {
    write_file("p.csv", "utc,a\n2023-12-31 20:00,1\n2024-01-01 06:00,2\n2024-01-02 00:00,3\n");
    const struct setup *s =
        good(VERSION LOAD "start: 2024-01-01\nhorizon: 3.5 y\n"
                          "pools: [{name: a, region: daily, nodes: 1, gpu: card, gpus: 8, " POWER "}]\n"
                          "regions:\n  - {name: daily, utc_offset: -3 h, price: {daily: " DAILY
                          ", unit: USD/kWh}, tariff: {adder: 1 USD/kWh, tax: 0.5, escalation: 0.1}, "
                          "carbon: 1 gCO2/kWh, pue: 1}\n"
                          "  - {name: file, price: {file: p.csv, column: a, unit: USD/kWh}, tariff: "
                          "{escalation: -0.25}, carbon: 1 gCO2/kWh, pue: 1}\n"
                          "  - {name: flat, price: 4 USD/kWh, tariff: {escalation: 0.5}, carbon: 1 "
                          "gCO2/kWh, pue: 1}\n");
    const double years[] = {1, 1.1, 1.1 * 1.1, 1.1 * 1.1 * 1.1};
    /* The file's steps last 10, 18 and 18 h; time 0 is 4 h into the first. */
    const double file[] = {1, 2, 3};
    for (int64_t hour = 0; hour < (int64_t)(3.5 * 8766); hour += 5) {
        const int64_t t = hour * TICK_HOUR, year = hour / 8766, in_file = (hour + 4) % 46;
        cr_assert_lt(rel(value_at(&s->regions[0].price, t),
                         ((double)((hour + 21) % 24) + 1) * 1.5 * years[year]),
                     1e-14, "hour %lld", (long long)hour);
        cr_assert_lt(rel(value_at(&s->regions[1].price, t),
                         file[in_file < 10 ? 0 : in_file < 28 ? 1 : 2] * pow(0.75, (double)year)),
                     1e-14, "hour %lld", (long long)hour);
    }
    const int64_t year_ns = 8766 * TICK_HOUR;
    const struct steps *flat = &s->regions[2].price;
    cr_assert_eq(value_at(flat, year_ns - 1), 4);
    cr_assert_eq(value_at(flat, year_ns), 6);
    cr_assert_eq(value_at(flat, 4 * year_ns), 4 * 1.5 * 1.5 * 1.5 * 1.5, "a look ahead past the horizon");
    cr_assert_eq(flat->period_ns, 0);
}

Test(scenario, three_regimes_of_cooling) {
    const struct setup *s =
        good(VERSION LOAD POOLS "regions: [{name: here, price: 1 ct/kWh, carbon: 1 gCO2/kWh, "
                                "temperature: {daily: "
                                DAILY ", unit: C}, pue: {best: 1.1, free_below: 10 C, per_degree: 0.01, "
                                      "chiller_above: 18 C, chiller_per_degree: 0.03}, pue_by_load: {load: "
                                      "[0, 0.5, 1], add: [0.3, 0.1, 0]}}]\n");
    const struct region_setup *r = &s->regions[0];
    for (int c = 0; c < 24; c++) {
        const double expected = c <= 10 ? 1.1 : c <= 18 ? 1.1 + 0.01 * (c - 10) : 1.18 + 0.03 * (c - 18);
        cr_assert_float_eq(value_at(&r->pue, c * TICK_HOUR), expected, 1e-12, "%d C", c);
    }
    cr_assert(r->pue_load.len == 3 && r->pue_add.len == 3 && r->pue_add.at[0] == 0.3);
}

Test(scenario, what_stands_behind_the_meter) {
    const struct setup *s = good(VERSION LOAD POOLS
        "regions:\n  - name: here\n    price: 1 ct/kWh\n    carbon: 1 gCO2/kWh\n    pue: 1\n"
        "    carbon_price: 80 USD/t\n    market_carbon: 0 gCO2/kWh\n    water: 1.8\n"
        "    solar: {daily: " DAILY ", unit: kW}\n    export: 3 ct/kWh\n"
        "    battery: {capacity: 500 kWh, charge: 250 kW, discharge: 0.2 MW, efficiency_in: 0.9, "
        "efficiency_out: 0.8, least: 0.2, start: 0.3, taper: 0.1, rule: peak, low: 40 kW, high: 60 kW}\n"
        "    demand_charge: {price: 12 USD/kW, ratchet: 0.5}\n    power_limit: {limit: 10 kW, then: cap}\n"
        "    outages: {every: {model: exponential, mean: 2000 h}, lasts: {model: constant, mean: 4 h}}\n");
    const struct region_setup *r = &s->regions[0];
    const struct site_setup *site = &r->site;
    cr_assert_float_eq(r->carbon_usd_per_kg, 0.08, 1e-15);
    cr_assert(r->has_market && r->market_g_per_kwh == 0, "clean by contract is not without a contract");
    cr_assert_eq(r->water_l_per_kwh, 1.8);
    cr_assert_eq(value_at(&site->solar_w, 12 * TICK_HOUR), 12000);
    cr_assert_float_eq(site->export_usd_per_kwh, 0.03, 1e-15);
    cr_assert_eq(site->battery_j, 1.8e9);
    cr_assert(site->charge_w == 250e3 && site->discharge_w == 200e3);
    cr_assert(site->efficiency_in == 0.9 && site->efficiency_out == 0.8 && site->taper == 0.1);
    cr_assert(site->battery_least == 0.2 && site->battery_start == 0.3);
    cr_assert(site->dispatch == DISPATCH_PEAK && site->low == 40e3 && site->high == 60e3);
    cr_assert_eq(site->demand_usd_per_kw, 12);
    cr_assert_eq(site->demand_window_ns, 15 * TICK_MINUTE);
    cr_assert_eq(site->demand_ratchet, 0.5);
    cr_assert(r->limit_w == 10e3 && r->limit_then == LIMIT_CAP);
    cr_assert_str_eq(r->outage_every.model->name, "exponential");
    cr_assert_str_eq(r->outage_lasts.model->name, "constant");
}

Test(scenario, a_batterys_thresholds_are_in_the_unit_of_its_rule) {
    const struct setup *s =
        good(VERSION LOAD "pools: [{name: a, region: p, nodes: 1, gpu: card, gpus: 8, " POWER "}]\nregions:\n"
             PLACE("p", ", battery: {capacity: 1 MWh, charge: 1 kW, discharge: 1 kW, rule: price, low: 4 "
                        "ct/kWh, high: 90 USD/MWh}")
             PLACE("c", ", battery: {capacity: 1 MWh, charge: 1 kW, discharge: 1 kW, rule: carbon, low: 100 "
                        "gCO2/kWh, high: 0.3 kgCO2/kWh}")
             PLACE("s", ", solar: 2 kW, battery: {capacity: 1 MWh, charge: 1 kW, discharge: 1 kW}"));
    cr_assert_float_eq(s->regions[0].site.low, 0.04, 1e-15);
    cr_assert_float_eq(s->regions[0].site.high, 0.09, 1e-15);
    cr_assert_eq(s->regions[1].site.dispatch, DISPATCH_CARBON);
    cr_assert_eq(s->regions[1].site.low, 100);
    cr_assert_eq(s->regions[1].site.high, 300);
    cr_assert_eq(s->regions[2].site.dispatch, DISPATCH_SELF);
    cr_assert_eq(s->regions[2].site.efficiency_in, 0.95);
    cr_assert_eq(s->regions[2].site.battery_least, 0.1);
}

Test(scenario, signals_from_files) {
    write_file("p.csv", "utc,a,b\n2024-01-01 00:00,10,1.5\n2024-01-01 01:00,20,1.25\n");
    const struct setup *s = good(VERSION LOAD POOLS "start: 2024-01-01\n"
        "regions: [{name: here, price: {file: p.csv, column: a, unit: USD/MWh}, carbon: 1 gCO2/kWh, "
        "pue: {file: p.csv, column: b}}]\n");
    cr_assert_float_eq(value_at(&s->regions[0].price, 90 * TICK_MINUTE), 0.02, 1e-15);
    cr_assert_eq(value_at(&s->regions[0].pue, 0), 1.5);
}

Test(scenario, ways_to_pay) {
    const struct setup *s =
        good(VERSION LOAD REGIONS
             "pools:\n"
             "  - {name: a, nodes: 1, gpu: card, gpus: 8, " POWER
             ", cost: {owned: {price: 876.6 kUSD, life: 10 y, "
             "cost_of_capital: 0}}}\n"
             "  - {name: b, nodes: 1, gpu: card, gpus: 8, " POWER ", cost: {rented: 240 USD/d}}\n"
             "  - {name: c, nodes: 1, gpu: card, gpus: 8, " POWER ", cost: {rented_per_gpu: 2.5 USD/h}}\n"
             "  - {name: d, nodes: 1, gpu: card, gpus: 8, " POWER
             ", cost: {owned: {price: 1000 USD, life: 1 y}}}\n");
    cr_assert_float_eq(s->pools[0].usd_per_node_h, 10, 1e-12);
    cr_assert_eq(s->pools[0].bought, BOUGHT_OWNED);
    cr_assert_float_eq(s->pools[1].usd_per_node_h, 10, 1e-12);
    cr_assert_eq(s->pools[1].bought, BOUGHT_RENTED);
    cr_assert_eq(s->pools[2].usd_per_node_h, 20);
    cr_assert_float_eq(s->pools[3].usd_per_node_h, 1080 / 8766.0, 1e-12, "one year at 8 %% is price x 1.08");
}

Test(scenario, what_is_paid_always_is_one_price_an_hour) {
    const struct setup *s =
        good(VERSION LOAD REGIONS
             "pools:\n"
             "  - {name: a, nodes: 1, gpu: card, gpus: 8, " POWER
             ", cost: {owned: {price: 876.6 kUSD, life: 10 y, cost_of_capital: 0, yearly: 8766 USD/y, "
             "facility_per_kw: 1000 USD/kW}}}\n"
             "  - {name: b, nodes: 1, gpu: card, gpus: 8, " POWER
             ", cost: {reserved: {hourly: 1.5 USD/h, upfront: 17532 USD, term: 1 y}}}\n"
             "  - {name: c, nodes: 1, gpu: card, gpus: 8, " POWER
             ", cost: {reserved: {hourly: 48 USD/d}}}\n");
    cr_assert_float_eq(s->pools[0].usd_per_node_h, 10 + 1 + 3.7 * 1000 / 8766, 1e-12, "3.7 kW at its peak");
    cr_assert_eq(s->pools[1].bought, BOUGHT_RESERVED);
    cr_assert_float_eq(s->pools[1].usd_per_node_h, 3.5, 1e-12);
    cr_assert_float_eq(s->pools[2].usd_per_node_h, 2, 1e-12);
    cr_assert_not(s->pools[1].sleep.on);
}

Test(scenario, nodes_that_are_rented_while_they_are_wanted) {
    write_file("spot.csv", "hour,usd,nodes\n0,1,4\n1,0.5,0\n2,2,3\n");
    const struct setup *s =
        good(VERSION LOAD REGIONS
             "pools:\n"
             "  - {name: a, nodes: 1, gpu: card, gpus: 8, " POWER
             ", cost: {on_demand: {price: 3 USD/h, billing: 1 h, least: 2 h, provision: 3 min, keep: 5 "
             "min}}}\n"
             "  - {name: b, nodes: 1, gpu: card, gpus: 8, " POWER
             ", cost: {on_demand: {per_gpu: 1.5 USD/h}}}\n"
             "  - {name: c, nodes: 4, gpu: card, gpus: 8, " POWER
             ", cost: {spot: {price: {file: spot.csv, column: usd, unit: USD/h}, available: {file: "
             "spot.csv, column: nodes}, hazard: 1.2 /d, notice: 2 min, billing: 0 s}}}\n"
             "  - {name: d, nodes: 4, gpu: card, gpus: 8, " POWER
             ", cost: {spot: {per_gpu: {file: spot.csv, column: usd, unit: USD/h}, available: 2}}}\n"
             "  - {name: e, nodes: 4, gpu: card, gpus: 8, " POWER ", cost: {spot: {price: 1 USD/h}}}\n");
    const struct pool_setup *p = s->pools;
    cr_assert(p[0].bought == BOUGHT_ON_DEMAND && p[0].usd_per_node_h == 3 && p[0].sleep.on);
    cr_assert(p[0].billing_ns == TICK_HOUR && p[0].billing_least_ns == 2 * TICK_HOUR);
    cr_assert(p[0].sleep.boot_ns == 3 * TICK_MINUTE && p[0].sleep.after_ns == 5 * TICK_MINUTE);
    cr_assert(p[0].sleep.sleep_w == 0 && p[0].sleep.boot_w == 0);
    cr_assert(p[1].usd_per_node_h == 12 && p[1].billing_ns == TICK_S && p[1].billing_least_ns == TICK_MINUTE);
    cr_assert_eq(p[2].bought, BOUGHT_SPOT);
    cr_assert_eq(value_at(&p[2].spot_usd_per_node_h, TICK_HOUR), 0.5);
    cr_assert_eq(value_at(&p[2].spot_nodes, 2 * TICK_HOUR), 3);
    cr_assert_float_eq(p[2].spot_hazard_per_h, 0.05, 1e-15);
    cr_assert(p[2].spot_notice_ns == 2 * TICK_MINUTE && p[2].billing_ns == 0);
    cr_assert_eq(value_at(&p[3].spot_usd_per_node_h, 2 * TICK_HOUR), 16);
    cr_assert(p[3].spot_nodes.len == 1 && p[3].spot_nodes.value[0] == 2);
    cr_assert(p[4].usd_per_node_h == 1 && p[4].spot_usd_per_node_h.len == 0 && p[4].spot_nodes.len == 0);
}

Test(scenario, nodes_that_are_not_always_up) {
    write_file("f.csv", "lasts_s,node,at_s,why\n60,1,10.5,gpu\n0.000000001,0,3,\n5,0,10.5,x\n");
    const struct setup *s =
        good(VERSION LOAD REGIONS
             "pools:\n"
             "  - {name: a, nodes: 2, gpu: card, gpus: 8, " POWER
             ", sleep: {after: 10 min, power: 15 W, boot: 3 min, boot_times: exponential, boot_power: 300 W, "
             "reserve: 2, ahead: 30 min}, maintenance: [{first: 10 d, every: 30 d, lasts: 4 h}, {first: 1 "
             "d, lasts: 1 h}], embodied: {mass: 87.66 kg, life: 10 y}}\n"
             "  - {name: b, nodes: 2, gpu: card, gpus: 8, " POWER
             ", sleep: {after: 0 s, power: 0 W, boot: 1 s}, faults: {node: {model: exponential, mean: 2000 "
             "h}, gpu: {model: weibull, mean: 50000 h, shape: 0.8}, repair: {model: constant, mean: 4 h}, "
             "rack: 16, rack_every: {model: exponential, mean: 1 y}, rack_lasts: {model: constant, mean: 1 "
             "h}, trace: f.csv}}\n");
    const struct sleep_setup *sleep = &s->pools[0].sleep;
    cr_assert(sleep->on && sleep->after_ns == 10 * TICK_MINUTE && sleep->sleep_w == 15);
    cr_assert(sleep->boot_ns == 3 * TICK_MINUTE && sleep->boot_exponential && sleep->boot_w == 300);
    cr_assert(sleep->reserve == 2 && sleep->ahead_ns == 30 * TICK_MINUTE);
    cr_assert_eq(s->pools[1].sleep.boot_w, 900, "as an idle node");
    cr_assert_not(s->pools[1].sleep.boot_exponential);
    cr_assert_eq(s->pools[0].maintenance_len, 2);
    cr_assert_eq(s->pools[0].maintenance[0].every_ns, 30 * TICK_DAY);
    cr_assert_eq(s->pools[0].maintenance[1].every_ns, 0);
    cr_assert_eq(s->pools[0].maintenance[1].lasts_ns, TICK_HOUR);
    cr_assert_float_eq(s->pools[0].embodied_g_per_node_h, 1, 1e-12);
    const struct fault_setup *f = &s->pools[1].faults;
    cr_assert_str_eq(f->node_every.model->name, "exponential");
    cr_assert_str_eq(f->gpu_every.model->name, "weibull");
    cr_assert_str_eq(f->repair.model->name, "constant");
    cr_assert(f->rack == 16 && f->rack_every.model && f->rack_lasts.model);
    cr_assert_eq(f->trace.len, 3);
    const int64_t at_ns[] = {3 * TICK_S, 10500000000, 10500000000}, lasts_ns[] = {1, 5 * TICK_S, 60 * TICK_S};
    const uint32_t node[] = {0, 0, 1};
    for (size_t i = 0; i < 3; i++)
        cr_assert(f->trace.at_ns[i] == at_ns[i] && f->trace.lasts_ns[i] == lasts_ns[i] &&
                  f->trace.node[i] == node[i],
                  "row %zu", i);
}

Test(scenario, the_catalogue_knows_prices_and_manufacture) {
    const struct setup *s =
        good(VERSION LOAD REGIONS
             "pools:\n"
             "  - {name: a, nodes: 1, node: p4d.24xlarge, cost: on_demand}\n"
             "  - {name: b, nodes: 1, node: p4d.24xlarge, cost: {spot: {hazard: 0.1 /h}}, embodied: "
             "{life: 4 y}}\n"
             "  - {name: c, nodes: 1, node: p4d.24xlarge, cost: {on_demand: {per_gpu: 1 USD/h}}}\n"
             "  - {name: d, nodes: 1, node: dgx-a100, cost: {owned: {cost_of_capital: 0, life: 1 y}}, "
             "embodied: {mass: 2 t}}\n"
             "  - {name: e, nodes: 1, node: p5.48xlarge, cost: {owned: {price: 1 USD}}}\n");
    cr_assert_eq(s->pools[0].usd_per_node_h, 32.7726);
    cr_assert_float_eq(s->pools[0].embodied_g_per_node_h, 4676790 / (5 * 8766.), 1e-9);
    cr_assert_eq(s->pools[1].usd_per_node_h, 13.6103);
    cr_assert_eq(s->pools[1].spot_hazard_per_h, 0.1);
    cr_assert_float_eq(s->pools[1].embodied_g_per_node_h, 4676790 / (4 * 8766.), 1e-9);
    cr_assert_eq(s->pools[2].usd_per_node_h, 8);
    cr_assert_float_eq(s->pools[3].usd_per_node_h, 199000 / 8766., 1e-9);
    cr_assert_float_eq(s->pools[3].embodied_g_per_node_h, 2e6 / (5 * 8766.), 1e-9);
    cr_assert_eq(s->pools[4].embodied_g_per_node_h, 0);
}

Test(scenario, the_catalogue_lies_under_the_scenario) {
    const struct setup *s =
        good(VERSION LOAD "regions: [{catalog: us-texas}, {catalog: us-texas, name: mine, pue: 1.5}]\n"
                          "pools:\n"
                          "  - {name: a, region: us-texas, nodes: 1, node: dgx-a100}\n"
                          "  - {name: b, region: mine, nodes: 1, node: dgx-a100, cpus: 64, memory: 1 TiB, "
                          "power: {base: 1 kW}, embodied: {mass: 1 t}}\n"
                          "  - {name: c, region: mine, nodes: 1, node: p5.48xlarge, cost: rented, power: "
                          "{base: 2 kW, gpu_peak: 500 W}}\n"
                          "  - {name: d, region: mine, nodes: 1, node: dgx-a100, cost: owned, gpu: T4}\n");
    cr_assert_str_eq(s->regions[0].name, "us-texas");
    cr_assert_eq(s->regions[0].utc_offset_ns, -6 * TICK_HOUR);
    cr_assert_eq(s->regions[1].pue.value[0], 1.5);
    cr_assert_str_eq(s->pools[0].gpu, "A100-SXM4-80");
    cr_assert_eq(s->pools[0].gpus, 8);
    cr_assert_eq(s->pools[0].gpu_idle_w, 63);
    cr_assert_eq(s->pools[0].gpu_peak_w, 400);
    cr_assert_eq(s->pools[0].bought, BOUGHT_FREE, "the catalogue's price is not spent unasked");
    cr_assert(s->pools[0].estimated);
    cr_assert_eq(s->pools[1].cpu_milli, 64000);
    cr_assert_not(s->pools[1].estimated, "every estimate was overridden");
    cr_assert_eq(s->pools[2].gpu_idle_w, 75);
    cr_assert_eq(s->pools[2].gpu_peak_w, 500);
    cr_assert_eq(s->pools[2].usd_per_node_h, 98.32);
    cr_assert_not(s->pools[2].estimated);
    cr_assert_eq(s->pools[3].gpu_peak_w, 70);
    cr_assert_eq(s->pools[3].bought, BOUGHT_OWNED);
}

Test(scenario, power_from_load_and_sharing) {
    const struct setup *s =
        good(VERSION LOAD REGIONS
             "pools:\n"
             "  - {name: a, nodes: 1, gpus: 8, gpu: H100-SXM5-80, power: {base: 1 kW, curve: intensity}, "
             "sharing: mps}\n"
             "  - {name: b, nodes: 1, gpus: 8, gpu: A100-SXM4-80, power: {base: 1 kW, curve: intensity}}\n"
             "  - {name: c, nodes: 1, gpus: 8, gpu: H100-SXM5-80, power: {base: 1 kW, gpu_loaded: 90 W, "
             "curve: {model: intensity, kc: 5}}, sharing: {mode: mig, slices: [1, 3]}}\n"
             "  - {name: d, nodes: 1, gpus: 8, gpu: H100-SXM5-80, power: {base: 1 kW}, sharing: none}\n"
             "classes: [{class: small, compute: 0.4, memory: 0.3, busy: 0.9}]\n");
    const struct power_fit *a = s->pools[0].power.params, *b = s->pools[1].power.params, *c = s->pools[2].power.params;
    cr_assert(a->p0 == 0.347 && a->kc == 9.51 && a->km == 0.73 && a->pmax == 0.933);
    cr_assert(b->p0 == power_joint.p0 && b->kc == power_joint.kc && b->km == power_joint.km &&
              b->pmax == power_joint.pmax);
    cr_assert(c->kc == 5 && c->km == 0.73, "what the scenario says lies on top");
    cr_assert(!s->pools[0].power_joint && s->pools[1].power_joint && !s->pools[2].power_joint &&
              !s->pools[3].power_joint);
    cr_assert(s->pools[0].gpu_loaded_w == 75 && s->pools[2].gpu_loaded_w == 90);
    cr_assert(s->pools[0].sharing.mode == SHARING_MPS && s->pools[0].sharing.interference == 0.2);
    cr_assert(s->pools[1].sharing.mode == SHARING_FREE && s->pools[3].sharing.mode == SHARING_NONE);
    cr_assert(s->pools[2].sharing.mode == SHARING_MIG && s->pools[2].sharing.slices == (1u << 1 | 1u << 3));
    const struct load_shares *load = &s->classes[0].load;
    cr_assert(load->compute == 0.4 && load->memory == 0.3 && load->busy == 0.9 && load->sms == 0);
}

Test(scenario, node_tables_keep_their_order) {
    write_file("n.csv", "name,gpu,gpus,cpus,memory_mib\nn0,T4,2,8,1024\nn1,T4,2,8,1024\nn2,P100,1,8,1024\n"
                        "n3,T4,2,8,1024\nn4,,0,16,2048\n");
    const struct setup *s = good(VERSION LOAD REGIONS
        "tenants: [{name: t}]\npools:\n  - {name: first, nodes: 3, gpu: card, gpus: 1, " POWER "}\n"
        "  - {name: n, nodes_from: n.csv, tenant: t, " POWER "}\n");
    cr_assert_eq(s->pools_len, 4);
    cr_assert_str_eq(s->pools[1].name, "n/2xT4/8c/1024MiB");
    cr_assert_eq(s->pools[3].gpus, 0);
    cr_assert_str_eq(s->pools[3].gpu, "");
    cr_assert_eq(s->pools[3].cpu_milli, 16000);
    cr_assert_eq(s->pools[2].tenant, 0);
    const struct node_run expected[] = {{0, 3}, {1, 2}, {2, 1}, {1, 1}, {3, 1}};
    cr_assert_eq(s->nodes_len, 5);
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(s->nodes[i].pool, expected[i].pool);
        cr_assert_eq(s->nodes[i].count, expected[i].count);
    }
}

Test(scenario, tenants) {
    const struct setup *s =
        good(VERSION LOAD REGIONS POOLS "tenants: [{name: 6214e9, quota: 64, weight: 2, home: here}, {name: "
                                        "b, quota: 1.5, kind: borrow}, {name: c}]\n");
    cr_assert_str_eq(s->tenants[0].name, "6214e9", "a name that looks like a number stays a text");
    cr_assert_eq(s->tenants[0].quota_kind, QUOTA_HARD);
    cr_assert_eq(s->tenants[0].home, 0);
    cr_assert_eq(s->tenants[1].quota_kind, QUOTA_BORROW);
    cr_assert_eq(s->tenants[1].quota_gpus, 1.5);
    cr_assert_eq(s->tenants[1].home, SETUP_ANYWHERE);
    cr_assert_eq(s->tenants[2].quota_kind, QUOTA_NONE);
}

Test(scenario, runs_are_the_scenario_with_overrides) {
    const char *const sets[] = {"pools.a.nodes=7", "policy.backfill=easy", "runs.two.set={seed: 5}"};
    bool right =
        open_with(VERSION LOAD REGIONS POOLS "runs:\n  - name: one\n  - {name: two, set: {seed: 4}}\n"
                                             "  - {name: three, set: {policy.order: sjf, policy.backfill: "
                                             "none, pools.a.cost: {rented: 1 USD/h}}}\n"
                                             "baseline: two\n",
                  sets, 3);
    cr_assert(right);
    cr_assert_eq(scenario.runs_len, 3);
    cr_assert_str_eq(scenario.baseline, "two");
    const struct setup *one = scenario.runs[0].setup, *two = scenario.runs[1].setup,
                       *three = scenario.runs[2].setup;
    cr_assert_eq(one->nodes[0].count, 7);
    cr_assert_eq(one->seed, 1);
    cr_assert_str_eq(one->policy.order.model->name, "fifo");
    cr_assert_eq(two->seed, 5);
    cr_assert_str_eq(three->policy.order.model->name, "sjf");
    cr_assert_str_eq(three->policy.backfill.model->name, "easy", "the command line wins");
    cr_assert_str_eq(scenario.runs[2].overrides,
                     "policy.order=sjf, policy.backfill=none, pools.a.cost=rented: 1 USD/h");
}

Test(scenario, runs_and_includes_reach_the_new_sections) {
    write_file("site.yaml", "regions:\n  - {name: here, price: 1 ct/kWh, carbon: 1 gCO2/kWh, pue: 1, solar: "
                            "1 kW, battery: {capacity: 1 kWh, charge: 1 kW, discharge: 1 kW}}\n"
                            "policy: {shift: lowest_slot, wait: 6 h, cap: {when: always, level: 0.5}}\n");
    bool right = open_with(VERSION LOAD POOLS
                           "include: site.yaml\npolicy: {wait: 12 h}\nclasses: [{wait: 1 h}]\n"
                           "runs:\n  - name: as it is\n"
                           "  - {name: without, set: {regions.here.battery: null, regions.here.solar: null, "
                           "policy.cap: null, policy.shift: now}}\n"
                           "  - {name: other, set: {regions.here.battery.capacity: 2 kWh, policy.cap.level: "
                           "0.7, \"classes[0].wait\": 2 h, pools.a.cost: {spot: {price: 1 USD/h}}}}\n",
                           NULL, 0);
    if (!right) err_print(&err, stderr);
    cr_assert(right);
    const struct setup *is = scenario.runs[0].setup, *without = scenario.runs[1].setup,
                       *other = scenario.runs[2].setup;
    cr_assert(is->policy.wait_ns == 12 * TICK_HOUR && is->policy.cap.level == 0.5);
    cr_assert(is->regions[0].site.battery_j == 3.6e6 && is->regions[0].site.solar_w.len == 1);
    cr_assert(without->regions[0].site.battery_j == 0 && without->regions[0].site.solar_w.len == 0);
    cr_assert_eq(without->policy.cap.when, CAP_NEVER);
    cr_assert_str_eq(without->policy.shift.model->name, "now");
    cr_assert(other->regions[0].site.battery_j == 7.2e6 && other->policy.cap.level == 0.7);
    cr_assert_eq(other->classes[0].wait_ns, 2 * TICK_HOUR);
    cr_assert_eq(other->pools[0].bought, BOUGHT_SPOT);
}

Test(scenario, included_files_lie_under_the_one_that_includes_them) {
    cr_assert_eq(system("mkdir parts"), 0);
    write_file("parts/a.yaml", REGIONS POOLS "seed: 2\npolicy: {order: sjf, place: pack}\ninclude: c.yaml\n");
    write_file("parts/b.yaml", "seed: 3\npolicy: {order: ljf, scatter: true}\n");
    write_file("parts/c.yaml", LOAD "trace: {file: nowhere}\nunit_of_work: steps\n");
    const struct setup *s = good(VERSION "include: [parts/a.yaml, parts/b.yaml]\ntrace: null\n"
                                         "policy: {place: spread}\n");
    cr_assert_eq(s->seed, 3, "later files win over earlier ones");
    cr_assert_str_eq(s->policy.order.model->name, "ljf");
    cr_assert_str_eq(s->policy.place.model->name, "spread");
    cr_assert(s->policy.scatter);
    cr_assert_str_eq(s->work_unit, "steps");
    cr_assert_null(strstr(scenario.text, "include"));
    cr_assert_null(strstr(scenario.text, "nowhere"));
}

Test(scenario, paths_are_beside_the_file_that_names_them_or_here) {
    cr_assert_eq(system("mkdir parts"), 0);
    write_file("parts/d.yaml", REGIONS POOLS "trace: {file: t.csv, speed: 2, every: 1 s, depart: false}\n");
    write_file("parts/t.csv", "");
    good(VERSION "include: parts/d.yaml\n");
    const struct demand *demand = &scenario.runs[0].demand;
    cr_assert_str_eq(demand->trace, "parts/t.csv");
    cr_assert_eq(demand->speed, 2);
    cr_assert_eq(demand->every_ns, TICK_S);
    cr_assert_not(demand->depart);
    cr_assert_not(demand->shuffle);
    cr_assert_null(demand->load);
    scenario_close(&scenario);
    cr_assert_eq(rename("parts/t.csv", "t.csv"), 0);
    good(VERSION "include: parts/d.yaml\n");
    cr_assert_str_eq(scenario.runs[0].demand.trace, "t.csv");
}

Test(scenario, its_text_reads_back_as_itself) {
    good(VERSION "about: >-\n  A question,\n  on two lines\n" LOAD REGIONS POOLS
         "policy: {estimate: {noisy: 0.5}}\nruns: [{name: a, set: {policy.order: sjf}}, {name: \"1\"}]\n");
    char *text = strdup(scenario.text);
    uint64_t hash = scenario.hash;
    scenario_close(&scenario);
    good(text);
    cr_assert_str_eq(scenario.text, text);
    cr_assert_eq(scenario.hash, hash);
    cr_assert_str_eq(scenario.about, "A question, on two lines");
    scenario_close(&scenario);
    const char *const sets[] = {"seed=2"};
    cr_assert(open_with(text, sets, 1));
    cr_assert_neq(scenario.hash, hash, "an override is another scenario");
    free(text);
}

Test(scenario, findings_shared_by_runs_are_shown_once) {
    cr_assert_not(open_with(
        VERSION LOAD REGIONS POOLS "horizon: 3\nruns: [{name: a}, {name: b}, {name: c}]\n", NULL, 0));
    cr_assert_eq(err.found, 1);
}

Test(scenario, the_reference_describes_every_key_and_model) {
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    scenario_reference(out, models_registry());
    fclose(out);
    const char *const told[] = {"`repeat_until`", "`free_below`", "`gpus_weight`", "`cost_of_capital`",
                                "| required |",   "0.12 USD/kWh", "-14 h to 14 h", "`hard`, `borrow`",
                                "`run_below`",    "`reserved_first`", "`chiller_above`", "`boot_power`",
                                "`rack_every`",   "`ratchet`", "`facility_per_kw`", "`notice`",
                                "`escalation`"};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) cr_assert(strstr(text, told[i]), "%s", told[i]);
    for (enum kind kind = 0; kind < KIND_COUNT; kind++)
        for (size_t i = 0; kind != KIND_IMPORT && i < models_registry()->counts[kind]; i++) {
            char name[80];
            snprintf(name, sizeof name, "**`%s`**", models_registry()->models[kind][i]->name);
            cr_assert(strstr(text, name), "%s", name);
        }
    free(text);
    good(VERSION LOAD REGIONS POOLS);
}

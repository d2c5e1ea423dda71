/* Scenarios: what the text means in plain numbers, how files, overrides and the catalogue lie on top of each
 * other, and that the reference is printed from the tables. What broken ones say is
 * tests/golden/bad-scenarios. */
#include "base/tick.h"
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

Test(scenario, the_catalogue_lies_under_the_scenario) {
    const struct setup *s =
        good(VERSION LOAD "regions: [{catalog: us-texas}, {catalog: us-texas, name: mine, pue: 1.5}]\n"
                          "pools:\n"
                          "  - {name: a, region: us-texas, nodes: 1, node: dgx-a100}\n"
                          "  - {name: b, region: mine, nodes: 1, node: dgx-a100, cpus: 64, memory: 1 TiB, "
                          "power: {base: 1 kW}}\n"
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
                                "| required |",   "0.12 USD/kWh", "-14 h to 14 h", "`hard`, `borrow`"};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) cr_assert(strstr(text, told[i]), "%s", told[i]);
    for (enum kind kind = 0; kind < KIND_IMPORT; kind++)
        for (size_t i = 0; i < models_registry()->counts[kind]; i++) {
            char name[80];
            snprintf(name, sizeof name, "**`%s`**", models_registry()->models[kind][i]->name);
            cr_assert(strstr(text, name), "%s", name);
        }
    free(text);
    good(VERSION LOAD REGIONS POOLS);
}

/*
 * `headroom size` against trying every fleet, and against Erlang C.
 *
 * Every fleet of a choice of four pools is run until its targets are decided, by the same rule; the least cost among
 * those that hold is what the search must find, with at most a tenth of the runs. For M/M/c the number of servers
 * that keeps a mean wait, or the wait of nine jobs in ten, is known in closed form: targets stand midway between
 * what one server less and the right number give, and the search must staff like Erlang.
 */
#include "app/search.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/stats.h"
#include "models/registry.h"
#include "support/sample.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct sized {
    struct scenario scenario;
    struct trials trials;
    struct search search;
    struct err err;
};

static void open_sized(struct sized *s, const char *file, const char *const *sets, size_t sets_len) {
    static const char *folder;
    if (!folder) folder = mem_text(sample_source("models/catalog")); /* another call of it takes its place */
    scenario_catalog_dirs(&folder, 1);
    err_init(&s->err);
    const bool good = scenario_open(&s->scenario, file, models_registry(), sets, sets_len, &s->err);
    err_print(&s->err, stderr);
    cr_assert(good);
    s->trials = (struct trials){.scenario = &s->scenario, .command = "", .threads = 1};
    cr_assert(search_open(&s->search, &s->trials, s->scenario.size, &s->err));
}

static void close_sized(struct sized *s) {
    err_print(&s->err, stderr);
    cr_expect_eq(s->err.found, 0);
    search_close(&s->search);
    trials_close(&s->trials);
    scenario_close(&s->scenario);
    err_free(&s->err);
}

/* Runs one fleet until its targets are decided; what it costs, INFINITY when it does not hold. */
static double cost_of(struct trials *trials, const struct lattice *lattice, size_t point) {
    const struct sizing *sizing = trials->scenario->size;
    struct sweep_value values[LATTICE_AXES_MOST];
    struct trial trial;
    struct err err;
    double cost = INFINITY;
    err_init(&err);
    for (size_t a = 0; a < sizing->axes_len; a++) values[a] = sizing->axes[a].values[lattice_at(lattice, point, a)];
    if (trial_open(trials, &trial, 1, values, sizing->axes_len, NULL, &err)) {
        bool open = true, fails = false;
        for (size_t n; open && !fails && (n = verdict_next(&sizing->rule, trial.done)) > 0;) {
            cr_assert(trial_extend(trials, &trial, n, &err));
            open = false;
            for (size_t t = 0; t < sizing->targets_len; t++) {
                double column[64];
                for (size_t r = 0; r < n; r++) column[r] = trial.targets[r * sizing->targets_len + t];
                const enum verdict v = verdict_of(&sizing->rule, &sizing->targets[t].rule, column, n).verdict;
                open |= v == VERDICT_OPEN;
                fails |= v == VERDICT_FAILS;
            }
        }
        if (!open && !fails) cost = 0;
        for (size_t r = 0; r < sizing->rule.least && !open && !fails; r++)
            cost += trial.objectives[r * SIZING_OBJECTIVES + sizing->least] / (double)sizing->rule.least;
    }
    err_free(&err);
    trial_close(trials, &trial);
    return cost;
}

static double every_fleet(struct sized *s, double *holding) {
    double least = INFINITY;
    *holding = 0;
    for (size_t p = 0; p < s->search.lattice.points; p++) {
        const double cost = cost_of(&s->trials, &s->search.lattice, p);
        *holding += isfinite(cost);
        least = fmin(least, cost);
    }
    return least;
}

static void expect_optimum(const char *const *sets, size_t sets_len, double most_share) {
    struct sized s;
    double holding;
    char *file = mem_text(sample_source("tests/oracle/size.yaml"));
    open_sized(&s, file, sets, sets_len);
    const double least = every_fleet(&s, &holding);
    const size_t all_runs = s.trials.runs;
    s.trials.runs = 0;
    cr_assert(search_run(&s.search, &s.err));
    const struct fleet_test *best = s.search.best[s.scenario.size->least];
    cr_assert_not_null(best);
    char *name = search_name(&s.search, best->point);
    cr_log_info("%s: %g; %g of %zu fleets hold; tried %zu in %zu runs of %zu (%.1f %%)", name,
                best->objective[s.scenario.size->least], holding, s.search.lattice.points, s.search.tests.len,
                s.trials.runs, all_runs, 100. * (double)s.trials.runs / (double)all_runs);
    cr_expect_float_eq(best->objective[s.scenario.size->least], least, 1e-9 * least);
    cr_expect_leq((double)s.trials.runs, most_share * (double)all_runs);
    cr_expect(holding > 0.05 * (double)s.search.lattice.points && holding < 0.95 * (double)s.search.lattice.points);
    free(name);
    close_sized(&s);
    free(file);
}

Test(size, cheapest_of_every_fleet) { expect_optimum(NULL, 0, 0.1); }

/* What is rented while it is wanted makes larger fleets cheaper: counts that do not grow are searched too. */
Test(size, a_mix_with_nodes_on_demand) {
    expect_optimum((const char *const[]){"pools.rented.cost={on_demand: {per_gpu: 1.9 USD/h, keep: 10 min}}",
                                         "policy.market=reserved_first", "load.arrivals.rate=4 /h",
                                         "size.choose[0].most=4", "size.choose[1].most=0", "size.choose[2].most=8",
                                         "size.choose[3].most=6"},
                   7, 0.6);
}

/* A floor on utilisation is broken by more nodes: the search says that its assumption does not hold. */
Test(size, a_target_that_more_breaks) {
    char *file = mem_text(sample_source("tests/oracle/size.yaml"));
    struct sized s;
    open_sized(&s, file,
               (const char *const[]){"size.choose=[{path: pools.rented.nodes, least: 1, most: 24}]",
                                     "size.targets=[{metric: utilisation, at_least: 0.4}]"},
               2);
    cr_assert(search_run(&s.search, &s.err));
    cr_assert_not_null(s.search.worse);
    cr_expect_str_eq(result_metrics[s.search.worse->metric].name, "utilisation");
    close_sized(&s);
    free(file);
}

/* And where nothing does, nothing is said. */
Test(size, no_false_alarm) {
    char *file = mem_text(sample_source("tests/oracle/size.yaml"));
    struct sized s;
    open_sized(&s, file, NULL, 0);
    cr_assert(search_run(&s.search, &s.err));
    cr_expect_null(s.search.worse);
    cr_expect_not(s.search.contradicted);
    close_sized(&s);
    free(file);
}

/* --- Erlang --- */

static const char erlang_text[] = "version: 1\n"
                                  "seed: 5\n"
                                  "measure: {from: 100 h, to: 600 h}\n"
                                  "load:\n"
                                  "  until: 600 h\n"
                                  "  arrivals: {model: poisson, rate: %.17g /h}\n"
                                  "  classes: [{name: only, gpus: [1], durations: {model: exponential, mean: 1 h}}]\n"
                                  "regions: [{name: here, price: 0.1 USD/kWh, carbon: 0 gCO2/kWh, pue: 1}]\n"
                                  "pools:\n"
                                  "  - name: servers\n"
                                  "    nodes: 1\n"
                                  "    gpu: any\n"
                                  "    gpus: 1\n"
                                  "    power: {base: 100 W, gpu_idle: 50 W, gpu_peak: 300 W}\n"
                                  "    cost: {rented: 1 USD/h}\n"
                                  "size:\n"
                                  "  choose: [{path: pools.servers.nodes, least: 1, most: 60}]\n"
                                  "  targets: [{metric: %s, at_most: %.17g s}]\n"
                                  "  confidence: 0.95\n"
                                  "  replications: {least: 5, most: 60}\n"
                                  "  side_by_side: false\n";

/* Mean wait in s, or the wait that one job in ten exceeds, of c servers at a load of a erlangs; INFINITY: unstable. */
static double wait_s(unsigned c, double a, bool mean) {
    if (a >= c) return INFINITY;
    if (mean) return 3600 * stats_mmc_wait(c, a / c);
    const double waits = stats_mmc_wait_exceeds(c, a / c, 0);
    return waits <= 0.1 ? 0 : 3600 * log(waits / 0.1) / (c - a);
}

static void expect_staffing(double load, unsigned servers, bool mean) {
    const double less = fmin(wait_s(servers - 1, load, mean), 4 * 3600), right = wait_s(servers, load, mean);
    const double target = (less + right) / 2;
    char path[] = "/tmp/headroom-size-XXXXXX";
    const int fd = mkstemp(path);
    cr_assert(fd >= 0);
    FILE *file = fdopen(fd, "w");
    fprintf(file, erlang_text, load, mean ? "wait_mean_s" : "wait_p90_s", target);
    fclose(file);
    struct sized s;
    open_sized(&s, path, NULL, 0);
    cr_assert(search_run(&s.search, &s.err));
    unlink(path);
    const struct fleet_test *best = s.search.best[SIZING_USD];
    cr_assert_not_null(best);
    cr_log_info("%g erlangs, %s of %.0f s: %g servers (Erlang: %u, which gives %.0f s, one less %.0f s), %zu runs",
                load, mean ? "mean" : "9 in 10", target, best->objective[SIZING_NODES], servers, right, less,
                s.trials.runs);
    cr_expect_eq(best->objective[SIZING_NODES], servers);
    close_sized(&s);
}

Test(size, staffs_like_erlang_by_the_mean) {
    expect_staffing(2, 4, true);
    expect_staffing(8, 10, true);
    expect_staffing(20, 23, true);
}

Test(size, staffs_like_erlang_by_a_quantile) {
    expect_staffing(4, 6, false);
    expect_staffing(16, 19, false);
}

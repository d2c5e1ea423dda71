/*
 * What common random numbers are worth on the Philly-like scenario (scenarios/quickstart.yaml, ten days): how
 * many times as many replications independent runs need for an interval of the same width as paired ones. For
 * means of n values the width falls with the root of n, so that is the variance of a difference of
 * independent values over that of a paired one. Checked by actual intervals as well: ten pairs against forty
 * runs of each group that had other jobs.
 *
 * Pairing is worth what both groups have in common. Shortest job first and fifo share their load, so their
 * use, energy and cost go together; but fifo's waiting is its own, a hundred times that of shortest first, so
 * pairing does nothing for that difference. Two placements of one queue share their waiting too.
 */
#include "support/testing.h"

#include "app/app.h"
#include "app/demand.h"
#include "base/infer.h"
#include "base/stats.h"
#include "base/text.h"
#include "core/world.h"
#include "io/scenario.h"
#include "io/summary.h"
#include "models/registry.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

enum { SEEDS = 50, PAIRS = 10, FIFO = 0, SJF, BEST_FIT, POLICIES };
enum { WAIT, JCT, USED, ENERGY, UNIT_COST, METRICS };
static const char *const metric_names[METRICS] = {"wait_mean_s", "jct_mean_s", "utilisation", "energy_kwh",
                                                  "usd_per_work"};
static const char *const policy_sets[POLICIES] = {"policy.order=fifo", "policy.order=sjf",
                                                  "policy.place=best_fit"};
static double values[POLICIES][METRICS][SEEDS];

static void run_one(const char *file, int policy, int seed) {
    struct scenario scenario;
    struct jobs jobs;
    struct result result;
    struct err err;
    char of_seed[32];
    snprintf(of_seed, sizeof of_seed, "seed=%d", seed + 1);
    const char *sets[] = {"load.until=10 d", of_seed, policy_sets[policy]};
    err_init(&err);
    cr_assert(scenario_open(&scenario, file, models_registry(), sets, 3, &err), "%s", err.lines[0]);
    struct scenario_run *run = &scenario.runs[0];
    cr_assert(demand_read(&run->demand, run->setup, &jobs, &err));
    cr_assert(run_simulate(run->setup, &jobs, &(struct run_options){.consume = &jobs}, &result, &err));
    const struct tally *all = testing_tally(&result, PART_RUN, NULL);
    for (int m = 0; m < METRICS; m++)
        values[policy][m][seed] = result_metrics[metric_index(metric_names[m])].value(all, &result);
    result_free(&result);
    jobs_free(&jobs);
    scenario_close(&scenario);
    err_free(&err);
}

static void run_all(void) {
    struct text path, catalog;
    text_init(&path), text_init(&catalog);
    text_format(&path, "%s/scenarios/quickstart.yaml", app_data_dir());
    text_format(&catalog, "%s/models/catalog", app_data_dir());
    scenario_catalog_dirs((const char *const *)&catalog.at, 1);
    for (int policy = 0; policy < POLICIES; policy++)
        for (int seed = 0; seed < SEEDS; seed++) run_one(path.at, policy, seed);
    text_free(&path), text_free(&catalog);
}

static double variance(const double *at, size_t count) {
    const double sd = infer_mean(at, count, 0.95).sd;
    return sd * sd;
}

/* How many times as many replications; NULL difference: independent ones. */
static double worth(int a, int b, int m) {
    double d[SEEDS];
    for (int s = 0; s < SEEDS; s++) d[s] = values[b][m][s] - values[a][m][s];
    const double ratio = (variance(values[a][m], SEEDS) + variance(values[b][m], SEEDS)) / variance(d, SEEDS);
    cr_log_info("%s, %s to %s: %.1f times as many", metric_names[m], policy_sets[a], policy_sets[b], ratio);
    return ratio;
}

/* Half widths of 95 % intervals: of the first ten pairs, and of forty runs of each, b's beginning ten seeds
 * later. */
static void expect_narrower(int a, int b, int m) {
    double d[PAIRS];
    for (int s = 0; s < PAIRS; s++) d[s] = values[b][m][s] - values[a][m][s];
    const struct infer_mean paired = infer_mean(d, PAIRS, 0.95);
    const struct infer_mean of_a = infer_mean(values[a][m], SEEDS - PAIRS, 0.95);
    const struct infer_mean of_b = infer_mean(values[b][m] + PAIRS, SEEDS - PAIRS, 0.95);
    const struct infer_welch apart = infer_welch(&of_a, &of_b, 0.95);
    const double half = (paired.t.high - paired.t.low) / 2, half_apart = (apart.t.high - apart.t.low) / 2;
    cr_log_info("%s: ten pairs +- %.4g, forty runs each +- %.4g", metric_names[m], half, half_apart);
    cr_expect_leq(half, half_apart, "%s: %g with ten pairs, %g with forty runs", metric_names[m], half,
                  half_apart);
}

Test(pairs, need_a_quarter_of_the_replications) {
    run_all();
    for (int m = 0; m < METRICS; m++) {
        const double orders = worth(FIFO, SJF, m), places = worth(FIFO, BEST_FIT, m);
        cr_expect_geq(places, 4, "%s: %g", metric_names[m], places);
        if (m == WAIT || m == JCT) cr_expect_lt(orders, 2, "%s: %g", metric_names[m], orders);
        else cr_expect_geq(orders, 4, "%s: %g", metric_names[m], orders);
        expect_narrower(FIFO, BEST_FIT, m);
        if (m != WAIT && m != JCT) expect_narrower(FIFO, SJF, m);
    }
}

/* Which runs of a scenario share their jobs: those whose demand is the same, and no others. */
#include "app/batch.h"

#include "base/err.h"
#include "core/job.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const common =
    "version: 1\n"
    "seed: 3\n"
    "load:\n"
    "  jobs: 20\n"
    "  arrivals: {model: poisson, rate: 10 /h}\n"
    "  classes:\n"
    "    - {name: a, gpus: [1, 2], durations: {model: lognormal, median: 1 h}}\n"
    "regions: [{name: here, price: 0.1 USD/kWh, carbon: 1 gCO2/kWh, pue: 1}]\n"
    "pools:\n"
    "  - {name: p, nodes: 4, gpus: 8, gpu: X, power: {base: 1 W, gpu_idle: 1 W, gpu_peak: 2 W}}\n";

static struct batch batch;
static struct err err;

/* Opens `common` with these runs; names: of --run, may be NULL. */
static bool open_runs(const char *runs, const char *name) {
    char path[] = "/tmp/headroom-batch-XXXXXX";
    const int file = mkstemp(path);
    cr_assert(file >= 0);
    FILE *to = fdopen(file, "w");
    fprintf(to, "%s%s", common, runs);
    fclose(to);
    struct args_texts sets = {0}, names = {.at = &name, .len = name != NULL};
    err_init(&err);
    const bool ok = batch_open(&batch, path, &sets, &names, NULL, NULL, &err);
    unlink(path);
    return ok;
}

static void close_runs(void) {
    batch_close(&batch);
    err_free(&err);
}

Test(batch, policies_share_the_demand) {
    cr_assert(open_runs("runs:\n"
                        "  - name: fifo\n"
                        "  - {name: sjf, set: {policy.order: sjf}}\n"
                        "  - {name: more, set: {'pools[0].nodes': 9}}\n", NULL));
    cr_assert_eq(batch.runs_len, 3);
    cr_assert_eq(batch.demands_len, 1);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(batch.runs[i].jobs, &batch.demands[0]);
        cr_assert_not(batch.runs[i].alone);
    }
    cr_assert_eq(batch.demands[0].len, 20);
    close_runs();
}

Test(batch, another_demand_is_another_table) {
    const char *const differing[] = {
        "seed: 4", "load.jobs: 21", "load.arrivals.rate: 11 /h", "load.arrivals.model: mmpp",
        "'load.classes[0].durations.median': 2 h", "'load.classes[0].gpus': [1, 3]", "'load.classes[0].weight': 2",
        "load.daily: [2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]",
    };
    for (size_t i = 0; i < sizeof differing / sizeof *differing; i++) {
        char runs[512];
        snprintf(runs, sizeof runs, "runs:\n  - name: one\n  - {name: two, set: {%s}}\n  - name: three\n",
                 differing[i]);
        cr_assert(open_runs(runs, NULL), "%s: %s", differing[i], err.found ? err.lines[0] : "");
        cr_assert_eq(batch.demands_len, 2, "%s", differing[i]);
        cr_assert_eq(batch.runs[0].jobs, batch.runs[2].jobs);
        cr_assert_not(batch.runs[0].alone);
        cr_assert(batch.runs[1].alone);
        close_runs();
    }
}

Test(batch, only_the_runs_asked_for) {
    cr_assert(open_runs("runs: [{name: one}, {name: two, set: {seed: 4}}]\n", "two"));
    cr_assert_eq(batch.runs_len, 1);
    cr_assert_str_eq(batch.runs[0].run->name, "two");
    cr_assert(batch.runs[0].alone);
    close_runs();
    cr_assert_not(open_runs("runs: [{name: one}, {name: two}]\n", "tow"));
    cr_assert_eq(err.found, 1);
    close_runs();
}

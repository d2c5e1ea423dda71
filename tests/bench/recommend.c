/*
 * How long `headroom recommend` searches: the configurations of scenarios/three-objectives.yaml (eight million, with
 * failures and daily prices), from the scenario in memory to all answers, on two threads; and what one configuration
 * costs where nothing is ruled out. Arguments: the scenario, the folder of the catalogue. Fails when a bound is missed.
 */
#include "app/answers.h"
#include "app/progress.h"
#include "bench.h"

#include <inttypes.h>
#include <stdlib.h>

static bool row(const char *what, double value, const char *unit, double bound) {
    printf("| %s | %.3g%s | <= %g%s | %s |\n", what, value, unit, bound, unit, value <= bound ? "pass" : "FAIL");
    return value <= bound;
}

/* Median of three. */
static double search_s(const struct scenario *scenario, const char *file, uint64_t *configurations) {
    double times_s[3];
    for (size_t i = 0; i < 3; i++) {
        struct space space;
        struct answers answers;
        struct err err;
        err_init(&err);
        const double begun_s = progress_clock_s();
        if (!space_open(&space, &scenario->runs[0], NULL, 0, file, &err)) die("%s", err.lines[0]);
        if (!answers_find(&answers, &space, 2)) die("no answer");
        times_s[i] = progress_clock_s() - begun_s;
        *configurations = space.configurations;
        for (size_t k = 0; k < SPACE_REFUSALS; k++) *configurations += space.refused[k];
        answers_free(&answers);
        space_close(&space);
        err_free(&err);
    }
    return bench_median(times_s, 3);
}

/* CPU time of a configuration that is looked at. */
static double each_ns(const struct scenario *scenario, const char *file) {
    struct space space;
    struct err err;
    err_init(&err);
    if (!space_open(&space, &scenario->runs[0], NULL, 0, file, &err)) die("%s", err.lines[0]);
    const struct choice_goal goal = {CHOICE_USD, INFINITY, INFINITY};
    struct choice_best best = {.most = 1};
    struct choice_counts counts = {0};
    const double begun_s = bench_cpu_s();
    choice_scan(&space.choice, &goal, 1, 0, space.choice.rows_len, false, &best, &counts);
    const double took_s = bench_cpu_s() - begun_s;
    space_close(&space);
    err_free(&err);
    return took_s * 1e9 / (double)(counts.looked_at + counts.ruled_out);
}

int main(int argc, char **argv) {
    if (argc != 3) die("usage: bench_recommend SCENARIO CATALOG");
    struct scenario scenario;
    struct err err;
    err_init(&err);
    scenario_catalog_dirs((const char *const *)&argv[2], 1);
    if (!scenario_open(&scenario, argv[1], models_registry(), NULL, 0, &err)) die("%s", err.lines[0]);
    uint64_t configurations;
    const double took_s = search_s(&scenario, argv[1], &configurations);
    char what[120];
    if (configurations < 2000000) die("%" PRIu64 " configurations are too few", configurations);
    snprintf(what, sizeof what, "recommend: all answers of %.1f million configurations, two threads",
             (double)configurations / 1e6);
    bool good = row(what, took_s, " s", 10);
    good &= row("recommend: a configuration, none ruled out", each_ns(&scenario, argv[1]), " ns", 1000);
    scenario_close(&scenario);
    err_free(&err);
    return good ? 0 : 1;
}

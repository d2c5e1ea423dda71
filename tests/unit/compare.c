/* Which runs make a group and a pair, and what follows from them by hand. Runs are made up: a scenario's
 * text, a seed, and a mean wait, cost and completion time. */
#include "io/compare.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "support/sample.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *folder, path[256];
static struct store *store;
static struct compare got;
static struct err err;

static void open_folder(void) {
    folder = sample_folder();
    snprintf(path, sizeof path, "%s/results.db", folder);
    store = store_open(path);
    err_init(&err);
}
static void close_folder(void) {
    err_free(&err);
    store_close(store);
    sample_remove(folder);
}
TestSuite(compare, .init = open_folder, .fini = close_folder);

struct made {
    const char *scenario, *run, *order; /* NULL: "s", "", fifo */
    const char *rest;                   /* of the scenario's text */
    uint64_t seed;
    double wait_s, usd, jct_s;
    const struct run_factor *factor;
};

static int64_t keep(struct made made) {
    struct sample sample;
    struct text text;
    sample_open(&sample, 0);
    text_init(&text);
    text_format(&text, "version: 1\nname: x\nseed: %d\n%s", (int)made.seed, made.rest ? made.rest : "");
    struct run_info *info = &sample.info;
    info->scenario_name = made.scenario ? made.scenario : "s";
    info->scenario_text = text.at;
    info->scenario_hash = hash_bytes(HASH_START, text.at, text.len);
    info->run_name = made.run ? made.run : "";
    info->baseline = "";
    info->order = made.order ? made.order : "fifo";
    info->seed = made.seed;
    info->trace_hash = made.seed;
    info->factors = made.factor;
    info->factors_len = made.factor ? 1 : 0;
    struct tally *all = &sample.result.tallies[0];
    all->wait_s.mean = made.wait_s;
    all->jct_s.mean = made.jct_s;
    all->capacity_usd = made.usd;
    const int64_t id = sample_store(store, &sample);
    sample_close(&sample);
    text_free(&text);
    return id;
}

static bool compare_all(struct compare_wish wish) {
    static const char *const wait[] = {"wait_mean_s"};
    size_t count;
    int64_t *ids = store_complete(store, &count);
    if (!wish.metrics_len) wish.metrics = wait, wish.metrics_len = 1;
    if (wish.level == 0) wish.level = 0.95;
    const bool good = compare_read(&got, store, ids, count, &wish, &err);
    free(ids);
    return good;
}

static void expect_labels(const char *wanted) {
    struct text text;
    text_init(&text);
    for (size_t g = 0; g < got.groups_len; g++) text_format(&text, "%s%s", g ? "|" : "", got.groups[g].label);
    cr_expect_str_eq(text.at, wanted);
    text_free(&text);
}

static void expect_note(const char *wanted) {
    for (size_t i = 0; i < got.notes_len; i++)
        if (strstr(got.notes[i], wanted)) return;
    cr_expect(false, "no note of '%s'", wanted);
}

static void expect_refusal(struct compare_wish wish, const char *wanted) {
    cr_assert(!compare_all(wish));
    const char *said = err.kept ? err.lines[0] : "nothing was said";
    cr_expect(err.kept == 1 && strstr(said, wanted), "%s", said);
    err_free(&err);
    err_init(&err);
}

/* Student's distribution with three degrees of freedom in closed form. */
static double p_of_t3(double t) {
    const double angle = atan(fabs(t) / sqrt(3));
    return 1 - 2 / acos(-1) * (angle + sin(angle) * cos(angle));
}

/* Differences -2, -1, -3, -2: mean -2, variance 2/3; a quarter of 100 is the baseline's mean. */
Test(compare, pairs_by_hand) {
    static const double a[] = {10, 20, 30, 40}, b[] = {8, 19, 27, 38};
    for (uint64_t s = 0; s < 4; s++) {
        keep((struct made){.seed = s, .wait_s = a[s]});
        keep((struct made){.seed = s, .wait_s = b[s], .order = "sjf"});
    }
    cr_assert(compare_all((struct compare_wish){.by = "order"}));
    expect_labels("fifo|sjf");
    const struct compare_cell *cell = compare_cell(&got, 0, 1);
    const double error = sqrt(2.0 / 3 / 4);
    cr_expect(cell->paired && cell->pairs == 4 && cell->own.count == 4);
    cr_expect_float_eq(cell->own.mean, 23, 1e-12);
    cr_expect_float_eq(cell->difference, -2, 1e-12);
    cr_expect_float_eq(cell->relative, -2.0 / 25, 1e-12);
    cr_expect_float_eq(cell->t.high, -2 + 3.182446 * error, 1e-6);
    cr_expect_float_eq(cell->p, p_of_t3(2 / error), 1e-9);
    cr_expect_float_eq(cell->p_wilcoxon, 2.0 / 16, 1e-12);
    cr_expect_eq(cell->p_holm, cell->p);
    cr_expect_eq(cell->verdict, COMPARE_BETTER);
    cr_expect(got.metrics[0].lead == 1 && got.metrics[0].won);
    compare_free(&got);
    cr_assert(compare_all((struct compare_wish){.by = "order", .baseline = "sjf", .level = 0.99}));
    expect_labels("sjf|fifo");
    cr_expect_float_eq(compare_cell(&got, 0, 1)->difference, 2, 1e-12);
    cr_expect_eq(compare_cell(&got, 0, 1)->verdict, COMPARE_UNCLEAR); /* p is 0.016 */
    cr_expect(!got.metrics[0].won);
    compare_free(&got);
}

/* Two settings of nodes; a replication is their mean. One group lacks a run of seed 2, and one has a setting
 * of its own. */
Test(compare, other_settings_are_averaged) {
    const struct run_factor few = {"pools.a.nodes", "20", 20}, many = {"pools.a.nodes", "30", 30},
                            most = {"pools.a.nodes", "40", 40};
    const char *rest = "pools:\n- name: a\n  nodes: 10\n";
    for (uint64_t s = 0; s < 3; s++) {
        keep((struct made){.seed = s, .rest = rest, .factor = &few, .wait_s = 10 + (double)s});
        keep((struct made){.seed = s, .rest = rest, .factor = &many, .wait_s = 2});
        keep((struct made){.seed = s, .rest = rest, .factor = &few, .wait_s = 6, .order = "sjf"});
        if (s < 2) keep((struct made){.seed = s, .rest = rest, .factor = &many, .wait_s = 4, .order = "sjf"});
        keep((struct made){.seed = s, .rest = rest, .factor = &most, .wait_s = 1000, .order = "sjf"});
    }
    cr_assert(compare_all((struct compare_wish){.by = "order"}));
    cr_expect_eq(got.settings, 2);
    cr_expect_float_eq(compare_cell(&got, 0, 0)->own.mean, (6 + 6.5 + 7) / 3, 1e-12);
    cr_expect_eq(compare_cell(&got, 0, 1)->own.count, 2);
    cr_expect_float_eq(compare_cell(&got, 0, 1)->own.mean, 5, 1e-12);
    cr_expect_float_eq(compare_cell(&got, 0, 1)->difference, 5 - 6.25, 1e-12);
    expect_note("mean over 2 settings of pools.a.nodes");
    expect_note("1 replication lacks");
    expect_note("runs of 1 setting that not every group has");
    compare_free(&got);

    cr_assert(compare_all((struct compare_wish){.by = "pools.a.nodes", .baseline = "30"}));
    expect_labels("30|20|40"); /* 40 was run with sjf alone, so sjf is the setting that all have */
    cr_expect_float_eq(compare_cell(&got, 0, 0)->own.mean, 4, 1e-12);
    cr_expect_float_eq(compare_cell(&got, 0, 2)->own.mean, 1000, 1e-12);
    compare_free(&got);
}

/* What a run sets is its own business by run, and a key like any other elsewhere. */
Test(compare, what_runs_set_makes_groups) {
    const char *rest = "pools:\n- {name: a, nodes: 100}\nruns:\n- name: big\n- name: small\n  set: "
                       "{pools.a.nodes: 20, policy.order: {model: las, quantum: 1 h}}\n";
    for (uint64_t s = 0; s < 2; s++) {
        keep((struct made){.seed = s, .rest = rest, .run = "big"});
        keep((struct made){.seed = s, .rest = rest, .run = "small", .order = "las"});
    }
    cr_assert(compare_all((struct compare_wish){0}));
    expect_labels("big|small");
    cr_expect_str_eq(got.by, "run");
    compare_free(&got);
    cr_assert(compare_all((struct compare_wish){.by = "policy", .baseline = "las"}) == false);
    cr_expect(strstr(err.lines[0], "pools.a.nodes"), "%s", err.lines[0]);
    err_free(&err);
    err_init(&err);
    /* Named by the run, and by a part of the label. */
    for (uint64_t s = 0; s < 2; s++)
        keep((struct made){.seed = s, .rest = "pools:\n- {name: a, nodes: 100}\npolicy: {order: {model: las, "
                                              "quantum: 1 h}}\n", .run = "las-100", .order = "las"});
    cr_assert(compare_all((struct compare_wish){.by = "policy", .baseline = "las-100"}));
    expect_labels("las/order.quantum=1 h|fifo");
    compare_free(&got);
    cr_assert(compare_all((struct compare_wish){.by = "pools.a.nodes"}));
    expect_labels("20|100"); /* as numbers, not as text; both with las */
    compare_free(&got);
}

Test(compare, scenarios_of_several_files) {
    for (uint64_t s = 0; s < 2; s++) {
        keep((struct made){.seed = s, .scenario = "east", .rest = "horizon: 1 d\n", .wait_s = 1});
        keep((struct made){.seed = s, .scenario = "west", .rest = "horizon: 2 d\n", .wait_s = 2});
    }
    cr_assert(compare_all((struct compare_wish){0}));
    expect_labels("east|west");
    cr_expect_eq(compare_cell(&got, 0, 1)->pairs, 2);
    cr_expect_str_eq(got.title, "east, west");
    compare_free(&got);
}

Test(compare, the_newest_of_equal_runs_counts) {
    keep((struct made){.seed = 1, .wait_s = 100});
    keep((struct made){.seed = 1, .wait_s = 5});
    keep((struct made){.seed = 1, .wait_s = 7, .order = "sjf"});
    cr_assert(compare_all((struct compare_wish){.by = "policy"}));
    cr_expect_float_eq(compare_cell(&got, 0, 0)->own.mean, 5, 1e-12);
    cr_expect_float_eq(compare_cell(&got, 0, 1)->difference, 2, 1e-12);
    cr_expect(isnan(compare_cell(&got, 0, 1)->p) && compare_cell(&got, 0, 1)->verdict == COMPARE_UNKNOWN);
    expect_note("1 run was made again");
    expect_note("one replication each: there is no interval");
    cr_expect_eq(got.tests, 0);
    compare_free(&got);
}

/* Variances 1 and 4 of three values each, means 2 apart: t = 2 / sqrt(5 / 3), (5/3)^2 / (1/18 + 16/18)
 * degrees. */
Test(compare, without_common_seeds_means_are_compared) {
    for (uint64_t s = 0; s < 3; s++) {
        keep((struct made){.seed = s, .wait_s = 9 + (double)s});
        keep((struct made){.seed = 10 + s, .wait_s = 10 + 2 * (double)s, .order = "sjf"});
    }
    cr_assert(compare_all((struct compare_wish){.by = "order"}));
    const struct compare_cell *cell = compare_cell(&got, 0, 1);
    cr_expect(!cell->paired && cell->pairs == 0);
    cr_expect_float_eq(cell->difference, 2, 1e-12);
    cr_expect_float_eq(cell->relative, 0.2, 1e-12);
    const struct infer_mean a = infer_mean((double[]){9, 10, 11}, 3, 0.95);
    const struct infer_mean b = infer_mean((double[]){10, 12, 14}, 3, 0.95);
    const struct infer_welch w = infer_welch(&a, &b, 0.95);
    cr_expect_float_eq(w.freedom, (5.0 / 3) * (5.0 / 3) / (1.0 / 18 + 16.0 / 18), 1e-9);
    cr_expect_float_eq(cell->p, w.p, 1e-12);
    compare_free(&got);
}

/* The middle one is beaten in all three; more waiting for less money is no defeat; equal means are none
 * either. */
Test(compare, pareto_by_hand) {
    static const struct made runs[] = {{.order = "fifo", .wait_s = 10, .usd = 100, .jct_s = 50},
                                       {.order = "sjf", .wait_s = 8, .usd = 120, .jct_s = 40},
                                       {.order = "las", .wait_s = 11, .usd = 121, .jct_s = 41},
                                       {.order = "edf", .wait_s = 10, .usd = 100 + 1e-11, .jct_s = 50}};
    for (size_t i = 0; i < 4; i++) keep(runs[i]);
    cr_assert(compare_all((struct compare_wish){.by = "order",
                                                .pareto = "total_usd,jct_mean_s,wait_mean_s"}));
    cr_expect(got.groups[0].efficient && got.groups[1].efficient && !got.groups[2].efficient);
    cr_expect(got.groups[3].efficient);
    cr_expect_eq(got.metrics_len, 1);
    cr_expect_eq(got.metrics_all, 3);
    compare_free(&got);
}

/* The second is better than the first, but not than the third: no winner, though the first is beaten. */
Test(compare, a_winner_beats_all) {
    static const double noise[] = {0.1, -0.1, 0.2, -0.2, 0.05};
    for (uint64_t s = 0; s < 5; s++) {
        keep((struct made){.seed = s, .wait_s = 20 + noise[s]});
        keep((struct made){.seed = s, .order = "sjf", .wait_s = 10});
        keep((struct made){.seed = s, .order = "las", .wait_s = 10.05 + noise[s]});
    }
    cr_assert(compare_all((struct compare_wish){.by = "order"}));
    cr_expect_eq(got.metrics[0].lead, 1);
    cr_expect(!got.metrics[0].won && got.metrics[0].p > 0.05);
    cr_expect_eq(compare_cell(&got, 0, 1)->verdict, COMPARE_BETTER);
    cr_expect_eq(compare_cell(&got, 0, 2)->verdict, COMPARE_BETTER);
    compare_free(&got);
    for (uint64_t s = 0; s < 5; s++) keep((struct made){.seed = s, .order = "las", .wait_s = 12 + noise[s]});
    cr_assert(compare_all((struct compare_wish){.by = "order"}));
    cr_expect(got.metrics[0].lead == 1 && got.metrics[0].won);
    /* Twice the larger p: two others could have come out first. */
    cr_expect_float_eq(got.metrics[0].p, 2 * infer_t_p(2.01, infer_mean(noise, 5, 0.95).sd, 5), 1e-9);
    compare_free(&got);
}

Test(compare, refusals) {
    expect_refusal((struct compare_wish){0}, "fewer than two");
    keep((struct made){.seed = 1, .rest = "horizon: 1 d\nmeasure: {from: 1 h}\n"});
    keep((struct made){.seed = 2, .rest = "horizon: 1 d\nmeasure: {from: 1 h}\n"});
    expect_refusal((struct compare_wish){0}, "all alike");
    expect_refusal((struct compare_wish){.by = "horizon"}, "all runs have the same");
    keep((struct made){.seed = 1, .rest = "horizon: 2 d\nmeasure: {from: 2 h}\n"});
    expect_refusal((struct compare_wish){0}, "the runs differ in horizon, measure.from: name one");
    expect_refusal((struct compare_wish){.by = "horizn"}, "did you mean 'horizon'?");
    expect_refusal((struct compare_wish){.by = "horizon"}, "they differ in measure.from too");
    expect_refusal((struct compare_wish){.by = "measure", .pareto = "total_usd"}, "two or three");
    keep((struct made){.seed = 1, .rest = "horizon: 1 d\nmeasure: {from: 2 h}\n"});
    expect_refusal((struct compare_wish){.by = "measure", .pareto = "total_usd,held_gpu_h"},
                   "neither more nor less");
    expect_refusal((struct compare_wish){.by = "measure", .baseline = "frm=2 h"}, "did you mean 'from=2 h'?");
}

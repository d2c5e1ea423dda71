/*
 * What `headroom recommend` claims, on the scenarios it comes with: work that is massively parallel costs the same
 * however fast it is done (cost associativity; Armbrust et al. 2009, Weinman 2012), work that scales badly does not;
 * nothing is faster than its hardware, and what does not fit is refused; arithmetic and simulation agree.
 */
#include "support/sample.h"
#include "support/testing.h"

#include "app/answers.h"
#include "app/crew.h"
#include "base/text.h"
#include "base/tick.h"
#include "io/requests.h"
#include "models/registry.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct asked {
    struct scenario scenario;
    struct space space;
    struct answers answers;
    struct requests requests;
    bool found;
};

static void ask(struct asked *a, const char *scenario, const char *const *sets, size_t sets_len) {
    static char catalog[2048], file[2048], relative[128];
    static const char *const dirs[] = {catalog};
    struct err err;
    snprintf(relative, sizeof relative, "scenarios/%s.yaml", scenario);
    text_copy(catalog, sizeof catalog, sample_source("models/catalog"));
    text_copy(file, sizeof file, sample_source(relative));
    scenario_catalog_dirs(dirs, 1);
    *a = (struct asked){0};
    err_init(&err);
    cr_assert(scenario_open(&a->scenario, file, models_registry(), sets, sets_len, &err), "%s",
              err.found ? err.lines[0] : "");
    const struct scenario_run *run = &a->scenario.runs[0];
    double seconds = 0;
    if (run->recommend->demand) {
        load_requests(run->recommend->demand->load, run->setup->seed, 0, &a->requests);
        seconds = tick_seconds(run->recommend->demand->load->until_ns);
    }
    cr_assert(space_open(&a->space, run, &a->requests, seconds, file, &err), "%s", err.found ? err.lines[0] : "");
    a->found = answers_find(&a->answers, &a->space, 2);
    if (a->found) answers_confirm(&a->answers, NULL, &err);
    err_free(&err);
}

static void simulate(struct asked *a, size_t replications) {
    struct err err;
    err_init(&err);
    const struct confirm confirm = {.space = &a->space, .scenario = &a->scenario, .run = &a->scenario.runs[0],
                                    .requests = &a->requests, .command = "", .replications = replications,
                                    .threads = 2};
    for (size_t i = 0; i < a->answers.cases_len; i++) free((char *)a->answers.cases[i].name);
    free(a->answers.cases);
    a->answers.cases = NULL;
    a->answers.cases_len = 0;
    answers_confirm(&a->answers, &confirm, &err);
    cr_assert_eq(err.found, 0, "%s", err.found ? err.lines[0] : "");
    err_free(&err);
}

static void dismiss(struct asked *a) {
    answers_free(&a->answers);
    space_close(&a->space);
    requests_free(&a->requests);
    scenario_close(&a->scenario);
}

/* ---- how flat the cost is ---- */

Test(recommend, massively_parallel_work_costs_the_same_however_fast) {
    struct asked a;
    ask(&a, "what-to-rent", NULL, 0);
    const double faster = answers_outcome(&a.answers, ANSWER_COST).time_s /
                          answers_outcome(&a.answers, ANSWER_PERFORMANCE).time_s;
    const double spread = answers_spread(&a.answers);
    cr_log_info("massively parallel: %.1f times faster for %.2f %% more", faster, spread * 100);
    cr_expect_lt(spread, 0.03);
    cr_expect_gt(faster, 4, "the three answers are one");
    dismiss(&a);
}

/* DLRM in MLPerf: half of the time is fixed on 31 GPUs. The same offers, floor and guardrail but a wide one. */
static const char *const badly[] = {
    "recommend.batch=null", "recommend.training={work: 1, speed: {model: amdahl, curve: dlrm-dcnv2-v4.0}}",
    "recommend.guardrail={factor: 10}", "recommend.caps=[1]"};

Test(recommend, badly_scaling_work_pays_for_speed) {
    struct asked a;
    ask(&a, "what-to-rent", badly, sizeof badly / sizeof *badly);
    const double spread = answers_spread(&a.answers);
    cr_log_info("badly scaling: %.0f %%", spread * 100);
    cr_expect_gt(spread, 0.5);
    dismiss(&a);
}

/* By hand: a training of A / n + B minutes costs (A + B n) minutes of GPUs. */
Test(recommend, cost_of_a_curve_by_hand) {
    const char *const sets[] = {badly[0], badly[1], "recommend.markets=[on_demand]", "recommend.caps=[1]",
                                "recommend.checkpoint=null", "recommend.floor={time: 1 d}",
                                "recommend.guardrail={factor: 1000000}",
                                "recommend.offers=[{name: p5, node: p5.48xlarge, nodes: 16, regions: [texas], cost: "
                                "{on_demand: {price: 98.32 USD/h, least: 0 s, billing: 0 s}}}]"};
    struct asked a;
    ask(&a, "what-to-rent", sets, sizeof sets / sizeof *sets);
    const struct choice_outcome cheap = answers_outcome(&a.answers, ANSWER_COST);
    const struct choice_outcome fast = answers_outcome(&a.answers, ANSWER_PERFORMANCE);
    cr_expect(testing_near(cheap.time_s, 60 * (25.64 / 8 + 0.83747), 1e-9));
    cr_expect(testing_near(fast.time_s, 60 * (25.64 / 128 + 0.83747), 1e-9));
    const double peak_kw = (2.2 + 8 * 0.7) * 1.2, texas = 0.05593; /* all GPUs at full load */
    cr_expect(testing_near(cheap.usd, cheap.time_s / 3600 * (98.32 + peak_kw * texas), 1e-9));
    cr_expect(testing_near(fast.usd, 16 * fast.time_s / 3600 * (98.32 + peak_kw * texas), 1e-9));
    dismiss(&a);
}

/* ---- guards ---- */

Test(recommend, what_does_not_fit_or_is_too_fast_is_refused) {
    struct asked a;
    const char *const large[] = {"recommend.nodes=[1, 4, 16, 128]", "recommend.training.speed.parameters=200e9"};
    ask(&a, "three-objectives", large, 1);
    const uint64_t refused = a.space.refused[SPACE_NO_SPEED];
    cr_expect_gt(refused, 0);
    for (size_t i = 0; i < a.space.choice.rows_len; i++) { /* 6 FLOPs a parameter and token over the peak */
        const struct choice_row *row = &a.space.choice.rows[i];
        const bool b200 = strcmp(a.space.setup->machines[row->machine], "b200") == 0;
        const bool fp8 = strstr(a.space.setup->variants[row->variant].label, "fp8") != NULL;
        const double peak = (b200 ? 2.25e15 : 989e12) * (fp8 ? 2.001 : 1);
        cr_assert_geq(row->piece_s, 6 * 70e9 * 5e9 / (8 * row->nodes * peak), "row %zu", i);
    }
    dismiss(&a);
    ask(&a, "three-objectives", large, 2);
    cr_expect_gt(a.space.refused[SPACE_NO_SPEED], refused, "a model three times as large fits as well");
    dismiss(&a);
    /* A curve that claims ten times the speed of its chips. */
    const char *const fast[] = {"recommend.batch.flops=6e18"};
    ask(&a, "what-to-rent", NULL, 0);
    const size_t rows = a.space.choice.rows_len;
    dismiss(&a);
    ask(&a, "what-to-rent", fast, 1); /* 27 min x 8 x 2 PFLOP/s = 2.6e19: H100 could, B200 in 8.6 min at 9 could */
    cr_expect_eq(a.space.choice.rows_len, rows);
    cr_expect_eq(a.space.refused[SPACE_TOO_FAST], 0);
    dismiss(&a);
    const char *const faster[] = {"recommend.batch.flops=3.5e19"}; /* above H100's, H200's and MI300X's, below B200's */
    ask(&a, "what-to-rent", faster, 1);
    cr_expect_gt(a.space.refused[SPACE_TOO_FAST], 0);
    for (size_t i = 0; i < a.space.choice.rows_len; i++)
        cr_assert_str_eq(a.space.setup->machines[a.space.choice.rows[i].machine], "b200");
    dismiss(&a);
}

/* ---- simulated ---- */

static void expect_close(const char *what, const struct confirm_case *c, double usd, double time, double energy) {
    cr_log_info("%s, %s: USD %+.2f %%, time %+.2f %%, energy %+.2f %%", what, c->name,
                100 * (c->usd.mean / c->expected.usd - 1), 100 * (c->time_s.mean / c->expected.time_s - 1),
                100 * (c->energy_j.mean / c->expected.energy_j - 1));
    cr_expect(fabs(c->usd.mean / c->expected.usd - 1) < usd + 3 * c->usd.error / c->expected.usd, "%s", c->name);
    cr_expect(fabs(c->time_s.mean / c->expected.time_s - 1) < time + 3 * c->time_s.error / c->expected.time_s, "%s",
              c->name);
    cr_expect(fabs(c->energy_j.mean / c->expected.energy_j - 1) < energy + 3 * c->energy_j.error / c->expected.energy_j,
              "%s", c->name);
}

/* Without failures the two agree to rounding; shifting, caps and boots included. */
Test(recommend, without_failures_arithmetic_is_the_simulation) {
    const char *const sets[] = {"recommend.markets=[owned, on_demand]", "recommend.checkpoint=null",
                                "recommend.training.vary={tensor: [4], precision: [fp8]}"};
    struct asked a;
    ask(&a, "three-objectives", sets, sizeof sets / sizeof *sets);
    simulate(&a, 1);
    for (size_t i = 0; i < a.answers.cases_len; i++) {
        cr_assert(a.answers.cases[i].done);
        expect_close("no failures", &a.answers.cases[i], 1e-6, 1e-6, 1e-6);
    }
    for (size_t i = 0; i < ANSWERS; i++) cr_expect(a.answers.held[i], "%s", answer_names[i]);
    dismiss(&a);
}

/* With failures: within 3 %, and three standard errors of the simulated mean. */
Test(recommend, with_failures_they_agree_in_the_mean) {
    struct asked a;
    const char *const few[] = {"recommend.candidates=1", "recommend.batch.items=400"};
    ask(&a, "three-objectives", few, 1);
    simulate(&a, 40);
    for (size_t i = 0; i < a.answers.cases_len; i++) expect_close("training", &a.answers.cases[i], 0.03, 0.03, 0.03);
    dismiss(&a);
    ask(&a, "what-to-rent", few, 2);
    simulate(&a, 20);
    for (size_t i = 0; i < a.answers.cases_len; i++) expect_close("batch", &a.answers.cases[i], 0.03, 0.06, 0.03);
    dismiss(&a);
}

/* A service: tokens, money and energy follow from the load; latency is a mean field's. */
Test(recommend, the_steady_state_is_near_the_simulated_service) {
    struct asked a;
    ask(&a, "chat-on-what", NULL, 0);
    simulate(&a, 1);
    for (size_t i = 0; i < a.answers.cases_len; i++) {
        const struct confirm_case *c = &a.answers.cases[i];
        expect_close("service", c, 0.01, 0.1, 0.1);
        const struct steady s = space_steady(&a.space, &a.space.choice.rows[c->config.row]);
        cr_log_info("  TTFT %.3g s, simulated %.3g; TPOT %.3g ms, simulated %.3g", s.ttft_s, c->ttft_high_s,
                    s.tpot_s * 1e3, c->tpot_high_s * 1e3);
        cr_expect(fabs(s.tpot_s / c->tpot_high_s - 1) < 0.25, "%s: %g s, not %g", c->name, s.tpot_s, c->tpot_high_s);
        cr_expect(fabs(s.ttft_s / c->ttft_high_s - 1) < 0.35, "%s: %g s, not %g", c->name, s.ttft_s, c->ttft_high_s);
    }
    for (size_t i = 0; i <= ANSWER_VALUE; i++) cr_expect(a.answers.held[i], "%s", answer_names[i]);
    dismiss(&a);
}

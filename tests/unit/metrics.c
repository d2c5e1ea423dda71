/* The metrics: each named once and explained in a sentence, defined where it says, undefined instead of
 * divided by nothing, and documented. */
#include "core/result.h"

#include "base/tick.h"
#include "core/service.h"
#include "support/sample.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct metric *metric(const char *name) {
    for (size_t m = 0; m < result_metrics_len; m++)
        if (strcmp(result_metrics[m].name, name) == 0) return &result_metrics[m];
    cr_assert_fail("no metric '%s'", name);
    return NULL;
}

static double value(const char *name, const struct tally *tally, const struct result *result) {
    return metric(name)->value(tally, result);
}

Test(metrics, each_has_one_name_a_unit_and_one_sentence) {
    cr_assert_gt(result_metrics_len, 50);
    for (size_t m = 0; m < result_metrics_len; m++) {
        const struct metric *a = &result_metrics[m];
        const size_t len = strlen(a->help);
        for (size_t k = 0; k < m; k++) cr_expect_str_neq(a->name, result_metrics[k].name);
        cr_expect(*a->unit, "%s", a->name);
        cr_expect(len > 10 && !islower((unsigned char)a->help[0]) && a->help[len - 1] == '.', "%s: %s",
                  a->name, a->help);
        cr_expect_null(strstr(a->help, ". "), "%s: %s", a->name, a->help);
        cr_expect(a->parts & 1 << PART_RUN, "%s: not defined for the whole run", a->name);
        cr_expect(!(a->less_is_better && a->neutral), "%s", a->name);
    }
}

Test(metrics, every_reason_to_wait_has_one) {
    struct tally tally = {0};
    struct result result = {.tallies = &tally, .tallies_len = 1};
    for (int why = 0; why < WHY_COUNT; why++) tally.why_s[why] = 3600 * (why + 1);
    for (int why = 0; why < WHY_COUNT; why++) {
        char name[64];
        snprintf(name, sizeof name, "wait_%s_h", why_names[why]);
        cr_expect_eq(value(name, &tally, &result), why + 1);
        cr_expect(*why_texts[why]);
    }
    cr_expect_eq(value("wait_all_h", &tally, &result), WHY_COUNT * (WHY_COUNT + 1) / 2);
}

/* A part without jobs, time or money has no means, shares and ratios; its counts and sums are 0. */
Test(metrics, nothing_is_divided_by_nothing) {
    struct tally tally = {0};
    struct result result = {.tallies = &tally, .tallies_len = 1};
    for (size_t m = 0; m < result_metrics_len; m++) {
        const double v = result_metrics[m].value(&tally, &result);
        cr_expect(isnan(v) || v == 0, "%s is %g", result_metrics[m].name, v);
    }
    cr_expect(isnan(value("wait_mean_s", &tally, &result)));
    cr_expect(isnan(value("utilisation", &tally, &result)));
    cr_expect(isnan(value("usd_per_work", &tally, &result)));
    cr_expect_eq(value("jobs_finished", &tally, &result), 0);
}

Test(metrics, a_day_by_hand) {
    struct tally tally = {.submitted = 12,
                          .finished = 10,
                          .deadlines = 4,
                          .deadlines_met = 3,
                          .capacity_gpu_h = 192,
                          .held_gpu_h = 96,
                          .used_gpu_h = 72,
                          .useful_gpu_h = 48,
                          .work = 480,
                          .free_gpu_h = 96,
                          .fragmented_gpu_h = 24,
                          .energy_j = 360e6,
                          .it_energy_j = 300e6,
                          .energy_usd = 8,
                          .co2_g = 24000,
                          .capacity_usd = 232,
                          .peak_w = 9000};
    tally.jct_s.mean = 7200;
    struct result result = {
        .tallies = &tally, .tallies_len = 1, .measured_ns = TICK_DAY, .makespan_ns = TICK_DAY / 2};
    const struct {
        const char *name;
        double wanted;
    } cases[] = {
        {"deadlines_met_share", 0.75},
        {"work_per_h", 20},
        {"makespan_h", 12},
        {"utilisation", 0.5},
        {"used_utilisation", 0.375},
        {"useful_utilisation", 0.25},
        {"fragmentation", 0.25},
        {"held_share", 1},
        {"energy_kwh", 100},
        {"pue", 1.2},
        {"mean_kw", 100.0 / 24},
        {"peak_kw", 9},
        {"co2_kg", 24},
        {"carbon_paid_g_per_kwh", 240},
        {"price_paid_usd_per_kwh", 0.08},
        {"total_usd", 240},
        {"usd_per_h", 10},
        {"usd_per_work", 0.5},
        {"work_per_usd", 2},
        {"kwh_per_work", 100.0 / 480},
        {"j_per_work", 750000},
        {"work_per_kwh", 4.8},
        {"g_per_work", 50},
        {"work_per_kg", 20},
        {"work_per_gpu_h", 5},
        {"usd_per_gpu_h", 5},
        {"usd_per_job", 24},
        {"jct_per_usd", 300},
        {"jct_usd", 48},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_float_eq(value(cases[i].name, &tally, &result), cases[i].wanted, 1e-12 * cases[i].wanted,
                           "%s", cases[i].name);
}

/* Energy, emissions and money of a site by kind: what is a part of what, and what the totals hold. */
Test(metrics, a_site_by_hand) {
    struct tally tally = {.held_gpu_h = 60,
                          .capacity_gpu_h = 100,
                          .up_gpu_h = 80,
                          .energy_j = 360e6,
                          .it_energy_j = 288e6,
                          .job_energy_j = 252e6,
                          .idle_energy_j = 72e6,
                          .sleep_energy_j = 18e6,
                          .boot_energy_j = 18e6,
                          .lost_energy_j = 36e6,
                          .co2_g = 30000,
                          .site_co2_g = -6000,
                          .embodied_g = 16000,
                          .market_co2_g = 2000,
                          .energy_usd = 10,
                          .capacity_usd = 100,
                          .carbon_usd = 3,
                          .demand_usd = 7,
                          .egress_usd = 5,
                          .site_usd = -4,
                          .price_mean = 0.125,
                          .carbon_mean = 400,
                          .solar_j = 36e6,
                          .grid_j = 324e6};
    struct result result = {.tallies = &tally, .tallies_len = 1, .measured_ns = TICK_DAY};
    const struct {
        const char *name;
        double wanted;
    } cases[] = {
        {"total_usd", 121},
        {"total_co2_kg", 40},
        {"co2_kg", 30},
        {"site_co2_kg", -6},
        {"market_co2_kg", 2},
        {"embodied_kg", 16},
        {"cooling_energy_kwh", 20},
        {"sleep_energy_kwh", 5},
        {"boot_energy_kwh", 5},
        {"lost_energy_kwh", 10},
        {"price_paid_over_mean", 0.8},
        {"carbon_paid_over_mean", 0.75},
        {"up_utilisation", 0.75},
        {"utilisation", 0.6},
        {"solar_kwh", 10},
        {"grid_kwh", 90},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_float_eq(value(cases[i].name, &tally, &result), cases[i].wanted,
                           1e-12 * fabs(cases[i].wanted), "%s", cases[i].name);
}

Test(metrics, a_service_by_hand) {
    struct service_result chat = {.arrived = 1000, .finished = 900, .met = 800, .refused = 10, .waiting = 90,
                                  .prompt_tokens = 4e6, .output_tokens = 2e6, .cached_tokens = 1e6, .gpu_h = 80,
                                  .replica_h = 10, .energy_j = 7.2e7, .energy_usd = 2, .co2_g = 8000,
                                  .capacity_usd = 198, .kv_used = 0.25, .replicas_most = 3, .starts = 4,
                                  .preemptions = 7};
    for (int i = 0; i < 98; i++) times_add(&chat.ttft, 0.2);
    times_add(&chat.ttft, 3), times_add(&chat.ttft, 3);
    times_add(&chat.tpot, 0.02);
    struct tally tally = {.part = PART_SERVICE, .service = &chat};
    struct result result = {.tallies = &tally, .tallies_len = 1, .measured_ns = 5 * TICK_HOUR};
    static const struct {
        const char *name;
        double wanted, tolerance;
    } cases[] = {{"requests", 1000, 0},          {"requests_finished", 900, 0},  {"requests_refused", 10, 0},
                 {"requests_waiting", 90, 0},    {"requests_recomputed", 7, 0},  {"goodput_share", 0.8, 1e-12},
                 {"ttft_p50_s", 0.2, 0.005},     {"ttft_p90_s", 0.2, 0.005},     {"ttft_p99_s", 3, 0.005},
                 {"tpot_p50_ms", 20, 0.005},     {"requests_per_s", 0.05, 1e-12}, {"tokens_per_s", 2e6 / 18000, 1e-12},
                 {"tokens_per_gpu_s", 2e6 / 288000, 1e-12}, {"usd_per_mtok", 100, 1e-12}, {"j_per_token", 36, 1e-12},
                 {"g_per_mtok", 4000, 1e-12},    {"kv_used_share", 0.25, 0},     {"cached_share", 0.25, 1e-12},
                 {"replicas_mean", 2, 1e-12},    {"replicas_most", 3, 0},        {"replica_starts", 4, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_float_eq(value(cases[i].name, &tally, &result), cases[i].wanted,
                           cases[i].tolerance * cases[i].wanted, "%s is %g", cases[i].name,
                           value(cases[i].name, &tally, &result));
    cr_expect(isnan(value("e2e_p50_s", &tally, &result)));
    tally.service = NULL;
    cr_expect(isnan(value("requests", &tally, &result)) && isnan(value("ttft_p50_s", &tally, &result)));
}

Test(metrics, docs_define_every_one) {
    FILE *page = fopen(sample_source("docs/concepts.md"), "r");
    cr_assert(page, "docs/concepts.md is missing");
    static char text[200000];
    text[fread(text, 1, sizeof text - 1, page)] = '\0';
    fclose(page);
    for (size_t m = 0; m < result_metrics_len; m++) {
        char row[512];
        const struct metric *a = &result_metrics[m];
        snprintf(row, sizeof row, "| `%s` | %s | %s |", a->name, a->unit, a->help);
        cr_expect(strstr(text, row), "docs/concepts.md lacks the row\n%s", row);
    }
}

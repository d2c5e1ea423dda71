/*
 * Requests to LLM services: the trace format there and back, its importers on small files and on Azure's, the
 * synthetic ones against what they are asked for, and the section of a scenario that says where they come from.
 */
#include "app/batch.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/tick.h"
#include "core/load.h"
#include "io/import.h"
#include "io/requests.h"
#include "models/registry.h"
#include "support/sample.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];
static struct requests requests;
static struct import_report report;
static struct err err;

static void set_up(void) {
    snprintf(path, sizeof path, "/tmp/headroom-requests-XXXXXX");
    close(mkstemp(path));
    err_init(&err);
}
static void tear_down(void) {
    unlink(path);
    err_free(&err);
    requests_free(&requests);
    import_report_free(&report);
}
TestSuite(requests, .init = set_up, .fini = tear_down);

static void write_text(const char *text) {
    FILE *file = fopen(path, "wb");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void expect_findings(const char *const *findings, size_t count) {
    cr_assert_eq(err.found, count, "%zu findings", err.found);
    for (size_t i = 0; i < count; i++) cr_expect_str_eq(err.lines[i] + strlen(path), findings[i]);
}

static void expect_row(size_t i, double arrival_s, uint32_t prompt, uint32_t output) {
    const struct request_row *r = &requests.at[i];
    cr_expect_eq(r->arrival_ns, tick_from_seconds(arrival_s), "request %zu at %g s", i, tick_seconds(r->arrival_ns));
    cr_expect(r->prompt == prompt && r->output == output, "request %zu: %u, %u", i, r->prompt, r->output);
}

static void expect_blocks(size_t i, const uint64_t *hashes, uint32_t count) {
    cr_assert_eq(requests.blocks_len[i], count, "request %zu has %u blocks", i, requests.blocks_len[i]);
    for (uint32_t b = 0; b < count; b++) cr_expect_eq(requests.blocks[i][b], hashes[b]);
}

/* --- the format --- */

static const char mixed[] = "output_tokens,arrival_s,class,prompt_tokens,blocks,session\n"
                            "3,7.5,chat,2000,18446744073709551615|2|3,ann\n"
                            "1,0.000000001,\"a, b\",10,,\n"
                            "4,7.5,,600,9,bob\n"
                            "5,2,chat,1,,ann\n";

static void expect_mixed(void) {
    cr_assert_eq(requests.len, 4);
    expect_row(0, 1e-9, 10, 1);
    expect_row(1, 2, 1, 5);
    expect_row(2, 7.5, 2000, 3); /* before the other of that instant, as in the file */
    expect_row(3, 7.5, 600, 4);
    expect_blocks(0, NULL, 0);
    expect_blocks(2, (const uint64_t[]){UINT64_MAX, 2, 3}, 3);
    expect_blocks(3, (const uint64_t[]){9}, 1);
    cr_expect_str_eq(requests.classes[requests.at[0].class_id], "a, b");
    cr_expect_str_eq(requests.classes[requests.at[2].class_id], "chat");
    cr_expect_eq(requests.at[3].class_id, 0);
    cr_expect_str_eq(requests.classes[0], "");
    cr_expect_eq(requests.at[0].session, 0);
    cr_expect_eq(requests.at[1].session, requests.at[2].session);
    cr_expect_neq(requests.at[2].session, requests.at[3].session);
    cr_expect(requests.at[2].session && requests.at[3].session);
}

Test(requests, are_read_in_any_order_and_read_back_as_written) {
    write_text(mixed);
    cr_assert(requests_read(path, &requests, &err));
    expect_mixed();
    uint64_t hash = 0;
    for (int again = 0; again < 2; again++) { /* classes and sessions are numbered as they come in the file */
        cr_assert(requests_write(path, &requests, &err));
        requests_free(&requests);
        cr_assert(requests_read(path, &requests, &err));
        expect_mixed();
        cr_expect(again == 0 || requests_hash(&requests) == hash);
        hash = requests_hash(&requests);
    }
    requests.blocks[2][1]++;
    cr_expect_neq(requests_hash(&requests), hash);
}

Test(requests, plain_ones_have_neither_blocks_nor_further_columns) {
    write_text("arrival_s,prompt_tokens,output_tokens\r\n0,1,1\r\n0.25,2,2\r\n");
    cr_assert(requests_read(path, &requests, &err));
    cr_expect_null(requests.blocks);
    cr_assert(requests_write(path, &requests, &err));
    char text[200];
    FILE *file = fopen(path, "rb");
    cr_assert(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    cr_expect_str_eq(text, "arrival_s,prompt_tokens,output_tokens\n0,1,1\n0.25,2,2\n");
}

Test(requests, every_mistake_of_a_file_is_found) {
    write_text("arrival_s,prompt_tokens,output_tokens,blocks\n-1,0,x,\n1,2\n3,4,5,1|\n");
    cr_expect_not(requests_read(path, &requests, &err));
    const char tokens[] = "is wrong, expected a whole number of tokens from 1 to 100,000,000";
    char prompt[120], output[120];
    snprintf(prompt, sizeof prompt, ":2:4: prompt_tokens: '0' %s", tokens);
    snprintf(output, sizeof output, ":2:6: output_tokens: 'x' %s", tokens);
    expect_findings((const char *const[]){":2:1: arrival_s: '-1' is wrong, expected seconds from 0 to "
                                          "2,000,000,000 (63 years), such as 3600 or 12.5",
                                          prompt, output, ":3: 2 fields, expected 4 as in the header",
                                          ":4:7: blocks: '1|' is wrong, expected whole numbers with | between them"},
                    5);
}

/* --- importers --- */

static bool import_written(const char *format, const char *text, const char *from, const char *to) {
    struct import_call call = {.files = (const char *const[]){path}, .files_len = 1, .from_unix_ns = INT64_MIN,
                               .to_unix_ns = INT64_MAX};
    if (from) cr_assert(tick_parse_date(from, strlen(from), &call.from_unix_ns));
    if (to) cr_assert(tick_parse_date(to, strlen(to), &call.to_unix_ns));
    write_text(text);
    return import_read_requests((const struct import_format *)registry_find(models_registry(), KIND_IMPORT, format),
                                &call, &requests, &report, &err);
}

static const char azure[] = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
                            "2023-11-16 18:15:46.6805900,374,44\n"
                            "2023-11-16 18:15:50.9951690,396,109\n"
                            "2023-11-16 18:15:49.0000000,7,0\n"
                            "2023-11-16 18:15:48.6805900,0,7\n"
                            "2023-11-16 18:15:47.6805900,879,55";

Test(requests, azure_begins_at_zero) {
    cr_assert(import_written("azure-llm", azure, NULL, NULL));
    cr_assert_eq(requests.len, 3);
    expect_row(0, 0, 374, 44);
    expect_row(1, 1, 879, 55);
    expect_row(2, 4.314579, 396, 109);
    cr_expect_eq(report.read, 5);
    cr_assert_eq(report.drops.len, 2);
    cr_expect_str_eq(report.drops.at[0].reason, "no output tokens");
    cr_expect_str_eq(report.drops.at[1].reason, "no prompt tokens");
}

Test(requests, azure_in_a_window) {
    cr_assert(import_written("azure-llm", azure, "2023-11-16 18:15:47", "2023-11-16 18:15:48"));
    cr_assert_eq(requests.len, 1);
    expect_row(0, 0, 879, 55);
    cr_assert_eq(report.drops.len, 3);
    cr_expect_eq(report.drops.at[2].count, 2);
    requests_free(&requests);
    import_report_free(&report);
    cr_expect_not(import_written("azure-llm", azure, "2024-01-01", NULL));
    expect_findings((const char *const[]){": no request is left of 5"}, 1);
}

Test(requests, mooncake_keeps_the_ids_of_full_blocks) {
    cr_assert(import_written("mooncake",
                          "{\"timestamp\": 0, \"input_length\": 1400, \"output_length\": 500, "
                          "\"hash_ids\": [0, 1, 2]}\n"
                          "\n{\"output_length\":3,\"note\": \"a \\\" b\",\"hash_ids\":[7,8],\"cold\":true,"
                          "\"input_length\":1024,\"timestamp\":3052.5}\n"
                          "{\"timestamp\": 10, \"input_length\": 5, \"output_length\": 1, \"hash_ids\": []}\n"
                          "{\"timestamp\": 11, \"input_length\": 5, \"output_length\": 0}\n",
                          NULL, NULL));
    cr_assert_eq(requests.len, 3);
    expect_row(0, 0, 1400, 500);
    expect_row(1, 0.01, 5, 1);
    expect_row(2, 3.0525, 1024, 3);
    expect_blocks(0, (const uint64_t[]){0, 1}, 2);
    expect_blocks(1, NULL, 0);
    expect_blocks(2, (const uint64_t[]){7, 8}, 2);
    cr_expect_eq(report.read, 4);
}

Test(requests, mooncake_finds_every_mistake) {
    cr_expect_not(import_written("mooncake",
                              "{\"timestamp\": -1, \"input_length\": 1}\n"
                              "{\"timestamp\": 1, \"input_length\": 1}\n"
                              "[1]\n"
                              "{\"timestamp\": 1, \"input_length\": 1, \"output_length\": 1, \"hash_ids\": [1 2]}\n"
                              "{\"timestamp\": 1, \"input_length\": 1, \"output_length\": 1.5}\n"
                              "{\"timestamp\": 1, \"input_length\n"
                              "{\"timestamp\": 1} 2\n",
                              NULL, NULL));
    expect_findings((const char *const[]){
                        ":1:15: expected milliseconds from 0 to 2,000,000,000",
                        ":2: expected the keys \"timestamp\", \"input_length\" and \"output_length\"",
                        ":3:1: expected an object in braces",
                        ":4:72: expected a comma, or the list's closing bracket",
                        ":5:54: expected a whole number of tokens up to 100,000,000",
                        ":6:31: expected the text's closing quote",
                        ":7:18: expected the line's end"}, 7);
}

Test(requests, burstgpt_has_classes_and_sessions) {
    cr_assert(import_written("burstgpt",
                          "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,"
                          "Log Type\n"
                          "5,s1,2.0,ChatGPT,472,18,490,Conversation log\n"
                          "45,,1.0,GPT-4,1087,230,1317,API log\n"
                          "118,s1,3.0,ChatGPT,417,0,417,Conversation log\n"
                          "120,s1,3.0,ChatGPT,417,276,693,Conversation log\n",
                          NULL, NULL));
    cr_assert_eq(requests.len, 3);
    expect_row(0, 5, 472, 18); /* the trace's own zero */
    cr_expect_str_eq(requests.classes[requests.at[0].class_id], "ChatGPT, Conversation log");
    cr_expect_str_eq(requests.classes[requests.at[1].class_id], "GPT-4, API log");
    cr_expect(requests.at[0].session == requests.at[2].session && requests.at[0].session);
    cr_expect_eq(requests.at[1].session, 0);
    cr_expect_eq(report.drops.at[0].count, 1);
    requests_free(&requests);
    import_report_free(&report);
    cr_expect_not(import_written("burstgpt", "Timestamp,Request tokens,Response tokens\n1,1,1\n", "2024-01-01", NULL));
    expect_findings((const char *const[]){": its times are not dates, so --from and --to cannot be used"}, 1);
}

/* The figures published for the traces, recomputed from the files. */
Test(requests, azure_as_published) {
    static const struct {
        const char *file;
        size_t len;
        double span_s, prompt, output;
    } traces[] = {{"llm/AzureLLMInferenceTrace_code.csv.gz", 8819, 3435.948, 18059974, 245896},
                  {"llm/AzureLLMInferenceTrace_conv.csv.gz", 19366, 3501.72, 22361870, 4088665}};
    for (size_t t = 0; t < 2; t++) {
        const char *file = testing_data(traces[t].file);
        if (!file) cr_skip_test("%s is not there", traces[t].file);
        struct import_call call = {.files = &file, .files_len = 1, .from_unix_ns = INT64_MIN, .to_unix_ns = INT64_MAX};
        cr_assert(import_read_requests(
            (const struct import_format *)registry_find(models_registry(), KIND_IMPORT, "azure-llm"), &call, &requests,
            &report, &err));
        double prompt = 0, output = 0;
        for (size_t i = 0; i < requests.len; i++) prompt += requests.at[i].prompt, output += requests.at[i].output;
        cr_expect_eq(requests.len, traces[t].len);
        cr_expect_eq(prompt, traces[t].prompt);
        cr_expect_eq(output, traces[t].output);
        cr_expect_float_eq(tick_seconds(requests.at[requests.len - 1].arrival_ns), traces[t].span_s, 0.01);
        requests_free(&requests);
        import_report_free(&report);
    }
}

/* --- synthetic --- */

static struct request_load load_of(double rate_per_h, double hours) {
    return (struct request_load){.rate_per_h = rate_per_h, .burst_ratio = 1, .prompt = {1000, 0.8, 100000},
                                 .output = {100, 0.5, 300}, .until_ns = tick_from_seconds(3600 * hours)};
}

static double share_at_most(double tokens) {
    double count = 0;
    for (size_t i = 0; i < requests.len; i++) count += requests.at[i].prompt <= tokens;
    return count / (double)requests.len;
}

Test(requests, come_at_the_rate_asked_for_and_are_as_large) {
    const struct request_load load = load_of(36000, 10);
    load_requests(&load, 1, 0, &requests);
    cr_expect_float_eq((double)requests.len, 360000, 5 * 600); /* Poisson: its deviation is 600 */
    for (size_t i = 1; i < requests.len; i++) cr_assert(requests.at[i].arrival_ns >= requests.at[i - 1].arrival_ns);
    cr_expect(requests.at[requests.len - 1].arrival_ns < load.until_ns);
    cr_expect_float_eq(share_at_most(1000), 0.5, 0.005);
    cr_expect_float_eq(share_at_most(1000 * exp(0.8)), 0.8413, 0.004);
    uint32_t most = 0, least = UINT32_MAX;
    for (size_t i = 0; i < requests.len; i++) {
        if (requests.at[i].output > most) most = requests.at[i].output;
        if (requests.at[i].output < least) least = requests.at[i].output;
    }
    cr_expect_eq(most, 300);
    cr_expect(least >= 1);
}

Test(requests, follow_the_hours_of_the_day_where_they_come) {
    double daily[24] = {0};
    struct request_load load = load_of(3600, 48);
    daily[3] = 3, daily[20] = 1;
    load.daily = (struct numbers){daily, 24};
    load.utc_offset_ns = 2 * TICK_HOUR;
    load_requests(&load, 1, 0, &requests);
    double early = 0, late = 0;
    for (size_t i = 0; i < requests.len; i++) {
        const int64_t hour = requests.at[i].arrival_ns / TICK_HOUR % 24;
        cr_assert(hour == 1 || hour == 18, "hour %lld", (long long)hour);
        *(hour == 1 ? &early : &late) += 1;
    }
    cr_expect_float_eq(early + late, 48 * 3600, 5 * sqrt(48 * 3600.));
    cr_expect_float_eq(early / late, 3, 0.05);
}

/* Variance over mean of the counts of so long stretches: 1 for Poisson. */
static double dispersion(int64_t stretch_ns, int64_t until_ns) {
    double sum = 0, squares = 0, n = (double)(until_ns / stretch_ns);
    size_t i = 0;
    for (int64_t t = stretch_ns; t <= until_ns; t += stretch_ns) {
        double count = 0;
        for (; i < requests.len && requests.at[i].arrival_ns < t; i++) count++;
        sum += count;
        squares += count * count;
    }
    return (squares - sum * sum / n) / (n - 1) / (sum / n);
}

Test(requests, bursts_leave_the_mean_and_widen_the_counts) {
    struct request_load load = load_of(3600, 500);
    load_requests(&load, 2, 0, &requests);
    cr_expect_float_eq(dispersion(10 * TICK_S, load.until_ns), 1, 0.02);
    requests_free(&requests);
    load.burst_ratio = 10, load.burst_share = 0.1, load.burst_ns = 60 * TICK_S;
    load_requests(&load, 2, 0, &requests);
    cr_expect_float_eq((double)requests.len / (3600 * 500), 1, 0.05);
    /* By theory for stretches far shorter than a burst: 1 + rate x stretch x squared variation of the rate,
     * p (1-p) (k-1)^2 / (1-p+pk)^2 = 2.02. */
    cr_expect_float_eq(dispersion(10 * TICK_S, load.until_ns), 1 + 10 * 2.02, 2.5);
}

Test(requests, are_the_same_again_and_of_the_same_size_at_any_rate) {
    struct request_load load = load_of(3600, 1);
    struct requests again, faster, other;
    load_requests(&load, 7, 0, &requests);
    load_requests(&load, 7, 0, &again);
    load_requests(&load, 7, 1, &other);
    load.rate_per_h *= 2;
    load_requests(&load, 7, 0, &faster);
    cr_expect_eq(requests_hash(&again), requests_hash(&requests));
    cr_expect_neq(requests_hash(&other), requests_hash(&requests));
    cr_assert(faster.len > requests.len);
    for (size_t i = 0; i < requests.len; i++)
        cr_assert(faster.at[i].prompt == requests.at[i].prompt && faster.at[i].output == requests.at[i].output);
    requests_free(&again);
    requests_free(&faster);
    requests_free(&other);
}

/* --- the scenario --- */

static const char common[] =
    "version: 1\nseed: 3\nhorizon: 2 h\n"
    "regions: [{name: here, price: 0.1 USD/kWh, carbon: 1 gCO2/kWh, pue: 1, utc_offset: -5 h}]\n"
    "pools:\n  - {name: cpus, nodes: 1, gpus: 0, power: {base: 1 W}}\n"
    "  - {name: h100, node: dgx-h100, nodes: 4}\n  - {name: a100, node: dgx-a100, nodes: 4}\n"
    "services:\n  - name: chat\n    requests: {rate: 1 /s, prompt: {median: 100}, output: {median: 10}, until: 1 h}\n"
    "    model: Llama-3.1-70B\n    engine: vllm-2025\n    precision: fp8\n    tensor_parallel: 4\n"
    "    replicas: {least: 2, most: 5, scale: scheduled, every: 30 s, schedule: [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, "
    "2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 5]}\n"
    "    router: prefix\n    prefix_cache: true\n    slo: {ttft: 500 ms, tpot: 20 ms}\n    max_seqs: 64\n"
    "    split: {prefill: 1, transfer: 200 Gbit/s, latency: 50 us}\n    priority: -3\n    cold_start: 2 min\n";

static struct batch batch;
static bool open_batch(const char *more) {
    struct text text;
    struct args_texts sets = {0}, names = {0};
    text_init(&text);
    text_format(&text, "%s%s", common, more);
    write_text(text.at);
    text_free(&text);
    scenario_catalog_dirs((const char *const[]){sample_source("models/catalog")}, 1);
    return batch_open(&batch, path, &sets, &names, NULL, NULL, &err);
}

Test(requests, a_service_is_read_from_a_scenario) {
    cr_assert(open_batch(""), "%s", err.found ? err.lines[0] : "");
    const struct setup *setup = batch.runs[0].run->setup;
    cr_assert_eq(setup->services_len, 1);
    const struct service_setup *s = &setup->services[0];
    cr_expect_str_eq(s->name, "chat");
    cr_expect_null(s->tenant);
    cr_expect(s->tensor_parallel == 4 && s->max_seqs == 64 && s->chunk_tokens == 8192);
    cr_expect(s->router == ROUTER_PREFIX && s->prefix_cache && s->autoscale == SCALE_SCHEDULED);
    cr_expect(s->least == 2 && s->most == 5 && s->begin == 2 && s->every_ns == 30 * TICK_S);
    cr_expect(s->schedule.len == 24 && s->schedule.at[23] == 5);
    cr_expect(s->slo_ttft_ns == TICK_S / 2 && s->slo_tpot_ns == TICK_S / 50);
    cr_expect(s->split && s->prefill_replicas == 1);
    cr_expect_float_eq(s->transfer_bytes_per_s, 25e9, 1);
    cr_expect_float_eq(s->transfer_s, 50e-6, 1e-12);
    cr_expect(s->priority == -3 && s->cold_start_ns == 120 * TICK_S && s->speed == 1 && !s->repeat);
    cr_expect_eq(s->cost[0].gpus, 0);
    cr_expect_eq(s->cost[1].gpus, 4);
    cr_expect_str_eq(s->cost[1].chip->name, "H100-SXM5-80");
    cr_expect(s->cost[1].calibrated && s->cost[1].kv_tokens > 0);
    cr_expect_eq(s->cost[2].gpus, 0, "A100 has no FP8");
    cr_assert_not_null(s->requests);
    cr_expect_float_eq((double)s->requests->len, 3600, 5 * 60);
    cr_expect_eq(batch.runs[0].run->demand.services[0].load->utc_offset_ns, -5 * TICK_HOUR);
    cr_expect_eq(batch.runs[0].jobs->len, 0);
    batch_close(&batch);
}

Test(requests, are_drawn_once_for_runs_that_share_them) {
    cr_assert(open_batch("runs:\n  - name: a\n  - {name: b, set: {services.chat.router: session}}\n"
                         "  - {name: c, set: {services.chat.requests.rate: 2 /s}}\n  - {name: d, set: {seed: 4}}\n"),
              "%s", err.found ? err.lines[0] : "");
    const struct requests *of[4];
    for (size_t i = 0; i < 4; i++) of[i] = batch.runs[i].run->setup->services[0].requests;
    cr_expect_eq(batch.requests_len, 3);
    cr_expect_eq(of[0], of[1]);
    cr_expect(of[2] != of[0] && of[3] != of[0] && of[3] != of[2]);
    cr_expect_eq(batch.runs[0].jobs_hash, batch.runs[1].jobs_hash);
    cr_expect_neq(batch.runs[0].jobs_hash, batch.runs[2].jobs_hash);
    cr_expect_neq(batch.runs[0].jobs_hash, batch.runs[3].jobs_hash);
    batch_close(&batch);
}

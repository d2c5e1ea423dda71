/*
 * The step model against measured serving: InferenceX (vLLM, Llama-3.1-70B in FP8), ML.ENERGY (lm-arena-chat: time
 * per token and watts) and Splitwise (ISCA 2024). With HEADROOM_ALL set, every group's errors are printed; they are
 * in docs/validation.md.
 *
 * A closed loop. Both benchmarks keep B requests in flight, so B decodes run with a context of prompt + output / 2 each
 * on average, and a new prompt comes whenever one is through: B / output of them an iteration, which is taken as
 * Poisson. An iteration with n new prompts runs them and all decodes; the mean over n is the time between tokens.
 *
 * InferenceX draws both lengths evenly from 0.8 to 1 times their nominal value. ML.ENERGY does not publish the length
 * of its prompts: where the KV cache was full (Llama on H100), room for so many sequences leaves 115 to 195 tokens
 * beside the outputs; 150 is assumed, and the bounds are asked for from 100 to 250. Its mean time between tokens is
 * batch / throughput. The length of a step depends on neither; both only set the load.
 */
#include "support/sample.h"
#include "support/published.h"
#include "support/testing.h"

#include "base/num.h"
#include "base/stats.h"
#include "io/csv.h"
#include "io/llm_catalog.h"
#include "io/scenario.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;
static struct err err;
static struct llm_catalog catalog;
static const struct place_in_file nowhere = {.file = "test"};

static void begin(void) {
    static const char *folder;
    folder = mem_text(sample_source("models/catalog"));
    scenario_catalog_dirs(&folder, 1);
    arena_init(&arena);
    err_init(&err);
    cr_assert(llm_catalog_read(&catalog, &arena, &err));
}
static void end(void) {
    arena_free(&arena);
    err_free(&err);
}
TestSuite(llm_steps, .init = begin, .fini = end);

static const struct llm_engine *engine_of(const char *engine, enum llm_precision precision, const char *chip) {
    const struct llm_engine *e = llm_catalog_engine(&catalog, engine, precision, chip, nowhere, &err);
    cr_assert_not_null(e);
    return e;
}
static struct llm_cost cost_of(const char *model, const char *chip, const char *engine, enum llm_precision precision,
                               uint32_t gpus) {
    struct llm_cost cost;
    const char *why;
    const struct llm_model *m = llm_catalog_model(&catalog, model, nowhere, &err);
    const struct llm_chip *c = llm_catalog_chip(&catalog, chip, nowhere, &err);
    cr_assert(m && c);
    cr_assert(llm_cost_of(m, c, engine_of(engine, precision, chip), precision, gpus, &cost, &why), "%s", why);
    return cost;
}

/* Mean absolute relative error of what was added, and the mean signed one. */
struct errors {
    double absolute, sum, most;
    unsigned count;
};
static void add(struct errors *e, double computed, double measured) {
    double error = computed / measured - 1;
    e->absolute += fabs(error), e->sum += error, e->count++;
    e->most = fmax(e->most, fabs(error));
}
static double mape(const struct errors *e) { return e->count ? e->absolute / e->count : NAN; }
static void show(const char *what, const struct errors *e) {
    if (testing_all() && e->count)
        printf("%-44s %3u points  MAPE %5.1f %%  bias %+6.1f %%  most %5.1f %%\n", what, e->count, 100 * mape(e),
               100 * e->sum / e->count, 100 * e->most);
}

struct steady { /* an iteration of a closed loop, on average */
    double mean_s, median_s, tokens, attention, context;
};
static struct steady closed_loop(const struct llm_cost *cost, double batch, double coming, double prompt,
                                 double output) {
    double rate = coming / output, chance = exp(-rate), below = 0;
    struct steady s = {.context = batch * (prompt + output / 2), .tokens = batch + rate * prompt,
                       .attention = rate * prompt * prompt / 2};
    for (int n = 0; below < 1 - 1e-9; n++) {
        double step_s = llm_step_s(cost, n * prompt, n * prompt * prompt / 2, batch, s.context);
        s.mean_s += chance * step_s;
        if (below < 0.5 && below + chance >= 0.5) s.median_s = step_s;
        below += chance;
        chance *= rate / (n + 1);
    }
    return s;
}

/* InferenceX, input and output nominally 1024 tokens: published means of a run, in ms. */
static const struct {
    const char *chip;
    uint32_t gpus;
    double in_flight, ttft_ms, tpot_ms;
} inferencex[] = {
    {"H100-SXM5-80", 4, 4, 80.5, 11.78},   {"H100-SXM5-80", 4, 16, 121.4, 13.19}, {"H100-SXM5-80", 4, 64, 256.4, 19.51},
    {"H100-SXM5-80", 8, 4, 70.4, 9.11},    {"H100-SXM5-80", 8, 64, 184.8, 15.5},  {"H200-SXM-141", 4, 4, 90.6, 9.85},
    {"H200-SXM-141", 4, 16, 126.2, 10.9},  {"H200-SXM-141", 4, 64, 264.5, 16.1},  {"B200-SXM-180", 4, 4, 124.9, 8.0},
    {"B200-SXM-180", 4, 16, 143.4, 9.0},   {"B200-SXM-180", 4, 64, 233.0, 13.6}};

Test(llm_steps, inferencex) {
    static const char *const chips[] = {"H100-SXM5-80", "H200-SXM-141", "B200-SXM-180"};
    struct errors all = {0}, alone = {0}, first = {0}, of_chip[3] = {{0}};
    double length = 0.9 * 1024;
    for (size_t i = 0; i < sizeof inferencex / sizeof *inferencex; i++) {
        struct llm_cost cost = cost_of("Llama-3.1-70B", inferencex[i].chip, "vllm-2025", LLM_FP8, inferencex[i].gpus);
        double batch = inferencex[i].in_flight, measured = inferencex[i].tpot_ms / 1e3;
        cr_expect(cost.calibrated);
        /* A request waits for the prompts of the others only. */
        double tpot_s = closed_loop(&cost, batch, batch - 1, length, length).mean_s;
        add(&all, tpot_s, measured);
        for (size_t c = 0; c < 3; c++)
            if (strcmp(chips[c], inferencex[i].chip) == 0) add(&of_chip[c], tpot_s, measured);
        add(&alone, llm_step_s(&cost, 0, 0, batch, batch * length * 1.5), measured);
        add(&first, llm_step_s(&cost, length, length * length / 2, batch, batch * length * 1.5) + cost.first_token_s,
            inferencex[i].ttft_ms / 1e3);
    }
    for (size_t c = 0; c < 3; c++) show(chips[c], &of_chip[c]);
    show("InferenceX, all", &all);
    show("InferenceX, decodes without prompts", &alone);
    show("InferenceX, first tokens", &first);
    cr_expect_leq(mape(&first), engine_of("vllm-2025", LLM_FP8, chips[0])->error_ttft);
    cr_expect_leq(mape(&all), 0.07);
    cr_expect_leq(mape(&all), engine_of("vllm-2025", LLM_FP8, chips[0])->error_tpot);
    cr_expect_leq(mape(&of_chip[0]), 0.07);
    cr_expect_leq(mape(&of_chip[2]), 0.07);
    /* H200 alone is at 7.8 % on three points: see docs/validation.md. */
}

/* 64 prompts of 8192 tokens in flight on two H100 do not fit: most requests wait for the cache, and those that run
 * spend as long on others' prompts as on decodes. Measured: 52.4 ms a token. */
Test(llm_steps, inferencex_beyond_the_cache) {
    struct llm_cost cost = cost_of("Llama-3.1-70B", "H100-SXM5-80", "vllm-2025", LLM_FP8, 2);
    double prompt = 0.9 * 8192, output = 0.9 * 1024, batch = cost.kv_tokens / (prompt + output);
    cr_expect_lt(batch, 32);
    cr_expect_float_eq(closed_loop(&cost, batch, batch - 1, prompt, output).mean_s, 52.4e-3, 0.1 * 52.4e-3);
    cr_expect_lt(llm_step_s(&cost, 0, 0, batch, batch * (prompt + output / 2)), 0.75 * 52.4e-3);
}

/* What FP4 gains over FP8 on B200 (InferenceX: 1.25 to 1.29 on one GPU, about 1 on eight). */
Test(llm_steps, precision_by_measured_ratios) {
    double least = INFINITY, most = 0;
    for (double batch = 4; batch <= 64; batch *= 2) {
        struct llm_cost fp8 = cost_of("Llama-3.1-70B", "B200-SXM-180", "vllm-2025", LLM_FP8, 1);
        struct llm_cost fp4 = cost_of("Llama-3.1-70B", "B200-SXM-180", "vllm-2025", LLM_FP4, 1);
        double ratio = closed_loop(&fp8, batch, batch - 1, 922, 922).mean_s /
                       closed_loop(&fp4, batch, batch - 1, 922, 922).mean_s;
        least = fmin(least, ratio), most = fmax(most, ratio);
    }
    if (testing_all()) printf("FP8 over FP4 on one B200: %.2f to %.2f\n", least, most);
    cr_expect_gt(least, 1.15);
    cr_expect_lt(most, 1.4);
}

struct measurement { /* a row of ML.ENERGY */
    char model[80], chip[8], precision[12];
    double batch, output, itl_s, tokens_per_s, watts_per_gpu;
    uint32_t gpus, tensor;
};
static struct {
    struct measurement at[400];
    size_t len;
} energy;

static bool add_measurement(void *context, const struct csv_row *row, struct err *findings) {
    static const char *const header[] = {"avg_batch_size",  "avg_output_len", "avg_power_watts",
                                         "median_itl_ms",   "num_gpus",       "output_throughput_tokens_per_sec",
                                         "tensor_parallel", "gpu_model",      "model_id",
                                         "weight_precision"};
    static const size_t fields[] = {3, 4, 5, 12, 15, 16, 20, 10, 13, 22};
    (void)context, (void)findings;
    if (row->line == 1) {
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) cr_assert_str_eq(row->fields[fields[i]], header[i]);
        return true;
    }
    cr_assert_lt(energy.len, sizeof energy.at / sizeof *energy.at);
    struct measurement *m = &energy.at[energy.len++];
    m->batch = published_number(row, 3), m->output = published_number(row, 4);
    m->itl_s = published_number(row, 12) / 1e3;
    m->gpus = (uint32_t)published_number(row, 15), m->tensor = (uint32_t)published_number(row, 20);
    m->tokens_per_s = published_number(row, 16), m->watts_per_gpu = published_number(row, 5) / m->gpus;
    snprintf(m->chip, sizeof m->chip, "%s", row->fields[10]);
    snprintf(m->model, sizeof m->model, "%s", row->fields[13]);
    snprintf(m->precision, sizeof m->precision, "%s", row->fields[22]);
    return true;
}
static void read_file(const char *name, csv_visit *visit) {
    const char *path = testing_data(name);
    if (path == NULL) {
        fprintf(stderr, "skipped: %s is absent (HEADROOM_DATA)\n", name);
        cr_skip_test("%s is absent", name);
    }
    cr_assert(csv_read(path, visit, NULL, NULL, &err));
}

/* The models of the file that the catalogue has, and whether their errors count for the bounds. */
static const struct {
    const char *theirs, *ours;
    bool dense;
} names[] = {{"meta-llama/Llama-3.1-8B-Instruct", "Llama-3.1-8B", true},
             {"meta-llama/Llama-3.1-70B-Instruct", "Llama-3.1-70B", true},
             {"meta-llama/Llama-3.3-70B-Instruct", "Llama-3.1-70B", true},
             {"meta-llama/Llama-3.1-405B-Instruct", "Llama-3.1-405B", true},
             {"meta-llama/Llama-3.1-405B-Instruct-FP8", "Llama-3.1-405B", true},
             {"Qwen/Qwen3-8B", "Qwen3-8B", true},
             {"Qwen/Qwen3-14B", "Qwen3-14B", true},
             {"Qwen/Qwen3-32B", "Qwen3-32B", true},
             {"Qwen/Qwen3-30B-A3B-Instruct-2507", "Qwen3-30B-A3B", false}};

/* What one way of cutting the points shows. */
struct comparison {
    struct errors tpot, itl, watts, watts_measured; /* the last: with the measured time instead of the model's */
};
enum { CUTS_MOST = 48 };
static struct {
    char name[64];
    struct comparison c;
} cuts[CUTS_MOST];
static size_t cuts_len;
static struct comparison *cut(const char *format, const char *a, const char *b, const char *c) {
    char name[sizeof cuts->name];
    snprintf(name, sizeof name, format, a, b, c);
    size_t i = 0;
    while (i < cuts_len && strcmp(cuts[i].name, name) != 0) i++;
    cr_assert_lt(i, CUTS_MOST);
    if (i == cuts_len) memcpy(cuts[cuts_len++].name, name, sizeof name);
    return &cuts[i].c;
}

static void compare(struct comparison *c, const struct measurement *m, const struct llm_cost *cost, double prompt) {
    struct steady s = closed_loop(cost, m->batch, m->batch, prompt, m->output);
    double measured_s = m->batch / m->tokens_per_s;
    add(&c->tpot, s.mean_s, measured_s);
    add(&c->itl, s.median_s, m->itl_s);
    double modelled_w = llm_power_w(cost, s.tokens, s.attention, s.context, 1, s.mean_s);
    double measured_w = llm_power_w(cost, s.tokens, s.attention, s.context, 1, measured_s);
    add(&c->watts, modelled_w / m->gpus, m->watts_per_gpu);
    add(&c->watts_measured, measured_w / m->gpus, m->watts_per_gpu);
}

/* Fills cuts: by chip; by chip and precision; by chip, precision and model. */
static void compare_all(double prompt) {
    memset(cuts, 0, sizeof cuts);
    cuts_len = 0;
    for (size_t i = 0; i < energy.len; i++) {
        const struct measurement *m = &energy.at[i];
        size_t n = 0;
        while (n < sizeof names / sizeof *names && strcmp(names[n].theirs, m->model) != 0) n++;
        if (n == sizeof names / sizeof *names || (!names[n].dense && m->gpus > 1)) continue;
        const char *chip = strcmp(m->chip, "H100") == 0 ? "H100-SXM5-80" : "B200-SXM-180";
        enum llm_precision precision = strcmp(m->precision, "fp8") == 0 ? LLM_FP8 : LLM_BF16;
        struct llm_cost cost = cost_of(names[n].ours, chip, "vllm-2025", precision, m->gpus);
        compare(cut("%s %s %s", m->chip, m->precision, names[n].ours), m, &cost, prompt);
        if (!names[n].dense) continue;
        cr_assert_eq(m->tensor, m->gpus);
        compare(cut("%s", m->chip, "", ""), m, &cost, prompt);
        compare(cut("%s %s", m->chip, m->precision, ""), m, &cost, prompt);
        if (cost.calibrated) compare(cut("%s %s calibrated", m->chip, m->precision, ""), m, &cost, prompt);
        compare(cut("all", "", "", ""), m, &cost, prompt);
    }
}

Test(llm_steps, ml_energy) {
    read_file("hardware/mlenergy_lm-arena-chat.csv", add_measurement);
    static const double prompts[] = {100, 150, 200, 250};
    for (size_t p = 0; p < 4; p++) {
        compare_all(prompts[p]);
        for (size_t i = 0; i < cuts_len && testing_all(); i++) {
            if (p != 1 && strchr(cuts[i].name, ' ')) continue;
            printf("-- %s, prompts of %g\n", cuts[i].name, prompts[p]);
            show("mean time between tokens", &cuts[i].c.tpot), show("median time between tokens", &cuts[i].c.itl);
            show("watts", &cuts[i].c.watts), show("watts, at the measured time", &cuts[i].c.watts_measured);
        }
        cr_expect_eq(cut("H100", "", "", "")->tpot.count, 72);
        cr_expect_eq(cut("B200", "", "", "")->tpot.count, 74);
        cr_expect_leq(mape(&cut("H100", "", "", "")->tpot), 0.12);
        cr_expect_leq(mape(&cut("H100", "", "", "")->watts), 0.08);
        cr_expect_leq(mape(&cut("B200", "", "", "")->watts), 0.08);
        cr_expect_leq(mape(&cut("H100", "", "", "")->watts_measured), 0.08);
        cr_expect_leq(mape(&cut("B200", "", "", "")->watts_measured), 0.08);
        if (p != 1) continue;
        cr_expect_leq(mape(&cut("H100", "", "", "")->itl), 0.12);
        /* The errors that the catalogue promises where it calls itself calibrated. */
        cr_expect_leq(mape(&cut("H100 bfloat16 calibrated", "", "", "")->tpot),
                      engine_of("vllm-2025", LLM_BF16, "H100-SXM5-80")->error_tpot);
        cr_expect_leq(mape(&cut("B200 bfloat16 calibrated", "", "", "")->tpot),
                      engine_of("vllm-2025", LLM_BF16, "B200-SXM-180")->error_tpot);
    }
}

/* Splitwise measured each setting five times. */
struct setting {
    char hardware[16];
    uint32_t gpus;
    double prompt, batch, output;
    double prompt_ms[64], token_ms[64], watts[64]; /* watts: average share of TDP, where it was measured */
    size_t len, watts_len;
};
static struct {
    struct setting at[256];
    size_t len;
} splitwise;

static bool add_setting(void *context, const struct csv_row *row, struct err *findings) {
    /* model,hardware,prompt_size,batch_size,token_size,peak_power,average_power,prompt_time,token_time,e2e_time,tp */
    (void)context, (void)findings;
    if (row->line == 1) return true;
    double prompt = published_number(row, 2), batch = published_number(row, 3), output = published_number(row, 4);
    uint32_t gpus = (uint32_t)published_number(row, 10);
    struct setting *s = splitwise.at;
    while (s < splitwise.at + splitwise.len && (strcmp(s->hardware, row->fields[1]) != 0 || s->gpus != gpus ||
                                                s->prompt != prompt || s->batch != batch || s->output != output))
        s++;
    cr_assert_lt((size_t)(s - splitwise.at), sizeof splitwise.at / sizeof *splitwise.at);
    if (s == splitwise.at + splitwise.len) {
        splitwise.len++;
        *s = (struct setting){.gpus = gpus, .prompt = prompt, .batch = batch, .output = output};
        snprintf(s->hardware, sizeof s->hardware, "%s", row->fields[1]);
    }
    cr_assert_lt(s->len, sizeof s->prompt_ms / sizeof *s->prompt_ms);
    s->prompt_ms[s->len] = published_number(row, 7), s->token_ms[s->len++] = published_number(row, 8);
    if (row->len[6] && published_number(row, 6) > 0) s->watts[s->watts_len++] = published_number(row, 6);
    return true;
}

/* The errors promised are those of the points the profile was fitted to: prompts that the engine took in one piece
 * (2048 tokens), and up to 32 decodes. Longer prompts and larger batches are shown, and are worse. */
static void compare_splitwise(const char *hardware, const char *chip, double tdp_w) {
    struct errors prompt = {0}, longer = {0}, batched = {0}, token = {0}, token_64 = {0}, watts = {0};
    unsigned impossible = 0; /* batches of 64 on two GPUs: faster than the peak, so not all of it was timed */
    for (size_t i = 0; i < splitwise.len; i++) {
        struct setting *s = &splitwise.at[i];
        if (strcmp(s->hardware, hardware) != 0) continue;
        struct llm_cost cost = cost_of("Llama-2-70B", chip, "vllm-2023", LLM_BF16, s->gpus);
        double prompt_s = stats_quantile(s->prompt_ms, s->len, 0.5) / 1e3;
        double token_s = stats_quantile(s->token_ms, s->len, 0.5) / 1e3;
        double context = s->batch * (s->prompt + s->output / 2);
        double first_s = cost.first_token_s +
                         llm_step_s(&cost, s->batch * s->prompt, s->batch * s->prompt * s->prompt / 2, 0, 0);
        double decode_s = llm_step_s(&cost, 0, 0, s->batch, context);
        cr_expect(cost.calibrated);
        if (prompt_s > s->batch * s->prompt * cost.flops_per_token / cost.peak_flops)
            add(s->batch * s->prompt <= 2048 ? &prompt : s->batch == 1 ? &longer : &batched, first_s, prompt_s);
        else impossible++;
        add(s->batch <= 32 ? &token : &token_64, decode_s, token_s);
        if (s->watts_len && s->prompt <= 2048) /* the average power is nearly all of decodes */
            add(&watts, llm_power_w(&cost, s->batch, 0, context, 1, decode_s) / s->gpus,
                stats_quantile(s->watts, s->watts_len, 0.5) * tdp_w);
    }
    if (testing_all()) printf("-- Splitwise, %s\n", hardware);
    show("prompts up to 2048 tokens", &prompt), show("longer prompts", &longer), show("batches of them", &batched);
    show("tokens, up to 32 at once", &token), show("tokens, 64 at once", &token_64), show("watts", &watts);
    cr_assert_geq(token.count, 50);
    cr_expect_eq(impossible, 1);
    cr_expect_leq(mape(&token), engine_of("vllm-2023", LLM_BF16, chip)->error_tpot);
    cr_expect_leq(mape(&prompt), engine_of("vllm-2023", LLM_BF16, chip)->error_ttft);
    /* Without TP 8 beside TP 2, the CPU's share would not show. */
    cr_expect_leq(token.most, 0.15);
}

Test(llm_steps, splitwise) {
    read_file("llm/splitwise_llama2-70b_latency.csv", add_setting);
    compare_splitwise("a100-80gb", "A100-SXM4-80", 400);
    compare_splitwise("h100-80gb", "H100-SXM5-80", 700);
}

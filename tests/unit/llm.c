/*
 * The step model against its equations written out again, its leap against iterations one by one, its limits
 * against the hardware's, and the catalogue's models against the parameter counts their publishers state.
 */
#include "support/sample.h"
#include "support/testing.h"

#include "base/rng.h"
#include "io/llm_catalog.h"
#include "io/scenario.h"

#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
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
    if (!llm_catalog_read(&catalog, &arena, &err)) err_print(&err, stderr);
    cr_assert_eq(err.found, 0);
}
static void end(void) {
    arena_free(&arena);
    err_free(&err);
}
TestSuite(llm, .init = begin, .fini = end);

static struct llm_cost cost_of(const char *model, const char *chip, const char *engine, enum llm_precision precision,
                               uint32_t gpus) {
    struct llm_cost cost;
    const char *why;
    const struct llm_model *m = llm_catalog_model(&catalog, model, nowhere, &err);
    const struct llm_chip *c = llm_catalog_chip(&catalog, chip, nowhere, &err);
    const struct llm_engine *e = llm_catalog_engine(&catalog, engine, precision, chip, nowhere, &err);
    cr_assert(m && c && e);
    cr_assert(llm_cost_of(m, c, e, precision, gpus, &cost, &why), "%s on %u %s: %s", model, gpus, chip, why);
    return cost;
}

Test(llm, counts_of_parameters) {
    /* With the input embedding, as publishers count, in billions. */
    static const struct { const char *name; double billions; } published[] = {
        {"Llama-2-7B", 6.74},   {"Llama-2-13B", 13.02},  {"Llama-2-70B", 68.98}, {"Llama-3.1-8B", 8.03},
        {"Llama-3.1-70B", 70.55}, {"Llama-3.1-405B", 405.85}, {"Mistral-7B", 7.24}, {"Mixtral-8x7B", 46.70},
        {"Qwen3-8B", 8.19},     {"Qwen3-14B", 14.77},    {"Qwen3-32B", 32.76},   {"Qwen3-30B-A3B", 30.53},
        {"Qwen3-235B-A22B", 235.1}};
    cr_assert_eq(catalog.models_len, sizeof published / sizeof *published);
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        const struct llm_model *m = llm_catalog_model(&catalog, published[i].name, nowhere, &err);
        cr_assert_not_null(m);
        double counted = (llm_parameters(m) + m->vocab * m->hidden) / 1e9;
        cr_expect(testing_near(counted, published[i].billions, 2e-3), "%s: %g, not %g", m->name, counted,
                  published[i].billions);
    }
}

/* The step as the reference writes it, with nothing reduced beforehand: Llama-3.1-70B in FP8 on 4 H100. */
Test(llm, step_from_the_equation) {
    struct llm_cost cost = cost_of("Llama-3.1-70B", "H100-SXM5-80", "vllm-2025", LLM_FP8, 4);
    double L = 80, d = 8192, nq = 64, nkv = 8, dh = 128, t = 4, F = 1979e12, Fa = 989e12, BW = 3350e9;
    double N = L * (2 * d * nq * dh + 2 * d * nkv * dh + 3 * d * 28672), H = 128256 * d, k = 2 * L * nkv * dh * 2;
    static const double works[][4] = {
        {0, 0, 1, 1000}, {0, 0, 64, 98304}, {512, 131072, 63, 90000}, {8192, 33554432, 0, 0}};
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        double P = works[i][0], A = works[i][1], B = works[i][2], C = works[i][3];
        double T = fmax((2 * N * (P + B) + 2 * H * B) / (t * F * .643), (N + 2 * H) / (t * BW * .92)) +
                   C * k / (t * BW * .553) + 4 * L * nq * dh * A / (t * Fa * .205) +
                   2 * L * (1.06e-6 + 4 * (P + B) * d * (t - 1) / t / (450e9 * .532)) + 1.92e-3 + L * 41.8e-6 +
                   42.2e-6 * B;
        cr_expect(testing_near(llm_step_s(&cost, P, A, B, C), T, 1e-12), "work %zu: %.17g, not %.17g", i,
                  llm_step_s(&cost, P, A, B, C), T);
    }
    cr_expect(testing_near(cost.kv_tokens, floor((4 * 80e9 * .9 - (N + 2 * H) - 4 * 2.5e9) / k), 1e-12));
    cr_expect_eq(cost.kv_bytes_per_token, 327680);
}

/* The prompts that give a simulator away: 8,000 tokens in 16 bits. */
Test(llm, long_prompts_respect_light) {
    struct llm_cost one = cost_of("Llama-3.1-8B", "H100-SXM5-80", "vllm-2025", LLM_BF16, 1);
    struct llm_cost eight = cost_of("Llama-3.1-70B", "H100-SXM5-80", "vllm-2025", LLM_BF16, 8);
    double prompt = 8000, attention = prompt * prompt / 2;
    cr_expect_float_eq(llm_step_s(&one, prompt, attention, 0, 0), 0.223, 0.012);
    cr_expect_float_eq(llm_step_s(&eight, prompt, attention, 0, 0), 0.358, 0.012);
    /* Peak alone, on the weights alone. */
    double least_s = 2 * (llm_parameters(llm_catalog_model(&catalog, "Llama-3.1-8B", nowhere, &err)) - 128256 * 4096.) *
                     prompt / 989e12;
    cr_expect_gt(llm_step_s(&one, prompt, attention, 0, 0), least_s);
}

static double draw(struct rng *rng, double most) { return floor(exp(rng_uniform(rng) * log(most + 1))); }

/* Every combination of the catalogue that works at all, on random work: the guard inside aborts the test; the same
 * limits are computed here again from the model's shape. */
Test(llm, no_step_beats_the_hardware) {
    struct rng *rng = rng_open(1, "llm", 0);
    size_t combinations = 0;
    for (size_t e = 0; e < catalog.profiles_len; e++)
        for (size_t c = 0; c < catalog.chips_len; c++)
            for (size_t m = 0; m < catalog.models_len; m++)
                for (uint32_t gpus = 1; gpus <= 8; gpus *= 2) {
                    const struct llm_model *model = &catalog.models[m];
                    const struct llm_chip *chip = &catalog.chips[c];
                    struct llm_cost cost;
                    const char *why;
                    if (!llm_cost_of(model, chip, &catalog.profiles[e].engine, catalog.profiles[e].precision, gpus,
                                     &cost, &why)) {
                        cr_expect_not_null(why);
                        continue;
                    }
                    combinations++;
                    for (int i = 0; i < 20; i++) {
                        double decodes = draw(rng, 256), context = decodes * draw(rng, 8192);
                        double prefill = draw(rng, 8192) + (decodes == 0), attention = prefill * prefill / 2;
                        double step_s = llm_step_s(&cost, prefill, attention, decodes, context);
                        double active = llm_parameters(model) - model->vocab * model->hidden -
                                        (model->experts - model->experts_active) * 3 * model->layers * model->hidden *
                                            model->expert_ffn;
                        double flops = 2 * active * (prefill + decodes) / gpus;
                        double bytes = context * 4 * model->layers * model->kv_heads * model->head_dim / gpus;
                        cr_assert_geq(step_s, flops / cost.peak_flops * (1 - 1e-12));
                        cr_assert_geq(step_s, bytes / chip->mem_bytes_per_s * (1 - 1e-12));
                        double watts = llm_power_w(&cost, prefill + decodes, attention, context, 1, step_s);
                        cr_assert(watts >= gpus * chip->tdp_w * chip->power.p0);
                        cr_assert(watts <= gpus * chip->tdp_w * chip->power.pmax);
                    }
                }
    cr_expect_gt(combinations, 500);
    rng_close(rng);
}

Test(llm, guard_aborts, .signal = SIGABRT) {
    struct llm_cost cost = cost_of("Llama-3.1-8B", "H100-SXM5-80", "vllm-2025", LLM_BF16, 1);
    cost.per_token_s *= 0.15; /* prefill at 6.6 times the peak */
    cost.per_attention_s = 0;
    llm_step_s(&cost, 8000, 0, 0, 0);
}

Test(llm, leap_is_its_iterations) {
    struct rng *rng = rng_open(2, "llm", 0);
    struct llm_cost costs[] = {cost_of("Llama-3.1-70B", "H100-SXM5-80", "vllm-2025", LLM_FP8, 4),
                               cost_of("Llama-2-70B", "A100-SXM4-80", "vllm-2023", LLM_BF16, 8),
                               cost_of("Qwen3-30B-A3B", "B200-SXM-180", "vllm-2025", LLM_BF16, 1)};
    for (int i = 0; i < 300; i++) {
        const struct llm_cost *cost = &costs[i % 3];
        double decodes = 1 + draw(rng, 255), context = decodes * (1 + draw(rng, 4000)), k = 1 + draw(rng, 2000);
        long double sum = 0;
        for (double j = 0; j < k; j++) sum += llm_step_s(cost, 0, 0, decodes, context + j * decodes);
        cr_assert(testing_near(llm_leap_s(cost, decodes, context, k), (double)sum, 1e-13));
        /* Two leaps are one. */
        double half = floor(k / 2);
        cr_assert(testing_near(llm_leap_s(cost, decodes, context, half) +
                                   llm_leap_s(cost, decodes, context + half * decodes, k - half),
                               llm_leap_s(cost, decodes, context, k), 1e-13));
    }
    cr_expect_eq(llm_leap_s(&costs[0], 8, 1000, 0), 0);
    rng_close(rng);
}

Test(llm, leap_inverts) {
    struct rng *rng = rng_open(3, "llm", 0);
    struct llm_cost cost = cost_of("Llama-3.1-70B", "H100-SXM5-80", "vllm-2025", LLM_FP8, 4);
    for (int i = 0; i < 20000; i++) {
        double decodes = 1 + draw(rng, 255), context = decodes * (1 + draw(rng, 4000)), k = draw(rng, 100000);
        double exact = llm_leap_s(&cost, decodes, context, k);
        cr_assert_eq(llm_iterations(&cost, decodes, context, exact), k);
        cr_assert_eq(llm_iterations(&cost, decodes, context, nextafter(exact, 0)), k > 0 ? k - 1 : 0);
        double any_s = rng_uniform(rng) * 100, n = llm_iterations(&cost, decodes, context, any_s);
        cr_assert_leq(llm_leap_s(&cost, decodes, context, n), any_s);
        cr_assert_gt(llm_leap_s(&cost, decodes, context, n + 1), any_s);
    }
    cr_expect_eq(llm_iterations(&cost, 8, 1000, 0), 0);
    cr_expect_eq(llm_iterations(&cost, 8, 1000, -1), 0);
    rng_close(rng);
}

/* An MoE reads what its tokens choose: one token its own experts, many tokens all of them. */
Test(llm, experts_are_read_as_chosen) {
    struct llm_cost cost = cost_of("Mixtral-8x7B", "H100-SXM5-80", "vllm-2025", LLM_BF16, 2);
    double expert = 3. * 32 * 4096 * 14336, dense = 32 * 2. * 4096 * 128 * (32 + 8), head = 32000. * 4096;
    double bytes_s = 2 * 3350e9 * .88;
    double fixed = llm_step_s(&cost, 0, 0, 1, 0) - 2 * (2 * expert + dense + head) / bytes_s;
    cr_expect_lt(fixed, 5e-3);
    for (double n = 2; n <= 64; n *= 2) {
        double read = 8 * (1 - pow(0.75, n)) * expert;
        double reduced = 2 * 32 * 4 * 4096 * .5 / (450e9 * .66);
        cr_expect(testing_near(llm_step_s(&cost, 0, 0, n, 0),
                               (read * 2 + dense * 2 + head * 2) / bytes_s + fixed + (64e-6 + reduced) * (n - 1), 1e-9),
                  "%g tokens", n);
    }
    cr_expect_not(cost.calibrated);
    cr_expect(testing_near(cost.weight_bytes, 2 * (8 * expert + dense + head), 1e-12));
}

/* In 2023 the CPU set the pace: a small model decodes no faster than it is launched. */
Test(llm, host_hides_small_work) {
    struct llm_cost tp8 = cost_of("Llama-2-70B", "A100-SXM4-80", "vllm-2023", LLM_BF16, 8);
    struct llm_cost tp2 = cost_of("Llama-2-70B", "A100-SXM4-80", "vllm-2023", LLM_BF16, 2);
    cr_expect_geq(llm_step_s(&tp8, 0, 0, 1, 512), 43.9e-3);
    cr_expect_gt(llm_step_s(&tp2, 0, 0, 1, 512), llm_step_s(&tp8, 0, 0, 1, 512));
}

Test(llm, more_gpus_than_kv_heads_keep_copies) {
    struct llm_cost four = cost_of("Qwen3-30B-A3B", "H100-SXM5-80", "vllm-2025", LLM_BF16, 4);
    struct llm_cost eight = cost_of("Qwen3-30B-A3B", "H100-SXM5-80", "vllm-2025", LLM_BF16, 8);
    cr_expect_eq(four.bytes_per_kv_token, four.kv_bytes_per_token / 4);
    cr_expect_eq(eight.bytes_per_kv_token, four.bytes_per_kv_token);
}

Test(llm, refusals) {
    const struct llm_model *big = llm_catalog_model(&catalog, "Llama-3.1-70B", nowhere, &err);
    const struct llm_chip *h100 = llm_catalog_chip(&catalog, "H100-SXM5-80", nowhere, &err);
    const struct llm_chip *a100 = llm_catalog_chip(&catalog, "A100-SXM4-80", nowhere, &err);
    struct llm_engine engine = *llm_catalog_engine(&catalog, "vllm-2025", LLM_BF16, h100->name, nowhere, &err);
    struct llm_cost cost;
    const char *why;
    cr_expect_not(llm_cost_of(big, h100, &engine, LLM_BF16, 1, &cost, &why));
    cr_expect_str_eq(why, "the weights leave no memory for a KV cache");
    cr_expect(llm_cost_of(big, h100, &engine, LLM_FP8, 2, &cost, &why));
    cr_expect_null(why);
    cr_expect_not(llm_cost_of(big, a100, &engine, LLM_FP8, 4, &cost, &why));
    cr_expect_str_eq(why, "the chip does not compute in this precision");
    cr_expect_not(llm_cost_of(big, h100, &engine, LLM_BF16, 3, &cost, &why));
    cr_expect_not(llm_cost_of(big, h100, &engine, LLM_BF16, 0, &cost, &why));
    engine.ec = 1.01;
    cr_expect_not(llm_cost_of(big, h100, &engine, LLM_BF16, 4, &cost, &why));
    cr_expect(strstr(why, "nothing is faster than its hardware") != NULL);
}

Test(llm, what_is_calibrated) {
    cr_expect(cost_of("Llama-3.1-70B", "H200-SXM-141", "vllm-2025", LLM_FP8, 4).calibrated);
    cr_expect(cost_of("Qwen3-14B", "H100-SXM5-80", "vllm-2025", LLM_BF16, 1).calibrated);
    cr_expect_not(cost_of("Llama-3.1-70B", "H200-SXM-141", "vllm-2025", LLM_BF16, 4).calibrated); /* chip */
    cr_expect_not(cost_of("Llama-3.1-405B", "H100-SXM5-80", "vllm-2025", LLM_FP8, 8).calibrated); /* size */
    cr_expect_not(cost_of("Llama-3.1-70B", "H100-SXM5-80", "trtllm-2025", LLM_BF16, 4).calibrated); /* precision */
    cr_expect_not(cost_of("Qwen3-30B-A3B", "H100-SXM5-80", "vllm-2025", LLM_BF16, 1).calibrated); /* MoE */
}

Test(llm, power_between_its_ends) {
    struct llm_cost cost = cost_of("Llama-3.1-70B", "H100-SXM5-80", "vllm-2025", LLM_BF16, 4);
    cr_expect_eq(llm_idle_w(&cost), 4 * 75);
    cr_expect_eq(llm_power_w(&cost, 0, 0, 0, 0, 1), 4 * 75);
    /* uc and um as the reference defines them: 8 decodes at a context of 400 in 20 ms. */
    double weights = llm_parameters(llm_catalog_model(&catalog, "Llama-3.1-70B", nowhere, &err));
    double uc = (2 * (weights - 128256 * 8192.) * 8 + 4. * 80 * 8192 * 3200) / 4 / 0.02 / 989e12;
    double um = (2 * weights + 327680. * 3200) / 4 / 0.02 / 3350e9;
    double watts = 4 * 700 * (.347 + (.933 - .347) * (1 - exp(-(9.51 * uc + .73 * um))));
    cr_expect(testing_near(llm_power_w(&cost, 8, 0, 3200, 1, 0.02), watts, 1e-12));
    /* A leap draws what its iterations draw on average. */
    cr_expect(testing_near(llm_power_w(&cost, 80, 0, 32000, 10, 0.2), watts, 1e-12));
}

Test(llm, unknown_names) {
    cr_expect_null(llm_catalog_model(&catalog, "Llama-3.1-7B", nowhere, &err));
    cr_expect_null(llm_catalog_chip(&catalog, "H100-SXM5", nowhere, &err));
    cr_expect_null(llm_catalog_engine(&catalog, "vllm-2024", LLM_BF16, "H100-SXM5-80", nowhere, &err));
    cr_expect_null(llm_catalog_engine(&catalog, "vllm-2023", LLM_FP8, "H100-SXM5-80", nowhere, &err));
    cr_assert_eq(err.kept, 4);
    cr_expect_str_eq(err.lines[0], "test: unknown LLM \"Llama-3.1-7B\", did you mean \"Llama-3.1-8B\"?");
    cr_expect(strstr(err.lines[1], "did you mean \"H100-SXM5-80\"?") != NULL);
    cr_expect_str_eq(err.lines[3], "test: engine \"vllm-2023\" has no profile for fp8");
}

static void write_file(const char *folder, const char *name, const char *bytes) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(bytes, file);
    cr_assert_eq(fclose(file), 0);
}

Test(llm, broken_tables) {
    char *folder = sample_folder();
    write_file(folder, "llm_models.csv",
               "name,layers,hidden,heads,kv_heads,head_dim,ffn,vocab,experts,experts_active,expert_ffn,"
               "shared_ffn,source\n"
               "a,32,x,32,8,128,14336,,,,,,here\n"
               "b,1\n");
    setenv("HEADROOM_CATALOG", folder, 1);
    struct llm_catalog broken;
    cr_expect_not(llm_catalog_read(&broken, &arena, &err));
    cr_assert_eq(err.kept, 3);
    cr_expect(strstr(err.lines[0], "llm_models.csv:2:6: hidden: \"x\", expected a number of at least 0") != NULL, "%s",
              err.lines[0]);
    cr_expect(strstr(err.lines[1], "vocab: empty") != NULL);
    cr_expect(strstr(err.lines[2], ":3:1: 2 fields, expected 13") != NULL);
    unsetenv("HEADROOM_CATALOG");
    sample_remove(folder);
}

/*
 * Laws of every speed model: a rate that is a finite number, not below 0, the same however often it is asked
 * for; no rate where the chip is not known; more GPUs are no faster than so many times one (a curve has no
 * gains from nowhere), and a part of a GPU no faster than the whole; efficiency within 0 to 1; an error only
 * where there is a rate. Then what each is known for, by hand.
 */
#include "support/speed.h"
#include "support/testing.h"

#include "base/text.h"

#include <criterion/criterion.h>
#include <math.h>

static const char *const samples[][2] = {
    {"table", "{model: table, chips: A; B, gpus: [1, 2, 4, 8], rates: [9, 17, 30, 50, 5, 9, 16, 0], "
              "rates_apart: [9, 12, 20, 30, 5, 6, 9, 0], node_gpus: 4}"},
    {"amdahl", "{model: amdahl, chips: A; B, shared: [40 h, 90 h], fixed: [10 min, 20 min], units: 5000, "
               "error: [0.05, 0.1]}"},
    {"pollux", "{model: pollux, chips: A; B, compute_fixed: 60 ms, compute_sample: 4 ms, network: 300 ms, "
               "network_more: 7 ms, local: 6 ms, local_more: 1 ms, gamma: 2.6, batch: 512, base_batch: 128, "
               "critical_batch: [1000, 8000]}"},
    {"roofline", "{model: roofline, parameters: 7e9, chips: A; B, tflops: [989, 312], memory: [80 GB, 40 "
                 "GB], bandwidth: [3350 GB/s, 1555 GB/s], sharding: optimizer, error: 0.08}"},
};
enum { SAMPLES = sizeof samples / sizeof *samples };

static void obeys(struct chosen chosen, const struct scale *scale, double one) {
    const struct speed_model *model = testing_speed_model(chosen);
    const char *name = chosen.model->name;
    const double rate = model->per_s(chosen.params, scale), error = model->error(chosen.params, scale);
    cr_expect(isfinite(rate) && rate >= 0, "%s: %g /s on %u GPUs", name, rate, scale->gpus);
    cr_expect(rate == model->per_s(chosen.params, scale), "%s is not a function of the scale alone", name);
    const bool gains = one > 0 && rate > one * scale->gpus * (1 + 1e-12);
    cr_expect(!gains, "%s: %u GPUs do more than so many times one: %g, one %g", name,
              scale->gpus, rate, one);
    cr_expect(isnan(error) || error >= 0, "%s: error %g", name, error);
    cr_expect(rate > 0 || isnan(error), "%s knows the error of what does not run", name);
    if (!model->efficiency) return;
    for (double progress = 0; progress <= 1; progress += 0.125) {
        const double share = model->efficiency(chosen.params, scale, progress);
        cr_expect(share > 0 && share <= 1, "%s: efficiency %g", name, share);
    }
}

Test(speed, every_model_obeys_its_laws) {
    const struct registry *registry = models_registry();
    cr_assert_eq(registry->counts[KIND_SPEED], SAMPLES, "a model without a sample in this test");
    struct arena arena;
    arena_init(&arena);
    for (size_t m = 0; m < registry->counts[KIND_SPEED]; m++) {
        const char *name = registry->models[KIND_SPEED][m]->name;
        size_t s = 0;
        while (s < SAMPLES && strcmp(samples[s][0], name) != 0) s++;
        cr_assert(s < SAMPLES, "%s has no sample in this test", name);
        const struct chosen chosen = testing_speed(&arena, samples[s][1]);
        const char *const chips[] = {"A", "B"};
        for (int c = 0; c < 2; c++) {
            struct scale one = {.chip = chips[c], .gpus = 1, .nodes = 1, .share = 1};
            const double alone = testing_per_s(chosen, one);
            for (one.gpus = 1; one.gpus <= 4096; one.gpus += 1 + one.gpus / 3)
                for (one.nodes = 1; one.nodes <= one.gpus; one.nodes = 2 * one.nodes + 1)
                    obeys(chosen, &one, alone);
            one.gpus = one.nodes = 1;
            for (one.share = 0.125; one.share < 1; one.share += 0.125) {
                obeys(chosen, &one, alone);
                cr_expect(testing_per_s(chosen, one) <= alone, "%s: a part is faster than the whole", name);
            }
        }
        const struct scale unknown = {.chip = "C", .gpus = 4, .nodes = 1, .share = 1};
        cr_expect_eq(testing_per_s(chosen, unknown), 0, "%s runs on a chip it does not know", name);
        obeys(chosen, &unknown, 0);
    }
    arena_free(&arena);
}

static struct scale on(const char *chip, uint32_t gpus, uint32_t nodes) {
    return (struct scale){.chip = chip, .gpus = gpus, .nodes = nodes, .share = 1};
}

Test(speed, chips_in_a_list) {
    cr_expect_eq(speed_chips(NULL), 1);
    cr_expect_eq(speed_chips(""), 1);
    cr_expect_eq(speed_chips("A100-SXM4-80"), 1);
    cr_expect_eq(speed_chips("A; B ;C"), 3);
    cr_expect_eq(speed_chip("A; B ;C", "B"), 1);
    cr_expect_eq(speed_chip("A; B ;C", "C"), 2);
    cr_expect_eq(speed_chip("A100", "A1"), SIZE_MAX);
    cr_expect_eq(speed_chip("A1; A100", "A100"), 1);
    cr_expect_eq(speed_chip("", "whatever"), 0);
}

Test(speed, table_by_hand) {
    struct arena arena;
    arena_init(&arena);
    const struct chosen table = testing_speed(&arena, samples[0][1]);
    cr_expect_eq(testing_per_s(table, on("A", 4, 1)), 30);
    cr_expect_eq(testing_per_s(table, on("A", 4, 2)), 20); /* four fit one node: two are spread */
    cr_expect_eq(testing_per_s(table, on("A", 8, 2)), 50); /* eight need two */
    cr_expect_eq(testing_per_s(table, on("A", 8, 3)), 30);
    cr_expect_eq(testing_per_s(table, on("A", 3, 1)), 23.5);
    cr_expect_eq(testing_per_s(table, on("A", 9, 2)), 0);
    cr_expect_eq(testing_per_s(table, on("B", 8, 2)), 0);
    cr_expect_eq(testing_per_s(table, on("B", 6, 2)), 0); /* beside a hole */
    cr_expect_eq(testing_per_s(table, (struct scale){.chip = "A", .gpus = 1, .nodes = 1, .share = 0.5}), 4.5);
    const struct speed_model *model = testing_speed_model(table);
    const struct scale four = on("A", 4, 1), three = on("A", 3, 1);
    cr_expect_eq(model->error(table.params, &four), 0);
    cr_expect(isnan(model->error(table.params, &three)));
    arena_free(&arena);
}

Test(speed, amdahl_by_hand) {
    struct arena arena;
    arena_init(&arena);
    const struct chosen amdahl = testing_speed(&arena, samples[1][1]);
    cr_expect(testing_near(testing_per_s(amdahl, on("A", 16, 2)), 5000 / (40 * 3600 / 16.0 + 600), 1e-15));
    cr_expect(testing_near(testing_per_s(amdahl, on("B", 1, 1)), 5000 / (90 * 3600 + 1200.0), 1e-15));
    arena_free(&arena);
}

/* 7e9 parameters on one H100, 16 bits: 6 x 7e9 FLOPs a token at 0.4 x 989 TFLOP/s. */
Test(speed, roofline_by_hand) {
    struct arena arena;
    arena_init(&arena);
    static const char *const chip = "chips: H, tflops: [989], tflops_fp8: [1979], memory: [80 GB], "
                                    "bandwidth: [3350 GB/s]";
    struct text yaml;
    text_init(&yaml);
    text_format(&yaml, "{model: roofline, parameters: 7e9, optimizer_bytes: 0, %s}", chip);
    const struct chosen small = testing_speed(&arena, yaml.at);
    cr_expect(testing_near(testing_per_s(small, on("H", 1, 1)), 0.4 * 989e12 / 42e9, 1e-12));
    cr_expect(testing_near(testing_per_s(small, on("H", 64, 8)), 64 * 0.4 * 989e12 / 42e9, 1e-12));
    /* 7e9 x 18 bytes are more than 80 GB: two ways to make them fit. */
    text_clear(&yaml);
    text_format(&yaml, "{model: roofline, parameters: 7e9, %s}", chip);
    const struct chosen whole = testing_speed(&arena, yaml.at);
    cr_expect_eq(testing_per_s(whole, on("H", 1, 1)), 0);
    cr_expect_eq(testing_per_s(whole, on("H", 64, 8)), 0);
    text_clear(&yaml);
    text_format(&yaml, "{model: roofline, parameters: 7e9, sharding: optimizer, %s}", chip);
    const struct chosen sharded = testing_speed(&arena, yaml.at);
    cr_expect_eq(testing_per_s(sharded, on("H", 2, 1)), 0); /* 6 + 12 / 2 bytes: 84 GB */
    cr_expect(testing_per_s(sharded, on("H", 8, 1)) > 0);    /* 6 + 12 / 8: 52.5 GB + 8 GiB of 75.2 GB */
    text_clear(&yaml);
    text_format(&yaml, "{model: roofline, parameters: 7e9, tensor: 2, stages: 4, batch: 16, precision: fp8, "
                       "%s}", chip);
    const struct chosen divided = testing_speed(&arena, yaml.at);
    cr_expect_eq(testing_per_s(divided, on("H", 7, 1)), 0);
    /* 16 GPUs are two replicas of eight passes: bubble 3 / (8 + 3); FP8 is 1.3 times as fast. */
    cr_expect(testing_near(testing_per_s(divided, on("H", 16, 2)), 16 * 0.4 * 1.3 * 989e12 / 42e9 * 8 / 11,
                           1e-12));
    cr_expect(testing_near(testing_per_s(divided, on("H", 17, 3)), testing_per_s(divided, on("H", 16, 2)),
                           1e-15));
    /* Few tokens a step: reading weights and the optimizer's state takes longer than computing. */
    text_clear(&yaml);
    text_format(&yaml, "{model: roofline, parameters: 1e9, sequence: 8, batch: 1, %s}", chip);
    const struct chosen tiny = testing_speed(&arena, yaml.at);
    cr_expect(testing_near(testing_per_s(tiny, on("H", 1, 1)), 8 / (1e9 * (2 * 2 + 2 * 16) / (0.8 * 3350e9)),
                           1e-12));
    text_free(&yaml);
    arena_free(&arena);
}

static double roofline_on(struct arena *arena, const char *more, struct scale scale) {
    struct text yaml;
    text_init(&yaml);
    text_format(&yaml,
                "{model: roofline, chips: H, tflops: [989], tflops_fp8: [1979], memory: [80 GB], "
                "bandwidth: [3350 GB/s], memory_share: 1, activations: 0 GB, %s}",
                more);
    const double rate = testing_per_s(testing_speed(arena, yaml.at), scale);
    text_free(&yaml);
    return rate;
}

/* What divides which bytes, on either side of what fits 80 GB: 2 of weights, 4 of gradients, 12 of the
 * optimizer. */
Test(speed, roofline_memory) {
    struct arena arena;
    arena_init(&arena);
    static const struct {
        const char *sharding;
        double bytes; /* a parameter, on 4 GPUs */
    } cases[] = {{"none", 18}, {"optimizer", 2 + 4 + 3}, {"gradients", 2 + 1 + 3}, {"weights", 0.5 + 1 + 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int over = 0; over < 2; over++) {
            struct text more;
            text_init(&more);
            text_format(&more, "sharding: %s, parameters: %.0f", cases[i].sharding,
                        80e9 / cases[i].bytes * (over ? 1.001 : 0.999));
            const double rate = roofline_on(&arena, more.at, on("H", 4, 1));
            cr_expect((rate == 0) == over, "%s: %g tokens/s", more.at, rate);
            text_free(&more);
        }
    /* Half a GPU has half of the memory, and half of the speed for what fits it. */
    const struct scale half = {.chip = "H", .gpus = 1, .nodes = 1, .share = 0.5};
    cr_expect_eq(roofline_on(&arena, "parameters: 3e9", half), 0);
    const double whole = roofline_on(&arena, "parameters: 2e9", on("H", 1, 1));
    cr_expect(testing_near(roofline_on(&arena, "parameters: 2e9", half), whole / 2, 1e-12));
    arena_free(&arena);
}

/* However efficient it is said to be: no faster than the peak of its precision. */
Test(speed, roofline_never_beats_the_peak) {
    struct arena arena;
    arena_init(&arena);
    const double fp8 = roofline_on(&arena, "parameters: 1e9, mfu: 1, precision: fp8, precision_gain: 16",
                                   on("H", 1, 1));
    cr_expect(testing_near(fp8, 1979e12 / 6e9, 1e-12));
    const double bf16 = roofline_on(&arena, "parameters: 1e9, mfu: 1, precision_gain: 16", on("H", 1, 1));
    cr_expect(testing_near(bf16, 989e12 / 6e9, 1e-12));
    /* A mixture of experts computes with a part of its parameters, and holds all of them. */
    const double moe = roofline_on(&arena, "parameters: 4e9, active: 1e9", on("H", 1, 1));
    cr_expect(testing_near(moe, 0.4 * 989e12 / 6e9, 1e-12));
    arena_free(&arena);
}

Test(speed, pollux_on_a_part_of_a_gpu) {
    struct arena arena;
    arena_init(&arena);
    const struct chosen pollux = testing_speed(&arena, samples[2][1]);
    const struct scale half = {.chip = "A", .gpus = 1, .nodes = 1, .share = 0.5, .batch = 100};
    cr_expect(testing_near(testing_per_s(pollux, half), 100 / (2 * (0.06 + 0.4)), 1e-12));
    cr_expect(isnan(testing_speed_model(pollux)->error(pollux.params, &half)));
    arena_free(&arena);
}

/* MFU of Megatron-LM's GPT-3 strong scaling on H100: 47 % on 96 GPUs, 42 % on 4,608 (its README). */
Test(speed, roofline_megatron) {
    struct arena arena;
    arena_init(&arena);
    const struct chosen gpt3 = testing_speed(
        &arena, "{model: roofline, parameters: 175e9, sequence: 2048, batch: 1152, tensor: 8, stages: 12, "
                "interleave: 65536, mfu: 0.47, mfu_gpus: 96, mfu_loss: 0.02}");
    const double peak = 989e12 / (6 * 175e9);
    cr_expect(testing_near(testing_per_s(gpt3, on("H100-SXM5-80", 96, 12)) / 96 / peak, 0.47, 1e-3));
    cr_expect(testing_near(testing_per_s(gpt3, on("H100-SXM5-80", 4608, 576)) / 4608 / peak, 0.42, 1e-2));
    arena_free(&arena);
}

/* Tokens/s a GPU in FP8 pre-training of dense models on H100: all of them that NVIDIA's NeMo documentation
 * reports for container 24.07, and then Megatron Bridge's for 25.11. One mfu for all: what is asked is
 * whether 6 FLOPs a parameter carry from 5 to 405 billion of them. */
static const struct {
    const char *name;
    double parameters, gpus, batch, sequence, tensor, stages, interleave, per_gpu;
} published[] = {
    {"GPT-3 5B", 5e9, 64, 2048, 2048, 1, 1, 1, 22521},
    {"GPT-3 20B", 20e9, 64, 256, 2048, 2, 1, 1, 5851},
    {"GPT-3 175B", 175e9, 128, 256, 2048, 4, 8, 6, 726},
    {"GPT-3 175B", 175e9, 512, 2048, 2048, 4, 8, 6, 782},
    {"Llama 2 7B", 6.74e9, 8, 128, 4096, 1, 1, 1, 16847},
    {"Llama 2 13B", 13.0e9, 16, 128, 4096, 1, 4, 10, 8646},
    {"Llama 2 70B", 69.0e9, 64, 128, 4096, 4, 4, 20, 1707},
    {"Nemotron 8B", 8e9, 64, 256, 4096, 2, 1, 1, 12701},
    {"Nemotron 22B", 22e9, 64, 256, 4096, 2, 4, 10, 4256},
    {"Nemotron 340B", 340e9, 128, 32, 4096, 8, 8, 12, 322},
    {"Llama 3 8B", 8.03e9, 8, 128, 8192, 1, 1, 1, 12036},
    {"Llama 3 70B", 70.6e9, 64, 128, 8192, 4, 4, 5, 1533},
    {"Llama 3 8B, 25.11", 8.03e9, 8, 128, 8192, 1, 1, 1, 14451},
    {"Llama 3 70B, 25.11", 70.6e9, 64, 128, 8192, 4, 8, 5, 1602},
    {"Llama 3.1 405B", 405.9e9, 1024, 512, 8192, 8, 8, 8, 292},
};
enum { PUBLISHED = sizeof published / sizeof *published };

Test(speed, roofline_nemo) {
    struct arena arena;
    arena_init(&arena);
    double sum = 0, most = 0;
    for (size_t i = 0; i < PUBLISHED; i++) {
        struct text yaml;
        text_init(&yaml);
        text_format(&yaml,
                    "{model: roofline, parameters: %.0f, sequence: %.0f, batch: %.0f, tensor: %.0f, stages: "
                    "%.0f, interleave: %.0f, sharding: weights, precision: fp8, mfu: 0.52}",
                    published[i].parameters, published[i].sequence, published[i].batch, published[i].tensor,
                    published[i].stages, published[i].interleave);
        const struct chosen model = testing_speed(&arena, yaml.at);
        const uint32_t gpus = (uint32_t)published[i].gpus;
        const double per_gpu = testing_per_s(model, on("H100-SXM5-80", gpus, (gpus + 7) / 8)) / gpus;
        const double off = per_gpu / published[i].per_gpu - 1;
        printf("%-18s %4u H100: %6.0f tokens/s a GPU, published %6.0f, %+.1f %%\n", published[i].name, gpus,
               per_gpu,
               published[i].per_gpu, 100 * off);
        sum += fabs(off);
        most = fmax(most, fabs(off));
        text_free(&yaml);
    }
    printf("mean %.1f %%, most %.1f %%\n", 100 * sum / PUBLISHED, 100 * most);
    cr_expect(sum / PUBLISHED <= 0.08, "mean error %.1f %%", 100 * sum / PUBLISHED);
    cr_expect(most <= 0.2);
    arena_free(&arena);
}

static void refused(struct arena *arena, const char *yaml, const char *why) {
    struct err err;
    err_init(&err);
    testing_speed_try(arena, yaml, &err);
    cr_assert(err.found > 0, "accepted: %s", yaml);
    cr_expect(strstr(err.lines[0], why), "%s: \"%s\" instead of \"%s\"", yaml, err.lines[0], why);
    err_free(&err);
}

Test(speed, what_is_refused) {
    struct arena arena;
    arena_init(&arena);
    refused(&arena, "{model: amdahl, curve: gpt3-v3.2}", "did you mean \"gpt3-v3.1\"?");
    refused(&arena, "{model: amdahl, curve: bert-t4}", "unknown curve"); /* pollux has it */
    refused(&arena, "{model: amdahl}", "expected a curve of the catalogue");
    refused(&arena, "{model: amdahl, chips: A; B, shared: [1 h], fixed: [1 s]}", "one value for each");
    refused(&arena, "{model: pollux, gamma: 2}", "expected a curve of the catalogue");
    refused(&arena, "{model: table, gpus: [2, 1], rates: [1, 2]}", "gpus must ascend");
    refused(&arena, "{model: table, gpus: [1, 2], rates: [1, 2, 3]}", "rates must have");
    refused(&arena, "{model: roofline, parameters: 7e9, precision: fp32}", "peaks");
    refused(&arena, "{model: roofline, parameters: 7e9, active: 8e9}", "active must not be above");
    arena_free(&arena);
}

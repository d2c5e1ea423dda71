/*
 * amdahl against MLPerf Training: every curve of the catalogue against the measured times it was fitted to,
 * minutes on so many chips. Times of round 4.0 come from the result logs of the shared data (the median where
 * several submitted the same size), the others are listed here. Each curve's mean error must be the one the
 * catalogue tells; GPT-3 on H100 must be within 2 %. How a curve does on a round it was not fitted to is
 * shown, too.
 */
#include "support/speed.h"
#include "support/testing.h"

#include "base/mem.h"
#include "base/num.h"
#include "base/stats.h"
#include "io/csv.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

enum { POINTS_MOST = 12 };
struct points {
    const char *curve, *chip;
    struct { double gpus, minutes; } at[POINTS_MOST];
};
static const struct points listed[] = {
    {"gpt3-v3.1", "H100-SXM5-80",
     {{512, 58.30}, {768, 40.62}, {4096, 8.576}, {6144, 6.026}, {8192, 4.927}, {10240, 4.071},
      {10752, 3.922}}},
    {"gpt3-v4.0", "H100-SXM5-80",
     {{256, 97.84}, {512, 51.03}, {512, 50.728}, {10752, 3.7085}, {11616, 3.445}}},
    {"gpt3-v4.0", "TPU-v5p",
     {{512, 114.98}, {1024, 56.98}, {1536, 39.3355}, {2048, 29.60}, {4096, 16.26}, {6144, 11.77}}},
    {"gpt3-v4.0", "TPU-v6e", {{512, 102.3}, {1024, 49.85}, {2048, 27.32}, {3072, 21.77}}},
    {"gpt3-v4.0", "Gaudi2", {{256, 226.96}, {384, 153.57}, {1024, 66.24}}},
    {"llama31-405b-v5.0", "H100-SXM5-80", {{512, 230.7}, {2048, 63.35}, {2560, 50.34}, {8192, 19.65}}},
    {"llama31-405b-v5.0", "GB200", {{256, 206.1}, {512, 105.1}, {1024, 53.19}, {2048, 32.01}, {2496, 26.98}}},
    {"llama31-405b-v5.1", "GB200", {{512, 83.6}, {2560, 18.75}, {5120, 10.21}}},
    {"llama2-70b-lora-v4.1", "H100-SXM5-80", {{8, 27.93}, {64, 4.573}, {1024, 1.184}}},
    {"llama2-70b-lora-v5.0", "GB200", {{8, 11.14}, {72, 1.663}, {144, 1.128}, {512, 0.560}}},
    {"bert-v2.1", "A100-SXM4-80", {{8, 16.88}, {64, 2.497}, {1024, 0.421}, {4096, 0.206}}},
    {"resnet-v2.1", "A100-SXM4-80", {{8, 28.62}, {64, 4.503}, {1024, 0.555}, {4216, 0.320}}},
};
enum { LISTED = sizeof listed / sizeof *listed };

static double minutes(struct chosen curve, const char *chip, double gpus) {
    const uint32_t whole = (uint32_t)gpus;
    const struct scale at = {.chip = chip, .gpus = whole, .nodes = (whole + 7) / 8, .share = 1};
    return 1 / testing_per_s(curve, at) / 60;
}

static double told_error(struct chosen curve, const char *chip, double gpus) {
    const struct scale scale = {.chip = chip, .gpus = (uint32_t)gpus, .nodes = 1, .share = 1};
    return testing_speed_model(curve)->error(curve.params, &scale);
}

static struct chosen curve_named(struct arena *arena, const char *name) {
    struct text yaml;
    text_init(&yaml);
    text_format(&yaml, "{model: amdahl, curve: %s}", name);
    const struct chosen chosen = testing_speed(arena, yaml.at);
    text_free(&yaml);
    return chosen;
}

/* Mean absolute relative error over the points, compared with what the catalogue tells; printed. */
static double measure(struct arena *arena, const struct points *p) {
    const struct chosen curve = curve_named(arena, p->curve);
    double sum = 0, most = 0, least_gpus = INFINITY, most_gpus = 0;
    int count = 0;
    for (; count < POINTS_MOST && p->at[count].gpus > 0; count++) {
        const double off = fabs(minutes(curve, p->chip, p->at[count].gpus) / p->at[count].minutes - 1);
        sum += off;
        most = fmax(most, off);
        least_gpus = fmin(least_gpus, p->at[count].gpus);
        most_gpus = fmax(most_gpus, p->at[count].gpus);
    }
    const double error = sum / count;
    printf("%-22s %-13s %2d points, %5.0f to %5.0f: mean %4.1f %%, most %4.1f %%\n", p->curve, p->chip,
           count, least_gpus, most_gpus, 100 * error, 100 * most);
    const double told = told_error(curve, p->chip, least_gpus);
    cr_expect_float_eq(told, error, 0.0002, "%s %s: error %.4f, told %.4f", p->curve, p->chip, error, told);
    cr_expect(told_error(curve, p->chip, most_gpus) == told);
    cr_expect(isnan(told_error(curve, p->chip, least_gpus - 1)), "%s knows its error on few GPUs", p->curve);
    cr_expect(isnan(told_error(curve, p->chip, most_gpus + 1)), "%s knows its error on many GPUs", p->curve);
    return error;
}

Test(mlperf, listed_points) {
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < LISTED; i++) {
        const double error = measure(&arena, &listed[i]);
        const bool gpt3 = strncmp(listed[i].curve, "gpt3", 4) == 0;
        if (gpt3 && strcmp(listed[i].chip, "H100-SXM5-80") == 0)
            cr_expect(error <= 0.02, "%s: %.1f %%", listed[i].curve, 100 * error);
        cr_expect(error <= 0.11, "%s: %.1f %%", listed[i].curve, 100 * error);
    }
    /* Software moves between rounds: this is what a curve of the round before is off by. */
    const double off = minutes(curve_named(&arena, "gpt3-v3.1"), "H100-SXM5-80", 512) / 50.728 - 1;
    printf("gpt3-v3.1 on a time of v4.0 (512 H100): %+.1f %%\n", 100 * off);
    cr_expect(off > 0.1 && off < 0.25);
    arena_free(&arena);
}

/* ---- the result logs of round 4.0 ---- */

enum { LOGS_MOST = 400, GROUPS_MOST = 40 };
struct log {
    char benchmark[24], chip[32];
    double gpus, minutes;
};
struct logs {
    struct log at[LOGS_MOST];
    size_t len;
};

static bool read_log(void *context, const struct csv_row *row, struct err *err) {
    (void)err;
    struct logs *logs = context;
    /* round, org, system, benchmark, accelerator, nodes, accel_per_node, accel_total, ..., mean, ... */
    if (row->line == 1) return true;
    /* One submission runs the fine-tuning on another stack, four times slower than all others. */
    const bool juniper = strcmp(row->fields[1], "JuniperNetworks") == 0;
    if (juniper && strcmp(row->fields[3], "llama2_70b_lora") == 0) return true;
    cr_assert(logs->len < LOGS_MOST);
    struct log *log = &logs->at[logs->len++];
    text_copy(log->benchmark, sizeof log->benchmark, row->fields[3]);
    for (char *c = log->benchmark; *c; c++)
        if (*c == '_') *c = '-';
    text_copy(log->chip, sizeof log->chip, row->fields[4]);
    cr_assert(num_f64(row->fields[7], row->len[7], &log->gpus));
    cr_assert(num_f64(row->fields[10], row->len[10], &log->minutes));
    return true;
}

static const char *catalog_chip(const char *name) {
    return strcmp(name, "NVIDIA H100-SXM5-80GB") == 0 ? "H100-SXM5-80" : strcmp(name, "NVIDIA L40S") == 0 ?
        "L40S" : NULL;
}

static bool same_series(const struct log *a, const struct log *b) {
    return strcmp(a->benchmark, b->benchmark) == 0 && strcmp(a->chip, b->chip) == 0;
}

/* The medians of a benchmark on a chip; how many sizes. */
static int medians(const struct logs *logs, const struct log *like, struct points *points) {
    int count = 0;
    for (size_t i = 0; i < logs->len; i++) {
        const struct log *log = &logs->at[i];
        if (!same_series(log, like)) continue;
        double same[LOGS_MOST];
        size_t len = 0;
        bool first = true;
        for (size_t j = 0; j < logs->len; j++) {
            const struct log *other = &logs->at[j];
            if (!same_series(other, log) || other->gpus != log->gpus) continue;
            if (j < i) first = false;
            same[len++] = other->minutes;
        }
        if (!first) continue;
        cr_assert(count < POINTS_MOST);
        points->at[count].gpus = log->gpus;
        points->at[count++].minutes = stats_quantile(same, len, 0.5);
    }
    return count;
}

Test(mlperf, round_4_0, .timeout = 60) {
    const char *path = testing_data("hardware/mlperf_training_v4.0_minutes.csv");
    if (!path) cr_skip_test("no hardware/mlperf_training_v4.0_minutes.csv in the shared data");
    struct arena arena;
    struct err err;
    arena_init(&arena);
    err_init(&err);
    struct logs *logs = mem_zero(1, sizeof *logs);
    cr_assert(csv_read(path, read_log, logs, NULL, &err));
    int curves = 0;
    for (size_t i = 0; i < logs->len; i++) {
        const struct log *log = &logs->at[i];
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++)
            seen = same_series(&logs->at[j], log);
        struct points points = {.chip = catalog_chip(log->chip)};
        /* GPT-3 of this round is among the listed points, with later logs of the same software. */
        if (seen || !points.chip || strcmp(log->benchmark, "gpt3") == 0) continue;
        if (medians(logs, log, &points) < 3) continue;
        char curve[40] = "";
        text_copy(curve, sizeof curve, log->benchmark);
        memcpy(curve + strlen(curve), "-v4.0", sizeof "-v4.0");
        points.curve = curve;
        cr_expect(measure(&arena, &points) <= 0.11);
        curves++;
    }
    cr_expect_eq(curves, 10);
    free(logs);
    err_free(&err);
    arena_free(&arena);
}

/*
 * The preset scenarios/parts/philly-like.yaml beside the trace it is fitted to: rates, burstiness, sizes, run
 * times and load of both, over the eight weeks of the trace and 80 weeks of the preset. docs/load.md prints
 * these figures; what the text says of the trace is checked to its last digit.
 */
#include "support/published.h"
#include "support/testing.h"

#include "app/app.h"
#include "app/demand.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/stats.h"
#include "base/text.h"
#include "base/tick.h"
#include "io/csv.h"
#include "models/registry.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 6 }; /* 1, 2, 4, 8, more GPUs; all of them */

struct sample {
    struct { double *at; size_t len, cap; } submit_s, run_s[CLASSES];
    double span_s, gpu_s, gpus;
};

static size_t class_of(double gpus) {
    if (gpus > 8) return 4;
    return gpus > 4 ? 3 : gpus > 2 ? 2 : gpus > 1 ? 1 : 0;
}

static void add(struct sample *s, double submit_s, double run_s, double gpus) {
    *vec_push(&s->submit_s) = submit_s;
    *vec_push(&s->run_s[class_of(gpus)]) = run_s;
    *vec_push(&s->run_s[CLASSES - 1]) = run_s;
    s->gpu_s += run_s * gpus;
    s->gpus += gpus;
}

static void sample_free(struct sample *s) {
    free(s->submit_s.at);
    for (int c = 0; c < CLASSES; c++) free(s->run_s[c].at);
}

/* timestamp,duration,num_gpus,...: the eight whole weeks. */
static bool add_row(void *context, const struct csv_row *row, struct err *err) {
    struct sample *s = context;
    int64_t from_ns, at_ns;
    double run_s, gpus;
    (void)err;
    cr_assert(tick_parse_date("2017-10-02", 10, &from_ns));
    if (row->count < 3 || !tick_parse_date(row->fields[0], row->len[0], &at_ns)) return true; /* the header */
    const double submit_s = tick_seconds(at_ns - from_ns);
    if (submit_s < 0 || submit_s >= s->span_s) return true;
    cr_assert(num_f64(row->fields[1], row->len[1], &run_s) && num_f64(row->fields[2], row->len[2], &gpus));
    add(s, submit_s, run_s, gpus);
    return true;
}

static void read_trace(struct sample *s) {
    const char *path = published_path("jobs/philly/philly.csv.gz");
    struct err err;
    uint64_t hash;
    err_init(&err);
    s->span_s = 56 * 86400;
    cr_assert(csv_read(path, add_row, s, &hash, &err));
    err_free(&err);
}

static void draw_preset(struct sample *s) {
    struct scenario scenario;
    struct jobs jobs;
    struct err err;
    const char *sets[] = {"load.until=560 d", "seed=1"};
    struct text path, catalog;
    text_init(&path), text_init(&catalog);
    text_format(&path, "%s/scenarios/quickstart.yaml", app_data_dir());
    text_format(&catalog, "%s/models/catalog", app_data_dir());
    err_init(&err);
    scenario_catalog_dirs((const char *const *)&catalog.at, 1);
    const bool opened = scenario_open(&scenario, path.at, models_registry(), sets, 2, &err);
    cr_assert(opened, "%s", err.kept ? err.lines[0] : "");
    cr_assert(demand_read(&scenario.runs[0].demand, scenario.runs[0].setup, &jobs, &err));
    s->span_s = 560 * 86400;
    for (size_t j = 0; j < jobs.len; j++)
        add(s, tick_seconds(jobs.at[j].submit_ns), tick_seconds(jobs.at[j].run_ns),
            jobs.shapes.at[jobs.at[j].shape].gpus);
    jobs_free(&jobs);
    scenario_close(&scenario);
    err_free(&err);
    text_free(&path), text_free(&catalog);
}

/* Coefficient of variation of the number of arrivals in windows of width_s. */
static double count_cv(const struct sample *s, double width_s) {
    const size_t windows = (size_t)(s->span_s / width_s);
    double *count = mem_zero(windows, sizeof *count);
    for (size_t i = 0; i < s->submit_s.len; i++) count[(size_t)(s->submit_s.at[i] / width_s)]++;
    const struct stats_summary summary = stats_summarise(count, windows);
    free(count);
    return summary.sd / summary.mean;
}

static double share(const struct sample *s, int c) {
    return 100 * (double)s->run_s[c].len / (double)s->submit_s.len;
}
static double quantile(struct sample *s, int c, double q) {
    return stats_quantile(s->run_s[c].at, s->run_s[c].len, q);
}
static double mean_h(struct sample *s, int c) {
    return stats_summarise(s->run_s[c].at, s->run_s[c].len).mean / 3600;
}

/* To the digits that are printed. */
#define PRINTED(value, text, digit) \
    cr_expect(fabs((value) - (text)) <= 0.5001 * (digit), "%s is %g, docs/load.md says %g", #value, (value), \
              (text))

Test(philly_like, the_trace_is_as_documented) {
    struct sample trace = {0};
    read_trace(&trace);
    cr_expect_eq(trace.submit_s.len, 65642);
    PRINTED((double)trace.submit_s.len / 56, 1172.0, 1.0);
    PRINTED(count_cv(&trace, 60), 3.66, 0.01);
    PRINTED(count_cv(&trace, 600), 2.80, 0.01);
    PRINTED(count_cv(&trace, 3600), 1.86, 0.01);
    PRINTED(count_cv(&trace, 6 * 3600), 1.16, 0.01);
    PRINTED(count_cv(&trace, 86400), 0.76, 0.01);
    PRINTED(trace.gpu_s / trace.span_s, 473.0, 1.0);
    PRINTED(trace.gpus / (double)trace.submit_s.len, 1.26, 0.01);
    const double shares[] = {93.71, 1.92, 2.26, 1.86, 0.25};
    const double means[] = {1.92, 11.27, 20.24, 30.18, 25.64, 3.10};
    const double medians[] = {1386, 20, 16703, 20983, 42792, 1402};
    for (int c = 0; c < 5; c++) PRINTED(share(&trace, c), shares[c], 0.01);
    for (int c = 0; c < CLASSES; c++) {
        PRINTED(mean_h(&trace, c), means[c], 0.01);
        PRINTED(quantile(&trace, c, 0.5), medians[c], 1.0);
    }
    sample_free(&trace);
}

/* Tolerances: five standard errors of the preset's own draws (560 days of bursts, classes of 1,571 jobs and
 * more), with the differences docs/load.md admits added where it admits them. */
Test(philly_like, the_preset_resembles_the_trace) {
    struct sample trace = {0}, preset = {0};
    read_trace(&trace);
    draw_preset(&preset);
    const double days = preset.span_s / 86400, day_cv = count_cv(&preset, 86400);
    const double rate = (double)preset.submit_s.len / days;
    cr_expect_float_eq(rate, 1171, 5 * 1171 * day_cv / sqrt(days), "%g jobs a day", rate);
    cr_expect_float_eq(count_cv(&preset, 3600), count_cv(&trace, 3600), 0.25);
    cr_expect_float_eq(day_cv, count_cv(&trace, 86400), 0.2);
    cr_expect_float_eq(preset.gpu_s / preset.span_s, 473, 95);
    for (int c = 0; c < 5; c++) {
        const double p = share(&trace, c);
        const double error = 100 * sqrt(p / 100 * (1 - p / 100) / (double)preset.submit_s.len);
        cr_expect_float_eq(share(&preset, c), p, 5 * error + 0.01, "class %d: %g %%", c, share(&preset, c));
    }
    const double levels[] = {0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        /* Which share of the preset's jobs lies below the trace's quantile: the level itself. */
        const double at_s = quantile(&trace, 0, levels[i]);
        size_t below = 0;
        for (size_t j = 0; j < preset.run_s[0].len; j++) below += preset.run_s[0].at[j] <= at_s;
        const double n = (double)preset.run_s[0].len, got = (double)below / n;
        cr_expect_float_eq(got, levels[i], 5 * sqrt(levels[i] * (1 - levels[i]) / n),
                           "%g of the jobs below the trace's %g quantile", got, levels[i]);
    }
    sample_free(&trace);
    sample_free(&preset);
}

/*
 * GAIA (Hanafy et al., ASPLOS 2024), Figure 8: 1,000 jobs of a week on the carbon intensity of South Australia, each
 * policy's emissions to six significant digits of the authors' program.
 *
 * Rules. Arrivals and lengths are cut to ticks of 5 s; 1 W a resource unit; jobs below 1,440 ticks may wait 6 h, all
 * others 24 h, and know the mean length of their kind, in whole ticks. Capacity has no limit, so each job stands alone.
 * The published bar of Wait-Awhile comes from a mistake mended later; the right sum (the cheapest ticks of each window,
 * added up directly) is compared instead.
 */
#include "support/shifting.h"
#include "support/testing.h"

#include "base/num.h"
#include "base/tick.h"
#include "io/csv.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS = 1000, HOURS = 720, POLICIES = 5 };
#define TICK_NS (5 * TICK_S)
static const struct { const char *shift, *published; } policies[POLICIES] = {
    {"now", "NoWait"},           {"lowest_slot", "Lowest-Slot"}, {"lowest_window", "Lowest-Window"},
    {"carbon_time", "Carbon-Time"}, {"ecovisor", "Ecovisor"}};

struct figure {
    struct arena arena;
    struct outlook outlook;
    struct {
        int64_t submit_ns, run_ns;
        double units;
    } jobs[JOBS];
    size_t jobs_len;
    double carbon[HOURS];
    size_t carbon_len;
    double expected_g[POLICIES];
};

static double number(const struct csv_row *row, size_t field) {
    double value = 0;
    cr_assert(num_f64(row->fields[field], row->len[field], &value), "%s:%d: not a number: '%s'", row->file, row->line,
              row->fields[field]);
    return value;
}

static int64_t whole_ticks(double seconds) { return (int64_t)(seconds / 5) * TICK_NS; }

static bool add_job(void *context, const struct csv_row *row, struct err *err) {
    struct figure *f = context; /* arrival_time,length,cpus */
    (void)err;
    if (row->line == 1) return true;
    cr_assert_lt(f->jobs_len, JOBS);
    f->jobs[f->jobs_len].submit_ns = whole_ticks(number(row, 0));
    f->jobs[f->jobs_len].run_ns = whole_ticks(number(row, 1));
    f->jobs[f->jobs_len++].units = number(row, 2);
    return true;
}

static bool add_hour(void *context, const struct csv_row *row, struct err *err) {
    struct figure *f = context; /* hour_of_2022,utc,carbon_intensity_avg */
    (void)err;
    if (row->line == 1) return true;
    cr_assert_lt(f->carbon_len, HOURS);
    f->carbon[f->carbon_len++] = number(row, 2);
    return true;
}

static bool add_expected(void *context, const struct csv_row *row, struct err *err) {
    struct figure *f = context; /* figure,policy,...,rerun_carbon_g,rerun_dollar */
    (void)err;
    for (size_t p = 0; p < POLICIES; p++)
        if (strcmp(row->fields[1], policies[p].published) == 0) f->expected_g[p] = number(row, 8);
    return true;
}

static void read_file(const char *name, csv_visit *visit, void *context) {
    struct err err;
    err_init(&err);
    const char *path = testing_data(name);
    if (path == NULL) {
        fprintf(stderr, "SKIPPED ALL: %s is absent (HEADROOM_DATA)\n", name);
        cr_skip_test("%s is absent", name);
    }
    cr_assert(csv_read(path, visit, context, NULL, &err));
    err_free(&err);
}

static struct figure *open_figure(void) {
    struct figure *f = mem_zero(1, sizeof *f);
    static int64_t at_ns[HOURS];
    read_file("jobs/gaia/pai_1k.csv", add_job, f);
    read_file("jobs/gaia/AU-SA_2022_hours_7000-7719.csv", add_hour, f);
    read_file("jobs/gaia/gaia_fig8_expected.csv", add_expected, f);
    cr_assert_eq(f->jobs_len, JOBS);
    cr_assert_eq(f->carbon_len, HOURS);
    for (size_t h = 0; h < HOURS; h++) at_ns[h] = (int64_t)h * TICK_HOUR;
    arena_init(&f->arena);
    outlook_open(&f->outlook, &f->arena, &(struct steps){.at_ns = at_ns, .value = f->carbon, .len = HOURS}, NULL, 0);
    return f;
}

static void close_figure(struct figure *f) {
    arena_free(&f->arena);
    free(f);
}

static bool is_long(int64_t run_ns) { return run_ns >= 1440 * TICK_NS; }

/* Emissions in g under a policy, by the lengths the jobs are believed to have (mean of the kind, or their own). */
static double emissions_g(struct figure *f, const char *shift, bool exact) {
    int64_t sum_ns[2] = {0}, count[2] = {0};
    for (size_t j = 0; j < JOBS; j++) {
        sum_ns[is_long(f->jobs[j].run_ns)] += f->jobs[j].run_ns;
        count[is_long(f->jobs[j].run_ns)]++;
    }
    struct shifting shifting;
    shifting_open(&shifting, &f->arena, shift, 0);
    double total_g = 0;
    for (size_t j = 0; j < JOBS; j++) {
        const int64_t run_ns = f->jobs[j].run_ns;
        const bool longer = is_long(run_ns);
        const int64_t mean_ns = sum_ns[longer] / count[longer] / TICK_NS * TICK_NS;
        const struct lone_job job = {.submit_ns = f->jobs[j].submit_ns, .run_ns = run_ns,
                                     .wait_ns = (longer ? 24 : 6) * TICK_HOUR,
                                     .estimate_ns = exact ? run_ns : mean_ns};
        total_g += f->jobs[j].units * shifting_run(&shifting, &f->outlook, &job, NULL, 0).paid / 3600 / 1000;
    }
    shifting_close(&shifting);
    return total_g;
}

/* The same to six significant digits. */
static bool same_digits(double a, double b) {
    char left[32], right[32];
    (void)snprintf(left, sizeof left, "%.5e", a);
    (void)snprintf(right, sizeof right, "%.5e", b);
    return strcmp(left, right) == 0;
}

Test(gaia, figure_8) {
    struct figure *f = open_figure();
    for (size_t p = 0; p < POLICIES; p++) {
        const double g = emissions_g(f, policies[p].shift, false);
        cr_assert(f->expected_g[p] > 0, "%s has no expected value", policies[p].published);
        fprintf(stderr, "%-14s %.9g g (%.9g)\n", policies[p].shift, g, f->expected_g[p]);
        cr_expect(same_digits(g, f->expected_g[p]), "%s: %.9g g, expected %.9g", policies[p].shift, g,
                  f->expected_g[p]);
    }
    close_figure(f);
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The cheapest ticks of each job's window, tick by tick. */
static double cheapest_ticks_g(const struct figure *f) {
    double total_g = 0;
    for (size_t j = 0; j < JOBS; j++) {
        const size_t first = (size_t)(f->jobs[j].submit_ns / TICK_NS), ticks = (size_t)(f->jobs[j].run_ns / TICK_NS);
        const size_t window = ticks + (is_long(f->jobs[j].run_ns) ? 24 : 6) * 720;
        double *values = mem_alloc(window * sizeof *values);
        for (size_t i = 0; i < window; i++) values[i] = f->carbon[(first + i) / 720];
        qsort(values, window, sizeof *values, ascending);
        double sum = 0;
        for (size_t i = 0; i < ticks; i++) sum += values[i];
        total_g += f->jobs[j].units * sum / 720 / 1000;
        free(values);
    }
    return total_g;
}

Test(gaia, wait_awhile_takes_the_cheapest_ticks) {
    struct figure *f = open_figure();
    const double g = emissions_g(f, "wait_awhile", true), expected_g = cheapest_ticks_g(f);
    cr_expect(testing_near(g, expected_g, 1e-12), "%.12g g, expected %.12g", g, expected_g);
    cr_expect(same_digits(g, 307.056), "%.9g g", g);
    close_figure(f);
}

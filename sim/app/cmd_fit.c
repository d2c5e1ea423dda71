/*
 * `headroom fit`: a trace's durations and arrivals as a synthetic load that resembles it, with how well it
 * does, so that the load can be scaled.
 *
 * Durations: a class for each common number of GPUs, every family of base/fit.h by maximum likelihood. The
 * load takes the one with the least AIC that a model can draw, or, where its distance is more than
 * FIT_KS_MOST, the table of the trace's own quantiles. Arrivals: the mean rate; relative rates by hour of the
 * day and day of the week; and the coefficient of variation of the gaps, measured on a clock that runs at the
 * speed of that shape, which is how the model gamma_renewal draws them. Cost: a sort of the durations, some
 * dozen passes.
 */
#include "app/app.h"
#include "app/args.h"
#include "base/err.h"
#include "base/fit.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/stats.h"
#include "base/text.h"
#include "base/tick.h"
#include "io/table.h"
#include "io/trace.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOURS = 24, DAYS = 7, CLASS_JOBS_LEAST = 50, WEEKLY_DAYS_LEAST = 14, DAILY_DAYS_LEAST = 3 };
static const double FIT_KS_MOST = 0.05, CLASS_SHARE_LEAST = 0.01;
/* The seconds from a Monday's midnight to 1970-01-01, a Thursday. */
static const double THURSDAY_S = 3 * 86400;

struct fit_args {
    const char *output;
};
static const struct args_option options[] = {
    {'o', "output", "FILE", ARGS_TEXT, offsetof(struct fit_args, output),
     .help = "write the load into FILE, for a scenario to include"},
};
static const char *const examples[] = {
    "headroom fit jobs.csv.gz",
    "what distributions the trace's run times have, when its jobs arrive, and a load that resembles it",
    "headroom fit jobs.csv.gz -o load.yaml",
    "keeps the load: 'include: load.yaml' in a scenario, and load.arrivals.rate is there to be scaled",
    NULL,
};
static const struct args_spec spec = {
    "fit",
    "TRACE",
    1,
    1,
    "Fits distributions to the run times of a trace (in the program's format, see 'headroom import') by "
    "maximum likelihood, measures when its jobs arrive and how much in bursts, and prints a load that can "
    "be drawn in its place and scaled.\n\n"
    "Beside every fit stand the Kolmogorov-Smirnov distance, the largest gap between the shares of jobs "
    "below a run time in trace and fit, and Akaike's criterion, of which less is better.",
    options,
    sizeof options / sizeof *options,
    examples,
};

/* --- classes --- */

/* Jobs that ask for so many GPUs. */
struct count {
    double gpus;
    size_t jobs, class;
};
struct counts {
    struct count *at;
    size_t len, cap;
};

struct class {
    double *at; /* run times in seconds above 0, ascending */
    size_t len, cap;
    size_t jobs;
    double utilisation; /* sum */
    struct fit fits[FIT_FAMILIES];
    size_t best; /* of those that a model draws, the nearest; FIT_FAMILIES: the table is taken */
};
struct classes {
    struct class *at;
    size_t len, cap;
};

static double gpus_of(const struct jobs *jobs, size_t j) {
    return shape_gpu_milli(&jobs->shapes.at[jobs->at[j].shape]) / 1000.0;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int by_gpus(const void *a, const void *b) {
    const double x = ((const struct count *)a)->gpus, y = ((const struct count *)b)->gpus;
    return (x > y) - (x < y);
}

static struct count *count_of(struct counts *counts, double gpus) {
    for (size_t i = 0; i < counts->len; i++)
        if (counts->at[i].gpus == gpus) return &counts->at[i];
    struct count *count = vec_push(counts);
    *count = (struct count){.gpus = gpus};
    return count;
}

/* A class for each number of GPUs that is asked for often, one for all others together. */
static void find_classes(const struct jobs *jobs, struct counts *counts, struct classes *classes) {
    for (size_t j = 0; j < jobs->len; j++) count_of(counts, gpus_of(jobs, j))->jobs++;
    qsort(counts->at, counts->len, sizeof *counts->at, by_gpus);
    bool rare = false;
    for (size_t i = 0; i < counts->len; i++) {
        struct count *count = &counts->at[i];
        const bool often = count->jobs >= CLASS_JOBS_LEAST &&
                           (double)count->jobs >= CLASS_SHARE_LEAST * (double)jobs->len;
        rare |= !often;
        count->class = SIZE_MAX;
        if (!often) continue;
        count->class = classes->len;
        *vec_push(classes) = (struct class){0};
    }
    if (rare) *vec_push(classes) = (struct class){0};
    for (size_t i = 0; i < counts->len; i++)
        if (counts->at[i].class == SIZE_MAX) counts->at[i].class = classes->len - 1;
    for (size_t j = 0; j < jobs->len; j++) {
        struct class *class = &classes->at[count_of(counts, gpus_of(jobs, j))->class];
        class->jobs++;
        class->utilisation += (double)jobs->at[j].utilisation;
        if (jobs->at[j].run_ns > 0) *vec_push(class) = tick_seconds(jobs->at[j].run_ns);
    }
}

/* Whether a model of durations draws the family, with these parameters. */
static bool drawable(const struct fit *fit) {
    if (!fit->found || fit->family == FIT_GAMMA) return false;
    return fit->family != FIT_WEIBULL || (fit->a >= 0.1 && fit->a <= 100);
}

static void fit_class(struct class *class) {
    class->best = FIT_FAMILIES;
    if (class->len < 2) return;
    qsort(class->at, class->len, sizeof *class->at, ascending);
    for (int f = 0; f < FIT_FAMILIES; f++) {
        class->fits[f] = fit_family((enum fit_family)f, class->at, class->len);
        if (!drawable(&class->fits[f])) continue;
        const bool first = class->best == FIT_FAMILIES;
        if (first || class->fits[f].aic < class->fits[class->best].aic) class->best = (size_t)f;
    }
    if (class->best < FIT_FAMILIES && class->fits[class->best].ks > FIT_KS_MOST) class->best = FIT_FAMILIES;
}

/* "2-gpu", "others" */
static void name_class(const struct counts *counts, size_t class, char name[48]) {
    size_t found = 0;
    char number[32];
    snprintf(name, 48, "others");
    for (size_t i = 0; i < counts->len; i++) {
        if (counts->at[i].class != class) continue;
        if (found++ == 0) snprintf(name, 48, "%s-gpu", num_shortest(counts->at[i].gpus, number));
    }
    if (found > 1) snprintf(name, 48, "others");
}

/* --- arrivals --- */

struct arrivals {
    bool calendar;          /* false: second 0 is taken for a Monday's midnight */
    double from_s, to_s;    /* first and last submission, from a Monday's midnight */
    double daily[HOURS], weekly[DAYS]; /* relative to their mean; 1 where the trace is too short to tell */
    bool has_daily, has_weekly;
    double rate_per_h, gap_cv, hour_cv;
};

static size_t hour_of(double s) { return (size_t)(s / 3600) % HOURS; }
static size_t day_of(double s) { return (size_t)(s / 86400) % DAYS; }

/* From a Monday's midnight before all jobs. */
static double week_s(const struct jobs *jobs, size_t j, bool calendar) {
    const double at_s = tick_seconds(jobs->at[j].submit_ns);
    if (!calendar) return at_s;
    const double origin_s = fmod(tick_seconds(jobs->origin_unix_ns) + THURSDAY_S, DAYS * 86400.0);
    return at_s + (origin_s < 0 ? origin_s + DAYS * 86400.0 : origin_s);
}

/* Counts over the time there was, relative to their mean. */
static void relate(const double *counts, const double *hours, size_t len, double *relative) {
    double sum = 0;
    for (size_t i = 0; i < len; i++) sum += relative[i] = hours[i] > 0 ? counts[i] / hours[i] : 0;
    for (size_t i = 0; i < len; i++) relative[i] *= (double)len / sum;
}

static void find_shape(const struct jobs *jobs, struct arrivals *a) {
    double by_hour[HOURS] = {0}, by_day[DAYS] = {0}, hours[HOURS] = {0}, days[DAYS] = {0};
    for (size_t j = 0; j < jobs->len; j++) {
        const double at_s = week_s(jobs, j, a->calendar);
        by_hour[hour_of(at_s)]++;
        by_day[day_of(at_s)]++;
    }
    for (double at_s = 3600 * floor(a->from_s / 3600); at_s < a->to_s; at_s += 3600) {
        const double spent = (fmin(at_s + 3600, a->to_s) - fmax(at_s, a->from_s)) / 3600;
        hours[hour_of(at_s + 1)] += spent;
        days[day_of(at_s + 1)] += spent;
    }
    const double span_days = (a->to_s - a->from_s) / 86400;
    a->has_daily = span_days >= DAILY_DAYS_LEAST;
    a->has_weekly = span_days >= WEEKLY_DAYS_LEAST;
    for (size_t h = 0; h < HOURS; h++) a->daily[h] = 1;
    for (size_t d = 0; d < DAYS; d++) a->weekly[d] = 1;
    if (a->has_daily) relate(by_hour, hours, HOURS, a->daily);
    if (a->has_weekly) relate(by_day, days, DAYS, a->weekly);
}

/* The clock that runs at the speed of the shape: time on it, in hours, when the jobs came; free(). */
static double *clock_of(const struct jobs *jobs, const struct arrivals *a) {
    double *clock = mem_alloc((jobs->len + 1) * sizeof *clock);
    double at_s = a->from_s, shown = 0;
    for (size_t j = 0; j < jobs->len; j++) {
        const double until_s = week_s(jobs, j, a->calendar);
        while (at_s < until_s) {
            const double next_s = fmin(until_s, 3600 * (floor(at_s / 3600) + 1));
            shown += (next_s - at_s) / 3600 * a->daily[hour_of(at_s)] * a->weekly[day_of(at_s)];
            at_s = next_s;
        }
        clock[j] = shown;
    }
    return clock;
}

static double cv_of(double *values, size_t count) {
    const struct stats_summary s = stats_summarise(values, count);
    return s.mean > 0 ? s.sd / s.mean : 0;
}

static void find_arrivals(const struct jobs *jobs, struct arrivals *a) {
    *a = (struct arrivals){.calendar = jobs->origin_unix_ns != JOB_UNKNOWN};
    a->from_s = week_s(jobs, 0, a->calendar);
    a->to_s = week_s(jobs, jobs->len - 1, a->calendar);
    find_shape(jobs, a);
    double *clock = clock_of(jobs, a);
    a->rate_per_h = (double)(jobs->len - 1) / clock[jobs->len - 1];
    for (size_t j = 0; j + 1 < jobs->len; j++) clock[j] = clock[j + 1] - clock[j];
    a->gap_cv = cv_of(clock, jobs->len - 1);
    free(clock);
    const size_t hours = (size_t)((a->to_s - a->from_s) / 3600) + 1;
    double *counts = mem_zero(hours, sizeof *counts);
    for (size_t j = 0; j < jobs->len; j++)
        counts[(size_t)((week_s(jobs, j, a->calendar) - a->from_s) / 3600)]++;
    a->hour_cv = cv_of(counts, hours);
    free(counts);
}

/* --- the load --- */

static void put_numbers(struct text *text, const char *key, const double *values, size_t count) {
    text_format(text, "%s: [", key);
    for (size_t i = 0; i < count; i++) text_format(text, "%s%.3g", i ? ", " : "", values[i]);
    text_put(text, "]\n");
}

/* The trace's own quantiles. */
static void put_table(struct text *text, struct class *class) {
    static const double shares[] = {0,   0.01, 0.05, 0.1,  0.25,  0.5,   0.75,
                                    0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1};
    enum { SHARES = sizeof shares / sizeof *shares };
    text_put(text, "        model: empirical\n        ");
    put_numbers(text, "probabilities", shares, SHARES);
    text_put(text, "        run_times: [");
    for (size_t i = 0; i < SHARES; i++) {
        const double run_s = class->len ? stats_quantile(class->at, class->len, shares[i]) : 1;
        text_format(text, "%s%.6g s", i ? ", " : "", run_s);
    }
    text_put(text, "]\n");
}

static void put_durations(struct text *text, struct class *class) {
    text_put(text, "      durations:\n");
    if (class->best == FIT_FAMILIES) {
        put_table(text, class);
        return;
    }
    const struct fit *f = &class->fits[class->best];
    text_format(text, "        model: %s\n        ", fit_names[f->family]);
    switch (f->family) {
    case FIT_EXPONENTIAL: text_format(text, "mean: %.6g s\n", f->a); break;
    case FIT_LOGNORMAL: text_format(text, "median: %.6g s\n        sigma: %.4g\n", exp(f->a), f->b); break;
    case FIT_WEIBULL: text_format(text, "scale: %.6g s\n        shape: %.4g\n", f->b, f->a); break;
    default:
        text_format(text, "shortest: %.6g s\n        longest: %.6g s\n        alpha: %.4g\n", f->b, f->c,
                    f->a);
    }
}

static void put_class(struct text *text, const struct counts *counts, struct classes *classes, size_t c) {
    struct class *class = &classes->at[c];
    char name[48], number[32];
    name_class(counts, c, name);
    text_format(text, "    - name: %s\n      weight: %zu\n      gpus: [", name, class->jobs);
    size_t found = 0;
    for (size_t i = 0; i < counts->len; i++)
        if (counts->at[i].class == c)
            text_format(text, "%s%s", found++ ? ", " : "", num_shortest(counts->at[i].gpus, number));
    text_put(text, "]\n");
    if (found > 1) {
        text_put(text, "      gpus_weight: [");
        for (size_t i = 0, k = 0; i < counts->len; i++)
            if (counts->at[i].class == c) text_format(text, "%s%zu", k++ ? ", " : "", counts->at[i].jobs);
        text_put(text, "]\n");
    }
    const double utilisation = class->utilisation / (double)class->jobs;
    if (utilisation >= 0.01 && utilisation < 1) text_format(text, "      utilisation: %.3g\n", utilisation);
    put_durations(text, class);
}

static void put_load(struct text *text, const char *file, const struct jobs *jobs, const struct arrivals *a,
                     const struct counts *counts, struct classes *classes) {
    const double days = (a->to_s - a->from_s) / 86400;
    text_format(text, "# Fitted to %s: %zu jobs in %.4g days. Scale load.arrivals.rate.\nload:\n", file,
                jobs->len, days);
    text_format(text, "  until: %.6g d\n  arrivals:\n", days);
    if (a->gap_cv > 0.95 && a->gap_cv < 1.05)
        text_format(text, "    model: poisson\n    rate: %.5g /h\n", a->rate_per_h);
    else
        text_format(text, "    model: gamma_renewal\n    rate: %.5g /h\n    cv: %.3g\n", a->rate_per_h,
                    fmin(fmax(a->gap_cv, 0.05), 20));
    if (a->has_daily) text_put(text, "  "), put_numbers(text, "daily", a->daily, HOURS);
    if (a->has_weekly) text_put(text, "  "), put_numbers(text, "weekly", a->weekly, DAYS);
    text_put(text, "  classes:\n");
    for (size_t c = 0; c < classes->len; c++) put_class(text, counts, classes, c);
}

/* --- the page --- */

static void print_fit(struct table *table, const struct class *class, int f) {
    const struct fit *fit = &class->fits[f];
    char number[48];
    static const char *const names[FIT_FAMILIES][3] = {{"mean", NULL, NULL},
                                                       {"mu", "sigma", NULL},
                                                       {"shape", "scale", NULL},
                                                       {"shape", "scale", NULL},
                                                       {"alpha", "shortest", "longest"}};
    const double values[3] = {fit->a, fit->b, fit->c};
    struct text text;
    text_init(&text);
    for (int k = 0; k < 3 && names[f][k]; k++)
        text_format(&text, "%s%s %.4g", k ? ", " : "", names[f][k], values[k]);
    table_cell(table, "%s", fit_names[f]);
    table_cell(table, "%s", fit->found ? text.at : "no fit");
    table_cell(table, "%s", fit->found ? table_number(fit->ks, 3, number) : "-");
    table_cell(table, "%s", fit->found ? table_number(fit->aic, 0, number) : "-");
    table_cell(table, "%s", class->best == (size_t)f ? "taken" : "");
    text_free(&text);
}

static void print_class(const struct counts *counts, struct classes *classes, size_t c) {
    struct class *class = &classes->at[c];
    char name[48], a[48], b[48], d[48];
    name_class(counts, c, name);
    printf("\n%s: %s jobs", name, table_number((double)class->jobs, 0, a));
    const size_t without = class->jobs - class->len;
    if (without) printf(" (%s without a run time are left out)", table_number((double)without, 0, b));
    if (class->len < 2) {
        printf("; too few to fit\n");
        return;
    }
    const struct stats_summary s = stats_summarise(class->at, class->len);
    qsort(class->at, class->len, sizeof *class->at, ascending);
    printf("; run time %s s on average, median %s s, 90 %% within %s s\n", table_number(s.mean, 0, a),
           table_number(s.p50, 0, b), table_number(s.p90, 0, d));
    struct table *table = table_open("llrrl");
    static const char *const titles[] = {"family", "parameters", "KS distance", "AIC", ""};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) table_cell(table, "%s", titles[i]);
    for (int f = 0; f < FIT_FAMILIES; f++) print_fit(table, class, f);
    table_print(table, stdout, 1, 2);
    table_close(table);
    if (class->best == FIT_FAMILIES)
        printf("  No family that can be drawn is within %g: the trace's own quantiles are taken.\n",
               FIT_KS_MOST);
}

static void print_page(const char *file, const struct jobs *jobs, const struct arrivals *a,
                       const struct counts *counts, struct classes *classes) {
    char number[48], span[32];
    printf("%s: %s jobs in %s\n", file, table_number((double)jobs->len, 0, number),
           tick_human(tick_from_seconds(a->to_s - a->from_s), span));
    printf("Arrivals: %.4g an hour; of the jobs in an hour the coefficient of variation is %.3g, of the "
           "gaps %.3g once day and week are taken out (Poisson: 1)\n", a->rate_per_h, a->hour_cv, a->gap_cv);
    if (!a->calendar) printf("The trace has no calendar: its second 0 is taken for a Monday's midnight.\n");
    if (!a->has_daily) printf("It is shorter than %d days: no shape of the day.\n", DAILY_DAYS_LEAST);
    if (!a->has_weekly) printf("It is shorter than %d days: no shape of the week.\n", WEEKLY_DAYS_LEAST);
    for (size_t c = 0; c < classes->len; c++) print_class(counts, classes, c);
}

/* --- all together --- */

static void write_load(const char *path, const struct text *load) {
    FILE *file = fopen(path, "w");
    if (!file) die("cannot write '%s': %s", path, strerror(errno));
    fwrite(load->at, 1, load->len, file);
    const bool failed = ferror(file);
    if (fclose(file) != 0 || failed) die("cannot write '%s': %s", path, strerror(errno));
}

static void fit_jobs(const struct fit_args *args, const char *file, const struct jobs *jobs) {
    struct counts counts = {0};
    struct classes classes = {0};
    struct arrivals arrivals;
    struct text load;
    find_classes(jobs, &counts, &classes);
    for (size_t c = 0; c < classes.len; c++) fit_class(&classes.at[c]);
    find_arrivals(jobs, &arrivals);
    print_page(file, jobs, &arrivals, &counts, &classes);
    text_init(&load);
    put_load(&load, file, jobs, &arrivals, &counts, &classes);
    if (args->output) write_load(args->output, &load);
    else printf("\n%s", load.at);
    text_free(&load);
    for (size_t c = 0; c < classes.len; c++) free(classes.at[c].at);
    free(classes.at);
    free(counts.at);
}

int cmd_fit(int argc, char **argv) {
    struct fit_args args = {0};
    struct args_texts operands;
    int status;
    if (!args_read(&spec, argc, argv, &args, &operands, &status)) return status;
    const char *file = operands.at[0];
    struct jobs jobs;
    struct err err;
    err_init(&err);
    bool good = trace_read(file, 0, &jobs, &err);
    if (good && (jobs.len < 2 || jobs.at[0].submit_ns == jobs.at[jobs.len - 1].submit_ns))
        good = err_add(&err, (struct place_in_file){.file = file},
                       "at least two jobs at different times are needed");
    if (good) fit_jobs(&args, file, &jobs);
    jobs_free(&jobs);
    err_print(&err, stderr);
    err_free(&err);
    args_free(&operands);
    return good ? EXIT_OK : EXIT_BAD_INPUT;
}

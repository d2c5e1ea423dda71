/*
 * `headroom compare`: groups of runs against each other, with intervals, tests and winners.
 */
#include "app/app.h"
#include "app/args.h"
#include "app/chosen.h"
#include "base/err.h"
#include "base/num.h"
#include "base/text.h"
#include "io/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct compare_args {
    struct args_texts runs, metrics;
    const char *baseline, *by, *pareto, *format, *plot, *confidence;
};

static const struct args_option options[] = {
    {0, "by", "KEY", ARGS_TEXT, offsetof(struct compare_args, by),
     .help = "what makes groups: run (its name in the scenario), policy (all models in which runs differ), "
             "one of order, backfill, place, route, shift, market, forecast, or any path of the scenario, "
             "such as pools.a100.nodes (default: run, policy, or the one path in which runs differ)"},
    {0, "baseline", "NAME", ARGS_TEXT, offsetof(struct compare_args, baseline),
     .help = "the group the others are compared with, by its label or the name of a run in it (default: the "
             "scenario's baseline, else the first)"},
    {'m', "metric", "NAME", ARGS_LIST, offsetof(struct compare_args, metrics),
     .help = "compare in this metric ('headroom help metrics'); may be repeated (default: waiting and "
             "completion time, goodput, utilisation, energy, emissions, cost)"},
    {0, "pareto", "A,B[,C]", ARGS_TEXT, offsetof(struct compare_args, pareto),
     .help = "metrics of the Pareto front (default: total_usd,total_co2_kg,jct_mean_s, or energy and "
             "goodput where these say nothing)"},
    {'r', "run", "N", ARGS_LIST, offsetof(struct compare_args, runs),
     .help = "only this run, by its number; a span (4-7); or 'latest', the runs of the newest command; may "
             "be repeated (default: all complete runs)"},
    {0, "confidence", "SHARE", ARGS_TEXT, offsetof(struct compare_args, confidence),
     .help = "of intervals, and 1 minus it is what a significant p must not exceed (default: 0.95)"},
    {0, "plot", "DIR", ARGS_TEXT, offsetof(struct compare_args, plot),
     .help = "draw into this folder, made when missing: bars with intervals, waiting and completion times, "
             "the Pareto front, and a heat map a metric where runs differ in two paths alone"},
    {0, "format", "FORMAT", ARGS_TEXT, offsetof(struct compare_args, format),
     .help = "text, csv, markdown, latex or json (default: text)"},
};
static const char *const examples[] = {
    "headroom compare results.db --by policy --baseline fifo",
    "every policy against fifo, over all seeds in the file",
    "headroom compare results.db --by pools.a100.nodes -m wait_p99_s -m total_usd --format csv",
    "what each number of nodes brings and costs, as a table for a spreadsheet",
    NULL,
};
static const struct args_spec spec = {
    "compare",
    "[RESULTS]",
    0,
    1,
    "Compares groups of runs of a results file (" APP_RESULTS
    " when none is named): means over replications with confidence intervals, differences to a baseline "
    "between runs of the same seed, which of them are more than chance, a winner for each metric, and the "
    "Pareto front.\n\nReplications are runs that differ in nothing but their seed: those of a sweep, or of "
    "'headroom run --seed N' with several N. gnuplot draws what --plot asks for.",
    options,
    sizeof options / sizeof *options,
    examples,
};

/* COMPARE_FORMATS: there is none of that name, which was said. */
static enum compare_format format_named(const char *name) {
    for (int format = 0; format < COMPARE_FORMATS; format++)
        if (strcmp(compare_formats[format], name) == 0) return (enum compare_format)format;
    const char *nearest = text_nearest(name, compare_formats, COMPARE_FORMATS);
    args_mistake(spec.command, "--format takes text, csv, markdown, latex or json, not '%s'%s%s%s", name,
                 nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    return COMPARE_FORMATS;
}

static bool read_level(const char *text, double *level) {
    if (num_f64(text, strlen(text), level) && *level >= 0.5 && *level <= 0.9999) return true;
    args_mistake(spec.command, "--confidence takes a share from 0.5 to 0.9999, such as 0.95, not '%s'", text);
    return false;
}

static bool draw(const struct compare *comparison, struct store *store, const char *folder) {
    char *scripts = app_scripts_dir(), *why = NULL;
    const bool drawn = compare_draw(comparison, store, folder, scripts, &why);
    if (!drawn) fprintf(stderr, "headroom compare: %s\n", why);
    free(why);
    free(scripts);
    return drawn;
}

static int compare(const struct compare_args *args, const char *file) {
    const enum compare_format format = format_named(args->format);
    double level;
    if (!read_level(args->confidence, &level) || format == COMPARE_FORMATS) return EXIT_BAD_INPUT;
    const struct compare_wish wish = {.by = args->by,
                                      .baseline = args->baseline,
                                      .metrics = args->metrics.at,
                                      .metrics_len = args->metrics.len,
                                      .pareto = args->pareto,
                                      .level = level};
    struct store *store = store_open_read(file);
    struct compare comparison;
    struct err err;
    size_t count;
    int status = EXIT_OK;
    err_init(&err);
    int64_t *ids = args->runs.len ? chosen_runs(store, spec.command, &args->runs, &count, &status)
                                  : store_complete(store, &count);
    if (status != EXIT_OK) {
        store_close(store);
        return status;
    }
    if (compare_read(&comparison, store, ids, count, &wish, &err)) {
        compare_print(&comparison, format, stdout);
        if (args->plot && !draw(&comparison, store, args->plot)) status = EXIT_FAILED;
        compare_free(&comparison);
    }
    for (size_t i = 0; i < err.kept; i++) status = args_mistake(spec.command, "%s", err.lines[i]);
    err_free(&err);
    free(ids);
    store_close(store);
    return status;
}

int cmd_compare(int argc, char **argv) {
    struct compare_args args = {.format = "text", .confidence = "0.95"};
    struct args_texts operands;
    int status;
    if (!args_read(&spec, argc, argv, &args, &operands, &status)) return status;
    status = compare(&args, operands.len ? operands.at[0] : APP_RESULTS);
    args_free(&operands);
    args_free(&args.runs);
    args_free(&args.metrics);
    return status;
}

/*
 * `headroom show`: what is in a results file, as text for people or for programs.
 */
#include "app/app.h"
#include "app/args.h"
#include "app/chosen.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/summary.h"
#include "io/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct show_args {
    struct args_texts runs;
    const char *by;
    bool json, csv;
};

static const struct args_option options[] = {
    {'r', "run", "N", ARGS_LIST, offsetof(struct show_args, runs),
     .help = "this run, by its number; a span (4-7); or 'latest', the runs of the newest command; may be "
             "repeated, "
             "runs then stand side by side"},
    {'b', "by", "PART", ARGS_TEXT, offsetof(struct show_args, by),
     .help = "the figures of each region, tenant, class, pool, service, request_class or request_region "
             "instead of the whole"},
    {0, "json", NULL, ARGS_SWITCH, offsetof(struct show_args, json), .help = "every figure, as JSON"},
    {0, "csv", NULL, ARGS_SWITCH, offsetof(struct show_args, csv),
     .help = "every figure, as CSV, a row a run and part"},
};
static const char *const examples[] = {
    "headroom show",
    "lists the runs in " APP_RESULTS,
    "headroom show results.db --run latest",
    "compares the runs of the newest command, the baseline first",
    "headroom show results.db --run 3 --by tenant",
    "what each tenant got, and what it cost",
    NULL,
};
static const struct args_spec spec = {
    "show",
    "[RESULTS]",
    0,
    1,
    "Shows what is in a results file (" APP_RESULTS
    " when none is named): without options a list of its runs, with "
    "--run the figures of some.",
    options,
    sizeof options / sizeof *options,
    examples,
};

/* The part of --by; PART_COUNT: there is none of that name, which was said. */
static enum part part_by(const char *name) {
    for (int part = PART_REGION; part < PART_COUNT; part++)
        if (strcmp(part_names[part], name) == 0) return (enum part)part;
    const char *nearest = text_nearest(name, part_names + 1, PART_COUNT - 1);
    args_mistake(spec.command, "--by takes region, tenant, class, pool, service, request_class, request_region "
                 "or pipeline, not '%s'%s%s%s", name,
                 nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    return PART_COUNT;
}

static void print(const struct show_args *args, const struct summary *runs, size_t count, enum part by) {
    if (args->json) table_json(stdout, runs, count);
    else if (args->csv) table_csv(stdout, runs, count, args->by ? 1u << by : ~0u);
    else if (args->by) table_parts(stdout, runs, count, by, TABLE_TEXT);
    else table_summary(stdout, runs, count);
}

static void show_runs(struct store *store, const struct show_args *args, const int64_t *ids, size_t count,
                      enum part by) {
    struct summary *runs = mem_zero(count, sizeof *runs);
    for (size_t i = 0; i < count; i++) require(store_read_summary(store, ids[i], ~0u, &runs[i]));
    print(args, runs, count, by);
    for (size_t i = 0; i < count; i++) summary_free(&runs[i]);
    free(runs);
}

static void list_runs(struct store *store, const char *file) {
    size_t count;
    int64_t *ids = store_runs(store, &count);
    struct summary *runs = mem_zero(count + 1, sizeof *runs);
    for (size_t i = 0; i < count; i++) require(store_read_summary(store, ids[i], 1u << PART_RUN, &runs[i]));
    table_runs(stdout, runs, count);
    printf("\n'headroom show %s --run N' shows one, '--run latest' the newest side by side.\n", file);
    for (size_t i = 0; i < count; i++) summary_free(&runs[i]);
    free(runs);
    free(ids);
}

static int show(const struct show_args *args, const char *file) {
    const bool list = !args->runs.len && !args->by && !args->json && !args->csv;
    const enum part by = args->by ? part_by(args->by) : PART_RUN;
    if (by == PART_COUNT) return EXIT_BAD_INPUT;
    if (args->json && args->csv) return args_mistake(spec.command, "--json and --csv exclude each other");
    struct store *store = store_open_read(file);
    int status = EXIT_OK;
    if (list) {
        list_runs(store, file);
    } else {
        size_t count;
        int64_t *ids = chosen_runs(store, spec.command, &args->runs, &count, &status);
        if (ids) show_runs(store, args, ids, count, by);
        free(ids);
    }
    store_close(store);
    return status;
}

int cmd_show(int argc, char **argv) {
    struct show_args args = {0};
    struct args_texts operands;
    int status;
    if (!args_read(&spec, argc, argv, &args, &operands, &status)) return status;
    status = show(&args, operands.len ? operands.at[0] : APP_RESULTS);
    args_free(&operands);
    args_free(&args.runs);
    return status;
}

/*
 * `headroom export`: results as CSV for other programs.
 */
#include "app/app.h"
#include "app/args.h"
#include "app/chosen.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/focus.h"
#include "io/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct export_args {
    const char *output;
    bool focus;
};

static const struct args_option options[] = {
    {0, "focus", NULL, ARGS_SWITCH, offsetof(struct export_args, focus),
     .help = "cost lines with the column names of FOCUS 1.2, the FinOps Open Cost and Usage Specification; "
             "energy and emissions in x_ columns"},
    {'o', "output", "FILE", ARGS_TEXT, offsetof(struct export_args, output),
     .help = "write into this file (default: standard output)"},
};
static const char *const examples[] = {
    "headroom export results.db -o figures.csv",
    "every figure of the runs of the newest command, a row a run and part",
    "headroom export --focus results.db -o costs.csv 3 5-7",
    "what runs 3, 5, 6 and 7 cost, as a cloud bill would say it",
    NULL,
};
static const struct args_spec spec = {
    "export",
    "[RESULTS [RUN...]]",
    0,
    SIZE_MAX,
    "Writes runs of a results file (" APP_RESULTS
    " when none is named) as CSV: every figure of every part, or, with --focus, the lines of their bills. A "
    "run is named by its number, a span (4-7), or 'latest', the runs of the newest command (default).",
    options,
    sizeof options / sizeof *options,
    examples,
};

static void write_focus(FILE *to, struct store *store, const struct summary *runs, size_t count) {
    focus_header(to);
    for (size_t i = 0; i < count; i++) {
        struct arena arena;
        size_t lines_len;
        arena_init(&arena);
        struct charge_line *lines = store_read_charges(store, runs[i].run, &arena, &lines_len);
        focus_rows(to, &runs[i], lines, lines_len);
        free(lines);
        arena_free(&arena);
    }
}

static void close_output(FILE *to, const char *path) {
    const bool failed = ferror(to);
    if (fclose(to) != 0 || failed) die("cannot write '%s': %s", path, strerror(errno));
}

static void write_runs(const struct export_args *args, struct store *store, const int64_t *ids,
                       size_t count) {
    struct summary *runs = mem_zero(count, sizeof *runs);
    for (size_t i = 0; i < count; i++) require(store_read_summary(store, ids[i], ~0u, &runs[i]));
    FILE *to = args->output ? fopen(args->output, "wb") : stdout;
    if (!to) die("cannot write '%s': %s", args->output, strerror(errno));
    if (args->focus) write_focus(to, store, runs, count);
    else table_csv(to, runs, count, ~0u);
    if (args->output) close_output(to, args->output);
    for (size_t i = 0; i < count; i++) summary_free(&runs[i]);
    free(runs);
}

int cmd_export(int argc, char **argv) {
    struct export_args args = {0};
    struct args_texts operands;
    int status = EXIT_OK;
    if (!args_read(&spec, argc, argv, &args, &operands, &status)) return status;
    const struct args_texts named = {.at = operands.at + (operands.len > 0),
                                     .len = operands.len - (operands.len > 0)};
    struct store *store = store_open_read(operands.len ? operands.at[0] : APP_RESULTS);
    size_t count;
    int64_t *ids = chosen_runs(store, spec.command, &named, &count, &status);
    if (ids) write_runs(&args, store, ids, count);
    free(ids);
    store_close(store);
    args_free(&operands);
    return status;
}

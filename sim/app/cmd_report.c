/*
 * `headroom report`: pictures and pages of runs in a results file.
 */
#include "app/app.h"
#include "app/args.h"
#include "app/chosen.h"
#include "base/err.h"
#include "base/text.h"
#include "io/report.h"

#include <stdio.h>
#include <stdlib.h>

struct report_args {
    const char *output;
    struct args_texts runs;
};

static const struct args_option options[] = {
    {'o', "output", "DIR", ARGS_TEXT, offsetof(struct report_args, output),
     .help = "the folder to write into, made when missing (default: report)"},
    {'r', "run", "N", ARGS_LIST, offsetof(struct report_args, runs),
     .help = "this run, by its number; a span (4-7); or 'latest', the runs of the newest command (default); "
             "may be repeated, at most 8 runs side by side"},
};
static const char *const examples[] = {
    "headroom report results.db -o report",
    "draws the runs of the newest command side by side; open report/index.html",
    "headroom report results.db --run 3 -o fifo",
    "draws one run",
    NULL,
};
static const struct args_spec spec = {
    "report",
    "[RESULTS]",
    0,
    1,
    "Draws runs of a results file (" APP_RESULTS " when none is named) and says what their figures mean: index.html is "
    "one file that needs no other, in a light and a dark form, and prints; report.md is the same for wikis. A summary "
    "in words comes first, then the runs against each other, over time, where money, capacity and waiting went, all "
    "figures, the parts, the assumptions with their sources, and how to run it again. Tables sort by a click on a "
    "heading. Each picture is also an SVG and a PNG of its own.\n\n"
    "gnuplot draws; its scripts are looked for in $HEADROOM_SCRIPTS, else where the program's own files are.",
    options,
    sizeof options / sizeof *options,
    examples,
};

/* Owned by the caller. */
static char *scripts_dir(void) {
    struct text dir;
    const char *wanted = getenv("HEADROOM_SCRIPTS");
    text_init(&dir);
    if (wanted && *wanted) text_put(&dir, wanted);
    else text_format(&dir, "%s/scripts", app_data_dir());
    return text_take(&dir);
}

static int draw(const struct report_args *args, const char *file, struct store *store, const int64_t *ids,
                size_t count) {
    if (count > REPORT_RUNS_MOST) {
        return args_mistake(spec.command, "%zu runs are too many side by side; name at most %d with --run",
                            count, REPORT_RUNS_MOST);
    }
    char *scripts = scripts_dir(), *why = NULL;
    const struct report report = {args->output, scripts, file};
    const bool drawn = report_write(&report, store, ids, count, &why);
    if (drawn)
        printf("%s/index.html and %s/report.md show %zu run%s\n", args->output, args->output, count,
               count > 1 ? "s" : "");
    else fprintf(stderr, "headroom report: %s\n", why);
    free(why);
    free(scripts);
    return drawn ? EXIT_OK : EXIT_FAILED;
}

int cmd_report(int argc, char **argv) {
    struct report_args args = {.output = "report"};
    struct args_texts operands;
    int status = EXIT_OK;
    if (!args_read(&spec, argc, argv, &args, &operands, &status)) return status;
    const char *file = operands.len ? operands.at[0] : APP_RESULTS;
    struct store *store = store_open_read(file);
    size_t count;
    int64_t *ids = chosen_runs(store, spec.command, &args.runs, &count, &status);
    if (ids) status = draw(&args, file, store, ids, count);
    free(ids);
    store_close(store);
    args_free(&operands);
    args_free(&args.runs);
    return status;
}

/*
 * `headroom report`: pictures and pages of runs in a results file.
 */
#include "app/app.h"
#include "app/args.h"
#include "app/chosen.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/compare.h"
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
             "may be repeated. Replications, and more than 8 runs, are compared in groups, and one run of each is "
             "drawn"},
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

static int draw(const struct report *report, struct store *store, const int64_t *ids, size_t count) {
    char *why = NULL;
    const bool drawn = report_write(report, store, ids, count, &why);
    if (drawn)
        printf("%s/index.html and %s/report.md show %zu run%s\n", report->folder, report->folder, count,
               count > 1 ? "s" : "");
    else fprintf(stderr, "headroom report: %s\n", why);
    free(why);
    return drawn ? EXIT_OK : EXIT_FAILED;
}

/* The run of the first seed of each group, as many as can be drawn; free(). */
static int64_t *one_of_each(const struct compare *c, size_t *count) {
    int64_t *ids = mem_alloc(REPORT_RUNS_MOST * sizeof *ids);
    *count = 0;
    for (size_t g = 0; g < c->groups_len && *count < REPORT_RUNS_MOST; g++) {
        const struct compare_run *first = NULL;
        for (size_t i = 0; i < c->runs_len; i++)
            if (c->runs[i].group == g && (!first || c->runs[i].seed < first->seed)) first = &c->runs[i];
        if (first) ids[(*count)++] = first->id;
    }
    return ids;
}

/* Runs that are replications of each other, or more than can stand side by side: groups of them are compared, and one
 * run of each is drawn. */
static int draw_compared(struct report *report, struct store *store, const struct compare *compare, size_t asked) {
    size_t count;
    int64_t *ids = one_of_each(compare, &count);
    report->compare = compare;
    report->asked = asked;
    const int status = draw(report, store, ids, count);
    if (status == EXIT_OK)
        printf("The comparison in it is over %zu runs in %zu groups\n", asked, compare->groups_len);
    free(ids);
    return status;
}

static int draw_chosen(const struct report_args *args, const char *file, struct store *store, const int64_t *ids,
                       size_t count) {
    char *scripts = app_scripts_dir();
    struct report report = {.folder = args->output, .scripts = scripts, .source = file};
    const struct compare_wish wish = {.level = 0.95};
    struct compare compare;
    struct err err;
    int status;
    err_init(&err);
    const bool compared = count > 1 && compare_read(&compare, store, ids, count, &wish, &err);
    if (compared && (count > REPORT_RUNS_MOST || compare_replicated(&compare)))
        status = draw_compared(&report, store, &compare, count);
    else if (count <= REPORT_RUNS_MOST) status = draw(&report, store, ids, count);
    else
        status = args_mistake(spec.command,
                              "%zu runs are too many side by side, and they cannot be compared in groups (%s); name at "
                              "most %d with --run",
                              count, err.kept ? err.lines[0] : "", REPORT_RUNS_MOST);
    if (compared) compare_free(&compare);
    err_free(&err);
    free(scripts);
    return status;
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
    if (ids) status = draw_chosen(&args, file, store, ids, count);
    free(ids);
    store_close(store);
    args_free(&operands);
    args_free(&args.runs);
    return status;
}

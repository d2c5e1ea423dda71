/*
 * `headroom size`: the smallest fleet that keeps its service levels. The scenario's `size:` block says what may vary,
 * what must hold and what is least; the search tries as few fleets as it can and keeps every run it made.
 */
#include "app/app.h"
#include "app/args.h"
#include "app/planning.h"
#include "app/search.h"
#include "app/size_page.h"
#include "base/err.h"
#include "base/mem.h"
#include "models/registry.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct size_args {
    const char *output;
    struct args_texts sets;
    uint64_t threads;
    bool quiet, json;
};

static const struct args_option options[] = {
    {'o', "output", "FILE", ARGS_TEXT, offsetof(struct size_args, output),
     .help = "the SQLite file that keeps every run and verdict (default: " APP_RESULTS ")"},
    {'s', "set", "PATH=VALUE", ARGS_LIST, offsetof(struct size_args, sets),
     .help = "override a field of the scenario, also of its size block; may be repeated"},
    {'j', "threads", "N", ARGS_WHOLE, offsetof(struct size_args, threads), .least = 1, .most = 1024,
     .help = "simulate at most N runs at once (default: one a processor); results do not depend on it"},
    {0, "json", NULL, ARGS_SWITCH, offsetof(struct size_args, json),
     .help = "print every fleet that was tried, as JSON"},
    {'q', "quiet", NULL, ARGS_SWITCH, offsetof(struct size_args, quiet), .help = "print neither progress nor page"},
};
static const char *const examples[] = {
    "headroom size scenarios/how-many-gpus.yaml",
    "the cheapest fleet that keeps its targets, why less does not, and what is greenest",
    "headroom size scenarios/how-many-gpus.yaml --set size.least=total_co2_kg --set size.confidence=0.99",
    "the greenest instead, and surer",
    NULL,
};
static const struct args_spec spec = {
    "size",
    "SCENARIO",
    1,
    1,
    "Finds the fleet with the least cost, energy, emissions or nodes that keeps service levels with a stated "
    "confidence, over the choices of the scenario's `size:` block: counts of nodes and replicas, node types, ways to "
    "pay.\n\n"
    "Every fleet it tries is simulated with several seeds until its targets are decided. Fleets below one that fails, "
    "and fleets that cannot cost less than the best so far, are not tried. With a `horizon:` the answer is a plan of "
    "what to buy when.",
    options,
    sizeof options / sizeof *options,
    examples,
};

/* Whether there is an answer. */
static bool size(const struct size_args *args, struct trials *trials, struct err *err) {
    struct search search;
    bool good = search_open(&search, trials, trials->scenario->size, err);
    if (good) {
        trials->store = store_open(args->output);
        good = search_run(&search, err);
        if (good) size_store(&search);
        store_close(trials->store);
        progress_end(trials->progress);
    }
    if (good && args->json) size_json(stdout, &search);
    else if (good && !args->quiet) size_page(stdout, &search, args->output);
    const bool found = good && search.best[search.sizing->least] != NULL;
    search_close(&search);
    return found;
}

/* The same over years: whether there is a plan. */
static bool plan(const struct size_args *args, struct trials *trials, struct err *err) {
    struct planning planning;
    struct search search; /* finds what is wrong before the database is touched */
    bool good = search_open(&search, trials, trials->scenario->size, err);
    search_close(&search);
    if (!good) return false;
    trials->store = store_open(args->output);
    good = planning_run(&planning, trials, err);
    if (good) planning_store(&planning);
    store_close(trials->store);
    progress_end(trials->progress);
    if (good && args->json) planning_json(stdout, &planning);
    else if (good && !args->quiet) planning_page(stdout, &planning, args->output);
    const bool found = good && planning.plan.usd < INFINITY;
    planning_close(&planning);
    return found;
}

int cmd_size(int argc, char **argv) {
    struct size_args args = {.output = APP_RESULTS};
    struct args_texts operands;
    int status;
    if (!args_read(&spec, argc, argv, &args, &operands, &status)) return status;
    char *command = args_command_text(argc, argv);
    struct err err;
    struct scenario scenario;
    struct progress progress;
    err_init(&err);
    progress_begin(&progress, !args.quiet);
    bool good = scenario_open(&scenario, operands.at[0], models_registry(), args.sets.at, args.sets.len, &err);
    bool found = false;
    if (good && scenario.size == NULL)
        good = err_add(&err, (struct place_in_file){.file = scenario.file},
                       "no \"size\" block, which says what may vary and what must hold");
    if (good) {
        struct trials trials = {
            .scenario = &scenario, .command = command, .threads = args.threads, .progress = &progress};
        found = scenario.size->horizon ? plan(&args, &trials, &err) : size(&args, &trials, &err);
        trials_close(&trials);
    }
    progress_end(&progress);
    err_print(&err, stderr);
    status = err.found > 0 ? EXIT_BAD_INPUT : found ? EXIT_OK : EXIT_FAILED;
    scenario_close(&scenario);
    err_free(&err);
    free(command);
    args_free(&operands);
    args_free(&args.sets);
    return status;
}

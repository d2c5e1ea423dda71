/*
 * `headroom run`: scenario -> runs on threads -> results in the database, and a page for the reader.
 *
 * Everything that can be wrong is found before the database is touched: the scenario, the jobs, and whether
 * each run's models go together. A crew simulates the runs (crew.h); they are written in the order of the scenario,
 * so that what is written does not depend on how many threads there were.
 */
#include "app/app.h"
#include "app/args.h"
#include "app/batch.h"
#include "app/crew.h"
#include "app/progress.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/world.h"
#include "io/store.h"
#include "io/summary.h"
#include "io/table.h"

#include <stdio.h>
#include <stdlib.h>

struct run_args {
    const char *output;
    struct args_texts sets, names;
    uint64_t seed, threads, bins;
    bool jobs, quiet, json;
};

static const struct args_option options[] = {
    {'o', "output", "FILE", ARGS_TEXT, offsetof(struct run_args, output),
     .help = "the SQLite file that keeps the results; runs are added to it (default: " APP_RESULTS ")"},
    {'s', "set", "PATH=VALUE", ARGS_LIST, offsetof(struct run_args, sets),
     .help = "override a field of the scenario in every run; may be repeated"},
    {0, "seed", "N", ARGS_WHOLE, offsetof(struct run_args, seed), .most = 999999999999999,
     .help = "the same as --set seed=N"},
    {'r', "run", "NAME", ARGS_LIST, offsetof(struct run_args, names),
     .help = "only this one of the scenario's runs; may be repeated"},
    {0, "jobs", NULL, ARGS_SWITCH, offsetof(struct run_args, jobs),
     .help = "keep a row for every job: when it ran, where, why it waited, what it cost"},
    {0, "bins", "N", ARGS_WHOLE, offsetof(struct run_args, bins), .most = 1000000,
     .help = "points of the time series kept for each region (default: 480; 0 keeps none)"},
    {'j', "threads", "N", ARGS_WHOLE, offsetof(struct run_args, threads), .least = 1, .most = 1024,
     .help = "simulate at most N runs at once (default: one a processor); results do not depend on it"},
    {0, "json", NULL, ARGS_SWITCH, offsetof(struct run_args, json), .help = "print the summary as JSON"},
    {'q', "quiet", NULL, ARGS_SWITCH, offsetof(struct run_args, quiet),
     .help = "print neither progress nor summary"},
};
static const char *const examples[] = {
    "headroom run scenarios/quickstart.yaml",
    "runs every run of the scenario into " APP_RESULTS " and compares them",
    "headroom run scenarios/quickstart.yaml --set policy.order=sjf --seed 7 -o sjf.db",
    "the same fleet and load under another order of the waiting line",
    "headroom run scenarios/philly-fifo.yaml --set trace.file=philly.csv.gz --json",
    "replays a recorded trace and prints the figures for a program to read",
    NULL,
};
static const struct args_spec spec = {
    "run",
    "SCENARIO",
    1,
    1,
    "Replays a scenario's workload against its fleet, once for each of its runs, keeps the results in an "
    "SQLite file and prints a summary.\n\n"
    "All mistakes of the scenario and its files are printed at once, with their positions; nothing is run or "
    "written then. The same scenario and seed give the same results, byte for byte.",
    options,
    sizeof options / sizeof *options,
    examples,
};

/* What the runs have in common on their way from the scenario to the database. */
struct work {
    const struct batch *batch;
    struct store *store;
    struct run_info *infos;
    int64_t *rows;
    struct summary *summaries;
    size_t summaries_len;
    struct err *err;
};

static bool prepare(void *context, size_t index, struct crew_task *task) {
    batch_task(((const struct work *)context)->batch, index, task);
    return true;
}

/* A run that was refused after all (a check missed it) has its row left unfinished and its findings told. */
static bool deliver(void *context, size_t index, struct crew_task *task) {
    struct work *work = context;
    if (task->refused) {
        batch_blame(work->batch, index, &task->err, work->err);
        return true;
    }
    store_run_finish(work->store, work->rows[index], task->setup, &task->result, task->wall_s);
    struct summary *summary = &work->summaries[work->summaries_len++];
    summary_of(summary, &work->infos[index], task->setup, &task->result, task->wall_s);
    summary->run = work->rows[index];
    summary->batch = work->rows[0];
    return true;
}

/* --- from the command line to the work --- */

/* The page on stdout. */
static void print_page(const struct run_args *args, const struct summary *summaries, size_t count) {
    if (args->quiet || count == 0) return;
    if (args->json) {
        table_json(stdout, summaries, count);
        return;
    }
    table_summary(stdout, summaries, count);
    printf("\nKept in %s (run%s %lld", args->output, count > 1 ? "s" : "", (long long)summaries[0].run);
    if (count > 1) printf(" to %lld", (long long)summaries[count - 1].run);
    printf("). 'headroom report %s' draws pictures of it.\n", args->output);
}

static void run_all(const struct run_args *args, const struct batch *batch, const char *command,
                    struct progress *progress, struct err *err) {
    const size_t count = batch->runs_len;
    struct work work = {.batch = batch,
                        .store = store_open(args->output),
                        .infos = mem_zero(count, sizeof *work.infos),
                        .rows = mem_zero(count, sizeof *work.rows),
                        .summaries = mem_zero(count, sizeof *work.summaries),
                        .err = err};
    for (size_t i = 0; i < count; i++) {
        work.infos[i] = batch_info(&batch->scenario, &batch->runs[i], command);
        work.rows[i] = store_run_begin(work.store, &work.infos[i]);
    }
    const struct crew crew = {.tasks = count,
                              .threads = crew_threads(args->threads, count),
                              .job_results = args->jobs,
                              .bins = (uint32_t)args->bins,
                              .prepare = prepare,
                              .deliver = deliver,
                              .context = &work,
                              .progress = progress};
    crew_run(&crew);
    store_close(work.store);
    progress_end(progress);
    print_page(args, work.summaries, work.summaries_len);
    for (size_t i = 0; i < work.summaries_len; i++) summary_free(&work.summaries[i]);
    free(work.summaries);
    free(work.rows);
    free(work.infos);
}

static void note(void *context, const char *what) { progress_note(context, "reading", what); }

static void run(const struct run_args *args, const char *file, const char *command, struct err *err) {
    struct progress progress;
    struct batch batch;
    progress_begin(&progress, !args->quiet);
    bool ready = batch_open(&batch, file, &args->sets, &args->names, note, &progress, err);
    if (ready) progress_note(&progress, "checking", file);
    ready = ready && batch_check(&batch, err);
    progress_end(&progress);
    if (ready) run_all(args, &batch, command, &progress, err);
    batch_close(&batch);
}

int cmd_run(int argc, char **argv) {
    struct run_args args = {.output = APP_RESULTS, .seed = UINT64_MAX, .bins = 480};
    struct args_texts operands;
    int status;
    if (!args_read(&spec, argc, argv, &args, &operands, &status)) return status;
    char seed[32];
    if (args.seed != UINT64_MAX) {
        snprintf(seed, sizeof seed, "seed=%llu", (unsigned long long)args.seed);
        *vec_push(&args.sets) = seed;
    }
    char *command = args_command_text(argc, argv);
    struct err err;
    err_init(&err);
    run(&args, operands.at[0], command, &err);
    err_print(&err, stderr);
    status = err.found > 0 ? EXIT_BAD_INPUT : EXIT_OK;
    err_free(&err);
    free(command);
    args_free(&operands);
    args_free(&args.sets);
    args_free(&args.names);
    return status;
}

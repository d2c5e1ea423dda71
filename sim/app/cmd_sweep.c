/*
 * `headroom sweep`: every point of a scenario's `sweep:`, with every run, as often as there are replications.
 *
 * Runs are numbered: replications one after the other, in each the points, in each the runs. A shard has every n-th
 * point. Points are read on the threads that simulate them, with the demand from a shelf (shelf.h), and written in
 * their order, so that the results file holds the first so many runs of the sweep whenever it is looked at: to go on
 * is to begin at that number, and what is written does not depend on threads, kills or pauses.
 *
 * Short runs are written many to a transaction: one is kept open while there is more to write, at most HOLD_S. Cost
 * over a bare run: reading the point twice (all are checked before the first is run), and its rows.
 */
#include "app/app.h"
#include "app/args.h"
#include "app/crew.h"
#include "app/progress.h"
#include "app/shelf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "io/store.h"
#include "io/sweep.h"
#include "models/registry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double hold_s = 0.25;

struct sweep_args {
    const char *output, *shard;
    struct args_texts sets, names;
    uint64_t seed, threads, bins;
    bool jobs, quiet;
};

static const struct args_option options[] = {
    {'o', "output", "FILE", ARGS_TEXT, offsetof(struct sweep_args, output),
     .help = "the SQLite file that keeps the results; a sweep it has a part of is gone on with (default: " APP_RESULTS
             ")"},
    {'j', "threads", "N", ARGS_WHOLE, offsetof(struct sweep_args, threads), .least = 1, .most = 1024,
     .help = "simulate at most N runs at once (default: one a processor); results do not depend on it"},
    {0, "shard", "K/N", ARGS_TEXT, offsetof(struct sweep_args, shard),
     .help = "only part K of N: every N-th point, from the K-th on; 'headroom merge' joins the files"},
    {'s', "set", "PATH=VALUE", ARGS_LIST, offsetof(struct sweep_args, sets),
     .help = "override a field of the scenario in every run; may be repeated"},
    {0, "seed", "N", ARGS_WHOLE, offsetof(struct sweep_args, seed), .most = 999999999999999,
     .help = "the same as --set seed=N"},
    {'r', "run", "NAME", ARGS_LIST, offsetof(struct sweep_args, names),
     .help = "only this one of the scenario's runs; may be repeated"},
    {0, "jobs", NULL, ARGS_SWITCH, offsetof(struct sweep_args, jobs), .help = "keep a row for every job of every run"},
    {0, "bins", "N", ARGS_WHOLE, offsetof(struct sweep_args, bins), .most = 1000000,
     .help = "points of the time series kept for each region (default: 0, none)"},
    {'q', "quiet", NULL, ARGS_SWITCH, offsetof(struct sweep_args, quiet),
     .help = "print neither progress nor what was done"},
};
static const char *const examples[] = {
    "headroom sweep scenarios/policy-sweep.yaml -o sweep.db",
    "runs all points on all processors; the same line again goes on after an interruption",
    "headroom sweep scenarios/policy-sweep.yaml --shard 3/8 -o part-3.db",
    "the third of eight parts, as on one of eight machines",
    NULL,
};
static const struct args_spec spec = {
    "sweep",
    "SCENARIO",
    1,
    1,
    "Runs every point of a scenario's `sweep:` section, with every one of its runs, in every replication, and keeps "
    "the results in an SQLite file.\n\n"
    "Results are written as they come and in a fixed order. Stopped in whatever way, the same command goes on where "
    "the file ends and repeats nothing; the file in the end is the same. All points are checked before the first is "
    "run.",
    options,
    sizeof options / sizeof *options,
    examples,
};

/* What is swept, and by whom. */
struct work {
    struct scenario scenario;
    size_t *runs; /* indices of the scenario's runs that were chosen */
    size_t runs_len;
    struct sweep_info info;
    struct shelf *shelf;
    struct store *store;
    struct progress progress;
    const char *command;
    uint64_t first; /* the number of runs that were there when it began */
    uint64_t done;  /* written by now */
    bool held;
    double held_since_s;
    struct err *err;
};

/* --- the order of runs --- */

struct place {
    size_t run;           /* index of the scenario's runs */
    uint64_t point;       /* from 0 */
    uint64_t replication; /* from 0 */
};

static uint64_t points_of_shard(const struct sweep_info *info) {
    return (info->points - info->shard + info->shards) / info->shards;
}

static struct place place_of(const struct work *work, uint64_t index) {
    const uint64_t points = points_of_shard(&work->info), of_points = index / work->runs_len;
    return (struct place){.run = work->runs[index % work->runs_len],
                          .point = work->info.shard - 1 + of_points % points * work->info.shards,
                          .replication = of_points / points};
}

/* --- runs --- */

/* Findings of one run, with its point before them. */
static void blame(struct work *work, struct place at, const struct err *found) {
    struct text path;
    text_init(&path);
    text_format(&path, "point %" PRIu64, at.point + 1);
    if (*work->scenario.runs[at.run].name) text_format(&path, " of run %s", work->scenario.runs[at.run].name);
    const struct place_in_file place = {.file = work->scenario.file, .path = path.at};
    for (size_t i = 0; i < found->kept; i++) err_add(work->err, place, "%s", found->lines[i]);
    text_free(&path);
}

static bool prepare(void *context, size_t index, struct crew_task *task) {
    const struct work *work = context;
    const struct place at = place_of(work, work->first + index);
    struct shelf_run *run = shelf_take(work->shelf, at.run, at.point, at.replication, &task->err);
    if (run == NULL) return false;
    task->setup = run->batch.run->setup;
    task->jobs = run->batch.jobs;
    task->own = run;
    return true;
}

static void drop(void *context, size_t index, struct crew_task *task) {
    (void)index;
    if (task->own != NULL) shelf_return(((struct work *)context)->shelf, task->own);
}

static void release(void *context) {
    struct work *work = context;
    if (work->held) store_release(work->store);
    work->held = false;
}

static void write_run(struct work *work, struct place at, const struct crew_task *task) {
    const struct shelf_run *run = task->own;
    struct run_info info = batch_info(&work->scenario, &run->batch, work->command);
    info.point = at.point + 1;
    info.replication = at.replication;
    if (!work->held) {
        store_hold(work->store);
        work->held = true;
        work->held_since_s = progress_clock_s();
    }
    store_sweep_write(work->store, &work->info, work->done++, &info, task->setup, &task->result, task->wall_s);
    if (progress_clock_s() - work->held_since_s > hold_s) release(work);
}

/* A run that is refused ends the sweep: what was written before it stays. */
static bool deliver(void *context, size_t index, struct crew_task *task) {
    struct work *work = context;
    const struct place at = place_of(work, work->done);
    const bool good = !task->refused;
    if (good) write_run(work, at, task);
    else blame(work, at, &task->err);
    drop(work, index, task);
    return good;
}

/* --- before the first run --- */

/* The shard of "3/8". */
static bool shard_read(const char *text, struct sweep_info *info) {
    const char *slash = text != NULL ? strchr(text, '/') : NULL;
    info->shard = info->shards = 1;
    if (text == NULL) return true;
    return slash != NULL && num_u64(text, (size_t)(slash - text), &info->shard) &&
           num_u64(slash + 1, strlen(slash + 1), &info->shards) && info->shard >= 1 && info->shard <= info->shards &&
           info->shards <= SWEEP_POINTS_MOST;
}

/* Reads the demand of the first point of every run, and looks at the run with it, before the database is touched.
 * *trace_hash: of the very first. */
static bool check_demands(struct work *work, uint64_t *trace_hash) {
    progress_note(&work->progress, "reading", "the demand");
    for (size_t i = 0; i < work->runs_len; i++) {
        const struct place at = place_of(work, i);
        struct err found;
        err_init(&found);
        struct shelf_run *run = shelf_take(work->shelf, at.run, at.point, 0, &found);
        if (run == NULL) {
            scenario_merge_findings(work->err, &found);
        } else {
            if (!run_check(run->batch.run->setup, run->batch.jobs, &found)) blame(work, at, &found);
            if (i == 0) *trace_hash = run->batch.jobs_hash;
            shelf_return(work->shelf, run);
        }
        err_free(&found);
    }
    return work->err->found == 0;
}

/* The names of the runs, a line each; free(). */
static char *names_of(const struct work *work) {
    struct text names;
    text_init(&names);
    for (size_t i = 0; i < work->runs_len; i++)
        text_format(&names, "%s%s", i ? "\n" : "", work->scenario.runs[work->runs[i]].name);
    return text_take(&names);
}

/* Where the file has got to with this sweep. */
static void open_store(struct work *work, const struct sweep_args *args, uint64_t trace_hash) {
    work->store = store_open(args->output);
    work->first = work->done = store_sweep_open(work->store, &work->info);
    if (work->done == 0) return;
    uint64_t point, replication;
    const struct place last = place_of(work, work->done - 1);
    store_sweep_last(work->store, &point, &replication);
    if (point != last.point + 1 || replication != last.replication)
        die("'%s' has shards of this sweep that do not make its beginning; merge the others first", args->output);
    if (store_sweep_trace(work->store) != trace_hash)
        die("'%s' has a part of this sweep with other jobs: its trace is not what it was; name another file",
            args->output);
}

/* --- the sweep --- */

static void simulate(struct work *work, const struct sweep_args *args) {
    const size_t left = (size_t)(work->info.runs - work->first);
    const struct crew crew = {.tasks = left,
                              .threads = crew_threads(args->threads, left),
                              .job_results = args->jobs,
                              .bins = (uint32_t)args->bins,
                              .prepare = prepare,
                              .deliver = deliver,
                              .drop = drop,
                              .idle = release,
                              .context = work,
                              .progress = &work->progress};
    progress_end(&work->progress);
    progress_begin(&work->progress, !args->quiet);
    crew_run(&crew);
    release(work);
    progress_end(&work->progress);
}

static void print_done(const struct work *work, const struct sweep_args *args, double passed_s) {
    const struct sweep_info *info = &work->info;
    char replications[48] = "";
    if (info->replications > 1) snprintf(replications, sizeof replications, " x %" PRIu64 " replications",
                                         info->replications);
    printf("%s: %" PRIu64 " points", work->scenario.name, points_of_shard(info));
    if (info->shards > 1) printf(" (part %" PRIu64 " of %" PRIu64 ")", info->shard, info->shards);
    if (work->runs_len > 1) printf(" x %zu runs", work->runs_len);
    printf("%s = %" PRIu64 " runs, ", replications, info->runs);
    if (work->first == info->runs) printf("all of them there already");
    else if (work->first > 0) printf("%" PRIu64 " of them there already", work->first);
    else printf("none of them there before");
    printf(".\n");
    if (work->done > work->first)
        printf("%" PRIu64 " runs in %.1f s; the demand was read %" PRIu64 " times.\n", work->done - work->first,
               passed_s, shelf_readings(work->shelf));
    printf("Kept in %s.", args->output);
    if (info->shards > 1) printf(" 'headroom merge' joins the parts.\n");
    else printf(" 'headroom compare %s' compares.\n", args->output);
}

static bool open_sweep(struct work *work, const struct sweep_args *args, const char *file) {
    if (!scenario_open(&work->scenario, file, models_registry(), args->sets.at, args->sets.len, work->err))
        return false;
    if (work->scenario.sweep == NULL)
        return err_add(work->err, (struct place_in_file){.file = file},
                       "no section \"sweep\", expected one that says what varies ('headroom run' runs a scenario as it "
                       "is)");
    work->runs = batch_choose(&work->scenario, &args->names, &work->runs_len, work->err);
    if (work->runs == NULL) return false;
    const struct sweep *sweep = work->scenario.sweep;
    work->info.scenario_hash = work->scenario.hash;
    work->info.points = sweep->points;
    work->info.replications = sweep->replications;
    work->info.bins = (uint32_t)args->bins;
    work->info.jobs = args->jobs;
    if (work->info.shards > work->info.points)
        return err_add(work->err, (struct place_in_file){.file = file, .path = "sweep"},
                       "%" PRIu64 " points cannot be parted into %" PRIu64 " shards", work->info.points,
                       work->info.shards);
    work->info.runs = points_of_shard(&work->info) * work->runs_len * work->info.replications;
    return true;
}

static void sweep(struct work *work, const struct sweep_args *args, const char *file) {
    const double begun_s = progress_clock_s();
    progress_begin(&work->progress, !args->quiet);
    progress_note(&work->progress, "reading", file);
    bool good = open_sweep(work, args, file);
    if (good) progress_note(&work->progress, "checking", "all points");
    if (good && batch_check_points(&work->scenario, work->runs, work->runs_len, work->info.shard - 1,
                                   work->info.shards, work->err)) {
        uint64_t trace_hash = 0;
        char *names = names_of(work);
        work->info.run_names = names;
        work->shelf = shelf_open(&work->scenario);
        if (check_demands(work, &trace_hash)) {
            open_store(work, args, trace_hash);
            if (work->first < work->info.runs) simulate(work, args);
            store_close(work->store);
            progress_end(&work->progress);
            if (!args->quiet) print_done(work, args, progress_clock_s() - begun_s);
        }
        shelf_close(work->shelf);
        free(names);
    }
    progress_end(&work->progress);
    free(work->runs);
    scenario_close(&work->scenario);
}

int cmd_sweep(int argc, char **argv) {
    struct sweep_args args = {.output = APP_RESULTS, .seed = UINT64_MAX};
    struct args_texts operands;
    int status;
    if (!args_read(&spec, argc, argv, &args, &operands, &status)) return status;
    struct err err;
    struct work work = {.err = &err};
    char seed[32];
    if (args.seed != UINT64_MAX) {
        snprintf(seed, sizeof seed, "seed=%" PRIu64, args.seed);
        *vec_push(&args.sets) = seed;
    }
    err_init(&err);
    if (shard_read(args.shard, &work.info)) {
        char *command = args_command_text(argc, argv);
        work.command = command;
        sweep(&work, &args, operands.at[0]);
        err_print(&err, stderr);
        status = err.found > 0 ? EXIT_BAD_INPUT : EXIT_OK;
        free(command);
    } else {
        status = args_mistake("sweep", "--shard %s: expected K/N, such as 1/8, K from 1 to N", args.shard);
    }
    err_free(&err);
    args_free(&operands);
    args_free(&args.sets);
    args_free(&args.names);
    return status;
}

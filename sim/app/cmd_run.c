/*
 * `headroom run`: scenario -> runs on threads -> results in the database, and a page for the reader.
 *
 * Everything that can be wrong is found before the database is touched: the scenario, the jobs, and whether
 * each run's models go together. Each run is simulated whole by one thread and shares nothing but read-only
 * jobs; the main thread alone writes, in the order of the scenario, so that what is written does not depend
 * on how many threads there were. Results wait to be written in memory; workers keep at most two runs each
 * ahead of the writer, which bounds it.
 */
#include "app/app.h"
#include "app/args.h"
#include "app/batch.h"
#include "app/progress.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/tick.h"
#include "core/world.h"
#include "io/store.h"
#include "io/summary.h"
#include "io/table.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

/* One run on its way from the scenario to the database. */
struct task {
    const struct batch_run *of;
    struct run_info info;
    int64_t row;
    struct result result;
    struct err err;
    double wall_s;
    bool ended, refused;    /* under work.lock */
    _Atomic int64_t now_ns; /* these three are for the progress line only */
    _Atomic uint64_t events;
    _Atomic double done;
};

/* What workers and writer share. */
struct work {
    struct task *tasks;
    size_t len, next, written, ahead;
    struct run_options options;
    pthread_mutex_t lock;
    pthread_cond_t moved; /* a run ended, or was written */
};

/* --- workers --- */

static void say_progress(void *context, int64_t now_ns, uint64_t events, double done) {
    struct task *task = context;
    atomic_store_explicit(&task->now_ns, now_ns, memory_order_relaxed);
    atomic_store_explicit(&task->events, events, memory_order_relaxed);
    atomic_store_explicit(&task->done, done, memory_order_relaxed);
}

static void simulate(const struct work *work, struct task *task, bool *refused) {
    struct run_options options_of_run = work->options;
    options_of_run.progress = say_progress;
    options_of_run.context = task;
    options_of_run.consume = task->of->alone ? task->of->jobs : NULL;
    const double begun_s = progress_clock_s();
    err_init(&task->err);
    *refused =
        !run_simulate(task->of->run->setup, task->of->jobs, &options_of_run, &task->result, &task->err);
    task->wall_s = progress_clock_s() - begun_s;
}

static void *worker(void *context) {
    struct work *work = context;
    pthread_mutex_lock(&work->lock);
    for (;;) {
        while (work->next < work->len && work->next >= work->written + work->ahead)
            pthread_cond_wait(&work->moved, &work->lock);
        if (work->next == work->len) break;
        struct task *task = &work->tasks[work->next++];
        pthread_mutex_unlock(&work->lock);
        bool refused;
        simulate(work, task, &refused);
        pthread_mutex_lock(&work->lock);
        task->refused = refused;
        task->ended = true;
        pthread_cond_broadcast(&work->moved);
    }
    pthread_mutex_unlock(&work->lock);
    return NULL;
}

static pthread_t *start_workers(struct work *work, size_t count) {
    pthread_t *threads = mem_alloc(count * sizeof *threads);
    for (size_t i = 0; i < count; i++) {
        int error = pthread_create(&threads[i], NULL, worker, work);
        if (error != 0) die("cannot start a thread: %s", strerror(error));
    }
    return threads;
}

/* --- the writer --- */

static void draw(const struct work *work, struct progress *progress) {
    struct progress_state state = {.runs = work->len, .runs_done = work->written};
    bool earliest = true;
    for (size_t i = 0; i < work->len; i++) {
        struct task *task = &work->tasks[i];
        const double done = atomic_load_explicit(&task->done, memory_order_relaxed);
        state.events += atomic_load_explicit(&task->events, memory_order_relaxed);
        state.done += (task->ended ? 1 : done) / (double)work->len;
        if (earliest && !task->ended) {
            state.now_ns = atomic_load_explicit(&task->now_ns, memory_order_relaxed);
            earliest = false;
        }
    }
    progress_draw(progress, &state);
}

/* Waits until the run has ended, redrawing meanwhile when there is someone to see it. */
static void await(struct work *work, struct task *task, struct progress *progress) {
    pthread_mutex_lock(&work->lock);
    while (!task->ended) {
        if (!progress->shown) {
            pthread_cond_wait(&work->moved, &work->lock);
            continue;
        }
        draw(work, progress);
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 100000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        pthread_cond_timedwait(&work->moved, &work->lock, &until);
    }
    pthread_mutex_unlock(&work->lock);
}

static void mark_written(struct work *work) {
    pthread_mutex_lock(&work->lock);
    work->written++;
    pthread_cond_broadcast(&work->moved);
    pthread_mutex_unlock(&work->lock);
}

/* Writes the runs in their order as they end. A run that was refused after all (a check missed it) has its
 * row left unfinished and its findings told. */
static size_t write_all(struct work *work, const struct batch *batch, struct store *store,
                        struct summary *summaries, struct progress *progress, struct err *err) {
    size_t count = 0;
    for (size_t i = 0; i < work->len; i++) {
        struct task *task = &work->tasks[i];
        const struct setup *setup = task->of->run->setup;
        await(work, task, progress);
        if (task->refused) {
            batch_blame(batch, i, &task->err, err);
        } else {
            store_run_finish(store, task->row, setup, &task->result, task->wall_s);
            summary_of(&summaries[count], &task->info, setup, &task->result, task->wall_s);
            summaries[count].run = task->row;
            summaries[count].batch = work->tasks[0].row;
            count++;
        }
        result_free(&task->result);
        err_free(&task->err);
        mark_written(work);
    }
    return count;
}

/* --- from the command line to the work --- */

static bool plain_word(const char *word) {
    return word[0] != '\0' &&
           word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+%@")] ==
               '\0';
}

/* The command as one would type it again. */
static char *command_text(int argc, char **argv) {
    struct text text;
    text_init(&text);
    text_put(&text, "headroom");
    for (int i = 0; i < argc; i++) {
        text_put(&text, " ");
        if (plain_word(argv[i])) {
            text_put(&text, argv[i]);
            continue;
        }
        text_put(&text, "'");
        for (const char *c = argv[i]; *c != '\0'; c++) {
            if (*c == '\'') text_put(&text, "'\\''");
            else text_add(&text, c, 1);
        }
        text_put(&text, "'");
    }
    return text_take(&text);
}

static struct run_info info_of(const struct scenario *scenario, const struct batch_run *run,
                               const char *command) {
    const struct setup *setup = run->run->setup;
    const struct policy_setup *policy = &setup->policy;
    return (struct run_info){
        .scenario_name = scenario->name,
        .scenario_file = scenario->file,
        .scenario_text = scenario->text,
        .scenario_hash = scenario->hash,
        .run_name = run->run->name,
        .overrides = run->run->overrides,
        .baseline = scenario->baseline,
        .trace = run->run->demand.trace != NULL ? run->run->demand.trace
                 : run->jobs->len > 0 || run->run->demand.services_len == 0 ? "synthetic"
                                                                            : SUMMARY_NO_JOBS,
        .trace_hash = run->jobs_hash,
        .seed = setup->seed,
        .order = policy->order.model->name,
        .backfill = policy->backfill.model->name,
        .place = policy->place.model->name,
        .route = policy->route.model->name,
        .shift = policy->shift.model != NULL ? policy->shift.model->name : "now",
        .forecast = policy->forecast.model != NULL ? policy->forecast.model->name : "perfect",
        .market = policy->market.model != NULL ? policy->market.model->name : "any",
        .version = HEADROOM_VERSION,
        .command = command,
        .origin_unix_ns = setup->origin_unix_ns,
        .round_ns = policy->round_ns,
    };
}

static bool check_all(const struct batch *batch, struct err *err) {
    const size_t found = err->found;
    for (size_t i = 0; i < batch->runs_len; i++) {
        struct err of_run;
        err_init(&of_run);
        if (!run_check(batch->runs[i].run->setup, batch->runs[i].jobs, &of_run))
            batch_blame(batch, i, &of_run, err);
        err_free(&of_run);
    }
    return err->found == found;
}

static size_t threads_for(const struct run_args *args, size_t runs) {
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    const size_t most = args->threads > 0 ? (size_t)args->threads : processors > 0 ? (size_t)processors : 1;
    return most < runs ? most : runs;
}

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
    const size_t count = batch->runs_len, threads = threads_for(args, count);
    struct work work = {.tasks = mem_zero(count, sizeof *work.tasks),
                        .len = count,
                        .ahead = 2 * threads,
                        .options = {.job_results = args->jobs, .bins = (uint32_t)args->bins}};
    struct summary *summaries = mem_zero(count, sizeof *summaries);
    struct store *store = store_open(args->output);
    pthread_mutex_init(&work.lock, NULL);
    pthread_cond_init(&work.moved, NULL);
    for (size_t i = 0; i < count; i++) {
        work.tasks[i].of = &batch->runs[i];
        work.tasks[i].info = info_of(&batch->scenario, &batch->runs[i], command);
        work.tasks[i].row = store_run_begin(store, &work.tasks[i].info);
    }
    pthread_t *workers = start_workers(&work, threads);
    const size_t done = write_all(&work, batch, store, summaries, progress, err);
    for (size_t i = 0; i < threads; i++) pthread_join(workers[i], NULL);
    store_close(store);
    progress_end(progress);
    print_page(args, summaries, done);
    for (size_t i = 0; i < done; i++) summary_free(&summaries[i]);
    pthread_cond_destroy(&work.moved);
    pthread_mutex_destroy(&work.lock);
    free(workers);
    free(summaries);
    free(work.tasks);
}

static void note(void *context, const char *what) { progress_note(context, "reading", what); }

static void run(const struct run_args *args, const char *file, const char *command, struct err *err) {
    struct progress progress;
    struct batch batch;
    progress_begin(&progress, !args->quiet);
    bool ready = batch_open(&batch, file, &args->sets, &args->names, note, &progress, err);
    if (ready) progress_note(&progress, "checking", file);
    ready = ready && check_all(&batch, err);
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
    char *command = command_text(argc, argv);
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

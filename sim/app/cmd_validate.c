/*
 * `headroom validate`: is the simulated cluster the real one? A trace that keeps how long its jobs waited where it was
 * recorded (column wait_s) is run through the scenario, and simulated waits and GPUs in use are held against the
 * recorded ones, job by job and hour by hour.
 *
 * Only jobs with a recorded wait that also ended in the simulation are compared. GPUs in use are time averages over
 * hours, from the first submit to the last end on either side, of those same jobs. Cost: a run, and sorting waits.
 */
#include "app/app.h"
#include "app/args.h"
#include "app/batch.h"
#include "app/crew.h"
#include "base/agree.h"
#include "base/mem.h"
#include "base/tick.h"
#include "io/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct validate_args {
    struct args_texts sets, names;
    uint64_t threads;
    bool json;
};
static const struct args_option options[] = {
    {'s', "set", "PATH=VALUE", ARGS_LIST, offsetof(struct validate_args, sets),
     .help = "override a field of the scenario in every run; may be repeated"},
    {'r', "run", "NAME", ARGS_LIST, offsetof(struct validate_args, names),
     .help = "only this one of the scenario's runs; may be repeated"},
    {'j', "threads", "N", ARGS_WHOLE, offsetof(struct validate_args, threads), .least = 1, .most = 1024,
     .help = "simulate at most N runs at once (default: one a processor); results do not depend on it"},
    {0, "json", NULL, ARGS_SWITCH, offsetof(struct validate_args, json), .help = "print the figures as JSON"},
};
static const char *const examples[] = {
    "headroom validate cluster.yaml --set policy.backfill=easy",
    "how far the waits of this policy are from those that users of the real cluster saw",
    NULL,
};
static const struct args_spec spec = {
    "validate",
    "SCENARIO",
    1,
    1,
    "Runs a scenario whose trace keeps how long its jobs waited where it was recorded (column wait_s; 'headroom "
    "import' keeps the waits of logs that have them), and holds simulated waits and GPUs in use against the "
    "recorded ones.\n\n"
    "Bias is the mean of simulated less recorded, error the mean of its size, rank correlation Spearman's, and "
    "distance the largest gap between the two distributions (Kolmogorov and Smirnov's). Nothing is kept.",
    options,
    sizeof options / sizeof *options,
    examples,
};

/* --- one run --- */

struct comparison {
    const char *name;
    struct agreement wait; /* s */
    struct agreement use;  /* GPUs, by the hour */
    uint64_t jobs, unrecorded, unfinished;
};

/* GPUs in use by the hour. */
struct hours {
    double *full; /* differences: GPUs that begin, or cease, to be there for whole hours */
    double *part; /* GPU-hours of hours that are not whole */
    size_t len;
    int64_t from_ns;
};

static void add_span(const struct hours *hours, int64_t start_ns, int64_t end_ns, double gpus) {
    const int64_t start = start_ns - hours->from_ns, end = end_ns - hours->from_ns;
    const size_t first = (size_t)(start / TICK_HOUR), last = (size_t)(end / TICK_HOUR);
    const double into_first = tick_hours(start % TICK_HOUR), into_last = tick_hours(end % TICK_HOUR);
    if (first == last) {
        hours->part[first] += gpus * (into_last - into_first);
        return;
    }
    hours->part[first] += gpus * (1 - into_first);
    hours->part[last] += gpus * into_last;
    hours->full[first + 1] += gpus;
    hours->full[last] -= gpus;
}

static void settle(const struct hours *hours) {
    double so_far = 0;
    for (size_t i = 0; i < hours->len; i++) hours->part[i] += so_far += hours->full[i];
}

static bool compared(const struct jobs *jobs, size_t j) {
    return jobs->wait_ns[j] != JOB_UNKNOWN && jobs->at[j].end_ns != JOB_NOT_YET && jobs->at[j].start_ns >= 0;
}

static struct hours hours_of(const struct jobs *jobs) {
    int64_t from_ns = INT64_MAX, to_ns = 0;
    for (size_t j = 0; j < jobs->len; j++) {
        const struct job *job = &jobs->at[j];
        if (!compared(jobs, j)) continue;
        const int64_t recorded_end = job->submit_ns + jobs->wait_ns[j] + job->run_ns;
        if (job->submit_ns < from_ns) from_ns = job->submit_ns;
        if (recorded_end > to_ns) to_ns = recorded_end;
        if (job->end_ns > to_ns) to_ns = job->end_ns;
    }
    const size_t len = to_ns > from_ns ? (size_t)((to_ns - from_ns) / TICK_HOUR) + 2 : 0;
    return (struct hours){mem_zero(len + 1, sizeof(double)), mem_zero(len + 1, sizeof(double)), len, from_ns};
}

static void compare_use(const struct jobs *jobs, struct comparison *c) {
    const struct hours recorded = hours_of(jobs), simulated = hours_of(jobs);
    for (size_t j = 0; j < jobs->len; j++) {
        const struct job *job = &jobs->at[j];
        if (!compared(jobs, j)) continue;
        const double gpus = shape_gpu_milli(&jobs->shapes.at[job->shape]) / 1000.0;
        const int64_t start_ns = job->submit_ns + jobs->wait_ns[j];
        add_span(&recorded, start_ns, start_ns + job->run_ns, gpus);
        add_span(&simulated, job->start_ns, job->end_ns, gpus);
    }
    settle(&recorded);
    settle(&simulated);
    c->use = stats_agree(recorded.part, simulated.part, recorded.len);
    free(recorded.full), free(recorded.part);
    free(simulated.full), free(simulated.part);
}

static void compare(const struct jobs *jobs, struct comparison *c) {
    double *recorded = mem_alloc((jobs->len + 1) * sizeof *recorded);
    double *simulated = mem_alloc((jobs->len + 1) * sizeof *simulated);
    size_t count = 0;
    c->jobs = jobs->len;
    for (size_t j = 0; j < jobs->len; j++) {
        if (!compared(jobs, j)) {
            if (jobs->wait_ns[j] == JOB_UNKNOWN) c->unrecorded++;
            else c->unfinished++;
            continue;
        }
        recorded[count] = tick_seconds(jobs->wait_ns[j]);
        simulated[count++] = tick_seconds(jobs->at[j].start_ns - jobs->at[j].submit_ns);
    }
    c->wait = stats_agree(recorded, simulated, count);
    compare_use(jobs, c);
    free(recorded);
    free(simulated);
}

/* --- all runs --- */

struct work {
    const struct batch *batch;
    struct comparison *comparisons;
    struct err *err;
};

static bool prepare(void *context, size_t index, struct crew_task *task) {
    batch_task(((const struct work *)context)->batch, index, task);
    return true;
}

static bool deliver(void *context, size_t index, struct crew_task *task) {
    struct work *work = context;
    if (task->refused) batch_blame(work->batch, index, &task->err, work->err);
    else compare(task->result.jobs, &work->comparisons[index]);
    return true;
}

/* Findings where a run's trace has no recorded waits. */
static bool check_waits(const struct batch *batch, struct err *err) {
    const size_t found = err->found;
    for (size_t i = 0; i < batch->runs_len; i++) {
        const struct jobs *jobs = batch->runs[i].jobs;
        const char *trace = batch->runs[i].run->demand.trace;
        bool recorded = false;
        for (size_t j = 0; jobs->wait_ns && j < jobs->len; j++) recorded |= jobs->wait_ns[j] != JOB_UNKNOWN;
        if (recorded) continue;
        const struct place_in_file at = {.file = trace ? trace : batch->scenario.file};
        err_add(err, at, "no recorded waits to compare with, expected a column wait_s");
        break; /* the runs of a scenario mostly share their trace */
    }
    return err->found == found;
}

/* --- what is printed --- */

static void put_row(struct table *table, const char *what, double recorded, double simulated, int decimals) {
    char a[48], b[48], change[48];
    table_cell(table, "%s", what);
    table_cell(table, "%s", table_number(recorded, decimals, a));
    table_cell(table, "%s", table_number(simulated, decimals, b));
    snprintf(change, sizeof change, "%+.1f %%", 100 * (simulated / recorded - 1));
    table_cell(table, "%s", recorded > 0 ? change : "");
}

static void print_comparison(const struct comparison *c) {
    char a[48], b[48];
    const struct agreement *w = &c->wait, *u = &c->use;
    if (*c->name) printf("%s\n", c->name);
    printf("%s jobs compared", table_number((double)w->count, 0, a));
    if (c->unrecorded) printf("; %s without a recorded wait", table_number((double)c->unrecorded, 0, a));
    if (c->unfinished) printf("; %s did not end in the simulation", table_number((double)c->unfinished, 0, a));
    printf("\n\n");
    struct table *table = table_open("lrrr");
    table_cell(table, "%s", ""), table_cell(table, "recorded"), table_cell(table, "simulated");
    table_cell(table, "difference");
    put_row(table, "Wait, mean, s", w->a.mean, w->b.mean, 0);
    put_row(table, "Wait, half of the jobs, s", w->a.p50, w->b.p50, 0);
    put_row(table, "Wait, 90 %, s", w->a.p90, w->b.p90, 0);
    put_row(table, "Wait, 99 %, s", w->a.p99, w->b.p99, 0);
    put_row(table, "Wait, longest, s", w->a.most, w->b.most, 0);
    put_row(table, "GPUs in use, mean", u->a.mean, u->b.mean, 2);
    put_row(table, "GPUs in use, busiest hour", u->a.most, u->b.most, 2);
    table_print(table, stdout, 1, 0);
    table_close(table);
    printf("\nWaits, job by job: bias %s s, error %s s", table_number(w->bias, 1, a), table_number(w->error, 1, b));
    printf(", rank correlation %s, distance of the distributions %.3f\n", table_number(w->correlation, 3, a),
           w->distance);
    printf("GPUs in use, hour by hour: bias %s, error %s\n", table_number(u->bias, 3, a), table_number(u->error, 3, b));
}

static void json_agreement(const char *name, const struct agreement *x) {
    const struct {
        const char *key;
        double value;
    } fields[] = {{"recorded_mean", x->a.mean}, {"recorded_p50", x->a.p50},     {"recorded_p90", x->a.p90},
                  {"recorded_p99", x->a.p99},   {"recorded_most", x->a.most},   {"simulated_mean", x->b.mean},
                  {"simulated_p50", x->b.p50},  {"simulated_p90", x->b.p90},    {"simulated_p99", x->b.p99},
                  {"simulated_most", x->b.most}, {"bias", x->bias},             {"error", x->error},
                  {"rank_correlation", x->correlation}, {"distance", x->distance}};
    printf(", \"%s\": {", name);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        printf("%s\"%s\": ", i ? ", " : "", fields[i].key);
        table_json_number(stdout, fields[i].value);
    }
    putchar('}');
}

static void print_json(const struct comparison *comparisons, size_t count) {
    printf("{\"runs\": [");
    for (size_t i = 0; i < count; i++) {
        const struct comparison *c = &comparisons[i];
        printf("%s\n  {\"name\": ", i ? "," : "");
        table_json_text(stdout, c->name);
        printf(", \"jobs\": %llu, \"compared\": %zu", (unsigned long long)c->jobs, c->wait.count);
        json_agreement("wait_s", &c->wait);
        json_agreement("gpus_in_use", &c->use);
        putchar('}');
    }
    printf("\n]}\n");
}

static void print(const struct validate_args *args, const struct comparison *comparisons, size_t count) {
    if (args->json) print_json(comparisons, count);
    for (size_t i = 0; i < count && !args->json; i++) {
        if (i) putchar('\n');
        print_comparison(&comparisons[i]);
    }
}

static void validate(const struct validate_args *args, const char *file, struct err *err) {
    struct batch batch;
    const bool ready = batch_open(&batch, file, &args->sets, &args->names, NULL, NULL, err) &&
                       batch_check(&batch, err) && check_waits(&batch, err);
    if (ready) {
        const size_t found = err->found;
        struct work work = {&batch, mem_zero(batch.runs_len, sizeof *work.comparisons), err};
        const struct crew crew = {.tasks = batch.runs_len, .threads = crew_threads(args->threads, batch.runs_len),
                                  .prepare = prepare, .deliver = deliver, .context = &work};
        for (size_t i = 0; i < batch.runs_len; i++) work.comparisons[i].name = batch.runs[i].run->name;
        crew_run(&crew);
        if (err->found == found) print(args, work.comparisons, batch.runs_len);
        free(work.comparisons);
    }
    batch_close(&batch);
}

int cmd_validate(int argc, char **argv) {
    struct validate_args args = {0};
    struct args_texts operands;
    int status;
    if (!args_read(&spec, argc, argv, &args, &operands, &status)) return status;
    struct err err;
    err_init(&err);
    validate(&args, operands.at[0], &err);
    err_print(&err, stderr);
    status = err.found > 0 ? EXIT_BAD_INPUT : EXIT_OK;
    err_free(&err);
    args_free(&operands);
    args_free(&args.sets);
    args_free(&args.names);
    return status;
}

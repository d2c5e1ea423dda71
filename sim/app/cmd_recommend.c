/*
 * `headroom recommend`: from a scenario's `recommend:` section to three answers. The space is searched by arithmetic
 * (space.h), the candidates are simulated (confirm.h) and kept in the database, and the page shows both.
 */
#include "app/answers_page.h"
#include "app/app.h"
#include "app/args.h"
#include "app/batch.h"
#include "app/crew.h"
#include "base/mem.h"
#include "base/tick.h"
#include "io/requests.h"
#include "models/registry.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct recommend_args {
    const char *output;
    struct args_texts sets, names;
    uint64_t threads, replications;
    bool arithmetic, json, quiet;
};

static const struct args_option options[] = {
    {'o', "output", "FILE", ARGS_TEXT, offsetof(struct recommend_args, output),
     .help = "the SQLite file that keeps the candidates' runs (default: " APP_RESULTS ")"},
    {'s', "set", "PATH=VALUE", ARGS_LIST, offsetof(struct recommend_args, sets),
     .help = "override a field of the scenario; may be repeated"},
    {'r', "run", "NAME", ARGS_LIST, offsetof(struct recommend_args, names),
     .help = "only this one of the scenario's runs; may be repeated"},
    {0, "replications", "N", ARGS_WHOLE, offsetof(struct recommend_args, replications), .least = 1, .most = 10000,
     .help = "simulate a candidate that failures may hit N times, with seeds of its own (default: 8)"},
    {0, "arithmetic", NULL, ARGS_SWITCH, offsetof(struct recommend_args, arithmetic),
     .help = "search only: simulate nothing and write nothing"},
    {'j', "threads", "N", ARGS_WHOLE, offsetof(struct recommend_args, threads), .least = 1, .most = 1024,
     .help = "search and simulate on at most N threads (default: one a processor); answers do not depend on it"},
    {0, "json", NULL, ARGS_SWITCH, offsetof(struct recommend_args, json), .help = "print the answers as JSON"},
    {'q', "quiet", NULL, ARGS_SWITCH, offsetof(struct recommend_args, quiet),
     .help = "print neither progress nor answers"},
};
static const char *const examples[] = {
    "headroom recommend scenarios/what-to-rent.yaml",
    "the cheapest, the fastest and the best value of all ways to do the work",
    "headroom recommend scenarios/what-to-rent.yaml --set recommend.preset=develop",
    "the same where answers may take longer",
    "headroom recommend scenarios/what-to-rent.yaml --arithmetic --json",
    "without simulating the candidates, for a program to read",
    NULL,
};
static const struct args_spec spec = {
    "recommend",
    "SCENARIO",
    1,
    1,
    "Searches every combination of what a scenario's `recommend:` section offers for a workload: machine, number, "
    "parallelism, precision, batch, region, market, checkpoints, power caps and waiting. Answers with the cheapest "
    "above a floor of performance, the fastest within a guardrail of cost, and the best value, and with the best by "
    "cost, energy, carbon and their weights.\n\n"
    "The search is arithmetic with the simulator's own models. The best candidates are then simulated, and kept in an "
    "SQLite file; how far the two are apart is shown.",
    options,
    sizeof options / sizeof *options,
    examples,
};

/* One run of the scenario on its way to an answer. */
struct job_of {
    const struct recommend_args *args;
    const struct scenario *scenario;
    const struct scenario_run *run;
    struct store *store;
    const char *command;
    struct progress *progress;
    struct requests requests;
    double seconds;          /* in which they come */
};

/* What comes to a service: as the simulator will see it. */
static bool read_requests(struct job_of *j, struct err *err) {
    const struct service_demand *demand = j->run->recommend->demand;
    const struct setup *setup = j->run->setup;
    if (!demand) return true;
    if (demand->file) {
        if (!requests_read(demand->file, &j->requests, err)) return false;
        if (j->requests.len)
            j->seconds = tick_seconds(j->requests.at[j->requests.len - 1].arrival_ns) / demand->service->speed;
    } else {
        load_requests(demand->load, setup->seed, 0, &j->requests);
        j->seconds = tick_seconds(demand->load->until_ns);
    }
    if (j->requests.len > 0 && j->seconds > 0) return true;
    return err_add(err, (struct place_in_file){.file = j->scenario->file, .path = "recommend.service.requests"},
                   "no requests come");
}

static void confirm(struct job_of *j, struct answers *answers, size_t threads, struct err *err) {
    const struct confirm with = {.space = answers->space,
                                 .scenario = j->scenario,
                                 .run = j->run,
                                 .requests = &j->requests,
                                 .requests_hash = j->requests.len ? requests_hash(&j->requests) : 0,
                                 .store = j->store,
                                 .command = j->command,
                                 .replications = j->args->replications,
                                 .threads = threads,
                                 .progress = j->progress};
    answers_confirm(answers, j->args->arithmetic ? NULL : &with, err);
}

/* false: there is no answer. */
static bool answer(struct job_of *j, struct err *err) {
    const char *title = *j->run->name ? j->run->name : j->scenario->name;
    const size_t threads = crew_threads(j->args->threads, SIZE_MAX);
    struct space space;
    struct answers answers = {0};
    bool found = false;
    if (read_requests(j, err)) {
        const size_t before = err->found;
        const double begun_s = progress_clock_s();
        if (space_open(&space, j->run, &j->requests, j->seconds, j->scenario->file, err)) {
            progress_note(j->progress, "searching", title);
            found = answers_find(&answers, &space, threads);
            const double took_s = progress_clock_s() - begun_s;
            if (found) confirm(j, &answers, threads, err);
            progress_end(j->progress);
            if (j->progress->shown) fprintf(stderr, "%s: searched in %.2f s\n", title, took_s);
            if (err->found == before && !j->args->quiet) {
                if (j->args->json) answers_json(stdout, &answers, title, !j->args->arithmetic);
                else if (found) answers_page(stdout, &answers, title, !j->args->arithmetic);
                else answers_none(stdout, &answers, title);
            }
            answers_free(&answers);
        }
        space_close(&space);
    }
    requests_free(&j->requests);
    return found;
}

static bool check_runs(const struct batch *batch, struct err *err) {
    for (size_t i = 0; i < batch->runs_len; i++)
        if (!batch->runs[i].run->recommend)
            return err_add(err, (struct place_in_file){.file = batch->scenario.file},
                           "missing key \"recommend\": what is to be recommended, and from what");
    return true;
}

/* false: some run of the scenario has no answer. */
static bool recommend(const struct recommend_args *args, const char *file, const char *command, struct err *err) {
    struct progress progress;
    struct batch batch;
    bool all = true;
    progress_begin(&progress, !args->quiet);
    if (batch_open(&batch, file, &args->sets, &args->names, NULL, NULL, err) && check_runs(&batch, err)) {
        struct store *store = args->arithmetic ? NULL : store_open(args->output);
        for (size_t i = 0; i < batch.runs_len && err->found == 0; i++) {
            struct job_of j = {.args = args, .scenario = &batch.scenario, .run = batch.runs[i].run, .store = store,
                               .command = command, .progress = &progress};
            if (i > 0 && !args->quiet && !args->json) printf("\n");
            all = answer(&j, err) && all;
        }
        if (store) store_close(store);
        if (store && all && err->found == 0 && !args->quiet && !args->json)
            printf("\nThe candidates' runs are kept in %s.\n", args->output);
    }
    progress_end(&progress);
    batch_close(&batch);
    return all;
}

int cmd_recommend(int argc, char **argv) {
    struct recommend_args args = {.output = APP_RESULTS, .replications = 8};
    struct args_texts operands;
    int status;
    if (!args_read(&spec, argc, argv, &args, &operands, &status)) return status;
    char *command = args_command_text(argc, argv);
    struct err err;
    err_init(&err);
    const bool all = recommend(&args, operands.at[0], command, &err);
    err_print(&err, stderr);
    status = err.found > 0 ? EXIT_BAD_INPUT : all ? EXIT_OK : EXIT_FAILED;
    err_free(&err);
    free(command);
    args_free(&operands);
    args_free(&args.sets);
    args_free(&args.names);
    return status;
}

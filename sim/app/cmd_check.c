/*
 * `headroom check`: every mistake of a scenario and its jobs, or, when there is none, what it would run: the
 * demand against the capacity, region by region, and the jobs that could never run.
 */
#include "app/app.h"
#include "app/args.h"
#include "app/batch.h"
#include "app/load_report.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/survey.h"
#include "io/recommend.h"
#include "io/sweep.h"
#include "io/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct check_args {
    struct args_texts sets, names;
};
static const struct args_option options[] = {
    {'s', "set", "PATH=VALUE", ARGS_LIST, offsetof(struct check_args, sets),
     .help = "override a field of the scenario in every run; may be repeated"},
    {'r', "run", "NAME", ARGS_LIST, offsetof(struct check_args, names),
     .help = "only this one of the scenario's runs; may be repeated"},
};
static const char *const examples[] = {
    "headroom check scenarios/quickstart.yaml",
    "says what it would run, or what is wrong with it",
    "headroom check scenarios/quickstart.yaml --set pools.germany.nodes=16",
    "would half of one region's nodes still carry the load?",
    NULL,
};
static const struct args_spec spec = {
    "check",
    "SCENARIO",
    1,
    1,
    "Finds every mistake in a scenario, its traces and its series, each with file, line, column and path; "
    "exit status 2 when there is one.\n\n"
    "Without a mistake it says what would run: jobs, the GPU-hours they ask for against what the fleet has, "
    "in each region, and the jobs that no part of the fleet could ever hold.",
    options,
    sizeof options / sizeof *options,
    examples,
};

static void print_jobs(const struct batch_run *run, const struct survey *survey) {
    char jobs[48], days[48];
    printf("%s jobs over %s days; ", table_number((double)survey->jobs, 0, jobs),
           table_number(survey->span_h / 24, 1, days));
    load_report_survey(run->run->setup, run->jobs, survey);
}

static void print_recommend(const struct recommend_setup *recommend) {
    printf("\nTo recommend: a workload in %zu variants, on %zu offers of %zu machines ('headroom recommend')\n",
           recommend->variants_len, recommend->offers_len, recommend->machines_len);
}

static void print_run(const struct batch_run *run, const struct survey *survey) {
    const struct policy_setup *policy = &run->run->setup->policy;
    if (run->run->name[0] != '\0') printf("\nRun %s", run->run->name);
    else printf("\nOne run");
    if (run->run->overrides[0] != '\0') printf(" (%s)", run->run->overrides);
    if (run->run->setup->pools_len == 0) {
        printf(": nothing to run");
        print_recommend(run->run->recommend);
        return;
    }
    printf(": order %s, backfill %s, place %s, route %s\n", policy->order.model->name,
           policy->backfill.model->name, policy->place.model->name, policy->route.model->name);
    const struct setup *setup = run->run->setup;
    if (survey->jobs || (setup->services_len == 0 && setup->flows_len == 0)) print_jobs(run, survey);
    load_report_services(setup);
    load_report_pipelines(setup);
    if (run->run->recommend != NULL) print_recommend(run->run->recommend);
}

/* Of a sweep: all its points are read, with the runs chosen. */
static void check_sweep(const struct batch *batch, const struct args_texts *names, struct err *err) {
    size_t len;
    size_t *runs = batch_choose(&batch->scenario, names, &len, err);
    batch_check_points(&batch->scenario, runs, len, 0, 1, err);
    free(runs);
}

static void print_sweep(const struct batch *batch) {
    const struct sweep *sweep = batch->scenario.sweep;
    printf("\nSweep: %" PRIu64 " point%s", sweep->points, sweep->points == 1 ? "" : "s");
    if (batch->runs_len > 1) printf(" x %zu runs", batch->runs_len);
    if (sweep->replications > 1) printf(" x %" PRIu64 " replications", sweep->replications);
    printf(" = %" PRIu64 " runs\n", sweep->points * batch->runs_len * sweep->replications);
}

/* Surveys are taken of all runs before anything is printed: mistakes come alone. */
static void check(const struct check_args *args, const char *file, struct err *err) {
    struct batch batch;
    if (batch_open(&batch, file, &args->sets, &args->names, NULL, NULL, err)) {
        struct survey *surveys = mem_zero(batch.runs_len, sizeof *surveys);
        for (size_t i = 0; i < batch.runs_len; i++) {
            struct err of_run;
            err_init(&of_run);
            const bool only_recommends = batch.runs[i].run->setup->pools_len == 0;
            if (!only_recommends && !run_survey(batch.runs[i].run->setup, batch.runs[i].jobs, &surveys[i], &of_run))
                batch_blame(&batch, i, &of_run, err);
            err_free(&of_run);
        }
        if (batch.scenario.sweep != NULL) check_sweep(&batch, &args->names, err);
        if (err->found == 0) {
            printf("%s: no mistakes; %zu run%s.\n", file, batch.runs_len, batch.runs_len == 1 ? "" : "s");
            if (batch.scenario.about[0] != '\0') printf("%s\n", batch.scenario.about);
        }
        for (size_t i = 0; i < batch.runs_len; i++) {
            if (err->found == 0) print_run(&batch.runs[i], &surveys[i]);
            survey_free(&surveys[i]);
        }
        if (err->found == 0 && batch.scenario.sweep != NULL) print_sweep(&batch);
        free(surveys);
    }
    batch_close(&batch);
}

int cmd_check(int argc, char **argv) {
    struct check_args args = {0};
    struct args_texts operands;
    int status;
    if (!args_read(&spec, argc, argv, &args, &operands, &status)) return status;
    struct err err;
    err_init(&err);
    check(&args, operands.at[0], &err);
    err_print(&err, stderr);
    status = err.found > 0 ? EXIT_BAD_INPUT : EXIT_OK;
    err_free(&err);
    args_free(&operands);
    args_free(&args.sets);
    args_free(&args.names);
    return status;
}

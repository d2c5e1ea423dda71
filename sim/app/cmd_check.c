/*
 * `headroom check`: every mistake of a scenario and its jobs, or, when there is none, what it would run: the
 * demand against the capacity, region by region, and the jobs that could never run.
 */
#include "app/app.h"
#include "app/args.h"
#include "app/batch.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/survey.h"
#include "io/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { IMPOSSIBLE_SHOWN = 8 };

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
    "headroom check big.yaml --set pools.a100.count=40",
    "is the load still below the capacity with 40 nodes?",
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

static double percent(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

static void print_domains(const struct survey *survey) {
    char buffer[48];
    struct table *table = table_open("llrrrrr");
    const char *const heading[] = {"region", "nodes of",          "nodes", "GPUs", "GPU-h asked",
                                   "load %", "GPU-h it may share"};
    for (size_t i = 0; i < sizeof heading / sizeof *heading; i++) table_cell(table, "%s", heading[i]);
    for (size_t d = 0; d < survey->domains_len; d++) {
        const struct survey_domain *domain = &survey->domains[d];
        table_cell(table, "%s", domain->region);
        table_cell(table, "%s", domain->tenant != NULL ? domain->tenant : "all");
        table_cell(table, "%" PRIu32, domain->nodes);
        table_cell(table, "%s", table_number(domain->gpus, 0, buffer));
        table_cell(table, "%s", table_number(domain->only_gpu_h, 0, buffer));
        table_cell(table, "%.1f", percent(domain->only_gpu_h, domain->gpus * survey->span_h));
        table_cell(table, "%s", table_number(domain->also_gpu_h, 0, buffer));
    }
    table_print(table, stdout, true, 2);
    table_close(table);
}

static void describe_shape(const struct shape *shape, const struct jobs *jobs, struct text *to) {
    if (shape->share_milli > 0) text_format(to, "%.3g of a GPU", shape->share_milli / 1000.0);
    else text_format(to, "%" PRIu32 " GPU%s", shape->gpus, shape->gpus == 1 ? "" : "s");
    if (shape->cpu_milli > 0) text_format(to, ", %.6g CPUs", shape->cpu_milli / 1000.0);
    if (shape->mem_mib > 0) text_format(to, ", %" PRIu32 " MiB", shape->mem_mib);
    if (shape->models == JOB_ANY_MODEL) return;
    const char *between = "; only on ";
    for (size_t m = 0; m < jobs->models.len; m++) {
        if ((shape->models >> m & 1) == 0) continue;
        text_format(to, "%s%s", between, jobs->models.at[m]);
        between = " or ";
    }
}

static void print_impossible(const struct survey *survey, const struct jobs *jobs) {
    if (survey->impossible_jobs == 0) return;
    printf("  Impossible: %" PRIu64
           " job%s that no part of the fleet could ever hold; they would be refused.\n",
           survey->impossible_jobs, survey->impossible_jobs == 1 ? "" : "s");
    for (size_t i = 0; i < survey->impossible_len && i < IMPOSSIBLE_SHOWN; i++) {
        const struct survey_impossible *group = &survey->impossible[i];
        const char *id = jobs_id(jobs, group->first);
        struct text text;
        text_init(&text);
        describe_shape(&group->shape, jobs, &text);
        printf("    %" PRIu64 " ask%s for %s", group->jobs, group->jobs == 1 ? "s" : "", text.at);
        if (id[0] != '\0') printf(" (the first is '%s')", id);
        putchar('\n');
        text_free(&text);
    }
    if (survey->impossible_len > IMPOSSIBLE_SHOWN)
        printf("    and %zu more kinds of request\n", survey->impossible_len - IMPOSSIBLE_SHOWN);
}

static void print_run(const struct batch_run *run, const struct survey *survey) {
    const struct policy_setup *policy = &run->run->setup->policy;
    char jobs[48], gpu_h[48], capacity[48], days[48];
    if (run->run->name[0] != '\0') printf("\nrun %s", run->run->name);
    else printf("\nrun");
    if (run->run->overrides[0] != '\0') printf(" (%s)", run->run->overrides);
    printf("\n  Policy: order %s, backfill %s, place %s, route %s.\n", policy->order.model->name,
           policy->backfill.model->name, policy->place.model->name, policy->route.model->name);
    printf("  Demand: %s jobs over %s days", table_number((double)survey->jobs, 0, jobs),
           table_number(survey->span_h / 24, 1, days));
    const double capacity_gpu_h = survey->gpus * survey->span_h;
    if (survey->gpu_h > 0)
        printf(", %s GPU-hours: %.1f %% of the %s the fleet has in that time",
               table_number(survey->gpu_h, 0, gpu_h), percent(survey->gpu_h, capacity_gpu_h),
               table_number(capacity_gpu_h, 0, capacity));
    printf(".\n");
    if (survey->endless > 0)
        printf("  %" PRIu64 " of the jobs never depart; they count no GPU-hours here.\n", survey->endless);
    print_impossible(survey, run->jobs);
    putchar('\n');
    print_domains(survey);
}

/* Surveys are taken of all runs before anything is printed: mistakes come alone. */
static void check(const struct check_args *args, const char *file, struct err *err) {
    struct batch batch;
    if (batch_open(&batch, file, &args->sets, &args->names, NULL, NULL, err)) {
        struct survey *surveys = mem_zero(batch.runs_len, sizeof *surveys);
        for (size_t i = 0; i < batch.runs_len; i++) {
            struct err of_run;
            err_init(&of_run);
            if (!run_survey(batch.runs[i].run->setup, batch.runs[i].jobs, &surveys[i], &of_run))
                batch_blame(&batch, i, &of_run, err);
            err_free(&of_run);
        }
        if (err->found == 0) {
            printf("%s: no mistakes; %zu run%s.\n", file, batch.runs_len, batch.runs_len == 1 ? "" : "s");
            if (batch.scenario.about[0] != '\0') printf("%s\n", batch.scenario.about);
        }
        for (size_t i = 0; i < batch.runs_len; i++) {
            if (err->found == 0) print_run(&batch.runs[i], &surveys[i]);
            survey_free(&surveys[i]);
        }
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

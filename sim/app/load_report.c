/*
 * The report of `headroom import`. The load a set of jobs offers is the GPU-hours they ask for; over the span
 * from the first submit to the last it is so many GPUs in demand on average, which is what a fleet's size is
 * held against. Cost: O(jobs + rows log rows).
 */
#include "app/load_report.h"

#include "base/mem.h"
#include "base/stats.h"
#include "base/tick.h"
#include "core/flow.h"
#include "core/service.h"
#include "core/survey.h"
#include "io/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_SHOWN = 16, IMPOSSIBLE_SHOWN = 8 };

struct load {
    const char *name;
    uint64_t jobs;
    double gpu_h;
};

static double job_gpu_h(const struct jobs *jobs, size_t j) {
    return tick_hours(jobs->at[j].run_ns) * shape_gpu_milli(&jobs->shapes.at[jobs->at[j].shape]) / 1000;
}

static double span_h(const struct jobs *jobs) {
    return tick_hours(jobs->at[jobs->len - 1].submit_ns - jobs->at[0].submit_ns);
}

static void add_job(struct load *load, double gpu_h) {
    load->jobs++;
    load->gpu_h += gpu_h;
}

/* --- what was read --- */

static void print_counts(const char *format, const char *what, size_t kept, const struct import_report *report) {
    char a[48], b[48];
    printf("Format %s: %s %s read, %s kept.\n", format, table_number((double)report->read, 0, a), what,
           table_number((double)kept, 0, b));
    if (report->drops.len) {
        printf("\nDropped\n");
        struct table *table = table_open("rll");
        for (size_t i = 0; i < report->drops.len; i++) {
            const struct import_drop *drop = &report->drops.at[i];
            table_cell(table, "%s", table_number((double)drop->count, 0, a));
            table_cell(table, "%s", drop->reason);
            table_cell(table, "first: %s", drop->first);
        }
        table_print(table, stdout, 0, 2);
        table_close(table);
    }
    for (size_t i = 0; i < report->notes.len; i++) printf("Note: %s.\n", report->notes.at[i]);
}

static void print_order(const struct import_report *report) {
    char a[48];
    printf("\nZero durations: %s. Duplicate ids: %" PRIu64 ". Rows earlier than the row before: %" PRIu64
           ".\n",
           table_number((double)report->zero_durations, 0, a), report->duplicate_ids, report->out_of_order);
}

static void print_span(const struct jobs *jobs) {
    char from[40], to[40], human[32];
    int64_t first = jobs->at[0].submit_ns, last = jobs->at[jobs->len - 1].submit_ns;
    printf("Submitted within %s", tick_human(last - first, human));
    if (jobs->origin_unix_ns != JOB_UNKNOWN)
        printf(", from %s to %s", tick_format_date(jobs->origin_unix_ns + first, from),
               tick_format_date(jobs->origin_unix_ns + last, to));
    printf(".\n");
}

/* --- the load, by what --- */

static int by_gpu_h(const void *left, const void *right) {
    const struct load *a = left, *b = right;
    if (a->gpu_h != b->gpu_h) return a->gpu_h < b->gpu_h ? 1 : -1;
    return strcmp(a->name, b->name);
}

static void load_cells(struct table *table, const struct load *load, double hours, double total) {
    char buffer[48];
    table_cell(table, "%s", load->name);
    table_cell(table, "%s", table_number((double)load->jobs, 0, buffer));
    table_cell(table, "%s", table_number(load->gpu_h, 1, buffer));
    table_cell(table, "%s", hours > 0 ? table_number(load->gpu_h / hours, 1, buffer) : "-");
    table_cell(table, "%s", total > 0 ? table_number(100 * load->gpu_h / total, 1, buffer) : "-");
}

/* Rows with jobs, largest load first; the rest in one line, then all of them. */
static void print_loads(const char *what, struct load *loads, size_t len, double hours) {
    qsort(loads, len, sizeof *loads, by_gpu_h);
    struct load all = {.name = "all"}, rest = {.name = "the rest"};
    struct table *table = table_open("lrrrr");
    const char *const heading[] = {what, "jobs", "GPU-hours", "mean GPUs", "share %"};
    for (size_t i = 0; i < 5; i++) table_cell(table, "%s", heading[i]);
    for (size_t i = 0; i < len; i++) {
        all.jobs += loads[i].jobs;
        all.gpu_h += loads[i].gpu_h;
    }
    size_t shown = 0;
    for (size_t i = 0; i < len; i++) {
        if (!loads[i].jobs) continue;
        if (shown++ < ROWS_SHOWN) {
            load_cells(table, &loads[i], hours, all.gpu_h);
        } else {
            rest.jobs += loads[i].jobs;
            rest.gpu_h += loads[i].gpu_h;
        }
    }
    if (rest.jobs) load_cells(table, &rest, hours, all.gpu_h);
    load_cells(table, &all, hours, all.gpu_h);
    printf("\n");
    table_print(table, stdout, 1, 0);
    table_close(table);
}

static void print_tenants(const struct jobs *jobs) {
    struct load *loads = mem_zero(jobs->tenants.len, sizeof *loads);
    for (size_t i = 0; i < jobs->tenants.len; i++) loads[i].name = jobs->tenants.at[i];
    for (size_t j = 0; j < jobs->len; j++) add_job(&loads[jobs->at[j].tenant], job_gpu_h(jobs, j));
    print_loads("tenant", loads, jobs->tenants.len, span_h(jobs));
    free(loads);
}

/* "V100 or P100" */
static char *models_name(const struct jobs *jobs, const struct shape *shape) {
    struct text name;
    text_init(&name);
    for (size_t m = 0; m < jobs->models.len && shape->models != JOB_ANY_MODEL; m++)
        if (shape->models >> m & 1) text_format(&name, "%s%s", name.len ? " or " : "", jobs->models.at[m]);
    if (shape_gpu_milli(shape) == 0) text_put(&name, "no GPU");
    else if (shape->models == JOB_ANY_MODEL) text_put(&name, "any");
    return text_take(&name);
}

static void print_models(const struct jobs *jobs) {
    struct names names;
    names_init(&names);
    uint32_t *row = mem_alloc(jobs->shapes.len * sizeof *row); /* of each shape */
    for (size_t s = 0; s < jobs->shapes.len; s++) {
        char *name = models_name(jobs, &jobs->shapes.at[s]);
        row[s] = names_put(&names, name, strlen(name));
        free(name);
    }
    struct load *loads = mem_zero(names.len, sizeof *loads);
    for (size_t i = 0; i < names.len; i++) loads[i].name = names.at[i];
    for (size_t j = 0; j < jobs->len; j++) add_job(&loads[row[jobs->at[j].shape]], job_gpu_h(jobs, j));
    print_loads("accepted GPU models", loads, names.len, span_h(jobs));
    free(loads);
    free(row);
    names_free(&names);
}

void load_report(const char *format, const struct jobs *jobs, const struct import_report *report) {
    print_counts(format, "jobs", jobs->len, report);
    print_order(report);
    print_span(jobs);
    print_tenants(jobs);
    print_models(jobs);
}

/* --- requests --- */

/* A line: mean and quantiles of one figure. */
static void add_tokens(struct table *table, const char *what, double *values, size_t count) {
    char number[48];
    const struct stats_summary s = stats_summarise(values, count);
    const double shown[] = {s.mean, s.p50, s.p90, s.p99, s.most};
    table_cell(table, "%s", what);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        table_cell(table, "%s", table_number(shown[i], i == 0 ? 1 : 0, number));
}

static void print_tokens(const struct requests *requests) {
    double *values = mem_alloc(requests->len * sizeof *values);
    const char *const heading[] = {"tokens", "mean", "median", "90 %", "99 %", "most"};
    struct table *table = table_open("lrrrrr");
    for (size_t i = 0; i < sizeof heading / sizeof *heading; i++) table_cell(table, "%s", heading[i]);
    for (size_t i = 0; i < requests->len; i++) values[i] = requests->at[i].prompt;
    add_tokens(table, "prompt", values, requests->len);
    for (size_t i = 0; i < requests->len; i++) values[i] = requests->at[i].output;
    add_tokens(table, "output", values, requests->len);
    table_print(table, stdout, 1, 0);
    table_close(table);
    free(values);
}

/* "19,366 requests within 58.4 min, 5.53 a second" */
static void print_requests(const struct requests *requests, double speed) {
    char number[48], human[32];
    const int64_t span_ns = requests->len ? requests->at[requests->len - 1].arrival_ns - requests->at[0].arrival_ns : 0;
    const double span_s = tick_seconds(span_ns) / speed;
    printf("%s requests within %s", table_number((double)requests->len, 0, number),
           tick_human(tick_from_seconds(span_s), human));
    if (span_s > 0) printf(", %.4g a second", (double)(requests->len - 1) / span_s);
}

static void print_classes(const struct requests *requests) {
    uint64_t *counts = mem_zero(requests->classes_len, sizeof *counts);
    char number[48];
    struct table *table = table_open("lr");
    for (size_t i = 0; i < requests->len; i++) counts[requests->at[i].class_id]++;
    table_cell(table, "class");
    table_cell(table, "requests");
    for (size_t c = 0; c < requests->classes_len; c++) {
        if (!counts[c]) continue;
        table_cell(table, "%s", c ? requests->classes[c] : "(none)");
        table_cell(table, "%s", table_number((double)counts[c], 0, number));
    }
    printf("\n");
    table_print(table, stdout, 1, 0);
    table_close(table);
    free(counts);
}

void load_report_requests(const char *format, const struct requests *requests, const struct import_report *report) {
    print_counts(format, "requests", requests->len, report);
    print_requests(requests, 1);
    printf(".\n\n");
    print_tokens(requests);
    if (requests->classes_len > 1) print_classes(requests);
}

static void print_room(const struct pool_setup *pool, const struct service_setup *service,
                       unsigned stage, size_t at) {
    static const char *const whose[] = {"A replica", "A replica that prefills", "A replica that decodes"};
    const struct llm_cost *cost = &service_cost(service, stage)[at];
    char number[48];
    if (!cost->gpus) return;
    printf("%s on %u %s of pool %s has a KV cache of %s tokens%s.\n", whose[service->decode_cost ? 1 + stage : 0],
           cost->gpus, pool->gpu, pool->name, table_number(cost->kv_tokens, 0, number),
           !cost->calibrated           ? "; its figures were never compared with measurements"
           : !cost->chip->power_fitted ? "; its watts were never measured"
                                       : "");
}

void load_report_services(const struct setup *setup) {
    for (size_t i = 0; i < setup->services_len; i++) {
        const struct service_setup *service = &setup->services[i];
        printf("\nService %s: ", service->name);
        print_requests(service->requests, service->speed);
        printf("%s.\n\n", service->repeat ? ", again and again" : "");
        if (service->requests->len) print_tokens(service->requests);
        for (unsigned stage = 0; stage < (service->decode_cost ? 2 : 1); stage++)
            for (size_t p = 0; p < setup->pools_len; p++) print_room(&setup->pools[p], service, stage, p);
    }
}

static void print_stages(const struct flow_setup *flow) {
    static const char *const heading[] = {"stage", "workers", "cores", "GPUs", "items/s"};
    char number[48];
    struct table *table = table_open("lrrrr");
    for (size_t i = 0; i < sizeof heading / sizeof *heading; i++) table_cell(table, "%s", heading[i]);
    for (size_t i = 0; i < flow->stages_len; i++) {
        const struct flow_stage *s = &flow->stages[i];
        table_cell(table, "%s", s->work.name);
        if (s->scale.least < s->scale.most) table_cell(table, "%u to %u", s->scale.least, s->scale.most);
        else table_cell(table, "%u", s->scale.most);
        table_cell(table, "%s", table_number(s->scale.most * s->work.cpus, 0, number));
        table_cell(table, "%s", table_number(s->scale.most * s->work.gpus, 1, number));
        table_cell(table, "%s", table_number(stage_rate(&s->work), 2, number));
    }
    table_print(table, stdout, 1, 0);
    table_close(table);
}

void load_report_pipelines(const struct setup *setup) {
    char number[48];
    for (size_t i = 0; i < setup->flows_len; i++) {
        const struct flow_setup *flow = &setup->flows[i];
        const struct flow_stage *slowest = &flow->stages[0];
        printf("\nPipeline %s: ", flow->name);
        if (isfinite(flow->items)) printf("%s items", table_number(flow->items, 0, number));
        else printf("items");
        if (flow->rate_per_s > 0) printf(" at %s a second", table_number(flow->rate_per_s, 2, number));
        for (size_t k = 1; k < flow->stages_len; k++)
            if (stage_rate(&flow->stages[k].work) < stage_rate(&slowest->work)) slowest = &flow->stages[k];
        printf(", %s; at most %s a second, by stage %s.\n\n", flow->monolithic ? "monolithic" : "disaggregated",
               table_number(stage_rate(&slowest->work), 2, number), slowest->work.name);
        print_stages(flow);
        if (flow->monolithic)
            printf("%u containers of %s cores and %.0f GPUs hold them.\n", flow_crew(flow, 0).scale.most,
                   table_number(flow->container_cpus, 0, number), flow->container_gpus);
    }
}

/* --- against a fleet --- */

static void print_domains(const struct survey *survey) {
    char buffer[48];
    struct table *table = table_open("llrrrrr");
    const char *const heading[] = {"region", "nodes of", "nodes", "GPUs", "GPU-h it alone serves", "load %",
                                   "GPU-h others serve too"};
    for (size_t i = 0; i < sizeof heading / sizeof *heading; i++) table_cell(table, "%s", heading[i]);
    for (size_t d = 0; d < survey->domains_len; d++) {
        const struct survey_domain *domain = &survey->domains[d];
        double capacity = domain->gpus * survey->span_h;
        table_cell(table, "%s", domain->region);
        table_cell(table, "%s", domain->tenant ? domain->tenant : "all");
        table_cell(table, "%" PRIu32, domain->nodes);
        table_cell(table, "%s", table_number(domain->gpus, 0, buffer));
        table_cell(table, "%s", table_number(domain->only_gpu_h, 0, buffer));
        table_cell(table, "%s",
                   capacity > 0 ? table_number(100 * domain->only_gpu_h / capacity, 1, buffer) : "-");
        table_cell(table, "%s", table_number(domain->also_gpu_h, 0, buffer));
    }
    table_print(table, stdout, 1, 0);
    table_close(table);
}

/* GPUs of each model, and the load of jobs that accept no other. */
static void print_fleet_models(const struct setup *setup, const struct jobs *jobs, double hours) {
    struct names names;
    names_init(&names);
    uint32_t *row = mem_alloc(setup->pools_len * sizeof *row); /* of each pool */
    for (size_t p = 0; p < setup->pools_len; p++)
        row[p] = names_put(&names, setup->pools[p].gpu, strlen(setup->pools[p].gpu));
    if (names.len < 2) { /* nothing to tell apart */
        free(row);
        names_free(&names);
        return;
    }
    double *gpus = mem_zero(names.len, sizeof *gpus), *gpu_h = mem_zero(names.len, sizeof *gpu_h);
    for (size_t n = 0; n < setup->nodes_len; n++)
        gpus[row[setup->nodes[n].pool]] +=
            (double)setup->nodes[n].count * setup->pools[setup->nodes[n].pool].gpus;
    for (size_t j = 0; j < jobs->len; j++) {
        uint64_t models = jobs->shapes.at[jobs->at[j].shape].models;
        if (models == 0 || models == JOB_ANY_MODEL || (models & (models - 1))) continue;
        uint32_t i = names_find(&names, jobs->models.at[__builtin_ctzll(models)]);
        if (i != UINT32_MAX) gpu_h[i] += job_gpu_h(jobs, j);
    }
    char buffer[48];
    struct table *table = table_open("lrrr");
    const char *const heading[] = {"GPU model", "GPUs", "GPU-h it alone serves", "load %"};
    for (size_t i = 0; i < 4; i++) table_cell(table, "%s", heading[i]);
    for (size_t i = 0; i < names.len; i++) {
        if (gpus[i] <= 0) continue;
        table_cell(table, "%s", names.at[i]);
        table_cell(table, "%s", table_number(gpus[i], 0, buffer));
        table_cell(table, "%s", table_number(gpu_h[i], 0, buffer));
        table_cell(table, "%s",
                   hours > 0 ? table_number(100 * gpu_h[i] / (gpus[i] * hours), 1, buffer) : "-");
    }
    printf("\n");
    table_print(table, stdout, 1, 0);
    table_close(table);
    free(gpu_h);
    free(gpus);
    free(row);
    names_free(&names);
}

static void print_impossible(const struct survey *survey, const struct jobs *jobs) {
    if (!survey->impossible_jobs) {
        printf("\nEvery job could run on it.\n");
        return;
    }
    printf("\nImpossible: %" PRIu64 " jobs that no part of the fleet could ever hold.\n",
           survey->impossible_jobs);
    struct table *table = table_open("rrrrll");
    const char *const heading[] = {"jobs", "GPUs", "CPUs", "MiB", "accepted models", "first"};
    for (size_t i = 0; i < sizeof heading / sizeof *heading; i++) table_cell(table, "%s", heading[i]);
    for (size_t i = 0; i < survey->impossible_len && i < IMPOSSIBLE_SHOWN; i++) {
        const struct survey_impossible *group = &survey->impossible[i];
        char *models = models_name(jobs, &group->shape), human[32];
        table_cell(table, "%" PRIu64, group->jobs);
        table_cell(table, "%.6g", shape_gpu_milli(&group->shape) / 1000.0);
        table_cell(table, "%.6g", group->shape.cpu_milli / 1000.0);
        table_cell(table, "%" PRIu32, group->shape.mem_mib);
        table_cell(table, "%s", models);
        table_cell(table, "%s", jobs->id_at ? jobs_id(jobs, group->first)
                                            : tick_human(jobs->at[group->first].submit_ns, human));
        free(models);
    }
    table_print(table, stdout, 1, 2);
    table_close(table);
    if (survey->impossible_len > IMPOSSIBLE_SHOWN)
        printf("  and %zu more kinds of request\n", survey->impossible_len - IMPOSSIBLE_SHOWN);
}

void load_report_survey(const struct setup *setup, const struct jobs *jobs, const struct survey *survey) {
    char a[48], b[48];
    const double capacity = survey->gpus * survey->span_h;
    printf("%s GPU-hours asked for", table_number(survey->gpu_h, 0, a));
    if (capacity > 0)
        printf(", %.1f %% of the %s its %.0f GPUs have in the span", 100 * survey->gpu_h / capacity,
               table_number(capacity, 0, b), survey->gpus);
    printf(".\n");
    if (survey->endless)
        printf("%" PRIu64 " jobs never depart; they count no GPU-hours here.\n", survey->endless);
    printf("\n");
    print_domains(survey);
    if (!survey->endless) print_fleet_models(setup, jobs, survey->span_h);
    print_impossible(survey, jobs);
}

void load_report_fleet(const struct setup *setup, const char *file, const struct jobs *jobs,
                       struct err *err) {
    struct survey survey;
    if (run_survey(setup, jobs, &survey, err)) {
        printf("\nAgainst the fleet of %s\n", file);
        load_report_survey(setup, jobs, &survey);
    }
    survey_free(&survey);
}

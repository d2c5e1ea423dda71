/*
 * From a scenario file to runs with jobs. Runs of a scenario mostly differ in policy or fleet and have their
 * demand in common: a demand is read or drawn once and shared read-only, so a sweep over one trace holds one
 * trace.
 *
 * Two demands are the same when everything demand_read looks at is the same; parameters of models are
 * compared field by field from their tables, since their texts and lists are each run's own. Cost: runs x
 * distinct demands comparisons.
 */
#include "app/batch.h"

#include "app/crew.h"
#include "app/demand.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/world.h"
#include "io/summary.h"
#include "io/sweep.h"
#include "models/registry.h"

#include <stdlib.h>
#include <string.h>

/* --- the same demand? --- */

static bool same_numbers(struct numbers a, struct numbers b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len * sizeof *a.at) == 0);
}

static bool same_text(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_param(const struct param *p, const void *a, const void *b) {
    const void *x = (const char *)a + p->offset, *y = (const char *)b + p->offset;
    switch (p->kind) {
    case PARAM_NUMBER: return memcmp(x, y, sizeof(double)) == 0;
    case PARAM_INTEGER:
    case PARAM_TIME: return memcmp(x, y, sizeof(int64_t)) == 0;
    case PARAM_BOOL: return *(const bool *)x == *(const bool *)y;
    case PARAM_CHOICE: return *(const int *)x == *(const int *)y;
    case PARAM_TEXT: return same_text(*(const char *const *)x, *(const char *const *)y);
    case PARAM_NUMBERS: return same_numbers(*(const struct numbers *)x, *(const struct numbers *)y);
    }
    return false;
}

static bool same_chosen(const struct chosen *a, const struct chosen *b) {
    if (a->model != b->model) return false;
    for (size_t i = 0; a->model != NULL && i < a->model->params_count; i++)
        if (!same_param(&a->model->params[i], a->params, b->params)) return false;
    return true;
}

static bool same_class(const struct load_class *a, const struct load_class *b) {
    if (a->gpu_models_len != b->gpu_models_len) return false;
    for (size_t i = 0; i < a->gpu_models_len; i++)
        if (!same_text(a->gpu_models[i], b->gpu_models[i])) return false;
    return same_text(a->name, b->name) && a->weight == b->weight &&
           same_chosen(&a->durations, &b->durations) && same_numbers(a->gpus, b->gpus) &&
           same_numbers(a->gpus_weight, b->gpus_weight) && a->cpus_per_gpu == b->cpus_per_gpu &&
           a->mem_mib_per_gpu == b->mem_mib_per_gpu && a->utilisation_mean == b->utilisation_mean &&
           a->utilisation_sd == b->utilisation_sd && a->estimate_factor == b->estimate_factor &&
           a->priority == b->priority && a->deadline_slack == b->deadline_slack;
}

static bool same_load(const struct load_setup *a, const struct load_setup *b) {
    if (a->classes_len != b->classes_len || a->tenants_len != b->tenants_len) return false;
    for (size_t i = 0; i < a->classes_len; i++)
        if (!same_class(&a->classes[i], &b->classes[i])) return false;
    for (size_t i = 0; i < a->tenants_len; i++)
        if (!same_text(a->tenants[i].name, b->tenants[i].name) ||
            a->tenants[i].weight != b->tenants[i].weight)
            return false;
    return a->jobs_most == b->jobs_most && a->until_ns == b->until_ns &&
           same_chosen(&a->arrivals, &b->arrivals) && same_numbers(a->daily, b->daily) &&
           same_numbers(a->weekly, b->weekly) && a->utc_offset_ns == b->utc_offset_ns &&
           a->origin_unix_ns == b->origin_unix_ns;
}

static bool same_tokens(const struct tokens_load *a, const struct tokens_load *b) {
    return a->median == b->median && a->sigma == b->sigma && a->most == b->most;
}

static bool same_request_classes(const struct request_load *a, const struct request_load *b) {
    if (a->classes_len != b->classes_len) return false;
    for (size_t i = 0; i < a->classes_len; i++) {
        const struct request_load_class *x = &a->classes[i], *y = &b->classes[i];
        if (!same_text(x->name, y->name) || x->weight != y->weight || !same_tokens(&x->prompt, &y->prompt) ||
            !same_tokens(&x->output, &y->output))
            return false;
    }
    return true;
}

static bool same_clients(const struct clients_load *a, const struct clients_load *b) {
    return a->count == b->count && a->skew == b->skew && a->gaps == b->gaps && a->cv == b->cv &&
           a->spread == b->spread && a->turns == b->turns && a->think_ns == b->think_ns;
}

static bool same_request_load(const struct request_load *a, const struct request_load *b) {
    return a->rate_per_h == b->rate_per_h && same_numbers(a->daily, b->daily) && a->burst_ratio == b->burst_ratio &&
           a->burst_share == b->burst_share && a->burst_ns == b->burst_ns && same_tokens(&a->prompt, &b->prompt) &&
           same_tokens(&a->output, &b->output) && same_request_classes(a, b) &&
           same_clients(&a->clients, &b->clients) && a->until_ns == b->until_ns &&
           a->utc_offset_ns == b->utc_offset_ns && a->origin_unix_ns == b->origin_unix_ns;
}

static double fleet_gpus(const struct setup *setup) {
    double gpus = 0;
    for (size_t i = 0; i < setup->nodes_len; i++)
        gpus += (double)setup->nodes[i].count * setup->pools[setup->nodes[i].pool].gpus;
    return gpus;
}

bool batch_same_demand(const struct scenario_run *a, const struct scenario_run *b) {
    const struct demand *x = &a->demand, *y = &b->demand;
    if (!same_text(x->trace, y->trace) || x->speed != y->speed || x->shuffle != y->shuffle ||
        x->repeat_until != y->repeat_until || x->depart != y->depart || x->every_ns != y->every_ns)
        return false;
    const bool repeats = x->repeat_until > 0, random = x->trace == NULL || x->shuffle || repeats;
    if (random && a->setup->seed != b->setup->seed) return false;
    if (repeats && fleet_gpus(a->setup) != fleet_gpus(b->setup)) return false;
    if (x->load == NULL || y->load == NULL) return x->load == y->load;
    return same_load(x->load, y->load);
}

/* --- requests of services --- */

bool batch_same_requests(const struct service_demand *a, uint64_t seed_a, uint64_t index_a,
                         const struct service_demand *b, uint64_t seed_b, uint64_t index_b) {
    if (a->file != NULL || b->file != NULL) return same_text(a->file, b->file);
    return seed_a == seed_b && index_a == index_b && same_request_load(a->load, b->load);
}

static struct batch_requests *find_requests(struct batch *batch, const struct service_demand *demand, uint64_t seed,
                                            uint64_t index) {
    for (size_t i = 0; i < batch->requests_len; i++) {
        struct batch_requests *r = &batch->requests[i];
        if (batch_same_requests(r->demand, r->seed, r->index, demand, seed, index)) return r;
    }
    return NULL;
}

/* Gives every service of the run its requests; what runs have in common is read or drawn once. */
static void read_requests(struct batch *batch, struct batch_run *run, void (*note)(void *context, const char *what),
                          void *context, struct err *err) {
    const struct demand *demand = &run->run->demand;
    for (size_t i = 0; i < demand->services_len; i++) {
        const struct service_demand *d = &demand->services[i];
        struct batch_requests *found = find_requests(batch, d, run->run->setup->seed, i);
        if (found == NULL) {
            found = &batch->requests[batch->requests_len++];
            *found = (struct batch_requests){.demand = d, .seed = run->run->setup->seed, .index = i, .good = true};
            if (note != NULL) note(context, d->file != NULL ? d->file : "the synthetic requests");
            if (d->file != NULL) found->good = requests_read(d->file, &found->requests, err);
            else if (d->load->clients.count) load_clients(d->load, found->seed, found->index, &found->requests);
            else load_requests(d->load, found->seed, found->index, &found->requests);
            found->hash = requests_hash(&found->requests);
        }
        d->service->requests = &found->requests;
        if (found->good) run->jobs_hash = hash_mix(run->jobs_hash ^ found->hash);
    }
}

static size_t services_of(const struct batch *batch) {
    size_t services = 0;
    for (size_t i = 0; i < batch->runs_len; i++) services += batch->runs[i].run->demand.services_len;
    return services;
}

/* --- opening --- */

static size_t run_named(const struct scenario *scenario, const char *name) {
    size_t i = 0;
    while (i < scenario->runs_len && strcmp(scenario->runs[i].name, name) != 0) i++;
    return i;
}

static bool check_names(const struct scenario *scenario, const struct args_texts *names, struct err *err) {
    const size_t found = err->found;
    const char **known = mem_alloc(scenario->runs_len * sizeof *known);
    for (size_t i = 0; i < scenario->runs_len; i++) known[i] = scenario->runs[i].name;
    for (size_t i = 0; i < names->len; i++) {
        if (run_named(scenario, names->at[i]) < scenario->runs_len) continue;
        const char *nearest = text_nearest(names->at[i], known, scenario->runs_len);
        const struct place_in_file at = {.file = scenario->file, .path = "runs"};
        if (nearest != NULL && nearest[0] != '\0')
            err_add(err, at, "there is no run '%s'; did you mean '%s'?", names->at[i], nearest);
        else err_add(err, at, "there is no run '%s'", names->at[i]);
    }
    free(known);
    return err->found == found;
}

size_t *batch_choose(const struct scenario *scenario, const struct args_texts *names, size_t *len, struct err *err) {
    if (!check_names(scenario, names, err)) return NULL;
    bool *wanted = mem_zero(scenario->runs_len, sizeof *wanted);
    for (size_t i = 0; i < scenario->runs_len; i++) wanted[i] = names->len == 0;
    for (size_t i = 0; i < names->len; i++) wanted[run_named(scenario, names->at[i])] = true;
    size_t *runs = mem_alloc(scenario->runs_len * sizeof *runs);
    *len = 0;
    for (size_t i = 0; i < scenario->runs_len; i++)
        if (wanted[i]) runs[(*len)++] = i;
    free(wanted);
    return runs;
}

/* The run before `run` with the same demand, or `run`. */
static size_t first_with_demand(const struct batch *batch, size_t run) {
    size_t i = 0;
    while (i < run && !batch_same_demand(batch->runs[i].run, batch->runs[run].run)) i++;
    return i;
}

/* A trace with mistakes is read, and its mistakes are told, once, however many demands are made of it. */
static bool known_bad(const struct args_texts *bad, const char *trace) {
    for (size_t i = 0; i < bad->len; i++)
        if (same_text(bad->at[i], trace)) return true;
    return false;
}

static bool read_demands(struct batch *batch, void (*note)(void *context, const char *what), void *context,
                         struct err *err) {
    const size_t found = err->found;
    struct args_texts bad = {0};
    batch->demands = mem_zero(batch->runs_len, sizeof *batch->demands); /* never moved: runs point into it */
    for (size_t i = 0; i < batch->runs_len; i++) {
        struct batch_run *run = &batch->runs[i];
        const size_t first = first_with_demand(batch, i);
        if (first < i) {
            run->jobs = batch->runs[first].jobs;
            run->jobs_hash = batch->runs[first].jobs_hash;
            batch->runs[first].alone = false;
            continue;
        }
        const char *trace = run->run->demand.trace;
        run->alone = true;
        run->jobs = &batch->demands[batch->demands_len];
        if (known_bad(&bad, trace)) continue;
        if (note != NULL) note(context, trace != NULL ? trace : "the synthetic load");
        batch->demands_len++;
        if (demand_read(&run->run->demand, run->run->setup, run->jobs, err)) run->jobs_hash = jobs_hash(run->jobs);
        else *vec_push(&bad) = trace;
    }
    args_free(&bad);
    batch->requests = mem_zero(services_of(batch), sizeof *batch->requests); /* never moved: setups point into it */
    for (size_t i = 0; i < batch->runs_len; i++) read_requests(batch, &batch->runs[i], note, context, err);
    return err->found == found;
}

bool batch_open(struct batch *batch, const char *file, const struct args_texts *sets,
                const struct args_texts *names, void (*note)(void *context, const char *what), void *context,
                struct err *err) {
    *batch = (struct batch){0};
    if (!scenario_open(&batch->scenario, file, models_registry(), sets->at, sets->len, err)) return false;
    size_t *chosen = batch_choose(&batch->scenario, names, &batch->runs_len, err);
    if (chosen == NULL) return false;
    batch->runs = mem_zero(batch->runs_len, sizeof *batch->runs);
    for (size_t i = 0; i < batch->runs_len; i++) batch->runs[i].run = &batch->scenario.runs[chosen[i]];
    free(chosen);
    return read_demands(batch, note, context, err);
}

void batch_close(struct batch *batch) {
    for (size_t i = 0; i < batch->demands_len; i++) jobs_free(&batch->demands[i]);
    for (size_t i = 0; i < batch->requests_len; i++) requests_free(&batch->requests[i].requests);
    free(batch->requests);
    free(batch->demands);
    free(batch->runs);
    scenario_close(&batch->scenario);
}

bool batch_check_points(const struct scenario *scenario, const size_t *runs, size_t runs_len, uint64_t first,
                        uint64_t step, struct err *err) {
    const size_t found = err->found;
    for (uint64_t point = first; point < scenario->sweep->points && err->kept < ERR_KEPT_MOST; point += step)
        for (size_t i = 0; i < runs_len; i++) {
            struct scenario_run run;
            struct err of_run;
            err_init(&of_run);
            scenario_point_open(scenario, runs[i], point, 0, &run, &of_run);
            scenario_merge_findings(err, &of_run);
            scenario_point_close(&run);
            err_free(&of_run);
        }
    return err->found == found;
}

struct run_info batch_info(const struct scenario *scenario, const struct batch_run *run, const char *command) {
    const struct setup *setup = run->run->setup;
    const struct policy_setup *policy = &setup->policy;
    const bool jobs = run->jobs->len > 0 || (setup->services_len == 0 && setup->flows_len == 0);
    return (struct run_info){
        .scenario_name = scenario->name,
        .scenario_file = scenario->file,
        .scenario_text = scenario->text,
        .scenario_hash = scenario->hash,
        .run_name = run->run->name,
        .overrides = run->run->overrides,
        .baseline = scenario->baseline,
        .trace = run->run->demand.trace != NULL ? run->run->demand.trace
                 : jobs                           ? "synthetic"
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
        .factors = run->run->factors,
        .factors_len = run->run->factors_len,
    };
}

void batch_blame(const struct batch *batch, size_t run, struct err *findings, struct err *err) {
    struct text path;
    text_init(&path);
    const char *name = batch->runs[run].run->name;
    if (name[0] != '\0') text_format(&path, "runs.%s", name);
    const struct place_in_file at = {.file = batch->scenario.file, .path = path.at};
    for (size_t i = 0; i < findings->kept; i++) err_add(err, at, "%s", findings->lines[i]);
    text_free(&path);
    err_free(findings);
    err_init(findings);
}

bool batch_check(const struct batch *batch, struct err *err) {
    const size_t found = err->found;
    for (size_t i = 0; i < batch->runs_len; i++) {
        struct err of_run;
        err_init(&of_run);
        if (!run_check(batch->runs[i].run->setup, batch->runs[i].jobs, &of_run)) batch_blame(batch, i, &of_run, err);
        err_free(&of_run);
    }
    return err->found == found;
}

void batch_task(const struct batch *batch, size_t run, struct crew_task *task) {
    task->setup = batch->runs[run].run->setup;
    task->jobs = batch->runs[run].jobs;
    task->alone = batch->runs[run].alone;
}

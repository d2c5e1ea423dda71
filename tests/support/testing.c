/*
 * Test helpers: data paths, set-ups by hand, one-call runs. Mistakes in a test's own set-up end it at once
 * through die, with the program's own words.
 */
#include "support/testing.h"

#include "base/text.h"
#include "base/tick.h"
#include "io/import.h"
#include "models/registry.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REGIONS_MOST = 16, POOLS_MOST = 16, TENANTS_MOST = 16, RUNS_MOST = 64 };

const char *testing_data(const char *relative) {
    static struct text path;
    const char *root = getenv("HEADROOM_DATA");
    text_clear(&path);
    if (root) text_format(&path, "%s/%s", root, relative);
    else text_format(&path, "%s/../shared/data/%s", TESTING_SOURCE_DIR, relative);
    return access(path.at, R_OK) == 0 ? path.at : NULL;
}

bool testing_all(void) {
    const char *all = getenv("HEADROOM_ALL");
    return all && *all && strcmp(all, "0") != 0;
}

struct chosen testing_model(struct arena *arena, enum kind kind, const char *name) {
    const struct model *model = registry_find(models_registry(), kind, name);
    if (!model) die("no %s is named '%s'", kind_names[kind], name);
    struct chosen chosen = {.model = model};
    if (model->params_size > 0) {
        chosen.params = arena_alloc(arena, 1, model->params_size);
        model_fallbacks(model, chosen.params);
    }
    return chosen;
}

struct steps testing_steps(struct setup *setup, const struct testing_step *from, size_t count,
                           double period_s) {
    struct steps steps = {.len = count, .period_ns = tick_from_seconds(period_s),
                          .source = count == 1 ? "flat" : "by hand"};
    steps.at_ns = arena_alloc(&setup->arena, count, sizeof *steps.at_ns);
    steps.value = arena_alloc(&setup->arena, count, sizeof *steps.value);
    for (size_t i = 0; i < count; i++) {
        steps.at_ns[i] = tick_from_seconds(from[i].at_s);
        steps.value[i] = from[i].value;
    }
    return steps;
}

static struct steps flat(struct setup *setup, double value) {
    return testing_steps(setup, &(struct testing_step){0, value}, 1, 0);
}

struct region_setup *testing_region(struct setup *setup, const char *name) {
    require(setup->regions_len < REGIONS_MOST);
    struct region_setup *region = &setup->regions[setup->regions_len++];
    *region = (struct region_setup){.name = name, .price = flat(setup, 0), .carbon = flat(setup, 0),
                                    .pue = flat(setup, 1)};
    return region;
}

void testing_policy(struct setup *setup, const char *order, const char *backfill, const char *place) {
    struct policy_setup *policy = &setup->policy;
    policy->order = testing_model(&setup->arena, KIND_ORDER, order);
    policy->backfill = testing_model(&setup->arena, KIND_BACKFILL, backfill);
    policy->place = testing_model(&setup->arena, KIND_PLACE, place);
}

void testing_setup(struct setup *setup) {
    *setup = (struct setup){.name = "test", .seed = 1, .horizon_ns = TICK_NEVER, .measure_to_ns = TICK_NEVER,
                            .work_unit = "useful GPU-h"};
    arena_init(&setup->arena);
    setup->regions = arena_alloc(&setup->arena, REGIONS_MOST, sizeof *setup->regions);
    setup->pools = arena_alloc(&setup->arena, POOLS_MOST, sizeof *setup->pools);
    setup->tenants = arena_alloc(&setup->arena, TENANTS_MOST, sizeof *setup->tenants);
    setup->nodes = arena_alloc(&setup->arena, RUNS_MOST, sizeof *setup->nodes);
    testing_region(setup, "here");
    testing_policy(setup, "fifo", "none", "first_fit");
    setup->policy.route = testing_model(&setup->arena, KIND_ROUTE, "home");
}

void testing_setup_free(struct setup *setup) {
    arena_free(&setup->arena);
}

struct pool_setup *testing_pool(struct setup *setup, const char *name, uint32_t nodes, uint32_t gpus) {
    require(setup->pools_len < POOLS_MOST && setup->nodes_len < RUNS_MOST);
    setup->nodes[setup->nodes_len++] = (struct node_run){.pool = (uint32_t)setup->pools_len, .count = nodes};
    struct pool_setup *pool = &setup->pools[setup->pools_len++];
    *pool = (struct pool_setup){.name = name, .tenant = SETUP_SHARED, .gpu = gpus > 0 ? "gpu" : "",
                                .gpus = gpus, .power = testing_model(&setup->arena, KIND_POWER, "linear")};
    return pool;
}

struct tenant_setup *testing_tenant(struct setup *setup, const char *name) {
    require(setup->tenants_len < TENANTS_MOST);
    struct tenant_setup *tenant = &setup->tenants[setup->tenants_len++];
    *tenant = (struct tenant_setup){.name = name, .weight = 1, .home = SETUP_ANYWHERE};
    return tenant;
}

void testing_shape(struct jobs *jobs, const struct shape *shape) {
    require(jobs->len > 0);
    jobs->at[jobs->len - 1].shape = jobs_shape(jobs, shape);
}

uint32_t testing_job(struct jobs *jobs, double submit_s, double run_s, uint32_t gpus) {
    uint32_t j = jobs_add(jobs);
    jobs->at[j].submit_ns = tick_from_seconds(submit_s);
    jobs->at[j].run_ns = tick_from_seconds(run_s);
    jobs->at[j].estimate_ns = jobs->at[j].run_ns;
    testing_shape(jobs, &(struct shape){.gpus = gpus, .models = JOB_ANY_MODEL});
    return j;
}

static void set_text(const struct chosen *chosen, const char *key, const char *value) {
    for (size_t i = 0; i < chosen->model->params_count; i++) {
        const struct param *p = &chosen->model->params[i];
        if (strcmp(p->key, key) != 0) continue;
        require(p->kind == PARAM_TEXT);
        *(const char **)(void *)((char *)chosen->params + p->offset) = value;
        return;
    }
    die("'%s' has no parameter '%s'", chosen->model->name, key);
}

void testing_import(struct jobs *jobs, const char *format, const char *path, const char *option,
                    const char *value, struct testing_window window) {
    struct arena arena;
    struct err err;
    struct import_report report;
    arena_init(&arena);
    err_init(&err);
    struct chosen chosen = testing_model(&arena, KIND_IMPORT, format);
    if (option) set_text(&chosen, option, value);
    struct import_call call = {.files = &path, .files_len = 1, .params = chosen.params,
                               .from_unix_ns = window.from_unix_ns, .to_unix_ns = window.to_unix_ns};
    if (!import_read((const struct import_format *)(const void *)chosen.model, &call, jobs, &report, &err)) {
        err_print(&err, stderr);
        die("'%s' was not read", path);
    }
    import_report_free(&report);
    err_free(&err);
    arena_free(&arena);
}

struct result testing_run(const struct setup *setup, struct jobs *jobs) {
    return testing_run_bins(setup, jobs, 0);
}

struct result testing_run_bins(const struct setup *setup, struct jobs *jobs, uint32_t bins) {
    struct run_options options = {.job_results = true, .bins = bins};
    struct result result;
    struct err err;
    err_init(&err);
    jobs_sort(jobs);
    if (!run_simulate(setup, jobs, &options, &result, &err)) {
        err_print(&err, stderr);
        die("the run was refused");
    }
    err_free(&err);
    return result;
}

const struct tally *testing_tally(const struct result *result, enum part part, const char *name) {
    for (size_t i = 0; i < result->tallies_len; i++) {
        const struct tally *tally = &result->tallies[i];
        if (tally->part == part && (part == PART_RUN || strcmp(tally->name, name) == 0)) return tally;
    }
    die("no %s is named '%s' in the result", part_names[part], name);
}

bool testing_near(double a, double b, double tolerance) {
    return fabs(a - b) <= tolerance * fmax(fabs(a), fabs(b));
}

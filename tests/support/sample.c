/*
 * The month of sample.h. Power follows a day's swing, price and carbon theirs; waits are drawn from one
 * stream, the same for every variant, and scaled. Sums in the tallies are consistent with each other (jobs +
 * idle = all), not with the jobs.
 */
#include "support/sample.h"

#include "base/err.h"
#include "base/rng.h"
#include "base/tick.h"
#include "core/flow.h"
#include "core/service.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REGIONS = 2, TENANTS = 3, BINS = SAMPLE_DAYS * 8 };
static const char *const regions[REGIONS] = {"us-east", "eu-north"};
static const char *const tenants[TENANTS] = {"vision", "language", "ads"};
static const char *const policies[] = {"fifo",       "sjf", "srtf",     "las",
                                       "fair_share", "edf", "smallest", "priority"};
static const double region_share[REGIONS] = {0.6, 0.4};
static const double tenant_share[TENANTS] = {0.5, 0.3, 0.2};

static void open_setup(struct setup *setup) {
    *setup = (struct setup){.name = "sample",
                            .seed = 1,
                            .horizon_ns = TICK_NEVER,
                            .measure_to_ns = TICK_NEVER,
                            .work_unit = "useful GPU-h",
                            .regions_len = REGIONS,
                            .pools_len = 2,
                            .nodes_len = 2,
                            .tenants_len = TENANTS};
    struct arena *arena = &setup->arena;
    arena_init(arena);
    tick_parse_date("2023-03-01", 10, &setup->origin_unix_ns);
    setup->regions = arena_alloc(arena, REGIONS, sizeof *setup->regions);
    setup->pools = arena_alloc(arena, 2, sizeof *setup->pools);
    setup->nodes = arena_alloc(arena, 2, sizeof *setup->nodes);
    setup->tenants = arena_alloc(arena, TENANTS, sizeof *setup->tenants);
    for (uint32_t r = 0; r < REGIONS; r++) {
        setup->regions[r].name = regions[r];
        setup->pools[r] = (struct pool_setup){.name = r ? "a100" : "h100",
                                              .region = r,
                                              .tenant = SETUP_SHARED,
                                              .gpu = r ? "A100" : "H100",
                                              .gpus = 8,
                                              .bought = BOUGHT_OWNED,
                                              .usd_per_node_h = r ? 9 : 16,
                                              .cpu_milli = 96000,
                                              .estimated = r};
        setup->nodes[r] = (struct node_run){r, r ? 20 : 30};
    }
    for (uint32_t t = 0; t < TENANTS; t++)
        setup->tenants[t] = (struct tenant_setup){.name = tenants[t], .weight = 1};
}

static void open_jobs(struct jobs *jobs, double scale) {
    struct rng *rng = rng_open(7, "sample", 0);
    jobs_init(jobs, JOBS_IDS | JOBS_WORK);
    for (int t = 0; t < TENANTS; t++) names_put(&jobs->tenants, tenants[t], strlen(tenants[t]));
    for (uint32_t i = 0; i < SAMPLE_JOBS; i++) {
        const uint32_t j = jobs_add(jobs);
        const double wait_s = rng_uniform(rng) < 0.35 ? 0 : scale * rng_lognormal(rng, 6, 2.2);
        struct job *job = &jobs->at[j];
        char id[16];
        snprintf(id, sizeof id, "job-%u", i);
        jobs_set_id(jobs, j, id, strlen(id));
        job->shape = jobs_shape(jobs, &(struct shape){.gpus = 1u << i % 4, .models = JOB_ANY_MODEL});
        job->tenant = (uint16_t)(1 + i % TENANTS);
        job->submit_ns = (int64_t)i * (SAMPLE_DAYS * TICK_DAY / SAMPLE_JOBS);
        job->run_ns = tick_from_seconds(rng_lognormal(rng, 7.5, 1.6));
        job->estimate_ns = job->run_ns;
        job->start_ns = job->submit_ns + tick_from_seconds(wait_s);
        job->end_ns = job->start_ns + job->run_ns;
        jobs->work[j] = tick_hours(job->run_ns);
    }
    struct job *last = &jobs->at[SAMPLE_JOBS - 1]; /* one runs, one waits, one was refused */
    last[0].end_ns = last[-1].end_ns = last[-2].end_ns = JOB_NOT_YET;
    last[-1].start_ns = JOB_NOT_YET;
    last[-2].start_ns = JOB_REFUSED;
    rng_close(rng);
}

static bool same(const char *a, const char *b) { return strcmp(a, b) == 0; }

/* Whole-run figures times a share; the baseline's waits times `scale`. */
static struct tally open_tally(enum part part, const char *name, double share, double scale, bool iron) {
    const double held = 288000 * share * (0.80 - 0.04 * scale), energy_j = 3.6e6 * 190000 * share;
    struct tally t = {.part = part,
                      .name = name,
                      .submitted = (uint64_t)(SAMPLE_JOBS * share),
                      .preemptions = (uint64_t)(300 * share * (1 - scale)),
                      .deadlines = 100,
                      .deadlines_met = (uint64_t)(95 - 20 * scale)};
    t.finished = t.submitted - 3;
    t.running = t.waiting = t.refused = 1;
    t.wait_s = (struct stats_summary){t.finished,     9400 * scale,  0, 0, 310 * scale, 19000 * scale,
                                      42000 * scale, 130000 * scale, 600000 * scale};
    t.jct_s = (struct stats_summary){t.finished, 6300 + 9400 * scale, 0, 1, 2600, 26000, 60000, 150000, 700000};
    t.slowdown =
        (struct stats_summary){t.finished, 1 + 19 * scale, 0, 1, 1.2, 1 + 22 * scale, 90 * scale, 400 * scale, 9000};
    const double why[WHY_COUNT] = {2800, 900, 5200, 1300, 350, 120};
    for (int i = 0; i < WHY_COUNT; i++) t.why_s[i] = 3600 * share * scale * why[i];
    t.held_gpu_h = held;
    t.used_gpu_h = 0.72 * held;
    t.useful_gpu_h = t.work = 0.70 * held;
    t.overhead_gpu_h = 0.01 * held;
    t.energy_j = t.job_energy_j = energy_j * (0.84 - 0.02 * scale);
    if (iron) {
        t.energy_j = energy_j;
        t.it_energy_j = energy_j / 1.2;
        t.idle_energy_j = t.energy_j - t.job_energy_j;
        t.capacity_gpu_h = 288000 * share;
        t.free_gpu_h = t.capacity_gpu_h - held;
        t.fragmented_gpu_h = (0.1 + 0.2 * scale) * t.free_gpu_h;
        t.peak_w = 420e3 * share;
    }
    const bool east = same(name, "us-east") || same(name, "h100"),
               north = same(name, "eu-north") || same(name, "a100");
    const double usd_per_j = (east ? 0.10 : north ? 0.05 : 0.08) / 3.6e6; /* 0.6 east + 0.4 north */
    const double g_per_j = (east ? 390 : north ? 90 : 270) / 3.6e6;
    t.energy_usd = t.energy_j * usd_per_j, t.co2_g = t.energy_j * g_per_j;
    t.job_energy_usd = t.job_energy_j * usd_per_j, t.job_co2_g = t.job_energy_j * g_per_j;
    t.idle_energy_usd = t.idle_energy_j * usd_per_j, t.idle_co2_g = t.idle_energy_j * g_per_j;
    t.market_co2_g = t.co2_g;
    t.job_capacity_usd = held * 1.7;
    t.idle_capacity_usd = iron ? t.free_gpu_h * 1.7 : 0;
    t.capacity_usd = t.job_capacity_usd + t.idle_capacity_usd;
    return t;
}

static void open_tallies(struct result *result, const struct setup *setup, double scale) {
    struct {
        struct tally *at;
        size_t len, cap;
    } all = {0};
    *vec_push(&all) = open_tally(PART_RUN, "run", 1, scale, true);
    for (int r = 0; r < REGIONS; r++)
        *vec_push(&all) = open_tally(PART_REGION, regions[r], region_share[r], scale, true);
    for (int t = 0; t < TENANTS; t++)
        *vec_push(&all) = open_tally(PART_TENANT, tenants[t], tenant_share[t], scale, false);
    *vec_push(&all) = open_tally(PART_CLASS, "default", 1, scale, false);
    for (int r = 0; r < REGIONS; r++)
        *vec_push(&all) = open_tally(PART_POOL, setup->pools[r].name, region_share[r], scale, true);
    result->tallies = all.at;
    result->tallies_len = all.len;
}

/* What the tenants' jobs were charged in each region, as the regions' tallies have it. */
static void open_charged(struct result *result, double scale) {
    result->charged = mem_zero(REGIONS * TENANTS, sizeof *result->charged);
    for (uint32_t i = 0; i < REGIONS * TENANTS; i++) {
        const uint32_t r = i / TENANTS, t = i % TENANTS;
        const double share = region_share[r] * tenant_share[t];
        result->charged[result->charged_len++] =
            (struct charged){r, t + 1, 0, BOUGHT_OWNED, open_tally(PART_CLASS, regions[r], share, scale, false)};
    }
}

/* Most start in the working hours of working days. */
static void open_start_hours(struct result *result, double scale) {
    result->start_hours = mem_zero(REGIONS * WEEK_HOURS, sizeof *result->start_hours);
    for (size_t i = 0; i < REGIONS * WEEK_HOURS; i++) {
        const size_t hour = i % 24, day = i % WEEK_HOURS / 24;
        const bool busy = day < 5 && hour >= 8 && hour < 20;
        result->start_hours[i].jobs = (busy ? 20 : 6) + (size_t)((1 - scale) * (double)(hour < 6) * 12);
        result->start_hours[i].gpu_h = 3.5 * (double)result->start_hours[i].jobs;
    }
}

static double swing(double hour, double peak_hour) {
    return cos((hour - peak_hour) / 24 * 6.283185307179586);
}

static void open_series(struct series *series, double scale) {
    struct rng *rng = rng_open(7, "series", 0);
    *series = (struct series){.width_ns = TICK_DAY / 8,
                              .bins = BINS,
                              .regions = REGIONS,
                              .at = mem_zero(BINS * REGIONS, sizeof *series->at)};
    for (size_t i = 0; i < BINS * REGIONS; i++) {
        const size_t r = i / BINS;
        const double hour = (double)(i % BINS) * 3, weekend = fmod(hour / 24 + 2, 7) < 2 ? 0.8 : 1;
        const double gpus = r ? 160 : 240, noise = rng_normal(rng, 0, 0.04);
        struct bin *b = &series->at[i];
        double busy = weekend * (0.82 + 0.14 * swing(hour, 15)) + noise - 0.04 * scale;
        if (busy > 1) busy = 1;
        b->held_gpus = gpus * busy;
        b->used_gpus = 0.72 * b->held_gpus;
        b->running_jobs = b->held_gpus / 3;
        b->queued_jobs = busy > 0.8 ? scale * gpus * (busy - 0.8) * 4 : 0;
        b->queued_gpus = 4 * b->queued_jobs;
        b->pue = 1.2 + 0.03 * swing(hour, 15);
        b->power_w = b->pue * (gpus * 200 + b->held_gpus * 700);
        b->price_usd_per_kwh =
            r ? 0.05 + 0.02 * swing(hour, 19) : 0.11 + 0.05 * swing(hour, 18) + 0.2 * noise;
        b->carbon_g_per_kwh = r ? 90 + 15 * swing(hour, 20) : 390 - 90 * swing(hour, 13) + 400 * noise;
        b->cost_usd_per_h = gpus * 1.7 + b->power_w / 1e3 * b->price_usd_per_kwh;
    }
    rng_close(rng);
}

void sample_open(struct sample *sample, unsigned variant) {
    const double scale = 1 / (1 + 0.9 * variant);
    *sample = (struct sample){0};
    snprintf(sample->name, sizeof sample->name, "%s", policies[variant % 8]);
    open_setup(&sample->setup);
    open_jobs(&sample->trace, scale);
    sample->info = (struct run_info){.scenario_name = "sample month",
                                     .scenario_file = "scenarios/sample.yaml",
                                     .scenario_text = "version: 1\n",
                                     .run_name = sample->name,
                                     .overrides = variant ? "policy.order" : "",
                                     .baseline = "fifo",
                                     .scenario_hash = 0xfedcba9876543210,
                                     .trace_hash = 42,
                                     .seed = 1,
                                     .trace = "synthetic",
                                     .order = sample->name,
                                     .backfill = "none",
                                     .place = "consolidate",
                                     .route = "home",
                                     .shift = "now",
                                     .forecast = "perfect",
                                     .market = "any",
                                     .version = HEADROOM_VERSION,
                                     .command = "headroom run scenarios/sample.yaml",
                                     .origin_unix_ns = sample->setup.origin_unix_ns};
    struct result *result = &sample->result;
    open_tallies(result, &sample->setup, scale);
    open_charged(result, scale);
    open_start_hours(result, scale);
    open_series(&result->series, scale);
    result->jobs = mem_copy(&sample->trace, sizeof sample->trace);
    result->jobs->at = mem_copy(sample->trace.at, sample->trace.len * sizeof *sample->trace.at);
    result->jobs->shapes.at =
        mem_copy(sample->trace.shapes.at, sample->trace.shapes.len * sizeof(struct shape));
    result->job_results = mem_zero(SAMPLE_JOBS, sizeof *result->job_results);
    result->end_ns = result->makespan_ns = result->measured_ns = SAMPLE_DAYS * TICK_DAY;
    result->events = 2 * SAMPLE_JOBS;
    result->passes = result->placements = SAMPLE_JOBS;
    result->loop_s = 0.004;
    result->ledger_error = 3e-15;
    result->warnings = mem_zero(1, sizeof *result->warnings);
    result->warnings[result->warnings_len++] =
        mem_text("pool 'a100': its power is an estimate of the catalogue");
}

/* The part's share of the whole run. */
static double share_of(const struct tally *t, const struct result *result) {
    return t->held_gpu_h / result->tallies[0].held_gpu_h;
}

static void enrich_iron(struct tally *t) {
    const double sleep = 0.3, boot = 0.1;
    t->sleep_energy_j = sleep * t->idle_energy_j, t->boot_energy_j = boot * t->idle_energy_j;
    t->sleep_energy_usd = sleep * t->idle_energy_usd, t->boot_energy_usd = boot * t->idle_energy_usd;
    t->sleep_co2_g = sleep * t->idle_co2_g, t->boot_co2_g = boot * t->idle_co2_g;
    t->idle_energy_j *= 1 - sleep - boot;
    t->idle_energy_usd *= 1 - sleep - boot;
    t->idle_co2_g *= 1 - sleep - boot;
    t->up_gpu_h = 0.92 * t->capacity_gpu_h;
    t->boots = 120;
}

static void enrich_site(struct tally *t, double share) {
    t->demand_usd = 5200 * share;
    t->solar_j = 3.6e6 * 14000 * share, t->solar_used_j = 0.9 * t->solar_j, t->export_j = 0.1 * t->solar_j;
    t->battery_loss_j = 3.6e6 * 300 * share;
    t->grid_j = t->energy_j - t->solar_used_j + t->battery_loss_j;
    t->site_usd = -1150 * share;
    t->site_co2_g = -3.1e6 * share;
    t->water_l = 250e3 * share;
    t->price_mean = 0.086, t->carbon_mean = 280;
}

static void enrich(struct tally *t, double share, unsigned variant) {
    const double cheaper = 1 - 0.05 * variant, cleaner = 1 - 0.11 * variant + 0.012 * variant * variant;
    double *const usd[] = {&t->energy_usd, &t->job_energy_usd, &t->idle_energy_usd};
    double *const g[] = {&t->co2_g, &t->job_co2_g, &t->idle_co2_g};
    for (size_t i = 0; i < 3; i++) *usd[i] *= cheaper, *g[i] *= cleaner;
    t->carbon_usd = 0.08 * t->co2_g / 1e3;
    t->egress_usd = 640 * share * variant, t->egress_gb = 32000 * share * variant;
    t->embodied_g = 21e6 * share, t->job_embodied_g = 0.78 * t->embodied_g;
    t->market_co2_g = t->co2_g;
    t->failures = (uint64_t)(60 * share), t->lost_gpu_h = 0.02 * t->held_gpu_h;
    t->checkpoint_gpu_h = 0.008 * t->held_gpu_h;
    t->lost_energy_j = 0.02 * t->job_energy_j;
    t->lost_usd = 0.02 * (t->job_energy_usd + t->job_capacity_usd);
    t->suspensions = (uint64_t)(200 * share * variant);
    t->why_s[WHY_SHIFT] = 3600 * 5200 * share * variant;
    t->wait_s.mean += 4700 * variant;
    t->jct_s.mean += 4700 * variant;
}

void sample_enrich(struct sample *sample, unsigned variant) {
    struct result *result = &sample->result;
    for (size_t i = 0; i < REGIONS; i++) sample->setup.regions[i].carbon_usd_per_kg = 0.08;
    for (size_t i = 0; i < result->charged_len; i++) {
        struct tally *t = &result->charged[i].tally;
        enrich(t, share_of(t, result), variant);
    }
    for (size_t i = 0; i < result->tallies_len; i++) {
        struct tally *t = &result->tallies[i];
        const double share = share_of(t, result);
        enrich(t, share, variant);
        if (t->idle_energy_j > 0) enrich_iron(t);
        if (t->part == PART_RUN || t->part == PART_REGION) enrich_site(t, share);
        if (t->part == PART_POOL) t->egress_usd = t->egress_gb = 0;
    }
}

/* A share of the run's GPUs, requests and money; times are slower for the larger service. */
static struct service_result serve(const char *name, const struct tally *run, double share, double requests) {
    struct service_result x = {.name = name, .arrived = (uint64_t)(1000 * requests), .calibrated = share > 0.3};
    x.finished = x.arrived - 5, x.met = x.arrived - 100, x.waiting = 3, x.refused = 2;
    x.prompt_tokens = 1000 * (double)x.finished, x.output_tokens = 200 * (double)x.finished;
    x.cached_tokens = 0.3 * x.prompt_tokens;
    for (uint64_t i = 0; i < x.finished; i++) {
        times_add(&x.ttft, share * (0.2 + (double)(i % 100) / 100));
        times_add(&x.tpot, share * (0.02 + (double)(i % 10) / 1000));
        times_add(&x.e2e, share * (4 + (double)(i % 1000) / 100));
    }
    x.gpu_h = share * run->held_gpu_h, x.replica_h = x.gpu_h / 8;
    x.energy_j = share * run->job_energy_j, x.energy_usd = share * run->job_energy_usd;
    x.co2_g = share * run->job_co2_g, x.capacity_usd = share * run->job_capacity_usd;
    x.kv_used = 0.4, x.replicas_most = 12, x.starts = 30, x.preemptions = 9;
    return x;
}

void sample_serve(struct sample *sample) {
    struct result *result = &sample->result;
    struct setup *setup = &sample->setup;
    const struct tally run = result->tallies[0];
    struct service_setup *services = arena_alloc(&setup->arena, 2, sizeof *services);
    services[0] = (struct service_setup){.name = "chat", .tensor_parallel = 8, .router = ROUTER_LEAST_OUTSTANDING,
                                         .autoscale = SCALE_REACTIVE, .least = 2, .most = 12, .max_seqs = 256,
                                         .chunk_tokens = 8192, .cold_start_ns = 60 * TICK_S, .slo_ttft_ns = TICK_S};
    services[1] = (struct service_setup){.name = "code", .tenant = "speech", .tensor_parallel = 4,
                                         .router = ROUTER_PREFIX, .least = 4, .most = 4, .prefix_cache = true,
                                         .max_seqs = 64, .chunk_tokens = 2048, .split = true, .prefill_replicas = 1,
                                         .slo_tpot_ns = TICK_S / 20};
    setup->services = services;
    setup->services_len = 2;
    result->services = mem_zero(3, sizeof *result->services);
    result->services_len = 2;
    result->services[0] = serve("chat", &run, 0.5, 40);
    result->services[1] = serve("code", &run, 0.1, 6);
    result->services[2] = serve("run", &run, 0.6, 46);
    result->tallies = mem_grow(result->tallies, result->tallies_len + 2, sizeof *result->tallies);
    for (size_t i = 0; i < 2; i++) {
        const struct service_result *x = &result->services[i];
        result->tallies[result->tallies_len++] =
            (struct tally){.part = PART_SERVICE, .name = x->name, .service = x, .held_gpu_h = x->gpu_h,
                           .energy_j = x->energy_j, .energy_usd = x->energy_usd, .co2_g = x->co2_g,
                           .capacity_usd = x->capacity_usd};
    }
    result->tallies[0].service = &result->services[2];
}

void sample_pipe(struct sample *sample) {
    struct result *result = &sample->result;
    struct setup *setup = &sample->setup;
    struct flow_setup *flow = arena_alloc(&setup->arena, 1, sizeof *flow);
    struct flow_stage *stages = arena_alloc(&setup->arena, 2, sizeof *stages);
    stages[0] = (struct flow_stage){.work = {.name = "decode", .service_s = 2, .batch = 1, .cpus = 1, .workers = 64},
                                    .scale = {.least = 4, .most = 64}};
    stages[1] = (struct flow_stage){.work = {.name = "embed", .service_s = 1, .batch = 8, .gpus = 1, .workers = 4},
                                    .scale = {.least = 4, .most = 4}};
    *flow = (struct flow_setup){.name = "clips", .tenant = "speech", .stages = stages, .stages_len = 2,
                                .items = 1e6, .start_ns = TICK_HOUR};
    setup->flows = flow;
    setup->flows_len = 1;
    result->flows = mem_zero(2, sizeof *result->flows);
    result->flows_len = 1;
    struct flow_result *x = &result->flows[0];
    *x = (struct flow_result){.name = "clips", .offered = 1e6, .items = 9e5, .left = 1e5, .active_s = 36000,
                              .worker_h = 640, .gpu_h = 40, .busy_gpu_h = 31.25, .stalled_gpu_h = 8, .energy_j = 1e8,
                              .energy_usd = 3, .co2_g = 9000, .capacity_usd = 120, .starts = 70,
                              .end_ns = TICK_NEVER, .stages = mem_zero(2, sizeof *x->stages), .stages_len = 2};
    x->stages[0] = (struct flow_stage_result){.name = "decode", .items = 9.1e5, .worker_h = 600, .busy_h = 505,
                                              .blocked_h = 90, .workers_most = 64, .starts = 66, .energy_j = 4e7};
    x->stages[1] = (struct flow_stage_result){.name = "embed", .items = 9e5, .worker_h = 40, .busy_h = 31.25,
                                              .starved_h = 8, .gpu_h = 40, .stalled_gpu_h = 8, .workers_most = 4,
                                              .starts = 4, .energy_j = 6e7, .capacity_usd = 120};
    result->flows[1] = *x; /* of the run */
    result->flows[1].stages = NULL;
    result->flows[1].stages_len = 0;
    result->tallies = mem_grow(result->tallies, result->tallies_len + 1, sizeof *result->tallies);
    result->tallies[result->tallies_len++] =
        (struct tally){.part = PART_PIPELINE, .name = "clips", .flow = x, .held_gpu_h = x->gpu_h,
                       .energy_j = x->energy_j, .energy_usd = x->energy_usd, .co2_g = x->co2_g,
                       .capacity_usd = x->capacity_usd};
    result->tallies[0].flow = &result->flows[1];
}

void sample_close(struct sample *sample) {
    result_free(&sample->result);
    jobs_free(&sample->trace);
    arena_free(&sample->setup.arena);
}

int64_t sample_store(struct store *store, const struct sample *sample) {
    const int64_t run = store_run_begin(store, &sample->info);
    store_run_finish(store, run, &sample->setup, &sample->result, 0.05);
    return run;
}

const char *sample_source(const char *relative) {
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", TESTING_SOURCE_DIR, relative);
    return path;
}

char *sample_folder(void) {
    char *folder = mem_text("/tmp/headroom-test-XXXXXX");
    require(mkdtemp(folder));
    return folder;
}

void sample_remove(char *folder) {
    DIR *entries = opendir(folder);
    for (const struct dirent *entry; entries && (entry = readdir(entries));) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (*entry->d_name != '.') remove(path);
    }
    if (entries) closedir(entries);
    remove(folder);
    free(folder);
}

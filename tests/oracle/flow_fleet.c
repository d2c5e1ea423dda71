/*
 * Pipelines beside jobs on one fleet: preemption, failures, quotas and shared GPUs by hand; how items come; and what
 * must hold in every run, over random fleets, jobs and pipelines of all kinds at once.
 *
 *   items      none is lost, none is made: what is through came; worker time at work = items x service / batch
 *   holding    GPU time held = charged, by jobs and by each crew; busy + starved + blocked + starting = held
 *   ledger     meter = jobs + idle (+ sleep + boot)
 *   waiting    the reasons add up to each job's wait, to the nanosecond
 *   events     the same run twice is the same to the last bit
 */
#include "core/flow.h"

#include "base/rng.h"
#include "base/tick.h"
#include "models/registry.h"
#include "support/param.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { STAGES_MOST = 5, FLOWS_MOST = 3, JOBS = 60, SCENES = 160 };

struct scene {
    struct setup setup;
    struct flow_setup flows[FLOWS_MOST];
    struct flow_stage stages[FLOWS_MOST][STAGES_MOST];
    uint32_t after[FLOWS_MOST][STAGES_MOST][STAGES_MOST];
    struct jobs jobs;
    struct result result;
};

static void near(double got, double expected, double tolerance) {
    cr_expect(fabs(got - expected) <= tolerance * fmax(1e-300, fabs(expected)), "%.12g, expected %.12g", got, expected);
}

/* One stage of GPU workers, an item a second each, on nodes of `gpus` GPUs. */
static struct flow_stage *one_stage(struct scene *scene, uint32_t nodes, uint32_t gpus, uint32_t workers, double share,
                                    double items) {
    *scene = (struct scene){0};
    testing_setup(&scene->setup);
    testing_pool(&scene->setup, "a", nodes, gpus)->gpu_peak_w = 300;
    jobs_init(&scene->jobs, JOBS_PRIORITY);
    scene->stages[0][0] = (struct flow_stage){
        .work = {.name = "s", .service_s = 1, .batch = 1, .gpus = share, .workers = workers, .start_s = 10},
        .class_name = "p/s", .scale = {.least = workers, .begin = workers, .most = workers}};
    scene->flows[0] = (struct flow_setup){.name = "p", .stages = scene->stages[0], .stages_len = 1, .items = items,
                                          .until_ns = TICK_NEVER};
    scene->setup.flows = scene->flows;
    scene->setup.flows_len = 1;
    return &scene->stages[0][0];
}

static const struct flow_result *run(struct scene *scene) {
    result_free(&scene->result);
    scene->result = testing_run(&scene->setup, &scene->jobs);
    cr_expect_leq(scene->result.ledger_error, 1e-9, "the ledger is off by %g", scene->result.ledger_error);
    return &scene->result.flows[0];
}

static void close_scene(struct scene *scene) {
    result_free(&scene->result);
    jobs_free(&scene->jobs);
    testing_setup_free(&scene->setup);
}

/* ---- by hand ---- */

/* Two workers from 10 s on, 2/s; a job of higher priority takes one GPU from 100 to 150 s, and its worker starts for
 * another 10 s: 180 + 50 + 10 items by 160 s, then 2/s: the last of 400 at 240 s. */
Test(flow_fleet, preempted_by_hand) {
    struct scene scene;
    one_stage(&scene, 1, 2, 2, 1, 400);
    testing_policy(&scene.setup, "preemptive_priority", "none", "first_fit");
    scene.jobs.priority[testing_job(&scene.jobs, 100, 50, 1)] = 5;
    const struct flow_result *r = run(&scene);
    cr_expect_eq(r->end_ns, 240 * TICK_S, "ended at %.9f", tick_seconds(r->end_ns));
    cr_expect_eq(r->starts, 3);
    near(r->gpu_h * 3600, 2 * 240 - 50, 1e-12);
    near(r->busy_gpu_h * 3600, 400, 1e-12);
    near(scene.result.tallies[0].held_gpu_h * 3600, 480, 1e-12);
    near(r->energy_j, 400 * 300., 1e-12);
    cr_expect_eq(scene.result.tallies[0].preemptions, 1);
    /* Of equal priority the job waits for the first worker that goes. */
    scene.jobs.priority[0] = scene.flows[0].priority = 5;
    r = run(&scene);
    cr_expect_eq(r->end_ns, 210 * TICK_S);
    cr_expect_eq(scene.result.jobs->at[0].start_ns, 210 * TICK_S);
    close_scene(&scene);
}

/* The same with a node that fails from 100 to 150 s. */
Test(flow_fleet, a_failure_by_hand) {
    static const int64_t at_ns[] = {100 * TICK_S}, lasts_ns[] = {50 * TICK_S};
    static const uint32_t node[] = {1};
    struct scene scene;
    one_stage(&scene, 2, 1, 2, 1, 400);
    scene.setup.pools[0].faults.trace.at_ns = at_ns;
    scene.setup.pools[0].faults.trace.lasts_ns = lasts_ns;
    scene.setup.pools[0].faults.trace.node = node;
    scene.setup.pools[0].faults.trace.len = 1;
    const struct flow_result *r = run(&scene);
    cr_expect_eq(r->end_ns, 240 * TICK_S, "ended at %.9f", tick_seconds(r->end_ns));
    cr_expect_eq(r->starts, 3);
    near(r->busy_gpu_h * 3600, 400, 1e-12);
    near(scene.result.tallies[0].overhead_gpu_h * 3600, 30, 1e-12);
    close_scene(&scene);
}

/* A hard quota of 3 GPUs: 3 of 8 workers run, 990 items from 10 to 340 s. */
Test(flow_fleet, within_its_quota) {
    struct scene scene;
    one_stage(&scene, 1, 8, 8, 1, 990);
    struct tenant_setup *tenant = testing_tenant(&scene.setup, "red");
    tenant->quota_kind = QUOTA_HARD;
    tenant->quota_gpus = 3;
    scene.flows[0].tenant = "red";
    const struct flow_result *r = run(&scene);
    cr_expect_eq(r->stages[0].workers_most, 3);
    cr_expect_eq(r->end_ns, 340 * TICK_S);
    near(testing_tally(&scene.result, PART_TENANT, "red")->held_gpu_h * 3600, 3 * 340, 1e-12);
    close_scene(&scene);
}

/* Eight workers of a quarter of a GPU hold two GPUs; each is as fast as its service time says. */
Test(flow_fleet, parts_of_gpus) {
    struct scene scene;
    one_stage(&scene, 1, 2, 8, 0.25, 800);
    const struct flow_result *r = run(&scene);
    cr_expect_eq(r->end_ns, 110 * TICK_S);
    near(r->gpu_h * 3600, 2 * 110, 1e-12);
    near(r->busy_gpu_h * 3600, 2 * 100, 1e-12);
    near(r->energy_j, 200 * 300., 1e-12);
    close_scene(&scene);
}

/* A stage asks for more than there is: the rest waits in line, without end, and the run ends all the same. */
Test(flow_fleet, what_cannot_be_had_is_told) {
    struct scene scene;
    struct flow_stage *s = one_stage(&scene, 1, 2, 2, 1, 100);
    scene.stages[0][1] = *s;
    static const uint32_t first[] = {0};
    scene.stages[0][1].work.name = "t";
    scene.stages[0][1].class_name = "p/t";
    scene.stages[0][1].after = first;
    scene.stages[0][1].after_len = 1;
    scene.stages[0][1].buffer = 40;
    scene.stages[0][1].scale = (struct flow_scale){.least = 1, .begin = 1, .most = 2, .every_ns = 10 * TICK_S,
                                                   .keep_ns = 30 * TICK_S, .clear_ns = 60 * TICK_S};
    scene.flows[0].stages_len = 2;
    const struct flow_result *r = run(&scene); /* the first stage holds both GPUs and waits for room */
    cr_expect_eq(r->end_ns, TICK_NEVER);
    near(r->left, 100, 1e-12);
    near(r->stages[0].busy_h * 3600, 40, 1e-9);
    cr_expect_eq(scene.result.warnings_len, 1);
    /* One that scales gives a GPU back when it waits, and all get through. */
    s->scale = (struct flow_scale){.least = 1, .begin = 2, .most = 2, .every_ns = 10 * TICK_S, .keep_ns = 30 * TICK_S,
                                   .clear_ns = 60 * TICK_S};
    r = run(&scene);
    cr_expect(r->end_ns < TICK_NEVER && r->items == 100 && r->left == 0);
    close_scene(&scene);
}

/* ---- how items come ---- */

/* 100 a second on average, twice as many in the second half of the day as in the first: 66.7 and 133.3. */
Test(flow_fleet, a_rate_follows_the_day) {
    static double daily[24];
    struct scene scene;
    for (int h = 0; h < 24; h++) daily[h] = h < 12 ? 1 : 2;
    one_stage(&scene, 25, 8, 200, 1, INFINITY);
    scene.flows[0].rate_per_s = 100;
    scene.flows[0].daily = (struct numbers){daily, 24};
    scene.setup.horizon_ns = 36 * TICK_HOUR;
    const struct flow_result *r = run(&scene);
    near(r->offered, 3600 * 100 * (24 + 12 * 2. / 3), 1e-9);
    near(r->offered - r->items + r->busy_gpu_h * 3600, r->offered, 1e-9);
    /* Until noon of the first day, and then the rest of what had come. */
    scene.flows[0].until_ns = 12 * TICK_HOUR;
    scene.setup.horizon_ns = TICK_NEVER;
    r = run(&scene);
    near(r->items, 3600 * 12 * 100 * 2. / 3, 1e-9);
    cr_expect_eq(r->left, 0);
    cr_expect_eq(r->end_ns, 12 * TICK_HOUR, "ended at %.9f", tick_seconds(r->end_ns));
    /* So many, and no more. */
    scene.flows[0].until_ns = TICK_NEVER;
    scene.flows[0].items = 1e6;
    r = run(&scene);
    cr_expect_eq(r->items, 1e6);
    near(tick_seconds(r->end_ns), 1e6 / 100 * 1.5, 1e-9);
    close_scene(&scene);
}

/* Lots of 50 at random, 20 lots an hour: as many as a Poisson process has, by the hours of the day too; and workers are
 * busy for the share that the load says. */
Test(flow_fleet, lots_come_at_random) {
    static double daily[24];
    struct scene scene;
    for (int h = 0; h < 24; h++) daily[h] = h % 2;
    one_stage(&scene, 1, 1, 1, 1, INFINITY);
    scene.flows[0].rate_per_s = 20 * 50 / 3600.;
    scene.flows[0].lot = 50;
    scene.flows[0].daily = (struct numbers){daily, 24};
    scene.setup.horizon_ns = 2000 * TICK_HOUR;
    const struct flow_result *r = run(&scene);
    const double lots = r->offered / 50, told = 20 * 2000;
    cr_expect_eq(lots, floor(lots));
    cr_expect(fabs(lots - told) < 4 * sqrt(told), "%g lots, expected %g", lots, told);
    near(r->stages[0].busy_h / (r->stages[0].busy_h + r->stages[0].starved_h), 20 * 50 / 3600., 0.03);
    /* None in the even hours. */
    scene.setup.measure_from_ns = 1000 * TICK_HOUR;
    scene.setup.measure_to_ns = 1001 * TICK_HOUR;
    r = run(&scene);
    cr_expect_eq(r->offered, 0);
    scene.setup.measure_to_ns = 1002 * TICK_HOUR;
    r = run(&scene);
    cr_expect(r->offered > 0);
    /* The day flat: other times, the same law; and another seed, other lots. */
    scene.flows[0].daily.len = 0;
    scene.setup.measure_from_ns = 0;
    scene.setup.measure_to_ns = TICK_NEVER;
    const double flat = run(&scene)->offered / 50;
    cr_expect(fabs(flat - told) < 4 * sqrt(told));
    scene.setup.seed = 2;
    cr_expect_neq(run(&scene)->offered / 50, flat);
    close_scene(&scene);
}

/* Containers scale as one: each can do 2 a second (its part of the slower stage), 9 come. */
Test(flow_fleet, containers_scale_together) {
    struct scene scene;
    struct flow_stage *s = one_stage(&scene, 20, 8, 20, 1, INFINITY);
    static const uint32_t first[] = {0};
    scene.setup.pools[0].cpu_milli = 64000;
    scene.stages[0][1] = *s;
    scene.stages[0][1].work = (struct stage){.name = "t", .service_s = 16, .batch = 1, .cpus = 1, .workers = 640};
    scene.stages[0][1].after = first;
    scene.stages[0][1].after_len = 1;
    scene.stages[0][1].scale = (struct flow_scale){.least = 32, .begin = 32, .most = 640, .every_ns = 10 * TICK_S,
                                                   .keep_ns = 60 * TICK_S, .clear_ns = 60 * TICK_S};
    s->scale = scene.stages[0][1].scale;
    s->scale.least = s->scale.begin = 2;
    s->scale.most = 40;
    s->work.service_s = 0.5;
    scene.flows[0].stages_len = 2;
    scene.flows[0].monolithic = true;
    scene.flows[0].container_cpus = 32;
    scene.flows[0].container_gpus = 4;
    scene.flows[0].rate_per_s = 9;
    scene.setup.horizon_ns = 10 * TICK_HOUR;
    scene.setup.measure_from_ns = 5 * TICK_HOUR;
    const struct flow_result *r = run(&scene); /* 20 containers of 32 cores and (2 used of) 4 GPUs at most */
    near(r->worker_h / 5, 5, 1e-9);            /* 9 / 2, rounded up */
    near(r->items, 9 * 5 * 3600, 1e-9);
    near(r->gpu_h / 5, 5 * 4, 1e-9);
    near(r->busy_gpu_h / 5, 9 * 0.5, 1e-9);
    near(r->stalled_gpu_h / 5, 5 * 2 - 9 * 0.5, 1e-9); /* of the two a container has a use for */
    near(r->stages[1].busy_h / (r->stages[1].busy_h + r->stages[1].starved_h), 0.9, 1e-9);
    close_scene(&scene);
}

/* ---- what must hold in every run ---- */

static bool one_in(struct rng *rng, uint64_t n) { return rng_below(rng, n) == 0; }
static double log_between(struct rng *rng, double low, double high) { return low * pow(high / low, rng_uniform(rng)); }

static void draw_fleet(struct scene *scene, struct rng *rng) {
    static const struct testing_step price[] = {{0, 0.1}, {40, 0.4}, {130, 0.2}};
    struct setup *setup = &scene->setup;
    testing_region(setup, "there");
    for (uint32_t r = 0; r < 2; r++) {
        setup->regions[r].price = testing_steps(setup, price, 3, 300);
        setup->regions[r].carbon = testing_steps(setup, price, 3, 200);
        setup->regions[r].pue = testing_steps(setup, price, 3, 0);
        for (int gpus = 0; gpus <= 8; gpus += 8) {
            struct pool_setup *p = testing_pool(setup, gpus ? r ? "x" : "g" : r ? "d" : "c",
                                                1 + (uint32_t)rng_below(rng, 4), (uint32_t)gpus);
            p->region = r;
            p->cpu_milli = 32000;
            p->base_w = 400 * rng_uniform(rng);
            p->gpu_idle_w = 50;
            p->gpu_peak_w = 400;
            p->usd_per_node_h = 10 * rng_uniform(rng);
            if (one_in(rng, 3)) {
                p->faults.node_every = testing_model(&setup->arena, KIND_LIFETIME, "exponential");
                testing_param(p->faults.node_every, "mean", 500);
                p->faults.repair = testing_model(&setup->arena, KIND_LIFETIME, "exponential");
                testing_param(p->faults.repair, "mean", 20);
            }
            if (one_in(rng, 4)) p->sleep = (struct sleep_setup){.on = true, .after_ns = 10 * TICK_S,
                                                                .boot_ns = 5 * TICK_S, .boot_w = 100, .sleep_w = 5};
        }
    }
}

static void draw_stage(struct scene *scene, struct rng *rng, int flow, size_t i) {
    static const char *const names[] = {"p/a", "p/b", "p/c", "p/d", "p/e"};
    struct flow_stage *s = &scene->stages[flow][i];
    const bool gpu = one_in(rng, 3), store = one_in(rng, 8);
    const uint32_t most = 1 + (uint32_t)rng_below(rng, gpu ? 6 : 20);
    *s = (struct flow_stage){.work = {.name = names[i] + 2, .service_s = log_between(rng, 0.01, 3),
                                      .batch = 1 + (double)rng_below(rng, 8),
                                      .cpus = store ? 0 : 0.5 + rng_uniform(rng),
                                      .gpus = store || !gpu ? 0 : one_in(rng, 2) ? 1 : 0.3, .workers = most,
                                      .start_s = one_in(rng, 2) ? 10 * rng_uniform(rng) : 0},
                             .class_name = names[i], .after = scene->after[flow][i],
                             .scale = {.least = most, .begin = most, .most = most}};
    if (one_in(rng, 2)) s->buffer = s->work.batch + (double)rng_below(rng, 50);
    for (uint32_t k = 0; k < i; k++)
        if (k + 1 == i ? !one_in(rng, 4) : one_in(rng, 3)) scene->after[flow][i][s->after_len++] = k;
    if (store || !one_in(rng, 2)) return;
    s->scale.least = (uint32_t)rng_below(rng, most + 1);
    s->scale.begin = s->scale.least + (uint32_t)rng_below(rng, most - s->scale.least + 1);
    s->scale.every_ns = (int64_t)(1 + rng_below(rng, 20)) * TICK_S;
    s->scale.keep_ns = (int64_t)rng_below(rng, 60) * TICK_S;
    s->scale.clear_ns = (int64_t)(1 + rng_below(rng, 60)) * TICK_S;
    s->scale.step = (uint32_t)rng_below(rng, 3);
}

static void draw_flow(struct scene *scene, struct rng *rng, int i) {
    static const char *const names[] = {"p", "q", "r"};
    static double daily[24] = {1, 0, 3, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    struct flow_setup *f = &scene->flows[i];
    *f = (struct flow_setup){.name = names[i], .stages = scene->stages[i],
                             .stages_len = 1 + rng_below(rng, STAGES_MOST),
                             .items = floor(log_between(rng, 1, 1e5)), .start_ns = (int64_t)rng_below(rng, 50) * TICK_S,
                             .until_ns = TICK_NEVER, .priority = (int32_t)rng_below(rng, 3)};
    if (one_in(rng, 3)) f->tenant = "red";
    for (size_t k = 0; k < f->stages_len; k++) draw_stage(scene, rng, i, k);
    if (one_in(rng, 2)) {
        f->rate_per_s = log_between(rng, 0.1, 1000);
        if (one_in(rng, 2)) f->lot = floor(log_between(rng, 1, 1000));
        if (one_in(rng, 2)) f->daily = (struct numbers){daily, 24};
        if (one_in(rng, 2)) f->until_ns = f->start_ns + (int64_t)(1 + rng_below(rng, 300)) * TICK_S;
    }
    if (one_in(rng, 3)) {
        f->monolithic = true;
        f->container_cpus = 1 + (double)rng_below(rng, 16);
        f->container_gpus = 1 + (double)rng_below(rng, 4);
    }
}

static void draw(struct scene *scene, struct rng *rng, uint64_t seed) {
    static const char *const orders[] = {"fifo", "sjf", "preemptive_priority", "priority", "fair_share", "las", "srtf"};
    static const char *const backfills[] = {"none", "skip"};
    static const char *const places[] = {"first_fit", "best_fit", "spread", "fgd"};
    *scene = (struct scene){0};
    testing_setup(&scene->setup);
    scene->setup.seed = seed;
    testing_policy(&scene->setup, orders[rng_below(rng, 7)], backfills[rng_below(rng, 2)], places[rng_below(rng, 4)]);
    for (int i = 0; i < 3; i++) scene->setup.policy.restart_ns[i] = one_in(rng, 2) ? 0 : TICK_S;
    draw_fleet(scene, rng);
    struct tenant_setup *red = testing_tenant(&scene->setup, "red");
    if (one_in(rng, 3)) {
        red->quota_kind = one_in(rng, 2) ? QUOTA_HARD : QUOTA_BORROW;
        red->quota_gpus = 8;
    }
    const int flows = 1 + (int)rng_below(rng, FLOWS_MOST);
    for (int i = 0; i < flows; i++) draw_flow(scene, rng, i);
    scene->setup.flows = scene->flows;
    scene->setup.flows_len = (size_t)flows;
    jobs_init(&scene->jobs, JOBS_PRIORITY);
    const int jobs = (int)rng_below(rng, JOBS);
    for (int i = 0; i < jobs; i++) {
        const uint32_t j = testing_job(&scene->jobs, (double)rng_below(rng, 200), 50 * rng_uniform(rng),
                                       (uint32_t)rng_below(rng, 9));
        if (scene->jobs.shapes.at[scene->jobs.at[j].shape].gpus == 0)
            testing_shape(&scene->jobs, &(struct shape){.cpu_milli = 4000, .models = JOB_ANY_MODEL});
        scene->jobs.priority[j] = (int32_t)rng_below(rng, 4);
    }
    if (one_in(rng, 3)) scene->setup.horizon_ns = (int64_t)(50 + rng_below(rng, 2000)) * TICK_S;
    else scene->setup.horizon_ns = one_in(rng, 2) ? TICK_NEVER : 5 * TICK_HOUR;
    if (one_in(rng, 3)) scene->setup.measure_from_ns = 30 * TICK_S, scene->setup.measure_to_ns = 150 * TICK_S;
}

static double sum_of_stage(const struct flow_stage_result *r) { return r->busy_h + r->starved_h + r->blocked_h; }

static void check_flow(const struct scene *scene, size_t i, uint64_t seed) {
    const struct flow_setup *f = &scene->flows[i];
    const struct flow_result *r = &scene->result.flows[i];
    cr_expect(r->items >= 0 && r->left >= 0 && r->busy_gpu_h <= r->gpu_h * (1 + 1e-9), "scene %lu",
              (unsigned long)seed);
    if (scene->setup.measure_from_ns == 0 && scene->setup.measure_to_ns >= scene->result.end_ns) {
        near(r->items + r->left, r->offered, 1e-9);
        cr_expect(r->offered <= f->items * (1 + 1e-12), "scene %lu: %g came of %g", (unsigned long)seed, r->offered,
                  f->items);
        if (r->end_ns < TICK_NEVER) cr_expect_eq(r->items, r->offered);
    }
    for (size_t k = 0; k < r->stages_len; k++) {
        const struct flow_stage_result *s = &r->stages[k];
        const struct stage *work = &f->stages[k].work;
        cr_expect(s->items >= r->items - 1e-9 * r->offered && s->busy_h >= 0 && s->starved_h >= 0 && s->blocked_h >= 0);
        if (work->cpus <= 0 && work->gpus <= 0) continue;
        const double at_work_h = s->items * work->service_s / work->batch / 3600;
        cr_expect(fabs(s->busy_h - at_work_h) <= 1e-9 * at_work_h + 1e-12,
                  "scene %lu: %s/%s at work for %g h, items say %g", (unsigned long)seed, r->name, s->name, s->busy_h,
                  at_work_h);
        cr_expect(sum_of_stage(s) <= s->worker_h * (1 + 1e-9) + 1e-12, "scene %lu: %s ready for %g of %g h",
                  (unsigned long)seed, s->name, sum_of_stage(s), s->worker_h);
        /* Overhead is what they held while they started. */
        if (work->start_s <= 0 && !f->monolithic) near(sum_of_stage(s), s->worker_h, 1e-9);
    }
}

static void check_scene(const struct scene *scene, uint64_t seed) {
    const struct result *r = &scene->result;
    const struct tally *all = &r->tallies[0];
    double held_h = 0, used_h = 0, stalled_h = 0, usd = 0;
    cr_expect_leq(r->ledger_error, 1e-9, "scene %lu: the ledger is off by %g", (unsigned long)seed, r->ledger_error);
    for (size_t i = 0; i < r->flows_len; i++) {
        check_flow(scene, i, seed);
        held_h += r->flows[i].gpu_h;
        used_h += r->flows[i].busy_gpu_h;
        stalled_h += r->flows[i].stalled_gpu_h;
        usd += r->flows[i].energy_usd + r->flows[i].capacity_usd;
    }
    const struct tally *jobs = NULL;
    for (size_t i = 0; i < r->tallies_len; i++)
        if (r->tallies[i].part == PART_CLASS && strcmp(r->tallies[i].name, "default") == 0) jobs = &r->tallies[i];
    if (jobs) {
        held_h += jobs->held_gpu_h;
        used_h += jobs->used_gpu_h;
        usd += jobs->energy_usd + jobs->capacity_usd;
    }
    near(held_h, all->held_gpu_h, 1e-9);
    near(used_h, all->used_gpu_h, 1e-9);
    cr_expect(fabs(stalled_h - all->stalled_gpu_h) <= 1e-9 * (1 + stalled_h));
    near(usd, all->job_energy_usd + all->job_capacity_usd, 1e-9);
    cr_expect(all->held_gpu_h <= all->capacity_gpu_h * (1 + 1e-12) && all->used_gpu_h <= all->held_gpu_h * (1 + 1e-12));
    for (size_t i = 0; i < r->jobs->len; i++) {
        const struct job *j = &r->jobs->at[i];
        int64_t sum_ns = 0;
        for (int w = 0; w < WHY_COUNT; w++) sum_ns += r->job_results[i].why_ns[w];
        if (j->start_ns < 0) continue;
        cr_expect_eq(sum_ns, j->start_ns - j->submit_ns, "scene %lu, job %zu", (unsigned long)seed, i);
    }
}

/* Both runs in every figure of their pipelines, to the bit. */
static void check_same(const struct result *a, const struct result *b, uint64_t seed) {
    cr_expect_eq(a->end_ns, b->end_ns);
    cr_expect_eq(a->events, b->events);
    for (size_t i = 0; i < a->flows_len; i++) {
        struct flow_result x = a->flows[i], y = b->flows[i];
        cr_expect_arr_eq(x.stages, y.stages, x.stages_len * sizeof *x.stages, "scene %lu", (unsigned long)seed);
        x.stages = y.stages = NULL;
        cr_expect(memcmp(&x, &y, sizeof x) == 0, "scene %lu", (unsigned long)seed);
    }
}

Test(flow_fleet, everything_at_once, .timeout = 300) {
    int done = 0, whole = 0, refused = 0;
    for (uint64_t seed = 0; seed < SCENES; seed++) {
        struct scene scene;
        struct rng *rng = rng_open(seed, "scenes", 0);
        struct err err;
        const struct run_options options = {.job_results = true};
        draw(&scene, rng, seed);
        err_init(&err);
        jobs_sort(&scene.jobs);
        if (run_simulate(&scene.setup, &scene.jobs, &options, &scene.result, &err)) {
            struct result again = testing_run(&scene.setup, &scene.jobs);
            check_scene(&scene, seed);
            check_same(&scene.result, &again, seed);
            result_free(&again);
            done++;
            for (size_t i = 0; i < scene.setup.flows_len; i++) whole += scene.result.flows[i].end_ns < TICK_NEVER;
        } else {
            refused++; /* a worker that no node can hold */
        }
        result_free(&scene.result);
        jobs_free(&scene.jobs);
        testing_setup_free(&scene.setup);
        err_free(&err);
        rng_close(rng);
    }
    printf("%d scenes, %d pipelines got through; %d refused\n", done, whole, refused);
    cr_expect(done >= 100 && whole >= 100);
}

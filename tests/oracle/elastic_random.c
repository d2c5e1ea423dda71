/*
 * What must hold in every run with elastic jobs: 200 random scenarios of every resize policy with rigid and elastic
 * jobs, every placement, costs, rests, quotas, failures, checkpoints, rounds, shares of a tenant, warm-up and horizons.
 *
 *   work       a finished job's useful GPU time is its recorded run time on its recorded GPUs, whatever it held
 *   sizes      GPU time held lies between its least and its most over the time it held any
 *   capacity   no region holds more than it has, no tenant more than its hard quota, at any moment
 *   waiting    the reasons add up to each job's wait, to the nanosecond
 *   ledger     identities to 1e-9
 *   order      nothing of it depends on how many runs go at once
 */
#include "base/rng.h"
#include "base/tick.h"
#include "core/seams.h"
#include "models/registry.h"
#include "support/speed.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { SCENES = 200, JOBS = 50, THREADS = 4 };

struct scene {
    struct setup setup;
    struct jobs jobs;
    struct class_setup classes[2];
    struct result result;
};

static bool one_in(struct rng *rng, uint64_t n) { return rng_below(rng, n) == 0; }
static const char *name_of(struct rng *rng, enum kind kind) {
    return models_registry()->models[kind][rng_below(rng, models_registry()->counts[kind])]->name;
}

static void draw_fleet(struct setup *setup, struct rng *rng) {
    static const struct testing_step price[] = {{0, 0.1}, {40, 0.4}, {130, 0.2}};
    setup->regions[0].price = testing_steps(setup, price, 3, 300);
    setup->regions[0].carbon = testing_steps(setup, price, 3, 200);
    struct pool_setup *pool = testing_pool(setup, "a", 1 + (uint32_t)rng_below(rng, 5), 8);
    pool->base_w = 100;
    pool->gpu_idle_w = 30;
    pool->gpu_peak_w = 400;
    pool->usd_per_node_h = 8; /* a dollar a GPU and hour: what a job is charged tells what it held */
    if (one_in(rng, 4)) pool->cpu_milli = 64000;
    struct tenant_setup *tenant = testing_tenant(setup, "red");
    if (one_in(rng, 3)) {
        tenant->quota_kind = one_in(rng, 2) ? QUOTA_HARD : QUOTA_BORROW;
        tenant->quota_gpus = 5;
    }
    if (one_in(rng, 4)) {
        pool->faults.node_every = testing_model(&setup->arena, KIND_LIFETIME, "exponential");
        *(int64_t *)pool->faults.node_every.params = 300 * TICK_S; /* its mean, the only parameter */
        pool->faults.repair = testing_model(&setup->arena, KIND_LIFETIME, "exponential");
        *(int64_t *)pool->faults.repair.params = 20 * TICK_S;
    }
}

static void draw_policy(struct setup *setup, struct rng *rng) {
    static const char *const orders[] = {"fifo", "sjf", "smallest", "fair_share"};
    struct policy_setup *policy = &setup->policy;
    testing_policy(setup, orders[rng_below(rng, 4)], one_in(rng, 2) ? "none" : "skip", name_of(rng, KIND_PLACE));
    policy->resize = testing_model(&setup->arena, KIND_RESIZE, name_of(rng, KIND_RESIZE));
    if (strcmp(policy->resize.model->name, "marginal_cost") == 0) /* its first parameter: the worth of an hour */
        *(double *)policy->resize.params = 5 * rng_uniform(rng);
    if (one_in(rng, 2)) policy->resize_cost_ns = (int64_t)rng_below(rng, 5 * TICK_S);
    if (one_in(rng, 2)) policy->resize_hold_ns = (int64_t)rng_below(rng, 30 * TICK_S);
    if (one_in(rng, 3)) policy->resize_every_ns = 7 * TICK_S;
    if (one_in(rng, 2)) policy->resize_gain = 0.1;
    if (one_in(rng, 4)) policy->scatter = true;
    if (one_in(rng, 3)) policy->estimate = ESTIMATE_NOISY, policy->estimate_error = 1, policy->overrun = OVERRUN_ALLOW;
    if (one_in(rng, 4)) policy->round_ns = 5 * TICK_S, policy->round_cost_ns = TICK_S;
    if (one_in(rng, 2)) {
        policy->checkpoint.kind = CHECKPOINT_FIXED;
        policy->checkpoint.every_ns = 10 * TICK_S;
        policy->checkpoint.write_ns = policy->checkpoint.restore_ns = TICK_S / 3;
    }
    if (one_in(rng, 4)) setup->horizon_ns = (int64_t)(50 + rng_below(rng, 300)) * TICK_S;
    if (one_in(rng, 4)) setup->measure_from_ns = 30 * TICK_S, setup->measure_to_ns = 150 * TICK_S;
}

static void draw_jobs(struct scene *scene, struct rng *rng) {
    static const uint32_t sizes[] = {1, 1, 2, 3, 4, 4, 8, 12};
    struct jobs *jobs = &scene->jobs;
    jobs_init(jobs, 0);
    for (int i = 0; i < JOBS; i++) {
        struct shape shape = {.gpus = sizes[rng_below(rng, sizeof sizes / sizeof *sizes)], .models = JOB_ANY_MODEL};
        if (one_in(rng, 8)) shape.gpus = 0, shape.share_milli = 1 + (uint32_t)rng_below(rng, 999);
        if (one_in(rng, 4)) shape.cpu_milli = 1000 * shape.gpus + 1;
        const double run_s = one_in(rng, 10) ? 0 : 60 * rng_uniform(rng);
        const uint32_t j = testing_job(jobs, (double)rng_below(rng, 200), run_s, 0);
        testing_shape(jobs, &shape);
        if (one_in(rng, 3)) jobs->at[j].tenant = (uint16_t)names_put(&jobs->tenants, "red", 3);
        if (one_in(rng, 3)) jobs->at[j].class_id = (uint16_t)names_put(&jobs->classes, "rigid", 5);
        jobs->at[j].utilisation = 1;
    }
}

static void scene_open(struct scene *scene, uint32_t number) {
    struct rng *rng = rng_open(number, "elastic", 0);
    struct setup *setup = &scene->setup;
    char speed[96];
    testing_setup(setup);
    setup->seed = number;
    draw_fleet(setup, rng);
    draw_policy(setup, rng);
    draw_jobs(scene, rng);
    for (int i = 0; i < 2; i++)
        scene->classes[i] = (struct class_setup){.run_below_ns = TICK_NEVER, .wait_ns = -1, .markets = ~0u,
                                                 .speed_gpu = "gpu"};
    snprintf(speed, sizeof speed, "{model: amdahl, shared: [100 s], fixed: [%g s]}", 20 * rng_uniform(rng));
    scene->classes[0].name = "rigid";
    scene->classes[1].speed = testing_speed(&setup->arena, speed);
    scene->classes[1].gpus_least = 1 + (uint32_t)rng_below(rng, 4);
    scene->classes[1].gpus_most = scene->classes[1].gpus_least + (uint32_t)rng_below(rng, 20);
    setup->classes = scene->classes;
    setup->classes_len = 2;
    rng_close(rng);
}

static void scene_run(struct scene *scene) { scene->result = testing_run_bins(&scene->setup, &scene->jobs, 400); }

static void scene_close(struct scene *scene) {
    result_free(&scene->result);
    jobs_free(&scene->jobs);
    testing_setup_free(&scene->setup);
}

static void check_job(const struct scene *scene, uint32_t i) {
    const struct job *j = &scene->result.jobs->at[i];
    const struct job_result *r = &scene->result.job_results[i];
    const struct shape *shape = &scene->result.jobs->shapes.at[j->shape];
    const bool elastic = scene->setup.policy.resize.model->name[0] != 'n' && shape->gpus > 0 &&
                         strcmp(scene->jobs.classes.at[j->class_id], "rigid") != 0;
    cr_assert_eq(shape->gpus, scene->jobs.shapes.at[scene->jobs.at[i].shape].gpus, "a job keeps its recorded shape");
    if (j->start_ns == JOB_NOT_YET || j->start_ns == JOB_REFUSED) return;
    int64_t why_ns = 0;
    for (int w = 0; w < WHY_COUNT; w++) why_ns += r->why_ns[w];
    cr_assert_eq(why_ns, j->start_ns - j->submit_ns, "job %u waited %ld ns for %ld ns of reasons", i,
                 (long)(j->start_ns - j->submit_ns), (long)why_ns);
    if (scene->setup.measure_from_ns > 0 || !elastic) return;
    const double gpu_h = r->capacity_usd, hours = tick_hours(r->held_ns);
    const struct class_setup *c = &scene->classes[1];
    cr_assert(gpu_h >= hours * c->gpus_least * (1 - 1e-9) && gpu_h <= hours * c->gpus_most * (1 + 1e-9),
              "job %u held %g GPU-h in %g h, may have %u to %u GPUs", i, gpu_h, hours, c->gpus_least, c->gpus_most);
}

static void check(const struct scene *scene, uint32_t number) {
    const struct result *result = &scene->result;
    const struct tally *run = &result->tallies[0];
    const double gpus = scene->setup.nodes[0].count * 8;
    const struct tenant_setup *tenant = &scene->setup.tenants[0];
    cr_assert(result->ledger_error < 1e-9, "scene %u: ledger error %g", number, result->ledger_error);
    for (size_t b = 0; b < result->series.bins; b++)
        cr_assert(result->series.at[b].held_gpus <= gpus * (1 + 1e-12), "scene %u: %g GPUs held", number,
                  result->series.at[b].held_gpus);
    double recorded_h = 0;
    for (uint32_t i = 0; i < result->jobs->len; i++) {
        const struct job *j = &result->jobs->at[i];
        check_job(scene, i);
        if (j->end_ns != JOB_NOT_YET)
            recorded_h += shape_gpu_milli(&result->jobs->shapes.at[j->shape]) / 1e3 * tick_hours(j->run_ns);
    }
    const bool all = scene->setup.measure_from_ns == 0 && run->running == 0;
    if (all) cr_assert(testing_near(run->useful_gpu_h, recorded_h, 1e-9), "scene %u: useful %.15g, recorded %.15g",
                       number, run->useful_gpu_h, recorded_h);
    if (tenant->quota_kind == QUOTA_HARD)
        for (size_t i = 0; i < result->tallies_len; i++) {
            const struct tally *t = &result->tallies[i];
            if (t->part == PART_TENANT && strcmp(t->name, "red") == 0)
                cr_assert(t->held_gpu_h <= tenant->quota_gpus * tick_hours(result->measured_ns) * (1 + 1e-9));
        }
}

/* --- side by side --- */

struct worker {
    struct scene *scenes;
    uint32_t first;
};

static void *work(void *context) {
    const struct worker *w = context;
    for (uint32_t i = w->first; i < SCENES; i += THREADS) scene_run(&w->scenes[i]);
    return NULL;
}

static void same(const struct result *a, const struct result *b, uint32_t number) {
    for (uint32_t i = 0; i < a->jobs->len; i++)
        cr_assert(a->jobs->at[i].start_ns == b->jobs->at[i].start_ns && a->jobs->at[i].end_ns == b->jobs->at[i].end_ns,
                  "scene %u: job %u differs between threads", number, i);
    cr_assert(a->tallies[0].held_gpu_h == b->tallies[0].held_gpu_h && a->tallies[0].resizes == b->tallies[0].resizes);
}

Test(elastic_random, what_must_hold_in_every_run, .timeout = 300) {
    static struct scene scenes[SCENES];
    pthread_t threads[THREADS];
    struct worker workers[THREADS];
    uint64_t resizes = 0;
    for (uint32_t i = 0; i < SCENES; i++) scene_open(&scenes[i], i + 1);
    for (uint32_t t = 0; t < THREADS; t++) {
        workers[t] = (struct worker){scenes, t};
        cr_assert_eq(pthread_create(&threads[t], NULL, work, &workers[t]), 0);
    }
    for (uint32_t t = 0; t < THREADS; t++) pthread_join(threads[t], NULL);
    for (uint32_t i = 0; i < SCENES; i++) {
        struct scene again;
        check(&scenes[i], i + 1);
        scene_open(&again, i + 1);
        scene_run(&again);
        same(&scenes[i].result, &again.result, i + 1);
        resizes += again.result.tallies[0].resizes;
        scene_close(&again);
        scene_close(&scenes[i]);
    }
    cr_assert_gt(resizes, 5 * SCENES, "hardly anything was resized: the scenes are too calm");
}

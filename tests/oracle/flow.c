/*
 * Pipelines on the simulated fleet, in live form, against closed forms, hand calculation, and the simulation batch by
 * batch of support/pipeline.h.
 *
 *   rate       100 random chains on a fleet: the least of workers x batch / service, within 0.5 %; the GPUs stall for
 *              1 - rate / capacity of the time; every item gets through
 *   fluid      ends when it ends batch by batch, but for what is in flight
 *   ramp       start-up times, buffers that fill and empty, to the nanosecond, by hand
 *   graphs     forks and joins by hand; 150 random graphs against the recursion of a line with blocking
 *   supply     a loader that fetches and prepares for training: the stall of the closed form, static and scaled
 *   scaling    ends at ceil(rate x service / batch)
 */
#include "core/flow.h"

#include "base/rng.h"
#include "base/tick.h"
#include "support/pipeline.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>

enum { STAGES_MOST = 6 };

struct scene {
    struct setup setup;
    struct flow_setup flow;
    struct flow_stage stages[STAGES_MOST];
    struct jobs jobs;
    struct result result;
};

/* Nodes for any of these tests: 64 cores, and 64 cores with 8 GPUs. */
static void scene_open(struct scene *scene, uint32_t cpu_nodes, uint32_t gpu_nodes) {
    *scene = (struct scene){0};
    testing_setup(&scene->setup);
    testing_policy(&scene->setup, "fifo", "skip", "first_fit");
    struct pool_setup *cpu = testing_pool(&scene->setup, "cpu", cpu_nodes, 0);
    struct pool_setup *gpu = testing_pool(&scene->setup, "gpu", gpu_nodes, 8);
    cpu->cpu_milli = gpu->cpu_milli = 64000;
    cpu->base_w = 350;
    cpu->usd_per_node_h = 3;
    gpu->base_w = 1500;
    gpu->gpu_idle_w = 50;
    gpu->gpu_peak_w = 400;
    gpu->usd_per_node_h = 32;
    scene->setup.flows = &scene->flow;
    scene->setup.flows_len = 1;
    scene->flow = (struct flow_setup){.name = "p", .stages = scene->stages, .until_ns = TICK_NEVER};
    jobs_init(&scene->jobs, 0);
}

static void scene_close(struct scene *scene) {
    result_free(&scene->result);
    jobs_free(&scene->jobs);
    testing_setup_free(&scene->setup);
}

/* A stage of so many workers, after the one before it. */
static struct flow_stage *add_stage(struct scene *scene, double service_s, double batch, uint32_t workers, double cpus,
                                    double gpus) {
    static const uint32_t before[] = {0, 1, 2, 3, 4, 5};
    static const char *const names[] = {"p/a", "p/b", "p/c", "p/d", "p/e", "p/f"};
    const size_t i = scene->flow.stages_len++;
    struct flow_stage *s = &scene->stages[i];
    *s = (struct flow_stage){.work = {.name = names[i] + 2, .service_s = service_s, .batch = batch, .cpus = cpus,
                                      .gpus = gpus, .workers = workers},
                             .class_name = names[i], .after = i > 0 ? &before[i - 1] : NULL, .after_len = i > 0,
                             .scale = {.least = workers, .begin = workers, .most = workers}};
    return s;
}

static void scaled(struct flow_stage *s, uint32_t least, uint32_t begin) {
    s->scale.least = least;
    s->scale.begin = begin;
    s->scale.every_ns = 10 * TICK_S;
    s->scale.keep_ns = 60 * TICK_S;
    s->scale.clear_ns = 30 * TICK_S;
}

static const struct flow_result *run(struct scene *scene) {
    result_free(&scene->result);
    scene->result = testing_run(&scene->setup, &scene->jobs);
    const struct result *r = &scene->result;
    cr_assert_eq(r->flows_len, 1);
    cr_expect_leq(r->ledger_error, 1e-9, "the ledger is off by %g", r->ledger_error);
    const struct tally *all = testing_tally(r, PART_RUN, NULL);
    cr_expect(testing_near(all->held_gpu_h, r->flows[0].gpu_h, 1e-9), "held %g GPU-h, charged %g", all->held_gpu_h,
              r->flows[0].gpu_h);
    cr_expect(testing_near(all->used_gpu_h, r->flows[0].busy_gpu_h, 1e-9));
    cr_expect(testing_near(all->stalled_gpu_h, r->flows[0].stalled_gpu_h, 1e-9));
    cr_expect(testing_near(all->job_energy_j, r->flows[0].energy_j, 1e-9));
    cr_expect(testing_near(all->job_capacity_usd, r->flows[0].capacity_usd, 1e-9));
    return &r->flows[0];
}

static void near(double got, double expected, double tolerance) {
    cr_expect(fabs(got - expected) <= tolerance * fmax(1e-300, fabs(expected)), "%.12g, expected %.12g", got, expected);
}

/* ---- ramp by hand ---- */

/* 100 items. a: 4 workers of 2 items/s each, ready at 10 s; b: one GPU, 4 items/s, ready at 20 s; room for 40. From 10
 * on a does 8/s; at 15 s the 40 are full and it stops; from 20 on b takes 4/s, and so does a, until all 100 are through
 * a: (100 - 40) / 4 = 15 s later, at 35. b goes on until 20 + 25 = 45 s. */
Test(flow, ramp_by_hand) {
    struct scene scene;
    scene_open(&scene, 1, 1);
    scene.flow.items = 100;
    add_stage(&scene, 0.5, 1, 4, 1, 0)->work.start_s = 10;
    struct flow_stage *b = add_stage(&scene, 1, 4, 1, 1, 1);
    b->work.start_s = 20;
    b->buffer = 40;
    const struct flow_result *r = run(&scene);
    cr_expect_eq(r->end_ns, 45 * TICK_S, "ended at %.9f", tick_seconds(r->end_ns));
    cr_expect_eq(r->items, 100);
    cr_expect(r->left == 0 && r->offered == 100);
    near(r->stages[0].worker_h * 3600, 4 * 35, 1e-9);          /* a's workers go when its last item is through */
    near(r->stages[0].busy_h * 3600, 100 * 0.5, 1e-9);
    near(r->stages[0].blocked_h * 3600, 4 * 5 + 4 * 15 * 0.5, 1e-9); /* stopped for 5 s, then at half its pace */
    cr_expect_lt(r->stages[0].starved_h, 1e-12);
    near(r->stages[1].worker_h * 3600, 45, 1e-9);
    near(r->stages[1].busy_h * 3600, 25, 1e-9);
    cr_expect_lt(r->stages[1].starved_h + r->stages[1].blocked_h, 1e-12);
    near(r->gpu_h * 3600, 45, 1e-9);
    near(r->busy_gpu_h * 3600, 25, 1e-9);
    near(testing_tally(&scene.result, PART_RUN, NULL)->overhead_gpu_h * 3600, 20, 1e-9);
    /* Energy: of the GPU, 50 W held and 400 W at work; of the nodes, by share held: cores of the first (where a is,
     * and a only), one GPU of eight of the second. */
    const double a_j = 350 * 4 / 64. * 35, b_j = 1500 / 8. * 45 + 50 * 45 + 350 * 25;
    near(r->energy_j, a_j + b_j, 1e-9);
    near(r->capacity_usd, (3 * 4 / 64. * 35 + 32 / 8. * 45) / 3600, 1e-9);
    scene_close(&scene);
}

/* ---- forks and joins by hand ---- */

/* a (4/s) before b (2/s) and c (3/s), both before d (10/s). 120 items, room for 40 before b, 100 before c, and 10
 * before d from each. d takes 2/s, what b gives; what c has done more, 1/s, fills its 10 at 10 s, and from then on c
 * goes at 2/s. Before b it is full at 20 s, when a has done 80; from then on a goes at 2/s and is through at 40 s. c
 * has done 30 at 10 s and is through at 55 s, b and d at 60 s. */
Test(flow, fork_and_join_by_hand) {
    static const uint32_t after_a[] = {0}, after_both[] = {1, 2};
    struct scene scene;
    scene_open(&scene, 1, 1);
    scene.flow.items = 120;
    add_stage(&scene, 0.25, 1, 1, 1, 0);
    struct flow_stage *b = add_stage(&scene, 0.5, 1, 1, 1, 0), *c = add_stage(&scene, 1, 3, 1, 1, 0);
    struct flow_stage *d = add_stage(&scene, 1, 10, 1, 1, 1);
    c->after = after_a;
    d->after = after_both;
    d->after_len = 2;
    b->buffer = 40;
    c->buffer = 100;
    d->buffer = 10;
    const struct flow_result *r = run(&scene);
    cr_expect_eq(r->end_ns, 60 * TICK_S, "ended at %.9f", tick_seconds(r->end_ns));
    static const double held_s[] = {40, 60, 55, 60}, busy_s[] = {30, 60, 40, 12}, blocked_s[] = {10, 0, 15, 0};
    for (size_t i = 0; i < 4; i++) {
        const struct flow_stage_result *stage = &r->stages[i];
        cr_expect_eq(stage->items, 120);
        near(stage->worker_h * 3600, held_s[i], 1e-9);
        near(stage->busy_h * 3600, busy_s[i], 1e-9);
        cr_expect(fabs(stage->blocked_h * 3600 - blocked_s[i]) < 1e-8);
        cr_expect(fabs(stage->starved_h * 3600 - (held_s[i] - busy_s[i] - blocked_s[i])) < 1e-8);
    }
    cr_expect_eq(scene.result.events, 7); /* it begins, workers are ready, c full, b full, a through, c through, all */
    scene_close(&scene);
}

/* A stage that two before it feed, one of which nothing feeds but the source: the slower decides, and the faster waits
 * for room. */
Test(flow, a_join_waits_for_both) {
    static const uint32_t after_both[] = {0, 1};
    struct scene scene;
    scene_open(&scene, 1, 1);
    scene.flow.items = 1000;
    add_stage(&scene, 0.1, 1, 1, 1, 0);               /* 10/s */
    add_stage(&scene, 0.2, 1, 1, 1, 0)->after_len = 0; /* 5/s */
    struct flow_stage *join = add_stage(&scene, 0.125, 1, 1, 1, 1); /* 8/s */
    join->after = after_both;
    join->after_len = 2;
    join->buffer = 50;
    const struct flow_result *r = run(&scene);
    cr_expect_eq(r->end_ns, 200 * TICK_S);
    /* 50 wait for the join at 10 s; from then on 5/s, so the last of 1,000 is through at 10 + 900 / 5. */
    near(r->stages[0].worker_h * 3600, 190, 1e-9);
    near(r->stages[0].busy_h * 3600, 100, 1e-9);
    near(r->stalled_gpu_h / r->gpu_h, 1 - 5. / 8, 1e-9);
    scene_close(&scene);
}

/* ---- rates ---- */

static double log_between(struct rng *rng, double low, double high) { return low * pow(high / low, rng_uniform(rng)); }

/* Chains of one to six stages, one with GPUs, buffers that hold a round of both sides. Starts are short against the
 * run. */
Test(flow, rate_is_the_bottlenecks, .timeout = 120) {
    struct rng *rng = rng_open(8, "flows", 0);
    double worst = 0, worst_stall = 0, most_apart = 0;
    for (int round = 0; round < 120; round++) {
        struct scene scene;
        struct stage plain[STAGES_MOST];
        double buffers[STAGES_MOST];
        scene_open(&scene, 10, 5);
        const size_t count = 1 + rng_below(rng, STAGES_MOST), with_gpu = rng_below(rng, count);
        double rate = INFINITY, in_flight_s = 0;
        for (size_t i = 0; i < count; i++) {
            const double service_s = floor(log_between(rng, 0.01, 2) * 1e6) / 1e6;
            const double gpus = rng_below(rng, 3) ? 1 + (double)rng_below(rng, 4) : 0.5;
            struct flow_stage *s = add_stage(&scene, service_s, 1 + (double)rng_below(rng, 12),
                                             1 + (uint32_t)rng_below(rng, 9), 0.5 + 4 * rng_uniform(rng),
                                             i == with_gpu ? gpus : 0);
            s->buffer = floor(flow_buffer(&scene.flow, i)) + (double)rng_below(rng, 20);
            plain[i] = s->work;
            buffers[i] = s->buffer;
            rate = fmin(rate, stage_rate(&s->work));
            in_flight_s += service_s;
        }
        for (size_t i = 0; i < count; i++) in_flight_s += 2 * plain[i].batch * plain[i].workers / rate;
        scene.flow.items = 200000;
        for (size_t i = 0; i < count; i++) /* starts are less than a thousandth of the run */
            plain[i].start_s = scene.stages[i].work.start_s = scene.flow.items / rate * 0.001 * rng_uniform(rng);
        const struct flow_result *r = run(&scene);
        cr_assert_eq(r->items, scene.flow.items, "pipeline %d: %g items of %g", round, r->items, scene.flow.items);
        double ramp_s = 0;
        for (size_t i = 0; i < count; i++) ramp_s = fmax(ramp_s, plain[i].start_s);
        const double seconds = tick_seconds(r->end_ns), told = scene.flow.items / rate;
        cr_expect(seconds >= told * (1 - 1e-9) && seconds <= told + ramp_s + 1e-6, "pipeline %d: %g s, rate says %g",
                  round, seconds, told);
        worst = fmax(worst, fabs(r->items / (seconds - ramp_s) / rate - 1));

        /* GPUs are held until their stage is through; ready ones that do not work are stalled. */
        const struct flow_stage_result *gpu = &r->stages[with_gpu];
        const double ready_h = gpu->busy_h + gpu->starved_h + gpu->blocked_h;
        const double stall = gpu->stalled_gpu_h / (ready_h * plain[with_gpu].gpus);
        const double capacity = stage_rate(&plain[with_gpu]);
        const double mean = gpu->items / (ready_h / plain[with_gpu].workers) / 3600;
        cr_expect(fabs(stall - (1 - mean / capacity)) <= 1e-9, "pipeline %d: stalled %g", round, stall);
        worst_stall = fmax(worst_stall, fabs(stall - (1 - rate / capacity)));

        /* Batch by batch: the same but for what is in flight. */
        const struct pipeline_result batches =
            pipeline_simulate(plain, count, &(struct pipeline_run){buffers, scene.flow.items, INFINITY});
        cr_expect(fabs(batches.seconds - seconds) <= in_flight_s, "pipeline %d: %g s, batch by batch %g, in flight %g",
                  round, seconds, batches.seconds, in_flight_s);
        most_apart = fmax(most_apart, fabs(batches.seconds / seconds - 1));
        scene_close(&scene);
    }
    printf("rate within %.4f %%, stall share within %.5f, batch by batch within %.3f %%\n", 100 * worst, worst_stall,
           100 * most_apart);
    cr_expect(worst <= 0.005 && worst_stall <= 0.005 && most_apart <= 0.005);
    rng_close(rng);
}

/* ---- graphs item by item ---- */

/* One worker and one item a batch at every stage of a random graph: item k begins at a stage when it has left all
 * stages before it and item k - 1 has left this one, and leaves when it is served and every stage after it has begun
 * item k - room. The fluid ends when that recursion does, but for what is in flight. */
Test(flow, graphs_end_as_item_by_item) {
    enum { ITEMS = 4000 };
    static double begun[STAGES_MOST][ITEMS], left[STAGES_MOST][ITEMS];
    struct rng *rng = rng_open(8, "flows", 1);
    double most_apart = 0;
    for (int round = 0; round < 150; round++) {
        struct scene scene;
        uint32_t after[STAGES_MOST][STAGES_MOST];
        size_t after_len[STAGES_MOST] = {0};
        double room[STAGES_MOST], in_flight_s = 0;
        scene_open(&scene, 1, 1);
        const size_t count = 2 + rng_below(rng, STAGES_MOST - 1);
        scene.flow.items = ITEMS;
        for (size_t i = 0; i < count; i++) {
            struct flow_stage *s = add_stage(&scene, log_between(rng, 0.2, 2), 1, 1, 1, 0);
            for (uint32_t k = 0; k < i; k++)
                if (rng_below(rng, 2)) after[i][after_len[i]++] = k;
            s->after = after[i];
            s->after_len = after_len[i];
            room[i] = s->buffer = 2 + (double)rng_below(rng, 30);
            in_flight_s += 3 * s->work.service_s;
        }
        double end_s = 0;
        for (int k = 0; k < ITEMS; k++) {
            for (size_t i = 0; i < count; i++) {
                begun[i][k] = k > 0 ? left[i][k - 1] : 0;
                for (size_t e = 0; e < after_len[i]; e++) begun[i][k] = fmax(begun[i][k], left[after[i][e]][k]);
                left[i][k] = begun[i][k] + scene.stages[i].work.service_s;
                for (size_t j = i + 1; j < count; j++)
                    for (size_t e = 0; e < after_len[j]; e++)
                        if (after[j][e] == i && k >= room[j])
                            left[i][k] = fmax(left[i][k], begun[j][k - (int)room[j]]);
                end_s = fmax(end_s, left[i][k]);
            }
        }
        const double told_s = tick_seconds(run(&scene)->end_ns);
        cr_expect(fabs(end_s - told_s) <= in_flight_s, "graph %d: %g s, item by item %g, in flight %g", round, told_s,
                  end_s, in_flight_s);
        most_apart = fmax(most_apart, fabs(end_s / told_s - 1));
        scene_close(&scene);
    }
    printf("graphs end within %.3f %% of item by item\n", 100 * most_apart);
    cr_expect(most_apart <= 0.005);
    rng_close(rng);
}

/* ---- supply of training ---- */

static struct data_supply supply_of(double fetch_mb_per_s, double cached, double cpus) {
    return (struct data_supply){.fetch_bytes_per_s = fetch_mb_per_s * 1e6, .memory_bytes_per_s = 20e9,
                                .item_bytes = 110e3, .cache_hit = cached, .prepare_items_per_s_per_cpu = 60,
                                .cpus = cpus, .ingest_items_per_s = 8 * 800};
}

/* Pictures are fetched, prepared by one-core workers, and train a model on 8 GPUs: a store, a pool, a gang. */
static void add_training(struct scene *scene, const struct data_supply *supply) {
    const double byte_s =
        (1 - supply->cache_hit) / supply->fetch_bytes_per_s + supply->cache_hit / supply->memory_bytes_per_s;
    add_stage(scene, supply->item_bytes * byte_s, 1, 1, 0, 0);
    add_stage(scene, 1 / supply->prepare_items_per_s_per_cpu, 1, (uint32_t)supply->cpus, 1, 0);
    add_stage(scene, 64 / supply->ingest_items_per_s, 64, 1, 1, 8);
}

Test(flow, loaders_stall_training_as_the_closed_form_says) {
    for (int round = 0; round < 12; round++) {
        struct scene scene;
        const struct data_supply supply =
            supply_of(round % 2 ? 1500 : 200, round % 3 * 0.5, (double[]){64, 100, 120, 200}[round % 4]);
        scene_open(&scene, 4, 1);
        scene.flow.items = 1e7;
        add_training(&scene, &supply);
        const struct flow_result *r = run(&scene);
        const double rate = pipeline_supply_rate(&supply);
        near(r->stalled_gpu_h / r->gpu_h + 1, pipeline_supply_stall(&supply) + 1, 1e-9);
        near(r->active_s, 1e7 / rate, 1e-6); /* but for what a shorter stage before it leaves in the buffers: nothing */
        scene_close(&scene);
    }
}

/* The pool of loaders scales: after the ramp there are as many as the GPUs take, and the stall is gone. */
Test(flow, scaled_loaders_feed_the_gpus) {
    struct scene scene;
    const struct data_supply supply = supply_of(1e6, 1, 200);
    scene_open(&scene, 4, 1);
    scene.flow.items = INFINITY;
    scene.flow.rate_per_s = 1e5; /* more than anybody takes */
    add_training(&scene, &supply);
    scaled(&scene.stages[1], 4, 4);
    scene.stages[1].work.start_s = 5;
    scene.setup.horizon_ns = 4 * TICK_HOUR;
    const struct flow_result *r = run(&scene);
    const double ramp_stall = r->stalled_gpu_h;
    cr_expect(ramp_stall > 0);
    scene.setup.measure_from_ns = TICK_HOUR;
    r = run(&scene);
    near(r->stages[1].worker_h, 3 * 107, 1e-9); /* 6,400 / 60 */
    near(r->stalled_gpu_h, 0, 0);
    near(r->items, 3 * 3600 * 6400., 1e-9);
    /* Without a horizon looks stop while nothing moves (the buffer is full, and a job has the GPUs until it ends), and
     * go on with the GPUs, whose start ends just when a look would be due. */
    scene.setup.horizon_ns = TICK_NEVER;
    scene.setup.measure_from_ns = 0;
    scene.flow.items = 1e8;
    scene.flow.rate_per_s = 0;
    scene.stages[2].work.start_s = 120;
    testing_job(&scene.jobs, 0, 1000, 8);
    scene.flow.start_ns = TICK_S;
    result_free(&scene.result);
    scene.result = testing_run(&scene.setup, &scene.jobs);
    r = &scene.result.flows[0];
    cr_expect(r->items == 1e8 && r->stages[1].workers_most >= 107);
    const double least_s = 1000 - 1 + 120 + 1e8 / 6400; /* and a ramp of loaders, which had been given back */
    cr_expect(r->active_s > least_s && r->active_s < 1.1 * least_s, "%g s, without a ramp %g", r->active_s, least_s);
    scene_close(&scene);
}

/* ---- the autoscaler ---- */

/* Random chains of which every stage scales, a source that never runs dry or one slower than the stages: at the end
 * there are ceil(rate x service / batch) workers of each. */
Test(flow, scaling_ends_at_the_analytic_numbers, .timeout = 120) {
    struct rng *rng = rng_open(9, "flows", 0);
    for (int round = 0; round < 60; round++) {
        struct scene scene;
        scene_open(&scene, 40, 20);
        const size_t count = 1 + rng_below(rng, 5);
        double rate = INFINITY;
        for (size_t i = 0; i < count; i++) {
            const bool gpu = rng_below(rng, 3) == 0;
            struct flow_stage *s = add_stage(&scene, log_between(rng, 0.05, 5), 1 + (double)rng_below(rng, 8),
                                             2 + (uint32_t)rng_below(rng, gpu ? 20 : 200), 1, gpu);
            scaled(s, 1, 1 + (uint32_t)rng_below(rng, 2));
            s->work.start_s = gpu ? 40 : 1;
            rate = fmin(rate, stage_rate(&s->work));
        }
        scene.flow.items = round % 3 ? INFINITY : 1e13;
        if (round % 3 == 1) scene.flow.rate_per_s = rate *= 0.3 + 0.6 * rng_uniform(rng);
        if (round % 3 == 2) scene.flow.rate_per_s = 2 * rate;
        scene.setup.horizon_ns = 40 * TICK_HOUR;
        scene.setup.measure_from_ns = 36 * TICK_HOUR;
        const struct flow_result *r = run(&scene);
        near(r->items, rate * 4 * 3600, 1e-6);
        for (size_t i = 0; i < count; i++) {
            const struct stage *s = &scene.stages[i].work;
            const double told = fmax(1, ceil(rate * s->service_s / s->batch - 1e-9));
            const double workers = r->stages[i].worker_h / 4;
            cr_expect(fabs(workers - told) < 1e-6, "pipeline %d, stage %zu: %g workers, not %g", round, i, workers,
                      told);
        }
        scene_close(&scene);
    }
    rng_close(rng);
}

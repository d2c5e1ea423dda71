/*
 * The textbook pipeline on a simulated fleet: work that needs 2,048 cores and 32 GPUs, on nodes of 64 cores and 8 GPUs.
 * One container shape takes 32 such nodes and uses an eighth of their 256 GPUs; disaggregated, 4 such nodes and 28
 * without GPUs do the same work at the same rate with every GPU at work. Costs by hand.
 */
#include "base/tick.h"
#include "core/flow.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>

enum { DECODERS = 2048, EMBEDDERS = 32 };
static const uint32_t first[] = {0};
static struct flow_stage stages[] = {
    {.work = {.name = "decode", .service_s = 64, .batch = 1, .cpus = 1, .workers = DECODERS},
     .class_name = "clips/decode", .scale = {.least = DECODERS, .begin = DECODERS, .most = DECODERS}},
    {.work = {.name = "embed", .service_s = 8, .batch = 8, .gpus = 1, .workers = EMBEDDERS},
     .class_name = "clips/embed", .after = first, .after_len = 1,
     .scale = {.least = EMBEDDERS, .begin = EMBEDDERS, .most = EMBEDDERS}},
};

static struct result run(bool monolithic, uint32_t gpu_nodes, double embed_service_s, double start_s) {
    static struct setup setup;
    struct jobs jobs;
    stages[1].work.service_s = embed_service_s;
    stages[1].work.start_s = start_s;
    const struct flow_setup clips = {.name = "clips", .stages = stages, .stages_len = 2, .items = 32 * 3600.,
                                     .until_ns = TICK_NEVER, .monolithic = monolithic, .container_cpus = 64,
                                     .container_gpus = 8};
    testing_setup(&setup);
    testing_policy(&setup, "fifo", "skip", "first_fit");
    struct pool_setup *cpu = testing_pool(&setup, "cpu", 28, 0), *gpu = testing_pool(&setup, "gpu", gpu_nodes, 8);
    cpu->cpu_milli = gpu->cpu_milli = 64000;
    cpu->usd_per_node_h = monolithic ? 0 : 3; /* not bought there */
    gpu->usd_per_node_h = 32;
    setup.flows = &clips;
    setup.flows_len = 1;
    jobs_init(&jobs, 0);
    struct result result = testing_run(&setup, &jobs);
    cr_assert(result.ledger_error < 1e-9);
    cr_assert_eq(result.flows[0].items, 32 * 3600.);
    cr_assert_eq(result.flows[0].starts, monolithic ? 32 : DECODERS + EMBEDDERS);
    jobs_free(&jobs);
    testing_setup_free(&setup);
    return result;
}

static void near(double got, double expected) {
    cr_assert(fabs(got - expected) <= 1e-9 * fabs(expected), "%.12g, expected %.12g", got, expected);
}

/* An hour at 32 items a second: every figure is a whole number. */
Test(textbook, one_shape_buys_eight_times_the_gpus) {
    struct result one = run(true, 32, 8, 0), apart = run(false, 4, 8, 0);
    cr_expect_eq(one.end_ns, TICK_HOUR);
    cr_expect_eq(apart.end_ns, TICK_HOUR);
    near(one.tallies[0].capacity_gpu_h, 256);
    near(one.tallies[0].held_gpu_h, 256);
    near(one.tallies[0].used_gpu_h, 32); /* 12.5 % */
    near(apart.tallies[0].capacity_gpu_h, 32);
    near(apart.tallies[0].held_gpu_h, 32);
    near(apart.tallies[0].used_gpu_h, 32); /* 100 % */
    near(one.tallies[0].capacity_usd, 32 * 32);
    near(apart.tallies[0].capacity_usd, 4 * 32 + 28 * 3);
    near(one.flows[0].capacity_usd, 32 * 32); /* all of it is the pipeline's */
    near(apart.flows[0].capacity_usd, 32 * 4 + 28 * 3);
    result_free(&one);
    result_free(&apart);
}

/* Embedders that start 40 s later: the decoders fill the room between (a round of both: 2,304 items) for 40 s at 32 a
 * second, and everything ends 40 s later. In one container decoders wait for the embedders' start as well. */
Test(textbook, a_start_costs_its_time_once) {
    struct result one = run(true, 32, 8, 40), apart = run(false, 4, 8, 40);
    cr_expect_eq(one.end_ns, TICK_HOUR + 40 * TICK_S);
    cr_expect_eq(apart.end_ns, TICK_HOUR + 40 * TICK_S);
    near(one.tallies[0].used_gpu_h, 32);
    near(apart.tallies[0].overhead_gpu_h * 3600, 32 * 40);
    near(apart.flows[0].stages[0].worker_h, DECODERS); /* decoders go when the last item is decoded */
    near(one.flows[0].worker_h * 3600, 32 * 3640);
    result_free(&one);
    result_free(&apart);
}

Test(textbook, faster_gpus_wait_for_the_same_cores) {
    struct result apart = run(false, 4, 4, 0);
    near(apart.tallies[0].used_gpu_h, apart.tallies[0].held_gpu_h / 2);
    near(apart.tallies[0].stalled_gpu_h, apart.tallies[0].held_gpu_h / 2);
    near(apart.flows[0].stages[1].starved_h, apart.flows[0].gpu_h / 2);
    result_free(&apart);
}

/*
 * The textbook pipeline on a simulated fleet: work that needs 2,048 cores and 32 GPUs, on nodes of 64 cores and 8 GPUs.
 * One container shape takes 32 such nodes and uses an eighth of their 256 GPUs; disaggregated, 4 such nodes and 28
 * without GPUs do the same work at the same rate with every GPU at work. Costs by hand.
 */
#include "base/tick.h"
#include "core/load.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>

static struct stage stages[] = {
    {.name = "decode", .service_s = 64, .batch = 1, .cpus = 1, .workers = 2048, .start_s = 1},
    {.name = "embed", .service_s = 8, .batch = 8, .gpus = 1, .workers = 32, .start_s = 40},
};
static const struct pipeline_load clips = {.name = "clips", .stages = stages, .stages_len = 2, .items = 32 * 3600.,
                                           .container_cpus = 64, .container_gpus = 8};

static struct result run(bool monolithic, uint32_t gpu_nodes) {
    static struct setup setup;
    struct jobs jobs;
    struct pipeline_load p = clips;
    testing_setup(&setup);
    testing_policy(&setup, "fifo", "skip", "first_fit");
    struct pool_setup *cpu = testing_pool(&setup, "cpu", 28, 0), *gpu = testing_pool(&setup, "gpu", gpu_nodes, 8);
    cpu->gpu = "";
    cpu->cpu_milli = gpu->cpu_milli = 64000;
    cpu->usd_per_node_h = monolithic ? 0 : 3; /* not bought there */
    gpu->usd_per_node_h = 32;
    p.monolithic = monolithic;
    jobs_init(&jobs, 0);
    pipeline_generate(&p, &jobs);
    jobs_sort(&jobs);
    struct result result = testing_run(&setup, &jobs);
    cr_assert(result.ledger_error < 1e-9);
    cr_assert_eq(result.tallies[0].finished, monolithic ? 32 : 2080);
    jobs_free(&jobs);
    testing_setup_free(&setup);
    return result;
}

static void near(double got, double expected) {
    cr_assert(fabs(got - expected) <= 1e-6 * fabs(expected), "%.12g, expected %.12g", got, expected);
}

Test(textbook, one_shape_buys_eight_times_the_gpus) {
    const double hours = (3600 + 40) / 3600.; /* at 32 items a second, after the slowest start */
    struct result one = run(true, 32), apart = run(false, 4);
    near(tick_hours(one.makespan_ns), hours);
    near(tick_hours(apart.makespan_ns), hours);
    near(one.tallies[0].capacity_gpu_h, 256 * hours);
    near(one.tallies[0].held_gpu_h, 256 * hours);
    near(one.tallies[0].used_gpu_h, 32 * hours); /* 12.5 % */
    near(apart.tallies[0].capacity_gpu_h, 32 * hours);
    near(apart.tallies[0].used_gpu_h, 32 * hours); /* 100 % */
    near(one.tallies[0].capacity_usd, 32 * 32 * hours);
    near(apart.tallies[0].capacity_usd, (4 * 32 + 28 * 3) * hours);
    result_free(&one);
    result_free(&apart);
}

Test(textbook, faster_gpus_wait_for_the_same_cores) {
    stages[1].service_s = 4;
    struct result apart = run(false, 4);
    stages[1].service_s = 8;
    near(apart.tallies[0].used_gpu_h, apart.tallies[0].held_gpu_h / 2);
    result_free(&apart);
}

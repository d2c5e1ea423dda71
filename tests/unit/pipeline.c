/*
 * Pipelines by hand: the textbook packing, rates and stalls in closed form, data supply, and small
 * simulations whose every batch can be followed on paper.
 */
#include "core/pipeline.h"

#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const struct node_shape both = {.cpus = 64, .gpus = 8, .usd_per_h = 32.77, .watts = 6500};
static const struct node_shape cpu_only = {.cpus = 64, .usd_per_h = 3.06, .watts = 500};

/* 2,048 CPUs and 32 GPUs. */
Test(pipeline, textbook) {
    const struct packing one = pipeline_monolithic(2048, 32, &both);
    cr_expect_eq(one.gpu_nodes, 32);
    cr_expect_eq(one.cpu_nodes, 0);
    cr_expect_eq(one.gpus_bought, 256);
    cr_expect_eq(one.gpus_used, 32);
    cr_expect_eq(one.gpus_used / one.gpus_bought, 0.125);
    cr_expect_eq(one.cpus_used / one.cpus_bought, 1);
    cr_expect(testing_near(one.usd_per_h, 32 * 32.77, 1e-15));

    const struct packing two = pipeline_disaggregated(2048, 32, &both, &cpu_only);
    cr_expect_eq(two.gpu_nodes, 4);
    cr_expect_eq(two.cpu_nodes, 28);
    cr_expect_eq(two.gpus_bought, 32);
    cr_expect_eq(two.gpus_used / two.gpus_bought, 1);
    cr_expect_eq(two.cpus_bought, 2048);
    cr_expect_eq(two.cpus_used / two.cpus_bought, 1);
    cr_expect(testing_near(two.usd_per_h, 4 * 32.77 + 28 * 3.06, 1e-15));
    cr_expect_eq(one.gpu_nodes / two.gpu_nodes, 8);
}

Test(pipeline, packing_at_the_edges) {
    /* GPUs are the fuller of the two: nodes by them, no CPU node. */
    cr_expect_eq(pipeline_monolithic(64, 17, &both).gpu_nodes, 3);
    cr_expect_eq(pipeline_disaggregated(64, 17, &both, &cpu_only).cpu_nodes, 0);
    /* Fractions that add up to a whole need no further node: 0.1 thirty times is a little over 3. */
    double gpus = 0;
    for (int i = 0; i < 240; i++) gpus += 0.1;
    cr_expect(gpus != 24);
    cr_expect_eq(pipeline_monolithic(0, gpus, &both).gpu_nodes, 3);
    cr_expect_eq(pipeline_monolithic(0, 24.001, &both).gpu_nodes, 4);
    const struct packing none = pipeline_disaggregated(100, 0, &both, &cpu_only);
    cr_expect(none.gpu_nodes == 0 && none.cpu_nodes == 2);
}

static const struct stage decode_then_infer[] = {
    {.name = "decode", .service_s = 0.5, .batch = 4, .cpus = 2, .workers = 3, .workers_most = 3, .buffer = 4},
    {.name = "infer", .service_s = 0.25, .batch = 8, .cpus = 1, .gpus = 1, .workers = 1, .workers_most = 1,
     .buffer = 32}};

Test(pipeline, rates) {
    size_t bottleneck = 9;
    cr_expect_eq(pipeline_rate(decode_then_infer, 2, &bottleneck),
                 24); /* 3 x 4 / 0.5 against 8 / 0.25 = 32 */
    cr_expect_eq(bottleneck, 0);
    cr_expect_eq(pipeline_gpu_stall(decode_then_infer, 2), 0.25);
    cr_expect_eq(pipeline_gpu_stall(decode_then_infer, 1), 0); /* no GPUs, no stall */
}

/* CoorDL: min(G, P, F), F = 1 / ((1 - hit) / disk + hit / memory), in items. */
Test(pipeline, data_supply) {
    struct data_supply s = {.fetch_bytes_per_s = 500e6, .memory_bytes_per_s = 20e9, .item_bytes = 100e3,
                            .cache_hit = 0.35,
                            .prepare_items_per_s_per_cpu = 200, .cpus = 24, .ingest_items_per_s = 10000};
    cr_expect_eq(pipeline_supply_rate(&s), 4800); /* preparation */
    cr_expect(testing_near(pipeline_supply_stall(&s), 0.52, 1e-12));
    s.cpus = 64;
    const double fetched = 1 / (0.65 / 5000 + 0.35 / 200000);
    cr_expect(testing_near(pipeline_supply_rate(&s), fetched, 1e-12)); /* fetching: 7,590 items/s */
    s.cache_hit = 1;
    cr_expect_eq(pipeline_supply_rate(&s), 10000); /* the GPUs */
    cr_expect_eq(pipeline_supply_stall(&s), 0);
    s.fetch_bytes_per_s = 0; /* nothing needs it */
    cr_expect_eq(pipeline_supply_rate(&s), 10000);
    s.cache_hit = 0.99;
    cr_expect_eq(pipeline_supply_rate(&s), 0);
    cr_expect_eq(pipeline_supply_stall(&s), 1);
}

static struct pipeline_result simulate(const struct stage *stages, size_t count, struct pipeline_run run) {
    struct pipeline_result result;
    if (run.source_per_s == 0) run.source_per_s = INFINITY;
    if (run.cpus_most == 0) run.cpus_most = INFINITY;
    if (run.gpus_most == 0) run.gpus_most = INFINITY;
    cr_assert(pipeline_simulate(stages, count, &run, &result));
    return result;
}

/* One worker each, 2 s and 3 s an item, room for one item between: the second starts at 2, 5, 8, 11 and ends
 * at 14. The first works for 8 s in all, the second for 12. */
Test(pipeline, two_stages_by_hand) {
    const struct stage stages[] = {
        {.service_s = 2, .batch = 1, .cpus = 2, .workers = 1, .workers_most = 1, .buffer = 1},
        {.service_s = 3, .batch = 1, .cpus = 1, .gpus = 0.5, .workers = 1, .workers_most = 1, .buffer = 1}};
    const struct pipeline_result r = simulate(stages, 2, (struct pipeline_run){.items = 4});
    cr_expect_eq(r.seconds, 14);
    cr_expect(testing_near(r.rate, 4 / 14.0, 1e-15));
    cr_expect(testing_near(r.steady_rate, 1 / 3.0, 1e-15)); /* from 8 s, when two had left, two more in 6 s */
    cr_expect_eq(r.gpu_busy_s, 6);
    cr_expect_eq(r.gpu_held_s, 7);
    cr_expect_eq(r.cpu_busy_s, 2 * 8 + 12);
    cr_expect_eq(r.cpu_held_s, 3 * 14);
    cr_expect_eq(r.events, 8);
}

/* A batch of four into a buffer of one: the worker is held until the last of it is handed on. It ends at 4,
 * hands on at 4 (taken at once), 4, 5, 6; takes the next batch at 6, which ends at 10; the second serves
 * 4..8, waits, 10..14. */
Test(pipeline, a_full_buffer_holds_its_worker) {
    const struct stage stages[] = {
        {.service_s = 4, .batch = 4, .cpus = 1, .workers = 1, .workers_most = 1, .buffer = 4},
        {.service_s = 1, .batch = 1, .cpus = 1, .workers = 1, .workers_most = 1, .buffer = 1}};
    cr_expect_eq(simulate(stages, 2, (struct pipeline_run){.items = 8}).seconds, 14);
    struct stage roomy[2];
    memcpy(roomy, stages, sizeof roomy);
    roomy[1].buffer = 3; /* three wait at 4, so the worker goes on at 4: 4..8 and 8..12 */
    cr_expect_eq(simulate(roomy, 2, (struct pipeline_run){.items = 8}).seconds, 12);
}

/* The last batch is what is left: 10 items in batches of 4 are three batches, of one worker. */
Test(pipeline, the_last_batch_is_smaller) {
    const struct stage stage = {.service_s = 1, .batch = 4, .cpus = 1, .workers = 1, .workers_most = 1,
                                .buffer = 4};
    const struct pipeline_result r = simulate(&stage, 1, (struct pipeline_run){.items = 10});
    cr_expect_eq(r.seconds, 3);
    cr_expect_eq(r.events, 3);
}

/* Offered twice a second, in batches of four: the first is full at 2 s, the last at 10 s, served in 1 s. */
Test(pipeline, a_slow_source) {
    const struct stage stage = {.service_s = 1, .batch = 4, .cpus = 1, .workers = 1, .workers_most = 1,
                                .buffer = 4};
    const struct pipeline_run run = {.items = 20, .source_per_s = 2};
    const struct pipeline_result r = simulate(&stage, 1, run);
    cr_expect_eq(r.seconds, 11);
    cr_expect_eq(r.cpu_busy_s, 5);
    cr_expect_eq(r.steady_rate, 2);
}

/* One worker more every 10 s, each working 5 s after it was added, one item a second each. Workers: 1 from 0,
 * 2 from 15, 3 from 25, 4 from 35 on: 15 + 20 + 30 items by 35 s, the other 40 in 10 s more. */
Test(pipeline, workers_are_added_and_take_time_to_start) {
    const struct stage stage = {.service_s = 1, .batch = 1, .cpus = 3, .workers = 1, .workers_most = 4,
                                .buffer = 1, .start_s = 5};
    const struct pipeline_run run = {.items = 105, .scale_every_s = 10};
    const struct pipeline_result r = simulate(&stage, 1, run);
    cr_expect_eq(r.seconds, 45);
    cr_expect_eq(r.workers[0], 4);
    cr_expect_eq(r.cpu_busy_s, 3 * 105);
    cr_expect_eq(r.cpu_held_s, 3 * (45 + 35 + 25 + 15));
    cr_expect(r.events == 105 + 3 + 4); /* batches, starts,
        and a look each 10 s until the fourth found no more */
}

/* A stage may begin without a worker, and gets its first before anybody else gets a second. */
Test(pipeline, from_nothing) {
    struct stage stages[] = {
        {.service_s = 1, .batch = 1, .cpus = 1, .workers = 1, .workers_most = 9, .buffer = 1},
        {.service_s = 1, .batch = 1, .gpus = 1, .workers = 0, .workers_most = 1, .buffer = 1, .start_s = 3}};
    cr_expect_eq(simulate(stages, 2, (struct pipeline_run){.items = 4, .scale_every_s = 2}).seconds, 5 + 4);
    struct pipeline_result result;
    const struct pipeline_run never = {
        .items = 4, .source_per_s = INFINITY, .cpus_most = INFINITY, .gpus_most = INFINITY};
    cr_expect_not(pipeline_simulate(stages, 2, &never, &result), "nothing ever works there");
    const struct pipeline_run no_gpus = {
        .items = 4, .source_per_s = INFINITY, .scale_every_s = 1, .cpus_most = INFINITY};
    cr_expect_not(pipeline_simulate(stages, 2, &no_gpus, &result), "no GPU is allowed");
}

/* A published imbalance (Ray Data issue 65540): 83 and 4 workers of 0.17 s and 0.21 s on 126 CPUs; 56 and 70
 * balance it. Adding a worker where it helps comes to that, and not beyond. */
Test(pipeline, scaling_balances_stages) {
    const struct stage stages[] = {
        {.service_s = 0.17, .batch = 1, .cpus = 1, .workers = 1, .workers_most = 200, .buffer = 200},
        {.service_s = 0.21, .batch = 1, .cpus = 1, .workers = 1, .workers_most = 200, .buffer = 200}};
    const struct pipeline_result r =
        simulate(stages, 2, (struct pipeline_run){.items = 60000, .scale_every_s = 0.1, .cpus_most = 126});
    cr_expect_eq(r.workers[0], 56);
    cr_expect_eq(r.workers[1], 70);
    cr_expect(testing_near(r.steady_rate, 56 / 0.17, 0.005), "%g items/s", r.steady_rate);
    /* With a source that is slower, workers beyond its rate are not added. */
    const struct pipeline_run offered = {
        .items = 2000, .scale_every_s = 0.1, .cpus_most = 126, .source_per_s = 100};
    const struct pipeline_result slow = simulate(stages, 2, offered);
    cr_expect_eq(slow.workers[0], 17);
    cr_expect_eq(slow.workers[1], 21);
}

Test(pipeline, what_cannot_be) {
    struct pipeline_result result;
    const struct pipeline_run run = {.items = 4, .source_per_s = INFINITY, .cpus_most = 4, .gpus_most = 1};
    const struct stage good = {.service_s = 1, .batch = 2, .cpus = 1, .workers = 1, .workers_most = 1,
                               .buffer = 2};
    struct stage bad = good;
    cr_expect(pipeline_simulate(&good, 1, &run, &result));
    cr_expect_not(pipeline_simulate(&good, 0, &run, &result));
    cr_expect_not((bad.buffer = 1, pipeline_simulate(&bad, 1, &run, &result)), "no batch fits the buffer");
    cr_expect_not((bad = good, bad.batch = 1.5, pipeline_simulate(&bad, 1, &run, &result)), "half an item");
    cr_expect_not((bad = good, bad.service_s = 0, pipeline_simulate(&bad, 1, &run, &result)));
    cr_expect_not((bad = good, bad.workers = 2, pipeline_simulate(&bad, 1, &run, &result)), "more than most");
    cr_expect_not((bad = good, bad.cpus = 5, pipeline_simulate(&bad, 1, &run, &result)), "too many CPUs");
    struct pipeline_run empty = run;
    empty.items = 0;
    cr_expect_not(pipeline_simulate(&good, 1, &empty, &result));
}

/*
 * Pipelines by hand: rates and data supply in closed form, and small simulations whose every batch can be followed on
 * paper: what the closed forms are held against (oracle/pipeline.c) is right.
 */
#include "base/tick.h"

#include "support/pipeline.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>

static struct stage decode_then_infer[] = {
    {.name = "decode", .service_s = 0.5, .batch = 4, .cpus = 2, .workers = 3},
    {.name = "infer", .service_s = 0.25, .batch = 8, .cpus = 1, .gpus = 1, .workers = 1, .start_s = 20}};

Test(pipeline, rates) {
    cr_expect_eq(stage_rate(&decode_then_infer[1]), 32);
    cr_expect_eq(pipeline_rate(decode_then_infer, 2), 24); /* 3 x 4 / 0.5 against 8 / 0.25 = 32 */
    cr_expect_eq(pipeline_rate(decode_then_infer + 1, 1), 32);
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

static struct pipeline_result simulate(const struct stage *stages, size_t count, double items, const double *buffers) {
    const struct pipeline_run run = {.buffers = buffers, .items = items, .source_per_s = INFINITY};
    return pipeline_simulate(stages, count, &run);
}

/* One worker each, 2 s and 3 s an item, room for one item between: the second starts at 2, 5, 8, 11 and ends
 * at 14. The first works for 8 s in all, the second for 12. */
Test(pipeline, two_stages_by_hand) {
    const struct stage stages[] = {{.service_s = 2, .batch = 1, .workers = 1},
                                   {.service_s = 3, .batch = 1, .workers = 1}};
    const struct pipeline_result r = simulate(stages, 2, 4, (double[]){1, 1});
    cr_expect_eq(r.seconds, 14);
    cr_expect(testing_near(r.rate, 4 / 14.0, 1e-15));
    cr_expect(testing_near(r.steady_rate, 1 / 3.0, 1e-15)); /* from 8 s, when two had left, two more in 6 s */
    cr_expect_eq(r.busy_s[0], 8);
    cr_expect_eq(r.busy_s[1], 12);
    cr_expect_eq(r.events, 2 + 8); /* starts and batches */
}

/* The second starts at 5: the first has served two by then, and waits with the second of them, for there is room for
 * one. The second ends at 8, 11, 14, 17. */
Test(pipeline, a_late_stage) {
    const struct stage stages[] = {{.service_s = 2, .batch = 1, .workers = 1},
                                   {.service_s = 3, .batch = 1, .workers = 1, .start_s = 5}};
    const struct pipeline_result r = simulate(stages, 2, 4, (double[]){1, 1});
    cr_expect_eq(r.seconds, 17);
    cr_expect_eq(r.busy_s[0], 8);
}

/* A batch of four into a buffer of one: the worker is held until the last of it is handed on. It ends at 4,
 * hands on at 4 (taken at once), 4, 5, 6; takes the next batch at 6, which ends at 10; the second serves
 * 4..8, waits, 10..14. */
Test(pipeline, a_full_buffer_holds_its_worker) {
    const struct stage stages[] = {{.service_s = 4, .batch = 4, .workers = 1},
                                   {.service_s = 1, .batch = 1, .workers = 1}};
    cr_expect_eq(simulate(stages, 2, 8, (double[]){4, 1}).seconds, 14);
    /* Three wait at 4, so the worker goes on at 4: 4..8 and 8..12. */
    cr_expect_eq(simulate(stages, 2, 8, (double[]){4, 3}).seconds, 12);
}

/* The last batch is what is left: 10 items in batches of 4 are three batches, of one worker. */
Test(pipeline, the_last_batch_is_smaller) {
    const struct stage stage = {.service_s = 1, .batch = 4, .workers = 1};
    const struct pipeline_result r = simulate(&stage, 1, 10, (double[]){4});
    cr_expect_eq(r.seconds, 3);
    cr_expect_eq(r.events, 1 + 3);
}

/* Offered twice a second, in batches of four: the first is full at 2 s, the last at 10 s, served in 1 s. */
Test(pipeline, a_slow_source) {
    const struct stage stage = {.service_s = 1, .batch = 4, .workers = 1};
    const struct pipeline_run run = {.buffers = (double[]){4}, .items = 20, .source_per_s = 2};
    const struct pipeline_result r = pipeline_simulate(&stage, 1, &run);
    cr_expect_eq(r.seconds, 11);
    cr_expect_eq(r.busy_s[0], 5);
    cr_expect_eq(r.steady_rate, 2);
}

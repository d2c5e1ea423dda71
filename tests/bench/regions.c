/*
 * What prices that change every five minutes cost: the same one-GPU jobs in ten regions, dealt out in turn, once with
 * prices that never change and once with a year of five-minute prices a region. Carbon is hourly in both. Medians of
 * runs in turn, times of this thread's CPU.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>

enum { REGIONS = 10, ROUNDS = 7, JOBS = 300000 };

/* Time per event with prices of so many steps a region. */
static double engine_ns(struct jobs *jobs, uint32_t gpus, size_t price_steps) {
    struct region_setup regions[REGIONS] = {0};
    struct pool_setup pools[REGIONS] = {0};
    struct node_run nodes[REGIONS];
    static const char *const names[REGIONS] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
    for (uint32_t r = 0; r < REGIONS; r++) {
        regions[r] = (struct region_setup){.name = names[r], .price = bench_wave(0.1, price_steps, 5 * TICK_MINUTE),
                                           .carbon = bench_wave(300, 8760, TICK_HOUR),
                                           .pue = bench_wave(1.2, 1, TICK_HOUR)};
        pools[r] = (struct pool_setup){.name = names[r], .region = r, .tenant = SETUP_SHARED, .gpu = "G", .gpus = 8,
                                       .base_w = 1000, .gpu_idle_w = 60, .gpu_peak_w = 400, .usd_per_node_h = 10,
                                       .power = bench_model(KIND_POWER, "linear")};
        nodes[r] = (struct node_run){r, (gpus / REGIONS + 7) / 8 + 1};
    }
    struct setup setup = {.name = "bench", .seed = 1, .horizon_ns = TICK_NEVER, .measure_to_ns = TICK_NEVER,
                          .regions = regions, .regions_len = REGIONS, .pools = pools, .pools_len = REGIONS,
                          .nodes = nodes, .nodes_len = REGIONS};
    setup.policy = (struct policy_setup){.order = bench_model(KIND_ORDER, "fifo"),
                                         .place = bench_model(KIND_PLACE, "best_fit"),
                                         .backfill = bench_model(KIND_BACKFILL, "none"),
                                         .route = bench_model(KIND_ROUTE, "round_robin")};
    struct err err;
    struct result result;
    err_init(&err);
    if (!run_simulate(&setup, jobs, &(struct run_options){.bins = 400}, &result, &err)) die("the bench was refused");
    if (result.ledger_error > 1e-9) die("the engine lost something");
    const double ns = result.loop_s * 1e9 / (2.0 * JOBS);
    result_free(&result);
    for (uint32_t r = 0; r < REGIONS; r++) {
        struct steps *steps[] = {&regions[r].price, &regions[r].carbon, &regions[r].pue};
        for (int i = 0; i < 3; i++) free(steps[i]->at_ns), free(steps[i]->value);
    }
    return ns;
}

int main(void) {
    static const uint32_t running[] = {100, 1000};
    bool pass = true;
    for (size_t i = 0; i < sizeof running / sizeof *running; i++) {
        struct jobs jobs;
        bench_jobs(&jobs, &(struct bench_load){.jobs = JOBS, .gpus = running[i], .load = 1});
        double flat[ROUNDS], stepping[ROUNDS], ratio[ROUNDS];
        for (int r = 0; r < ROUNDS; r++) {
            flat[r] = engine_ns(&jobs, running[i], 1);
            stepping[r] = engine_ns(&jobs, running[i], 105120);
            ratio[r] = stepping[r] / flat[r];
        }
        const double middle = bench_median(ratio, ROUNDS);
        pass &= middle <= 1.25;
        printf("| ten regions, %u running: %.1f ns/event at fixed prices, %.1f at five-minute prices, ratio | %.3g x "
               "| <= 1.25 x | %s |\n", running[i], bench_median(flat, ROUNDS),
               bench_median(stepping, ROUNDS), middle, middle <= 1.25 ? "pass" : "FAIL");
        jobs_free(&jobs);
    }
    return pass ? EXIT_OK : EXIT_FAILED;
}

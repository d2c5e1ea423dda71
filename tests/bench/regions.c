/*
 * What prices that change every five minutes cost: the same one-GPU jobs in ten regions, dealt out in turn, once with
 * prices that never change and once with a year of five-minute prices a region. Carbon is hourly in both. Medians of
 * runs in turn, times of this thread's CPU.
 */
#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/tick.h"
#include "core/seams.h"
#include "models/registry.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { REGIONS = 10, ROUNDS = 7, JOBS = 300000 };

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static double median(double *at, size_t n) {
    qsort(at, n, sizeof *at, by_value);
    return at[n / 2];
}

static void draw_jobs(struct jobs *jobs, uint32_t gpus) {
    struct rng *rng = rng_open(7, "bench", 0);
    double t = 0;
    jobs_init(jobs, 0);
    const uint32_t shape = jobs_shape(jobs, &(struct shape){.gpus = 1, .models = JOB_ANY_MODEL});
    for (size_t i = 0; i < JOBS; i++) {
        const uint32_t j = jobs_add(jobs);
        t += rng_exponential(rng, 3600. / gpus);
        jobs->at[j].submit_ns = tick_from_seconds(t);
        jobs->at[j].run_ns = tick_from_seconds(1 + rng_exponential(rng, 3600));
        jobs->at[j].shape = shape;
        jobs->at[j].utilisation = 0.8f;
    }
    rng_close(rng);
    jobs_sort(jobs);
}

static struct steps wave(double mean, size_t len, int64_t width_ns) {
    struct steps s = {.at_ns = mem_alloc(len * sizeof(int64_t)), .value = mem_alloc(len * sizeof(double)), .len = len,
                      .period_ns = len > 1 ? (int64_t)len * width_ns : 0, .source = "bench"};
    for (size_t i = 0; i < len; i++) {
        s.at_ns[i] = (int64_t)i * width_ns;
        s.value[i] = mean * (1 + 0.5 * sin((double)i * 0.021));
    }
    return s;
}

static struct chosen choose(enum kind kind, const char *name) {
    const struct model *model = registry_find(models_registry(), kind, name);
    if (!model || model->params_size) die("no plain %s named '%s'", kind_names[kind], name);
    return (struct chosen){model, NULL};
}

/* Time per event with prices of so many steps a region. */
static double engine_ns(struct jobs *jobs, uint32_t gpus, size_t price_steps) {
    struct region_setup regions[REGIONS] = {0};
    struct pool_setup pools[REGIONS] = {0};
    struct node_run nodes[REGIONS];
    static const char *const names[REGIONS] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
    for (uint32_t r = 0; r < REGIONS; r++) {
        regions[r] = (struct region_setup){.name = names[r], .price = wave(0.1, price_steps, 5 * TICK_MINUTE),
                                           .carbon = wave(300, 8760, TICK_HOUR), .pue = wave(1.2, 1, TICK_HOUR)};
        pools[r] = (struct pool_setup){.name = names[r], .region = r, .tenant = SETUP_SHARED, .gpu = "G", .gpus = 8,
                                       .base_w = 1000, .gpu_idle_w = 60, .gpu_peak_w = 400, .usd_per_node_h = 10,
                                       .power = choose(KIND_POWER, "linear")};
        nodes[r] = (struct node_run){r, (gpus / REGIONS + 7) / 8 + 1};
    }
    struct setup setup = {.name = "bench", .seed = 1, .horizon_ns = TICK_NEVER, .measure_to_ns = TICK_NEVER,
                          .regions = regions, .regions_len = REGIONS, .pools = pools, .pools_len = REGIONS,
                          .nodes = nodes, .nodes_len = REGIONS};
    setup.policy = (struct policy_setup){.order = choose(KIND_ORDER, "fifo"), .place = choose(KIND_PLACE, "best_fit"),
                                         .backfill = choose(KIND_BACKFILL, "none"),
                                         .route = choose(KIND_ROUTE, "round_robin")};
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
        draw_jobs(&jobs, running[i]);
        double flat[ROUNDS], stepping[ROUNDS], ratio[ROUNDS];
        for (int r = 0; r < ROUNDS; r++) {
            flat[r] = engine_ns(&jobs, running[i], 1);
            stepping[r] = engine_ns(&jobs, running[i], 105120);
            ratio[r] = stepping[r] / flat[r];
        }
        const double middle = median(ratio, ROUNDS);
        pass &= middle <= 1.25;
        printf("| ten regions, %u running: %.1f ns/event at fixed prices, %.1f at five-minute prices, ratio | %.3g x "
               "| <= 1.25 x | %s |\n", running[i], median(flat, ROUNDS), median(stepping, ROUNDS), middle,
               middle <= 1.25 ? "pass" : "FAIL");
        jobs_free(&jobs);
    }
    return pass ? EXIT_OK : EXIT_FAILED;
}

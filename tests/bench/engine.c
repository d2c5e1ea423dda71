/*
 * The engine against a bare floor, and its growth.
 *
 * floor    the least any replay can do: sorted arrivals, a completion heap, a FIFO ring; no models, no accounts.
 * engine   the whole simulation of the same one-GPU jobs: placement on 8-GPU nodes, hourly price and carbon,
 *          energy, cost and waiting attributed. Both run in turn in one process; medians and their ratio.
 * growth   time per event over jobs, queue length and nodes, for the orders and placements planners use most;
 *          slope of log(time) over log(size) by least squares.
 *
 * Times are CPU times of this thread. `engine quick` stops one decade short; `engine floor` only does the first.
 */
#include "base/evq.h"
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* ---- the floor ---- */

static double floor_ns(const struct jobs *jobs, uint32_t servers) {
    struct evq q;
    evq_init(&q, false);
    uint32_t *ring = mem_alloc(jobs->len * sizeof *ring), free_servers = servers, seq = 0;
    size_t head = 0, tail = 0, next = 0;
    const double begin = bench_cpu_s();
    while (next < jobs->len || !evq_empty(&q)) {
        if (next < jobs->len && (evq_empty(&q) || (uint64_t)jobs->at[next].submit_ns < evq_rank(evq_top(&q)))) {
            const uint32_t j = (uint32_t)next++;
            if (free_servers) {
                free_servers--;
                evq_push(&q, evq_pack((uint64_t)(jobs->at[j].submit_ns + jobs->at[j].run_ns), seq++, j));
            } else {
                ring[tail++] = j;
            }
        } else {
            const int64_t now = (int64_t)evq_rank(evq_top(&q));
            if (head < tail) {
                const uint32_t j = ring[head++];
                evq_replace_top(&q, evq_pack((uint64_t)(now + jobs->at[j].run_ns), seq++, j));
            } else {
                (void)evq_pop(&q);
                free_servers++;
            }
        }
    }
    const double took = bench_cpu_s() - begin;
    free(ring);
    evq_free(&q);
    return took * 1e9 / (2.0 * (double)jobs->len);
}

/* ---- the engine ---- */

static double engine_ns(struct jobs *jobs, uint32_t nodes, const char *order, const char *backfill, const char *place,
                        double *check) {
    struct region_setup region = {.name = "here", .price = bench_wave(0.1, 8760, TICK_HOUR),
                                   .carbon = bench_wave(300, 8760, TICK_HOUR)};
    region.pue = (struct steps){.at_ns = &(int64_t){0}, .value = &(double){1.2}, .len = 1, .source = "flat"};
    struct pool_setup pool = {.name = "pool", .tenant = SETUP_SHARED, .gpu = "G", .gpus = 8, .base_w = 1000,
                              .gpu_idle_w = 60, .gpu_peak_w = 400, .power = bench_model(KIND_POWER, "linear"),
                              .usd_per_node_h = 10};
    struct node_run run = {.count = nodes};
    struct setup setup = {.name = "bench", .seed = 1, .horizon_ns = TICK_NEVER, .measure_to_ns = TICK_NEVER,
                          .regions = &region, .regions_len = 1, .pools = &pool, .pools_len = 1, .nodes = &run,
                          .nodes_len = 1};
    setup.policy = (struct policy_setup){.order = bench_model(KIND_ORDER, order),
                                         .place = bench_model(KIND_PLACE, place),
                                         .backfill = bench_model(KIND_BACKFILL, backfill),
                                         .route = bench_model(KIND_ROUTE, "home")};
    struct err err;
    struct result result;
    err_init(&err);
    const struct run_options options = {.bins = 400};
    if (!run_simulate(&setup, jobs, &options, &result, &err)) {
        err_print(&err, stderr);
        exit(EXIT_FAILED);
    }
    const double ns = result.loop_s * 1e9 / (double)result.events;
    if (result.ledger_error > 1e-9 || result.events < 2 * jobs->len) die("the engine lost something");
    *check = result.tallies[0].energy_j;
    result_free(&result);
    free(region.price.at_ns), free(region.price.value), free(region.carbon.at_ns), free(region.carbon.value);
    struct chosen *chosen[] = {&pool.power, &setup.policy.order, &setup.policy.backfill, &setup.policy.place,
                               &setup.policy.route};
    for (size_t i = 0; i < sizeof chosen / sizeof *chosen; i++) free(chosen[i]->params);
    return ns;
}

static bool all_pass = true;

static void row(const char *what, double value, const char *unit, double bound) {
    const bool pass = value <= bound;
    all_pass &= pass;
    printf("| %s | %.3g%s | <= %.3g%s | %s |\n", what, value, unit, bound, unit, pass ? "pass" : "FAIL");
    fflush(stdout);
}

static void bench_floor(void) {
    enum { ROUNDS = 7 };
    static const uint32_t running[] = {100, 1000, 10000};
    for (size_t i = 0; i < sizeof running / sizeof *running; i++) {
        struct jobs jobs;
        const uint32_t nodes = (running[i] + 7) / 8;
        bench_jobs(&jobs, &(struct bench_load){.jobs = 500000, .gpus = nodes * 8, .load = 1.0});
        double floors[ROUNDS], engines[ROUNDS], ratios[ROUNDS], check;
        for (int r = 0; r < ROUNDS; r++) {
            floors[r] = floor_ns(&jobs, nodes * 8);
            engines[r] = engine_ns(&jobs, nodes, "fifo", "none", "best_fit", &check);
            ratios[r] = engines[r] / floors[r];
        }
        char what[128];
        snprintf(what, sizeof what, "%u running: floor %.1f ns/event, engine %.1f ns/event, ratio", running[i],
                 bench_median(floors, ROUNDS), bench_median(engines, ROUNDS));
        row(what, bench_median(ratios, ROUNDS), " x", 4);
        jobs_free(&jobs);
    }
}

enum axis { AXIS_JOBS, AXIS_QUEUE, AXIS_NODES };

static void bench_growth(enum axis axis, const char *order, const char *backfill, const char *place, double bound,
                         int shorter) {
    static const double first[] = {1e4, 1e2, 1e2}, last[] = {1e7, 1e6, 1e5};
    static const char *const names[] = {"jobs", "queue", "nodes"};
    double sx = 0, sy = 0, sxx = 0, sxy = 0;
    int n = 0;
    char figures[256] = "";
    for (double size = first[axis]; size <= last[axis] / pow(10, shorter) * 1.01; size *= 10) {
        struct bench_load load = {.jobs = 200000, .gpus = 1000, .load = 0.95, .mixed = true};
        if (axis == AXIS_JOBS) load.jobs = (size_t)size;
        if (axis == AXIS_QUEUE) {
            load.backlog = (size_t)size;
            load.jobs = load.backlog + 200000;
            load.load = 1;
        }
        if (axis == AXIS_NODES) {
            load.gpus = (uint32_t)size * 8;
            load.jobs = load.gpus * 2 > 200000 ? load.gpus * 2 : 200000;
        }
        struct jobs jobs;
        double times[3], check;
        bench_jobs(&jobs, &load);
        const int rounds = load.jobs > 1500000 ? 1 : 3;
        for (int r = 0; r < rounds; r++) times[r] = engine_ns(&jobs, load.gpus / 8, order, backfill, place, &check);
        const double ns = bench_median(times, (size_t)rounds);
        jobs_free(&jobs);
        const size_t len = strlen(figures);
        snprintf(figures + len, sizeof figures - len, "%s%.0f", len ? ", " : "", ns);
        const double x = log10(size), y = log10(ns);
        sx += x, sy += y, sxx += x * x, sxy += x * y;
        n++;
    }
    char what[400];
    snprintf(what, sizeof what, "growth over %s, %s/%s/%s: %s ns/event, slope", names[axis], order, backfill, place,
             figures);
    row(what, (n * sxy - sx * sy) / (n * sxx - sx * sx), "", bound);
}

/* Peak memory of this process over a run of many jobs, less what it had before. */
static void bench_memory(size_t count) {
    struct rusage before, after;
    struct jobs jobs;
    getrusage(RUSAGE_SELF, &before);
    bench_jobs(&jobs, &(struct bench_load){.jobs = count, .gpus = 1000, .load = 0.95, .mixed = true});
    struct region_setup region = {.name = "here", .price = bench_wave(0.1, 24, TICK_HOUR),
                                   .carbon = bench_wave(300, 24, TICK_HOUR)};
    region.pue = (struct steps){.at_ns = &(int64_t){0}, .value = &(double){1.2}, .len = 1, .source = "flat"};
    struct pool_setup pool = {.name = "pool", .tenant = SETUP_SHARED, .gpu = "G", .gpus = 8,
                              .power = bench_model(KIND_POWER, "linear")};
    struct node_run run = {.count = 125};
    struct setup setup = {.name = "memory", .seed = 1, .horizon_ns = TICK_NEVER, .measure_to_ns = TICK_NEVER,
                          .regions = &region, .regions_len = 1, .pools = &pool, .pools_len = 1, .nodes = &run,
                          .nodes_len = 1};
    setup.policy = (struct policy_setup){.order = bench_model(KIND_ORDER, "sjf"),
                                         .place = bench_model(KIND_PLACE, "best_fit"),
                                         .backfill = bench_model(KIND_BACKFILL, "none"),
                                         .route = bench_model(KIND_ROUTE, "home")};
    struct err err;
    struct result result;
    err_init(&err);
    const struct run_options options = {.bins = 400, .consume = &jobs};
    if (!run_simulate(&setup, &jobs, &options, &result, &err)) die("the memory bench was refused");
    getrusage(RUSAGE_SELF, &after);
    char what[100];
    snprintf(what, sizeof what, "memory, %zu jobs, bytes a job", count);
    row(what, (double)(after.ru_maxrss - before.ru_maxrss) * 1024 / (double)count, "", 120);
    result_free(&result);
    jobs_free(&jobs);
}

int main(int argc, char **argv) {
    const int shorter = argc > 1 && strcmp(argv[1], "quick") == 0 ? 1 : 0;
    const bool floor_only = argc > 1 && strcmp(argv[1], "floor") == 0;
    if (!floor_only) bench_memory(shorter ? 1000000 : 10000000);
    bench_floor();
    if (floor_only) return all_pass ? EXIT_OK : EXIT_FAILED;
    static const char *const orders[] = {"fifo", "sjf"}, *const places[] = {"best_fit", "consolidate"};
    for (int axis = AXIS_JOBS; axis <= AXIS_NODES; axis++) {
        for (int o = 0; o < 2; o++)
            for (int p = 0; p < 2; p++) bench_growth(axis, orders[o], "none", places[p], 0.15, shorter);
        bench_growth(axis, "fifo", "easy", "best_fit", 0.3, shorter);
        bench_growth(axis, "srtf", "none", "best_fit", 0.3, shorter);
        bench_growth(axis, "las", "none", "best_fit", 0.3, shorter);
    }
    return all_pass ? EXIT_OK : EXIT_FAILED;
}

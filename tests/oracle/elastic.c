/*
 * Elastic jobs against theory: two jobs worked out by hand, with and without a cost of resizing; dealing out against
 * every possible allocation. Time a job needs on n GPUs is A / n + B (Amdahl), so its pace is known in closed form.
 */
#include "base/evq.h"
#include "base/rng.h"
#include "base/tick.h"
#include "core/seams.h"
#include "support/speed.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>

static struct setup setup;
static struct jobs jobs;
static struct class_setup entry;

static void open_scene(void) {
    testing_setup(&setup);
    jobs_init(&jobs, 0);
    testing_policy(&setup, "fifo", "skip", "best_fit");
    setup.policy.resize = testing_model(&setup.arena, KIND_RESIZE, "max_throughput");
    entry = (struct class_setup){.run_below_ns = TICK_NEVER, .wait_ns = -1, .markets = ~0u, .speed_gpu = "gpu",
                                 .gpus_least = 1, .gpus_most = 8};
    entry.speed = testing_speed(&setup.arena, "{model: amdahl, shared: [1000 s], fixed: [0 s]}");
    setup.classes = &entry;
    setup.classes_len = 1;
    testing_pool(&setup, "a", 1, 8)->usd_per_node_h = 8;
}
static void close_scene(void) {
    jobs_free(&jobs);
    testing_setup_free(&setup);
}
TestSuite(elastic, .init = open_scene, .fini = close_scene);

static struct result run(void) {
    struct result result = testing_run(&setup, &jobs);
    cr_assert(result.ledger_error < 1e-9, "ledger error %g", result.ledger_error);
    return result;
}

static void near(double got, double expected, int line) {
    cr_assert(fabs(got - expected) <= 1e-7, "line %d: %.12g, expected %.12g", line, got, expected);
}
#define NEAR(a, b) near(a, b, __LINE__)
#define ENDS(job, s) NEAR(tick_seconds(result.jobs->at[job].end_ns), s)

/* --- by hand --- */

Test(elastic, a_lone_job_takes_all_it_may) {
    testing_job(&jobs, 0, 1000, 4);
    struct result result = run();
    ENDS(0, 500); /* twice the pace on 8 */
    NEAR(result.tallies[0].held_gpu_h * 3600, 8 * 500);
    NEAR(result.tallies[0].useful_gpu_h * 3600, 4 * 1000);
    NEAR(result.tallies[0].job_capacity_usd * 3600, 8 * 500);
    cr_assert_eq(result.tallies[0].resizes, 0); /* it grew as it started */
    cr_assert_eq(result.jobs->shapes.at[result.jobs->at[0].shape].gpus, 4);
    result_free(&result);
}

/* The second needs one GPU to start. Where speed-ups are linear nobody gains from more than that; when the first has
 * ended, the second takes all. The eight GPUs work without a pause: 2 x 4000 GPU-s in 1000 s. */
Test(elastic, running_jobs_make_room_for_jobs_in_line) {
    testing_job(&jobs, 0, 1000, 4);
    testing_job(&jobs, 100, 1000, 4);
    struct result result = run();
    NEAR(tick_seconds(result.jobs->at[1].start_ns), 100);
    ENDS(0, 100 + 800 * 4 / 7.0); /* 200 s of its 1000 are done by then, on twice the GPUs; then it has 7 */
    ENDS(1, 1000);
    cr_assert_eq(result.tallies[0].resizes, 2);
    NEAR(result.tallies[0].held_gpu_h * 3600, 8000);
    NEAR(result.tallies[0].useful_gpu_h * 3600, 8000);
    result_free(&result);
}

/* The same, and a resize stops a job for 10 s on the GPUs it has from then on. */
Test(elastic, a_resize_costs_time_on_the_new_gpus) {
    setup.policy.resize_cost_ns = 10 * tick_from_seconds(1);
    testing_job(&jobs, 0, 1000, 4);
    testing_job(&jobs, 100, 1000, 4);
    struct result result = run();
    const double first = 110 + 800 * 4 / 7.0, done = (first - 100) / 4;
    ENDS(0, first);
    ENDS(1, first + 10 + (1000 - done) / 2);
    NEAR(result.tallies[0].overhead_gpu_h * 3600, 7 * 10 + 8 * 10);
    NEAR(result.tallies[0].useful_gpu_h * 3600, 8000);
    result_free(&result);
}

/* T(n) = 1000 / n + 100 s. Equal jobs with falling gains share evenly: of paces 350/T, 350 = T(4), on 8, then on 4. */
Test(elastic, equal_jobs_share_evenly) {
    entry.speed = testing_speed(&setup.arena, "{model: amdahl, shared: [1000 s], fixed: [100 s]}");
    testing_job(&jobs, 0, 1000, 4);
    testing_job(&jobs, 90, 1000, 4);
    struct result result = run();
    const double on_8 = 350 / 225.0;            /* pace on 8 GPUs: T(8) = 225 s */
    const double first = 90 + (1000 - 90 * on_8); /* on 4 it goes as it was recorded */
    ENDS(0, first);
    ENDS(1, first + (1000 - (first - 90)) / on_8);
    cr_assert_eq(result.tallies[0].resizes, 2); /* down from 8 to 4 at once, though in two steps; up to 8 */
    result_free(&result);
}

/* A job that was resized is left alone; so is one of whose GPUs another would gain too little. */
Test(elastic, changes_wait_for_their_time_and_their_worth) {
    entry.speed = testing_speed(&setup.arena, "{model: amdahl, shared: [1000 s], fixed: [100 s]}");
    setup.policy.resize_hold_ns = 60 * tick_from_seconds(1);
    testing_job(&jobs, 0, 1000, 4);
    testing_job(&jobs, 10, 20 * 350 / 1100.0, 4); /* runs for 20 s on one GPU: T(1) = 1100 s */
    setup.policy.resize_gain = 10;                /* nobody gives up GPUs but for jobs in line */
    struct result result = run();
    ENDS(1, 30);
    const double on_7 = 350 / (1000 / 7.0 + 100), on_8 = 350 / 225.0;
    ENDS(0, 70 + (1000 - 10 * on_8 - 60 * on_7) / on_8); /* down to 7 at 10 s, and 60 s later up again */
    cr_assert_eq(result.tallies[0].resizes, 2);
    result_free(&result);
}

/* Sizes within a node are any number, beyond it whole nodes. */
Test(elastic, sizes_are_placeable) {
    setup.pools_len = setup.nodes_len = 0;
    testing_pool(&setup, "b", 3, 8);
    entry.gpus_least = 6;
    entry.gpus_most = 23;
    testing_job(&jobs, 0, 1000, 4);
    struct result result = run();
    ENDS(0, 250); /* 16 of 24 */
    result_free(&result);
}

/* --- nodes --- */

/* Two elastic jobs on a node each, and one that needs a whole node. best_fit puts the shrunk jobs together. */
Test(elastic, room_is_made_on_one_node) {
    setup.nodes[0].count = 2;
    testing_job(&jobs, 0, 10000, 4);
    testing_job(&jobs, 0, 10000, 4);
    jobs.at[testing_job(&jobs, 100, 50, 8)].class_id = (uint16_t)names_put(&jobs.classes, "rigid", 5);
    entry.name = "default";
    struct result result = run();
    NEAR(tick_seconds(result.jobs->at[2].start_ns), 100);
    ENDS(2, 150);
    ENDS(0, 150 + (10000 - 2 * 100 - 50 * 7 / 4.0) / 2); /* on 8 for 100 s, on 7 for 50 s, and on 8 again */
    ENDS(1, 150 + (10000 - 2 * 100 - 50 * 1 / 4.0) / 2); /* equal gains go to the first: one is left for the second */
    cr_assert_eq(result.tallies[0].resizes, 4);
    result_free(&result);
}

/* worst_fit leaves them on a node each, and frees nothing the third can use. It is tried once: what was taken is given
 * back at once, and jobs that ask for as much are not made room for until a job has stopped. */
Test(elastic, room_that_nobody_can_use_is_not_made_again) {
    testing_policy(&setup, "fifo", "skip", "worst_fit");
    setup.nodes[0].count = 2;
    testing_job(&jobs, 0, 10000, 4);
    testing_job(&jobs, 0, 10000, 4);
    entry.name = "default";
    for (int i = 0; i < 3; i++)
        jobs.at[testing_job(&jobs, 100 + 100 * i, 50, 8)].class_id = (uint16_t)names_put(&jobs.classes, "rigid", 5);
    struct result result = run();
    ENDS(0, 5000); /* on eight from its start on */
    ENDS(1, 5000);
    cr_assert_eq(result.tallies[0].resizes, 2);
    cr_assert_geq(result.jobs->at[2].start_ns, 5000 * TICK_S);
    result_free(&result);
}

/* Room is made in the order of the line, not for whoever asks for least: the third would fit if the first shrank, and
 * stands behind the second, which would not. */
Test(elastic, room_is_made_in_the_order_of_the_line) {
    testing_policy(&setup, "fifo", "none", "best_fit");
    setup.pools[0].gpus = 9;
    entry.name = "default";
    entry.gpus_least = 4;
    testing_job(&jobs, 0, 1000, 4);
    jobs.at[testing_job(&jobs, 0, 300, 1)].class_id = (uint16_t)names_put(&jobs.classes, "rigid", 5);
    jobs.at[testing_job(&jobs, 10, 100, 9)].class_id = (uint16_t)names_put(&jobs.classes, "rigid", 5);
    testing_job(&jobs, 20, 1000, 4);
    struct result result = run();
    ENDS(0, 500);
    ENDS(2, 600);
    NEAR(tick_seconds(result.jobs->at[3].start_ns), 600);
    cr_assert_eq(result.tallies[0].resizes, 0);
    result_free(&result);
}

/* Eight GPUs for three equal jobs would be 3, 3 and 2, and two nodes of four have no place for the last two GPUs
 * together: what one cannot use another gets. */
Test(elastic, gpus_that_fit_no_job_go_to_another) {
    setup.pools[0].gpus = 4;
    setup.nodes[0].count = 2;
    setup.horizon_ns = 100 * TICK_S;
    entry.gpus_most = 4;
    entry.speed = testing_speed(&setup.arena, "{model: amdahl, shared: [1000 s], fixed: [100 s]}");
    for (int i = 0; i < 3; i++) testing_job(&jobs, 0, 1000, 4);
    struct result result = run();
    NEAR(result.tallies[0].held_gpu_h * 3600, 8 * 100);
    result_free(&result);
}

/* --- all allocations --- */

enum { MOST_JOBS = 4, MOST_SIZES = 8 };

static double best_of_all(const struct resize_model *m, const struct resize_job *list, size_t len, uint64_t gpus) {
    size_t at[MOST_JOBS] = {0};
    double best = -INFINITY;
    for (;;) {
        uint64_t held = 0;
        double value = 0;
        for (size_t i = 0; i < len; i++) {
            held += list[i].sizes[at[i]].gpus;
            value += m->value(NULL, &list[i], at[i]);
        }
        if (held <= gpus && value > best) best = value;
        size_t i = 0;
        while (i < len && ++at[i] == list[i].len) at[i++] = 0;
        if (i == len) return best;
    }
}

/* Concave speed-ups, every size from one GPU on: the greedy deal is the best of all. */
Test(elastic, dealing_out_is_optimal_for_concave_speedups) {
    const struct resize_model *m =
        (const struct resize_model *)(const void *)testing_model(&setup.arena, KIND_RESIZE, "max_throughput").model;
    struct rng *rng = rng_open(5, "test", 0);
    struct evq heap;
    evq_init(&heap, false);
    for (int trial = 0; trial < 300; trial++) {
        struct resize_size sizes[MOST_JOBS][MOST_SIZES];
        struct resize_job list[MOST_JOBS];
        const size_t len = 1 + rng_below(rng, MOST_JOBS);
        for (size_t i = 0; i < len; i++) {
            const size_t count = 1 + rng_below(rng, MOST_SIZES);
            const double shared = 1 + 10 * rng_uniform(rng), fixed = rng_uniform(rng);
            for (size_t n = 0; n < count; n++)
                sizes[i][n] = (struct resize_size){(uint32_t)n + 1, 0, 1 / (shared / (double)(n + 1) + fixed)};
            list[i] = (struct resize_job){.sizes = sizes[i], .len = count, .last = count - 1, .left_s = 1};
        }
        const uint64_t gpus = len + rng_below(rng, 20);
        size_t chosen[MOST_JOBS];
        resize_fill(m, NULL, list, len, gpus, &heap, chosen);
        double value = 0;
        uint64_t held = 0;
        for (size_t i = 0; i < len; i++) {
            value += m->value(NULL, &list[i], chosen[i]);
            held += sizes[i][chosen[i]].gpus;
        }
        cr_assert_leq(held, gpus);
        const double best = best_of_all(m, list, len, gpus);
        cr_assert(testing_near(value, best, 1e-12), "trial %d: %.15g, the best of all is %.15g", trial, value, best);
    }
    evq_free(&heap);
    rng_close(rng);
}

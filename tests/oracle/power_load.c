/*
 * Power from what jobs reach of their GPUs, by hand: at work, waiting, side by side, under caps.
 *
 * The node here: base 100 W, two GPUs of 50 W idle, 80 W loaded, 500 W at their peak.
 */
#include "base/tick.h"
#include "core/power.h"
#include "core/seams.h"
#include "support/param.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static struct setup setup;
static struct jobs jobs;
static struct pool_setup *pool;
static struct class_setup entry;
static const struct power_fit fit = {.p0 = 0.2, .kc = 8, .km = 1.5, .pmax = 0.9};

static void open_scene(void) {
    testing_setup(&setup);
    jobs_init(&jobs, 0);
    pool = testing_pool(&setup, "a", 1, 2);
    pool->base_w = 100, pool->gpu_idle_w = 50, pool->gpu_loaded_w = 80, pool->gpu_peak_w = 500;
    pool->power = testing_model(&setup.arena, KIND_POWER, "intensity");
    testing_param(pool->power, "p0", fit.p0);
    testing_param(pool->power, "kc", fit.kc);
    testing_param(pool->power, "km", fit.km);
    testing_param(pool->power, "pmax", fit.pmax);
    entry = (struct class_setup){.run_below_ns = TICK_NEVER, .wait_ns = -1, .markets = ~0u,
                                 .load = {.compute = 0.3, .memory = 0.2}};
    setup.classes = &entry;
    setup.classes_len = 1;
}
static void close_scene(void) {
    jobs_free(&jobs);
    testing_setup_free(&setup);
}
TestSuite(power_load, .init = open_scene, .fini = close_scene);

static void near(double got, double expected, int line) {
    cr_assert(fabs(got - expected) <= 1e-9 * fabs(expected), "line %d: %.12g, expected %.12g", line, got, expected);
}
#define NEAR(a, b) near(a, b, __LINE__)

static double at_work_w(double compute, double memory) {
    return 500 * (0.2 + 0.7 * (1 - exp(-8 * compute - 1.5 * memory)));
}
static const double idle_w = 100 + 2 * 50;

static struct result run(void) {
    struct result result = testing_run(&setup, &jobs);
    cr_assert(result.ledger_error < 1e-9, "ledger error %g", result.ledger_error);
    return result;
}
static double end_s(const struct result *result, uint32_t job) { return tick_seconds(result->jobs->at[job].end_ns); }

Test(power_load, one_formula_for_jobs_and_replicas) {
    NEAR(500 * power_of_load(&fit, 0.3, 0.2), at_work_w(0.3, 0.2));
    NEAR(power_of_load(&power_joint, 0, 0), 0.212);
}

Test(power_load, at_work_and_waiting_with_memory_loaded) {
    const uint32_t half = testing_job(&jobs, 0, 1000, 1);
    testing_job(&jobs, 0, 500, 1);
    jobs.at[half].utilisation = 0.5f; /* half of the time it only holds its memory */
    struct result result = run();
    NEAR(result.tallies[0].energy_j, idle_w * 1000 + (0.5 * at_work_w(0.3, 0.2) + 0.5 * 80 - 50) * 1000 +
                                         (at_work_w(0.3, 0.2) - 50) * 500);
    result_free(&result);
}

Test(power_load, gpus_that_wait_for_data_are_not_at_work) {
    entry.supply = (struct data_supply){.item_bytes = 1e6, .fetch_bytes_per_s = 1e9, .memory_bytes_per_s = 1e9,
                                        .prepare_items_per_s_per_cpu = 1e6, .ingest_items_per_s = 4000};
    pool->cpu_milli = 8000;
    testing_job(&jobs, 0, 1000, 1); /* 1,000 items a second of 4,000: it stands three quarters of the time */
    testing_shape(&jobs, &(struct shape){.gpus = 1, .cpu_milli = 1000, .models = JOB_ANY_MODEL});
    struct result result = run();
    NEAR(end_s(&result, 0), 4000);
    NEAR(result.tallies[0].energy_j, (idle_w + 0.25 * at_work_w(0.3, 0.2) + 0.75 * 80 - 50) * 4000);
    result_free(&result);
}

Test(power_load, chips_without_a_fit_are_named) {
    testing_job(&jobs, 0, 1000, 1);
    for (int joint = 0; joint < 2; joint++) {
        pool->power_joint = joint;
        struct result result = run();
        bool said = false;
        for (size_t i = 0; i < result.warnings_len; i++) said |= strstr(result.warnings[i], "never measured") != NULL;
        cr_assert_eq(said, joint);
        result_free(&result);
    }
}

Test(power_load, unknown_loads_follow_utilisation) {
    setup.classes_len = 0;
    const uint32_t job = testing_job(&jobs, 0, 1000, 2);
    jobs.at[job].utilisation = 0.5f;
    struct result result = run();
    NEAR(result.tallies[0].energy_j, (idle_w + 2 * 0.5 * 450) * 1000);
    result_free(&result);
}

Test(power_load, a_roofline_knows_its_loads) {
    static double tflops = 100, memory_mib = 1e6, bandwidth = 1000;
    entry.load = (struct load_shares){0};
    entry.speed = testing_model(&setup.arena, KIND_SPEED, "roofline");
    entry.speed_gpu = "gpu";
    testing_param(entry.speed, "parameters", 1e9);
    testing_param(entry.speed, "sequence", 1000);
    testing_param(entry.speed, "batch", 16);
    testing_param(entry.speed, "mfu", 0.5);
    for (size_t i = 0; i < entry.speed.model->params_count; i++) {
        const struct param *p = &entry.speed.model->params[i];
        double *value = strcmp(p->key, "tflops") == 0      ? &tflops
                        : strcmp(p->key, "memory") == 0    ? &memory_mib
                        : strcmp(p->key, "bandwidth") == 0 ? &bandwidth
                                                           : NULL;
        if (value) *(struct numbers *)(void *)((char *)entry.speed.params + p->offset) = (struct numbers){value, 1};
    }
    testing_job(&jobs, 0, 1000, 2);
    struct result result = run();
    /* 8 passes a GPU of 6e12 FLOP at 50 TFLOP/s: 0.96 s, half of the peak; weights read 8 times forwards and back, and
     * gradients and optimizer read and written: 8 x 2 x 2 + 2 x 16 bytes a parameter, 64 GB of the 960 */
    NEAR(result.tallies[0].energy_j, (idle_w + 2 * (at_work_w(0.5, 64 / 960.) - 50)) * 1000);
    result_free(&result);
}

Test(power_load, a_part_works_as_if_the_rest_did_alike) {
    entry.load = (struct load_shares){.compute = 0.1, .memory = 0.05};
    testing_job(&jobs, 0, 1000, 0);
    testing_shape(&jobs, &(struct shape){.share_milli = 250, .models = JOB_ANY_MODEL});
    struct result result = run();
    NEAR(result.tallies[0].energy_j, (idle_w + 0.25 * (at_work_w(0.4, 0.2) - 50)) * 1000);
    result_free(&result);
}

/* ---- caps ---- */

Test(power_load, a_cap_slows_what_computes) {
    setup.policy.cap = (struct cap_setup){.when = CAP_ALWAYS, .level = 0.5};
    entry.load = (struct load_shares){.compute = 0.6, .memory = 0.1};
    testing_job(&jobs, 0, 1000, 1);
    struct result result = run();
    /* It would draw 0.8951 of its peak, and feels 0.5 as typical jobs feel 0.4469: between 0.725 and 0.853. */
    const double felt = 0.5 * 0.8 / (at_work_w(0.6, 0.1) / 500), speed = 0.725 + (felt - 0.4) / 0.1 * (0.853 - 0.725);
    NEAR(end_s(&result, 0), 1000 / speed);
    NEAR(result.tallies[0].energy_j, (idle_w + 250 - 50) * end_s(&result, 0));
    result_free(&result);
}

Test(power_load, and_hardly_what_waits_for_memory) {
    setup.policy.cap = (struct cap_setup){.when = CAP_ALWAYS, .level = 0.5};
    entry.load = (struct load_shares){.compute = 0.03, .memory = 0.6};
    testing_job(&jobs, 0, 1000, 1);
    struct result result = run();
    const double felt = 0.5 * 0.8 / (at_work_w(0.03, 0.6) / 500), speed = 0.853 + (felt - 0.5) / 0.1 * (0.899 - 0.853);
    NEAR(end_s(&result, 0), 1000 * (1 + 0.05 * (1 / speed - 1)));
    cr_assert(end_s(&result, 0) < 1010);
    result_free(&result);
}

Test(power_load, who_draws_less_than_the_cap_is_not_slowed) {
    setup.policy.cap = (struct cap_setup){.when = CAP_ALWAYS, .level = 0.7};
    entry.load = (struct load_shares){.compute = 0.03, .memory = 0.1};
    cr_assert(at_work_w(0.03, 0.1) < 350);
    testing_job(&jobs, 0, 1000, 1);
    struct result result = run();
    NEAR(end_s(&result, 0), 1000);
    result_free(&result);
}

Test(power_load, a_table_of_ones_own_is_of_ones_own_jobs) {
    static double caps[] = {0.4, 1}, speeds[] = {0.4, 1};
    setup.policy.cap = (struct cap_setup){.when = CAP_ALWAYS, .level = 0.5, .caps = {caps, 2}, .speeds = {speeds, 2}};
    entry.load = (struct load_shares){.compute = 0.3, .memory = 0.6}; /* half of what it waits for is memory */
    testing_job(&jobs, 0, 1000, 1);
    struct result result = run();
    NEAR(end_s(&result, 0), 1500);
    result_free(&result);
}

/* A limit is kept while jobs on one device come and go, and slow each other: what they would draw is counted anew. */
Test(power_load, a_limit_sees_shared_devices) {
    pool->sharing = (struct sharing_setup){.mode = SHARING_TIME_SLICE, .switching = 0.05};
    setup.regions[0].limit_w = idle_w + 2 * 200;
    setup.regions[0].limit_then = LIMIT_CAP;
    entry.load = (struct load_shares){.compute = 0.2, .memory = 0.1, .busy = 0.7};
    for (int i = 0; i < 40; i++) {
        testing_job(&jobs, i * 37, 100 + 13 * i % 70, 0);
        testing_shape(&jobs, &(struct shape){.share_milli = 200 + 50 * (uint32_t)(i % 7), .models = JOB_ANY_MODEL});
    }
    struct result result = run();
    cr_assert_eq(result.tallies[0].finished, 40);
    cr_assert(result.tallies[0].peak_w <= setup.regions[0].limit_w * (1 + 1e-9), "%g W", result.tallies[0].peak_w);
    cr_assert(result.tallies[0].peak_w > 0.8 * setup.regions[0].limit_w);
    cr_assert(result.tallies[0].interference_gpu_h > 0);
    result_free(&result);
}

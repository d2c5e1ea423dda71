/*
 * Resize policies against the formulas they stand for, evaluated here from their papers' equations and published fits:
 * Pollux's goodput at the best batch, and the allocation that maximises its fitness, by trying all; the number of GPUs
 * whose last one is just worth its price, in closed form.
 */
#include "base/tick.h"
#include "core/seams.h"
#include "support/speed.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

/* Fits to the T4 measurements published with Pollux, as in models/catalog/speeds.csv: seconds, and gamma. */
struct fit {
    const char *curve;
    double fixed, sample, network, network_more, local, local_more, gamma;
    double batch, batch_most, critical;
};
static const struct fit imagenet = {"imagenet-t4", 0.0639, 0.00449, 0.307, 0.00666, 0.00609, 0.00112, 2.67,
                                    128, 6400, 4000};
static const struct fit bert = {"bert-t4", 0.172, 0.0587, 1.409, 0.0094, 0.284, 0.0277, 2.02, 16, 384, 200};
static const struct fit cifar = {"cifar10-t4", 0.0174, 7.02e-4, 0.124, 0.00265, 0.0294, 0.00524, 2.15, 128, 4096, 900};
enum { STEPS = 32 };
static uint32_t node_gpus = 4;

/* Equations 2, 6 and 7 to 11 of the paper, without accumulation: examples a second that count. */
static double goodput(const struct fit *f, uint32_t gpus, double batch) {
    const double compute = f->fixed + f->sample * batch / gpus;
    double sync = 0;
    if (gpus > node_gpus) sync = f->network + f->network_more * (gpus - 2.0);
    else if (gpus > 1) sync = f->local + f->local_more * (gpus - 2.0);
    const double step = pow(pow(compute, f->gamma) + pow(sync, f->gamma), 1 / f->gamma);
    return batch / step * (f->critical + f->batch) / (f->critical + batch);
}

/* At the best of so many batches of one ratio from the job's own to the largest. */
static double best_goodput(const struct fit *f, uint32_t gpus, int steps) {
    double best = 0;
    for (int i = 0; i <= steps; i++)
        best = fmax(best, goodput(f, gpus, f->batch * pow(f->batch_most / f->batch, (double)i / steps)));
    return best;
}

static struct setup setup;
static struct jobs jobs;
static struct class_setup classes[3];

static void open_scene(void) {
    testing_setup(&setup);
    jobs_init(&jobs, 0);
    testing_policy(&setup, "fifo", "skip", "consolidate");
    setup.classes = classes;
}
static void close_scene(void) {
    jobs_free(&jobs);
    testing_setup_free(&setup);
}
TestSuite(goodput, .init = open_scene, .fini = close_scene);

static void add_class(const char *name, const struct fit *f, uint32_t least, uint32_t most) {
    char speed[160];
    snprintf(speed, sizeof speed, "{model: pollux, curve: %s, batch: %g, critical_batch: [%g]}", f->curve, f->batch,
             f->critical);
    classes[setup.classes_len++] = (struct class_setup){.name = name, .run_below_ns = TICK_NEVER, .wait_ns = -1,
        .markets = ~0u, .speed = testing_speed(&setup.arena, speed), .speed_gpu = "T4", .speed_batch = f->batch,
        .batch_most = f->batch_most, .gpus_least = least, .gpus_most = most};
}

static void add_pool(const char *gpu, uint32_t nodes, uint32_t gpus) {
    struct pool_setup *pool = testing_pool(&setup, "a", nodes, gpus);
    pool->gpu = gpu;
    pool->usd_per_node_h = gpus; /* a dollar a GPU and hour: what a job is charged tells what it holds */
}

Test(goodput, a_job_goes_at_the_goodput_of_its_size) {
    static const struct fit *const fits[] = {&imagenet, &bert, &cifar};
    setup.policy.resize = testing_model(&setup.arena, KIND_RESIZE, "goodput");
    add_pool("T4", 4, node_gpus);
    testing_job(&jobs, 0, 36000, 1);
    for (size_t i = 0; i < 3; i++)
        for (uint32_t gpus = 1; gpus <= 4 * node_gpus; gpus *= 2) {
            setup.classes_len = 0;
            add_class(NULL, fits[i], gpus, gpus);
            struct result result = testing_run(&setup, &jobs);
            const double took = tick_seconds(result.jobs->at[0].end_ns);
            const double expected = 36000 * goodput(fits[i], 1, fits[i]->batch) / best_goodput(fits[i], gpus, STEPS);
            cr_assert(testing_near(took, expected, 1e-9), "%s on %u: %.12g s, expected %.12g s", fits[i]->curve, gpus,
                      took, expected);
            /* What trying 33 batches leaves undone. */
            cr_assert(testing_near(best_goodput(fits[i], gpus, STEPS), best_goodput(fits[i], gpus, 100000), 2e-3));
            result_free(&result);
        }
}

/* GPUs each job holds once all have started, by what it is charged for 100 s. */
static void held_after_start(uint32_t *gpus) {
    setup.horizon_ns = 100 * TICK_S;
    struct result result = testing_run(&setup, &jobs);
    for (size_t i = 0; i < jobs.len; i++) {
        const double held = result.job_results[i].capacity_usd / (100 / 3600.0);
        gpus[i] = (uint32_t)lround(held);
        cr_assert(fabs(held - gpus[i]) < 1e-9);
    }
    result_free(&result);
}

enum { PEERS = 3 };
static const struct fit *const peers[PEERS] = {&imagenet, &bert, &cifar};

/* Power mean of speed-ups over the goodput on an even share: equation 14. */
static double fitness(const uint32_t *gpus, uint32_t even, double power) {
    double sum = 0;
    for (size_t i = 0; i < PEERS; i++) {
        const double speedup = best_goodput(peers[i], gpus[i], STEPS) / best_goodput(peers[i], even, STEPS);
        sum += (power == 0 ? log(speedup) : pow(speedup, power)) / PEERS;
    }
    return power == 0 ? exp(sum) : pow(sum, 1 / power);
}

/* The best of all allocations of those sizes to the three. */
static double best_fitness(const uint32_t *sizes, size_t len, uint32_t gpus, uint32_t even, double power,
                           uint32_t *best) {
    double most = 0;
    for (size_t k = 0; k < len * len * len; k++) {
        const uint32_t at[PEERS] = {sizes[k % len], sizes[k / len % len], sizes[k / len / len]};
        if (at[0] + at[1] + at[2] > gpus || fitness(at, even, power) <= most) continue;
        most = fitness(at, even, power);
        memcpy(best, at, sizeof at);
    }
    return most;
}

/* Three jobs, at sizes that always find nodes: any number on one node, or whole nodes. */
static void try_fleet(uint32_t nodes, const uint32_t *sizes, size_t len) {
    static const double powers[] = {-1, 0, 1, -4};
    bool fairness_matters = false;
    const uint32_t gpus = nodes * node_gpus;
    uint32_t even = sizes[0];
    for (size_t i = 0; i < len; i++)
        if (sizes[i] * PEERS <= gpus) even = sizes[i];
    add_pool("T4", nodes, node_gpus);
    for (size_t i = 0; i < PEERS; i++) {
        add_class(peers[i]->curve, peers[i], sizes[0], sizes[len - 1]);
        const uint32_t j = testing_job(&jobs, 0, 36000, 1);
        jobs.at[j].class_id = (uint16_t)names_put(&jobs.classes, peers[i]->curve, strlen(peers[i]->curve));
    }
    for (size_t p = 0; p < sizeof powers / sizeof *powers; p++) {
        uint32_t got[PEERS], best[PEERS], fairest[PEERS];
        *(double *)setup.policy.resize.params = powers[p]; /* its only parameter */
        held_after_start(got);
        const double most = best_fitness(sizes, len, gpus, even, powers[p], best), fit = fitness(got, even, powers[p]);
        cr_assert(testing_near(fit, most, 1e-12), "%u GPUs, power %g: %u, %u, %u: %g; the best is %u, %u, %u: %g", gpus,
                  powers[p], got[0], got[1], got[2], fit, best[0], best[1], best[2], most);
        (void)best_fitness(sizes, len, gpus, even, -1, fairest);
        fairness_matters |= memcmp(got, fairest, sizeof got) != 0;
    }
    cr_assert(fairness_matters, "every power comes to the same: the case shows nothing");
}

Test(goodput, the_deal_maximises_pollux_fitness_on_a_node) {
    static const uint32_t sizes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    node_gpus = 16;
    setup.policy.resize = testing_model(&setup.arena, KIND_RESIZE, "goodput");
    try_fleet(1, sizes, 16);
}

Test(goodput, the_deal_maximises_pollux_fitness_over_nodes) {
    static const uint32_t sizes[] = {4, 8, 12, 16, 20, 24};
    setup.policy.resize = testing_model(&setup.arena, KIND_RESIZE, "goodput");
    try_fleet(8, sizes, 6);
}

/* T = A / n + B: GPU hours are A + B n, so the n-th GPU is worth its price up to sqrt(V A / (p B)); the value of a time
 * that is twice as long has the same best number. */
Test(goodput, the_last_gpu_is_just_worth_its_price) {
    setup.policy.resize = testing_model(&setup.arena, KIND_RESIZE, "marginal_cost");
    add_pool("gpu", 1, 64);
    for (int k = 0; k < 8; k++) {
        const double worth = 0.25 * pow(2, k), shared = 3600, fixed = 36, exact = sqrt(worth * shared / fixed);
        char speed[80];
        snprintf(speed, sizeof speed, "{model: amdahl, shared: [%g s], fixed: [%g s]}", shared, fixed);
        *(double *)setup.policy.resize.params = worth; /* its first parameter */
        classes[0] = (struct class_setup){.run_below_ns = TICK_NEVER, .wait_ns = -1, .markets = ~0u, .speed_gpu = "gpu",
                                          .speed = testing_speed(&setup.arena, speed), .gpus_least = 1,
                                          .gpus_most = 64};
        setup.classes_len = 1;
        jobs_free(&jobs);
        jobs_init(&jobs, 0);
        testing_job(&jobs, 0, 36000, 1 + (uint32_t)k);
        uint32_t got;
        held_after_start(&got);
        const double nearest = fmin(64, exact);
        cr_assert(fabs(got - nearest) < 1, "worth %g USD/h: %u GPUs, sqrt(V A / (p B)) is %g", worth, got, exact);
        double best = INFINITY;
        uint32_t at = 0;
        for (uint32_t n = 1; n <= 64; n++) {
            const double usd = (shared / n + fixed) * (worth + n);
            if (usd < best) best = usd, at = n;
        }
        cr_assert_eq(got, at, "worth %g USD/h: %u GPUs, the cheapest is %u", worth, got, at);
    }
}

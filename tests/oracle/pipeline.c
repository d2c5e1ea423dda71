/*
 * The simulated pipeline against closed forms, over random pipelines of 1 to 6 stages with bounded buffers.
 * Where the buffer between two stages holds a round of both (all workers' batches of each side), the rate is
 * that of the slowest stage or the source, within 0.5 %, and GPUs are idle for 1 - rate / capacity of the
 * time. With any buffer, however small: never more than that rate, every item gets through, and work done is
 * items / batch x service. And with one worker and one item a batch everywhere, every time is given by the
 * recursion of a line with blocking.
 */
#include "base/rng.h"
#include "base/tick.h"
#include "core/pipeline.h"

#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>

enum { PIPELINES = 150, STAGES_MOST = 6 };

static double between(struct rng *rng, double low, double high) {
    return low * pow(high / low, rng_uniform(rng));
}

/* Stages of random shape; one of them has the GPUs. Returns how many. */
static size_t draw(struct rng *rng, struct stage *stages, bool roomy) {
    const size_t count = 1 + rng_below(rng, STAGES_MOST), with_gpu = rng_below(rng, count);
    for (size_t i = 0; i < count; i++) {
        stages[i] = (struct stage){.service_s = floor(between(rng, 0.01, 2) * 1e6) / 1e6,
                                   .batch = 1 + (double)rng_below(rng, 12), .cpus = between(rng, 0.5, 8),
                                   .workers = 1 + (uint32_t)rng_below(rng, 9)};
        stages[i].workers_most = stages[i].workers;
        if (i == with_gpu) stages[i].gpus = between(rng, 0.1, 4);
        double least = stages[i].batch;
        if (roomy) least *= stages[i].workers;
        if (roomy && i > 0) least += stages[i - 1].batch * stages[i - 1].workers;
        stages[i].buffer = least + (double)rng_below(rng, roomy ? 20 : 3);
    }
    return count;
}

static double gpu_capacity(const struct stage *stages, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (stages[i].gpus > 0) return stages[i].workers * stages[i].batch / stages[i].service_s;
    return INFINITY;
}

static struct pipeline_result simulate(const struct stage *stages, size_t count, double items,
                                       double source_per_s) {
    const struct pipeline_run run = {
        .items = items, .source_per_s = source_per_s, .cpus_most = INFINITY, .gpus_most = INFINITY};
    struct pipeline_result result;
    cr_assert(pipeline_simulate(stages, count, &run, &result));
    return result;
}

/* What holds with any buffers. */
static void conserves(const struct stage *stages, size_t count, double items,
                      const struct pipeline_result *r) {
    double cpu_s = 0, gpu_s = 0, cpu_held = 0, gpu_held = 0, batches = 0;
    for (size_t i = 0; i < count; i++) {
        const struct stage *s = &stages[i];
        const double rounds = ceil(items / s->batch);
        batches += rounds;
        cpu_s += rounds * s->service_s * s->cpus;
        gpu_s += rounds * s->service_s * s->gpus;
        cpu_held += s->workers * s->cpus * r->seconds;
        gpu_held += s->workers * s->gpus * r->seconds;
        cr_expect_eq(r->workers[i], s->workers);
    }
    cr_expect(testing_near(r->cpu_busy_s, cpu_s, 1e-9) && testing_near(r->gpu_busy_s, gpu_s, 1e-9));
    cr_expect(testing_near(r->cpu_held_s, cpu_held, 1e-9) && testing_near(r->gpu_held_s, gpu_held, 1e-9));
    cr_expect(testing_near(r->rate, items / r->seconds, 1e-12));
    cr_expect((double)r->events >= batches, "%llu events for %g batches", (unsigned long long)r->events, batches);
}

Test(pipeline, steady_rate_is_the_bottlenecks, .timeout = 120) {
    struct rng *rng = rng_open(4, "pipelines", 0);
    double worst = 0, worst_stall = 0;
    for (int round = 0; round < PIPELINES; round++) {
        struct stage stages[STAGES_MOST];
        const size_t count = draw(rng, stages, true);
        size_t bottleneck;
        const double stages_per_s = pipeline_rate(stages, count, &bottleneck);
        /* Every third has a source that is slower than the stages, every third one that is faster. */
        const double source = round % 3 == 0 ? INFINITY : stages_per_s * (round % 3 == 1 ? 0.7 : 1.4);
        const double expected = fmin(stages_per_s, source), items = 60000;
        const struct pipeline_result r = simulate(stages, count, items, source);
        worst = fmax(worst, fabs(r.steady_rate / expected - 1));
        cr_expect(testing_near(r.steady_rate, expected, 0.005), "pipeline %d: %g items/s, expected %g", round,
                  r.steady_rate, expected);
        conserves(stages, count, items, &r);

        if (isinf(source)) {
            const double stall = 1 - expected / gpu_capacity(stages, count);
            cr_expect(testing_near(1 - pipeline_gpu_stall(stages, count), 1 - stall, 1e-12));
        }
        /* Measured over the whole run, filling and draining included. */
        const double stall = 1 - r.gpu_busy_s / r.gpu_held_s, told = 1 - r.rate / gpu_capacity(stages, count);
        worst_stall = fmax(worst_stall, fabs(stall - told));
        cr_expect(fabs(stall - told) <= 0.001, "pipeline %d: stalled %.4f, 1 - rate / capacity %.4f", round,
                  stall, told);
        cr_expect(fabs(stall - (1 - expected / gpu_capacity(stages, count))) <= 0.02);
    }
    printf("steady rate within %.3f %%, stall share within %.4f\n", 100 * worst, worst_stall);
    rng_close(rng);
}

Test(pipeline, small_buffers_only_slow_down, .timeout = 120) {
    struct rng *rng = rng_open(4, "pipelines", 1);
    double most_lost = 0;
    for (int round = 0; round < PIPELINES; round++) {
        struct stage stages[STAGES_MOST];
        const size_t count = draw(rng, stages, false);
        size_t bottleneck;
        const double least = pipeline_rate(stages, count, &bottleneck), items = 5000;
        const struct pipeline_result r = simulate(stages, count, items, INFINITY);
        cr_expect(r.rate <= least * (1 + 1e-6), "pipeline %d: %g items/s, at most %g", round, r.rate, least);
        most_lost = fmax(most_lost, 1 - r.rate / least);
        conserves(stages, count, items, &r);
        /* More room is never worse. */
        for (size_t i = 0; i < count; i++) stages[i].buffer *= 50;
        cr_expect(simulate(stages, count, items, INFINITY).seconds <= r.seconds * (1 + 1e-9), "pipeline %d",
                  round);
    }
    printf("small buffers cost up to %.0f %% of the rate\n", 100 * most_lost);
    cr_expect(most_lost > 0.05); /* otherwise the buffers of this test are not small */
    rng_close(rng);
}

/* One worker, one item, room for b items before each stage. Item k begins at stage i when it has arrived
 * there, the worker has handed on item k - 1, and leaves when it is served and item k - 1 - b has been begun
 * by the next stage. */
Test(pipeline, line_with_blocking) {
    enum { ITEMS = 400 };
    struct rng *rng = rng_open(4, "pipelines", 2);
    for (int round = 0; round < 100; round++) {
        struct stage stages[STAGES_MOST];
        const size_t count = 1 + rng_below(rng, STAGES_MOST);
        for (size_t i = 0; i < count; i++)
            stages[i] = (struct stage){
                .service_s = 1 + (double)rng_below(rng, 9), .batch = 1, .cpus = 1, .workers = 1,
                .workers_most = 1, .buffer = 1 + (double)rng_below(rng, 3)};
        static double begun[STAGES_MOST][ITEMS], left[STAGES_MOST][ITEMS];
        for (int k = 0; k < ITEMS; k++)
            for (size_t i = 0; i < count; i++) {
                const double here = i > 0 ? left[i - 1][k] : 0;
                begun[i][k] = fmax(here, k > 0 ? left[i][k - 1] : 0);
                left[i][k] = begun[i][k] + stages[i].service_s;
                if (i + 1 == count) continue;
                /* The item whose start makes room for this one. */
                const int freed = k - (int)stages[i + 1].buffer;
                if (freed >= 0) left[i][k] = fmax(left[i][k], begun[i + 1][freed]);
            }
        const struct pipeline_result r = simulate(stages, count, ITEMS, INFINITY);
        cr_expect_eq(r.seconds, left[count - 1][ITEMS - 1], "pipeline %d: %g s, not %g", round, r.seconds,
                     left[count - 1][ITEMS - 1]);
    }
    rng_close(rng);
}

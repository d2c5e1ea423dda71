/*
 * The closed forms of pipelines against one simulated batch by batch, over random pipelines of 1 to 6 stages with
 * bounded buffers. Where the buffer between two stages holds a round of both (all workers' batches of each side), the
 * rate is that of the slowest stage or the source, within 0.5 %; and GPUs are idle for 1 - rate / capacity of the time
 * (what runs on a fleet is held against the same in oracle/flow.c). With any buffer, however small: never more than
 * that rate, every item gets through, and work done is items / batch x service. And with one worker and one item a
 * batch everywhere, every time is given by the recursion of a line with blocking.
 */
#include "base/rng.h"

#include "support/pipeline.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>

enum { PIPELINES = 150, STAGES_MOST = 6 };

static double between(struct rng *rng, double low, double high) {
    return low * pow(high / low, rng_uniform(rng));
}

/* Stages of random shape; one of them has the GPUs. Returns how many. */
static size_t draw(struct rng *rng, struct stage *stages, double *buffers, bool roomy) {
    const size_t count = 1 + rng_below(rng, STAGES_MOST), with_gpu = rng_below(rng, count);
    for (size_t i = 0; i < count; i++) {
        stages[i] = (struct stage){.name = "stage", .service_s = floor(between(rng, 0.01, 2) * 1e6) / 1e6,
                                   .batch = 1 + (double)rng_below(rng, 12), .cpus = between(rng, 0.5, 8),
                                   .workers = 1 + (uint32_t)rng_below(rng, 9)};
        if (i == with_gpu) stages[i].gpus = 1 + (double)rng_below(rng, 4);
        double least = stages[i].batch;
        if (roomy) least *= stages[i].workers;
        if (roomy && i > 0) least += stages[i - 1].batch * stages[i - 1].workers;
        buffers[i] = least + (double)rng_below(rng, roomy ? 20 : 3);
    }
    return count;
}

static const struct stage *gpu_stage(const struct stage *stages) {
    while (stages->gpus == 0) stages++;
    return stages;
}

static struct pipeline_result simulate(const struct stage *stages, const double *buffers, size_t count, double items,
                                       double source_per_s) {
    return pipeline_simulate(stages, count, &(struct pipeline_run){buffers, items, source_per_s});
}

/* What holds with any buffers. */
static void conserves(const struct stage *stages, size_t count, double items, const struct pipeline_result *r) {
    for (size_t i = 0; i < count; i++)
        cr_expect(testing_near(r->busy_s[i], ceil(items / stages[i].batch) * stages[i].service_s, 1e-9));
    cr_expect(testing_near(r->rate, items / r->seconds, 1e-12));
}

Test(pipeline, steady_rate_is_the_bottlenecks, .timeout = 120) {
    struct rng *rng = rng_open(4, "pipelines", 0);
    double worst = 0, worst_stall = 0;
    for (int round = 0; round < PIPELINES; round++) {
        struct stage stages[STAGES_MOST];
        double buffers[STAGES_MOST];
        const size_t count = draw(rng, stages, buffers, true);
        const double stages_per_s = pipeline_rate(stages, count), items = 60000;
        /* Every third has a source that is slower than the stages, every third one that is faster. */
        const double source = round % 3 == 0 ? INFINITY : stages_per_s * (round % 3 == 1 ? 0.7 : 1.4);
        const double expected = fmin(stages_per_s, source);
        for (size_t i = 0; i < count && isinf(source); i++) /* the slowest start is a twentieth of the time */
            stages[i].start_s = floor(0.05 * items / expected * (double)(i + 1) / (double)count);
        const struct pipeline_result r = simulate(stages, buffers, count, items, source);
        worst = fmax(worst, fabs(r.steady_rate / expected - 1));
        cr_expect(testing_near(r.steady_rate, expected, 0.005), "pipeline %d: %g items/s, expected %g", round,
                  r.steady_rate, expected);
        conserves(stages, count, items, &r);

        /* Measured over the whole run, filling and draining included. */
        const struct stage *gpu = gpu_stage(stages);
        const double stall = 1 - r.busy_s[gpu - stages] / (gpu->workers * r.seconds);
        const double told = 1 - r.rate / stage_rate(gpu);
        worst_stall = fmax(worst_stall, fabs(stall - told));
        cr_expect(fabs(stall - told) <= 0.001, "pipeline %d: stalled %.4f, 1 - rate / capacity %.4f", round, stall,
                  told);
        if (!isinf(source)) cr_expect(fabs(stall - (1 - expected / stage_rate(gpu))) <= 0.02);
    }
    printf("steady rate within %.3f %%, stall share within %.4f\n", 100 * worst, worst_stall);
    rng_close(rng);
}

Test(pipeline, small_buffers_only_slow_down, .timeout = 120) {
    struct rng *rng = rng_open(4, "pipelines", 1);
    double most_lost = 0;
    for (int round = 0; round < PIPELINES; round++) {
        struct stage stages[STAGES_MOST];
        double buffers[STAGES_MOST];
        const size_t count = draw(rng, stages, buffers, false);
        const double least = pipeline_rate(stages, count), items = 5000;
        const struct pipeline_result r = simulate(stages, buffers, count, items, INFINITY);
        cr_expect(r.rate <= least * (1 + 1e-6), "pipeline %d: %g items/s, at most %g", round, r.rate, least);
        most_lost = fmax(most_lost, 1 - r.rate / least);
        conserves(stages, count, items, &r);
        /* More room is never worse. */
        for (size_t i = 0; i < count; i++) buffers[i] *= 50;
        cr_expect(simulate(stages, buffers, count, items, INFINITY).seconds <= r.seconds * (1 + 1e-9), "pipeline %d",
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
        double buffers[STAGES_MOST];
        const size_t count = 1 + rng_below(rng, STAGES_MOST);
        for (size_t i = 0; i < count; i++) {
            stages[i] = (struct stage){.service_s = 1 + (double)rng_below(rng, 9), .batch = 1, .workers = 1};
            buffers[i] = 1 + (double)rng_below(rng, 3);
        }
        static double begun[STAGES_MOST][ITEMS], left[STAGES_MOST][ITEMS];
        for (int k = 0; k < ITEMS; k++)
            for (size_t i = 0; i < count; i++) {
                const double here = i > 0 ? left[i - 1][k] : 0;
                begun[i][k] = fmax(here, k > 0 ? left[i][k - 1] : 0);
                left[i][k] = begun[i][k] + stages[i].service_s;
                if (i + 1 == count) continue;
                /* The item whose start makes room for this one. */
                const int freed = k - (int)buffers[i + 1];
                if (freed >= 0) left[i][k] = fmax(left[i][k], begun[i + 1][freed]);
            }
        const struct pipeline_result r = simulate(stages, buffers, count, ITEMS, INFINITY);
        cr_expect_eq(r.seconds, left[count - 1][ITEMS - 1], "pipeline %d: %g s, not %g", round, r.seconds,
                     left[count - 1][ITEMS - 1]);
    }
    rng_close(rng);
}

/* What benches share: the clock, jobs, models by name, a wave of prices. */
#ifndef HEADROOM_TESTS_BENCH_BENCH_H
#define HEADROOM_TESTS_BENCH_BENCH_H

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/stats.h"
#include "base/tick.h"
#include "core/seams.h"
#include "models/registry.h"

#include <math.h>
#include <time.h>

/* CPU time of this thread. */
static inline double bench_cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline double bench_median(double *values, size_t count) { return stats_quantile(values, count, 0.5); }

struct bench_load {
    size_t jobs;
    uint32_t gpus;      /* of the fleet */
    double load;        /* offered, share of the fleet */
    size_t backlog;     /* jobs there from the start */
    bool mixed;         /* 1, 2, 4, 8 GPUs; else 1 */
};

static inline void bench_jobs(struct jobs *jobs, const struct bench_load *load) {
    static const uint32_t sizes[] = {1, 1, 1, 1, 2, 2, 4, 8};
    struct rng *rng = rng_open(7, "bench", 0);
    const double mean_s = 3600, mean_gpus = load->mixed ? 20.0 / 8 : 1;
    const double gap_s = mean_s * mean_gpus / (load->gpus * load->load);
    uint32_t shapes[9] = {0};
    double t = 0;
    jobs_init(jobs, 0);
    for (uint32_t g = 1; g <= 8; g *= 2)
        shapes[g] = jobs_shape(jobs, &(struct shape){.gpus = g, .models = JOB_ANY_MODEL});
    for (size_t i = 0; i < load->jobs; i++) {
        const uint32_t added = jobs_add(jobs);
        struct job *j = &jobs->at[added];
        if (i >= load->backlog) t += rng_exponential(rng, gap_s);
        j->submit_ns = tick_from_seconds(t);
        j->run_ns = tick_from_seconds(1 + rng_exponential(rng, mean_s));
        j->shape = shapes[load->mixed ? sizes[rng_below(rng, 8)] : 1];
        j->utilisation = 0.8f;
    }
    rng_close(rng);
    jobs_sort(jobs);
}

/* The model with its parameters at their fallbacks; free(params). */
static inline struct chosen bench_model(enum kind kind, const char *name) {
    const struct model *model = registry_find(models_registry(), kind, name);
    if (!model) die("no %s named '%s'", kind_names[kind], name);
    void *params = model->params_size ? mem_zero(1, model->params_size) : NULL;
    if (params) model_fallbacks(model, params);
    return (struct chosen){model, params};
}

/* Rises and falls daily around the mean; one step: never. free(at_ns), free(value). */
static inline struct steps bench_wave(double mean, size_t len, int64_t width_ns) {
    struct steps s = {.at_ns = mem_alloc(len * sizeof(int64_t)), .value = mem_alloc(len * sizeof(double)), .len = len,
                      .period_ns = len > 1 ? (int64_t)len * width_ns : 0, .source = "bench"};
    for (size_t i = 0; i < len; i++) {
        s.at_ns[i] = (int64_t)i * width_ns;
        s.value[i] = mean * (1 + 0.5 * sin((double)s.at_ns[i] / (double)TICK_DAY * 6.2832));
    }
    return s;
}

#endif

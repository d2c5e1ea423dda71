/*
 * Laws of every resize policy: values are numbers and the same each time they are asked for; what is dealt out lies
 * within the GPUs there are and within what each job may have; more GPUs are worth at least as much in all; equal jobs
 * differ by one step at most where speed-ups are concave.
 */
#include "base/evq.h"
#include "base/rng.h"
#include "core/seams.h"
#include "models/registry.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>

enum { JOBS = 12, SIZES = 40 };

struct scene {
    struct resize_size sizes[JOBS][SIZES];
    struct resize_job jobs[JOBS];
    size_t len;
};

static const struct resize_model *model_at(size_t i) {
    return (const struct resize_model *)(const void *)models_registry()->models[KIND_RESIZE][i];
}

/* Amdahl jobs of any size; within a job sizes may have gaps. */
static void draw(struct scene *scene, struct rng *rng) {
    scene->len = 1 + rng_below(rng, JOBS);
    for (size_t i = 0; i < scene->len; i++) {
        const double shared = 1 + 100 * rng_uniform(rng), fixed = rng_uniform(rng);
        const size_t count = 1 + rng_below(rng, SIZES);
        uint32_t gpus = 0;
        for (size_t k = 0; k < count; k++) {
            gpus += 1 + (uint32_t)rng_below(rng, 3);
            scene->sizes[i][k] = (struct resize_size){gpus, 0, 1 / (shared / gpus + fixed)};
        }
        scene->jobs[i] = (struct resize_job){.sizes = scene->sizes[i], .len = count, .last = count - 1,
                                             .even = rng_below(rng, count), .left_s = 3600 * rng_uniform(rng),
                                             .usd_per_gpu_h = 2};
    }
}

static uint64_t least(const struct scene *scene) {
    uint64_t gpus = 0;
    for (size_t i = 0; i < scene->len; i++) gpus += scene->jobs[i].sizes[scene->jobs[i].first].gpus;
    return gpus;
}

static double fill(const struct resize_model *m, const void *params, const struct scene *scene, uint64_t gpus,
                   size_t *sizes) {
    struct evq heap;
    uint64_t held = 0;
    double value = 0;
    evq_init(&heap, false);
    resize_fill(m, params, scene->jobs, scene->len, gpus, &heap, sizes);
    cr_assert(evq_empty(&heap));
    for (size_t i = 0; i < scene->len; i++) {
        const struct resize_job *job = &scene->jobs[i];
        cr_assert(sizes[i] >= job->first && sizes[i] <= job->last, "%s: size %zu of %zu to %zu", m->model.name,
                  sizes[i], job->first, job->last);
        held += job->sizes[sizes[i]].gpus;
        const double at = m->value(params, job, sizes[i]);
        cr_assert(isfinite(at) && at == m->value(params, job, sizes[i]), "%s: value %g", m->model.name, at);
        value += at;
    }
    cr_assert_leq(held, gpus, "%s deals out %lu GPUs of %lu", m->model.name, (unsigned long)held, (unsigned long)gpus);
    evq_free(&heap);
    return value;
}

static const void *params_of(struct arena *arena, const struct resize_model *m) {
    return testing_model(arena, KIND_RESIZE, m->model.name).params;
}

Test(resize, deals_keep_to_the_gpus_and_more_are_worth_more) {
    struct arena arena;
    struct rng *rng = rng_open(11, "test", 0);
    arena_init(&arena);
    for (size_t i = 0; i < models_registry()->counts[KIND_RESIZE]; i++) {
        const struct resize_model *m = model_at(i);
        if (!m->value) continue;
        const void *params = params_of(&arena, m);
        for (int trial = 0; trial < 100; trial++) {
            struct scene scene;
            size_t sizes[JOBS], more[JOBS];
            draw(&scene, rng);
            uint64_t gpus = least(&scene) + rng_below(rng, 200);
            const double worth = fill(m, params, &scene, gpus, sizes);
            (void)fill(m, params, &scene, gpus, more);
            for (size_t j = 0; j < scene.len; j++)
                cr_assert_eq(sizes[j], more[j], "%s is not the same twice", m->model.name);
            const double all = fill(m, params, &scene, 1u << 20, more);
            cr_assert(all >= worth - 1e-12 * fabs(worth), "%s: %g with all GPUs, %g with %lu", m->model.name, all,
                      worth, (unsigned long)gpus);
        }
    }
    rng_close(rng);
    arena_free(&arena);
}

Test(resize, equal_jobs_get_equal_sizes) {
    struct arena arena;
    struct scene scene = {.len = JOBS};
    arena_init(&arena);
    for (size_t i = 0; i < JOBS; i++) {
        for (uint32_t k = 0; k < SIZES; k++)
            scene.sizes[i][k] = (struct resize_size){k + 1, 0, 1 / (10.0 / (k + 1) + 0.5)};
        scene.jobs[i] = (struct resize_job){.sizes = scene.sizes[i], .len = SIZES, .last = SIZES - 1, .left_s = 3600,
                                            .even = 7, .usd_per_gpu_h = 2};
    }
    for (size_t i = 0; i < models_registry()->counts[KIND_RESIZE]; i++) {
        const struct resize_model *m = model_at(i);
        size_t sizes[JOBS];
        if (!m->value) continue;
        fill(m, params_of(&arena, m), &scene, 100, sizes);
        for (size_t j = 1; j < JOBS; j++)
            cr_assert(sizes[j] + 1 >= sizes[0] && sizes[j] <= sizes[0] + 1, "%s: sizes %zu and %zu", m->model.name,
                      sizes[0], sizes[j]);
    }
    arena_free(&arena);
}

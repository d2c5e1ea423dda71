/*
 * Laws of every shift model, for lone jobs under random signals, parameters, forecasts, estimates and
 * capacity that comes late and goes early. That a start is never in the past nor beyond the limit, that a
 * stop is always ahead and that nobody is stopped who has no limit left is checked by the driver at every
 * call. Here: a job whose length is known ends within length + limit; without a limit it runs at once and
 * through; flat signals cost the same whatever is done; no foresight pays less than the cheapest hours of
 * the window, nor, without interruption, than the best of all windows; what is decided depends on the job
 * alone, follows the signal through time, and not its unit.
 */
#include "support/shifting.h"
#include "support/testing.h"

#include "base/err.h"
#include "base/rng.h"
#include "base/tick.h"
#include "models/registry.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CASES = 400, STEPS = 300, PIECES = 64 };

/* ---- random cases ---- */

/* Choices and switches are drawn, all else is at its fallback. */
static struct chosen draw_params(struct arena *arena, struct rng *rng, const char *name) {
    struct chosen chosen = testing_model(arena, KIND_SHIFT, name);
    for (size_t i = 0; i < chosen.model->params_count; i++) {
        const struct param *p = &chosen.model->params[i];
        void *field = (char *)chosen.params + p->offset;
        size_t choices = 0;
        while (p->kind == PARAM_CHOICE && p->choices[choices]) choices++;
        if (p->kind == PARAM_CHOICE) *(int *)field = (int)rng_below(rng, choices);
        if (p->kind == PARAM_BOOL) *(bool *)field = rng_below(rng, 2);
    }
    const char *wrong = chosen.model->check ? chosen.model->check(chosen.params) : NULL;
    cr_assert(wrong == NULL, "%s: %s", name, wrong);
    return chosen;
}

static struct lone_job draw_job(struct rng *rng) {
    struct lone_job job = {.submit_ns = (int64_t)rng_below(rng, 14 * 24 * 3600) * TICK_S,
                           .run_ns = 1 + (int64_t)rng_below(rng, (uint64_t)(20 * TICK_HOUR)),
                           .wait_ns = (int64_t)rng_below(rng, (uint64_t)(30 * TICK_HOUR))};
    job.estimate_ns = job.run_ns;
    return job;
}

/* What a random forecast model of the registry believes; false: it is the truth. */
static bool draw_forecast(struct arena *arena, struct rng *rng, const struct steps *truth,
                          struct forecast *forecast) {
    const struct registry *registry = models_registry();
    const size_t count = registry->counts[KIND_FORECAST], i = rng_below(rng, count + 1);
    if (i == count) return false;
    const struct chosen chosen =
        testing_model(arena, KIND_FORECAST, registry->models[KIND_FORECAST][i]->name);
    const struct forecast_model *model = (const struct forecast_model *)(const void *)chosen.model;
    if (model->make == NULL) return false;
    const struct steps given = shifting_signal(arena, rng, STEPS);
    struct rng *noise = rng_open(rng_below(rng, 1000), "forecasts", 0);
    model->make(chosen.params, truth, &given, 20 * TICK_DAY, noise, arena, forecast);
    rng_close(noise);
    return true;
}

/* ---- the best that can be done ---- */

struct piece {
    double value;
    int64_t ns;
};
static int by_value(const void *a, const void *b) {
    const struct piece *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

/* The cheapest `run` of [submit, submit + run + wait). */
static double interruptible_bound(const struct signal *signal, const struct lone_job *job) {
    const int64_t end_ns = job->submit_ns + job->run_ns + job->wait_ns;
    struct piece *pieces = mem_alloc(20000 * sizeof *pieces);
    size_t len = 0;
    for (int64_t t_ns = job->submit_ns, next_ns; t_ns < end_ns; t_ns = next_ns) {
        next_ns = signal_change(signal, t_ns);
        if (next_ns > end_ns) next_ns = end_ns;
        cr_assert_lt(len, 20000);
        pieces[len++] = (struct piece){signal_value(signal, t_ns), next_ns - t_ns};
    }
    qsort(pieces, len, sizeof *pieces, by_value);
    double sum = 0;
    int64_t left_ns = job->run_ns;
    for (size_t i = 0; left_ns > 0; i++) {
        const int64_t ns = pieces[i].ns < left_ns ? pieces[i].ns : left_ns;
        sum += pieces[i].value * tick_seconds(ns);
        left_ns -= ns;
    }
    free(pieces);
    return sum;
}

static void try_window(const struct signal *signal, const struct lone_job *job, int64_t t_ns, double *least) {
    if (t_ns < job->submit_ns || t_ns > job->submit_ns + job->wait_ns) return;
    *least = fmin(*least, signal_sum(signal, t_ns, t_ns + job->run_ns));
}

/* The best of all windows begins or ends where the signal steps, or at an end of what is allowed. */
static double window_bound(const struct signal *signal, const struct lone_job *job) {
    const int64_t end_ns = job->submit_ns + job->run_ns + job->wait_ns;
    double least = INFINITY;
    try_window(signal, job, job->submit_ns, &least);
    try_window(signal, job, job->submit_ns + job->wait_ns, &least);
    for (int64_t t_ns = job->submit_ns; t_ns < end_ns; t_ns = signal_change(signal, t_ns)) {
        try_window(signal, job, t_ns, &least);
        try_window(signal, job, t_ns - job->run_ns, &least);
    }
    return least;
}

static double rounding(const struct signal *signal, const struct lone_job *job) {
    const int64_t end_ns = job->submit_ns + job->run_ns + job->wait_ns;
    double most = 0;
    for (int64_t t_ns = job->submit_ns; t_ns < end_ns; t_ns = signal_change(signal, t_ns))
        most = fmax(most, fabs(signal_value(signal, t_ns)));
    return 1e-9 * most * tick_seconds(job->run_ns);
}

/* ---- laws ---- */

static void for_every_model(void (*law)(const char *name, struct arena *arena, struct rng *rng),
                            size_t cases) {
    const struct registry *registry = models_registry();
    cr_assert(registry->counts[KIND_SHIFT] >= 8);
    for (size_t m = 0; m < registry->counts[KIND_SHIFT]; m++) {
        struct rng *rng = rng_open(1, "cases", 0);
        for (size_t i = 0; i < cases; i++) {
            struct arena arena;
            arena_init(&arena);
            law(registry->models[KIND_SHIFT][m]->name, &arena, rng);
            arena_free(&arena);
        }
        rng_close(rng);
    }
}

/* Whatever is believed of the signal and of the job, however late capacity comes and soon it goes. */
static void keeps_promises(const char *name, struct arena *arena, struct rng *rng) {
    const struct steps truth = shifting_signal(arena, rng, STEPS);
    struct forecast forecast;
    struct outlook outlook;
    struct shifting shifting;
    const bool believed = draw_forecast(arena, rng, &truth, &forecast);
    outlook_open(&outlook, arena, &truth, believed ? &forecast : NULL, 2 * TICK_HOUR);
    shifting_open_chosen(&shifting, arena, draw_params(arena, rng, name), 0);
    struct lone_job job = draw_job(rng);
    if (rng_below(rng, 2)) job.estimate_ns = (int64_t)(3 * rng_uniform(rng) * (double)job.run_ns);
    if (rng_below(rng, 2)) job.late_ns = (int64_t)rng_below(rng, (uint64_t)(2 * TICK_HOUR));
    if (rng_below(rng, 2)) job.evict_ns = TICK_MINUTE + (int64_t)rng_below(rng, (uint64_t)(4 * TICK_HOUR));
    const struct lone_run run = shifting_run(&shifting, &outlook, &job, NULL, 0);
    const int64_t late_ns = run.pieces * job.late_ns;
    cr_assert(run.end_ns <= job.submit_ns + job.run_ns + job.wait_ns + late_ns, "%s: ends %lld ns too late",
              name, (long long)(run.end_ns - job.submit_ns - job.run_ns - job.wait_ns - late_ns));
    shifting_close(&shifting);
}
Test(shift, promises_hold_whatever_is_believed) {
    for_every_model(keeps_promises, CASES);
}

static void beats_no_bound(const char *name, struct arena *arena, struct rng *rng) {
    const struct steps truth = shifting_signal(arena, rng, STEPS);
    struct outlook outlook;
    struct shifting shifting;
    outlook_open(&outlook, arena, &truth, NULL, 0);
    shifting_open_chosen(&shifting, arena, draw_params(arena, rng, name), 0);
    const struct lone_job job = draw_job(rng);
    const struct lone_run run = shifting_run(&shifting, &outlook, &job, NULL, 0);
    const double spare = rounding(outlook.truth, &job), least = interruptible_bound(outlook.truth, &job);
    cr_assert(run.end_ns <= job.submit_ns + job.run_ns + job.wait_ns, "%s ends too late", name);
    cr_assert(run.paid >= least - spare, "%s pays %.12g, the cheapest hours cost %.12g", name, run.paid,
              least);
    if (run.pieces == 1) {
        const double window = window_bound(outlook.truth, &job);
        cr_assert(run.paid >= window - spare, "%s pays %.12g, the best window costs %.12g", name, run.paid,
                  window);
    }
    shifting_close(&shifting);
}
Test(shift, foresight_beats_no_bound) {
    for_every_model(beats_no_bound, CASES);
}

static void starts_at_once_without_a_limit(const char *name, struct arena *arena, struct rng *rng) {
    const struct steps truth = shifting_signal(arena, rng, STEPS);
    struct outlook outlook;
    struct shifting shifting;
    outlook_open(&outlook, arena, &truth, NULL, 0);
    shifting_open_chosen(&shifting, arena, draw_params(arena, rng, name), 0);
    struct lone_job job = draw_job(rng);
    job.wait_ns = 0;
    const struct lone_run run = shifting_run(&shifting, &outlook, &job, NULL, 0);
    cr_assert(run.start_ns == job.submit_ns && run.pieces == 1, "%s delays a job that must not wait", name);
    shifting_close(&shifting);
}
Test(shift, no_limit_no_wait) {
    for_every_model(starts_at_once_without_a_limit, CASES / 4);
}

static void pays_the_same_when_flat(const char *name, struct arena *arena, struct rng *rng) {
    const double value = 100 * rng_uniform(rng);
    int64_t at_ns = 0;
    double values[1] = {value};
    const struct steps truth = {.at_ns = &at_ns, .value = values, .len = 1};
    struct outlook outlook;
    struct shifting shifting;
    outlook_open(&outlook, arena, &truth, NULL, 0);
    shifting_open_chosen(&shifting, arena, draw_params(arena, rng, name), 0);
    const struct lone_job job = draw_job(rng);
    const struct lone_run run = shifting_run(&shifting, &outlook, &job, NULL, 0);
    cr_assert(testing_near(run.paid, value * tick_seconds(job.run_ns), 1e-12),
              "%s pays %.12g instead of %.12g", name, run.paid, value * tick_seconds(job.run_ns));
    shifting_close(&shifting);
}
Test(shift, flat_signals_cost_the_same) {
    for_every_model(pays_the_same_when_flat, CASES / 4);
}

static void assert_same(const char *name, const char *law, const struct lone_run *a, const struct lone_run *b,
                        const struct lone_piece *left, const struct lone_piece *right, int64_t apart_ns) {
    cr_assert(a->pieces == b->pieces, "%s: %s: %u pieces, then %u", name, law, a->pieces, b->pieces);
    for (unsigned i = 0; i < a->pieces && i < PIECES; i++)
        cr_assert(left[i].from_ns + apart_ns == right[i].from_ns &&
                      left[i].to_ns + apart_ns == right[i].to_ns,
                  "%s: %s: piece %u is another", name, law, i);
}

/* The same week again and again: a week later the same is done. Between them another job is asked about. */
static void follows_the_signal(const char *name, struct arena *arena, struct rng *rng) {
    const struct steps shape = shifting_signal(arena, rng, STEPS);
    struct lone_piece first[PIECES], second[PIECES];
    struct outlook outlook;
    struct shifting shifting;
    struct steps truth = {.len = 168, .at_ns = arena_alloc(arena, 168, sizeof(int64_t)),
                          .value = arena_alloc(arena, 168, sizeof(double))};
    for (size_t i = 0; i < truth.len; i++) {
        truth.at_ns[i] = (int64_t)i * TICK_HOUR;
        truth.value[i] = shape.value[i % shape.len];
    }
    truth.period_ns = 7 * TICK_DAY;
    outlook_open(&outlook, arena, &truth, NULL, -5 * TICK_HOUR);
    shifting_open_chosen(&shifting, arena, draw_params(arena, rng, name), 0);
    struct lone_job job = draw_job(rng);
    const struct lone_job other = draw_job(rng);
    job.submit_ns += 7 * TICK_DAY;
    const struct lone_run a = shifting_run(&shifting, &outlook, &job, first, PIECES);
    (void)shifting_run(&shifting, &outlook, &other, NULL, 0);
    job.submit_ns += 7 * TICK_DAY;
    const struct lone_run b = shifting_run(&shifting, &outlook, &job, second, PIECES);
    assert_same(name, "a week later", &a, &b, first, second, 7 * TICK_DAY);
    shifting_close(&shifting);
}
Test(shift, a_week_later_the_same_is_done) {
    for_every_model(follows_the_signal, CASES / 4);
}

/* Twice the signal, the same decisions (at fallbacks: a threshold may be a value). */
static void ignores_the_unit(const char *name, struct arena *arena, struct rng *rng) {
    struct steps truth = shifting_signal(arena, rng, STEPS);
    struct lone_piece first[PIECES], second[PIECES];
    struct lone_run run[2];
    const struct lone_job job = draw_job(rng);
    for (int twice = 0; twice < 2; twice++) {
        struct outlook outlook;
        struct shifting shifting;
        for (size_t i = 0; twice && i < truth.len; i++) truth.value[i] *= 2;
        outlook_open(&outlook, arena, &truth, NULL, 0);
        shifting_open(&shifting, arena, name, 0);
        run[twice] = shifting_run(&shifting, &outlook, &job, twice ? second : first, PIECES);
        shifting_close(&shifting);
    }
    assert_same(name, "twice the signal", &run[0], &run[1], first, second, 0);
}
Test(shift, the_unit_of_the_signal_does_not_matter) {
    for_every_model(ignores_the_unit, CASES / 4);
}

/*
 * Laws of every forecast model, at its fallbacks and at the ends of each parameter's range: the same stream gives
 * the same forecast; what it returns is a step function over the whole run; at and before the moment of the
 * forecast it is the signal; one that wraps (and so claims to know only the past) does not look ahead; one without
 * an error of its own knows a flat signal. And what is particular to each model.
 */
#include "base/rng.h"
#include "base/tick.h"
#include "core/seams.h"
#include "models/registry.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HOURS = 24 * 60, QUESTIONS = 300 };
static const int64_t until_ns = HOURS * TICK_HOUR;

static void *params_of(const struct model *model) {
    void *params = mem_zero(1, model->params_size + 1);
    model_fallbacks(model, params);
    return params;
}

/* Hourly, with a day in it and weather. */
static struct steps weather(struct arena *arena, int64_t first_ns, bool repeats, uint64_t seed) {
    struct steps s = {.at_ns = arena_alloc(arena, HOURS, sizeof *s.at_ns),
                      .value = arena_alloc(arena, HOURS, sizeof *s.value), .len = HOURS,
                      .period_ns = repeats ? HOURS * TICK_HOUR : 0};
    struct rng *rng = rng_open(seed, "weather", 0);
    for (int64_t i = 0; i < HOURS; i++) {
        s.at_ns[i] = first_ns + i * TICK_HOUR;
        s.value[i] = 300 + 100 * sin((double)i * 0.2618) + rng_normal(rng, 0, 30);
    }
    rng_close(rng);
    return s;
}
static struct steps flat(void) {
    static int64_t at_ns = 0;
    static double value = 217;
    return (struct steps){.at_ns = &at_ns, .value = &value, .len = 1};
}

static struct forecast make(const struct forecast_model *model, const void *params, const struct steps *truth,
                            const struct steps *given, uint64_t seed, struct arena *arena) {
    struct rng *rng = rng_open(seed, "forecast", 0);
    struct forecast f;
    memset(&f, 0x5a, sizeof f); /* all of it is the model's to write */
    model->make(params, truth, given, until_ns, rng, arena, &f);
    rng_close(rng);
    return f;
}

static void is_a_function(const char *name, const struct steps *s) {
    cr_assert_geq(s->len, 1, "%s: no steps", name);
    for (size_t i = 0; i < s->len; i++) {
        cr_assert(isfinite(s->value[i]), "%s: step %zu is %g", name, i, s->value[i]);
        cr_assert(i == 0 || s->at_ns[i] > s->at_ns[i - 1], "%s: step %zu does not ascend", name, i);
    }
    cr_assert(s->period_ns >= 0 && (s->period_ns == 0 || s->at_ns[s->len - 1] - s->at_ns[0] < s->period_ns),
              "%s: the period is shorter than the steps", name);
}

static void same_steps(const char *name, const struct steps *a, const struct steps *b) {
    cr_assert(a->len == b->len && a->period_ns == b->period_ns, "%s is not the same again", name);
    for (size_t i = 0; i < a->len; i++)
        cr_assert(a->at_ns[i] == b->at_ns[i] && a->value[i] == b->value[i], "%s is not the same again", name);
}

static int64_t pick(struct rng *rng, int64_t from, int64_t to) {
    return from + (int64_t)rng_below(rng, (uint64_t)(to - from));
}

/* The past is known; a forecast that wraps is the same where only the future differs. */
static void knows_the_past(const struct forecast_model *model, const void *params, bool repeats, struct arena *arena) {
    const struct steps truth = weather(arena, -5 * TICK_DAY, repeats, 1);
    const struct steps other = weather(arena, -5 * TICK_DAY, repeats, 2);
    struct rng *rng = rng_open(9, "questions", 0);
    struct outlook o;
    struct forecast f = make(model, params, &truth, &other, 3, arena);
    outlook_open(&o, arena, &truth, &f, 0);
    for (int q = 0; q < QUESTIONS; q++) {
        const int64_t issued = pick(rng, 0, until_ns / 2), t = issued - pick(rng, 0, 3 * TICK_DAY);
        cr_assert_eq(outlook_value(&o, issued, t), signal_value(o.truth, t), "%s forgets", model->model.name);
    }
    for (int q = 0; f.wrap_ns > 0 && !repeats && q < 20; q++) {
        const int64_t issued = pick(rng, 0, 30 * TICK_DAY);
        struct steps changed = truth;
        changed.value = arena_alloc(arena, truth.len, sizeof *changed.value);
        for (size_t i = 0; i < truth.len; i++)
            changed.value[i] = truth.at_ns[i] > issued ? other.value[i] : truth.value[i];
        struct outlook p;
        struct forecast g = make(model, params, &changed, &other, 3, arena);
        outlook_open(&p, arena, &changed, &g, 0);
        for (int k = 0; k < 100; k++) {
            const int64_t t = pick(rng, issued, until_ns);
            cr_assert_eq(outlook_value(&o, issued, t), outlook_value(&p, issued, t), "%s looks %g h ahead",
                         model->model.name, tick_hours(t - issued));
        }
    }
    rng_close(rng);
}

static void obeys(const struct forecast_model *model, const void *params) {
    const char *name = model->model.name;
    struct arena arena;
    arena_init(&arena);
    for (int repeats = 0; repeats < 2; repeats++) {
        const struct steps truth = weather(&arena, -TICK_DAY - TICK_MINUTE, repeats, 1);
        const struct steps given = weather(&arena, 0, repeats, 2);
        const struct forecast f = make(model, params, &truth, &given, 3, &arena);
        const struct forecast again = make(model, params, &truth, &given, 3, &arena);
        is_a_function(name, &f.base);
        same_steps(name, &f.base, &again.base);
        cr_assert(f.wrap_ns >= 0 && f.grows_ns >= 0, "%s: wraps or grows backwards", name);
        cr_assert(f.wrap_ns == again.wrap_ns && f.grows_ns == again.grows_ns, "%s is not the same again", name);
        if (f.error.len) {
            is_a_function(name, &f.error);
            same_steps(name, &f.error, &again.error);
            const int64_t end_ns = f.error.at_ns[f.error.len - 1] + TICK_HOUR;
            cr_assert(f.error.at_ns[0] <= 0 && end_ns >= until_ns, "%s: errors do not cover the run", name);
        }
        knows_the_past(model, params, repeats, &arena);
    }
    const struct steps constant = flat();
    const struct forecast f = make(model, params, &constant, &constant, 3, &arena);
    struct outlook o;
    outlook_open(&o, &arena, &constant, &f, 0);
    for (int day = 0; f.error.len == 0 && day < 60; day++)
        cr_assert_float_eq(outlook_value(&o, TICK_DAY, day * TICK_DAY), 217, 1e-10, "%s: flat is not flat", name);
    arena_free(&arena);
}

/* Numbers, whole numbers and times at both ends of their range. */
static void at_the_ends(const struct forecast_model *model, char *params) {
    for (size_t i = 0; i < model->model.params_count; i++) {
        const struct param *p = &model->model.params[i];
        char kept[sizeof(int64_t)];
        memcpy(kept, params + p->offset, sizeof kept);
        for (int end = 0; end < 2; end++) {
            const double value = end ? p->most : p->least;
            if (p->kind == PARAM_NUMBER) *(double *)(void *)(params + p->offset) = value;
            else if (p->kind == PARAM_TIME) *(int64_t *)(void *)(params + p->offset) = tick_from_seconds(value);
            else if (p->kind == PARAM_INTEGER) *(int64_t *)(void *)(params + p->offset) = (int64_t)value;
            else continue;
            obeys(model, params);
        }
        memcpy(params + p->offset, kept, sizeof kept);
    }
}

Test(forecast, every_model_obeys_its_laws) {
    const struct registry *registry = models_registry();
    cr_assert(registry->counts[KIND_FORECAST] >= 5);
    for (size_t m = 0; m < registry->counts[KIND_FORECAST]; m++) {
        const struct forecast_model *model = (const struct forecast_model *)registry->models[KIND_FORECAST][m];
        char *params = params_of(&model->model);
        obeys(model, params);
        at_the_ends(model, params);
        free(params);
    }
}

/* ---- each by itself ---- */

struct one {
    struct arena arena;
    struct steps truth, given;
    struct forecast forecast;
    struct outlook outlook;
};
static const struct forecast_model *named(const char *name) {
    const struct model *model = registry_find(models_registry(), KIND_FORECAST, name);
    cr_assert(model, "%s is gone", name);
    return (const struct forecast_model *)model;
}
static void one_open(struct one *one, const char *name, const struct steps *truth) {
    const struct forecast_model *model = named(name);
    void *params = params_of(&model->model);
    one->truth = truth ? *truth : weather(&one->arena, -10 * TICK_DAY, true, 1);
    one->given = weather(&one->arena, 0, true, 2);
    one->forecast = make(model, params, &one->truth, &one->given, 3, &one->arena);
    outlook_open(&one->outlook, &one->arena, &one->truth, &one->forecast, 0);
    free(params);
}

Test(forecast, perfect_is_the_signal) {
    struct one one;
    arena_init(&one.arena);
    one_open(&one, "perfect", NULL);
    for (int64_t h = 0; h < HOURS; h++)
        cr_assert_eq(outlook_value(&one.outlook, 0, h * TICK_HOUR), signal_value(one.outlook.truth, h * TICK_HOUR));
    arena_free(&one.arena);
}

Test(forecast, given_is_the_series) {
    struct one one;
    arena_init(&one.arena);
    one_open(&one, "given", NULL);
    cr_assert(named("given")->needs_given && !named("noisy")->needs_given);
    for (int64_t h = 1; h < HOURS; h++)
        cr_assert_eq(outlook_value(&one.outlook, 0, h * TICK_HOUR), one.given.value[h]);
    arena_free(&one.arena);
}

Test(forecast, persistence_is_yesterday) {
    struct one one;
    arena_init(&one.arena);
    one_open(&one, "persistence", NULL);
    const int64_t issued = 20 * TICK_DAY + 7 * TICK_MINUTE;
    for (int64_t m = 1; m < 3 * 1440; m++) {
        int64_t t = issued + m * TICK_MINUTE, seen = t;
        while (seen >= issued) seen -= TICK_DAY;
        cr_assert_eq(outlook_value(&one.outlook, issued, t), signal_value(one.outlook.truth, seen));
    }
    arena_free(&one.arena);
}

Test(forecast, moving_average_is_the_mean_of_seven_days) {
    struct one one;
    arena_init(&one.arena);
    one_open(&one, "moving_average", NULL);
    const int64_t issued = 20 * TICK_DAY + 7 * TICK_MINUTE;
    for (int64_t m = 1; m < 3 * 1440; m++) {
        int64_t t = issued + m * TICK_MINUTE, seen = t;
        double sum = 0;
        while (seen >= issued) seen -= TICK_DAY;
        for (int day = 0; day < 7; day++) sum += signal_value(one.outlook.truth, seen - day * TICK_DAY);
        cr_assert_float_eq(outlook_value(&one.outlook, issued, t), sum / 7, 1e-10);
    }
    cr_assert_leq(one.forecast.base.len, one.truth.len);
    arena_free(&one.arena);
}

/* Where every day is the same, forecasts from the days before are right from the first day on. */
Test(forecast, a_day_that_repeats_is_known) {
    static const char *const names[] = {"persistence", "moving_average"};
    struct one one;
    arena_init(&one.arena);
    struct steps day = weather(&one.arena, -30 * TICK_MINUTE, true, 1);
    day.len = 24;
    day.period_ns = TICK_DAY;
    for (size_t i = 0; i < 2; i++) {
        one_open(&one, names[i], &day);
        for (int64_t h = 0; h < 100; h++)
            cr_assert_float_eq(outlook_value(&one.outlook, TICK_HOUR, h * TICK_HOUR),
                               signal_value(one.outlook.truth, h * TICK_HOUR), 1e-10, "%s", names[i]);
    }
    arena_free(&one.arena);
}

/* Mean 0, a standard deviation of 10 % of the signal's mean, a correlation of 0.9 an hour; half of it at half the
 * lead. Bounds are five standard errors of an AR(1) series of this length (0.9: worth 1/19 of its values). */
Test(forecast, noise_is_as_large_as_it_says) {
    enum { YEARS = 30, N = YEARS * 8766 };
    struct one one;
    arena_init(&one.arena);
    one.truth = weather(&one.arena, 0, true, 1);
    const struct forecast_model *model = named("noisy");
    void *params = params_of(&model->model);
    struct rng *rng = rng_open(5, "forecast", 0);
    model->make(params, &one.truth, NULL, N * TICK_HOUR, rng, &one.arena, &one.forecast);
    outlook_open(&one.outlook, &one.arena, &one.truth, &one.forecast, 0);
    const double *error = one.forecast.error.value;
    double mean = 0, square = 0, lag = 0;
    for (size_t i = 0; i < N; i++) {
        mean += error[i] / N;
        square += error[i] * error[i] / N;
        lag += error[i] * error[i + 1] / N;
    }
    const double sd = 0.1 * signal_average(one.outlook.truth), worth = N / 19.0;
    cr_expect_float_eq(mean, 0, 5 * sd / sqrt(worth));
    cr_expect_float_eq(sqrt(square), sd, 5 * sd / sqrt(2 * N * 0.19 / 1.81));
    cr_expect_float_eq(lag / square, 0.9, 5 * sqrt(0.19 / N));
    const int64_t t = 99 * TICK_HOUR;
    const double truth = signal_value(one.outlook.truth, t), full = outlook_value(&one.outlook, t - 2 * TICK_DAY, t);
    cr_expect_float_eq(full - truth, signal_value(one.outlook.error, t), 1e-10);
    cr_expect_float_eq(outlook_value(&one.outlook, t - TICK_DAY / 2, t) - truth, (full - truth) / 2, 1e-10);
    rng_close(rng);
    free(params);
    arena_free(&one.arena);
}

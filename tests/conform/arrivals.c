/*
 * Laws of every arrivals model: the same stream gives the same times, times ascend inside the horizon, limits
 * cut and do not change, the mean rate is the one asked for, and the shape of the day is followed.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "base/tick.h"
#include "core/seams.h"
#include "models/registry.h"

#include <criterion/criterion.h>
#include <math.h>

enum { ROOM = 200000, RUNS = 40 };
static const double rate_per_h = 30;

static int64_t times_ns[ROOM], again_ns[ROOM];

static double flat(void *context, int64_t t_ns) {
    (void)context;
    (void)t_ns;
    return 1;
}
/* Nothing in the first third of a day, then once, then twice the mean. */
static double by_thirds(void *context, int64_t t_ns) {
    (void)context;
    return (double)(t_ns / (8 * TICK_HOUR) % 3);
}

/* The fallbacks, with the rate every arrivals model must have. */
static void *params_of(const struct model *model) {
    char *params = mem_zero(1, model->params_size + 1);
    bool has_rate = false;
    model_fallbacks(model, params);
    for (size_t i = 0; i < model->params_count; i++)
        if (strcmp(model->params[i].key, "rate") == 0 && model->params[i].dim == DIM_RATE) {
            *(double *)(void *)(params + model->params[i].offset) = rate_per_h;
            has_rate = true;
        }
    cr_assert(has_rate, "%s has no `rate`", model->name);
    return params;
}

static size_t draw(const struct model *model, const void *params, uint64_t seed, bool thirds,
                   int64_t until_ns, size_t most, int64_t *to_ns) {
    const struct arrivals_model *arrivals = (const struct arrivals_model *)model;
    struct rng *rng = rng_open(seed, "arrivals", 0);
    const size_t count =
        arrivals->draw(params, rng, thirds ? by_thirds : flat, NULL, thirds ? 2 : 1, until_ns, most, to_ns);
    rng_close(rng);
    return count;
}

#define EACH_MODEL(model)                                                                    \
    for (const struct model *const *at = models_registry()->models[KIND_ARRIVALS], *model = *at; model; \
         model = *++at)

Test(arrivals, there_are_models) { cr_assert(models_registry()->counts[KIND_ARRIVALS] >= 3); }

Test(arrivals, times_ascend_and_repeat) {
    EACH_MODEL(model) {
        void *params = params_of(model);
        for (int thirds = 0; thirds < 2; thirds++) {
            const int64_t until_ns = 30 * TICK_DAY;
            const size_t n = draw(model, params, 7, thirds, until_ns, ROOM, times_ns);
            cr_assert(n > 1000 && n < ROOM, "%s: %zu arrivals", model->name, n);
            for (size_t i = 0; i < n; i++) {
                cr_assert(times_ns[i] >= 0 && times_ns[i] < until_ns, "%s leaves the horizon", model->name);
                cr_assert(i == 0 || times_ns[i] >= times_ns[i - 1], "%s goes back in time", model->name);
            }
            cr_assert_eq(draw(model, params, 7, thirds, until_ns, ROOM, again_ns), n);
            cr_assert_arr_eq(again_ns, times_ns, n * sizeof *times_ns, "%s does not repeat", model->name);
            const size_t other = draw(model, params, 8, thirds, until_ns, ROOM, again_ns);
            cr_assert(other != n || memcmp(again_ns, times_ns, n * sizeof *times_ns) != 0,
                      "%s does not look at its stream", model->name);
        }
        free(params);
    }
}

Test(arrivals, limits_cut_and_change_nothing) {
    EACH_MODEL(model) {
        void *params = params_of(model);
        const size_t n = draw(model, params, 7, true, 30 * TICK_DAY, ROOM, times_ns);
        again_ns[100] = -1;
        cr_assert_eq(draw(model, params, 7, true, TICK_NEVER, 100, again_ns), 100, "%s", model->name);
        cr_assert_arr_eq(again_ns, times_ns, 100 * sizeof *times_ns, "%s: most", model->name);
        cr_assert_eq(again_ns[100], -1, "%s writes past the end", model->name);
        const size_t fewer = draw(model, params, 7, true, 10 * TICK_DAY, ROOM, again_ns);
        cr_assert(fewer > 0 && fewer < n, "%s: until", model->name);
        cr_assert(times_ns[fewer - 1] < 10 * TICK_DAY && times_ns[fewer] >= 10 * TICK_DAY, "%s", model->name);
        cr_assert_arr_eq(again_ns, times_ns, fewer * sizeof *times_ns, "%s: until", model->name);
        cr_assert_eq(draw(model, params, 7, false, 0, ROOM, again_ns), 0, "%s", model->name);
        free(params);
    }
}

struct moments {
    double sum, squares;
};
static void add(struct moments *m, double value) {
    m->sum += value;
    m->squares += value * value;
}
/* The mean of RUNS independent runs is the expected one, within five of its own standard errors. */
static void expect_mean(const struct moments *m, double expected, const char *name, const char *what) {
    const double mean = m->sum / RUNS;
    const double error = sqrt((m->squares / RUNS - mean * mean) / (RUNS - 1));
    cr_assert(error < 0.1 * expected, "%s, %s: a standard error of %g tests nothing", name, what, error);
    cr_assert(fabs(mean - expected) < 5 * error, "%s, %s: mean %g, expected %g, standard error %g", name,
              what, mean, expected, error);
}

Test(arrivals, mean_rate_is_the_one_asked_for) {
    const int days = 21;
    EACH_MODEL(model) {
        void *params = params_of(model);
        for (int thirds = 0; thirds < 2; thirds++) {
            struct moments all = {0}, first_day = {0}, part[3] = {{0}};
            for (uint64_t seed = 0; seed < RUNS; seed++) {
                const size_t n = draw(model, params, seed, thirds, days * TICK_DAY, ROOM, times_ns);
                double in_part[3] = {0}, in_first_day = 0;
                for (size_t i = 0; i < n; i++) {
                    in_part[times_ns[i] / (8 * TICK_HOUR) % 3]++;
                    in_first_day += times_ns[i] < TICK_DAY;
                }
                add(&all, (double)n);
                add(&first_day, in_first_day);
                for (int k = 0; k < 3; k++) add(&part[k], in_part[k]);
            }
            const double expected = rate_per_h * 24 * days;
            expect_mean(&all, expected, model->name, "all");
            expect_mean(&first_day, rate_per_h * 24, model->name, "first day");
            if (thirds) cr_assert_eq(part[0].sum, 0, "%s arrives where nothing should", model->name);
            else expect_mean(&part[0], expected / 3, model->name, "first third");
            expect_mean(&part[1], expected / 3, model->name, "second third");
            expect_mean(&part[2], thirds ? expected * 2 / 3 : expected / 3, model->name, "last third");
        }
        free(params);
    }
}

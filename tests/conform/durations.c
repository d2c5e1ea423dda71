/*
 * Laws of every durations model: the same stream gives the same run times, more draws continue fewer, no run
 * time is negative; and the moments of those whose moments are known in closed form.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "base/tick.h"
#include "core/seams.h"
#include "models/registry.h"

#include <criterion/criterion.h>
#include <math.h>

enum { DRAWS = 200000 };
static int64_t run_ns[DRAWS + 1], again_ns[DRAWS + 1];

static double probabilities[] = {0, 0.25, 0.5, 0.9, 1}, run_times_s[] = {0, 10, 60, 3600, 86400};

/* The fallbacks, and for a pair of lists the table of quantiles above. */
static void *params_of(const struct model *model) {
    char *params = mem_zero(1, model->params_size + 1);
    model_fallbacks(model, params);
    for (size_t i = 0; i < model->params_count; i++) {
        const struct param *p = &model->params[i];
        if (p->kind == PARAM_NUMBERS)
            *(struct numbers *)(void *)(params + p->offset) =
                (struct numbers){p->dim == DIM_TIME ? run_times_s : probabilities, 5};
    }
    const char *wrong = model->check ? model->check(params) : NULL;
    cr_assert(wrong == NULL, "%s: %s", model->name, wrong);
    return params;
}

static void draw(const struct model *model, const void *params, uint64_t seed, size_t count, int64_t *to_ns) {
    struct rng *rng = rng_open(seed, "durations", 0);
    ((const struct durations_model *)model)->draw(params, rng, count, to_ns);
    rng_close(rng);
}

Test(durations, every_model_obeys_its_laws) {
    const struct registry *registry = models_registry();
    cr_assert(registry->counts[KIND_DURATIONS] >= 6);
    for (size_t m = 0; m < registry->counts[KIND_DURATIONS]; m++) {
        const struct model *model = registry->models[KIND_DURATIONS][m];
        void *params = params_of(model);
        run_ns[DRAWS] = -1;
        draw(model, params, 3, DRAWS, run_ns);
        cr_assert_eq(run_ns[DRAWS], -1, "%s writes past the end", model->name);
        bool constant = true;
        for (size_t i = 0; i < DRAWS; i++) {
            cr_assert(run_ns[i] >= 0 && run_ns[i] <= TICK_NEVER, "%s: %lld ns", model->name,
                      (long long)run_ns[i]);
            constant = constant && run_ns[i] == run_ns[0];
        }
        draw(model, params, 3, DRAWS / 2, again_ns);
        cr_assert_arr_eq(again_ns, run_ns, DRAWS / 2 * sizeof *run_ns, "%s does not continue", model->name);
        draw(model, params, 4, DRAWS, again_ns);
        cr_assert(constant || memcmp(again_ns, run_ns, DRAWS * sizeof *run_ns) != 0,
                  "%s does not look at its stream", model->name);
        draw(model, params, 3, 0, again_ns);
        free(params);
    }
}

struct known {
    const char *name;
    double raw[4]; /* first four moments about 0, in s^k */
};

/* n-th moment of a bounded Pareto on 60 s .. 864,000 s with alpha 1.1 (the fallbacks). */
static double pareto_moment(double n) {
    const double a = 1.1, low = 60, high = 864000;
    return a * pow(low, a) * (pow(high, n - a) - pow(low, n - a)) / ((n - a) * (1 - pow(low / high, a)));
}

/* n-th moment of the table above: straight from 0, then log-linear steps. */
static double table_moment(double n) {
    double sum = probabilities[1] * pow(run_times_s[1], n) / (n + 1);
    for (int i = 2; i < 5; i++) {
        const double from = pow(run_times_s[i - 1], n), to = pow(run_times_s[i], n);
        sum += (probabilities[i] - probabilities[i - 1]) * (to - from) / log(to / from);
    }
    return sum;
}

Test(durations, moments_are_those_of_theory) {
    struct known known[] = {{"lognormal", {0}}, {"weibull", {0}},  {"bounded_pareto", {0}},
                            {"empirical", {0}}, {"exponential", {0}}, {"constant", {0}}};
    for (int k = 1; k <= 4; k++) {
        known[0].raw[k - 1] = pow(600, k) * exp(k * k / 2.0);       /* median 600 s, sigma 1 */
        known[1].raw[k - 1] = pow(3600, k) * tgamma(1 + k / 0.7);   /* scale 3,600 s, shape 0.7 */
        known[2].raw[k - 1] = pareto_moment(k);
        known[3].raw[k - 1] = table_moment(k);
        known[4].raw[k - 1] = pow(3600, k) * tgamma(1 + k);         /* mean 3,600 s */
        known[5].raw[k - 1] = pow(3600, k);
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const struct model *model = registry_find(models_registry(), KIND_DURATIONS, known[i].name);
        cr_assert(model, "%s is gone", known[i].name);
        void *params = params_of(model);
        draw(model, params, 11, DRAWS, run_ns);
        double mean = 0, square = 0;
        for (size_t j = 0; j < DRAWS; j++) {
            const double s = tick_seconds(run_ns[j]);
            mean += s / DRAWS;
            square += s * s / DRAWS;
        }
        const double *raw = known[i].raw;
        const double mean_error = sqrt((raw[1] - raw[0] * raw[0]) / DRAWS);
        const double square_error = sqrt((raw[3] - raw[1] * raw[1]) / DRAWS);
        cr_expect(fabs(mean - raw[0]) <= 5 * mean_error + 1e-9 * raw[0], "%s: mean %g s, expected %g +- %g",
                  known[i].name, mean, raw[0], mean_error);
        cr_expect(fabs(square - raw[1]) <= 5 * square_error + 1e-9 * raw[1],
                  "%s: second moment %g, expected %g +- %g", known[i].name, square, raw[1], square_error);
        free(params);
    }
}

/*
 * Laws of every lifetime model, at its fallbacks and at the ends of each number's range: a quantile function (it
 * depends on u alone, never falls, is positive and finite to the ends of what is drawn) whose mean is the one the
 * model tells.
 */
#include "base/mem.h"
#include "base/tick.h"
#include "core/seams.h"
#include "models/registry.h"

#include "support/param.h"

#include <criterion/criterion.h>
#include <math.h>

enum { STEPS = 20000 };

/* Mean by the midpoint rule over u, the last stretches resolved again and again: most of a heavy tail's mean lies
 * there. */
static double mean_by_quantiles(const struct lifetime_model *l, const void *params) {
    double sum = 0, from = 0, width = 0.5;
    for (int part = 0; part < 50; part++, from += width, width /= 2)
        for (int i = 0; i < STEPS / 50; i++)
            sum += l->draw_s(params, from + width * (i + 0.5) / (STEPS / 50)) * width / (STEPS / 50);
    return sum;
}

static void obeys(const struct lifetime_model *l, const void *params) {
    const char *name = l->model.name;
    double before = 0;
    cr_assert(l->mean_s(params) > 0);
    for (int i = 0; i <= STEPS; i++) {
        const double u = i == 0 ? 0x1p-54 : i == STEPS ? 1 - 0x1p-53 : (double)i / STEPS;
        const double s = l->draw_s(params, u);
        cr_assert(isfinite(s) && s >= 0, "%s: %g s at u = %g", name, s, u);
        cr_assert(s >= before, "%s falls at u = %g: %g s after %g s", name, u, s, before);
        cr_assert(s == l->draw_s(params, u), "%s is not a function of u alone", name);
        before = s;
    }
}

Test(lifetime, every_model_obeys_its_laws) {
    const struct registry *registry = models_registry();
    cr_assert(registry->counts[KIND_LIFETIME] >= 4);
    for (size_t m = 0; m < registry->counts[KIND_LIFETIME]; m++) {
        const struct model *model = registry->models[KIND_LIFETIME][m];
        const struct lifetime_model *l = (const struct lifetime_model *)model;
        char *params = mem_zero(1, model->params_size + 1);
        model_fallbacks(model, params);
        obeys(l, params);
        const double mean = mean_by_quantiles(l, params);
        cr_expect(fabs(mean / l->mean_s(params) - 1) < 1e-3, "%s: mean %g s, told %g s", model->name, mean,
                  l->mean_s(params));
        for (size_t i = 0; i < model->params_count; i++) {
            const struct param *p = &model->params[i];
            const struct chosen chosen = {.model = model, .params = params};
            const double ends[] = {p->least, p->most};
            for (int e = 0; e < 2; e++) {
                testing_param(chosen, p->key, ends[e]);
                obeys(l, params);
            }
            testing_param(chosen, p->key, p->fallback);
        }
        free(params);
    }
}

static double draw(const char *name, const char *key, double value, double u) {
    const struct model *model = registry_find(models_registry(), KIND_LIFETIME, name);
    cr_assert(model, "%s is gone", name);
    void *params = mem_zero(1, model->params_size + 1);
    model_fallbacks(model, params);
    const struct chosen chosen = {.model = model, .params = params};
    testing_param(chosen, "mean", 100);
    if (key) testing_param(chosen, key, value);
    const double s = ((const struct lifetime_model *)model)->draw_s(params, u);
    free(params);
    return s;
}

Test(lifetime, quantiles_by_hand) {
    cr_expect_float_eq(draw("exponential", NULL, 0, 0.5), 100 * log(2), 1e-12);
    cr_expect_float_eq(draw("exponential", NULL, 0, 1 - exp(-1)), 100, 1e-10);
    cr_expect_float_eq(draw("weibull", "shape", 1, 0.3), draw("exponential", NULL, 0, 0.3), 1e-10);
    /* shape 1/2: scale = mean / Gamma(3) = 50 s; 1 - 1/e of the parts last shorter than the scale */
    cr_expect_float_eq(draw("weibull", "shape", 0.5, 1 - exp(-1)), 50, 1e-9);
    cr_expect_float_eq(draw("constant", NULL, 0, 0.9), 100, 0);
    cr_expect_float_eq(draw("lognormal", "sigma", 2, 0.5), 100 * exp(-2), 1e-12); /* the median is exp(mu) */
    cr_expect_float_eq(draw("lognormal", "sigma", 0, 0.8), 100, 1e-12);
}

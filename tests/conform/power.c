/*
 * Laws of every power curve, at its fallbacks and at the ends of each number's range: nothing at rest, all of
 * it at full load, never outside, never falling.
 */
#include "base/mem.h"
#include "core/seams.h"
#include "models/registry.h"

#include <criterion/criterion.h>
#include <math.h>

enum { STEPS = 1000 };

static double bent[11] = {0, 0.2, 0.2, 0.35, 0.5, 0.6, 0.7, 0.78, 0.85, 0.93, 1};

/* Parameters that pass the model's own check: lists, which have no fallback, get the curve above. */
static void *params_of(const struct model *model) {
    char *params = mem_zero(1, model->params_size + 1);
    model_fallbacks(model, params);
    for (size_t i = 0; i < model->params_count; i++)
        if (model->params[i].kind == PARAM_NUMBERS)
            *(struct numbers *)(void *)(params + model->params[i].offset) = (struct numbers){bent, 11};
    const char *wrong = model->check ? model->check(params) : NULL;
    cr_assert(wrong == NULL, "%s: %s", model->name, wrong);
    return params;
}

static void obeys(const struct power_model *power, const void *params) {
    const char *name = power->model.name;
    cr_assert_float_eq(power->share(params, 0), 0, 1e-15, "%s: f(0) = %g", name, power->share(params, 0));
    cr_assert_float_eq(power->share(params, 1), 1, 1e-15, "%s: f(1) = %g", name, power->share(params, 1));
    double before = 0;
    for (int i = 0; i <= STEPS; i++) {
        const double u = (double)i / STEPS, share = power->share(params, u);
        /* Rounding may move a flat piece by an ulp. */
        cr_assert(share >= before - 1e-15, "%s falls at u = %g: %.17g after %.17g", name, u, share, before);
        cr_assert(share >= 0 && share <= 1 + 1e-15, "%s leaves 0..1 at u = %g: %.17g", name, u, share);
        cr_assert(share == power->share(params, u), "%s is not a function of u alone", name);
        before = share;
    }
}

Test(power, every_curve_obeys_its_laws) {
    const struct registry *registry = models_registry();
    cr_assert(registry->counts[KIND_POWER] >= 5);
    for (size_t m = 0; m < registry->counts[KIND_POWER]; m++) {
        const struct model *model = registry->models[KIND_POWER][m];
        char *params = params_of(model);
        obeys((const struct power_model *)model, params);
        for (size_t i = 0; i < model->params_count; i++) {
            if (model->params[i].kind != PARAM_NUMBER) continue;
            double *number = (double *)(void *)(params + model->params[i].offset);
            const double kept = *number;
            *number = model->params[i].least;
            obeys((const struct power_model *)model, params);
            *number = model->params[i].most;
            obeys((const struct power_model *)model, params);
            *number = kept;
        }
        free(params);
    }
}

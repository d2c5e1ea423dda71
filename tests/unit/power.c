/* Power curves: values worked out by hand, and what the table refuses. */
#include "support/testing.h"

#include "core/seams.h"

#include <criterion/criterion.h>
#include <math.h>

static struct arena arena;
static void open_arena(void) { arena_init(&arena); }
static void close_arena(void) { arena_free(&arena); }
TestSuite(power, .init = open_arena, .fini = close_arena);

static double share(const char *name, double parameter, double u) {
    struct chosen chosen = testing_model(&arena, KIND_POWER, name);
    if (chosen.params) *(double *)chosen.params = parameter;
    return ((const struct power_model *)chosen.model)->share(chosen.params, u);
}

Test(power, known_values) {
    cr_expect_eq(share("linear", 0, 0.3), 0.3);
    cr_expect_float_eq(share("power_law", 2, 0.3), 0.09, 1e-15);
    cr_expect_float_eq(share("power_law", 3, 0.5), 0.125, 1e-15);
    cr_expect_float_eq(share("power_law", 0.5, 0.25), 0.5, 1e-15);
    cr_expect_eq(share("concave", 1, 0.3), 0.3);
    cr_expect_float_eq(share("concave", 2, 0.3), 0.51, 1e-15);
    /* 2 x 0.5 - 0.5^1.4 = 1 - 0.378929141627599... */
    cr_expect_float_eq(share("concave", 1.4, 0.5), 0.621070858372401, 1e-14);
    /* (1 + 0.1 - e^-1) / (2 - e^-10) */
    cr_expect_float_eq(share("exponential", 0.1, 0.1), 0.366068589158397, 1e-14);
}

Test(power, exponential_differs_from_its_published_form_by_the_norm_only) {
    for (int i = 0; i <= 100; i++) {
        const double u = i / 100.0, published = (1 + u - exp(-u / 0.1)) / 2;
        cr_expect_float_eq(share("exponential", 0.1, u), published, 2.3e-5);
    }
}

static double points[12] = {0, 0.1, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1, 1};

static struct chosen table(size_t len) {
    struct chosen chosen = testing_model(&arena, KIND_POWER, "table");
    *(struct numbers *)chosen.params = (struct numbers){points, len};
    return chosen;
}

Test(power, table_is_straight_between_its_points) {
    struct chosen chosen = table(11);
    const struct power_model *power = (const struct power_model *)chosen.model;
    cr_assert(chosen.model->check(chosen.params) == NULL);
    for (int i = 0; i <= 10; i++)
        cr_expect_float_eq(power->share(chosen.params, i / 10.0), points[i], 1e-15, "point %d", i);
    cr_expect_float_eq(power->share(chosen.params, 0.15), 0.2, 1e-15);
    cr_expect_float_eq(power->share(chosen.params, 0.925), 0.9625, 1e-15);
}

Test(power, table_refuses_what_is_not_a_curve) {
    struct chosen chosen = table(12);
    cr_expect_str_eq(chosen.model->check(chosen.params),
                     "points must be eleven values, at 0, 10, ..., 100 % utilisation");
    chosen = table(0);
    cr_expect(chosen.model->check(chosen.params) != NULL);
    chosen = table(11);
    points[4] = 0.39;
    cr_expect_str_eq(chosen.model->check(chosen.params), "points must not fall");
    points[4] = 0.5;
    points[0] = 0.05;
    cr_expect_str_eq(chosen.model->check(chosen.params), "points must begin with 0 and end with 1");
    points[0] = 0;
    points[10] = 0.99;
    cr_expect_str_eq(chosen.model->check(chosen.params), "points must begin with 0 and end with 1");
}

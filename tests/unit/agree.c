/* Agreement of two lists, against hand-worked values and the definitions themselves. */
#include "base/agree.h"

#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>

Test(agree, by_hand) {
    /* Ranks of a: 0, 1.5, 1.5, 3, 4; of b: 1, 0, 2, 4, 3: covariance 7, variances 9.5 and 10. */
    const double a[] = {1, 2, 2, 5, 9}, b[] = {2, 1, 3, 8, 4};
    const struct agreement found = stats_agree(a, b, 5);
    cr_expect_eq(found.count, 5);
    cr_expect_float_eq(found.bias, -0.2, 1e-12);
    cr_expect_float_eq(found.error, (1 + 1 + 1 + 3 + 5) / 5.0, 1e-12);
    cr_expect_float_eq(found.correlation, 7 / sqrt(95), 1e-12, "%g", found.correlation);
    /* At 2: three fifths of a, two fifths of b; at 8, four and five. */
    cr_expect_float_eq(found.distance, 0.2, 1e-12, "%g", found.distance);
    cr_expect_float_eq(found.a.mean, 3.8, 1e-12);
    cr_expect_float_eq(found.b.most, 8, 0);
}

Test(agree, the_same_and_the_opposite) {
    double a[100], b[100];
    for (int i = 0; i < 100; i++) a[i] = i * i, b[i] = -i;
    struct agreement found = stats_agree(a, a, 100);
    cr_expect(found.bias == 0 && found.error == 0 && found.distance == 0);
    cr_expect_float_eq(found.correlation, 1, 1e-12);
    found = stats_agree(a, b, 100);
    cr_expect_float_eq(found.correlation, -1, 1e-12);
    cr_expect_float_eq(found.distance, 0.99, 1e-12, "all of b but its largest, 0, lies below all of a");
    for (int i = 0; i < 100; i++) b[i] = 7;
    cr_expect(isnan(stats_agree(a, b, 100).correlation));
    cr_expect_eq(stats_agree(a, b, 0).count, 0);
}

/* The distance by its definition: at every value, the shares that lie at or below it. */
Test(agree, distance_by_definition) {
    struct rng *rng = rng_open(1, "agree", 0);
    for (int round = 0; round < 200; round++) {
        double a[40], b[40], most = 0;
        const size_t count = 1 + rng_below(rng, 40);
        for (size_t i = 0; i < count; i++) a[i] = (double)rng_below(rng, 12), b[i] = (double)rng_below(rng, 15);
        for (double at = 0; at < 15; at++) {
            double x = 0, y = 0;
            for (size_t i = 0; i < count; i++) x += a[i] <= at, y += b[i] <= at;
            most = fmax(most, fabs(x - y) / (double)count);
        }
        cr_assert_float_eq(stats_agree(a, b, count).distance, most, 1e-12);
    }
    rng_close(rng);
}

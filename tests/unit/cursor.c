/* A cursor against the definition of a step function, on random series: with and without a period, beginning
 * before, at or after time 0. */
#include "core/cursor.h"

#include "base/rng.h"
#include "base/tick.h"

#include <criterion/criterion.h>

enum { STEPS = 9, UNTIL = 200 };

/* The value at t, by walking all steps of the period that t falls into. */
static double value_at(const struct steps *steps, int64_t t) {
    if (steps->period_ns > 0)
        while (t >= steps->at_ns[0] + steps->period_ns) t -= steps->period_ns;
    double value = steps->value[0];
    for (size_t i = 0; i < steps->len && steps->at_ns[i] <= t; i++) value = steps->value[i];
    return value;
}

static void check(const struct steps *steps, uint64_t seed) {
    struct cursor c;
    cursor_open(&c, steps);
    for (int64_t t = 0; t < UNTIL; t++) {
        if (t == c.next_ns) cursor_step(&c);
        cr_assert(c.next_ns > t, "seed %llu: stuck at %lld", (unsigned long long)seed, (long long)t);
        cr_assert_eq(c.value, value_at(steps, t), "seed %llu, at %lld: %g, not %g", (unsigned long long)seed,
                     (long long)t, c.value, value_at(steps, t));
    }
}

Test(cursor, reads_what_the_function_says) {
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct rng *rng = rng_open(seed, "cursor", 0);
        int64_t at[STEPS];
        double value[STEPS];
        struct steps steps = {.at_ns = at, .value = value, .len = 1 + rng_below(rng, STEPS)};
        at[0] = (int64_t)rng_below(rng, 60) - 50;
        value[0] = 0;
        for (size_t i = 1; i < steps.len; i++) {
            at[i] = at[i - 1] + 1 + (int64_t)rng_below(rng, 12);
            value[i] = (double)i;
        }
        if (rng_below(rng, 2)) steps.period_ns = at[steps.len - 1] - at[0] + 1 + (int64_t)rng_below(rng, 12);
        check(&steps, seed);
        rng_close(rng);
    }
}

Test(cursor, a_constant_never_changes) {
    const struct steps steps = {.at_ns = (int64_t[]){0}, .value = (double[]){7}, .len = 1};
    struct cursor c;
    cursor_open(&c, &steps);
    cr_expect_eq(c.value, 7);
    cr_expect_eq(c.next_ns, TICK_NEVER);
}

/* Spans of a window: what is gathered, and ranks and quantiles against sorting every unit. */
#include "core/spans.h"

#include "base/rng.h"
#include "base/tick.h"
#include "support/shifting.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { UNITS_MOST = 3000, CASES = 500 };

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

Test(spans, ranks_are_those_of_sorted_units) {
    static double sorted[UNITS_MOST];
    struct rng *rng = rng_open(5, "cases", 0);
    struct spans spans = {0};
    for (int c = 0; c < CASES; c++) {
        struct arena arena;
        struct outlook outlook;
        arena_init(&arena);
        const struct steps steps = shifting_signal(&arena, rng, 200);
        outlook_open(&outlook, &arena, &steps, NULL, 0);
        const int64_t units = 1 + (int64_t)rng_below(rng, UNITS_MOST),
                      from_ns = (int64_t)rng_below(rng, 1u << 30),
                      every_ns = 1 + (int64_t)rng_below(rng, (uint64_t)(2 * TICK_MINUTE));
        for (int64_t i = 0; i < units; i++)
            sorted[i] = outlook_value(&outlook, from_ns, from_ns + i * every_ns);
        spans_gather(&spans, &outlook, from_ns, from_ns, every_ns, units);
        int64_t i = 0;
        for (size_t k = 0; k < spans.len; k++)
            for (int64_t u = 0; u < spans.at[k].units; u++)
                cr_assert(i < units && spans.at[k].value == sorted[i++], "unit %lld of %lld is another",
                          (long long)i, (long long)units);
        cr_assert_eq(i, units);
        qsort(sorted, (size_t)units, sizeof *sorted, ascending);
        for (int draw = 0; draw < 5; draw++) {
            const int64_t rank = (int64_t)rng_below(rng, (uint64_t)units);
            int64_t below, less = 0;
            cr_assert_eq(spans_ranked(&spans, rank, &below), sorted[rank]);
            while (sorted[less] < sorted[rank]) less++;
            cr_assert_eq(below, less);
        }
        arena_free(&arena);
    }
    spans_free(&spans);
    rng_close(rng);
}

Test(spans, quantiles_interpolate) {
    int64_t at_ns[] = {0, 10, 20, 30};
    double value[] = {4, 1, 3, 2};
    struct arena arena;
    struct outlook outlook;
    struct spans spans = {0};
    arena_init(&arena);
    outlook_open(&outlook, &arena, &(struct steps){.at_ns = at_ns, .value = value, .len = 4}, NULL, 0);
    const double expected[][2] = {{0, 1}, {0.5, 2.5}, {1, 4}, {1.0 / 3, 2}, {0.9, 3.7}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        spans_gather(&spans, &outlook, 0, 0, 10, 4);
        cr_expect_float_eq(spans_quantile(&spans, expected[i][0]), expected[i][1], 1e-12, "at %g: %g",
                           expected[i][0], spans_quantile(&spans, expected[i][0]));
    }
    spans_gather(&spans, &outlook, 0, 5, 1, 1); /* one sample is every quantile */
    cr_expect_eq(spans_quantile(&spans, 0.3), 4);
    spans_free(&spans);
    arena_free(&arena);
}

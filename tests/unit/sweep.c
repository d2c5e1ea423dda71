/* Points of a sweep: what is crossed and in which order, what ranges become, that designs fill their space as theory
 * says, and that a replication's seed is one `seed:` takes. */
#include "io/sweep.h"

#include "base/num.h"
#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;
static struct err err;
static struct reading r;

static void begin(void) {
    arena_init(&arena);
    err_init(&err);
    r = (struct reading){.arena = &arena, .err = &err};
    text_init(&r.path);
}
static void end(void) {
    text_free(&r.path);
    err_free(&err);
    arena_free(&arena);
}
TestSuite(sweep, .init = begin, .fini = end);

static struct sweep *read(const char *yaml, uint64_t seed) {
    const struct yaml_node *node = yaml_parse(yaml, strlen(yaml), "sweep.yaml", true, &arena, &err);
    struct sweep *sweep = node ? sweep_read(&r, node, seed) : NULL;
    if (err.found) err_print(&err, stderr);
    return sweep;
}

/* A point as "path=value path=value". */
static const char *point(const struct sweep *sweep, uint64_t index) {
    struct sweep_value at[16];
    cr_assert_leq(sweep_factors_most(sweep), 16);
    const size_t len = sweep_point(sweep, index, &arena, at);
    struct text text;
    text_init(&text);
    for (size_t i = 0; i < len; i++) text_format(&text, "%s%s=%s", i ? " " : "", at[i].path, at[i].value->text);
    const char *kept = arena_text(&arena, text.len ? text.at : "");
    text_free(&text);
    return kept;
}

static double number(const struct sweep *sweep, uint64_t index, size_t factor) {
    struct sweep_value at[16];
    double value;
    const char *unit;
    sweep_point(sweep, index, &arena, at);
    cr_assert(num_with_unit(at[factor].value->text, &value, &unit));
    return value;
}

Test(sweep, what_is_given_is_crossed_the_last_varying_fastest) {
    const struct sweep *sweep = read("grid: {a: [1, 2], b: [x, y, z]}\nzip: {c: [5, 6], d: [7, 8]}\n"
                                     "list:\n  - {e: 1}\n  - {}\n  - {f: 2, g: 3}\n", 1);
    cr_assert(sweep);
    cr_assert_eq(sweep->points, 2 * 3 * 2 * 3);
    cr_assert_eq(sweep->replications, 1);
    cr_expect_str_eq(point(sweep, 0), "a=1 b=x c=5 d=7 e=1");
    cr_expect_str_eq(point(sweep, 1), "a=1 b=x c=5 d=7");
    cr_expect_str_eq(point(sweep, 2), "a=1 b=x c=5 d=7 f=2 g=3");
    cr_expect_str_eq(point(sweep, 3), "a=1 b=x c=6 d=8 e=1");
    cr_expect_str_eq(point(sweep, 6), "a=1 b=y c=5 d=7 e=1");
    cr_expect_str_eq(point(sweep, 35), "a=2 b=z c=6 d=8 f=2 g=3");
    /* All of them differ. */
    for (uint64_t i = 0; i < sweep->points; i++)
        for (uint64_t k = 0; k < i; k++) cr_expect_str_neq(point(sweep, i), point(sweep, k));
}

Test(sweep, replications_alone_are_one_point) {
    const struct sweep *sweep = read("replications: 30", 1);
    cr_assert(sweep);
    cr_expect_eq(sweep->points, 1);
    cr_expect_eq(sweep->replications, 30);
    cr_expect_str_eq(point(sweep, 0), "");
}

Test(sweep, ranges_of_a_grid_have_both_ends_and_even_steps_or_ratios) {
    const struct sweep *sweep = read("grid:\n  a: {from: 0.1 h, to: 0.4 h, points: 4}\n", 1);
    cr_expect_str_eq(point(sweep, 0), "a=0.1 h");
    cr_expect_str_eq(point(sweep, 1), "a=0.2 h");
    cr_expect_str_eq(point(sweep, 3), "a=0.4 h");
    sweep = read("grid:\n  a: {from: 1, to: 1000, points: 4, scale: log}\n", 1);
    cr_expect_str_eq(point(sweep, 1), "a=10");
    cr_expect_str_eq(point(sweep, 2), "a=100");
    cr_expect_str_eq(point(sweep, 3), "a=1000");
    sweep = read("grid:\n  a: {from: 10, to: 20, points: 4, whole: true}\n", 1);
    cr_expect_str_eq(point(sweep, 1), "a=13");
    cr_expect_str_eq(point(sweep, 2), "a=17");
    cr_expect_str_eq(point(sweep, 3), "a=20");
    sweep = read("grid:\n  a: {from: 1.23456789 W, to: 3.456789012 W, points: 2}\n", 1);
    cr_expect_str_eq(point(sweep, 0), "a=1.23456789 W");
    cr_expect_str_eq(point(sweep, 1), "a=3.456789012 W");
}

/* McKay et al. 1979: with N points, each of the N parts of equal probability of every range holds exactly one. */
Test(sweep, a_latin_hypercube_has_one_point_in_each_stratum_of_each_range) {
    enum { N = 500 };
    const struct sweep *sweep = read("latin_hypercube:\n  points: 500\n  ranges:\n"
                                     "    a: {from: 1000, to: 1001}\n    b: {from: 1 W, to: 1000 W, scale: log}\n"
                                     "    c: {from: 1, to: 10, whole: true}\n", 7);
    cr_assert(sweep);
    cr_assert_eq(sweep->points, N);
    int a[N] = {0}, b[N] = {0}, c[11] = {0};
    double covariance = 0;
    for (uint64_t i = 0; i < N; i++) {
        const double x = number(sweep, i, 0) - 1000, y = log(number(sweep, i, 1)) / log(1000), z = number(sweep, i, 2);
        cr_assert(x >= 0 && x <= 1 && y >= 0 && y <= 1);
        /* Rounded to a hundredth of a stratum: one on an edge may lie just outside of its own. */
        a[(int)fmin(N - 1, floor(x * N))]++;
        b[(int)fmin(N - 1, floor(y * N))]++;
        cr_assert_eq(z, floor(z));
        c[(int)z]++;
        covariance += (x - 0.5) * (y - 0.5) / N;
    }
    int wrong = 0;
    for (int i = 0; i < N; i++) wrong += (a[i] != 1) + (b[i] != 1);
    cr_expect_leq(wrong, 2 * N / 25, "%d of %d strata do not hold one point", wrong, 2 * N);
    for (int i = 1; i <= 10; i++) cr_expect_eq(c[i], N / 10, "%d: %d", i, c[i]);
    /* Paired at random: the covariance of two uniforms over N pairs has a standard deviation of 1/12/sqrt(N). */
    cr_expect_lt(fabs(covariance), 4.0 / 12 / sqrt(N));
    const char *first = point(sweep, 0);
    cr_expect_str_eq(first, point(read("latin_hypercube:\n  points: 500\n  ranges:\n"
                                       "    a: {from: 1000, to: 1001}\n    b: {from: 1 W, to: 1000 W, scale: log}\n"
                                       "    c: {from: 1, to: 10, whole: true}\n", 7), 0));
    cr_expect_str_neq(first, point(read("latin_hypercube:\n  points: 500\n  ranges:\n"
                                        "    a: {from: 1000, to: 1001}\n    b: {from: 1 W, to: 1000 W, scale: log}\n"
                                        "    c: {from: 1, to: 10, whole: true}\n", 8), 0));
}

/* L2 star discrepancy by Warnock's formula (1972). */
static double discrepancy(const double *at, size_t points, size_t dims) {
    double once = 0, twice = 0;
    for (size_t i = 0; i < points; i++) {
        double product = 1;
        for (size_t d = 0; d < dims; d++) product *= 1 - at[i * dims + d] * at[i * dims + d];
        once += product;
        for (size_t k = 0; k < points; k++) {
            product = 1;
            for (size_t d = 0; d < dims; d++) product *= 1 - fmax(at[i * dims + d], at[k * dims + d]);
            twice += product;
        }
    }
    const double n = (double)points;
    return sqrt(pow(3, -(double)dims) - pow(2, 1 - (double)dims) / n * once + twice / n / n);
}

/* Random points have an expected squared discrepancy of (2^-d - 3^-d) / N. That of a Sobol sequence lies below and
 * falls as log(N)^((d - 1) / 2) / N, where theirs falls as 1 / sqrt(N). */
Test(sweep, a_sobol_sequence_has_low_discrepancy) {
    enum { DIMS = 4, MOST = 1023 };
    double at[MOST * DIMS];
    rng_sobol(at, MOST, DIMS);
    for (size_t i = 0; i < MOST * DIMS; i++) cr_assert(at[i] > 0 && at[i] < 1);
    const double few = discrepancy(at, 127, DIMS), many = discrepancy(at, MOST, DIMS);
    cr_expect_lt(few, sqrt((pow(2, -DIMS) - pow(3, -DIMS)) / 127) / 2);
    cr_expect_gt(few / many, 1023.0 / 127 * pow(log(127) / log(1023), (DIMS - 1) / 2.0), "%g", few / many);
    /* With 0, the first 2^k points of each dimension stand one in each of 2^k equal parts (a digital net). */
    for (size_t d = 0; d < DIMS; d++) {
        int parts[1024] = {1};
        for (size_t i = 0; i < MOST; i++) parts[(int)(at[i * DIMS + d] * 1024)]++;
        for (size_t i = 0; i < 1024; i++) cr_assert_eq(parts[i], 1);
    }
}

Test(sweep, sobol_points_are_those_of_the_sequence) {
    const struct sweep *sweep =
        read("sobol:\n  points: 3\n  ranges:\n    a: {from: 0, to: 8}\n    b: {from: 0, to: 4}\n", 1);
    cr_expect_str_eq(point(sweep, 0), "a=4 b=2");
    cr_expect_eq(number(sweep, 1, 0) + number(sweep, 2, 0), 8);
    cr_expect_eq(number(sweep, 1, 1) + number(sweep, 2, 1), 4);
}

/* Every whole number is as likely as any other, the ends too. */
Test(sweep, whole_numbers_of_a_range_are_equally_likely) {
    const struct sweep *sweep = read("sobol:\n  points: 1023\n  ranges:\n    a: {from: 3, to: 6, whole: true}\n", 1);
    int count[8] = {0};
    for (uint64_t i = 0; i < 1023; i++) count[(int)number(sweep, i, 0)]++;
    for (int i = 3; i <= 6; i++) cr_expect(count[i] >= 255 && count[i] <= 256, "%d: %d", i, count[i]);
}

Test(sweep, seeds_of_replications_differ_and_can_be_typed) {
    enum { N = 2000 };
    uint64_t seeds[N];
    for (uint64_t i = 0; i < N; i++) {
        seeds[i] = sweep_seed(42, i);
        cr_assert_leq(seeds[i], 999999999999999u);
        for (uint64_t k = 0; k < i; k++) cr_assert_neq(seeds[i], seeds[k]);
        if (i > 0) cr_assert_neq(seeds[i], sweep_seed(43, i));
    }
    cr_expect_eq(seeds[0], 42);
}

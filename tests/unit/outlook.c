/*
 * Signals and beliefs against brute force on random step functions: values, integrals, changes and least moments,
 * with and without a period, evenly spaced and not, before the first step and many periods on; forecasts that wrap
 * and errors that grow; sums and products of two functions.
 */
#include "base/rng.h"
#include "base/tick.h"
#include "core/outlook.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

/* ---- the plain truth ---- */

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static double plain_value(const struct steps *s, int64_t t) {
    if (t < s->at_ns[0]) return s->value[0];
    if (s->period_ns > 0) t -= floor_div(t - s->at_ns[0], s->period_ns) * s->period_ns;
    size_t i = 0;
    while (i + 1 < s->len && s->at_ns[i + 1] <= t) i++;
    return s->value[i];
}

/* The first step's begin after t, whether the value changes there or not. */
static int64_t plain_step(const struct steps *s, int64_t t) {
    if (t < s->at_ns[0]) return s->at_ns[0];
    int64_t shift = 0;
    if (s->period_ns > 0) shift = floor_div(t - s->at_ns[0], s->period_ns) * s->period_ns;
    for (size_t i = 0; i < s->len; i++)
        if (s->at_ns[i] + shift > t) return s->at_ns[i] + shift;
    return s->period_ns > 0 ? s->at_ns[0] + shift + s->period_ns : TICK_NEVER;
}

/* What is asked: a function of time that is a straight line between the moments `step` names, and which of its
 * values at a step's first and last moment count. */
struct plain {
    const struct steps *truth, *base, *error;
    int64_t issued, wrap, grows;
};

/* Into the first wrap after issued. */
static int64_t wrapped_ns(const struct plain *p, int64_t t) {
    return p->wrap > 0 ? t - floor_div(t - p->issued, p->wrap) * p->wrap : t;
}

static double plain_belief(const struct plain *p, int64_t t) {
    if (t <= p->issued) return plain_value(p->truth, t);
    const double value = plain_value(p->base, wrapped_ns(p, t));
    if (!p->error) return value;
    const int64_t lead = t - p->issued;
    return value + plain_value(p->error, t) * (lead < p->grows ? (double)lead / (double)p->grows : 1);
}

static int64_t min_i64(int64_t a, int64_t b) { return a < b ? a : b; }

/* After issued: until when base and error stay as they are and the error grows, or does not. */
static int64_t belief_next(const struct plain *p, int64_t t) {
    const int64_t wrapped = wrapped_ns(p, t);
    int64_t next = plain_step(p->base, wrapped);
    if (p->wrap > 0) next = min_i64(next, p->issued + p->wrap);
    if (next < TICK_NEVER) next += t - wrapped;
    if (p->error) {
        next = min_i64(next, plain_step(p->error, t));
        if (t < p->issued + p->grows) next = min_i64(next, p->issued + p->grows);
    }
    return next;
}

static int64_t plain_next(const struct plain *p, int64_t t) {
    if (t < p->issued) return min_i64(plain_step(p->truth, t), p->issued);
    return t == p->issued ? t + 1 : belief_next(p, t);
}

/* Integral of the share of the error that counts. */
static long double grown_ns(const struct plain *p, int64_t from, int64_t to) {
    if (from - p->issued >= p->grows) return (long double)(to - from);
    const long double both = (long double)(from - p->issued) + (long double)(to - p->issued);
    return both / 2 / (long double)p->grows * (long double)(to - from);
}

static long double plain_sum(const struct plain *p, int64_t from, int64_t to) {
    if (to < from) return -plain_sum(p, to, from);
    long double sum = 0;
    while (from < to) {
        int64_t next;
        if (from < p->issued) {
            next = min_i64(plain_next(p, from), to);
            sum += (long double)plain_value(p->truth, from) * (long double)(next - from);
        } else {
            next = min_i64(belief_next(p, from), to);
            sum += (long double)plain_value(p->base, wrapped_ns(p, from)) * (long double)(next - from);
            if (p->error) sum += (long double)plain_value(p->error, from) * grown_ns(p, from, next);
        }
        from = next;
    }
    return sum / 1e9L;
}

static int64_t plain_lowest(const struct plain *p, int64_t from, int64_t to) {
    int64_t best = from;
    for (int64_t t = from; t <= to;) {
        const int64_t next = min_i64(plain_next(p, t), to + 1);
        if (plain_belief(p, t) < plain_belief(p, best)) best = t;
        if (plain_belief(p, next - 1) < plain_belief(p, best)) best = next - 1;
        t = next;
    }
    return best;
}

/* Follows steps until the value differs; gives up after as many steps as two periods may have. */
static int64_t plain_change(const struct plain *p, int64_t t, size_t most) {
    const double value = plain_belief(p, t);
    for (size_t i = 0; i < most; i++) {
        t = plain_next(p, t);
        if (t >= TICK_NEVER) return TICK_NEVER;
        if (plain_belief(p, t) != value) return t;
    }
    return TICK_NEVER;
}

/* ---- random functions ---- */

static int64_t between(struct rng *rng, int64_t from, int64_t to) {
    return from + (int64_t)rng_below(rng, (uint64_t)(to - from + 1));
}

/* Few distinct values, so that ties and steps that change nothing are common. */
static double draw_value(struct rng *rng, bool ties) {
    return ties ? (double)between(rng, -2, 3) : rng_normal(rng, 100, 60);
}

static struct steps draw_steps(struct arena *arena, struct rng *rng, size_t most, int64_t unit, bool repeats) {
    const size_t len = 1 + rng_below(rng, most);
    const bool even = rng_below(rng, 2), ties = rng_below(rng, 2);
    const int64_t width = between(rng, 1, 20) * unit;
    struct steps s = {.at_ns = arena_alloc(arena, len, sizeof *s.at_ns),
                      .value = arena_alloc(arena, len, sizeof *s.value), .len = len, .source = "drawn"};
    int64_t t = between(rng, -200, 40) * unit;
    for (size_t i = 0; i < len; i++) {
        s.at_ns[i] = t;
        s.value[i] = draw_value(rng, ties);
        t += even ? width : between(rng, 1, 20) * unit;
    }
    if (repeats) s.period_ns = t - s.at_ns[0];
    return s;
}

static void expect_sum(double got, long double wanted, long double size, const char *what) {
    cr_assert(fabsl((long double)got - wanted) <= 1e-12L * size, "%s: %.17g, expected %.17Lg (size %Lg)", what, got,
              wanted, size);
}

/* ---- signals ---- */

static void ask_signal(const struct steps *s, const struct signal *signal, struct rng *rng, int64_t unit) {
    const struct plain plain = {.truth = s, .issued = TICK_NEVER};
    const int64_t reach = s->at_ns[s->len - 1] - s->at_ns[0] + 30 * unit;
    double most = 0;
    for (size_t i = 0; i < s->len; i++) most = fmax(most, fabs(s->value[i]));
    for (int q = 0; q < 20; q++) {
        const int64_t from = s->at_ns[0] + between(rng, -50 * unit, 3 * reach);
        const int64_t to = from + between(rng, 0, rng_below(rng, 3) ? reach / 3 : 2 * reach);
        cr_assert_eq(signal_value(signal, from), plain_value(s, from));
        const long double sum = plain_sum(&plain, from, to), size = most * tick_seconds(to - from) + most * 1e-9;
        expect_sum(signal_sum(signal, from, to), sum, size, "sum");
        expect_sum(signal_sum(signal, to, from), -sum, size, "backward sum");
        cr_assert_eq(signal_lowest(signal, from, to), plain_lowest(&plain, from, to));
        cr_assert_eq(signal_change(signal, from), plain_change(&plain, from, 2 * s->len + 2));
    }
    /* At the steps' very begins, where mistakes of one would show. */
    for (int q = 0; q < 10; q++) {
        const size_t i = rng_below(rng, s->len), j = i + rng_below(rng, s->len - i);
        cr_assert_eq(signal_value(signal, s->at_ns[i]), s->value[i]);
        cr_assert_eq(signal_lowest(signal, s->at_ns[i], s->at_ns[j]),
                     plain_lowest(&plain, s->at_ns[i], s->at_ns[j]));
        cr_assert_eq(signal_change(signal, s->at_ns[i]), plain_change(&plain, s->at_ns[i], 2 * s->len + 2));
        cr_assert_eq(signal_lowest(signal, s->at_ns[i], s->at_ns[i]), s->at_ns[i]);
    }
}

Test(outlook, a_signal_is_its_steps) {
    struct rng *rng = rng_open(1, "outlook", 0);
    for (int round = 0; round < 2000; round++) {
        struct arena arena;
        arena_init(&arena);
        static const int64_t units[] = {1, 1000, TICK_S, TICK_HOUR};
        const int64_t unit = units[rng_below(rng, 4)];
        const struct steps s = draw_steps(&arena, rng, round % 10 ? 40 : 700, unit, rng_below(rng, 2));
        ask_signal(&s, signal_open(&arena, &s), rng, unit);
        arena_free(&arena);
    }
    rng_close(rng);
}

Test(outlook, averages_weigh_by_time) {
    struct arena arena;
    arena_init(&arena);
    struct steps s = {.at_ns = (int64_t[]){-TICK_HOUR, 0, 2 * TICK_HOUR}, .value = (double[]){6, 0, 3}, .len = 3};
    cr_assert_float_eq(signal_average(signal_open(&arena, &s)), 12.0 / 5, 1e-15); /* 1, 2 and again 2 hours */
    s.period_ns = 6 * TICK_HOUR;
    cr_assert_float_eq(signal_average(signal_open(&arena, &s)), 15.0 / 6, 1e-15);
    s.len = 1;
    s.period_ns = 0;
    cr_assert_float_eq(signal_average(signal_open(&arena, &s)), 6, 1e-15);
    arena_free(&arena);
}

/* Ten years of minutes: a window late in them is as exact as an early one, and windows that hold the same values
 * have the same sum to the last bit. */
Test(outlook, ten_years_of_minutes_lose_nothing) {
    enum { MINUTES = 5258880 };
    struct arena arena;
    arena_init(&arena);
    struct steps s = {.at_ns = arena_alloc(&arena, MINUTES, sizeof *s.at_ns),
                      .value = arena_alloc(&arena, MINUTES, sizeof *s.value), .len = MINUTES,
                      .period_ns = MINUTES * TICK_MINUTE};
    for (size_t i = 0; i < MINUTES; i++) {
        s.at_ns[i] = (int64_t)i * TICK_MINUTE;
        s.value[i] = 300 + 123.456 * sin((double)(i % 10080) * 0.01);
    }
    const struct signal *signal = signal_open(&arena, &s);
    const int64_t week = 7 * TICK_DAY, last = MINUTES / 10080 * week - week;
    struct rng *rng = rng_open(2, "outlook", 0);
    for (int q = 0; q < 200; q++) {
        const size_t i = rng_below(rng, 10000), len = 1 + rng_below(rng, 80);
        const int64_t from = (int64_t)i * TICK_MINUTE, to = from + (int64_t)len * TICK_MINUTE;
        long double sum = 0;
        for (size_t k = i; k < i + len; k++) sum += (long double)s.value[k] * 60;
        const double early = signal_sum(signal, from, to);
        expect_sum(early, sum, sum * 1e-3L, "a short window");
        cr_assert_eq(early, signal_sum(signal, from + last, to + last));
        cr_assert_eq(signal_lowest(signal, from + last, to + last) - last, signal_lowest(signal, from, to));
    }
    rng_close(rng);
    long double whole = 0;
    for (size_t i = 0; i < MINUTES; i++) whole += (long double)s.value[i] * 60;
    expect_sum(signal_sum(signal, 0, s.period_ns), whole, whole * 1e-3L, "all of it");
    cr_assert_float_eq(signal_average(signal), (double)(whole / (60.0L * MINUTES)), 1e-12);
    arena_free(&arena);
}

Test(outlook, nothing_ever_changes) {
    struct arena arena;
    arena_init(&arena);
    struct steps s = {.at_ns = (int64_t[]){0, 5, 9}, .value = (double[]){2, 2, 2}, .len = 3, .period_ns = 20};
    const struct signal *signal = signal_open(&arena, &s);
    cr_assert_eq(signal_change(signal, 3), TICK_NEVER);
    cr_assert_eq(signal_lowest(signal, 7, 900), 7);
    cr_assert_eq(signal_lowest(signal, -7, TICK_NEVER), -7);
    s.value = (double[]){0, 0, 0};
    cr_assert_eq(signal_sum(signal_open(&arena, &s), 0, TICK_DAY), 0);
    s.value = (double[]){1, 1, 0};
    cr_assert_eq(signal_lowest(signal_open(&arena, &s), 10000, TICK_NEVER), 10009);
    s = (struct steps){.at_ns = (int64_t[]){0, 100}, .value = (double[]){1, 2}, .len = 2, .period_ns = TICK_NEVER - 50};
    cr_assert_eq(signal_change(signal_open(&arena, &s), TICK_NEVER - 20), TICK_NEVER); /* beyond all time */
    arena_free(&arena);
}

Test(outlook, values_of_any_size) {
    struct arena arena;
    arena_init(&arena);
    struct steps s = {.at_ns = (int64_t[]){0, TICK_S}, .value = (double[]){1e300, -2e300}, .len = 2};
    cr_assert_float_eq(signal_sum(signal_open(&arena, &s), 0, 3 * TICK_S), -3e300, 1e285);
    s.value = (double[]){4e-320, 1e-320}; /* below what a sum counts in */
    cr_assert_eq(signal_sum(signal_open(&arena, &s), 0, 3 * TICK_S), 0);
    cr_assert_eq(signal_lowest(signal_open(&arena, &s), 0, 3 * TICK_S), TICK_S);
    arena_free(&arena);
}

/* ---- beliefs ---- */

struct belief {
    bool base, wrap, error, grows;
};

/* Without an error the very next change of value. With one, straight pieces: none ends before the next begins. */
static void ask_change(const struct outlook *o, const struct plain *p, int64_t t) {
    const int64_t change = outlook_change(o, p->issued, t);
    cr_assert_gt(change, t);
    if (!p->error) {
        cr_assert_eq(change, plain_change(p, t, 1000));
        return;
    }
    if (p->grows == 0) cr_assert_leq(change, plain_change(p, t, 1000));
    if (change - t < 3 || change == TICK_NEVER) return;
    if (t < p->issued) t = p->issued < change ? p->issued + 1 : t;
    const double first = plain_belief(p, t), last = plain_belief(p, change - 1);
    const int64_t middle = t + (change - 1 - t) / 2;
    const double share = (double)(middle - t) / (double)fmax(1, (double)(change - 1 - t));
    cr_assert_float_eq(plain_belief(p, middle), first + (last - first) * share, 1e-9);
}

static void ask_outlook(struct arena *arena, struct rng *rng, struct belief belief, int64_t unit) {
    struct steps truth = draw_steps(arena, rng, 60, unit, rng_below(rng, 2));
    struct forecast f = {.base = truth};
    if (belief.base) f.base = draw_steps(arena, rng, 60, unit, rng_below(rng, 2));
    if (belief.wrap) f.wrap_ns = between(rng, 20, 300) * unit;
    if (belief.error) f.error = draw_steps(arena, rng, 80, unit, rng_below(rng, 2));
    if (belief.grows) f.grows_ns = between(rng, 20, 900) * unit;
    struct outlook o;
    outlook_open(&o, arena, &truth, &f, 0);
    struct plain plain = {.truth = &truth, .base = &f.base, .wrap = f.wrap_ns, .grows = f.grows_ns};
    if (belief.error) plain.error = &f.error;
    for (int q = 0; q < 12; q++) {
        const int64_t issued = plain.issued = between(rng, 0, 600 * unit);
        int64_t from = issued + between(rng, rng_below(rng, 4) ? 1 : -300 * unit, 800 * unit);
        if (rng_below(rng, 5) == 0) from = issued + between(rng, 0, 3) * f.wrap_ns; /* where it begins anew */
        const int64_t to = from + between(rng, 0, 700 * unit);
        const double value = plain_belief(&plain, from);
        cr_assert(fabs(outlook_value(&o, issued, from) - value) <= 1e-13 * fmax(300, fabs(value)));
        expect_sum(outlook_sum(&o, issued, from, to), plain_sum(&plain, from, to),
                   500 * tick_seconds(to - from) + 1e-6, "belief's sum");
        expect_sum(outlook_sum(&o, issued, to, from), -plain_sum(&plain, from, to),
                   500 * tick_seconds(to - from) + 1e-6, "belief's backward sum");
        const int64_t low = outlook_lowest(&o, issued, from, to), wanted = plain_lowest(&plain, from, to);
        cr_assert(low >= from && low <= to);
        cr_assert_eq(low, wanted, "%lld, expected %lld: %.17g, %.17g", (long long)low, (long long)wanted,
                     plain_belief(&plain, low), plain_belief(&plain, wanted));
        ask_change(&o, &plain, from);
    }
}

static void play(struct belief belief, int rounds) {
    const unsigned index = belief.base * 8u + belief.wrap * 4u + belief.error * 2u + belief.grows;
    struct rng *rng = rng_open(3, "outlook", index);
    for (int round = 0; round < rounds; round++) {
        struct arena arena;
        arena_init(&arena);
        ask_outlook(&arena, rng, belief, rng_below(rng, 2) ? TICK_MINUTE : 1000);
        arena_free(&arena);
    }
    rng_close(rng);
}

Test(outlook, the_future_is_known) { play((struct belief){0}, 300); }
Test(outlook, another_series_is_believed) { play((struct belief){.base = true}, 600); }
Test(outlook, yesterday_is_believed) { play((struct belief){.base = true, .wrap = true}, 600); }
Test(outlook, an_error_at_once) { play((struct belief){.error = true}, 600); }
Test(outlook, an_error_that_grows) { play((struct belief){.error = true, .grows = true}, 1000); }
Test(outlook, all_of_it) { play((struct belief){.base = true, .wrap = true, .error = true, .grows = true}, 1000); }

/* A growing error ten years on: sums of error x t that are 10^7 times what is asked for. */
Test(outlook, a_late_error_loses_nothing) {
    enum { HOURS = 87648 };
    struct arena arena;
    arena_init(&arena);
    struct rng *rng = rng_open(4, "outlook", 0);
    struct steps truth = {.at_ns = &(int64_t){0}, .value = &(double){0}, .len = 1};
    struct forecast f = {.base = truth, .grows_ns = TICK_DAY,
                         .error = {.at_ns = arena_alloc(&arena, HOURS, sizeof(int64_t)),
                                   .value = arena_alloc(&arena, HOURS, sizeof(double)), .len = HOURS}};
    for (int64_t i = 0; i < HOURS; i++) {
        f.error.at_ns[i] = i * TICK_HOUR;
        f.error.value[i] = 20 + rng_normal(rng, 0, 30);
    }
    struct outlook o;
    outlook_open(&o, &arena, &truth, &f, 0);
    for (int q = 0; q < 60; q++) {
        const int64_t issued = (HOURS - 200) * TICK_HOUR + between(rng, 0, 100 * TICK_HOUR);
        const int64_t from = issued + between(rng, 0, 20 * TICK_HOUR), to = from + between(rng, 0, 40 * TICK_HOUR);
        const struct plain plain = {.truth = &truth, .base = &truth, .error = &f.error, .issued = issued,
                                    .grows = f.grows_ns};
        expect_sum(outlook_sum(&o, issued, from, to), plain_sum(&plain, from, to), 30 * tick_seconds(to - from) + 1e-6,
                   "a late sum");
    }
    rng_close(rng);
    arena_free(&arena);
}

/* ---- two functions made one ---- */

static void same_where_exact(const struct steps *x, const struct steps *y, struct rng *rng, int64_t from, int64_t to) {
    struct arena arena;
    arena_init(&arena);
    bool approximate = false;
    const double a = (double)between(rng, -3, 3), b = rng_normal(rng, 0, 2);
    const struct steps sum = steps_combine(&arena, x, a, y, b, &approximate);
    const struct steps product = steps_product(&arena, x, y, &approximate);
    for (size_t i = 1; i < sum.len; i++) cr_assert(sum.at_ns[i] > sum.at_ns[i - 1]);
    cr_assert(sum.period_ns == 0 || sum.at_ns[sum.len - 1] - sum.at_ns[0] < sum.period_ns);
    for (int q = 0; q < 100; q++) {
        const int64_t t = between(rng, from, to);
        const double vx = plain_value(x, t), vy = plain_value(y, t);
        cr_assert_eq(plain_value(&sum, t), a * vx + b * vy);
        cr_assert_eq(plain_value(&product, t), vx * vy);
    }
    arena_free(&arena);
}

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t last_ns(const struct steps *s) { return s->at_ns[s->len - 1]; }

Test(outlook, sums_and_products) {
    struct rng *rng = rng_open(5, "outlook", 0);
    for (int round = 0; round < 4000; round++) {
        struct arena arena;
        arena_init(&arena);
        const bool x_repeats = rng_below(rng, 2), y_repeats = rng_below(rng, 2);
        struct steps x = draw_steps(&arena, rng, 20, 1000, x_repeats), y = draw_steps(&arena, rng, 20, 1000, y_repeats);
        int64_t from = later(x.at_ns[0], y.at_ns[0]), to = from + 3000000;
        if (x.len == 1 || y.len == 1 || (!x_repeats && !y_repeats)) from -= 100000;
        else if (!x_repeats) to = later(from, last_ns(&x)); /* as long as the one that does not repeat lasts */
        else if (!y_repeats) to = later(from, last_ns(&y));
        same_where_exact(&x, &y, rng, from, to);
        arena_free(&arena);
    }
    rng_close(rng);
}

static struct steps even(struct arena *arena, size_t len, int64_t width, int64_t first) {
    struct steps s = {.at_ns = arena_alloc(arena, len, sizeof *s.at_ns),
                      .value = arena_alloc(arena, len, sizeof *s.value), .len = len, .period_ns = (int64_t)len * width};
    for (size_t i = 0; i < len; i++) {
        s.at_ns[i] = first + (int64_t)i * width;
        s.value[i] = (double)(i % 7);
    }
    return s;
}

Test(outlook, common_periods) {
    struct arena arena;
    arena_init(&arena);
    bool approximate = false;
    struct steps year = even(&arena, 8760, TICK_HOUR, 0), day = even(&arena, 24, TICK_HOUR, -10 * TICK_HOUR);
    struct steps week = even(&arena, 168, TICK_HOUR, 0), leap = even(&arena, 8784, TICK_HOUR, 0);
    struct steps flat = {.at_ns = &(int64_t){5}, .value = &(double){2}, .len = 1};
    struct steps both = steps_combine(&arena, &year, 1, &day, 1, &approximate);
    cr_assert(both.len == 8760 && both.period_ns == year.period_ns && !approximate);
    both = steps_product(&arena, &flat, &day, &approximate);
    cr_assert(both.len == 24 && both.period_ns == TICK_DAY && both.at_ns[0] == day.at_ns[0] && !approximate);
    flat.period_ns = 7; /* one value has no period of its own */
    both = steps_product(&arena, &day, &flat, &approximate);
    cr_assert(both.len == 24 && both.period_ns == TICK_DAY && !approximate);
    both = steps_combine(&arena, &flat, 1, &flat, 1, &approximate);
    cr_assert(both.len == 1 && both.value[0] == 4 && !approximate);
    both = steps_combine(&arena, &year, 1, &week, 1, &approximate);
    cr_assert(both.period_ns == 7 * year.period_ns && both.len == 7 * 8760 && !approximate);

    both = steps_combine(&arena, &year, 1, &leap, 1, &approximate); /* 366 years: too many ns to count */
    cr_assert(both.period_ns == leap.period_ns && both.len == 8784 && approximate);
    approximate = false;
    struct steps odd = even(&arena, 8761, TICK_HOUR + 1, 0);
    both = steps_combine(&arena, &year, 1, &odd, 1, &approximate);
    cr_assert(both.period_ns == odd.period_ns && both.len <= year.len + odd.len + 2 && approximate);
    struct steps some = even(&arena, 5000, TICK_S, 0), others = even(&arena, 5003, TICK_S, 0);
    approximate = false;
    both = steps_combine(&arena, &some, 1, &others, 1, &approximate); /* 50 million steps */
    cr_assert(both.period_ns == others.period_ns && both.len == 5003 && approximate);
    approximate = false;
    struct steps late = even(&arena, 24, TICK_HOUR, 3 * TICK_HOUR);
    both = steps_combine(&arena, &year, 1, &late, 1, &approximate);
    cr_assert(both.at_ns[0] == 3 * TICK_HOUR && both.period_ns == year.period_ns && approximate);
    approximate = false;
    year.period_ns = 0; /* a year once, and a day for ever: whole days */
    both = steps_combine(&arena, &year, 1, &day, 0, &approximate);
    cr_assert(both.at_ns[0] == 0 && both.period_ns == 365 * TICK_DAY && approximate);
    cr_assert_eq(plain_value(&both, 8759 * TICK_HOUR), year.value[8759]);
    arena_free(&arena);
}

Test(outlook, the_same_later) {
    struct rng *rng = rng_open(6, "outlook", 0);
    for (int round = 0; round < 1000; round++) {
        struct arena arena;
        arena_init(&arena);
        const struct steps s = draw_steps(&arena, rng, 20, 1000, rng_below(rng, 2));
        const int64_t delay = between(rng, 0, 900000);
        const struct steps delayed = steps_delayed(&arena, &s, delay);
        if (s.period_ns > 0 && s.len > 1) cr_assert_leq(delayed.at_ns[0], 0);
        for (int q = 0; q < 50; q++) {
            const int64_t t = between(rng, 0, 2000000);
            int64_t then = t - delay;
            while (s.period_ns > 0 && then < s.at_ns[0]) then += s.period_ns;
            cr_assert_eq(plain_value(&delayed, t), plain_value(&s, then));
        }
        arena_free(&arena);
    }
    rng_close(rng);
}

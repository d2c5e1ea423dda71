/* The search over a lattice against trying every point: the same least cost whenever passing and costs are monotone,
 * in few tests; bisection along one axis; alternatives without an order; all minima; contradictions found. */
#include "base/lattice.h"

#include "base/mem.h"
#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

/* A random monotone problem: each axis adds capacity and cost; a fleet passes with enough capacity, or, on an axis of
 * alternatives, with that alternative's own need. */
struct problem {
    double power[4], price[4], need[8], extra;
    size_t open_axis; /* of alternatives; 4: none */
};

static bool passes(const struct problem *p, const struct lattice *l, size_t point) {
    double power = 0, need = p->need[0];
    for (size_t a = 0; a < l->axes; a++)
        if (a == p->open_axis) need = p->need[lattice_at(l, point, a)];
        else power += p->power[a] * lattice_at(l, point, a);
    return power >= need;
}

static double floor_at(const struct problem *p, const struct lattice *l, size_t point) {
    double cost = 0;
    for (size_t a = 0; a < l->axes; a++)
        if (a != p->open_axis) cost += p->price[a] * lattice_at(l, point, a);
    return cost;
}

/* Work costs something beside the nodes, a little more on larger fleets. */
static double cost_at(const struct problem *p, const struct lattice *l, size_t point) {
    const double floor = floor_at(p, l, point);
    return floor + p->extra * (1 + 0.01 * floor);
}

static struct problem problem_draw(struct rng *rng, size_t axes, uint32_t len, size_t open_axis) {
    struct problem p = {.extra = rng_uniform(rng) * 2, .open_axis = open_axis};
    double all = 0;
    for (size_t a = 0; a < axes; a++) {
        p.power[a] = exp(1.5 * rng_uniform(rng));
        p.price[a] = p.power[a] * exp(0.6 * (rng_uniform(rng) - 0.5));
        if (a != open_axis) all += p.power[a] * (len - 1);
    }
    for (size_t i = 0; i < 8; i++) p.need[i] = all * 1.1 * rng_uniform(rng);
    return p;
}

static struct lattice solve(const struct problem *p, size_t axes, uint32_t len) {
    struct lattice l = {.axes = axes};
    for (size_t a = 0; a < axes; a++) {
        l.len[a] = len;
        l.helps[a] = l.grows[a] = a != p->open_axis;
    }
    lattice_open(&l);
    for (size_t i = 0; i < l.points; i++) l.floor[i] = floor_at(p, &l, i);
    for (size_t point; lattice_next(&l, &point);) {
        cr_assert(l.state[point] == LATTICE_OPEN || l.state[point] == LATTICE_MUST_PASS, "tested twice");
        lattice_tell(&l, point, passes(p, &l, point), cost_at(p, &l, point));
    }
    return l;
}

static double brute_force(const struct problem *p, const struct lattice *l) {
    double best = INFINITY;
    for (size_t i = 0; i < l->points; i++)
        if (passes(p, l, i)) best = fmin(best, cost_at(p, l, i));
    return best;
}

static double expect_optimum(size_t axes, uint32_t len, size_t open_axis, unsigned problems) {
    struct rng *rng = rng_open(7, "lattice", axes * 100 + len);
    double tests = 0, points = 0;
    for (unsigned i = 0; i < problems; i++) {
        const struct problem p = problem_draw(rng, axes, len, open_axis);
        struct lattice l = solve(&p, axes, len);
        const double best = brute_force(&p, &l);
        cr_assert_eq(l.best == LATTICE_NONE ? INFINITY : l.cost[l.best], best, "problem %u of %zu axes", i, axes);
        size_t a, b;
        cr_assert_not(lattice_contradiction(&l, &a, &b));
        tests += (double)l.tests;
        points += (double)l.points;
        lattice_close(&l);
    }
    rng_close(rng);
    cr_log_info("%zu axes of %u: %.1f %% of the points tested", axes, len, 100 * tests / points);
    return tests / points;
}

Test(lattice, the_optimum_in_few_tests) {
    cr_expect_leq(expect_optimum(2, 12, 4, 50), 0.15);
    cr_expect_leq(expect_optimum(3, 11, 4, 50), 0.08);
    cr_expect_leq(expect_optimum(4, 6, 4, 30), 0.10);
}

Test(lattice, alternatives_have_no_order) {
    expect_optimum(3, 7, 1, 50);
    expect_optimum(2, 8, 0, 50);
}

Test(lattice, one_axis_is_bisection) {
    for (uint32_t need = 0; need <= 64; need++) {
        const struct problem p = {.power = {1}, .price = {1}, .need = {need}, .open_axis = 4};
        struct lattice l = solve(&p, 1, 64);
        cr_expect_eq(l.best, need < 64 ? need : LATTICE_NONE);
        cr_expect_leq(l.tests, 10, "%zu tests for %u", l.tests, need);
        lattice_close(&l);
    }
}

/* Costs that fall along an axis: told that it does not grow, the search finds the least of a valley. */
Test(lattice, an_axis_that_does_not_grow) {
    struct lattice l = {.axes = 1, .len = {40}, .helps = {true}, .grows = {false}};
    lattice_open(&l);
    for (size_t i = 0; i < 40; i++) l.floor[i] = (double)i;
    for (size_t point; lattice_next(&l, &point);)
        lattice_tell(&l, point, point >= 5, (double)point + fabs((double)point - 17) * 3);
    cr_expect_eq(l.best, 17);
    cr_expect_lt(l.tests, 40);
    lattice_close(&l);
}

Test(lattice, all_minima) {
    struct lattice l = {.axes = 2, .len = {10, 10}, .helps = {true, true}, .minima = true};
    size_t minima = 0;
    lattice_open(&l);
    for (size_t point; lattice_next(&l, &point);) {
        const uint32_t x = lattice_at(&l, point, 0), y = lattice_at(&l, point, 1);
        lattice_tell(&l, point, 2 * x + 3 * y >= 18, 0);
    }
    for (uint32_t x = 0; x < 10; x++) /* of each x the least y, where the x before needs a larger one */
        for (uint32_t y = 0; y < 10; y++) {
            const bool pass = 2 * x + 3 * y >= 18, left = x > 0 && 2 * (x - 1) + 3 * y >= 18,
                       under = y > 0 && 2 * x + 3 * (y - 1) >= 18;
            if (!pass || left || under) continue;
            minima++;
            cr_expect_eq(l.state[lattice_index(&l, (uint32_t[]){x, y})], LATTICE_PASSED, "%u, %u", x, y);
        }
    cr_expect_eq(minima, 7);
    cr_expect_lt(l.tests, 40);
    lattice_close(&l);
}

/* A point that is known to cost as much as the best is not asked for, and nothing is concluded from it. */
Test(lattice, a_point_too_dear) {
    struct lattice l = {.axes = 1, .len = {3}, .helps = {true}, .grows = {true}};
    size_t point;
    lattice_open(&l);
    lattice_tell(&l, 2, true, 10);
    lattice_raise(&l, 1, 10);
    cr_assert(lattice_next(&l, &point));
    cr_expect_eq(point, 0);
    lattice_tell(&l, 0, false, 0);
    cr_expect_not(lattice_next(&l, &point));
    cr_expect_eq(l.state[1], LATTICE_OPEN);
    lattice_close(&l);
}

Test(lattice, a_contradiction_is_found) {
    struct lattice l = {.axes = 1, .len = {10}, .helps = {true}};
    size_t passed, failed;
    lattice_open(&l);
    lattice_tell(&l, 4, true, 4);
    cr_expect_not(lattice_contradiction(&l, &passed, &failed));
    lattice_tell(&l, 6, false, 0);
    cr_assert(lattice_contradiction(&l, &passed, &failed));
    cr_expect_eq(passed, 4);
    cr_expect_eq(failed, 6);
    lattice_close(&l);
}

/*
 * The planner against brute force: every way to buy up to so many nodes of two kinds in each of a few periods, over
 * random prices, lives, needs and standing nodes; and purchases of one kind by hand.
 */
#include "core/plan.h"

#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>

/* Needs 1, 2, 1 and a life of two periods: one in the first and one in the second cover all three, where three would
 * be bought if each node were thought of by itself. */
Test(plan, overlapping_lives) {
    struct plan_kind kind = {.price_usd = {10, 10, 10}, .life = 2};
    uint32_t bought[3];
    cr_expect_eq(plan_cover(&kind, 3, (const uint32_t[]){1, 2, 1}, bought), 20);
    cr_expect(bought[0] == 1 && bought[1] == 1 && bought[2] == 0);
    kind.standing[1] = 2;
    cr_expect_eq(plan_cover(&kind, 3, (const uint32_t[]){1, 2, 1}, NULL), 20);
    kind.standing[2] = 1;
    cr_expect_eq(plan_cover(&kind, 3, (const uint32_t[]){1, 2, 1}, NULL), 10);
}

/* A price that rises is a reason to buy early, a release date is one to wait. */
Test(plan, early_or_late) {
    struct plan_kind kind = {.price_usd = {10, 15, 20}, .life = 9};
    uint32_t bought[3];
    cr_expect_eq(plan_cover(&kind, 3, (const uint32_t[]){0, 1, 3}, bought), 30);
    cr_expect_eq(bought[0], 3);
    kind.price_usd[0] = INFINITY;
    cr_expect_eq(plan_cover(&kind, 3, (const uint32_t[]){0, 1, 3}, bought), 45);
    cr_expect_eq(plan_cover(&kind, 3, (const uint32_t[]){1, 0, 0}, NULL), INFINITY);
}

enum { PERIODS = 3, KINDS = 2, MOST = 3 };

static double cost_of(const struct plan_setup *s, uint32_t bought[KINDS][PERIODS]) {
    double usd = 0;
    for (size_t t = 0; t < PERIODS; t++) {
        uint32_t live[KINDS];
        for (size_t k = 0; k < KINDS; k++) {
            live[k] = s->kind[k].standing[t];
            for (size_t b = 0; b <= t; b++)
                if (b + s->kind[k].life > t) live[k] += bought[k][b];
            if (bought[k][t]) usd += bought[k][t] * s->kind[k].price_usd[t];
        }
        double running = INFINITY;
        for (size_t i = 0; i < s->period[t].fleets_len; i++) {
            const struct plan_fleet *f = &s->period[t].fleets[i];
            if (f->nodes[0] <= live[0] && f->nodes[1] <= live[1]) running = fmin(running, f->running_usd);
        }
        usd += running;
    }
    return usd;
}

static double brute_force(const struct plan_setup *s) {
    double best = INFINITY;
    uint32_t plans = 1;
    for (size_t i = 0; i < PERIODS * KINDS; i++) plans *= MOST + 1;
    for (uint32_t p = 0; p < plans; p++) {
        uint32_t bought[KINDS][PERIODS], rest = p;
        for (size_t k = 0; k < KINDS; k++)
            for (size_t t = 0; t < PERIODS; t++, rest /= MOST + 1) bought[k][t] = rest % (MOST + 1);
        best = fmin(best, cost_of(s, bought));
    }
    return best;
}

Test(plan, every_way_to_buy) {
    struct rng *rng = rng_open(3, "plan", 0);
    unsigned possible = 0;
    for (unsigned problem = 0; problem < 300; problem++) {
        struct plan_setup s = {.periods = PERIODS, .kinds = KINDS};
        struct plan_fleet fleets[PERIODS][MOST + 1];
        for (size_t k = 0; k < KINDS; k++) {
            s.kind[k].life = 1 + rng_below(rng, PERIODS);
            for (size_t t = 0; t < PERIODS; t++) {
                s.kind[k].price_usd[t] = rng_below(rng, 5) == 0 ? INFINITY : 1 + rng_uniform(rng) * 9;
                s.kind[k].standing[t] = t == 0 && rng_below(rng, 3) == 0;
            }
        }
        for (size_t t = 0; t < PERIODS; t++) { /* a staircase: more of one kind, less of the other */
            uint32_t y = (uint32_t)rng_below(rng, MOST + 1);
            size_t len = 0;
            for (uint32_t x = (uint32_t)rng_below(rng, 2); x <= MOST; x++) {
                fleets[t][len++] = (struct plan_fleet){.nodes = {x, y}, .running_usd = rng_uniform(rng) * 8};
                if (y == 0) break;
                y -= 1 + (uint32_t)rng_below(rng, y);
            }
            s.period[t] = (struct plan_period){fleets[t], len};
        }
        const struct plan plan = plan_solve(&s);
        const double best = brute_force(&s);
        possible += best < INFINITY;
        if (best < INFINITY) {
            cr_assert_float_eq(plan.usd, best, 1e-9, "problem %u: %.12g, brute force %.12g", problem, plan.usd, best);
            uint32_t bought[KINDS][PERIODS];
            for (size_t k = 0; k < KINDS; k++)
                for (size_t t = 0; t < PERIODS; t++) bought[k][t] = plan.bought[k][t];
            cr_assert_float_eq(cost_of(&s, bought), best, 1e-9, "the purchases are not worth that");
        } else {
            cr_assert_eq(plan.usd, INFINITY, "problem %u", problem);
        }
    }
    cr_expect(possible > 200 && possible < 300, "%u", possible);
    rng_close(rng);
}

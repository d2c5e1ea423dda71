/* Verdicts on targets: looks and their levels by hand, bounds against tables, and what they promise: over many
 * experiments with a known truth a wrong verdict is no more frequent than 1 - confidence. */
#include "base/verdict.h"

#include "base/rng.h"
#include "base/stats.h"

#include <criterion/criterion.h>
#include <math.h>

Test(verdict, looks) {
    const struct verdict_rule rule = {.least = 5, .most = 40, .confidence = 0.95};
    const size_t expected[] = {5, 8, 12, 18, 27, 40, 0};
    size_t done = 0;
    for (size_t i = 0; i < 7; i++) cr_expect_eq(done = verdict_next(&rule, done), expected[i]);
    cr_expect_eq(verdict_looks(&rule), 6);
    cr_expect_eq(verdict_looks(&(struct verdict_rule){.least = 1, .most = 1, .confidence = 0.95}), 1);
    cr_expect_eq(verdict_next(&(struct verdict_rule){.least = 1, .most = 3, .confidence = 0.95}, 1), 2);
}

/* t(4, 0.95) = 2.13185; values 1..5 have mean 3 and standard deviation 1.58114: 3 + 2.13185 x 0.70711 = 4.50744. */
Test(verdict, mean_by_hand) {
    const struct verdict_rule rule = {.least = 5, .most = 5, .confidence = 0.95};
    const double values[] = {1, 2, 3, 4, 5};
    struct verdict_target target = {.limit = 4.51, .at_most = true};
    struct verdict_of of = verdict_of(&rule, &target, values, 5);
    cr_expect_float_eq(of.most, 4.50744, 1e-5);
    cr_expect_float_eq(of.least, 1.49256, 1e-5);
    cr_expect_eq(of.verdict, VERDICT_HOLDS);
    target.limit = 4.5;
    cr_expect_eq(verdict_of(&rule, &target, values, 5).verdict, VERDICT_OPEN);
    target.limit = 1.49;
    cr_expect_eq(verdict_of(&rule, &target, values, 5).verdict, VERDICT_FAILS);
    target = (struct verdict_target){.limit = 1.49, .at_most = false};
    cr_expect_eq(verdict_of(&rule, &target, values, 5).verdict, VERDICT_HOLDS);
}

Test(verdict, what_does_not_vary_is_decided_at_once) {
    const struct verdict_rule rule = {.least = 3, .most = 9, .confidence = 0.95};
    const double none[] = {0, 0, 0}, some[] = {0, 1, 0, 0, 0, 0, 0, 0}, unknown[] = {1, NAN, 1};
    const struct verdict_target zero = {.limit = 0, .at_most = true};
    cr_expect_eq(verdict_of(&rule, &zero, none, 3).verdict, VERDICT_HOLDS);
    cr_expect_neq(verdict_of(&rule, &zero, some, 8).verdict, VERDICT_HOLDS);
    cr_expect_eq(verdict_of(&rule, &(struct verdict_target){.limit = 2, .at_most = true}, unknown, 3).verdict,
                 VERDICT_FAILS);
}

/* Clopper-Pearson by closed form: none of n at 95 % is at most 1 - 0.05^(1/n); all of n at least 0.05^(1/n). And by
 * what they are: at the bound, the probability of an outcome as extreme is 1 - level. */
Test(verdict, binomial_bounds) {
    cr_expect_float_eq(stats_binomial_most(0, 10, 0.95), 1 - pow(0.05, 0.1), 1e-12);
    cr_expect_float_eq(stats_binomial_least(10, 10, 0.95), pow(0.05, 0.1), 1e-12);
    cr_expect_eq(stats_binomial_least(0, 10, 0.95), 0);
    cr_expect_eq(stats_binomial_most(10, 10, 0.95), 1);
    const double p = stats_binomial_least(7, 10, 0.9);
    const double tail = 120 * pow(p, 7) * pow(1 - p, 3) + 45 * pow(p, 8) * pow(1 - p, 2) + 10 * pow(p, 9) * (1 - p) +
                        pow(p, 10);
    cr_expect_float_eq(tail, 0.1, 1e-9);
}

Test(verdict, share_of_replications) {
    const struct verdict_rule rule = {.least = 30, .most = 30, .confidence = 0.95};
    const struct verdict_target target = {.limit = 1, .at_most = true, .share = 0.9};
    double values[30] = {0};
    cr_expect_eq(verdict_of(&rule, &target, values, 30).verdict, VERDICT_HOLDS); /* 0.05^(1/30) = 0.905 */
    cr_expect_eq(verdict_of(&rule, &target, values, 28).verdict, VERDICT_OPEN);
    for (size_t i = 0; i < 8; i++) values[i] = 2;
    cr_expect_eq(verdict_of(&rule, &target, values, 30).verdict, VERDICT_FAILS);
}

/* The truth lies just on the wrong side: 2,000 experiments say the opposite at most as often as promised. */
static double wrong(double truth, double share) {
    const struct verdict_rule rule = {.least = 5, .most = 60, .confidence = 0.9};
    const struct verdict_target target = {.limit = 0, .at_most = true, .share = share};
    struct rng *rng = rng_open(11, "verdict", share > 0);
    size_t holds = 0;
    enum { EXPERIMENTS = 2000 };
    for (size_t e = 0; e < EXPERIMENTS; e++) {
        double values[60];
        for (size_t i = 0; i < 60; i++) values[i] = truth + rng_normal(rng, 0, 1);
        enum verdict verdict = VERDICT_OPEN;
        for (size_t n = 0; verdict == VERDICT_OPEN && (n = verdict_next(&rule, n)) > 0;)
            verdict = verdict_of(&rule, &target, values, n).verdict;
        holds += verdict == VERDICT_HOLDS;
    }
    rng_close(rng);
    return (double)holds / EXPERIMENTS;
}

Test(verdict, errs_no_more_than_it_says) {
    const double mean = wrong(1e-9, 0), share = wrong(-0.8416, 0.8001); /* the normal's 80 % point */
    cr_log_info("wrong: mean %.3f, share %.3f", mean, share);
    cr_expect_leq(mean, 0.1);
    cr_expect_geq(mean, 0.02); /* the bound is not idle */
    cr_expect_leq(share, 0.1);
}

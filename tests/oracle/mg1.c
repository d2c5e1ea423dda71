/*
 * M/G/1 against Pollaczek-Khinchine: the mean wait lies inside the 99 % confidence interval of 16
 * replications, for service times that are constant (squared coefficient of variation 0), lognormal (1.72) and
 * bounded Pareto (5.1), all of mean 1 h. HEADROOM_ALL measures ten times as many jobs. Seeds are fixed:
 * of intervals from random seeds one in a hundred misses (counted over 100 groups of 16 seeds for lognormal
 * service: 1; over 200 for constant service: 3).
 *
 * And without any statistics: on one server each wait follows from the one before (Lindley 1952), to the
 * nanosecond.
 */
#include "oracle/queue.h"

#include <criterion/criterion.h>

static const double sigma = 1, alpha = 1.5, spread = 300; /* of the Pareto: longest / shortest */

static double pareto_moment(double n, double shortest) {
    return alpha * pow(shortest, n) * (pow(spread, n - alpha) - 1) / ((n - alpha) * (1 - pow(spread, -alpha)));
}

static void constant(struct chosen d) { testing_param(d, "length", 3600); }
static void lognormal(struct chosen d) {
    testing_param(d, "median", 3600 * exp(-sigma * sigma / 2));
    testing_param(d, "sigma", sigma);
}
static void pareto(struct chosen d) {
    const double shortest = 3600 / pareto_moment(1, 1);
    testing_param(d, "shortest", shortest);
    testing_param(d, "longest", shortest * spread);
    testing_param(d, "alpha", alpha);
}

static void expect_formula(const char *durations, void (*tune)(struct chosen), double second_moment,
                           double rho) {
    /* The relaxation time grows with the residual service time, second moment / 2, from M/M/1's 1. */
    const struct queue q = {.servers = 1, .rho = rho, .durations = durations, .tune = tune,
                            .warm = (size_t)((double)queue_warm(1, rho) * fmax(1, second_moment / 2)),
                            .seed = 17,
                            .measured = (rho > 0.7 ? 40000 : 20000) * (testing_all() ? 10u : 1u)};
    const struct queue_answer got = queue_wait(&q);
    const double theory = stats_mg1_wait(rho, 1, second_moment);
    cr_log_info("%s, rho = %.2f: wait %.6g +- %.2g, Pollaczek-Khinchine %.6g, %llu jobs", durations, rho,
                got.wait, got.half_width, theory, (unsigned long long)got.jobs);
    cr_expect(fabs(got.wait - theory) <= got.half_width, "%s, rho = %.2f: wait %g +- %g, theory %g", durations,
              rho, got.wait, got.half_width, theory);
    cr_expect(got.half_width > 0 && got.half_width < 0.25 * theory, "%s: an interval of %g tests nothing",
              durations, got.half_width);
}

Test(mg1, constant_service) {
    expect_formula("constant", constant, 1, 0.5);
    expect_formula("constant", constant, 1, 0.8);
}
Test(mg1, lognormal_service) {
    expect_formula("lognormal", lognormal, exp(sigma * sigma), 0.5);
    expect_formula("lognormal", lognormal, exp(sigma * sigma), 0.8);
}
Test(mg1, bounded_pareto_service) {
    const double second = pareto_moment(2, 1) / pow(pareto_moment(1, 1), 2);
    cr_expect(second > 4 && second < 10, "second moment %g", second);
    expect_formula("bounded_pareto", pareto, second, 0.5);
    expect_formula("bounded_pareto", pareto, second, 0.8);
}

Test(mg1, every_wait_is_lindleys) {
    struct arena arena;
    struct setup setup;
    struct jobs jobs;
    arena_init(&arena);
    testing_setup(&setup);
    testing_pool(&setup, "server", 1, 1);
    double one[] = {1};
    struct load_class class = queue_class(&arena, "bounded_pareto", one);
    pareto(class.durations);
    struct load_setup load = {.jobs_most = 50000, .until_ns = TICK_NEVER, .classes = &class, .classes_len = 1,
                              .arrivals = testing_model(&arena, KIND_ARRIVALS, "poisson")};
    testing_param(load.arrivals, "rate", 0.9);
    load_generate(&load, 1, &jobs);
    struct result result = testing_run(&setup, &jobs);
    int64_t free_ns = 0;
    for (size_t j = 0; j < jobs.len; j++) {
        const struct job *job = &result.jobs->at[j];
        const int64_t start_ns = job->submit_ns > free_ns ? job->submit_ns : free_ns;
        free_ns = start_ns + job->run_ns;
        cr_assert(job->start_ns == start_ns && job->end_ns == free_ns, "job %zu", j);
    }
    result_free(&result);
    jobs_free(&jobs);
    testing_setup_free(&setup);
    arena_free(&arena);
}

/* The oracle itself: constant service waits half as long as exponential, whose second moment is 2. */
Test(mg1, closed_form) {
    cr_expect_float_eq(stats_mg1_wait(0.8, 1, 2), stats_mmc_wait(1, 0.8), 1e-12);
    cr_expect_float_eq(stats_mg1_wait(0.8, 1, 1), stats_mmc_wait(1, 0.8) / 2, 1e-12);
}

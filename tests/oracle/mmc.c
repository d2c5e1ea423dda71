/*
 * M/M/c against Erlang C: the mean wait lies inside the 99 % confidence interval of 16 replications, for 1, 8
 * and 64 servers at loads 0.5, 0.8 and 0.95. HEADROOM_ALL measures ten times as many jobs. Seeds are fixed:
 * of intervals from random seeds one in a hundred misses.
 *
 * At 64 servers and load 0.5 one job in 10^8 waits, so no run of this length sees any and an interval of zero
 * width says nothing; then the outcome "nobody waited" itself must have a probability of at least 1 %.
 */
#include "oracle/queue.h"

#include <criterion/criterion.h>

static void hour(struct chosen durations) { testing_param(durations, "mean", 3600); }

static void expect_erlang(uint32_t servers, double rho) {
    const struct queue q = {.servers = servers, .rho = rho, .durations = "exponential", .tune = hour,
                            .warm = queue_warm(servers, rho), .seed = 17,
                            .measured = (rho > 0.9 ? 40000 : 10000) * (testing_all() ? 10u : 1u)};
    const struct queue_answer got = queue_wait(&q);
    const double theory = stats_mmc_wait(servers, rho);
    cr_log_info("c = %u, rho = %.2f: wait %.6g +- %.2g, Erlang C %.6g, %llu jobs", servers, rho, got.wait,
                got.half_width, theory, (unsigned long long)got.jobs);
    if (got.half_width > 0) {
        cr_expect(fabs(got.wait - theory) <= got.half_width, "c = %u, rho = %.2f: wait %g +- %g, Erlang C %g",
                  servers, rho, got.wait, got.half_width, theory);
    } else {
        const double waiting = theory * servers * (1 - rho); /* its probability: mean wait x spare rate */
        cr_expect_eq(got.wait, 0);
        cr_expect(pow(1 - waiting, (double)got.jobs) >= 0.01, "c = %u, rho = %.2f: nobody of %llu waited",
                  servers, rho, (unsigned long long)got.jobs);
    }
}

Test(mmc, one_server) {
    expect_erlang(1, 0.5);
    expect_erlang(1, 0.8);
    expect_erlang(1, 0.95);
}
Test(mmc, eight_servers) {
    expect_erlang(8, 0.5);
    expect_erlang(8, 0.8);
    expect_erlang(8, 0.95);
}
Test(mmc, sixty_four_servers) {
    expect_erlang(64, 0.5);
    expect_erlang(64, 0.8);
    expect_erlang(64, 0.95);
}

/* The oracle itself, against values worked out by hand: M/M/1 rho / (1 - rho); M/M/2 rho^2 / (1 - rho^2). */
Test(mmc, closed_form) {
    cr_expect_float_eq(stats_mmc_wait(1, 0.5), 1, 1e-12);
    cr_expect_float_eq(stats_mmc_wait(1, 0.95), 19, 1e-10);
    cr_expect_float_eq(stats_mmc_wait(2, 0.8), 0.64 / 0.36, 1e-12);
}

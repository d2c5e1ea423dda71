/*
 * Queues whose servers take time to set up: nodes that go off when idle and boot when wanted.
 *
 * M/M/1, by Welch (On a generalized M/G/1 queuing process in which the first customer of each busy period
 * receives exceptional service, Operations Research 12(5), 1964): with the set-up V that a customer who
 * finds the system empty pays (0 where the server has not gone off yet),
 *     wait = rho / (mu - lambda) + (2 E V + lambda E V^2) / (2 (1 + lambda E V)).
 *
 * M/M/c with exponential set-ups has no such form for our rule: nodes go off as soon as they idle; whenever
 * fewer nodes boot than jobs wait, another is woken; none that boots is called off. Its Markov chain over
 * (busy, booting, waiting), cut where nobody would wait any more, is solved as a linear system, and
 * Little's law gives the wait.
 */
#include "oracle/queue.h"

#include <criterion/criterion.h>
#include <gsl/gsl_linalg.h>

struct servers {
    double setup_h, after_h;
    bool exponential;
};

static void sleeping(struct pool_setup *pool, const void *context) {
    const struct servers *s = context;
    pool->sleep = (struct sleep_setup){.on = true, .after_ns = tick_from_seconds(3600 * s->after_h),
                                       .boot_ns = tick_from_seconds(3600 * s->setup_h),
                                       .boot_exponential = s->exponential};
}

static void hour(struct chosen durations) { testing_param(durations, "mean", 3600); }

static struct queue_answer simulated(uint32_t servers, double rho, const struct servers *are) {
    const struct queue q = {.servers = servers, .rho = rho, .durations = "exponential", .tune = hour,
                            .servers_are = sleeping, .context = are, .warm = queue_warm(servers, rho) + 100,
                            .measured = 6000 * (testing_all() ? 10u : 1u), .seed = 23};
    return queue_wait(&q);
}

static void expect_wait(uint32_t servers, double rho, const struct servers *are, double theory) {
    const struct queue_answer got = simulated(servers, rho, are);
    cr_log_info("c = %u, rho = %g, set-up %g h, off after %g h: wait %.6g +- %.2g, theory %.6g", servers, rho,
                are->setup_h, are->after_h, got.wait, got.half_width, theory);
    cr_expect(fabs(got.wait - theory) <= got.half_width, "c = %u, rho = %g, set-up %g h: %g +- %g, theory %g",
              servers, rho, are->setup_h, got.wait, got.half_width, theory);
    cr_expect_lt(got.half_width, 0.1 * theory, "the interval says nothing");
}

/* ---- one server ---- */

static double welch(double rho, const struct servers *s) {
    const double asleep = exp(-rho * s->after_h); /* nobody comes before it goes off */
    const double v = asleep * s->setup_h, v2 = asleep * s->setup_h * s->setup_h * (s->exponential ? 2 : 1);
    return rho / (1 - rho) + (2 * v + rho * v2) / (2 * (1 + rho * v));
}

Test(setup_times, one_server_against_welch) {
    static const struct servers cases[] = {
        {0.5, 0, false}, {2, 0, false}, {1, 0, true}, {2, 1, false}, {2, 3, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_wait(1, 0.4, &cases[i], welch(0.4, &cases[i]));
        expect_wait(1, 0.7, &cases[i], welch(0.7, &cases[i]));
    }
}

/* ---- several ---- */

enum { WAITING_MOST = 70 };

struct chain {
    uint32_t servers;
    double arrivals, set_ups; /* rates an hour; a job is served at rate 1 */
    gsl_matrix *flow;         /* column: from; row: to */
};

static size_t state_of(const struct chain *c, uint32_t busy, uint32_t booting, uint32_t waiting) {
    return ((size_t)busy * (c->servers + 1) + booting) * (WAITING_MOST + 1) + waiting;
}

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* As many boot as wait, where nodes are left; more, where jobs that waited found a busy server free. */
static bool possible(const struct chain *c, uint32_t busy, uint32_t booting, uint32_t waiting) {
    return busy + booting <= c->servers && booting >= least(waiting, c->servers - busy);
}

static void flow_to(const struct chain *c, size_t from, double rate, uint32_t busy, uint32_t booting,
                    uint32_t waiting) {
    const uint32_t wanted = least(waiting, c->servers - busy);
    if (booting < wanted) booting = wanted;
    const size_t to = state_of(c, busy, booting, waiting);
    *gsl_matrix_ptr(c->flow, to, from) += rate;
    *gsl_matrix_ptr(c->flow, from, from) -= rate;
}

static void flows_of(const struct chain *c, uint32_t n, uint32_t b, uint32_t q) {
    const size_t from = state_of(c, n, b, q);
    if (q < WAITING_MOST) flow_to(c, from, c->arrivals, n, b, q + 1);
    if (n > 0) flow_to(c, from, n, q > 0 ? n : n - 1, b, q > 0 ? q - 1 : 0);
    if (b > 0) flow_to(c, from, b * c->set_ups, q > 0 ? n + 1 : n, b - 1, q > 0 ? q - 1 : 0);
}

/* Mean wait in hours. */
static double chain_wait(uint32_t servers, double rho, double setup_h) {
    const size_t side = servers + 1, states = side * side * (WAITING_MOST + 1);
    const struct chain c = {.servers = servers, .arrivals = rho * servers, .set_ups = 1 / setup_h,
                            .flow = gsl_matrix_calloc(states, states)};
    for (uint32_t n = 0; n <= servers; n++)
        for (uint32_t b = 0; b <= servers; b++)
            for (uint32_t q = 0; q <= WAITING_MOST; q++) {
                const size_t at = state_of(&c, n, b, q);
                if (possible(&c, n, b, q)) flows_of(&c, n, b, q);
                else gsl_matrix_set(c.flow, at, at, 1); /* there is no such state */
            }
    gsl_vector *right = gsl_vector_calloc(states), *share = gsl_vector_alloc(states);
    gsl_permutation *order = gsl_permutation_alloc(states);
    for (size_t i = 0; i < states; i++) gsl_matrix_set(c.flow, 0, i, 1); /* for one balance: the sum is 1 */
    gsl_vector_set(right, 0, 1);
    int sign;
    gsl_linalg_LU_decomp(c.flow, order, &sign);
    gsl_linalg_LU_solve(c.flow, order, right, share);
    double waiting = 0, last = 0;
    for (uint32_t n = 0; n <= servers; n++)
        for (uint32_t b = 0; n + b <= servers; b++)
            for (uint32_t q = 0; q <= WAITING_MOST; q++) {
                const double p = gsl_vector_get(share, state_of(&c, n, b, q));
                waiting += q * p;
                if (q == WAITING_MOST) last += p;
            }
    cr_assert_lt(last, 1e-6, "the chain is cut too early: %g", last);
    gsl_permutation_free(order);
    gsl_vector_free(right);
    gsl_vector_free(share);
    gsl_matrix_free(c.flow);
    return waiting / c.arrivals;
}

/* The chain itself: one server against the closed form, and set-ups of no time against Erlang C. */
Test(setup_times, the_chain_is_right_where_a_form_is_known) {
    const struct servers one = {1, 0, true};
    cr_expect_float_eq(chain_wait(1, 0.6, 1), welch(0.6, &one), 1e-6);
    cr_expect_float_eq(chain_wait(3, 0.6, 1e-7), stats_mmc_wait(3, 0.6), 1e-5);
}

Test(setup_times, several_servers_against_their_markov_chain) {
    for (uint32_t servers = 2; servers <= 3; servers++)
        for (double setup_h = 0.5; setup_h < 2.5; setup_h += 1.5) {
            const struct servers are = {setup_h, 0, true};
            expect_wait(servers, 0.4, &are, chain_wait(servers, 0.4, setup_h));
            expect_wait(servers, 0.7, &are, chain_wait(servers, 0.7, setup_h));
        }
}

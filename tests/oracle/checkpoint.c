/*
 * Checkpoints and failures: one long job on a node that fails at random, run by the simulator with
 * intervals around the published optimum.
 *
 * Closed forms (Daly 2006, with repairs). M is the mean time between failures, D the repair, R the restore.
 * From a failure until work goes on takes Y = D e^(R/M) + M (e^(R/M) - 1) on average, as the restore may
 * fail too. A segment of length L (work and write) takes S = (e^(L/M) - 1) (M + Y), and fails e^(L/M) - 1
 * times; each time it loses what it worked: at most its work, the write destroys nothing more.
 */
#include "support/param.h"
#include "support/testing.h"

#include "base/stats.h"
#include "base/tick.h"
#include "core/checkpoint.h"

#include <criterion/criterion.h>
#include <math.h>

static const double write_s = 60, restore_s = 30, repair_s = 100;
enum { SEEDS = 12, SEGMENTS = 4000 };

struct outcome {
    double hours, lost_h, failures;
};

static struct chosen lifetime(struct setup *setup, const char *name, double mean_s) {
    const struct chosen c = testing_model(&setup->arena, KIND_LIFETIME, name);
    testing_param(c, "mean", mean_s);
    return c;
}

static struct outcome simulate(double mean_s, struct checkpoint_setup checkpoint, double work_s,
                               uint64_t seed) {
    struct setup setup;
    struct jobs jobs;
    testing_setup(&setup);
    setup.seed = seed;
    struct pool_setup *pool = testing_pool(&setup, "p", 1, 1);
    pool->faults.node_every = lifetime(&setup, "exponential", mean_s);
    pool->faults.repair = lifetime(&setup, "constant", repair_s);
    checkpoint.write_ns = tick_from_seconds(write_s);
    checkpoint.restore_ns = tick_from_seconds(restore_s);
    setup.policy.checkpoint = checkpoint;
    setup.horizon_ns = tick_from_seconds(2.5 * work_s);
    jobs_init(&jobs, 0);
    testing_job(&jobs, 0, work_s, 1);
    struct result result = testing_run(&setup, &jobs);
    const struct tally *run = testing_tally(&result, PART_RUN, NULL);
    cr_assert_eq(run->finished, 1, "M = %g h: not done after 2.5 times its work", mean_s / 3600);
    cr_assert_lt(result.ledger_error, 1e-9);
    cr_assert(testing_near(run->useful_gpu_h + run->lost_gpu_h + run->overhead_gpu_h, run->held_gpu_h, 1e-9));
    const struct outcome o = {.hours = tick_hours(result.jobs->at[0].end_ns), .lost_h = run->lost_gpu_h,
                              .failures = (double)run->failures};
    result_free(&result);
    jobs_free(&jobs);
    testing_setup_free(&setup);
    return o;
}

static struct checkpoint_setup every(double s) {
    return (struct checkpoint_setup){.kind = CHECKPOINT_FIXED, .every_ns = tick_from_seconds(s)};
}

static double published_s(int kind, double mean_s) {
    struct checkpoint_setup c = {.write_ns = tick_from_seconds(write_s)};
    c.kind = kind;
    return tick_seconds(checkpoint_cycle(&c, 1e-9 / mean_s).every_ns);
}

/* ---- what is lost, and how long it takes ---- */

/* Work of an attempt that fails within `length`, x the chance that it does. */
static double worked_s(double m, double every_s, double length) {
    return m * (1 - exp(-every_s / m) * (1 + every_s / m)) + every_s * (exp(-every_s / m) - exp(-length / m));
}

static struct outcome expected(double mean_s, double every_s, double segments) {
    const double m = mean_s, y = repair_s * exp(restore_s / m) + m * expm1(restore_s / m);
    const double length = every_s + write_s;
    const double lost_s = expm1(length / m) * worked_s(m, every_s, length) / -expm1(-length / m);
    const double lost_last_s = expm1(every_s / m) * worked_s(m, every_s, every_s) / -expm1(-every_s / m);
    const double fails = (segments - 1) * expm1(length / m) + expm1(every_s / m); /* the last: no write */
    return (struct outcome){.hours = fails * (m + y) / 3600,
                            .lost_h = ((segments - 1) * lost_s + lost_last_s) / 3600};
}

static void expect_inside(const char *what, double mean_s, double *values, double theory) {
    const struct stats_summary s = stats_summarise(values, SEEDS);
    const double half = stats_t_half_width(s.sd, SEEDS, 0.99);
    cr_log_info("%s, M = %g h: %.6g +- %.2g, closed form %.6g", what, mean_s / 3600, s.mean, half, theory);
    cr_expect(fabs(s.mean - theory) <= half, "%s, M = %g h: %g +- %g, closed form %g", what, mean_s / 3600,
              s.mean, half, theory);
    cr_expect_lt(half, 0.1 * theory, "the interval says nothing");
}

Test(checkpoint, lost_work_and_time_are_those_of_the_closed_form) {
    for (double mean_s = 1800; mean_s < 200000; mean_s *= 5)
        for (double share = 0.5; share <= 2; share *= 2) {
            const double every_s = share * published_s(CHECKPOINT_DALY, mean_s);
            const struct outcome theory = expected(mean_s, every_s, SEGMENTS);
            double hours[SEEDS], lost[SEEDS];
            for (uint64_t seed = 0; seed < SEEDS; seed++) {
                const struct outcome o = simulate(mean_s, every(every_s), SEGMENTS * every_s, seed + 1);
                hours[seed] = o.hours;
                lost[seed] = o.lost_h;
            }
            expect_inside("hours", mean_s, hours, theory.hours);
            expect_inside("lost", mean_s, lost, theory.lost_h);
        }
}

/* ---- the best interval ---- */

enum { INTERVALS = 9 };

/* The least value of a + b / x + c x + d x^2 fitted to the points: what the time taken looks like near it, as
 * a function of the interval. Normal equations of four unknowns, by elimination. */
static double least_of_fit(const double *x, const double *y) {
    double n[4][5] = {{0}};
    for (int i = 0; i < INTERVALS; i++) {
        const double row[5] = {1, 1 / x[i], x[i], x[i] * x[i], y[i]};
        for (int a = 0; a < 4; a++)
            for (int b = 0; b < 5; b++) n[a][b] += row[a] * row[b];
    }
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < 4; b++) {
            if (b == a) continue;
            const double factor = n[b][a] / n[a][a];
            for (int c = 0; c < 5; c++) n[b][c] -= factor * n[a][c];
        }
    double best = x[0], least = INFINITY;
    for (double at = x[0]; at <= x[INTERVALS - 1]; at += 1e-3) {
        const double value = n[1][4] / n[1][1] / at + n[2][4] / n[2][2] * at + n[3][4] / n[3][3] * at * at;
        if (value < least) {
            least = value;
            best = at;
        }
    }
    return best;
}

/* The interval at which the same work takes the simulator least, in units of the published one. The same
 * seeds for all intervals: the same failures. */
static double simulated_best(double mean_s, double published) {
    double x[INTERVALS], y[INTERVALS];
    for (int i = 0; i < INTERVALS; i++) {
        x[i] = 0.5 * pow(4, i / (INTERVALS - 1.0));
        y[i] = 0;
        const double work_s = 3000 * mean_s;
        for (uint64_t seed = 101; seed < 106; seed++)
            y[i] += simulate(mean_s, every(x[i] * published), work_s, seed).hours * 3600 / work_s;
    }
    return least_of_fit(x, y);
}

Test(checkpoint, the_best_interval_is_the_published_one) {
    for (double mean_s = 900; mean_s < 1e6; mean_s *= 8) {
        const double daly = published_s(CHECKPOINT_DALY, mean_s);
        const double young = published_s(CHECKPOINT_YOUNG, mean_s);
        const double best = simulated_best(mean_s, daly);
        const double of_young = best * daly / young;
        cr_log_info("M = %g h: best interval %.4g of Daly's, %.4g of Young's", mean_s / 3600, best, of_young);
        cr_expect(fabs(best - 1) < 0.05, "M = %g h: the best interval is %g of Daly's", mean_s / 3600, best);
        if (mean_s > 400 * write_s) /* first order: right where a write is short against M */
            cr_expect(fabs(of_young - 1) < 0.05, "M = %g h: %g of Young's", mean_s / 3600, of_young);
    }
}

/* A policy that asks for Daly's interval gets it, from the failure rate of the job's own nodes. */
Test(checkpoint, the_policy_takes_the_interval_of_its_nodes) {
    for (double mean_s = 1800; mean_s < 1e5; mean_s *= 7) {
        const double work_s = 200 * mean_s;
        const struct checkpoint_setup daly = {.kind = CHECKPOINT_DALY};
        const struct outcome asked = simulate(mean_s, daly, work_s, 5);
        const struct outcome given = simulate(mean_s, every(published_s(CHECKPOINT_DALY, mean_s)), work_s, 5);
        cr_expect(testing_near(asked.hours, given.hours, 1e-6), "%g h, %g h", asked.hours, given.hours);
        cr_expect(testing_near(asked.lost_h, given.lost_h, 1e-4), "%g h, %g h", asked.lost_h, given.lost_h);
    }
}

/* ---- how often nodes fail, and how long they are up ---- */

struct nodes {
    const char *node, *repair;
    double node_mean_s, gpu_mean_s, repair_mean_s; /* gpu_mean_s 0: GPUs never fail */
    uint32_t gpus;
    double mean_s; /* between failures, by theory */
};

/* A job sits on every node, so each failure is one job's, and it restarts when the node is back. */
static void expect_availability(const struct nodes *n) {
    enum { NODES = 300 };
    const double cycle_s = n->mean_s + n->repair_mean_s;
    struct setup setup;
    struct jobs jobs;
    testing_setup(&setup);
    struct pool_setup *pool = testing_pool(&setup, "p", NODES, n->gpus);
    pool->faults.node_every = lifetime(&setup, n->node, n->node_mean_s);
    if (n->gpu_mean_s > 0) pool->faults.gpu_every = lifetime(&setup, "exponential", n->gpu_mean_s);
    pool->faults.repair = lifetime(&setup, n->repair, n->repair_mean_s);
    setup.measure_from_ns = tick_from_seconds(20 * cycle_s); /* all nodes were new at 0 */
    setup.measure_to_ns = setup.horizon_ns = tick_from_seconds(120 * cycle_s);
    jobs_init(&jobs, 0);
    for (uint32_t i = 0; i < NODES; i++) testing_job(&jobs, 0, 1e9, n->gpus);
    struct result result = testing_run(&setup, &jobs);
    const struct tally *p = testing_tally(&result, PART_POOL, "p");
    const struct tally *run = testing_tally(&result, PART_RUN, NULL);
    const double up = p->up_gpu_h / p->capacity_gpu_h, theory = n->mean_s / cycle_s;
    const double cycles = NODES * 120.0, failures = (double)run->failures; /* of the whole run */
    cr_log_info("%s, repair %s: up %.5f, theory %.5f; %g failures, theory %g", n->node, n->repair, up, theory,
                failures, cycles);
    /* Four standard errors; a time up and a repair vary by less than 1.4 times their means. */
    cr_expect(fabs(up - theory) < 4 * 2 * theory * (1 - theory) / sqrt(cycles * 100 / 120),
              "%s: up %g, theory %g", n->node, up, theory);
    cr_expect(fabs(failures / cycles - 1) < 4 * 1.4 / sqrt(cycles), "%s: %g failures, theory %g", n->node,
              failures, cycles);
    cr_expect(testing_near(p->held_gpu_h, p->up_gpu_h, 1e-9), "a node was up without its job");
    result_free(&result);
    jobs_free(&jobs);
    testing_setup_free(&setup);
}

Test(checkpoint, availability_is_mean_over_mean_and_repair) {
    static const struct nodes cases[] = {{"exponential", "constant", 1000, 0, 100, 1, 1000},
                                         {"weibull", "lognormal", 1000, 0, 250, 2, 1000},
                                         {"lognormal", "exponential", 5000, 0, 5000, 1, 5000},
                                         {"exponential", "exponential", 2000, 8000, 100, 8, 2000 / 3.0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) expect_availability(&cases[i]);
}

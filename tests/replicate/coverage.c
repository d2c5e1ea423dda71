/*
 * What `headroom compare` calls 95 % is 95 %: experiments with a known truth, run by the simulator. An
 * experiment is twenty replications of an M/M/2 queue at 70 % load, whose mean wait Erlang C knows; its first
 * jobs are left out until the queue has forgotten that it began empty. Student's and the bootstrap's interval
 * must hold the true mean in 95 % of the experiments.
 *
 * The same experiments, three at a time, are a comparison of three equal groups in three metrics: six tests
 * in which there is nothing to find. After Holm's correction at most 5 % of the comparisons may find
 * something.
 *
 * HEADROOM_ALL makes 1,000 experiments: coverage must lie between 94 and 96 %. By default there are 90, and
 * the bands are those a count of so many falls out of once in a thousand times (binomial).
 */
#include "oracle/queue.h"

#include "base/infer.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { REPLICATIONS = 20, GROUPS = 3, METRICS = 3, SERVERS = 2, MEASURED = 4000 };
static const double rho = 0.7;

static void hour(struct chosen durations) { testing_param(durations, "mean", 3600); }

struct replication {
    double figure[METRICS]; /* the first is the mean wait, in service times */
};

static struct replication replicate(const struct queue *q, const struct load_setup *load, uint64_t seed) {
    const struct tally run = queue_tally(q, load, seed);
    return (struct replication){{run.wait_s.mean / 3600, run.wait_s.p90 / 3600, run.held_gpu_h}};
}

/* P(X <= most) of a binomial count. */
static double binomial_at_most(size_t most, size_t count, double p) {
    double sum = 0;
    for (size_t k = 0; k <= most; k++)
        sum += exp(lgamma((double)count + 1) - lgamma((double)k + 1) - lgamma((double)(count - k) + 1) +
                   (double)k * log(p) + (double)(count - k) * log1p(-p));
    return sum;
}

static void expect_coverage(const char *interval, size_t held, size_t count) {
    const double share = (double)held / (double)count;
    cr_log_info("%s: %zu of %zu intervals hold the mean, %.1f %%", interval, held, count, 100 * share);
    if (testing_all()) {
        cr_expect(share >= 0.94 && share <= 0.96, "%s covers %.1f %%", interval, 100 * share);
    } else {
        cr_expect_geq(binomial_at_most(held, count, 0.95), 0.0005, "%s covers %.1f %%", interval,
                      100 * share);
    }
}

/* At least so many of count, where each has a chance of one in twenty. */
static double chance_of(size_t least, size_t count) {
    return least ? 1 - binomial_at_most(least - 1, count, 0.05) : 1;
}

/* What three equal groups look like to a comparison; group 0 is the baseline, replications of one number are
 * a pair. */
struct found {
    size_t families;  /* comparisons */
    size_t alone;     /* in which the first test, alone, finds something */
    size_t corrected; /* in which some test does after Holm */
};

static void compare(const struct replication (*groups)[REPLICATIONS], struct found *found) {
    double p[METRICS * (GROUPS - 1)];
    size_t tests = 0;
    for (size_t m = 0; m < METRICS; m++) {
        for (size_t g = 1; g < GROUPS; g++) {
            double d[REPLICATIONS];
            for (size_t r = 0; r < REPLICATIONS; r++) d[r] = groups[g][r].figure[m] - groups[0][r].figure[m];
            const struct infer_mean mean = infer_mean(d, REPLICATIONS, 0.95);
            p[tests++] = infer_t_p(mean.mean, mean.sd, REPLICATIONS);
        }
    }
    bool some = false;
    found->alone += p[0] <= 0.05;
    infer_holm(p, tests, p);
    for (size_t i = 0; i < tests; i++) some |= p[i] <= 0.05;
    found->corrected += some;
    found->families++;
}

static void expect_little(const struct found *found) {
    cr_log_info("of %zu comparisons of equal groups a test alone finds something in %zu, six corrected by "
                "Holm in %zu",
                found->families, found->alone, found->corrected);
    cr_expect_geq(chance_of(found->corrected, found->families), 0.001);
    cr_expect_geq(chance_of(found->alone, found->families), 0.001);
    /* A p that is too large finds nothing. */
    cr_expect_geq(binomial_at_most(found->alone, found->families, 0.05), 0.001);
}

Test(coverage, of_intervals_and_of_nothing) {
    struct arena arena;
    double one[] = {1};
    arena_init(&arena);
    const struct queue q = {.servers = SERVERS, .rho = rho, .warm = queue_warm(SERVERS, rho),
                            .measured = MEASURED};
    struct load_class class = queue_class(&arena, "exponential", one);
    struct load_setup load = {.jobs_most = q.warm + q.measured, .until_ns = TICK_NEVER,
                              .classes = &class, .classes_len = 1,
                              .arrivals = testing_model(&arena, KIND_ARRIVALS, "poisson")};
    testing_param(load.arrivals, "rate", rho * SERVERS);
    hour(class.durations);

    const size_t experiments = testing_all() ? 1000 : 90;
    const double truth = stats_mmc_wait(SERVERS, rho);
    struct replication (*groups)[REPLICATIONS] = mem_zero(GROUPS, sizeof *groups);
    struct found found = {0};
    size_t t = 0, boot = 0;
    for (size_t e = 0; e < experiments; e++) {
        double waits[REPLICATIONS];
        for (size_t r = 0; r < REPLICATIONS; r++) {
            groups[e % GROUPS][r] = replicate(&q, &load, 1 + e * REPLICATIONS + r);
            waits[r] = groups[e % GROUPS][r].figure[0];
        }
        const struct infer_mean m = infer_mean(waits, REPLICATIONS, 0.95);
        t += m.t.low <= truth && truth <= m.t.high;
        boot += m.boot.low <= truth && truth <= m.boot.high;
        if (e % GROUPS + 1 == GROUPS) compare((const struct replication(*)[REPLICATIONS])groups, &found);
    }
    free(groups);
    arena_free(&arena);
    expect_coverage("Student's t", t, experiments);
    expect_coverage("the bootstrap", boot, experiments);
    expect_little(&found);
}

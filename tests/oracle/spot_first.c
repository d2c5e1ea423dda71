/*
 * Spot capacity with a deadline: under spot_first no job misses a deadline that on-demand capacity alone would have
 * met, however the spot market comes and goes, and the bill is smaller than on demand alone.
 *
 * Availability is random; deadlines leave between nothing and three times the run time beyond what an on-demand run
 * needs: provisioning, restoring, its checkpoints. Among many jobs they leave the policy's margin on top: a node that
 * one job had rented may go to another that stands before it in line, and its own comes up to a provisioning later.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "base/tick.h"
#include "core/checkpoint.h"
#include "core/seams.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

enum { JOBS_MOST = 30, STEPS = 400, ROUNDS = 60, MARGIN_S = 600 };

static void draw_market(struct setup *setup, struct rng *rng, bool notice) {
    struct testing_step steps[STEPS];
    double t = 0;
    for (int i = 0; i < STEPS; i++) {
        steps[i] = (struct testing_step){t, (double)rng_below(rng, 4) * (double)rng_below(rng, 3)};
        t += 600 * (1 + (double)rng_below(rng, 20));
    }
    struct pool_setup *spot = testing_pool(setup, "spot", 8, 1);
    spot->bought = BOUGHT_SPOT;
    spot->usd_per_node_h = 1;
    spot->spot_nodes = testing_steps(setup, steps, STEPS, t);
    spot->spot_notice_ns = notice ? 2 * TICK_MINUTE : 0;
    spot->spot_hazard_per_h = rng_below(rng, 2) ? 0.2 : 0;
    spot->sleep = (struct sleep_setup){.on = true, .boot_ns = TICK_MINUTE, .after_ns = TICK_MINUTE};
    struct pool_setup *demand = testing_pool(setup, "demand", JOBS_MOST, 1);
    demand->bought = BOUGHT_ON_DEMAND;
    demand->usd_per_node_h = 4;
    demand->sleep = (struct sleep_setup){.on = true, .boot_ns = 3 * TICK_MINUTE, .after_ns = TICK_MINUTE};
}

static void draw_jobs(struct jobs *jobs, int count, struct rng *rng, const struct cycle *cycle,
                      const struct policy_setup *p) {
    jobs_init(jobs, JOBS_DEADLINE);
    for (int i = 0; i < count; i++) {
        const double submit = (double)rng_below(rng, 2 * 86400), run = 300 + (double)rng_below(rng, 8 * 3600);
        const uint32_t job = testing_job(jobs, submit, run, 1);
        struct job *j = &jobs->at[job];
        const int64_t need = cycle_wall_ns(cycle, j->run_ns) + p->checkpoint.restore_ns + 3 * TICK_MINUTE;
        const double spare = (rng_below(rng, 4) == 0 ? 0 : 3 * rng_uniform(rng) * run) + (count > 1 ? MARGIN_S : 0);
        jobs->deadline_ns[job] = j->submit_ns + need + tick_from_seconds(spare);
    }
    jobs_sort(jobs);
}

static struct result run(const struct setup *setup, const struct jobs *jobs) {
    struct result result;
    struct err err;
    err_init(&err);
    cr_assert(run_simulate(setup, jobs, &(struct run_options){.job_results = true}, &result, &err));
    cr_assert(result.ledger_error < 1e-9, "ledger error %g", result.ledger_error);
    err_free(&err);
    return result;
}

struct sums {
    double evictions, cheaper, lost, on_demand_usd, spot_usd;
};

static struct sums check(int rounds, int count) {
    struct rng *rng = rng_open(11, "spot_first", (uint32_t)count);
    struct sums sums = {0};
    for (int round = 0; round < rounds; round++) {
        struct setup setup;
        struct jobs jobs;
        testing_setup(&setup);
        testing_policy(&setup, "fifo", "skip", "first_fit");
        struct policy_setup *p = &setup.policy;
        p->checkpoint = (struct checkpoint_setup){.kind = CHECKPOINT_FIXED, .every_ns = 20 * TICK_MINUTE,
                                                  .write_ns = TICK_MINUTE, .restore_ns = 2 * TICK_MINUTE};
        p->market = testing_model(&setup.arena, KIND_MARKET, "spot_first");
        draw_market(&setup, rng, round % 2);
        const struct cycle cycle = {20 * TICK_MINUTE, TICK_MINUTE};
        draw_jobs(&jobs, count, rng, &cycle, p);
        struct result result = run(&setup, &jobs);
        const struct tally *t = &result.tallies[0];
        for (uint32_t i = 0; i < result.jobs->len; i++) {
            const struct job *j = &result.jobs->at[i];
            cr_assert(j->end_ns != JOB_NOT_YET, "round %d: job %u never ends", round, i);
            cr_assert(j->end_ns <= result.jobs->deadline_ns[i], "round %d: job %u, submitted at %g h, ends %g s late",
                      round, i, tick_hours(j->submit_ns), tick_seconds(j->end_ns - result.jobs->deadline_ns[i]));
        }
        sums.evictions += (double)t->evictions;
        sums.lost += t->lost_gpu_h;
        sums.spot_usd += t->capacity_usd;

        static const struct class_setup demand_only = {.run_below_ns = TICK_NEVER, .wait_ns = -1,
                                                       .markets = 1u << BOUGHT_ON_DEMAND};
        struct class_setup entry = demand_only;
        setup.classes = &entry;
        setup.classes_len = 1;
        struct result alone = run(&setup, &jobs);
        sums.on_demand_usd += alone.tallies[0].capacity_usd;
        sums.cheaper += t->capacity_usd < alone.tallies[0].capacity_usd;
        cr_assert_eq(alone.tallies[0].deadlines_met, (uint64_t)count);
        result_free(&result);
        result_free(&alone);
        jobs_free(&jobs);
        testing_setup_free(&setup);
    }
    rng_close(rng);
    return sums;
}

Test(spot_first, a_lone_job_meets_any_deadline_it_could_on_demand) {
    const struct sums s = check(1500, 1);
    cr_assert(s.evictions > 500 && s.lost > 10, "%g evictions, %g GPU-hours lost: it says little", s.evictions, s.lost);
}

Test(spot_first, many_jobs_meet_theirs_and_pay_less) {
    const struct sums s = check(ROUNDS, JOBS_MOST);
    cr_assert(s.evictions > 500 && s.lost > 10, "%g evictions, %g GPU-hours lost: it says little", s.evictions, s.lost);
    cr_assert(s.spot_usd < s.on_demand_usd, "spot first %g USD, on demand alone %g", s.spot_usd, s.on_demand_usd);
    cr_assert(s.cheaper > ROUNDS * 0.8, "cheaper in %g of %d rounds", s.cheaper, ROUNDS);
}

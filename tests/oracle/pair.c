/*
 * Time and space together, against brute force: thousands of random jobs over random regions, each of them alone on
 * more GPUs than there are jobs, so that shifting and routing alone decide.
 *
 *   pair        lowest_window with route weighted (delay and transfer 0) starts each job in the pair of region and
 *               start hour that is least over all pairs inside its waiting limit
 *   residency   no job runs outside its tenant's regions, whatever is better elsewhere
 *   deadline    whatever the model of shifting, a job whose deadline leaves room for its run keeps it
 *   transfer    no job starts before its data has arrived, and each move is paid once
 *   migration   a suspended job that may go on elsewhere does its work all the same, and emits less
 */
#include "base/mem.h"
#include "base/rng.h"
#include "base/tick.h"
#include "core/seams.h"
#include "models/registry.h"
#include "support/param.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HOURS = 24 * 14, JOBS = 40, ROUNDS = 100 };

struct scene {
    struct setup setup;
    struct jobs jobs;
    double signal[8][HOURS]; /* carbon x PUE by region and hour */
    struct class_setup class_;
    bool may[2][8];
};

static void draw_regions(struct scene *s, struct rng *rng, size_t regions) {
    for (size_t r = 0; r < regions; r++) {
        struct testing_step carbon[HOURS], pue[HOURS];
        for (int h = 0; h < HOURS; h++) {
            carbon[h] = (struct testing_step){h * 3600., 20 + (double)rng_below(rng, 500)};
            pue[h] = (struct testing_step){h * 3600., 1 + 0.01 * (double)rng_below(rng, 50)};
            s->signal[r][h] = carbon[h].value * pue[h].value;
        }
        static const char *const names[] = {"a", "b", "c", "d", "e"};
        struct region_setup *region = r == 0 ? &s->setup.regions[0] : testing_region(&s->setup, names[r]);
        region->carbon = testing_steps(&s->setup, carbon, HOURS, HOURS * 3600.);
        region->pue = testing_steps(&s->setup, pue, HOURS, HOURS * 3600.);
        struct pool_setup *pool = testing_pool(&s->setup, names[r], 2, 64);
        pool->region = (uint32_t)r;
        pool->gpu_peak_w = 300;
    }
}

static void draw_jobs(struct scene *s, struct rng *rng, unsigned columns) {
    jobs_init(&s->jobs, columns);
    for (int i = 0; i < JOBS; i++) {
        const double submit = 3600. * (double)rng_below(rng, 24 * 4) + (double)rng_below(rng, 3600);
        const uint32_t job = testing_job(&s->jobs, submit, 60 + (double)rng_below(rng, 12 * 3600), 1);
        if (columns & JOBS_DEADLINE)
            s->jobs.deadline_ns[job] = s->jobs.at[job].submit_ns + s->jobs.at[job].run_ns +
                                       (int64_t)rng_below(rng, 30 * 3600) * TICK_S;
    }
    jobs_sort(&s->jobs);
}

static void choose(struct scene *s, const char *shift, const char *route) {
    struct policy_setup *p = &s->setup.policy;
    p->shift = testing_model(&s->setup.arena, KIND_SHIFT, shift);
    p->route = testing_model(&s->setup.arena, KIND_ROUTE, route);
    p->shift_carbon = 1;
    p->wait_ns = 18 * TICK_HOUR;
}

/* Mean of the region's signal over a run, hour by hour. */
static double paid(const struct scene *s, size_t region, int64_t start, int64_t length) {
    double sum = 0;
    for (int64_t t = start; t < start + length;) {
        const int64_t hour = t / TICK_HOUR, next = (hour + 1) * TICK_HOUR;
        const int64_t until = next < start + length ? next : start + length;
        sum += s->signal[region][hour % HOURS] * (double)(until - t);
        t = until;
    }
    return sum / (double)length;
}

static struct result run(struct scene *s) {
    struct result result = testing_run(&s->setup, &s->jobs);
    cr_assert(result.ledger_error < 1e-9, "ledger error %g", result.ledger_error);
    return result;
}

static void close_scene(struct scene *s, struct result *result) {
    result_free(result);
    jobs_free(&s->jobs);
    testing_setup_free(&s->setup);
}

static struct scene *open_scene(struct rng *rng, size_t regions, unsigned columns) {
    struct scene *s = mem_zero(1, sizeof *s);
    testing_setup(&s->setup);
    draw_regions(s, rng, regions);
    draw_jobs(s, rng, columns);
    return s;
}

Test(pair, is_the_best_of_all_pairs) {
    struct rng *rng = rng_open(5, "pair", 0);
    int moved = 0, shifted = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct scene *s = open_scene(rng, 2 + rng_below(rng, 4), 0);
        choose(s, "lowest_window", "weighted");
        testing_param(s->setup.policy.route, "delay", 0);
        testing_param(s->setup.policy.route, "transfer", 0);
        struct result result = run(s);
        for (uint32_t i = 0; i < result.jobs->len; i++) {
            const struct job *j = &result.jobs->at[i];
            double least = INFINITY;
            for (size_t r = 0; r < s->setup.regions_len; r++)
                for (int k = 0; k <= 18; k++) {
                    const double here = paid(s, r, j->submit_ns + k * TICK_HOUR, j->run_ns);
                    if (here < least) least = here;
                }
            const double got = paid(s, result.job_results[i].region, j->start_ns, j->run_ns);
            cr_assert(got <= least * (1 + 1e-12), "round %d job %u: %.9g, the best pair %.9g", round, i, got, least);
            moved += result.job_results[i].region != 0;
            shifted += j->start_ns > j->submit_ns;
        }
        close_scene(s, &result);
        free(s);
    }
    cr_assert(moved > 500 && shifted > 500, "%d moved, %d shifted: the test says little", moved, shifted);
    rng_close(rng);
}

Test(pair, residency_is_hard) {
    struct rng *rng = rng_open(6, "pair", 0);
    for (int round = 0; round < 20; round++) {
        struct scene *s = open_scene(rng, 4, 0);
        choose(s, "lowest_window", round % 2 ? "weighted" : "greenest");
        for (int r = 0; r < 4; r++) s->may[0][r] = r == 1 || r == 2;
        struct tenant_setup *tenant = testing_tenant(&s->setup, "default");
        tenant->may = s->may[0];
        tenant->home = 1;
        struct result result = run(s);
        for (uint32_t i = 0; i < result.jobs->len; i++) {
            const uint32_t region = result.job_results[i].region;
            cr_assert(region == 1 || region == 2, "job %u ran in region %u", i, region);
        }
        close_scene(s, &result);
        free(s);
    }
    rng_close(rng);
}

Test(pair, deadlines_that_can_be_kept_are) {
    struct rng *rng = rng_open(7, "pair", 0);
    const struct registry *registry = models_registry();
    for (size_t m = 0; m < registry->counts[KIND_SHIFT]; m++)
        for (int round = 0; round < 8; round++) {
            struct scene *s = open_scene(rng, 3, JOBS_DEADLINE);
            choose(s, registry->models[KIND_SHIFT][m]->name, "weighted");
            if (round % 2) { /* suspending costs time, which the promise has to leave room for */
                s->setup.policy.suspend_ns = 4 * TICK_MINUTE;
                s->setup.policy.resume_ns = 7 * TICK_MINUTE;
            }
            struct result result = run(s);
            for (uint32_t i = 0; i < result.jobs->len; i++)
                cr_assert(result.jobs->at[i].end_ns <= result.jobs->deadline_ns[i], "%s: job %u ends %g h late",
                          registry->models[KIND_SHIFT][m]->name, i,
                          (double)(result.jobs->at[i].end_ns - result.jobs->deadline_ns[i]) / 3.6e12);
            close_scene(s, &result);
            free(s);
        }
    rng_close(rng);
}

Test(pair, data_arrives_first_and_is_paid_once) {
    struct rng *rng = rng_open(8, "pair", 0);
    for (int round = 0; round < 20; round++) {
        struct scene *s = open_scene(rng, 3, 0);
        choose(s, "lowest_window", "weighted");
        struct tenant_setup *tenant = testing_tenant(&s->setup, "default");
        tenant->home = 0;
        double usd[9], rate[9], latency_s[9];
        for (int i = 0; i < 9; i++) {
            usd[i] = i % 4 ? 0.01 * i : 0;
            rate[i] = i % 4 ? 0.1 : 0;
            latency_s[i] = i % 4 ? 20 : 0;
        }
        s->class_ = (struct class_setup){.run_below_ns = TICK_NEVER, .wait_ns = -1, .markets = ~0u, .data_gb = 250};
        s->setup.classes = &s->class_;
        s->setup.classes_len = 1;
        s->setup.transfer = (struct transfer_setup){.usd_per_gb = usd, .gb_per_s = rate,
                                                    .latency_s = latency_s};
        struct result result = run(s);
        double due = 0, moved = 0;
        for (uint32_t i = 0; i < result.jobs->len; i++) {
            const struct job *j = &result.jobs->at[i];
            const uint32_t region = result.job_results[i].region;
            if (region == 0) continue;
            due += 250 * usd[region];
            moved++;
            cr_assert(j->start_ns >= j->submit_ns + 2520 * TICK_S, "job %u starts before its data is there", i);
            cr_assert_eq(result.job_results[i].why_ns[WHY_TRANSFER], 2520 * TICK_S);
        }
        cr_assert(moved > 0);
        cr_assert_float_eq(result.tallies[0].egress_usd, due, 1e-9);
        cr_assert_float_eq(result.tallies[0].egress_gb, 250 * moved, 1e-9);
        close_scene(s, &result);
        free(s);
    }
    rng_close(rng);
}

Test(pair, a_suspended_job_may_go_on_elsewhere) {
    struct rng *rng = rng_open(9, "pair", 0);
    double stayed_g = 0, moved_g = 0;
    uint64_t migrations = 0;
    for (int round = 0; round < 20; round++) {
        struct scene *s = open_scene(rng, 3, 0);
        choose(s, "wait_awhile", "weighted");
        testing_param(s->setup.policy.route, "delay", 0);
        testing_param(s->setup.policy.route, "transfer", 0);
        double usd[9];
        for (int i = 0; i < 9; i++) usd[i] = i % 4 ? 0.5 : 0;
        s->class_ = (struct class_setup){.run_below_ns = TICK_NEVER, .wait_ns = -1, .markets = ~0u, .data_gb = 2};
        s->setup.classes = &s->class_;
        s->setup.classes_len = 1;
        s->setup.transfer.usd_per_gb = usd;
        struct result stayed = run(s);
        s->setup.policy.migrate = true;
        struct result moved = run(s);
        const struct tally *t = &moved.tallies[0];
        cr_assert_eq(t->finished, JOBS);
        cr_assert_eq(stayed.tallies[0].migrations, 0);
        cr_assert_float_eq(t->useful_gpu_h, stayed.tallies[0].useful_gpu_h, 1e-9);
        cr_assert_float_eq(t->egress_usd, (double)t->migrations, 1e-9, "2 GB at 0.5 USD a move");
        migrations += t->migrations;
        stayed_g += stayed.tallies[0].co2_g;
        moved_g += t->co2_g;
        result_free(&stayed);
        close_scene(s, &moved);
        free(s);
    }
    cr_assert(migrations > 100, "%llu migrations: it says little", (unsigned long long)migrations);
    cr_assert(moved_g < stayed_g, "moving emits %g g, staying %g g", moved_g, stayed_g);
    rng_close(rng);
}

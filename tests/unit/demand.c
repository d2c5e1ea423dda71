/* The scenario's treatment of jobs: each step alone, their order, and what a job takes along. */
#include "support/testing.h"

#include "app/demand.h"
#include "base/mem.h"
#include "base/tick.h"
#include "io/trace.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/headroom-demand-XXXXXX";
static struct setup setup;
static struct demand demand;
static struct err err;

/* 10 jobs, a0 to a9: ten seconds apart but the last three together, 1 or 2 GPUs, deadline 100 s later. */
static void open_demand(void) {
    FILE *file = fdopen(mkstemp(path), "w");
    cr_assert(file);
    fputs("job_id,submit_s,duration_s,gpus,deadline_s,priority\n", file);
    for (int j = 0; j < 10; j++) {
        const int submit = 10 * (j < 8 ? j : 7);
        fprintf(file, "a%d,%d,%d,%d,%d,%d\n", j, submit, 100 + j, 1 + j % 2, submit + 100, j);
    }
    cr_assert(fclose(file) == 0);
    testing_setup(&setup);
    testing_pool(&setup, "a", 2, 4);
    setup.seed = 5;
    demand = (struct demand){.trace = path, .speed = 1, .depart = true};
    err_init(&err);
}
static void close_demand(void) {
    unlink(path);
    err_free(&err);
    testing_setup_free(&setup);
}
TestSuite(demand, .init = open_demand, .fini = close_demand);

static struct jobs read_jobs(void) {
    struct jobs jobs;
    cr_assert(demand_read(&demand, &setup, &jobs, &err), "%s", err.kept ? err.lines[0] : "");
    for (size_t j = 1; j < jobs.len; j++) cr_assert(jobs.at[j].submit_ns >= jobs.at[j - 1].submit_ns);
    return jobs;
}
/* Which row of the trace job j is; its columns must have stayed with it. */
static int row(const struct jobs *jobs, size_t j) {
    const int r = (int)strtol(jobs_id(jobs, (uint32_t)j) + 1, NULL, 10);
    cr_assert_eq(jobs->at[j].run_ns, (100 + r) * TICK_S);
    cr_assert_eq(jobs->priority[j], r);
    cr_assert_eq(jobs->shapes.at[jobs->at[j].shape].gpus, (uint32_t)(1 + r % 2));
    cr_assert_eq(jobs->deadline_ns[j] - jobs->at[j].submit_ns, 100 * TICK_S, "deadlines move with submits");
    return r;
}
static unsigned gpus_asked(const struct jobs *jobs, size_t count) {
    unsigned gpus = 0;
    for (size_t j = 0; j < count; j++) gpus += jobs->shapes.at[jobs->at[j].shape].gpus;
    return gpus;
}

Test(demand, untreated_is_the_trace) {
    struct jobs jobs = read_jobs(), trace;
    cr_assert(trace_read(path, 0, &trace, &err));
    cr_assert_eq(jobs.len, 10);
    for (int j = 0; j < 10; j++) {
        cr_expect_eq(row(&jobs, (size_t)j), j);
        cr_expect_eq(jobs.at[j].submit_ns, 10 * (j < 8 ? j : 7) * TICK_S);
    }
    cr_expect_eq(jobs_hash(&jobs), jobs_hash(&trace));
    jobs_free(&jobs), jobs_free(&trace);
}

Test(demand, speed_divides_submit_times) {
    demand.speed = 4;
    struct jobs jobs = read_jobs();
    for (int j = 0; j < 10; j++) {
        cr_expect_eq(row(&jobs, (size_t)j), j);
        cr_expect_eq(jobs.at[j].submit_ns, 10 * (j < 8 ? j : 7) * TICK_S / 4);
    }
    jobs_free(&jobs);
}

Test(demand, shuffle_deals_the_jobs_over_the_same_times) {
    struct jobs plain = read_jobs();
    demand.shuffle = true;
    struct jobs jobs = read_jobs(), again = read_jobs();
    setup.seed = 6;
    struct jobs other = read_jobs();
    unsigned seen = 0, moved = 0;
    for (size_t j = 0; j < 10; j++) {
        cr_expect_eq(jobs.at[j].submit_ns, plain.at[j].submit_ns);
        seen |= 1U << row(&jobs, j);
        moved += row(&jobs, j) != (int)j;
    }
    cr_expect_eq(seen, 0x3ff, "every job is still there");
    cr_expect_gt(moved, 2);
    cr_expect_eq(jobs_hash(&jobs), jobs_hash(&again));
    cr_expect_neq(jobs_hash(&jobs), jobs_hash(&other));
    cr_expect_neq(jobs_hash(&jobs), jobs_hash(&plain));
    jobs_free(&plain), jobs_free(&jobs), jobs_free(&again), jobs_free(&other);
}

/* Every job comes first equally often, also the three that share an instant: 1,000 seeds, each 100 +- 9.5. */
Test(demand, shuffle_is_fair) {
    demand.shuffle = true;
    unsigned first[10] = {0}, last[10] = {0};
    for (setup.seed = 0; setup.seed < 1000; setup.seed++) {
        struct jobs jobs = read_jobs();
        first[row(&jobs, 0)]++;
        last[row(&jobs, 9)]++;
        jobs_free(&jobs);
    }
    for (int r = 0; r < 10; r++) {
        cr_expect(first[r] > 52 && first[r] < 148, "job %d first %u times", r, first[r]);
        cr_expect(last[r] > 52 && last[r] < 148, "job %d last %u times", r, last[r]);
    }
}

Test(demand, repeat_cuts_after_the_job_that_reaches_the_share) {
    demand.repeat_until = 1; /* of 8 GPUs; 1 2 1 2 1 2 1 2 1 2 */
    struct jobs jobs = read_jobs();
    cr_expect_eq(jobs.len, 6, "1 + 2 + 1 + 2 + 1 = 7 is not enough, 9 is");
    for (int j = 0; j < 6; j++) cr_expect_eq(row(&jobs, (size_t)j), j);
    jobs_free(&jobs);
    demand.repeat_until = 15.0 / 8; /* exactly all of them */
    jobs = read_jobs();
    cr_expect_eq(jobs.len, 10);
    jobs_free(&jobs);
}

Test(demand, repeat_draws_jobs_again) {
    demand.repeat_until = 100;
    demand.shuffle = true;
    struct jobs jobs = read_jobs();
    cr_expect(gpus_asked(&jobs, jobs.len) >= 800 && gpus_asked(&jobs, jobs.len - 1) < 800);
    unsigned first = 0, drawn[10] = {0};
    for (size_t j = 0; j < jobs.len; j++) {
        if (j < 10) first |= 1U << row(&jobs, j);
        else drawn[row(&jobs, j)]++;
    }
    cr_expect_eq(first, 0x3ff, "the shuffled trace comes first");
    const double n = (double)jobs.len - 10;
    for (int r = 0; r < 10; r++)
        cr_expect(drawn[r] > 0.5 * n / 10 && drawn[r] < 1.5 * n / 10, "job %d drawn %u times", r, drawn[r]);
    /* Drawn jobs follow at the trace's mean gap, 70 s / 9. */
    cr_expect_eq(jobs.at[10].submit_ns, 70 * TICK_S + 70 * TICK_S / 9);
    cr_expect_eq(jobs.at[12].submit_ns, 70 * TICK_S + 3 * (70 * TICK_S / 9));
    jobs_free(&jobs);
}

Test(demand, every_and_depart_come_last) {
    demand.speed = 2;
    demand.shuffle = true;
    demand.repeat_until = 4;
    demand.every_ns = TICK_S;
    demand.depart = false;
    struct jobs jobs = read_jobs();
    cr_expect_gt(jobs.len, 10);
    for (size_t j = 0; j < jobs.len; j++) {
        cr_expect_eq(jobs.at[j].submit_ns, (int64_t)j * TICK_S);
        cr_expect_eq(jobs.at[j].run_ns, TICK_NEVER);
    }
    jobs_free(&jobs);
}

Test(demand, repeating_jobs_without_gpus_is_a_finding) {
    FILE *file = fopen(path, "w");
    fputs("submit_s,duration_s,gpus\n0,1,0\n", file);
    cr_assert(fclose(file) == 0);
    demand.repeat_until = 1.3;
    struct jobs jobs;
    cr_assert_not(demand_read(&demand, &setup, &jobs, &err));
    cr_assert_eq(err.found, 1);
    cr_expect(strstr(err.lines[0], "no job asks for a GPU"), "%s", err.lines[0]);
    jobs_free(&jobs);
}

Test(demand, a_synthetic_load_is_treated_alike) {
    double one[] = {1};
    struct load_class class = {.name = "c", .weight = 1, .utilisation_mean = 1, .estimate_factor = 1,
                               .durations = testing_model(&setup.arena, KIND_DURATIONS, "constant"),
                               .gpus = {one, 1}, .gpus_weight = {one, 1}};
    struct load_setup load = {.jobs_most = 100, .until_ns = TICK_NEVER, .classes = &class, .classes_len = 1,
                              .arrivals = testing_model(&setup.arena, KIND_ARRIVALS, "poisson")};
    demand.trace = NULL;
    demand.load = &load;
    struct jobs jobs = read_jobs();
    cr_expect_eq(jobs.len, 100);
    jobs_free(&jobs);
    demand.repeat_until = 2;
    jobs = read_jobs();
    cr_expect_eq(jobs.len, 16);
    jobs_free(&jobs);
}

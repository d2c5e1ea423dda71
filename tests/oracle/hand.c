/*
 * Schedules worked out by hand, one small case a rule: every order, every backfill, preemption and its cost,
 * fair share, quotas, rounds, and the reasons for waiting. Times are seconds; "3-8" means from second 3 to
 * second 8.
 */
#include "support/param.h"
#include "support/testing.h"

#include "base/tick.h"

#include <criterion/criterion.h>
#include <string.h>

static struct setup setup;
static void open_setup(void) { testing_setup(&setup); }
static void close_setup(void) { testing_setup_free(&setup); }
TestSuite(hand, .init = open_setup, .fini = close_setup);

/* A job and when it must start and end. Rows ascend by submit. */
struct row {
    double submit_s, run_s;
    uint32_t gpus;
    double start_s, end_s;
    double estimate_s;  /* 0: its run time */
    const char *tenant; /* NULL: the default one */
    double deadline_s;  /* absolute; 0: none */
    int32_t priority;
};

/* Runs the rows on one pool that the caller has made, and compares every start and end. */
static struct result run(const struct row *rows, size_t count) {
    struct jobs jobs;
    jobs_init(&jobs, JOBS_DEADLINE | JOBS_PRIORITY);
    for (size_t i = 0; i < count; i++) {
        const uint32_t j = testing_job(&jobs, rows[i].submit_s, rows[i].run_s, rows[i].gpus);
        if (rows[i].estimate_s > 0) {
            jobs.at[j].estimate_ns = tick_from_seconds(rows[i].estimate_s);
            setup.policy.estimate = ESTIMATE_USER;
        }
        if (rows[i].tenant)
            jobs.at[j].tenant = (uint16_t)names_put(&jobs.tenants, rows[i].tenant, strlen(rows[i].tenant));
        if (rows[i].deadline_s > 0) jobs.deadline_ns[j] = tick_from_seconds(rows[i].deadline_s);
        jobs.priority[j] = rows[i].priority;
    }
    jobs.has_estimates = true;
    struct result result = testing_run(&setup, &jobs);
    for (size_t i = 0; i < count; i++) {
        const double start_s = tick_seconds(result.jobs->at[i].start_ns);
        const double end_s = tick_seconds(result.jobs->at[i].end_ns);
        cr_expect(start_s == rows[i].start_s && end_s == rows[i].end_s, "job %zu ran %g-%g, not %g-%g", i,
                  start_s, end_s, rows[i].start_s, rows[i].end_s);
    }
    jobs_free(&jobs);
    return result;
}
/* Rows leave out what is zero, the way an initialiser may. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define RUN(...)                                                                   \
    run((const struct row[]){__VA_ARGS__}, sizeof(struct row[]){__VA_ARGS__} / sizeof(struct row))
static void expect(struct result result) { result_free(&result); }

static void one_node(uint32_t gpus, const char *order, const char *backfill) {
    testing_pool(&setup, "node", 1, gpus);
    testing_policy(&setup, order, backfill, "first_fit");
}

static void expect_why(const struct result *result, size_t j, enum why why, double wait_s) {
    const double got_s = tick_seconds(result->job_results[j].why_ns[why]);
    cr_expect(got_s == wait_s, "job %zu waited %g s for %s, not %g", j, got_s, why_names[why], wait_s);
}

/* --- backfilling --- */

/* 4 GPUs. 1 needs 2 of them and finds 1: it blocks 2, which would fit. At 10 both start and leave 1 GPU, too
 * few for 3, which follows when 2 ends at 11. */
Test(hand, none_lets_the_head_block) {
    one_node(4, "fifo", "none");
    struct result result = RUN({0, 10, 3, 0, 10}, {1, 5, 2, 10, 15}, {2, 1, 1, 10, 11}, {3, 2, 2, 11, 13});
    expect_why(&result, 1, WHY_CAPACITY, 9);
    expect_why(&result, 2, WHY_HEAD, 8);
    expect_why(&result, 3, WHY_HEAD, 7);
    expect_why(&result, 3, WHY_CAPACITY, 1);
    expect(result);
}

/* The same jobs: 2 slips past at once; at 10 there is room for 1 and 3 together. */
Test(hand, skip_lets_anyone_past) {
    one_node(4, "fifo", "skip");
    expect(RUN({0, 10, 3, 0, 10}, {1, 5, 2, 10, 15}, {2, 1, 1, 2, 3}, {3, 2, 2, 10, 12}));
}

/* 4 GPUs, 0 holds 2 until 10. 1 needs all 4: its shadow time is 10, with none to spare. 2 ends exactly then
 * and may start; 3, a second longer, may not, and comes after 1. */
Test(hand, easy_starts_what_ends_by_the_shadow_time) {
    one_node(4, "fifo", "easy");
    struct result result = RUN({0, 10, 2, 0, 10}, {1, 5, 4, 10, 15}, {2, 8, 1, 2, 10}, {3, 8, 1, 15, 23});
    expect_why(&result, 1, WHY_CAPACITY, 9);
    expect_why(&result, 3, WHY_POLICY, 7); /* it would have fitted until 10 */
    expect_why(&result, 3, WHY_CAPACITY, 5);
    expect(result);
}

/* 1 needs 3: at its shadow time, 10, one GPU is to spare. 2 takes it for long; for 3 there is none left,
 * although one is free, until 1 ends at 15. */
Test(hand, easy_gives_the_spare_gpus_once) {
    one_node(4, "fifo", "easy");
    expect(RUN({0, 10, 2, 0, 10}, {1, 5, 3, 10, 15}, {2, 100, 1, 2, 102}, {3, 100, 1, 15, 115}));
}

/* 0 is believed to run until 20, so 2, believed to end at 17, goes ahead of 1. 0 ends at 10 after all: 1
 * still waits for 2. With the truth known (the estimate as the run time), 2 would have waited. */
Test(hand, easy_believes_estimates) {
    one_node(4, "fifo", "easy");
    expect(RUN({0, 10, 2, 0, 10, 20}, {1, 5, 4, 17, 22, 5}, {2, 15, 1, 2, 17, 15}));
}
Test(hand, easy_with_exact_estimates) {
    one_node(4, "fifo", "easy");
    expect(RUN({0, 10, 2, 0, 10}, {1, 5, 4, 10, 15}, {2, 15, 1, 15, 30}));
}

/* 4 GPUs. 0 holds 3 until 10; 1 (2 GPUs) is the head with shadow 10 and 2 GPUs to spare, 2 (all 4) is
 * second. EASY looks at the head only: 3 takes a spare GPU for 30 s and keeps 2 waiting until 33.
 * Conservative keeps 2's reservation at 20-30: 3 finds no 30 s hole before 30, but 4 fits the hole 4-10. */
Test(hand, easy_may_delay_the_second_in_line) {
    one_node(4, "fifo", "easy");
    expect(RUN({0, 10, 3, 0, 10}, {1, 10, 2, 10, 20}, {2, 10, 4, 33, 43}, {3, 30, 1, 3, 33}));
}
Test(hand, conservative_delays_nobody) {
    one_node(4, "fifo", "conservative");
    struct result result = RUN({0, 10, 3, 0, 10}, {1, 10, 2, 10, 20}, {2, 10, 4, 20, 30}, {3, 30, 1, 30, 60},
                               {4, 6, 1, 4, 10});
    expect_why(&result, 3, WHY_POLICY, 11); /* 3-4 and 10-20 */
    expect_why(&result, 3, WHY_CAPACITY, 16);
    expect(result);
}

/* Reservations: 0 until 10 by estimate, 1 at 10-15, 2 at 15-17. 0 ends at 5: both move forward, in order. */
Test(hand, conservative_compresses_when_a_job_ends_early) {
    one_node(4, "fifo", "conservative");
    expect(RUN({0, 5, 4, 0, 5, 10}, {1, 5, 4, 5, 10, 5}, {2, 2, 2, 10, 12, 2}));
}

/* --- orders --- */

/* One GPU, busy until 10 while the others arrive. */
Test(hand, sjf_takes_the_shortest) {
    one_node(1, "sjf", "none");
    expect(RUN({0, 10, 1, 0, 10}, {1, 8, 1, 18, 26}, {2, 3, 1, 10, 13}, {3, 5, 1, 13, 18}));
}
Test(hand, sjf_goes_by_estimate) {
    one_node(1, "sjf", "none");
    expect(RUN({0, 10, 1, 0, 10, 10}, {1, 8, 1, 15, 23, 9}, {2, 5, 1, 10, 15, 8}));
}
Test(hand, sjf_breaks_ties_by_submit_then_row) {
    one_node(1, "sjf", "none");
    expect(RUN({0, 10, 1, 0, 10}, {1, 5, 1, 10, 15}, {2, 5, 1, 15, 20}, {2, 5, 1, 20, 25}));
}
Test(hand, ljf_takes_the_longest) {
    one_node(1, "ljf", "none");
    expect(RUN({0, 10, 1, 0, 10}, {1, 3, 1, 23, 26}, {2, 8, 1, 10, 18}, {3, 5, 1, 18, 23}));
}
/* 4 GPUs, free at 10: 1 and 2 GPUs go first and leave 1; the job for 3 waits until 12. */
Test(hand, smallest_takes_the_fewest_gpus) {
    one_node(4, "smallest", "none");
    expect(RUN({0, 10, 4, 0, 10}, {1, 4, 3, 12, 16}, {2, 2, 1, 10, 12}, {3, 2, 2, 10, 12}));
}
Test(hand, edf_takes_the_earliest_deadline_and_none_last) {
    one_node(1, "edf", "none");
    expect(RUN({0, 10, 1, 0, 10}, {1, 5, 1, 20, 25}, {2, 5, 1, 15, 20, .deadline_s = 90},
               {3, 5, 1, 10, 15, .deadline_s = 50}));
}
Test(hand, priority_takes_the_largest_number) {
    one_node(1, "priority", "none");
    expect(RUN({0, 10, 1, 0, 10}, {1, 5, 1, 15, 20}, {2, 5, 1, 20, 25, .priority = -1},
               {3, 5, 1, 10, 15, .priority = 4}));
}

/* --- preemption --- */

/* One GPU, a restart costs 7 s. 1 has 20 s to run where 0 has 90 left: 0 stops at 10 and restarts at 30,
 * works from 37 and would end at 127. At 40 it has 87 s of work left: 2, with 88, waits until 127. */
Test(hand, srtf_preempts_for_less_remaining_time) {
    one_node(1, "srtf", "none");
    setup.policy.restart_ns[0] = 7 * TICK_S;
    struct result result = RUN({0, 100, 1, 0, 127}, {10, 20, 1, 10, 30}, {40, 88, 1, 127, 215});
    cr_expect_eq(result.job_results[0].preemptions, 1);
    cr_expect_eq(result.job_results[1].preemptions, 0);
    cr_expect_eq(result.job_results[0].held_ns, 107 * TICK_S);
    expect(result);
}
/* As before, but 2 has 86 s to run, less than the 87 left of 0: it runs 40-126, then 0 restarts and works
 * from 133 to 220. */
Test(hand, srtf_counts_no_progress_while_restarting) {
    one_node(1, "srtf", "none");
    setup.policy.restart_ns[0] = 7 * TICK_S;
    struct result result = RUN({0, 100, 1, 0, 220}, {10, 20, 1, 10, 30}, {40, 86, 1, 40, 126});
    cr_expect_eq(result.job_results[0].preemptions, 2);
    expect(result);
}
/* 4 GPUs: 0 (3 GPUs, 90 left) and 1 (1 GPU, 30 left) run; 2 wants 2 GPUs for 40 s. Only 0 has more left; its
 * GPUs suffice, so 1 goes on. A restart of 2 to 8 GPUs costs 5 s: 0 is back at 50 and works 55-145. */
Test(hand, srtf_stops_only_whom_it_must) {
    one_node(4, "srtf", "none");
    setup.policy.restart_ns[1] = 5 * TICK_S;
    struct result result = RUN({0, 100, 3, 0, 145}, {0, 40, 1, 0, 40}, {10, 40, 2, 10, 50});
    cr_expect_eq(result.job_results[1].preemptions, 0);
    expect(result);
}
/* Equal remaining times do not preempt: 60 left against 60. */
Test(hand, srtf_leaves_equals_alone) {
    one_node(1, "srtf", "none");
    expect(RUN({0, 100, 1, 0, 100}, {40, 60, 1, 100, 160}));
}

/* One GPU, threshold 60 s. 1 is fresh but so is 0's queue: it waits. At 60 job 0 is demoted and 1 runs
 * 60-90. At 100 job 2 takes 0's place again: 0 has worked 60 + 10, and ends at 110 + 130. */
Test(hand, las_demotes_at_the_threshold) {
    one_node(1, "las", "none");
    testing_param(setup.policy.order, "threshold", 60);
    struct result result = RUN({0, 200, 1, 0, 240}, {10, 30, 1, 60, 90}, {100, 10, 1, 100, 110});
    cr_expect_eq(result.job_results[0].preemptions, 2);
    expect(result);
}
/* The same with 2 GPUs a job: service counts GPUs, so demotion comes at 30. */
Test(hand, las_counts_gpus) {
    one_node(2, "las", "none");
    testing_param(setup.policy.order, "threshold", 60);
    expect(RUN({0, 200, 2, 0, 230}, {10, 30, 2, 30, 60}));
}

/* --- tenants --- */

/* 4 GPUs, all held by red until 10, when four are free: red and blue hold nothing, red's job is older; then
 * they alternate. fifo would have started red's four. */
Test(hand, fair_share_alternates_between_equals) {
    one_node(4, "fair_share", "none");
    expect(RUN({0, 10, 4, 0, 10, .tenant = "red"}, {0, 10, 1, 10, 20, .tenant = "red"},
               {0, 10, 1, 10, 20, .tenant = "red"}, {0, 10, 1, 20, 30, .tenant = "red"},
               {1, 10, 1, 10, 20, .tenant = "blue"}, {1, 10, 1, 10, 20, .tenant = "blue"}));
}
/* Blue weighs 3: after one job each, blue's share of 1/4 counts as 1/12, its next as 1/6: it gets three. */
Test(hand, fair_share_follows_weights) {
    one_node(4, "fair_share", "none");
    testing_tenant(&setup, "blue")->weight = 3;
    expect(RUN({0, 10, 4, 0, 10, .tenant = "red"}, {0, 10, 1, 10, 20, .tenant = "red"},
               {0, 10, 1, 20, 30, .tenant = "red"}, {1, 10, 1, 10, 20, .tenant = "blue"},
               {1, 10, 1, 10, 20, .tenant = "blue"}, {1, 10, 1, 10, 20, .tenant = "blue"}));
}
/* Red may hold 2 of 4 GPUs: its third job waits for its quota and does not block blue. */
Test(hand, hard_quota_holds_back_and_lets_others_pass) {
    one_node(4, "fifo", "none");
    struct tenant_setup *red = testing_tenant(&setup, "red");
    red->quota_kind = QUOTA_HARD;
    red->quota_gpus = 2;
    struct result result = RUN({0, 10, 1, 0, 10, .tenant = "red"}, {0, 10, 1, 0, 10, .tenant = "red"},
                               {0, 10, 1, 10, 20, .tenant = "red"}, {1, 10, 1, 1, 11, .tenant = "blue"});
    expect_why(&result, 2, WHY_QUOTA, 10);
    expect(result);
}
/* Two GPUs, each tenant entitled to one. Red borrows the idle second one. When one is free at 10, red still
 * holds its own, so blue's later job goes first. */
Test(hand, borrowed_gpus_go_back_to_the_entitled) {
    one_node(2, "fifo", "none");
    for (int t = 0; t < 2; t++) {
        struct tenant_setup *tenant = testing_tenant(&setup, t ? "blue" : "red");
        tenant->quota_kind = QUOTA_BORROW;
        tenant->quota_gpus = 1;
    }
    expect(RUN({0, 10, 1, 0, 10, .tenant = "red"}, {0, 20, 1, 0, 20, .tenant = "red"},
               {1, 10, 1, 20, 30, .tenant = "red"}, {2, 20, 1, 10, 30, .tenant = "blue"}));
}

/* --- rounds, reasons, odd jobs --- */

/* Rounds of a minute, 3 s of GPU time a start: both wait for the next minute, the second also for the
 * first. */
Test(hand, rounds_start_jobs_on_their_multiples) {
    one_node(1, "fifo", "none");
    setup.policy.round_ns = TICK_MINUTE;
    setup.policy.round_cost_ns = 3 * TICK_S;
    struct result result = RUN({10, 5, 1, 60, 68}, {20, 5, 1, 120, 128});
    expect_why(&result, 0, WHY_POLICY, 50);
    expect(result);
}

/* Two nodes of 2. At 5 one GPU is free on each: enough for job 3, but not together, until 20. */
Test(hand, gpus_apart_are_a_fragment) {
    testing_pool(&setup, "nodes", 2, 2);
    testing_policy(&setup, "fifo", "none", "first_fit");
    struct result result = RUN({0, 5, 1, 0, 5}, {0, 20, 1, 0, 20}, {0, 20, 1, 0, 20}, {6, 1, 2, 20, 21});
    expect_why(&result, 3, WHY_FRAGMENT, 14);
    expect(result);
}

/* A job of no length starts and ends at once where there is room; one that fits no node never does, and stops
 * nobody. */
Test(hand, empty_and_impossible_jobs) {
    one_node(2, "fifo", "none");
    struct jobs jobs;
    jobs_init(&jobs, 0);
    testing_job(&jobs, 1, 0, 2);
    testing_job(&jobs, 1, 9, 3);
    testing_job(&jobs, 1, 5, 2);
    struct result result = testing_run(&setup, &jobs);
    const struct job *at = result.jobs->at;
    cr_expect(at[0].start_ns == TICK_S && at[0].end_ns == TICK_S);
    cr_expect_eq(at[1].start_ns, JOB_REFUSED);
    cr_expect(at[2].start_ns == TICK_S && at[2].end_ns == 6 * TICK_S);
    result_free(&result);
    jobs_free(&jobs);
}

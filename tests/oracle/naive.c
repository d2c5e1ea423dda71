/*
 * Every start time of FIFO, SJF, EASY and conservative backfilling, equal to that of a second, naive
 * scheduler (support/naive.c, where the rules are spelled out), over thousands of small random cases and
 * over two public logs. The machine counts processors: nodes of one GPU, or one node of many, so that a job
 * fits whenever enough GPUs are free.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "base/tick.h"
#include "support/naive.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct machine {
    uint32_t nodes, gpus; /* a node */
};

static const char *const order_names[] = {[NAIVE_FIFO] = "fifo", [NAIVE_SJF] = "sjf"};
static const char *const backfill_names[] = {
    [NAIVE_NONE] = "none", [NAIVE_EASY] = "easy", [NAIVE_CONSERVATIVE] = "conservative"};

/* Schedules the case twice; jobs is the same case as a job table. Returns the first row whose starts differ,
 * or count; *engine_ns: the engine's. */
static size_t compare(struct naive_job *cases, struct jobs *jobs, struct machine machine,
                      enum naive_order order, enum naive_backfill backfill, int64_t *engine_ns) {
    naive_schedule(cases, jobs->len, machine.nodes * machine.gpus, order, backfill);
    struct setup setup;
    testing_setup(&setup);
    testing_policy(&setup, order_names[order], backfill_names[backfill], "first_fit");
    setup.policy.estimate = jobs->has_estimates ? ESTIMATE_USER : ESTIMATE_EXACT;
    setup.policy.overrun = OVERRUN_RAISE;
    testing_pool(&setup, "machine", machine.nodes, machine.gpus);
    struct result result = testing_run(&setup, jobs);
    size_t row = 0;
    while (row < jobs->len && result.jobs->at[row].start_ns == cases[row].start_ns &&
           result.jobs->at[row].end_ns == cases[row].start_ns + cases[row].run_ns)
        row++;
    if (row < jobs->len) *engine_ns = result.jobs->at[row].start_ns;
    result_free(&result);
    testing_setup_free(&setup);
    return row;
}

static size_t first_difference(struct naive_job *cases, size_t count, struct machine machine,
                               enum naive_order order, enum naive_backfill backfill, int64_t *engine_ns) {
    struct jobs jobs;
    jobs_init(&jobs, 0);
    jobs.has_estimates = true;
    for (size_t i = 0; i < count; i++) {
        uint32_t j = testing_job(&jobs, 0, 0, cases[i].size);
        jobs.at[j].submit_ns = cases[i].submit_ns;
        jobs.at[j].run_ns = cases[i].run_ns;
        jobs.at[j].estimate_ns = cases[i].estimate_ns;
    }
    size_t row = compare(cases, &jobs, machine, order, backfill, engine_ns);
    jobs_free(&jobs);
    return row;
}

/* --- small random cases --- */

enum { SMALL_JOBS_MOST = 40, SMALL_CASES = 1500 };

static int64_t draw_s(struct rng *rng, uint64_t most) { return (int64_t)rng_below(rng, most + 1) * TICK_S; }

static int by_submit(const void *a, const void *b) {
    const struct naive_job *x = a, *y = b;
    return (x->submit_ns > y->submit_ns) - (x->submit_ns < y->submit_ns);
}

/* Few distinct times, so that submits, ends and estimates tie; loads from idle to hopeless. Estimates are
 * exact, or the user's: one of a few round values, or anything, also too little. */
static size_t draw_case(struct rng *rng, bool zeros, struct naive_job *jobs, struct machine *machine) {
    uint32_t processors = 1 + (uint32_t)rng_below(rng, 16);
    *machine = rng_below(rng, 4) > 0 ? (struct machine){processors, 1} : (struct machine){1, processors};
    size_t count = 1 + rng_below(rng, SMALL_JOBS_MOST);
    uint64_t span = rng_below(rng, 2) ? 2 * count : 8 * count, longest = 1 + rng_below(rng, 12);
    uint64_t estimates = rng_below(rng, 3), widest = rng_below(rng, 2) ? processors : 1 + processors / 2;
    for (size_t i = 0; i < count; i++) {
        struct naive_job *job = &jobs[i];
        *job = (struct naive_job){.submit_ns = draw_s(rng, span)};
        job->size = 1 + (uint32_t)rng_below(rng, widest);
        job->run_ns = zeros && rng_below(rng, 4) == 0 ? 0 : TICK_S + draw_s(rng, longest - 1);
        if (estimates == 0) job->estimate_ns = job->run_ns;
        else if (estimates == 1) job->estimate_ns = (job->run_ns / (5 * TICK_S) + 1) * 5 * TICK_S;
        else job->estimate_ns = draw_s(rng, 2 * longest);
    }
    qsort(jobs, count, sizeof *jobs, by_submit); /* rows are numbered after it: ties need no care */
    return count;
}

/* Leaves out rows as long as the two still differ: what is left shows the mistake. Returns how many are. */
static size_t shrink(struct naive_job *jobs, size_t count, struct machine machine, enum naive_order order,
                     enum naive_backfill backfill) {
    struct naive_job fewer[SMALL_JOBS_MOST];
    int64_t engine_ns;
    for (size_t out = 0; out < count;) {
        memcpy(fewer, jobs, out * sizeof *jobs);
        memcpy(fewer + out, jobs + out + 1, (count - out - 1) * sizeof *jobs);
        if (first_difference(fewer, count - 1, machine, order, backfill, &engine_ns) == count - 1) {
            out++;
        } else {
            memcpy(jobs, fewer, --count * sizeof *jobs);
            out = 0;
        }
    }
    return count;
}

static void compare_small(enum naive_order order, enum naive_backfill backfill, bool zeros) {
    struct rng *rng = rng_open(zeros ? 2 : 1, "naive", order * 3u + backfill);
    for (int k = 0; k < SMALL_CASES; k++) {
        struct naive_job jobs[SMALL_JOBS_MOST];
        struct machine machine;
        int64_t engine_ns = 0;
        size_t count = draw_case(rng, zeros, jobs, &machine);
        size_t row = first_difference(jobs, count, machine, order, backfill, &engine_ns);
        if (row == count) continue;
        count = shrink(jobs, count, machine, order, backfill);
        row = first_difference(jobs, count, machine, order, backfill, &engine_ns);
        naive_print(stderr, jobs, count, machine.nodes * machine.gpus);
        cr_assert_fail("%s/%s, case %d, %u nodes of %u: row %zu starts at %lld, naively at %lld",
                       order_names[order], backfill_names[backfill], k, machine.nodes, machine.gpus, row,
                       (long long)engine_ns, (long long)jobs[row].start_ns);
    }
    rng_close(rng);
}

Test(naive, small_fifo_none) { compare_small(NAIVE_FIFO, NAIVE_NONE, false); }
Test(naive, small_sjf_none) { compare_small(NAIVE_SJF, NAIVE_NONE, false); }
Test(naive, small_fifo_easy) { compare_small(NAIVE_FIFO, NAIVE_EASY, false); }
Test(naive, small_sjf_easy) { compare_small(NAIVE_SJF, NAIVE_EASY, false); }
Test(naive, small_fifo_conservative) { compare_small(NAIVE_FIFO, NAIVE_CONSERVATIVE, false); }
Test(naive, small_sjf_conservative) { compare_small(NAIVE_SJF, NAIVE_CONSERVATIVE, false); }

/* The same with jobs that take no time. */
Test(naive, zeros_fifo_none) { compare_small(NAIVE_FIFO, NAIVE_NONE, true); }
Test(naive, zeros_sjf_none) { compare_small(NAIVE_SJF, NAIVE_NONE, true); }
Test(naive, zeros_fifo_easy) { compare_small(NAIVE_FIFO, NAIVE_EASY, true); }
Test(naive, zeros_sjf_easy) { compare_small(NAIVE_SJF, NAIVE_EASY, true); }
Test(naive, zeros_fifo_conservative) { compare_small(NAIVE_FIFO, NAIVE_CONSERVATIVE, true); }
Test(naive, zeros_sjf_conservative) { compare_small(NAIVE_SJF, NAIVE_CONSERVATIVE, true); }

/* --- public logs --- */

/* The first `most` jobs of a log that fit the machine. */
static void open_log(struct jobs *jobs, const char *relative, uint32_t processors, size_t most) {
    const char *path = testing_data(relative);
    if (!path) cr_skip_test("%s is absent", relative);
    testing_import(jobs, "swf", path, NULL, NULL, TESTING_WHOLE);
    bool *keep = mem_zero(jobs->len + 1, sizeof *keep);
    size_t kept = 0;
    for (size_t i = 0; i < jobs->len; i++) {
        keep[i] = kept < most && jobs->shapes.at[jobs->at[i].shape].gpus <= processors;
        kept += keep[i];
    }
    jobs_filter(jobs, keep);
    free(keep);
    cr_assert_gt(jobs->len, 0);
}

static void compare_log(struct jobs *jobs, const char *name, uint32_t processors, enum naive_order order,
                        enum naive_backfill backfill) {
    struct naive_job *cases = mem_zero(jobs->len, sizeof *cases);
    for (size_t i = 0; i < jobs->len; i++)
        cases[i] = (struct naive_job){.submit_ns = jobs->at[i].submit_ns, .run_ns = jobs->at[i].run_ns,
                                      .estimate_ns = jobs->at[i].estimate_ns,
                                      .size = jobs->shapes.at[jobs->at[i].shape].gpus};
    int64_t engine_ns = 0;
    size_t waited = 0;
    size_t row = compare(cases, jobs, (struct machine){processors, 1}, order, backfill, &engine_ns);
    for (size_t i = 0; i < jobs->len; i++) waited += cases[i].start_ns > cases[i].submit_ns;
    cr_expect_gt(waited, jobs->len / 100, "%s on %u processors: only %zu waited", name, processors, waited);
    cr_expect_eq(row, jobs->len, "%s on %u processors, %s/%s: row %zu starts at %lld, naively at %lld", name,
                 processors, order_names[order], backfill_names[backfill], row, (long long)engine_ns,
                 (long long)(row < jobs->len ? cases[row].start_ns : 0));
    free(cases);
}

static void compare_policies(struct jobs *jobs, const char *name, uint32_t processors) {
    for (enum naive_order order = NAIVE_FIFO; order <= NAIVE_SJF; order++)
        for (enum naive_backfill backfill = NAIVE_NONE; backfill <= NAIVE_CONSERVATIVE; backfill++)
            compare_log(jobs, name, processors, order, backfill);
}

/* 10,000 synthetic jobs for 256 processors, without estimates: exact ones. More is asked for than there is,
 * so nearly all wait. Then with estimates of one to ten times the run time, so that the profile is compressed
 * over and over. */
Test(naive, lublin_256) {
    struct jobs jobs;
    open_log(&jobs, "jobs/swf/lublin_256.swf.gz", 256, 10000);
    compare_policies(&jobs, "lublin_256", 256);
    jobs.has_estimates = true;
    for (size_t i = 0; i < jobs.len; i++)
        jobs.at[i].estimate_ns = jobs.at[i].run_ns * (int64_t)(1 + i * 7 % 10);
    compare_policies(&jobs, "lublin_256, overestimated,", 256);
    jobs_free(&jobs);
}

/* 17,900 real jobs (two without a run time) with users' estimates, 702 of them too short (raised). The log
 * comes from two clusters, 20 nodes of 80 processors and 48 of 12, here one machine of 2,176 processors; that
 * is busy to four tenths, so the log is run on 1,000 processors, too, where queues form: its beginning, as the
 * naive plan of the whole takes a minute. */
static void compare_wagap(uint32_t processors, size_t most) {
    struct jobs jobs;
    open_log(&jobs, "jobs/swf/wagap-2013.swf.gz", processors, most);
    compare_policies(&jobs, "wagap-2013", processors);
    jobs_free(&jobs);
}
Test(naive, wagap_2176) { compare_wagap(2176, 17900); }
Test(naive, wagap_1000) { compare_wagap(1000, testing_all() ? 17900 : 4000); }

/* --- worked by hand: the naive scheduler's own test --- */

static void check_starts(enum naive_backfill backfill, const int64_t (*rows)[5], size_t count) {
    struct naive_job jobs[8];
    for (size_t i = 0; i < count; i++)
        jobs[i] = (struct naive_job){.submit_ns = rows[i][0], .run_ns = rows[i][1], .estimate_ns = rows[i][2],
                                     .size = (uint32_t)rows[i][3]};
    naive_schedule(jobs, count, 4, NAIVE_FIFO, backfill);
    for (size_t i = 0; i < count; i++)
        cr_expect_eq(jobs[i].start_ns, rows[i][4], "row %zu starts at %lld, by hand at %lld", i,
                     (long long)jobs[i].start_ns, (long long)rows[i][4]);
}

/* Four processors. Columns: submit, run, estimate, size, start by hand. */
Test(naive, by_hand) {
    static const int64_t none[][5] = {{0, 10, 10, 3, 0}, {1, 5, 5, 2, 10}, {2, 1, 1, 1, 10}};
    check_starts(NAIVE_NONE, none, 3);
    /* Row 1 is the head with shadow 10 and two extra: row 2 is too long, but uses only extra; row 3 finds
     * nothing free before row 0 has gone. */
    static const int64_t easy[][5] = {
        {0, 10, 10, 3, 0}, {1, 5, 5, 2, 10}, {2, 20, 20, 1, 2}, {3, 1, 1, 1, 10}};
    check_starts(NAIVE_EASY, easy, 4);
    /* No extra (row 1 takes all four): only what ends by the shadow time goes ahead, also exactly at it. */
    static const int64_t shadow[][5] = {
        {0, 10, 10, 3, 0}, {1, 5, 5, 4, 10}, {2, 9, 9, 1, 15}, {3, 7, 7, 1, 3}};
    check_starts(NAIVE_EASY, shadow, 4);
    /* EASY lets row 3 delay row 2, which is not the head; conservative does not. */
    static const int64_t delays[][5] = {
        {0, 10, 10, 2, 0}, {1, 10, 10, 3, 10}, {1, 10, 10, 4, 22}, {2, 20, 20, 1, 2}};
    check_starts(NAIVE_EASY, delays, 4);
    static const int64_t keeps[][5] = {
        {0, 10, 10, 2, 0}, {1, 10, 10, 3, 10}, {1, 10, 10, 4, 20}, {2, 20, 20, 1, 30}};
    check_starts(NAIVE_CONSERVATIVE, keeps, 4);
    /* Row 0 ends at 4 instead of 10: in queue order row 1 moves to 4, then row 2 to 9. */
    static const int64_t early[][5] = {{0, 4, 10, 3, 0}, {1, 5, 5, 4, 4}, {2, 5, 5, 2, 9}};
    check_starts(NAIVE_CONSERVATIVE, early, 3);
}

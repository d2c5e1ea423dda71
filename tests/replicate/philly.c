/*
 * Microsoft Philly on its eleven virtual clusters (reference: HeliosArtifact, SC'21, run on the same jobs):
 * FIFO and SJF with a blocking head and consolidated placement. The means of the reference simulator are
 * reached to the digit, and its whole FIFO schedule, job by job.
 *
 * Rules. Jobs submitted from 2017-10-01 00:00:00 to 2017-11-30 23:59:00; those of clusters without nodes are
 * left out; durations are cut to whole seconds. The reference measures its window from midnight but its times
 * from the first job kept, 45 s later; no job lies between the two ends, so the window is the plain one. It
 * never ends a job of zero length; no job kept has one.
 *
 * Ties. Some 10,000 jobs share their second of submit with another, and a blocked FIFO queue keeps whatever
 * order they come in. Ours is the row of the trace. The reference sorts the jobs it kept, sorted already,
 * once more with a quicksort that is not stable (the default of its data-frame library), and some jobs of one
 * second change places. Given that order, its schedule is reproduced whole; given ours, 68 jobs differ from
 * it, and the mean wait is 104.6110 s.
 *
 * Jobs have no ids in the trace, so a job is known by its cluster, GPUs, submit time and duration; jobs equal
 * in all four are compared as a set.
 */
#include "base/mem.h"
#include "base/num.h"
#include "base/tick.h"
#include "io/csv.h"
#include "support/published.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS = 68503, GPUS_PER_NODE = 8 };

/* --- the scenario --- */

/* A row of philly_vc.csv: a cluster and how many nodes it has, its own. */
static bool add_cluster(void *context, const struct csv_row *row, struct err *err) {
    struct setup *setup = context;
    uint64_t nodes;
    (void)err;
    if (!num_u64(row->fields[1], row->len[1], &nodes)) return true; /* the header */
    const char *name = arena_text(&setup->arena, row->fields[0]);
    testing_tenant(setup, name);
    testing_pool(setup, name, (uint32_t)nodes, GPUS_PER_NODE)->tenant = (uint32_t)setup->tenants_len - 1;
    return true;
}

static void open_philly(struct setup *setup, struct jobs *jobs, const char *order) {
    static const char *const files[] = {"jobs/philly/philly.csv.gz", "jobs/philly/philly_vc.csv",
                                        "jobs/philly/reference_fifo_consolidate.csv.gz"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) (void)published_path(files[i]);
    struct err err;
    err_init(&err);
    testing_setup(setup);
    testing_policy(setup, order, "none", "consolidate");
    const char *clusters = arena_text(&setup->arena, testing_data(files[1]));
    cr_assert(csv_read(clusters, add_cluster, setup, NULL, &err));
    cr_assert_eq(setup->pools_len, 11);
    err_free(&err);
    struct testing_window window = {.from_unix_ns = tick_days_from_civil(2017, 10, 1) * TICK_DAY};
    window.to_unix_ns = window.from_unix_ns + 61 * TICK_DAY - TICK_MINUTE; /* November 30th, 23:59 */
    testing_import(jobs, "philly", testing_data(files[0]), "vcs", clusters, window);
    cr_assert_eq(jobs->len, JOBS);
}

/* --- the reference's order of ties --- */

static void swap(uint32_t *a, uint32_t *b) {
    uint32_t kept = *a;
    *a = *b;
    *b = kept;
}

/* Parts order[first..last] by the median of three, which comes to stand at the index returned: nothing before
 * it is larger, nothing after it smaller. */
static ptrdiff_t part(const struct job *jobs, uint32_t *order, ptrdiff_t first, ptrdiff_t last) {
    ptrdiff_t middle = first + (last - first) / 2, low = first, high = last - 1;
    if (jobs[order[middle]].submit_ns < jobs[order[first]].submit_ns) swap(&order[middle], &order[first]);
    if (jobs[order[last]].submit_ns < jobs[order[middle]].submit_ns) swap(&order[last], &order[middle]);
    if (jobs[order[middle]].submit_ns < jobs[order[first]].submit_ns) swap(&order[middle], &order[first]);
    const int64_t median = jobs[order[middle]].submit_ns;
    swap(&order[middle], &order[last - 1]);
    for (;;) {
        do low++;
        while (jobs[order[low]].submit_ns < median);
        do high--;
        while (median < jobs[order[high]].submit_ns);
        if (low >= high) break;
        swap(&order[low], &order[high]);
    }
    swap(&order[low], &order[last - 1]);
    return low;
}

/* Quicksort with insertion sort of what is at most 17 long, as NumPy's. (Its way out of a bad case, a heap
 * sort at twice the logarithm's depth, is not needed on jobs that are sorted already.) */
static void quicksort(const struct job *jobs, uint32_t *order, ptrdiff_t first, ptrdiff_t last, int depth) {
    require(depth > 0);
    while (last - first > 16) {
        ptrdiff_t at = part(jobs, order, first, last);
        depth--;
        if (at - first < last - at) {
            quicksort(jobs, order, first, at - 1, depth);
            first = at + 1;
        } else {
            quicksort(jobs, order, at + 1, last, depth);
            last = at - 1;
        }
    }
    for (ptrdiff_t i = first + 1; i <= last; i++)
        for (ptrdiff_t k = i; k > first && jobs[order[k]].submit_ns < jobs[order[k - 1]].submit_ns; k--)
            swap(&order[k], &order[k - 1]);
}

static void order_ties_as_reference(struct jobs *jobs) {
    cr_assert(!jobs->priority && !jobs->deadline_ns && !jobs->work && !jobs->user, "columns to move, too");
    uint32_t *order = mem_alloc(jobs->len * sizeof *order);
    for (uint32_t i = 0; i < jobs->len; i++) order[i] = i;
    quicksort(jobs->at, order, 0, (ptrdiff_t)jobs->len - 1, 32);
    struct job *sorted = mem_alloc(jobs->len * sizeof *sorted);
    for (size_t i = 0; i < jobs->len; i++) sorted[i] = jobs->at[order[i]];
    memcpy(jobs->at, sorted, jobs->len * sizeof *sorted);
    free(sorted);
    free(order);
}

static void check_figure(const char *what, double value, const char *published) {
    char text[32];
    snprintf(text, sizeof text, "%.4f", value);
    cr_expect_str_eq(text, published, "%s is %s, the reference has %s", what, text, published);
}

/* --- the schedule, job by job --- */

struct row {
    const char *cluster;
    int64_t gpus, submit_s, duration_s, start_s, end_s;
};
struct rows {
    struct row *at;
    size_t len, cap;
    struct names clusters;
};

/* By what a job is known by, then by its times. */
static int by_job(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    int order = strcmp(x->cluster, y->cluster);
    const int64_t left[] = {x->submit_s, x->gpus, x->duration_s, x->start_s, x->end_s};
    const int64_t right[] = {y->submit_s, y->gpus, y->duration_s, y->start_s, y->end_s};
    for (size_t i = 0; order == 0 && i < sizeof left / sizeof *left; i++)
        order = (left[i] > right[i]) - (left[i] < right[i]);
    return order;
}

static bool add_row(void *context, const struct csv_row *row, struct err *err) {
    struct rows *rows = context;
    int64_t values[6];
    (void)err;
    cr_assert_eq(row->count, 6);
    for (size_t i = 1; i < 6; i++)
        if (!num_i64(row->fields[i], row->len[i], &values[i])) return true; /* the header */
    uint32_t cluster = names_put(&rows->clusters, row->fields[0], row->len[0]);
    *vec_push(rows) = (struct row){rows->clusters.at[cluster], values[1], values[2],
                                   values[3], values[4], values[5]};
    return true;
}

static void read_reference(struct rows *rows) {
    struct err err;
    err_init(&err);
    *rows = (struct rows){0};
    names_init(&rows->clusters);
    const char *path = testing_data("jobs/philly/reference_fifo_consolidate.csv.gz");
    cr_assert(csv_read(path, add_row, rows, NULL, &err));
    err_free(&err);
    qsort(rows->at, rows->len, sizeof *rows->at, by_job);
}

static void read_result(const struct result *result, struct rows *rows) {
    *rows = (struct rows){0};
    for (size_t i = 0; i < result->jobs->len; i++) {
        const struct job *j = &result->jobs->at[i];
        cr_assert_eq(j->start_ns % TICK_S, 0);
        *vec_push(rows) = (struct row){.cluster = result->jobs->tenants.at[j->tenant],
                                       .gpus = result->jobs->shapes.at[j->shape].gpus,
                                       .submit_s = j->submit_ns / TICK_S, .duration_s = j->run_ns / TICK_S,
                                       .start_s = j->start_ns / TICK_S, .end_s = j->end_ns / TICK_S};
    }
    qsort(rows->at, rows->len, sizeof *rows->at, by_job);
}

/* How many jobs of the schedule differ from the reference's. */
static size_t differences(const struct result *result) {
    struct rows ours, theirs;
    read_reference(&theirs);
    read_result(result, &ours);
    cr_assert_eq(theirs.len, JOBS);
    cr_assert_eq(ours.len, JOBS);
    size_t different = 0;
    for (size_t i = 0; i < JOBS; i++) different += by_job(&ours.at[i], &theirs.at[i]) != 0;
    names_free(&theirs.clusters);
    free(theirs.at);
    free(ours.at);
    return different;
}

/* --- the tests --- */

static struct result run_philly(struct setup *setup, struct jobs *jobs, const char *order,
                                bool as_reference) {
    open_philly(setup, jobs, order);
    if (as_reference) order_ties_as_reference(jobs);
    struct result result = testing_run(setup, jobs);
    cr_expect_eq(result.tallies[0].finished, JOBS);
    return result;
}

static void close_philly(struct setup *setup, struct jobs *jobs, struct result *result) {
    result_free(result);
    jobs_free(jobs);
    testing_setup_free(setup);
}

Test(philly, fifo) {
    struct setup setup;
    struct jobs jobs;
    struct result result = run_philly(&setup, &jobs, "fifo", true);
    check_figure("mean completion time", result.tallies[0].jct_s.mean, "11585.2917");
    check_figure("mean wait", result.tallies[0].wait_s.mean, "104.6108");
    cr_expect_eq(differences(&result), 0, "%zu jobs differ from the reference", differences(&result));
    close_philly(&setup, &jobs, &result);
}

/* Ties by row, as every run of the program has them. */
Test(philly, fifo_ties_by_row) {
    struct setup setup;
    struct jobs jobs;
    struct result result = run_philly(&setup, &jobs, "fifo", false);
    check_figure("mean completion time", result.tallies[0].jct_s.mean, "11585.2918");
    check_figure("mean wait", result.tallies[0].wait_s.mean, "104.6110");
    cr_expect_eq(differences(&result), 68, "%zu jobs differ from the reference", differences(&result));
    close_philly(&setup, &jobs, &result);
}

/* The order of ties makes no difference to these digits. */
Test(philly, sjf) {
    for (int as_reference = 0; as_reference < 2; as_reference++) {
        struct setup setup;
        struct jobs jobs;
        struct result result = run_philly(&setup, &jobs, "sjf", as_reference);
        check_figure("mean completion time", result.tallies[0].jct_s.mean, "11543.4271");
        check_figure("mean wait", result.tallies[0].wait_s.mean, "62.7462");
        close_philly(&setup, &jobs, &result);
    }
}

/*
 * Laws of every order, and for each the schedule it is known for.
 *
 * The laws: a key stands still while its job waits; equal jobs have equal keys; starting never makes a job
 * worse than it was waiting (or it would preempt itself); on one GPU whoever starts has the least (key,
 * submit, row) of those waiting, the GPU is never idle while a job waits, and so every order ends at the same
 * moment.
 */
#include "support/testing.h"

#include "base/mem.h"
#include "base/rng.h"
#include "base/tick.h"
#include "core/seams.h"
#include "models/registry.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS = 300, COLUMNS = JOBS_PRIORITY | JOBS_DEADLINE };

static const struct order_model *order_at(size_t m) {
    return (const struct order_model *)(const void *)models_registry()->models[KIND_ORDER][m];
}
static size_t orders(void) { return models_registry()->counts[KIND_ORDER]; }

/* An order opened over a table of jobs that nobody has started. */
struct opened {
    const struct order_model *order;
    struct setup setup;
    struct world world;
    void *state;
};
static struct opened open_order(const struct order_model *order, struct jobs *jobs) {
    struct opened o = {.order = order};
    testing_setup(&o.setup);
    const struct chosen chosen = testing_model(&o.setup.arena, KIND_ORDER, order->model.name);
    o.world = (struct world){.setup = &o.setup, .jobs = *jobs};
    o.state = mem_zero(1, order->model.state_size + 1);
    if (order->open) order->open(o.state, chosen.params, &o.world);
    return o;
}
static void close_order(struct opened *o) {
    free(o->state);
    testing_setup_free(&o->setup);
}

static void add(struct jobs *jobs, double submit_s, double run_s, uint32_t gpus, int32_t priority,
                double deadline_s) {
    const uint32_t j = testing_job(jobs, submit_s, run_s, gpus);
    jobs->priority[j] = priority;
    jobs->deadline_ns[j] = deadline_s > 0 ? tick_from_seconds(deadline_s) : JOB_UNKNOWN;
}

/* Jobs with many ties in every column, as a world would have them before the first start. */
static void random_jobs(struct jobs *jobs, uint64_t seed, uint32_t gpus_most) {
    struct rng *rng = rng_open(seed, "jobs", 0);
    double submit_s = 0;
    jobs_init(jobs, COLUMNS);
    for (int i = 0; i < JOBS; i++) {
        submit_s += rng_below(rng, 4) ? 0 : 160;
        const double run_s = 10 * (double)(1 + rng_below(rng, rng_below(rng, 8) ? 9 : 900));
        const uint32_t gpus = (uint32_t)(1 + rng_below(rng, gpus_most));
        const int32_t priority = (int32_t)rng_below(rng, 5) - 2;
        add(jobs, submit_s, run_s, gpus, priority, rng_below(rng, 4) ? submit_s + 10 * run_s : 0);
    }
    rng_close(rng);
    jobs_sort(jobs);
    for (size_t j = 0; j < jobs->len; j++) {
        jobs->at[j].start_ns = jobs->at[j].end_ns = JOB_NOT_YET;
        jobs->at[j].left_ns = jobs->at[j].run_ns;
    }
}

static bool same_job(const struct jobs *jobs, size_t a, size_t b) {
    const struct job *x = &jobs->at[a], *y = &jobs->at[b];
    return x->submit_ns == y->submit_ns && x->run_ns == y->run_ns && x->shape == y->shape &&
           jobs->priority[a] == jobs->priority[b] && jobs->deadline_ns[a] == jobs->deadline_ns[b];
}

Test(order, keys_stand_still_and_equal_jobs_tie) {
    for (size_t m = 0; m < orders(); m++) {
        const char *name = order_at(m)->model.name;
        struct jobs jobs;
        random_jobs(&jobs, m, 2);
        struct opened o = open_order(order_at(m), &jobs);
        uint64_t keys[JOBS];
        for (uint32_t j = 0; j < JOBS; j++) keys[j] = o.order->key(o.state, &o.world, j);
        o.world.now_ns = 5 * TICK_HOUR;
        size_t ties = 0;
        for (uint32_t j = 0; j < JOBS; j++) {
            cr_expect_eq(o.order->key(o.state, &o.world, j), keys[j], "%s: the key of job %u moves", name, j);
            for (uint32_t k = 0; k < j; k++) {
                if (!same_job(&jobs, j, k)) continue;
                cr_expect_eq(keys[j], keys[k], "%s: equal jobs %u and %u differ", name, j, k);
                ties++;
            }
        }
        cr_expect_gt(ties, 0);
        close_order(&o);
        jobs_free(&jobs);
    }
}

Test(order, preemptive_orders_have_running_keys_and_no_others) {
    for (size_t m = 0; m < orders(); m++) {
        const struct order_model *order = order_at(m);
        const char *name = order->model.name;
        cr_expect_eq(order->preemptive, order->running_key != NULL, "%s", name);
        cr_expect(order->preemptive || !order->drift, "%s", name);
        if (!order->preemptive) continue;
        struct jobs jobs;
        random_jobs(&jobs, m, 2);
        struct opened o = open_order(order, &jobs);
        for (uint32_t j = 0; j < JOBS; j++) {
            const uint64_t waiting = order->key(o.state, &o.world, j);
            int64_t changes_ns = 0;
            o.world.now_ns = o.world.jobs.at[j].start_ns = jobs.at[j].submit_ns + 7 * TICK_S;
            const uint64_t running = order->running_key(o.state, &o.world, j, &changes_ns);
            const uint64_t now = order->drift ? (uint64_t)o.world.now_ns : 0;
            cr_expect_leq(running - now, waiting, "%s: job %u is worse for having started", name, j);
            cr_expect_gt(changes_ns, o.world.now_ns, "%s: job %u changes in the past", name, j);
        }
        close_order(&o);
        jobs_free(&jobs);
    }
}

Test(order, missing_columns_are_refused) {
    for (size_t m = 0; m < orders(); m++) {
        struct jobs jobs;
        struct setup setup;
        struct err err;
        err_init(&err);
        testing_setup(&setup);
        testing_pool(&setup, "a", 1, 1);
        testing_policy(&setup, order_at(m)->model.name, "none", "first_fit");
        jobs_init(&jobs, 0);
        testing_job(&jobs, 0, 1, 1);
        jobs_sort(&jobs);
        cr_expect_eq(run_check(&setup, &jobs, &err), order_at(m)->needs == 0, "%s", order_at(m)->model.name);
        err_free(&err);
        jobs_free(&jobs);
        testing_setup_free(&setup);
    }
}

/* ---- one GPU ---- */

static struct result run_on(const char *order, struct jobs *jobs, uint32_t gpus) {
    static struct setup setup; /* the result borrows nothing from it that is read here */
    testing_setup(&setup);
    testing_pool(&setup, "a", 1, gpus);
    testing_policy(&setup, order, "none", "first_fit");
    struct result result = testing_run(&setup, jobs);
    testing_setup_free(&setup);
    return result;
}

/* The last completion of any order that keeps one GPU at work whenever a job waits. */
static int64_t busy_until(const struct jobs *jobs) {
    int64_t t = 0;
    for (size_t j = 0; j < jobs->len; j++)
        t = (t > jobs->at[j].submit_ns ? t : jobs->at[j].submit_ns) + jobs->at[j].run_ns;
    return t;
}

static void starts_are_in_order(const struct order_model *order, struct jobs *jobs,
                                const struct result *result) {
    struct opened o = open_order(order, jobs);
    const struct job *run = result->jobs->at;
    for (uint32_t a = 0; a < JOBS; a++) {
        const uint64_t key = order->key(o.state, &o.world, a);
        for (uint32_t b = 0; b < JOBS; b++) {
            const bool waits = run[b].submit_ns <= run[a].start_ns && run[b].start_ns > run[a].start_ns;
            if (!waits) continue;
            const uint64_t other = order->key(o.state, &o.world, b);
            cr_expect(key < other || (key == other && a < b), "%s: job %u started before job %u",
                      order->model.name, a, b);
        }
    }
    close_order(&o);
}

Test(order, one_gpu_is_kept_busy_in_order_of_key) {
    for (size_t m = 0; m < orders(); m++) {
        struct jobs jobs;
        random_jobs(&jobs, 100 + m, 1);
        struct result result = run_on(order_at(m)->model.name, &jobs, 1);
        int64_t last_ns = 0;
        for (size_t j = 0; j < JOBS; j++) {
            cr_expect_geq(result.jobs->at[j].start_ns, result.jobs->at[j].submit_ns);
            if (result.jobs->at[j].end_ns > last_ns) last_ns = result.jobs->at[j].end_ns;
        }
        cr_expect_eq(last_ns, busy_until(&jobs), "%s: ends at %.0f s, not %.0f s", order_at(m)->model.name,
                     tick_seconds(last_ns), tick_seconds(busy_until(&jobs)));
        if (!order_at(m)->preemptive && !order_at(m)->tenant_key)
            starts_are_in_order(order_at(m), &jobs, &result);
        result_free(&result);
        jobs_free(&jobs);
    }
}

/* ---- what each is known for ---- */

/* Four jobs wait behind a fifth; each needs more than half of the GPUs, so they run one by one. */
Test(order, four_jobs_by_hand) {
    static const struct { const char *order, *starts; } cases[] = {
        {"fifo", "ABCD"}, {"sjf", "BDCA"}, {"ljf", "ACBD"}, {"smallest", "BACD"}, {"srtf", "BDCA"},
        {"las", "ABCD"}, {"fair_share", "ABCD"}, {"edf", "CDAB"}, {"priority", "BACD"}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct jobs jobs;
        jobs_init(&jobs, COLUMNS);
        add(&jobs, 0, 5, 4, 0, 0);
        add(&jobs, 1, 30, 4, 1, 500); /* A */
        add(&jobs, 2, 10, 3, 5, 0);   /* B */
        add(&jobs, 3, 20, 4, 1, 100); /* C */
        add(&jobs, 4, 10, 4, 0, 300); /* D */
        struct result result = run_on(cases[c].order, &jobs, 4);
        char starts[5] = "----";
        for (size_t j = 1; j <= 4; j++) {
            size_t rank = 0;
            for (size_t k = 1; k <= 4; k++) rank += result.jobs->at[k].start_ns < result.jobs->at[j].start_ns;
            starts[rank] = (char)('A' + j - 1);
        }
        cr_expect_str_eq(starts, cases[c].starts, "%s: %s, expected %s", cases[c].order, starts,
                         cases[c].starts);
        result_free(&result);
        jobs_free(&jobs);
    }
}

/* One server, preemption at no cost, ten seconds at a time: every completion time. */
Test(order, srtf_is_the_shortest_remaining_first) {
    struct jobs jobs;
    random_jobs(&jobs, 7, 1);
    struct result result = run_on("srtf", &jobs, 1);
    int64_t left_ns[JOBS], end_ns[JOBS], now_ns = 0;
    uint64_t preempted = 0;
    uint32_t last = JOB_NONE;
    for (size_t j = 0; j < JOBS; j++) left_ns[j] = jobs.at[j].run_ns;
    for (size_t done = 0; done < JOBS; now_ns += 10 * TICK_S) { /* every time is a multiple of 10 s */
        uint32_t best = JOB_NONE;
        for (uint32_t j = 0; j < JOBS; j++) {
            if (left_ns[j] == 0 || jobs.at[j].submit_ns > now_ns) continue;
            if (best == JOB_NONE || left_ns[j] < left_ns[best] || (left_ns[j] == left_ns[best] && j == last))
                best = j;
        }
        if (best == JOB_NONE) continue;
        if (last != JOB_NONE && last != best && left_ns[last] > 0) preempted++;
        last = best;
        left_ns[best] -= 10 * TICK_S;
        if (left_ns[best] == 0) {
            end_ns[best] = now_ns + 10 * TICK_S;
            done++;
        }
    }
    for (uint32_t j = 0; j < JOBS; j++)
        cr_expect_eq(result.jobs->at[j].end_ns, end_ns[j], "job %u ends at %.0f s, not %.0f s", j,
                     tick_seconds(result.jobs->at[j].end_ns), tick_seconds(end_ns[j]));
    cr_expect_gt(preempted, 0);
    cr_expect_eq(testing_tally(&result, PART_RUN, NULL)->preemptions, preempted);
    result_free(&result);
    jobs_free(&jobs);
}

/* A long job keeps its GPU until it has had the threshold, then gives way to whoever comes fresh. */
Test(order, las_demotes_at_the_threshold) {
    struct jobs jobs;
    jobs_init(&jobs, 0);
    testing_job(&jobs, 0, 10000, 1);
    testing_job(&jobs, 1000, 500, 1);
    testing_job(&jobs, 5000, 100, 1);
    struct result result = run_on("las", &jobs, 1);
    static const double starts_s[] = {0, 3250, 5000}, ends_s[] = {10600, 3750, 5100};
    for (size_t j = 0; j < 3; j++) {
        cr_expect_eq(result.jobs->at[j].start_ns, tick_from_seconds(starts_s[j]), "job %zu starts at %.9f s",
                     j, tick_seconds(result.jobs->at[j].start_ns));
        cr_expect_eq(result.jobs->at[j].end_ns, tick_from_seconds(ends_s[j]), "job %zu ends at %.9f s", j,
                     tick_seconds(result.jobs->at[j].end_ns));
    }
    cr_expect_eq(testing_tally(&result, PART_RUN, NULL)->preemptions, 2);
    result_free(&result);
    jobs_free(&jobs);
}

/* Service counts GPUs: on four of them the threshold comes four times as soon. */
Test(order, las_counts_gpus) {
    struct jobs jobs;
    jobs_init(&jobs, 0);
    testing_job(&jobs, 0, 10000, 4);
    testing_job(&jobs, 10, 500, 1);
    struct result result = run_on("las", &jobs, 4);
    cr_expect_eq(result.jobs->at[1].start_ns, tick_from_seconds(812.5));
    cr_expect_eq(result.jobs->at[0].end_ns, tick_from_seconds(10500));
    result_free(&result);
    jobs_free(&jobs);
}

/* ---- fair share ---- */

/* Tasks of two tenants that start at once, with their weights, on 9 cores and 18 GiB. */
static void drf(double weight_a, double weight_b, size_t expect_a, size_t expect_b) {
    struct setup setup;
    struct jobs jobs;
    testing_setup(&setup);
    struct pool_setup *pool = testing_pool(&setup, "cpus", 1, 0);
    pool->cpu_milli = 9000;
    pool->mem_mib = 18 * 1024;
    testing_tenant(&setup, "a")->weight = weight_a;
    testing_tenant(&setup, "b")->weight = weight_b;
    testing_policy(&setup, "fair_share", "skip", "first_fit");
    jobs_init(&jobs, 0);
    const uint32_t a = names_put(&jobs.tenants, "a", 1), b = names_put(&jobs.tenants, "b", 1);
    for (int i = 0; i < 20; i++) { /* all of a's before any of b's */
        const uint32_t j = testing_job(&jobs, 0, 100, 0);
        const bool of_a = i < 10;
        testing_shape(&jobs, &(struct shape){.cpu_milli = of_a ? 1000 : 3000, .mem_mib = of_a ? 4096 : 1024,
                                             .models = JOB_ANY_MODEL});
        jobs.at[j].tenant = (uint16_t)(of_a ? a : b);
    }
    struct result result = testing_run(&setup, &jobs);
    size_t started[2] = {0, 0};
    for (size_t j = 0; j < 20; j++) started[j >= 10] += result.jobs->at[j].start_ns == 0;
    cr_expect_eq(started[0], expect_a, "weights %g : %g: a has %zu", weight_a, weight_b, started[0]);
    cr_expect_eq(started[1], expect_b, "weights %g : %g: b has %zu", weight_a, weight_b, started[1]);
    result_free(&result);
    jobs_free(&jobs);
    testing_setup_free(&setup);
}

/* The example of the DRF paper (section 4.1): a task of a is 2/9 of the memory, one of b 1/3 of the cores,
 * and filling in turn gives three and two. With four times the weight a goes up 1/18 a task against b's 1/3:
 * after one of b it has its second to fourth, and then there is no memory for a fifth nor are there cores for
 * b's second. */
Test(order, fair_share_is_dominant_resource_fairness) {
    drf(1, 1, 3, 2);
    drf(4, 1, 4, 1);
}

/* Equal tenants, one with ten times the jobs: they alternate, whoever submitted first. */
Test(order, fair_share_alternates_between_tenants) {
    struct setup setup;
    struct jobs jobs;
    testing_setup(&setup);
    testing_pool(&setup, "a", 1, 2);
    testing_policy(&setup, "fair_share", "none", "first_fit");
    jobs_init(&jobs, 0);
    const uint32_t few = names_put(&jobs.tenants, "few", 3);
    for (int i = 0; i < 22; i++) {
        const uint32_t j = testing_job(&jobs, 0, 10, 1);
        if (i >= 20) jobs.at[j].tenant = (uint16_t)few;
    }
    struct result result = testing_run(&setup, &jobs);
    cr_expect_eq(result.jobs->at[20].start_ns, 0);
    cr_expect_eq(result.jobs->at[21].start_ns, 10 * TICK_S);
    result_free(&result);
    jobs_free(&jobs);
    testing_setup_free(&setup);
}

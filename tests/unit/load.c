/* The load generator: what each part of a load becomes in the job table, and what a change leaves alone. */
#include "support/testing.h"

#include "base/tick.h"
#include "core/load.h"

#include <criterion/criterion.h>
#include <math.h>

static struct arena arena;
static struct load_class classes[2];
static struct load_tenant tenants[2] = {{"red", 3}, {"blue", 1}};
static struct load_setup load;
static double gpu_counts[2][3] = {{1, 2, 8}, {0.25, 1, 0}}, gpu_weights[2][3] = {{6, 3, 1}, {1, 1, 0}};
static const char *accepted[] = {"A100", "H100"};

/* Two classes: 3 of 4 jobs are `train`, the rest `serve`. Poisson at 60/h, lognormal run times. */
static void open_load(void) {
    arena_init(&arena);
    for (int i = 0; i < 2; i++)
        classes[i] = (struct load_class){.name = i ? "serve" : "train", .weight = i ? 1 : 3,
                                         .durations = testing_model(&arena, KIND_DURATIONS, "lognormal"),
                                         .gpus = {gpu_counts[i], 3}, .gpus_weight = {gpu_weights[i], 3},
                                         .utilisation_mean = 0.8, .estimate_factor = 1};
    load = (struct load_setup){.jobs_most = 20000, .until_ns = TICK_NEVER,
                               .classes = classes, .classes_len = 2,
                               .arrivals = testing_model(&arena, KIND_ARRIVALS, "poisson")};
}
static void close_load(void) { arena_free(&arena); }
TestSuite(load, .init = open_load, .fini = close_load);

static struct jobs generate(uint64_t seed) {
    struct jobs jobs;
    load_generate(&load, seed, &jobs);
    for (size_t j = 1; j < jobs.len; j++) cr_assert(jobs.at[j].submit_ns >= jobs.at[j - 1].submit_ns);
    return jobs;
}
static const struct shape *shape(const struct jobs *jobs, size_t j) {
    return &jobs->shapes.at[jobs->at[j].shape];
}
static bool serves(const struct jobs *jobs, size_t j) {
    return strcmp(jobs->classes.at[jobs->at[j].class_id], "serve") == 0;
}
/* A count of n draws of probability p, within five standard deviations. */
static void expect_share(size_t count, size_t n, double p, const char *what) {
    const double sd = sqrt((double)n * p * (1 - p));
    cr_expect(fabs((double)count - (double)n * p) < 5 * sd, "%s: %zu of %zu, expected %g +- %g", what, count,
              n, (double)n * p, sd);
}

Test(load, weights_become_shares) {
    load.tenants = tenants;
    load.tenants_len = 2;
    struct jobs jobs = generate(1);
    cr_assert_eq(jobs.len, 20000);
    size_t serve = 0, red = 0, gpus[9] = {0}, quarter = 0;
    for (size_t j = 0; j < jobs.len; j++) {
        const struct shape *s = shape(&jobs, j);
        red += strcmp(jobs.tenants.at[jobs.at[j].tenant], "red") == 0;
        if (!serves(&jobs, j)) {
            cr_assert(s->gpus == 1 || s->gpus == 2 || s->gpus == 8);
            cr_assert_eq(s->share_milli, 0);
            gpus[s->gpus]++;
        } else {
            cr_assert((s->gpus == 1 && s->share_milli == 0) || (s->gpus == 0 && s->share_milli == 250));
            serve++;
            quarter += s->share_milli == 250;
        }
        cr_assert_eq(s->models, JOB_ANY_MODEL);
        cr_assert_float_eq(jobs.at[j].utilisation, 0.8F, 1e-7);
    }
    expect_share(serve, jobs.len, 0.25, "serve");
    expect_share(red, jobs.len, 0.75, "red");
    expect_share(gpus[1], jobs.len - serve, 0.6, "1 GPU");
    expect_share(gpus[2], jobs.len - serve, 0.3, "2 GPUs");
    expect_share(gpus[8], jobs.len - serve, 0.1, "8 GPUs");
    expect_share(quarter, serve, 0.5, "a quarter");
    cr_expect(!jobs.priority && !jobs.deadline_ns && !jobs.has_estimates);
    jobs_free(&jobs);
}

Test(load, cpus_and_memory_go_with_the_gpus) {
    gpu_weights[1][2] = 1; /* some jobs without a GPU */
    for (int i = 0; i < 2; i++) {
        classes[i].cpus_per_gpu = 6;
        classes[i].mem_mib_per_gpu = 1000;
        classes[i].gpu_models = accepted;
        classes[i].gpu_models_len = 2;
    }
    struct jobs jobs = generate(1);
    bool seen[3] = {false};
    for (size_t j = 0; j < jobs.len; j++) {
        const struct shape *s = shape(&jobs, j);
        const uint32_t milli = shape_gpu_milli(s) ? shape_gpu_milli(s) : 1000; /* without a GPU: as for one */
        cr_assert_eq(s->cpu_milli, 6 * milli);
        cr_assert_eq(s->mem_mib, milli);
        cr_assert_eq(s->models, shape_gpu_milli(s) ? 3 : JOB_ANY_MODEL);
        seen[s->gpus ? 0 : s->share_milli ? 1 : 2] = true;
    }
    cr_expect(seen[0] && seen[1] && seen[2]);
    cr_expect_str_eq(jobs.models.at[0], "A100");
    cr_expect_str_eq(jobs.models.at[1], "H100");
    jobs_free(&jobs);
}

Test(load, utilisation_is_a_cut_normal) {
    classes[0].utilisation_mean = 0.5;
    classes[0].utilisation_sd = 0.1;
    classes[1].utilisation_mean = 1;
    classes[1].utilisation_sd = 0.2;
    struct jobs jobs = generate(1);
    double sum[2] = {0}, n[2] = {0};
    for (size_t j = 0; j < jobs.len; j++) {
        const double u = jobs.at[j].utilisation;
        cr_assert(u >= 0.00999 && u <= 1);
        sum[serves(&jobs, j)] += u;
        n[serves(&jobs, j)]++;
    }
    cr_expect_float_eq(sum[0] / n[0], 0.5, 5 * 0.1 / sqrt(n[0]));
    /* The lower half of a normal: mean less 0.2 sqrt(2 / pi). */
    cr_expect_float_eq(sum[1] / n[1], 1 - 0.2 * sqrt(2 / acos(-1)), 5 * 0.2 / sqrt(n[1]));
    jobs_free(&jobs);
}

Test(load, estimates_deadlines_and_priorities_of_a_class) {
    classes[1].estimate_factor = 3;
    classes[1].deadline_slack = 2.5;
    classes[1].priority = -7;
    struct jobs jobs = generate(1);
    cr_assert(jobs.has_estimates && jobs.deadline_ns && jobs.priority);
    size_t n = 0, within_factor = 0;
    for (size_t j = 0; j < jobs.len; j++) {
        const struct job *job = &jobs.at[j];
        if (!serves(&jobs, j)) {
            cr_assert_eq(job->estimate_ns, job->run_ns);
            cr_assert_eq(jobs.deadline_ns[j], JOB_UNKNOWN);
            cr_assert_eq(jobs.priority[j], 0);
            continue;
        }
        cr_assert_geq(job->estimate_ns, job->run_ns);
        within_factor += (double)job->estimate_ns < 3 * (double)job->run_ns;
        n++;
        cr_assert_float_eq((double)(jobs.deadline_ns[j] - job->submit_ns), 2.5 * (double)job->run_ns, 2e3);
        cr_assert_eq(jobs.priority[j], -7);
    }
    expect_share(within_factor, n, erf(sqrt(0.5)), "within the factor once"); /* |N(0,1)| < 1 */
    jobs_free(&jobs);
}

Test(load, a_change_of_one_class_leaves_the_rest) {
    struct jobs before = generate(1), same = generate(1), other = generate(2);
    *(int64_t *)classes[1].durations.params *= 10;
    struct jobs after = generate(1);
    cr_assert_eq(jobs_hash(&before), jobs_hash(&same));
    cr_assert_neq(jobs_hash(&before), jobs_hash(&other));
    cr_assert_neq(jobs_hash(&before), jobs_hash(&after));
    cr_assert_eq(before.len, after.len);
    for (size_t j = 0; j < before.len; j++) {
        const struct job *a = &before.at[j], *b = &after.at[j];
        cr_assert(a->submit_ns == b->submit_ns && a->shape == b->shape && a->class_id == b->class_id);
        if (!serves(&before, j)) cr_assert_eq(a->run_ns, b->run_ns);
        else cr_assert_float_eq((double)b->run_ns, 10 * (double)a->run_ns, 10);
    }
    jobs_free(&before), jobs_free(&same), jobs_free(&other), jobs_free(&after);
}

Test(load, stops_at_jobs_or_until) {
    load.until_ns = 2 * TICK_DAY;
    struct jobs jobs = generate(1);
    expect_share(jobs.len, 2 * 24 * 60 * 1000, 1e-3, "two days at 60/h");
    cr_expect(jobs.at[jobs.len - 1].submit_ns < 2 * TICK_DAY);
    jobs_free(&jobs);
    /* Without a limit on jobs, more of them than the first guess at the room. */
    load.jobs_most = 0;
    load.until_ns = 60 * TICK_DAY;
    jobs = generate(1);
    expect_share(jobs.len, (size_t)60 * 24 * 60 * 1000, 1e-3, "sixty days at 60/h");
    cr_expect(jobs.at[jobs.len - 1].submit_ns > 60 * TICK_DAY - TICK_HOUR);
    jobs_free(&jobs);
}

/* 2026-11-21 was a Saturday. The run begins there at 10:30 UTC, in a place two hours ahead of UTC. */
Test(load, shape_follows_local_hours_and_weekdays) {
    static double hours[24] = {[9] = 1, [10] = 3}, weekdays[7] = {[0] = 2, [6] = 1};
    cr_assert(tick_parse_date("2026-11-21 10:30", 16, &load.origin_unix_ns));
    load.utc_offset_ns = 2 * TICK_HOUR;
    load.daily = (struct numbers){hours, 24};
    load.weekly = (struct numbers){weekdays, 7};
    load.jobs_most = 0;
    load.until_ns = 28 * TICK_DAY;
    struct jobs jobs = generate(1);
    size_t mondays = 0, tens = 0;
    for (size_t j = 0; j < jobs.len; j++) {
        /* From the local Saturday 00:00 before the origin, which stands at 12:30. */
        const int64_t local_ns = jobs.at[j].submit_ns + 12 * TICK_HOUR + 30 * TICK_MINUTE;
        const int64_t day = local_ns / TICK_DAY % 7, hour = local_ns / TICK_HOUR % 24;
        cr_assert(day == 1 || day == 2, "Sunday or Monday, not Saturday + %d", (int)day);
        cr_assert(hour == 9 || hour == 10, "hour %d", (int)hour);
        mondays += day == 2;
        tens += hour == 10;
    }
    expect_share(jobs.len, (size_t)28 * 24 * 60 * 1000, 1e-3, "the mean rate holds");
    expect_share(mondays, jobs.len, 2.0 / 3, "Mondays");
    expect_share(tens, jobs.len, 0.75, "ten o'clock");
    cr_expect_eq(jobs.origin_unix_ns, load.origin_unix_ns);
    jobs_free(&jobs);
}

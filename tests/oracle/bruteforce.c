/*
 * The ledger against brute force: small random runs in two regions, re-integrated second by second in this
 * test from nothing but the jobs' start and end times. Every moment at which anything changes is a whole
 * second, so that a sum over seconds is the integral itself and only rounding may differ: the figures agree
 * to 1e-9, well inside the 1e-6 asked for.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "base/tick.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

enum { REGIONS = 2, RUNS = 150, JOBS = 40 };

/* --- a random run --- */

static double between(struct rng *rng, double low, double high) {
    return low + (high - low) * rng_uniform(rng);
}

/* A few steps at whole seconds, from before or after the beginning, repeated or not. */
static struct steps draw_steps(struct setup *setup, struct rng *rng, double low, double high) {
    struct testing_step steps[6];
    size_t count = 1 + rng_below(rng, 6);
    double at = (double)rng_below(rng, 400) - 200;
    for (size_t i = 0; i < count; i++, at += 1 + (double)rng_below(rng, 300)) {
        steps[i].at_s = at;
        steps[i].value = between(rng, low, high);
    }
    double period = steps[count - 1].at_s - steps[0].at_s + 1 + (double)rng_below(rng, 200);
    return testing_steps(setup, steps, count, rng_below(rng, 2) ? period : 0);
}

static void draw_setup(struct setup *setup, struct rng *rng) {
    static const char *const backfills[] = {"none", "skip", "easy", "conservative"};
    static const char *const pools[REGIONS] = {"a", "b"};
    testing_setup(setup);
    testing_region(setup, "there");
    testing_policy(setup, rng_below(rng, 2) ? "fifo" : "sjf", backfills[rng_below(rng, 4)], "first_fit");
    for (uint32_t r = 0; r < REGIONS; r++) {
        struct region_setup *region = &setup->regions[r];
        region->price = draw_steps(setup, rng, -0.1, 0.5);
        region->carbon = draw_steps(setup, rng, 10, 800);
        region->pue = draw_steps(setup, rng, 1, 2);
        struct pool_setup *pool = testing_pool(setup, pools[r], 1 + (uint32_t)rng_below(rng, 3),
                                               1 + (uint32_t)rng_below(rng, 8));
        pool->region = r;
        pool->base_w = between(rng, 0, 800);
        pool->gpu_idle_w = between(rng, 0, 100);
        pool->gpu_peak_w = between(rng, 200, 700);
        pool->usd_per_node_h = between(rng, 0, 30);
        pool->cpu_milli = rng_below(rng, 2) ? 16000 : 0;
    }
    if (rng_below(rng, 2)) setup->measure_from_ns = (int64_t)rng_below(rng, 300) * TICK_S;
    const int64_t measured = 1 + (int64_t)rng_below(rng, 600), whole = 1 + (int64_t)rng_below(rng, 900);
    if (rng_below(rng, 2)) setup->measure_to_ns = setup->measure_from_ns + measured * TICK_S;
    if (rng_below(rng, 3) == 0) setup->horizon_ns = setup->measure_from_ns + whole * TICK_S;
}

static void draw_jobs(struct jobs *jobs, struct rng *rng) {
    jobs_init(jobs, 0);
    for (int i = 0; i < JOBS; i++) {
        struct shape shape = {.gpus = 1 + (uint32_t)rng_below(rng, 9), .models = JOB_ANY_MODEL};
        uint64_t kind = rng_below(rng, 6);
        if (kind == 0) shape.share_milli = 1 + (uint32_t)rng_below(rng, 999);
        if (kind <= 1) shape.gpus = 0;
        if (kind == 1 || kind == 2) shape.cpu_milli = 1 + (uint32_t)rng_below(rng, 4000);
        uint32_t j = testing_job(jobs, (double)rng_below(rng, 500), (double)rng_below(rng, 120), 0);
        testing_shape(jobs, &shape);
        jobs->at[j].utilisation = (float)rng_uniform(rng);
    }
}

/* --- second by second --- */

struct sums {
    double j, usd, g, it_j, job_j, job_usd, job_g, held_s, used_s, capacity_usd, job_capacity_usd, peak_w;
};

struct replay {
    const struct setup *setup;
    const struct result *result;
    struct sums regions[REGIONS];
    struct job_result *jobs;
    struct bin *bins; /* sums over the bin's seconds, laid out as the series */
};

static double step_value(const struct steps *steps, int64_t t_ns) {
    int64_t first = steps->at_ns[0];
    while (steps->period_ns > 0 && t_ns >= first + steps->period_ns) t_ns -= steps->period_ns;
    double value = steps->value[0];
    for (size_t i = 0; i < steps->len && steps->at_ns[i] <= t_ns; i++) value = steps->value[i];
    return value;
}

static bool runs(const struct job *job, int64_t t_ns) {
    return job->start_ns >= 0 && job->start_ns <= t_ns && (job->end_ns == JOB_NOT_YET || job->end_ns > t_ns);
}

static bool waits(const struct job *job, int64_t t_ns) {
    return job->start_ns != JOB_REFUSED && job->submit_ns <= t_ns &&
           (job->start_ns == JOB_NOT_YET || job->start_ns > t_ns);
}

/* Adds one second of one region from t_ns on. Each region has one pool, of one kind of node. */
static void add_second(struct replay *replay, uint32_t r, int64_t t_ns, bool measured, struct bin *bin) {
    const struct region_setup *region = &replay->setup->regions[r];
    const struct pool_setup *pool = &replay->setup->pools[r];
    const struct jobs *jobs = replay->result->jobs;
    const double price = step_value(&region->price, t_ns), carbon = step_value(&region->carbon, t_ns);
    const double pue = step_value(&region->pue, t_ns), nodes = replay->setup->nodes[r].count;
    double it_w = nodes * (pool->base_w + pool->gpus * pool->gpu_idle_w);
    struct sums *to = &replay->regions[r];
    for (size_t i = 0; i < jobs->len; i++) {
        if (replay->result->job_results[i].region != r) continue;
        const double gpus = shape_gpu_milli(&jobs->shapes.at[jobs->at[i].shape]) / 1000.0;
        const double used = gpus * (double)jobs->at[i].utilisation;
        if (waits(&jobs->at[i], t_ns)) {
            bin->queued_jobs += 1;
            bin->queued_gpus += gpus;
        }
        if (!runs(&jobs->at[i], t_ns)) continue;
        const double busy_w = used * (pool->gpu_peak_w - pool->gpu_idle_w);
        const double job_w = busy_w + gpus * pool->gpu_idle_w + gpus / pool->gpus * pool->base_w;
        it_w += busy_w;
        bin->running_jobs += 1;
        bin->held_gpus += gpus;
        bin->used_gpus += used;
        if (!measured) continue;
        to->held_s += gpus;
        to->used_s += used;
        const double usd = gpus / pool->gpus * pool->usd_per_node_h / 3600;
        struct job_result *job = &replay->jobs[i];
        job->energy_j += job_w * pue, to->job_j += job_w * pue;
        job->energy_usd += job_w * pue * price / 3.6e6, to->job_usd += job_w * pue * price / 3.6e6;
        job->co2_g += job_w * pue * carbon / 3.6e6, to->job_g += job_w * pue * carbon / 3.6e6;
        job->capacity_usd += usd, to->job_capacity_usd += usd;
    }
    const double watts = it_w * pue;
    bin->power_w += watts;
    bin->price_usd_per_kwh += price;
    bin->carbon_g_per_kwh += carbon;
    bin->pue += pue;
    bin->cost_usd_per_h += watts * price / 1000 + nodes * pool->usd_per_node_h;
    if (!measured) return;
    to->it_j += it_w;
    to->j += watts;
    to->usd += watts * price / 3.6e6;
    to->g += watts * carbon / 3.6e6;
    to->capacity_usd += nodes * pool->usd_per_node_h / 3600;
    to->peak_w = fmax(to->peak_w, watts);
}

static void replay_run(struct replay *replay) {
    const struct setup *setup = replay->setup;
    const struct series *series = &replay->result->series;
    for (int64_t t = 0; t < replay->result->end_ns; t += TICK_S)
        for (uint32_t r = 0; r < REGIONS; r++)
            add_second(replay, r, t, t >= setup->measure_from_ns && t < setup->measure_to_ns,
                       &replay->bins[r * series->bins + (size_t)(t / series->width_ns)]);
}

/* --- the comparison --- */

/* Sums of both signs are compared on the scale of what was summed, hence `scale`. */
static void check(const char *what, int run, double engine, double brute, double scale) {
    cr_expect(fabs(engine - brute) <= 1e-9 * fmax(scale, fmax(fabs(engine), fabs(brute))),
              "run %d: %s is %.17g, second by second %.17g", run, what, engine, brute);
}

static void check_region(int run, const struct tally *t, const struct sums *s) {
    const double money = s->j / 3.6e6; /* prices are below 1 USD/kWh */
    check("energy_j", run, t->energy_j, s->j, 0);
    check("it_energy_j", run, t->it_energy_j, s->it_j, 0);
    check("job_energy_j", run, t->job_energy_j, s->job_j, 0);
    check("idle_energy_j", run, t->idle_energy_j, s->j - s->job_j, s->j);
    check("energy_usd", run, t->energy_usd, s->usd, money);
    check("job_energy_usd", run, t->job_energy_usd, s->job_usd, money);
    check("idle_energy_usd", run, t->idle_energy_usd, s->usd - s->job_usd, money);
    check("co2_g", run, t->co2_g, s->g, 0);
    check("job_co2_g", run, t->job_co2_g, s->job_g, 0);
    check("idle_co2_g", run, t->idle_co2_g, s->g - s->job_g, s->g);
    check("capacity_usd", run, t->capacity_usd, s->capacity_usd, 0);
    check("job_capacity_usd", run, t->job_capacity_usd, s->job_capacity_usd, 0);
    check("held_gpu_h", run, t->held_gpu_h, s->held_s / 3600, 0);
    check("used_gpu_h", run, t->used_gpu_h, s->used_s / 3600, 0);
    check("peak_w", run, t->peak_w, s->peak_w, 0);
}

static void check_bins(int run, const struct replay *replay) {
    const struct series *series = &replay->result->series;
    for (size_t i = 0; i < series->regions * series->bins; i++) {
        const struct bin *a = &series->at[i], *b = &replay->bins[i];
        const int64_t from = (int64_t)(i % series->bins) * series->width_ns;
        const int64_t rest = replay->result->end_ns - from;
        const double s = tick_seconds(rest < series->width_ns ? rest : series->width_ns);
        check("held_gpus", run, a->held_gpus, b->held_gpus / s, 1);
        check("used_gpus", run, a->used_gpus, b->used_gpus / s, 1);
        check("queued_jobs", run, a->queued_jobs, b->queued_jobs / s, 1);
        check("queued_gpus", run, a->queued_gpus, b->queued_gpus / s, 1);
        check("running_jobs", run, a->running_jobs, b->running_jobs / s, 1);
        check("power_w", run, a->power_w, b->power_w / s, 0);
        check("price", run, a->price_usd_per_kwh, b->price_usd_per_kwh / s, 1);
        check("carbon", run, a->carbon_g_per_kwh, b->carbon_g_per_kwh / s, 0);
        check("pue", run, a->pue, b->pue / s, 0);
        check("cost_usd_per_h", run, a->cost_usd_per_h, b->cost_usd_per_h / s, 1);
    }
}

static void check_jobs(int run, const struct replay *replay) {
    for (size_t i = 0; i < replay->result->jobs->len; i++) {
        const struct job_result *a = &replay->result->job_results[i], *b = &replay->jobs[i];
        check("job energy_j", run, a->energy_j, b->energy_j, 0);
        check("job energy_usd", run, a->energy_usd, b->energy_usd, b->energy_j / 3.6e6);
        check("job co2_g", run, a->co2_g, b->co2_g, 0);
        check("job capacity_usd", run, a->capacity_usd, b->capacity_usd, 0);
    }
}

Test(bruteforce, second_by_second) {
    size_t bins = 0, started = 0;
    for (int run = 0; run < RUNS; run++) {
        struct rng *rng = rng_open(11, "bruteforce", (uint64_t)run);
        struct setup setup;
        struct jobs jobs;
        draw_setup(&setup, rng);
        draw_jobs(&jobs, rng);
        struct result result = testing_run_bins(&setup, &jobs, 20);
        struct replay replay = {.setup = &setup, .result = &result};
        replay.jobs = mem_zero(jobs.len, sizeof *replay.jobs);
        replay.bins = mem_zero(REGIONS * result.series.bins + 1, sizeof *replay.bins);
        replay_run(&replay);
        for (uint32_t r = 0; r < REGIONS; r++)
            check_region(run, testing_tally(&result, PART_REGION, setup.regions[r].name), &replay.regions[r]);
        check_bins(run, &replay);
        check_jobs(run, &replay);
        cr_expect_leq(result.ledger_error, 1e-9);
        bins += result.series.bins;
        for (size_t i = 0; i < result.jobs->len; i++) started += result.jobs->at[i].start_ns >= 0;
        free(replay.jobs), free(replay.bins);
        result_free(&result), jobs_free(&jobs), testing_setup_free(&setup);
        rng_close(rng);
    }
    cr_expect_gt(bins, RUNS * 10); /* the comparison was not empty */
    cr_expect_gt(started, RUNS * JOBS / 3);
}

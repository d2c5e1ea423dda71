/* The bill of a run: its lines add up to the run, to each region, tenant and class, and say how capacity was
 * bought; and the hours of the week in which work starts. Runs of random jobs, not written by hand. */
#include "io/charge.h"

#include "base/rng.h"
#include "base/tick.h"
#include "io/summary.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REGIONS = 3, TENANTS = 4, CLASSES = 3, JOBS = 600 };
static const char *const tenants[TENANTS] = {"a", "b", "c", "d"}, *const classes[CLASSES] = {"x", "y", "z"};

static struct pool_setup *add_pool(struct setup *setup, const char *name, uint32_t region,
                                   enum bought bought) {
    struct pool_setup *pool = testing_pool(setup, name, 3, 4);
    pool->region = region;
    pool->bought = bought;
    pool->usd_per_node_h = 2 + region;
    pool->base_w = 300, pool->gpu_idle_w = 40, pool->gpu_peak_w = 300;
    pool->embodied_g_per_node_h = 25;
    return pool;
}

/* Two of the regions have a carbon price, one a supply contract, one a peak to pay for and some sun. */
static void open_setup(struct setup *setup) {
    static const struct testing_step price[] = {{0, 0.10}, {40000, 0.30}}, sun[] = {{0, 0}, {30000, 1500}};
    testing_setup(setup);
    testing_region(setup, "there");
    testing_region(setup, "nowhere");
    for (size_t r = 0; r < REGIONS; r++) {
        struct region_setup *region = &setup->regions[r];
        region->price = testing_steps(setup, price, 2, 86400);
        region->carbon = testing_steps(setup, &(struct testing_step){0, 100.0 * (double)(r + 1)}, 1, 0);
        region->carbon_usd_per_kg = 0.08 * (double)r;
    }
    setup->regions[1].has_market = true;
    setup->regions[1].market_g_per_kwh = 20;
    setup->regions[2].site = (struct site_setup){.solar_w = testing_steps(setup, sun, 2, 86400),
                                                 .export_usd_per_kwh = 0.02,
                                                 .demand_usd_per_kw = 12,
                                                 .demand_window_ns = 15 * TICK_MINUTE};
    add_pool(setup, "own", 0, BOUGHT_OWNED)->sleep =
        (struct sleep_setup){.on = true, .after_ns = TICK_MINUTE, .sleep_w = 20, .boot_ns = TICK_MINUTE,
                             .boot_w = 200};
    add_pool(setup, "resv", 1, BOUGHT_RESERVED);
    add_pool(setup, "one", 2, BOUGHT_OWNED);
    add_pool(setup, "two", 2, BOUGHT_RENTED);
    for (size_t t = 0; t < TENANTS; t++) testing_tenant(setup, tenants[t])->home = (uint32_t)(t % REGIONS);
    setup->measure_from_ns = 10 * TICK_HOUR;
    setup->measure_to_ns = 60 * TICK_HOUR;
}

static void open_jobs(struct jobs *jobs) {
    struct rng *rng = rng_open(5, "charge", 0);
    jobs_init(jobs, 0);
    for (size_t i = 0; i < JOBS; i++) {
        const double run_s = 7200 * rng_uniform(rng);
        const uint32_t gpus = 1 + (uint32_t)(4 * rng_uniform(rng));
        const uint32_t added = testing_job(jobs, 500 * (double)i, run_s, gpus);
        struct job *j = &jobs->at[added];
        j->tenant = (uint16_t)names_put(&jobs->tenants, tenants[i % TENANTS], 1);
        j->class_id = (uint16_t)names_put(&jobs->classes, classes[i / 2 % CLASSES], 1);
        j->utilisation = 0.5f;
    }
    rng_close(rng);
}

struct sums {
    double usd, kwh, co2_kg, market_kg, embodied_kg;
};

static bool is(const char *wanted, const char *name) { return !wanted || strcmp(wanted, name) == 0; }

/* Of the lines with these names; NULL: any. */
static struct sums sums_of(const struct charge_lines *lines, const char *region, const char *tenant,
                           const char *class_name) {
    struct sums s = {0};
    for (size_t i = 0; i < lines->len; i++) {
        const struct charge_line *l = &lines->at[i];
        if (!is(region, l->region) || !is(tenant, l->tenant) || !is(class_name, l->class_name)) continue;
        s.usd += l->usd;
        s.kwh += l->energy_kwh;
        s.co2_kg += l->co2_kg;
        s.market_kg += l->market_co2_kg;
        s.embodied_kg += l->embodied_kg;
    }
    return s;
}

static void expect_sums(const struct sums *s, const struct tally *t) {
    const double usd =
        t->energy_usd + t->capacity_usd + t->carbon_usd + t->demand_usd + t->egress_usd + t->site_usd;
    cr_expect(testing_near(s->usd, usd, 1e-9), "%s: %.17g USD, not %.17g", t->name, s->usd, usd);
    cr_expect(testing_near(s->kwh, t->energy_j / 3.6e6, 1e-9), "%s: energy", t->name);
    cr_expect(testing_near(s->co2_kg, (t->co2_g + t->site_co2_g) / 1e3, 1e-9), "%s: emissions", t->name);
    cr_expect(testing_near(s->market_kg, t->market_co2_g / 1e3, 1e-9), "%s: %g by market, not %g", t->name,
              s->market_kg, t->market_co2_g / 1e3);
    cr_expect(testing_near(s->embodied_kg, t->embodied_g / 1e3, 1e-9), "%s: embodied", t->name);
    cr_expect_gt(s->usd, 0);
}

Test(charge, lines_add_up_to_every_part) {
    struct setup setup;
    struct jobs jobs;
    open_setup(&setup);
    open_jobs(&jobs);
    struct result result = testing_run(&setup, &jobs);
    const struct charge_lines lines = charge_lines_of(&setup, &result);
    struct sums s = sums_of(&lines, NULL, NULL, NULL);
    expect_sums(&s, testing_tally(&result, PART_RUN, NULL));
    for (size_t r = 0; r < REGIONS; r++) {
        s = sums_of(&lines, setup.regions[r].name, NULL, NULL);
        expect_sums(&s, testing_tally(&result, PART_REGION, setup.regions[r].name));
    }
    for (size_t t = 0; t < TENANTS; t++) {
        s = sums_of(&lines, NULL, tenants[t], NULL);
        expect_sums(&s, testing_tally(&result, PART_TENANT, tenants[t]));
    }
    for (size_t c = 0; c < CLASSES; c++) {
        s = sums_of(&lines, NULL, NULL, classes[c]);
        expect_sums(&s, testing_tally(&result, PART_CLASS, classes[c]));
    }
    free(lines.at);
    result_free(&result);
    jobs_free(&jobs);
    testing_setup_free(&setup);
}

Test(charge, lines_say_where_whose_and_how_bought) {
    struct setup setup;
    struct jobs jobs;
    open_setup(&setup);
    open_jobs(&jobs);
    struct result result = testing_run(&setup, &jobs);
    const struct charge_lines lines = charge_lines_of(&setup, &result);
    bool slept = false, demanded = false, shone = false, taxed = false;
    for (size_t i = 0; i < lines.len; i++) {
        const struct charge_line *l = &lines.at[i];
        cr_expect_eq(*l->tenant != '\0', l->use == CHARGE_JOBS);
        cr_expect_eq(*l->class_name != '\0', l->use == CHARGE_JOBS);
        cr_expect_eq(*l->bought != '\0', l->kind == CHARGE_CAPACITY);
        slept |= l->use == CHARGE_SLEEP && strcmp(l->pool, "own") == 0 && l->quantity > 0;
        demanded |= l->kind == CHARGE_DEMAND && fabs(l->quantity * 12 - l->usd) < 1e-9;
        shone |= l->kind == CHARGE_SITE && l->usd < 0;
        taxed |= l->kind == CHARGE_CARBON && l->use == CHARGE_IDLE;
        if (l->kind != CHARGE_CAPACITY || l->use != CHARGE_JOBS) continue;
        cr_expect_str_eq(l->bought, is(l->region, "nowhere") ? "several" : is(l->region, "there") ? "reserved"
                                                                                                : "owned");
    }
    cr_expect(slept && demanded && shone && taxed, "%d %d %d %d", slept, demanded, shone, taxed);
    free(lines.at);
    result_free(&result);
    jobs_free(&jobs);
    testing_setup_free(&setup);
}

/* --- start hours --- */

static size_t only_hour(const struct result *result, size_t region) {
    size_t found = WEEK_HOURS;
    for (size_t h = 0; h < WEEK_HOURS; h++) {
        if (result->start_hours[region * WEEK_HOURS + h].jobs == 0) continue;
        cr_expect_eq(found, WEEK_HOURS, "one job, one hour");
        found = h;
    }
    return found;
}

/* The hour of the week of a job submitted so long after an origin, in a region so far from Greenwich. */
static size_t start_hour(const char *origin, double submit_s, double utc_offset_h) {
    struct setup setup;
    struct jobs jobs;
    testing_setup(&setup);
    testing_pool(&setup, "p", 1, 2);
    setup.regions[0].utc_offset_ns = tick_from_seconds(3600 * utc_offset_h);
    if (origin) cr_assert(tick_parse_date(origin, strlen(origin), &setup.origin_unix_ns));
    else setup.origin_unix_ns = JOB_UNKNOWN;
    jobs_init(&jobs, 0);
    testing_job(&jobs, submit_s, 5400, 2);
    struct result result = testing_run(&setup, &jobs);
    const size_t hour = only_hour(&result, 0);
    cr_expect_eq(result.start_hours[hour].gpu_h, 3);
    result_free(&result);
    jobs_free(&jobs);
    testing_setup_free(&setup);
    return hour;
}

Test(start_hours, are_local_and_begin_on_monday) {
    cr_expect_eq(start_hour(NULL, 0, 5), 0, "without a calendar the run begins on a Monday");
    cr_expect_eq(start_hour(NULL, 8 * 86400 + 3599, 0), 24);
    cr_expect_eq(start_hour("2024-01-01T00:00:00Z", 0, 0), 0, "a Monday");
    cr_expect_eq(start_hour("2024-01-01T00:00:00Z", 0, -8), 6 * 24 + 16, "still Sunday afternoon there");
    cr_expect_eq(start_hour("2024-01-01T00:00:00Z", 0, 5.5), 5);
    cr_expect_eq(start_hour("2024-02-29T22:30:00Z", 3600, 1), 4 * 24, "a leap day's Thursday becomes Friday");
    cr_expect_eq(start_hour("1969-12-31T23:00:00Z", 0, 0), 2 * 24 + 23, "before 1970: a Wednesday");
}

/* Jobs that wait count in the hour they start; those outside the window, unstarted and refused not at all. */
Test(start_hours, count_first_starts_of_the_window) {
    struct setup setup;
    struct jobs jobs;
    testing_setup(&setup);
    testing_pool(&setup, "p", 1, 2);
    setup.origin_unix_ns = JOB_UNKNOWN;
    setup.measure_from_ns = 100 * TICK_S;
    setup.horizon_ns = 20 * TICK_HOUR;
    jobs_init(&jobs, 0);
    testing_job(&jobs, 0, 4 * 3600, 2);        /* before the window */
    testing_job(&jobs, 200, 3600, 2);          /* starts at 4 h */
    testing_job(&jobs, 300, 3600, 64);         /* fits no node */
    testing_job(&jobs, 400, 50 * 3600, 1);     /* starts at 5 h */
    testing_job(&jobs, 19 * 3600, 3600, 2);    /* still waits at the end */
    struct result result = testing_run(&setup, &jobs);
    for (size_t h = 0; h < WEEK_HOURS; h++)
        cr_expect_eq(result.start_hours[h].jobs, h == 4 || h == 5, "hour %zu", h);
    cr_expect_eq(result.start_hours[4].gpu_h, 2);
    cr_expect_eq(result.start_hours[5].gpu_h, 50);
    result_free(&result);
    jobs_free(&jobs);
    testing_setup_free(&setup);
}

/*
 * The site as a mechanism: its balances under random piecewise inputs, the same totals however the time is
 * cut into calls, bounds of the battery, what does and does not need a site, and quiet years that cost
 * nothing. Hand-worked days are in tests/oracle/site.c.
 */
#include "base/rng.h"
#include "base/tick.h"
#include "core/site.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>

#define EXACT 1e-9

/* |a - b| against the size of what flowed, for figures that are differences of it. */
static void expect_close(double a, double b, double size, const char *what, uint64_t seed) {
    cr_expect(fabs(a - b) <= EXACT * fmax(size, 1), "seed %llu: %s: %.17g and %.17g",
              (unsigned long long)seed, what, a, b);
}

struct scene {
    struct setup setup;
    struct region_setup *region;
    struct rng *rng;
    int64_t origin_ns;
};

static struct steps random_sun(struct setup *setup, struct rng *rng) {
    struct testing_step sun[24];
    for (int i = 0; i < 24; i++)
        sun[i] = (struct testing_step){i * 3600, fmax(0, 9e4 * rng_uniform(rng) - 3e4)};
    return testing_steps(setup, sun, 24, 86400);
}

/* Any rule, with and without sun, taper, export, ratchet; odd windows and offsets. */
static void scene_open(struct scene *scene, uint64_t seed) {
    testing_setup(&scene->setup);
    scene->region = &scene->setup.regions[0];
    scene->rng = rng_open(seed, "site", 0);
    struct rng *rng = scene->rng;
    struct site_setup *s = &scene->region->site;
    if (rng_below(rng, 4)) s->solar_w = random_sun(&scene->setup, rng);
    s->battery_j = 3.6e8 * (0.1 + rng_uniform(rng));
    s->charge_w = 1e3 + 6e4 * rng_uniform(rng), s->discharge_w = 1e3 + 6e4 * rng_uniform(rng);
    s->efficiency_in = 0.7 + 0.3 * rng_uniform(rng), s->efficiency_out = 0.7 + 0.3 * rng_uniform(rng);
    s->battery_least = 0.3 * rng_uniform(rng), s->battery_start = 0.3 + 0.7 * rng_uniform(rng);
    s->taper = rng_below(rng, 2) ? rng_uniform(rng) : 0;
    s->dispatch = (enum dispatch)rng_below(rng, 4);
    const double unit = s->dispatch == DISPATCH_PRICE ? 0.5 : s->dispatch == DISPATCH_CARBON ? 500 : 6e4;
    s->low = unit * 0.5 * rng_uniform(rng), s->high = s->low + unit * 0.5 * rng_uniform(rng);
    s->export_usd_per_kwh = rng_below(rng, 2) ? 0.05 : 0;
    s->demand_usd_per_kw = 10;
    s->demand_window_ns =
        (int64_t[]){5 * TICK_MINUTE, 15 * TICK_MINUTE, TICK_HOUR, 7 * TICK_MINUTE}[rng_below(rng, 4)];
    s->demand_ratchet = rng_uniform(rng);
    scene->region->utc_offset_ns = ((int64_t)rng_below(rng, 96) - 48) * 15 * TICK_MINUTE;
    scene->origin_ns = (int64_t)rng_below(rng, 1500000000) * TICK_S;
}
static void scene_close(struct scene *scene) {
    rng_close(scene->rng);
    testing_setup_free(&scene->setup);
}

/* The next stretch of constant inputs, from seconds to days. */
struct input {
    int64_t ns;
    double facility_w, price, carbon;
};
static struct input input_next(struct rng *rng) {
    const double s = exp(14 * rng_uniform(rng));
    const double facility_w = rng_below(rng, 5) ? 8e4 * rng_uniform(rng) : 0;
    return (struct input){tick_from_seconds(s), facility_w, 0.5 * rng_uniform(rng), 500 * rng_uniform(rng)};
}

static void expect_balances(const struct site *site, const struct site_setup *setup, uint64_t seed) {
    const struct site_totals t = site_read(site);
    const double size = t.facility_j + t.solar_j + t.charged_j;
    const double growth_j = site_stored_j(site) - setup->battery_start * setup->battery_j;
    const double to_battery_j = t.charged_j - t.solar_stored_j; /* from the grid */
    expect_close(t.facility_j, t.solar_used_j + t.discharged_j + t.grid_j - to_battery_j, size, "facility",
                 seed);
    expect_close(t.solar_j, t.solar_used_j + t.solar_stored_j + t.export_j + t.spilled_j, size, "sun", seed);
    expect_close(t.charged_j, t.discharged_j + t.battery_loss_j + growth_j, size, "battery", seed);
    cr_expect(t.export_j == 0 || t.spilled_j == 0);
    cr_expect(to_battery_j >= -EXACT * size);
    cr_expect(setup->dispatch != DISPATCH_SELF || to_battery_j <= EXACT * size,
              "seed %llu: charged from the grid", (unsigned long long)seed);
    cr_expect_geq(site_stored_j(site), setup->battery_least * setup->battery_j);
    cr_expect_leq(site_stored_j(site), setup->battery_j);
}

static void expect_same(const struct site *a, const struct site *b, uint64_t seed) {
    const struct site_totals x = site_read(a), y = site_read(b);
    const double size = x.facility_j + x.solar_j + x.charged_j;
    expect_close(x.facility_j, y.facility_j, size, "facility", seed);
    expect_close(x.grid_j, y.grid_j, size, "grid", seed);
    expect_close(x.solar_used_j, y.solar_used_j, size, "sun used", seed);
    expect_close(x.solar_stored_j, y.solar_stored_j, size, "sun stored", seed);
    expect_close(x.export_j, y.export_j, size, "export", seed);
    expect_close(x.charged_j, y.charged_j, size, "charged", seed);
    expect_close(x.discharged_j, y.discharged_j, size, "discharged", seed);
    expect_close(x.battery_loss_j, y.battery_loss_j, size, "loss", seed);
    expect_close(x.grid_usd, y.grid_usd, size / 3.6e6 * 0.5, "cost", seed);
    expect_close(x.grid_g, y.grid_g, size / 3.6e6 * 500, "carbon", seed);
    expect_close(x.demand_usd, y.demand_usd, x.demand_usd, "demand charge", seed);
    expect_close(site_peak_w(a), site_peak_w(b), 1e5, "peak", seed);
    expect_close(site_grid_w(a), site_grid_w(b), 1e5, "grid power", seed);
}

/* One site goes in whole stretches, the other in pieces of them. */
Test(site, any_cut_gives_the_same) {
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct scene scene;
        scene_open(&scene, seed);
        struct site *whole = site_open(scene.region, scene.origin_ns),
                    *cut = site_open(scene.region, scene.origin_ns);
        int64_t at_ns = 0;
        for (int i = 0; i < 60; i++) {
            const struct input in = input_next(scene.rng);
            for (uint64_t cuts = rng_below(scene.rng, 6), k = 1; k <= cuts; k++) {
                const int64_t to_ns = at_ns + (int64_t)((double)in.ns * (double)k / (double)(cuts + 1));
                site_advance(cut, to_ns, in.facility_w, in.price, in.carbon);
            }
            at_ns += in.ns;
            site_advance(whole, at_ns, in.facility_w, in.price, in.carbon);
            site_advance(cut, at_ns, in.facility_w, in.price, in.carbon);
            expect_balances(whole, &scene.region->site, seed);
            expect_same(whole, cut, seed);
        }
        site_close(whole), site_close(cut);
        scene_close(&scene);
    }
}

/* Windows one at a time: the same peak as whole runs of them at once, in tapers too. */
Test(site, every_window_seen) {
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct scene scene;
        scene_open(&scene, 1000 + seed);
        struct site *whole = site_open(scene.region, scene.origin_ns),
                    *cut = site_open(scene.region, scene.origin_ns);
        int64_t at_ns = 0;
        for (int i = 0; i < 10; i++) {
            const struct input in = input_next(scene.rng);
            const int64_t end_ns = at_ns + in.ns, step_ns = 50 * TICK_S;
            while ((at_ns = at_ns + step_ns < end_ns ? at_ns + step_ns : end_ns) < end_ns)
                site_advance(cut, at_ns, in.facility_w, in.price, in.carbon);
            site_advance(cut, end_ns, in.facility_w, in.price, in.carbon);
            site_advance(whole, end_ns, in.facility_w, in.price, in.carbon);
        }
        expect_same(whole, cut, seed);
        site_close(whole), site_close(cut);
        scene_close(&scene);
    }
}

/* Ten years in one call with windows of a microsecond: 3e14 of them. */
Test(site, quiet_years_cost_nothing, .timeout = 20) {
    struct region_setup region = {.site = {.demand_usd_per_kw = 10, .demand_window_ns = 1000}};
    struct site *site = site_open(&region, 0);
    site_advance(site, TICK_HOUR, 50e3, 0.1, 0);
    site_advance(site, 3652 * TICK_DAY, 20e3, 0.1, 0);
    const struct site_totals t = site_read(site);
    cr_expect(testing_near(t.demand_usd, 10 * (50 + 119 * 20), EXACT), "%.17g", t.demand_usd);
    cr_expect(testing_near(site_peak_w(site), 50e3, EXACT));
    cr_expect(testing_near(t.grid_j, 50e3 * 3600 + 20e3 * (3652 * 86400.0 - 3600), EXACT));
    site_close(site);
}

Test(site, only_where_there_is_something) {
    struct region_setup region = {0};
    cr_expect_null(site_open(&region, 0));
    region.site.demand_window_ns = 15 * TICK_MINUTE;
    region.site.export_usd_per_kwh = 0.1;
    cr_expect_null(site_open(&region, 0));
    site_close(NULL);
    region.site.demand_usd_per_kw = 1;
    struct site *site = site_open(&region, 0);
    cr_assert_not_null(site);
    const struct site_totals t = site_read(site);
    cr_expect_eq(t.facility_j + t.grid_j + t.demand_usd + site_peak_w(site) + site_grid_w(site), 0);
    site_close(site);
}

/* No time, no change; and a battery below its least gives nothing but fills. */
Test(site, edges) {
    struct region_setup region = {
        .site = {.battery_j = 1000, .battery_least = 0.5, .battery_start = 0.2, .charge_w = 10, .discharge_w = 10,
                 .efficiency_in = 1, .efficiency_out = 1, .dispatch = DISPATCH_PRICE, .low = 0.1, .high = 0.2}};
    struct site *site = site_open(&region, 0);
    site_advance(site, 0, 1e9, 0.1, 100);
    cr_expect_eq(site_read(site).facility_j + site_grid_w(site), 0);
    site_advance(site, 10 * TICK_S, 5, 0.2, 100);
    cr_expect_eq(site_read(site).discharged_j, 0);
    cr_expect_eq(site_stored_j(site), 200);
    site_advance(site, 50 * TICK_S, 5, 0.1, 100);
    cr_expect_eq(site_stored_j(site), 600);
    cr_expect_eq(site_grid_w(site), 15);
    site_advance(site, 100 * TICK_S, 5, 0.2, 100);
    cr_expect_eq(site_stored_j(site), 500);
    cr_expect_eq(site_grid_w(site), 5);
    site_close(site);
    /* A battery that can only charge. */
    region.site.discharge_w = 0, region.site.battery_start = 1;
    site = site_open(&region, 0);
    site_advance(site, 100 * TICK_S, 5, 0.2, 100);
    cr_expect_eq(site_read(site).discharged_j, 0);
    cr_expect_eq(site_read(site).grid_j, 500);
    site_close(site);
}

/* A month's very end bills one month: the next has not begun, though its ratchet would already cost. */
Test(site, a_month_to_the_nanosecond) {
    struct region_setup region = {.site = {.demand_usd_per_kw = 1, .demand_ratchet = 0.5}};
    struct site *site = site_open(&region, 0);
    site_advance(site, 31 * TICK_DAY, 10e3, 0, 0);
    cr_expect(testing_near(site_read(site).demand_usd, 10, EXACT));
    site_advance(site, 31 * TICK_DAY + 1, 0, 0, 0);
    cr_expect(testing_near(site_read(site).demand_usd, 10 + 5, EXACT));
    site_close(site);
}

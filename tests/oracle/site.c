/*
 * Sun, battery and demand charge in days one can work out on paper, to 1e-9 relative. Figures are in kW, kWh
 * and hours, as one would write them; the site keeps W, J and ns.
 *
 * Where a battery tapers there is the closed form for one case and a fine Runge-Kutta integration for the
 * others; and one week of every rule is done again by a loop that knows nothing but "so much power for the
 * next second".
 */
#include "base/rng.h"
#include "base/tick.h"
#include "core/site.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define EXACT 1e-9
#define expect_near(value, wanted)                                                                   \
    cr_expect(testing_near((value), (wanted), EXACT), "%s is %.17g, should be %.17g", #value, (value), \
              (double)(wanted))
static const double kwh = 3.6e6, kw = 1000;

static int64_t hours(double h) { return tick_from_seconds(h * 3600); }
static int64_t date(const char *text) {
    int64_t ns = 0;
    cr_assert(tick_parse_date(text, strlen(text), &ns));
    return ns;
}

/* A stretch of the day: until when, what the facility draws, what energy costs and emits. */
struct stretch {
    double until_h, facility_kw, price, carbon;
};
static struct site_totals follow(struct site *site, const struct stretch *day, size_t count) {
    for (size_t i = 0; i < count; i++)
        site_advance(site, hours(day[i].until_h), day[i].facility_kw * kw, day[i].price, day[i].carbon);
    return site_read(site);
}
#define FOLLOW(site, ...)                                                                            \
    follow(site, (const struct stretch[]){__VA_ARGS__},                                              \
           sizeof((const struct stretch[]){__VA_ARGS__}) / sizeof(struct stretch))

static struct site_setup battery(double capacity_kwh, double charge_kw, double discharge_kw, double in,
                                 double out) {
    return (struct site_setup){.battery_j = capacity_kwh * kwh, .charge_w = charge_kw * kw,
                               .discharge_w = discharge_kw * kw, .efficiency_in = in, .efficiency_out = out};
}

static void expect_balance(const struct site_totals *t, double growth_j) {
    expect_near(t->facility_j + t->charged_j,
                t->solar_used_j + t->solar_stored_j + t->discharged_j + t->grid_j);
    expect_near(t->solar_j, t->solar_used_j + t->solar_stored_j + t->export_j + t->spilled_j);
    expect_near(t->charged_j - t->battery_loss_j, t->discharged_j + growth_j);
}

/* ---- a battery that buys low ---- */

/* 100 kWh, 10 of them never given away and nothing else in it at midnight: 90 / 0.9 = 100 kWh at 20 kW fill
 * it in 5 h. In the evening 25 of 30 kW come from it while 90 x 0.95 = 85.5 kWh last: 3.42 h. */
Test(site, arbitrage) {
    struct region_setup region = {.site = battery(100, 20, 25, 0.9, 0.95)};
    region.site.battery_least = region.site.battery_start = 0.1;
    region.site.dispatch = DISPATCH_PRICE;
    region.site.low = 0.10, region.site.high = 0.30;
    struct site *site = site_open(&region, 0);
    const struct site_totals t = FOLLOW(site, {6, 30, 0.08, 500}, {17, 30, 0.20, 400}, {21, 30, 0.35, 600},
                                        {24, 30, 0.20, 450});
    expect_near(t.facility_j, 720 * kwh);
    expect_near(t.charged_j, 100 * kwh);
    expect_near(t.discharged_j, 85.5 * kwh);
    expect_near(t.battery_loss_j, (100 - 85.5) * kwh);
    expect_near(t.grid_j, (720 + 100 - 85.5) * kwh);
    expect_near(t.grid_usd, 0.08 * (5 * 50 + 30) + 0.20 * 330 + 0.35 * (3.42 * 5 + 0.58 * 30) + 0.20 * 90);
    expect_near(t.grid_g, 500 * 280 + 400 * 330 + 600 * 34.5 + 450 * 90);
    expect_near(site_stored_j(site), 10 * kwh);
    expect_near(site_peak_w(site), 50 * kw);
    expect_near(site_grid_w(site), 30 * kw);
    expect_balance(&t, 0);
    site_close(site);
}

/* The same battery led by carbon: it charges at noon and gives when the coal comes. A threshold counts
 * itself. */
Test(site, arbitrage_on_carbon) {
    struct region_setup region = {.site = battery(100, 20, 25, 0.9, 0.95)};
    region.site.dispatch = DISPATCH_CARBON;
    region.site.battery_start = 0.5;
    region.site.low = 200, region.site.high = 600;
    struct site *site = site_open(&region, 0);
    const struct site_totals t =
        FOLLOW(site, {10, 10, 1, 400}, {12, 10, 0, 200}, {20, 10, 1, 201}, {24, 10, 1, 600});
    const double stored = 50 + 40 * 0.9 - 40 / 0.95;
    expect_near(t.charged_j, 40 * kwh);
    expect_near(t.discharged_j, 40 * kwh);
    expect_near(t.grid_g, 400 * 100 + 200 * 60 + 201 * 80);
    expect_near(site_stored_j(site), stored * kwh);
    cr_expect_eq(site_grid_w(site), 0);
    expect_balance(&t, (stored - 50) * kwh);
    site_close(site);
}

/* ---- a sunny day ---- */

static struct steps sunny(struct setup *setup) {
    static const struct testing_step sun[] = {
        {0, 0}, {6 * 3600, 20e3}, {10 * 3600, 60e3}, {14 * 3600, 20e3}, {18 * 3600, 0}};
    return testing_steps(setup, sun, 5, 86400);
}

/* 30 kW all day. From 10:00 on 25 of the 30 kW too many go into 50 kWh: full after 50 / 0.96 / 25 h. From
 * 14:00 on the battery gives the missing 10 kW, from 18:00 on its 15, until 50 x 0.94 = 47 kWh are out. */
Test(site, surplus_stored_then_exported) {
    for (int pays = 0; pays < 2; pays++) {
        struct setup setup;
        testing_setup(&setup);
        struct region_setup *region = &setup.regions[0];
        region->site = battery(50, 25, 15, 0.96, 0.94);
        region->site.solar_w = sunny(&setup);
        region->site.export_usd_per_kwh = pays ? 0.03 : 0;
        struct site *site = site_open(region, 0);
        site_advance(site, hours(13), 30 * kw, 0.2, 300);
        cr_expect_eq(site_grid_w(site), 0); /* what flows back is not drawn */
        const struct site_totals t = FOLLOW(site, {24, 30, 0.2, 300});
        const double filled_h = 50 / 0.96 / 25, back = 5 * filled_h + 30 * (4 - filled_h);
        const double grid = 6 * 30 + 4 * 10 + (6 * 30 - 7);
        expect_near(t.solar_j, (4 * 20 + 4 * 60 + 4 * 20) * kwh);
        expect_near(t.solar_used_j, 4 * (20 + 30 + 20) * kwh);
        expect_near(t.solar_stored_j, 50 / 0.96 * kwh);
        expect_near(t.charged_j, 50 / 0.96 * kwh);
        expect_near(t.discharged_j, 47 * kwh);
        expect_near(t.export_j, pays * back * kwh);
        expect_near(t.export_usd, pays * 0.03 * back);
        expect_near(t.spilled_j, (1 - pays) * back * kwh);
        expect_near(t.grid_j, grid * kwh);
        expect_near(t.grid_usd, grid * 0.2);
        expect_near(t.grid_g, grid * 300);
        cr_expect_eq(site_stored_j(site), 0);
        expect_balance(&t, 0);
        site_close(site);
        testing_setup_free(&setup);
    }
}

/* Sun without a battery, three days in one call. */
Test(site, sun_alone) {
    struct setup setup;
    testing_setup(&setup);
    setup.regions[0].site.solar_w = sunny(&setup);
    struct site *site = site_open(&setup.regions[0], 0);
    const struct site_totals t = FOLLOW(site, {72, 30, 0.2, 300});
    expect_near(t.solar_used_j, 3 * 280 * kwh);
    expect_near(t.spilled_j, 3 * 120 * kwh);
    expect_near(t.grid_j, 3 * 440 * kwh);
    expect_near(t.grid_usd, 3 * 88);
    cr_expect_eq(t.charged_j + t.discharged_j + t.battery_loss_j, 0);
    site_close(site);
    testing_setup_free(&setup);
}

/* Under a price rule the surplus is stored at any price, the grid's energy at a low one, and the sun goes
 * first. */
Test(site, price_rule_stores_the_sun_too) {
    struct setup setup;
    testing_setup(&setup);
    struct region_setup *region = &setup.regions[0];
    region->site = battery(1000, 40, 15, 1, 1);
    region->site.solar_w = sunny(&setup);
    region->site.dispatch = DISPATCH_PRICE;
    region->site.low = 0.1, region->site.high = 0.3;
    struct site *site = site_open(region, 0);
    const struct site_totals t =
        FOLLOW(site, {11, 30, 0.2, 0}, {12, 30, 0.1, 0}, {14, 30, 0.3, 0}, {24, 30, 0.2, 0});
    /* 10:00 to 14:00 30 kW too many; from 11:00 to 12:00 another 10 from the grid */
    expect_near(t.solar_stored_j, 120 * kwh);
    expect_near(t.charged_j, 130 * kwh);
    expect_near(t.grid_j, (6 * 30 + 4 * 10 + 10 + 4 * 10 + 6 * 30) * kwh);
    cr_expect_eq(t.spilled_j, 0);
    expect_balance(&t, 130 * kwh);
    site_close(site);
    testing_setup_free(&setup);
}

/* ---- shaving a peak ---- */

static const struct stretch shaved_day[] = {
    {8, 40, .1, 0}, {9, 90, .1, 0}, {17, 60, .1, 0}, {18.5, 100, .1, 0}, {24, 40, .1, 0}};

/* Full at midnight. 08:00: 20 kW keep the grid at 70. At 60 it rests. 17:00: 30 would be needed, 25 is
 * what it gives, and (48 - 20 / 0.95) x 0.95 = 25.6 kWh last 1.024 h. At 40 it recharges with 10, to stay
 * at 50. */
Test(site, peak_shaving) {
    struct region_setup region = {.site = battery(60, 30, 25, 0.95, 0.95)};
    region.site.battery_start = 1, region.site.battery_least = 0.2;
    region.site.dispatch = DISPATCH_PEAK;
    region.site.high = 70 * kw, region.site.low = 50 * kw;
    region.site.demand_usd_per_kw = 12;
    struct site *site = site_open(&region, 0);
    site_advance(site, hours(8), 40 * kw, 0.1, 0);
    cr_expect_eq(site_read(site).charged_j, 0); /* it was full */
    struct site_totals t = follow(site, shaved_day + 1, 3);
    expect_near(t.discharged_j, (20 + 25.6) * kwh);
    expect_near(t.grid_j, (8 * 40 + 70 + 8 * 60 + 1.024 * 75 + 0.476 * 100) * kwh);
    expect_near(site_stored_j(site), 12 * kwh);
    expect_near(site_peak_w(site), 100 * kw);
    expect_near(t.demand_usd, 1200);
    t = follow(site, shaved_day + 4, 1);
    expect_near(t.charged_j, 48 / 0.95 * kwh); /* 5.05 of 5.5 hours */
    expect_near(site_stored_j(site), 60 * kwh);
    expect_balance(&t, 0);
    site_close(site);
    /* 16 kWh more hold out (0.8 x 76 x 0.95 - 20 = 37.76 of 37.5 needed): the peak is what 25 kW leave of
     * 100. */
    region.site.battery_j = 76 * kwh;
    site = site_open(&region, 0);
    t = follow(site, shaved_day, 5);
    expect_near(t.demand_usd, 12 * 75);
    expect_near(t.discharged_j, (20 + 1.5 * 25) * kwh);
    site_close(site);
}

/* ---- tapering ---- */

/* 100 kWh whose limit of 40 kW falls over the last fifth. Empty to 80 kWh at 40 kW x 0.8: 2.5 h; from there
 * what is missing, 20 kWh, shrinks by e^(-t x 0.8 x 40 / 20). Giving: 60 kW down to 20 kWh, then e^(-t x 60 /
 * 20 / 0.5). */
Test(site, taper_in_closed_form) {
    struct region_setup region = {.site = battery(100, 40, 60, 0.8, 0.5)};
    region.site.dispatch = DISPATCH_PRICE;
    region.site.low = 0.1, region.site.high = 0.3;
    region.site.taper = 0.2;
    struct site *site = site_open(&region, 0);
    site_advance(site, hours(4), 0, 0.1, 0);
    const double missing = 20 * exp(-1.5 * 0.8 * 40 / 20);
    expect_near(site_stored_j(site), (100 - missing) * kwh);
    expect_near(site_read(site).charged_j, (100 - missing) / 0.8 * kwh);
    expect_near(site_grid_w(site), 40 * kw * missing / 20);
    site_advance(site, hours(5), 100 * kw, 0.3, 0);
    const double fast_h = (80 - missing) * 0.5 / 60, left = 20 * exp(-(1 - fast_h) * 60 / 20 / 0.5);
    expect_near(site_stored_j(site), left * kwh);
    expect_near(site_read(site).discharged_j, (100 - missing - left) * 0.5 * kwh);
    expect_near(site_grid_w(site), 100 * kw - 60 * kw * left / 20);
    const struct site_totals t = site_read(site);
    expect_balance(&t, left * kwh);
    site_close(site);
}

/* Charging from both: 40 kW while the sun has 25 too many. Once the falling limit is under 25 kW, sun flows
 * back. */
Test(site, taper_falls_below_the_surplus) {
    struct setup setup;
    testing_setup(&setup);
    static const struct testing_step sun[] = {{0, 35e3}};
    struct region_setup *region = &setup.regions[0];
    region->site = battery(100, 40, 60, 0.8, 0.5);
    region->site.dispatch = DISPATCH_PRICE;
    region->site.low = 0.1, region->site.high = 0.3;
    region->site.taper = 0.2;
    region->site.solar_w = testing_steps(&setup, sun, 1, 0);
    struct site *site = site_open(region, 0);
    const struct site_totals t = FOLLOW(site, {6, 10, 0.1, 0});
    const double rate = 0.8 * 40 / 20, meet_h = log(40.0 / 25) / rate, rest_h = 3.5 - meet_h;
    const double to_meet = 40 * (1 - exp(-rate * meet_h)) / rate,
                 rest = 25 * (1 - exp(-rate * rest_h)) / rate;
    expect_near(t.grid_j, (2.5 * 15 + to_meet - 25 * meet_h) * kwh);
    expect_near(t.solar_stored_j, (25 * (2.5 + meet_h) + rest) * kwh);
    expect_near(t.spilled_j, (25 * rest_h - rest) * kwh);
    expect_balance(&t, site_stored_j(site));
    site_close(site);
    testing_setup_free(&setup);
}

/* What the battery passes at a charge state, from the definition of the taper alone. */
static double passes_w(const struct site_setup *s, double stored_j, double wanted) {
    const double taper_j = s->taper * s->battery_j;
    const double room_j = wanted > 0 ? s->battery_j - stored_j : stored_j - s->battery_least * s->battery_j;
    const double share = taper_j > 0 ? fmin(1, room_j / taper_j) : room_j > 0;
    const double most = (wanted > 0 ? s->charge_w : s->discharge_w) * fmax(0, share);
    return wanted > 0 ? fmin(wanted, most) : -fmin(-wanted, most);
}
static double grows_w(const struct site_setup *s, double stored_j, double wanted) {
    const double w = passes_w(s, stored_j, wanted);
    return w > 0 ? w * s->efficiency_in : w / s->efficiency_out;
}

/* Runge-Kutta of fourth order, 400,000 steps of a day that charges and gives through both tapers. */
Test(site, taper_against_integration) {
    struct region_setup region = {.site = battery(90, 30, 22, 0.93, 0.91)};
    struct site_setup *s = &region.site;
    s->dispatch = DISPATCH_PEAK;
    s->high = 30 * kw, s->low = 25 * kw;
    s->taper = 0.4, s->battery_least = 0.1, s->battery_start = 0.35;
    static const struct stretch day[] = {{5, 2, 0, 0},   {9, 10, 0, 0},  {13, 60, 0, 0},
                                         {17, 28, 0, 0}, {19, 41, 0, 0}, {24, 12, 0, 0}};
    struct site *site = site_open(&region, 0);
    double stored_j = 0.35 * s->battery_j, from_h = 0;
    for (size_t i = 0; i < 6; i++) {
        const double net = day[i].facility_kw * kw;
        const double wanted = net < s->low ? s->low - net : net > s->high ? s->high - net : 0;
        const int steps = 400000 / 6;
        const double h = (day[i].until_h - from_h) * 3600 / steps;
        for (int k = 0; wanted != 0 && k < steps; k++) {
            const double a = grows_w(s, stored_j, wanted), b = grows_w(s, stored_j + h / 2 * a, wanted);
            const double c = grows_w(s, stored_j + h / 2 * b, wanted),
                         d = grows_w(s, stored_j + h * c, wanted);
            stored_j += h / 6 * (a + 2 * b + 2 * c + d);
        }
        site_advance(site, hours(day[i].until_h), net, 0, 0);
        expect_near(site_stored_j(site), stored_j);
        expect_near(site_grid_w(site), net + passes_w(s, stored_j, wanted));
        from_h = day[i].until_h;
    }
    site_close(site);
}

/* ---- demand ---- */

/* The textbook's factory: 5,000 kWh at $0.04 and 40 kW at $10 cost $600; drawn at 10 kW they cost $300. */
Test(site, demand_charge_month) {
    struct region_setup region = {.site = {.demand_usd_per_kw = 10}};
    struct site *site = site_open(&region, date("2023-04-01"));
    struct site_totals t = FOLLOW(site, {100, 0, 0.04, 0}, {225, 40, 0.04, 0}, {720, 0, 0.04, 0});
    expect_near(t.grid_usd + t.demand_usd, 600);
    site_close(site);
    site = site_open(&region, date("2023-04-01"));
    t = FOLLOW(site, {500, 10, 0.04, 0}, {720, 0, 0.04, 0});
    expect_near(t.grid_usd + t.demand_usd, 300);
    site_close(site);
}

/* 12 minutes at 90 kW inside a 15-minute window that has 30 kW for the rest come to 78 kW. Six minutes later
 * they fall into two windows, 9 minutes into the first: 66 kW. */
Test(site, windows_straddle_events) {
    struct region_setup region = {.site = {.demand_usd_per_kw = 1, .demand_window_ns = 15 * TICK_MINUTE}};
    struct site *site = site_open(&region, date("2023-05-01"));
    struct site_totals t = FOLLOW(site, {10, 30, 0, 0}, {10 + 12 / 60.0, 90, 0, 0}, {20, 30, 0, 0});
    expect_near(t.demand_usd, (12 * 90 + 3 * 30) / 15.0);
    site_close(site);
    site = site_open(&region, date("2023-05-01"));
    t = FOLLOW(site, {10.1, 30, 0, 0}, {10.1 + 12 / 60.0, 90, 0, 0}, {20, 30, 0, 0});
    expect_near(t.demand_usd, (9 * 90 + 6 * 30) / 15.0);
    /* The window under way counts as if it ended now: two thirds of 120 so far. */
    site_advance(site, hours(20) + 10 * TICK_MINUTE, 120 * kw, 0, 0);
    expect_near(site_read(site).demand_usd, 80);
    expect_near(site_peak_w(site), 80 * kw);
    site_close(site);
    /* A run that begins 5 minutes into a window has seen nothing of them. */
    site = site_open(&region, date("2023-05-01T00:05:00Z"));
    t = FOLLOW(site, {10 / 60.0, 30, 0, 0}, {1, 6, 0, 0});
    expect_near(t.demand_usd, 20);
    site_close(site);
}

/* June's 100 kW keep the 12 months after it at 80. Later ones pay 0.8 x December's 70: what was billed under
 * the ratchet does not ratchet itself. */
Test(site, ratchet) {
    struct region_setup region = {.site = {.demand_usd_per_kw = 2, .demand_ratchet = 0.8}};
    const int64_t origin = date("2022-06-01");
    struct site *site = site_open(&region, origin);
    double wanted = 0;
    for (int month = 0; month < 15; month++) {
        const double peak_kw = month == 0 ? 100 : month == 6 ? 70 : 50;
        const double bill_kw = month == 0 ? 100 : month <= 12 ? 80 : 0.8 * 70;
        const int64_t begins = tick_month_start(origin, month) - origin;
        site_advance(site, begins + hours(5), 0, 0, 0);
        site_advance(site, begins + hours(6), peak_kw * kw, 0, 0);
        site_advance(site, tick_month_start(origin, month + 1) - origin, 10 * kw, 0, 0);
        wanted += 2 * bill_kw;
        expect_near(site_read(site).demand_usd, wanted);
    }
    expect_near(site_peak_w(site), 100 * kw);
    site_close(site);
}

/* Kathmandu is 5:45 ahead: its March begins on February 28th, 18:15 UTC. The same peak an hour either
 * side. */
Test(site, months_are_local) {
    struct region_setup region = {.utc_offset_ns = 345 * TICK_MINUTE, .site = {.demand_usd_per_kw = 10}};
    struct site *site = site_open(&region, date("2023-02-28"));
    struct site_totals t =
        FOLLOW(site, {17.25, 0, 0, 0}, {18.25, 40, 0, 0}, {19.25, 30, 0, 0}, {30, 0, 0, 0});
    expect_near(t.demand_usd, 10 * (40 + 30));
    site_close(site);
    region.utc_offset_ns = 0;
    site = site_open(&region, date("2023-02-28"));
    t = FOLLOW(site, {17.25, 0, 0, 0}, {18.25, 40, 0, 0}, {19.25, 30, 0, 0}, {30, 0, 0, 0});
    expect_near(t.demand_usd, 10 * 40);
    site_close(site);
    /* West of Greenwich, and a leap day: February 2024 ends on March 1st, 08:00 UTC. */
    region.utc_offset_ns = -8 * TICK_HOUR;
    site = site_open(&region, date("2024-02-28"));
    t = FOLLOW(site, {56, 40, 0, 0}, {57, 30, 0, 0});
    expect_near(t.demand_usd, 10 * (40 + 30));
    site_close(site);
}

/* A window that does not divide the month is cut at its end and averaged over what there is of it. 11 d: 0,
 * 11, 22 to 30. */
Test(site, last_window_is_cut) {
    struct region_setup region = {.site = {.demand_usd_per_kw = 10, .demand_window_ns = 11 * TICK_DAY}};
    struct site *site = site_open(&region, date("2023-04-01"));
    const struct site_totals t =
        FOLLOW(site, {22 * 24, 5, 0, 0}, {26 * 24, 20, 0, 0}, {720, 5, 0, 0}, {721, 0, 0, 0});
    expect_near(t.demand_usd, 10 * (4 * 20 + 4 * 5) / 8.0);
    site_close(site);
}

/* ---- every rule against a loop of seconds ---- */

struct naive {
    double stored_j, charged_j, discharged_j, grid_j, grid_usd, back_j, window_j, peak_w;
};
static double naive_wanted_w(const struct site_setup *s, double net_w, double price, double carbon) {
    const double signal = s->dispatch == DISPATCH_PRICE ? price : carbon;
    const double surplus_w = fmax(0, -net_w), missing_w = fmax(0, net_w);
    if (s->dispatch == DISPATCH_PEAK)
        return net_w < s->low ? s->low - net_w : net_w > s->high ? s->high - net_w : 0;
    if (s->dispatch != DISPATCH_SELF && signal <= s->low) return s->charge_w;
    if (s->dispatch != DISPATCH_SELF && signal < s->high) return surplus_w;
    return surplus_w > 0 ? surplus_w : -missing_w;
}
static void naive_second(struct naive *n, const struct site_setup *s, int second, double net_w, double price,
                         double carbon) {
    const double w = passes_w(s, n->stored_j, naive_wanted_w(s, net_w, price, carbon));
    n->stored_j += w > 0 ? w * s->efficiency_in : w / s->efficiency_out;
    *(w > 0 ? &n->charged_j : &n->discharged_j) += fabs(w);
    const double grid_w = fmax(0, net_w + w);
    n->back_j += fmax(0, -(net_w + w));
    n->grid_j += grid_w;
    n->grid_usd += grid_w * price / kwh;
    n->window_j += grid_w;
    if ((second + 1) % 900) return;
    n->peak_w = fmax(n->peak_w, n->window_j / 900);
    n->window_j = 0;
}

static void week_of(enum dispatch dispatch, double low, double high, double taper) {
    struct setup setup;
    testing_setup(&setup);
    struct site_setup *s = &setup.regions[0].site;
    *s = battery(120, 35, 30, 0.94, 0.92);
    s->solar_w = sunny(&setup);
    s->dispatch = dispatch, s->low = low, s->high = high, s->taper = taper;
    s->battery_least = 0.15, s->battery_start = 0.4;
    struct site *site = site_open(&setup.regions[0], 0);
    struct naive n = {.stored_j = 0.4 * s->battery_j};
    struct rng *rng = rng_open(7, "week", dispatch);
    for (int at = 0; at < 7 * 86400;) {
        const int until = at + 60 + (int)rng_below(rng, 7200);
        const double facility_w = 60e3 * rng_uniform(rng), price = 0.5 * rng_uniform(rng);
        for (; at < until; at++) {
            const int hour = at / 3600 % 24;
            const double sun_w = hour < 6 || hour >= 18 ? 0 : hour >= 10 && hour < 14 ? 60e3 : 20e3;
            naive_second(&n, s, at, facility_w - sun_w, price, 1000 * price);
        }
        site_advance(site, until * TICK_S, facility_w, price, 1000 * price);
    }
    rng_close(rng);
    const struct site_totals t = site_read(site);
    const double close = 2e-4; /* what a second's delay at each bound and bend comes to */
    cr_expect(testing_near(t.charged_j, n.charged_j, close), "charged %g, not %g", t.charged_j, n.charged_j);
    cr_expect(testing_near(t.discharged_j, n.discharged_j, close), "gave %g, not %g", t.discharged_j,
              n.discharged_j);
    cr_expect(testing_near(t.grid_j, n.grid_j, close), "drew %g, not %g", t.grid_j, n.grid_j);
    cr_expect(testing_near(t.grid_usd, n.grid_usd, close), "paid %g, not %g", t.grid_usd, n.grid_usd);
    cr_expect(testing_near(t.spilled_j, n.back_j, close), "lost %g, not %g", t.spilled_j, n.back_j);
    cr_expect(testing_near(site_peak_w(site), n.peak_w, close), "peak %g, not %g", site_peak_w(site),
              n.peak_w);
    cr_expect(n.charged_j > 100 * kwh && n.discharged_j > 100 * kwh,
              "the week is too quiet to show anything");
    site_close(site);
    testing_setup_free(&setup);
}
Test(site, weeks_of_seconds) {
    for (int tapered = 0; tapered < 2; tapered++) {
        week_of(DISPATCH_SELF, 0, 0, tapered * 0.3);
        week_of(DISPATCH_PRICE, 0.15, 0.3, tapered * 0.3);
        week_of(DISPATCH_CARBON, 150, 300, tapered * 0.3);
        week_of(DISPATCH_PEAK, 15e3, 30e3, tapered * 0.3);
    }
}

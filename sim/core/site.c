/*
 * Sun, battery and demand charge behind a region's meter, see site.h.
 *
 * A call is cut into spans on which facility power, sun and month are constant. In a span the dispatch rule
 * asks the battery for one power; the battery gives it until it runs into a bound, and where its limits taper
 * (constant power, then a limit linear in what is left: the C/L/C model of Kazhamiaka et al., 2019) its power
 * decays exponentially from there. So a span is at most three phases in each of which battery power is b
 * e^(-kt), k >= 0, and the grid's part keeps its sign; energy over any part of a phase has a closed form.
 * Charging and discharging are the same motion: `room` is the energy that can still pass, seen from the site,
 * and power is the rate at which it shrinks.
 *
 * Demand windows inside a phase need no steps either: the grid's part is monotone there, so the highest of
 * the whole windows is the first or the last. Where a span ends is integer time; phases inside are seconds
 * from its beginning, so rounding does not build up over a run.
 *
 * Invariant: the three balances of site.h, to rounding. Cost: O(1) a call, plus O(1) a step of the sun's
 * series and a month; nothing depends on how many windows go by.
 */
#include "core/site.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/tick.h"
#include "core/cursor.h"

#include <math.h>
#include <stdlib.h>

enum { YEAR = 12 };
static const double j_per_kwh = 3.6e6;

struct site {
    const struct site_setup *setup;
    struct cursor sun;
    int64_t now_ns;
    int64_t origin_local_ns;             /* local calendar time of the run's 0, as if it were UTC */
    double full_j, least_j, stored_j;
    double grid_w;                       /* at the end of the last phase */
    int64_t month_end_ns;
    int64_t window_ns;
    int64_t opened_ns, closes_ns;        /* the demand window under way */
    double left_s;                       /* until it closes, from where the phase under way stands */
    double window_j, month_peak_w, peak_w;
    double before_w[YEAR];               /* peaks of the months before, in a ring */
    unsigned months;
    struct site_totals total;
};

/* What holds over a span. */
struct terms {
    double facility_w, sun_w, price, carbon;
};
/* Part of a span: battery power battery_w e^(-decay t), above 0 charging, and net_w = facility - sun. */
struct phase {
    double net_w, battery_w, decay, s;
};

static double seconds(int64_t ns) { return (double)ns / 1e9; }

static double phase_battery_j(const struct phase *p, double from_s, double until_s) {
    if (p->decay == 0) return p->battery_w * (until_s - from_s);
    return p->battery_w / p->decay * exp(-p->decay * from_s) * -expm1(-p->decay * (until_s - from_s));
}

/* Through the meter: above 0 from the grid, below 0 back. */
static double phase_flow_j(const struct phase *p, double from_s, double until_s) {
    return p->net_w * (until_s - from_s) + phase_battery_j(p, from_s, until_s);
}

static double phase_end_w(const struct phase *p) {
    return p->net_w + (p->decay == 0 ? p->battery_w : p->battery_w * exp(-p->decay * p->s));
}

/* ---- demand ---- */

static void window_open(struct site *site, int64_t at_ns) {
    site->opened_ns = at_ns;
    site->closes_ns = at_ns + site->window_ns;
    if (site->closes_ns > site->month_end_ns) site->closes_ns = site->month_end_ns;
    site->window_j = 0;
    site->left_s = seconds(site->closes_ns - at_ns);
}

/* Average of the window under way as if nothing more were drawn in it; a window of no length has drawn
 * nothing. */
static double window_w(const struct site *site) {
    const int64_t ns = site->closes_ns - site->opened_ns;
    return ns > 0 ? site->window_j / seconds(ns) : 0;
}

static void peak_take(struct site *site, double watts) {
    site->month_peak_w = fmax(site->month_peak_w, watts);
}

static void demand_add(struct site *site, const struct phase *p) {
    double at_s = 0;
    if (p->s >= site->left_s) {
        at_s = site->left_s;
        site->window_j += fmax(0, phase_flow_j(p, 0, at_s));
        peak_take(site, window_w(site));
        const double width_s = seconds(site->window_ns), whole = floor((p->s - at_s) / width_s);
        if (whole >= 1) {
            const double last_s = at_s + (whole - 1) * width_s;
            peak_take(site, phase_flow_j(p, at_s, at_s + width_s) / width_s);
            peak_take(site, phase_flow_j(p, last_s, last_s + width_s) / width_s);
            at_s = last_s + width_s;
        }
        window_open(site, site->closes_ns + (int64_t)whole * site->window_ns);
    }
    site->window_j += fmax(0, phase_flow_j(p, at_s, p->s));
    site->left_s -= p->s - at_s;
}

static double month_usd(const struct site *site, double peak_w) {
    double highest_w = 0;
    for (int i = 0; i < YEAR; i++) highest_w = fmax(highest_w, site->before_w[i]);
    return fmax(peak_w, site->setup->demand_ratchet * highest_w) / 1000 * site->setup->demand_usd_per_kw;
}

static void month_next(struct site *site) {
    peak_take(site, window_w(site));
    site->total.demand_usd += month_usd(site, site->month_peak_w);
    site->peak_w = fmax(site->peak_w, site->month_peak_w);
    site->before_w[site->months++ % YEAR] = site->month_peak_w;
    site->month_peak_w = 0;
    const int64_t begins_ns = site->month_end_ns;
    site->month_end_ns = tick_month_start(site->origin_local_ns + begins_ns, 1) - site->origin_local_ns;
    window_open(site, begins_ns);
}

/* ---- energy ---- */

static void battery_book(struct site *site, const struct phase *p, double battery_j, double flow_j) {
    const struct site_setup *setup = site->setup;
    struct site_totals *total = &site->total;
    if (battery_j > 0) {
        total->charged_j += battery_j;
        total->solar_stored_j += flow_j < 0 ? battery_j : fmax(0, -p->net_w) * p->s;
        total->battery_loss_j += battery_j * (1 - setup->efficiency_in);
        site->stored_j = fmin(site->full_j, site->stored_j + battery_j * setup->efficiency_in);
    } else if (battery_j < 0) {
        total->discharged_j -= battery_j;
        total->battery_loss_j -= battery_j * (1 / setup->efficiency_out - 1);
        site->stored_j = fmax(site->least_j, site->stored_j + battery_j / setup->efficiency_out);
    }
}

static void phase_book(struct site *site, const struct terms *terms, const struct phase *p) {
    const double battery_j = phase_battery_j(p, 0, p->s), flow_j = phase_flow_j(p, 0, p->s);
    struct site_totals *total = &site->total;
    total->facility_j += terms->facility_w * p->s;
    total->solar_j += terms->sun_w * p->s;
    total->solar_used_j += fmin(terms->sun_w, terms->facility_w) * p->s;
    battery_book(site, p, battery_j, flow_j);
    if (flow_j >= 0) {
        total->grid_j += flow_j;
        total->grid_usd += flow_j / j_per_kwh * terms->price;
        total->grid_g += flow_j / j_per_kwh * terms->carbon;
    } else if (site->setup->export_usd_per_kwh > 0) {
        total->export_j -= flow_j;
        total->export_usd -= flow_j / j_per_kwh * site->setup->export_usd_per_kwh;
    } else {
        total->spilled_j -= flow_j;
    }
    demand_add(site, p);
    site->grid_w = fmax(0, phase_end_w(p));
}

/* What the rule asks of the battery: above 0 to charge, below 0 to give. */
static double wanted_w(const struct site_setup *setup, const struct terms *terms, double net_w) {
    const double signal = setup->dispatch == DISPATCH_CARBON ? terms->carbon : terms->price;
    switch (setup->dispatch) {
    case DISPATCH_SELF: return -net_w;
    case DISPATCH_PRICE:
    case DISPATCH_CARBON:
        if (signal <= setup->low) return setup->charge_w;
        return signal >= setup->high ? -net_w : fmax(0, -net_w);
    case DISPATCH_PEAK:
        if (net_w < setup->low) return setup->low - net_w;
        return net_w > setup->high ? fmax(setup->high, 0) - net_w : 0;
    }
    return 0;
}

/* The battery's bounds in the direction of its motion, seen from the site. */
struct motion {
    double limit_w;  /* of power */
    double room_j;   /* that can still pass */
    double taper_j;  /* room below which the limit falls with it */
};

static struct motion motion_of(const struct site *site, bool charging) {
    const struct site_setup *setup = site->setup;
    const double taper_j = setup->taper * setup->battery_j;
    if (charging)
        return (struct motion){setup->charge_w, (site->full_j - site->stored_j) / setup->efficiency_in,
                               taper_j / setup->efficiency_in};
    return (struct motion){setup->discharge_w, (site->stored_j - site->least_j) * setup->efficiency_out,
                           taper_j * setup->efficiency_out};
}

/* A decaying power that charges from sun and grid falls back to the sun's surplus: from then on the rest
 * flows back, another phase. */
static void decay_book(struct site *site, const struct terms *terms, struct phase *p) {
    const double surplus_w = -p->net_w, s = p->s;
    if (surplus_w > 0 && p->battery_w > surplus_w) {
        p->s = fmin(s, log(p->battery_w / surplus_w) / p->decay);
        phase_book(site, terms, p);
        if (p->s == s) return;
        p->battery_w = surplus_w;
        p->s = s - p->s;
    }
    phase_book(site, terms, p);
}

static void span_book(struct site *site, const struct terms *terms, double s) {
    const double net_w = terms->facility_w - terms->sun_w;
    const double wanted = site->full_j > 0 ? wanted_w(site->setup, terms, net_w) : 0;
    const double sign = wanted > 0 ? 1 : -1;
    struct phase p = {.net_w = net_w, .s = s};
    if (wanted != 0) {
        struct motion m = motion_of(site, wanted > 0);
        const double power_w = fmin(fabs(wanted), m.limit_w);
        const double brink_j = power_w > 0 ? m.taper_j * power_w / m.limit_w : 0; /* where the limit binds */
        if (power_w > 0 && m.room_j > brink_j) {
            p.battery_w = sign * power_w;
            p.s = fmin(s, (m.room_j - brink_j) / power_w);
            phase_book(site, terms, &p);
            if (p.s == s) return;
            p.s = s - p.s;
            m.room_j = brink_j;
        }
        p.decay = power_w > 0 && m.room_j > 0 ? m.limit_w / m.taper_j : 0;
        p.battery_w = p.decay > 0 ? sign * m.room_j * p.decay : 0;
    }
    decay_book(site, terms, &p);
}

void site_advance(struct site *site, int64_t t_ns, double facility_w, double price_usd_per_kwh,
                  double carbon_g_per_kwh) {
    require(t_ns >= site->now_ns);
    struct terms terms = {facility_w, 0, price_usd_per_kwh, carbon_g_per_kwh};
    while (site->now_ns < t_ns) {
        /* Months close late: at the very end of one, the next is not yet under way. */
        if (site->now_ns == site->month_end_ns) month_next(site);
        while (site->sun.next_ns <= site->now_ns) cursor_step(&site->sun);
        int64_t end_ns = t_ns < site->month_end_ns ? t_ns : site->month_end_ns;
        if (site->sun.next_ns < end_ns) end_ns = site->sun.next_ns;
        terms.sun_w = fmax(0, site->sun.value);
        site->left_s = seconds(site->closes_ns - site->now_ns);
        span_book(site, &terms, seconds(end_ns - site->now_ns));
        site->now_ns = end_ns;
    }
}

/* ---- from outside ---- */

struct site *site_open(const struct region_setup *region, int64_t origin_unix_ns) {
    const struct site_setup *setup = &region->site;
    const bool sun = setup->solar_w.len > 0, battery = setup->battery_j > 0;
    if (!sun && !battery && !(setup->demand_usd_per_kw > 0)) return NULL;
    require(!battery || (setup->efficiency_in > 0 && setup->efficiency_out > 0));
    struct site *site = mem_zero(1, sizeof *site);
    site->setup = setup;
    site->sun.next_ns = TICK_NEVER;
    if (sun) cursor_open(&site->sun, &setup->solar_w);
    site->full_j = setup->battery_j;
    site->least_j = setup->battery_least * setup->battery_j;
    site->stored_j = setup->battery_start * setup->battery_j;
    site->origin_local_ns = origin_unix_ns + region->utc_offset_ns;
    site->window_ns = setup->demand_window_ns > 0 ? setup->demand_window_ns : 15 * TICK_MINUTE;
    const int64_t since_ns = site->origin_local_ns - tick_month_start(site->origin_local_ns, 0);
    site->month_end_ns = tick_month_start(site->origin_local_ns, 1) - site->origin_local_ns;
    window_open(site, -(since_ns % site->window_ns));
    return site;
}

void site_close(struct site *site) { free(site); }

void site_lump(struct site *site, double facility_j, double usd, double g) {
    site->total.facility_j += facility_j;
    site->total.grid_j += facility_j;
    site->total.grid_usd += usd;
    site->total.grid_g += g;
}

struct site_totals site_read(const struct site *site) {
    struct site_totals total = site->total;
    total.demand_closed_usd = total.demand_usd;
    total.demand_usd += month_usd(site, fmax(site->month_peak_w, window_w(site)));
    return total;
}

double site_stored_j(const struct site *site) { return site->stored_j; }
double site_grid_w(const struct site *site) { return site->grid_w; }
double site_peak_w(const struct site *site) {
    return fmax(site->peak_w, fmax(site->month_peak_w, window_w(site)));
}

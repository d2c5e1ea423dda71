/*
 * Planning over years (see planning.h). A period is sized for the demand at its end, so that its fleet carries all of
 * it; required cases come on top. Demand that grows makes what failed fail later too, so later periods are told.
 *
 * A fleet's running cost is what its runs cost without the capacity of the pools that are bought, from the measured
 * window to the length of the period; what is bought is paid when it is bought. All money is discounted to the
 * beginning of the first period.
 *
 * The plan is solved again with energy dearer and cheaper by the volatility: where it stays the same, the price of
 * energy does not decide what to buy.
 *
 * Cost: simulations; the plan itself is nothing beside them.
 */
#include "app/planning.h"

#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "base/tick.h"
#include "io/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double hours_per_year = 8766;

/* --- periods --- */

static double period_years(const struct sizing_horizon *h) { return tick_hours(h->period_ns) / hours_per_year; }

static void period_open(struct planning *p, size_t t) {
    const struct sizing *whole = p->trials->scenario->size;
    const struct sizing_horizon *h = p->horizon;
    struct planning_period *period = &p->periods[t];
    period->years = (double)t * period_years(h);
    const double end = (double)(t + 1) * period_years(h);
    char name[32];
    snprintf(name, sizeof name, "period %zu", t + 1);
    period->sizing = *whole;
    period->base = (struct sizing_case){.name = mem_text(name),
                                        .demand = pow(1 + h->growth, end),
                                        .energy_price = pow(1 + h->energy_growth, end),
                                        .required = true};
    period->sizing.base = &period->base;
    period->sizing.cases = mem_zero(whole->cases_len, sizeof *period->sizing.cases);
    period->sizing.cases_len = 0;
    for (size_t c = 0; c < whole->cases_len; c++) {
        if (!whole->cases[c].required) continue;
        struct sizing_case *in = &period->sizing.cases[period->sizing.cases_len++];
        *in = whole->cases[c];
        in->demand *= period->base.demand;
        in->energy_price *= period->base.energy_price;
    }
}

/* What runs of a fleet cost without what is bought, for a whole period, discounted. */
static void running_of(const struct planning *p, const struct planning_period *period, const struct fleet_test *test,
                       const struct plan_fleet *fleet, double *running_usd, double *energy_usd) {
    const struct setup *setup = test->base.run->setup;
    double usd = test->objective[SIZING_USD];
    for (size_t k = 0; k < p->horizon->buys_len; k++)
        for (uint32_t i = 0; i < setup->pools_len; i++)
            if (strcmp(setup->pools[i].name, p->horizon->buys[k].pool) == 0)
                usd -= setup->pools[i].usd_per_node_h * fleet->nodes[k] * test->hours;
    const double today = pow(1 + p->horizon->discount, period->years);
    const double factor = tick_hours(p->horizon->period_ns) / test->hours / today;
    *running_usd = fmax(0, usd) * factor;
    *energy_usd = test->energy_usd * factor;
}

static bool is_minimum(const struct search *search, const struct fleet_test *test) {
    for (size_t i = 0; i < search->tests.len; i++) {
        const struct fleet_test *other = search->tests.at[i];
        if (other == test || other->tested != TESTED_HOLDS) continue;
        if (lattice_covers(&search->lattice, test->point, other->point)) return false;
    }
    return true;
}

static void collect(struct planning *p, struct planning_period *period) {
    const struct search *search = &period->search;
    period->fleets = mem_zero(search->tests.len, sizeof *period->fleets);
    period->tests = mem_zero(search->tests.len, sizeof *period->tests);
    period->energy_usd = mem_zero(search->tests.len, sizeof *period->energy_usd);
    for (size_t i = 0; i < search->tests.len; i++) {
        const struct fleet_test *test = search->tests.at[i];
        if (test->tested != TESTED_HOLDS || !is_minimum(search, test)) continue;
        struct plan_fleet *fleet = &period->fleets[period->len];
        for (size_t k = 0; k < p->horizon->buys_len; k++) {
            const size_t axis = p->horizon->buys[k].axis;
            int64_t nodes = 0;
            const char *text = search->sizing->axes[axis].texts[lattice_at(&search->lattice, test->point, axis)];
            num_i64(text, strlen(text), &nodes);
            fleet->nodes[k] = (uint32_t)nodes;
        }
        running_of(p, period, test, fleet, &fleet->running_usd, &period->energy_usd[period->len]);
        period->tests[period->len++] = test;
    }
}

/* What failed with less demand fails with more. */
static void tell_failures(struct planning *p, size_t t) {
    if (t == 0 || p->horizon->growth < 0) return;
    const struct search *before = &p->periods[t - 1].search;
    for (size_t point = 0; point < before->lattice.points; point++)
        if (before->lattice.state[point] == LATTICE_FAILED)
            lattice_tell(&p->periods[t].search.lattice, point, false, 0);
}

static bool period_run(struct planning *p, size_t t, struct err *err) {
    struct planning_period *period = &p->periods[t];
    period_open(p, t);
    if (!search_open(&period->search, p->trials, &period->sizing, err)) return false;
    if (!search_minima_begin(&period->search, err)) return false;
    tell_failures(p, t);
    if (!search_minima(&period->search, err)) return false;
    collect(p, period);
    return true;
}

/* --- the plan --- */

static void kind_fill(const struct planning *p, size_t k, struct plan_kind *kind) {
    const struct sizing_horizon *h = p->horizon;
    const struct sizing_buy *buy = &h->buys[k];
    const double years = period_years(h);
    kind->life = (size_t)(buy->life_ns / h->period_ns);
    for (size_t t = 0; t < h->periods; t++) {
        const double now = (double)t * years;
        const bool out = (int64_t)t * h->period_ns >= buy->from_ns;
        kind->price_usd[t] =
            out ? buy->price_usd * pow(1 + buy->price_growth, now) / pow(1 + h->discount, now) : INFINITY;
        kind->standing[t] = (int64_t)t * h->period_ns < buy->retires_ns ? (uint32_t)buy->standing : 0;
    }
}

/* With energy at so many times its price. */
static struct plan solve(struct planning *p, double energy) {
    struct plan_setup setup = p->setup;
    struct plan_fleet *fleets[PLAN_PERIODS_MOST];
    for (size_t t = 0; t < setup.periods; t++) {
        const struct planning_period *period = &p->periods[t];
        fleets[t] = mem_copy(period->fleets, period->len * sizeof *fleets[t]);
        for (size_t i = 0; i < period->len; i++)
            fleets[t][i].running_usd = fmax(0, fleets[t][i].running_usd + (energy - 1) * period->energy_usd[i]);
        setup.period[t] = (struct plan_period){fleets[t], period->len};
    }
    const struct plan plan = plan_solve(&setup);
    for (size_t t = 0; t < setup.periods; t++) free(fleets[t]);
    return plan;
}

bool planning_run(struct planning *p, struct trials *trials, struct err *err) {
    const struct sizing_horizon *h = trials->scenario->size->horizon;
    *p = (struct planning){.trials = trials, .horizon = h, .setup = {.periods = h->periods, .kinds = h->buys_len}};
    p->periods = mem_zero(h->periods, sizeof *p->periods);
    for (size_t t = 0; t < h->periods; t++)
        if (!period_run(p, t, err)) return false;
    for (size_t k = 0; k < h->buys_len; k++) kind_fill(p, k, &p->setup.kind[k]);
    p->plan = solve(p, 1);
    p->dear = solve(p, 1 + h->volatility);
    p->cheap = solve(p, 1 - h->volatility);
    return true;
}

void planning_close(struct planning *p) {
    for (size_t t = 0; t < p->horizon->periods; t++) {
        struct planning_period *period = &p->periods[t];
        if (period->search.trials) search_close(&period->search);
        free(period->fleets);
        free(period->tests);
        free(period->energy_usd);
        free(period->sizing.cases);
        free((char *)(void *)period->base.name);
    }
    free(p->periods);
}

/* --- what is said --- */

static uint32_t standing_in(const struct planning *p, const struct plan *plan, size_t k, size_t t) {
    const struct plan_kind *kind = &p->setup.kind[k];
    uint32_t nodes = kind->standing[t];
    for (size_t b = 0; b <= t; b++)
        if (b + kind->life > t) nodes += plan->bought[k][b];
    return nodes;
}

static double paid(const struct planning *p, const struct plan *plan, size_t t) {
    double usd = 0;
    for (size_t k = 0; k < p->horizon->buys_len; k++)
        if (plan->bought[k][t]) usd += plan->bought[k][t] * p->setup.kind[k].price_usd[t];
    return usd;
}

/* "4 h100, 2 b200" or "nothing"; free(). */
static char *bought_text(const struct planning *p, const struct plan *plan, size_t t) {
    struct text text;
    text_init(&text);
    for (size_t k = 0; k < p->horizon->buys_len; k++)
        if (plan->bought[k][t])
            text_format(&text, "%s%u %s", text.len ? ", " : "", plan->bought[k][t], p->horizon->buys[k].pool);
    if (!text.len) text_put(&text, "nothing");
    return text_take(&text);
}

static char *standing_text(const struct planning *p, const struct plan *plan, size_t t) {
    struct text text;
    text_init(&text);
    for (size_t k = 0; k < p->horizon->buys_len; k++)
        text_format(&text, "%s%u %s", k ? ", " : "", standing_in(p, plan, k, t), p->horizon->buys[k].pool);
    return text_take(&text);
}

static bool same_purchases(const struct planning *p, const struct plan *a, const struct plan *b) {
    for (size_t k = 0; k < p->horizon->buys_len; k++)
        for (size_t t = 0; t < p->horizon->periods; t++)
            if (a->bought[k][t] != b->bought[k][t]) return false;
    return true;
}

static void print_shock(FILE *to, const struct planning *p, const char *which, const struct plan *other) {
    char number[48];
    if (p->horizon->volatility == 0) return;
    fprintf(to, "With energy %.0f %% %s: %s USD, %s.\n", 100 * p->horizon->volatility, which,
            table_number(other->usd, 0, number),
            same_purchases(p, &p->plan, other) ? "the same purchases" : "other purchases");
}

static size_t tries(const struct planning *p) {
    size_t tests = 0;
    for (size_t t = 0; t < p->horizon->periods; t++) tests += p->periods[t].search.tests.len;
    return tests;
}

static void print_none(FILE *to, const struct planning *p) {
    fprintf(to, "no purchases keep the targets in every period\n");
    for (size_t t = 0; t < p->horizon->periods; t++)
        if (p->periods[t].len == 0)
            fprintf(to, "  in period %zu, with %.2f times the demand, no fleet of the choice holds\n", t + 1,
                    p->periods[t].base.demand);
}

void planning_page(FILE *to, const struct planning *p, const char *results) {
    const struct plan *plan = &p->plan;
    char a[48], b[48];
    fprintf(to, "%s: ", p->trials->scenario->name);
    if (plan->usd < INFINITY) {
        fprintf(to, "what to buy when, for %s USD of today over %zu periods\n\n", table_number(plan->usd, 0, a),
                p->horizon->periods);
        struct table *table = table_open("lrlllrr");
        const char *const heads[] = {"period",         "demand",      "buy", "then there are", "used",
                                     "purchases, USD", "running, USD"};
        for (size_t i = 0; i < 7; i++) table_cell(table, "%s", heads[i]);
        for (size_t t = 0; t < p->horizon->periods; t++) {
            const struct planning_period *period = &p->periods[t];
            char *buy = bought_text(p, plan, t), *there = standing_text(p, plan, t);
            char *used = search_name(&period->search, period->tests[plan->fleet[t]]->point);
            table_cell(table, "%zu", t + 1);
            table_cell(table, "× %.2f", period->base.demand);
            table_cell(table, "%s", buy);
            table_cell(table, "%s", there);
            table_cell(table, "%s", used);
            table_cell(table, "%s", table_number(paid(p, plan, t), 0, a));
            table_cell(table, "%s", table_number(period->fleets[plan->fleet[t]].running_usd, 0, b));
            free(buy);
            free(there);
            free(used);
        }
        table_print(table, to, 1, 2);
        table_close(table);
        fputc('\n', to);
        print_shock(to, p, "dearer", &p->dear);
        print_shock(to, p, "cheaper", &p->cheap);
    } else {
        print_none(to, p);
    }
    fprintf(to, "Tried %s fleets in %s runs", table_number((double)tries(p), 0, a),
            table_number((double)p->trials->runs, 0, b));
    if (results) fprintf(to, ", kept in %s", results);
    fprintf(to, ".\n");
}

void planning_json(FILE *to, const struct planning *p) {
    const struct plan *plan = &p->plan;
    const bool found = plan->usd < INFINITY;
    fputs("{\n  \"scenario\": ", to);
    table_json_text(to, p->trials->scenario->name);
    fputs(",\n  \"usd\": ", to);
    table_json_number(to, plan->usd);
    fputs(",\n  \"usd_energy_dear\": ", to);
    table_json_number(to, p->dear.usd);
    fputs(",\n  \"usd_energy_cheap\": ", to);
    table_json_number(to, p->cheap.usd);
    fprintf(to, ",\n  \"tried\": %zu,\n  \"runs\": %zu,\n  \"periods\": [", tries(p), p->trials->runs);
    for (size_t t = 0; t < p->horizon->periods && found; t++) {
        const struct planning_period *period = &p->periods[t];
        char *used = search_name(&period->search, period->tests[plan->fleet[t]]->point);
        fprintf(to, "%s\n    {\"demand\": %g, \"used\": ", t ? "," : "", period->base.demand);
        table_json_text(to, used);
        fputs(", \"purchases_usd\": ", to);
        table_json_number(to, paid(p, plan, t));
        fputs(", \"running_usd\": ", to);
        table_json_number(to, period->fleets[plan->fleet[t]].running_usd);
        fputs(", \"buy\": {", to);
        for (size_t k = 0; k < p->horizon->buys_len; k++) {
            fputs(k ? ", " : "", to);
            table_json_text(to, p->horizon->buys[k].pool);
            fprintf(to, ": %u", plan->bought[k][t]);
        }
        fputs("}}", to);
        free(used);
    }
    fputs("\n  ]\n}\n", to);
}

void planning_store(const struct planning *p) {
    const struct plan *plan = &p->plan;
    const size_t kinds = p->horizon->buys_len;
    struct store_purchase *rows = mem_zero(p->horizon->periods * kinds, sizeof *rows);
    size_t len = 0;
    for (size_t t = 0; t < p->horizon->periods && plan->usd < INFINITY; t++)
        for (size_t k = 0; k < kinds; k++)
            rows[len++] = (struct store_purchase){
                .period = t + 1,
                .pool = p->horizon->buys[k].pool,
                .demand = p->periods[t].base.demand,
                .point = p->periods[t].tests[plan->fleet[t]]->base.number,
                .bought = plan->bought[k][t],
                .standing = standing_in(p, plan, k, t),
                .used = p->periods[t].fleets[plan->fleet[t]].nodes[k],
                .price_usd = p->setup.kind[k].price_usd[t],
                .running_usd = p->periods[t].fleets[plan->fleet[t]].running_usd};
    store_plan(p->trials->store, rows, len);
    free(rows);
}

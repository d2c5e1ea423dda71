/*
 * What stands behind a region's meter: panels, a battery and its rule, the charge on the month's peak, and a
 * limit on the power of the whole site. A battery's thresholds are in the unit of its rule, so they are read
 * once the rule is known.
 */
#include "base/tick.h"
#include "io/sections.h"
#include "io/units.h"

#include <math.h>
#include <string.h>

static const char *const rules[] = {[DISPATCH_SELF] = "self", [DISPATCH_PRICE] = "price",
                                    [DISPATCH_CARBON] = "carbon", [DISPATCH_PEAK] = "peak", NULL};
struct battery_draft {
    double capacity_j, charge_w, discharge_w, efficiency_in, efficiency_out, least, start, taper;
    int rule;
    const struct yaml_node *low, *high;
};
#define AT(member) offsetof(struct battery_draft, member)
static const struct field battery_fields[] = {
    {.param = {.key = "capacity", .kind = PARAM_NUMBER, .dim = DIM_ENERGY, .offset = AT(capacity_j),
               .least = 1, .most = 1e16, .required = true, .help = "What it holds when full."}},
    {.param = {.key = "charge", .kind = PARAM_NUMBER, .dim = DIM_POWER, .offset = AT(charge_w), .least = 1e-3,
               .most = 1e10, .required = true, .help = "Highest power it takes in, at the site's side."}},
    {.param = {.key = "discharge", .kind = PARAM_NUMBER, .dim = DIM_POWER, .offset = AT(discharge_w),
               .least = 1e-3,
               .most = 1e10, .required = true, .help = "Highest power it gives, at the site's side."}},
    {.param = {.key = "efficiency_in", .kind = PARAM_NUMBER, .offset = AT(efficiency_in), .fallback = 0.95,
               .least = 0.01, .most = 1, .help = "Of what goes in, this share is stored."}},
    {.param = {.key = "efficiency_out", .kind = PARAM_NUMBER, .offset = AT(efficiency_out), .fallback = 0.95,
               .least = 0.01, .most = 1, .help = "Of what is taken out of store, this share arrives."}},
    {.param = {.key = "least", .kind = PARAM_NUMBER, .offset = AT(least), .fallback = 0.1, .least = 0,
               .most = 0.99, .help = "Share of the capacity that is never given away."}},
    {.param = {.key = "start", .kind = PARAM_NUMBER, .offset = AT(start), .fallback = 0.5, .least = 0,
               .most = 1, .help = "Share of the capacity it holds at the start."}},
    {.param = {.key = "taper", .kind = PARAM_NUMBER, .offset = AT(taper), .least = 0, .most = 0.5,
               .help = "Share of the capacity below full, and above `least`, over which the power it takes, "
                       "and gives, falls linearly to nothing; 0: it holds to the end."}},
    {.param = {.key = "rule", .kind = PARAM_CHOICE, .offset = AT(rule), .choices = rules,
               .help = "self: stores surplus sunlight and gives it back as soon as it can; price, carbon: "
                       "charges while it is at most `low`, discharges from `high` on; peak: keeps what is "
                       "drawn from the grid at or below `high`, recharges below `low`."}},
    {.param = {.key = "low", .offset = AT(low), .help = "See `rule`; required but for self."},
     .read = read_node, .form = "as the rule's signal: a price, a carbon intensity or a power"},
    {.param = {.key = "high", .offset = AT(high), .help = "See `rule`; required but for self."},
     .read = read_node, .form = "as `low`"},
};
const struct block battery_block = {.title = "battery", BLOCK_FIELDS(battery_fields),
    .about = "It charges from surplus sunlight under every rule, and from the grid where the rule says so; "
             "it never feeds the grid."};
#undef AT

#define AT(member) offsetof(struct demand_charge_draft, member)
static const struct field demand_charge_fields[] = {
    {.param = {.key = "price", .kind = PARAM_NUMBER, .dim = DIM_POWER_PRICE, .offset = AT(usd_per_kw),
               .least = 0,
               .most = 1e6, .required = true,
               .help = "For the highest window of each calendar month, local time."}},
    {.param = {.key = "window", .kind = PARAM_TIME, .offset = AT(window_ns), .fallback = 900, .least = 1,
               .most = 86400, .help = "Power is averaged over windows of this length."}},
    {.param = {.key = "ratchet", .kind = PARAM_NUMBER, .offset = AT(ratchet), .least = 0, .most = 1,
               .help = "A month bills at least this share of the highest of the twelve before it."}},
};
const struct block demand_charge_block = {.title = "demand_charge", BLOCK_FIELDS(demand_charge_fields),
    .about = "A price on the grid power of the worst quarter of an hour, beside that on energy."};
#undef AT

static const char *const thens[] = {[LIMIT_WAIT] = "wait", [LIMIT_CAP] = "cap", NULL};
#define AT(member) offsetof(struct power_limit_draft, member)
static const struct field power_limit_fields[] = {
    {.param = {.key = "limit", .kind = PARAM_NUMBER, .dim = DIM_POWER, .offset = AT(limit_w), .least = 1,
               .most = 1e10, .required = true, .help = "Facility power, cooling included."}},
    {.param = {.key = "then", .kind = PARAM_CHOICE, .offset = AT(then), .choices = thens,
               .help = "wait: jobs that would exceed it wait (those that run go on, also when the PUE rises "
                       "later); cap: they start, and all GPUs of the region are capped by the table of "
                       "`policy.cap`."}},
};
const struct block power_limit_block = {.title = "power_limit", BLOCK_FIELDS(power_limit_fields),
    .about = "What a site may draw is often less than what stands in it."};
#undef AT

/* Reads one threshold in the unit of the battery's rule. false: none, or a finding. */
static bool threshold_read(struct reading *r, const struct yaml_node *map, const char *key,
                           const struct yaml_node *node, enum dispatch rule, double *value) {
    static const struct param params[] = {
        [DISPATCH_PRICE] = {.kind = PARAM_NUMBER, .dim = DIM_ENERGY_PRICE, .least = -1000, .most = 1000},
        [DISPATCH_CARBON] = {.kind = PARAM_NUMBER, .dim = DIM_CARBON, .least = 0, .most = 10000},
        [DISPATCH_PEAK] = {.kind = PARAM_NUMBER, .dim = DIM_POWER, .least = 0, .most = 1e10}};
    if (!node && rule != DISPATCH_SELF)
        return reading_add(r, map, "missing key \"%s\", which the rule %s needs, such as %s", key,
                           rules[rule], units_example(params[rule].dim));
    if (!node) return false;
    size_t mark = reading_enter(r, key);
    bool good = rule == DISPATCH_SELF
                    ? reading_add(r, node, "the rule self has no thresholds, expected no \"%s\"", key)
                    : value_read(r, node, &params[rule], value);
    reading_leave(r, mark);
    return good;
}

static void battery_read(struct document *d, const struct yaml_node *node, const struct meter_draft *meter,
                         struct site_setup *site) {
    struct reading *r = &d->r;
    struct battery_draft b = {0};
    size_t before = r->err->found;
    params_read(r, node, &battery_block, &b);
    if (node->kind != YAML_MAP) return;
    site->battery_j = b.capacity_j;
    site->battery_least = b.least;
    site->battery_start = b.start;
    site->charge_w = b.charge_w;
    site->discharge_w = b.discharge_w;
    site->efficiency_in = b.efficiency_in;
    site->efficiency_out = b.efficiency_out;
    site->taper = b.taper;
    site->dispatch = (enum dispatch)b.rule;
    if (r->err->found > before) return;
    if (b.start < b.least)
        reading_add_key(r, node, "start", "%g, below the least it may hold, expected at least %g",
                        b.start, b.least);
    if (site->dispatch == DISPATCH_SELF && !meter->solar)
        reading_add(r, node,
                    "never charges: the rule self stores surplus sunlight, expected \"solar\" beside it");
    bool low = threshold_read(r, node, "low", b.low, site->dispatch, &site->low);
    bool high = threshold_read(r, node, "high", b.high, site->dispatch, &site->high);
    if (low && high && site->low > site->high)
        reading_add_key(r, node, "high", "%s is below \"low\", expected at least %s",
                        value_shown(b.high).text, value_shown(b.low).text);
}

void meter_read(struct document *d, const struct yaml_node *map, const struct meter_draft *draft,
                 struct region_setup *region) {
    static const struct param solar_param = {.kind = PARAM_NUMBER, .dim = DIM_POWER, .least = 0,
                                             .most = 1e10};
    struct site_setup *site = &region->site;
    signal_read(d, "solar", draft->solar, &solar_param, region->utc_offset_ns, &site->solar_w);
    site->export_usd_per_kwh = draft->export_usd_per_kwh;
    if (yaml_get(map, "export") && !draft->solar)
        reading_add_key(&d->r, map, "export", "nothing flows back without \"solar\"");
    site->demand_usd_per_kw = draft->demand.usd_per_kw;
    site->demand_window_ns = draft->demand.window_ns;
    site->demand_ratchet = draft->demand.ratchet;
    region->limit_w = draft->limit.limit_w;
    region->limit_then = (enum limit_then)draft->limit.then;
    if (!draft->battery) return;
    size_t mark = reading_enter(&d->r, "battery");
    battery_read(d, draft->battery, draft, site);
    reading_leave(&d->r, mark);
}

/* What the region's nodes that are always up draw when idle, PUE at its best. */
static double idle_w(const struct setup *setup, uint32_t region) {
    const struct steps *pue = &setup->regions[region].pue;
    double least = pue->len ? pue->value[0] : 0, idle = 0; /* no PUE: there was a finding */
    for (size_t i = 0; i < pue->len; i++) least = fmin(least, pue->value[i]);
    for (size_t i = 0; i < setup->nodes_len; i++) {
        const struct pool_setup *pool = &setup->pools[setup->nodes[i].pool];
        if (pool->region == region && !pool->sleep.on)
            idle += setup->nodes[i].count * (pool->base_w + pool->gpus * pool->gpu_idle_w);
    }
    return idle * least;
}

void meter_check(struct document *d, const struct yaml_node *list) {
    size_t top = reading_enter(&d->r, "regions");
    for (size_t i = 0; i < d->setup->regions_len; i++) {
        double idle = idle_w(d->setup, (uint32_t)i), limit = d->setup->regions[i].limit_w;
        if (!(limit > 0) || limit >= idle) continue;
        size_t mark = reading_enter_index(&d->r, i), inner = reading_enter(&d->r, "power_limit");
        const struct yaml_node *node = yaml_get(list->items[i].value, "power_limit");
        reading_add(&d->r, node ? node : list->items[i].value,
                    "below what the region's nodes draw when idle, expected at least %g W", idle);
        reading_leave(&d->r, inner);
        reading_leave(&d->r, mark);
    }
    reading_leave(&d->r, top);
}

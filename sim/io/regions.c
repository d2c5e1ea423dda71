/*
 * Regions: where energy is bought, what it emits, how warm it is outside, and what stands behind the meter
 * (meter.c). PUE may follow the temperature in three regimes: free cooling below one threshold, mixed
 * operation above it, chillers above another, each linear in the temperature; composed step by step, so it is
 * exact for the given temperature.
 *
 * Invariant: every signal of a region read without findings has len >= 1 and lies in its range.
 */
#include "base/tick.h"
#include "io/sections.h"
#include "io/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char signal_form[] = "a value, or a mapping with `daily` or `file`";

/* --- PUE --- */

struct pue_draft {
    double best, free_below_c, per_degree, chiller_above_c, chiller_per_degree;
};
#define AT(member) offsetof(struct pue_draft, member)
static const struct field pue_fields[] = {
    {.param = {.key = "best", .kind = PARAM_NUMBER, .offset = AT(best), .least = 1, .most = 10,
               .required = true, .help = "PUE while the outside air is cold enough to cool for free."}},
    {.param = {.key = "free_below", .kind = PARAM_NUMBER, .dim = DIM_TEMPERATURE, .offset = AT(free_below_c),
               .least = -90, .most = 70, .required = true,
               .help = "Up to this temperature cooling is free."}},
    {.param = {.key = "per_degree", .kind = PARAM_NUMBER, .offset = AT(per_degree), .least = 0, .most = 1,
               .required = true, .help = "What each degree above it adds to the PUE."}},
    {.param = {.key = "chiller_above", .kind = PARAM_NUMBER, .dim = DIM_TEMPERATURE,
               .offset = AT(chiller_above_c), .fallback = 1000, .least = -90, .most = 70,
               .help = "Above this temperature chillers run, and `chiller_per_degree` holds instead."}},
    {.param = {.key = "chiller_per_degree", .kind = PARAM_NUMBER, .offset = AT(chiller_per_degree),
               .least = 0, .most = 1, .help = "What each degree above `chiller_above` adds to the PUE."}},
};
const struct block pue_block = {.title = "pue from temperature", BLOCK_FIELDS(pue_fields),
    .about = "PUE = best + per_degree x (degrees between free_below and chiller_above) + chiller_per_degree "
             "x (degrees above chiller_above); the region needs a `temperature`."};
#undef AT

static const struct param pue_param = {.kind = PARAM_NUMBER, .dim = DIM_NONE, .least = 1, .most = 10};

static double pue_at(const struct pue_draft *pue, double c) {
    return pue->best + pue->per_degree * fmax(0, fmin(c, pue->chiller_above_c) - pue->free_below_c) +
           pue->chiller_per_degree * fmax(0, c - pue->chiller_above_c);
}

/* PUE as a function of the temperature's steps. */
static void pue_from_temperature(struct document *d, const struct yaml_node *node,
                                 struct region_setup *region) {
    struct pue_draft pue = {0};
    size_t before = d->r.err->found;
    params_read(&d->r, node, &pue_block, &pue);
    bool above = yaml_get(node, "chiller_above"), slope = yaml_get(node, "chiller_per_degree");
    if (above != slope)
        reading_add(&d->r, node, "missing key \"%s\" beside \"%s\"",
                    above ? "chiller_per_degree" : "chiller_above",
                    above ? "chiller_above" : "chiller_per_degree");
    if (d->r.err->found == before && above && pue.chiller_above_c < pue.free_below_c)
        reading_add_key(&d->r, node, "chiller_above", "below free_below, expected at least %g C",
                        pue.free_below_c);
    const struct steps *t = &region->temperature;
    if (!t->len)
        reading_add(&d->r, node, "a PUE that follows the temperature, expected a \"temperature\" beside it");
    region->pue = *t;
    region->pue.value = arena_alloc(d->r.arena, t->len, sizeof *t->value);
    for (size_t i = 0; i < t->len; i++) region->pue.value[i] = pue_at(&pue, t->value[i]);
}

static void pue_read(struct document *d, const struct yaml_node *node, struct region_setup *region) {
    if (!node || node->kind != YAML_MAP || !yaml_get(node, "best")) {
        signal_read(d, "pue", node, &pue_param, region->utc_offset_ns, &region->pue);
        return;
    }
    size_t mark = reading_enter(&d->r, "pue");
    pue_from_temperature(d, node, region);
    reading_leave(&d->r, mark);
}

struct pue_load_draft {
    struct numbers load, add;
};
#define AT(member) offsetof(struct pue_load_draft, member)
static const struct field pue_load_fields[] = {
    {.param = {.key = "load", .kind = PARAM_NUMBERS, .offset = AT(load), .least = 0, .most = 1,
               .required = true, .help = "Shares of the IT peak power of the region's nodes, ascending."}},
    {.param = {.key = "add", .kind = PARAM_NUMBERS, .offset = AT(add), .least = 0, .most = 9,
               .required = true, .help = "What is added to the PUE at each; interpolated between them."}},
};
static const struct block pue_load_block = {.title = "pue_by_load", BLOCK_FIELDS(pue_load_fields),
    .about = "Losses of power conversion and cooling that weigh more at low load."};
#undef AT

static void read_pue_by_load(struct reading *r, const struct yaml_node *node, const struct field *field,
                             void *into) {
    struct pue_load_draft *draft = into;
    size_t before = r->err->found;
    params_read(r, node, field->block, draft);
    if (r->err->found > before) return;
    if (draft->load.len != draft->add.len)
        reading_add_key(r, node, "add", "%zu values for %zu loads, expected as many", draft->add.len,
                        draft->load.len);
    else if (!draft->load.len)
        reading_add_key(r, node, "load", "an empty list, expected at least one load");
    else check_ascending(r, node, "load", &draft->load, false);
}

/* --- the table --- */

#define AT(member) offsetof(struct tariff, member)
static const struct field tariff_fields[] = {
    {.param = {.key = "adder", .kind = PARAM_NUMBER, .dim = DIM_ENERGY_PRICE, .offset = AT(adder_usd_per_kwh),
               .least = -1000, .most = 1000, .help = "Grid fees and levies on every kWh."}},
    {.param = {.key = "tax", .kind = PARAM_NUMBER, .offset = AT(tax), .least = -1, .most = 10,
               .help = "Tax on price and adder: 0.19 for 19 %."}},
    {.param = {.key = "escalation", .kind = PARAM_NUMBER, .offset = AT(escalation), .least = -0.5, .most = 1,
               .help = "Rise a year, at once after each whole year since `start`; needs a `horizon`."}},
};
static const struct block tariff_block = {.title = "tariff", BLOCK_FIELDS(tariff_fields),
    .about = "What is paid = (price + adder) x (1 + tax) x (1 + escalation)^years. It holds for "
             "`price_forecast` too."};
#undef AT

struct region_draft {
    const char *catalog, *name;
    int64_t utc_offset_ns;
    struct pue_load_draft pue_load;
    struct meter_draft meter;
    double carbon_price, market_carbon, water;
    struct outages { struct chosen every, lasts; } outages;
    const struct yaml_node *price, *tariff, *carbon, *temperature, *pue, *price_forecast, *carbon_forecast;
};
#define AT(member) offsetof(struct outages, member)
static const struct field outage_fields[] = {
    {.param = {.key = "every", .offset = AT(every), .required = true,
               .help = "Time from one outage's end to the next."},
     .read = read_model, .models = KIND_LIFETIME},
    {.param = {.key = "lasts", .offset = AT(lasts), .required = true, .help = "How long it lasts."},
     .read = read_model, .models = KIND_LIFETIME},
};
static const struct block outage_block = {.title = "outages", BLOCK_FIELDS(outage_fields),
    .about = "All nodes of the region fail at once."};
#undef AT

#define AT(member) offsetof(struct region_draft, member)
static const struct field region_fields[] = {
    {.param = {.key = "name", .kind = PARAM_TEXT, .offset = AT(name),
               .help = "What the other sections call it; the catalogue's name when `catalog` is given."}},
    {.param = {.key = "catalog", .kind = PARAM_TEXT, .offset = AT(catalog),
               .help = "Region of the catalogue whose values hold where none is given here."}},
    {.param = {.key = "utc_offset", .kind = PARAM_TIME, .offset = AT(utc_offset_ns), .least = -50400,
               .most = 50400, .help = "Local standard time less UTC; places the hours of `daily` signals."}},
    {.param = {.key = "price", .dim = DIM_ENERGY_PRICE, .offset = AT(price), .required = true,
               .help = "What a kWh costs at the meter; may be negative."},
     .read = read_node, .block = &signal_block, .form = signal_form},
    {.param = {.key = "tariff", .offset = AT(tariff), .help = "What comes on top of the price."},
     .read = read_node, .block = &tariff_block, .form = "a mapping"},
    {.param = {.key = "price_forecast", .dim = DIM_ENERGY_PRICE, .offset = AT(price_forecast),
               .help = "What the price was believed to be, for `forecast: given`."},
     .read = read_node, .form = signal_form},
    {.param = {.key = "carbon", .dim = DIM_CARBON, .offset = AT(carbon), .required = true,
               .help = "Emissions of a kWh at the meter, location-based."},
     .read = read_node, .form = signal_form},
    {.param = {.key = "carbon_forecast", .dim = DIM_CARBON, .offset = AT(carbon_forecast),
               .help = "What the carbon intensity was believed to be, for `forecast: given`."},
     .read = read_node, .form = signal_form},
    {.param = {.key = "carbon_price", .kind = PARAM_NUMBER, .dim = DIM_CARBON_PRICE,
               .offset = AT(carbon_price),
               .least = 0, .most = 100, .help = "Paid for operational, location-based emissions."}},
    {.param = {.key = "market_carbon", .kind = PARAM_NUMBER, .dim = DIM_CARBON, .offset = AT(market_carbon),
               .fallback = -1, .least = 0, .most = 10000,
               .help = "Emissions of a kWh by the supply contract, for the market-based method; those of "
                       "the grid when left out."}},
    {.param = {.key = "temperature", .dim = DIM_TEMPERATURE, .offset = AT(temperature),
               .help = "Outside temperature, for a PUE that follows it."},
     .read = read_node, .form = signal_form},
    {.param = {.key = "pue", .offset = AT(pue), .required = true,
               .help = "Facility power over IT power, at least 1."},
     .read = read_node, .block = &pue_block, .form = "as above, or a mapping with `best`"},
    {.param = {.key = "pue_by_load", .offset = AT(pue_load), .help = "What low load adds to the PUE."},
     .read = read_pue_by_load, .block = &pue_load_block, .form = "a mapping"},
    {.param = {.key = "water", .kind = PARAM_NUMBER, .offset = AT(water), .least = 0, .most = 100,
               .help = "Litres evaporated a kWh of IT energy."}},
    {.param = {.key = "solar", .dim = DIM_POWER, .offset = AT(meter.solar),
               .help = "What the site's own panels give."},
     .read = read_node, .form = signal_form},
    {.param = {.key = "export", .kind = PARAM_NUMBER, .dim = DIM_ENERGY_PRICE,
               .offset = AT(meter.export_usd_per_kwh),
               .least = 0, .most = 1000, .help = "Paid for sunlight that flows back into the grid."}},
    {.param = {.key = "battery", .offset = AT(meter.battery), .help = "What stores energy on the site."},
     .read = read_node, .block = &battery_block, .form = "a mapping"},
    {.param = {.key = "demand_charge", .offset = AT(meter.demand), .help = "What the month's peak costs."},
     .read = read_block, .block = &demand_charge_block, .form = "a mapping"},
    {.param = {.key = "power_limit", .offset = AT(meter.limit),
               .help = "Facility power that the site must keep to."},
     .read = read_block, .block = &power_limit_block, .form = "a mapping"},
    {.param = {.key = "outages", .offset = AT(outages), .help = "When the whole region is dark."},
     .read = read_block, .block = &outage_block, .form = "a mapping"},
};
const struct block region_block = {.title = "regions", BLOCK_FIELDS(region_fields),
    .about = "A list of places with a price of energy, a grid and a climate. Everything a region consumes is "
             "measured and paid there."};
#undef AT

/* --- reading --- */

static const struct param price_param = {
    .kind = PARAM_NUMBER, .dim = DIM_ENERGY_PRICE, .least = -1000, .most = 1000};
static const struct param carbon_param = {.kind = PARAM_NUMBER, .dim = DIM_CARBON, .least = 0, .most = 10000};
static const struct param temperature_param = {
    .kind = PARAM_NUMBER, .dim = DIM_TEMPERATURE, .least = -90, .most = 70};

/* The map with its catalogue entry laid under it. */
static const struct yaml_node *with_catalog(struct document *d, const struct yaml_node *map) {
    const struct yaml_node *name = yaml_get(map, "catalog");
    if (!name) return map;
    size_t mark = reading_enter(&d->r, "catalog");
    const struct yaml_node *entry = entry_named(d, CATALOG_REGIONS, name, "catalogue region");
    reading_leave(&d->r, mark);
    struct yaml_node *merged = yaml_copy(d->catalog->arena, map);
    if (entry) yaml_merge(d->catalog->arena, merged, entry);
    return merged;
}

static void signals_read(struct document *d, const struct region_draft *draft, struct region_setup *region) {
    int64_t offset_ns = draft->utc_offset_ns;
    signal_read(d, "price", draft->price, &price_param, offset_ns, &region->price);
    signal_read(d, "price_forecast", draft->price_forecast, &price_param, offset_ns, &region->price_forecast);
    signal_read(d, "carbon", draft->carbon, &carbon_param, offset_ns, &region->carbon);
    signal_read(d, "carbon_forecast", draft->carbon_forecast, &carbon_param, offset_ns,
                &region->carbon_forecast);
    signal_read(d, "temperature", draft->temperature, &temperature_param, offset_ns, &region->temperature);
    pue_read(d, draft->pue, region);
}

static void tariff_read(struct document *d, const struct yaml_node *node, struct region_setup *region) {
    struct tariff tariff = {0};
    size_t mark = reading_enter(&d->r, "tariff"), before = d->r.err->found;
    params_read(&d->r, node, &tariff_block, &tariff);
    if (d->r.err->found == before && tariff.escalation != 0 && d->setup->horizon_ns >= TICK_NEVER)
        reading_add_key(&d->r, node, "escalation",
                        "prices rise without end, expected a \"horizon\" of the scenario");
    tariff_apply(d, node, &tariff, &region->price);
    tariff_apply(d, node, &tariff, &region->price_forecast);
    reading_leave(&d->r, mark);
}

static void region_read(struct document *d, const struct yaml_node *element, struct region_setup *region) {
    struct region_draft draft = {0};
    size_t before = d->r.err->found;
    const struct yaml_node *map = with_catalog(d, element);
    if (d->r.err->found > before) return; /* the rest would only miss what the catalogue did not give */
    params_read(&d->r, map, &region_block, &draft);
    if (map->kind != YAML_MAP) return;
    region->name = draft.name ? draft.name : draft.catalog;
    if (!region->name) reading_add(&d->r, map, "missing key \"name\" (or \"catalog\")");
    region->utc_offset_ns = draft.utc_offset_ns;
    signals_read(d, &draft, region);
    if (draft.tariff) tariff_read(d, draft.tariff, region);
    region->pue_load = draft.pue_load.load;
    region->pue_add = draft.pue_load.add;
    region->carbon_usd_per_kg = draft.carbon_price;
    region->has_market = draft.market_carbon >= 0;
    region->market_g_per_kwh = region->has_market ? draft.market_carbon : 0;
    region->water_l_per_kwh = draft.water;
    region->outage_every = draft.outages.every;
    region->outage_lasts = draft.outages.lasts;
    meter_read(d, map, &draft.meter, region);
}

void regions_read(struct document *d, const struct yaml_node *list) {
    size_t top = reading_enter(&d->r, "regions");
    if (value_is(&d->r, list, YAML_LIST, "a list of regions")) {
        struct setup *setup = d->setup;
        d->region_names = arena_alloc(d->r.arena, list->len, sizeof *d->region_names);
        setup->regions = arena_alloc(d->r.arena, list->len, sizeof *setup->regions);
        for (size_t i = 0; i < list->len; i++) {
            size_t mark = reading_enter_index(&d->r, i);
            struct region_setup *region = &setup->regions[setup->regions_len++];
            region_read(d, list->items[i].value, region);
            name_unique(&d->r, list->items[i].value, region->name, d->region_names, i);
            d->region_names[i] = region->name;
            reading_leave(&d->r, mark);
        }
        if (!list->len) reading_add(&d->r, list, "no regions, expected at least one");
    }
    reading_leave(&d->r, top);
}

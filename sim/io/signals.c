/*
 * Regions and their signals: price, carbon, temperature and PUE as step functions of simulated time. A signal
 * is written as one value, as 24 values by local hour, or as a column of a CSV file. PUE may instead follow
 * the temperature: best + per_degree x max(0, T - free_below), an economiser below a threshold and a chiller
 * whose overhead grows linearly above it; composed step by step, so it is exact for the given temperature.
 *
 * Invariant: every signal of a region read without findings has len >= 1 and lies in its range.
 */
#include "base/tick.h"
#include "io/paths.h"
#include "io/sections.h"
#include "io/series.h"
#include "io/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct region_draft {
    const char *catalog, *name;
    int64_t utc_offset_ns;
    const struct yaml_node *price, *carbon, *temperature, *pue;
};
#define AT(member) offsetof(struct region_draft, member)

static const char signal_form[] = "a value, or a mapping with `daily` or `file`";

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
    {.param = {.key = "carbon", .dim = DIM_CARBON, .offset = AT(carbon), .required = true,
               .help = "Emissions of a kWh at the meter."},
     .read = read_node, .form = signal_form},
    {.param = {.key = "temperature", .dim = DIM_TEMPERATURE, .offset = AT(temperature),
               .help = "Outside temperature, for a PUE that follows it."},
     .read = read_node, .form = signal_form},
    {.param = {.key = "pue", .offset = AT(pue), .required = true,
               .help = "Facility power over IT power, at least 1."},
     .read = read_node, .block = &pue_block, .form = "as above, or a mapping with `best`"},
};
const struct block region_block = {.title = "regions", BLOCK_FIELDS(region_fields),
    .about = "A list of places with a price of energy, a grid and a climate. Everything a region consumes is "
             "measured and paid there."};
#undef AT

struct signal_draft {
    const char *file, *column, *unit;
    int clock;
    struct numbers daily;
};
#define AT(member) offsetof(struct signal_draft, member)
enum { CLOCK_UTC, CLOCK_LOCAL };
static const char *const clocks[] = {"utc", "local", NULL};

static const struct field signal_fields[] = {
    {.param = {.key = "daily", .kind = PARAM_NUMBERS, .offset = AT(daily), .least = -1e9, .most = 1e9,
               .help = "24 values, one a local hour from midnight, the same every day."}},
    {.param = {.key = "file", .kind = PARAM_TEXT, .offset = AT(file),
               .help = "CSV file, plain or .gz: times in its first column, a series in each other one."}},
    {.param = {.key = "column", .kind = PARAM_TEXT, .offset = AT(column),
               .help = "Which column of the file."}},
    {.param = {.key = "unit", .kind = PARAM_TEXT, .offset = AT(unit),
               .help = "Unit of the values; not for PUE."}},
    {.param = {.key = "clock", .kind = PARAM_CHOICE, .offset = AT(clock), .choices = clocks,
               .help = "Whether the file's dates are UTC or the region's local standard time."}},
};
const struct block signal_block = {.title = "price, carbon, temperature, pue", BLOCK_FIELDS(signal_fields),
    .about = "A signal that changes, by hour of the day or from a file. A file is looked for beside the "
             "scenario, then in the working directory; its dates are placed by the scenario's `start`. After "
             "its last row it repeats."};
#undef AT

struct pue_draft {
    double best, free_below_c, per_degree;
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
};
const struct block pue_block = {.title = "pue from temperature", BLOCK_FIELDS(pue_fields),
    .about = "PUE = best + per_degree x max(0, temperature - free_below); the region needs a `temperature`."};
#undef AT

/* What a signal's values may be. param.kind is PARAM_NUMBER, with the kept unit's range. */
static const struct param price_param = {
    .kind = PARAM_NUMBER, .dim = DIM_ENERGY_PRICE, .least = -1000, .most = 1000};
static const struct param carbon_param = {.kind = PARAM_NUMBER, .dim = DIM_CARBON, .least = 0, .most = 10000};
static const struct param temperature_param = {
    .kind = PARAM_NUMBER, .dim = DIM_TEMPERATURE, .least = -90, .most = 70};
static const struct param pue_param = {.kind = PARAM_NUMBER, .dim = DIM_NONE, .least = 1, .most = 10};

static void steps_alloc(struct document *d, struct steps *steps, size_t len, const char *source) {
    *steps = (struct steps){.at_ns = arena_alloc(d->r.arena, len, sizeof *steps->at_ns),
                            .value = arena_alloc(d->r.arena, len, sizeof *steps->value),
                            .len = len, .source = source};
}

static int64_t floor_mod(int64_t a, int64_t b) {
    int64_t rest = a % b;
    return rest < 0 ? rest + b : rest;
}

/* Hourly steps from the local hour time 0 falls in, around the clock. */
static void daily_steps(struct document *d, const struct numbers *daily, double factor, int64_t utc_offset_ns,
                        struct steps *steps) {
    int64_t local_ns = floor_mod(d->setup->origin_unix_ns % TICK_DAY + utc_offset_ns, TICK_DAY);
    steps_alloc(d, steps, 24, "daily");
    steps->period_ns = TICK_DAY;
    for (int i = 0; i < 24; i++) {
        steps->at_ns[i] = i * TICK_HOUR - local_ns % TICK_HOUR;
        steps->value[i] = daily->at[(local_ns / TICK_HOUR + i) % 24] * factor;
    }
}

static bool signal_factor(struct document *d, const struct yaml_node *map, const char *unit, enum dim dim,
                          double *factor) {
    struct reading *r = &d->r;
    *factor = 1;
    if (dim == DIM_NONE)
        return unit ? reading_add(r, node_at(map, "unit"), "PUE has no unit, expected no \"unit\"") : true;
    if (!unit)
        return reading_add(r, map, "missing key \"unit\", expected %s", units_accepted(dim));
    if (units_find(dim, unit, factor)) return true;
    return reading_add(r, node_at(map, "unit"), "unknown unit %s, expected %s",
                       value_shown(node_at(map, "unit")).text, units_accepted(dim));
}

static void check_steps(struct document *d, const struct yaml_node *node, const struct param *param,
                        const struct steps *steps) {
    for (size_t i = 0; i < steps->len; i++) {
        double value = steps->value[i];
        if (value >= param->least && value <= param->most) continue;
        struct text range;
        text_init(&range);
        param_range(param, &range);
        reading_add(&d->r, node, "%s has the value %g, expected %s", steps->source, value, range.at);
        text_free(&range);
        return;
    }
}

static void file_steps(struct document *d, const struct yaml_node *map, const struct signal_draft *s,
                       double factor, int64_t utc_offset_ns, struct steps *steps) {
    const struct yaml_node *file = node_at(map, "file");
    const char *path = path_resolve(d->r.arena, file->file, s->file);
    size_t mark = reading_enter(&d->r, "file");
    if (!path) reading_add(&d->r, file, "no such file %s", value_shown(file).text);
    else
        series_read(path, s->column, factor, d->dated ? d->setup->origin_unix_ns : JOB_UNKNOWN,
                    s->clock == CLOCK_LOCAL ? utc_offset_ns : 0, d->r.arena, steps,
                    yaml_place(file, d->r.path.at), d->r.err);
    reading_leave(&d->r, mark);
}

static void changing_signal(struct document *d, const struct yaml_node *map, const struct param *param,
                            int64_t utc_offset_ns, struct steps *steps) {
    struct reading *r = &d->r;
    struct signal_draft s = {0};
    size_t before = r->err->found;
    double factor;
    params_read(r, map, &signal_block, &s);
    bool daily = yaml_get(map, "daily"), file = yaml_get(map, "file");
    if (daily == file) {
        reading_add(r, map, "expected one of \"daily\" and \"file\"");
        return;
    }
    if (daily && (s.column || yaml_get(map, "clock")))
        reading_add(r, map, "\"column\" and \"clock\" belong to a \"file\"");
    if (file && !s.column) reading_add(r, map, "missing key \"column\"");
    if (daily && s.daily.len != 24)
        reading_add(r, node_at(map, "daily"), "%zu values, expected 24, one a local hour", s.daily.len);
    if (!signal_factor(d, map, s.unit, param->dim, &factor) || r->err->found > before) return;
    if (daily) daily_steps(d, &s.daily, factor, utc_offset_ns, steps);
    else file_steps(d, map, &s, factor, utc_offset_ns, steps);
    if (r->err->found == before) check_steps(d, map, param, steps);
}

static void signal_read(struct document *d, const char *key, const struct yaml_node *node,
                        const struct param *param, int64_t utc_offset_ns, struct steps *steps) {
    if (!node) return;
    size_t mark = reading_enter(&d->r, key);
    if (node->kind == YAML_MAP) changing_signal(d, node, param, utc_offset_ns, steps);
    else {
        steps_alloc(d, steps, 1, "flat");
        value_read(&d->r, node, param, &steps->value[0]);
    }
    reading_leave(&d->r, mark);
}

/* PUE as a function of the temperature's steps. */
static void pue_read(struct document *d, const struct yaml_node *node, struct region_setup *region) {
    if (!node || node->kind != YAML_MAP || !yaml_get(node, "best")) {
        signal_read(d, "pue", node, &pue_param, region->utc_offset_ns, &region->pue);
        return;
    }
    struct pue_draft pue = {0};
    size_t mark = reading_enter(&d->r, "pue");
    params_read(&d->r, node, &pue_block, &pue);
    const struct steps *t = &region->temperature;
    if (!t->len)
        reading_add(&d->r, node, "a PUE that follows the temperature, expected a \"temperature\" beside it");
    steps_alloc(d, &region->pue, t->len, t->source);
    region->pue.period_ns = t->period_ns;
    for (size_t i = 0; i < t->len; i++) {
        region->pue.at_ns[i] = t->at_ns[i];
        region->pue.value[i] = pue.best + pue.per_degree * fmax(0, t->value[i] - pue.free_below_c);
    }
    reading_leave(&d->r, mark);
}

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
    signal_read(d, "price", draft.price, &price_param, draft.utc_offset_ns, &region->price);
    signal_read(d, "carbon", draft.carbon, &carbon_param, draft.utc_offset_ns, &region->carbon);
    signal_read(d, "temperature", draft.temperature, &temperature_param, draft.utc_offset_ns,
                &region->temperature);
    pue_read(d, draft.pue, region);
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

/*
 * See catalog.h. A table's columns say where a cell stands in a scenario and which unit the scenario would
 * have written: `base_w` is `power.base`, in W. Cells become YAML scalars that remember their place in the
 * CSV, so a wrong figure in a catalogue is found like one in a scenario. Empty cells are left out.
 */
#include "io/catalog.h"

#include "io/csv.h"
#include "io/paths.h"
#include "io/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct column {
    const char *name;
    const char *path; /* NULL: for people, not for scenarios */
    const char *unit; /* after the number; "" for none */
};

static const struct column accelerator_columns[] = {
    {"name", NULL, ""}, {"vendor", NULL, ""}, {"memory_gb", NULL, ""}, {"memory_gb_per_s", NULL, ""},
    {"bf16_tflops", NULL, ""}, {"gpu_idle_w", "power.gpu_idle", " W"}, {"gpu_peak_w", "power.gpu_peak", " W"},
    {"fp8_tflops", NULL, ""}, {"fp4_tflops", NULL, ""}, {"link_gb_per_s", NULL, ""},
    {"loaded_idle_w", "power.gpu_loaded", " W"},
    {"power_p0", "power.fit.p0", ""}, {"power_kc", "power.fit.kc", ""}, {"power_km", "power.fit.km", ""},
    {"power_pmax", "power.fit.pmax", ""}, /* of `curve: intensity`; see pools.c */
    {"estimates", NULL, ""}, {"source", NULL, ""}, {NULL, NULL, NULL}};
static const struct column node_columns[] = {
    {"name", NULL, ""}, {"gpu", "gpu", ""}, {"gpus", "gpus", ""}, {"cpus", "cpus", ""},
    {"memory_gib", "memory", " GiB"}, {"base_w", "power.base", " W"},
    {"price_usd", "cost.owned.price", " USD"}, {"rented_usd_per_h", "cost.rented", " USD/h"},
    {"on_demand_usd_per_h", "cost.on_demand.price", " USD/h"}, {"spot_usd_per_h", "cost.spot.price", " USD/h"},
    {"embodied_kg", "embodied.mass", " kg"}, {"estimates", NULL, ""}, {"source", NULL, ""}, {NULL, NULL, NULL}};
static const struct column region_columns[] = {
    {"name", NULL, ""}, {"zone", NULL, ""}, {"utc_offset_h", "utc_offset", " h"},
    {"price_usd_per_mwh", "price", " USD/MWh"}, {"carbon_gco2_per_kwh", "carbon", " gCO2/kWh"},
    {"temperature_c", "temperature", " C"}, {"pue", "pue", ""}, {"estimates", NULL, ""}, {"source", NULL, ""},
    {NULL, NULL, NULL}};

static const struct {
    const char *file;
    const struct column *columns;
} tables[CATALOG_TABLES] = {
    [CATALOG_ACCELERATORS] = {"accelerators.csv", accelerator_columns},
    [CATALOG_NODES] = {"nodes.csv", node_columns},
    [CATALOG_REGIONS] = {"regions.csv", region_columns},
};

/* Set once by main, before anything is read. */
static struct {
    const char *const *at;
    size_t len;
} folders;

void scenario_catalog_dirs(const char *const *dirs, size_t count) {
    folders.at = dirs;
    folders.len = count;
}

enum { COLUMNS_MOST = 32 };
struct filling {
    struct catalog *catalog;
    enum catalog_table table;
    struct yaml_node *entries;
    const char *file;
    const struct column *columns[COLUMNS_MOST]; /* of the file, in its order */
    size_t columns_len;
};

static bool read_header(struct filling *f, const struct csv_row *row, struct err *err) {
    const struct column *known = tables[f->table].columns;
    if (row->count > COLUMNS_MOST)
        return err_add(err, csv_place(row, 0), "more than %d columns", COLUMNS_MOST);
    for (size_t i = 0; i < row->count; i++) {
        const struct column *c = known;
        while (c->name && strcmp(c->name, row->fields[i]) != 0) c++;
        if (!c->name) return err_add(err, csv_place(row, i), "unknown column \"%s\"", row->fields[i]);
        f->columns[f->columns_len++] = c;
    }
    if (f->columns_len == 0 || strcmp(f->columns[0]->name, "name") != 0)
        return err_add(err, csv_place(row, 0), "the first column must be \"name\"");
    return true;
}

/* Whether `name` is one of the names in list, which are separated by semicolons. */
static bool listed(const char *list, const char *name) {
    size_t len = strlen(name);
    while (*list) {
        size_t word = strcspn(list, ";");
        if (word == len && strncmp(list, name, len) == 0) return true;
        list += word + (list[word] == ';');
    }
    return false;
}

static const char *estimates_of(const struct filling *f, const struct csv_row *row) {
    for (size_t i = 0; i < f->columns_len; i++)
        if (strcmp(f->columns[i]->name, "estimates") == 0) return row->fields[i];
    return "";
}

static struct yaml_node *cell(struct filling *f, const struct csv_row *row, size_t i) {
    struct place_in_file at = csv_place(row, i);
    struct yaml_node here = {.file = f->file, .line = at.line, .col = at.col};
    struct text text;
    text_init(&text);
    text_format(&text, "%s%s", row->fields[i], f->columns[i]->unit);
    struct yaml_node *node = yaml_scalar(f->catalog->arena, &here, text.at);
    text_free(&text);
    node->estimate = listed(estimates_of(f, row), f->columns[i]->name);
    return node;
}

static bool read_row(void *context, const struct csv_row *row, struct err *err) {
    struct filling *f = context;
    if (!f->columns_len) return read_header(f, row, err);
    if (row->count != f->columns_len) {
        err_add(err, csv_place(row, 0), "%zu fields, expected %zu", row->count, f->columns_len);
        return true;
    }
    struct arena *arena = f->catalog->arena;
    struct yaml_node *name = cell(f, row, 0);
    if (yaml_get(f->entries, name->text))
        err_add(err, csv_place(row, 0), "duplicate name \"%s\"", name->text);
    struct yaml_node *entry = yaml_map(arena, name);
    for (size_t i = 1; i < row->count; i++)
        if (f->columns[i]->path && row->len[i])
            yaml_assign(arena, entry, f->columns[i]->path, cell(f, row, i), err);
    yaml_put(arena, f->entries, name->text, entry);
    return true;
}

const char *catalog_find(struct arena *arena, const char *name) {
    const char *own = getenv("HEADROOM_CATALOG");
    if (own && path_exists(path_join(arena, own, name))) return path_join(arena, own, name);
    for (size_t i = 0; i < folders.len; i++)
        if (path_exists(path_join(arena, folders.at[i], name))) return path_join(arena, folders.at[i], name);
    return NULL;
}

void catalog_init(struct catalog *catalog, struct arena *arena, struct err *err) {
    *catalog = (struct catalog){.arena = arena, .err = err};
}

const struct yaml_node *catalog_table(struct catalog *catalog, enum catalog_table table) {
    if (catalog->tables[table]) return catalog->tables[table];
    const char *file = catalog_find(catalog->arena, tables[table].file);
    struct yaml_node here = {.file = file};
    catalog->tables[table] = yaml_map(catalog->arena, &here);
    struct filling f = {.catalog = catalog, .table = table, .entries = catalog->tables[table], .file = file};
    if (file) csv_read(file, read_row, &f, NULL, catalog->err);
    return catalog->tables[table];
}

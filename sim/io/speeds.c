/*
 * See speeds.h. A curve is one row a chip: where the model keeps its chips in lists, each row adds an element
 * to every list, else the row's cells are the values. Cells remember their place in the CSV.
 * Cost: one reading of the file for each model that names a curve.
 */
#include "io/speeds.h"

#include "io/csv.h"

#include <string.h>

struct column {
    const char *name, *key, *unit; /* in the file; of the model; after the number */
};
static const struct column curve_columns[] = {
    {"chip", "chips", ""}, {"shared_min", "shared", " min"}, {"fixed_min", "fixed", " min"},
    {"gpus_least", "gpus_least", ""}, {"gpus_most", "gpus_most", ""}, {"error", "error", ""},
    {"compute_fixed_s", "compute_fixed", " s"}, {"compute_sample_s", "compute_sample", " s"},
    {"network_s", "network", " s"}, {"network_more_s", "network_more", " s"}, {"local_s", "local", " s"},
    {"local_more_s", "local_more", " s"}, {"gamma", "gamma", ""}, {NULL, NULL, NULL}};
static const struct column chip_columns[] = {
    {"name", "chips", ""}, {"bf16_tflops", "tflops", ""}, {"fp8_tflops", "tflops_fp8", ""},
    {"fp4_tflops", "tflops_fp4", ""}, {"memory_gb", "memory", " GB"},
    {"memory_gb_per_s", "bandwidth", " GB/s"}, {NULL, NULL, NULL}};

enum { COLUMNS_MOST = 32, NAMES_MOST = 256 };
struct gathering {
    struct arena *arena;
    const char *file, *model;
    const char *curve;            /* NULL: every row */
    const struct column *known;
    const struct column *columns[COLUMNS_MOST]; /* of the file, in its order; NULL: not the model's */
    size_t columns_len, curve_at, model_at;
    bool lists;
    struct yaml_node *found;      /* NULL until a row is */
    struct text chips;
    const char *names[NAMES_MOST]; /* curves of that model, for a finding */
    size_t names_len;
};

static bool read_header(struct gathering *g, const struct csv_row *row, struct err *err) {
    if (row->count > COLUMNS_MOST)
        return err_add(err, csv_place(row, 0), "more than %d columns", COLUMNS_MOST);
    for (size_t i = 0; i < row->count; i++) {
        const struct column *c = g->known;
        while (c->name && strcmp(c->name, row->fields[i]) != 0) c++;
        g->columns[i] = c->name ? c : NULL;
        if (strcmp(row->fields[i], "curve") == 0) g->curve_at = i;
        if (strcmp(row->fields[i], "model") == 0) g->model_at = i;
    }
    g->columns_len = row->count;
    return true;
}

/* Whether the row is of the curve; curves of the model are remembered. */
static bool wanted(struct gathering *g, const struct csv_row *row) {
    if (!g->curve) return true;
    if (strcmp(row->fields[g->model_at], g->model) != 0) return false;
    const char *name = row->fields[g->curve_at];
    const bool again = g->names_len && strcmp(g->names[g->names_len - 1], name) == 0;
    if (!again && g->names_len < NAMES_MOST) g->names[g->names_len++] = arena_text(g->arena, name);
    return strcmp(name, g->curve) == 0;
}

static void append(struct gathering *g, const char *key, struct yaml_node *value) {
    struct yaml_node *list = yaml_get(g->found, key);
    if (!list) {
        list = yaml_map(g->arena, value);
        list->kind = YAML_LIST;
        yaml_put(g->arena, g->found, key, list);
    }
    if (list->len == list->cap) {
        const size_t cap = list->cap ? 2 * list->cap : 8;
        struct yaml_item *items = arena_alloc(g->arena, cap, sizeof *items);
        if (list->len) memcpy(items, list->items, list->len * sizeof *items);
        list->items = items;
        list->cap = cap;
    }
    list->items[list->len++] = (struct yaml_item){.value = value};
}

static bool read_row(void *context, const struct csv_row *row, struct err *err) {
    struct gathering *g = context;
    if (!g->columns_len) return read_header(g, row, err);
    if (row->count != g->columns_len)
        return err_add(err, csv_place(row, 0), "%zu fields, expected %zu", row->count, g->columns_len);
    if (!wanted(g, row)) return true;
    for (size_t i = 0; i < row->count; i++) {
        const struct column *c = g->columns[i];
        if (!c || (g->curve && !row->len[i])) continue;
        const struct place_in_file at = csv_place(row, i);
        const struct yaml_node here = {.file = g->file, .line = at.line, .col = at.col};
        if (!g->found) g->found = yaml_map(g->arena, &here);
        if (strcmp(c->key, "chips") == 0) {
            text_format(&g->chips, "%s%s", g->chips.len ? "; " : "", row->fields[i]);
            continue;
        }
        struct text cell;
        text_init(&cell);
        text_format(&cell, "%s%s", row->len[i] ? row->fields[i] : "0", c->unit); /* a chip without: 0 */
        struct yaml_node *value = yaml_scalar(g->arena, &here, cell.at);
        text_free(&cell);
        if (g->lists) append(g, c->key, value);
        else yaml_put(g->arena, g->found, c->key, value);
    }
    return true;
}

static void gather(struct gathering *g, const char *name, struct err *err) {
    text_init(&g->chips);
    g->file = catalog_find(g->arena, name);
    if (g->file) csv_read(g->file, read_row, g, NULL, err);
    if (g->found) yaml_put(g->arena, g->found, "chips", yaml_scalar(g->arena, g->found, g->chips.at));
    text_free(&g->chips);
}

const struct yaml_node *speeds_with_catalog(struct catalog *catalog, struct reading *r,
                                            const struct yaml_node *given) {
    const struct yaml_node *model = yaml_get(given, "model"), *curve = yaml_get(given, "curve");
    if (!model || model->kind != YAML_SCALAR || (curve && curve->kind != YAML_SCALAR)) return given;
    struct gathering g = {.arena = catalog->arena, .model = model->text, .lists = true};
    if (strcmp(model->text, "roofline") == 0) {
        if (yaml_get(given, "chips")) return given;
        g.known = chip_columns;
        gather(&g, "accelerators.csv", r->err);
    } else if (curve) {
        g.curve = curve->text;
        g.known = curve_columns;
        g.lists = strcmp(model->text, "pollux") != 0;
        gather(&g, "speeds.csv", r->err);
    }
    if (g.curve && !g.found) {
        const size_t mark = reading_enter(r, "curve");
        reading_unknown(r, curve, "curve", g.names, g.names_len, "models/catalog/speeds.csv");
        reading_leave(r, mark);
    }
    if (!g.found) return given;
    struct yaml_node *merged = yaml_copy(catalog->arena, given);
    yaml_merge(catalog->arena, merged, g.found);
    return merged;
}

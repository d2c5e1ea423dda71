/*
 * Pools of nodes. A pool's keys are what the scenario says, laid over its catalogue node type, laid over its
 * accelerator: so every figure may be overridden, and a figure that stays an estimate marks the pool. A node
 * table (nodes_from) becomes one pool a distinct kind of node, in the same way: the row's cells are laid over
 * the pool's keys and read by the same tables, with their place in the CSV.
 *
 * Invariant: setup->nodes keeps the order of the file, which decides ties in placement.
 * Cost: rows of the node table x distinct kinds of node (a few tens).
 */
#include "base/tick.h"
#include "io/csv.h"
#include "io/paths.h"
#include "io/sections.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct power_draft {
    double base_w, gpu_idle_w, gpu_peak_w, gpu_loaded_w;
    struct chosen curve;
};
struct sharing_draft {
    int mode;
    double switching, interference;
    struct numbers slices;
};
struct pool_draft {
    const char *name, *nodes_from, *node, *gpu;
    int64_t nodes, gpus;
    double cpus, memory_mib;
    struct power_draft power;
    const struct yaml_node *region, *tenant, *cost, *sharing;
    struct uptime_draft uptime;
};

#define AT(member) offsetof(struct power_draft, member)
static const struct field power_fields[] = {
    {.param = {.key = "base", .kind = PARAM_NUMBER, .dim = DIM_POWER, .offset = AT(base_w), .least = 0,
               .most = 1e6, .required = true, .help = "Drawn by a node without its GPUs, always."}},
    {.param = {.key = "gpu_idle", .kind = PARAM_NUMBER, .dim = DIM_POWER, .offset = AT(gpu_idle_w),
               .least = 0, .most = 1e5,
               .help = "Drawn by each GPU at no load; required where nodes have GPUs."}},
    {.param = {.key = "gpu_peak", .kind = PARAM_NUMBER, .dim = DIM_POWER, .offset = AT(gpu_peak_w),
               .least = 0, .most = 1e5,
               .help = "Drawn by each GPU at full load; required where nodes have GPUs."}},
    {.param = {.key = "gpu_loaded", .kind = PARAM_NUMBER, .dim = DIM_POWER, .offset = AT(gpu_loaded_w),
               .least = 0, .most = 1e5,
               .help = "Drawn by each GPU that is held, its memory loaded, and not at work, where power follows load "
                       "(`curve: intensity`); no less than gpu_idle."}},
    {.param = {.key = "curve", .offset = AT(curve), .text = "linear",
               .help = "How the power of a GPU grows from idle to peak with its utilisation; `intensity`: what it is "
                       "at work, by what a job's class says it reaches of the GPU, with the catalogue's constants for "
                       "the chip."},
     .read = read_model, .models = KIND_POWER},
};
static const struct block power_block = {.title = "power", BLOCK_FIELDS(power_fields),
    .about = "IT power of one node = base + sum over its GPUs of idle + (peak - idle) x curve(utilisation); of a GPU "
             "at work with `curve: intensity`, peak x curve(compute, memory)."};
#undef AT

static const char *const sharing_modes[] = {"none", "time_slice", "mps", "mig", NULL};
#define AT(member) offsetof(struct sharing_draft, member)
static const struct field sharing_fields[] = {
    {.param = {.key = "mode", .kind = PARAM_CHOICE, .offset = AT(mode), .choices = sharing_modes, .least = 1,
               .most = 0, .required = true,
               .help = "none: each such job has a device to itself; time_slice: they take turns on it; mps: they run "
                       "at the same time and feel each other; mig: each has an instance of its own."}},
    {.param = {.key = "switching", .kind = PARAM_NUMBER, .offset = AT(switching), .fallback = 0.05, .least = 0,
               .most = 0.9,
               .help = "time_slice: share of a device's time that changing between jobs takes, once there are two."}},
    {.param = {.key = "interference", .kind = PARAM_NUMBER, .offset = AT(interference), .fallback = 0.2, .least = 0,
               .most = 10,
               .help = "mps: by how much a memory-bound job is slowed as soon as it is not alone; one that "
                       "computes, by none of it."}},
    {.param = {.key = "slices", .kind = PARAM_NUMBERS, .offset = AT(slices), .least = 1, .most = 7,
               .help = "mig: which instances are made, by compute slices of seven: 1, 2, 3, 4 (with 1, 2, 4, 4 "
                       "memory slices of eight) and 7; all of them when left out."}},
};
static const struct block sharing_block = {.title = "sharing", BLOCK_FIELDS(sharing_fields),
    .about = "How jobs that ask for a part of a GPU share one, by the `compute`, `memory`, `sms` and `busy` of "
             "their class. Without it parts add up to a device, and nobody feels the others."};
#undef AT

#define AT(member) offsetof(struct pool_draft, member)
static const struct field pool_fields[] = {
    {.param = {.key = "name", .kind = PARAM_TEXT, .offset = AT(name), .required = true,
               .help = "What tables and overrides call it."}},
    {.param = {.key = "region", .offset = AT(region),
               .help = "Where it stands; may be left out where there is one region."},
     .read = read_node, .form = "a region's name"},
    {.param = {.key = "nodes", .kind = PARAM_INTEGER, .offset = AT(nodes), .least = 0, .most = 10000000,
               .help = "How many nodes, 0 for none as yet; required unless `nodes_from` is given."}},
    {.param = {.key = "nodes_from", .kind = PARAM_TEXT, .offset = AT(nodes_from),
               .help = "CSV node table with columns name, gpu, gpus, cpus, memory_mib, a node a row. It "
                       "becomes one pool a kind of node; the other keys hold for all."}},
    {.param = {.key = "node", .kind = PARAM_TEXT, .offset = AT(node),
               .help = "Node type of the catalogue whose values hold where none is given here."}},
    {.param = {.key = "gpu", .kind = PARAM_TEXT, .offset = AT(gpu),
               .help = "GPU model; one the catalogue knows brings its idle and peak power."}},
    {.param = {.key = "gpus", .kind = PARAM_INTEGER, .offset = AT(gpus), .least = 0, .most = 64,
               .required = true, .help = "GPUs of a node."}},
    {.param = {.key = "cpus", .kind = PARAM_NUMBER, .offset = AT(cpus), .least = 0, .most = 1e6,
               .help = "CPU cores of a node; 0: CPUs limit nothing."}},
    {.param = {.key = "memory", .kind = PARAM_NUMBER, .dim = DIM_MEMORY, .offset = AT(memory_mib), .least = 0,
               .most = 1073741824, .help = "Memory of a node; 0: memory limits nothing."}},
    {.param = {.key = "power", .offset = AT(power), .required = true, .help = "What a node draws."},
     .read = read_block, .block = &power_block, .form = "a mapping"},
    {.param = {.key = "sharing", .offset = AT(sharing),
               .help = "How jobs that ask for a part of a GPU share one; side by side at full speed when left out."},
     .read = read_node, .block = &sharing_block, .form = "none, time_slice, mps, mig, or a mapping"},
    {.param = {.key = "cost", .offset = AT(cost), .help = "What its capacity costs; nothing when left out."},
     .read = read_node, .block = &cost_block,
     .form = "owned, rented, reserved, on_demand, spot, or a mapping of one of them"},
    {.param = {.key = "sleep", .offset = AT(uptime.sleep),
               .help = "When idle nodes go to sleep; never when left out."},
     .read = read_node, .block = &sleep_block, .form = "a mapping"},
    {.param = {.key = "faults", .offset = AT(uptime.faults), .help = "When nodes fail; never when left out."},
     .read = read_node, .block = &fault_block, .form = "a mapping"},
    {.param = {.key = "maintenance", .offset = AT(uptime.maintenance),
               .help = "When the pool is taken out of service."},
     .read = read_node, .block = &maintenance_block, .form = "a list of mappings"},
    {.param = {.key = "embodied", .offset = AT(uptime.embodied), .help = "Emissions of making a node."},
     .read = read_node, .block = &embodied_block, .form = "a mapping"},
    {.param = {.key = "tenant", .offset = AT(tenant),
               .help = "A tenant these nodes are dedicated to: a hard virtual cluster. Its jobs run nowhere "
                       "else."},
     .read = read_node, .form = "a tenant's name"},
};
const struct block pool_block = {.title = "pools", BLOCK_FIELDS(pool_fields),
    .about = "A list of groups of equal nodes. Nodes are numbered in the order of this list, and ties in "
             "placement go to the lowest."};
#undef AT

/* The accelerator's entry on top of which the pool's map goes. Its constants of power from load, if it has any, are
 * parameters of `curve: intensity`, and of no other. */
static void chip_merge(struct arena *arena, struct yaml_node *map, const struct yaml_node *entry) {
    struct yaml_node *chip = yaml_copy(arena, entry), *power = yaml_get(chip, "power");
    struct yaml_node *fit = power ? yaml_get(power, "fit") : NULL;
    if (fit) yaml_put(arena, power, "fit", yaml_scalar(arena, fit, "null"));
    yaml_prune(chip);
    yaml_merge(arena, map, chip);
    struct yaml_node *curve = fit ? yaml_get(yaml_get(map, "power"), "curve") : NULL;
    const struct yaml_node *name = curve && curve->kind == YAML_MAP ? yaml_get(curve, "model") : curve;
    if (!name || name->kind != YAML_SCALAR || strcmp(name->text, "intensity") != 0) return;
    struct yaml_node *filled = yaml_map(arena, curve);
    yaml_put(arena, filled, "model", yaml_copy(arena, name));
    if (curve->kind == YAML_MAP) yaml_merge(arena, filled, curve);
    yaml_merge(arena, filled, fit);
    yaml_put(arena, yaml_get(map, "power"), "curve", filled);
}

/* The pool's map on top of its node type's and its accelerator's entries. *costs: the catalogue's ways to buy
 * this node, or NULL. */
static struct yaml_node *with_catalog(struct document *d, const struct yaml_node *element,
                                      const struct yaml_node **costs) {
    struct arena *arena = d->catalog->arena;
    struct yaml_node *map = yaml_copy(arena, element);
    const struct yaml_node *type_name = yaml_get(map, "node");
    *costs = NULL;
    if (type_name) {
        size_t mark = reading_enter(&d->r, "node");
        const struct yaml_node *entry = entry_named(d, CATALOG_NODES, type_name, "catalogue node type");
        reading_leave(&d->r, mark);
        if (!entry) return NULL; /* the rest would only miss what the catalogue did not give */
        struct yaml_node *type = yaml_copy(arena, entry);
        *costs = yaml_get(entry, "cost");
        if (*costs) yaml_put(arena, type, "cost", yaml_scalar(arena, type, "null"));
        yaml_prune(type);
        yaml_merge(arena, map, type);
    }
    const struct yaml_node *gpu = yaml_get(map, "gpu");
    if (gpu && gpu->kind == YAML_SCALAR) {
        const struct yaml_node *entry = yaml_get(catalog_table(d->catalog, CATALOG_ACCELERATORS), gpu->text);
        if (entry) chip_merge(arena, map, entry);
    }
    struct yaml_node *power = yaml_get(map, "power");
    if (power && !yaml_get(element, "power")) { /* what is missing in it is missing in the scenario */
        power->file = element->file;
        power->line = element->line;
        power->col = element->col;
    }
    return map;
}

/* What GPUs add to the rules for power. good: the values themselves are right. */
static void power_check(struct document *d, const struct yaml_node *map, const struct pool_draft *draft,
                        bool good) {
    const struct yaml_node *power = yaml_get(map, "power");
    if (!power || power->kind != YAML_MAP || draft->gpus == 0) return;
    size_t mark = reading_enter(&d->r, "power");
    static const char *const keys[] = {"gpu_idle", "gpu_peak"};
    for (size_t i = 0; i < 2; i++)
        if (draft->gpu && !yaml_get(power, keys[i]))
            reading_add(&d->r, power, "missing key \"%s\": the catalogue knows no GPU \"%s\"", keys[i],
                        draft->gpu);
    if (good && yaml_get(power, "gpu_peak") && draft->power.gpu_peak_w < draft->power.gpu_idle_w)
        reading_add(&d->r, node_at(power, "gpu_peak"), "below gpu_idle, expected at least %g W",
                    draft->power.gpu_idle_w);
    if (good && yaml_get(power, "gpu_loaded") && draft->power.gpu_loaded_w < draft->power.gpu_idle_w)
        reading_add(&d->r, node_at(power, "gpu_loaded"), "below gpu_idle, expected at least %g W",
                    draft->power.gpu_idle_w);
    reading_leave(&d->r, mark);
}

static uint32_t pool_region(struct document *d, const struct yaml_node *map, const struct yaml_node *node) {
    if (node) {
        size_t mark = reading_enter(&d->r, "region");
        uint32_t region = name_index(&d->r, node, "region", d->region_names, d->setup->regions_len);
        reading_leave(&d->r, mark);
        return region;
    }
    if (d->setup->regions_len > 1) reading_add(&d->r, map, "missing key \"region\"");
    return 0;
}

int64_t pool_offset_ns(const struct document *d, const struct pool_setup *pool) {
    return pool->region < d->setup->regions_len ? d->setup->regions[pool->region].utc_offset_ns : 0;
}

static uint32_t pool_tenant(struct document *d, const struct yaml_node *node, uint32_t region) {
    if (!node) return SETUP_SHARED;
    size_t mark = reading_enter(&d->r, "tenant");
    uint32_t tenant = name_index(&d->r, node, "tenant", d->tenant_names, d->setup->tenants_len);
    const bool *may = tenant != UINT32_MAX ? d->setup->tenants[tenant].may : NULL;
    if (may && region < d->setup->regions_len && !may[region])
        reading_add(&d->r, node, "the pool stands outside the regions that %s may run in",
                    value_shown(node).text);
    reading_leave(&d->r, mark);
    return tenant;
}

static unsigned slices_read(struct reading *r, const struct yaml_node *map, const struct numbers *slices) {
    unsigned offered = 0;
    for (size_t i = 0; i < slices->len; i++) {
        const double g = slices->at[i];
        if (g == 1 || g == 2 || g == 3 || g == 4 || g == 7) offered |= 1u << (unsigned)g;
        else reading_add_key(r, map, "slices", "no instance has %g compute slices, expected 1, 2, 3, 4 or 7", g);
    }
    return slices->len ? offered : 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 7;
}

/* A mode's name, or a mapping. */
static void sharing_read(struct document *d, const struct yaml_node *given, struct sharing_setup *sharing) {
    struct sharing_draft draft = {0};
    struct reading *r = &d->r;
    size_t mark = reading_enter(r, "sharing"), before = r->err->found;
    const struct yaml_node *map = given;
    if (given->kind == YAML_SCALAR) {
        struct yaml_node *made = yaml_map(r->arena, given);
        yaml_put(r->arena, made, "mode", yaml_scalar(r->arena, given, given->text));
        map = made;
    }
    params_read(r, map, &sharing_block, &draft);
    if (r->err->found == before) {
        static const enum sharing_mode modes[] = {SHARING_NONE, SHARING_TIME_SLICE, SHARING_MPS, SHARING_MIG};
        *sharing = (struct sharing_setup){.mode = modes[draft.mode], .switching = draft.switching,
                                          .interference = draft.interference,
                                          .slices = slices_read(r, map, &draft.slices)};
    }
    reading_leave(r, mark);
}

/* Whether power follows load by constants that are nobody's in particular. */
static bool fit_missing(const struct yaml_node *map) {
    const struct yaml_node *power = yaml_get(map, "power");
    const struct yaml_node *curve = power && power->kind == YAML_MAP ? yaml_get(power, "curve") : NULL;
    if (curve && curve->kind == YAML_SCALAR) return strcmp(curve->text, "intensity") == 0;
    const struct yaml_node *model = curve && curve->kind == YAML_MAP ? yaml_get(curve, "model") : NULL;
    if (!model || model->kind != YAML_SCALAR || strcmp(model->text, "intensity") != 0) return false;
    return !yaml_get(curve, "kc") || !yaml_get(curve, "km") || !yaml_get(curve, "p0") || !yaml_get(curve, "pmax");
}

/* Reads one pool of equal nodes. false: nothing could be read. */
static bool pool_read(struct document *d, const struct yaml_node *element, struct pool_setup *pool,
                      struct pool_draft *draft) {
    const struct yaml_node *costs;
    if (!value_is(&d->r, element, YAML_MAP, "a mapping")) return false;
    const struct yaml_node *map = with_catalog(d, element, &costs);
    if (!map) return false;
    d->r.estimated = false;
    size_t before = d->r.err->found;
    params_read(&d->r, map, &pool_block, draft);
    bool good = d->r.err->found == before;
    const struct power_draft *power = &draft->power;
    uint32_t region = pool_region(d, map, draft->region);
    *pool = (struct pool_setup){
        .name = draft->name,
        .region = region,
        .tenant = pool_tenant(d, draft->tenant, region),
        .gpu = draft->gpu && draft->gpus ? draft->gpu : "",
        .gpus = (uint32_t)draft->gpus,
        .cpu_milli = (uint32_t)llround(draft->cpus * 1000),
        .mem_mib = (uint32_t)llround(draft->memory_mib),
        .base_w = power->base_w,
        .gpu_idle_w = power->gpu_idle_w,
        .gpu_peak_w = power->gpu_peak_w,
        .gpu_loaded_w = power->gpu_loaded_w,
        .power = power->curve,
        .power_joint = fit_missing(map),
    };
    if (draft->gpus > 0 && !yaml_get(map, "gpu"))
        reading_add(&d->r, node_at(map, "gpus"), "GPUs without a model, expected the key \"gpu\"");
    power_check(d, map, draft, good);
    if (draft->cost) {
        size_t mark = reading_enter(&d->r, "cost");
        cost_read(d, draft->cost, costs, pool);
        reading_leave(&d->r, mark);
    }
    uptime_read(d, &draft->uptime, (uint64_t)draft->nodes, pool);
    if (draft->sharing) sharing_read(d, draft->sharing, &pool->sharing);
    pool->estimated = d->r.estimated;
    return true;
}

bool pool_read_one(struct document *d, const struct yaml_node *map, struct pool_setup *pool, uint32_t *nodes) {
    struct pool_draft draft = {0};
    if (!pool_read(d, map, pool, &draft)) return false;
    if (!yaml_get(map, "nodes")) reading_add(&d->r, map, "missing key \"nodes\"");
    *nodes = (uint32_t)draft.nodes;
    return true;
}

struct pools {
    struct {
        struct pool_setup *at;
        size_t len, cap;
    } pools;
    struct {
        struct node_run *at;
        size_t len, cap;
    } nodes;
};

static void nodes_add(struct pools *pools, uint32_t pool, uint32_t count) {
    if (count == 0) return;
    struct node_run *last = pools->nodes.len ? &pools->nodes.at[pools->nodes.len - 1] : NULL;
    if (last && last->pool == pool) last->count += count;
    else *vec_push(&pools->nodes) = (struct node_run){pool, count};
}

/* --- node tables --- */

static const char *const table_columns[] = {"name", "gpu", "gpus", "cpus", "memory_mib"};
enum { TABLE_NAME, TABLE_GPU, TABLE_GPUS, TABLE_CPUS, TABLE_MEMORY, TABLE_COLUMNS };
static const char *const table_keys[] = {[TABLE_GPU] = "gpu", [TABLE_GPUS] = "gpus", [TABLE_CPUS] = "cpus",
                                         [TABLE_MEMORY] = "memory"};

struct table {
    struct document *d;
    struct pools *pools;
    const struct yaml_node *element; /* of the list of pools */
    const char *name, *file;
    size_t first;                    /* pools of this table begin here */
    bool headed;
    int column[TABLE_COLUMNS];       /* -1: absent */
    struct names kinds;              /* "8xG2/96c/384GiB" -> pool first + i */
};

static bool table_header(struct table *t, const struct csv_row *row, struct err *err) {
    size_t before = err->found;
    t->headed = true;
    for (size_t c = 0; c < TABLE_COLUMNS; c++) t->column[c] = -1;
    for (size_t i = 0; i < row->count; i++) {
        size_t c = 0;
        while (c < TABLE_COLUMNS && strcmp(row->fields[i], table_columns[c]) != 0) c++;
        if (c < TABLE_COLUMNS) t->column[c] = (int)i;
        else
            err_add(err, csv_place(row, i),
                    "unknown column \"%.60s\", expected name, gpu, gpus, cpus, memory_mib", row->fields[i]);
    }
    if (t->column[TABLE_GPUS] < 0) err_add(err, csv_place(row, 0), "missing column \"gpus\"");
    return err->found == before;
}

static const char *table_cell(const struct table *t, const struct csv_row *row, size_t column) {
    int i = t->column[column];
    return i >= 0 && (size_t)i < row->count ? row->fields[i] : "";
}

/* The pool's own keys with the row's on top, each where it stands in the table. */
static struct yaml_node *table_map(const struct table *t, const struct csv_row *row, const char *kind) {
    struct arena *arena = t->d->catalog->arena;
    struct yaml_node *map = yaml_copy(arena, t->element);
    for (size_t c = TABLE_GPU; c < TABLE_COLUMNS; c++) {
        const char *text = table_cell(t, row, c);
        if (!*text) continue;
        struct place_in_file at = csv_place(row, (size_t)t->column[c]);
        struct yaml_node here = {.file = t->file, .line = at.line, .col = at.col};
        struct text value;
        text_init(&value);
        text_format(&value, "%s%s", text, c == TABLE_MEMORY ? " MiB" : "");
        yaml_put(arena, map, table_keys[c], yaml_scalar(arena, &here, value.at));
        text_free(&value);
    }
    struct text name;
    text_init(&name);
    text_format(&name, "%s/%s", t->name, kind);
    yaml_put(arena, map, "name", yaml_scalar(arena, t->element, name.at));
    yaml_put(arena, map, "nodes_from", yaml_scalar(arena, t->element, "null"));
    yaml_prune(map);
    text_free(&name);
    return map;
}

static bool table_row(void *context, const struct csv_row *row, struct err *err) {
    struct table *t = context;
    if (!t->headed) return table_header(t, row, err);
    struct text kind;
    text_init(&kind);
    text_format(&kind, "%sx%s", table_cell(t, row, TABLE_GPUS), table_cell(t, row, TABLE_GPU));
    if (*table_cell(t, row, TABLE_CPUS)) text_format(&kind, "/%sc", table_cell(t, row, TABLE_CPUS));
    if (*table_cell(t, row, TABLE_MEMORY)) text_format(&kind, "/%sMiB", table_cell(t, row, TABLE_MEMORY));
    uint32_t known = (uint32_t)t->kinds.len, i = names_put(&t->kinds, kind.at, kind.len);
    if (i == known) {
        struct pool_draft draft = {0};
        struct pool_setup pool = {0};
        pool_read(t->d, table_map(t, row, kind.at), &pool, &draft);
        *vec_push(&t->pools->pools) = pool;
    }
    nodes_add(t->pools, (uint32_t)(t->first + i), 1);
    text_free(&kind);
    return err->kept < ERR_KEPT_MOST;
}

static void table_read(struct document *d, const struct yaml_node *element, struct pools *pools) {
    const struct yaml_node *file = yaml_get(element, "nodes_from"), *name = yaml_get(element, "name");
    struct reading *r = &d->r;
    static const char *const given[] = {"node", "nodes", "gpu", "gpus", "cpus", "memory"};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        if (yaml_get(element, given[i]))
            reading_add(r, yaml_get(element, given[i]), "\"%s\" beside \"nodes_from\", whose table says it",
                        given[i]);
    const char *path = file->kind == YAML_SCALAR ? path_resolve(r->arena, file->file, file->text) : NULL;
    if (!path || !name || name->kind != YAML_SCALAR) {
        if (!path) reading_add(r, file, "no such file %s", value_shown(file).text);
        if (!name) reading_add(r, element, "missing key \"name\"");
        return;
    }
    struct table table = {.d = d, .pools = pools, .element = element, .name = name->text, .file = path,
                          .first = pools->pools.len};
    names_init(&table.kinds);
    csv_read(path, table_row, &table, NULL, r->err);
    if (!table.kinds.len && table.headed) reading_add(r, file, "no nodes in %s", value_shown(file).text);
    names_free(&table.kinds);
}

static void element_read(struct document *d, const struct yaml_node *element, struct pools *pools) {
    if (yaml_get(element, "nodes_from")) {
        table_read(d, element, pools);
        return;
    }
    struct pool_draft draft = {0};
    struct pool_setup pool = {0};
    if (!pool_read(d, element, &pool, &draft)) return;
    if (!yaml_get(element, "nodes")) reading_add(&d->r, element, "missing key \"nodes\" (or \"nodes_from\")");
    *vec_push(&pools->pools) = pool;
    nodes_add(pools, (uint32_t)(pools->pools.len - 1), (uint32_t)draft.nodes);
}

size_t pool_models(const struct setup *setup, const char **models, size_t room) {
    size_t len = 0;
    for (size_t i = 0; i < setup->pools_len && len < room; i++) {
        const char *gpu = setup->pools[i].gpu;
        size_t k = 0;
        while (k < len && strcmp(models[k], gpu) != 0) k++;
        if (k == len && *gpu) models[len++] = gpu;
    }
    return len;
}

/* What the fleet can hold: models are bits of a word, nodes 32-bit numbers with room for much else. */
enum { NODES_MOST = 100000000 };
static void check_fleet(struct document *d, const struct yaml_node *list) {
    const char *models[JOB_MODELS_MOST + 1];
    if (pool_models(d->setup, models, JOB_MODELS_MOST + 1) > JOB_MODELS_MOST)
        reading_add(&d->r, list, "too many GPU models, at most %d", JOB_MODELS_MOST);
    uint64_t nodes = 0;
    for (size_t i = 0; i < d->setup->nodes_len; i++) nodes += d->setup->nodes[i].count;
    if (nodes > NODES_MOST) reading_add(&d->r, list, "too many nodes, at most %d", NODES_MOST);
    if (nodes == 0 && list->len) reading_add(&d->r, list, "no nodes in any pool, expected at least one");
}

static void *keep(struct arena *arena, void *at, size_t len, size_t size) {
    void *kept = arena_alloc(arena, len, size);
    if (len) memcpy(kept, at, len * size);
    free(at);
    return kept;
}

void pools_read(struct document *d, const struct yaml_node *list) {
    struct pools pools = {0};
    size_t before = d->r.err->found, top = reading_enter(&d->r, "pools");
    if (value_is(&d->r, list, YAML_LIST, "a list of pools")) {
        const char **names = arena_alloc(d->r.arena, list->len, sizeof *names);
        for (size_t i = 0; i < list->len; i++) {
            size_t mark = reading_enter_index(&d->r, i);
            const struct yaml_node *element = list->items[i].value, *name = yaml_get(element, "name");
            names[i] = name ? name->text : NULL;
            name_unique(&d->r, element, names[i], names, i);
            element_read(d, element, &pools);
            reading_leave(&d->r, mark);
        }
        if (!list->len) reading_add(&d->r, list, "no pools, expected at least one");
    }
    struct setup *setup = d->setup;
    setup->pools_len = pools.pools.len;
    setup->nodes_len = pools.nodes.len;
    setup->pools = keep(d->r.arena, pools.pools.at, pools.pools.len, sizeof *setup->pools);
    setup->nodes = keep(d->r.arena, pools.nodes.at, pools.nodes.len, sizeof *setup->nodes);
    if (d->r.err->found == before) check_fleet(d, list);
    reading_leave(&d->r, top);
}

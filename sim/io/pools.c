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
    double base_w, gpu_idle_w, gpu_peak_w;
    struct chosen curve;
};
struct pool_draft {
    const char *name, *nodes_from, *node, *gpu;
    int64_t nodes, gpus;
    double cpus, memory_mib;
    struct power_draft power;
    const struct yaml_node *region, *tenant, *cost;
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
    {.param = {.key = "curve", .offset = AT(curve), .text = "linear",
               .help = "How the power of a GPU grows from idle to peak with its utilisation."},
     .read = read_model, .models = KIND_POWER},
};
static const struct block power_block = {.title = "power", BLOCK_FIELDS(power_fields),
    .about = "IT power of one node = base + sum over its GPUs of idle + (peak - idle) x curve(utilisation)."};
#undef AT

struct owned_draft {
    double price_usd, cost_of_capital;
    int64_t life_ns;
};
#define AT(member) offsetof(struct owned_draft, member)
static const struct field owned_fields[] = {
    {.param = {.key = "price", .kind = PARAM_NUMBER, .dim = DIM_MONEY, .offset = AT(price_usd), .least = 0,
               .most = 1e9, .required = true, .help = "Purchase price of a node."}},
    {.param = {.key = "life", .kind = PARAM_TIME, .offset = AT(life_ns), .fallback = 5 * 31557600.,
               .least = 86400, .most = 100 * 31557600., .help = "Years over which it is paid off."}},
    {.param = {.key = "cost_of_capital", .kind = PARAM_NUMBER, .offset = AT(cost_of_capital),
               .fallback = 0.08, .least = 0, .most = 1,
               .help = "Interest a year; the price is repaid as an annuity."}},
};
static const struct block owned_block = {.title = "owned", BLOCK_FIELDS(owned_fields),
    .about = "Capacity that was bought: paid for by the hour, at work or not."};
#undef AT

struct cost_draft {
    struct owned_draft owned;
    double rented_usd_per_h, rented_per_gpu_usd_per_h;
};
#define AT(member) offsetof(struct cost_draft, member)
static const struct field cost_fields[] = {
    {.param = {.key = "owned", .offset = AT(owned), .help = "Bought nodes."},
     .read = read_block, .block = &owned_block, .form = "a mapping"},
    {.param = {.key = "rented", .kind = PARAM_NUMBER, .dim = DIM_MONEY_RATE, .offset = AT(rented_usd_per_h),
               .least = 0, .most = 1e6, .help = "Rent of a node, at work or not."}},
    {.param = {.key = "rented_per_gpu", .kind = PARAM_NUMBER, .dim = DIM_MONEY_RATE,
               .offset = AT(rented_per_gpu_usd_per_h), .least = 0, .most = 1e6,
               .help = "Rent of a node, as a price for each of its GPUs."}},
};
static const struct block cost_block = {.title = "cost", BLOCK_FIELDS(cost_fields),
    .about = "What the capacity costs: one of these keys. `cost: owned` and `cost: rented` take the figure "
             "of the catalogue's node type; without `cost` the capacity is free."};
#undef AT

#define AT(member) offsetof(struct pool_draft, member)
static const struct field pool_fields[] = {
    {.param = {.key = "name", .kind = PARAM_TEXT, .offset = AT(name), .required = true,
               .help = "What tables and overrides call it."}},
    {.param = {.key = "region", .offset = AT(region),
               .help = "Where it stands; may be left out where there is one region."},
     .read = read_node, .form = "a region's name"},
    {.param = {.key = "nodes", .kind = PARAM_INTEGER, .offset = AT(nodes), .least = 1, .most = 10000000,
               .help = "How many nodes; required unless `nodes_from` is given."}},
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
    {.param = {.key = "cost", .offset = AT(cost), .help = "What its capacity costs; nothing when left out."},
     .read = read_node, .block = &cost_block, .form = "owned, rented, or a mapping"},
    {.param = {.key = "tenant", .offset = AT(tenant),
               .help = "A tenant these nodes are dedicated to: a hard virtual cluster. Its jobs run nowhere "
                       "else."},
     .read = read_node, .form = "a tenant's name"},
};
const struct block pool_block = {.title = "pools", BLOCK_FIELDS(pool_fields),
    .about = "A list of groups of equal nodes. Nodes are numbered in the order of this list, and ties in "
             "placement go to the lowest."};
#undef AT

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
        if (entry) yaml_merge(arena, map, entry);
    }
    struct yaml_node *power = yaml_get(map, "power");
    if (power && !yaml_get(element, "power")) { /* what is missing in it is missing in the scenario */
        power->file = element->file;
        power->line = element->line;
        power->col = element->col;
    }
    return map;
}

/* `cost: owned` and `cost: rented` stand for the catalogue's figure. */
static void cost_read(struct document *d, const struct yaml_node *node, const struct yaml_node *costs,
                      struct pool_setup *pool) {
    struct reading *r = &d->r;
    struct cost_draft cost = {0};
    if (node->kind == YAML_SCALAR) {
        const char *ways[] = {"owned", "rented"};
        const struct yaml_node *way = costs ? yaml_get(costs, node->text) : NULL;
        if (strcmp(node->text, "owned") != 0 && strcmp(node->text, "rented") != 0) {
            reading_unknown(r, node, "way to pay", ways, 2, NULL);
            return;
        }
        if (!way) {
            reading_add(r, node, "no catalogue figure for %s, expected a mapping such as {rented: 2.9 USD/h}",
                        value_shown(node).text);
            return;
        }
        struct yaml_node *map = yaml_map(d->catalog->arena, node);
        yaml_put(d->catalog->arena, map, node->text, yaml_copy(d->catalog->arena, way));
        node = map;
    }
    params_read(r, node, &cost_block, &cost);
    if (node->kind != YAML_MAP) return;
    if (node->len != 1) reading_add(r, node, "expected one of \"owned\", \"rented\" and \"rented_per_gpu\"");
    bool owned = yaml_get(node, "owned");
    pool->bought = owned ? BOUGHT_OWNED : BOUGHT_RENTED;
    if (owned && cost.owned.life_ns > 0)
        pool->usd_per_node_h = cost_owned_usd_per_h(cost.owned.price_usd,
                                                    tick_seconds(cost.owned.life_ns) / 31557600.,
                                                    cost.owned.cost_of_capital);
    else pool->usd_per_node_h = cost.rented_usd_per_h + cost.rented_per_gpu_usd_per_h * pool->gpus;
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

static uint32_t pool_tenant(struct document *d, const struct yaml_node *node) {
    if (!node) return SETUP_SHARED;
    size_t mark = reading_enter(&d->r, "tenant");
    uint32_t tenant = name_index(&d->r, node, "tenant", d->tenant_names, d->setup->tenants_len);
    reading_leave(&d->r, mark);
    return tenant;
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
    *pool = (struct pool_setup){
        .name = draft->name,
        .region = pool_region(d, map, draft->region),
        .tenant = pool_tenant(d, draft->tenant),
        .gpu = draft->gpu && draft->gpus ? draft->gpu : "",
        .gpus = (uint32_t)draft->gpus,
        .cpu_milli = (uint32_t)llround(draft->cpus * 1000),
        .mem_mib = (uint32_t)llround(draft->memory_mib),
        .base_w = power->base_w,
        .gpu_idle_w = power->gpu_idle_w,
        .gpu_peak_w = power->gpu_peak_w,
        .power = power->curve,
    };
    if (draft->gpus > 0 && !yaml_get(map, "gpu"))
        reading_add(&d->r, node_at(map, "gpus"), "GPUs without a model, expected the key \"gpu\"");
    power_check(d, map, draft, good);
    if (draft->cost) {
        size_t mark = reading_enter(&d->r, "cost");
        cost_read(d, draft->cost, costs, pool);
        reading_leave(&d->r, mark);
    }
    pool->estimated = d->r.estimated;
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

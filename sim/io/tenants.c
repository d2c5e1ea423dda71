/*
 * Whose jobs, and what they may do: `tenants:` (quota, weight, home, residency) and `classes:` (waiting
 * limit, purchases, data). The first entry of `classes` that matches a job holds, so an entry that an earlier
 * one hides is a mistake.
 */
#include "base/tick.h"
#include "io/sections.h"
#include "io/speeds.h"

#include <math.h>
#include <string.h>

struct tenant_draft {
    const char *name;
    double quota_gpus, weight;
    int kind;
    const struct yaml_node *home, *regions;
};
static const char *const quota_kinds[] = {"hard", "borrow", NULL};
#define AT(member) offsetof(struct tenant_draft, member)
static const struct field tenant_fields[] = {
    {.param = {.key = "name", .kind = PARAM_TEXT, .offset = AT(name), .required = true,
               .help = "As the trace or the load calls it."}},
    {.param = {.key = "quota", .kind = PARAM_NUMBER, .offset = AT(quota_gpus), .least = 0, .most = 1e9,
               .help = "GPUs it may hold at once, in all regions; no limit when left out."}},
    {.param = {.key = "kind", .kind = PARAM_CHOICE, .offset = AT(kind), .choices = quota_kinds,
               .help = "hard: never more than the quota; borrow: more while others leave theirs unused."}},
    {.param = {.key = "weight", .kind = PARAM_NUMBER, .offset = AT(weight), .fallback = 1, .least = 1e-6,
               .most = 1e6, .help = "Of its share under fair_share."}},
    {.param = {.key = "home", .offset = AT(home),
               .help = "Region its jobs belong to, for `route: home`, and where their data are; regions in "
                       "turn when left out."},
     .read = read_node, .form = "a region's name"},
    {.param = {.key = "regions", .offset = AT(regions),
               .help = "Residency: its jobs run in these regions or not at all; anywhere when left out."},
     .read = read_node, .form = "a list of regions' names"},
};
const struct block tenant_block = {.title = "tenants", BLOCK_FIELDS(tenant_fields),
    .about = "A list of those whose jobs have a quota, a weight, a home, a residency or nodes of their own; "
             "others need no entry."};
#undef AT

static const bool *residency_read(struct document *d, const struct yaml_node *list) {
    struct reading *r = &d->r;
    bool *may = arena_alloc(r->arena, d->setup->regions_len, sizeof *may);
    size_t mark = reading_enter(r, "regions");
    if (value_is(r, list, YAML_LIST, "a list of regions' names")) {
        for (size_t i = 0; i < list->len; i++) {
            size_t inner = reading_enter_index(r, i);
            uint32_t region = name_index(r, list->items[i].value, "region", d->region_names,
                                         d->setup->regions_len);
            if (region != UINT32_MAX) may[region] = true;
            reading_leave(r, inner);
        }
        if (!list->len) reading_add(r, list, "an empty list, expected at least one region");
    }
    reading_leave(r, mark);
    return may;
}

static void tenant_read(struct document *d, const struct yaml_node *map, struct tenant_setup *tenant) {
    struct tenant_draft draft = {0};
    params_read(&d->r, map, &tenant_block, &draft);
    *tenant = (struct tenant_setup){
        .name = draft.name, .quota_gpus = draft.quota_gpus, .weight = draft.weight, .home = SETUP_ANYWHERE};
    if (yaml_get(map, "quota")) tenant->quota_kind = draft.kind ? QUOTA_BORROW : QUOTA_HARD;
    else if (yaml_get(map, "kind")) reading_add(&d->r, map, "missing key \"quota\", which \"kind\" is of");
    size_t before = d->r.err->found;
    if (draft.regions) tenant->may = residency_read(d, draft.regions);
    if (!draft.home) return;
    size_t mark = reading_enter(&d->r, "home");
    tenant->home = name_index(&d->r, draft.home, "region", d->region_names, d->setup->regions_len);
    if (tenant->may && d->r.err->found == before && tenant->home != UINT32_MAX && !tenant->may[tenant->home])
        reading_add(&d->r, draft.home, "%s is not among its regions", value_shown(draft.home).text);
    reading_leave(&d->r, mark);
}

void tenants_read(struct document *d, const struct yaml_node *list) {
    size_t top = reading_enter(&d->r, "tenants");
    if (value_is(&d->r, list, YAML_LIST, "a list of tenants")) {
        struct setup *setup = d->setup;
        setup->tenants = arena_alloc(d->r.arena, list->len, sizeof *setup->tenants);
        d->tenant_names = arena_alloc(d->r.arena, list->len, sizeof *d->tenant_names);
        for (size_t i = 0; i < list->len; i++) {
            size_t mark = reading_enter_index(&d->r, i);
            struct tenant_setup *tenant = &setup->tenants[setup->tenants_len++];
            tenant_read(d, list->items[i].value, tenant);
            name_unique(&d->r, list->items[i].value, tenant->name, d->tenant_names, i);
            d->tenant_names[i] = tenant->name;
            reading_leave(&d->r, mark);
        }
    }
    reading_leave(&d->r, top);
}

/* --- classes --- */

struct class_draft {
    struct class_setup class;
    int64_t gpus_least, gpus_most;
    const struct yaml_node *supply;
    const struct yaml_node *name, *markets;
};
struct supply_draft {
    double item_gb, fetch_gb_per_s, memory_gb_per_s, cached, prepare_per_h, ingest_per_h;
};
#define AT(member) offsetof(struct supply_draft, member)
static const struct field supply_fields[] = {
    {.param = {.key = "item", .kind = PARAM_NUMBER, .dim = DIM_DATA, .offset = AT(item_gb), .least = 1e-9,
               .most = 1e6, .required = true, .help = "Size of a sample as it is fetched."}},
    {.param = {.key = "ingest", .kind = PARAM_NUMBER, .dim = DIM_RATE, .offset = AT(ingest_per_h), .least = 1e-6,
               .most = 1e15, .required = true,
               .help = "Samples that one GPU (of `speed_gpu`) takes in when it never waits."}},
    {.param = {.key = "fetch", .kind = PARAM_NUMBER, .dim = DIM_DATA_RATE, .offset = AT(fetch_gb_per_s),
               .least = 1e-9, .most = 1e6, .required = true,
               .help = "At what rate samples that are not cached reach the job."}},
    {.param = {.key = "memory", .kind = PARAM_NUMBER, .dim = DIM_DATA_RATE, .offset = AT(memory_gb_per_s),
               .fallback = 20, .least = 1e-9, .most = 1e6, .help = "The same for samples that are cached."}},
    {.param = {.key = "cached", .kind = PARAM_NUMBER, .offset = AT(cached), .least = 0, .most = 1,
               .help = "Share of the samples that are cached."}},
    {.param = {.key = "prepare", .kind = PARAM_NUMBER, .dim = DIM_RATE, .offset = AT(prepare_per_h), .least = 1e-6,
               .most = 1e15, .required = true,
               .help = "Samples that one of the job's cores decodes and augments."}},
};
const struct block supply_block = {.title = "supply", BLOCK_FIELDS(supply_fields),
    .about = "What a job's GPUs are fed with. They wait when fetching or preparing falls behind: the job goes on at "
             "the rate of the slowest, and the run shows how long GPUs stood waiting."};
#undef AT

#define AT(member) offsetof(struct class_draft, member)
static const struct field class_fields[] = {
    {.param = {.key = "class", .offset = AT(name),
               .help = "Jobs of this class of the trace or load; of any when left out."},
     .read = read_node, .form = "a class's name"},
    {.param = {.key = "run_below", .kind = PARAM_TIME, .offset = AT(class.run_below_ns), .fallback = INFINITY,
               .least = 1e-9, .most = 3.15576e9, .help = "Only jobs that run shorter than this."}},
    {.param = {.key = "wait", .kind = PARAM_TIME, .offset = AT(class.wait_ns), .fallback = INFINITY,
               .least = 0,
               .most = 31557600,
               .help = "How long shifting may keep them waiting; `policy.wait` when left out."}},
    {.param = {.key = "markets", .offset = AT(markets),
               .help = "The purchases they may run on: free, owned, rented, reserved, on_demand, spot; any "
                       "when left out."},
     .read = read_node, .form = "a list of names"},
    {.param = {.key = "speed", .offset = AT(class.speed),
               .help = "How fast its jobs go where they run, by GPU model and number; as recorded when left out."},
     .read = read_model, .models = KIND_SPEED},
    {.param = {.key = "speed_gpu", .kind = PARAM_TEXT, .offset = AT(class.speed_gpu),
               .help = "GPU model on which the run times of the trace or load were recorded; required with "
                       "`speed`."}},
    {.param = {.key = "batch", .kind = PARAM_NUMBER, .offset = AT(class.speed_batch), .least = 0, .most = 1e12,
               .help = "Batch of the whole job, for speed models that ask; 0: the model's own."}},
    {.param = {.key = "batch_most", .kind = PARAM_NUMBER, .offset = AT(class.batch_most), .least = 1, .most = 1e12,
               .help = "Largest batch where `policy.resize` chooses one for each size; `batch` when left out."}},
    {.param = {.key = "gpus_least", .kind = PARAM_INTEGER, .offset = AT(gpus_least), .least = 1, .most = 65536,
               .help = "Elastic jobs: the fewest GPUs they may hold, where `policy.resize` changes their number."}},
    {.param = {.key = "gpus_most", .kind = PARAM_INTEGER, .offset = AT(gpus_most), .least = 1, .most = 65536,
               .help = "Elastic jobs: the most GPUs they may hold. Sizes between are any number within a node, and "
                       "whole nodes beyond."}},
    {.param = {.key = "compute", .kind = PARAM_NUMBER, .offset = AT(class.load.compute), .least = 0, .most = 1,
               .help = "Share of a GPU's peak FLOP/s its jobs reach on one they have to themselves. Where a class "
                       "gives neither this nor `memory`, its jobs use what they ask for."}},
    {.param = {.key = "memory", .kind = PARAM_NUMBER, .offset = AT(class.load.memory), .least = 0, .most = 1,
               .help = "The same of its memory bandwidth."}},
    {.param = {.key = "sms", .kind = PARAM_NUMBER, .offset = AT(class.load.sms), .least = 0, .most = 1,
               .help = "The same of its multiprocessors, for GPUs shared by MPS or MIG; 0: as `compute`."}},
    {.param = {.key = "busy", .kind = PARAM_NUMBER, .offset = AT(class.load.busy), .least = 0, .most = 1,
               .help = "Share of its time with something running, for GPUs shared by turns; 0: the larger of "
                       "`compute` and `memory`."}},
    {.param = {.key = "supply", .offset = AT(supply),
               .help = "Data its GPUs need; never short of data when left out."},
     .read = read_node, .block = &supply_block, .form = "a mapping"},
    {.param = {.key = "data", .kind = PARAM_NUMBER, .dim = DIM_DATA, .offset = AT(class.data_gb), .least = 0,
               .most = 1e9, .help = "Moved when such a job runs away from its tenant's home."}},
};
const struct block class_block = {.title = "classes", BLOCK_FIELDS(class_fields),
    .about = "A list of what kinds of jobs may do; the first entry that matches a job holds."};
#undef AT

static unsigned markets_read(struct document *d, const struct yaml_node *list) {
    struct reading *r = &d->r;
    unsigned markets = 0, bought = 0;
    size_t mark = reading_enter(r, "markets"), before = r->err->found;
    if (value_is(r, list, YAML_LIST, "a list of purchases")) {
        for (size_t i = 0; i < list->len; i++) {
            size_t inner = reading_enter_index(r, i);
            uint32_t market = name_index(r, list->items[i].value, "purchase", bought_names, BOUGHT_COUNT);
            if (market != UINT32_MAX) markets |= 1U << market;
            reading_leave(r, inner);
        }
        for (size_t i = 0; i < d->setup->pools_len; i++) bought |= 1U << d->setup->pools[i].bought;
        if (!list->len) reading_add(r, list, "an empty list, expected at least one purchase");
        else if (r->err->found == before && bought && !(markets & bought))
            reading_add(r, list, "no pool is bought in any of these ways");
    }
    reading_leave(r, mark);
    return markets;
}

/* A name must be one of the load's classes; those of a trace are not known yet. */
static const char *class_name(struct document *d, const struct yaml_node *node) {
    const struct load_setup *load = d->demand->load;
    if (!node) return NULL;
    size_t mark = reading_enter(&d->r, "class");
    if (load && load->classes_len) {
        const char **known = arena_alloc(d->r.arena, load->classes_len, sizeof *known);
        for (size_t i = 0; i < load->classes_len; i++) known[i] = load->classes[i].name;
        name_index(&d->r, node, "class", known, load->classes_len);
    } else value_is(&d->r, node, YAML_SCALAR, "a name");
    reading_leave(&d->r, mark);
    return arena_text(d->r.arena, node->text);
}

/* Whether every job that `later` matches is taken by `earlier`. */
static bool hides(const struct class_setup *earlier, const struct class_setup *later) {
    bool same = !earlier->name || (later->name && strcmp(earlier->name, later->name) == 0);
    return same && earlier->run_below_ns >= later->run_below_ns;
}

static void supply_read(struct reading *r, const struct yaml_node *node, struct data_supply *supply) {
    struct supply_draft draft = {0};
    size_t mark = reading_enter(r, "supply");
    params_read(r, node, &supply_block, &draft);
    reading_leave(r, mark);
    *supply = (struct data_supply){.item_bytes = draft.item_gb * 1e9, .cache_hit = draft.cached,
                                   .fetch_bytes_per_s = draft.fetch_gb_per_s * 1e9,
                                   .memory_bytes_per_s = draft.memory_gb_per_s * 1e9,
                                   .prepare_items_per_s_per_cpu = draft.prepare_per_h / 3600,
                                   .ingest_items_per_s = draft.ingest_per_h / 3600};
}

/* The class with what the catalogue knows of its speed model. */
static const struct yaml_node *with_catalog(struct document *d, const struct yaml_node *map) {
    const struct yaml_node *speed = yaml_get(map, "speed");
    if (!speed) return map;
    size_t mark = reading_enter(&d->r, "speed");
    const struct yaml_node *filled = speeds_with_catalog(d->catalog, &d->r, speed);
    reading_leave(&d->r, mark);
    struct arena *arena = d->catalog->arena;
    struct yaml_node *merged = yaml_copy(arena, map);
    yaml_put(arena, merged, "speed", yaml_copy(arena, filled));
    return merged;
}

/* Elastic jobs: both ends, and a speed at every size. */
static void elastic_read(struct reading *r, const struct yaml_node *map, const struct class_draft *draft,
                         struct class_setup *class) {
    const bool least = yaml_get(map, "gpus_least"), most = yaml_get(map, "gpus_most");
    class->gpus_least = least ? (uint32_t)draft->gpus_least : 0;
    class->gpus_most = most ? (uint32_t)draft->gpus_most : 0;
    class->batch_most = yaml_get(map, "batch_most") ? class->batch_most : 0;
    if (least != most) reading_add(r, map, "missing key \"gpus_%s\" beside \"gpus_%s\"", least ? "most" : "least",
                                   least ? "least" : "most");
    else if (least && class->gpus_least > class->gpus_most)
        reading_add_key(r, map, "gpus_most", "%u, expected at least `gpus_least`, which is %u", class->gpus_most,
                        class->gpus_least);
    if ((least || most) && !yaml_get(map, "speed"))
        reading_add(r, map, "missing key \"speed\": how fast elastic jobs go at each size");
    if (class->batch_most > 0 && class->batch_most < class->speed_batch)
        reading_add_key(r, map, "batch_most", "%g, expected at least `batch`, which is %g", class->batch_most,
                        class->speed_batch);
    if (class->batch_most > 0 && class->speed_batch <= 0)
        reading_add_key(r, map, "batch_most", "\"batch_most\" without \"batch\"");
}

static void class_read(struct document *d, const struct yaml_node *given, struct class_setup *class) {
    struct class_draft draft = {0};
    const struct yaml_node *map = with_catalog(d, given);
    params_read(&d->r, map, &class_block, &draft);
    *class = draft.class;
    class->name = class_name(d, draft.name);
    class->markets = draft.markets ? markets_read(d, draft.markets) : (1U << BOUGHT_COUNT) - 1;
    if (!yaml_get(map, "wait")) class->wait_ns = -1;
    if (draft.supply) supply_read(&d->r, draft.supply, &class->supply);
    elastic_read(&d->r, map, &draft, class);
    if (class->speed.model && !class->speed_gpu)
        reading_add(&d->r, map, "missing key \"speed_gpu\": a speed is relative to where run times were recorded");
    if (class->speed_gpu && !yaml_get(map, "speed"))
        reading_add_key(&d->r, map, "speed_gpu", "\"speed_gpu\" without \"speed\"");
}

void classes_read(struct document *d, const struct yaml_node *list) {
    struct setup *setup = d->setup;
    size_t top = reading_enter(&d->r, "classes");
    if (value_is(&d->r, list, YAML_LIST, "a list of classes")) {
        setup->classes = arena_alloc(d->r.arena, list->len, sizeof *setup->classes);
        for (size_t i = 0; i < list->len; i++) {
            size_t mark = reading_enter_index(&d->r, i), before = d->r.err->found;
            const struct yaml_node *element = list->items[i].value;
            struct class_setup *class = &setup->classes[i];
            class_read(d, element, class);
            for (size_t k = 0; k < i && d->r.err->found == before; k++)
                if (hides(&setup->classes[k], class))
                    reading_add(&d->r, element, "never holds: element %zu matches all of its jobs before", k);
            reading_leave(&d->r, mark);
        }
        setup->classes_len = list->len;
    }
    reading_leave(&d->r, top);
}

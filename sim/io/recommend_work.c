/*
 * The workload of a `recommend:` section: a variant of a training or a batch is a speed model, one of a service is an
 * element of `services:`, each with its combination of what varies put into a copy of the mapping and read by the
 * tables of what is simulated.
 *
 * Invariant: once one variant is wrong no other is read, as they would only repeat it.
 * Cost: variants x offers for a service, variants else, each a reading of a mapping.
 */
#include "io/llm_catalog.h"
#include "io/recommend.h"
#include "io/sections.h"
#include "io/speeds.h"

#include <string.h>

/* ---- tables ---- */

struct work_draft {
    const struct yaml_node *speed, *vary;
    double work, items, utilisation, flops, share, unit_size;
    int64_t gpus;
    const char *unit;
};
#define AT(member) offsetof(struct work_draft, member)
#define WORK_FIELDS \
    {.param = {.key = "speed", .offset = AT(speed), .required = true, \
               .help = "How fast it goes, by accelerator and number of GPUs."}, \
     .read = read_node, .form = "[speed model](#speed)"}, \
    {.param = {.key = "unit", .kind = PARAM_TEXT, .offset = AT(unit), .text = "unit of work", \
               .help = "What figures are shown per, such as fine-tuning or billion tokens."}}, \
    {.param = {.key = "unit_size", .kind = PARAM_NUMBER, .offset = AT(unit_size), .fallback = 1, .least = 1e-12, \
               .most = 1e30, .help = "So many units of the speed model's work are one of those."}}, \
    {.param = {.key = "utilisation", .kind = PARAM_NUMBER, .offset = AT(utilisation), .fallback = 1, .least = 0.01, \
               .most = 1, .help = "Of GPUs at work, for their power."}}, \
    {.param = {.key = "flops", .kind = PARAM_NUMBER, .offset = AT(flops), .least = 0, .most = 1e40, \
               .help = "Floating-point operations of a unit of work. With it, what would be faster than the " \
                       "accelerators' peak is refused; models of first principles know by themselves."}}, \
    {.param = {.key = "vary", .offset = AT(vary), \
               .help = "Parameters of the speed model, each with a list of values; all combinations are searched. " \
                       "`precision` is subject to `precisions`."}, \
     .read = read_node, .form = "a mapping of keys to lists"}
static const struct field training_fields[] = {
    {.param = {.key = "work", .kind = PARAM_NUMBER, .offset = AT(work), .least = 1e-12, .most = 1e30, .required = true,
               .help = "Units of work in all: 1 for a whole training of a fitted curve, tokens for a roofline."}},
    WORK_FIELDS};
const struct block training_block = {.title = "training", BLOCK_FIELDS(training_fields),
    .about = "One job on all its GPUs: a failure of any node stops it."};
static const struct field batch_fields[] = {
    {.param = {.key = "items", .kind = PARAM_NUMBER, .offset = AT(items), .least = 1, .most = 1e15, .required = true,
               .help = "How many items there are, each by itself."}},
    {.param = {.key = "gpus", .kind = PARAM_INTEGER, .offset = AT(gpus), .fallback = 1, .least = 1, .most = 64,
               .help = "GPUs of an item, of one node."}},
    {.param = {.key = "work", .kind = PARAM_NUMBER, .offset = AT(work), .fallback = 1, .least = 1e-12, .most = 1e30,
               .help = "Units of work of an item."}},
    WORK_FIELDS};
const struct block batch_block = {.title = "batch", BLOCK_FIELDS(batch_fields),
    .about = "Items that need nothing of each other: embarrassingly parallel."};
static const struct field service_fields[] = {
    {.param = {.key = "share", .kind = PARAM_NUMBER, .offset = AT(share), .fallback = 0.95, .least = 0.5,
               .most = 0.999, .help = "Of the requests that keep the service levels (`slo`)."}},
    {.param = {.key = "vary", .offset = AT(vary),
               .help = "Keys of the service, each with a list of values: precision, tensor_parallel, engine, "
                       "max_seqs."},
     .read = read_node, .form = "a mapping of keys to lists"},
};
const struct block served_block = {.title = "service", BLOCK_FIELDS(service_fields),
    .about = "An LLM service: these keys, and those of an element of `services` but `name`, `replicas` and `split`. "
             "The scenario's `horizon` is how long a candidate is simulated."};
#undef AT

/* ---- variants ---- */

enum { VARIANTS_MOST = 65535, VARIED_MOST = 16 };
struct varying {
    const struct yaml_node *map; /* key -> list; NULL: nothing varies */
    size_t len;                  /* combinations */
};

static struct varying varying_of(struct document *d, const struct yaml_node *vary) {
    struct varying v = {.map = vary, .len = 1};
    if (!vary) return v;
    const size_t mark = reading_enter(&d->r, "vary"), found = d->r.err->found;
    if (value_is(&d->r, vary, YAML_MAP, "a mapping of keys to lists")) {
        if (vary->len > VARIED_MOST) reading_add(&d->r, vary, "too many keys, at most %d", VARIED_MOST);
        for (size_t i = 0; i < vary->len; i++) {
            const struct yaml_node *list = vary->items[i].value;
            const size_t inner = reading_enter(&d->r, vary->items[i].key->text);
            if (value_is(&d->r, list, YAML_LIST, "a list of values") && !list->len)
                reading_add(&d->r, list, "an empty list, expected at least one value");
            for (size_t k = 0; k < list->len && list->kind == YAML_LIST; k++)
                value_is(&d->r, list->items[k].value, YAML_SCALAR, "a value");
            v.len *= list->len;
            if (v.len > VARIANTS_MOST) v.len = VARIANTS_MOST + 1;
            reading_leave(&d->r, inner);
        }
        if (v.len > VARIANTS_MOST) reading_add(&d->r, vary, "too many combinations, at most %d", VARIANTS_MOST);
    }
    if (d->r.err->found > found) v.len = 0;
    reading_leave(&d->r, mark);
    return v;
}

/* Puts combination i into a copy of base; the last key turns fastest. false: in a precision that is not wanted. */
static bool variant_map(struct document *d, const struct varying *v, size_t i, const struct yaml_node *base,
                        const char *const *precisions, struct yaml_node **map, const char **label) {
    struct arena *arena = d->catalog->arena;
    const struct yaml_node *values[VARIED_MOST];
    bool wanted = true;
    struct text text;
    text_init(&text);
    *map = yaml_copy(arena, base);
    for (size_t k = v->map ? v->map->len : 0; k-- > 0;) {
        const struct yaml_node *list = v->map->items[k].value;
        values[k] = list->items[i % list->len].value;
        i /= list->len;
    }
    for (size_t k = 0; v->map && k < v->map->len; k++) {
        const char *key = v->map->items[k].key->text;
        yaml_put(arena, *map, key, yaml_copy(arena, values[k]));
        const bool precision = strcmp(key, "precision") == 0;
        if (precision && precisions && !recommend_listed(precisions, values[k]->text)) wanted = false;
        text_format(&text, "%s%s%s%s", k ? ", " : "", precision ? "" : key, precision ? "" : " ", values[k]->text);
    }
    *label = arena_text(d->r.arena, text.at ? text.at : "");
    text_free(&text);
    return wanted;
}

static void speed_variant(struct document *d, const struct yaml_node *map, struct recommend_variant *variant) {
    static const struct field field = {.param = {.key = "speed"}, .read = read_model, .models = KIND_SPEED};
    const size_t mark = reading_enter(&d->r, "speed");
    read_model(&d->r, speeds_with_catalog(d->catalog, &d->r, map), &field, &variant->speed);
    reading_leave(&d->r, mark);
}

/* Services are fitted to the setup's pools: for as long as they are read, these are the offers. */
static struct pool_setup *offers_as_pools(struct document *d, const struct recommend_setup *into) {
    struct pool_setup *pools = arena_alloc(d->r.arena, into->offers_len, sizeof *pools);
    struct node_run *nodes = arena_alloc(d->r.arena, into->offers_len, sizeof *nodes);
    for (size_t i = 0; i < into->offers_len; i++) {
        pools[i] = into->offers[i].pool;
        nodes[i] = (struct node_run){(uint32_t)i, into->offers[i].nodes};
    }
    d->setup->pools = pools;
    d->setup->nodes = nodes;
    d->setup->pools_len = d->setup->nodes_len = into->offers_len;
    return pools;
}

static void service_variant(struct document *d, const struct yaml_node *map, const struct llm_catalog *catalog,
                            struct recommend_setup *into, struct recommend_variant *variant) {
    struct service_setup *service = arena_alloc(d->r.arena, 1, sizeof *service);
    struct service_demand *demand = arena_alloc(d->r.arena, 1, sizeof *demand);
    demand->service = service;
    service_read_one(d, map, catalog, service, demand);
    variant->service = service;
    if (!into->demand) into->demand = demand;
}

/* All combinations; those that are wanted are kept. Once one is wrong, the others would only repeat it. */
static void variants_read(struct document *d, const struct yaml_node *base, const struct varying *v,
                          const char *const *precisions, struct recommend_setup *into) {
    const size_t found = d->r.err->found;
    struct llm_catalog catalog;
    const bool service = into->kind == RECOMMEND_SERVICE;
    if (service && !llm_catalog_read(&catalog, d->r.arena, d->r.err)) return;
    into->variants = arena_alloc(d->r.arena, v->len, sizeof *into->variants);
    for (size_t i = 0; i < v->len && d->r.err->found == found; i++) {
        struct recommend_variant *variant = &into->variants[into->variants_len];
        struct yaml_node *map;
        if (!variant_map(d, v, i, base, precisions, &map, &variant->label)) {
            into->left_out++;
            continue;
        }
        into->variants_len++;
        if (service) service_variant(d, map, &catalog, into, variant);
        else speed_variant(d, map, variant);
    }
    if (!into->variants_len && d->r.err->found == found && v->len)
        reading_add_key(&d->r, v->map, "precision", "none of them is among the precisions that count");
}

/* ---- the workload ---- */

static void work_read(struct document *d, const char *key, const struct yaml_node *node, const struct block *block,
                      const char *const *precisions, struct recommend_setup *into) {
    struct work_draft draft = {0};
    const size_t mark = reading_enter(&d->r, key), found = d->r.err->found;
    params_read(&d->r, node, block, &draft);
    into->work = draft.work;
    into->items = draft.items;
    into->item_gpus = (uint32_t)draft.gpus;
    into->utilisation = draft.utilisation;
    into->flops = draft.flops;
    into->unit_size = draft.unit_size;
    into->unit = draft.unit;
    const struct varying v = varying_of(d, draft.vary);
    const struct yaml_node *speed = draft.speed;
    if (speed && speed->kind == YAML_SCALAR) { /* the name alone: a mapping without parameters */
        struct yaml_node *map = yaml_map(d->catalog->arena, speed);
        yaml_put(d->catalog->arena, map, "model", yaml_copy(d->catalog->arena, speed));
        speed = map;
    }
    if (d->r.err->found == found && speed) variants_read(d, speed, &v, precisions, into);
    reading_leave(&d->r, mark);
}

static void service_read(struct document *d, const struct yaml_node *node, const char *const *precisions,
                         struct recommend_setup *into) {
    struct arena *arena = d->catalog->arena;
    const size_t mark = reading_enter(&d->r, "service");
    if (value_is(&d->r, node, YAML_MAP, "a mapping")) {
        static const char *const others[] = {"name", "replicas", "split"};
        static const char *const own[] = {"share", "vary"};
        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
            if (yaml_get(node, others[i]))
                reading_add_key(&d->r, node, others[i], "\"%s\" is not for a recommended service", others[i]);
        struct work_draft draft = {0};
        struct yaml_node *ours = yaml_map(arena, node), *map = yaml_copy(arena, node);
        for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
            if (!yaml_get(node, own[i])) continue;
            yaml_put(arena, ours, own[i], yaml_get(node, own[i]));
            yaml_put(arena, map, own[i], yaml_scalar(arena, node, "null"));
        }
        params_read(&d->r, ours, &served_block, &draft);
        yaml_put(arena, map, "name", yaml_scalar(arena, node, "service"));
        yaml_put(arena, map, "replicas", yaml_scalar(arena, node, "1"));
        yaml_prune(map);
        into->share = draft.share;
        into->work = into->unit_size = 1;
        into->unit = "Mtok";
        const struct varying v = varying_of(d, draft.vary);
        const struct setup before = *d->setup;
        if (into->offers_len) {
            offers_as_pools(d, into);
            d->may_misfit = true;
            variants_read(d, map, &v, precisions, into);
            d->may_misfit = false;
            d->setup->pools = before.pools;
            d->setup->nodes = before.nodes;
            d->setup->pools_len = before.pools_len;
            d->setup->nodes_len = before.nodes_len;
        }
    }
    reading_leave(&d->r, mark);
}

void recommend_work_read(struct document *d, const struct yaml_node *map, const char *const *precisions,
                         struct recommend_setup *into) {
    const struct yaml_node *training = yaml_get(map, "training"), *batch = yaml_get(map, "batch");
    const struct yaml_node *service = yaml_get(map, "service");
    if (!training + !batch + !service != 2) {
        reading_add(&d->r, map, "expected one of \"training\", \"batch\" and \"service\"");
        return;
    }
    into->kind = training ? RECOMMEND_TRAINING : batch ? RECOMMEND_BATCH : RECOMMEND_SERVICE;
    if (training) work_read(d, "training", training, &training_block, precisions, into);
    else if (batch) work_read(d, "batch", batch, &batch_block, precisions, into);
    else service_read(d, service, precisions, into);
}

/*
 * The `transfer:` section: price, rate and latency of moving data between regions, one for all pairs and
 * others for some, as matrices [from * regions + to]. Where no rate is given data arrive at once (an infinite
 * rate); the diagonals are 0 and mean nothing: data that stay are not moved.
 */
#include "base/tick.h"
#include "io/sections.h"

#include <math.h>

struct transfer_draft {
    double usd_per_gb, gb_per_s;
    int64_t latency_ns;
    const struct yaml_node *pairs;
};
struct pair_draft {
    const struct yaml_node *from, *to;
    bool both;
    struct transfer_draft costs;
};
#define COSTS(member) \
    {.param = {.key = "price", .kind = PARAM_NUMBER, .dim = DIM_DATA_PRICE, .offset = member(usd_per_gb), \
               .least = 0, .most = 1000, .help = "For each GB that leaves; free when left out."}}, \
    {.param = {.key = "rate", .kind = PARAM_NUMBER, .dim = DIM_DATA_RATE, .offset = member(gb_per_s), \
               .fallback = INFINITY, .least = 1e-9, .most = 1e9, \
               .help = "At which data arrive; at once when left out."}}, \
    {.param = {.key = "latency", .kind = PARAM_TIME, .offset = member(latency_ns), .least = 0, \
               .most = 86400, .help = "Added to every move."}}
#define AT(member) offsetof(struct pair_draft, member)
#define IN_COSTS(member) offsetof(struct pair_draft, costs.member)
static const struct field pair_fields[] = {
    {.param = {.key = "from", .offset = AT(from), .required = true, .help = "Where data leave."},
     .read = read_node, .form = "a region's name"},
    {.param = {.key = "to", .offset = AT(to), .required = true, .help = "Where they arrive."},
     .read = read_node, .form = "a region's name"},
    {.param = {.key = "both", .kind = PARAM_BOOL, .offset = AT(both),
               .help = "Whether it holds the other way too."}},
    COSTS(IN_COSTS)};
static const struct block pair_block = {.title = "pairs", BLOCK_FIELDS(pair_fields),
    .about = "A list of pairs that differ; what is left out is as for all pairs."};
#undef AT
#define AT(member) offsetof(struct transfer_draft, member)
static const struct field transfer_fields[] = {
    COSTS(AT),
    {.param = {.key = "pairs", .offset = AT(pairs), .help = "Pairs of regions that differ."},
     .read = read_node, .block = &pair_block, .form = "a list of mappings"}};
const struct block transfer_block = {.title = "transfer", BLOCK_FIELDS(transfer_fields),
    .about = "What it takes to move a job's `data` (see `classes`) away from its tenant's home. Nothing "
             "when left out."};
#undef AT
#undef COSTS
#undef IN_COSTS

struct transfers {
    struct transfer_setup *setup;
    size_t regions;
    bool *told; /* pairs with an entry of their own */
};

static void put(struct transfers *t, size_t from, size_t to, const struct transfer_draft *costs) {
    size_t i = from * t->regions + to;
    t->setup->usd_per_gb[i] = costs->usd_per_gb;
    t->setup->gb_per_s[i] = costs->gb_per_s;
    t->setup->latency_s[i] = tick_seconds(costs->latency_ns);
}

static uint32_t end_read(struct document *d, const char *key, const struct yaml_node *node) {
    if (!node) return UINT32_MAX;
    size_t mark = reading_enter(&d->r, key);
    uint32_t region = name_index(&d->r, node, "region", d->region_names, d->setup->regions_len);
    reading_leave(&d->r, mark);
    return region;
}

static void pair_read(struct document *d, const struct yaml_node *element, const struct transfer_draft *all,
                      struct transfers *t) {
    struct pair_draft pair = {0};
    params_read(&d->r, element, &pair_block, &pair);
    uint32_t from = end_read(d, "from", pair.from), to = end_read(d, "to", pair.to);
    if (from == UINT32_MAX || to == UINT32_MAX) return;
    if (from == to) {
        reading_add(&d->r, pair.to, "from a region to itself, expected another one");
        return;
    }
    if (!yaml_get(element, "price")) pair.costs.usd_per_gb = all->usd_per_gb;
    if (!yaml_get(element, "rate")) pair.costs.gb_per_s = all->gb_per_s;
    if (!yaml_get(element, "latency")) pair.costs.latency_ns = all->latency_ns;
    for (int back = 0; back <= pair.both; back++) {
        size_t a = back ? to : from, b = back ? from : to;
        if (t->told[a * t->regions + b])
            reading_add(&d->r, element, "\"%s\" to \"%s\" was given before", d->setup->regions[a].name,
                        d->setup->regions[b].name);
        t->told[a * t->regions + b] = true;
        put(t, a, b, &pair.costs);
    }
}

static void pairs_read(struct document *d, const struct transfer_draft *all, struct transfers *t) {
    size_t top = reading_enter(&d->r, "pairs");
    if (value_is(&d->r, all->pairs, YAML_LIST, "a list of pairs"))
        for (size_t i = 0; i < all->pairs->len; i++) {
            size_t mark = reading_enter_index(&d->r, i);
            pair_read(d, all->pairs->items[i].value, all, t);
            reading_leave(&d->r, mark);
        }
    reading_leave(&d->r, top);
}

void transfer_read(struct document *d, const struct yaml_node *map) {
    struct transfer_draft draft = {0};
    size_t top = reading_enter(&d->r, "transfer"), n = d->setup->regions_len;
    params_read(&d->r, map, &transfer_block, &draft);
    struct arena *arena = d->r.arena;
    struct transfers t = {.setup = &d->setup->transfer, .regions = n};
    t.told = arena_alloc(arena, n * n, sizeof *t.told);
    t.setup->usd_per_gb = arena_alloc(arena, n * n, sizeof(double));
    t.setup->gb_per_s = arena_alloc(arena, n * n, sizeof(double));
    t.setup->latency_s = arena_alloc(arena, n * n, sizeof(double));
    for (size_t i = 0; i < n * n; i++)
        if (i / n != i % n) put(&t, i / n, i % n, &draft);
    if (draft.pairs) pairs_read(d, &draft, &t);
    reading_leave(&d->r, top);
}

/*
 * What capacity costs: one of six ways to buy a pool's nodes. What is paid for always (owned, rented,
 * reserved) becomes one price an hour: a purchase as the annuity that repays it, with the yearly cost of
 * running it and of the building that its peak power takes up; a reservation as its hourly price with the
 * upfront part spread over its term. On-demand and spot nodes cost what they are used, by the provider's
 * billing.
 *
 * A way given by its name takes the catalogue's figures for the node type; given as a mapping, it lies on top
 * of them.
 */
#include "base/tick.h"
#include "io/sections.h"

#include <math.h>
#include <string.h>

static const double hours_per_year = 8766;

struct owned_draft {
    double price_usd, cost_of_capital, yearly_usd_per_h, facility_usd_per_kw;
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
    {.param = {.key = "yearly", .kind = PARAM_NUMBER, .dim = DIM_MONEY_RATE, .offset = AT(yearly_usd_per_h),
               .least = 0, .most = 1e6,
               .help = "Staff, support and licences of a node, such as `5000 USD/y`."}},
    {.param = {.key = "facility_per_kw", .kind = PARAM_NUMBER, .dim = DIM_POWER_PRICE,
               .offset = AT(facility_usd_per_kw), .least = 0, .most = 1e6,
               .help = "Building, power and cooling plant, a year and kW of a node's IT peak power."}},
};
static const struct block owned_block = {.title = "owned", BLOCK_FIELDS(owned_fields),
    .about = "Capacity that was bought: paid for by the hour, at work or not."};
#undef AT

struct reserved_draft {
    double hourly_usd, upfront_usd;
    int64_t term_ns;
};
#define AT(member) offsetof(struct reserved_draft, member)
static const struct field reserved_fields[] = {
    {.param = {.key = "hourly", .kind = PARAM_NUMBER, .dim = DIM_MONEY_RATE, .offset = AT(hourly_usd),
               .least = 0, .most = 1e6, .help = "Price of a node, at work or not."}},
    {.param = {.key = "upfront", .kind = PARAM_NUMBER, .dim = DIM_MONEY, .offset = AT(upfront_usd),
               .least = 0, .most = 1e9, .help = "Paid once for the whole term, which it is spread over."}},
    {.param = {.key = "term", .kind = PARAM_TIME, .offset = AT(term_ns), .least = 3600,
               .most = 100 * 31557600.,
               .help = "How long the reservation lasts; required beside `upfront`."}},
};
static const struct block reserved_block = {.title = "reserved", BLOCK_FIELDS(reserved_fields),
    .about = "Capacity promised for a term: `hourly`, `upfront` or both."};
#undef AT

struct elastic_draft {
    const struct yaml_node *price, *per_gpu, *available;
    double hazard_per_h;
    int64_t notice_ns, billing_ns, billing_least_ns, provision_ns, keep_ns;
};
#define AT(member) offsetof(struct elastic_draft, member)
#define ELASTIC_FIELDS \
    {.param = {.key = "billing", .kind = PARAM_TIME, .offset = AT(billing_ns), .fallback = 1, .least = 0, \
               .most = 31557600, \
               .help = "A node is paid for in whole multiples of this; 0: to the nanosecond."}}, \
    {.param = {.key = "least", .kind = PARAM_TIME, .offset = AT(billing_least_ns), .fallback = 60, \
               .least = 0, .most = 31557600, \
               .help = "Each time a node is rented, at least this is paid for."}}, \
    {.param = {.key = "provision", .kind = PARAM_TIME, .offset = AT(provision_ns), .least = 0, \
               .most = 604800, .help = "From asking for a node until it is up, and paid for."}}, \
    {.param = {.key = "keep", .kind = PARAM_TIME, .offset = AT(keep_ns), .least = 0, .most = 31557600, \
               .help = "A node that has been idle for so long is given back."}}
static const struct field on_demand_fields[] = {
    {.param = {.key = "price", .dim = DIM_MONEY_RATE, .offset = AT(price),
               .help = "Price of a node while it is rented; this or `per_gpu`."},
     .read = read_node, .form = "a value"},
    {.param = {.key = "per_gpu", .dim = DIM_MONEY_RATE, .offset = AT(per_gpu),
               .help = "The same, as a price for each of its GPUs."},
     .read = read_node, .form = "a value"},
    ELASTIC_FIELDS};
static const struct block on_demand_block = {.title = "on_demand", BLOCK_FIELDS(on_demand_fields),
    .about = "Nodes that are rented while they are wanted; the pool's `nodes` are the most there are."};

static const char signal_form[] = "a value, or a mapping with `daily` or `file`";
static const struct field spot_fields[] = {
    {.param = {.key = "price", .dim = DIM_MONEY_RATE, .offset = AT(price),
               .help = "Price of a node while it is rented; this or `per_gpu`."},
     .read = read_node, .form = signal_form},
    {.param = {.key = "per_gpu", .dim = DIM_MONEY_RATE, .offset = AT(per_gpu),
               .help = "The same, as a price for each of its GPUs."},
     .read = read_node, .form = signal_form},
    {.param = {.key = "available", .offset = AT(available),
               .help = "Nodes to be had at a time, at most the pool's `nodes`; all when left out. When it "
                       "falls, the nodes above it are taken back."},
     .read = read_node, .form = signal_form},
    {.param = {.key = "hazard", .kind = PARAM_NUMBER, .dim = DIM_RATE, .offset = AT(hazard_per_h), .least = 0,
               .most = 3600, .help = "How often a node is taken back at random."}},
    {.param = {.key = "notice", .kind = PARAM_TIME, .offset = AT(notice_ns), .least = 0, .most = 86400,
               .help = "Warning before a node is taken back; a job writes a checkpoint in it where that "
                       "fits."}},
    ELASTIC_FIELDS};
static const struct block spot_block = {.title = "spot", BLOCK_FIELDS(spot_fields),
    .about = "Nodes that are rented while they are wanted and may be taken back."};
#undef ELASTIC_FIELDS
#undef AT

struct cost_draft {
    struct owned_draft owned;
    struct reserved_draft reserved;
    struct elastic_draft on_demand, spot;
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
    {.param = {.key = "reserved", .offset = AT(reserved), .help = "Nodes reserved for a term."},
     .read = read_block, .block = &reserved_block, .form = "a mapping"},
    {.param = {.key = "on_demand", .offset = AT(on_demand), .help = "Nodes rented while they are wanted."},
     .read = read_block, .block = &on_demand_block, .form = "a mapping"},
    {.param = {.key = "spot", .offset = AT(spot), .help = "The same, but they may be taken back."},
     .read = read_block, .block = &spot_block, .form = "a mapping"},
};
const struct block cost_block = {.title = "cost", BLOCK_FIELDS(cost_fields),
    .about = "What the capacity costs: one of these keys. A way given by its name alone, as in `cost: "
             "owned`, takes the figures of the catalogue's node type; without `cost` the capacity is free."};
#undef AT

static const struct {
    const char *key;
    enum bought bought;
} ways[] = {{"owned", BOUGHT_OWNED},       {"rented", BOUGHT_RENTED},       {"rented_per_gpu", BOUGHT_RENTED},
            {"reserved", BOUGHT_RESERVED}, {"on_demand", BOUGHT_ON_DEMAND}, {"spot", BOUGHT_SPOT}};
enum { WAYS = sizeof ways / sizeof *ways };

/* The node as a mapping, with the catalogue's figures laid under the way it names. NULL: a finding. */
static const struct yaml_node *with_catalog(struct document *d, const struct yaml_node *node,
                                            const struct yaml_node *costs) {
    struct arena *arena = d->catalog->arena;
    if (node->kind == YAML_SCALAR) {
        const char *known[WAYS];
        const struct yaml_node *way = costs ? yaml_get(costs, node->text) : NULL;
        size_t i = 0;
        for (size_t k = 0; k < WAYS; k++) known[k] = ways[k].key;
        while (i < WAYS && strcmp(node->text, known[i]) != 0) i++;
        if (i == WAYS) {
            reading_unknown(&d->r, node, "way to pay", known, WAYS, NULL);
            return NULL;
        }
        if (!way) {
            reading_add(&d->r, node,
                        "no catalogue figure for %s, expected a mapping such as {rented: 2.9 USD/h}",
                        value_shown(node).text);
            return NULL;
        }
        struct yaml_node *map = yaml_map(arena, node);
        yaml_put(arena, map, node->text, yaml_copy(arena, way));
        return map;
    }
    if (node->kind != YAML_MAP || node->len != 1 || !costs) return node;
    struct yaml_node *map = yaml_copy(arena, node), *way = map->items[0].value;
    const struct yaml_node *under = yaml_get(costs, map->items[0].key->text);
    if (under && under->kind == YAML_MAP && way->kind == YAML_MAP && !yaml_get(way, "per_gpu"))
        yaml_merge(arena, way, under);
    return map;
}

static double owned_usd_per_h(const struct owned_draft *owned, const struct pool_setup *pool) {
    if (owned->life_ns <= 0) return 0; /* there was a finding */
    double peak_kw = (pool->base_w + pool->gpus * pool->gpu_peak_w) / 1000;
    return cost_owned_usd_per_h(owned->price_usd, tick_seconds(owned->life_ns) / 31557600.,
                                owned->cost_of_capital) +
           owned->yearly_usd_per_h + owned->facility_usd_per_kw * peak_kw / hours_per_year;
}

static double reserved_usd_per_h(struct reading *r, const struct yaml_node *way,
                                 const struct reserved_draft *reserved) {
    if (way->kind != YAML_MAP) return 0;
    if (!yaml_get(way, "hourly") && !yaml_get(way, "upfront"))
        reading_add(r, way, "missing key \"hourly\" or \"upfront\"");
    if (yaml_get(way, "upfront") && !yaml_get(way, "term"))
        reading_add(r, way, "missing key \"term\", which \"upfront\" is paid for");
    return reserved->hourly_usd +
           (reserved->term_ns > 0 ? reserved->upfront_usd / tick_hours(reserved->term_ns) : 0);
}

/* The price of a node while it is rented; a flat one as a number, else as steps. */
static void elastic_price(struct document *d, const struct yaml_node *way, const struct elastic_draft *draft,
                          struct pool_setup *pool) {
    static const struct param param = {.kind = PARAM_NUMBER, .dim = DIM_MONEY_RATE, .least = 0, .most = 1e6};
    const struct yaml_node *node = draft->price ? draft->price : draft->per_gpu;
    if (!draft->price == !draft->per_gpu) {
        reading_add(&d->r, way, "expected one of \"price\" and \"per_gpu\"");
        return;
    }
    const char *key = draft->price ? "price" : "per_gpu";
    double factor = draft->price ? 1 : pool->gpus;
    struct steps steps = {0};
    if (pool->bought == BOUGHT_SPOT) signal_read(d, key, node, &param, pool_offset_ns(d, pool), &steps);
    else {
        size_t mark = reading_enter(&d->r, key);
        value_read(&d->r, node, &param, &pool->usd_per_node_h);
        reading_leave(&d->r, mark);
        pool->usd_per_node_h *= factor;
    }
    for (size_t i = 0; i < steps.len; i++) steps.value[i] *= factor;
    if (node->kind == YAML_MAP) pool->spot_usd_per_node_h = steps;
    else if (steps.len) pool->usd_per_node_h = steps.value[0];
}

static void elastic_read(struct document *d, const struct yaml_node *way, const struct elastic_draft *draft,
                         struct pool_setup *pool) {
    static const struct param available = {.kind = PARAM_NUMBER, .least = 0, .most = 1e7};
    if (way->kind != YAML_MAP) return;
    elastic_price(d, way, draft, pool);
    signal_read(d, "available", draft->available, &available, pool_offset_ns(d, pool), &pool->spot_nodes);
    pool->spot_hazard_per_h = draft->hazard_per_h;
    pool->spot_notice_ns = draft->notice_ns;
    pool->billing_ns = draft->billing_ns;
    pool->billing_least_ns = draft->billing_least_ns;
    pool->sleep = (struct sleep_setup){.on = true, .after_ns = draft->keep_ns,
                                       .boot_ns = draft->provision_ns};
}

static void way_read(struct document *d, const char *key, const struct yaml_node *way,
                     const struct cost_draft *cost, struct pool_setup *pool) {
    size_t mark = reading_enter(&d->r, key);
    switch (pool->bought) {
    case BOUGHT_OWNED: pool->usd_per_node_h = owned_usd_per_h(&cost->owned, pool); break;
    case BOUGHT_RESERVED: pool->usd_per_node_h = reserved_usd_per_h(&d->r, way, &cost->reserved); break;
    case BOUGHT_ON_DEMAND: elastic_read(d, way, &cost->on_demand, pool); break;
    case BOUGHT_SPOT: elastic_read(d, way, &cost->spot, pool); break;
    default: pool->usd_per_node_h = cost->rented_usd_per_h + cost->rented_per_gpu_usd_per_h * pool->gpus;
    }
    reading_leave(&d->r, mark);
}

void cost_read(struct document *d, const struct yaml_node *given, const struct yaml_node *costs,
               struct pool_setup *pool) {
    struct cost_draft cost = {0};
    const struct yaml_node *node = with_catalog(d, given, costs);
    if (!node) return;
    params_read(&d->r, node, &cost_block, &cost);
    if (node->kind != YAML_MAP) return;
    size_t found = 0;
    for (size_t i = 0; i < WAYS; i++)
        if (yaml_get(node, ways[i].key) && found++ == 0) {
            pool->bought = ways[i].bought;
            way_read(d, ways[i].key, yaml_get(node, ways[i].key), &cost, pool);
        }
    if (found != 1)
        reading_add(&d->r, node,
                    "expected one of \"owned\", \"rented\", \"rented_per_gpu\", \"reserved\", \"on_demand\" "
                    "and \"spot\"");
}

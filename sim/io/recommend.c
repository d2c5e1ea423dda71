/*
 * See recommend.h. An offer is read by the tables of pools, once for each of its regions and ways to pay, so that what
 * is searched is read, checked and named as what is simulated. The workload is read in recommend_work.c.
 *
 * Invariant: a section read without findings has at least one offer, one variant, and one knob of each kind.
 * Cost: a reading of a mapping an offer.
 */
#include "io/recommend.h"

#include "base/tick.h"
#include "io/sections.h"

#include <stdlib.h>
#include <string.h>

/* ---- tables ---- */

static const char *const presets[] = {"develop", "validate", "production", NULL};
/* What a stage of life asks for where the scenario does not: answers soon and cheap while trying; in between while
 * checking; fast, steady and in the precision that is shipped at the end. Our own defaults. */
static const struct preset {
    double share, factor;
    const char *const *markets, *const *precisions; /* NULL: all */
} preset_values[] = {
    {0.05, 1.25, NULL, NULL},
    {0.2, 1.5, NULL, (const char *const[]){"fp8", "bf16", "fp32", NULL}},
    {0.5, 2, (const char *const[]){"free", "owned", "rented", "reserved", "on_demand", NULL},
     (const char *const[]){"fp8", "bf16", "fp32", NULL}},
};

struct limits_draft {
    int64_t time_ns;
    double share, usd, factor;
};
#define AT(member) offsetof(struct limits_draft, member)
static const struct field floor_fields[] = {
    {.param = {.key = "time", .kind = PARAM_TIME, .offset = AT(time_ns), .least = 0, .most = 3.15576e9,
               .help = "A result takes no longer: all the work, from the start of the scenario; of a service, the "
                       "mean request."}},
    {.param = {.key = "share", .kind = PARAM_NUMBER, .offset = AT(share), .least = 0, .most = 1,
               .help = "Or at least this share of the best performance there is; the preset's when left out, none of a "
                       "service, whose levels are its floor."}},
};
static const struct block floor_block = {.title = "floor", BLOCK_FIELDS(floor_fields),
    .about = "The performance that every answer keeps. Of a service, its `slo` beside."};
static const struct field guardrail_fields[] = {
    {.param = {.key = "cost", .kind = PARAM_NUMBER, .dim = DIM_MONEY, .offset = AT(usd), .least = 0, .most = 1e15,
               .help = "All the work costs no more; a service, a day of it."}},
    {.param = {.key = "factor", .kind = PARAM_NUMBER, .offset = AT(factor), .least = 1, .most = 1e6,
               .help = "Or at most so many times the cheapest that keeps the floor; the preset's when left out."}},
};
static const struct block guardrail_block = {.title = "guardrail", BLOCK_FIELDS(guardrail_fields),
    .about = "What no answer costs more than."};
#undef AT

struct weights_draft {
    double usd, energy, carbon;
};
#define AT(member) offsetof(struct weights_draft, member)
static const struct field weights_fields[] = {
    {.param = {.key = "cost", .kind = PARAM_NUMBER, .offset = AT(usd), .fallback = 1, .least = 0, .most = 1e6,
               .help = "Weight of the cost."}},
    {.param = {.key = "energy", .kind = PARAM_NUMBER, .offset = AT(energy), .fallback = 1, .least = 0, .most = 1e6,
               .help = "Weight of the energy."}},
    {.param = {.key = "carbon", .kind = PARAM_NUMBER, .offset = AT(carbon), .fallback = 1, .least = 0, .most = 1e6,
               .help = "Weight of the emissions."}},
};
static const struct block weights_block = {.title = "weights", BLOCK_FIELDS(weights_fields),
    .about = "The answer by weights minimises their sum, each figure over the least of its kind."};
#undef AT

static const struct field offer_fields[] = {
    {.param = {.key = "name", .required = true, .help = "What the answers call it."}, .read = read_nothing,
     .form = "text"},
    {.param = {.key = "nodes", .required = true, .help = "Nodes to be had, at most, in each region."},
     .read = read_nothing, .form = "whole number"},
    {.param = {.key = "regions", .help = "Where it is offered; everywhere when left out."}, .read = read_nothing,
     .form = "a list of regions' names"},
    {.param = {.key = "cost", .required = true, .help = "All ways it can be paid for."}, .read = read_nothing,
     .form = "a mapping as in [pools](#pools), with any number of ways; or a list of ways the catalogue has"},
};
static const struct block offer_block = {.title = "offers", BLOCK_FIELDS(offer_fields),
    .about = "Node types: these keys, and those of [pools](#pools) that say what a node is (`node`, `gpu`, `gpus`, "
             "`power`, `faults`). Each is offered once in each of its regions and ways to pay."};

struct checkpoint_draft {
    const struct yaml_node *every;
    int64_t write_ns, restore_ns;
};
#define AT(member) offsetof(struct checkpoint_draft, member)
static const struct field checkpoint_fields[] = {
    {.param = {.key = "every", .offset = AT(every), .required = true,
               .help = "Intervals to try: times, `none`, `young` and `daly` (policy.checkpoint)."},
     .read = read_node, .form = "a list, as `[30 min, daly]`"},
    {.param = {.key = "write", .kind = PARAM_TIME, .offset = AT(write_ns), .least = 1e-3, .most = 86400,
               .required = true, .help = "GPU time that writing one takes."}},
    {.param = {.key = "restore", .kind = PARAM_TIME, .offset = AT(restore_ns), .least = 0, .most = 86400,
               .help = "GPU time that going on from one takes."}},
};
static const struct block checkpoint_block = {.title = "checkpoint", BLOCK_FIELDS(checkpoint_fields),
    .about = "What survives a failure. Without it, a training starts again from nothing, an item from its own."};
#undef AT

struct recommend_draft {
    int preset;
    const struct yaml_node *work, *service, *offers, *markets, *precisions, *checkpoint, *shift_on;
    struct numbers nodes, caps, waits_s;
    struct limits_draft limits;
    struct weights_draft weights;
    double value_exponent, owned_use;
    int64_t kept;
};
#define AT(member) offsetof(struct recommend_draft, member)
static const struct field recommend_fields[] = {
    {.param = {.key = "preset", .kind = PARAM_CHOICE, .offset = AT(preset), .choices = presets, .least = 1, .most = 0,
               .help = "Stage of life, which fills in what is left out: floor, guardrail, markets, precisions "
                       "(docs/recommend.md)."}},
    {.param = {.key = "training", .offset = AT(work), .help = "The workload: this, `batch` or `service`."},
     .read = read_node, .block = &training_block, .form = "a mapping"},
    {.param = {.key = "batch", .offset = AT(work), .help = "The workload."},
     .read = read_node, .block = &batch_block, .form = "a mapping"},
    {.param = {.key = "service", .offset = AT(service), .help = "The workload."},
     .read = read_node, .block = &served_block, .form = "a mapping"},
    {.param = {.key = "offers", .offset = AT(offers), .required = true, .help = "What it may run on."},
     .read = read_node, .block = &offer_block, .form = "a list of mappings"},
    {.param = {.key = "nodes", .kind = PARAM_NUMBERS, .offset = AT(nodes), .least = 1, .most = 1e6,
               .help = "Numbers of nodes to try; all up to an offer's when left out."}},
    {.param = {.key = "markets", .offset = AT(markets),
               .help = "Ways to pay that count; the preset's when left out."},
     .read = read_node, .form = "a list of owned, rented, reserved, on_demand, spot"},
    {.param = {.key = "precisions", .offset = AT(precisions),
               .help = "Precisions that count, where they vary; the preset's when left out."},
     .read = read_node, .form = "a list of fp4, fp8, bf16, fp32"},
    {.param = {.key = "checkpoint", .offset = AT(checkpoint), .help = "Knob: checkpoint intervals."},
     .read = read_node, .block = &checkpoint_block, .form = "a mapping"},
    {.param = {.key = "caps", .kind = PARAM_NUMBERS, .offset = AT(caps), .least = 0.4, .most = 1,
               .help = "Knob: power caps, as shares of a GPU's peak; the speeds are those of policy.cap. 1: none."}},
    {.param = {.key = "waits", .kind = PARAM_NUMBERS, .dim = DIM_TIME, .offset = AT(waits_s), .least = 0,
               .most = 31557600, .help = "Knob: how long it may be kept back for better hours; 0: not."}},
    {.param = {.key = "shift_on", .offset = AT(shift_on),
               .help = "Knob: what makes hours better, price or carbon; both are tried when left out."},
     .read = read_node, .form = "a list of price, carbon"},
    {.param = {.key = "floor", .offset = AT(limits), .help = "The performance all answers keep."},
     .read = read_block, .block = &floor_block, .form = "a mapping"},
    {.param = {.key = "guardrail", .offset = AT(limits), .help = "The cost all answers keep."},
     .read = read_block, .block = &guardrail_block, .form = "a mapping"},
    {.param = {.key = "weights", .offset = AT(weights), .help = "Of the answer by weights."},
     .read = read_block, .block = &weights_block, .form = "a mapping"},
    {.param = {.key = "value_exponent", .kind = PARAM_NUMBER, .offset = AT(value_exponent), .fallback = 1, .least = 0,
               .most = 10, .help = "Value is the least cost x time^exponent: 1 is the cost-delay product, 2 asks more "
                                   "for speed, 0 is the cost alone."}},
    {.param = {.key = "owned_use", .kind = PARAM_NUMBER, .offset = AT(owned_use), .fallback = 0.7, .least = 0.01,
               .most = 1, .help = "Share of its time that owned, rented and reserved capacity is at work, over all who "
                                  "use it: an hour of it costs its price over this. An assumption."}},
    {.param = {.key = "candidates", .kind = PARAM_INTEGER, .offset = AT(kept), .fallback = 3, .least = 1,
               .most = CHOICE_KEPT_MOST, .help = "Of each answer, so many of the best are simulated, and the best of "
                                                 "those that hold is given."}},
};
const struct block recommend_block = {.title = "recommend", BLOCK_FIELDS(recommend_fields),
    .about = "A workload, and all it may run on: `headroom recommend` searches every combination and answers what is "
             "cheapest, fastest, and best value (docs/recommend.md)."};
#undef AT

/* ---- lists of words ---- */

bool recommend_listed(const char *const *words, const char *word) {
    while (*words && strcmp(*words, word) != 0) words++;
    return *words != NULL;
}

/* The words of a list, each one of those known; NULL-terminated. fallback where there is no list. */
static const char *const *words_read(struct document *d, const char *key, const struct yaml_node *list,
                                     const char *what, const char *const *known, size_t known_len,
                                     const char *const *fallback) {
    if (!list) return fallback;
    const size_t mark = reading_enter(&d->r, key);
    const char **words = arena_alloc(d->r.arena, list->len + 1, sizeof *words);
    size_t len = 0;
    if (value_is(&d->r, list, YAML_LIST, "a list")) {
        for (size_t i = 0; i < list->len; i++) {
            const size_t inner = reading_enter_index(&d->r, i);
            const uint32_t word = name_index(&d->r, list->items[i].value, what, known, known_len);
            if (word != UINT32_MAX) words[len++] = known[word];
            reading_leave(&d->r, inner);
        }
        if (!list->len) reading_add(&d->r, list, "an empty list, expected at least one %s", what);
    }
    reading_leave(&d->r, mark);
    return words;
}

/* ---- offers ---- */

struct offers {
    struct {
        struct recommend_offer *at;
        size_t len, cap;
    } found;
    const char *const *markets; /* NULL: all */
    double owned_use;
};

/* The offer as a pool: in one region, paid for in one way. */
static struct yaml_node *pool_of(struct document *d, const struct yaml_node *element, const char *region,
                                 const struct yaml_node *cost, size_t way) {
    struct arena *arena = d->catalog->arena;
    struct yaml_node *map = yaml_copy(arena, element);
    const struct yaml_node *name = yaml_get(element, "name"), *item = cost->items[way].value;
    const char *bought = cost->kind == YAML_LIST ? item->text : cost->items[way].key->text;
    struct text text;
    text_init(&text);
    text_format(&text, "%s/%s/%s", name ? name->text : "", region, bought);
    if (name) yaml_put(arena, map, "name", yaml_scalar(arena, name, text.at));
    text_free(&text);
    yaml_put(arena, map, "region", yaml_scalar(arena, element, region));
    if (cost->kind == YAML_LIST) yaml_put(arena, map, "cost", yaml_scalar(arena, item, bought));
    else {
        struct yaml_node *one = yaml_map(arena, cost);
        yaml_put(arena, one, bought, yaml_copy(arena, item));
        yaml_put(arena, map, "cost", one);
    }
    yaml_put(arena, map, "regions", yaml_scalar(arena, element, "null"));
    yaml_prune(map);
    return map;
}

static void offer_add(struct document *d, const struct yaml_node *pool, uint32_t machine, struct offers *offers) {
    struct recommend_offer offer = {.machine = machine};
    const size_t found = d->r.err->found;
    if (!pool_read_one(d, pool, &offer.pool, &offer.nodes) || d->r.err->found > found) return;
    const enum bought bought = offer.pool.bought;
    if (offer.pool.gpus == 0) reading_add(&d->r, pool, "an offer without GPUs");
    if (offers->markets && !recommend_listed(offers->markets, bought_names[bought])) return;
    if (!bought_elastic(bought)) offer.pool.usd_per_node_h /= offers->owned_use;
    *vec_push(&offers->found) = offer;
}

static void offer_read(struct document *d, const struct yaml_node *element, uint32_t machine, struct offers *offers) {
    struct reading *r = &d->r;
    if (!value_is(r, element, YAML_MAP, "a mapping")) return;
    const struct yaml_node *cost = yaml_get(element, "cost"), *regions = yaml_get(element, "regions");
    static const char *const others[] = {"region", "nodes_from", "tenant"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (yaml_get(element, others[i])) reading_add_key(r, element, others[i], "\"%s\" in an offer", others[i]);
    if (!cost || (cost->kind == YAML_SCALAR ? true : cost->len == 0)) {
        reading_add_key(r, element, "cost", "expected a mapping or a list of ways to pay");
        return;
    }
    const char *const *names =
        words_read(d, "regions", regions, "region", d->region_names, d->setup->regions_len, NULL);
    const size_t found = r->err->found;
    for (size_t i = 0; i < d->setup->regions_len; i++) {
        const char *region = d->region_names[i];
        if (!region || (names && !recommend_listed(names, region))) continue;
        for (size_t way = 0; way < cost->len; way++) {
            if (cost->kind == YAML_LIST && cost->items[way].value->kind != YAML_SCALAR) {
                reading_add(r, cost->items[way].value, "expected the name of a way to pay");
                return;
            }
            offer_add(d, pool_of(d, element, region, cost, way), machine, offers);
            if (r->err->found > found) return; /* the others only repeat it */
        }
    }
}

static void offers_read(struct document *d, const struct yaml_node *list, struct offers *offers,
                        struct recommend_setup *into) {
    struct reading *r = &d->r;
    const size_t top = reading_enter(r, "offers");
    if (value_is(r, list, YAML_LIST, "a list of offers")) {
        into->machines = arena_alloc(r->arena, list->len, sizeof *into->machines);
        for (size_t i = 0; i < list->len; i++) {
            const size_t mark = reading_enter_index(r, i);
            const struct yaml_node *element = list->items[i].value, *name = yaml_get(element, "name");
            into->machines[i] = name ? name->text : NULL;
            name_unique(r, element, into->machines[i], into->machines, i);
            offer_read(d, element, (uint32_t)i, offers);
            reading_leave(r, mark);
        }
        into->machines_len = list->len;
        if (!list->len) reading_add(r, list, "no offers, expected at least one");
        else if (!offers->found.len && r->err->found == 0)
            reading_add(r, list, "nothing is offered in these markets");
    }
    into->offers_len = offers->found.len;
    into->offers = arena_alloc(r->arena, into->offers_len, sizeof *into->offers);
    if (into->offers_len) memcpy(into->offers, offers->found.at, into->offers_len * sizeof *into->offers);
    free(offers->found.at);
    reading_leave(r, top);
}

/* ---- knobs ---- */

enum { KNOBS_MOST = 64 };

static void checkpoints_read(struct document *d, const struct yaml_node *node, struct recommend_setup *into) {
    static const char *const words[] = {[CHECKPOINT_NONE] = "none", [CHECKPOINT_FIXED] = "",
                                        [CHECKPOINT_YOUNG] = "young", [CHECKPOINT_DALY] = "daly"};
    static const struct param time = {.kind = PARAM_TIME, .least = 1, .most = 31557600};
    struct checkpoint_draft draft = {0};
    into->checkpoints = arena_alloc(d->r.arena, KNOBS_MOST, sizeof *into->checkpoints);
    into->checkpoints_len = 1;
    if (!node) return;
    const size_t mark = reading_enter(&d->r, "checkpoint");
    params_read(&d->r, node, &checkpoint_block, &draft);
    into->write_s = tick_seconds(draft.write_ns);
    into->restore_s = tick_seconds(draft.restore_ns);
    const size_t inner = reading_enter(&d->r, "every");
    if (draft.every && value_is(&d->r, draft.every, YAML_LIST, "a list of intervals")) {
        if (!draft.every->len || draft.every->len > KNOBS_MOST)
            reading_add(&d->r, draft.every, "%zu intervals, expected 1 to %d", draft.every->len, KNOBS_MOST);
        into->checkpoints_len = 0;
        for (size_t i = 0; i < draft.every->len && i < KNOBS_MOST; i++) {
            const struct yaml_node *one = draft.every->items[i].value;
            struct choice_checkpoint *c = &into->checkpoints[into->checkpoints_len++];
            int64_t every_ns = 0;
            const size_t element = reading_enter_index(&d->r, i);
            for (int k = CHECKPOINT_NONE; k <= CHECKPOINT_DALY; k++)
                if (one->kind == YAML_SCALAR && *one->text && strcmp(one->text, words[k]) == 0) {
                    c->kind = k;
                    every_ns = 1;
                }
            if (!every_ns && value_read(&d->r, one, &time, &every_ns))
                *c = (struct choice_checkpoint){CHECKPOINT_FIXED, tick_seconds(every_ns)};
            reading_leave(&d->r, element);
        }
    }
    reading_leave(&d->r, inner);
    reading_leave(&d->r, mark);
}

static struct numbers numbers_or(struct document *d, const struct yaml_node *map, const char *key, struct numbers given,
                                 double otherwise, size_t most) {
    if (given.len > most) reading_add_key(&d->r, map, key, "%zu values, at most %zu", given.len, most);
    if (given.len) return given;
    struct numbers one = {.at = arena_alloc(d->r.arena, 1, sizeof *one.at), .len = 1};
    one.at[0] = otherwise;
    return one;
}

static void knobs_read(struct document *d, const struct yaml_node *map, const struct recommend_draft *draft,
                       struct recommend_setup *into) {
    static const char *const signals[] = {"price", "carbon"};
    static const char *const both[] = {"price", "carbon", NULL};
    static const char *const knobs[] = {"checkpoint", "caps", "waits", "shift_on"};
    for (size_t i = 0; draft->service && i < sizeof knobs / sizeof *knobs; i++)
        if (yaml_get(map, knobs[i]))
            reading_add_key(&d->r, map, knobs[i], "\"%s\" of a service, which has none", knobs[i]);
    checkpoints_read(d, draft->checkpoint, into);
    into->caps = numbers_or(d, map, "caps", draft->caps, 1, CHOICE_CAPS_MOST);
    const struct numbers waits = numbers_or(d, map, "waits", draft->waits_s, 0, KNOBS_MOST / 2);
    const char *const *on = words_read(d, "shift_on", draft->shift_on, "signal", signals, 2, both);
    into->waits = arena_alloc(d->r.arena, 2 * waits.len, sizeof *into->waits);
    for (size_t i = 0; i < waits.len; i++) {
        const double s = waits.at[i];
        if (s == 0 || recommend_listed(on, "price")) into->waits[into->waits_len++] = (struct choice_wait){s, false};
        if (s > 0 && recommend_listed(on, "carbon")) into->waits[into->waits_len++] = (struct choice_wait){s, true};
    }
}

/* ---- all together ---- */

static bool has(const struct yaml_node *map, const char *key) { return map && yaml_get(map, key); }

static void limits_read(struct document *d, const struct yaml_node *map, const struct recommend_draft *draft,
                        const struct preset *preset, struct recommend_setup *into) {
    const struct limits_draft *l = &draft->limits;
    const struct yaml_node *floor = yaml_get(map, "floor"), *guardrail = yaml_get(map, "guardrail");
    if (has(floor, "time") && has(floor, "share"))
        reading_add(&d->r, floor, "both \"time\" and \"share\", expected one");
    if (has(guardrail, "cost") && has(guardrail, "factor"))
        reading_add(&d->r, guardrail, "both \"cost\" and \"factor\", expected one");
    into->limits = (struct recommend_limits){
        .time_s = tick_seconds(l->time_ns),
        .share = has(floor, "share") ? l->share : into->kind == RECOMMEND_SERVICE ? 0 : preset->share,
        .usd = l->usd,
        .factor = has(guardrail, "factor") ? l->factor : preset->factor};
    into->weight_usd = draft->weights.usd;
    into->weight_energy = draft->weights.energy;
    into->weight_carbon = draft->weights.carbon;
    if (!(into->weight_usd + into->weight_energy + into->weight_carbon > 0))
        reading_add_key(&d->r, map, "weights", "no weight above 0");
}

struct recommend_setup *recommend_read(struct document *d, const struct yaml_node *map) {
    static const char *const precisions[] = {"fp4", "fp8", "bf16", "fp32"};
    struct recommend_draft draft = {0};
    struct recommend_setup *into = arena_alloc(d->r.arena, 1, sizeof *into);
    const size_t top = reading_enter(&d->r, "recommend");
    params_read(&d->r, map, &recommend_block, &draft);
    if (map->kind == YAML_MAP) {
        const struct preset *preset = &preset_values[draft.preset];
        into->preset = presets[draft.preset];
        struct offers offers = {.owned_use = draft.owned_use > 0 ? draft.owned_use : 1};
        offers.markets =
            words_read(d, "markets", draft.markets, "way to pay", bought_names, BOUGHT_COUNT, preset->markets);
        const char *const *wanted = words_read(d, "precisions", draft.precisions, "precision", precisions,
                                               sizeof precisions / sizeof *precisions, preset->precisions);
        if (draft.offers) offers_read(d, draft.offers, &offers, into);
        recommend_work_read(d, map, wanted, into);
        knobs_read(d, map, &draft, into);
        limits_read(d, map, &draft, preset, into);
        into->node_counts = draft.nodes;
        into->value_exponent = draft.value_exponent;
        into->kept = (uint32_t)draft.kept;
    }
    reading_leave(&d->r, top);
    return into;
}

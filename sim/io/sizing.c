/*
 * The `size:` block: what may vary in which bounds, what must hold, what is least. The tables check one value at a
 * time; here is checked what belongs together: that an axis is either counts or alternatives, that a target names a
 * metric which its part has and a limit in the metric's unit. Whether the paths lead anywhere shows when the first
 * fleet is read.
 *
 * Cost: values of all axes.
 */
#include "io/sizing.h"

#include "base/lattice.h"
#include "base/num.h"
#include "base/tick.h"
#include "core/plan.h"
#include "io/sections.h"
#include "io/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const sizing_objectives[SIZING_OBJECTIVES + 1] = {"total_usd", "energy_kwh", "total_co2_kg", "nodes",
                                                              NULL};

struct axis_draft {
    const char *path;
    int64_t least, most, step;
    const struct yaml_node *among;
    const struct yaml_node *grows;
};
#define AT(member) offsetof(struct axis_draft, member)
static const struct field axis_fields[] = {
    {.param = {.key = "path", .kind = PARAM_TEXT, .offset = AT(path), .required = true,
               .help = "What varies, as in `--set`: `pools.h100.nodes`, `services.chat.replicas`, `pools.h100.node`."}},
    {.param = {.key = "least", .kind = PARAM_INTEGER, .offset = AT(least), .fallback = 0, .least = 0, .most = 10000000,
               .help = "Lowest count."}},
    {.param = {.key = "most", .kind = PARAM_INTEGER, .offset = AT(most), .fallback = -1, .least = 0, .most = 10000000,
               .help = "Highest count; this or `among`."}},
    {.param = {.key = "step", .kind = PARAM_INTEGER, .offset = AT(step), .fallback = 1, .least = 1, .most = 10000000,
               .help = "Counts are `least`, `least` + `step`, ..."}},
    {.param = {.key = "among", .offset = AT(among),
               .help = "Alternatives without an order instead of counts: node types, ways to pay, precisions."},
     .read = read_node, .form = "a list of values"},
    {.param = {.key = "grows", .offset = AT(grows),
               .help = "Whether a fleet that holds costs no less with a higher count. When left out: nodes that are "
                       "always paid for do unless others are rented while wanted, rented nodes do unless there are "
                       "dearer ones, everything else does."},
     .read = read_node, .form = "true or false"},
};
static const struct block axis_block = {.title = "choose", BLOCK_FIELDS(axis_fields),
    .about = "A list of what may vary, each independent of the others. A higher count must never make a target be "
             "missed; a contradiction is told when it is met."};
#undef AT

struct target_draft {
    const char *metric, *names[PART_COUNT];
    const struct yaml_node *limits[2]; /* at most, at least */
    double share;
};
#define AT(member) offsetof(struct target_draft, member)
static const struct field target_fields[] = {
    {.param = {.key = "metric", .kind = PARAM_TEXT, .offset = AT(metric), .required = true,
               .help = "A metric ('headroom help metrics'), such as `wait_p95_s`, `ttft_p99_s`, `jobs_refused`."}},
    {.param = {.key = "at_most", .offset = AT(limits[0]), .help = "Its limit, with a unit where the metric has one."},
     .read = read_node, .form = "a value, as `30 min`"},
    {.param = {.key = "at_least", .offset = AT(limits[1]), .help = "The same, from below."},
     .read = read_node, .form = "a value, as `0.99`"},
    {.param = {.key = "tenant", .kind = PARAM_TEXT, .offset = AT(names[PART_TENANT]),
               .help = "Of this tenant alone; of the whole run when no part is named."}},
    {.param = {.key = "class", .kind = PARAM_TEXT, .offset = AT(names[PART_CLASS]), .help = "Of this class."}},
    {.param = {.key = "region", .kind = PARAM_TEXT, .offset = AT(names[PART_REGION]), .help = "Of this region."}},
    {.param = {.key = "pool", .kind = PARAM_TEXT, .offset = AT(names[PART_POOL]), .help = "Of this pool."}},
    {.param = {.key = "service", .kind = PARAM_TEXT, .offset = AT(names[PART_SERVICE]), .help = "Of this service."}},
    {.param = {.key = "share", .kind = PARAM_NUMBER, .offset = AT(share), .least = 0, .most = 0.999,
               .help = "It shall hold in this share of the replications, by a binomial bound; 0: their mean shall, by "
                       "Student's t."}},
};
static const struct block target_block = {.title = "targets", BLOCK_FIELDS(target_fields),
    .about = "A list of what must hold."};
#undef AT

struct case_draft {
    struct sizing_case is;
    const struct yaml_node *set;
};
#define AT(member) offsetof(struct case_draft, member)
static const struct field case_fields[] = {
    {.param = {.key = "name", .kind = PARAM_TEXT, .offset = AT(is.name), .required = true,
               .help = "What the page calls it."}},
    {.param = {.key = "demand", .kind = PARAM_NUMBER, .offset = AT(is.demand), .fallback = 1, .least = 0.001,
               .most = 1000, .help = "So many times the arrivals: the rate of a load and of requests, the speed of a "
                                     "trace, the items of a pipeline."}},
    {.param = {.key = "energy_price", .kind = PARAM_NUMBER, .offset = AT(is.energy_price), .fallback = 1, .least = 0,
               .most = 1000, .help = "So many times every region's price of energy."}},
    {.param = {.key = "lost", .kind = PARAM_TEXT, .offset = AT(is.lost),
               .help = "A region all of whose nodes are gone."}},
    {.param = {.key = "set", .offset = AT(set), .help = "Overrides, path: value, as those of a run."},
     .read = read_node, .form = "a mapping"},
    {.param = {.key = "required", .kind = PARAM_BOOL, .offset = AT(is.required), .fallback = 1,
               .help = "Whether the answer must keep the targets in this case too; false: it is only tried."}},
};
static const struct block case_block = {.title = "cases", BLOCK_FIELDS(case_fields),
    .about = "Contingencies, each on top of the chosen fleet."};
#undef AT

struct buy_draft {
    struct sizing_buy is;
};
#define AT(member) offsetof(struct buy_draft, member)
static const struct field buy_fields[] = {
    {.param = {.key = "pool", .kind = PARAM_TEXT, .offset = AT(is.pool), .required = true,
               .help = "A pool whose nodes `choose` counts."}},
    {.param = {.key = "price", .kind = PARAM_NUMBER, .dim = DIM_MONEY, .offset = AT(is.price_usd), .least = 0,
               .most = 1e9, .required = true, .help = "Of a node today, paid when it is bought."}},
    {.param = {.key = "price_growth", .kind = PARAM_NUMBER, .offset = AT(is.price_growth), .least = -0.99, .most = 10,
               .help = "By the year; -0.1: a tenth cheaper each year."}},
    {.param = {.key = "from", .kind = PARAM_TIME, .offset = AT(is.from_ns), .least = 0, .most = 3.15576e9,
               .help = "When it comes out, from the beginning of the first period."}},
    {.param = {.key = "life", .kind = PARAM_TIME, .offset = AT(is.life_ns), .fallback = 5 * 31557600., .least = 3600,
               .most = 3.15576e9, .help = "How long a node serves, in whole periods."}},
    {.param = {.key = "standing", .kind = PARAM_INTEGER, .offset = AT(is.standing), .least = 0, .most = 10000000,
               .help = "Nodes that are there already."}},
    {.param = {.key = "retires", .kind = PARAM_TIME, .offset = AT(is.retires_ns), .fallback = INFINITY, .least = 0,
               .most = 3.15576e9, .help = "When these are given up."}},
};
static const struct block buy_block = {.title = "buy", BLOCK_FIELDS(buy_fields),
    .about = "A list of generations of hardware. How much faster one is follows from its pool's GPUs and the speed "
             "models of `classes`."};
#undef AT

struct horizon_draft {
    struct sizing_horizon is;
    int64_t periods;
    const struct yaml_node *buy;
};
#define AT(member) offsetof(struct horizon_draft, member)
static const struct field horizon_fields[] = {
    {.param = {.key = "periods", .kind = PARAM_INTEGER, .offset = AT(periods), .least = 1, .most = PLAN_PERIODS_MOST,
               .required = true, .help = "How many; something may be bought at the beginning of each."}},
    {.param = {.key = "period", .kind = PARAM_TIME, .offset = AT(is.period_ns), .fallback = 31557600, .least = 86400,
               .most = 3.15576e9, .help = "Length of one."}},
    {.param = {.key = "growth", .kind = PARAM_NUMBER, .offset = AT(is.growth), .least = -0.99, .most = 100,
               .help = "Of demand by the year; each period is sized for its end."}},
    {.param = {.key = "energy_price", .kind = PARAM_NUMBER, .offset = AT(is.energy_growth), .least = -0.99, .most = 10,
               .help = "Growth of the price of energy by the year."}},
    {.param = {.key = "volatility", .kind = PARAM_NUMBER, .offset = AT(is.volatility), .least = 0, .most = 1,
               .help = "The plan is made again with energy dearer and cheaper by this share."}},
    {.param = {.key = "discount", .kind = PARAM_NUMBER, .offset = AT(is.discount), .least = 0, .most = 1,
               .help = "What money of a year later is worth less today."}},
    {.param = {.key = "buy", .offset = AT(buy), .required = true, .help = "What may be bought."},
     .read = read_node, .block = &buy_block, .form = "a list of mappings"},
};
static const struct block horizon_block = {.title = "horizon", BLOCK_FIELDS(horizon_fields),
    .about = "With it the answer is a plan: when to buy what, so that every period's fleet keeps the targets, at the "
             "least cost of purchases and running. All required cases must hold in every period."};
#undef AT

struct replications_draft {
    int64_t least, most;
};
#define AT(member) offsetof(struct replications_draft, member)
static const struct field replications_fields[] = {
    {.param = {.key = "least", .kind = PARAM_INTEGER, .offset = AT(least), .fallback = 5, .least = 1, .most = 100000,
               .help = "Runs of a fleet before the first look; costs are compared over these."}},
    {.param = {.key = "most", .kind = PARAM_INTEGER, .offset = AT(most), .fallback = 40, .least = 1, .most = 100000,
               .help = "A fleet still undecided after so many counts as one that does not hold."}},
};
static const struct block replications_block = {.title = "replications", BLOCK_FIELDS(replications_fields),
    .about = "Runs that differ in the seed alone, as those of a sweep; the same seeds for every fleet. Between "
             "`least` and `most` half as many are added at a time, until the interval excludes the target."};
#undef AT

struct size_draft {
    const struct yaml_node *choose, *targets, *cases, *horizon;
    double confidence;
    struct replications_draft replications;
    int least, search;
    bool side_by_side;
};
static const char *const searches[] = {"monotone", "enumerate", NULL};
#define AT(member) offsetof(struct size_draft, member)
static const struct field size_fields[] = {
    {.param = {.key = "choose", .offset = AT(choose), .required = true, .help = "What may vary."},
     .read = read_node, .block = &axis_block, .form = "a list of mappings"},
    {.param = {.key = "targets", .offset = AT(targets), .required = true, .help = "What must hold."},
     .read = read_node, .block = &target_block, .form = "a list of mappings"},
    {.param = {.key = "least", .kind = PARAM_CHOICE, .offset = AT(least), .choices = sizing_objectives,
               .help = "Of the fleets that hold, the one with least of this is the answer."}},
    {.param = {.key = "confidence", .kind = PARAM_NUMBER, .offset = AT(confidence), .fallback = 0.95, .least = 0.5,
               .most = 0.99999, .help = "Of each verdict on a target, over all looks at a fleet."}},
    {.param = {.key = "replications", .offset = AT(replications), .help = "How many runs a fleet gets."},
     .read = read_block, .block = &replications_block, .form = "a mapping"},
    {.param = {.key = "cases", .offset = AT(cases), .help = "Contingencies."},
     .read = read_node, .block = &case_block, .form = "a list of mappings"},
    {.param = {.key = "horizon", .offset = AT(horizon), .help = "Planning over years."},
     .read = read_node, .block = &horizon_block, .form = "a mapping"},
    {.param = {.key = "search", .kind = PARAM_CHOICE, .offset = AT(search), .choices = searches,
               .help = "`monotone` relies on higher counts never hurting a target; `enumerate` tries every fleet."}},
    {.param = {.key = "side_by_side", .kind = PARAM_BOOL, .offset = AT(side_by_side), .fallback = 1,
               .help = "Looks for the cheapest, the one with least energy and the greenest too."}},
};
const struct block size_block = {.title = "size", BLOCK_FIELDS(size_fields),
    .about = "What `headroom size` looks for: the smallest of many fleets that keeps service levels. Other commands "
             "pass it over."};
#undef AT

/* --- one value --- */

static const char *one_line(struct arena *arena, const struct yaml_node *node) {
    struct text text;
    text_init(&text);
    yaml_emit(node, &text);
    size_t n = 0;
    for (size_t i = 0; i + 1 < text.len; i++) { /* all but the newline every YAML text ends with */
        const char c = text.at[i] == '\n' ? ' ' : text.at[i];
        if (c != ' ' || (n > 0 && text.at[n - 1] != ' ')) text.at[n++] = c;
    }
    text.at[n] = '\0';
    const char *kept = arena_text(arena, text.at);
    text_free(&text);
    return kept;
}

static void values_begin(struct reading *r, struct sizing_axis *axis, size_t len) {
    axis->values = arena_alloc(r->arena, len, sizeof *axis->values);
    axis->texts = arena_alloc(r->arena, len, sizeof *axis->texts);
    axis->len = len;
}

/* --- axes --- */

static void counts_read(struct reading *r, const struct yaml_node *map, const struct axis_draft *draft,
                        struct sizing_axis *axis) {
    if (draft->most < draft->least) {
        reading_add_key(r, map, "most", "below least, expected at least %" PRId64, draft->least);
        return;
    }
    const int64_t len = (draft->most - draft->least) / draft->step + 1;
    if (len > LATTICE_POINTS_MOST) {
        reading_add_key(r, map, "most", "%" PRId64 " counts, expected at most %d", len, LATTICE_POINTS_MOST);
        return;
    }
    values_begin(r, axis, (size_t)len);
    for (int64_t i = 0; i < len; i++) {
        char text[32];
        snprintf(text, sizeof text, "%" PRId64, draft->least + i * draft->step);
        axis->values[i] = (struct sweep_value){axis->path, yaml_scalar(r->arena, map, text)};
        axis->texts[i] = axis->values[i].value->text;
    }
    axis->counts = true;
}

static void among_read(struct reading *r, const struct yaml_node *map, const struct axis_draft *draft,
                       struct sizing_axis *axis) {
    static const char *const beside[] = {"least", "most", "step", "grows"};
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
        if (yaml_get(map, beside[i]))
            reading_add_key(r, map, beside[i], "beside \"among\", whose values have no order");
    size_t mark = reading_enter(r, "among");
    if (value_is(r, draft->among, YAML_LIST, "a list of values")) {
        if (!draft->among->len) reading_add(r, draft->among, "no values, expected at least one");
        values_begin(r, axis, draft->among->len);
        for (size_t i = 0; i < draft->among->len; i++) {
            axis->values[i] = (struct sweep_value){axis->path, draft->among->items[i].value};
            axis->texts[i] = one_line(r->arena, axis->values[i].value);
        }
    }
    reading_leave(r, mark);
}

static void axis_read(struct reading *r, const struct yaml_node *map, struct sizing_axis *axis) {
    struct axis_draft draft = {0};
    params_read(r, map, &axis_block, &draft);
    *axis = (struct sizing_axis){.path = draft.path ? draft.path : "", .at = map, .len = 1};
    if (map->kind != YAML_MAP) return;
    if (draft.among) among_read(r, map, &draft, axis);
    else if (yaml_get(map, "most")) counts_read(r, map, &draft, axis);
    else reading_add(r, map, "missing key \"most\" (or \"among\")");
    if (draft.grows) {
        static const struct param truth = {.kind = PARAM_BOOL};
        bool grows = false;
        size_t mark = reading_enter(r, "grows");
        if (value_read(r, draft.grows, &truth, &grows)) axis->grows = grows ? SIZING_GROWS : SIZING_FREE;
        reading_leave(r, mark);
    }
}

/* --- targets --- */

/* How a limit of a metric is written: its dimension, and what of the kept unit makes one of the metric's. */
static enum dim dim_of(const char *unit, double *factor) {
    static const struct {
        const char *unit;
        enum dim dim;
        double kept;
    } units[] = {{"s", DIM_TIME, 1},           {"ms", DIM_TIME, 1e-3},    {"h", DIM_TIME, 3600},
                 {"USD", DIM_MONEY, 1},        {"USD/h", DIM_MONEY_RATE, 1}, {"kWh", DIM_ENERGY, 3.6e6},
                 {"kW", DIM_POWER, 1e3},       {"kg", DIM_MASS, 1e3}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(units[i].unit, unit) == 0) {
            *factor = units[i].kept;
            return units[i].dim;
        }
    *factor = 1;
    return DIM_NONE;
}

static bool metric_named(struct reading *r, const struct yaml_node *map, size_t *metric) {
    const struct yaml_node *node = yaml_get(map, "metric");
    if (!node || node->kind != YAML_SCALAR) return false;
    const char **known = mem_alloc(result_metrics_len * sizeof *known);
    size_t m = 0;
    for (size_t i = 0; i < result_metrics_len; i++) known[i] = result_metrics[i].name;
    while (m < result_metrics_len && strcmp(known[m], node->text) != 0) m++;
    size_t mark = reading_enter(r, "metric");
    if (m == result_metrics_len) reading_unknown(r, node, "metric", known, m, "'headroom help metrics'");
    reading_leave(r, mark);
    free(known);
    *metric = m;
    return m < result_metrics_len;
}

static void limit_read(struct reading *r, const struct yaml_node *map, const struct target_draft *draft,
                       const struct metric *metric, struct sizing_target *target) {
    const bool at_most = draft->limits[0] != NULL;
    if (!draft->limits[0] == !draft->limits[1]) {
        reading_add(r, map, "expected one of \"at_most\" and \"at_least\"");
        return;
    }
    const char *key = at_most ? "at_most" : "at_least";
    double factor;
    const struct param param = {.kind = PARAM_NUMBER, .dim = dim_of(metric->unit, &factor), .least = 1, .most = 0};
    size_t mark = reading_enter(r, key);
    if (!metric->neutral && metric->less_is_better != at_most && strcmp(metric->unit, "share") != 0)
        reading_add(r, draft->limits[!at_most], "%s is better with %s, expected \"%s\"", metric->name,
                    at_most ? "more" : "less", at_most ? "at_least" : "at_most");
    value_read(r, draft->limits[!at_most], &param, &target->rule.limit);
    reading_leave(r, mark);
    target->rule.limit /= factor;
    target->rule.at_most = at_most;
}

static void part_read(struct reading *r, const struct yaml_node *map, const struct target_draft *draft,
                      const struct metric *metric, struct sizing_target *target) {
    target->part = PART_RUN;
    target->name = "all";
    for (int part = PART_RUN + 1; part < PART_COUNT; part++) {
        if (!draft->names[part]) continue;
        if (target->part != PART_RUN)
            reading_add_key(r, map, part_names[part], "beside \"%s\", expected one part", part_names[target->part]);
        target->part = (enum part)part;
        target->name = draft->names[part];
        if (!(metric->parts >> part & 1))
            reading_add_key(r, map, part_names[part], "a %s has no %s", part_names[part], metric->name);
    }
}

static void target_read(struct reading *r, const struct yaml_node *map, struct sizing_target *target) {
    struct target_draft draft = {0};
    params_read(r, map, &target_block, &draft);
    *target = (struct sizing_target){.name = "all", .text = "", .at = map, .rule.share = draft.share};
    if (map->kind != YAML_MAP || !metric_named(r, map, &target->metric)) return;
    const struct metric *metric = &result_metrics[target->metric];
    limit_read(r, map, &draft, metric, target);
    part_read(r, map, &draft, metric, target);
    struct text text;
    text_init(&text);
    if (target->part != PART_RUN) text_format(&text, "%s %s: ", part_names[target->part], target->name);
    const struct yaml_node *limit = draft.limits[0] ? draft.limits[0] : draft.limits[1];
    text_format(&text, "%s %s %s", metric->name, target->rule.at_most ? "at most" : "at least",
                limit ? one_line(r->arena, limit) : "");
    target->text = arena_text(r->arena, text.at);
    text_free(&text);
}

/* --- cases --- */

static void case_read(struct reading *r, const struct yaml_node *map, struct sizing_case *is) {
    struct case_draft draft = {0};
    params_read(r, map, &case_block, &draft);
    *is = draft.is;
    is->at = map;
    if (!draft.set) return;
    size_t mark = reading_enter(r, "set");
    if (value_is(r, draft.set, YAML_MAP, "a mapping of paths to values")) {
        struct sweep_value *set = arena_alloc(r->arena, draft.set->len, sizeof *set);
        for (size_t i = 0; i < draft.set->len; i++)
            set[i] = (struct sweep_value){draft.set->items[i].key->text, draft.set->items[i].value};
        is->set = set;
        is->set_len = draft.set->len;
    }
    reading_leave(r, mark);
}

/* --- the block --- */

/* Reads every element of a list that has some; returns the array of them. */
static void *list_read(struct reading *r, const char *key, const struct yaml_node *list, size_t size, size_t *len,
                       void (*read)(struct reading *r, const struct yaml_node *map, void *element)) {
    size_t top = reading_enter(r, key);
    char *at = NULL;
    *len = 0;
    if (value_is(r, list, YAML_LIST, "a list of mappings")) {
        if (!list->len) reading_add(r, list, "an empty list, expected at least one mapping");
        at = arena_alloc(r->arena, list->len, size);
        for (; *len < list->len; (*len)++) {
            size_t mark = reading_enter_index(r, *len);
            read(r, list->items[*len].value, at + *len * size);
            reading_leave(r, mark);
        }
    }
    reading_leave(r, top);
    return at;
}

static void any_axis(struct reading *r, const struct yaml_node *map, void *element) { axis_read(r, map, element); }
static void any_target(struct reading *r, const struct yaml_node *map, void *element) { target_read(r, map, element); }
static void any_case(struct reading *r, const struct yaml_node *map, void *element) { case_read(r, map, element); }

/* --- the horizon --- */

static void buy_read(struct reading *r, const struct yaml_node *map, void *element) {
    struct buy_draft draft = {0};
    params_read(r, map, &buy_block, &draft);
    *(struct sizing_buy *)element = draft.is;
}

/* Finds the axis of each purchase. */
static void check_buys(struct reading *r, const struct yaml_node *list, const struct sizing *sizing,
                       struct sizing_horizon *h) {
    for (size_t k = 0; k < h->buys_len; k++) {
        struct sizing_buy *buy = &h->buys[k];
        struct text path;
        text_init(&path);
        text_format(&path, "pools.%s.nodes", buy->pool ? buy->pool : "");
        while (buy->axis < sizing->axes_len && strcmp(sizing->axes[buy->axis].path, path.at) != 0) buy->axis++;
        size_t mark = reading_enter_index(r, k);
        if (buy->axis == sizing->axes_len || !sizing->axes[buy->axis].counts)
            reading_add_key(r, list->items[k].value, "pool", "\"choose\" has no counts of %s", path.at);
        if (buy->life_ns < h->period_ns)
            reading_add_key(r, list->items[k].value, "life", "shorter than a period, expected at least one");
        reading_leave(r, mark);
        text_free(&path);
    }
}

static const struct sizing_horizon *horizon_read(struct reading *r, const struct yaml_node *map,
                                                 const struct sizing *sizing) {
    struct horizon_draft draft = {0};
    struct sizing_horizon *h = arena_alloc(r->arena, 1, sizeof *h);
    size_t top = reading_enter(r, "horizon");
    params_read(r, map, &horizon_block, &draft);
    *h = draft.is;
    h->periods = (size_t)draft.periods;
    if (draft.buy) {
        h->buys = list_read(r, "buy", draft.buy, sizeof *h->buys, &h->buys_len, buy_read);
        size_t mark = reading_enter(r, "buy");
        if (h->buys_len > PLAN_KINDS_MOST)
            reading_add(r, draft.buy, "%zu generations, expected at most %d", h->buys_len, PLAN_KINDS_MOST);
        check_buys(r, draft.buy, sizing, h);
        reading_leave(r, mark);
    }
    reading_leave(r, top);
    return h;
}

static void check_points(struct reading *r, const struct yaml_node *list, struct sizing *sizing) {
    sizing->points = 1;
    if (sizing->axes_len > LATTICE_AXES_MOST)
        reading_add_key(r, list, "choose", "%zu things vary, expected at most %d", sizing->axes_len, LATTICE_AXES_MOST);
    for (size_t i = 0; i < sizing->axes_len && sizing->points; i++) {
        if (sizing->points > LATTICE_POINTS_MOST / sizing->axes[i].len) {
            reading_add_key(r, list, "choose", "too many fleets, expected at most %d", LATTICE_POINTS_MOST);
            sizing->points = 0;
        } else {
            sizing->points *= sizing->axes[i].len;
        }
    }
}

struct sizing *sizing_read(struct reading *r, const struct yaml_node *map) {
    struct size_draft draft = {0};
    struct sizing *sizing = arena_alloc(r->arena, 1, sizeof *sizing);
    size_t top = reading_enter(r, "size");
    params_read(r, map, &size_block, &draft);
    if (map->kind == YAML_MAP) {
        if (draft.choose)
            sizing->axes = list_read(r, "choose", draft.choose, sizeof *sizing->axes, &sizing->axes_len, any_axis);
        if (draft.targets)
            sizing->targets =
                list_read(r, "targets", draft.targets, sizeof *sizing->targets, &sizing->targets_len, any_target);
        if (draft.cases)
            sizing->cases = list_read(r, "cases", draft.cases, sizeof *sizing->cases, &sizing->cases_len, any_case);
        if (draft.horizon) sizing->horizon = horizon_read(r, draft.horizon, sizing);
        if (draft.replications.most < draft.replications.least)
            reading_add_key(r, map, "replications", "most below least, expected at least %" PRId64,
                            draft.replications.least);
        check_points(r, map, sizing);
    }
    sizing->rule = (struct verdict_rule){.least = (size_t)draft.replications.least,
                                         .most = (size_t)draft.replications.most,
                                         .confidence = draft.confidence};
    sizing->least = (enum sizing_objective)draft.least;
    sizing->enumerate = draft.search == 1;
    sizing->side_by_side = draft.side_by_side;
    reading_leave(r, top);
    return sizing;
}

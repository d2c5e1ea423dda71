/*
 * When a pool's nodes are not up: asleep, failed, in maintenance; and what making them emitted, which is
 * charged by the hour whether they are up or not. A record of faults is a CSV file with the columns node (its
 * index in the pool), at_s and lasts_s, seconds from the start; it is sorted by time here.
 *
 * Cost: O(n log n) in the rows of such a record.
 */
#include "base/num.h"
#include "base/tick.h"
#include "io/csv.h"
#include "io/paths.h"
#include "io/sections.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- sleep --- */

static const char *const boot_times[] = {"constant", "exponential", NULL};
struct sleep_draft {
    int64_t after_ns, boot_ns, ahead_ns, reserve;
    double power_w, boot_w;
    int boot_times;
};
#define AT(member) offsetof(struct sleep_draft, member)
static const struct field sleep_fields[] = {
    {.param = {.key = "after", .kind = PARAM_TIME, .offset = AT(after_ns), .least = 0, .most = 31557600,
               .required = true, .help = "A node that has been idle for so long goes to sleep."}},
    {.param = {.key = "power", .kind = PARAM_NUMBER, .dim = DIM_POWER, .offset = AT(power_w), .least = 0,
               .most = 1e6, .required = true, .help = "Drawn by a sleeping node."}},
    {.param = {.key = "boot", .kind = PARAM_TIME, .offset = AT(boot_ns), .least = 0, .most = 86400,
               .required = true, .help = "How long it takes to wake up."}},
    {.param = {.key = "boot_times", .kind = PARAM_CHOICE, .offset = AT(boot_times), .choices = boot_times,
               .help = "Whether `boot` is always that long, or the mean of an exponential distribution."}},
    {.param = {.key = "boot_power", .kind = PARAM_NUMBER, .dim = DIM_POWER, .offset = AT(boot_w),
               .fallback = -1,
               .least = 0, .most = 1e6,
               .help = "Drawn while it wakes up; as much as an idle node when left out."}},
    {.param = {.key = "reserve", .kind = PARAM_INTEGER, .offset = AT(reserve), .least = 0, .most = 10000000,
               .help = "Idle nodes that stay awake."}},
    {.param = {.key = "ahead", .kind = PARAM_TIME, .offset = AT(ahead_ns), .least = 0, .most = 86400,
               .help = "Nodes are woken so long ahead for what this time of day needed yesterday; 0: when "
                       "they are needed."}},
};
const struct block sleep_block = {.title = "sleep", BLOCK_FIELDS(sleep_fields),
    .about = "Nodes that are paid for anyway save energy while nobody needs them. (Nodes on demand and spot "
             "nodes are given back instead, see `keep`.)"};
#undef AT

static void sleep_read(struct document *d, const struct yaml_node *node, uint64_t nodes,
                       struct pool_setup *pool) {
    struct reading *r = &d->r;
    struct sleep_draft draft = {0};
    size_t before = r->err->found;
    if (bought_elastic(pool->bought)) {
        reading_add(r, node, "nodes of %s pools do not sleep: they are given back, after \"cost.%s.keep\"",
                    bought_names[pool->bought], bought_names[pool->bought]);
        return;
    }
    params_read(r, node, &sleep_block, &draft);
    double idle_w = pool->base_w + pool->gpus * pool->gpu_idle_w;
    pool->sleep = (struct sleep_setup){
        .on = true, .after_ns = draft.after_ns, .sleep_w = draft.power_w, .boot_ns = draft.boot_ns,
        .boot_exponential = draft.boot_times == 1, .boot_w = draft.boot_w >= 0 ? draft.boot_w : idle_w,
        .reserve = (uint32_t)draft.reserve, .ahead_ns = draft.ahead_ns};
    if (r->err->found > before) return;
    if (draft.power_w > idle_w && idle_w > 0)
        reading_add_key(r, node, "power", "more than an idle node draws, expected at most %g W", idle_w);
    if (nodes && (uint64_t)draft.reserve > nodes)
        reading_add_key(r, node, "reserve", "more than the pool's nodes, expected at most %llu",
                        (unsigned long long)nodes);
}

/* --- faults --- */

struct fault_draft {
    struct fault_setup faults;
    int64_t rack;
    const struct yaml_node *trace;
};
#define AT(member) offsetof(struct fault_draft, member)
static const struct field fault_fields[] = {
    {.param = {.key = "node", .offset = AT(faults.node_every),
               .help = "Time to failure of a node that is up."},
     .read = read_model, .models = KIND_LIFETIME},
    {.param = {.key = "gpu", .offset = AT(faults.gpu_every),
               .help = "Time to failure of each GPU; it takes its node down."},
     .read = read_model, .models = KIND_LIFETIME},
    {.param = {.key = "repair", .offset = AT(faults.repair),
               .help = "How long a node that failed stays down; required beside `node` and `gpu`."},
     .read = read_model, .models = KIND_LIFETIME},
    {.param = {.key = "rack", .kind = PARAM_INTEGER, .offset = AT(rack), .least = 1, .most = 1000000,
               .help = "Nodes that share a rack, in the order of the pool, and fail with it."}},
    {.param = {.key = "rack_every", .offset = AT(faults.rack_every), .help = "Time to failure of a rack."},
     .read = read_model, .models = KIND_LIFETIME},
    {.param = {.key = "rack_lasts", .offset = AT(faults.rack_lasts), .help = "How long it stays down."},
     .read = read_model, .models = KIND_LIFETIME},
    {.param = {.key = "trace", .offset = AT(trace),
               .help = "Faults that were recorded: a CSV file with the columns node (from 0, in the pool), "
                       "at_s and lasts_s, seconds from the start."},
     .read = read_node, .form = "a path"},
};
const struct block fault_block = {.title = "faults", BLOCK_FIELDS(fault_fields),
    .about = "Jobs on a node that fails go on from their last checkpoint, elsewhere or later."};
#undef AT

struct fault {
    int64_t at_ns, lasts_ns;
    uint32_t node;
};
static const char *const trace_columns[] = {"node", "at_s", "lasts_s"};
enum { FAULT_NODE, FAULT_AT, FAULT_LASTS, FAULT_COLUMNS };
struct fault_trace {
    size_t column[FAULT_COLUMNS];
    bool headed;
    uint64_t nodes;
    struct {
        struct fault *at;
        size_t len, cap;
    } faults;
};

static bool trace_header(struct fault_trace *t, const struct csv_row *row, struct err *err) {
    size_t before = err->found;
    t->headed = true;
    for (size_t c = 0; c < FAULT_COLUMNS; c++) {
        size_t i = 0;
        while (i < row->count && strcmp(row->fields[i], trace_columns[c]) != 0) i++;
        t->column[c] = i;
        if (i == row->count) err_add(err, csv_place(row, 0), "missing column \"%s\"", trace_columns[c]);
    }
    return err->found == before;
}

/* Whole or decimal seconds, at least `least` ns. */
static bool trace_time(const struct fault_trace *t, const struct csv_row *row, size_t c, int64_t least,
                       int64_t *ns, struct err *err) {
    size_t i = t->column[c];
    if (num_seconds_ns(row->fields[i], row->len[i], ns) && *ns >= least && *ns < TICK_NEVER) return true;
    return err_add(err, csv_place(row, i), "%s: '%.40s' is wrong, expected %s seconds", trace_columns[c],
                   row->fields[i], least > 0 ? "more than 0" : "0 or more");
}

static bool trace_row(void *context, const struct csv_row *row, struct err *err) {
    struct fault_trace *t = context;
    if (!t->headed) return trace_header(t, row, err);
    for (size_t c = 0; c < FAULT_COLUMNS; c++)
        if (t->column[c] >= row->count) {
            err_add(err, csv_place(row, row->count), "%zu fields, fewer than in the header", row->count);
            return true;
        }
    struct fault fault = {0};
    uint64_t node;
    size_t i = t->column[FAULT_NODE];
    bool good = num_u64(row->fields[i], row->len[i], &node) && node < t->nodes;
    if (!good)
        err_add(err, csv_place(row, i), "node: '%.40s' is wrong, expected 0 to %llu", row->fields[i],
                (unsigned long long)t->nodes - 1);
    good = trace_time(t, row, FAULT_AT, 0, &fault.at_ns, err) && good;
    good = trace_time(t, row, FAULT_LASTS, 1, &fault.lasts_ns, err) && good;
    if (!good) return err->kept < ERR_KEPT_MOST;
    fault.node = (uint32_t)node;
    *vec_push(&t->faults) = fault;
    return true;
}

static int by_time(const void *a, const void *b) {
    const struct fault *x = a, *y = b;
    if (x->at_ns != y->at_ns) return x->at_ns < y->at_ns ? -1 : 1;
    return (x->node > y->node) - (x->node < y->node);
}

static void trace_read(struct document *d, const struct yaml_node *node, uint64_t nodes,
                       struct fault_setup *faults) {
    struct reading *r = &d->r;
    if (!value_is(r, node, YAML_SCALAR, "a path")) return;
    if (!nodes) {
        reading_add(r, node, "its nodes are those of one pool, expected no \"nodes_from\" beside it");
        return;
    }
    const char *path = path_resolve(r->arena, node->file, node->text);
    if (!path) {
        reading_add(r, node, "no such file %s", value_shown(node).text);
        return;
    }
    struct fault_trace t = {.nodes = nodes};
    csv_read(path, trace_row, &t, NULL, r->err);
    size_t len = t.faults.len;
    if (len) qsort(t.faults.at, len, sizeof *t.faults.at, by_time);
    int64_t *at_ns = arena_alloc(r->arena, len, sizeof *at_ns);
    int64_t *lasts_ns = arena_alloc(r->arena, len, sizeof *lasts_ns);
    uint32_t *which = arena_alloc(r->arena, len, sizeof *which);
    for (size_t i = 0; i < len; i++) {
        at_ns[i] = t.faults.at[i].at_ns;
        lasts_ns[i] = t.faults.at[i].lasts_ns;
        which[i] = t.faults.at[i].node;
    }
    free(t.faults.at);
    faults->trace.at_ns = at_ns;
    faults->trace.lasts_ns = lasts_ns;
    faults->trace.node = which;
    faults->trace.len = len;
}

/* Keys that mean nothing without each other. */
static void check_together(struct reading *r, const struct yaml_node *map, const char *key,
                           const char *other) {
    if (yaml_get(map, key) && !yaml_get(map, other))
        reading_add(r, map, "missing key \"%s\" beside \"%s\"", other, key);
}

static void faults_read(struct document *d, const struct yaml_node *node, uint64_t nodes,
                        struct pool_setup *pool) {
    struct reading *r = &d->r;
    struct fault_draft draft = {0};
    params_read(r, node, &fault_block, &draft);
    if (node->kind != YAML_MAP) return;
    pool->faults = draft.faults;
    pool->faults.rack = (uint32_t)draft.rack;
    static const char *const pairs[][2] = {{"node", "repair"},     {"gpu", "repair"},
                                           {"rack", "rack_every"}, {"rack", "rack_lasts"},
                                           {"rack_every", "rack"}, {"rack_lasts", "rack"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        check_together(r, node, pairs[i][0], pairs[i][1]);
    if (yaml_get(node, "repair") && !yaml_get(node, "node") && !yaml_get(node, "gpu"))
        reading_add(r, node, "missing key \"node\" or \"gpu\" beside \"repair\"");
    if (yaml_get(node, "gpu") && pool->gpus == 0)
        reading_add_key(r, node, "gpu", "the pool's nodes have no GPUs");
    if (!node->len) reading_add(r, node, "expected one of \"node\", \"gpu\", \"rack\" and \"trace\"");
    if (!draft.trace) return;
    size_t mark = reading_enter(r, "trace");
    trace_read(d, draft.trace, nodes, &pool->faults);
    reading_leave(r, mark);
}

/* --- maintenance and manufacture --- */

#define AT(member) offsetof(struct maintenance, member)
static const struct field maintenance_fields[] = {
    {.param = {.key = "first", .kind = PARAM_TIME, .offset = AT(first_ns), .least = 0, .most = 3.15576e9,
               .required = true,
               .help = "When it begins; jobs that run then are stopped, with their work saved, and go on "
                       "elsewhere or later."}},
    {.param = {.key = "every", .kind = PARAM_TIME, .offset = AT(every_ns), .least = 0, .most = 3.15576e9,
               .help = "When it begins again, from beginning to beginning; 0: once."}},
    {.param = {.key = "lasts", .kind = PARAM_TIME, .offset = AT(lasts_ns), .least = 1, .most = 31557600,
               .required = true, .help = "How long it lasts."}},
};
const struct block maintenance_block = {.title = "maintenance", BLOCK_FIELDS(maintenance_fields),
    .about = "A list of windows in which the whole pool is out of service."};
#undef AT

static void maintenance_read(struct document *d, const struct yaml_node *list, struct pool_setup *pool) {
    struct reading *r = &d->r;
    if (!value_is(r, list, YAML_LIST, "a list of windows")) return;
    pool->maintenance = arena_alloc(r->arena, list->len, sizeof *pool->maintenance);
    pool->maintenance_len = list->len;
    for (size_t i = 0; i < list->len; i++) {
        size_t mark = reading_enter_index(r, i), before = r->err->found;
        const struct yaml_node *element = list->items[i].value;
        struct maintenance *m = &pool->maintenance[i];
        params_read(r, element, &maintenance_block, m);
        if (r->err->found == before && m->every_ns > 0 && m->lasts_ns >= m->every_ns)
            reading_add_key(r, element, "lasts",
                            "never ends before the next begins, expected less than %s",
                            value_shown(node_at(element, "every")).text);
        reading_leave(r, mark);
    }
}

struct embodied_draft {
    double mass_g;
    int64_t life_ns;
};
#define AT(member) offsetof(struct embodied_draft, member)
static const struct field embodied_fields[] = {
    {.param = {.key = "mass", .kind = PARAM_NUMBER, .dim = DIM_MASS, .offset = AT(mass_g), .least = 0,
               .most = 1e12, .required = true, .help = "CO2 equivalent emitted to make and deliver a node."}},
    {.param = {.key = "life", .kind = PARAM_TIME, .offset = AT(life_ns), .fallback = 5 * 31557600.,
               .least = 86400, .most = 100 * 31557600., .help = "Years it is spread over, evenly."}},
};
const struct block embodied_block = {.title = "embodied", BLOCK_FIELDS(embodied_fields),
    .about = "Manufacture, charged by the hour; a node type of the catalogue may bring it."};
#undef AT

static void embodied_read(struct document *d, const struct yaml_node *node, struct pool_setup *pool) {
    struct embodied_draft draft = {0};
    params_read(&d->r, node, &embodied_block, &draft);
    if (draft.life_ns > 0) pool->embodied_g_per_node_h = draft.mass_g / tick_hours(draft.life_ns);
}

void uptime_read(struct document *d, const struct uptime_draft *draft, uint64_t nodes,
                 struct pool_setup *pool) {
    size_t mark;
    if (draft->sleep) {
        mark = reading_enter(&d->r, "sleep");
        sleep_read(d, draft->sleep, nodes, pool);
        reading_leave(&d->r, mark);
    }
    if (draft->faults) {
        mark = reading_enter(&d->r, "faults");
        faults_read(d, draft->faults, nodes, pool);
        reading_leave(&d->r, mark);
    }
    if (draft->maintenance) {
        mark = reading_enter(&d->r, "maintenance");
        maintenance_read(d, draft->maintenance, pool);
        reading_leave(&d->r, mark);
    }
    if (draft->embodied) {
        mark = reading_enter(&d->r, "embodied");
        embodied_read(d, draft->embodied, pool);
        reading_leave(&d->r, mark);
    }
}

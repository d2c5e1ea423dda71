/*
 * The `pipelines:` section: stages with workers on the fleet, how items come, and one of two ways to run them. Names of
 * stages become indices in an order in which every stage comes after those it waits for; a circle is a finding.
 */
#include "base/tick.h"
#include "base/text.h"
#include "core/flow.h"
#include "io/sections.h"

#include <math.h>
#include <string.h>

/* --- workers --- */

struct workers_draft {
    int64_t least, most, begin, every_ns, keep_ns, clear_ns, step;
};
enum { WORKERS_MOST = 1000000 };
#define AT(member) offsetof(struct workers_draft, member)
static const struct field workers_fields[] = {
    {.param = {.key = "least", .kind = PARAM_INTEGER, .offset = AT(least), .least = 0, .most = WORKERS_MOST,
               .required = true, .help = "Never fewer."}},
    {.param = {.key = "most", .kind = PARAM_INTEGER, .offset = AT(most), .least = 1, .most = WORKERS_MOST,
               .required = true, .help = "Never more."}},
    {.param = {.key = "begin", .kind = PARAM_INTEGER, .offset = AT(begin), .fallback = -1, .least = 0,
               .most = WORKERS_MOST, .help = "When the pipeline starts; `least` when left out."}},
    {.param = {.key = "every", .kind = PARAM_TIME, .offset = AT(every_ns), .fallback = 10, .least = 0.1, .most = 86400,
               .help = "How often the number is looked at."}},
    {.param = {.key = "clear", .kind = PARAM_TIME, .offset = AT(clear_ns), .fallback = 60, .least = 0.1,
               .most = 31557600,
               .help = "There should be enough to keep up with both sides and, within this time, to clear what waits "
                       "before the stage, or to fill the room behind it, whichever takes fewer."}},
    {.param = {.key = "keep", .kind = PARAM_TIME, .offset = AT(keep_ns), .fallback = 300, .least = 0, .most = 31557600,
               .help = "Workers are given back when for so long there were too many."}},
    {.param = {.key = "step", .kind = PARAM_INTEGER, .offset = AT(step), .least = 0, .most = WORKERS_MOST,
               .help = "The most that are added at a look; 0: any number."}},
};
static const struct block workers_block = {.title = "workers", BLOCK_FIELDS(workers_fields),
    .about = "How many there are, where the stage scales. A worker that is asked for stands in line for its share of a "
             "node like a job, and then starts (`start`)."};
#undef AT

/* --- stages --- */

struct stage_draft {
    struct stage stage;
    int64_t service_ns, start_ns;
    double buffer;
    const struct yaml_node *after, *workers, *gpu_models;
};
#define AT(member) offsetof(struct stage_draft, member)
static const struct field stage_fields[] = {
    {.param = {.key = "name", .kind = PARAM_TEXT, .offset = AT(stage.name), .required = true,
               .help = "Its workers are of class PIPELINE/STAGE."}},
    {.param = {.key = "after", .offset = AT(after),
               .help = "Stages an item must be through first; the one before in the list when left out, the source "
                       "alone where the list is empty. Where several stages follow one, each gets the item."},
     .read = read_node, .form = "a stage's name, or a list of them"},
    {.param = {.key = "service", .kind = PARAM_TIME, .offset = AT(service_ns), .least = 1e-9, .most = 31557600,
               .required = true, .help = "Time a worker takes for a batch."}},
    {.param = {.key = "batch", .kind = PARAM_NUMBER, .offset = AT(stage.batch), .fallback = 1, .least = 1,
               .most = 1e9, .help = "Items of a batch."}},
    {.param = {.key = "workers", .offset = AT(workers), .required = true, .help = "How many of them there are."},
     .read = read_node, .block = &workers_block, .form = "a whole number, or a mapping"},
    {.param = {.key = "cpus", .kind = PARAM_NUMBER, .offset = AT(stage.cpus), .least = 0, .most = 1e5,
               .help = "Cores of a worker. A stage without cores and GPUs holds nothing: a store, a link."}},
    {.param = {.key = "gpus", .kind = PARAM_NUMBER, .offset = AT(stage.gpus), .least = 0, .most = 1e5,
               .help = "GPUs of a worker; below 1, a share of one."}},
    {.param = {.key = "gpu_models", .offset = AT(gpu_models), .help = "GPU models it runs on; any when left out."},
     .read = read_node, .form = "a list of GPU models"},
    {.param = {.key = "memory", .kind = PARAM_NUMBER, .dim = DIM_MEMORY, .offset = AT(stage.memory_mib), .least = 0,
               .most = 1e9, .help = "Memory of a worker; only where it is disaggregated."}},
    {.param = {.key = "start", .kind = PARAM_TIME, .offset = AT(start_ns), .least = 0, .most = 86400,
               .help = "Until a new worker works."}},
    {.param = {.key = "buffer", .kind = PARAM_NUMBER, .offset = AT(buffer), .least = 0, .most = 1e15,
               .help = "Items that fit before it, from each stage it is after; when it is full, that one waits. 0: a "
                       "round of all workers of both."}},
};
static const struct block stage_block = {.title = "stages", BLOCK_FIELDS(stage_fields),
    .about = "What an item goes through. In steady state the slowest stage sets the rate of all."};
#undef AT

struct container_draft {
    double cpus, memory_mib;
    int64_t gpus;
};
#define AT(member) offsetof(struct container_draft, member)
static const struct field container_fields[] = {
    {.param = {.key = "cpus", .kind = PARAM_NUMBER, .offset = AT(cpus), .least = 0.001, .most = 1e5, .required = true,
               .help = "Cores of a container."}},
    {.param = {.key = "gpus", .kind = PARAM_INTEGER, .offset = AT(gpus), .least = 1, .most = 64, .required = true,
               .help = "GPUs of a container."}},
    {.param = {.key = "memory", .kind = PARAM_NUMBER, .dim = DIM_MEMORY, .offset = AT(memory_mib), .least = 0,
               .most = 1e9, .help = "Memory of a container."}},
};
static const struct block container_block = {.title = "container", BLOCK_FIELDS(container_fields),
    .about = "The one shape that holds all stages where a pipeline is monolithic; as many of it as the most workers of "
             "all stages need cores and GPUs. They scale together where a stage does."};
#undef AT

/* --- the pipeline --- */

enum { RUN_DISAGGREGATED, RUN_MONOLITHIC };
static const char *const ways[] = {"disaggregated", "monolithic", NULL};
struct pipeline_draft {
    const char *name;
    double items, rate_per_h, lot;
    int64_t start_ns, until_ns, priority;
    struct numbers daily;
    int way;
    const struct yaml_node *tenant, *container, *stages;
};
#define AT(member) offsetof(struct pipeline_draft, member)
static const struct field pipeline_fields[] = {
    {.param = {.key = "name", .kind = PARAM_TEXT, .offset = AT(name), .required = true,
               .help = "What tables call it, and its containers' class; with a stage's name behind it its workers'."}},
    {.param = {.key = "items", .kind = PARAM_NUMBER, .offset = AT(items), .fallback = INFINITY, .least = 1,
               .most = 1e15, .help = "How many items go through it; may be left out where they come at a rate."}},
    {.param = {.key = "start", .kind = PARAM_TIME, .offset = AT(start_ns), .least = 0, .most = 3.15576e9,
               .help = "When its workers are asked for and items begin to come."}},
    {.param = {.key = "rate", .kind = PARAM_NUMBER, .dim = DIM_RATE, .offset = AT(rate_per_h), .least = 1e-6,
               .most = 3.6e15, .help = "Items come at this rate, steadily; when left out all are there at the start."}},
    {.param = {.key = "lot", .kind = PARAM_NUMBER, .offset = AT(lot), .least = 1, .most = 1e12,
               .help = "They come at random instead (Poisson), so many at once."}},
    {.param = {.key = "daily", .kind = PARAM_NUMBERS, .offset = AT(daily), .least = 0, .most = 1e9,
               .help = "24 relative intensities of `rate` by local hour of the first region; flat when left out."}},
    {.param = {.key = "until", .kind = PARAM_TIME, .offset = AT(until_ns), .fallback = INFINITY, .least = 0.001,
               .most = 3.15576e9, .help = "No more come from then on."}},
    {.param = {.key = "run", .kind = PARAM_CHOICE, .offset = AT(way), .choices = ways,
               .help = "disaggregated: every worker on what suits it; monolithic: containers that hold the union of "
                       "what all stages need."}},
    {.param = {.key = "container", .offset = AT(container), .help = "Required where it is monolithic."},
     .read = read_node, .block = &container_block, .form = "a mapping"},
    {.param = {.key = "tenant", .offset = AT(tenant), .help = "Whose quota it uses; `default` when left out."},
     .read = read_node, .form = "a tenant's name"},
    {.param = {.key = "priority", .kind = PARAM_INTEGER, .offset = AT(priority), .least = -1000000, .most = 1000000,
               .help = "Of its workers, for orders that ask for it; larger goes first."}},
    {.param = {.key = "stages", .offset = AT(stages), .required = true, .help = "At most 64."},
     .read = read_node, .block = &stage_block, .form = "a list of mappings"},
};
const struct block pipeline_block = {.title = "pipelines", BLOCK_FIELDS(pipeline_fields),
    .about = "A list of pipelines with CPU and GPU stages and bounded buffers, which items stream through. Their "
             "workers hold parts of the fleet beside the jobs, in the same lines, under the same quotas and "
             "bills. Power caps do not slow them, and every GPU model takes the same time."};
#undef AT

/* --- reading --- */

enum { STAGES_MOST = 64 };

static void workers_read(struct document *d, const struct yaml_node *node, struct flow_stage *stage) {
    struct reading *r = &d->r;
    struct flow_scale *scale = &stage->scale;
    size_t mark = reading_enter(r, "workers");
    if (node->kind == YAML_MAP) {
        struct workers_draft draft = {0};
        const size_t found = r->err->found;
        params_read(r, node, &workers_block, &draft);
        *scale = (struct flow_scale){.least = (uint32_t)draft.least, .most = (uint32_t)draft.most,
                                     .begin = (uint32_t)(draft.begin < 0 ? draft.least : draft.begin),
                                     .every_ns = draft.every_ns, .keep_ns = draft.keep_ns,
                                     .clear_ns = draft.clear_ns, .step = (uint32_t)draft.step};
        if (r->err->found == found && draft.least > draft.most)
            reading_add_key(r, node, "least", "more than most, expected at most %lld", (long long)draft.most);
        if (r->err->found == found && (scale->begin < scale->least || scale->begin > scale->most))
            reading_add_key(r, node, "begin", "expected a number from least to most");
    } else {
        int64_t workers = 0;
        static const struct param plain = {.key = "workers", .kind = PARAM_INTEGER, .least = 1, .most = WORKERS_MOST};
        if (value_read(r, node, &plain, &workers))
            *scale = (struct flow_scale){.least = (uint32_t)workers, .begin = (uint32_t)workers,
                                         .most = (uint32_t)workers};
    }
    stage->work.workers = scale->most;
    reading_leave(r, mark);
}

static const char *class_of(struct document *d, const char *pipeline, const char *stage) {
    struct text text;
    text_init(&text);
    text_format(&text, "%s/%s", pipeline ? pipeline : "", stage ? stage : "");
    const char *name = arena_text(d->r.arena, text.at);
    text_free(&text);
    return name;
}

static void stage_read(struct document *d, const struct yaml_node *map, const char *pipeline, struct flow_stage *stage,
                       const struct yaml_node **after) {
    struct reading *r = &d->r;
    struct stage_draft draft = {0};
    params_read(r, map, &stage_block, &draft);
    *stage = (struct flow_stage){.work = draft.stage, .buffer = draft.buffer,
                                 .class_name = class_of(d, pipeline, draft.stage.name)};
    stage->work.service_s = tick_seconds(draft.service_ns);
    stage->work.start_s = tick_seconds(draft.start_ns);
    *after = draft.after;
    if (draft.workers) workers_read(d, draft.workers, stage);
    if (draft.gpu_models) gpu_models_read(d, draft.gpu_models, &stage->gpu_models, &stage->gpu_models_len);
    const double gpus = draft.stage.gpus;
    if (gpus > 1 && gpus > floor(gpus))
        reading_add_key(r, map, "gpus", "expected a whole number of GPUs, or a share of one");
    else if (gpus > 0 && gpus < 0.001)
        reading_add_key(r, map, "gpus", "less than a thousandth of a GPU");
    if (draft.buffer > 0 && draft.buffer < draft.stage.batch)
        reading_add_key(r, map, "buffer", "a batch of %g does not fit, expected at least as much", draft.stage.batch);
    const bool holds = gpus > 0 || draft.stage.cpus > 0;
    if (!holds && stage->scale.least < stage->scale.most)
        reading_add_key(r, map, "workers",
                        "a stage without \"cpus\" and \"gpus\" has nothing to scale, expected a number");
}

/* Stages by name on their way into order. */
struct ordering {
    struct document *d;
    const struct yaml_node *list;
    const struct yaml_node *const *after; /* per stage; NULL: the one before */
    const char **names;
    struct flow_stage *read, *stages; /* as they stand in the file; in order */
    uint32_t *before[STAGES_MOST];    /* in the file's numbers */
    size_t before_len[STAGES_MOST];
    uint32_t placed[STAGES_MOST];     /* where it is in order; UINT32_MAX: nowhere yet */
    size_t len, done;
};

static void one_before(struct ordering *o, size_t stage, const struct yaml_node *named) {
    struct reading *r = &o->d->r;
    if (!value_is(r, named, YAML_SCALAR, "a stage's name")) return;
    const uint32_t found = name_index(r, named, "stage", o->names, o->len);
    if (found != UINT32_MAX) o->before[stage][o->before_len[stage]++] = found;
}

static void before_of(struct ordering *o, size_t stage) {
    struct reading *r = &o->d->r;
    const struct yaml_node *after = o->after[stage];
    const size_t room = after && after->kind == YAML_LIST ? after->len : 1;
    o->before[stage] = arena_alloc(r->arena, room + 1, sizeof **o->before);
    if (after == NULL) {
        if (stage > 0) o->before[stage][o->before_len[stage]++] = (uint32_t)stage - 1;
        return;
    }
    size_t element = reading_enter_index(r, stage), mark = reading_enter(r, "after");
    if (after->kind == YAML_LIST) {
        for (size_t i = 0; i < after->len; i++) {
            size_t inner = reading_enter_index(r, i);
            one_before(o, stage, after->items[i].value);
            reading_leave(r, inner);
        }
    } else {
        one_before(o, stage, after);
    }
    reading_leave(r, mark);
    reading_leave(r, element);
}

static bool may_stand(const struct ordering *o, size_t stage) {
    for (size_t i = 0; i < o->before_len[stage]; i++)
        if (o->placed[o->before[stage][i]] == UINT32_MAX) return false;
    return o->placed[stage] == UINT32_MAX;
}

static void stand(struct ordering *o, size_t stage) {
    struct flow_stage *to = &o->stages[o->done];
    for (size_t i = 0; i < o->before_len[stage]; i++) o->before[stage][i] = o->placed[o->before[stage][i]];
    *to = o->read[stage];
    to->after = o->before[stage];
    to->after_len = o->before_len[stage];
    o->placed[stage] = (uint32_t)o->done++;
}

/* The first in the file that may come next, again and again. */
static void put_in_order(struct ordering *o) {
    const size_t found = o->d->r.err->found;
    for (size_t i = 0; i < o->len; i++) o->placed[i] = UINT32_MAX;
    for (size_t i = 0; i < o->len; i++) before_of(o, i);
    if (o->d->r.err->found > found) return;
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < o->len && !moved; i++) {
            if (!may_stand(o, i)) continue;
            stand(o, i);
            moved = true;
        }
    }
    for (size_t i = 0; i < o->len; i++) {
        if (o->placed[i] != UINT32_MAX) continue;
        reading_add(&o->d->r, o->list->items[i].value, "stage '%s' waits for itself, through those it is after",
                    o->names[i]);
        return;
    }
}

static void stages_read(struct document *d, const struct yaml_node *list, struct flow_setup *flow) {
    struct reading *r = &d->r;
    size_t top = reading_enter(r, "stages");
    if (list && value_is(r, list, YAML_LIST, "a list of stages")) {
        const size_t found = r->err->found;
        if (!list->len) reading_add(r, list, "no stages, expected at least one");
        if (list->len > STAGES_MOST) reading_add(r, list, "%zu stages, expected at most %d", list->len, STAGES_MOST);
        const size_t len = list->len > STAGES_MOST ? 0 : list->len;
        const struct yaml_node **after = arena_alloc(r->arena, len + 1, sizeof *after);
        struct ordering o = {.d = d, .list = list, .after = after, .len = len,
                             .names = arena_alloc(r->arena, len + 1, sizeof *o.names),
                             .read = arena_alloc(r->arena, len + 1, sizeof *o.read),
                             .stages = arena_alloc(r->arena, len + 1, sizeof *o.stages)};
        for (size_t i = 0; i < len; i++) {
            size_t mark = reading_enter_index(r, i);
            stage_read(d, list->items[i].value, flow->name, &o.read[i], &after[i]);
            name_unique(r, list->items[i].value, o.read[i].work.name, o.names, i);
            o.names[i] = o.read[i].work.name;
            reading_leave(r, mark);
        }
        if (r->err->found == found) put_in_order(&o);
        flow->stages = o.stages;
        flow->stages_len = o.done;
    }
    reading_leave(r, top);
}

static void container_read(struct document *d, const struct yaml_node *map, struct flow_setup *flow) {
    struct container_draft container = {0};
    size_t mark = reading_enter(&d->r, "container");
    params_read(&d->r, map, &container_block, &container);
    reading_leave(&d->r, mark);
    flow->container_cpus = container.cpus;
    flow->container_gpus = (double)container.gpus;
    flow->container_mem_mib = container.memory_mib;
}

static void check_containers(struct reading *r, const struct yaml_node *map, const struct flow_setup *flow) {
    double cpus = 0, gpus = 0;
    for (size_t i = 0; i < flow->stages_len; i++) {
        cpus += flow->stages[i].scale.most * flow->stages[i].work.cpus;
        gpus += flow->stages[i].scale.most * flow->stages[i].work.gpus;
    }
    const double count = fmax(cpus / flow->container_cpus, gpus / flow->container_gpus);
    if (count > WORKERS_MOST)
        reading_add_key(r, map, "container", "%.4g of it are needed to hold all stages, expected at most %d", count,
                        WORKERS_MOST);
}

static void tenant_read(struct document *d, const struct yaml_node *node, struct flow_setup *flow) {
    struct reading *r = &d->r;
    size_t mark = reading_enter(r, "tenant");
    if (value_is(r, node, YAML_SCALAR, "a tenant's name")) {
        flow->tenant = node->text;
        if (d->setup->tenants_len) name_index(r, node, "tenant", d->tenant_names, d->setup->tenants_len);
    }
    reading_leave(r, mark);
}

/* What is only about items that come at a rate. */
static void check_coming(struct reading *r, const struct yaml_node *map, const struct pipeline_draft *draft) {
    static const char *const of_rate[] = {"lot", "daily", "until"};
    if (map->kind != YAML_MAP) return;
    check_weights(r, map, "daily", &draft->daily, 24);
    if (yaml_get(map, "rate")) return;
    for (size_t i = 0; i < sizeof of_rate / sizeof *of_rate; i++)
        if (yaml_get(map, of_rate[i]))
            reading_add_key(r, map, of_rate[i], "\"%s\" without \"rate\", which it is about", of_rate[i]);
    if (!yaml_get(map, "items")) reading_add(r, map, "missing key \"items\" or \"rate\"");
}

static void pipeline_read(struct document *d, const struct yaml_node *map, struct flow_setup *flow) {
    struct reading *r = &d->r;
    struct pipeline_draft draft = {0};
    params_read(r, map, &pipeline_block, &draft);
    *flow = (struct flow_setup){.name = draft.name, .items = draft.items, .start_ns = draft.start_ns,
                                .until_ns = draft.until_ns, .rate_per_s = draft.rate_per_h / 3600, .lot = draft.lot,
                                .daily = draft.daily, .priority = (int32_t)draft.priority,
                                .monolithic = draft.way == RUN_MONOLITHIC};
    check_coming(r, map, &draft);
    if (draft.tenant) tenant_read(d, draft.tenant, flow);
    if (flow->monolithic && !draft.container) reading_add(r, map, "missing key \"container\"");
    if (draft.container) container_read(d, draft.container, flow);
    stages_read(d, draft.stages, flow);
    if (flow->monolithic && flow->container_cpus > 0 && flow->container_gpus > 0) check_containers(r, map, flow);
}

void pipelines_read(struct document *d, const struct yaml_node *list) {
    struct reading *r = &d->r;
    size_t top = reading_enter(r, "pipelines");
    if (value_is(r, list, YAML_LIST, "a list of pipelines")) {
        struct flow_setup *flows = arena_alloc(r->arena, list->len, sizeof *flows);
        const char **names = arena_alloc(r->arena, list->len, sizeof *names);
        for (size_t i = 0; i < list->len; i++) {
            size_t mark = reading_enter_index(r, i);
            pipeline_read(d, list->items[i].value, &flows[i]);
            name_unique(r, list->items[i].value, flows[i].name, names, i);
            names[i] = flows[i].name;
            reading_leave(r, mark);
        }
        d->setup->flows = flows;
        d->setup->flows_len = list->len;
    }
    reading_leave(r, top);
}

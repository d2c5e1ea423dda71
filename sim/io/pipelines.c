/*
 * Batch pipelines of a scenario: stages with workers, and one of two ways to run them. They become jobs when the demand
 * is made (models/load/pipelines.c).
 */
#include "base/tick.h"
#include "io/sections.h"

#include <math.h>

struct stage_draft {
    struct stage stage;
    int64_t service_ns, start_ns, workers;
};
#define AT(member) offsetof(struct stage_draft, member)
static const struct field stage_fields[] = {
    {.param = {.key = "name", .kind = PARAM_TEXT, .offset = AT(stage.name), .required = true,
               .help = "Its jobs are of class PIPELINE/STAGE."}},
    {.param = {.key = "service", .kind = PARAM_TIME, .offset = AT(service_ns), .least = 1e-9, .most = 31557600,
               .required = true, .help = "Time a worker takes for a batch."}},
    {.param = {.key = "batch", .kind = PARAM_NUMBER, .offset = AT(stage.batch), .fallback = 1, .least = 1,
               .most = 1e9, .help = "Items of a batch."}},
    {.param = {.key = "workers", .kind = PARAM_INTEGER, .offset = AT(workers), .least = 1, .most = 1000000,
               .required = true, .help = "How many of them there are."}},
    {.param = {.key = "cpus", .kind = PARAM_NUMBER, .offset = AT(stage.cpus), .least = 0, .most = 1e5,
               .help = "Cores of a worker."}},
    {.param = {.key = "gpus", .kind = PARAM_NUMBER, .offset = AT(stage.gpus), .least = 0, .most = 1e5,
               .help = "GPUs of a worker; below 1, a share of one."}},
    {.param = {.key = "memory", .kind = PARAM_NUMBER, .dim = DIM_MEMORY, .offset = AT(stage.memory_mib), .least = 0,
               .most = 1e9, .help = "Memory of a worker; only where it is disaggregated."}},
    {.param = {.key = "start", .kind = PARAM_TIME, .offset = AT(start_ns), .least = 0, .most = 86400,
               .help = "Until a new worker works."}},
};
static const struct block stage_block = {.title = "stages", BLOCK_FIELDS(stage_fields),
    .about = "What an item goes through, in order. The slowest stage sets the rate of all."};
#undef AT

struct container_draft {
    double cpus;
    int64_t gpus;
};
#define AT(member) offsetof(struct container_draft, member)
static const struct field container_fields[] = {
    {.param = {.key = "cpus", .kind = PARAM_NUMBER, .offset = AT(cpus), .least = 0.001, .most = 1e5, .required = true,
               .help = "Cores of a container."}},
    {.param = {.key = "gpus", .kind = PARAM_INTEGER, .offset = AT(gpus), .least = 1, .most = 64, .required = true,
               .help = "GPUs of a container."}},
};
static const struct block container_block = {.title = "container", BLOCK_FIELDS(container_fields),
    .about = "The one shape that holds all stages where a pipeline is monolithic; as many of it as the stages need "
             "cores and GPUs."};
#undef AT

enum { RUN_DISAGGREGATED, RUN_MONOLITHIC };
static const char *const ways[] = {"disaggregated", "monolithic", NULL};
struct pipeline_draft {
    const char *name;
    double items;
    int64_t start_ns;
    int way;
    const struct yaml_node *tenant, *container, *stages;
};
#define AT(member) offsetof(struct pipeline_draft, member)
static const struct field pipeline_fields[] = {
    {.param = {.key = "name", .kind = PARAM_TEXT, .offset = AT(name), .required = true,
               .help = "Its jobs' class; with the stage's name behind it where it is disaggregated."}},
    {.param = {.key = "items", .kind = PARAM_NUMBER, .offset = AT(items), .least = 1, .most = 1e18, .required = true,
               .help = "How many items go through it."}},
    {.param = {.key = "start", .kind = PARAM_TIME, .offset = AT(start_ns), .least = 0, .most = 3.15576e9,
               .help = "When it is submitted."}},
    {.param = {.key = "run", .kind = PARAM_CHOICE, .offset = AT(way), .choices = ways,
               .help = "disaggregated: every worker on what suits it; monolithic: containers that hold the union of "
                       "what all stages need."}},
    {.param = {.key = "container", .offset = AT(container), .help = "Required where it is monolithic."},
     .read = read_node, .block = &container_block, .form = "a mapping"},
    {.param = {.key = "tenant", .offset = AT(tenant), .help = "Whose jobs they are; `default` when left out."},
     .read = read_node, .form = "a tenant's name"},
    {.param = {.key = "stages", .offset = AT(stages), .required = true, .help = "In the order of the flow."},
     .read = read_node, .block = &stage_block, .form = "a list of mappings"},
};
const struct block pipeline_block = {.title = "pipelines", BLOCK_FIELDS(pipeline_fields),
    .about = "A list of batch pipelines with CPU and GPU stages, in steady state: every stage works at the rate of the "
             "slowest, and what a worker holds beyond that stands waiting. They run on the same fleet as all other "
             "jobs."};
#undef AT

static void stages_read(struct document *d, const struct yaml_node *list, struct pipeline_load *p) {
    struct reading *r = &d->r;
    size_t top = reading_enter(r, "stages");
    if (list && value_is(r, list, YAML_LIST, "a list of stages")) {
        p->stages = arena_alloc(r->arena, list->len, sizeof *p->stages);
        p->stages_len = list->len;
        for (size_t i = 0; i < list->len; i++) {
            size_t mark = reading_enter_index(r, i);
            const struct yaml_node *map = list->items[i].value;
            struct stage_draft draft = {0};
            params_read(r, map, &stage_block, &draft);
            p->stages[i] = draft.stage;
            p->stages[i].service_s = tick_seconds(draft.service_ns);
            p->stages[i].start_s = tick_seconds(draft.start_ns);
            p->stages[i].workers = (uint32_t)draft.workers;
            const double gpus = draft.stage.gpus;
            if (gpus > 1 && gpus > floor(gpus))
                reading_add_key(r, map, "gpus", "expected a whole number of GPUs, or a share of one");
            if (map->kind == YAML_MAP && !(gpus > 0) && !(draft.stage.cpus > 0))
                reading_add(r, map, "neither \"cpus\" nor \"gpus\": a worker needs something to run on");
            reading_leave(r, mark);
        }
        if (!list->len) reading_add(r, list, "no stages, expected at least one");
    }
    reading_leave(r, top);
}

static void pipeline_read(struct document *d, const struct yaml_node *map, struct pipeline_load *p) {
    struct reading *r = &d->r;
    struct pipeline_draft draft = {0};
    params_read(r, map, &pipeline_block, &draft);
    *p = (struct pipeline_load){.name = draft.name, .items = draft.items, .start_ns = draft.start_ns,
                                .monolithic = draft.way == RUN_MONOLITHIC};
    if (draft.tenant && value_is(r, draft.tenant, YAML_SCALAR, "a tenant's name")) p->tenant = draft.tenant->text;
    if (p->monolithic && !draft.container) reading_add(r, map, "missing key \"container\"");
    if (draft.container) {
        struct container_draft container = {0};
        size_t mark = reading_enter(r, "container");
        params_read(r, draft.container, &container_block, &container);
        reading_leave(r, mark);
        p->container_cpus = container.cpus;
        p->container_gpus = (double)container.gpus;
    }
    stages_read(d, draft.stages, p);
}

void pipelines_read(struct document *d, const struct yaml_node *list) {
    struct reading *r = &d->r;
    size_t top = reading_enter(r, "pipelines");
    if (value_is(r, list, YAML_LIST, "a list of pipelines")) {
        d->demand->pipelines = arena_alloc(r->arena, list->len, sizeof *d->demand->pipelines);
        d->demand->pipelines_len = list->len;
        for (size_t i = 0; i < list->len; i++) {
            size_t mark = reading_enter_index(r, i);
            pipeline_read(d, list->items[i].value, &d->demand->pipelines[i]);
            reading_leave(r, mark);
        }
    }
    reading_leave(r, top);
}

/*
 * The `load:` section: synthetic demand as plain numbers. The tables check one value at a time; what must
 * hold between values (24 hours, as many weights as GPU counts, a load that ends) is checked here.
 */
#include "base/tick.h"
#include "io/sections.h"

#include <math.h>
#include <string.h>

struct load_draft {
    struct load_setup load;
    int64_t jobs;
    const struct yaml_node *classes, *tenants;
};
struct class_draft {
    struct load_class class;
    const struct yaml_node *gpu_models;
};

#define AT(member) offsetof(struct class_draft, member)
static const struct field class_fields[] = {
    {.param = {.key = "name", .kind = PARAM_TEXT, .offset = AT(class.name), .required = true,
               .help = "Name of the class in tables."}},
    {.param = {.key = "weight", .kind = PARAM_NUMBER, .offset = AT(class.weight), .fallback = 1, .least = 0,
               .most = 1e9, .help = "Share of the arrivals, relative to the other classes."}},
    {.param = {.key = "durations", .offset = AT(class.durations), .required = true,
               .help = "How long its jobs run."},
     .read = read_model, .models = KIND_DURATIONS},
    {.param = {.key = "gpus", .kind = PARAM_NUMBERS, .offset = AT(class.gpus), .least = 0, .most = 65536,
               .required = true,
               .help = "GPU counts its jobs ask for; a value below 1 is a share of one GPU."}},
    {.param = {.key = "gpus_weight", .kind = PARAM_NUMBERS, .offset = AT(class.gpus_weight), .least = 0,
               .most = 1e9, .help = "How often each count is asked for; equally often when left out."}},
    {.param = {.key = "cpus_per_gpu", .kind = PARAM_NUMBER, .offset = AT(class.cpus_per_gpu), .least = 0,
               .most = 1024, .help = "CPU cores a job asks for, for each of its GPUs."}},
    {.param = {.key = "memory_per_gpu", .kind = PARAM_NUMBER, .dim = DIM_MEMORY,
               .offset = AT(class.mem_mib_per_gpu), .least = 0, .most = 67108864,
               .help = "Memory a job asks for, for each of its GPUs."}},
    {.param = {.key = "gpu_models", .offset = AT(gpu_models),
               .help = "GPU models its jobs accept; any when left out."},
     .read = read_node, .form = "a list of names"},
    {.param = {.key = "utilisation", .kind = PARAM_NUMBER, .offset = AT(class.utilisation_mean),
               .fallback = 1, .least = 0.01, .most = 1,
               .help = "Mean utilisation of the GPUs a job holds; power follows it."}},
    {.param = {.key = "utilisation_sd", .kind = PARAM_NUMBER, .offset = AT(class.utilisation_sd), .least = 0,
               .most = 1, .help = "Its standard deviation from job to job."}},
    {.param = {.key = "estimate_factor", .kind = PARAM_NUMBER, .offset = AT(class.estimate_factor),
               .fallback = 1, .least = 1, .most = 1000,
               .help = "Users' estimates are the run time x this to the power |N(0,1)|; 1: exact."}},
    {.param = {.key = "priority", .kind = PARAM_INTEGER, .offset = AT(class.priority), .least = -1000000,
               .most = 1000000, .help = "Larger goes first, where the order asks for it."}},
    {.param = {.key = "deadline_slack", .kind = PARAM_NUMBER, .offset = AT(class.deadline_slack), .least = 0,
               .most = 1e6, .help = "Deadline = submit + run time x this; 0: none."}},
};
static const struct block load_class_block = {.title = "load classes", BLOCK_FIELDS(class_fields),
    .about = "A list of kinds of jobs, each with its share of the arrivals and its own draws."};
#undef AT

#define AT(member) offsetof(struct load_tenant, member)
static const struct field tenant_fields[] = {
    {.param = {.key = "name", .kind = PARAM_TEXT, .offset = AT(name), .required = true,
               .help = "Whose jobs."}},
    {.param = {.key = "weight", .kind = PARAM_NUMBER, .offset = AT(weight), .fallback = 1, .least = 0,
               .most = 1e9, .help = "Share of the arrivals, relative to the other tenants."}},
};
static const struct block load_tenant_block = {.title = "load tenants", BLOCK_FIELDS(tenant_fields),
    .about = "A list of who submits; one tenant, `default`, when left out."};
#undef AT

#define AT(member) offsetof(struct load_draft, member)
static const struct field load_fields[] = {
    {.param = {.key = "jobs", .kind = PARAM_INTEGER, .offset = AT(jobs), .least = 1, .most = 1e9,
               .help = "Arrivals end after this many jobs."}},
    {.param = {.key = "until", .kind = PARAM_TIME, .offset = AT(load.until_ns), .fallback = INFINITY,
               .least = 1, .most = 3.15576e9, .help = "Arrivals end at this time; `jobs`, `until` or both."}},
    {.param = {.key = "arrivals", .offset = AT(load.arrivals), .required = true, .help = "When jobs arrive."},
     .read = read_model, .models = KIND_ARRIVALS},
    {.param = {.key = "daily", .kind = PARAM_NUMBERS, .offset = AT(load.daily), .least = 0, .most = 1e9,
               .help = "24 relative intensities by local hour; flat when left out."}},
    {.param = {.key = "weekly", .kind = PARAM_NUMBERS, .offset = AT(load.weekly), .least = 0, .most = 1e9,
               .help = "7 relative intensities, Monday first; flat when left out."}},
    {.param = {.key = "utc_offset", .kind = PARAM_TIME, .offset = AT(load.utc_offset_ns), .least = -50400,
               .most = 50400, .help = "Local time of `daily` and `weekly` less UTC."}},
    {.param = {.key = "classes", .offset = AT(classes), .required = true, .help = "What arrives."},
     .read = read_node, .block = &load_class_block, .form = "a list of mappings"},
    {.param = {.key = "tenants", .offset = AT(tenants), .help = "Who submits."},
     .read = read_node, .block = &load_tenant_block, .form = "a list of mappings"},
};
const struct block load_block = {.title = "load", BLOCK_FIELDS(load_fields),
    .about = "Synthetic demand, drawn before the run from streams of the seed: every policy sees the same "
             "jobs."};
#undef AT

static bool all_zero(const struct numbers *n) {
    for (size_t i = 0; i < n->len; i++)
        if (n->at[i] != 0) return false;
    return true;
}

void check_weights(struct reading *r, const struct yaml_node *map, const char *key, const struct numbers *n,
                   size_t expected) {
    const struct yaml_node *node = yaml_get(map, key);
    if (!node || node->kind != YAML_LIST) return;
    size_t mark = reading_enter(r, key);
    if (n->len != expected) reading_add(r, node, "%zu values, expected %zu", n->len, expected);
    else if (all_zero(n)) reading_add(r, node, "all 0, expected at least one above 0");
    reading_leave(r, mark);
}

static void check_gpus(struct reading *r, const struct yaml_node *node, const struct numbers *gpus) {
    size_t mark = reading_enter(r, "gpus");
    if (!gpus->len) reading_add(r, node, "an empty list, expected at least one count");
    for (size_t i = 0; i < gpus->len; i++) {
        double v = gpus->at[i];
        if (v == floor(v) || (v >= 0.001 && v < 1)) continue;
        size_t inner = reading_enter_index(r, i);
        const struct yaml_node *item = node->items[i].value;
        reading_add(r, item, "%s GPUs, expected a whole number, or a share of one GPU from 0.001 to 0.999",
                    value_shown(item).text);
        reading_leave(r, inner);
    }
    reading_leave(r, mark);
}

void gpu_models_read(struct document *d, const struct yaml_node *list, const char *const **to, size_t *len) {
    struct reading *r = &d->r;
    size_t mark = reading_enter(r, "gpu_models");
    if (value_is(r, list, YAML_LIST, "a list of GPU models")) {
        const char *known[JOB_MODELS_MOST];
        size_t known_len = pool_models(d->setup, known, JOB_MODELS_MOST);
        const char **models = arena_alloc(r->arena, list->len, sizeof *models);
        for (size_t i = 0; i < list->len; i++) {
            size_t inner = reading_enter_index(r, i);
            const struct yaml_node *item = list->items[i].value;
            models[i] = item->text;
            if (value_is(r, item, YAML_SCALAR, "a GPU model"))
                name_index(r, item, "GPU model", known, known_len);
            reading_leave(r, inner);
        }
        *to = models;
        *len = list->len;
    }
    reading_leave(r, mark);
}

static void class_read(struct document *d, const struct yaml_node *map, struct load_class *class) {
    struct reading *r = &d->r;
    struct class_draft draft = {0};
    params_read(r, map, &load_class_block, &draft);
    *class = draft.class;
    const struct yaml_node *gpus = yaml_get(map, "gpus");
    if (gpus && gpus->kind == YAML_LIST) {
        check_gpus(r, gpus, &class->gpus);
        check_weights(r, map, "gpus_weight", &class->gpus_weight, class->gpus.len);
    }
    if (!class->gpus_weight.len && class->gpus.len) {
        double *equal = arena_alloc(r->arena, class->gpus.len, sizeof *equal);
        for (size_t i = 0; i < class->gpus.len; i++) equal[i] = 1;
        class->gpus_weight = (struct numbers){equal, class->gpus.len};
    }
    if (class->deadline_slack > 0 && class->deadline_slack < 1)
        reading_add_key(r, map, "deadline_slack",
                        "before any job could end, expected at least 1, or 0 for none");
    if (draft.gpu_models) gpu_models_read(d, draft.gpu_models, &class->gpu_models, &class->gpu_models_len);
}

static void load_classes_read(struct document *d, const struct yaml_node *list, struct load_setup *load) {
    struct reading *r = &d->r;
    size_t top = reading_enter(r, "classes");
    if (value_is(r, list, YAML_LIST, "a list of classes")) {
        load->classes = arena_alloc(r->arena, list->len, sizeof *load->classes);
        const char **names = arena_alloc(r->arena, list->len, sizeof *names);
        double weight = 0;
        for (size_t i = 0; i < list->len; i++) {
            size_t mark = reading_enter_index(r, i);
            struct load_class *class = &load->classes[load->classes_len++];
            class_read(d, list->items[i].value, class);
            name_unique(r, list->items[i].value, class->name, names, i);
            names[i] = class->name;
            weight += class->weight;
            reading_leave(r, mark);
        }
        if (!(weight > 0)) reading_add(r, list, "no class has a weight above 0, expected at least one");
    }
    reading_leave(r, top);
}

static void load_tenants_read(struct document *d, const struct yaml_node *list, struct load_setup *load) {
    struct reading *r = &d->r;
    size_t top = reading_enter(r, "tenants");
    if (value_is(r, list, YAML_LIST, "a list of tenants")) {
        load->tenants = arena_alloc(r->arena, list->len, sizeof *load->tenants);
        const char **names = arena_alloc(r->arena, list->len, sizeof *names);
        double weight = 0;
        for (size_t i = 0; i < list->len; i++) {
            size_t mark = reading_enter_index(r, i);
            struct load_tenant *tenant = &load->tenants[load->tenants_len++];
            params_read(r, list->items[i].value, &load_tenant_block, tenant);
            name_unique(r, list->items[i].value, tenant->name, names, i);
            names[i] = tenant->name;
            weight += tenant->weight;
            reading_leave(r, mark);
        }
        if (!(weight > 0)) reading_add(r, list, "no tenant has a weight above 0, expected at least one");
    }
    reading_leave(r, top);
}

void load_read(struct document *d, const struct yaml_node *map) {
    struct reading *r = &d->r;
    struct load_draft draft = {0};
    size_t top = reading_enter(r, "load");
    params_read(r, map, &load_block, &draft);
    struct load_setup *load = d->demand->load = arena_alloc(r->arena, 1, sizeof *load);
    *load = draft.load;
    load->jobs_most = (uint64_t)draft.jobs;
    load->origin_unix_ns = d->setup->origin_unix_ns;
    if (map->kind == YAML_MAP) {
        if (!yaml_get(map, "jobs") && !yaml_get(map, "until"))
            reading_add(r, map, "missing key \"jobs\" or \"until\": the load never ends");
        check_weights(r, map, "daily", &load->daily, 24);
        check_weights(r, map, "weekly", &load->weekly, 7);
        if (draft.classes) load_classes_read(d, draft.classes, load);
        if (draft.tenants) load_tenants_read(d, draft.tenants, load);
    }
    reading_leave(r, top);
}

/*
 * How a service is kept: how many replicas, whether prefill and decode stand apart, and what its classes of requests
 * are promised. Which chips it can run on is in services.c.
 */
#include "base/tick.h"
#include "core/service.h"
#include "io/sections.h"

#include <math.h>

/* PRIORITY_MOST steps of a day fit 64 bits of ns. */
enum { REPLICAS_MOST = 100000, CLASSES_MOST = 100, LOOKS_MOST = 1000000, PRIORITY_MOST = 1000 };

struct replicas_draft {
    int64_t least, most, begin, every_ns, keep_ns, season_ns;
    int scale;
    double target;
    struct numbers schedule;
};
struct split_draft {
    const struct yaml_node *prefill, *decode;
    int64_t latency_ns;
    double transfer_gb_per_s;
};
struct stage_draft {
    int64_t replicas, tensor_parallel;
    const struct yaml_node *gpu;
};
struct region_draft {
    const struct yaml_node *name, *replicas;
    double share;
};
struct place_draft {
    int64_t least, most, begin;
};
struct failover_draft {
    int64_t latency_ns;
    double crowded;
};
struct class_draft {
    const char *name;
    int64_t priority;
    const struct yaml_node *slo;
};

static const char *const scale_names[] = {"reactive", "scheduled", "forecast", NULL}; /* enum autoscale, from 1 on */
#define AT(member) offsetof(struct replicas_draft, member)
static const struct field replicas_fields[] = {
    {.param = {.key = "least", .kind = PARAM_INTEGER, .offset = AT(least), .least = 0, .most = REPLICAS_MOST,
               .required = true, .help = "Never fewer."}},
    {.param = {.key = "most", .kind = PARAM_INTEGER, .offset = AT(most), .least = 1, .most = REPLICAS_MOST,
               .required = true, .help = "Never more."}},
    {.param = {.key = "begin", .kind = PARAM_INTEGER, .offset = AT(begin), .fallback = -1, .least = 0,
               .most = REPLICAS_MOST, .help = "At time 0; `least` when left out."}},
    {.param = {.key = "scale", .kind = PARAM_CHOICE, .offset = AT(scale), .choices = scale_names,
               .help = "By what is there (`target`, `keep`), by the hour (`schedule`), or by what is there and what is "
                       "to be expected until a new replica would be up (`season`)."}},
    {.param = {.key = "every", .kind = PARAM_TIME, .offset = AT(every_ns), .fallback = 15, .least = 0.1, .most = 86400,
               .help = "How often the number is looked at."}},
    {.param = {.key = "target", .kind = PARAM_NUMBER, .offset = AT(target), .fallback = 32, .least = 0.01, .most = 1e6,
               .help = "Requests a replica, waiting and running, that it aims at."}},
    {.param = {.key = "keep", .kind = PARAM_TIME, .offset = AT(keep_ns), .fallback = 300, .least = 0, .most = 31557600,
               .help = "A replica is given back when for so long there was one too many."}},
    {.param = {.key = "season", .kind = PARAM_TIME, .offset = AT(season_ns), .fallback = 86400, .least = 60,
               .most = 31557600,
               .help = "Of `scale: forecast`: what comes next is what came so long ago, and the change of the last "
                       "half hour since then; `7 d` where weekends differ."}},
    {.param = {.key = "schedule", .kind = PARAM_NUMBERS, .offset = AT(schedule), .least = 0, .most = REPLICAS_MOST,
               .help = "24 numbers of replicas by local hour of the first region."}},
};
const struct block replicas_block = {.title = "replicas", BLOCK_FIELDS(replicas_fields),
    .about = "How many there are, where that changes. A replica that is asked for stands in line for its GPUs like a "
             "job, and then loads its model (`cold_start`)."};
#undef AT

#define AT(member) offsetof(struct stage_draft, member)
#define STAGE_FIELDS \
    {.param = {.key = "gpu", .offset = AT(gpu), .help = "Only on this GPU model; any that can when left out."}, \
     .read = read_node, .form = "a GPU model of the pools"}, \
    {.param = {.key = "tensor_parallel", .kind = PARAM_INTEGER, .offset = AT(tensor_parallel), .least = 1, .most = 64, \
               .help = "GPUs of a replica; the service's when left out."}}
static const struct field prefill_fields[] = {
    {.param = {.key = "replicas", .kind = PARAM_INTEGER, .offset = AT(replicas), .least = 1, .most = REPLICAS_MOST,
               .required = true, .help = "So many."}},
    STAGE_FIELDS,
};
static const struct field decode_fields[] = {STAGE_FIELDS};
static const struct block prefill_block = {.title = "prefill", BLOCK_FIELDS(prefill_fields),
    .about = "Replicas that only prefill."};
static const struct block decode_block = {.title = "decode", BLOCK_FIELDS(decode_fields),
    .about = "Replicas that only decode: all the others."};
#undef AT

#define AT(member) offsetof(struct split_draft, member)
static const struct field split_fields[] = {
    {.param = {.key = "prefill", .offset = AT(prefill), .required = true,
               .help = "So many replicas (of each region) only prefill; the others only decode."},
     .read = read_node, .block = &prefill_block, .form = "a whole number, or a mapping"},
    {.param = {.key = "decode", .offset = AT(decode), .help = "What those that decode are; as the service says when "
                                                              "left out."},
     .read = read_node, .block = &decode_block, .form = "a mapping"},
    {.param = {.key = "transfer", .kind = PARAM_NUMBER, .dim = DIM_DATA_RATE, .offset = AT(transfer_gb_per_s),
               .least = 1e-6, .most = 1e6, .required = true,
               .help = "Rate at which a prompt's KV cache moves from one to the other."}},
    {.param = {.key = "latency", .kind = PARAM_TIME, .offset = AT(latency_ns), .least = 0, .most = 60,
               .help = "And how long its first byte takes."}},
};
const struct block split_block = {.title = "split", BLOCK_FIELDS(split_fields),
    .about = "Prefill and decode on replicas of their own."};
#undef AT

#define AT(member) offsetof(struct place_draft, member)
static const struct field place_fields[] = {
    {.param = {.key = "least", .kind = PARAM_INTEGER, .offset = AT(least), .least = 0, .most = REPLICAS_MOST,
               .required = true, .help = "Never fewer."}},
    {.param = {.key = "most", .kind = PARAM_INTEGER, .offset = AT(most), .least = 1, .most = REPLICAS_MOST,
               .required = true, .help = "Never more."}},
    {.param = {.key = "begin", .kind = PARAM_INTEGER, .offset = AT(begin), .fallback = -1, .least = 0,
               .most = REPLICAS_MOST, .help = "At time 0; `least` when left out."}},
};
static const struct block place_block = {.title = "replicas of a region", BLOCK_FIELDS(place_fields),
    .about = "How many there are in one region; how they scale is the service's."};
#undef AT

#define AT(member) offsetof(struct region_draft, member)
static const struct field service_region_fields[] = {
    {.param = {.key = "name", .offset = AT(name), .required = true, .help = "One of the scenario's regions."},
     .read = read_node, .form = "a region's name"},
    {.param = {.key = "share", .kind = PARAM_NUMBER, .offset = AT(share), .fallback = 1, .least = 0, .most = 1e9,
               .help = "Of the requests, relative to the other regions: its users'. A session is always of one region; "
                       "0: only for others' requests."}},
    {.param = {.key = "replicas", .offset = AT(replicas),
               .help = "Its own numbers; those of the service when left out."},
     .read = read_node, .block = &place_block, .form = "a whole number, or a mapping"},
};
const struct block service_region_block = {.title = "regions", BLOCK_FIELDS(service_region_fields),
    .about = "A list of regions that a service has replicas in, `replicas` in each. Requests are answered in their "
             "users' region."};
#undef AT

#define AT(member) offsetof(struct failover_draft, member)
static const struct field failover_fields[] = {
    {.param = {.key = "latency", .kind = PARAM_TIME, .offset = AT(latency_ns), .required = true, .least = 0, .most = 60,
               .help = "Round trip from users to another region; part of the time to first token there."}},
    {.param = {.key = "crowded", .kind = PARAM_NUMBER, .offset = AT(crowded), .least = 0, .most = 1e6,
               .help = "Requests also go elsewhere when their region's replicas have so many each, waiting and running "
                       "(prefilling, of a split), and another's fewer; 0: only when it has no replica up."}},
};
const struct block failover_block = {.title = "failover", BLOCK_FIELDS(failover_fields),
    .about = "Requests that cannot be answered in their users' region go to the least crowded of the others. Those "
             "whose replica is lost are computed again, there or at home."};
#undef AT

#define AT(member) offsetof(struct slo_draft, member)
static const struct field slo_fields[] = {
    {.param = {.key = "ttft", .kind = PARAM_TIME, .offset = AT(ttft_ns), .least = 0, .most = 86400,
               .help = "Time to first token; 0: no level."}},
    {.param = {.key = "tpot", .kind = PARAM_TIME, .offset = AT(tpot_ns), .least = 0, .most = 3600,
               .help = "Time per output token after the first, the mean of a request; 0: no level."}},
};
const struct block slo_block = {.title = "slo", BLOCK_FIELDS(slo_fields),
    .about = "Service levels: a request that meets all of them counts as goodput."};
#undef AT

#define AT(member) offsetof(struct class_draft, member)
static const struct field request_class_fields[] = {
    {.param = {.key = "name", .kind = PARAM_TEXT, .offset = AT(name), .required = true,
               .help = "Class of the requests: of the trace, or of synthetic ones."}},
    {.param = {.key = "priority", .kind = PARAM_INTEGER, .offset = AT(priority), .least = 0, .most = PRIORITY_MOST,
               .help = "Larger goes first in a replica's line, and is the last to lose its place in a full KV cache. "
                       "Requests of no class here have 0."}},
    {.param = {.key = "slo", .offset = AT(slo), .help = "Its own service levels; the service's when left out."},
     .read = read_node, .block = &slo_block, .form = "a mapping"},
};
const struct block request_class_block = {.title = "request classes", BLOCK_FIELDS(request_class_fields),
    .about = "A list of classes of a service's requests. Results are kept for each, and for the others together."};
#undef AT

static void check_schedule(struct reading *r, const struct yaml_node *map, const struct replicas_draft *draft) {
    const bool scheduled = draft->scale == 1, given = yaml_get(map, "schedule") != NULL;
    if (scheduled && !given) reading_add(r, map, "missing key \"schedule\", which \"scale: scheduled\" needs");
    if (!scheduled && given) reading_add_key(r, map, "schedule", "without \"scale: scheduled\"");
    if (!scheduled || !given || yaml_get(map, "schedule")->kind != YAML_LIST) return;
    if (draft->schedule.len != 24) {
        reading_add_key(r, map, "schedule", "%zu values, expected 24", draft->schedule.len);
        return;
    }
    for (size_t i = 0; i < draft->schedule.len; i++) {
        const double n = draft->schedule.at[i];
        if (n == floor(n) && n >= (double)draft->least && n <= (double)draft->most) continue;
        reading_add(r, yaml_get(map, "schedule")->items[i].value,
                    "hour %zu: expected a whole number of replicas from least to most (%lld to %lld)", i,
                    (long long)draft->least, (long long)draft->most);
        return;
    }
}

void replicas_section_read(struct document *d, const struct yaml_node *node, struct service_setup *service) {
    static const struct param number = {.kind = PARAM_INTEGER, .least = 1, .most = REPLICAS_MOST};
    struct reading *r = &d->r;
    struct replicas_draft draft = {.least = 1, .every_ns = 15 * TICK_S};
    size_t mark = reading_enter(r, "replicas");
    const size_t found = r->err->found;
    if (node->kind == YAML_SCALAR) {
        value_read(r, node, &number, &draft.least);
        draft.most = draft.begin = draft.least;
    } else {
        params_read(r, node, &replicas_block, &draft);
        service->autoscale = (enum autoscale)(SCALE_REACTIVE + draft.scale);
        if (draft.begin < 0) draft.begin = draft.least;
        if (r->err->found == found) {
            if (draft.least > draft.most)
                reading_add_key(r, node, "least", "above most, expected at most %lld", (long long)draft.most);
            else if (draft.begin < draft.least || draft.begin > draft.most)
                reading_add_key(r, node, "begin", "expected from least to most (%lld to %lld)",
                                (long long)draft.least, (long long)draft.most);
            else check_schedule(r, node, &draft);
            if (draft.scale != 2 && yaml_get(node, "season"))
                reading_add_key(r, node, "season", "without \"scale: forecast\"");
            else if (draft.season_ns / draft.every_ns < 1 || draft.season_ns / draft.every_ns > LOOKS_MOST)
                reading_add_key(r, node, "season", "expected from one to %d times \"every\"", LOOKS_MOST);
        }
    }
    service->least = (uint32_t)draft.least;
    service->most = (uint32_t)draft.most;
    service->begin = (uint32_t)draft.begin;
    service->every_ns = draft.every_ns;
    service->keep_ns = draft.keep_ns;
    service->season_ns = draft.season_ns;
    service->target = draft.target;
    service->schedule = draft.schedule;
    reading_leave(r, mark);
}

/* The GPU model a stage is bound to; NULL: any. */
static const char *stage_gpu(struct document *d, const struct stage_draft *draft) {
    const char *known[JOB_MODELS_MOST];
    if (!draft->gpu) return NULL;
    const size_t mark = reading_enter(&d->r, "gpu");
    if (value_is(&d->r, draft->gpu, YAML_SCALAR, "a GPU model"))
        name_index(&d->r, draft->gpu, "GPU model", known, pool_models(d->setup, known, JOB_MODELS_MOST));
    reading_leave(&d->r, mark);
    return draft->gpu->text;
}

static void prefill_read(struct document *d, const struct yaml_node *node, struct service_setup *service,
                         struct bound_stages *bound) {
    static const struct param number = {.kind = PARAM_INTEGER, .least = 1, .most = REPLICAS_MOST};
    struct stage_draft draft = {0};
    const size_t mark = reading_enter(&d->r, "prefill"), found = d->r.err->found;
    if (node->kind == YAML_SCALAR) value_read(&d->r, node, &number, &draft.replicas);
    else params_read(&d->r, node, &prefill_block, &draft);
    bound->gpu[0] = stage_gpu(d, &draft);
    if (draft.tensor_parallel) {
        service->decode_tensor_parallel = service->tensor_parallel;
        service->tensor_parallel = (uint32_t)draft.tensor_parallel;
    }
    service->prefill_replicas = (uint32_t)draft.replicas;
    uint32_t least = service->least;
    for (size_t i = 0; i < service->places_len; i++)
        if (i == 0 || service->places[i].least < least) least = service->places[i].least;
    if (d->r.err->found == found && draft.replicas >= least)
        reading_add(&d->r, node, "leaves no replica to decode, expected fewer than the least there are (%u)", least);
    reading_leave(&d->r, mark);
}

void split_section_read(struct document *d, const struct yaml_node *node, struct service_setup *service,
                        struct bound_stages *bound) {
    struct reading *r = &d->r;
    struct split_draft draft = {0};
    struct stage_draft decode = {0};
    size_t mark = reading_enter(r, "split");
    params_read(r, node, &split_block, &draft);
    if (draft.prefill) prefill_read(d, draft.prefill, service, bound);
    if (draft.decode) {
        const size_t inner = reading_enter(r, "decode");
        params_read(r, draft.decode, &decode_block, &decode);
        bound->gpu[1] = stage_gpu(d, &decode);
        if (decode.tensor_parallel) service->decode_tensor_parallel = (uint32_t)decode.tensor_parallel;
        reading_leave(r, inner);
    }
    service->split = true;
    service->transfer_bytes_per_s = draft.transfer_gb_per_s * 1e9;
    service->transfer_s = tick_seconds(draft.latency_ns);
    reading_leave(r, mark);
}

static void place_read(struct document *d, const struct yaml_node *node, bool scales, struct service_place *place) {
    static const struct param number = {.kind = PARAM_INTEGER, .least = 1, .most = REPLICAS_MOST};
    struct place_draft draft = {.least = 1, .most = 1, .begin = 1};
    const size_t mark = reading_enter(&d->r, "replicas"), found = d->r.err->found;
    if (node->kind == YAML_SCALAR) {
        value_read(&d->r, node, &number, &draft.least);
        draft.most = draft.begin = draft.least;
    } else {
        draft = (struct place_draft){0};
        params_read(&d->r, node, &place_block, &draft);
        if (draft.begin < 0) draft.begin = draft.least;
        const bool ordered = draft.least <= draft.begin && draft.begin <= draft.most;
        if (d->r.err->found == found && !ordered)
            reading_add(&d->r, node, "expected least <= begin <= most");
        else if (!scales)
            reading_add(&d->r, node, "a range, but the service's own \"replicas\" is a number: expected one here, too, "
                        "or there how they scale");
    }
    place->least = (uint32_t)draft.least;
    place->most = (uint32_t)draft.most;
    place->begin = (uint32_t)draft.begin;
    reading_leave(&d->r, mark);
}

/* Shares sum to 1, and the service's own numbers to its regions'. */
static void sum_places(struct service_setup *service, struct service_place *places, size_t len) {
    double share = 0;
    for (size_t i = 0; i < len; i++) share += places[i].share;
    for (size_t i = 0; i < len; i++) places[i].share /= share;
    service->least = service->most = service->begin = 0;
    for (size_t i = 0; i < len; i++) {
        service->least += places[i].least;
        service->most += places[i].most;
        service->begin += places[i].begin;
    }
    service->places = places;
    service->places_len = len;
}

void service_regions_read(struct document *d, const struct yaml_node *list, struct service_setup *service) {
    struct reading *r = &d->r;
    const size_t top = reading_enter(r, "regions");
    if (value_is(r, list, YAML_LIST, "a list of regions")) {
        struct service_place *places = arena_alloc(r->arena, list->len, sizeof *places);
        double share = 0;
        for (size_t i = 0; i < list->len; i++) {
            struct region_draft draft = {0};
            const struct yaml_node *element = list->items[i].value;
            const size_t mark = reading_enter_index(r, i);
            params_read(r, element, &service_region_block, &draft);
            places[i] = (struct service_place){.share = draft.share, .least = service->least, .most = service->most,
                                               .begin = service->begin};
            if (draft.name && value_is(r, draft.name, YAML_SCALAR, "a region's name"))
                places[i].region = name_index(r, draft.name, "region", d->region_names, d->setup->regions_len);
            for (size_t k = 0; k < i; k++)
                if (draft.name && places[k].region == places[i].region && places[i].region != UINT32_MAX)
                    reading_add(r, draft.name, "region \"%s\" is in the list before", draft.name->text);
            if (draft.replicas) place_read(d, draft.replicas, service->autoscale != SCALE_FIXED, &places[i]);
            share += draft.share;
            reading_leave(r, mark);
        }
        if (!list->len) reading_add(r, list, "no regions, expected at least one");
        else if (!(share > 0)) reading_add(r, list, "shares are all 0, expected at least one above 0");
        else sum_places(service, places, list->len);
    }
    reading_leave(r, top);
}

void failover_read(struct document *d, const struct yaml_node *node, struct service_setup *service) {
    struct failover_draft draft = {0};
    const size_t mark = reading_enter(&d->r, "failover");
    params_read(&d->r, node, &failover_block, &draft);
    if (service->places_len < 2) reading_add(&d->r, node, "without a second region, expected \"regions\" with several");
    service->failover = true;
    service->away_ns = draft.latency_ns;
    service->crowded = draft.crowded;
    reading_leave(&d->r, mark);
}

void request_classes_read(struct document *d, const struct yaml_node *list, const struct slo_draft *slo,
                          struct service_setup *service) {
    struct reading *r = &d->r;
    const size_t top = reading_enter(r, "classes");
    if (value_is(r, list, YAML_LIST, "a list of classes")) {
        struct request_class *classes = arena_alloc(r->arena, list->len, sizeof *classes);
        const char **names = arena_alloc(r->arena, list->len, sizeof *names);
        if (list->len > CLASSES_MOST) reading_add(r, list, "%zu classes, at most %d", list->len, CLASSES_MOST);
        for (size_t i = 0; i < list->len; i++) {
            const struct yaml_node *element = list->items[i].value;
            struct class_draft draft = {0};
            struct slo_draft own = *slo;
            const size_t mark = reading_enter_index(r, i);
            params_read(r, element, &request_class_block, &draft);
            if (draft.slo) {
                const size_t inner = reading_enter(r, "slo");
                own = (struct slo_draft){0};
                params_read(r, draft.slo, &slo_block, &own);
                reading_leave(r, inner);
            }
            classes[i] = (struct request_class){.name = draft.name, .priority = (uint16_t)draft.priority,
                                                .slo_ttft_ns = own.ttft_ns, .slo_tpot_ns = own.tpot_ns};
            name_unique(r, element, draft.name, names, i);
            names[i] = draft.name;
            reading_leave(r, mark);
        }
        service->classes = classes;
        service->classes_len = list->len;
    }
    reading_leave(r, top);
}

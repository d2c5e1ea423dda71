/*
 * The `services:` section: LLM services as plain numbers. Model, engine and chip are looked up in the catalogue, and
 * what an iteration costs is worked out for every pool, so that the engine knows where a replica can stand; a service
 * that fits on no pool is a finding with each pool's reason.
 *
 * What comes to a service is read by service_load.c, how it is kept by service_kept.c.
 */
#include "core/service.h"
#include "io/llm_catalog.h"
#include "io/sections.h"

#include <string.h>

/* --- the service --- */

struct service_draft {
    const char *name;
    const struct yaml_node *tenant, *requests, *model, *engine, *replicas, *split, *classes, *regions,
        *failover;
    int precision, router;
    int64_t tensor_parallel, cold_start_ns, max_seqs, chunk_tokens, priority, aging_ns;
    bool prefix_cache;
    struct slo_draft slo;
};

static const char *const precision_names[] = {"bf16", "fp8", "fp4", NULL}; /* enum llm_precision */
#define AT(member) offsetof(struct service_draft, member)
static const struct field service_fields[] = {
    {.param = {.key = "name", .kind = PARAM_TEXT, .offset = AT(name), .required = true,
               .help = "What tables and overrides call it."}},
    {.param = {.key = "tenant", .offset = AT(tenant),
               .help = "Whose quota its replicas use; `default` when left out."},
     .read = read_node, .form = "a tenant's name"},
    {.param = {.key = "requests", .offset = AT(requests), .required = true, .help = "What comes."},
     .read = read_node, .block = &requests_block, .form = "a mapping"},
    {.param = {.key = "model", .offset = AT(model), .required = true,
               .help = "LLM of the catalogue (models/catalog/llm_models.csv)."},
     .read = read_node, .form = "a name"},
    {.param = {.key = "engine", .offset = AT(engine), .required = true,
               .help = "Engine profile of the catalogue (models/catalog/llm_engines.csv)."},
     .read = read_node, .form = "a name"},
    {.param = {.key = "precision", .kind = PARAM_CHOICE, .offset = AT(precision), .choices = precision_names,
               .help = "Of weights and matrix products; the KV cache has 16 bits."}},
    {.param = {.key = "tensor_parallel", .kind = PARAM_INTEGER, .offset = AT(tensor_parallel), .fallback = 1,
               .least = 1, .most = 64, .help = "GPUs of a replica, of one node."}},
    {.param = {.key = "router", .kind = PARAM_CHOICE, .offset = AT(router), .choices = router_names,
               .fallback = ROUTER_LEAST_OUTSTANDING,
               .help = "Which replica a request goes to: the next one, the one with the fewest tokens to compute, its "
                       "session's, or the one that has most of its prompt in its prefix cache."}},
    {.param = {.key = "replicas", .offset = AT(replicas), .required = true, .help = "How many there are."},
     .read = read_node, .block = &replicas_block, .form = "a whole number, or a mapping"},
    {.param = {.key = "cold_start", .kind = PARAM_TIME, .offset = AT(cold_start_ns), .fallback = 60, .least = 0,
               .most = 86400,
               .help = "From a replica's GPUs to its first request: weights loaded, engine up."}},
    {.param = {.key = "prefix_cache", .kind = PARAM_BOOL, .offset = AT(prefix_cache),
               .help = "Whether prompts' blocks outlive their request and are found again, where the trace has them."}},
    {.param = {.key = "max_seqs", .kind = PARAM_INTEGER, .offset = AT(max_seqs), .least = 1, .most = 65536,
               .help = "Requests a replica runs at once; the engine's when left out."}},
    {.param = {.key = "chunk_tokens", .kind = PARAM_INTEGER, .offset = AT(chunk_tokens), .least = 1,
               .most = 1048576, .help = "Tokens of an iteration, decodes included; the engine's when left out."}},
    {.param = {.key = "slo", .offset = AT(slo), .help = "Service levels."},
     .read = read_block, .block = &slo_block, .form = "a mapping"},
    {.param = {.key = "classes", .offset = AT(classes), .help = "Requests with a priority and service levels of their "
                                                                "own."},
     .read = read_node, .block = &request_class_block, .form = "a list of mappings"},
    {.param = {.key = "aging", .kind = PARAM_TIME, .offset = AT(aging_ns), .least = 0, .most = 86400,
               .help = "So long a wait outweighs one step of priority in a replica's line, so that no class starves; "
                       "0: priority alone decides."}},
    {.param = {.key = "regions", .offset = AT(regions),
               .help = "Where its replicas are; its tenant's home, or the first region that can, when left out."},
     .read = read_node, .block = &service_region_block, .form = "a list of mappings"},
    {.param = {.key = "failover", .offset = AT(failover),
               .help = "Requests may be answered in other regions than their users'; not when left out."},
     .read = read_node, .block = &failover_block, .form = "a mapping"},
    {.param = {.key = "split", .offset = AT(split), .help = "Prefill and decode apart; together when left out."},
     .read = read_node, .block = &split_block, .form = "a mapping"},
    {.param = {.key = "priority", .kind = PARAM_INTEGER, .offset = AT(priority), .least = -1000000, .most = 1000000,
               .help = "Of its replicas, for orders that ask for it; larger goes first."}},
};
const struct block service_block = {.title = "services", BLOCK_FIELDS(service_fields),
    .about = "A list of LLM services: requests come, a router deals them to replicas, and these hold GPUs of the fleet "
             "beside the jobs, in the same lines, under the same quotas and bills."};
#undef AT

/* --- where it can run --- */

struct fitting {
    struct document *d;
    const struct llm_catalog *catalog;
    const struct llm_model *model;
    const char *engine;
    enum llm_precision precision;
    struct place_in_file at; /* of the engine's name */
    const struct service_setup *service;
    const struct bound_stages *bound;
    uint32_t tenant;         /* index in the setup's; SETUP_SHARED: not one of them */
};

/* Dedicated pools are their tenant's alone, and it has no others. NULL: the service may use this one. */
static const char *not_admitted(const struct fitting *f, const struct pool_setup *pool) {
    if (pool->tenant == f->tenant) return NULL;
    if (pool->tenant != SETUP_SHARED) return "it is another tenant's";
    for (size_t i = 0; i < f->d->setup->pools_len; i++)
        if (f->d->setup->pools[i].tenant == f->tenant) return "the tenant has nodes of its own";
    return NULL;
}

/* What a replica of a stage costs on a pool; gpus stays 0, with the reason, where it cannot run. max_seqs and
 * chunk_tokens of the service are raised from 0 to the engine's. */
static const char *cost_on_pool(const struct fitting *f, unsigned stage, const struct pool_setup *pool,
                                struct llm_cost *cost, struct err *err, struct service_setup *service) {
    const struct llm_chip *chip = NULL;
    const char *why = NULL;
    struct llm_cost found;
    const uint32_t gpus = service_gpus(service, stage);
    if (!pool->gpus) return "it has no GPUs";
    if (not_admitted(f, pool)) return not_admitted(f, pool);
    if (f->bound->gpu[stage] && strcmp(f->bound->gpu[stage], pool->gpu) != 0) return "its GPU is not the split's";
    for (size_t i = 0; i < f->catalog->chips_len; i++)
        if (strcmp(f->catalog->chips[i].name, pool->gpu) == 0) chip = &f->catalog->chips[i];
    if (!chip) return "the catalogue does not know its GPU";
    if (pool->gpus < gpus) return "a node has fewer GPUs than tensor_parallel";
    const struct llm_engine *engine =
        llm_catalog_engine(f->catalog, f->engine, f->precision, pool->gpu, f->at, err);
    if (!engine) return "the engine has no profile for it";
    if (!llm_cost_of(f->model, chip, engine, f->precision, gpus, &found, &why)) return why;
    *cost = found;
    if (!service->max_seqs) service->max_seqs = engine->max_seqs;
    if (!service->chunk_tokens) service->chunk_tokens = engine->chunk_tokens;
    return NULL;
}

static void add_misfit(struct document *d, const struct yaml_node *map, const char *const *why) {
    struct text text;
    text_init(&text);
    for (size_t i = 0; i < d->setup->pools_len; i++)
        text_format(&text, "%s\"%s\": %s", i ? "; " : "", d->setup->pools[i].name, why[i]);
    reading_add_key(&d->r, map, "model", "no pool can run it: %s", text.at ? text.at : "");
    text_free(&text);
}

/* Whole replicas of a stage that fit the nodes of a region (SETUP_ANYWHERE: of all). */
static uint64_t replicas_possible(const struct setup *setup, const struct service_setup *service, unsigned stage,
                                  uint32_t region) {
    uint64_t replicas = 0;
    for (size_t i = 0; i < setup->nodes_len; i++) {
        const uint32_t pool = setup->nodes[i].pool;
        if (region != SETUP_ANYWHERE && setup->pools[pool].region != region) continue;
        if (service_cost(service, stage)[pool].gpus)
            replicas += (uint64_t)setup->nodes[i].count * (setup->pools[pool].gpus / service_gpus(service, stage));
    }
    return replicas;
}

/* Is there room for so many replicas of a stage (all: without a split, or with stages that are alike)? */
static void check_room(struct document *d, const struct yaml_node *map, const struct service_setup *service,
                       unsigned stage, uint32_t least, uint32_t region) {
    const uint64_t room = replicas_possible(d->setup, service, stage, region);
    if (room >= least) return;
    const bool anywhere = region == SETUP_ANYWHERE;
    reading_add_key(&d->r, map, anywhere ? "replicas" : "regions",
                    "%u replicas of %u GPUs never fit%s%s, the pools that can run them have room for %llu", least,
                    service_gpus(service, stage), anywhere ? "" : " in ", anywhere ? "" :
                    d->setup->regions[region].name, (unsigned long long)room);
}

static void check_rooms(struct document *d, const struct yaml_node *map, const struct service_setup *service) {
    const struct service_place all = {.region = SETUP_ANYWHERE, .least = service->least};
    const bool apart = service->decode_cost != NULL;
    for (size_t i = 0; i < (service->places_len ? service->places_len : 1); i++) {
        const struct service_place *p = service->places_len ? &service->places[i] : &all;
        check_room(d, map, service, 0, apart ? service->prefill_replicas : p->least, p->region);
        if (apart) check_room(d, map, service, 1, p->least - service->prefill_replicas, p->region);
    }
}

/* What a stage costs on all pools; false: it can run on none of them, which was found. */
static bool fit_stage(struct fitting *f, const struct yaml_node *map, unsigned stage, struct service_setup *service,
                      const struct llm_cost **costs) {
    struct document *d = f->d;
    const size_t pools = d->setup->pools_len;
    struct llm_cost *cost = arena_alloc(d->r.arena, pools, sizeof *cost);
    const char **why = arena_alloc(d->r.arena, pools, sizeof *why);
    struct err of_engine;
    bool somewhere = false;
    err_init(&of_engine);
    for (size_t i = 0; i < pools; i++) {
        why[i] = cost_on_pool(f, stage, &d->setup->pools[i], &cost[i], &of_engine, service);
        somewhere |= why[i] == NULL;
    }
    *costs = cost;
    if (!somewhere && d->may_misfit) {
        /* It is one of many that are tried. */
    } else if (!somewhere && of_engine.found) err_add(d->r.err, (struct place_in_file){0}, "%s", of_engine.lines[0]);
    else if (!somewhere) add_misfit(d, map, why);
    err_free(&of_engine);
    return somewhere;
}

static void fit(struct fitting *f, const struct yaml_node *map, struct service_setup *service) {
    const bool alike = !service->split || (!service->decode_tensor_parallel && !f->bound->gpu[0] && !f->bound->gpu[1]);
    bool fits = fit_stage(f, map, 0, service, &service->cost);
    if (!alike) fits &= fit_stage(f, map, 1, service, &service->decode_cost);
    if (!fits) return;
    check_rooms(f->d, map, service);
    if (service->chunk_tokens < service->max_seqs)
        reading_add_key(&f->d->r, map, "chunk_tokens", "%u tokens an iteration are fewer than max_seqs (%u)",
                        service->chunk_tokens, service->max_seqs);
}

/* The catalogue's entries a service names, and what follows from them. fleet: the pools are right. */
static void look_up(struct document *d, const struct yaml_node *map, const struct service_draft *draft,
                    const struct llm_catalog *catalog, uint32_t tenant, bool fleet, const struct bound_stages *bound,
                    struct service_setup *service) {
    struct reading *r = &d->r;
    struct fitting f = {.bound = bound, .d = d, .catalog = catalog, .precision = (enum llm_precision)draft->precision,
                        .service = service, .tenant = tenant};
    size_t mark = reading_enter(r, "model");
    if (draft->model && value_is(r, draft->model, YAML_SCALAR, "a name"))
        f.model = llm_catalog_model(catalog, draft->model->text, yaml_place(draft->model, r->path.at), r->err);
    reading_leave(r, mark);
    mark = reading_enter(r, "engine");
    if (draft->engine && value_is(r, draft->engine, YAML_SCALAR, "a name")) f.engine = draft->engine->text;
    f.at = draft->engine ? yaml_place(draft->engine, arena_text(r->arena, r->path.at)) : (struct place_in_file){0};
    reading_leave(r, mark);
    if (f.model && f.engine && fleet && service->tensor_parallel) fit(&f, map, service);
}

/* --- all together --- */

/* Index of the tenant in the setup; SETUP_SHARED: none of those; TENANT_WRONG: there was a finding. */
#define TENANT_WRONG (UINT32_MAX - 1)
static uint32_t tenant_of(struct document *d, const struct yaml_node *node, struct service_setup *service) {
    if (!node) return SETUP_SHARED;
    struct reading *r = &d->r;
    size_t mark = reading_enter(r, "tenant");
    uint32_t tenant = SETUP_SHARED;
    if (value_is(r, node, YAML_SCALAR, "a name")) {
        service->tenant = node->text;
        if (d->setup->tenants_len) {
            const size_t found = r->err->found;
            tenant = name_index(r, node, "tenant", d->tenant_names, d->setup->tenants_len);
            if (r->err->found > found) tenant = TENANT_WRONG;
        }
    }
    reading_leave(r, mark);
    return tenant;
}

static void element_read(struct document *d, const struct yaml_node *map, const struct llm_catalog *catalog,
                         bool fleet, struct service_setup *service, struct service_demand *demand) {
    struct service_draft draft = {0};
    const size_t found = d->r.err->found;
    params_read(&d->r, map, &service_block, &draft);
    if (map->kind != YAML_MAP) return;
    *service = (struct service_setup){
        .name = draft.name,
        .priority = (int32_t)draft.priority,
        .tensor_parallel = (uint32_t)draft.tensor_parallel,
        .max_seqs = (uint32_t)draft.max_seqs,
        .chunk_tokens = (uint32_t)draft.chunk_tokens,
        .prefix_cache = draft.prefix_cache,
        .router = (enum router)draft.router,
        .cold_start_ns = draft.cold_start_ns,
        .slo_ttft_ns = draft.slo.ttft_ns,
        .slo_tpot_ns = draft.slo.tpot_ns,
    };
    const uint32_t tenant = tenant_of(d, draft.tenant, service);
    if (draft.requests) requests_section_read(d, draft.requests, demand);
    if (draft.replicas) replicas_section_read(d, draft.replicas, service);
    service->aging_ns = draft.aging_ns;
    if (draft.classes) request_classes_read(d, draft.classes, &draft.slo, service);
    if (draft.regions) service_regions_read(d, draft.regions, service);
    if (draft.failover) failover_read(d, draft.failover, service);
    struct bound_stages bound = {0};
    if (draft.split) split_section_read(d, draft.split, service, &bound);
    const bool places = d->r.err->found == found && tenant != TENANT_WRONG;
    if (catalog) look_up(d, map, &draft, catalog, tenant, fleet && places, &bound, service);
}

void service_read_one(struct document *d, const struct yaml_node *map, const struct llm_catalog *catalog,
                      struct service_setup *service, struct service_demand *demand) {
    element_read(d, map, catalog, true, service, demand);
}

void services_read(struct document *d, const struct yaml_node *list, bool fleet) {
    struct reading *r = &d->r;
    size_t top = reading_enter(r, "services");
    if (value_is(r, list, YAML_LIST, "a list of services")) {
        struct llm_catalog catalog;
        const bool known = llm_catalog_read(&catalog, r->arena, r->err);
        struct service_setup *services = arena_alloc(r->arena, list->len, sizeof *services);
        const char **names = arena_alloc(r->arena, list->len, sizeof *names);
        d->demand->services = arena_alloc(r->arena, list->len, sizeof *d->demand->services);
        for (size_t i = 0; i < list->len; i++) {
            size_t mark = reading_enter_index(r, i);
            const struct yaml_node *element = list->items[i].value;
            d->demand->services[i].service = &services[i];
            element_read(d, element, known ? &catalog : NULL, fleet, &services[i], &d->demand->services[i]);
            name_unique(r, element, services[i].name, names, i);
            names[i] = services[i].name;
            reading_leave(r, mark);
        }
        if (!list->len) reading_add(r, list, "no services, expected at least one");
        d->setup->services = services;
        d->setup->services_len = d->demand->services_len = list->len;
    }
    reading_leave(r, top);
}

/*
 * The `services:` section: LLM services as plain numbers. Model, engine and chip are looked up in the catalogue, and
 * what an iteration costs is worked out for every pool, so that the engine knows where a replica can stand; a service
 * that fits on no pool is a finding with each pool's reason.
 *
 * Where requests come from stands in the demand: files are read, and synthetic ones drawn, before the run.
 */
#include "base/tick.h"
#include "io/llm_catalog.h"
#include "io/paths.h"
#include "io/requests.h"
#include "io/sections.h"

#include <math.h>
#include <string.h>

/* --- requests --- */

struct burst_draft {
    double ratio, share;
    int64_t length_ns;
};
struct requests_draft {
    const struct yaml_node *file, *burst, *prompt, *output;
    double speed, rate_per_h;
    bool repeat;
    struct numbers daily;
    int64_t until_ns;
};

#define AT(member) offsetof(struct burst_draft, member)
static const struct field burst_fields[] = {
    {.param = {.key = "ratio", .kind = PARAM_NUMBER, .offset = AT(ratio), .least = 1, .most = 1e6, .required = true,
               .help = "Rate of arrivals in a burst, relative to the rate outside."}},
    {.param = {.key = "share", .kind = PARAM_NUMBER, .offset = AT(share), .least = 0.001, .most = 0.999,
               .required = true, .help = "Share of the time that belongs to bursts."}},
    {.param = {.key = "length", .kind = PARAM_TIME, .offset = AT(length_ns), .least = 0.001, .most = 31557600,
               .required = true, .help = "Mean length of a burst (exponentially distributed)."}},
};
static const struct block burst_block = {.title = "burst", BLOCK_FIELDS(burst_fields),
    .about = "Times in which more requests come. The mean rate stays what `rate` says."};
#undef AT

#define AT(member) offsetof(struct tokens_load, member)
static const struct field tokens_fields[] = {
    {.param = {.key = "median", .kind = PARAM_NUMBER, .offset = AT(median), .least = 1, .most = 1e7, .required = true,
               .help = "Half of the requests have no more tokens."}},
    {.param = {.key = "sigma", .kind = PARAM_NUMBER, .offset = AT(sigma), .least = 0, .most = 10,
               .help = "Standard deviation of the logarithm; 0: all alike."}},
    {.param = {.key = "most", .kind = PARAM_NUMBER, .offset = AT(most), .fallback = 131072, .least = 1, .most = 1e8,
               .help = "Larger draws are cut to it."}},
};
static const struct block tokens_block = {.title = "tokens", BLOCK_FIELDS(tokens_fields),
    .about = "Numbers of tokens, lognormal."};
#undef AT

#define AT(member) offsetof(struct requests_draft, member)
static const struct field requests_fields[] = {
    {.param = {.key = "file", .offset = AT(file),
               .help = "Request trace (docs/trace.md), plain or .gz; looked for beside the scenario, then in the "
                       "working directory. This or `rate`."},
     .read = read_node, .form = "a path"},
    {.param = {.key = "speed", .kind = PARAM_NUMBER, .offset = AT(speed), .fallback = 1, .least = 1e-6, .most = 1e6,
               .help = "Arrival times of the file are divided by it: 2 is twice the load."}},
    {.param = {.key = "repeat", .kind = PARAM_BOOL, .offset = AT(repeat),
               .help = "The file starts anew when it ends, until the horizon."}},
    {.param = {.key = "rate", .kind = PARAM_NUMBER, .dim = DIM_RATE, .offset = AT(rate_per_h), .least = 1e-6,
               .most = 3.6e9, .help = "Synthetic requests, so many on average, drawn before the run."}},
    {.param = {.key = "daily", .kind = PARAM_NUMBERS, .offset = AT(daily), .least = 0, .most = 1e9,
               .help = "24 relative intensities by local hour of the first region; flat when left out."}},
    {.param = {.key = "burst", .offset = AT(burst), .help = "Times in which more come; none when left out."},
     .read = read_node, .block = &burst_block, .form = "a mapping"},
    {.param = {.key = "prompt", .offset = AT(prompt), .help = "Tokens of a prompt."},
     .read = read_node, .block = &tokens_block, .form = "a mapping"},
    {.param = {.key = "output", .offset = AT(output), .help = "Tokens of an answer."},
     .read = read_node, .block = &tokens_block, .form = "a mapping"},
    {.param = {.key = "until", .kind = PARAM_TIME, .offset = AT(until_ns), .fallback = INFINITY, .least = 0.001,
               .most = 3.15576e9, .help = "The last of the synthetic requests come before this; the horizon when left "
                                          "out."}},
};
static const struct block requests_block = {.title = "requests", BLOCK_FIELDS(requests_fields),
    .about = "What comes: a trace (`file`, `speed`, `repeat`), or synthetic requests (all the other keys)."};
#undef AT

/* --- the service --- */

struct replicas_draft {
    int64_t least, most, begin, every_ns, keep_ns;
    int scale;
    double target;
    struct numbers schedule;
};
struct split_draft {
    int64_t prefill, latency_ns;
    double transfer_gb_per_s;
};
struct slo_draft {
    int64_t ttft_ns, tpot_ns;
};
struct service_draft {
    const char *name;
    const struct yaml_node *tenant, *requests, *model, *engine, *replicas, *split;
    int precision, router;
    int64_t tensor_parallel, cold_start_ns, max_seqs, chunk_tokens, priority;
    bool prefix_cache;
    struct slo_draft slo;
};

enum { REPLICAS_MOST = 100000 };
static const char *const scale_names[] = {"reactive", "scheduled", NULL}; /* enum autoscale, from 1 on */
#define AT(member) offsetof(struct replicas_draft, member)
static const struct field replicas_fields[] = {
    {.param = {.key = "least", .kind = PARAM_INTEGER, .offset = AT(least), .least = 0, .most = REPLICAS_MOST,
               .required = true, .help = "Never fewer."}},
    {.param = {.key = "most", .kind = PARAM_INTEGER, .offset = AT(most), .least = 1, .most = REPLICAS_MOST,
               .required = true, .help = "Never more."}},
    {.param = {.key = "begin", .kind = PARAM_INTEGER, .offset = AT(begin), .fallback = -1, .least = 0,
               .most = REPLICAS_MOST, .help = "At time 0; `least` when left out."}},
    {.param = {.key = "scale", .kind = PARAM_CHOICE, .offset = AT(scale), .choices = scale_names,
               .help = "By what comes (`target`, `keep`), or by the hour (`schedule`)."}},
    {.param = {.key = "every", .kind = PARAM_TIME, .offset = AT(every_ns), .fallback = 15, .least = 0.1, .most = 86400,
               .help = "How often the number is looked at."}},
    {.param = {.key = "target", .kind = PARAM_NUMBER, .offset = AT(target), .fallback = 32, .least = 0.01, .most = 1e6,
               .help = "Requests a replica, waiting and running, that it aims at."}},
    {.param = {.key = "keep", .kind = PARAM_TIME, .offset = AT(keep_ns), .fallback = 300, .least = 0, .most = 31557600,
               .help = "A replica is given back when for so long there was one too many."}},
    {.param = {.key = "schedule", .kind = PARAM_NUMBERS, .offset = AT(schedule), .least = 0, .most = REPLICAS_MOST,
               .help = "24 numbers of replicas by local hour of the first region."}},
};
static const struct block replicas_block = {.title = "replicas", BLOCK_FIELDS(replicas_fields),
    .about = "How many there are, where that changes. A replica that is asked for stands in line for its GPUs like a "
             "job, and then loads its model (`cold_start`)."};
#undef AT

#define AT(member) offsetof(struct split_draft, member)
static const struct field split_fields[] = {
    {.param = {.key = "prefill", .kind = PARAM_INTEGER, .offset = AT(prefill), .least = 1, .most = REPLICAS_MOST,
               .required = true, .help = "So many replicas only prefill; the others only decode."}},
    {.param = {.key = "transfer", .kind = PARAM_NUMBER, .dim = DIM_DATA_RATE, .offset = AT(transfer_gb_per_s),
               .least = 1e-6, .most = 1e6, .required = true,
               .help = "Rate at which a prompt's KV cache moves from one to the other."}},
    {.param = {.key = "latency", .kind = PARAM_TIME, .offset = AT(latency_ns), .least = 0, .most = 60,
               .help = "And how long its first byte takes."}},
};
static const struct block split_block = {.title = "split", BLOCK_FIELDS(split_fields),
    .about = "Prefill and decode on replicas of their own."};
#undef AT

#define AT(member) offsetof(struct slo_draft, member)
static const struct field slo_fields[] = {
    {.param = {.key = "ttft", .kind = PARAM_TIME, .offset = AT(ttft_ns), .least = 0, .most = 86400,
               .help = "Time to first token; 0: no level."}},
    {.param = {.key = "tpot", .kind = PARAM_TIME, .offset = AT(tpot_ns), .least = 0, .most = 3600,
               .help = "Time per output token after the first, the mean of a request; 0: no level."}},
};
static const struct block slo_block = {.title = "slo", BLOCK_FIELDS(slo_fields),
    .about = "Service levels: a request that meets all of them counts as goodput."};
#undef AT

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
    {.param = {.key = "split", .offset = AT(split), .help = "Prefill and decode apart; together when left out."},
     .read = read_node, .block = &split_block, .form = "a mapping"},
    {.param = {.key = "priority", .kind = PARAM_INTEGER, .offset = AT(priority), .least = -1000000, .most = 1000000,
               .help = "Of its replicas, for orders that ask for it; larger goes first."}},
};
const struct block service_block = {.title = "services", BLOCK_FIELDS(service_fields),
    .about = "A list of LLM services: requests come, a router deals them to replicas, and these hold GPUs of the fleet "
             "beside the jobs, in the same lines, under the same quotas and bills."};
#undef AT

/* --- reading requests --- */

static void file_read(struct document *d, const struct yaml_node *map, const struct yaml_node *file,
                      struct service_demand *demand) {
    static const char *const others[] = {"rate", "daily", "burst", "prompt", "output", "until"};
    struct reading *r = &d->r;
    size_t mark = reading_enter(r, "file");
    if (value_is(r, file, YAML_SCALAR, "a path")) {
        demand->file = path_resolve(r->arena, file->file, file->text);
        if (!demand->file) reading_add(r, file, "no such file %s", value_shown(file).text);
    }
    reading_leave(r, mark);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (yaml_get(map, others[i]))
            reading_add_key(r, map, others[i], "\"%s\" beside \"file\", whose requests are what they are", others[i]);
    if (demand->service->repeat && d->setup->horizon_ns >= TICK_NEVER)
        reading_add_key(r, map, "repeat", "requests that never end, expected the key \"horizon\" at the top");
}

static void tokens_read(struct document *d, const struct yaml_node *map, const char *key,
                        const struct yaml_node *node, struct tokens_load *tokens) {
    struct reading *r = &d->r;
    if (!node) {
        reading_add(r, map, "missing key \"%s\", which \"rate\" needs", key);
        return;
    }
    size_t mark = reading_enter(r, key);
    params_read(r, node, &tokens_block, tokens);
    if (node->kind == YAML_MAP && tokens->median > tokens->most)
        reading_add_key(r, node, "median", "above most, expected at most %g", tokens->most);
    reading_leave(r, mark);
}

/* What a run can hold: requests are numbered by 32 bits. */
#define REQUESTS_EXPECTED_MOST 4e9
static void load_of_requests(struct document *d, const struct yaml_node *map, const struct requests_draft *draft,
                             struct service_demand *demand) {
    struct reading *r = &d->r;
    struct burst_draft burst = {.ratio = 1};
    struct request_load *load = arena_alloc(r->arena, 1, sizeof *load);
    demand->load = load;
    static const char *const others[] = {"speed", "repeat"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (yaml_get(map, others[i]))
            reading_add_key(r, map, others[i], "\"%s\" without \"file\", which it is about", others[i]);
    if (draft->burst) {
        size_t mark = reading_enter(r, "burst");
        params_read(r, draft->burst, &burst_block, &burst);
        reading_leave(r, mark);
    }
    tokens_read(d, map, "prompt", draft->prompt, &load->prompt);
    tokens_read(d, map, "output", draft->output, &load->output);
    check_weights(r, map, "daily", &draft->daily, 24);
    load->rate_per_h = draft->rate_per_h;
    load->daily = draft->daily;
    load->burst_ratio = burst.ratio;
    load->burst_share = burst.share;
    load->burst_ns = burst.length_ns;
    load->until_ns = draft->until_ns < d->setup->horizon_ns ? draft->until_ns : d->setup->horizon_ns;
    load->utc_offset_ns = d->setup->regions_len ? d->setup->regions[0].utc_offset_ns : 0;
    load->origin_unix_ns = d->setup->origin_unix_ns;
    if (load->until_ns >= TICK_NEVER)
        reading_add(r, map, "requests that never end, expected \"until\", or \"horizon\" at the top");
    else if (load->rate_per_h * tick_hours(load->until_ns) > REQUESTS_EXPECTED_MOST)
        reading_add_key(r, map, "rate", "too many requests until %g d, at most %g", tick_hours(load->until_ns) / 24,
                        REQUESTS_EXPECTED_MOST);
}

static void requests_section(struct document *d, const struct yaml_node *map, struct service_demand *demand) {
    struct reading *r = &d->r;
    struct requests_draft draft = {0};
    size_t mark = reading_enter(r, "requests");
    params_read(r, map, &requests_block, &draft);
    demand->service->speed = draft.speed;
    demand->service->repeat = draft.repeat;
    if (map->kind == YAML_MAP) {
        if (draft.file) file_read(d, map, draft.file, demand);
        else if (yaml_get(map, "rate")) load_of_requests(d, map, &draft, demand);
        else reading_add(r, map, "missing key \"file\" or \"rate\"");
    }
    reading_leave(r, mark);
}

/* --- reading replicas --- */

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

static void replicas_read(struct document *d, const struct yaml_node *node, struct service_setup *service) {
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
        }
    }
    service->least = (uint32_t)draft.least;
    service->most = (uint32_t)draft.most;
    service->begin = (uint32_t)draft.begin;
    service->every_ns = draft.every_ns;
    service->keep_ns = draft.keep_ns;
    service->target = draft.target;
    service->schedule = draft.schedule;
    reading_leave(r, mark);
}

static void split_read(struct document *d, const struct yaml_node *node, struct service_setup *service) {
    struct reading *r = &d->r;
    struct split_draft draft = {0};
    size_t mark = reading_enter(r, "split");
    const size_t found = r->err->found;
    params_read(r, node, &split_block, &draft);
    if (r->err->found == found && draft.prefill >= service->least)
        reading_add_key(r, node, "prefill", "leaves no replica to decode, expected fewer than the least there are (%u)",
                        service->least);
    service->split = true;
    service->prefill_replicas = (uint32_t)draft.prefill;
    service->transfer_bytes_per_s = draft.transfer_gb_per_s * 1e9;
    service->transfer_s = tick_seconds(draft.latency_ns);
    reading_leave(r, mark);
}

/* --- where it can run --- */

struct fitting {
    struct document *d;
    const struct llm_catalog *catalog;
    const struct llm_model *model;
    const char *engine;
    enum llm_precision precision;
    struct place_in_file at; /* of the engine's name */
    const struct service_setup *service;
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

/* What a replica costs on a pool; gpus stays 0, with the reason, where it cannot run. max_seqs and chunk_tokens of the
 * service are raised from 0 to the engine's. */
static const char *cost_on_pool(const struct fitting *f, const struct pool_setup *pool, struct llm_cost *cost,
                                struct err *err, struct service_setup *service) {
    const struct llm_chip *chip = NULL;
    const char *why = NULL;
    struct llm_cost found;
    if (!pool->gpus) return "it has no GPUs";
    if (not_admitted(f, pool)) return not_admitted(f, pool);
    for (size_t i = 0; i < f->catalog->chips_len; i++)
        if (strcmp(f->catalog->chips[i].name, pool->gpu) == 0) chip = &f->catalog->chips[i];
    if (!chip) return "the catalogue does not know its GPU";
    if (pool->gpus < service->tensor_parallel) return "a node has fewer GPUs than tensor_parallel";
    const struct llm_engine *engine =
        llm_catalog_engine(f->catalog, f->engine, f->precision, pool->gpu, f->at, err);
    if (!engine) return "the engine has no profile for it";
    if (!llm_cost_of(f->model, chip, engine, f->precision, service->tensor_parallel, &found, &why)) return why;
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

/* GPUs of the pools it can run on, for whole replicas. */
static uint64_t replicas_possible(const struct setup *setup, const struct service_setup *service) {
    uint64_t replicas = 0;
    for (size_t i = 0; i < setup->nodes_len; i++)
        if (service->cost[setup->nodes[i].pool].gpus)
            replicas += (uint64_t)setup->nodes[i].count *
                        (setup->pools[setup->nodes[i].pool].gpus / service->tensor_parallel);
    return replicas;
}

static void fit(struct fitting *f, const struct yaml_node *map, struct service_setup *service) {
    struct document *d = f->d;
    const size_t pools = d->setup->pools_len;
    struct llm_cost *cost = arena_alloc(d->r.arena, pools, sizeof *cost);
    const char **why = arena_alloc(d->r.arena, pools, sizeof *why);
    struct err of_engine;
    bool somewhere = false;
    err_init(&of_engine);
    for (size_t i = 0; i < pools; i++) {
        why[i] = cost_on_pool(f, &d->setup->pools[i], &cost[i], &of_engine, service);
        somewhere |= why[i] == NULL;
    }
    service->cost = cost;
    if (!somewhere && d->may_misfit) {
        /* It is one of many that are tried. */
    } else if (!somewhere && of_engine.found) err_add(d->r.err, (struct place_in_file){0}, "%s", of_engine.lines[0]);
    else if (!somewhere) add_misfit(d, map, why);
    else if (replicas_possible(d->setup, service) < service->least)
        reading_add_key(&d->r, map, "replicas",
                        "%u replicas of %u GPUs never fit, the pools that can run them have room for %llu",
                        service->least, service->tensor_parallel,
                        (unsigned long long)replicas_possible(d->setup, service));
    if (somewhere && service->chunk_tokens < service->max_seqs)
        reading_add_key(&d->r, map, "chunk_tokens", "%u tokens an iteration are fewer than max_seqs (%u)",
                        service->chunk_tokens, service->max_seqs);
    err_free(&of_engine);
}

/* The catalogue's entries a service names, and what follows from them. fleet: the pools are right. */
static void look_up(struct document *d, const struct yaml_node *map, const struct service_draft *draft,
                    const struct llm_catalog *catalog, uint32_t tenant, bool fleet, struct service_setup *service) {
    struct reading *r = &d->r;
    struct fitting f = {.d = d, .catalog = catalog, .precision = (enum llm_precision)draft->precision,
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
    const bool good = d->r.err->found == found;
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
    if (draft.requests) requests_section(d, draft.requests, demand);
    if (draft.replicas) replicas_read(d, draft.replicas, service);
    if (draft.split) split_read(d, draft.split, service);
    if (catalog) look_up(d, map, &draft, catalog, tenant, fleet && good && tenant != TENANT_WRONG, service);
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

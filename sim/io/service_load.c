/*
 * What comes to a service: the `requests:` of one as plain numbers. Traces are only looked for here; they are read, and
 * synthetic requests drawn, before the run (app/batch.c).
 */
#include "base/tick.h"
#include "core/service.h"
#include "io/paths.h"
#include "io/sections.h"

#include <math.h>

struct burst_draft {
    double ratio, share;
    int64_t length_ns;
};
struct requests_draft {
    const struct yaml_node *file, *burst, *prompt, *output, *classes, *clients;
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

struct load_class_draft {
    const char *name;
    double weight;
    const struct yaml_node *prompt, *output;
};
#define AT(member) offsetof(struct load_class_draft, member)
static const struct field load_class_fields[] = {
    {.param = {.key = "name", .kind = PARAM_TEXT, .offset = AT(name), .required = true,
               .help = "What the service's `classes` call it."}},
    {.param = {.key = "weight", .kind = PARAM_NUMBER, .offset = AT(weight), .fallback = 1, .least = 0, .most = 1e9,
               .help = "Share of the requests, relative to the other classes."}},
    {.param = {.key = "prompt", .offset = AT(prompt), .help = "Tokens of its prompts; those of all when left out."},
     .read = read_node, .block = &tokens_block, .form = "a mapping"},
    {.param = {.key = "output", .offset = AT(output), .help = "Tokens of its answers; those of all when left out."},
     .read = read_node, .block = &tokens_block, .form = "a mapping"},
};
static const struct block load_class_block = {.title = "classes", BLOCK_FIELDS(load_class_fields),
    .about = "A list of classes that synthetic requests are of."};
#undef AT

struct clients_draft {
    int64_t count, think_ns;
    int gaps;
    double skew, cv, spread, turns;
};
static const char *const gaps_names[] = {"gamma", "weibull", NULL};
#define AT(member) offsetof(struct clients_draft, member)
static const struct field clients_fields[] = {
    {.param = {.key = "count", .kind = PARAM_INTEGER, .offset = AT(count), .required = true, .least = 1, .most = 1e6,
               .help = "How many."}},
    {.param = {.key = "skew", .kind = PARAM_NUMBER, .offset = AT(skew), .fallback = 1.2, .least = 0, .most = 10,
               .help = "The i-th client sends in proportion to i^-skew (Zipf); 0: all alike."}},
    {.param = {.key = "gaps", .kind = PARAM_CHOICE, .offset = AT(gaps), .choices = gaps_names,
               .help = "How times between a client's conversations are distributed."}},
    {.param = {.key = "cv", .kind = PARAM_NUMBER, .offset = AT(cv), .fallback = 2, .least = 0.1, .most = 20,
               .help = "Their standard deviation over their mean; 1 as by chance, more in bursts."}},
    {.param = {.key = "spread", .kind = PARAM_NUMBER, .offset = AT(spread), .fallback = 0.5, .least = 0, .most = 5,
               .help = "Clients' own median lengths about those of `prompt` and `output`: standard deviation of the "
                       "logarithm."}},
    {.param = {.key = "turns", .kind = PARAM_NUMBER, .offset = AT(turns), .fallback = 1, .least = 1, .most = 1000,
               .help = "Requests of a conversation, on average (geometric). Each repeats all that was said before; "
                       "`prompt` is what it adds."}},
    {.param = {.key = "think", .kind = PARAM_TIME, .offset = AT(think_ns), .fallback = 100, .least = 0.001,
               .most = 86400, .help = "From a turn to the next, on average (exponential)."}},
};
static const struct block clients_block = {.title = "clients", BLOCK_FIELDS(clients_fields),
    .about = "A population whose requests these are, after ServeGen (NSDI 2026): a few send most, each in bursts of "
             "its own and of lengths of its own. The mean rate stays what `rate` says."};
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
    {.param = {.key = "clients", .offset = AT(clients), .help = "Who sends them; nobody in particular when left out."},
     .read = read_node, .block = &clients_block, .form = "a mapping"},
    {.param = {.key = "classes", .offset = AT(classes),
               .help = "What they are of (with clients: what a client's all are of); no class when left out."},
     .read = read_node, .block = &load_class_block, .form = "a list of mappings"},
    {.param = {.key = "until", .kind = PARAM_TIME, .offset = AT(until_ns), .fallback = INFINITY, .least = 0.001,
               .most = 3.15576e9, .help = "The last of the synthetic requests come before this; the horizon when left "
                                          "out."}},
};
const struct block requests_block = {.title = "requests", BLOCK_FIELDS(requests_fields),
    .about = "What comes: a trace (`file`, `speed`, `repeat`), or synthetic requests (all the other keys)."};
#undef AT

static void file_read(struct document *d, const struct yaml_node *map, const struct yaml_node *file,
                      struct service_demand *demand) {
    static const char *const others[] = {"rate", "daily", "burst", "prompt", "output", "classes", "clients", "until"};
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

static void clients_read(struct document *d, const struct yaml_node *map, const struct yaml_node *node,
                         struct request_load *load) {
    struct clients_draft draft = {0};
    const size_t mark = reading_enter(&d->r, "clients");
    params_read(&d->r, node, &clients_block, &draft);
    reading_leave(&d->r, mark);
    if (yaml_get(map, "burst"))
        reading_add_key(&d->r, map, "burst", "\"burst\" beside \"clients\", whose bursts are their own (\"cv\")");
    load->clients = (struct clients_load){.count = (uint32_t)draft.count, .skew = draft.skew, .gaps = draft.gaps,
                                          .cv = draft.cv, .spread = draft.spread, .turns = draft.turns,
                                          .think_ns = draft.think_ns};
}

static void load_classes_read(struct document *d, const struct yaml_node *list, struct request_load *load) {
    struct reading *r = &d->r;
    const size_t top = reading_enter(r, "classes");
    if (value_is(r, list, YAML_LIST, "a list of classes")) {
        struct request_load_class *classes = arena_alloc(r->arena, list->len, sizeof *classes);
        const char **names = arena_alloc(r->arena, list->len, sizeof *names);
        double sum = 0;
        for (size_t i = 0; i < list->len; i++) {
            const struct yaml_node *element = list->items[i].value;
            struct load_class_draft draft = {0};
            const size_t mark = reading_enter_index(r, i);
            params_read(r, element, &load_class_block, &draft);
            classes[i] = (struct request_load_class){draft.name, draft.weight, load->prompt, load->output};
            if (draft.prompt) tokens_read(d, element, "prompt", draft.prompt, &classes[i].prompt);
            if (draft.output) tokens_read(d, element, "output", draft.output, &classes[i].output);
            name_unique(r, element, draft.name, names, i);
            names[i] = draft.name;
            sum += draft.weight;
            reading_leave(r, mark);
        }
        if (!(sum > 0)) reading_add(r, list, "weights are all 0, expected at least one above 0");
        load->classes = classes;
        load->classes_len = list->len;
    }
    reading_leave(r, top);
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
    if (draft->classes) load_classes_read(d, draft->classes, load);
    if (draft->clients) clients_read(d, map, draft->clients, load);
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

void requests_section_read(struct document *d, const struct yaml_node *map, struct service_demand *demand) {
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


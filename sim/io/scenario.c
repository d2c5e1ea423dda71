/*
 * From a file to runs. Four steps: the file with its includes merged under it becomes one tree; the command
 * line's overrides are assigned into it; every run is a copy of that tree with its own overrides (and the
 * command line's again, which win); every copy is read by the tables into a setup of its own. A mistake in
 * what the runs share is found once a run and shown once. A point of a sweep is read in the same way, from the same
 * tree, when it is asked for.
 *
 * Invariant: runs of a scenario read without findings are complete setups; nothing in them points into
 * another. Cost: runs x size of the file.
 */
#include "io/scenario.h"

#include "base/hash.h"
#include "base/num.h"
#include "base/tick.h"
#include "io/include.h"
#include "io/paths.h"
#include "io/sections.h"
#include "io/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Simulated time 0 where no `start` is given: a Monday, 2024-01-01T00:00:00Z. */
static const int64_t fallback_start_ns = INT64_C(1704067200) * TICK_S;

/* --- the tables of the sections without a file of their own --- */

struct window_draft {
    int64_t from_ns, to_ns;
};
struct trace_draft {
    const struct yaml_node *file;
    double speed, repeat_until;
    bool shuffle, depart;
    int64_t every_ns;
};
struct scenario_draft {
    int64_t version, seed, horizon_ns;
    const char *name, *about, *start, *work_unit;
    struct window_draft measure;
    struct policy_setup policy;
    const struct yaml_node *trace, *load, *pipelines, *regions, *pools, *tenants, *classes, *transfer,
        *services, *recommend, *unused;
};

#define AT(member) offsetof(struct window_draft, member)
static const struct field window_fields[] = {
    {.param = {.key = "from", .kind = PARAM_TIME, .offset = AT(from_ns), .least = 0, .most = 3.15576e9,
               .help = "Jobs submitted earlier, and everything that happens earlier, count in no figure."}},
    {.param = {.key = "to", .kind = PARAM_TIME, .offset = AT(to_ns), .fallback = INFINITY, .least = 0,
               .most = 3.15576e9, .help = "End of the window; the end of the run when left out."}},
};
static const struct block window_block = {.title = "measure", BLOCK_FIELDS(window_fields),
    .about = "The measured window: warm-up and cool-down are left out of every figure."};
#undef AT

#define AT(member) offsetof(struct trace_draft, member)
static const struct field trace_fields[] = {
    {.param = {.key = "file", .offset = AT(file), .required = true,
               .help = "Trace in the program's format (docs/trace.md), plain or .gz; looked for beside the "
                       "scenario, then in the working directory."},
     .read = read_node, .form = "a path"},
    {.param = {.key = "speed", .kind = PARAM_NUMBER, .offset = AT(speed), .fallback = 1, .least = 1e-6,
               .most = 1e6, .help = "Submit times are divided by it: 2 is twice the load."}},
    {.param = {.key = "shuffle", .kind = PARAM_BOOL, .offset = AT(shuffle),
               .help = "Puts the jobs into a random order, by the seed; submit times stay where they are."}},
    {.param = {.key = "repeat_until", .kind = PARAM_NUMBER, .offset = AT(repeat_until), .least = 0,
               .most = 1000,
               .help = "Cuts the trace, or draws jobs again, until this multiple of the fleet's GPUs was "
                       "asked for; 0: off."}},
    {.param = {.key = "depart", .kind = PARAM_BOOL, .offset = AT(depart), .fallback = 1,
               .help = "Whether jobs end; false: they hold their GPUs for ever."}},
    {.param = {.key = "every", .kind = PARAM_TIME, .offset = AT(every_ns), .least = 0, .most = 31557600,
               .help = "Replaces the submit times by 0, every, 2 every, ...; 0: off."}},
};
static const struct block trace_block = {.title = "trace", BLOCK_FIELDS(trace_fields),
    .about = "The jobs, from a file. Its treatments apply in the order of this table."};
#undef AT

struct run_draft {
    const char *name;
    const struct yaml_node *set;
};
#define AT(member) offsetof(struct run_draft, member)
static const struct field run_fields[] = {
    {.param = {.key = "name", .kind = PARAM_TEXT, .offset = AT(name), .required = true,
               .help = "What results call it."}},
    {.param = {.key = "set", .offset = AT(set),
               .help = "Overrides of this run, path: value, as in {policy.order: sjf, pools.a100.nodes: "
                       "20}."},
     .read = read_node, .form = "a mapping"},
};
static const struct block run_block = {.title = "runs", BLOCK_FIELDS(run_fields),
    .about = "A list of runs to compare, each the whole scenario with overrides of its own. Without it, "
             "there is one."};
#undef AT

#define AT(member) offsetof(struct scenario_draft, member)
static const struct field scenario_fields[] = {
    {.param = {.key = "version", .kind = PARAM_INTEGER, .offset = AT(version), .least = 1, .most = 0,
               .required = true, .help = "Version of this format: 1."}},
    {.param = {.key = "name", .kind = PARAM_TEXT, .offset = AT(name),
               .help = "The file's name when left out."}},
    {.param = {.key = "about", .kind = PARAM_TEXT, .offset = AT(about), .text = "",
               .help = "The question it answers."}},
    {.param = {.key = "include", .offset = AT(unused),
               .help = "Files whose keys hold where this one has none; mappings are merged, lists replaced, "
                       "later files win over earlier ones, `null` removes a key. Looked for beside this "
                       "file."},
     .read = read_nothing, .form = "a path, or a list of paths"},
    {.param = {.key = "seed", .kind = PARAM_INTEGER, .offset = AT(seed), .fallback = 1, .least = 0,
               .most = 999999999999999, .help = "Of every random draw; the same seed gives the same bytes."}},
    {.param = {.key = "start", .kind = PARAM_TEXT, .offset = AT(start), .text = "2024-01-01T00:00:00Z",
               .help = "Calendar time of simulated time 0; required where a series has dates."}},
    {.param = {.key = "horizon", .kind = PARAM_TIME, .offset = AT(horizon_ns), .fallback = INFINITY,
               .least = 1e-3, .most = 3.15576e9,
               .help = "The run ends here; with its last job when left out."}},
    {.param = {.key = "measure", .offset = AT(measure), .help = "The measured window."},
     .read = read_block, .block = &window_block, .form = "a mapping"},
    {.param = {.key = "unit_of_work", .kind = PARAM_TEXT, .offset = AT(work_unit), .text = "useful GPU-h",
               .help = "What the trace's column `work` counts: steps, samples, tokens."}},
    {.param = {.key = "trace", .offset = AT(trace), .help = "The jobs, from a file; or else `load`."},
     .read = read_node, .block = &trace_block, .form = "a mapping"},
    {.param = {.key = "load", .offset = AT(load), .help = "The jobs, drawn at random; or else `trace`."},
     .read = read_node, .block = &load_block, .form = "a mapping"},
    {.param = {.key = "pipelines", .offset = AT(pipelines),
               .help = "Pipelines with CPU and GPU stages, beside them or alone."},
     .read = read_node, .block = &pipeline_block, .form = "a list of mappings"},
    {.param = {.key = "regions", .offset = AT(regions), .required = true, .help = "Where."},
     .read = read_node, .block = &region_block, .form = "a list of mappings"},
    {.param = {.key = "pools", .offset = AT(pools), .help = "On what; required but where `recommend` is all there is."},
     .read = read_node, .block = &pool_block, .form = "a list of mappings"},
    {.param = {.key = "tenants", .offset = AT(tenants), .help = "For whom."},
     .read = read_node, .block = &tenant_block, .form = "a list of mappings"},
    {.param = {.key = "classes", .offset = AT(classes), .help = "What jobs may do."},
     .read = read_node, .block = &class_block, .form = "a list of mappings"},
    {.param = {.key = "transfer", .offset = AT(transfer), .help = "What moving data costs."},
     .read = read_node, .block = &transfer_block, .form = "a mapping"},
    {.param = {.key = "services", .offset = AT(services), .help = "LLM services beside the jobs, or alone."},
     .read = read_node, .block = &service_block, .form = "a list of mappings"},
    {.param = {.key = "recommend", .offset = AT(recommend),
               .help = "A workload and all it may run on, for `headroom recommend`; beside the rest, or alone."},
     .read = read_node, .block = &recommend_block, .form = "a mapping"},
    {.param = {.key = "policy", .offset = AT(policy), .help = "By which rules."},
     .read = read_block, .block = &policy_block, .form = "a mapping"},
    {.param = {.key = "runs", .offset = AT(unused), .help = "What is compared."},
     .read = read_nothing, .block = &run_block, .form = "a list of mappings"},
    {.param = {.key = "baseline", .offset = AT(unused), .help = "Run the others are compared with."},
     .read = read_nothing, .form = "a run's name"},
    {.param = {.key = "sweep", .offset = AT(unused), .help = "What `headroom sweep` varies."},
     .read = read_nothing, .block = &sweep_block, .form = "a mapping"},
    {.param = {.key = "size", .offset = AT(unused), .help = "What `headroom size` looks for."},
     .read = read_nothing, .block = &size_block, .form = "a mapping"},
};
const struct block scenario_block = {.title = "The file", BLOCK_FIELDS(scenario_fields),
    .about = "Values with a dimension carry their unit (`30 d`, `0.12 USD/kWh`). Plain numbers are decimal; "
             "truth is `true` or `false`. Unknown, duplicate and missing keys are errors."};
#undef AT

/* --- helpers of all sections --- */

uint32_t name_index(struct reading *r, const struct yaml_node *node, const char *what,
                    const char *const *names, size_t names_len) {
    if (!value_is(r, node, YAML_SCALAR, "a name")) return UINT32_MAX;
    bool all_named = true;
    for (size_t i = 0; i < names_len; i++) {
        if (names[i] && strcmp(names[i], node->text) == 0) return (uint32_t)i;
        if (!names[i]) all_named = false;
    }
    if (all_named)
        reading_unknown(r, node, what, names, names_len, NULL); /* else one without a name may be meant */
    return UINT32_MAX;
}

void name_unique(struct reading *r, const struct yaml_node *element, const char *name,
                 const char *const *before, size_t before_len) {
    for (size_t i = 0; name && i < before_len; i++)
        if (before[i] && strcmp(before[i], name) == 0) {
            reading_add(r, node_at(element, "name"), "duplicate name \"%s\", the same as element %zu", name,
                        i);
            return;
        }
}

void check_ascending(struct reading *r, const struct yaml_node *map, const char *key, const struct numbers *n,
                     bool equal) {
    const struct yaml_node *list = node_at(map, key);
    size_t mark = reading_enter(r, key);
    for (size_t i = 1; i < n->len; i++)
        if (n->at[i] < n->at[i - 1] || (n->at[i] == n->at[i - 1] && !equal)) {
            size_t inner = reading_enter_index(r, i);
            reading_add(r, list->items[i].value, "%g after %g, expected values to ascend", n->at[i],
                        n->at[i - 1]);
            reading_leave(r, inner);
        }
    reading_leave(r, mark);
}

const struct yaml_node *node_at(const struct yaml_node *map, const char *key) {
    const struct yaml_node *node = yaml_get(map, key);
    return node ? node : map;
}

const struct yaml_node *entry_named(struct document *d, enum catalog_table table,
                                    const struct yaml_node *name, const char *what) {
    if (!value_is(&d->r, name, YAML_SCALAR, "a name")) return NULL;
    const struct yaml_node *entries = catalog_table(d->catalog, table);
    const struct yaml_node *entry = yaml_get(entries, name->text);
    if (entry) return entry;
    if (!entries->file) {
        reading_add(&d->r, name, "no catalogue was found, expected its folder in HEADROOM_CATALOG");
        return NULL;
    }
    const char **known = mem_alloc(entries->len * sizeof *known);
    for (size_t i = 0; i < entries->len; i++) known[i] = entries->items[i].key->text;
    reading_unknown(&d->r, name, what, known, entries->len, "the catalogue");
    free(known);
    return NULL;
}

/* --- the demand --- */

static void trace_read_section(struct document *d, const struct yaml_node *map) {
    struct trace_draft draft = {0};
    size_t top = reading_enter(&d->r, "trace");
    params_read(&d->r, map, &trace_block, &draft);
    struct demand *demand = d->demand;
    demand->speed = draft.speed;
    demand->shuffle = draft.shuffle;
    demand->repeat_until = draft.repeat_until;
    demand->depart = draft.depart;
    demand->every_ns = draft.every_ns;
    if (draft.file) {
        size_t mark = reading_enter(&d->r, "file");
        if (value_is(&d->r, draft.file, YAML_SCALAR, "a path")) {
            demand->trace = path_resolve(d->r.arena, draft.file->file, draft.file->text);
            if (!demand->trace)
                reading_add(&d->r, draft.file, "no such file %s", value_shown(draft.file).text);
        }
        reading_leave(&d->r, mark);
    }
    reading_leave(&d->r, top);
}

static void demand_section(struct document *d, const struct yaml_node *root,
                           const struct scenario_draft *draft) {
    *d->demand = (struct demand){.speed = 1, .depart = true};
    if (draft->trace && draft->load)
        reading_add(&d->r, draft->load,
                    "both \"trace\" and \"load\", expected one (`load: null` removes it)");
    else if (draft->trace) trace_read_section(d, draft->trace);
    else if (draft->load) load_read(d, draft->load);
    else if (!draft->pipelines && !draft->services && !draft->recommend)
        reading_add(&d->r, root, "missing key \"trace\" or \"load\" (or \"pipelines\", or \"services\")");
}

/* --- one run --- */

static void check_window(struct document *d, const struct yaml_node *root,
                         const struct scenario_draft *draft) {
    const struct yaml_node *measure = yaml_get(root, "measure");
    size_t mark = reading_enter(&d->r, "measure");
    if (measure && draft->measure.from_ns >= draft->measure.to_ns)
        reading_add(&d->r, measure, "an empty window, expected from < to");
    if (measure && draft->measure.from_ns >= draft->horizon_ns)
        reading_add(&d->r, measure, "begins at or after the horizon");
    reading_leave(&d->r, mark);
}

static void check_version(struct document *d, const struct yaml_node *root, int64_t version) {
    const struct yaml_node *node = yaml_get(root, "version");
    if (!node || version == 1) return;
    size_t mark = reading_enter(&d->r, "version");
    if (num_i64(node->text, strlen(node->text), &(int64_t){0}))
        reading_add(&d->r, node, "version %s, expected 1", value_shown(node).text);
    reading_leave(&d->r, mark);
}

static void start_read(struct document *d, const struct yaml_node *root, const char *start) {
    const struct yaml_node *node = yaml_get(root, "start");
    d->setup->origin_unix_ns = fallback_start_ns;
    if (!node || node->kind != YAML_SCALAR) return;
    size_t mark = reading_enter(&d->r, "start");
    d->dated = tick_parse_date(start, strlen(start), &d->setup->origin_unix_ns);
    if (!d->dated)
        reading_add(&d->r, node, "expected a date such as 2017-10-01T00:00:00Z, found %s",
                    value_shown(node).text);
    reading_leave(&d->r, mark);
}

/* Fills one run from its document. name: of the scenario that has none. about: arena text. Findings go to d->r.err. */
static void document_read(struct document *d, const struct yaml_node *root, const char *name, const char **about) {
    struct scenario_draft draft = {0};
    struct setup *setup = d->setup;
    params_read(&d->r, root, &scenario_block, &draft);
    if (root->kind != YAML_MAP) return;
    check_version(d, root, draft.version);
    check_window(d, root, &draft);
    start_read(d, root, draft.start);
    setup->name = draft.name ? draft.name : name;
    setup->seed = (uint64_t)draft.seed;
    setup->horizon_ns = draft.horizon_ns;
    setup->measure_from_ns = draft.measure.from_ns;
    setup->measure_to_ns = draft.measure.to_ns;
    setup->work_unit = draft.work_unit;
    setup->policy = draft.policy;
    if (draft.regions) regions_read(d, draft.regions);
    if (draft.tenants) tenants_read(d, draft.tenants);
    size_t before = d->r.err->found;
    if (draft.pools) pools_read(d, draft.pools);
    else if (!draft.recommend) reading_add(&d->r, root, "missing key \"pools\"");
    const bool fleet = draft.pools && d->r.err->found == before;
    if (draft.regions && d->r.err->found == before) meter_check(d, draft.regions);
    if (draft.transfer) transfer_read(d, draft.transfer);
    demand_section(d, root, &draft);
    if (draft.pipelines) pipelines_read(d, draft.pipelines);
    if (draft.services) services_read(d, draft.services, fleet);
    if (draft.classes) classes_read(d, draft.classes);
    policy_finish(d, yaml_get(root, "policy"));
    if (draft.recommend) d->recommend = recommend_read(d, draft.recommend);
    *about = draft.about;
}

void scenario_merge_findings(struct err *err, const struct err *more) {
    for (size_t i = 0; i < more->kept; i++) {
        bool known = false;
        for (size_t k = 0; k < err->kept && !known; k++) known = strcmp(err->lines[k], more->lines[i]) == 0;
        if (!known) err_add(err, (struct place_in_file){0}, "%s", more->lines[i]);
    }
    err->found += more->found - more->kept;
}

/* --- overrides --- */

/* One "path=value" of the command line, its value parsed. */
struct set {
    const char *path;
    struct yaml_node *value; /* NULL: a finding */
};

static struct set set_parse(struct arena *arena, const char *text, struct err *err) {
    const char *equals = strchr(text, '=');
    size_t len = equals ? (size_t)(equals - text) : strlen(text);
    char *file = arena_alloc(arena, len + 7, 1);
    memcpy(file, "--set ", 6);
    memcpy(file + 6, text, len);
    struct set set = {.path = file + 6};
    if (!equals || len == 0)
        err_add(err, (struct place_in_file){.file = file}, "expected path=value, such as policy.order=sjf");
    else set.value = yaml_parse(equals + 1, strlen(equals + 1), file, false, arena, err);
    /* An empty value is an empty text, which no key takes; an empty document would read as a mapping. */
    if (set.value && set.value->kind == YAML_MAP && !set.value->len && !strchr(equals, '{'))
        set.value = yaml_scalar(arena, set.value, "");
    return set;
}

/* Removes keys that are null, but those of the runs' own overrides and of the sweep: there null is what removes a
 * key. */
static void prune_file(struct yaml_node *root) {
    struct yaml_node *runs = yaml_get(root, "runs"), *sweep = yaml_get(root, "sweep");
    size_t len = runs && runs->kind == YAML_LIST ? runs->len : 0, sweep_len = sweep ? sweep->len : 0;
    size_t *set_lens = mem_zero(len, sizeof *set_lens);
    for (size_t i = 0; i < len; i++) {
        struct yaml_node *set = yaml_get(runs->items[i].value, "set");
        if (!set) continue;
        set_lens[i] = set->len;
        set->len = 0;
    }
    for (size_t i = sweep_len; sweep && i-- > 0;) /* its own keys can be removed like any other */
        if (sweep->items[i].key && yaml_is_null(sweep->items[i].value))
            memmove(&sweep->items[i], &sweep->items[i + 1], (--sweep_len - i) * sizeof *sweep->items);
    if (sweep) sweep->len = 0;
    yaml_prune(root);
    if (sweep) sweep->len = sweep_len;
    for (size_t i = 0; i < len; i++) {
        struct yaml_node *set = yaml_get(runs->items[i].value, "set");
        if (set) set->len = set_lens[i];
    }
    free(set_lens);
}

static bool is_about_runs(const char *path) {
    return strncmp(path, "runs", 4) == 0 || strncmp(path, "baseline", 8) == 0 || strncmp(path, "sweep", 5) == 0;
}

static void sets_apply(struct arena *arena, struct yaml_node *root, const struct set *sets, size_t len,
                       bool about_runs, struct err *err) {
    for (size_t i = 0; i < len; i++)
        if (sets[i].value && (about_runs || !is_about_runs(sets[i].path)))
            yaml_assign(arena, root, sets[i].path, yaml_copy(arena, sets[i].value), err);
}

/* A value on one line. */
static char *value_text(struct arena *arena, const struct yaml_node *value) {
    struct text text;
    text_init(&text);
    yaml_emit(value, &text);
    char *kept = arena_alloc(arena, text.len + 1, 1);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) { /* without the indentation */
        char c = text.at[i] == '\n' ? ' ' : text.at[i];
        if (c != ' ' || (n && kept[n - 1] != ' ')) kept[n++] = c;
    }
    while (n && kept[n - 1] == ' ') n--; /* for the newline every YAML text ends with */
    kept[n] = '\0';
    text_free(&text);
    return kept;
}

static bool has_factor(const struct scenario_run *run, const char *path) {
    for (size_t i = 0; i < run->factors_len; i++)
        if (strcmp(run->factors[i].path, path) == 0) return true;
    return false;
}

/* "policy.order=sjf, pools.a100.nodes=20": what the run sets, and then what a sweep does. */
static const char *overrides_text(struct arena *arena, const struct yaml_node *set, const struct scenario_run *run) {
    struct text text;
    text_init(&text);
    for (size_t i = 0; set && i < set->len; i++) {
        if (has_factor(run, set->items[i].key->text)) continue;
        text_format(&text, "%s%s=%s", text.len ? ", " : "", set->items[i].key->text,
                    value_text(arena, set->items[i].value));
    }
    for (size_t i = 0; i < run->factors_len; i++)
        text_format(&text, "%s%s=%s", text.len ? ", " : "", run->factors[i].path, run->factors[i].value);
    char *kept = arena_text(arena, text.len ? text.at : "");
    text_free(&text);
    return kept;
}

/* --- runs --- */

struct opening {
    struct scenario *scenario;
    const struct registry *registry;
    struct catalog catalog;
    struct yaml_node *base;
    struct run_draft *drafts; /* parallel to the scenario's runs */
    const struct set *sets;
    size_t sets_len;
};

/* The factors as text. */
static void describe_factors(struct arena *arena, const struct sweep_value *values, size_t len,
                             struct scenario_run *run) {
    struct run_factor *factors = arena_alloc(arena, len, sizeof *factors);
    for (size_t i = 0; i < len; i++) {
        const char *unit;
        factors[i] = (struct run_factor){values[i].path, value_text(arena, values[i].value), NAN};
        if (values[i].value->kind == YAML_SCALAR && values[i].value->plain &&
            !num_with_unit(values[i].value->text, &factors[i].number, &unit))
            factors[i].number = NAN;
    }
    run->factors = factors;
    run->factors_len = len;
}

/* A run with the overrides of its draft, the command line and a sweep's values. catalog: its arena, and where else the
 * run's tree lives. */
static void run_read(const struct opening *o, struct catalog *catalog, const struct run_draft *draft,
                     const struct sweep_value *values, size_t values_len, struct scenario_run *run,
                     const char **about) {
    struct arena *arena = catalog->arena;
    struct err *found = catalog->err;
    struct yaml_node *root = yaml_copy(arena, o->base);
    const struct yaml_node *set = draft->set && draft->set->kind == YAML_MAP ? draft->set : NULL;
    for (size_t i = 0; set && i < set->len; i++)
        yaml_assign(arena, root, set->items[i].key->text, yaml_copy(arena, set->items[i].value), found);
    sets_apply(arena, root, o->sets, o->sets_len, false, found);
    for (size_t i = 0; i < values_len; i++)
        yaml_assign(arena, root, values[i].path, yaml_copy(arena, values[i].value), found);
    yaml_prune(root);

    run->name = draft->name ? draft->name : "";
    describe_factors(arena, values, values_len, run);
    run->overrides = overrides_text(arena, set, run);
    struct document d = {.catalog = catalog, .setup = run->setup, .demand = &run->demand,
                         .r = {.arena = &run->setup->arena, .registry = o->registry, .err = found}};
    text_init(&d.r.path);
    document_read(&d, root, o->scenario->name, about);
    run->recommend = d.recommend;
    text_free(&d.r.path);
}

static void check_baseline(struct reading *r, const struct yaml_node *base, const char *const *names,
                           size_t len, struct scenario *scenario) {
    const struct yaml_node *baseline = yaml_get(base, "baseline");
    scenario->baseline = "";
    if (!baseline) return;
    size_t mark = reading_enter(r, "baseline");
    if (name_index(r, baseline, "run", names, len) != UINT32_MAX) scenario->baseline = baseline->text;
    reading_leave(r, mark);
}

/* The list of runs as drafts; one draft without a name when the scenario has none. */
static size_t runs_list(struct reading *r, const struct yaml_node *base, struct run_draft **drafts,
                        struct scenario *scenario) {
    const struct yaml_node *list = yaml_get(base, "runs");
    size_t len = 0;
    *drafts = arena_alloc(r->arena, list && list->len ? list->len : 1, sizeof **drafts);
    const char **names = arena_alloc(r->arena, list && list->len ? list->len : 1, sizeof *names);
    size_t top = reading_enter(r, "runs");
    if (list && value_is(r, list, YAML_LIST, "a list of runs"))
        for (; len < list->len; len++) {
            size_t mark = reading_enter_index(r, len);
            struct run_draft *draft = &(*drafts)[len];
            const struct yaml_node *element = list->items[len].value;
            params_read(r, element, &run_block, draft);
            name_unique(r, element, draft->name, names, len);
            size_t inner = reading_enter(r, "set");
            if (draft->set) value_is(r, draft->set, YAML_MAP, "a mapping of paths to values");
            reading_leave(r, inner);
            names[len] = draft->name;
            reading_leave(r, mark);
        }
    reading_leave(r, top);
    check_baseline(r, base, names, len, scenario);
    return len ? len : 1;
}

static void runs_read(struct opening *o, struct err *err) {
    struct scenario *scenario = o->scenario;
    struct reading r = {.arena = &scenario->arena, .registry = o->registry, .err = err};
    text_init(&r.path);
    scenario->runs_len = runs_list(&r, o->base, &o->drafts, scenario);
    scenario->runs = arena_alloc(&scenario->arena, scenario->runs_len, sizeof *scenario->runs);
    const char *name = NULL;
    for (size_t i = 0; i < scenario->runs_len; i++) {
        struct scenario_run *run = &scenario->runs[i];
        struct err found;
        err_init(&found);
        run->setup = arena_alloc(&scenario->arena, 1, sizeof *run->setup);
        arena_init(&run->setup->arena);
        o->catalog.err = &found;
        run_read(o, &o->catalog, &o->drafts[i], NULL, 0, run, &scenario->about);
        if (run->setup->name) name = run->setup->name;
        scenario_merge_findings(err, &found);
        err_free(&found);
    }
    if (name) scenario->name = name;
    const struct yaml_node *sweep = yaml_get(o->base, "sweep");
    if (sweep) scenario->sweep = sweep_read(&r, sweep, scenario->runs[0].setup->seed);
    const struct yaml_node *size = yaml_get(o->base, "size");
    if (size) scenario->size = sizing_read(&r, size);
    text_free(&r.path);
}

/* --- points of a sweep --- */

/* What threads share must not change while they read: tables of the catalogue are read now, and the tree that points
 * are copied from has no more than they need. */
static void points_begin(struct opening *o, struct err *err) {
    o->catalog.err = err;
    for (enum catalog_table t = 0; t < CATALOG_TABLES; t++) catalog_table(&o->catalog, t);
    struct yaml_node *base = yaml_map(&o->scenario->arena, o->base);
    for (size_t i = 0; i < o->base->len; i++) {
        const struct yaml_item *item = &o->base->items[i];
        if (strcmp(item->key->text, "sweep") != 0 && strcmp(item->key->text, "runs") != 0)
            yaml_put(&o->scenario->arena, base, item->key->text, item->value);
    }
    o->base = base;
}

/* Begins a run of its own memory; the catalogue as it sees it. */
static struct catalog apart(const struct opening *o, struct scenario_run *into, struct err *err) {
    *into = (struct scenario_run){.setup = mem_zero(1, sizeof *into->setup)};
    arena_init(&into->setup->arena);
    struct catalog catalog = o->catalog;
    catalog.arena = &into->setup->arena;
    catalog.err = err;
    return catalog;
}

bool scenario_variant_open(const struct scenario *scenario, const struct sweep_value *values, size_t len,
                           struct scenario_run *into, struct err *err) {
    struct opening *o = scenario->opening;
    const size_t before = err->found;
    struct err found;
    err_init(&found);
    o->catalog.err = &found;
    for (enum catalog_table t = 0; t < CATALOG_TABLES; t++) catalog_table(&o->catalog, t); /* read once, for all */
    struct catalog catalog = apart(o, into, &found);
    const char *about = NULL;
    run_read(o, &catalog, &(struct run_draft){0}, values, len, into, &about);
    scenario_merge_findings(err, &found);
    err_free(&found);
    return err->found == before;
}

bool scenario_point_open(const struct scenario *scenario, size_t run, uint64_t point, uint64_t replication,
                         struct scenario_run *into, struct err *err) {
    const struct opening *o = scenario->opening;
    const size_t before = err->found;
    struct catalog catalog = apart(o, into, err);
    struct arena *arena = catalog.arena;
    struct sweep_value *values = arena_alloc(arena, sweep_factors_most(scenario->sweep), sizeof *values);
    const size_t len = sweep_point(scenario->sweep, point, arena, values);
    const char *about = NULL;
    run_read(o, &catalog, &o->drafts[run], values, len, into, &about);
    into->setup->seed = sweep_seed(into->setup->seed, replication);
    return err->found == before;
}

void scenario_point_close(struct scenario_run *run) {
    if (run->setup) arena_free(&run->setup->arena);
    free(run->setup);
    *run = (struct scenario_run){0};
}

/* --- opening --- */

/* "scenarios/quickstart.yaml" -> "quickstart" */
static const char *name_of_file(struct arena *arena, const char *file) {
    const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file, *dot = strrchr(base, '.');
    char *name = arena_text(arena, base);
    if (dot && dot != base) name[dot - base] = '\0';
    return name;
}

static void text_of(struct scenario *scenario, const struct yaml_node *base) {
    struct arena *arena = &scenario->arena;
    struct yaml_node *resolved = yaml_copy(arena, base);
    yaml_put(arena, resolved, "include", yaml_scalar(arena, base, "null"));
    prune_file(resolved);
    struct text text;
    text_init(&text);
    yaml_emit(resolved, &text);
    scenario->text = arena_text(arena, text.at);
    scenario->hash = hash_bytes(HASH_START, text.at, text.len);
    text_free(&text);
}

bool scenario_open(struct scenario *scenario, const char *file, const struct registry *registry,
                   const char *const *sets, size_t sets_len, struct err *err) {
    size_t before = err->found;
    *scenario = (struct scenario){.about = "", .text = "", .baseline = ""};
    arena_init(&scenario->arena);
    struct arena *arena = &scenario->arena;
    scenario->file = arena_text(arena, file);
    scenario->name = name_of_file(arena, file);
    struct yaml_node *base = include_read(scenario->file, arena, err);
    if (!base || err->found > before)
        return false; /* without an included part, all else would only seem missing */
    struct set *parsed = arena_alloc(arena, sets_len, sizeof *parsed);
    for (size_t i = 0; i < sets_len; i++) parsed[i] = set_parse(arena, sets[i], err);
    sets_apply(arena, base, parsed, sets_len, true, err);
    prune_file(base);
    text_of(scenario, base);
    struct opening *opening = arena_alloc(arena, 1, sizeof *opening);
    *opening = (struct opening){.scenario = scenario, .registry = registry, .base = base, .sets = parsed,
                                .sets_len = sets_len};
    scenario->opening = opening;
    catalog_init(&opening->catalog, arena, err);
    runs_read(opening, err);
    if (scenario->sweep) points_begin(opening, err);
    return err->found == before;
}

void scenario_close(struct scenario *scenario) {
    for (size_t i = 0; i < scenario->runs_len; i++)
        if (scenario->runs[i].setup) arena_free(&scenario->runs[i].setup->arena);
    arena_free(&scenario->arena);
}

/*
 * `headroom import`: a public trace to the trace format, with a report of what was left out and of the load
 * the rest offers. A format's parameters are options of the command, made from its table: key `nodes_out` of
 * the model is `--nodes-out`. The formats `headroom` (jobs) and `requests` are our own: they are only checked and
 * reported.
 */
#include "app/app.h"
#include "app/args.h"
#include "app/load_report.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/tick.h"
#include "io/import.h"
#include "io/params.h"
#include "io/scenario.h"
#include "io/trace.h"
#include "models/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FORMAT_OPTIONS_MOST = 32 };

struct import_args {
    const char *output, *from, *to, *fleet;
    struct args_texts sets;
    const char *format_options[FORMAT_OPTIONS_MOST]; /* NULL: not given */
};
static const struct args_option common_options[] = {
    {'o', "output", "FILE", ARGS_TEXT, offsetof(struct import_args, output),
     .help = "write the jobs (or requests) to FILE, compressed when it ends in .gz"},
    {0, "from", "DATE", ARGS_TEXT, offsetof(struct import_args, from),
     .help = "leave out what came before DATE (2017-10-01, \"2017-10-01 12:00\")"},
    {0, "to", "DATE", ARGS_TEXT, offsetof(struct import_args, to),
     .help = "leave out what came after DATE"},
    {0, "fleet", "SCENARIO", ARGS_TEXT, offsetof(struct import_args, fleet),
     .help = "compare the load with the fleet of this scenario"},
    {'s', "set", "PATH=VALUE", ARGS_LIST, offsetof(struct import_args, sets),
     .help = "override a field of that scenario; may be repeated"},
};
enum { COMMON_OPTIONS = sizeof common_options / sizeof *common_options };

static const char *const examples[] = {
    "headroom import philly philly.csv.gz --vcs philly_vc.csv --from 2017-10-01 -o jobs.csv.gz",
    "Microsoft Philly from October on, the virtual clusters of the list",
    "headroom import openb pods.csv.gz -o pods.csv --nodes nodes.csv --nodes-out fleet.csv",
    "Alibaba 2023: the pods as jobs, the nodes as a node table",
    "headroom import swf log.swf.gz --fleet site.yaml",
    "how much a batch system's log would load a fleet; nothing is written",
    "headroom import azure-llm AzureLLMInferenceTrace_conv.csv.gz -o conv.csv.gz",
    "Azure's conversations as requests for a service",
    "headroom import headroom jobs.csv",
    "checks a trace of your own and says what load it offers",
    NULL,
};

/* The options of all formats, a key once; their texts live in the arena. */
struct format_options {
    struct args_option at[COMMON_OPTIONS + FORMAT_OPTIONS_MOST];
    const char *keys[FORMAT_OPTIONS_MOST]; /* of the models' parameters */
    size_t len;                            /* of keys */
};

static const char *option_name(struct arena *arena, const char *key) {
    char *name = arena_text(arena, key);
    for (char *c = name; *c; c++)
        if (*c == '_') *c = '-';
    return name;
}

/* A parameter's sentence as an option's phrase: "(philly) CSV whose ..." without the full stop. */
static const char *option_help(struct arena *arena, const char *format, const char *sentence) {
    struct text help;
    text_init(&help);
    text_format(&help, "(%s) %s", format, sentence);
    if (help.at[help.len - 1] == '.') help.at[--help.len] = '\0';
    const char *copy = arena_text(arena, help.at);
    text_free(&help);
    return copy;
}

static void format_options_make(struct format_options *options, struct arena *arena,
                                const struct registry *registry) {
    memcpy(options->at, common_options, sizeof common_options);
    options->len = 0;
    for (size_t i = 0; i < registry->counts[KIND_IMPORT]; i++) {
        const struct model *model = registry->models[KIND_IMPORT][i];
        for (size_t p = 0; p < model->params_count; p++) {
            require(options->len < FORMAT_OPTIONS_MOST);
            const struct param *param = &model->params[p];
            options->at[COMMON_OPTIONS + options->len] = (struct args_option){
                .name = option_name(arena, param->key),
                .value = param->kind == PARAM_TEXT ? "FILE" : "VALUE",
                .kind = ARGS_TEXT,
                .offset = offsetof(struct import_args, format_options) + options->len * sizeof(const char *),
                .help = option_help(arena, model->name, param->help)};
            options->keys[options->len++] = param->key;
        }
    }
}

/* --- what was asked for --- */

/* One option of the chosen format, by its parameter's rules. */
static void set_param(const struct param *param, const char *option, const char *value, void *params,
                      struct arena *arena, const struct registry *registry, struct err *err) {
    struct reading reading = {.arena = arena, .registry = registry, .err = err};
    text_init(&reading.path);
    text_format(&reading.path, "--%s", option);
    const struct yaml_node nowhere = {0};
    value_read(&reading, yaml_scalar(arena, &nowhere, value), param, (char *)params + param->offset);
    text_free(&reading.path);
}

static const struct param *model_param(const struct model *model, const char *key) {
    for (size_t i = 0; i < model->params_count; i++)
        if (strcmp(model->params[i].key, key) == 0) return &model->params[i];
    return NULL;
}

/* The format's parameters from the options given; NULL for a format without any. */
static void *format_params(const struct model *model, const struct format_options *options,
                           const struct import_args *args, struct arena *arena,
                           const struct registry *registry, struct err *err) {
    void *params = model->params_size ? arena_alloc(arena, 1, model->params_size) : NULL;
    model_fallbacks(model, params);
    for (size_t i = 0; i < options->len; i++) {
        const char *name = options->at[COMMON_OPTIONS + i].name;
        if (!args->format_options[i]) continue;
        const struct param *param = model_param(model, options->keys[i]);
        if (param)
            set_param(param, name, args->format_options[i], params, arena, registry, err);
        else
            err_add(err, (struct place_in_file){0}, "--%s is no option of the format '%s'", name,
                    model->name);
    }
    return params;
}

static int64_t window_end(const char *option, const char *date, int64_t open, struct err *err) {
    int64_t ns = open;
    if (date && !tick_parse_date(date, strlen(date), &ns))
        err_add(err, (struct place_in_file){0}, "--%s: '%s' is wrong, expected a date such as 2017-10-01",
                option, date);
    return ns;
}

static const char own_format[] = "headroom", own_requests[] = "requests";

static void unknown_format(const struct registry *registry, const char *name, struct err *err) {
    const char *names[64] = {own_format, own_requests};
    size_t count = 2;
    struct text all;
    text_init(&all);
    for (size_t i = 0; i < registry->counts[KIND_IMPORT] && count < 64; i++) {
        names[count++] = registry->models[KIND_IMPORT][i]->name;
        text_format(&all, "%s, ", names[count - 1]);
    }
    const char *near = text_nearest(name, names, count);
    const struct place_in_file nowhere = {0};
    if (near)
        err_add(err, nowhere, "unknown format '%s', did you mean '%s'?", name, near);
    else
        err_add(err, nowhere, "unknown format '%s', expected one of %s%s, %s", name, all.at ? all.at : "",
                own_format, own_requests);
    text_free(&all);
}

/* --- doing it --- */

static bool read_own(const struct import_call *call, struct jobs *jobs, struct import_report *report,
                     struct err *err) {
    *report = (struct import_report){0};
    if (!trace_read(call->files[0], 0, jobs, err)) return false;
    report->read = jobs->len;
    if (call->files_len > 1)
        return err_add(err, (struct place_in_file){0}, "the format 'headroom' takes one file");
    return import_finish(call, jobs, report, err);
}

/* Compares with the first run's fleet: what differs between runs is rarely the fleet. */
static void compare(const struct import_args *args, const struct registry *registry, const struct jobs *jobs,
                    struct err *err) {
    struct scenario scenario;
    if (scenario_open(&scenario, args->fleet, registry, args->sets.at, args->sets.len, err))
        load_report_fleet(scenario.runs[0].setup, args->fleet, jobs, err);
    scenario_close(&scenario);
}

static void import_jobs(const struct import_args *args, const struct model *model, const struct import_call *call,
                        const struct registry *registry, struct err *err) {
    struct jobs jobs;
    struct import_report report;
    bool good = strcmp(model->name, own_format) == 0
                    ? read_own(call, &jobs, &report, err)
                    : import_read((const struct import_format *)model, call, &jobs, &report, err);
    if (good && args->output) good = trace_write(args->output, &jobs, err);
    if (good) {
        load_report(model->name, &jobs, &report);
        if (args->output) printf("\nWritten to %s.\n", args->output);
        if (args->fleet) compare(args, registry, &jobs, err);
    }
    jobs_free(&jobs);
    import_report_free(&report);
}

static bool read_own_requests(const struct import_call *call, struct requests *requests, struct import_report *report,
                              struct err *err) {
    *report = (struct import_report){0};
    if (!requests_read(call->files[0], requests, err)) return false;
    report->read = requests->len;
    if (call->files_len > 1)
        return err_add(err, (struct place_in_file){0}, "the format 'requests' takes one file");
    if (call->from_unix_ns != INT64_MIN || call->to_unix_ns != INT64_MAX)
        return err_add(err, (struct place_in_file){call->files[0], 0, 0, NULL},
                       "its times are not dates, so --from and --to cannot be used");
    return true;
}

static void import_requests(const struct import_args *args, const struct model *model,
                            const struct import_call *call, struct err *err) {
    struct requests requests;
    struct import_report report;
    if (args->fleet) {
        err_add(err, (struct place_in_file){0}, "--fleet is about jobs; the format '%s' has requests", model->name);
        return;
    }
    bool good = strcmp(model->name, own_requests) == 0
                    ? read_own_requests(call, &requests, &report, err)
                    : import_read_requests((const struct import_format *)model, call, &requests, &report, err);
    if (good && args->output) good = requests_write(args->output, &requests, err);
    if (good) {
        load_report_requests(model->name, &requests, &report);
        if (args->output) printf("\nWritten to %s.\n", args->output);
    }
    requests_free(&requests);
    import_report_free(&report);
}

static void import(const struct import_args *args, const struct format_options *options,
                   const struct args_texts *operands, struct arena *arena, struct err *err) {
    const struct registry *registry = models_registry();
    static const struct model own_models[] = {{.name = own_format}, {.name = own_requests}};
    const char *name = operands->at[0];
    const struct model *model = registry_find(registry, KIND_IMPORT, name);
    for (size_t i = 0; i < 2; i++)
        if (strcmp(name, own_models[i].name) == 0) model = &own_models[i];
    if (!model) {
        unknown_format(registry, name, err);
        return;
    }
    struct import_call call = {.files = operands->at + 1,
                               .files_len = operands->len - 1,
                               .params = format_params(model, options, args, arena, registry, err),
                               .from_unix_ns = window_end("from", args->from, INT64_MIN, err),
                               .to_unix_ns = window_end("to", args->to, INT64_MAX, err)};
    if (err->found) return;
    const bool own = model == &own_models[0] || model == &own_models[1];
    const bool asks = own ? model == &own_models[1] : ((const struct import_format *)model)->read_requests != NULL;
    if (asks) import_requests(args, model, &call, err);
    else import_jobs(args, model, &call, registry, err);
}

int cmd_import(int argc, char **argv) {
    struct arena arena;
    arena_init(&arena);
    struct format_options options;
    format_options_make(&options, &arena, models_registry());
    const struct args_spec spec = {
        "import",
        "FORMAT FILE...",
        2,
        SIZE_MAX,
        "Reads a public trace and says what it dropped and why, and how much load the rest offers, by tenant "
        "and by accepted GPU model; with -o the jobs are written in the trace format (docs/trace.md). Some formats "
        "have requests to LLMs in place of jobs, and are written as a request trace.\n\n"
        "FORMAT is one of 'headroom models import', or 'headroom' for the trace format itself and 'requests' for "
        "request traces. Files may be .gz.",
        options.at,
        COMMON_OPTIONS + options.len,
        examples,
    };
    struct import_args args = {0};
    struct args_texts operands;
    int status;
    if (args_read(&spec, argc, argv, &args, &operands, &status)) {
        struct err err;
        err_init(&err);
        import(&args, &options, &operands, &arena, &err);
        err_print(&err, stderr);
        status = err.found ? EXIT_BAD_INPUT : EXIT_OK;
        err_free(&err);
        args_free(&operands);
        args_free(&args.sets);
    }
    arena_free(&arena);
    return status;
}

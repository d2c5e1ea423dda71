/*
 * The scenario reference, printed from the tables that parse: it cannot say anything the parser does not do.
 * A block is described once, where the first key that leads to it stands.
 */
#include "io/scenario.h"

#include "io/sections.h"
#include "io/units.h"

#include <string.h>

/* How a value of a plain parameter is written. */
static void put_value(struct text *text, const struct field *field) {
    const struct param *p = &field->param;
    enum dim dim = p->kind == PARAM_TIME ? DIM_TIME : p->dim;
    if (field->form) {
        text_put(text, field->form);
        if (p->dim != DIM_NONE) text_format(text, ", as `%s`", units_example(p->dim));
        return;
    }
    if (field->read == read_model) {
        text_format(text, "[%s model](#%s)", kind_names[field->models], kind_names[field->models]);
        return;
    }
    switch (p->kind) {
    case PARAM_NUMBER:
        if (dim == DIM_NONE) text_put(text, "number");
        else text_format(text, "as `%s`", units_example(dim));
        break;
    case PARAM_INTEGER: text_put(text, "whole number"); break;
    case PARAM_TIME: text_format(text, "as `%s`", units_example(dim)); break;
    case PARAM_BOOL: text_put(text, "true or false"); break;
    case PARAM_TEXT: text_put(text, "text"); break;
    case PARAM_NUMBERS: text_put(text, "list of numbers"); break;
    case PARAM_CHOICE:
        for (size_t i = 0; p->choices[i]; i++) text_format(text, "%s`%s`", i ? ", " : "", p->choices[i]);
        break;
    }
    size_t mark = text->len;
    text_put(text, ", ");
    param_range(p, text);
    if (text->len == mark + 2) text->at[text->len = mark] = '\0';
}

static void put_fallback(struct text *text, const struct field *field) {
    const struct param *p = &field->param;
    if (p->required) text_put(text, "required");
    else if (field->read == read_model) text_put(text, p->text ? p->text : "");
    else if (!field->read) param_fallback(p, text);
}

static void print_field(FILE *to, const struct field *field) {
    struct text text;
    text_init(&text);
    text_format(&text, "| `%s` | ", field->param.key);
    put_value(&text, field);
    text_put(&text, " | ");
    put_fallback(&text, field);
    fprintf(to, "%s | %s |\n", text.at, field->param.help);
    text_free(&text);
}

static void print_fields(FILE *to, const struct field *fields, size_t len) {
    fprintf(to, "| key | value | default | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < len; i++) print_field(to, &fields[i]);
    fprintf(to, "\n");
}

static void print_block(FILE *to, const struct block *block, int level) {
    fprintf(to, "%.*s %s\n\n%s\n\n", level, "####", block->title, block->about);
    print_fields(to, block->fields, block->len);
    for (size_t i = 0; i < block->len; i++)
        if (block->fields[i].block) print_block(to, block->fields[i].block, level < 4 ? level + 1 : 4);
}

static void print_model(FILE *to, const struct model *model) {
    fprintf(to, "**`%s`**: %s.%s%s%s\n\n", model->name, model->summary, *model->source ? " (" : "",
            model->source, *model->source ? ")" : "");
    if (!model->params_count) return;
    fprintf(to, "| key | value | default | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < model->params_count; i++)
        print_field(to, &(struct field){.param = model->params[i]});
    fprintf(to, "\n");
}

static void print_models(FILE *to, const struct registry *registry) {
    fprintf(to,
            "## Models\n\nA model is chosen by its name, or by a mapping with `model:` and its parameters: "
            "`order: sjf`, `arrivals: {model: poisson, rate: 120 /h}`.\n\n");
    for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
        if (kind == KIND_IMPORT) continue; /* chosen on the command line, not in a scenario */
        if (registry->counts[kind] == 0) continue;
        fprintf(to, "### %s\n\n", kind_names[kind]);
        for (size_t i = 0; i < registry->counts[kind]; i++) print_model(to, registry->models[kind][i]);
    }
}

static void print_units(FILE *to) {
    fprintf(to, "## Units\n\n| value | units |\n|---|---|\n");
    for (enum dim dim = DIM_NONE + 1; dim < DIM_COUNT_; dim++)
        fprintf(to, "| %s | %s |\n", units_noun(dim), units_accepted(dim));
    fprintf(to, "\nA year is 365.25 days, a month a twelfth of it.\n");
}

void scenario_reference(FILE *to, const struct registry *registry) {
    fprintf(to, "# Scenario reference\n\nGenerated from the tables that read a scenario; do not edit.\n\n");
    print_block(to, &scenario_block, 2);
    fprintf(to,
        "## Overrides\n\n`--set path=value` overrides any key, as do the `set:` mappings of `runs:`. A path "
        "names keys and elements of lists, these by index or by name: `policy.order=sjf`, "
        "`regions[0].price=0.2 USD/kWh`, `pools.a100.nodes=20`. The value is YAML. `null` removes a key. The "
        "command line wins over a run's own `set:`, which wins over the file.\n\n");
    print_models(to, registry);
    print_units(to);
}

/* --- one model, for a terminal --- */

void scenario_describe_model(FILE *to, enum kind kind, const struct model *model) {
    fprintf(to, "%s (%s): %s\n", model->name, kind_names[kind], model->summary);
    if (*model->source) fprintf(to, "source: %s\n", model->source);
    for (size_t i = 0; i < model->params_count; i++) {
        const struct field field = {.param = model->params[i]};
        struct text value, fallback;
        text_init(&value);
        text_init(&fallback);
        put_value(&value, &field);
        put_fallback(&fallback, &field);
        fprintf(to, "\n  %s: %s%s%s\n      %s\n", field.param.key, value.at, fallback.len ? "; default " : "",
                fallback.len ? fallback.at : "", field.param.help);
        text_free(&value);
        text_free(&fallback);
    }
}

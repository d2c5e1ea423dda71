/*
 * See params.h. Reading never stops at a mistake: it adds a finding and goes on, so that one run of the
 * program shows all of them. The path of the current node is one growing text that is cut back on leaving.
 *
 * Cost: keys in the file x keys in the table.
 */
#include "io/params.h"

#include "base/num.h"
#include "base/tick.h"
#include "io/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t reading_enter(struct reading *r, const char *key) {
    size_t mark = r->path.len;
    text_format(&r->path, "%s%s", mark ? "." : "", key);
    return mark;
}

size_t reading_enter_index(struct reading *r, size_t index) {
    size_t mark = r->path.len;
    text_format(&r->path, "[%zu]", index);
    return mark;
}

void reading_leave(struct reading *r, size_t mark) {
    r->path.at[r->path.len = mark] = '\0';
}

bool reading_add(struct reading *r, const struct yaml_node *node, const char *format, ...) {
    struct text message;
    va_list args;
    text_init(&message);
    va_start(args, format);
    text_format_list(&message, format, args);
    va_end(args);
    err_add(r->err, yaml_place(node, r->path.at), "%s", message.at);
    text_free(&message);
    return false;
}

bool reading_add_key(struct reading *r, const struct yaml_node *map, const char *key, const char *format,
                     ...) {
    const struct yaml_node *node = yaml_get(map, key);
    struct text message;
    va_list args;
    text_init(&message);
    va_start(args, format);
    text_format_list(&message, format, args);
    va_end(args);
    size_t mark = reading_enter(r, key);
    reading_add(r, node ? node : map, "%s", message.at);
    reading_leave(r, mark);
    text_free(&message);
    return false;
}

/* Copies text as one line of at most room bytes, never through the middle of a UTF-8 sequence. */
static size_t one_line(char *to, size_t room, const char *text) {
    size_t len = 0;
    for (; text[len] && len < room; len++) to[len] = (unsigned char)text[len] < ' ' ? ' ' : text[len];
    while (text[len] && len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80) len--;
    return len;
}

struct shown value_shown(const struct yaml_node *node) {
    struct shown shown;
    if (node->kind != YAML_SCALAR) {
        snprintf(shown.text, sizeof shown.text, "%s", node->kind == YAML_LIST ? "a list" : "a mapping");
        return shown;
    }
    char text[61];
    size_t len = one_line(text, sizeof text - 1, node->text);
    snprintf(shown.text, sizeof shown.text, "\"%.*s%s\"", (int)len, text, node->text[len] ? "..." : "");
    if (!*node->text) snprintf(shown.text, sizeof shown.text, "nothing");
    return shown;
}

void reading_unknown(struct reading *r, const struct yaml_node *node, const char *what,
                     const char *const *known, size_t known_len, const char *lister) {
    struct text all;
    text_init(&all);
    for (size_t i = 0; i < known_len; i++) text_format(&all, "%s%s", i ? ", " : "", known[i]);
    const char *near = text_nearest(node->text, known, known_len);
    struct shown shown = value_shown(node);
    if (near) reading_add(r, node, "unknown %s %s, did you mean \"%s\"?", what, shown.text, near);
    else if (lister)
        reading_add(r, node, "unknown %s %s, expected one that %s lists", what, shown.text, lister);
    else if (known_len) reading_add(r, node, "unknown %s %s, expected %s%s", what, shown.text,
                                    known_len > 1 ? "one of " : "", all.at);
    else reading_add(r, node, "unknown %s %s, there is none here", what, shown.text);
    text_free(&all);
}

bool value_is(struct reading *r, const struct yaml_node *node, enum yaml_kind kind, const char *expected) {
    if (node->kind == kind) return true;
    return reading_add(r, node, "expected %s, found %s", expected, value_shown(node).text);
}

/* --- values --- */

/* Seconds in the largest unit that divides them. */
static void put_time(struct text *text, double seconds) {
    static const char *const units[] = {"y", "d", "h", "min", "s", "ms", "us", "ns"};
    char buffer[32];
    double factor = 1;
    size_t i = 0;
    for (; i < sizeof units / sizeof *units; i++) {
        units_find(DIM_TIME, units[i], &factor);
        double count = seconds / factor;
        if (fabs(count) >= 1 && count == floor(count)) break;
    }
    if (i == sizeof units / sizeof *units) text_format(text, "%s s", num_shortest(seconds, buffer));
    else text_format(text, "%s %s", num_shortest(seconds / factor, buffer), units[i]);
}

/* A bound, with its unit unless there is none. */
static void put_bound(struct text *text, double value, enum dim dim) {
    char buffer[32];
    if (dim == DIM_TIME) put_time(text, value);
    else text_put(text, num_shortest(value, buffer));
    if (dim != DIM_NONE && dim != DIM_TIME) text_format(text, " %s", units_kept(dim));
}

static enum dim dim_of(const struct param *p) {
    return p->kind == PARAM_TIME ? DIM_TIME : p->dim;
}

void param_range(const struct param *p, struct text *text) {
    if (p->least > p->most || p->kind == PARAM_BOOL || p->kind == PARAM_TEXT || p->kind == PARAM_CHOICE)
        return;
    bool low = p->least > -1e300, high = p->most < 1e15;
    if (low && !high) text_put(text, "at least ");
    if (!low && high) text_put(text, "at most ");
    if (low) put_bound(text, p->least, high && dim_of(p) != DIM_TIME ? DIM_NONE : dim_of(p));
    if (low && high) text_put(text, " to ");
    if (high) put_bound(text, p->most, dim_of(p));
}

void param_fallback(const struct param *p, struct text *text) {
    bool bounded = p->least <= p->most && (p->kind == PARAM_INTEGER || p->kind == PARAM_NUMBER);
    if (bounded && (p->fallback < p->least || p->fallback > p->most)) return; /* stands for "not given" */
    switch (p->kind) {
    case PARAM_BOOL: text_put(text, p->fallback != 0 ? "true" : "false"); break;
    case PARAM_CHOICE: text_put(text, p->choices[(int)p->fallback]); break;
    case PARAM_TEXT: text_put(text, p->text ? p->text : ""); break;
    case PARAM_NUMBERS: break;
    case PARAM_TIME:
        if (p->fallback >= tick_seconds(TICK_NEVER)) break;
        put_bound(text, p->fallback, DIM_TIME);
        break;
    case PARAM_NUMBER:
    case PARAM_INTEGER: put_bound(text, p->fallback, p->dim); break;
    }
}

static bool check_range(struct reading *r, const struct yaml_node *node, const struct param *p,
                        double value) {
    if (p->least > p->most || (value >= p->least && value <= p->most)) return true;
    struct text range;
    text_init(&range);
    param_range(p, &range);
    reading_add(r, node, "out of range: %s, expected %s", value_shown(node).text, range.at);
    text_free(&range);
    return false;
}

/* A number with the unit its dimension asks for, in the kept unit. */
static bool read_quantity(struct reading *r, const struct yaml_node *node, enum dim dim, double *value) {
    const char *unit;
    struct shown shown = value_shown(node);
    double factor;
    if (!num_with_unit(node->text, value, &unit))
        return reading_add(r, node, "expected %s such as %s, found %s", units_noun(dim), units_example(dim),
                           shown.text);
    if (!*unit)
        return reading_add(r, node, "no unit in %s, expected %s (such as %s)", shown.text,
                           units_accepted(dim), units_example(dim));
    if (!units_find(dim, unit, &factor))
        return reading_add(r, node, "unknown unit in %s, expected %s (such as %s)", shown.text,
                           units_accepted(dim), units_example(dim));
    *value *= factor;
    return true;
}

static bool read_number(struct reading *r, const struct yaml_node *node, const struct param *p,
                        double *value) {
    if (dim_of(p) != DIM_NONE) {
        if (!read_quantity(r, node, dim_of(p), value)) return false;
    } else if (!node->plain || !num_f64(node->text, strlen(node->text), value)) {
        return reading_add(r, node, "expected a number, found %s", value_shown(node).text);
    }
    return check_range(r, node, p, *value);
}

static bool read_integer(struct reading *r, const struct yaml_node *node, const struct param *p,
                         int64_t *value) {
    double large;
    struct shown shown = value_shown(node);
    bool good = node->plain && num_i64(node->text, strlen(node->text), value);
    if (!good && node->plain && num_f64(node->text, strlen(node->text), &large) && fabs(large) >= 0x1p63)
        return check_range(r, node, p, large) && reading_add(r, node, "out of range: %s", shown.text);
    if (!good)
        return reading_add(r, node, "expected a whole number, found %s", shown.text);
    return check_range(r, node, p, (double)*value);
}

static bool read_time(struct reading *r, const struct yaml_node *node, const struct param *p, int64_t *ns) {
    double seconds;
    if (!read_quantity(r, node, DIM_TIME, &seconds) || !check_range(r, node, p, seconds)) return false;
    if (fabs(seconds) >= tick_seconds(TICK_NEVER))
        return reading_add(r, node, "out of range: %s, expected at most 146 y", value_shown(node).text);
    *ns = tick_from_seconds(seconds);
    return true;
}

static bool read_bool(struct reading *r, const struct yaml_node *node, bool *value) {
    *value = strcmp(node->text, "true") == 0;
    if (node->plain && (*value || strcmp(node->text, "false") == 0)) return true;
    return reading_add(r, node, "expected true or false, found %s", value_shown(node).text);
}

static bool read_choice(struct reading *r, const struct yaml_node *node, const struct param *p, int *value) {
    size_t count = 0;
    for (; p->choices[count]; count++)
        if (strcmp(p->choices[count], node->text) == 0) {
            *value = (int)count;
            return true;
        }
    reading_unknown(r, node, "value", p->choices, count, NULL);
    return false;
}

static bool read_numbers(struct reading *r, const struct yaml_node *node, const struct param *p,
                         struct numbers *numbers) {
    if (!value_is(r, node, YAML_LIST, "a list of numbers")) return false;
    *numbers = (struct numbers){arena_alloc(r->arena, node->len, sizeof(double)), node->len};
    bool good = true;
    for (size_t i = 0; i < node->len; i++) {
        size_t mark = reading_enter_index(r, i);
        const struct yaml_node *item = node->items[i].value;
        good = value_is(r, item, YAML_SCALAR, "a number") && read_number(r, item, p, &numbers->at[i]) && good;
        reading_leave(r, mark);
    }
    return good;
}

bool value_read(struct reading *r, const struct yaml_node *node, const struct param *p, void *field) {
    if (node->estimate) r->estimated = true;
    if (p->kind == PARAM_NUMBERS) return read_numbers(r, node, p, field);
    const char *expected = p->kind == PARAM_TEXT     ? "a text"
                           : p->kind == PARAM_BOOL   ? "true or false"
                           : p->kind == PARAM_CHOICE ? "a name"
                                                     : units_noun(dim_of(p));
    if (!value_is(r, node, YAML_SCALAR, expected)) return false;
    if (!*node->text && node->plain) return reading_add(r, node, "no value given, expected %s", expected);
    switch (p->kind) {
    case PARAM_NUMBER: return read_number(r, node, p, field);
    case PARAM_INTEGER: return read_integer(r, node, p, field);
    case PARAM_TIME: return read_time(r, node, p, field);
    case PARAM_BOOL: return read_bool(r, node, field);
    case PARAM_CHOICE: return read_choice(r, node, p, field);
    case PARAM_TEXT: *(const char **)field = arena_text(r->arena, node->text); return true;
    case PARAM_NUMBERS: break;
    }
    return false;
}

/* --- mappings --- */

static const struct field *field_find(const struct block *block, const char *key) {
    for (size_t i = 0; i < block->len; i++)
        if (strcmp(block->fields[i].param.key, key) == 0) return &block->fields[i];
    return NULL;
}

static void unknown_key(struct reading *r, const struct yaml_node *key, const struct block *block) {
    const char **known = mem_alloc(block->len * sizeof *known);
    for (size_t i = 0; i < block->len; i++) known[i] = block->fields[i].param.key;
    reading_unknown(r, key, "key", known, block->len, NULL);
    free(known);
}

static void choose(struct reading *r, const struct model *model, struct chosen *chosen) {
    chosen->model = model;
    chosen->params = model->params_size ? arena_alloc(r->arena, 1, model->params_size) : NULL;
    if (chosen->params) model_fallbacks(model, chosen->params);
}

static void fall_back(struct reading *r, const struct field *field, void *into) {
    if (field->read == read_model && field->param.text) {
        const struct model *model = registry_find(r->registry, field->models, field->param.text);
        require(model);
        choose(r, model, into);
    } else if (field->read == read_block) {
        for (size_t i = 0; i < field->block->len; i++) {
            const struct field *inner = &field->block->fields[i];
            fall_back(r, inner, (char *)into + inner->param.offset);
        }
    } else if (!field->read) {
        struct param at_zero = field->param;
        at_zero.offset = 0;
        model_fallbacks(&(struct model){.params = &at_zero, .params_count = 1}, into);
    }
}

void params_read(struct reading *r, const struct yaml_node *map, const struct block *block, void *into) {
    for (size_t i = 0; i < block->len; i++)
        fall_back(r, &block->fields[i], (char *)into + block->fields[i].param.offset);
    if (!value_is(r, map, YAML_MAP, "a mapping")) return;
    for (size_t i = 0; i < map->len; i++) {
        const struct yaml_item *item = &map->items[i];
        const struct field *field = field_find(block, item->key->text);
        if (!field) {
            unknown_key(r, item->key, block);
            continue;
        }
        size_t mark = reading_enter(r, field->param.key);
        void *to = (char *)into + field->param.offset;
        if (field->read) field->read(r, item->value, field, to);
        else value_read(r, item->value, &field->param, to);
        reading_leave(r, mark);
    }
    for (size_t i = 0; i < block->len; i++)
        if (block->fields[i].param.required && !yaml_get(map, block->fields[i].param.key))
            reading_add(r, map, "missing key \"%s\"", block->fields[i].param.key);
}

void read_block(struct reading *r, const struct yaml_node *node, const struct field *field, void *into) {
    params_read(r, node, field->block, into);
}

void read_node(struct reading *r, const struct yaml_node *node, const struct field *field, void *into) {
    (void)r;
    (void)field;
    *(const struct yaml_node **)into = node;
}

/* A kind as the user knows it: "order", "arrivals". */
static const struct model *model_named(struct reading *r, const struct yaml_node *name, enum kind kind) {
    if (!value_is(r, name, YAML_SCALAR, "a model's name")) return NULL;
    if (!*name->text) {
        reading_add(r, name, "no value given, expected a model's name");
        return NULL;
    }
    const struct model *model = registry_find(r->registry, kind, name->text);
    if (model) return model;
    size_t count = r->registry->counts[kind];
    const char **known = mem_alloc(count * sizeof *known);
    for (size_t i = 0; i < count; i++) known[i] = r->registry->models[kind][i]->name;
    char what[40], lister[40];
    snprintf(what, sizeof what, "%s model", kind_names[kind]);
    snprintf(lister, sizeof lister, "'headroom models %s'", kind_names[kind]);
    reading_unknown(r, name, what, known, count, lister);
    free(known);
    return NULL;
}

void read_nothing(struct reading *r, const struct yaml_node *node, const struct field *field, void *into) {
    (void)r;
    (void)node;
    (void)field;
    (void)into;
}

/* The keys of a model's mapping: `model`, and the model's own table. */
static struct block model_block(struct arena *arena, const struct model *model) {
    struct field *fields = arena_alloc(arena, model->params_count + 1, sizeof *fields);
    fields[0] = (struct field){.param = {.key = "model"}, .read = read_nothing};
    for (size_t i = 0; i < model->params_count; i++) fields[i + 1].param = model->params[i];
    return (struct block){.fields = fields, .len = model->params_count + 1};
}

static void model_params(struct reading *r, const struct yaml_node *node, struct chosen *chosen) {
    struct block block = model_block(r->arena, chosen->model);
    struct yaml_node only_name = *node;
    if (node->kind == YAML_SCALAR) { /* the name alone: a mapping without parameters */
        only_name.kind = YAML_MAP;
        only_name.len = 0;
    }
    size_t before = r->err->found;
    params_read(r, &only_name, &block, chosen->params ? chosen->params : &(char){0});
    if (r->err->found > before || !chosen->model->check) return;
    const char *wrong = chosen->model->check(chosen->params);
    if (wrong) reading_add(r, node, "%s", wrong);
}

void read_model(struct reading *r, const struct yaml_node *node, const struct field *field, void *into) {
    struct chosen *chosen = into;
    const struct yaml_node *name = node;
    if (node->kind == YAML_MAP && !(name = yaml_get(node, "model"))) {
        reading_add(r, node, "missing key \"model\"");
        return;
    }
    size_t mark = name == node ? r->path.len : reading_enter(r, "model");
    const struct model *model = model_named(r, name, field->models);
    reading_leave(r, mark);
    if (!model) return;
    choose(r, model, chosen);
    model_params(r, node, chosen);
}

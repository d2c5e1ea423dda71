/*
 * YAML in and out, through libyaml. The parser's events are composed into our own nodes by a recursive
 * descent, so that the bounds hold while reading: nesting is refused at YAML_DEPTH_MOST, and an alias counts
 * as the nodes it stands for, so an alias bomb ends at YAML_NODES_MOST and an alias inside its own anchor is
 * unknown. The bytes are checked to be UTF-8 text first, because libyaml cannot say in which line they are
 * not.
 *
 * Invariant: every key of a map is a scalar, and no two are equal. Cost: O(n) in bytes and expanded nodes.
 */
#include "io/yaml.h"

#include "core/job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct composer {
    yaml_parser_t parser;
    const char *file;
    bool positions, failed;
    struct arena *arena;
    struct err *err;
    struct text path;
    struct names anchors;
    struct {
        struct yaml_node **at;
        size_t len, cap;
    } anchored; /* parallel to anchors; NULL until complete */
    size_t nodes;
};

static struct place_in_file place_of(const struct composer *c, yaml_mark_t mark) {
    struct place_in_file at = {.file = c->file, .path = c->path.len ? c->path.at : NULL};
    if (c->positions) {
        at.line = (int)mark.line + 1;
        at.col = (int)mark.column + 1;
    }
    return at;
}

/* The next event. After a syntax error there are no more: composing unwinds by `failed`. */
static bool next(struct composer *c, yaml_event_t *event) {
    if (yaml_parser_parse(&c->parser, event)) return true;
    const yaml_parser_t *p = &c->parser;
    c->path.len = 0;
    err_add(c->err, place_of(c, p->problem_mark), "not valid YAML: %s%s%s",
            p->problem ? p->problem : "unreadable", p->context ? ", " : "", p->context ? p->context : "");
    memset(event, 0, sizeof *event);
    c->failed = true;
    return false;
}

static struct yaml_node *node_new(struct composer *c, enum yaml_kind kind, yaml_mark_t mark) {
    struct yaml_node *node = arena_alloc(c->arena, 1, sizeof *node);
    struct place_in_file at = place_of(c, mark);
    *node = (struct yaml_node){.kind = kind, .text = "", .file = c->file, .line = at.line, .col = at.col};
    return node;
}

static bool count_nodes(struct composer *c, size_t more, yaml_mark_t mark) {
    c->nodes += more;
    if (c->nodes <= YAML_NODES_MOST) return true;
    err_add(c->err, place_of(c, mark), "too many values, at most %d (aliases count as what they stand for)",
            YAML_NODES_MOST);
    c->failed = true;
    return false;
}

static size_t nodes_under(const struct yaml_node *node) {
    size_t n = 1;
    for (size_t i = 0; i < node->len; i++)
        n += (node->items[i].key ? 1 : 0) + nodes_under(node->items[i].value);
    return n;
}

static struct yaml_node *alias(struct composer *c, const yaml_event_t *event) {
    const char *name = (const char *)event->data.alias.anchor;
    uint32_t i = names_find(&c->anchors, name);
    if (i == UINT32_MAX || !c->anchored.at[i]) {
        err_add(c->err, place_of(c, event->start_mark),
                "unknown anchor \"%s\", expected one given further up", name);
        c->failed = true;
        return NULL;
    }
    if (!count_nodes(c, nodes_under(c->anchored.at[i]), event->start_mark)) return NULL;
    return yaml_copy(c->arena, c->anchored.at[i]);
}

/* A later anchor of the same name replaces the earlier one, as YAML says. */
static size_t anchor_begin(struct composer *c, const yaml_char_t *name) {
    if (!name) return SIZE_MAX;
    size_t i = names_put(&c->anchors, (const char *)name, strlen((const char *)name));
    if (i == c->anchored.len) *vec_push(&c->anchored) = NULL;
    else c->anchored.at[i] = NULL;
    return i;
}

static struct yaml_node *compose(struct composer *c, yaml_event_t *event, int depth);

static void refuse_tag(struct composer *c, const yaml_char_t *tag, yaml_mark_t mark) {
    if (tag)
        err_add(c->err, place_of(c, mark), "tag \"%s\", expected a value without a tag", (const char *)tag);
}

static struct yaml_node *compose_scalar(struct composer *c, const yaml_event_t *event) {
    refuse_tag(c, event->data.scalar.tag, event->start_mark);
    struct yaml_node *node = node_new(c, YAML_SCALAR, event->start_mark);
    char *text = arena_alloc(c->arena, event->data.scalar.length + 1, 1);
    memcpy(text, event->data.scalar.value, event->data.scalar.length);
    node->text = text;
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (strlen(text) != event->data.scalar.length) { /* "\0" in double quotes */
        err_add(c->err, place_of(c, event->start_mark), "text with a NUL character");
        c->failed = true;
    }
    return node;
}

/* The events of one collection's content, a value each, until `end`. */
struct items {
    struct yaml_item *at;
    size_t len, cap;
};

static void compose_list(struct composer *c, struct items *items, int depth) {
    while (!c->failed) {
        yaml_event_t event;
        if (!next(c, &event)) return;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        if (!end) {
            size_t mark = c->path.len;
            text_format(&c->path, "[%zu]", items->len);
            struct yaml_node *value = compose(c, &event, depth + 1);
            *vec_push(items) = (struct yaml_item){NULL, value};
            c->path.at[c->path.len = mark] = '\0';
        }
        yaml_event_delete(&event);
        if (end) return;
    }
}

/* The key of a pair, or NULL (with a finding) when it cannot be one. *end: the map is over. */
static struct yaml_node *compose_key(struct composer *c, int depth, bool *end) {
    yaml_event_t event;
    if (!next(c, &event)) return NULL;
    *end = event.type == YAML_MAPPING_END_EVENT;
    struct yaml_node *key = NULL;
    if (!*end) {
        key = compose(c, &event, depth + 1);
        if (key && key->kind != YAML_SCALAR) {
            err_add(c->err, place_of(c, event.start_mark), "a key that is a collection, expected a name");
            c->failed = true;
        }
    }
    yaml_event_delete(&event);
    return c->failed ? NULL : key;
}

static void compose_map(struct composer *c, struct items *items, int depth) {
    struct names seen;
    struct {
        int *at;
        size_t len, cap;
    } lines = {0};
    names_init(&seen);
    bool end = false;
    while (!c->failed) {
        struct yaml_node *key = compose_key(c, depth, &end);
        if (end || !key) break;
        size_t mark = c->path.len;
        text_format(&c->path, "%s%s", mark ? "." : "", key->text);
        uint32_t known = names_put(&seen, key->text, strlen(key->text));
        bool duplicate = known < lines.len;
        if (duplicate && c->positions)
            err_add(c->err, yaml_place(key, c->path.at), "duplicate key, first given in line %d",
                    lines.at[known]);
        else if (duplicate) err_add(c->err, yaml_place(key, c->path.at), "duplicate key");
        else *vec_push(&lines) = key->line;
        yaml_event_t event;
        if (next(c, &event)) {
            struct yaml_node *value = compose(c, &event, depth + 1);
            if (!duplicate) *vec_push(items) = (struct yaml_item){key, value};
            yaml_event_delete(&event);
            if (c->path.at) c->path.at[c->path.len = mark] = '\0';
        }
    }
    free(lines.at);
    names_free(&seen);
}

static struct yaml_node *compose_collection(struct composer *c, const yaml_event_t *event, int depth) {
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    refuse_tag(c, is_map ? event->data.mapping_start.tag : event->data.sequence_start.tag, event->start_mark);
    struct yaml_node *node = node_new(c, is_map ? YAML_MAP : YAML_LIST, event->start_mark);
    if (depth > YAML_DEPTH_MOST) {
        c->path.len = 0; /* sixty levels of path help nobody */
        err_add(c->err, place_of(c, event->start_mark), "nested too deeply, at most %d levels",
                YAML_DEPTH_MOST);
        c->failed = true;
        return node;
    }
    struct items items = {0};
    if (is_map) compose_map(c, &items, depth);
    else compose_list(c, &items, depth);
    if (items.len) {
        node->items = arena_alloc(c->arena, items.len, sizeof *items.at);
        memcpy(node->items, items.at, items.len * sizeof *items.at);
        node->len = node->cap = items.len;
    }
    free(items.at);
    return node;
}

/* The value an event begins. Never NULL unless `failed`. */
static struct yaml_node *compose(struct composer *c, yaml_event_t *event, int depth) {
    if (event->type == YAML_ALIAS_EVENT) return alias(c, event);
    if (!count_nodes(c, 1, event->start_mark)) return NULL;
    const yaml_char_t *anchor = event->type == YAML_SCALAR_EVENT           ? event->data.scalar.anchor
                                : event->type == YAML_MAPPING_START_EVENT ? event->data.mapping_start.anchor
                                                                          : event->data.sequence_start.anchor;
    size_t slot = anchor_begin(c, anchor);
    struct yaml_node *node =
        event->type == YAML_SCALAR_EVENT ? compose_scalar(c, event) : compose_collection(c, event, depth);
    if (slot != SIZE_MAX) c->anchored.at[slot] = node;
    return node;
}

/* Steps over one event that carries nothing for us; true when it is of this type. */
static bool skip(struct composer *c, yaml_event_type_t type) {
    yaml_event_t event;
    if (!next(c, &event)) return false;
    bool is = event.type == type;
    if (!is) {
        err_add(c->err, place_of(c, event.start_mark),
                "a second YAML document, expected the end of the file");
        c->failed = true;
    }
    yaml_event_delete(&event);
    return is;
}

static struct yaml_node *compose_file(struct composer *c) {
    yaml_event_t event;
    if (!skip(c, YAML_STREAM_START_EVENT) || !next(c, &event)) return NULL;
    bool empty = event.type == YAML_STREAM_END_EVENT;
    yaml_event_delete(&event);
    if (empty) return node_new(c, YAML_MAP, (yaml_mark_t){0});
    if (!next(c, &event)) return NULL;
    struct yaml_node *root = compose(c, &event, 1);
    yaml_event_delete(&event);
    if (c->failed || !skip(c, YAML_DOCUMENT_END_EVENT) || !skip(c, YAML_STREAM_END_EVENT)) return NULL;
    return root;
}

/* Reads one well-formed UTF-8 sequence (Unicode 15, table 3-7); 0 when there is none. */
static size_t utf8_take(const unsigned char *at, size_t left, uint32_t *point) {
    unsigned char lead = at[0];
    *point = lead;
    if (lead < 0x80) return 1;
    size_t len = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || left < len) return 0;
    *point = lead & (0x7F >> len);
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xC0) != 0x80) return 0;
        *point = *point << 6 | (at[i] & 0x3F);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    return *point < least[len] || *point > 0x10FFFF || (*point >= 0xD800 && *point < 0xE000) ? 0 : len;
}

/* The characters YAML 1.1 calls printable; a byte order mark only in front. */
static bool printable(uint32_t point, bool first) {
    if (point < 0x20) return point == '\t' || point == '\n' || point == '\r';
    if (point == 0xFEFF) return first;
    return point < 0x7F || point == 0x85 || (point >= 0xA0 && point != 0xFFFE && point != 0xFFFF);
}

static bool check_text(const unsigned char *bytes, size_t len, const char *file, bool positions,
                       struct err *err) {
    struct place_in_file at = {.file = file, .line = 1, .col = 1};
    for (size_t i = 0; i < len;) {
        uint32_t point;
        size_t step = utf8_take(bytes + i, len - i, &point);
        if (step == 0 || !printable(point, i == 0)) {
            if (!positions) at.line = at.col = 0;
            if (step) return err_add(err, at, "character U+%04X, expected readable text", point);
            return err_add(err, at, "byte 0x%02X, expected UTF-8 text", bytes[i]);
        }
        at.col++;
        if (point == '\n') {
            at.line++;
            at.col = 1;
        }
        i += step;
    }
    return true;
}

struct yaml_node *yaml_parse(const char *bytes, size_t len, const char *file, bool positions,
                             struct arena *arena, struct err *err) {
    if (!check_text((const unsigned char *)bytes, len, file, positions, err)) return NULL;
    struct composer c = {.file = file, .positions = positions, .arena = arena, .err = err};
    size_t before = err->found;
    if (!yaml_parser_initialize(&c.parser)) die("cannot start the YAML parser: out of memory");
    yaml_parser_set_encoding(&c.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&c.parser, (const unsigned char *)bytes, len);
    text_init(&c.path);
    names_init(&c.anchors);
    struct yaml_node *root = compose_file(&c);
    yaml_parser_delete(&c.parser);
    text_free(&c.path);
    names_free(&c.anchors);
    free(c.anchored.at);
    return err->found == before ? root : NULL;
}

struct yaml_node *yaml_read(const char *file, struct arena *arena, struct err *err) {
    struct place_in_file at = {.file = file};
    FILE *in = fopen(file, "rb");
    if (!in) {
        err_add(err, at, "cannot open: %s", strerror(errno));
        return NULL;
    }
    char *bytes = mem_alloc(YAML_BYTES_MOST + 1);
    size_t len = fread(bytes, 1, YAML_BYTES_MOST + 1, in);
    struct yaml_node *root = NULL;
    if (ferror(in)) err_add(err, at, "cannot read: %s", strerror(errno));
    else if (len > YAML_BYTES_MOST) err_add(err, at, "larger than %d MiB", YAML_BYTES_MOST >> 20);
    else root = yaml_parse(bytes, len, file, true, arena, err);
    fclose(in);
    free(bytes);
    return root;
}

/* --- writing --- */

static int append(void *text, unsigned char *bytes, size_t len) {
    text_add(text, (const char *)bytes, len);
    return 1;
}

static void emit_event(yaml_emitter_t *emitter, yaml_event_t *event, int initialised) {
    if (!initialised || !yaml_emitter_emit(emitter, event))
        die("cannot write YAML: %s", emitter->problem ? emitter->problem : "out of memory");
}

static bool only_scalars(const struct yaml_node *node) {
    for (size_t i = 0; i < node->len; i++)
        if (node->items[i].value->kind != YAML_SCALAR) return false;
    return true;
}

static void emit_node(yaml_emitter_t *emitter, const struct yaml_node *node) {
    yaml_event_t e;
    if (node->kind == YAML_SCALAR) {
        emit_event(emitter, &e, yaml_scalar_event_initialize(
            &e, NULL, NULL, (const yaml_char_t *)node->text, (int)strlen(node->text), 1, 1,
            node->plain ? YAML_PLAIN_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE));
        return;
    }
    bool is_map = node->kind == YAML_MAP;
    if (is_map) {
        yaml_mapping_style_t style = node->len ? YAML_BLOCK_MAPPING_STYLE : YAML_FLOW_MAPPING_STYLE;
        emit_event(emitter, &e, yaml_mapping_start_event_initialize(&e, NULL, NULL, 1, style));
    } else {
        bool flow = only_scalars(node);
        yaml_sequence_style_t style = flow ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE;
        emit_event(emitter, &e, yaml_sequence_start_event_initialize(&e, NULL, NULL, 1, style));
    }
    for (size_t i = 0; i < node->len; i++) {
        if (is_map) emit_node(emitter, node->items[i].key);
        emit_node(emitter, node->items[i].value);
    }
    emit_event(emitter, &e, is_map ? yaml_mapping_end_event_initialize(&e)
                                   : yaml_sequence_end_event_initialize(&e));
}

void yaml_emit(const struct yaml_node *node, struct text *text) {
    yaml_emitter_t emitter;
    yaml_event_t e;
    if (!yaml_emitter_initialize(&emitter)) die("cannot write YAML: out of memory");
    yaml_emitter_set_output(&emitter, append, text);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, -1);
    emit_event(&emitter, &e, yaml_stream_start_event_initialize(&e, YAML_UTF8_ENCODING));
    emit_event(&emitter, &e, yaml_document_start_event_initialize(&e, NULL, NULL, NULL, 1));
    emit_node(&emitter, node);
    emit_event(&emitter, &e, yaml_document_end_event_initialize(&e, 1));
    emit_event(&emitter, &e, yaml_stream_end_event_initialize(&e));
    yaml_emitter_delete(&emitter);
}

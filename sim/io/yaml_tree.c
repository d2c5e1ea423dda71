/*
 * What is done with a YAML tree once it is read: looking up, copying, merging an included file under the one
 * that includes it, and assigning at a path. Maps are searched linearly: they are as long as a person writes
 * them. Nodes are changed only by yaml_put, yaml_merge, yaml_prune and yaml_assign, each on a tree its caller
 * owns alone (yaml_copy makes one).
 */
#include "base/num.h"
#include "io/yaml.h"

#include <string.h>

struct place_in_file yaml_place(const struct yaml_node *node, const char *path) {
    struct place_in_file at = {.file = node->file, .line = node->line, .col = node->col, .path = path};
    /* "--set policy.order: policy.order: ..." says it once too often. */
    if (node->line == 0 && path && node->file) {
        size_t file = strlen(node->file), tail = strlen(path);
        if (tail < file && node->file[file - tail - 1] == ' ' && strcmp(node->file + file - tail, path) == 0)
            at.path = NULL;
    }
    if (at.path && !*at.path) at.path = NULL;
    return at;
}

static struct yaml_node *like(struct arena *arena, const struct yaml_node *at, enum yaml_kind kind) {
    struct yaml_node *node = arena_alloc(arena, 1, sizeof *node);
    *node = (struct yaml_node){.kind = kind, .text = "", .file = at->file, .line = at->line, .col = at->col};
    return node;
}

struct yaml_node *yaml_scalar(struct arena *arena, const struct yaml_node *at, const char *text) {
    struct yaml_node *node = like(arena, at, YAML_SCALAR);
    node->plain = true;
    node->text = arena_text(arena, text);
    return node;
}

struct yaml_node *yaml_map(struct arena *arena, const struct yaml_node *at) {
    return like(arena, at, YAML_MAP);
}

static struct yaml_item *find(const struct yaml_node *map, const char *key) {
    if (map->kind == YAML_MAP)
        for (size_t i = 0; i < map->len; i++)
            if (strcmp(map->items[i].key->text, key) == 0) return &map->items[i];
    return NULL;
}

struct yaml_node *yaml_get(const struct yaml_node *map, const char *key) {
    struct yaml_item *item = find(map, key);
    return item ? item->value : NULL;
}

static void append(struct arena *arena, struct yaml_node *node, struct yaml_item item) {
    if (node->len == node->cap) {
        node->cap = node->cap < 4 ? 4 : 2 * node->cap;
        struct yaml_item *grown = arena_alloc(arena, node->cap, sizeof *grown);
        if (node->len) memcpy(grown, node->items, node->len * sizeof *grown);
        node->items = grown;
    }
    node->items[node->len++] = item;
}

void yaml_put(struct arena *arena, struct yaml_node *map, const char *key, struct yaml_node *value) {
    struct yaml_item *item = find(map, key);
    if (item) item->value = value;
    else append(arena, map, (struct yaml_item){yaml_scalar(arena, value, key), value});
}

struct yaml_node *yaml_copy(struct arena *arena, const struct yaml_node *node) {
    struct yaml_node *copy = arena_alloc(arena, 1, sizeof *copy);
    *copy = *node;
    if (!node->len) return copy;
    copy->cap = node->len;
    copy->items = arena_alloc(arena, node->len, sizeof *copy->items);
    for (size_t i = 0; i < node->len; i++) {
        const struct yaml_item *from = &node->items[i];
        copy->items[i].key = from->key ? yaml_copy(arena, from->key) : NULL;
        copy->items[i].value = yaml_copy(arena, from->value);
    }
    return copy;
}

void yaml_merge(struct arena *arena, struct yaml_node *over, const struct yaml_node *under) {
    for (size_t i = 0; i < under->len; i++) {
        const struct yaml_item *from = &under->items[i];
        struct yaml_node *mine = yaml_get(over, from->key->text);
        if (!mine)
            append(arena, over,
                   (struct yaml_item){yaml_copy(arena, from->key), yaml_copy(arena, from->value)});
        else if (mine->kind == YAML_MAP && from->value->kind == YAML_MAP)
            yaml_merge(arena, mine, from->value);
    }
}

bool yaml_is_null(const struct yaml_node *node) {
    return node->kind == YAML_SCALAR && node->plain &&
           (!strcmp(node->text, "null") || !strcmp(node->text, "~"));
}

void yaml_prune(struct yaml_node *node) {
    size_t kept = 0;
    for (size_t i = 0; i < node->len; i++) {
        if (node->kind == YAML_MAP && yaml_is_null(node->items[i].value)) continue;
        yaml_prune(node->items[i].value);
        node->items[kept++] = node->items[i];
    }
    node->len = kept;
}

struct yaml_node *yaml_named(const struct yaml_node *list, const char *name) {
    for (size_t i = 0; list->kind == YAML_LIST && i < list->len; i++) {
        const struct yaml_node *called = yaml_get(list->items[i].value, "name");
        if (!called) called = yaml_get(list->items[i].value, "catalog");
        if (called && strcmp(called->text, name) == 0) return list->items[i].value;
    }
    return NULL;
}

/* One step of a path: ".key", "key" or "[3]". */
struct step {
    char key[128];
    bool is_index;
    uint64_t index;
};

static bool step_take(const char **path, struct step *step) {
    const char *at = *path;
    step->is_index = *at == '[';
    if (step->is_index) {
        size_t digits = strcspn(++at, "]");
        if (at[digits] != ']' || !num_u64(at, digits, &step->index)) return false;
        *path = at + digits + 1;
    } else {
        size_t len = strcspn(at, ".[");
        if (len == 0 || len >= sizeof step->key) return false;
        memcpy(step->key, at, len);
        step->key[len] = '\0';
        *path = at + len;
    }
    if (**path == '.') {
        ++*path;
        return **path != '\0' && **path != '[' && **path != '.';
    }
    return **path == '\0' || **path == '[';
}

/* Where a step leads, as a place that can be written; NULL when a list has no such element. */
static struct yaml_node **step_into(struct arena *arena, struct yaml_node *node, const struct step *step,
                                    struct yaml_node *value) {
    if (node->kind == YAML_LIST) {
        const struct yaml_node *named = step->is_index ? NULL : yaml_named(node, step->key);
        for (size_t i = 0; i < node->len; i++)
            if (named ? node->items[i].value == named : step->is_index && i == step->index)
                return &node->items[i].value;
        return NULL;
    }
    if (node->kind != YAML_MAP || step->is_index) return NULL;
    if (!find(node, step->key)) yaml_put(arena, node, step->key, yaml_map(arena, value));
    return &find(node, step->key)->value;
}

bool yaml_assign(struct arena *arena, struct yaml_node *root, const char *path, struct yaml_node *value,
                 struct err *err) {
    struct yaml_node **at = &root;
    const char *rest = path;
    do {
        struct step step;
        if (!step_take(&rest, &step))
            return err_add(err, yaml_place(value, path),
                           "not a path, expected one such as policy.order or pools[0].nodes");
        int walked = (int)(rest - path) - (rest[-1] == '.');
        struct yaml_node **to = step_into(arena, *at, &step, value);
        if (!to && (*at)->kind == YAML_LIST)
            return err_add(err, yaml_place(value, path), "no element \"%.*s\", the list has %zu", walked,
                           path, (*at)->len);
        if (!to)
            return err_add(err, yaml_place(value, path), "nothing to set at \"%.*s\", expected a %s there",
                           walked, path, step.is_index ? "list" : "mapping");
        at = to;
    } while (*rest);
    *at = value;
    return true;
}

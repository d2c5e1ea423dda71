/*
 * What a run was, as a flat list (see setting.h). The scenario's text is read back from the database, the
 * run's own `set:` and then the sweep's factors are assigned as when it ran, and the tree is walked once.
 *
 * Cost: a scenario's text is parsed once where runs that share it stand together; a run, some hundred values.
 */
#include "io/setting.h"

#include "base/text.h"
#include "io/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void setting_reader_init(struct setting_reader *reader) {
    *reader = (struct setting_reader){0};
    arena_init(&reader->arena);
}

void setting_reader_free(struct setting_reader *reader) { arena_free(&reader->arena); }

/* --- the tree --- */

/* What the database keeps was read before, so there is nothing to find. */
static struct yaml_node *parse(struct arena *arena, const char *text) {
    struct err err;
    err_init(&err);
    struct yaml_node *node = yaml_parse(text, strlen(text), "results", false, arena, &err);
    err_free(&err);
    return node;
}

static void assign(struct arena *arena, struct yaml_node *root, const char *path, struct yaml_node *value) {
    struct err err;
    err_init(&err);
    if (value) yaml_assign(arena, root, path, value, &err);
    err_free(&err);
}

static struct yaml_node *tree_of(struct setting_reader *reader, const struct run_info *info) {
    if (!reader->tree || reader->hash != info->scenario_hash) {
        reader->tree = parse(&reader->arena, info->scenario_text);
        reader->hash = info->scenario_hash;
    }
    return reader->tree;
}

static const struct yaml_node *set_of(const struct yaml_node *tree, const char *run_name) {
    const struct yaml_node *runs = yaml_get(tree, "runs");
    const struct yaml_node *run = runs ? yaml_named(runs, run_name) : NULL;
    const struct yaml_node *set = run ? yaml_get(run, "set") : NULL;
    return set && set->kind == YAML_MAP ? set : NULL;
}

/* --- the walk --- */

struct walk {
    struct arena *arena;
    struct text path;
    struct {
        struct setting_value *at;
        size_t len, cap;
    } found;
};

static void walk_node(struct walk *w, const struct yaml_node *node);

static void walk_child(struct walk *w, const struct yaml_node *node, const char *name, size_t index) {
    const size_t len = w->path.len;
    if (!name) text_format(&w->path, "[%zu]", index);
    else if (strcmp(name, "model") != 0) text_format(&w->path, "%s%s", len ? "." : "", name);
    walk_node(w, node);
    w->path.len = len;
    if (w->path.at) w->path.at[len] = '\0';
}

static bool holds_maps(const struct yaml_node *list) {
    for (size_t i = 0; i < list->len; i++)
        if (list->items[i].value->kind == YAML_MAP) return true;
    return false;
}

static const char *name_in_list(const struct yaml_node *node) {
    const struct yaml_node *name = yaml_get(node, "name");
    if (!name) name = yaml_get(node, "catalog");
    return name && name->kind == YAML_SCALAR ? name->text : NULL;
}

static void add(struct walk *w, const struct yaml_node *node) {
    struct text text;
    text_init(&text);
    if (node->kind == YAML_SCALAR) text_put(&text, node->text);
    else yaml_emit(node, &text);
    while (text.len && text.at[text.len - 1] == '\n') text.at[--text.len] = '\0';
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] == '\n') text.at[i] = ' ';
    *vec_push(&w->found) = (struct setting_value){arena_text(w->arena, w->path.at ? w->path.at : ""),
                                                  arena_text(w->arena, text.at ? text.at : "")};
    text_free(&text);
}

static void walk_node(struct walk *w, const struct yaml_node *node) {
    if (node->kind == YAML_MAP) {
        for (size_t i = 0; i < node->len; i++)
            walk_child(w, node->items[i].value, node->items[i].key->text, 0);
    } else if (node->kind == YAML_LIST && holds_maps(node)) {
        for (size_t i = 0; i < node->len; i++) {
            const struct yaml_node *item = node->items[i].value;
            walk_child(w, item, name_in_list(item), i);
        }
    } else {
        add(w, node);
    }
}

/* Who a run is, not what. */
static bool is_name(const char *key) {
    static const char *const names[] = {"version", "name", "about",        "seed", "runs",
                                        "baseline", "sweep", "replications"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(key, names[i]) == 0) return true;
    return false;
}

static void put(struct walk *w, const char *path, const char *value) {
    for (size_t i = 0; i < w->found.len; i++) {
        if (strcmp(w->found.at[i].path, path) != 0) continue;
        w->found.at[i].value = arena_text(w->arena, value);
        return;
    }
    *vec_push(&w->found) = (struct setting_value){arena_text(w->arena, path), arena_text(w->arena, value)};
}

static void put_policies(struct walk *w, const struct run_info *info) {
    const struct setting_value policies[] = {
        {"policy.order", info->order},       {"policy.backfill", info->backfill},
        {"policy.place", info->place},       {"policy.route", info->route},
        {"policy.shift", info->shift},       {"policy.market", info->market},
        {"policy.forecast", info->forecast},
    };
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++)
        put(w, policies[i].path, policies[i].value);
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct setting_value *)a)->path, ((const struct setting_value *)b)->path);
}

struct setting setting_read(struct setting_reader *reader, const struct run_info *info, bool own) {
    struct arena *arena = &reader->arena;
    struct walk w = {.arena = arena};
    text_init(&w.path);
    const struct yaml_node *tree = tree_of(reader, info), *set = tree ? set_of(tree, info->run_name) : NULL;
    if (tree) {
        struct yaml_node *root = yaml_copy(arena, tree);
        for (size_t i = 0; own && set && i < set->len; i++)
            assign(arena, root, set->items[i].key->text, yaml_copy(arena, set->items[i].value));
        for (size_t i = 0; i < info->factors_len; i++)
            assign(arena, root, info->factors[i].path, parse(arena, info->factors[i].value));
        yaml_prune(root);
        for (size_t i = 0; root->kind == YAML_MAP && i < root->len; i++)
            if (!is_name(root->items[i].key->text))
                walk_child(&w, root->items[i].value, root->items[i].key->text, 0);
    }
    if (own) put_policies(&w, info);
    text_free(&w.path);
    struct setting setting = {arena_alloc(arena, w.found.len, sizeof *setting.at), w.found.len};
    if (w.found.len) memcpy(setting.at, w.found.at, w.found.len * sizeof *setting.at);
    if (w.found.len) qsort(setting.at, setting.len, sizeof *setting.at, by_path);
    free(w.found.at);
    return setting;
}

const char *setting_get(const struct setting *setting, const char *path) {
    const struct setting_value wanted = {path, NULL};
    const struct setting_value *found =
        setting->len ? bsearch(&wanted, setting->at, setting->len, sizeof *setting->at, by_path) : NULL;
    return found ? found->value : NULL;
}

bool setting_below(const char *path, const char *prefix) {
    const size_t len = strlen(prefix);
    return strncmp(path, prefix, len) == 0 && (path[len] == '\0' || path[len] == '.' || path[len] == '[');
}

/*
 * YAML as a tree of our own: every node knows where it stands, so that a finding can say so however often
 * files were merged and values overridden. Lists and maps keep their order; keys are unique.
 */
#ifndef HEADROOM_IO_YAML_H
#define HEADROOM_IO_YAML_H

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };
struct yaml_node {
    enum yaml_kind kind;
    bool plain;          /* a scalar without quotes: only these can be numbers, true, false or null */
    bool estimate;       /* from the catalogue, which marks it as an estimate */
    const char *text;    /* of a scalar; "" otherwise */
    struct yaml_item *items;
    size_t len, cap;     /* of items */
    const char *file;    /* "--set path" for an override from the command line */
    int line, col;       /* from 1; 0: unknown */
};
struct yaml_item {
    struct yaml_node *key; /* a scalar; NULL in a list */
    struct yaml_node *value;
};

/* Bounds on one file, aliases expanded. A scenario is written by people: these are far above any use. */
enum { YAML_BYTES_MOST = 16 << 20, YAML_DEPTH_MOST = 64, YAML_NODES_MOST = 100000 };

/* Nodes live in the arena. NULL: findings were added (syntax, duplicate keys, bounds, tags, not UTF-8). An
 * empty file is an empty map. The file's name is kept: it must outlive the nodes. */
struct yaml_node *yaml_read(const char *file, struct arena *arena, struct err *err);
/* The same from memory. positions: false leaves line and col 0. */
struct yaml_node *yaml_parse(const char *bytes, size_t len, const char *file, bool positions,
                             struct arena *arena, struct err *err);

/* New nodes that stand where `at` does. */
struct yaml_node *yaml_scalar(struct arena *arena, const struct yaml_node *at, const char *text);
struct yaml_node *yaml_map(struct arena *arena, const struct yaml_node *at);

/* NULL when the map has no such key, or is no map. */
struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
/* Sets or adds a key; the key stands where the value does when it is new. */
void yaml_put(struct arena *arena, struct yaml_node *map, const char *key, struct yaml_node *value);
struct yaml_node *yaml_copy(struct arena *arena, const struct yaml_node *node);
/* Adds to `over` what only `under` has; maps in both are merged in turn, everything else is over's. */
void yaml_merge(struct arena *arena, struct yaml_node *over, const struct yaml_node *under);
/* Removes the keys whose value is null, all the way down. */
void yaml_prune(struct yaml_node *node);
bool yaml_is_null(const struct yaml_node *node);
/* The element of a list of maps called `name` (by `name:`, else `catalog:`), NULL when there is none. */
struct yaml_node *yaml_named(const struct yaml_node *list, const char *name);

/* Puts value at a path such as policy.order, regions[0].price or pools.a100.nodes (list elements by index or
 * by name); maps on the way are made. */
bool yaml_assign(struct arena *arena, struct yaml_node *root, const char *path, struct yaml_node *value,
                 struct err *err);

/* The tree as YAML text, the same bytes for the same tree. */
void yaml_emit(const struct yaml_node *node, struct text *text);

/* Where a node stands, for a finding. */
struct place_in_file yaml_place(const struct yaml_node *node, const char *path);

#endif

/*
 * Ordered index with aggregates (see tree.h): a treap (Seidel & Aragon 1996), that is a search tree by
 * (key, id) and at once a heap by priority. The priority is hash_mix(id), a bijection: no two are equal, no
 * memory holds them, and the shape depends on the content alone, never on the order of operations.
 * Sums saturate instead of wrapping, so values near the limits are safe; tree_reach needs values >= 0.
 * Invariant: sum and least of a node are those of its subtree; parent's priority > child's.
 * Cost: expected depth 2 ln n, so recursion stays below a hundred frames at any size that fits.
 */
#include "base/tree.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

void forest_init(struct forest *forest) { *forest = (struct forest){0}; }

void forest_free(struct forest *forest) {
    free(forest->at);
    forest_init(forest);
}

static void make_room(struct forest *forest, uint32_t id) {
    require(id < TREE_NONE);
    size_t cap = forest->cap;
    forest->at = vec_reserve(forest->at, &cap, (size_t)id + 1, sizeof *forest->at);
    forest->cap = cap < TREE_NONE ? (uint32_t)cap : TREE_NONE;
}

static int64_t add(int64_t a, int64_t b) {
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) sum = b > 0 ? INT64_MAX : INT64_MIN;
    return sum;
}

static inline int64_t sum_of(const struct tree_node *at, uint32_t id) {
    return id == TREE_NONE ? 0 : at[id].sum;
}

static inline int64_t least_of(const struct tree_node *at, uint32_t id) {
    return id == TREE_NONE ? INT64_MAX : at[id].least;
}

/* Makes a node's aggregates true again after its children changed. */
static void refresh(struct tree_node *at, uint32_t id) {
    struct tree_node *node = &at[id];
    node->sum = add(add(sum_of(at, node->left), node->value), sum_of(at, node->right));
    int64_t left = least_of(at, node->left), right = least_of(at, node->right);
    node->least = left < right ? left : right;
    if (node->value < node->least) node->least = node->value;
}

/* Does (key, id) come before node `other`? */
static inline bool before(const struct tree_node *at, uint64_t key, uint32_t id, uint32_t other) {
    return key != at[other].key ? key < at[other].key : id < other;
}

/* Cuts a tree into what comes before (key, id) and what comes after. */
static void split(struct tree_node *at, uint32_t root, uint64_t key, uint32_t id, uint32_t *left,
                  uint32_t *right) {
    if (root == TREE_NONE) {
        *left = *right = TREE_NONE;
        return;
    }
    if (before(at, key, id, root)) {
        split(at, at[root].left, key, id, left, &at[root].left);
        *right = root;
    } else {
        split(at, at[root].right, key, id, &at[root].right, right);
        *left = root;
    }
    refresh(at, root);
}

/* Joins two trees, all of `left` before all of `right`. */
static uint32_t join(struct tree_node *at, uint32_t left, uint32_t right) {
    if (left == TREE_NONE) return right;
    if (right == TREE_NONE) return left;
    if (hash_mix(left) > hash_mix(right)) {
        at[left].right = join(at, at[left].right, right);
        refresh(at, left);
        return left;
    }
    at[right].left = join(at, left, at[right].left);
    refresh(at, right);
    return right;
}

/* Both return the root of the tree with the node in it, or without it. */
static uint32_t insert(struct tree_node *at, uint32_t root, uint32_t id) {
    if (root == TREE_NONE || hash_mix(id) > hash_mix(root)) {
        split(at, root, at[id].key, id, &at[id].left, &at[id].right);
        root = id;
    } else if (before(at, at[id].key, id, root)) {
        at[root].left = insert(at, at[root].left, id);
    } else {
        at[root].right = insert(at, at[root].right, id);
    }
    refresh(at, root);
    return root;
}

static uint32_t without(struct tree_node *at, uint32_t root, uint64_t key, uint32_t id) {
    require(root != TREE_NONE); /* else it was never inserted, or under another key */
    if (root == id) return join(at, at[id].left, at[id].right);
    if (before(at, key, id, root)) {
        at[root].left = without(at, at[root].left, key, id);
    } else {
        at[root].right = without(at, at[root].right, key, id);
    }
    refresh(at, root);
    return root;
}

void tree_insert(struct forest *forest, uint32_t *root, uint64_t key, uint32_t id, int64_t value) {
    make_room(forest, id);
    forest->at[id] = (struct tree_node){
        .key = key, .value = value, .sum = value, .least = value, .left = TREE_NONE, .right = TREE_NONE};
    *root = insert(forest->at, *root, id);
}

void tree_remove(struct forest *forest, uint32_t *root, uint64_t key, uint32_t id) {
    *root = without(forest->at, *root, key, id);
}

uint32_t tree_first(const struct forest *forest, uint32_t root) {
    if (root == TREE_NONE) return TREE_NONE;
    while (forest->at[root].left != TREE_NONE) root = forest->at[root].left;
    return root;
}

uint32_t tree_after(const struct forest *forest, uint32_t root, uint64_t key, uint32_t id) {
    const struct tree_node *at = forest->at;
    uint32_t best = TREE_NONE;
    while (root != TREE_NONE) {
        if (before(at, key, id, root)) {
            best = root;
            root = at[root].left;
        } else {
            root = at[root].right;
        }
    }
    return best;
}

uint32_t tree_first_at_most(const struct forest *forest, uint32_t root, int64_t limit) {
    const struct tree_node *at = forest->at;
    while (root != TREE_NONE && at[root].least <= limit) {
        if (at[root].left != TREE_NONE && at[at[root].left].least <= limit) {
            root = at[root].left;
        } else if (at[root].value <= limit) {
            return root;
        } else {
            root = at[root].right;
        }
    }
    return TREE_NONE;
}

uint32_t tree_reach(const struct forest *forest, uint32_t root, int64_t goal, int64_t *sum_to) {
    const struct tree_node *at = forest->at;
    int64_t sum = 0;
    while (root != TREE_NONE) {
        uint32_t left = at[root].left;
        if (left != TREE_NONE && add(sum, at[left].sum) >= goal) {
            root = left;
            continue;
        }
        sum = add(add(sum, sum_of(at, left)), at[root].value);
        if (sum >= goal) {
            *sum_to = sum;
            return root;
        }
        root = at[root].right;
    }
    *sum_to = sum;
    return TREE_NONE;
}

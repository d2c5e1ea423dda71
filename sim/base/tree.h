/*
 * An ordered index with aggregates: a treap over (key, id) whose nodes carry a value, and whose subtrees
 * know their values' sum and minimum. Serves two searches of backfilling: "the first job in queue order
 * whose estimate is at most L" (minimum) and "when will g GPUs have been freed" (sum).
 *
 * ids are small integers chosen by the caller (job or slot); links live in arrays indexed by id, grown by
 * doubling. Several roots may share one forest. Priorities are a hash of the id: deterministic.
 * Cost: O(log n) expected; 40 bytes an id.
 */
#ifndef HEADROOM_BASE_TREE_H
#define HEADROOM_BASE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#define TREE_NONE UINT32_MAX

struct tree_node {
    uint64_t key;
    int64_t value, sum, least;
    uint32_t left, right;
};
struct forest {
    struct tree_node *at; /* by id */
    uint32_t cap;
};
void forest_init(struct forest *forest);
void forest_free(struct forest *forest);

/* *root starts as TREE_NONE. An id is in at most one tree at a time. */
void tree_insert(struct forest *forest, uint32_t *root, uint64_t key, uint32_t id, int64_t value);
/* key must be the one it was inserted with. */
void tree_remove(struct forest *forest, uint32_t *root, uint64_t key, uint32_t id);
uint32_t tree_first(const struct forest *forest, uint32_t root);
/* Next id in order after (key, id), TREE_NONE at the end. */
uint32_t tree_after(const struct forest *forest, uint32_t root, uint64_t key, uint32_t id);
/* First id in order whose value <= limit. */
uint32_t tree_first_at_most(const struct forest *forest, uint32_t root, int64_t limit);
/* First id in order at which the running sum of values reaches goal; *sum_to = that running sum.
 * TREE_NONE when the whole tree's sum is less. */
uint32_t tree_reach(const struct forest *forest, uint32_t root, int64_t goal, int64_t *sum_to);

#endif

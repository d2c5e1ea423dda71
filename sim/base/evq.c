/*
 * The event queue (see evq.h): an implicit 4-ary min-heap of 128-bit keys.
 *
 * Layout after LaMarca & Ladner (1996): heap[1] stands on a 64-byte boundary, so the children 4i+1..4i+4 of
 * a node fill exactly one cache line. The least child is found by a tournament of three comparisons whose
 * results are used as numbers, never as branches. Slots past the end hold PAST_END, greater than any key,
 * so that a line with fewer than four children needs no case of its own.
 * Each sift exists twice, with and without the position table, by inlining one body under a constant.
 * Invariant: see evq.h; and heap[i] == PAST_END for len <= i < cap. Cost: O(log4 n), growth amortised.
 */
#include "base/evq.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#define PAST_END (~(evq_key)0)

enum { LINE = 64, CAP_LEAST = 61, HANDLES_LEAST = 64 };

void evq_init(struct evq *q, bool tracked) { *q = (struct evq){.tracked = tracked}; }

void evq_free(struct evq *q) {
    free(q->block);
    free(q->where);
    evq_init(q, q->tracked);
}

/* Capacities are 4k+1: a root and whole lines of children. */
static void grow(struct evq *q) {
    require(q->cap < UINT32_MAX / 4);
    uint32_t cap = q->cap ? 2 * q->cap - 1 : CAP_LEAST;
    char *block = mem_alloc(2 * LINE + cap * sizeof(evq_key));
    size_t pad = -(uintptr_t)block & (LINE - 1);
    evq_key *heap = (evq_key *)(void *)(block + pad + LINE) - 1;
    if (q->len) memcpy(heap, q->heap, q->len * sizeof *heap);
    for (uint32_t i = q->len; i < cap; i++) heap[i] = PAST_END;
    free(q->block);
    q->block = block;
    q->heap = heap;
    q->cap = cap;
}

static void grow_handles(struct evq *q, uint32_t handle) {
    require(handle < EVQ_NOWHERE);
    uint64_t handles = q->handles ? q->handles : HANDLES_LEAST;
    while (handles <= handle) handles *= 2;
    if (handles > EVQ_NOWHERE) handles = EVQ_NOWHERE;
    q->where = mem_grow(q->where, handles, sizeof *q->where);
    for (uint64_t i = q->handles; i < handles; i++) q->where[i] = EVQ_NOWHERE;
    q->handles = (uint32_t)handles;
}

/* gcc and clang compile this to adds and conditional moves; measure before rephrasing it. */
static inline uint32_t least_child(const evq_key *heap, uint32_t first) {
    uint32_t left = first + (heap[first + 1] < heap[first]);
    uint32_t right = first + 2 + (heap[first + 3] < heap[first + 2]);
    return heap[right] < heap[left] ? right : left;
}

/* Puts key where it belongs on the way from the hole i down to the leaves. */
__attribute__((always_inline)) static inline void sink(struct evq *q, uint32_t i, evq_key key, bool tracked) {
    evq_key *heap = q->heap;
    uint32_t *where = q->where, len = q->len;
    for (uint32_t first = 4 * i + 1; first < len; first = 4 * i + 1) {
        uint32_t least = least_child(heap, first);
        evq_key up = heap[least];
        if (key <= up) break;
        heap[i] = up;
        if (tracked) where[evq_handle(up)] = i;
        i = least;
    }
    heap[i] = key;
    if (tracked) where[evq_handle(key)] = i;
}

/* Puts key where it belongs on the way from the hole i up to the root. */
__attribute__((always_inline)) static inline void rise(struct evq *q, uint32_t i, evq_key key, bool tracked) {
    evq_key *heap = q->heap;
    uint32_t *where = q->where;
    while (i) {
        uint32_t parent = (i - 1) / 4;
        evq_key down = heap[parent];
        if (down <= key) break;
        heap[i] = down;
        if (tracked) where[evq_handle(down)] = i;
        i = parent;
    }
    heap[i] = key;
    if (tracked) where[evq_handle(key)] = i;
}

/* Fills the hole i, whose neighbours are in order, with key. */
static void settle(struct evq *q, uint32_t i, evq_key key) {
    if (i && key < q->heap[(i - 1) / 4]) {
        rise(q, i, key, true);
    } else {
        sink(q, i, key, true);
    }
}

static evq_key take_last(struct evq *q) {
    evq_key last = q->heap[--q->len];
    q->heap[q->len] = PAST_END;
    return last;
}

/* Closes the hole that evq_take left at the top. */
static void close_hole(struct evq *q) {
    if (!q->hole) return;
    q->hole = false;
    const evq_key last = take_last(q);
    if (q->len == 0) return;
    if (q->tracked) sink(q, 0, last, true);
    else sink(q, 0, last, false);
}

evq_key evq_take(struct evq *q) {
    close_hole(q);
    require(q->len);
    q->hole = true;
    if (q->tracked) q->where[evq_handle(q->heap[0])] = EVQ_NOWHERE;
    return q->heap[0];
}

evq_key evq_peek(const struct evq *q) {
    if (!q->hole) return q->heap[0];
    return q->heap[least_child(q->heap, 1)]; /* past the end there is nothing less */
}

void evq_push(struct evq *q, evq_key key) {
    if (q->hole) {
        q->hole = false;
        evq_replace_top(q, key);
        return;
    }
    if (q->len == q->cap) grow(q);
    if (!q->tracked) {
        rise(q, q->len++, key, false);
        return;
    }
    uint32_t handle = evq_handle(key);
    if (handle >= q->handles) grow_handles(q, handle);
    require(q->where[handle] == EVQ_NOWHERE);
    rise(q, q->len++, key, true);
}

evq_key evq_pop(struct evq *q) {
    close_hole(q);
    require(q->len);
    evq_key top = q->heap[0], last = take_last(q);
    if (q->tracked) {
        q->where[evq_handle(top)] = EVQ_NOWHERE;
        if (q->len) sink(q, 0, last, true);
    } else if (q->len) {
        sink(q, 0, last, false);
    }
    return top;
}

void evq_replace_top(struct evq *q, evq_key key) {
    close_hole(q);
    require(q->len);
    if (!q->tracked) {
        sink(q, 0, key, false);
        return;
    }
    uint32_t handle = evq_handle(key);
    if (handle >= q->handles) grow_handles(q, handle);
    q->where[evq_handle(q->heap[0])] = EVQ_NOWHERE;
    require(q->where[handle] == EVQ_NOWHERE);
    sink(q, 0, key, true);
}

bool evq_has(const struct evq *q, uint32_t handle) {
    require(q->tracked);
    return handle < q->handles && q->where[handle] != EVQ_NOWHERE;
}

evq_key evq_of(const struct evq *q, uint32_t handle) {
    require(evq_has(q, handle));
    return q->heap[q->where[handle]];
}

void evq_cancel(struct evq *q, uint32_t handle) {
    if (!evq_has(q, handle)) return;
    close_hole(q);
    uint32_t hole = q->where[handle];
    q->where[handle] = EVQ_NOWHERE;
    evq_key last = take_last(q);
    if (hole != q->len) settle(q, hole, last);
}

void evq_move(struct evq *q, evq_key key) {
    uint32_t handle = evq_handle(key);
    if (evq_has(q, handle)) {
        close_hole(q);
        settle(q, q->where[handle], key);
    } else {
        evq_push(q, key);
    }
}

/*
 * The event queue, and every other priority queue of the simulator.
 *
 * An implicit 4-ary min-heap over one 128-bit key: (time or rank: 64 bits, sequence: 32, handle: 32).
 * The four children of a node share a cache line (the array is shifted so that index 4i+1 is 64-byte
 * aligned) and the least child is chosen by conditional moves, because mispredicted branches, not
 * comparisons, are the cost of a heap (measured; see docs/performance.md). Where handles are tracked, a
 * position table gives cancel and reschedule by handle in O(log n).
 *
 * Invariant: key(parent) <= key(child); with tracking, where[handle(heap[i])] == i.
 * Cost: push, pop, reschedule O(log4 n); 16 bytes an entry, 4 more a handle when tracked.
 */
#ifndef HEADROOM_BASE_EVQ_H
#define HEADROOM_BASE_EVQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 evq_key;

struct evq {
    evq_key *heap;   /* heap[0] is the least; base shifted for alignment */
    void *block;     /* what was allocated */
    uint32_t *where; /* handle -> position, EVQ_NOWHERE when absent; NULL when untracked */
    uint32_t len, cap, handles;
    bool tracked;
    bool hole;       /* the top was taken and not yet replaced: heap[0] is void, len still counts it */
};
#define EVQ_NOWHERE UINT32_MAX

static inline evq_key evq_pack(uint64_t rank, uint32_t seq, uint32_t handle) {
    return (evq_key)rank << 64 | (evq_key)seq << 32 | handle;
}
static inline uint64_t evq_rank(evq_key key) { return (uint64_t)(key >> 64); }
static inline uint32_t evq_seq(evq_key key) { return (uint32_t)(key >> 32); }
static inline uint32_t evq_handle(evq_key key) { return (uint32_t)key; }

void evq_init(struct evq *q, bool tracked);
void evq_free(struct evq *q);
static inline bool evq_empty(const struct evq *q) { return q->len == (uint32_t)q->hole; }
static inline evq_key evq_top(const struct evq *q) { return q->heap[0]; } /* requires not empty and no hole */
void evq_push(struct evq *q, evq_key key);
evq_key evq_pop(struct evq *q);
/* The top leaves, key enters: one sift instead of two. */
void evq_replace_top(struct evq *q, evq_key key);
/* For an event loop: the top leaves but its place stays open, and the next push fills it with one sift (an
 * event nearly always schedules another). evq_peek is the least key, hole or not; requires not empty. Every
 * other call closes the hole first, but for the inline evq_top. */
evq_key evq_take(struct evq *q);
evq_key evq_peek(const struct evq *q);
/* Tracked queues only. */
bool evq_has(const struct evq *q, uint32_t handle);
evq_key evq_of(const struct evq *q, uint32_t handle);           /* requires presence */
void evq_cancel(struct evq *q, uint32_t handle);                /* absent: nothing happens */
void evq_move(struct evq *q, evq_key key);                      /* push, or reschedule the key's handle */

#endif

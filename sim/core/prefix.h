/*
 * The blocks of a prefix cache, by the hash of their content (and of all before it): those that requests hold, and
 * idle ones that outlived them, which are dropped least recently used first.
 */
#ifndef HEADROOM_CORE_PREFIX_H
#define HEADROOM_CORE_PREFIX_H

#include <stdbool.h>
#include <stdint.h>

struct prefix {
    struct prefix_block *at; /* [0] is the ring of idle blocks, oldest first; then blocks by number */
    uint32_t *slots;         /* hash table of numbers, 0: free */
    uint32_t mask;
    uint32_t unused, fresh;  /* numbers free to use: a list, then all from fresh on */
    uint32_t most, idle;
};
enum prefix_was { PREFIX_ABSENT, PREFIX_IDLE, PREFIX_HELD };

/* Room for so many blocks, held and idle together. */
void prefix_init(struct prefix *prefix, uint32_t most);
void prefix_free(struct prefix *prefix);
/* How many of the first blocks are there; *held: how many of those requests hold. */
uint32_t prefix_find(const struct prefix *prefix, const uint64_t *hashes, uint32_t len, uint32_t *held);
/* One more request holds the block; makes it when it is absent. */
enum prefix_was prefix_hold(struct prefix *prefix, uint64_t hash);
/* One request less holds it; true: it is idle now, the most recent of them. */
bool prefix_release(struct prefix *prefix, uint64_t hash);
/* Drops the oldest idle block; there must be one. */
void prefix_evict(struct prefix *prefix);

#endif

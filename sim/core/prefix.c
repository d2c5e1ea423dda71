/*
 * The blocks of a prefix cache: a hash table with linear probing over numbered blocks, and a ring of the idle ones
 * in order of use. Deletion moves later entries of the probe back (Knuth 6.4, algorithm R), so no tombstones gather.
 *
 * Invariant: a block is in the ring exactly when its holders are 0; the table holds every block once and is at most
 * half full. Cost: O(1) expected a call (a find: a block), no allocation after prefix_init; 32 bytes a block.
 */
#include "core/prefix.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>

struct prefix_block {
    uint64_t hash;
    uint32_t holders;
    uint32_t before, after; /* in the ring; after also links unused numbers */
};

void prefix_init(struct prefix *prefix, uint32_t most) {
    uint32_t slots = 4;
    while (slots / 2 <= most) slots *= 2;
    *prefix = (struct prefix){.mask = slots - 1, .fresh = 1, .most = most};
    prefix->at = mem_alloc((most + UINT64_C(1)) * sizeof *prefix->at);
    prefix->slots = mem_zero(slots, sizeof *prefix->slots);
    prefix->at[0] = (struct prefix_block){0};
}

void prefix_free(struct prefix *prefix) {
    free(prefix->at);
    free(prefix->slots);
    *prefix = (struct prefix){0};
}

static uint32_t home(const struct prefix *prefix, uint64_t hash) { return (uint32_t)hash_mix(hash) & prefix->mask; }

/* The slot that has the hash, or the free one where it belongs. */
static uint32_t probe(const struct prefix *prefix, uint64_t hash) {
    uint32_t slot = home(prefix, hash);
    while (prefix->slots[slot] && prefix->at[prefix->slots[slot]].hash != hash) slot = (slot + 1) & prefix->mask;
    return slot;
}

uint32_t prefix_find(const struct prefix *prefix, const uint64_t *hashes, uint32_t len, uint32_t *held) {
    *held = 0;
    for (uint32_t i = 0; i < len; i++) {
        const uint32_t number = prefix->slots[probe(prefix, hashes[i])];
        if (!number) return i;
        *held += prefix->at[number].holders > 0;
    }
    return len;
}

static void unlink_idle(struct prefix *prefix, uint32_t number) {
    const struct prefix_block *b = &prefix->at[number];
    prefix->at[b->before].after = b->after;
    prefix->at[b->after].before = b->before;
    prefix->idle--;
}

enum prefix_was prefix_hold(struct prefix *prefix, uint64_t hash) {
    const uint32_t slot = probe(prefix, hash);
    uint32_t number = prefix->slots[slot];
    if (number) {
        if (prefix->at[number].holders++) return PREFIX_HELD;
        unlink_idle(prefix, number);
        return PREFIX_IDLE;
    }
    number = prefix->unused;
    if (number) {
        prefix->unused = prefix->at[number].after;
    } else {
        number = prefix->fresh++;
        require(number <= prefix->most);
    }
    prefix->at[number] = (struct prefix_block){.hash = hash, .holders = 1};
    prefix->slots[slot] = number;
    return PREFIX_ABSENT;
}

bool prefix_release(struct prefix *prefix, uint64_t hash) {
    const uint32_t number = prefix->slots[probe(prefix, hash)];
    require(number && prefix->at[number].holders);
    struct prefix_block *b = &prefix->at[number];
    if (--b->holders) return false;
    b->before = prefix->at[0].before;
    b->after = 0;
    prefix->at[b->before].after = number;
    prefix->at[0].before = number;
    prefix->idle++;
    return true;
}

void prefix_evict(struct prefix *prefix) {
    require(prefix->idle);
    const uint32_t number = prefix->at[0].after;
    uint32_t hole = probe(prefix, prefix->at[number].hash);
    unlink_idle(prefix, number);
    prefix->at[number].after = prefix->unused;
    prefix->unused = number;
    for (uint32_t slot = hole;;) {
        prefix->slots[hole] = 0;
        do {
            slot = (slot + 1) & prefix->mask;
            if (!prefix->slots[slot]) return;
            /* An entry stays when its home lies behind the hole, cyclically: a search for it never sees the hole. */
        } while (((slot - home(prefix, prefix->at[prefix->slots[slot]].hash)) & prefix->mask) <
                 ((slot - hole) & prefix->mask));
        prefix->slots[hole] = prefix->slots[slot];
        hole = slot;
    }
}

/*
 * Hierarchical bit set (see bits.h). A summary bit says "this word below is not empty", so set and clear
 * climb only while a word changes between empty and not empty, and a search climbs to the first word with
 * a candidate and then descends by counting trailing zeros.
 * Invariant: bit w of level l+1 is set exactly when word w of level l is not 0; the last level is one word.
 * Cost: O(log64 n) word operations.
 */
#include "base/bits.h"

#include "base/err.h"

struct bits_plan bits_plan(uint32_t n) {
    struct bits_plan plan = {.n = n};
    uint32_t words = n;
    do {
        require(plan.levels < BITS_LEVELS_MOST);
        words = words / 64 + (words % 64 != 0);
        if (!words) words = 1; /* the empty set of nothing still has a word to look at */
        plan.offset[plan.levels++] = plan.words;
        plan.words += words;
    } while (words > 1);
    return plan;
}

void bits_set(const struct bits_plan *plan, uint64_t *words, uint32_t i) {
    for (uint32_t level = 0; level < plan->levels; level++, i >>= 6) {
        uint64_t *word = &words[plan->offset[level] + (i >> 6)];
        bool was_empty = *word == 0;
        *word |= UINT64_C(1) << (i & 63);
        if (!was_empty) return;
    }
}

void bits_clear(const struct bits_plan *plan, uint64_t *words, uint32_t i) {
    for (uint32_t level = 0; level < plan->levels; level++, i >>= 6) {
        uint64_t *word = &words[plan->offset[level] + (i >> 6)];
        if (*word == 0) return; /* it was not set; a summary bit above it is clear already */
        *word &= ~(UINT64_C(1) << (i & 63));
        if (*word) return;
    }
}

/* The least element below bit i of `level`, which is set. */
static uint32_t descend(const struct bits_plan *plan, const uint64_t *words, uint32_t level, uint32_t i) {
    while (level-- > 0) i = i << 6 | (uint32_t)__builtin_ctzll(words[plan->offset[level] + i]);
    return i;
}

uint32_t bits_first(const struct bits_plan *plan, const uint64_t *words) {
    uint32_t top = plan->levels - 1;
    uint64_t word = words[plan->offset[top]];
    return word ? descend(plan, words, top, (uint32_t)__builtin_ctzll(word)) : BITS_NONE;
}

uint32_t bits_next(const struct bits_plan *plan, const uint64_t *words, uint32_t from) {
    uint32_t most = plan->n; /* bits of this level */
    for (uint32_t level = 0; level < plan->levels && from < most; level++) {
        uint64_t word = words[plan->offset[level] + (from >> 6)] >> (from & 63);
        if (word) return descend(plan, words, level, from + (uint32_t)__builtin_ctzll(word));
        from = (from >> 6) + 1; /* nothing left in this word: the next word is a bit of the level above */
        most = most / 64 + (most % 64 != 0);
    }
    return BITS_NONE;
}

/*
 * Hierarchical bit set over 0..n-1: each level's words summarise 64 words of the level below, so set,
 * clear, first and next are a few word operations (log64 n levels: 3 for 262,144).
 */
#ifndef HEADROOM_BASE_BITS_H
#define HEADROOM_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BITS_LEVELS_MOST = 6 };
#define BITS_NONE UINT32_MAX

/* The shape of a set: shared by many sets of the same n. */
struct bits_plan {
    uint32_t n, levels;
    uint32_t offset[BITS_LEVELS_MOST]; /* in words; level 0 holds the elements */
    uint32_t words;                    /* of one set in all */
};
struct bits_plan bits_plan(uint32_t n);
void bits_set(const struct bits_plan *plan, uint64_t *words, uint32_t i);
void bits_clear(const struct bits_plan *plan, uint64_t *words, uint32_t i);
/* How many bits a word has. One is by far the most frequent answer, and without a processor option the
 * compiler calls a function for the rest. */
static inline uint32_t bits_count(uint64_t word) {
    return (word & (word - 1)) == 0 ? word != 0 : (uint32_t)__builtin_popcountll(word);
}
static inline bool bits_has(const uint64_t *words, uint32_t i) { return words[i >> 6] >> (i & 63) & 1; }
/* Least element, or least element >= from; BITS_NONE when there is none. */
uint32_t bits_first(const struct bits_plan *plan, const uint64_t *words);
uint32_t bits_next(const struct bits_plan *plan, const uint64_t *words, uint32_t from);

#endif

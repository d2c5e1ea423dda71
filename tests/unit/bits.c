/* The hierarchical set against an array of bools, at sizes around every power of 64. */
#include "base/bits.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/hash.h"

static uint64_t seed;
static uint64_t draw(uint64_t below) { return hash_mix(++seed) % below; }

static uint32_t plain_next(const bool *in, uint32_t n, uint32_t from) {
    for (uint32_t i = from; i < n; i++) {
        if (in[i]) return i;
    }
    return BITS_NONE;
}

/* Summaries must say exactly which words below are not empty. */
static void check_summaries(const struct bits_plan *plan, const uint64_t *words) {
    for (uint32_t level = 1; level < plan->levels; level++) {
        for (uint32_t w = 0; w < plan->offset[level] - plan->offset[level - 1]; w++) {
            bool set = bits_has(words + plan->offset[level], w);
            cr_assert_eq(set, words[plan->offset[level - 1] + w] != 0);
        }
    }
}

static void play(uint32_t n, int steps, uint64_t set_in_ten) {
    struct bits_plan plan = bits_plan(n);
    uint64_t *words = calloc(plan.words, sizeof *words);
    bool *in = calloc(n + 1, sizeof *in);
    cr_assert_eq(bits_first(&plan, words), BITS_NONE);
    for (int s = 0; s < steps; s++) {
        uint32_t i = (uint32_t)draw(n), from = (uint32_t)draw(n + 2);
        in[i] = draw(10) < set_in_ten;
        if (in[i]) {
            bits_set(&plan, words, i);
        } else {
            bits_clear(&plan, words, i);
        }
        cr_assert_eq(bits_has(words, i), in[i]);
        cr_assert_eq(bits_first(&plan, words), plain_next(in, n, 0), "n %u", n);
        cr_assert_eq(bits_next(&plan, words, from), plain_next(in, n, from), "n %u from %u", n, from);
    }
    check_summaries(&plan, words);
    uint32_t count = 0, wanted = 0;
    for (uint32_t i = bits_first(&plan, words); i != BITS_NONE; i = bits_next(&plan, words, i + 1)) count++;
    for (uint32_t i = 0; i < n; i++) wanted += in[i];
    cr_assert_eq(count, wanted);
    free(words);
    free(in);
}

Test(bits, agrees_with_bools) {
    static const uint32_t sizes[] = {1, 2, 63, 64, 65, 127, 128, 4095, 4096, 4097, 10000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        play(sizes[i], 3000, 1);
        play(sizes[i], 3000, 5);
        play(sizes[i], 1000, 10);
    }
}

Test(bits, agrees_with_bools_when_large) { play(262145, 300, 3); }

Test(bits, plans_are_small) {
    cr_assert_eq(bits_plan(1).words, 1u);
    cr_assert_eq(bits_plan(64).levels, 1u);
    cr_assert_eq(bits_plan(65).levels, 2u);
    cr_assert_eq(bits_plan(65).words, 3u);
    cr_assert_eq(bits_plan(262144).levels, 3u);
    cr_assert_eq(bits_plan(262144).words, 4096u + 64 + 1);
    cr_assert_eq(bits_plan(UINT32_MAX).levels, 6u);
}

Test(bits, the_set_of_nothing) {
    struct bits_plan plan = bits_plan(0);
    uint64_t word = 0;
    cr_assert_eq(plan.words, 1u);
    cr_assert_eq(bits_first(&plan, &word), BITS_NONE);
    cr_assert_eq(bits_next(&plan, &word, 0), BITS_NONE);
}

Test(bits, twice_is_once) {
    struct bits_plan plan = bits_plan(5000);
    uint64_t *words = calloc(plan.words, sizeof *words);
    bits_set(&plan, words, 4321);
    bits_set(&plan, words, 4321);
    bits_clear(&plan, words, 17); /* was never set */
    cr_assert_eq(bits_first(&plan, words), 4321u);
    cr_assert_eq(bits_next(&plan, words, 4321), 4321u);
    cr_assert_eq(bits_next(&plan, words, 4322), BITS_NONE);
    cr_assert_eq(bits_next(&plan, words, UINT32_MAX), BITS_NONE);
    bits_clear(&plan, words, 4321);
    bits_clear(&plan, words, 4321);
    for (uint32_t w = 0; w < plan.words; w++) cr_assert_eq(words[w], 0u);
    free(words);
}

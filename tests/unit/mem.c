/* Arena alignment, zeroing, growth and sealing; vectors that double. */
#include "base/mem.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

Test(mem, nothing_is_still_something) {
    void *none = mem_alloc(0), *zero = mem_zero(0, 8), *grown = mem_grow(NULL, 0, 8);
    cr_assert(none && zero && grown);
    free(none);
    free(zero);
    free(grown);
    cr_assert_null(mem_text(NULL));
}

Test(mem, copies) {
    char *copy = mem_text("pool");
    char *part = mem_copy("pool", 2);
    cr_assert_str_eq(copy, "pool");
    cr_assert_eq(memcmp(part, "po", 2), 0);
    free(copy);
    free(part);
}

Test(mem, overflow_ends_the_program, .exit_code = 1, .init = cr_redirect_stderr) {
    free(mem_grow(NULL, SIZE_MAX / 4, 8));
}

Test(mem, vec_pushes_and_doubles) {
    struct {
        int *at;
        size_t len, cap;
    } v = {0};
    size_t moves = 0;
    for (int i = 0; i < 10000; i++) {
        size_t cap = v.cap;
        *vec_push(&v) = i;
        moves += v.cap != cap;
    }
    cr_assert_eq(v.len, 10000u);
    cr_assert_lt(moves, 16u);
    for (int i = 0; i < 10000; i++) cr_assert_eq(v.at[i], i);
    free(v.at);
}

Test(mem, vec_reserves_exactly_enough_or_more) {
    size_t cap = 0;
    char *at = vec_reserve(NULL, &cap, 1000, 1);
    cr_assert_geq(cap, 1000u);
    size_t same = cap;
    cr_assert_eq(vec_reserve(at, &cap, 5, 1), (void *)at);
    cr_assert_eq(cap, same);
    free(at);
}

/* Sizes from 1 byte to larger than any chunk so far: each zeroed, aligned, and apart from the others. */
Test(arena, pieces_are_zero_aligned_and_apart) {
    enum { PIECES = 3000 };
    static unsigned char *piece[PIECES];
    static size_t bytes[PIECES];
    struct arena arena;
    arena_init(&arena);
    size_t sum = 0;
    for (size_t i = 0; i < PIECES; i++) {
        bytes[i] = i % 500 == 499 ? 300000 : 1 + hash_mix(i) % 200;
        piece[i] = arena_alloc(&arena, bytes[i], 1);
        sum += bytes[i];
        cr_assert_eq((uintptr_t)piece[i] % (bytes[i] >= 64 ? 64 : 16), 0u);
        for (size_t b = 0; b < bytes[i]; b++) cr_assert_eq(piece[i][b], 0);
        memset(piece[i], (int)(i % 255) + 1, bytes[i]);
    }
    for (size_t i = 0; i < PIECES; i++) {
        unsigned char mark = (unsigned char)(i % 255 + 1);
        cr_assert(piece[i][0] == mark && piece[i][bytes[i] / 2] == mark && piece[i][bytes[i] - 1] == mark);
    }
    cr_assert_eq(arena.bytes, sum);
    cr_assert_str_eq(arena_text(&arena, "name"), "name");
    cr_assert_null(arena_text(&arena, NULL));
    arena_free(&arena);
    cr_assert_null(arena.last);
}

Test(arena, empty_allocations_are_valid) {
    struct arena arena;
    arena_init(&arena);
    cr_assert_not_null(arena_alloc(&arena, 0, 24));
    arena_free(&arena);
}

Test(arena, sealed_refuses, .signal = SIGABRT, .init = cr_redirect_stderr) {
    struct arena arena;
    arena_init(&arena);
    arena_alloc(&arena, 10, 8);
    arena_seal(&arena);
    arena_alloc(&arena, 1, 1);
}

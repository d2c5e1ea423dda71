/*
 * Memory that is there or ends the program (see mem.h).
 *
 * An arena is a list of chunks from calloc, so large arrays arrive as untouched zero pages. The k-th chunk
 * is twice the one before it, up to CHUNK_MOST; a request larger than that gets a chunk of its own size.
 * Invariant: used <= room in every chunk; a chunk's bytes past `used` are still zero.
 * Cost: O(1) an allocation, amortised; at most 63 bytes of padding each.
 */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { CHUNK_LEAST = 1 << 16, CHUNK_MOST = 1 << 26, LINE = 64 };

static size_t bytes_of(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        die("out of memory: %zu elements of %zu bytes do not fit in the address space", count, size);
    }
    return bytes ? bytes : 1;
}

static void *given(void *at, size_t bytes) {
    if (!at) die("out of memory: cannot get %zu bytes", bytes);
    return at;
}

void *mem_alloc(size_t bytes) { return given(malloc(bytes ? bytes : 1), bytes); }

void *mem_zero(size_t count, size_t size) {
    size_t bytes = bytes_of(count, size);
    return given(calloc(1, bytes), bytes);
}

void *mem_grow(void *old, size_t count, size_t size) {
    size_t bytes = bytes_of(count, size);
    return given(realloc(old, bytes), bytes);
}

void *mem_copy(const void *from, size_t bytes) {
    void *copy = mem_alloc(bytes);
    if (bytes) memcpy(copy, from, bytes);
    return copy;
}

char *mem_text(const char *text) { return text ? mem_copy(text, strlen(text) + 1) : NULL; }

void *vec_reserve(void *at, size_t *cap, size_t need, size_t size) {
    if (need <= *cap) return at;
    size_t grown = *cap ? *cap : 4;
    while (grown < need && grown <= SIZE_MAX / 2) grown *= 2;
    if (grown < need) grown = need;
    at = mem_grow(at, grown, size);
    *cap = grown;
    return at;
}

struct arena_chunk {
    struct arena_chunk *before;
    size_t room, used; /* in bytes, of what follows this header */
};

void arena_init(struct arena *arena) { *arena = (struct arena){0}; }

void arena_free(struct arena *arena) {
    for (struct arena_chunk *chunk = arena->last; chunk;) {
        struct arena_chunk *before = chunk->before;
        free(chunk);
        chunk = before;
    }
    arena_init(arena);
}

void arena_seal(struct arena *arena) { arena->sealed = true; }

static void add_chunk(struct arena *arena, size_t need) {
    size_t room = arena->last ? arena->last->room * 2 : CHUNK_LEAST;
    if (room > CHUNK_MOST) room = CHUNK_MOST;
    if (room < need) room = need;
    size_t bytes = sizeof(struct arena_chunk) + room;
    if (bytes < room) die("out of memory: cannot get %zu bytes", room);
    struct arena_chunk *chunk = mem_zero(1, bytes);
    *chunk = (struct arena_chunk){.before = arena->last, .room = room};
    arena->last = chunk;
}

/* The place of `bytes` more bytes in the chunk, NULL when they do not fit. */
static void *take(struct arena_chunk *chunk, size_t bytes, size_t align) {
    char *start = (char *)(chunk + 1) + chunk->used;
    size_t pad = -(uintptr_t)start & (align - 1);
    size_t left = chunk->room - chunk->used;
    if (left < pad || left - pad < bytes) return NULL;
    chunk->used += pad + bytes;
    return start + pad;
}

void *arena_alloc(struct arena *arena, size_t count, size_t size) {
    require(!arena->sealed);
    size_t bytes = bytes_of(count, size);
    if (bytes > SIZE_MAX - LINE) die("out of memory: cannot get %zu bytes", bytes);
    size_t align = bytes >= LINE ? LINE : 16;
    void *at = arena->last ? take(arena->last, bytes, align) : NULL;
    if (!at) {
        add_chunk(arena, bytes + LINE);
        at = take(arena->last, bytes, align);
    }
    arena->bytes += bytes;
    return at;
}

char *arena_text(struct arena *arena, const char *text) {
    if (!text) return NULL;
    size_t bytes = strlen(text) + 1;
    return memcpy(arena_alloc(arena, bytes, 1), text, bytes);
}

/*
 * Memory. Allocation failure ends the program (die), so callers have no out-of-memory branch.
 *
 * struct arena: bump allocation in growing chunks, freed whole. One arena holds a run; arena_seal
 * marks the end of set-up, after which an allocation from it is a bug (require). Pools that grow
 * with the simulated state (queues, running slots) live outside it and double: amortised O(1).
 *
 * vec_push(v): for a struct with members {T *at; size_t len, cap}, makes room for one more and
 * yields a pointer to it.
 */
#ifndef HEADROOM_BASE_MEM_H
#define HEADROOM_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t bytes);                     /* uninitialised; 0 bytes gives a valid pointer */
void *mem_zero(size_t count, size_t size);         /* zeroed */
void *mem_grow(void *old, size_t count, size_t size); /* realloc with overflow check */
void *mem_copy(const void *from, size_t bytes);
char *mem_text(const char *text);                  /* strdup; NULL gives NULL */

struct arena_chunk;
struct arena {
    struct arena_chunk *last;
    size_t bytes; /* handed out */
    bool sealed;
};
void arena_init(struct arena *arena);
void arena_free(struct arena *arena);
void arena_seal(struct arena *arena);
/* Zeroed, aligned to 64 bytes where size >= 64, else to 16. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);
char *arena_text(struct arena *arena, const char *text);

/* Doubles *at to hold at least need elements of size bytes; returns the new base. */
void *vec_reserve(void *at, size_t *cap, size_t need, size_t size);
#define vec_push(v)                                                                            \
    ((v)->at = vec_reserve((v)->at, &(v)->cap, (v)->len + 1, sizeof *(v)->at), \
     &(v)->at[(v)->len++])

#endif

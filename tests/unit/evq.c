/* The queue against a plain array searched for its least, over random operations with many ties. */
#include "base/evq.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <signal.h>
#include <stdlib.h>

#include "base/hash.h"

static uint64_t seed;
static uint64_t draw(uint64_t below) { return hash_mix(++seed) % below; }

enum { HANDLES = 3000 };

struct plain {
    evq_key at[HANDLES];
    size_t len;
};

static size_t plain_least(const struct plain *p) {
    size_t least = 0;
    for (size_t i = 1; i < p->len; i++) least = p->at[i] < p->at[least] ? i : least;
    return least;
}
static size_t plain_find(const struct plain *p, uint32_t handle) {
    size_t i = 0;
    while (i < p->len && evq_handle(p->at[i]) != handle) i++;
    return i;
}
static void plain_drop(struct plain *p, size_t i) { p->at[i] = p->at[--p->len]; }

/* Few ranks and few sequence numbers: most comparisons are decided late in the key. */
static evq_key random_key(uint32_t handle, uint64_t ranks) {
    return evq_pack(draw(ranks), (uint32_t)draw(4), handle);
}

static void check_invariant(const struct evq *q) {
    if (q->heap) cr_assert_eq((uintptr_t)&q->heap[1] % 64, 0u, "children are not on a line of their own");
    for (uint32_t i = 1; i < q->len; i++) cr_assert(q->heap[(i - 1) / 4] <= q->heap[i]);
    uint32_t present = 0;
    for (uint32_t h = 0; h < q->handles; h++) present += q->where[h] != EVQ_NOWHERE;
    if (!q->tracked) return;
    cr_assert_eq(present, q->len);
    for (uint32_t i = 0; i < q->len; i++) cr_assert_eq(q->where[evq_handle(q->heap[i])], i);
}

/* One random operation on both; `handles` bounds the population. */
static void step(struct evq *q, struct plain *p, uint32_t handles, uint64_t ranks) {
    uint32_t handle = (uint32_t)draw(handles);
    size_t found = plain_find(p, handle);
    bool present = found < p->len;
    cr_assert_eq(evq_has(q, handle), present);
    if (present) cr_assert(evq_of(q, handle) == p->at[found]);
    evq_key key = random_key(handle, ranks);
    switch (draw(6)) {
    case 0:
        if (present) return;
        evq_push(q, key);
        p->at[p->len++] = key;
        break;
    case 1:
        evq_cancel(q, handle);
        if (present) plain_drop(p, found);
        break;
    case 2:
    case 3:
        evq_move(q, key);
        p->at[present ? found : p->len++] = key;
        break;
    case 4:
        if (!p->len) return;
        found = plain_least(p);
        cr_assert(evq_pop(q) == p->at[found]);
        plain_drop(p, found);
        break;
    default:
        found = p->len ? plain_least(p) : 0;
        if (!p->len || (present && evq_handle(p->at[found]) != handle)) return;
        evq_replace_top(q, key);
        p->at[found] = key;
    }
    cr_assert_eq(q->len, p->len);
    cr_assert_eq(evq_empty(q), p->len == 0);
    if (p->len) cr_assert(evq_top(q) == p->at[plain_least(p)]);
}

static void play(uint32_t handles, uint64_t ranks, int steps) {
    static struct plain p;
    p.len = 0;
    struct evq q;
    evq_init(&q, true);
    for (int i = 0; i < steps; i++) {
        step(&q, &p, handles, ranks);
        if (i % 500 == 0) check_invariant(&q);
    }
    check_invariant(&q);
    while (p.len) {
        size_t least = plain_least(&p);
        cr_assert(evq_pop(&q) == p.at[least]);
        plain_drop(&p, least);
    }
    cr_assert(evq_empty(&q));
    evq_free(&q);
}

Test(evq, few_handles_many_ties) { play(6, 3, 20000); }
Test(evq, a_few_lines) { play(40, 10, 20000); }
Test(evq, hundreds) { play(700, 50, 20000); }
Test(evq, thousands_and_full_range) { play(HANDLES, UINT64_MAX, 12000); }

static int ascending(const void *a, const void *b) {
    evq_key x = *(const evq_key *)a, y = *(const evq_key *)b;
    return (x > y) - (x < y);
}

/* An untracked queue may hold equal handles, even equal keys. */
Test(evq, untracked_sorts) {
    enum { N = 20000 };
    evq_key *keys = malloc(N * sizeof *keys);
    struct evq q;
    evq_init(&q, false);
    for (int i = 0; i < N; i++) {
        keys[i] = random_key((uint32_t)draw(8), i % 2 ? 100 : UINT64_MAX);
        if (i == N / 2) keys[i] = evq_pack(UINT64_MAX, UINT32_MAX, UINT32_MAX); /* the greatest there is */
        evq_push(&q, keys[i]);
    }
    cr_assert_null(q.where);
    check_invariant(&q);
    qsort(keys, N, sizeof *keys, ascending);
    for (int i = 0; i < N; i++) cr_assert(evq_pop(&q) == keys[i]);
    cr_assert(evq_empty(&q));
    free(keys);
    evq_free(&q);
}

Test(evq, untracked_replaces_the_top) {
    struct evq q;
    evq_init(&q, false);
    for (uint32_t i = 0; i < 500; i++) evq_push(&q, evq_pack(draw(1000), i, i));
    uint64_t now = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        cr_assert_geq(evq_rank(evq_top(&q)), now);
        now = evq_rank(evq_top(&q));
        evq_replace_top(&q, evq_pack(now + draw(1000), i, evq_handle(evq_top(&q))));
        cr_assert_eq(q.len, 500u);
    }
    evq_free(&q);
}

Test(evq, equal_times_leave_in_order_of_sequence) {
    struct evq q;
    evq_init(&q, true);
    for (uint32_t i = 0; i < 1000; i++) evq_push(&q, evq_pack(7, i, (i * 7919) % 1000));
    for (uint32_t i = 0; i < 1000; i++) cr_assert_eq(evq_seq(evq_pop(&q)), i);
    evq_free(&q);
}

Test(evq, handles_far_apart) {
    struct evq q;
    evq_init(&q, true);
    evq_push(&q, evq_pack(2, 0, 1000000));
    evq_push(&q, evq_pack(1, 0, 0));
    cr_assert_not(evq_has(&q, 999999));
    cr_assert_not(evq_has(&q, UINT32_MAX));
    evq_cancel(&q, 123456789);
    cr_assert_eq(evq_handle(evq_pop(&q)), 0u);
    cr_assert_eq(evq_handle(evq_pop(&q)), 1000000u);
    evq_free(&q);
}

Test(evq, pushing_twice_is_a_bug, .signal = SIGABRT, .init = cr_redirect_stderr) {
    struct evq q;
    evq_init(&q, true);
    evq_push(&q, evq_pack(1, 0, 5));
    evq_push(&q, evq_pack(2, 0, 5));
}

Test(evq, popping_nothing_is_a_bug, .signal = SIGABRT, .init = cr_redirect_stderr) {
    struct evq q;
    evq_init(&q, false);
    evq_pop(&q);
}

/* A loop that takes the top and pushes some successors, or none, sees the same keys as one that pops. */
Test(evq, taking_is_popping) {
    for (int tracked = 0; tracked < 2; tracked++) {
        struct evq taken, popped;
        evq_init(&taken, tracked);
        evq_init(&popped, tracked);
        uint64_t state = 1;
        uint32_t handle = 0;
        for (; handle < 50; handle++) {
            evq_push(&taken, evq_pack(handle % 7, handle, handle));
            evq_push(&popped, evq_pack(handle % 7, handle, handle));
        }
        for (int step = 0; !evq_empty(&popped); step++) {
            const evq_key key = evq_pop(&popped);
            cr_assert(evq_peek(&taken) == key, "step %d", step);
            cr_assert(evq_take(&taken) == key, "step %d", step);
            if (!evq_empty(&popped)) cr_assert(evq_peek(&taken) == evq_top(&popped), "step %d", step);
            cr_assert_eq(evq_empty(&taken), evq_empty(&popped));
            state = state * 6364136223846793005u + 1442695040888963407u;
            for (uint64_t i = step < 5000 ? state >> 62 : 0; i > 1; i--, handle++) {
                const evq_key next = evq_pack(evq_rank(key) + (state >> 50) % 9, handle, handle);
                evq_push(&taken, next);
                evq_push(&popped, next);
            }
            if (tracked && step % 5 == 0) {
                evq_cancel(&taken, handle - 1);
                evq_cancel(&popped, handle - 1);
            }
        }
        cr_assert(evq_empty(&taken));
        evq_free(&taken);
        evq_free(&popped);
    }
}

/* The prefix cache against a list that is searched from one end to the other. */
#include "core/prefix.h"

#include "base/rng.h"

#include <criterion/criterion.h>

struct entry {
    uint64_t hash;
    uint32_t holders;
    uint64_t idle_since;
};
struct list {
    struct entry at[64];
    uint32_t len;
    uint64_t clock;
};

static struct entry *seek(struct list *list, uint64_t hash) {
    for (uint32_t i = 0; i < list->len; i++)
        if (list->at[i].hash == hash) return &list->at[i];
    return NULL;
}
static uint32_t idle(const struct list *list) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < list->len; i++) n += !list->at[i].holders;
    return n;
}
static void evict(struct list *list) {
    struct entry *oldest = NULL;
    for (uint32_t i = 0; i < list->len; i++)
        if (!list->at[i].holders && (!oldest || list->at[i].idle_since < oldest->idle_since)) oldest = &list->at[i];
    *oldest = list->at[--list->len];
}

static void hold(struct prefix *prefix, struct list *list, uint64_t hash) {
    struct entry *entry = seek(list, hash);
    const enum prefix_was was = !entry ? PREFIX_ABSENT : entry->holders ? PREFIX_HELD : PREFIX_IDLE;
    cr_assert_eq(prefix_hold(prefix, hash), was);
    if (!entry) {
        entry = &list->at[list->len++];
        *entry = (struct entry){.hash = hash};
    }
    entry->holders++;
}

static void expect_same(const struct prefix *prefix, struct list *list, uint64_t hash) {
    uint32_t held;
    const struct entry *entry = seek(list, hash);
    cr_assert_eq(prefix_find(prefix, &hash, 1, &held), entry != NULL);
    cr_assert_eq(held, entry && entry->holders);
    cr_assert_eq(prefix->idle, idle(list));
}

Test(prefix, against_a_list) {
    for (uint64_t seed = 0; seed < 30; seed++) {
        enum { MOST = 13, HASHES = 30 };
        struct rng *rng = rng_open(seed, "prefix", 0);
        struct prefix prefix;
        struct list list = {.clock = 1};
        prefix_init(&prefix, MOST);
        for (int i = 0; i < 3000; i++) {
            const uint64_t hash = rng_below(rng, HASHES) << 60 | rng_below(rng, 2);
            struct entry *entry = seek(&list, hash);
            if (rng_below(rng, 2) && entry && entry->holders) {
                entry->holders--;
                if (!entry->holders) entry->idle_since = list.clock++;
                cr_assert_eq(prefix_release(&prefix, hash), entry->holders == 0);
            } else if (entry || list.len < MOST) {
                hold(&prefix, &list, hash);
            } else if (idle(&list)) {
                evict(&list);
                prefix_evict(&prefix);
            }
            expect_same(&prefix, &list, hash);
            expect_same(&prefix, &list, rng_below(rng, HASHES) << 60);
        }
        prefix_free(&prefix);
        rng_close(rng);
    }
}

Test(prefix, found_up_to_the_first_that_is_missing) {
    struct prefix prefix;
    uint32_t held;
    prefix_init(&prefix, 4);
    prefix_hold(&prefix, 1);
    prefix_hold(&prefix, 2);
    prefix_hold(&prefix, 4);
    cr_expect(prefix_release(&prefix, 2));
    cr_expect_eq(prefix_find(&prefix, (uint64_t[]){1, 2, 3, 4}, 4, &held), 2);
    cr_expect_eq(held, 1);
    prefix_free(&prefix);
}

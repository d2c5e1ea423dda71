/* The treap against a sorted array: order, both searches, aggregates, several trees in one forest. */
#include "base/tree.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <signal.h>
#include <string.h>

#include "base/hash.h"

static uint64_t seed;
static uint64_t draw(uint64_t below) { return hash_mix(++seed) % below; }

enum { IDS = 600, TREES = 3 };

struct entry {
    uint64_t key;
    uint32_t id;
    int64_t value;
};
struct plain {
    struct entry at[IDS];
    size_t len;
};

static void plain_insert(struct plain *p, struct entry e) {
    size_t i = p->len++;
    for (; i && (p->at[i - 1].key > e.key || (p->at[i - 1].key == e.key && p->at[i - 1].id > e.id)); i--) {
        p->at[i] = p->at[i - 1];
    }
    p->at[i] = e;
}
static struct entry plain_remove(struct plain *p, size_t i) {
    struct entry e = p->at[i];
    memmove(&p->at[i], &p->at[i + 1], (--p->len - i) * sizeof e);
    return e;
}

static void check_order(const struct forest *f, uint32_t root, const struct plain *p) {
    uint32_t id = tree_first(f, root);
    for (size_t i = 0; i < p->len; i++) {
        cr_assert_eq(id, p->at[i].id);
        id = tree_after(f, root, p->at[i].key, id);
    }
    cr_assert_eq(id, TREE_NONE);
}

static void check_searches(const struct forest *f, uint32_t root, const struct plain *p, int64_t value_most) {
    int64_t limit = (int64_t)draw((uint64_t)value_most + 2) - 1, sum = 0, got_sum = -1;
    uint32_t at_most = TREE_NONE, reach = TREE_NONE;
    for (size_t i = 0; i < p->len && at_most == TREE_NONE; i++) {
        if (p->at[i].value <= limit) at_most = p->at[i].id;
    }
    cr_assert_eq(tree_first_at_most(f, root, limit), at_most);
    int64_t whole = 0;
    for (size_t i = 0; i < p->len; i++) whole += p->at[i].value;
    int64_t goal = (int64_t)draw((uint64_t)whole + 3);
    for (size_t i = 0; i < p->len && reach == TREE_NONE; i++) {
        sum += p->at[i].value;
        if (sum >= goal) reach = p->at[i].id;
    }
    cr_assert_eq(tree_reach(f, root, goal, &got_sum), reach);
    cr_assert_eq(got_sum, sum);
}

/* The depth, after checking the heap order and the aggregates of every node. */
static int check_shape(const struct forest *f, uint32_t id) {
    if (id == TREE_NONE) return 0;
    const struct tree_node *node = &f->at[id];
    int64_t sum = node->value, least = node->value;
    uint32_t children[] = {node->left, node->right};
    int deepest = 0;
    for (int c = 0; c < 2; c++) {
        if (children[c] == TREE_NONE) continue;
        cr_assert_lt(hash_mix(children[c]), hash_mix(id));
        int depth = check_shape(f, children[c]);
        deepest = depth > deepest ? depth : deepest;
        sum += f->at[children[c]].sum;
        if (f->at[children[c]].least < least) least = f->at[children[c]].least;
    }
    cr_assert_eq(node->sum, sum);
    cr_assert_eq(node->least, least);
    return deepest + 1;
}

static void play(uint64_t keys, int64_t value_most, int steps) {
    struct forest forest;
    static struct plain plain[TREES];
    uint32_t root[TREES] = {TREE_NONE, TREE_NONE, TREE_NONE};
    static bool used[IDS];
    memset(used, 0, sizeof used);
    for (int t = 0; t < TREES; t++) plain[t].len = 0;
    forest_init(&forest);
    for (int s = 0; s < steps; s++) {
        size_t t = draw(TREES);
        uint32_t id = (uint32_t)draw(IDS);
        if (!used[id]) {
            struct entry e = {draw(keys), id, (int64_t)draw((uint64_t)value_most + 1)};
            tree_insert(&forest, &root[t], e.key, e.id, e.value);
            plain_insert(&plain[t], e);
            used[id] = true;
        } else if (plain[t].len) {
            struct entry e = plain_remove(&plain[t], draw(plain[t].len));
            tree_remove(&forest, &root[t], e.key, e.id);
            used[e.id] = false;
        }
        check_searches(&forest, root[t], &plain[t], value_most);
        if (s % 100 == 0) {
            check_order(&forest, root[t], &plain[t]);
            check_shape(&forest, root[t]);
        }
    }
    for (size_t t = 0; t < TREES; t++) {
        check_order(&forest, root[t], &plain[t]);
        while (plain[t].len) {
            struct entry e = plain_remove(&plain[t], 0);
            cr_assert_eq(tree_first(&forest, root[t]), e.id);
            tree_remove(&forest, &root[t], e.key, e.id);
        }
        cr_assert_eq(root[t], TREE_NONE);
    }
    forest_free(&forest);
}

Test(tree, distinct_keys) { play(UINT64_MAX, 1000, 15000); }
Test(tree, many_equal_keys) { play(5, 1000, 15000); }
Test(tree, one_key_and_many_zeros) { play(1, 1, 15000); }

Test(tree, nothing) {
    struct forest forest;
    forest_init(&forest);
    int64_t sum = 5;
    cr_assert_eq(tree_first(&forest, TREE_NONE), TREE_NONE);
    cr_assert_eq(tree_after(&forest, TREE_NONE, 3, 3), TREE_NONE);
    cr_assert_eq(tree_first_at_most(&forest, TREE_NONE, INT64_MAX), TREE_NONE);
    cr_assert_eq(tree_reach(&forest, TREE_NONE, 0, &sum), TREE_NONE);
    cr_assert_eq(sum, 0);
    forest_free(&forest);
}

/* Keys and ids in rising order, the worst for an unbalanced tree. */
Test(tree, stays_shallow) {
    enum { N = 100000 };
    struct forest forest;
    forest_init(&forest);
    uint32_t root = TREE_NONE;
    for (uint32_t i = 0; i < N; i++) tree_insert(&forest, &root, i, i, 1);
    cr_assert_lt(check_shape(&forest, root), 60); /* 2 ln n = 23 on average, twice that at most */
    int64_t sum;
    cr_assert_eq(tree_reach(&forest, root, 77777, &sum), 77776u);
    cr_assert_eq(sum, 77777);
    forest_free(&forest);
}

/* The shape follows from the content, whatever happened on the way. */
Test(tree, the_same_content_has_the_same_shape) {
    struct forest a, b;
    forest_init(&a);
    forest_init(&b);
    uint32_t root_a = TREE_NONE, root_b = TREE_NONE;
    for (uint32_t i = 0; i < 100; i++) tree_insert(&a, &root_a, i % 10, i, i);
    for (uint32_t i = 100; i-- > 0;) tree_insert(&b, &root_b, i % 10, i, i);
    tree_insert(&b, &root_b, 4, 100, 0);
    tree_remove(&b, &root_b, 4, 100);
    cr_assert_eq(root_a, root_b);
    for (uint32_t i = 0; i < 100; i++) {
        cr_assert(a.at[i].left == b.at[i].left && a.at[i].right == b.at[i].right);
        cr_assert_eq(a.at[i].sum, b.at[i].sum);
    }
    forest_free(&a);
    forest_free(&b);
}

Test(tree, sums_saturate) {
    struct forest forest;
    forest_init(&forest);
    uint32_t root = TREE_NONE;
    for (uint32_t i = 0; i < 9; i++) tree_insert(&forest, &root, i, i, INT64_MAX / 2);
    int64_t sum;
    cr_assert_eq(tree_reach(&forest, root, INT64_MAX, &sum), 2u);
    cr_assert_eq(sum, INT64_MAX);
    cr_assert_eq(tree_first_at_most(&forest, root, INT64_MAX / 2), 0u);
    forest_free(&forest);
}

Test(tree, removing_what_is_not_there_is_a_bug, .signal = SIGABRT, .init = cr_redirect_stderr) {
    struct forest forest;
    forest_init(&forest);
    uint32_t root = TREE_NONE;
    tree_insert(&forest, &root, 1, 1, 1);
    tree_remove(&forest, &root, 2, 2);
}

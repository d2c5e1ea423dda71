/* Growing text, and the suggestions of nearest names. */
#include "base/text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(text, grows_and_stays_terminated) {
    struct text text;
    text_init(&text);
    for (int i = 0; i < 1000; i++) {
        text_format(&text, "%d,", i);
        cr_assert_eq(text.at[text.len], '\0');
    }
    cr_assert_eq(text.len, 10u * 2 + 90 * 3 + 900 * 4);
    cr_assert_eq(strncmp(text.at, "0,1,2,3,", 8), 0);
    cr_assert_str_eq(text.at + text.len - 8, "998,999,");
    text_clear(&text);
    cr_assert_str_eq(text.at, "");
    text_add(&text, "abc", 2);
    text_put(&text, "-z");
    cr_assert_str_eq(text.at, "ab-z");
    text_free(&text);
    cr_assert_null(text.at);
}

Test(text, taken_text_is_owned) {
    struct text text;
    text_init(&text);
    char *empty = text_take(&text);
    cr_assert_str_eq(empty, "");
    text_put(&text, "whole");
    char *whole = text_take(&text);
    cr_assert_str_eq(whole, "whole");
    cr_assert(text.at == NULL && text.len == 0);
    free(empty);
    free(whole);
}

static const char *const orders[] = {"fifo", "sjf", "srtf", "las", "fair_share", "consolidate", "edf"};
static const char *nearest(const char *wanted) {
    return text_nearest(wanted, orders, sizeof orders / sizeof orders[0]);
}

Test(text, nearest_finds_slips) {
    cr_assert_str_eq(nearest("fifo"), "fifo");
    cr_assert_str_eq(nearest("fio"), "fifo");         /* left out */
    cr_assert_str_eq(nearest("fiffo"), "fifo");       /* one too many */
    cr_assert_str_eq(nearest("fito"), "fifo");        /* another letter */
    cr_assert_str_eq(nearest("fiof"), "fifo");        /* swapped */
    cr_assert_str_eq(nearest("srft"), "srtf");
    cr_assert_str_eq(nearest("fairshare"), "fair_share");
    cr_assert_str_eq(nearest("consoldiaet"), "consolidate"); /* two swaps in 11 letters */
}

Test(text, nearest_keeps_its_distance) {
    cr_assert_null(nearest("lottery"));
    cr_assert_null(nearest("fxyo"));
    cr_assert_null(nearest("ifof")); /* two swaps are two slips */
    cr_assert_null(nearest(""));
    cr_assert_null(text_nearest("fifo", orders, 0));
}

Test(text, nearest_prefers_the_nearer_then_the_first) {
    const char *const names[] = {"gpus_per_node", "gpu_node", "gpus_a_node", "gpus_b_node"};
    cr_assert_str_eq(text_nearest("gpus_c_node", names, 4), "gpus_a_node");
    cr_assert_str_eq(text_nearest("gpus_per_nod", names, 4), "gpus_per_node");
}

Test(text, a_swap_costs_one_but_cannot_be_edited_again) {
    const char *const names[] = {"abc"};
    cr_assert_null(text_nearest("ca", names, 1)); /* 3 by optimal string alignment */
    cr_assert_str_eq(text_nearest("acb", names, 1), "abc");
}

Test(text, copy_cuts) {
    char small[5];
    cr_assert(text_copy(small, sizeof small, "four"));
    cr_assert_str_eq(small, "four");
    cr_assert_not(text_copy(small, sizeof small, "fives"));
    cr_assert_str_eq(small, "five");
    cr_assert(text_copy(small, 1, ""));
    cr_assert_not(text_copy(small, 1, "x"));
    cr_assert_str_eq(small, "");
}

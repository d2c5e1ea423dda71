/*
 * Growing text and the nearest name (see text.h).
 *
 * The distance is the optimal string alignment distance: insertions, deletions, substitutions and swaps of
 * neighbours each cost one (Damerau 1964; recurrence of Wagner & Fischer 1974 with one more case), computed
 * in three rows. Cost: O(length * length) a name.
 */
#include "base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

void text_init(struct text *text) { *text = (struct text){0}; }

void text_free(struct text *text) {
    free(text->at);
    text_init(text);
}

void text_clear(struct text *text) {
    text->len = 0;
    if (text->at) text->at[0] = '\0';
}

void text_add(struct text *text, const char *bytes, size_t len) {
    text->at = vec_reserve(text->at, &text->cap, text->len + len + 1, 1);
    if (len) memcpy(text->at + text->len, bytes, len);
    text->len += len;
    text->at[text->len] = '\0';
}

void text_put(struct text *text, const char *string) { text_add(text, string, strlen(string)); }

void text_format_list(struct text *text, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    require(len >= 0);
    size_t room = (size_t)len + 1;
    text->at = vec_reserve(text->at, &text->cap, text->len + room, 1);
    vsnprintf(text->at + text->len, room, format, again);
    va_end(again);
    text->len += (size_t)len;
}

void text_format(struct text *text, const char *format, ...) {
    va_list args;
    va_start(args, format);
    text_format_list(text, format, args);
    va_end(args);
}

char *text_take(struct text *text) {
    char *bytes = text->at ? text->at : mem_text("");
    text_init(text);
    return bytes;
}

static size_t least3(size_t a, size_t b, size_t c) {
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* rows: 3 * (length of b + 1) numbers of scratch. Row i holds the distances of a's first i bytes to
 * every prefix of b; a swap looks two rows back. */
static size_t distance(const char *a, const char *b, size_t *rows) {
    size_t a_len = strlen(a), b_len = strlen(b);
    size_t *before = rows, *last = rows + (b_len + 1), *now = rows + 2 * (b_len + 1);
    for (size_t j = 0; j <= b_len; j++) last[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t cost = a[i - 1] != b[j - 1];
            now[j] = least3(last[j] + 1, now[j - 1] + 1, last[j - 1] + cost);
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && before[j - 2] + 1 < now[j]) now[j] = before[j - 2] + 1;
        }
        size_t *oldest = before;
        before = last;
        last = now;
        now = oldest;
    }
    return last[b_len];
}

const char *text_nearest(const char *wanted, const char *const *names, size_t count) {
    size_t wanted_len = strlen(wanted);
    size_t near = wanted_len / 3 > 1 ? wanted_len / 3 : 1;
    size_t *rows = mem_zero(3 * (wanted_len + 1), sizeof *rows);
    const char *best = NULL;
    size_t best_distance = near + 1;
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(names[i]);
        size_t gap = len > wanted_len ? len - wanted_len : wanted_len - len;
        if (gap >= best_distance) continue; /* the distance is at least the difference in length */
        size_t apart = distance(names[i], wanted, rows);
        if (apart < best_distance) {
            best = names[i];
            best_distance = apart;
        }
    }
    free(rows);
    return best;
}

bool text_copy(char *to, size_t size, const char *from) {
    require(size > 0);
    size_t len = strlen(from);
    bool whole = len < size;
    if (!whole) len = size - 1;
    memcpy(to, from, len);
    to[len] = '\0';
    return whole;
}

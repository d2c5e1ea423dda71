/*
 * Text: a growing byte string, and the nearest-name search behind "did you mean".
 * Invariant of struct text: at[len] == '\0' once anything was added; at may be NULL while empty.
 */
#ifndef HEADROOM_BASE_TEXT_H
#define HEADROOM_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct text {
    char *at;
    size_t len, cap;
};
void text_init(struct text *text);
void text_free(struct text *text);
void text_clear(struct text *text); /* keeps the memory */
void text_add(struct text *text, const char *bytes, size_t len);
void text_put(struct text *text, const char *string);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_format_list(struct text *text, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/* Hands the bytes to the caller (free with free()) and empties text; never NULL. */
char *text_take(struct text *text);

/* The name nearest to `wanted` by edit distance with transpositions, or NULL when none is near
 * (distance above max(1, length/3)). names: `count` strings. */
const char *text_nearest(const char *wanted, const char *const *names, size_t count);

/* Copies at most size-1 bytes and terminates; returns false when it had to cut. */
bool text_copy(char *to, size_t size, const char *from);

#endif

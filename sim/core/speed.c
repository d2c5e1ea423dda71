/*
 * Names of chips in one text, separated by semicolons with blanks around them allowed: "V100; P100; K80".
 * Parameters have no lists of names, and a table with a row a chip needs one.
 * Cost: one walk over the text.
 */
#include "core/seams.h"

#include <string.h>

/* The next name of *list and its length without blanks; *list goes behind its semicolon, to NULL after the
 * last. */
static const char *next_name(const char **list, size_t *len) {
    const char *from = *list + strspn(*list, " ");
    const size_t all = strcspn(from, ";");
    *len = all;
    while (*len > 0 && from[*len - 1] == ' ') --*len;
    *list = from[all] ? from + all + 1 : NULL;
    return from;
}

size_t speed_chips(const char *names) {
    size_t count = 0, len;
    for (const char *at = names; at; count++) next_name(&at, &len);
    return count ? count : 1;
}

size_t speed_chip(const char *names, const char *chip) {
    if (!names || !*names) return 0;
    const size_t wanted = strlen(chip);
    size_t i = 0, len;
    for (const char *at = names; at; i++) {
        const char *name = next_name(&at, &len);
        if (len == wanted && memcmp(name, chip, len) == 0) return i;
    }
    return SIZE_MAX;
}

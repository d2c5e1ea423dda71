/* Where the catalogue's figures that a scenario uses come from. */
#ifndef HEADROOM_IO_SOURCES_H
#define HEADROOM_IO_SOURCES_H

#include "base/mem.h"

#include <stddef.h>

struct source {
    const char *kind, *name; /* "node type", "dgx-a100" */
    const char *source;      /* in words */
    const char *estimates;   /* columns that are estimates, parted by semicolons; "" */
};
struct sources {
    struct source *at; /* free() */
    size_t len, cap;
};
/* Adds the rows of the catalogue whose name the text (a scenario, names of GPUs) mentions, in the catalogue's order.
 * Texts go to the arena. Nothing where there is no catalogue. */
void sources_find(struct sources *found, const char *text, struct arena *arena);

#endif

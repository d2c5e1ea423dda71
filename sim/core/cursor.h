/* A step function read forwards in time: each step is visited once, so following a series costs one step a
 * change however long it is, and nothing between changes. */
#ifndef HEADROOM_CORE_CURSOR_H
#define HEADROOM_CORE_CURSOR_H

#include "core/setup.h"

#include <stdint.h>

struct cursor {
    const struct steps *steps;
    size_t i;
    int64_t shift_ns;  /* whole periods passed */
    int64_t next_ns;   /* when the value changes next; TICK_NEVER */
    double value;
};

/* Positions at time 0. steps must outlive the cursor and hold at least one step. */
void cursor_open(struct cursor *cursor, const struct steps *steps);
/* Goes on to next_ns; not to be called when that is TICK_NEVER. */
void cursor_step(struct cursor *cursor);

#endif

/*
 * Reading a step function forwards, see cursor.h. Opening bisects for the step that holds at time 0; a
 * periodic function whose first step lies before it is shifted by whole periods until its last such period
 * begins at or before 0. Cost: O(log n) to open, O(1) a step.
 */
#include "core/cursor.h"

#include "base/err.h"
#include "base/tick.h"

static void look_ahead(struct cursor *c) {
    const struct steps *s = c->steps;
    c->value = s->value[c->i];
    if (c->i + 1 < s->len) c->next_ns = s->at_ns[c->i + 1] + c->shift_ns;
    else if (s->period_ns > 0) c->next_ns = s->at_ns[0] + s->period_ns + c->shift_ns;
    else c->next_ns = TICK_NEVER;
}

void cursor_step(struct cursor *c) {
    if (++c->i == c->steps->len) {
        c->i = 0;
        c->shift_ns += c->steps->period_ns;
    }
    look_ahead(c);
}

void cursor_open(struct cursor *c, const struct steps *steps) {
    *c = (struct cursor){.steps = steps};
    require(steps->len >= 1);
    if (steps->period_ns > 0 && steps->at_ns[0] < 0)
        c->shift_ns = -steps->at_ns[0] / steps->period_ns * steps->period_ns;
    size_t low = 0, high = steps->len; /* last step at or before 0 */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (steps->at_ns[middle] + c->shift_ns <= 0) low = middle;
        else high = middle;
    }
    c->i = low;
    look_ahead(c);
}

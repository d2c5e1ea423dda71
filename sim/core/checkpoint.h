/*
 * Checkpoints as arithmetic: a job works for `every`, writes for `write`, works on. No events: what was done, and
 * what of it is safe, follows from the time since work began.
 */
#ifndef HEADROOM_CORE_CHECKPOINT_H
#define HEADROOM_CORE_CHECKPOINT_H

#include "core/setup.h"

#include <stdint.h>

struct cycle {
    int64_t every_ns; /* work between writes; TICK_NEVER: no checkpoints */
    int64_t write_ns;
};

/* The interval for a job that fails at this rate (its nodes' together; per ns): fixed, or Young 1974
 * sqrt(2 write M), or Daly 2006 equation 37 (M = 1 / rate); TICK_NEVER when it never fails or none are made. */
struct cycle checkpoint_cycle(const struct checkpoint_setup *checkpoint, double failures_per_ns);
/* Wall time to do `work_ns` from a fresh start: a write after every full interval but the last. */
int64_t cycle_wall_ns(const struct cycle *cycle, int64_t work_ns);
/* Work done, and work safe in a written checkpoint, after `wall_ns` since work began. */
int64_t cycle_done_ns(const struct cycle *cycle, int64_t wall_ns);
int64_t cycle_safe_ns(const struct cycle *cycle, int64_t wall_ns);

#endif

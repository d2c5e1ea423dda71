/*
 * Checkpoint arithmetic, see checkpoint.h: a job's life is periods of `every` at work and `write` spent writing,
 * so work done and work safe are a division away from the time gone by. What is being written is not yet safe.
 *
 * Intervals: Young, A first order approximation to the optimum checkpoint interval, CACM 17(9), 1974; Daly, A higher
 * order estimate of the optimum checkpoint interval for restart dumps, FGCS 22(3), 2006, equation 37 (M where a
 * write takes 2 M or more).
 * Cost: O(1).
 */
#include "core/checkpoint.h"

#include "base/err.h"
#include "base/tick.h"

#include <math.h>

static double young_ns(double write, double mean) { return sqrt(2 * write * mean); }

static double daly_ns(double write, double mean) {
    if (write >= 2 * mean) return mean;
    const double part = sqrt(write / (2 * mean));
    return young_ns(write, mean) * (1 + part / 3 + part * part / 9) - write;
}

/* At least a nanosecond; what cannot fail within centuries needs no checkpoints. */
static int64_t interval_ns(double ns) {
    if (!(ns < (double)TICK_NEVER)) return TICK_NEVER;
    return ns < 1 ? 1 : (int64_t)ns;
}

struct cycle checkpoint_cycle(const struct checkpoint_setup *c, double failures_per_ns) {
    struct cycle cycle = {.every_ns = TICK_NEVER, .write_ns = c->write_ns};
    const bool fails = failures_per_ns > 0;
    const double write = (double)c->write_ns, mean = 1 / failures_per_ns;
    if (c->kind == CHECKPOINT_FIXED) cycle.every_ns = c->every_ns;
    if (c->kind == CHECKPOINT_YOUNG && fails) cycle.every_ns = interval_ns(young_ns(write, mean));
    if (c->kind == CHECKPOINT_DALY && fails) cycle.every_ns = interval_ns(daly_ns(write, mean));
    require(cycle.every_ns > 0 && cycle.write_ns >= 0);
    return cycle;
}

int64_t cycle_wall_ns(const struct cycle *c, int64_t work_ns) {
    if (work_ns <= c->every_ns) return work_ns;
    return work_ns + (work_ns - 1) / c->every_ns * c->write_ns;
}

int64_t cycle_done_ns(const struct cycle *c, int64_t wall_ns) {
    if (wall_ns <= c->every_ns) return wall_ns;
    const int64_t period = c->every_ns + c->write_ns, rest = wall_ns % period;
    return wall_ns / period * c->every_ns + (rest < c->every_ns ? rest : c->every_ns);
}

int64_t cycle_safe_ns(const struct cycle *c, int64_t wall_ns) {
    return wall_ns / (c->every_ns + c->write_ns) * c->every_ns;
}

/* Checkpoint arithmetic against a clock that ticks through work and writes, and the published intervals. */
#include "core/checkpoint.h"

#include "base/tick.h"

#include <criterion/criterion.h>
#include <math.h>

/* A job that works and writes one ns at a time. */
struct clock {
    int64_t done, safe, written;
};
static struct clock tick_through(const struct cycle *c, int64_t wall) {
    struct clock at = {0};
    for (int64_t t = 0; t < wall; t++) {
        if (at.done - at.safe < c->every_ns) at.done++;
        else at.written++;
        if (at.done - at.safe == c->every_ns && at.written == c->write_ns) {
            at.safe = at.done;
            at.written = 0;
        }
    }
    return at;
}

Test(checkpoint, cycles_are_what_a_clock_says) {
    for (int64_t every = 1; every <= 7; every++)
        for (int64_t write = 0; write <= 5; write++)
            for (int64_t wall = 0; wall <= 60; wall++) {
                const struct cycle c = {every, write};
                const struct clock at = tick_through(&c, wall);
                cr_assert_eq(cycle_done_ns(&c, wall), at.done, "every %d, write %d, wall %d", (int)every, (int)write,
                             (int)wall);
                cr_assert_eq(cycle_safe_ns(&c, wall), at.safe, "every %d, write %d, wall %d", (int)every, (int)write,
                             (int)wall);
            }
}

Test(checkpoint, work_ends_without_a_last_write) {
    for (int64_t every = 1; every <= 7; every++)
        for (int64_t write = 0; write <= 5; write++)
            for (int64_t work = 1; work <= 60; work++) {
                const struct cycle c = {every, write};
                const int64_t wall = cycle_wall_ns(&c, work);
                cr_assert_eq(cycle_done_ns(&c, wall), work);
                cr_assert_eq(cycle_done_ns(&c, wall - 1), work - 1); /* it ends at work, not at writing */
            }
    cr_expect_eq(cycle_wall_ns(&(struct cycle){3, 1}, 0), 0);
}

Test(checkpoint, none_are_ever_written) {
    const struct cycle c = {TICK_NEVER, 30 * TICK_S};
    cr_expect_eq(cycle_wall_ns(&c, 400 * TICK_DAY), 400 * TICK_DAY);
    cr_expect_eq(cycle_done_ns(&c, 400 * TICK_DAY), 400 * TICK_DAY);
    cr_expect_eq(cycle_safe_ns(&c, 400 * TICK_DAY), 0);
}

static double interval_s(int kind, double write_s, double mean_s) {
    struct checkpoint_setup c = {.write_ns = tick_from_seconds(write_s)};
    c.kind = kind;
    return tick_seconds(checkpoint_cycle(&c, 1 / (mean_s * 1e9)).every_ns);
}

/* The interval that wastes least when failures come at random: every period of work t and write d costs
 * exp((t + d) / M) - 1 in units of M; its minimum over t by golden section. */
static double best_s(double write_s, double mean_s) {
    double low = 1e-6 * mean_s, high = 3 * mean_s;
    for (int i = 0; i < 200; i++) {
        const double a = high - (high - low) / 1.618033988749895, b = low + (high - low) / 1.618033988749895;
        if (expm1((a + write_s) / mean_s) / a < expm1((b + write_s) / mean_s) / b) high = b;
        else low = a;
    }
    return (low + high) / 2;
}

Test(checkpoint, intervals_are_the_published_ones) {
    cr_expect_float_eq(interval_s(CHECKPOINT_YOUNG, 30, 86400), 2276.8399153212333, 1e-6);
    cr_expect_float_eq(interval_s(CHECKPOINT_DALY, 400, 100), 100, 1e-6); /* a write longer than 2 M */
    cr_expect_float_eq(interval_s(CHECKPOINT_DALY, 200, 100), 100, 1e-6);
    /* Daly's order of error: his interval stays within a hundredth of the best where a write takes up to half of
     * the time between failures; Young's is right in the limit of short writes only. */
    for (double share = 1e-6; share <= 0.5; share *= 3) {
        const double mean = 1e6, write = share * mean, best = best_s(write, mean);
        cr_expect(fabs(interval_s(CHECKPOINT_DALY, write, mean) / best - 1) < 0.01, "write %g M: %g, best %g", share,
                  interval_s(CHECKPOINT_DALY, write, mean), best);
        if (share < 1e-5)
            cr_expect(fabs(interval_s(CHECKPOINT_YOUNG, write, mean) / best - 1) < 2e-3, "write %g M", share);
    }
}

Test(checkpoint, intervals_at_their_ends) {
    struct checkpoint_setup c = {.every_ns = 5, .write_ns = 3};
    cr_expect_eq(checkpoint_cycle(&c, 1).every_ns, TICK_NEVER); /* none */
    c.kind = CHECKPOINT_FIXED;
    cr_expect_eq(checkpoint_cycle(&c, 0).every_ns, 5); /* asked for, whether it fails or not */
    cr_expect_eq(checkpoint_cycle(&c, 1).write_ns, 3);
    c.kind = CHECKPOINT_YOUNG;
    cr_expect_eq(checkpoint_cycle(&c, 0).every_ns, TICK_NEVER);
    cr_expect_eq(checkpoint_cycle(&c, 1e-300).every_ns, TICK_NEVER);
    c.kind = CHECKPOINT_DALY;
    cr_expect_eq(checkpoint_cycle(&c, 0).every_ns, TICK_NEVER);
    c.write_ns = 0; /* free: as often as there is time */
    cr_expect_eq(checkpoint_cycle(&c, 1e-9).every_ns, 1);
}

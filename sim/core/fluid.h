/*
 * Items in a network of stages as a fluid: every stage takes items at a rate, and between two stages there is a buffer
 * with so much room. An item goes through every stage once: where several follow one (a fork) each gets it, and where
 * one follows several (a join) it takes the item when all of them are done with it.
 *
 * A stage is as fast as its workers are, but never faster than a source or a stage before it whose buffer is empty, nor
 * than a stage after it whose buffer is full. The largest rates that obey all of that are unique: a stage goes at the
 * least capacity among those it waits for, directly or through others. They hold until a buffer fills or empties or the
 * source runs dry, which is known in closed form; so a pipeline is as many steps as such moments, however many items go
 * through it. What the fluid leaves out are the items inside workers: the time they spend in service, and that a
 * blocked worker keeps a batch. A finite run ends earlier or later than batch by batch by at most what is in flight:
 * the service times of the longest path, and a round of each stage (tests/oracle/flow.c).
 *
 * Invariant: of each edge, 0 <= done[from] - done[to] <= room; of each stage without one before it, done <= offered.
 * Cost: O(stages x edges) a change at worst, O(stages + edges) as a rule.
 */
#ifndef HEADROOM_CORE_FLUID_H
#define HEADROOM_CORE_FLUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fluid_edge {
    uint32_t from, to;
    double room;              /* items; > 0 */
};
enum fluid_wait { FLUID_WORKS, FLUID_STARVED, FLUID_BLOCKED }; /* what keeps a stage from its capacity */
struct fluid_stage {
    bool first;               /* fed by the source alone */
    double capacity;          /* items/s its workers could do now */
    double rate;              /* items/s it does, after fluid_solve */
    double done;              /* items so far */
    enum fluid_wait wait;     /* where rate < capacity: for what */
};
struct fluid {
    struct fluid_stage *stages;
    struct fluid_edge *edges; /* acyclic; the caller's arrays */
    size_t stages_len, edges_len;
    double offered, offer_rate; /* by the source: items so far, and items/s now */
};

/* Sets the rates that hold from now on. */
void fluid_solve(struct fluid *fluid);
/* So many seconds at these rates go by, no more than fluid_next_s says (but for rounding it up to a tick). */
void fluid_advance(struct fluid *fluid, double s);
/* Until the rates change by themselves; INFINITY: never. */
double fluid_next_s(const struct fluid *fluid);
/* Items waiting before a stage: the least of its inputs, or what the source has offered more than it took. */
double fluid_backlog(const struct fluid *fluid, uint32_t stage);
/* Room behind a stage: the least of its outputs; INFINITY where nothing follows it. */
double fluid_room(const struct fluid *fluid, uint32_t stage);
/* Whether all that was offered is through this stage. */
bool fluid_through(const struct fluid *fluid, uint32_t stage);

#endif

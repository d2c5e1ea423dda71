/*
 * The `sweep:` section: which points of the space of scenarios are run. Points are never all held: each is made from
 * its index when it is wanted.
 *
 * A sweep is the cross product of its axes, the last axis varying fastest. An axis is one path with its values
 * (`grid`), several paths that go together (`zip`), a list of points (`list`), or a design that fills a space of
 * ranges evenly (`latin_hypercube`, `sobol`).
 */
#ifndef HEADROOM_IO_SWEEP_H
#define HEADROOM_IO_SWEEP_H

#include "io/params.h"

#include <stdint.h>

/* Bounds: far above what a machine simulates in a week. */
enum { SWEEP_POINTS_MOST = 10000000, SWEEP_REPLICATIONS_MOST = 100000, SWEEP_RANGES_MOST = 40 };

struct sweep_axis;
struct sweep {
    uint64_t points;
    uint64_t replications; /* of each point, with other random draws */
    struct sweep_axis *axes;
    size_t axes_len;
};

extern const struct block sweep_block;

/* Reads the section into r->arena. seed: of the random part of a Latin hypercube. NULL: findings were added. */
struct sweep *sweep_read(struct reading *r, const struct yaml_node *node, uint64_t seed);

/* The assignments of point 0..points-1; their number. at: room for sweep_factors_most. Values stand where the sweep
 * gives them; they must be copied before they are changed. New nodes and texts go to the arena. Any number of threads
 * may ask. */
struct sweep_value {
    const char *path;
    const struct yaml_node *value;
};
size_t sweep_factors_most(const struct sweep *sweep);
size_t sweep_point(const struct sweep *sweep, uint64_t point, struct arena *arena, struct sweep_value *at);

/* The seed of a replication: the scenario's own for the first, 0; at most 15 digits, as `seed:` takes them. */
uint64_t sweep_seed(uint64_t seed, uint64_t replication);

#endif

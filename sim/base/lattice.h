/*
 * The cheapest point of a lattice that passes a test, found with few tests.
 *
 * A point is a vector of whole numbers, axis i from 0 to len[i] - 1, and has an index (the last axis runs fastest).
 * The caller is asked to test one point after the other:
 *
 *   struct lattice lattice = {.axes = 2, .len = {13, 9}, .helps = {true, true}, .grows = {true, true}};
 *   lattice_open(&lattice);
 *   for (size_t point; lattice_next(&lattice, &point);) lattice_tell(&lattice, point, passes(point), cost(point));
 *   if (lattice.best != LATTICE_NONE) ...
 *   lattice_close(&lattice);
 *
 * It relies on what it is told of the axes. helps: with all else equal, a point further along the axis passes where
 * one before it does. grows: of points that pass, one further along costs no less. What a point costs is never below
 * its floor. Where these hold, the answer is that of testing every point; an axis without either (unordered
 * alternatives) is searched value by value. What was told is kept, so that a contradiction can be found.
 */
#ifndef HEADROOM_BASE_LATTICE_H
#define HEADROOM_BASE_LATTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LATTICE_AXES_MOST = 8, LATTICE_POINTS_MOST = 1000000 };
#define LATTICE_NONE SIZE_MAX

enum lattice_state {
    LATTICE_OPEN,
    LATTICE_MUST_FAIL, /* below one that failed */
    LATTICE_MUST_PASS, /* above one that passed */
    LATTICE_FAILED,    /* tested */
    LATTICE_PASSED
};

struct lattice {
    size_t axes;
    uint32_t len[LATTICE_AXES_MOST];                         /* each at least 1 */
    bool helps[LATTICE_AXES_MOST], grows[LATTICE_AXES_MOST];
    bool minima; /* wanted are all points that pass while none below them does; costs and floors are not looked at */
    /* Its own from here on; read by anyone. */
    size_t points;
    size_t stride[LATTICE_AXES_MOST];
    unsigned char *state; /* enum lattice_state */
    double *floor, *cost; /* cost: of points that passed */
    size_t best;          /* the cheapest tested that passed (of equals the first told); LATTICE_NONE */
    size_t tests;
    uint32_t *below, *above; /* scratch */
};

/* No point has a floor yet; who knows some writes them before the first lattice_next. */
void lattice_open(struct lattice *lattice);
void lattice_close(struct lattice *lattice);

/* The point to test next; false when nothing is left that could change the answer. */
bool lattice_next(struct lattice *lattice, size_t *point);
/* The point costs as much, whether it passes or not: it is not asked for while that is not below the best. */
void lattice_raise(struct lattice *lattice, size_t point, double cost);
/* cost: of a point that passed. A point may be told without having been asked for. */
void lattice_tell(struct lattice *lattice, size_t point, bool passed, double cost);

/* A point's coordinate along an axis, and the index of a point given by its coordinates. */
uint32_t lattice_at(const struct lattice *lattice, size_t point, size_t axis);
size_t lattice_index(const struct lattice *lattice, const uint32_t *at);
/* Whether b can only pass if a does not fail: b is a, or further along helping axes, and equal on the others. */
bool lattice_covers(const struct lattice *lattice, size_t b, size_t a);

/* Two tested points, the lower of which passed while the upper failed: "more helps" does not hold. false: none. */
bool lattice_contradiction(const struct lattice *lattice, size_t *passed, size_t *failed);

#endif

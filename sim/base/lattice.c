/*
 * The cheapest point that passes (see lattice.h): branch and bound over a partially ordered set.
 *
 * A candidate is a point that was not tested, is not known to fail, and whose floor lies below the cost of the best
 * one. A test that fails rules out every point below (in the order of the axes that help); one that passes says that
 * every point above passes too, raises the floor of those above (in the order of the axes that grow) to its cost,
 * and may lower the best cost, which rules out all whose floor is not below it. When no candidate is left, no
 * untested point can be better: it fails, or its cost is at least its floor, which is at least the best.
 *
 * Any order of tests ends at the same cost; a good one ends soon. The point tested next is the one that rules out
 * most in its worse outcome, the bisection of a partial order: along a single axis it is bisection. A pass counts
 * PASS_WEIGHT times what stands above it, since it lowers the best cost too. How many candidates lie below and above
 * every point are d-dimensional prefix sums.
 *
 * Invariant: floor never falls; state only goes from OPEN to MUST_*, and from any of them to FAILED or PASSED.
 * Cost: O(points x axes) a test, which is nothing beside a simulation.
 */
#include "base/lattice.h"

#include "base/err.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

uint32_t lattice_at(const struct lattice *lattice, size_t point, size_t axis) {
    return (uint32_t)(point / lattice->stride[axis] % lattice->len[axis]);
}

size_t lattice_index(const struct lattice *lattice, const uint32_t *at) {
    size_t point = 0;
    for (size_t a = 0; a < lattice->axes; a++) point += at[a] * lattice->stride[a];
    return point;
}

/* Whether b is a, or further along axes of the order, and equal on the others. */
static bool not_below(const struct lattice *l, const bool *order, size_t b, size_t a) {
    for (size_t i = 0; i < l->axes; i++) {
        const uint32_t x = lattice_at(l, a, i), y = lattice_at(l, b, i);
        if (order[i] ? y < x : y != x) return false;
    }
    return true;
}

bool lattice_covers(const struct lattice *lattice, size_t b, size_t a) {
    return not_below(lattice, lattice->helps, b, a);
}

void lattice_open(struct lattice *l) {
    require(l->axes <= LATTICE_AXES_MOST);
    l->points = 1;
    for (size_t i = l->axes; i-- > 0;) {
        require(l->len[i] >= 1 && l->points <= LATTICE_POINTS_MOST / l->len[i]);
        l->stride[i] = l->points;
        l->points *= l->len[i];
    }
    l->state = mem_zero(l->points, 1);
    l->floor = mem_alloc(l->points * sizeof *l->floor);
    l->cost = mem_alloc(l->points * sizeof *l->cost);
    l->below = mem_alloc(l->points * sizeof *l->below);
    l->above = mem_alloc(l->points * sizeof *l->above);
    for (size_t p = 0; p < l->points; p++) {
        l->floor[p] = -INFINITY;
        l->cost[p] = NAN;
    }
    l->best = LATTICE_NONE;
    l->tests = 0;
}

void lattice_close(struct lattice *l) {
    free(l->state);
    free(l->floor);
    free(l->cost);
    free(l->below);
    free(l->above);
    *l = (struct lattice){0};
}

static bool is_candidate(const struct lattice *l, size_t p) {
    if (l->minima) return l->state[p] == LATTICE_OPEN;
    return (l->state[p] == LATTICE_OPEN || l->state[p] == LATTICE_MUST_PASS) &&
           (l->best == LATTICE_NONE || l->floor[p] < l->cost[l->best]);
}

/* Sums counts along the axes of an order: afterwards counts[p] is the sum over all points not above p (up) or not
 * below p. Axis by axis, as an integral image is made. */
static void sum_along(const struct lattice *l, const bool *order, uint32_t *counts, bool up) {
    for (size_t i = 0; i < l->axes; i++) {
        if (!order[i]) continue;
        const size_t step = l->stride[i];
        for (size_t k = 0; k < l->points; k++) {
            const size_t p = up ? k : l->points - 1 - k;
            const uint32_t at = lattice_at(l, p, i);
            if (up ? at > 0 : at + 1 < l->len[i]) counts[p] += counts[up ? p - step : p + step];
        }
    }
}

bool lattice_next(struct lattice *l, size_t *point) {
    enum { PASS_WEIGHT = 2 };
    for (size_t p = 0; p < l->points; p++) {
        const bool candidate = is_candidate(l, p);
        l->below[p] = candidate && l->state[p] == LATTICE_OPEN;
        l->above[p] = candidate;
    }
    sum_along(l, l->helps, l->below, true);
    sum_along(l, l->minima ? l->helps : l->grows, l->above, false);
    uint64_t most = 0, lower = 0;
    *point = LATTICE_NONE;
    for (size_t p = 0; p < l->points; p++) {
        if (!is_candidate(l, p)) continue;
        const uint64_t passes = (uint64_t)PASS_WEIGHT * l->above[p];
        const uint64_t fails = l->state[p] == LATTICE_OPEN ? l->below[p] : passes; /* else it passes for sure */
        const uint64_t out = fails < passes ? fails : passes;
        const bool same = out == most && l->below[p] == lower;
        if (*point != LATTICE_NONE && !(out > most || (out == most && l->below[p] > lower) ||
                                        (same && l->floor[p] < l->floor[*point])))
            continue;
        most = out;
        lower = l->below[p];
        *point = p;
    }
    return *point != LATTICE_NONE;
}

static void rule_out_below(struct lattice *l, size_t point) {
    for (size_t p = 0; p <= point; p++)
        if (l->state[p] == LATTICE_OPEN && lattice_covers(l, point, p)) l->state[p] = LATTICE_MUST_FAIL;
}

static void raise_above(struct lattice *l, size_t point) {
    for (size_t p = point; p < l->points; p++) {
        if (l->state[p] == LATTICE_OPEN && lattice_covers(l, p, point)) l->state[p] = LATTICE_MUST_PASS;
        if (l->floor[p] < l->cost[point] && not_below(l, l->grows, p, point)) l->floor[p] = l->cost[point];
    }
}

void lattice_raise(struct lattice *l, size_t point, double cost) {
    if (cost > l->floor[point]) l->floor[point] = cost;
}

void lattice_tell(struct lattice *l, size_t point, bool passed, double cost) {
    require(point < l->points);
    l->tests++;
    l->state[point] = passed ? LATTICE_PASSED : LATTICE_FAILED;
    if (!passed) {
        rule_out_below(l, point);
        return;
    }
    l->cost[point] = cost;
    raise_above(l, point);
    if (l->best == LATTICE_NONE || cost < l->cost[l->best]) l->best = point;
}

bool lattice_contradiction(const struct lattice *l, size_t *passed, size_t *failed) {
    for (size_t f = 0; f < l->points; f++) {
        if (l->state[f] != LATTICE_FAILED) continue;
        for (size_t p = 0; p < f; p++) {
            if (l->state[p] != LATTICE_PASSED || !lattice_covers(l, f, p)) continue;
            *passed = p;
            *failed = f;
            return true;
        }
    }
    return false;
}

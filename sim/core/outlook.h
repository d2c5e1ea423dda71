/*
 * The outlook of a region: the signal that shifting goes by (carbon, price, or a weighted sum of both, x PUE),
 * as it is and as someone at a given moment believes it will be.
 *
 * A signal is a step function with prefix sums, so an integral over any span costs two look-ups whatever the
 * span, and is exact: two windows that hold the same values for the same times have the same sum to the last bit.
 * Evenly spaced series are indexed directly (O(1)), others searched (O(log n)). Least values come from a sparse
 * table over blocks of steps. Nothing depends on the length of the series beyond that. A forecast that wraps costs
 * three look-ups; the least believed value under an error costs one a step of the error in the window, and a walk
 * through the signal's steps where an error grows and its bound does not rule them out.
 *
 * A forecast, as someone at `issued_ns` sees time t > issued_ns, is
 *     base(t - k wrap) + error(t) x min(t - issued, grows) / grows,     k = the fewest whole wraps, at least
 *                                                                       0, with t - k wrap < issued + wrap
 * (base is what the forecast model made of the past: for persistence base(t) = signal(t - 1 d), wrap = 1 d).
 * At and before issued_ns it is the signal. Perfect: base = signal, wrap = 0, no error.
 */
#ifndef HEADROOM_CORE_OUTLOOK_H
#define HEADROOM_CORE_OUTLOOK_H

#include "base/mem.h"
#include "core/setup.h"

#include <stdint.h>

/* A step function prepared for questions. */
struct signal;
struct signal *signal_open(struct arena *arena, const struct steps *steps);
double signal_value(const struct signal *signal, int64_t t_ns);
/* Integral of the value over [from, to), value x s; negative when to < from. */
double signal_sum(const struct signal *signal, int64_t from_ns, int64_t to_ns);
/* The first change of value after t; TICK_NEVER when there is none. */
int64_t signal_change(const struct signal *signal, int64_t t_ns);
/* The first moment of the least value in [from, to] (both included). */
int64_t signal_lowest(const struct signal *signal, int64_t from_ns, int64_t to_ns);
/* Time average over one period (or over the steps, when it does not repeat). */
double signal_average(const struct signal *signal);

/* What a KIND_FORECAST model makes of a signal; steps belong to the arena it was given. */
struct forecast {
    struct steps base;
    int64_t wrap_ns;     /* 0: base reaches any lead */
    struct steps error;  /* len 0: none; in the signal's unit, at its full size */
    int64_t grows_ns;    /* lead at which the error has its full size; 0: at once */
};

struct outlook {
    const struct signal *truth, *base, *error; /* base may be truth itself; error NULL: none */
    const struct moments *error_t;             /* sums of error(t) x t, for integrals of a growing error */
    int64_t wrap_ns, grows_ns;
    int64_t utc_offset_ns;
};
/* forecast NULL: perfect. Both inputs must outlive the outlook. */
void outlook_open(struct outlook *outlook, struct arena *arena, const struct steps *truth,
                  const struct forecast *forecast, int64_t utc_offset_ns);
/* What is believed at issued_ns: value at t, integral (value x s) over [from, to), the next moment after t at which
 * the belief changes, the first moment of the least believed value in [from, to]. While an error grows the belief
 * changes all the time: the moments are then those between which it is a straight line. */
double outlook_value(const struct outlook *outlook, int64_t issued_ns, int64_t t_ns);
double outlook_sum(const struct outlook *outlook, int64_t issued_ns, int64_t from_ns, int64_t to_ns);
int64_t outlook_change(const struct outlook *outlook, int64_t issued_ns, int64_t t_ns);
int64_t outlook_lowest(const struct outlook *outlook, int64_t issued_ns, int64_t from_ns, int64_t to_ns);

/* Sum of two step functions a x + b y, and product, as new steps over one common period (or none) in the arena.
 * One value alone takes the other's period. Exact from the later of the two first steps on, before which the value
 * there holds (two that do not repeat: exact everywhere).
 * Periods that do not divide each other: the common one when it has at most 2^24 steps, else the longer one's
 * span is repeated and *approximate set; so is the span of one that does not repeat beside one that does, in whole
 * periods of the other. *approximate is also set where two that repeat do not both begin by time 0. */
struct steps steps_combine(struct arena *arena, const struct steps *x, double a, const struct steps *y, double b,
                           bool *approximate);
struct steps steps_product(struct arena *arena, const struct steps *x, const struct steps *y, bool *approximate);
/* The same function, delay_ns later. One that repeats is taken to have always done so: the result's first step is
 * at or before 0. The values are shared. */
struct steps steps_delayed(struct arena *arena, const struct steps *x, int64_t delay_ns);

#endif

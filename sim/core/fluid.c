/*
 * Rates of a network of stages by relaxation; see fluid.h. All bounds have the form "a goes no faster than b", so
 * starting from the capacities and lowering whoever is above a bound, until nobody is, gives the greatest solution.
 *
 * A buffer counts as empty or full within rounding: a part in 1e9 of its room, and of the sums it is the difference of
 * what doubles resolve. A moment is at least so far away that the sums move, so the steps never come to a stand.
 */
#include "core/fluid.h"

#include <math.h>

static double slack(double room, double sum) { return 1e-9 * (isfinite(room) ? room : 1) + 1e-14 * sum; }

static double level(const struct fluid *f, const struct fluid_edge *e) {
    return f->stages[e->from].done - f->stages[e->to].done;
}
static double waiting(const struct fluid *f, const struct fluid_stage *s) { return f->offered - s->done; }

static bool is_empty(const struct fluid *f, const struct fluid_edge *e) {
    return level(f, e) <= slack(e->room, f->stages[e->from].done);
}
static bool is_full(const struct fluid *f, const struct fluid_edge *e) {
    return e->room - level(f, e) <= slack(e->room, f->stages[e->from].done);
}
static bool is_dry(const struct fluid *f, const struct fluid_stage *s) {
    return waiting(f, s) <= slack(1, f->offered);
}

/* The stage goes no faster than this; true when it was faster. */
static bool lower(struct fluid_stage *s, double rate, enum fluid_wait wait) {
    if (s->rate <= rate) return false;
    s->rate = rate;
    s->wait = wait;
    return true;
}

void fluid_solve(struct fluid *f) {
    for (size_t i = 0; i < f->stages_len; i++) {
        struct fluid_stage *s = &f->stages[i];
        s->rate = s->capacity;
        s->wait = FLUID_WORKS;
        if (s->first && is_dry(f, s)) lower(s, f->offer_rate, FLUID_STARVED);
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < f->edges_len; i++) {
            const struct fluid_edge *e = &f->edges[i];
            struct fluid_stage *from = &f->stages[e->from], *to = &f->stages[e->to];
            if (is_empty(f, e)) changed |= lower(to, from->rate, FLUID_STARVED);
            if (is_full(f, e)) changed |= lower(from, to->rate, FLUID_BLOCKED);
        }
    }
}

/* Rounding the moment up to a tick went beyond it by next to nothing, which is taken back. */
static void clamp(struct fluid *f) {
    for (size_t i = 0; i < f->stages_len; i++)
        if (f->stages[i].first && f->stages[i].done > f->offered) f->stages[i].done = f->offered;
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < f->edges_len; i++) {
            const struct fluid_edge *e = &f->edges[i];
            struct fluid_stage *from = &f->stages[e->from], *to = &f->stages[e->to];
            if (to->done > from->done) to->done = from->done, changed = true;
            if (from->done > to->done + e->room) from->done = to->done + e->room, changed = true;
        }
    }
}

void fluid_advance(struct fluid *f, double s) {
    f->offered += f->offer_rate * s;
    for (size_t i = 0; i < f->stages_len; i++) f->stages[i].done += f->stages[i].rate * s;
    clamp(f);
}

double fluid_next_s(const struct fluid *f) {
    double next_s = INFINITY;
    for (size_t i = 0; i < f->stages_len; i++) {
        const struct fluid_stage *s = &f->stages[i];
        if (s->first && s->rate > f->offer_rate && !is_dry(f, s))
            next_s = fmin(next_s, waiting(f, s) / (s->rate - f->offer_rate));
    }
    for (size_t i = 0; i < f->edges_len; i++) {
        const struct fluid_edge *e = &f->edges[i];
        const double grows = f->stages[e->from].rate - f->stages[e->to].rate;
        if (grows > 0 && !is_full(f, e)) next_s = fmin(next_s, (e->room - level(f, e)) / grows);
        if (grows < 0 && !is_empty(f, e)) next_s = fmin(next_s, level(f, e) / -grows);
    }
    return next_s;
}

double fluid_backlog(const struct fluid *f, uint32_t stage) {
    if (f->stages[stage].first) return waiting(f, &f->stages[stage]);
    double least = INFINITY;
    for (size_t i = 0; i < f->edges_len; i++)
        if (f->edges[i].to == stage) least = fmin(least, level(f, &f->edges[i]));
    return least;
}

double fluid_room(const struct fluid *f, uint32_t stage) {
    double least = INFINITY;
    for (size_t i = 0; i < f->edges_len; i++)
        if (f->edges[i].from == stage) least = fmin(least, f->edges[i].room - level(f, &f->edges[i]));
    return least;
}

bool fluid_through(const struct fluid *f, uint32_t stage) {
    return is_dry(f, &f->stages[stage]);
}

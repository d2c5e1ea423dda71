/*
 * The search behind `headroom size`: which of the fleets a scenario's `size:` block spans keep its targets, and which
 * of those has least of what is to be least.
 */
#ifndef HEADROOM_APP_SEARCH_H
#define HEADROOM_APP_SEARCH_H

#include "app/trial.h"
#include "base/lattice.h"

enum tested {
    TESTED_HOLDS,
    TESTED_FAILS,
    TESTED_UNDECIDED,  /* with the most replications; counts as not holding */
    TESTED_IMPOSSIBLE, /* it cannot be built */
    TESTED_DEARER      /* left undecided, since it costs more than the best */
};
extern const char *const tested_names[]; /* "holds", "fails", ... */

/* A fleet that was tried. */
struct fleet_test {
    size_t point;              /* of the lattice */
    enum tested tested;
    struct trial base, *cases; /* a trial each of the scenario's cases; those not begun have no replications */
    struct verdict_of *verdicts; /* of the targets in the base */
    struct verdict_of *case_verdicts; /* [case * targets + target] */
    double objective[SIZING_OBJECTIVES], half[SIZING_OBJECTIVES]; /* mean over the first replications; its interval */
    double energy_usd, hours;
};

struct search {
    const struct sizing *sizing;
    struct trials *trials;
    struct lattice lattice;   /* of the objective looked at last */
    struct {
        struct fleet_test **at; /* in the order they were tried */
        size_t len, cap;
    } tests;
    const struct fleet_test *best[SIZING_OBJECTIVES]; /* by each; NULL: none holds, or not looked for */
    bool contradicted;        /* a larger fleet failed where a smaller one held: */
    const struct fleet_test *smaller, *larger;
    const struct sizing_target *worse; /* a larger fleet is surely worse by this target than a smaller one; NULL */
    bool cheaper_above;       /* a larger fleet cost less than a smaller one that the search took for cheaper */
};

/* Tries the corners of the choice without running them: all mistakes of paths, cases and names show here. */
bool search_open(struct search *search, struct trials *trials, const struct sizing *sizing, struct err *err);
/* Looks for the best. false: findings in err. */
bool search_run(struct search *search, struct err *err);
/* All fleets that hold while none smaller does, whatever they cost. Between the two calls the lattice may be told what
 * is known of fleets. */
bool search_minima_begin(struct search *search, struct err *err);
bool search_minima(struct search *search, struct err *err);
void search_close(struct search *search);

/* The fleet's test, NULL when it was not tried. */
const struct fleet_test *search_test(const struct search *search, size_t point);
/* Fleets that hold, cheapest by the objective first; free(). */
const struct fleet_test **search_holding(const struct search *search, enum sizing_objective by, size_t *len);
/* Why a fleet one step below `point` along an axis is no answer: a test that failed and covers it; NULL: none. */
const struct fleet_test *search_below(const struct search *search, size_t point, size_t axis);
/* What an axis is called: "h100" for pools.h100.nodes; free(). */
char *search_label(const struct sizing_axis *axis);
/* "h100 4, spot 2"; free(). */
char *search_name(const struct search *search, size_t point);

#endif

/*
 * What `headroom recommend` answers: the best of a space by six measures within a floor and a guardrail, the
 * candidates of each simulated, and how flat the cost is around them.
 */
#ifndef HEADROOM_APP_ANSWERS_H
#define HEADROOM_APP_ANSWERS_H

#include "app/confirm.h"
#include "app/space.h"

/* The three answers, then the best by energy, by carbon, and by weights. */
enum answer { ANSWER_COST, ANSWER_PERFORMANCE, ANSWER_VALUE, ANSWER_ENERGY, ANSWER_CARBON, ANSWER_WEIGHTED, ANSWERS };
extern const char *const answer_names[ANSWERS];

struct answers {
    const struct space *space;
    double floor_s, guard_usd;               /* limits in force */
    struct choice_best cheapest, fastest;    /* of all, without limits */
    struct choice_best best[ANSWERS];
    struct choice_counts counts;             /* of all searches together */
    size_t searches;
    struct choice_survey survey;             /* within the floor */
    struct confirm_case *cases;              /* the distinct candidates */
    size_t cases_len;
    size_t chosen[ANSWERS];                  /* of cases; SIZE_MAX: there is none */
    bool held[ANSWERS];                      /* the simulation keeps the limits too */
};
/* Everything but the simulation. false: nothing keeps floor and guardrail, and `best` is empty. */
bool answers_find(struct answers *answers, struct space *space, size_t threads);
/* Simulates the candidates and chooses of each answer's the best that holds, by its simulated figures; the first
 * where none does. Without it the first of each is chosen. */
void answers_confirm(struct answers *answers, const struct confirm *confirm, struct err *err);
void answers_free(struct answers *answers);

/* Largest over least cost of the three answers, less 1. */
double answers_spread(const struct answers *answers);
/* The outcome of a chosen answer by arithmetic. */
struct choice_outcome answers_outcome(const struct answers *answers, enum answer answer);

#endif

/*
 * The space of configurations that a scenario's `recommend:` section spans, made of the same models the simulator runs
 * with, and its search on threads.
 */
#ifndef HEADROOM_APP_SPACE_H
#define HEADROOM_APP_SPACE_H

#include "core/choice.h"
#include "core/steady.h"
#include "io/recommend.h"
#include "io/scenario.h"

/* Why a row is none: the model does not run there (memory, precision, unknown chip), the service levels cannot be kept,
 * it would be faster than FLOPs over peak. */
enum space_refusal { SPACE_NO_SPEED, SPACE_LEVELS, SPACE_TOO_FAST, SPACE_REFUSALS };
struct space {
    struct arena arena;
    struct choice_space choice;
    const struct recommend_setup *setup;
    const struct setup *regions;            /* whose regions offers stand in */
    uint64_t configurations;                /* that can be; and configurations that were refused, by reason: */
    uint64_t refused[SPACE_REFUSALS];
    struct steady_mix mix;                  /* of a service */
    double units;                           /* that figures are shown per, in all; of a service: Mtok a day */
};
/* requests, seconds: of a service, what comes and in which time. false: findings (nothing can run at all). */
bool space_open(struct space *space, const struct scenario_run *run, const struct requests *requests, double seconds,
                const char *file, struct err *err);
void space_close(struct space *space);
/* Steady state of a service's row. */
struct steady space_steady(const struct space *space, const struct choice_row *row);

/* The best of each goal over the whole space, the same for any number of threads. best: `most` set, else empty. */
void space_search(const struct choice_space *choice, const struct choice_goal *goals, size_t goals_len, size_t threads,
                  struct choice_best *best, struct choice_counts *counts);
/* The whole survey; arrays of offers_len and `variants` are made with malloc. */
void space_survey(const struct choice_space *choice, const struct choice_goal *limits, double best_usd, size_t variants,
                  size_t threads, struct choice_survey *survey);

#endif

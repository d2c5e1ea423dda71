/*
 * See answers.h. Limits build on each other, so they are found one after the other: the fastest of all gives a floor
 * that is a share of it, the cheapest within the floor a guardrail that is a multiple of it, and within both stand the
 * other answers; weights need the least of each of their figures.
 *
 * An answer's candidates are the best configurations of as many rows. Simulated, one holds when its time and cost are
 * within the limits by no more than twice their standard error, and a service's levels are kept by the share of its
 * requests that must. Of those that hold, the least by simulated figures is the answer.
 */
#include "app/answers.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

const char *const answer_names[ANSWERS] = {"cost", "performance", "value", "energy", "carbon", "weighted"};
static const enum choice_measure measures[ANSWERS] = {CHOICE_USD,    CHOICE_TIME,   CHOICE_VALUE,
                                                      CHOICE_ENERGY, CHOICE_CARBON, CHOICE_WEIGHTED};

/* ---- finding ---- */

static void search(struct answers *a, const struct choice_goal *goals, size_t len, size_t threads,
                   struct choice_best *best) {
    for (size_t i = 0; i < len; i++) best[i] = (struct choice_best){.most = CHOICE_KEPT_MOST};
    space_search(&a->space->choice, goals, len, threads, best, &a->counts);
    a->searches++;
}

/* Rows that come to the same (more seats than are ever taken, say) are one candidate; the first `most` are kept. */
static void thin(struct choice_best *best, size_t most) {
    size_t len = 0;
    for (size_t i = 0; i < best->len && len < most; i++) {
        const struct choice_kept *k = &best->at[i], *last = len > 0 ? &best->at[len - 1] : NULL;
        if (last && k->value == last->value && k->usd == last->usd && k->time_s == last->time_s) continue;
        best->at[len++] = *k;
    }
    best->len = len;
}

bool answers_find(struct answers *a, struct space *space, size_t threads) {
    const struct recommend_setup *setup = space->setup;
    *a = (struct answers){.space = space};
    for (size_t i = 0; i < ANSWERS; i++) a->chosen[i] = SIZE_MAX;
    const struct choice_goal all[2] = {{CHOICE_USD, INFINITY, INFINITY}, {CHOICE_TIME, INFINITY, INFINITY}};
    struct choice_best ends[2];
    search(a, all, 2, threads, ends);
    a->cheapest = ends[0];
    a->fastest = ends[1];
    if (!a->fastest.len) return false;
    a->floor_s = setup->limits.time_s > 0  ? setup->limits.time_s
                 : setup->limits.share > 0 ? a->fastest.at[0].value / setup->limits.share
                                           : INFINITY;
    const struct choice_goal cost = {CHOICE_USD, a->floor_s, setup->limits.usd > 0 ? setup->limits.usd : INFINITY};
    search(a, &cost, 1, threads, &a->best[ANSWER_COST]);
    if (!a->best[ANSWER_COST].len) return false;
    const double least_usd = a->best[ANSWER_COST].at[0].value;
    a->guard_usd = setup->limits.usd > 0 ? setup->limits.usd
                   : least_usd > 0       ? least_usd * setup->limits.factor
                                         : least_usd / setup->limits.factor;
    struct choice_goal goals[ANSWERS];
    for (size_t i = 0; i < ANSWERS; i++) goals[i] = (struct choice_goal){measures[i], a->floor_s, a->guard_usd};
    search(a, &goals[ANSWER_PERFORMANCE], ANSWER_WEIGHTED - ANSWER_PERFORMANCE, threads, &a->best[ANSWER_PERFORMANCE]);
    struct choice_space *c = &space->choice;
    c->weight_usd = setup->weight_usd;
    c->weight_j = setup->weight_energy;
    c->weight_g = setup->weight_carbon;
    c->scale_usd = least_usd != 0 ? fabs(least_usd) : 1;
    c->scale_j = a->best[ANSWER_ENERGY].at[0].value > 0 ? a->best[ANSWER_ENERGY].at[0].value : 1;
    c->scale_g = a->best[ANSWER_CARBON].at[0].value > 0 ? a->best[ANSWER_CARBON].at[0].value : 1;
    search(a, &goals[ANSWER_WEIGHTED], 1, threads, &a->best[ANSWER_WEIGHTED]);
    const struct choice_goal within_floor = {CHOICE_USD, a->floor_s, INFINITY};
    for (size_t i = 0; i < ANSWERS; i++) thin(&a->best[i], setup->kept);
    space_survey(c, &within_floor, least_usd, setup->variants_len, threads, &a->survey);
    return true;
}

/* ---- confirming ---- */

static size_t case_of(struct answers *a, const struct choice_config *config) {
    for (size_t i = 0; i < a->cases_len; i++)
        if (a->cases[i].config.id == config->id) return i;
    struct confirm_case *c = &a->cases[a->cases_len];
    *c = (struct confirm_case){.config = *config, .name = confirm_name(a->space, config)};
    require(choice_outcome(&a->space->choice, config, &c->expected));
    return a->cases_len++;
}

static bool below(struct confirm_figure figure, double most) {
    return figure.mean <= most + 2 * figure.error + 1e-6 * fabs(most);
}

/* The cost answer is not bound by the guardrail: nothing that keeps the floor is cheaper. */
static bool holds(const struct answers *a, const struct confirm_case *c) {
    const struct recommend_setup *setup = a->space->setup;
    if (!c->done) return false;
    if (setup->kind == RECOMMEND_SERVICE && c->met < setup->share) return false;
    return below(c->time_s, a->floor_s) && below(c->usd, a->guard_usd);
}

static double simulated(const struct answers *a, enum answer answer, const struct confirm_case *c) {
    const struct choice_outcome o = {.usd = c->usd.mean, .time_s = c->time_s.mean, .energy_j = c->energy_j.mean,
                                     .co2_g = c->co2_g.mean};
    return choice_measured(&a->space->choice, measures[answer], &o);
}

void answers_confirm(struct answers *a, const struct confirm *confirm, struct err *err) {
    a->cases = mem_zero((size_t)ANSWERS * CHOICE_KEPT_MOST, sizeof *a->cases);
    for (size_t i = 0; i < ANSWERS; i++)
        for (size_t k = 0; k < a->best[i].len && (confirm || k == 0); k++) {
            const size_t at = case_of(a, &a->best[i].at[k].config);
            if (k == 0) a->chosen[i] = at;
        }
    if (!confirm) return;
    confirm_cases(confirm, a->cases, a->cases_len, err);
    for (enum answer i = 0; i < ANSWERS; i++) {
        double least = INFINITY;
        for (size_t k = 0; k < a->best[i].len; k++) {
            const size_t at = case_of(a, &a->best[i].at[k].config);
            if (!holds(a, &a->cases[at]) || !(simulated(a, i, &a->cases[at]) < least)) continue;
            least = simulated(a, i, &a->cases[at]);
            a->chosen[i] = at;
            a->held[i] = true;
        }
    }
}

void answers_free(struct answers *a) {
    for (size_t i = 0; i < a->cases_len; i++) free((char *)a->cases[i].name);
    free(a->cases);
    free(a->survey.offer_usd);
    free(a->survey.variant_usd);
}

/* ---- what they say ---- */

struct choice_outcome answers_outcome(const struct answers *a, enum answer answer) {
    return a->cases[a->chosen[answer]].expected;
}

double answers_spread(const struct answers *a) {
    double least = INFINITY, most = -INFINITY;
    for (enum answer i = ANSWER_COST; i <= ANSWER_VALUE; i++) {
        least = fmin(least, answers_outcome(a, i).usd);
        most = fmax(most, answers_outcome(a, i).usd);
    }
    return most / least - 1;
}

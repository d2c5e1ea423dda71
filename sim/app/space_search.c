/*
 * The search of a space on threads (space.h). Rows are dealt in 16 rounds of pieces; all pieces of a round begin with
 * what the rounds before found, and are merged in their order. So a piece sees the same whatever the number of threads,
 * and so do the counts of what was ruled out. The first round is a sample of every 64th row, which gives the bounds
 * something to rule out against.
 *
 * Cost: a thread creation a round and thread.
 */
#include "app/space.h"

#include "base/mem.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 16, PIECES = 16, SAMPLE = 64 };

/* What threads share: pieces of one round, and what is done with each. */
struct deal {
    void (*work)(void *context, size_t piece);
    void *context;
    atomic_size_t next;
};

static void *worker(void *context) {
    struct deal *deal = context;
    for (size_t piece; (piece = atomic_fetch_add(&deal->next, 1)) < PIECES;) deal->work(deal->context, piece);
    return NULL;
}

static void deal_out(size_t threads, void (*work)(void *context, size_t piece), void *context) {
    struct deal deal = {.work = work, .context = context};
    pthread_t others[PIECES];
    const size_t more = (threads < PIECES ? threads : PIECES) - 1;
    for (size_t i = 0; i < more; i++) {
        const int error = pthread_create(&others[i], NULL, worker, &deal);
        if (error != 0) die("cannot start a thread: %s", strerror(error));
    }
    worker(&deal);
    for (size_t i = 0; i < more; i++) pthread_join(others[i], NULL);
}

/* ---- the best ---- */

struct round {
    const struct choice_space *choice;
    const struct choice_goal *goals;
    size_t goals_len, from, to; /* rows of this round; step > 1: only each step-th of them */
    size_t step;
    struct choice_best best[PIECES][CHOICE_GOALS_MOST];
    struct choice_counts counts[PIECES];
};

static void search_piece(void *context, size_t piece) {
    struct round *r = context;
    const size_t rows = r->to - r->from, from = r->from + rows * piece / PIECES;
    const size_t to = r->from + rows * (piece + 1) / PIECES;
    if (r->step == 1) {
        choice_scan(r->choice, r->goals, r->goals_len, from, to, true, r->best[piece], &r->counts[piece]);
        return;
    }
    for (size_t row = (from + r->step - 1) / r->step * r->step; row < to; row += r->step)
        choice_scan(r->choice, r->goals, r->goals_len, row, row + 1, true, r->best[piece], &r->counts[piece]);
}

void space_search(const struct choice_space *choice, const struct choice_goal *goals, size_t goals_len, size_t threads,
                  struct choice_best *best, struct choice_counts *counts) {
    require(goals_len <= CHOICE_GOALS_MOST);
    struct round *r = mem_zero(1, sizeof *r);
    for (size_t round = 0; round <= ROUNDS; round++) { /* round 0: the sample, which is not counted */
        *r = (struct round){.choice = choice, .goals = goals, .goals_len = goals_len, .step = round ? 1 : SAMPLE};
        r->from = round ? choice->rows_len * (round - 1) / ROUNDS : 0;
        r->to = round ? choice->rows_len * round / ROUNDS : choice->rows_len;
        for (size_t p = 0; p < PIECES; p++) memcpy(r->best[p], best, goals_len * sizeof *best);
        deal_out(threads, search_piece, r);
        for (size_t p = 0; p < PIECES; p++) {
            for (size_t g = 0; g < goals_len; g++) choice_merge(&best[g], &r->best[p][g]);
            if (round == 0) continue;
            counts->ruled_out += r->counts[p].ruled_out;
            counts->looked_at += r->counts[p].looked_at;
        }
    }
    free(r);
}

/* ---- the survey ---- */

struct look {
    const struct choice_space *choice;
    const struct choice_goal *limits;
    double best_usd;
    struct choice_survey pieces[PIECES];
};

static void survey_piece(void *context, size_t piece) {
    struct look *look = context;
    const size_t rows = look->choice->rows_len;
    choice_look_around(look->choice, look->limits, look->best_usd, rows * piece / PIECES, rows * (piece + 1) / PIECES,
                       &look->pieces[piece]);
}

static double *none(size_t len) {
    double *values = mem_alloc(len * sizeof *values);
    for (size_t i = 0; i < len; i++) values[i] = INFINITY;
    return values;
}

void space_survey(const struct choice_space *choice, const struct choice_goal *limits, double best_usd, size_t variants,
                  size_t threads, struct choice_survey *survey) {
    struct look look = {.choice = choice, .limits = limits, .best_usd = best_usd};
    *survey = (struct choice_survey){.offer_usd = none(choice->offers_len), .variant_usd = none(variants)};
    for (size_t p = 0; p < PIECES; p++)
        look.pieces[p] = (struct choice_survey){.offer_usd = none(choice->offers_len), .variant_usd = none(variants)};
    deal_out(threads, survey_piece, &look);
    for (size_t p = 0; p < PIECES; p++) {
        struct choice_survey *piece = &look.pieces[p];
        for (size_t i = 0; i < choice->offers_len; i++)
            survey->offer_usd[i] = fmin(survey->offer_usd[i], piece->offer_usd[i]);
        for (size_t i = 0; i < variants; i++)
            survey->variant_usd[i] = fmin(survey->variant_usd[i], piece->variant_usd[i]);
        for (size_t i = 0; i < CHOICE_NEAR; i++) survey->near[i] += piece->near[i];
        free(piece->offer_usd);
        free(piece->variant_usd);
    }
}

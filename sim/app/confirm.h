/*
 * Configurations of a space, simulated: each becomes a setup of one pool and the workload's jobs or service, which the
 * engine runs, once where nothing is random, else several times with seeds of their own.
 */
#ifndef HEADROOM_APP_CONFIRM_H
#define HEADROOM_APP_CONFIRM_H

#include "app/progress.h"
#include "app/space.h"
#include "io/store.h"

/* Means over its runs, and their standard errors (0 for one run). */
struct confirm_figure {
    double mean, error;
};
struct confirm_case {
    struct choice_config config;
    struct choice_outcome expected;
    const char *name;                        /* what the database calls its runs */
    /* By confirm: */
    struct confirm_figure usd, time_s, energy_j, co2_g;
    double met, ttft_high_s, tpot_high_s;    /* of a service: share of requests within its levels; quantiles of it */
    double tokens_per_s;
    size_t runs, refused;                    /* refused: runs the engine would not make */
    bool done;                               /* false: not simulated (too many items) */
};
/* What all cases share. */
struct confirm {
    const struct space *space;
    const struct scenario *scenario;
    const struct scenario_run *run;
    const struct requests *requests;         /* of a service */
    uint64_t requests_hash;
    struct store *store;                     /* NULL: nothing is kept */
    const char *command;
    size_t replications, threads;            /* replications: of what is random */
    struct progress *progress;
};
void confirm_cases(const struct confirm *confirm, struct confirm_case *cases, size_t len, struct err *err);

/* "h100/us-texas/spot", and "16 x h100/us-texas/spot, tensor 4, bf16, cap 0.8"; free(). */
const char *confirm_offer(const struct space *space, const struct choice_config *config);
char *confirm_name(const struct space *space, const struct choice_config *config);

#endif

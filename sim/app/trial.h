/*
 * Fleets under trial: a scenario with some of its values set, in one of its cases, run again and again with another
 * seed each time. Demand is read or drawn once a seed and shared by all fleets that have the same, so that they are
 * compared under the same arrivals; every run is kept in the database.
 */
#ifndef HEADROOM_APP_TRIAL_H
#define HEADROOM_APP_TRIAL_H

#include "app/progress.h"
#include "io/scenario.h"
#include "io/sizing.h"
#include "io/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trial_demand;
struct trials {
    const struct scenario *scenario;
    const char *command;       /* as it was called */
    struct store *store;       /* NULL until runs may be kept */
    struct progress *progress; /* NULL: none */
    uint64_t threads;          /* 0: one a processor */
    size_t runs;               /* so far */
    uint64_t fleets;           /* numbers given to fleets so far */
    struct {
        struct trial_demand **at;
        size_t len, cap;
    } demands;
};
void trials_close(struct trials *trials);

struct trial {
    struct scenario_run *run; /* NULL: it cannot be built, see why */
    const struct sizing_case *in; /* NULL: as the scenario has it */
    uint64_t number;          /* of the fleet, from 1 */
    char *why;                /* what was found when it was read */
    size_t done, cap;         /* replications */
    double *targets;          /* [target + targets_len * replication], in their metrics' units */
    double *objectives;       /* [objective + SIZING_OBJECTIVES * replication] */
    double *energy_usd;       /* [replication] */
    double *hours;            /* [replication]: of the measured window */
};

/* Reads the fleet in the case. false: findings in err, and in trial->why; then it may only be closed. */
bool trial_open(struct trials *trials, struct trial *trial, uint64_t number, const struct sweep_value *values,
                size_t len, const struct sizing_case *in, struct err *err);
void trial_close(struct trials *trials, struct trial *trial);

/* Whether its parts have the names that targets ask for and its models go together; draws the first seed's demand. */
bool trial_check(struct trials *trials, struct trial *trial, struct err *err);
/* Runs it until `wanted` replications are done. false: a run was refused, findings in err. */
bool trial_extend(struct trials *trials, struct trial *trial, size_t wanted, struct err *err);
/* Nodes of the fleet. */
uint64_t trial_nodes(const struct trial *trial);
/* The least hours that its first replications, `count` of them, will measure; 0 when findings were added. */
double trial_hours(struct trials *trials, struct trial *trial, size_t count, struct err *err);

#endif

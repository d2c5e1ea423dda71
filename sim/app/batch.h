/* The runs of a scenario that one command works on, each with its jobs; runs with the same demand share one
 * table. */
#ifndef HEADROOM_APP_BATCH_H
#define HEADROOM_APP_BATCH_H

#include "app/args.h"
#include "io/requests.h"
#include "io/scenario.h"
#include "io/store.h"

struct batch_run {
    const struct scenario_run *run;
    struct jobs *jobs;
    uint64_t jobs_hash;
    bool alone; /* no other run needs the jobs */
};
struct batch_requests {
    const struct service_demand *demand; /* the first that asked for them */
    uint64_t seed, index;
    struct requests requests;
    uint64_t hash;
    bool good; /* false: the file has mistakes, which were told */
};
struct batch {
    struct scenario scenario;
    struct batch_run *runs;
    size_t runs_len;
    struct jobs *demands; /* the distinct ones */
    size_t demands_len;
    struct batch_requests *requests; /* the distinct ones, of services */
    size_t requests_len;
};

/* Opens the scenario and reads the jobs of the runs named (all of them when names is empty). note: told what
 * is being read, may be NULL. false: findings in err. Close it either way. */
bool batch_open(struct batch *batch, const char *file, const struct args_texts *sets,
                const struct args_texts *names, void (*note)(void *context, const char *what), void *context,
                struct err *err);
void batch_close(struct batch *batch);

/* Indices of the runs named, in the scenario's order (all of them when names is empty); free(). NULL: a name is no
 * run's, findings in err. */
size_t *batch_choose(const struct scenario *scenario, const struct args_texts *names, size_t *len, struct err *err);

/* Reads the points first, first + step, ... of the scenario's sweep (from 0), with these runs, and finds what is wrong
 * with them, each mistake once. */
bool batch_check_points(const struct scenario *scenario, const size_t *runs, size_t runs_len, uint64_t first,
                        uint64_t step, struct err *err);

/* Whether two runs have the same jobs, and two services the same requests. seed: of the service's run; index: the
 * service's among those of its run. */
bool batch_same_demand(const struct scenario_run *a, const struct scenario_run *b);
bool batch_same_requests(const struct service_demand *a, uint64_t seed_a, uint64_t index_a,
                         const struct service_demand *b, uint64_t seed_b, uint64_t index_b);

/* A run as a task of a crew. */
struct crew_task;
void batch_task(const struct batch *batch, size_t run, struct crew_task *task);
/* Who a run is, for the database. command: as it was called. All texts are borrowed. */
struct run_info batch_info(const struct scenario *scenario, const struct batch_run *run, const char *command);

/* Whether every run's models and demand go together; findings in err. */
bool batch_check(const struct batch *batch, struct err *err);
/* Adds a run's findings to err, marked with the scenario's file and the run's name, and empties them. */
void batch_blame(const struct batch *batch, size_t run, struct err *findings, struct err *err);

#endif

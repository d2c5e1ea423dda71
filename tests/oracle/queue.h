/*
 * A queue of theory run by the simulator: c one-GPU nodes, Poisson arrivals of one-GPU jobs, fifo, no
 * backfill. Independent replications give the mean wait and its confidence interval; the first jobs of each,
 * while the queue still remembers that it began empty, are left out through measure_from.
 */
#ifndef HEADROOM_TESTS_ORACLE_QUEUE_H
#define HEADROOM_TESTS_ORACLE_QUEUE_H

#include "support/param.h"
#include "support/testing.h"

#include "base/stats.h"
#include "core/load.h"

#include <math.h>

enum { QUEUE_RUNS = 16 };

struct queue {
    uint32_t servers;
    double rho;               /* load a server */
    const char *durations;    /* of mean 1 h */
    void (*tune)(struct chosen durations);
    void (*servers_are)(struct pool_setup *pool, const void *context); /* more of the servers; may be NULL */
    const void *context;
    size_t warm, measured;    /* jobs a replication */
    uint64_t seed;
};

/* In service times (hours). */
struct queue_answer {
    double wait, half_width;  /* of the 99 % interval */
    uint64_t jobs;
};

/* The numbers of the whole run; its pointers lead nowhere. */
static inline struct tally queue_tally(const struct queue *q, const struct load_setup *load, uint64_t seed) {
    struct setup setup;
    struct jobs jobs;
    testing_setup(&setup);
    setup.seed = seed;
    struct pool_setup *pool = testing_pool(&setup, "servers", q->servers, 1);
    if (q->servers_are) q->servers_are(pool, q->context);
    load_generate(load, seed, &jobs);
    setup.measure_from_ns = jobs.at[q->warm].submit_ns;
    struct result result;
    struct err err;
    err_init(&err);
    require(run_simulate(&setup, &jobs, &(struct run_options){.consume = &jobs}, &result, &err));
    const struct tally run = *testing_tally(&result, PART_RUN, NULL);
    require(run.finished >= q->measured && run.finished <= q->measured + 64); /* ties with the first */
    result_free(&result);
    err_free(&err);
    jobs_free(&jobs);
    testing_setup_free(&setup);
    return run;
}

static inline double queue_run(const struct queue *q, const struct load_setup *load, uint64_t seed) {
    return queue_tally(q, load, seed).wait_s.mean / 3600;
}

static inline struct load_class queue_class(struct arena *arena, const char *durations, double one[1]) {
    return (struct load_class){.name = "job", .weight = 1, .gpus = {one, 1}, .gpus_weight = {one, 1},
                               .durations = testing_model(arena, KIND_DURATIONS, durations),
                               .utilisation_mean = 1, .estimate_factor = 1};
}

static inline struct queue_answer queue_wait(const struct queue *q) {
    struct arena arena;
    arena_init(&arena);
    double one[] = {1};
    struct load_class class = queue_class(&arena, q->durations, one);
    struct load_setup load = {.jobs_most = q->warm + q->measured, .until_ns = TICK_NEVER,
                              .classes = &class, .classes_len = 1,
                              .arrivals = testing_model(&arena, KIND_ARRIVALS, "poisson")};
    testing_param(load.arrivals, "rate", q->rho * q->servers);
    q->tune(class.durations);
    double waits[QUEUE_RUNS];
    for (uint64_t i = 0; i < QUEUE_RUNS; i++) waits[i] = queue_run(q, &load, q->seed + i);
    arena_free(&arena);
    const struct stats_summary s = stats_summarise(waits, QUEUE_RUNS);
    return (struct queue_answer){.wait = s.mean, .half_width = stats_t_half_width(s.sd, s.count, 0.99),
                                 .jobs = QUEUE_RUNS * q->measured};
}

/* Jobs after which an M/M/c queue has forgotten its beginning: ten relaxation times
 * 1 / (c mu (1 - sqrt(rho))^2) (Cohen 1982), and a few service times. */
static inline size_t queue_warm(uint32_t servers, double rho) {
    return (size_t)(10 / pow(1 - sqrt(rho), 2) + 10 * servers);
}

#endif
